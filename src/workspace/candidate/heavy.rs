//! Ignored files and directories in a candidate: dependencies and build products that tests need
//! and that are no content. A run in the candidate shall find them and shall not change yours.
//!
//! | name | what is done |
//! |---|---|
//! | `target` of a Rust project | copied (without incremental state), so that only the project itself is built again |
//! | `node_modules` | a directory of links to your packages; its caches are the candidate's own |
//! | a Python virtual environment, `.tox` | linked |
//! | anything else up to 32 MiB | copied |
//! | anything larger | left out |

use std::io;
use std::path::Path;

use super::fill::copy_file;
use super::{CandidateError, failed};
use crate::base::limits;
use crate::workspace::tree;

/// Caches of tools: never needed, often large.
const CACHES: &[&str] = &[
    "__pycache__",
    ".pytest_cache",
    ".mypy_cache",
    ".ruff_cache",
    ".cache",
    ".gradle",
    ".parcel-cache",
    ".turbo",
    ".next",
    "coverage",
];

/// Gives `root` what `source` ignores; tells what was done, in words.
pub fn provide(source: &Path, root: &Path) -> Result<Vec<String>, CandidateError> {
    let mut notes = Vec::new();
    let kept = tree::list(source);
    for path in tree::ignored(source, &kept) {
        let (from, to) = (source.join(&path), root.join(&path));
        if to.symlink_metadata().is_ok() || from.starts_with(root) || root.starts_with(&from) {
            continue;
        }
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let rust = name == "target" && from.join("CACHEDIR.TAG").exists();
        let done = match name {
            _ if CACHES.contains(&name) => Ok(None),
            "node_modules" => link_packages(&from, &to).map(|()| Some("its packages are linked to yours")),
            _ if name == ".tox" || from.join("pyvenv.cfg").exists() => {
                std::os::unix::fs::symlink(&from, &to).map(|()| Some("linked to yours"))
            }
            _ if rust => seed_target(&from, &to),
            _ => copy_small(&from, &to),
        };
        match done {
            Ok(Some(what)) => notes.push(format!("{}: {what}", path.display())),
            Ok(None) => {}
            Err(error) if error.kind() == io::ErrorKind::StorageFull => {
                return Err(failed("cannot copy", &from)(error));
            }
            Err(error) => notes.push(format!("{}: left out, {error}", path.display())),
        }
    }
    Ok(notes)
}

/// A directory whose entries link to the packages; hidden caches stay private by being absent.
/// Links that lead elsewhere in the project (packages of a monorepo) lead to the candidate's own.
fn link_packages(from: &Path, to: &Path) -> io::Result<()> {
    std::fs::create_dir(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let name = entry.file_name();
        let text = name.to_str().unwrap_or_default();
        let target = to.join(&name);
        if text.starts_with('.') && !matches!(text, ".bin" | ".pnpm" | ".package-lock.json" | ".modules.yaml") {
            continue;
        }
        match std::fs::read_link(entry.path()) {
            Ok(link) if link.is_relative() => std::os::unix::fs::symlink(link, target)?,
            // A scope holds packages of its own.
            Ok(_) | Err(_) if text.starts_with('@') => link_packages(&entry.path(), &target)?,
            Ok(_) | Err(_) => std::os::unix::fs::symlink(entry.path(), target)?,
        }
    }
    Ok(())
}

/// What of a target directory spares building dependencies again.
const SEEDED: &[&str] = &["deps", "build", ".fingerprint"];

fn seed_target(from: &Path, to: &Path) -> io::Result<Option<&'static str>> {
    let debug = from.join("debug");
    let mut bytes = 0u64;
    for part in SEEDED {
        match size(&debug.join(part), limits::CANDIDATE_SEED_BYTES_MAX, usize::MAX) {
            Some(part) => bytes = bytes.saturating_add(part),
            None => return Ok(Some("left out, too large to copy; dependencies are built anew")),
        }
    }
    if bytes == 0 || bytes > limits::CANDIDATE_SEED_BYTES_MAX {
        return Ok(Some("left out; dependencies are built anew"));
    }
    std::fs::create_dir_all(to.join("debug"))?;
    for name in ["CACHEDIR.TAG", ".rustc_info.json"] {
        if from.join(name).exists() {
            copy_file(&from.join(name), &to.join(name))?;
        }
    }
    for part in SEEDED {
        copy_tree(&debug.join(part), &to.join("debug").join(part))?;
    }
    Ok(Some("copied, so that only the project itself is built again"))
}

fn copy_small(from: &Path, to: &Path) -> io::Result<Option<&'static str>> {
    match size(from, limits::CANDIDATE_IGNORED_BYTES_MAX, limits::CANDIDATE_IGNORED_FILES_MAX) {
        Some(_) => copy_tree(from, to).map(|()| None),
        None => Ok(Some("left out, too large to copy")),
    }
}

/// Bytes below a path; `None` beyond a bound.
pub fn size(path: &Path, bytes_max: u64, files_max: usize) -> Option<u64> {
    let mut bytes = 0u64;
    let walk = ignore::WalkBuilder::new(path).standard_filters(false).follow_links(false).build();
    for (count, entry) in walk.flatten().enumerate() {
        if let Ok(about) = entry.metadata()
            && about.is_file()
        {
            bytes = bytes.saturating_add(about.len());
        }
        if bytes > bytes_max || count > files_max {
            return None;
        }
    }
    Some(bytes)
}

/// Copies a tree; links stay links, special files are passed over.
pub fn copy_tree(from: &Path, to: &Path) -> io::Result<()> {
    for entry in ignore::WalkBuilder::new(from).standard_filters(false).follow_links(false).build().flatten() {
        let Ok(below) = entry.path().strip_prefix(from) else { continue };
        let target = if below.as_os_str().is_empty() { to.to_owned() } else { to.join(below) };
        match entry.file_type() {
            Some(kind) if kind.is_dir() => std::fs::create_dir_all(&target)?,
            Some(kind) if kind.is_symlink() => std::os::unix::fs::symlink(std::fs::read_link(entry.path())?, &target)?,
            Some(kind) if kind.is_file() => copy_file(entry.path(), &target).map(drop)?,
            Some(_) | None => {}
        }
    }
    Ok(())
}
