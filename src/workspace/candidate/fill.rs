//! Putting single files into a copy: reflink, copy, or from the checkpoint store.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{File, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use super::{CandidateError, failed};
use crate::base::Digest;
use crate::workspace::checkpoint::{Entry, EntryKind, Store, StoreError};
use crate::workspace::root::Identity;
use crate::workspace::tree::DigestCache;

/// Copies one regular file with its times: shared blocks where the file system can, else bytes.
pub fn copy_file(from: &Path, to: &Path) -> io::Result<Identity> {
    let source =
        OpenOptions::new().read(true).custom_flags(rustix::fs::OFlags::NOFOLLOW.bits().cast_signed()).open(from)?;
    let identity = Identity::of(&rustix::fs::fstat(&source)?);
    let mut options = OpenOptions::new();
    let mut target = options.write(true).create_new(true).mode(identity.mode & 0o777 | 0o200).open(to)?;
    if rustix::fs::ioctl_ficlone(&target, &source).is_err() {
        io::copy(&mut &source, &mut target)?;
    }
    // Build tools compare times: a copy is as old as its original.
    if let Ok(modified) = source.metadata().and_then(|about| about.modified()) {
        let _ = target.set_modified(modified);
    }
    Ok(identity)
}

/// Opens a way for a file or link at `path`: parents are made, what stands there goes.
fn make_way(root: &Path, path: &Path) -> io::Result<PathBuf> {
    let full = root.join(path);
    if let Some(parent) = full.parent() {
        make_parents(root, parent)?;
    }
    remove(&full)?;
    Ok(full)
}

/// Makes directories below `root`, replacing files and links that stand in the way, and never
/// walking through a link out of the copy.
fn make_parents(root: &Path, parent: &Path) -> io::Result<()> {
    let Ok(below) = parent.strip_prefix(root) else { return Ok(()) };
    let mut at = root.to_owned();
    for part in below.components() {
        at.push(part);
        match std::fs::symlink_metadata(&at) {
            Ok(about) if about.is_dir() => {}
            Ok(_) => {
                std::fs::remove_file(&at)?;
                std::fs::create_dir(&at)?;
            }
            Err(_) => std::fs::create_dir(&at)?,
        }
    }
    Ok(())
}

fn remove(full: &Path) -> io::Result<()> {
    match std::fs::symlink_metadata(full) {
        Ok(about) if about.is_dir() => std::fs::remove_dir_all(full),
        Ok(_) => std::fs::remove_file(full),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(()),
        Err(error) => Err(error),
    }
}

/// Writes a whole content, or removes.
pub fn write(root: &Path, path: &Path, content: Option<&[u8]>, executable: bool) -> io::Result<()> {
    let Some(content) = content else { return remove_below(root, path) };
    let full = root.join(path);
    // In place when it is there: the inode stays, and an agent's open editor with it.
    if let Ok(about) = std::fs::symlink_metadata(&full)
        && about.is_file()
        && full.parent().is_some_and(|parent| parent.canonicalize().is_ok_and(|real| real.starts_with(root)))
    {
        return std::fs::write(full, content);
    }
    let full = make_way(root, path)?;
    let mode = if executable { 0o777 } else { 0o666 };
    OpenOptions::new().write(true).create_new(true).mode(mode).open(full)?.write_all(content)
}

/// Removes a path, unless it is reached through a link that leaves the copy.
fn remove_below(root: &Path, path: &Path) -> io::Result<()> {
    let full = root.join(path);
    match full.parent().map(Path::canonicalize) {
        Some(Ok(parent)) if parent.starts_with(root) => remove(&full),
        Some(Ok(_) | Err(_)) | None => Ok(()),
    }
}

/// Puts a recorded entry into the copy: from the workspace if it still is what was recorded, else
/// from the store.
pub fn place(
    source: &Path,
    root: &Path,
    path: &Path,
    entry: Entry,
    store: &Store,
    cache: &mut DigestCache,
) -> Result<io::Result<()>, CandidateError> {
    let full = make_way(root, path).map_err(failed("cannot make way for", path))?;
    let load = || store.get(&entry.digest)?.ok_or(CandidateError::Store(StoreError::Missing(entry.digest)));
    let executable = match entry.kind {
        EntryKind::Link => {
            let target = load()?;
            return Ok(std::os::unix::fs::symlink(OsStr::from_bytes(&target), full));
        }
        EntryKind::Directory => return Ok(std::fs::create_dir_all(full)),
        EntryKind::File => false,
        EntryKind::Executable => true,
    };
    if copy_file(&source.join(path), &full).is_ok() {
        let digest = File::open(&full).and_then(crate::workspace::content::digest);
        if digest.is_ok_and(|digest| digest == entry.digest) {
            if let Ok(stat) = rustix::fs::stat(&full) {
                cache.note(path, Identity::of(&stat), entry.digest);
            }
            return Ok(std::fs::set_permissions(&full, mode(executable)));
        }
    }
    let bytes = load()?;
    Ok(remove(&full)
        .and_then(|()| std::fs::write(&full, bytes))
        .and_then(|()| std::fs::set_permissions(&full, mode(executable))))
}

fn mode(executable: bool) -> Permissions {
    Permissions::from_mode(if executable { 0o755 } else { 0o644 })
}

/// The base of a copy as a file: the tree's digest, then a kind letter, the digest, the path, a NUL.
pub fn encode_base(base: &BTreeMap<PathBuf, Entry>, tree: &Digest) -> Vec<u8> {
    let mut bytes = tree.to_string().into_bytes();
    for (path, entry) in base {
        bytes.push(entry.kind.letter());
        bytes.extend_from_slice(entry.digest.to_string().as_bytes());
        bytes.extend_from_slice(path.as_os_str().as_bytes());
        bytes.push(0);
    }
    bytes
}

/// Reads what [`encode_base`] wrote; `None` when it is cut or damaged.
pub fn decode_base(bytes: &[u8]) -> Option<(BTreeMap<PathBuf, Entry>, Digest)> {
    let hex = |bytes: &[u8]| Digest::parse(std::str::from_utf8(bytes).ok()?);
    let (tree, rest) = bytes.split_at_checked(64)?;
    let mut base = BTreeMap::new();
    let body = match rest.strip_suffix(&[0]) {
        Some(body) => body,
        None if rest.is_empty() => return Some((base, hex(tree)?)),
        None => return None,
    };
    for line in body.split(|byte| *byte == 0) {
        let (letter, rest) = line.split_first()?;
        let (digest, path) = rest.split_at_checked(64)?;
        let path = PathBuf::from(std::ffi::OsString::from_vec(path.to_vec()));
        base.insert(path, Entry { kind: EntryKind::of(*letter)?, digest: hex(digest)? });
    }
    Some((base, hex(tree)?))
}
