//! Looking at files for the host: one as it is now, or the names below a directory.

use std::path::Path;

use super::path_error;
use crate::base::{Digest, RelPath};
use crate::port::{Image, WorkspaceError};
use crate::workspace::content;
use crate::workspace::root::Root;
use crate::workspace::tree::{self, Node};

/// The file as it is now, if it has at most `max` bytes; `None` when there is none, or its directory does not exist.
pub fn image(root: &Root, path: &Path, max: u64) -> Result<Option<Image>, WorkspaceError> {
    let place = match root.place_through(path) {
        Ok(place) => place,
        Err(crate::workspace::root::PathRefusal::Io { error, .. }) if error.kind() == std::io::ErrorKind::NotFound => {
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
    Ok(Some(Image { digest: Digest::of(&bytes), bytes }))
}

/// The regular files below `dir` that are not ignored.
pub fn list(root: &Root, dir: &str, max: usize) -> Result<Vec<RelPath>, WorkspaceError> {
    let dir = Path::new(dir.trim_start_matches("./").trim_end_matches('/'));
    let real = root.directory(dir).map_err(path_error)?;
    let below = real.strip_prefix(root.path()).unwrap_or(Path::new(""));
    let tree = tree::list_below(root.path(), below);
    let files = tree.nodes.iter().filter(|(_, node)| matches!(node, Node::File(_)));
    let mut names: Vec<RelPath> = files.filter_map(|(path, _)| RelPath::from_path(path).ok()).collect();
    names.sort();
    names.truncate(max);
    Ok(names)
}
