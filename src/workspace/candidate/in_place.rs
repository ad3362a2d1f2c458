//! A candidate at the path of the workspace, in an agent's layer: what in it led to the workspace is mounted from there,
//! read-only.

use crate::workspace::layer::Bind;
use crate::workspace::tree::{self, Rules};
use std::fs;
use std::io;
use std::path::Path;

/// The directory at which a candidate's repository finds objects of yours.
const OBJECTS: &str = "objects-of-yours";

/// The mounts that a candidate needs beside itself. Links and references of the candidate that lead into the
/// workspace are exchanged for directories to mount at: at the workspace's own path they would lead to themselves.
pub fn binds(root: &Path, rules: &Rules, candidate: &Path) -> io::Result<Vec<Bind>> {
    let mut binds = Vec::new();
    for path in tree::ignored(root, rules) {
        let (yours, copy) = (root.join(&path), candidate.join(&path));
        let Ok(about) = copy.symlink_metadata() else { continue };
        if copy.parent().and_then(|parent| parent.canonicalize().ok()).as_deref() != copy.parent() {
            // The agent has put a link on the way.
            continue;
        }
        let is_link = about.is_symlink() && fs::read_link(&copy).is_ok_and(|to| to.starts_with(root));
        let is_packages = about.is_dir() && path.file_name().is_some_and(|name| name == "node_modules");
        if !(is_link || is_packages) || !is_directory(&yours) {
            continue;
        }
        if is_link {
            fs::remove_file(&copy)?;
            fs::create_dir(&copy)?;
        }
        binds.push(Bind { at: yours.clone(), from: yours, writable: false });
    }
    binds.extend(objects(root, candidate)?);
    Ok(binds)
}

/// Objects of yours that the candidate's repository reads, see `candidate::repository`. What the candidate says is only
/// compared: the agent may have written it.
fn objects(root: &Path, candidate: &Path) -> io::Result<Option<Bind>> {
    let file = candidate.join(".git/objects/info/alternates");
    let (from, at) = (root.join(".git/objects"), root.join(".git").join(OBJECTS));
    let Ok(text) = fs::read_to_string(&file) else { return Ok(None) };
    if !text.lines().any(|line| Path::new(line) == from || Path::new(line) == at) || !from.is_dir() {
        return Ok(None);
    }
    let moved = |line: &str| if Path::new(line) == from { at.display().to_string() } else { line.to_owned() };
    fs::write(&file, text.lines().map(moved).map(|line| line + "\n").collect::<String>())?;
    Ok(Some(Bind { from, at, writable: false }))
}

fn is_directory(path: &Path) -> bool {
    path.symlink_metadata().is_ok_and(|about| about.is_dir())
}
