//! The visible part: names are exchanged one by one, each checked, and reverted on failure.

use super::stage::{Seen, Stage, Staged, conflict, look_node};
use super::temp::TempName;
use super::{EditError, Written};
use crate::base::Digest;
use crate::model::{FileMode, Node, NodeKind};
use crate::workspace::root::{EntryAt, Root};
use rustix::fs::{AtFlags, Mode, OFlags, RenameFlags};
use rustix::io::Errno;
use std::ffi::OsStr;
use std::fs::Permissions;
use std::io;
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

/// The way to revert one visible change.
enum Undo<'a> {
    Created(&'a EntryAt),
    /// The old content is under the temporary name.
    Exchanged(&'a EntryAt, &'a OsStr),
    Removed(&'a EntryAt, TempName),
    Moved {
        from: &'a EntryAt,
        to: &'a EntryAt,
    },
    /// The former permission bits.
    Mode(&'a EntryAt, u32),
}

/// The reason that one exchange did not happen, or had an unexpected result.
enum Failure {
    Io(io::Error),
    Raced,
}

impl From<Errno> for Failure {
    fn from(errno: Errno) -> Self {
        if errno == Errno::EXIST || errno == Errno::NOENT { Self::Raced } else { Self::Io(errno.into()) }
    }
}

/// Makes every staged change visible, or none.
pub fn commit(root: &Root, stage: Stage) -> Result<Vec<Written>, EditError> {
    let mut done: Vec<Undo<'_>> = Vec::new();
    let mut written = Vec::new();
    let mut failed = None;
    for change in &stage.changes {
        match exchange(change, &mut done) {
            Ok(()) => written.extend(outcome(change, &done)),
            Err(failure) => {
                failed = Some((change, failure));
                break;
            }
        }
    }
    let Some((change, failure)) = failed else {
        for undo in &done {
            finish(undo);
        }
        written.extend(stage.changes.iter().filter_map(remove_directory));
        for made in stage.made.iter().filter_map(|path| root.place(path).ok()) {
            let _ = rustix::fs::fsync(&made.parent);
        }
        return Ok(written);
    };
    let path = target_path(change);
    let left = roll_back(&done);
    drop(done);
    let error = match failure {
        Failure::Raced if left.is_empty() => EditError::Conflict(vec![raced(change)]),
        Failure::Raced => {
            EditError::Torn { path, error: io::Error::other("it changed while it was being written"), left }
        }
        Failure::Io(error) if left.is_empty() => EditError::Io { path, error },
        Failure::Io(error) => EditError::Torn { path, error, left },
    };
    if matches!(error, EditError::Torn { .. }) {
        // The temporary files may hold the only copy of something: leave them for a user.
        return Err(error);
    }
    stage.discard(root);
    Err(error)
}

fn target_path(change: &Staged) -> PathBuf {
    match change {
        Staged::Put { path, .. }
        | Staged::Remove { path, .. }
        | Staged::Move { from: path, .. }
        | Staged::Mode { path, .. }
        | Staged::Directory { path, .. }
        | Staged::RemoveDirectory { path, .. } => path.clone(),
    }
}

/// A node with the digest of its content.
type Side = Option<(Option<Digest>, Node)>;

fn one(path: &Path, before: Side, after: Side) -> Written {
    Written {
        path: path.to_owned(),
        before: before.and_then(|(digest, _)| digest),
        after: after.and_then(|(digest, _)| digest),
        before_node: before.map(|(_, node)| node),
        after_node: after.map(|(_, node)| node),
    }
}

fn directory(mode: Option<u32>) -> Side {
    Some((None, Node { kind: NodeKind::Directory, mode: mode.map(FileMode::new) }))
}

/// Removes a directory when nothing that was kept for taking back is in it any more. Where something is, it is somebody's.
fn remove_directory(change: &Staged) -> Option<Written> {
    let Staged::RemoveDirectory { path, place } = change else { return None };
    let mode = place.mode();
    rustix::fs::unlinkat(&place.parent, &place.name, AtFlags::REMOVEDIR).ok()?;
    let _ = rustix::fs::fsync(&place.parent);
    Some(one(path, directory(mode), None))
}

/// What an exchange that was just done changed.
fn outcome(change: &Staged, done: &[Undo<'_>]) -> Vec<Written> {
    let side = |seen: &Seen| Some((Some(seen.digest), seen.node()));
    match change {
        Staged::Put { path, before, after, node, .. } => {
            vec![one(path, before.as_ref().and_then(side), Some((Some(*after), *node)))]
        }
        Staged::Remove { path, before, .. } => vec![one(path, side(before), None)],
        Staged::Move { from, to, before, mode, .. } => {
            let after = mode.map_or(before.node(), |mode| Node::file(FileMode::new(mode)));
            vec![one(from, side(before), None), one(to, None, Some((Some(before.digest), after)))]
        }
        Staged::Mode { path, before: Some(before), mode, .. } => {
            vec![one(path, side(before), Some((Some(before.digest), Node::file(FileMode::new(*mode)))))]
        }
        Staged::Mode { path, before: None, mode, .. } => {
            let former =
                done.last().and_then(|undo| if let Undo::Mode(_, former) = undo { Some(*former) } else { None });
            vec![one(path, directory(former), directory(Some(*mode)))]
        }
        Staged::Directory { path, node } => vec![one(path, None, Some((None, *node)))],
        Staged::RemoveDirectory { .. } => Vec::new(),
    }
}

fn raced(change: &Staged) -> super::Conflict {
    let (place, path, expected) = match change {
        Staged::Put { place, path, before, .. } => (Some(place), path, before.map(|seen| seen.digest)),
        Staged::Remove { place, path, before } => (Some(place), path, Some(before.digest)),
        Staged::Move { place, from, before, .. } => (Some(place), from, Some(before.digest)),
        Staged::Mode { place, path, before, .. } => (Some(place), path, before.map(|seen| seen.digest)),
        Staged::Directory { path, .. } => (None, path, None),
        Staged::RemoveDirectory { place, path } => (Some(place), path, None),
    };
    let found = place.and_then(|place| look_node(place).ok().flatten()).map(|seen| seen.digest);
    match place {
        Some(place) => conflict(place, path, expected, found, None),
        None => super::Conflict { path: path.clone(), expected, found, current: None, wanted: None },
    }
}

fn exchange<'a>(change: &'a Staged, done: &mut Vec<Undo<'a>>) -> Result<(), Failure> {
    match change {
        Staged::Put { place, before: None, temp, .. } => {
            put_new(place, temp.as_os_str())?;
            done.push(Undo::Created(place));
            Ok(())
        }
        Staged::Put { place, before: Some(seen), temp, .. } => {
            swap(place, temp.as_os_str())?;
            done.push(Undo::Exchanged(place, temp.as_os_str()));
            unchanged(place, temp.as_os_str(), seen)
        }
        Staged::Remove { place, before, .. } => {
            let backup = TempName::new();
            rustix::fs::renameat(&place.parent, &place.name, &place.parent, backup.as_os_str())?;
            let checked = unchanged(place, backup.as_os_str(), before);
            done.push(Undo::Removed(place, backup));
            checked
        }
        Staged::Mode { place, before, mode, .. } => {
            let former = set_mode(place, before.as_ref(), *mode)?;
            done.push(Undo::Mode(place, former));
            Ok(())
        }
        Staged::Directory { .. } | Staged::RemoveDirectory { .. } => Ok(()),
        Staged::Move { place, target, before, mode, .. } => {
            rename_free(place, &place.name, target, &target.name)?;
            done.push(Undo::Moved { from: place, to: target });
            if let Some(mode) = mode {
                let former = set_mode(target, None, *mode)?;
                done.push(Undo::Mode(target, former));
            }
            let there = EntryAt {
                parent: target.parent.try_clone().map_err(Failure::Io)?,
                name: target.name.clone(),
                path: target.path.clone(),
            };
            same(&there, before)
        }
    }
}

/// `rename` that refuses to replace; file systems without the flag get a link first.
fn rename_free(from: &EntryAt, old: &OsStr, to: &EntryAt, new: &OsStr) -> Result<(), Failure> {
    match rustix::fs::renameat_with(&from.parent, old, &to.parent, new, RenameFlags::NOREPLACE) {
        Ok(()) => Ok(()),
        Err(Errno::INVAL | Errno::NOSYS) => {
            rustix::fs::linkat(&from.parent, old, &to.parent, new, AtFlags::empty())?;
            Ok(rustix::fs::unlinkat(&from.parent, old, AtFlags::empty())?)
        }
        Err(errno) => Err(errno.into()),
    }
}

fn put_new(place: &EntryAt, temp: &OsStr) -> Result<(), Failure> {
    rename_free(place, temp, place, &place.name)
}

/// Exchanges the temporary file and the target; afterwards the old content has the temporary name.
fn swap(place: &EntryAt, temp: &OsStr) -> Result<(), Failure> {
    match rustix::fs::renameat_with(&place.parent, temp, &place.parent, &place.name, RenameFlags::EXCHANGE) {
        Ok(()) => Ok(()),
        Err(Errno::INVAL | Errno::NOSYS) => {
            // Without the flag: a second name keeps the old content while `rename` replaces it.
            let backup = TempName::new();
            rustix::fs::linkat(&place.parent, &place.name, &place.parent, backup.as_os_str(), AtFlags::empty())?;
            rustix::fs::renameat(&place.parent, temp, &place.parent, &place.name)?;
            Ok(rustix::fs::renameat(&place.parent, backup.as_os_str(), &place.parent, temp)?)
        }
        Err(errno) => Err(errno.into()),
    }
}

/// Checks that what was moved aside is what the decision was made about.
fn unchanged(place: &EntryAt, aside: &OsStr, seen: &Seen) -> Result<(), Failure> {
    let parent = place.parent.try_clone().map_err(Failure::Io)?;
    same(&EntryAt { parent, name: aside.to_owned(), path: place.path.clone() }, seen)
}

fn same(there: &EntryAt, seen: &Seen) -> Result<(), Failure> {
    let now = rustix::fs::statat(&there.parent, &there.name, AtFlags::SYMLINK_NOFOLLOW)?;
    if crate::workspace::root::Identity::of(&now).same_content(&seen.identity) {
        return Ok(());
    }
    // Touched but perhaps not changed: the digest decides.
    match look_node(there) {
        Ok(Some(found)) if (found.digest, found.is_link) == (seen.digest, seen.is_link) => Ok(()),
        Ok(_) | Err(_) => Err(Failure::Raced),
    }
}

/// Sets the permission bits of exactly this node; gives those it had. A link has none to set.
fn set_mode(place: &EntryAt, seen: Option<&Seen>, mode: u32) -> Result<u32, Failure> {
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let node = rustix::fs::openat(&place.parent, &place.name, flags, Mode::empty())?;
    let now = rustix::fs::fstat(&node)?;
    if seen.is_some_and(|seen| !crate::workspace::root::Identity::of(&now).same_content(&seen.identity)) {
        return Err(Failure::Raced);
    }
    // Opened as a path alone: bits may forbid to read what they are set on.
    let itself = format!("/proc/self/fd/{}", node.as_raw_fd());
    std::fs::set_permissions(itself, Permissions::from_mode(mode & 0o7777)).map_err(Failure::Io)?;
    Ok(now.st_mode & 0o7777)
}

/// Takes visible changes back, newest first; names those that would not go.
fn roll_back(done: &[Undo<'_>]) -> Vec<PathBuf> {
    let mut left = Vec::new();
    for undo in done.iter().rev() {
        let (place, result) = match undo {
            Undo::Created(place) => {
                (place, rustix::fs::unlinkat(&place.parent, &place.name, AtFlags::empty()).map_err(Failure::from))
            }
            Undo::Exchanged(place, temp) => (place, swap(place, temp)),
            Undo::Removed(place, backup) => (place, rename_free(place, backup.as_os_str(), place, &place.name)),
            Undo::Mode(place, mode) => (place, set_mode(place, None, *mode).map(drop)),
            Undo::Moved { from, to } => (from, rename_free(to, &to.name, from, &from.name)),
        };
        if result.is_err() {
            left.push(place.path.clone());
        }
    }
    left
}

/// Removes what was kept for taking back, and makes the names durable.
fn finish(undo: &Undo<'_>) {
    // A name that cannot be synced is still the right name: the content itself was synced before.
    match undo {
        Undo::Created(place) => {
            let _ = rustix::fs::fsync(&place.parent);
        }
        Undo::Exchanged(place, temp) => {
            let _ = rustix::fs::unlinkat(&place.parent, *temp, AtFlags::empty());
            let _ = rustix::fs::fsync(&place.parent);
        }
        Undo::Removed(place, temp) => {
            let _ = rustix::fs::unlinkat(&place.parent, temp.as_os_str(), AtFlags::empty());
            let _ = rustix::fs::fsync(&place.parent);
        }
        Undo::Mode(place, _) => {
            let _ = rustix::fs::fsync(&place.parent);
        }
        Undo::Moved { from, to } => {
            let _ = rustix::fs::fsync(&to.parent);
            let _ = rustix::fs::fsync(&from.parent);
        }
    }
}
