//! Before anything visible happens: resolve, compare pre-images, write new contents aside.

use rustix::fs::{AtFlags, Gid, Mode, Uid};
use std::collections::HashSet;
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::{Conflict, EditError, FileChange, temp};
use crate::base::{Digest, limits};
use crate::workspace::content;
use crate::workspace::root::{Identity, PathRefusal, Place, Root};

/// What a pre-image was when it was digested.
#[derive(Debug, Clone, Copy)]
pub struct Seen {
    pub identity: Identity,
    pub digest: Digest,
}

/// A change whose pre-images match the disk.
#[derive(Debug)]
pub enum Checked {
    Put { path: PathBuf, place: Option<Place>, before: Option<Seen>, mode: Option<u32>, content: Vec<u8> },
    Remove { path: PathBuf, place: Place, before: Seen },
    Move { from: PathBuf, place: Place, to: PathBuf, before: Seen },
}

/// A change whose new content, if any, lies synced in a temporary file beside its target.
#[derive(Debug)]
pub enum Staged {
    Put { path: PathBuf, place: Place, before: Option<Seen>, temp: OsString, after: Digest },
    Remove { path: PathBuf, place: Place, before: Seen },
    Move { from: PathBuf, place: Place, to: PathBuf, target: Place, before: Seen },
}

/// All staged changes and the directories made for them.
#[derive(Debug, Default)]
pub struct Stage {
    pub changes: Vec<Staged>,
    pub made: Vec<PathBuf>,
}

impl Stage {
    /// Takes everything back that was written aside.
    pub fn discard(self, root: &Root) {
        for change in &self.changes {
            if let Staged::Put { place, temp, .. } = change {
                let _ = rustix::fs::unlinkat(&place.parent, temp, AtFlags::empty());
            }
        }
        root.remove_dirs(&self.made);
    }
}

/// Reads what stands at a place and its digest.
pub fn look(place: &Place) -> Result<Option<Seen>, PathRefusal> {
    let Some((file, identity)) = place.open()? else { return Ok(None) };
    let digest = content::digest(file).map_err(|error| PathRefusal::Io { path: place.path.clone(), error })?;
    Ok(Some(Seen { identity, digest }))
}

/// The current bytes for a merge, as far as they are small enough.
pub fn conflict(
    place: &Place,
    path: &Path,
    expected: Option<Digest>,
    found: Option<Digest>,
    wanted: Option<Vec<u8>>,
) -> Conflict {
    let current = place
        .open()
        .ok()
        .flatten()
        .and_then(|(mut file, _)| content::read(&mut file, limits::WORKSPACE_CONTENT_BYTES_MAX).ok());
    Conflict { path: path.to_owned(), expected, found, current, wanted }
}

/// Resolves every path and compares every pre-image; all conflicts are reported together.
pub fn check(root: &Root, changes: Vec<FileChange>) -> Result<Vec<Checked>, EditError> {
    let mut named = HashSet::new();
    let mut inodes = HashSet::new();
    for change in &changes {
        for path in change.paths() {
            if !named.insert(path.to_owned()) {
                return Err(EditError::Twice(path.to_owned()));
            }
        }
    }
    let mut conflicts = Vec::new();
    let mut checked = Vec::new();
    for change in changes {
        let ready = check_one(root, change, &mut conflicts)?;
        for ready in ready {
            let (path, before) = match &ready {
                Checked::Put { path, before, .. } => (path, *before),
                Checked::Remove { path, before, .. } | Checked::Move { from: path, before, .. } => {
                    (path, Some(*before))
                }
            };
            // Two names of one file, through a symbolic link to a directory.
            if before.is_some_and(|seen| {
                !inodes.insert((seen.identity.device, seen.identity.inode)) && !hard_linked(root, path)
            }) {
                return Err(EditError::Twice(path.clone()));
            }
            checked.push(ready);
        }
    }
    if conflicts.is_empty() { Ok(checked) } else { Err(EditError::Conflict(conflicts)) }
}

