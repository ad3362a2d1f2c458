//! Ignored files and directories in a candidate: dependencies and build products that tests need
//! and that are not content. A run in the candidate should find them and should not change yours.
//!
//! | name | what is done |
//! |---|---|
//! | `target` of a Rust project | copied (without incremental state), so that only the project itself is built again |
//! | `node_modules` | a directory of links to your packages; its caches are the candidate's own |
//! | a Python virtual environment, `.tox` | linked |
//! | anything else up to 32 MiB | copied |
//! | anything larger | left out |

use super::fill::copy_file;
use super::{CandidateError, failed};
use crate::base::Digest;
use crate::workspace::checkpoint::Store;
use crate::workspace::content;
use crate::workspace::limits;
use crate::workspace::listing::Seen;
use crate::workspace::tree::{self, Rules};
use std::collections::BTreeSet;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

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

/// Returns whether a path is a cache of some tool, by its name.
pub fn is_cache(path: &Path) -> bool {
    path.file_name().and_then(|name| name.to_str()).is_some_and(|name| CACHES.contains(&name))
}

/// The ignored content that a copy received.
#[derive(Debug, Default)]
pub struct Provided {
    /// The steps taken, in words.
    pub notes: Vec<String>,
    /// Paths that are linked, left out, or too large to be compared file by file.
    pub behind: BTreeSet<PathBuf>,
}

/// Gives `root` what `source` ignores. What is copied and small is content of the copy: its former state is kept in
/// `store`, and changes of it are proposed like any other.
pub fn provide(source: &Path, root: &Path, rules: &Rules, store: &Store) -> Result<Provided, CandidateError> {
    let mut provided = Provided::default();
    for path in tree::ignored(source, rules) {
        let (from, to) = (source.join(&path), root.join(&path));
        if to.symlink_metadata().is_ok() || from.starts_with(root) || root.starts_with(&from) {
            continue;
        }
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let is_rust = name == "target" && from.join("CACHEDIR.TAG").exists();
        let is_compared = is_compared(source, rules, &path);
        if !is_compared {
            provided.behind.insert(path.clone());
        }
        let done = match name {
            _ if CACHES.contains(&name) => Ok(None),
            "node_modules" => link_packages(&from, &to).map(|()| Some("its packages are links to yours")),
            _ if name == ".tox" || from.join("pyvenv.cfg").exists() => {
                std::os::unix::fs::symlink(&from, &to).map(|()| Some("a link to yours"))
            }
            _ if is_rust => seed_target(&from, &to),
            _ => copy_small(&from, &to),
        };
        match done {
            Ok(Some(what)) => provided.notes.push(format!("{}: {what}", path.display())),
            Ok(None) if is_compared => keep(&to, store)?,
            Ok(None) => {}
            Err(error) if error.kind() == io::ErrorKind::StorageFull => {
                return Err(failed("cannot copy", &from)(error));
            }
            Err(error) => provided.notes.push(format!("{}: left out, {error}", path.display())),
        }
    }
    Ok(provided)
}

/// Returns whether changes of an ignored path are found file by file.
fn is_compared(source: &Path, rules: &Rules, path: &Path) -> bool {
    let from = source.join(path);
    let is_output = from.is_dir() && rules.is_output(path);
    let (bytes_max, files_max) = (limits::CANDIDATE_COMPARED_BYTES_MAX, limits::CANDIDATE_COMPARED_FILES_MAX);
    !is_output && !is_cache(path) && size(&from, bytes_max, files_max).is_some()
}

/// The ignored paths that are too large to be compared file by file, as bytes.
pub fn behind(source: &Path, rules: &Rules) -> Vec<Vec<u8>> {
    let all = tree::ignored(source, rules).into_iter();
    all.filter(|path| !is_compared(source, rules, path)).map(|path| path.as_os_str().as_bytes().to_vec()).collect()
}

/// Keeps the contents of what was copied.
fn keep(at: &Path, store: &Store) -> Result<(), CandidateError> {
    for entry in ignore::WalkBuilder::new(at).standard_filters(false).follow_links(false).build().flatten() {
        if let Ok(bytes) = content::read_plain(entry.path(), limits::CANDIDATE_COMPARED_BYTES_MAX) {
            store.put(&Digest::of(&bytes), &bytes)?;
        }
    }
    Ok(())
}

/// Returns whether anything at or below a path changed after a point in time, as far as a bounded search shows.
pub fn changed_since(path: &Path, since_ns: i128) -> bool {
    let walk = ignore::WalkBuilder::new(path).standard_filters(false).follow_links(false).build();
    let entries = walk.flatten().take(limits::CANDIDATE_IGNORED_FILES_MAX);
    entries.into_iter().any(|entry| match Seen::at(entry.path()) {
        Some(Seen::Node(stat)) => stat.changed_ns() > since_ns,
        Some(Seen::Directory) | None => false,
    })
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

/// The parts of a target directory that save a rebuild of dependencies.
const SEEDED: &[&str] = &["deps", "build", ".fingerprint"];

fn seed_target(from: &Path, to: &Path) -> io::Result<Option<&'static str>> {
    let debug = from.join("debug");
    let mut bytes = 0u64;
    for part in SEEDED {
        match size(&debug.join(part), limits::CANDIDATE_SEED_BYTES_MAX, usize::MAX) {
            Some(part) => bytes = bytes.saturating_add(part),
            None => return Ok(Some("left out, too large to copy; dependencies will be rebuilt")),
        }
    }
    if bytes == 0 || bytes > limits::CANDIDATE_SEED_BYTES_MAX {
        return Ok(Some("left out; dependencies will be rebuilt"));
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
    Ok(Some("copied, so that only the project itself is rebuilt"))
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
