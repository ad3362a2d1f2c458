//! The entries of a workspace and their treatment: content, ignored files, guard rails of version control, and hidden
//! paths. The rules are fixed when the session starts, see [`Rules`].

mod rules;

pub use rules::{Class, Rules};

use super::edit::is_temp_name;
use crate::workspace::limits;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// Directories of version control: their stores are not content.
const VERSION_CONTROL: &[&str] = &[".git", ".hg", ".svn", ".jj", ".pijul"];

/// The parts of a store that can run code or decide what git sees, by the first part of the path.
const RAILS: &[&str] = &["hooks", "config", "config.worktree", "info", "hgrc", "hgrc-not-shared"];
/// Of those, what git itself rewrites at every turn.
const CHURN: &[&str] = &["refs", "sparse-checkout", "commit-graphs"];

/// Returns whether a path belongs to the store of version control or is a temporary file of ours.
pub fn is_hidden(path: &Path) -> bool {
    path.components().any(|part| is_store(part.as_os_str())) || path.file_name().is_some_and(is_temp_name)
}

fn is_store(name: &OsStr) -> bool {
    name.to_str().is_some_and(|name| VERSION_CONTROL.contains(&name))
}

/// Returns whether a path is a hook or a setting of version control. Submodules and linked worktrees have theirs below
/// `modules` and `worktrees`. A `.git` that is itself a file or a link says where the store is.
pub fn guard_rail(path: &Path) -> bool {
    let parts: Vec<&str> = path.iter().map(|part| part.to_str().unwrap_or_default()).collect();
    let Some(store) = parts.iter().position(|part| VERSION_CONTROL.contains(part)) else { return false };
    let mut rest = parts.get(store.saturating_add(1)..).unwrap_or_default();
    if let ["modules" | "worktrees", ..] = rest {
        let at = rest.iter().position(|part| RAILS.contains(part));
        rest = at.and_then(|at| rest.get(at..)).unwrap_or_default();
        return leads_to_rail(rest) && !rest.is_empty();
    }
    match rest {
        // Jujutsu keeps its settings with the repository.
        ["repo", "config.toml"] => true,
        rest => leads_to_rail(rest),
    }
}

fn leads_to_rail(rest: &[&str]) -> bool {
    match rest {
        [] => true,
        ["info", name, ..] => !CHURN.contains(name),
        [first, ..] => RAILS.contains(first) && !rest.last().is_some_and(|name| name.ends_with(".lock")),
    }
}

/// The guard rails below a directory of version control, as far as they exist; bounded.
pub fn guard_rails(root: &Path, store: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![store.to_owned()];
    let mut looked = 0usize;
    while let Some(path) = open.pop() {
        looked = looked.saturating_add(1);
        if looked > limits::WATCH_GUARDED_MAX {
            break;
        }
        let full = root.join(&path);
        let is_dir = full.symlink_metadata().is_ok_and(|about| about.is_dir());
        if !is_dir {
            if guard_rail(&path) {
                found.push(path);
            }
            continue;
        }
        let entries = std::fs::read_dir(&full).into_iter().flatten().flatten();
        let below = entries.map(|entry| path.join(entry.file_name()));
        open.extend(below.filter(|below| may_lead_to_rail(below, store)));
    }
    found.sort();
    found
}

/// Keeps the walk out of objects and references.
fn may_lead_to_rail(path: &Path, store: &Path) -> bool {
    let Ok(rest) = path.strip_prefix(store) else { return false };
    let first = rest.iter().next().and_then(OsStr::to_str).unwrap_or_default();
    if matches!(first, "modules" | "worktrees") {
        let deep = ["objects", "refs", "logs", "lfs"];
        return !rest.iter().any(|part| part.to_str().is_some_and(|part| deep.contains(&part)));
    }
    RAILS.contains(&first) || first == "repo"
}

/// One entry that a walk comes to.
#[derive(Debug)]
pub struct Walked {
    /// Relative to the root.
    pub path: PathBuf,
    pub kind: std::fs::FileType,
    pub class: Class,
}

/// Walks the content below `dir` in order of names, and tells what it comes to until `tell` says no. What is ignored
/// or hidden is reported and not entered. Nothing is opened but directories.
pub fn walk(root: &Path, rules: &Rules, dir: &Path, tell: &mut dyn FnMut(Walked) -> bool) {
    let mut open = vec![dir.to_owned()];
    while let Some(dir) = open.pop() {
        if dir.iter().count() > limits::CHECKPOINT_DEPTH_MAX {
            continue;
        }
        let Ok(entries) = std::fs::read_dir(root.join(&dir)) else { continue };
        let mut below: Vec<_> = entries.flatten().filter_map(|e| Some((e.file_name(), e.file_type().ok()?))).collect();
        below.sort_by(|one, two| one.0.cmp(&two.0));
        let mut inner = Vec::new();
        for (name, kind) in below {
            let path = dir.join(name);
            let class = rules.class_below(&path, kind.is_dir());
            if kind.is_dir() && class == Class::Content {
                inner.push(path.clone());
            }
            if !tell(Walked { path, kind, class }) {
                return;
            }
        }
        open.extend(inner.into_iter().rev());
    }
}

/// The regular files below `dir` that are content, at most `max`.
pub fn files(root: &Path, rules: &Rules, dir: &Path, max: usize) -> Vec<PathBuf> {
    let mut found = Vec::new();
    walk(root, rules, dir, &mut |walked| {
        if walked.class == Class::Content && walked.kind.is_file() {
            found.push(walked.path);
        }
        found.len() < max
    });
    found
}

/// The directories that hold content, the root ("") first.
pub fn directories(root: &Path, rules: &Rules) -> Vec<PathBuf> {
    let mut found = vec![PathBuf::new()];
    walk(root, rules, Path::new(""), &mut |walked| {
        if walked.class == Class::Content && walked.kind.is_dir() {
            found.push(walked.path);
        }
        true
    });
    found
}

/// The entries that the rules leave out (version control excepted): build products, dependencies, local settings. Each
/// is the topmost of its kind.
pub fn ignored(root: &Path, rules: &Rules) -> Vec<PathBuf> {
    let mut found = Vec::new();
    walk(root, rules, Path::new(""), &mut |walked| {
        let is_plain = walked.kind.is_dir() || walked.kind.is_file() || walked.kind.is_symlink();
        if walked.class == Class::Ignored && is_plain {
            found.push(walked.path);
        }
        true
    });
    found
}