fn hard_linked(root: &Root, path: &Path) -> bool {
    let Ok(place) = root.place_through(path) else { return false };
    rustix::fs::statat(&place.parent, &place.name, AtFlags::SYMLINK_NOFOLLOW).is_ok_and(|stat| stat.st_nlink > 1)
}

fn check_one(root: &Root, change: FileChange, conflicts: &mut Vec<Conflict>) -> Result<Vec<Checked>, EditError> {
    match change {
        FileChange::Write { path, base: None, content, executable } => {
            // Its parent directories may not exist yet; they are made when it is staged.
            if let Ok(place) = root.place_through(&path) {
                let found = look(&place)?;
                if let Some(seen) = found {
                    conflicts.push(conflict(&place, &path, None, Some(seen.digest), Some(content)));
                    return Ok(Vec::new());
                }
            } else if let Err(
                refusal @ (PathRefusal::Outside { .. } | PathRefusal::NotRelative(_) | PathRefusal::Symlink { .. }),
            ) = root.place_through(&path)
            {
                return Err(refusal.into());
            }
            let mode = executable.map(|yes| if yes { 0o777 } else { 0o666 });
            Ok(vec![Checked::Put { path, place: None, before: None, mode, content }])
        }
        FileChange::Write { path, base: Some(base), content, executable } => {
            let place = root.place_through(&path)?;
            root.check_unguarded(&place, &path)?;
            let found = look(&place)?;
            match found {
                Some(seen) if seen.digest == base => {
                    let mode = executable.map(|yes| with_execute(seen.identity.mode, yes));
                    Ok(vec![Checked::Put { path, place: Some(place), before: Some(seen), mode, content }])
                }
                other => {
                    conflicts.push(conflict(&place, &path, Some(base), other.map(|seen| seen.digest), Some(content)));
                    Ok(Vec::new())
                }
            }
        }
        FileChange::Delete { path, base } => {
            let place = root.place(&path)?;
            root.check_unguarded(&place, &path)?;
            match expect(&place, &path, base, None, conflicts)? {
                Some(before) => Ok(vec![Checked::Remove { path, place, before }]),
                None => Ok(Vec::new()),
            }
        }
        FileChange::Rename { from, to, base, content } => {
            let place = root.place(&from)?;
            root.check_unguarded(&place, &from)?;
            let Some(before) = expect(&place, &from, base, content.as_ref(), conflicts)? else { return Ok(Vec::new()) };
            if let Ok(target) = root.place(&to)
                && let Some(seen) = look(&target)?
            {
                conflicts.push(conflict(&target, &to, None, Some(seen.digest), content));
                return Ok(Vec::new());
            }
            Ok(match content {
                None => vec![Checked::Move { from, place, to, before }],
                Some(content) => {
                    let mode = Some(before.identity.mode);
                    vec![
                        Checked::Put { path: to, place: None, before: None, mode, content },
                        Checked::Remove { path: from, place, before },
                    ]
                }
            })
        }
    }
}

fn expect(
    place: &Place,
    path: &Path,
    base: Digest,
    wanted: Option<&Vec<u8>>,
    conflicts: &mut Vec<Conflict>,
) -> Result<Option<Seen>, EditError> {
    let found = look(place)?;
    if let Some(seen) = found
        && seen.digest == base
    {
        return Ok(Some(seen));
    }
    conflicts.push(conflict(place, path, Some(base), found.map(|seen| seen.digest), wanted.cloned()));
    Ok(None)
}

/// Execute bits follow the read bits, as `chmod +x` under the umask that made the file.
fn with_execute(mode: u32, yes: bool) -> u32 {
    if yes { mode | ((mode & 0o444) >> 2) } else { mode & !0o111 }
}

