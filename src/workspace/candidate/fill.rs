//! Putting single files into a copy: reflink, copy, or from the checkpoint store.

use super::{CandidateError, failed};
use crate::workspace::checkpoint::{Entry, EntryKind, Store, StoreError};
use crate::workspace::content;
use crate::workspace::limits;
use crate::workspace::listing::Listing;
use crate::workspace::root::Identity;
use crate::workspace::tree::{self, Class};
use std::ffi::OsStr;
use std::fs::{File, OpenOptions, Permissions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

/// Copies one regular file with its times: shared blocks where the file system can, else bytes.
pub fn copy_file(from: &Path, to: &Path) -> io::Result<Identity> {
    let (source, identity) = content::open(rustix::fs::CWD, from)?;
    let mut target = OpenOptions::new().write(true).create_new(true).mode(0o600).open(to)?;
    if rustix::fs::ioctl_ficlone(&target, &source).is_err() {
        copy_bytes(&source, &mut target, identity.size)?;
    }
    target.set_permissions(Permissions::from_mode(identity.mode & 0o777))?;
    // Build tools compare times: a copy is as old as its original.
    if let Ok(modified) = source.metadata().and_then(|about| about.modified()) {
        let _ = target.set_modified(modified);
    }
    Ok(identity)
}

/// Copies the parts of a file that hold something: a sparse file stays sparse, and takes no longer than its content.
fn copy_bytes(source: &File, target: &mut File, size: u64) -> io::Result<()> {
    use rustix::fs::SeekFrom;
    let mut at = 0u64;
    while at < size {
        let from = match rustix::fs::seek(source, SeekFrom::Data(at)) {
            Ok(from) => from,
            Err(rustix::io::Errno::NXIO) => break,
            // This file system does not tell: everything holds something.
            Err(_) => at,
        };
        let end = rustix::fs::seek(source, SeekFrom::Hole(from)).unwrap_or(size).min(size).max(from);
        rustix::fs::seek(source, SeekFrom::Start(from))?;
        rustix::fs::seek(&*target, SeekFrom::Start(from))?;
        let copied = io::copy(&mut source.take(end.saturating_sub(from)), target)?;
        if copied == 0 {
            break;
        }
        at = from.saturating_add(copied);
    }
    target.set_len(size)
}

/// Opens a way for a file or link at `path`: parents are created, and what is there is removed.
fn make_way(root: &Path, path: &Path) -> io::Result<PathBuf> {
    let full = root.join(path);
    if let Some(parent) = full.parent() {
        make_parents(root, parent)?;
    }
    remove(&full)?;
    Ok(full)
}

/// Makes directories below `root`, replacing files and links in the way, and never
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
    if is_below(root, &full) { remove(&full) } else { Ok(()) }
}

/// Returns whether no link on the way leads out of the copy.
fn is_below(root: &Path, full: &Path) -> bool {
    full.parent().and_then(|parent| parent.canonicalize().ok()).is_some_and(|parent| parent.starts_with(root))
}

/// Removes a path as [`write`] does; of a directory only the node itself, so what else is in it stays.
pub fn remove_node(root: &Path, path: &Path) -> io::Result<()> {
    let full = root.join(path);
    if !is_below(root, &full) {
        return Ok(());
    }
    if std::fs::symlink_metadata(&full).is_ok_and(|about| about.is_dir()) {
        let _ = std::fs::remove_dir(full);
        return Ok(());
    }
    remove(&full)
}

/// Puts a recorded entry into the copy: from the workspace if it still is what was recorded, else
/// from the store.
pub fn place(
    source: &Path,
    root: &Path,
    path: &Path,
    entry: Entry,
    store: &Store,
) -> Result<io::Result<()>, CandidateError> {
    if entry.kind == EntryKind::Directory {
        let full = root.join(path);
        let mode =
            |()| entry.mode.map_or(Ok(()), |mode| std::fs::set_permissions(&full, Permissions::from_mode(mode.into())));
        return Ok(make_parents(root, &full).and_then(mode));
    }
    let full = make_way(root, path).map_err(failed("cannot make way for", path))?;
    let load = || store.get(&entry.digest)?.ok_or(CandidateError::Store(StoreError::Missing(entry.digest)));
    if entry.kind == EntryKind::Link {
        let target = load()?;
        return Ok(std::os::unix::fs::symlink(OsStr::from_bytes(&target), full));
    }
    let usual = if entry.kind == EntryKind::Executable { 0o755 } else { 0o644 };
    let mode = Permissions::from_mode(entry.mode.map_or(usual, u32::from));
    if copy_file(&source.join(path), &full).is_ok() {
        let max = limits::CHECKPOINT_FILE_BYTES_MAX;
        let digest = File::open(&full).and_then(|file| content::digest(file, max));
        if digest.is_ok_and(|digest| digest == entry.digest) {
            return Ok(std::fs::set_permissions(&full, mode));
        }
    }
    let bytes = load()?;
    Ok(remove(&full).and_then(|()| std::fs::write(&full, bytes)).and_then(|()| std::fs::set_permissions(&full, mode)))
}

/// Makes one path of the copy what the workspace has there now, whatever that is.
pub fn copy_over(source: &Path, root: &Path, path: &Path) -> io::Result<()> {
    let from = source.join(path);
    match from.symlink_metadata() {
        Ok(about) if about.is_file() => copy_file(&from, &make_way(root, path)?).map(drop),
        Ok(about) if about.is_symlink() => {
            let target = std::fs::read_link(&from)?;
            std::os::unix::fs::symlink(target, make_way(root, path)?)
        }
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => remove_below(root, path),
        Err(error) => Err(error),
    }
}

/// Copies everything that is content, as the disk has it now. Gives what could not be copied, in words; only a full
/// disk or a place that cannot be written ends it.
pub fn copy_content(live: &Listing, to: &Path) -> Result<Vec<String>, CandidateError> {
    let (mut left, mut fatal) = (Vec::new(), None);
    tree::walk(live.root(), live.rules(), Path::new(""), &mut |walked| {
        if walked.class != Class::Content {
            return true;
        }
        let (from, target) = (live.root().join(&walked.path), to.join(&walked.path));
        let done = if walked.kind.is_dir() {
            std::fs::create_dir(&target)
        } else if walked.kind.is_symlink() {
            std::fs::read_link(&from).and_then(|link| std::os::unix::fs::symlink(link, &target))
        } else if walked.kind.is_file() {
            copy_file(&from, &target).map(drop)
        } else {
            Ok(())
        };
        match done {
            Ok(()) => {}
            Err(error) if matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::ReadOnlyFilesystem) => {
                fatal = Some(failed("cannot copy", &from)(error));
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) if left.len() < limits::CANDIDATE_LEFT_REPORTED_MAX => {
                left.push(format!("{}: left out, {error}", walked.path.display()));
            }
            Err(_) => {}
        }
        fatal.is_none()
    });
    match fatal {
        Some(error) => Err(error),
        None => Ok(left),
    }
}
