//! Looking at files for the host: one as it is now, or the names below a directory.

use super::path_error;
use crate::base::{Digest, RelPath};
use crate::model::limits::PLAN_TEXT_BYTES_MAX;
use crate::model::{FileMode, Node, NodeKind};
use crate::port::{Image, WorkspaceError, is_plan_file};
use crate::workspace::content;
use crate::workspace::root::{PathRefusal, Root};
use crate::workspace::tree::{self, Rules};
use std::path::Path;

/// The file as it is now, if it has at most `max` bytes; `None` when there is none, or its directory does not exist.
pub fn image(root: &Root, path: &Path, max: u64) -> Result<Option<Image>, WorkspaceError> {
    let place = match root.place_through(path) {
        Ok(place) => place,
        Err(PathRefusal::Io { error, .. }) if error.kind() == std::io::ErrorKind::NotFound => {
            return Ok(None);
        }
        Err(refusal) => return Err(path_error(refusal)),
    };
    let Some((mut file, identity)) = place.open().map_err(path_error)? else { return Ok(None) };
    if identity.size > max {
        return Err(WorkspaceError::TooLarge { path: path.display().to_string(), bytes: identity.size, max });
    }
    let bytes = content::read(&mut file, max)
        .map_err(|source| WorkspaceError::Io { what: path.display().to_string(), source })?;
    let node = Node::file(FileMode::new(identity.mode));
    Ok(Some(Image { digest: Digest::of(&bytes), bytes, node }))
}

/// The text of a plan's file outside the workspace; not through a link.
pub fn plan_file(path: &Path) -> Option<String> {
    let meta = std::fs::symlink_metadata(path).ok().filter(|_| is_plan_file(path))?;
    let is_read = meta.is_file() && meta.len() <= PLAN_TEXT_BYTES_MAX as u64;
    if is_read { std::fs::read_to_string(path).ok() } else { None }
}

/// As [`image`], of exactly this path: a link is its target's text, a directory has no bytes.
pub fn node(root: &Root, path: &Path, max: u64) -> Result<Option<Image>, WorkspaceError> {
    let place = match root.place(path) {
        Ok(place) => place,
        Err(PathRefusal::Io { error, .. }) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(refusal) => return Err(path_error(refusal)),
    };
    if let Some((bytes, _)) = place.link().map_err(path_error)? {
        return Ok(Some(Image { digest: Digest::of(&bytes), bytes, node: Node { kind: NodeKind::Link, mode: None } }));
    }
    match place.standing() {
        Err(PathRefusal::Special { .. }) if place.is_directory() => {
            let mode = place.mode().map(FileMode::new);
            let node = Node { kind: NodeKind::Directory, mode };
            Ok(Some(Image { digest: Digest::of(b""), bytes: Vec::new(), node }))
        }
        Err(refusal) => Err(path_error(refusal)),
        Ok(_) => image(root, path, max),
    }
}

/// The regular files below `dir` that are not ignored.
pub fn list(root: &Root, rules: &Rules, dir: &str, max: usize) -> Result<Vec<RelPath>, WorkspaceError> {
    let dir = Path::new(dir.trim_start_matches("./").trim_end_matches('/'));
    let real = root.directory(dir).map_err(path_error)?;
    let below = real.strip_prefix(root.path()).unwrap_or(Path::new(""));
    let files = tree::files(root.path(), rules, below, max);
    let mut names: Vec<RelPath> = files.iter().filter_map(|path| RelPath::from_path(path).ok()).collect();
    names.sort();
    Ok(names)
}

/// The regular files that are ignored, version control excepted; links are not followed.
pub fn list_ignored(root: &Root, rules: &Rules, max: usize) -> Vec<RelPath> {
    let mut open = tree::ignored(root.path(), rules);
    let mut names = Vec::new();
    let mut seen = 0;
    while let Some(path) = open.pop() {
        seen += 1;
        if seen > max {
            break;
        }
        let Ok(meta) = std::fs::symlink_metadata(root.path().join(&path)) else { continue };
        if meta.is_file() {
            names.extend(RelPath::from_path(&path).ok());
        } else if meta.is_dir() {
            let entries = std::fs::read_dir(root.path().join(&path)).into_iter().flatten().flatten();
            open.extend(entries.take(max).map(|entry| path.join(entry.file_name())));
        }
    }
    names.sort();
    names
}
