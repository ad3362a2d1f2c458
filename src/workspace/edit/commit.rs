//! The visible part: names are exchanged one by one, each checked, and taken back on failure.

use rustix::fs::{AtFlags, RenameFlags};
use rustix::io::Errno;
use std::ffi::OsString;
use std::io;
use std::path::PathBuf;

use super::stage::{Seen, Stage, Staged, conflict, look};
use super::{EditError, Written, temp};
use crate::base::Digest;
use crate::workspace::root::{Place, Root};

/// How one visible change is taken back.
enum Undo<'a> {
    Created(&'a Place),
    /// The old content lies under the temporary name.
    Exchanged(&'a Place, OsString),
    Removed(&'a Place, OsString),
    Moved {
        from: &'a Place,
        to: &'a Place,
    },
}

/// Why one exchange did not happen, or did and was not what was expected.
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
            Ok(()) => written.extend(outcome(change)),
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
        Failure::Raced => EditError::Torn { path, error: io::Error::other("it changed while it was written"), left },
        Failure::Io(error) if left.is_empty() => EditError::Io { path, error },
        Failure::Io(error) => EditError::Torn { path, error, left },
    };
    if matches!(error, EditError::Torn { .. }) {
        // The temporary files may hold the only copy of something: leave them for a human.
        return Err(error);
    }
    stage.discard(root);
    Err(error)
}

fn target_path(change: &Staged) -> PathBuf {
    match change {
        Staged::Put { path, .. } | Staged::Remove { path, .. } | Staged::Move { from: path, .. } => path.clone(),
    }
}

fn outcome(change: &Staged) -> Vec<Written> {
    let one =
        |path: &PathBuf, before: Option<Digest>, after: Option<Digest>| Written { path: path.clone(), before, after };
    match change {
        Staged::Put { path, before, after, .. } => vec![one(path, before.map(|seen| seen.digest), Some(*after))],
        Staged::Remove { path, before, .. } => vec![one(path, Some(before.digest), None)],
        Staged::Move { from, to, before, .. } => {
            vec![one(from, Some(before.digest), None), one(to, None, Some(before.digest))]
        }
    }
}

fn raced(change: &Staged) -> super::Conflict {
    let (place, path, expected) = match change {
        Staged::Put { place, path, before, .. } => (place, path, before.map(|seen| seen.digest)),
        Staged::Remove { place, path, before } => (place, path, Some(before.digest)),
        Staged::Move { place, from, before, .. } => (place, from, Some(before.digest)),
    };
    let found = look(place).ok().flatten().map(|seen| seen.digest);
    conflict(place, path, expected, found, None)
}

fn exchange<'a>(change: &'a Staged, done: &mut Vec<Undo<'a>>) -> Result<(), Failure> {
    match change {
        Staged::Put { place, before: None, temp, .. } => {
            put_new(place, temp)?;
            done.push(Undo::Created(place));
            Ok(())
        }
        Staged::Put { place, before: Some(seen), temp, .. } => {
            swap(place, temp)?;
            done.push(Undo::Exchanged(place, temp.clone()));
            unchanged(place, temp, seen)
        }
        Staged::Remove { place, before, .. } => {
            let backup = temp::name();
            rustix::fs::renameat(&place.parent, &place.name, &place.parent, &backup)?;
            done.push(Undo::Removed(place, backup.clone()));
            unchanged(place, &backup, before)
        }
        Staged::Move { place, target, before, .. } => {
            rename_free(place, &place.name, target, &target.name)?;
            done.push(Undo::Moved { from: place, to: target });
            let there = Place {
                parent: target.parent.try_clone().map_err(Failure::Io)?,
                name: target.name.clone(),
                path: target.path.clone(),
            };
            same(&there, before)
        }
    }
}

/// `rename` that refuses to replace; file systems without the flag get a link first.
fn rename_free(from: &Place, old: &OsString, to: &Place, new: &OsString) -> Result<(), Failure> {
    match rustix::fs::renameat_with(&from.parent, old, &to.parent, new, RenameFlags::NOREPLACE) {
        Ok(()) => Ok(()),
        Err(Errno::INVAL | Errno::NOSYS) => {
            rustix::fs::linkat(&from.parent, old, &to.parent, new, AtFlags::empty())?;
            Ok(rustix::fs::unlinkat(&from.parent, old, AtFlags::empty())?)
        }
        Err(errno) => Err(errno.into()),
    }
}

fn put_new(place: &Place, temp: &OsString) -> Result<(), Failure> {
    rename_free(place, temp, place, &place.name)
}

/// Exchanges the temporary file and the target; afterwards the old content has the temporary name.
fn swap(place: &Place, temp: &OsString) -> Result<(), Failure> {
    match rustix::fs::renameat_with(&place.parent, temp, &place.parent, &place.name, RenameFlags::EXCHANGE) {
        Ok(()) => Ok(()),
        Err(Errno::INVAL | Errno::NOSYS) => {
            // Without the flag: a second name keeps the old content while `rename` replaces it.
            let backup = temp::name();
            rustix::fs::linkat(&place.parent, &place.name, &place.parent, &backup, AtFlags::empty())?;
            rustix::fs::renameat(&place.parent, temp, &place.parent, &place.name)?;
            Ok(rustix::fs::renameat(&place.parent, &backup, &place.parent, temp)?)
        }
        Err(errno) => Err(errno.into()),
    }
}

/// Checks that what was moved aside is what the decision was made about.
fn unchanged(place: &Place, aside: &OsString, seen: &Seen) -> Result<(), Failure> {
    let parent = place.parent.try_clone().map_err(Failure::Io)?;
    same(&Place { parent, name: aside.clone(), path: place.path.clone() }, seen)
}

fn same(there: &Place, seen: &Seen) -> Result<(), Failure> {
    let now = rustix::fs::statat(&there.parent, &there.name, AtFlags::SYMLINK_NOFOLLOW)?;
    if crate::workspace::root::Identity::of(&now).same_content(&seen.identity) {
        return Ok(());
    }
    // Touched but perhaps not changed: the digest decides.
    match look(there) {
        Ok(Some(found)) if found.digest == seen.digest => Ok(()),
        Ok(_) | Err(_) => Err(Failure::Raced),
    }
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
            Undo::Removed(place, backup) => (place, rename_free(place, backup, place, &place.name)),
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
        Undo::Exchanged(place, temp) | Undo::Removed(place, temp) => {
            let _ = rustix::fs::unlinkat(&place.parent, temp, AtFlags::empty());
            let _ = rustix::fs::fsync(&place.parent);
        }
        Undo::Moved { from, to } => {
            let _ = rustix::fs::fsync(&to.parent);
            let _ = rustix::fs::fsync(&from.parent);
        }
    }
}