/// Writes and syncs every new content aside. On failure nothing of it remains.
pub fn write(root: &Root, checked: Vec<Checked>) -> Result<Stage, EditError> {
    let mut stage = Stage::default();
    for change in checked {
        let path = match &change {
            Checked::Put { path, .. } | Checked::Remove { path, .. } | Checked::Move { from: path, .. } => path.clone(),
        };
        match stage_one(root, change, &mut stage.made) {
            Ok(staged) => stage.changes.push(staged),
            Err(error) => {
                stage.discard(root);
                return Err(match error {
                    PathRefusal::Io { error, .. } => EditError::Io { path, error },
                    refusal @ (PathRefusal::NotRelative(_)
                    | PathRefusal::Outside { .. }
                    | PathRefusal::Special { .. }
                    | PathRefusal::Guarded { .. }
                    | PathRefusal::Symlink { .. }) => EditError::Refused(refusal),
                });
            }
        }
    }
    Ok(stage)
}

fn stage_one(root: &Root, change: Checked, made: &mut Vec<PathBuf>) -> Result<Staged, PathRefusal> {
    let mut open_target = |path: &Path| -> Result<Place, PathRefusal> {
        let (place, new) = root.place_making_parents(path)?;
        made.extend(new);
        root.check_unguarded(&place, path)?;
        Ok(place)
    };
    match change {
        Checked::Put { path, place, before, mode, content } => {
            let place = match place {
                Some(place) => place,
                None => open_target(&path)?,
            };
            let temp = write_aside(&place, before.map(|seen| seen.identity), mode, &content)
                .map_err(|error| PathRefusal::Io { path: path.clone(), error })?;
            Ok(Staged::Put { path, place, before, temp, after: Digest::of(&content) })
        }
        Checked::Remove { path, place, before } => Ok(Staged::Remove { path, place, before }),
        Checked::Move { from, place, to, before } => {
            let target = open_target(&to)?;
            Ok(Staged::Move { from, place, to, target, before })
        }
    }
}

fn write_aside(place: &Place, old: Option<Identity>, mode: Option<u32>, content: &[u8]) -> io::Result<OsString> {
    // A replacement stays private until it has its final mode; a new file takes the umask at once.
    let first = match old {
        Some(_) => 0o600,
        None => mode.unwrap_or(0o666),
    };
    let (file, name) = temp::create(&place.parent, Mode::from_raw_mode(first))?;
    let result = fill(file, place, old, mode, content);
    if let Err(error) = result {
        let _ = rustix::fs::unlinkat(&place.parent, &name, AtFlags::empty());
        return Err(error);
    }
    Ok(name)
}

fn fill(mut file: File, place: &Place, old: Option<Identity>, mode: Option<u32>, content: &[u8]) -> io::Result<()> {
    file.write_all(content)?;
    if let Some(old) = old {
        let now = rustix::fs::fstat(&file)?;
        if (now.st_uid, now.st_gid) != (old.uid, old.gid) {
            let owner = (now.st_uid != old.uid).then(|| Uid::from_raw(old.uid));
            let group = (now.st_gid != old.gid).then(|| Gid::from_raw(old.gid));
            rustix::fs::fchown(&file, owner, group)?;
        }
        keep_attributes(&file, place);
        rustix::fs::fchmod(&file, Mode::from_raw_mode(mode.unwrap_or(old.mode)))?;
    }
    file.sync_all()
}

/// Copies extended attributes (access lists, labels) as far as the file system and our rights let us.
fn keep_attributes(file: &File, place: &Place) {
    let Ok(Some((old, _))) = place.open() else { return };
    let mut names = vec![0u8; limits::WORKSPACE_XATTR_BYTES_MAX];
    let Ok(count) = rustix::fs::flistxattr(&old, names.as_mut_slice()) else { return };
    let mut value = vec![0u8; limits::WORKSPACE_XATTR_BYTES_MAX];
    for name in names.get(..count).unwrap_or_default().split(|byte| *byte == 0).filter(|name| !name.is_empty()) {
        if let Ok(length) = rustix::fs::fgetxattr(&old, name, value.as_mut_slice()) {
            let _ = rustix::fs::fsetxattr(
                file,
                name,
                value.get(..length).unwrap_or_default(),
                rustix::fs::XattrFlags::empty(),
            );
        }
    }
}
