//! Before anything visible happens: resolve, compare pre-images, write new contents aside.

use super::temp::{self, TempName};
use super::{Base, Body, Conflict, EditError, FileChange};
use crate::base::Digest;
use crate::model::{FileMode, Node, NodeKind};
use crate::workspace::content;
use crate::workspace::limits;
use crate::workspace::root::{EntryAt, Identity, PathRefusal, Root};
use rustix::fs::{AtFlags, Gid, Mode, OFlags, Uid};
use rustix::io::Errno;
use std::collections::HashSet;
use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// The state of a pre-image when it was digested.
#[derive(Debug, Clone, Copy)]
pub struct Seen {
    pub identity: Identity,
    pub digest: Digest,
    pub is_link: bool,
}

impl Seen {
    fn is(&self, base: Base) -> bool {
        (self.digest, self.is_link) == (base.digest, base.is_link)
    }

    /// As events tell it.
    pub fn node(&self) -> Node {
        match self.is_link {
            true => Node { kind: NodeKind::Link, mode: None },
            false => Node::file(FileMode::new(self.identity.mode)),
        }
    }
}

/// A change whose pre-images match the disk.
#[derive(Debug)]
pub enum Checked {
    Put { path: PathBuf, place: Option<EntryAt>, before: Option<Seen>, body: Body },
    Remove { path: PathBuf, place: EntryAt, before: Seen },
    Move { from: PathBuf, place: EntryAt, to: PathBuf, before: Seen, mode: Option<u32> },
    Mode { path: PathBuf, place: EntryAt, before: Option<Seen>, mode: u32 },
    MakeDirectory { path: PathBuf, mode: Option<u32> },
    RemoveDirectory { path: PathBuf, place: EntryAt },
}

/// A change whose new content, if any, is synced in a temporary file beside its target.
#[derive(Debug)]
pub enum Staged {
    Put {
        path: PathBuf,
        place: EntryAt,
        before: Option<Seen>,
        temp: TempName,
        after: Digest,
        node: Node,
    },
    Remove {
        path: PathBuf,
        place: EntryAt,
        before: Seen,
    },
    Move {
        from: PathBuf,
        place: EntryAt,
        to: PathBuf,
        target: EntryAt,
        before: Seen,
        mode: Option<u32>,
    },
    Mode {
        path: PathBuf,
        place: EntryAt,
        before: Option<Seen>,
        mode: u32,
    },
    /// Made while it was staged.
    Directory {
        path: PathBuf,
        node: Node,
    },
    RemoveDirectory {
        path: PathBuf,
        place: EntryAt,
    },
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
                let _ = rustix::fs::unlinkat(&place.parent, temp.as_os_str(), AtFlags::empty());
            }
        }
        root.remove_dirs(&self.made);
    }
}

/// Reads the regular file at a place and its digest.
pub fn look(place: &EntryAt) -> Result<Option<Seen>, PathRefusal> {
    let Some((file, identity)) = place.open()? else { return Ok(None) };
    let digest = content::digest(file, limits::WORKSPACE_CONTENT_BYTES_MAX)
        .map_err(|error| PathRefusal::Io { path: place.path.clone(), error })?;
    Ok(Some(Seen { identity, digest, is_link: false }))
}

/// As [`look`], and a link is what its target's text says.
pub fn look_node(place: &EntryAt) -> Result<Option<Seen>, PathRefusal> {
    let Some((target, identity)) = place.link()? else { return look(place) };
    Ok(Some(Seen { identity, digest: Digest::of(&target), is_link: true }))
}

/// The current bytes for a merge, as far as they are small enough.
pub fn conflict(
    place: &EntryAt,
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
                Checked::Put { path, before, .. } | Checked::Mode { path, before, .. } => (path, *before),
                Checked::Remove { path, before, .. } | Checked::Move { from: path, before, .. } => {
                    (path, Some(*before))
                }
                Checked::MakeDirectory { path, .. } | Checked::RemoveDirectory { path, .. } => (path, None),
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
    Ok(match change {
        FileChange::Write { path, base, content, mode } => {
            check_write(root, path, base, Body::File { content, mode }, conflicts)?.into_iter().collect()
        }
        FileChange::Put { path, base: None, body } => {
            if let Some(seen) = root.place(&path).ok().map(|place| look_node(&place)).transpose()?.flatten() {
                let place = root.place(&path)?;
                conflicts.push(conflict(&place, &path, None, Some(seen.digest), None));
                return Ok(Vec::new());
            }
            vec![Checked::Put { path, place: None, before: None, body }]
        }
        FileChange::Put { path, base: Some(base), body } => {
            let place = root.place(&path)?;
            root.check_unguarded(&place, &path)?;
            let before = expect(&place, &path, base, None, conflicts)?;
            before
                .map(|before| Checked::Put { path, place: Some(place), before: Some(before), body })
                .into_iter()
                .collect()
        }
        FileChange::Delete { path, base } => {
            let place = root.place(&path)?;
            root.check_unguarded(&place, &path)?;
            let before = expect(&place, &path, base, None, conflicts)?;
            before.map(|before| Checked::Remove { path, place, before }).into_iter().collect()
        }
        FileChange::Rename { from, to, base, content, mode } => {
            check_rename(root, (from, to), Base { digest: base, is_link: false }, content, mode, conflicts)?
        }
        FileChange::Mode { path, base, mode } => {
            let place = root.place(&path)?;
            root.check_unguarded(&place, &path)?;
            let Some(base) = base else { return Ok(vec![Checked::Mode { path, place, before: None, mode }]) };
            let before = expect(&place, &path, Base { digest: base, is_link: false }, None, conflicts)?;
            before.map(|before| Checked::Mode { path, place, before: Some(before), mode }).into_iter().collect()
        }
        FileChange::MakeDirectory { path, mode } => vec![Checked::MakeDirectory { path, mode }],
        FileChange::RemoveDirectory { path } => match root.place(&path) {
            Ok(place) => vec![Checked::RemoveDirectory { path, place }],
            // It went with what held it.
            Err(PathRefusal::Io { error, .. }) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(refusal) => return Err(refusal.into()),
        },
    })
}

/// A write that follows a link at the end of its path.
fn check_write(
    root: &Root,
    path: PathBuf,
    base: Option<Digest>,
    body: Body,
    conflicts: &mut Vec<Conflict>,
) -> Result<Option<Checked>, EditError> {
    let place = match (root.place_through(&path), base) {
        (Ok(place), _) => place,
        (Err(refusal), Some(_)) => return Err(refusal.into()),
        (
            Err(refusal @ (PathRefusal::Outside { .. } | PathRefusal::NotRelative(_) | PathRefusal::Symlink { .. })),
            None,
        ) => return Err(refusal.into()),
        // Its parent directories may not exist yet; they are made when it is staged.
        (Err(PathRefusal::Io { .. } | PathRefusal::Special { .. } | PathRefusal::Guarded { .. }), None) => {
            return Ok(Some(Checked::Put { path, place: None, before: None, body }));
        }
    };
    if base.is_some() {
        root.check_unguarded(&place, &path)?;
    }
    let found = look(&place)?;
    if found.map(|seen| seen.digest) == base {
        let place = found.is_some().then_some(place);
        return Ok(Some(Checked::Put { path, place, before: found, body }));
    }
    conflicts.push(conflict(&place, &path, base, found.map(|seen| seen.digest), body.into_content()));
    Ok(None)
}

fn check_rename(
    root: &Root,
    (from, to): (PathBuf, PathBuf),
    base: Base,
    content: Option<Vec<u8>>,
    mode: Option<u32>,
    conflicts: &mut Vec<Conflict>,
) -> Result<Vec<Checked>, EditError> {
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
        None => vec![Checked::Move { from, place, to, before, mode }],
        Some(content) => {
            let body = Body::File { content, mode: Some(mode.unwrap_or(before.identity.mode)) };
            vec![
                Checked::Put { path: to, place: None, before: None, body },
                Checked::Remove { path: from, place, before },
            ]
        }
    })
}

fn expect(
    place: &EntryAt,
    path: &Path,
    base: Base,
    wanted: Option<&Vec<u8>>,
    conflicts: &mut Vec<Conflict>,
) -> Result<Option<Seen>, EditError> {
    let found = if base.is_link { look_node(place)? } else { look(place)? };
    if let Some(seen) = found.filter(|seen| seen.is(base)) {
        return Ok(Some(seen));
    }
    conflicts.push(conflict(place, path, Some(base.digest), found.map(|seen| seen.digest), wanted.cloned()));
    Ok(None)
}

/// Writes and syncs every new content aside. On failure nothing of it remains.
pub fn write(root: &Root, checked: Vec<Checked>) -> Result<Stage, EditError> {
    let mut stage = Stage::default();
    for change in checked {
        let path = match &change {
            Checked::Put { path, .. }
            | Checked::Remove { path, .. }
            | Checked::Move { from: path, .. }
            | Checked::Mode { path, .. }
            | Checked::MakeDirectory { path, .. }
            | Checked::RemoveDirectory { path, .. } => path.clone(),
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

fn open_target(root: &Root, path: &Path, made: &mut Vec<PathBuf>) -> Result<EntryAt, PathRefusal> {
    let (place, new) = root.place_making_parents(path)?;
    made.extend(new);
    root.check_unguarded(&place, path)?;
    Ok(place)
}

fn stage_one(root: &Root, change: Checked, made: &mut Vec<PathBuf>) -> Result<Staged, PathRefusal> {
    match change {
        Checked::Put { path, place, before, body } => {
            let place = match place {
                Some(place) => place,
                None => open_target(root, &path, made)?,
            };
            let failed = |error| PathRefusal::Io { path: path.clone(), error };
            let after = body.digest();
            let (temp, node) = match body {
                Body::Link(target) => (temp::link(&place.parent, &target), Node { kind: NodeKind::Link, mode: None }),
                Body::File { content, mode } => {
                    let old = before.filter(|seen| !seen.is_link).map(|seen| seen.identity);
                    let (temp, mode) = write_aside(&place, old, mode, &content).map_err(failed)?;
                    (Ok(temp), Node::file(mode))
                }
            };
            let temp = temp.map_err(failed)?;
            Ok(Staged::Put { path, place, before, temp, after, node })
        }
        Checked::Remove { path, place, before } => Ok(Staged::Remove { path, place, before }),
        Checked::Move { from, place, to, before, mode } => {
            let target = open_target(root, &to, made)?;
            Ok(Staged::Move { from, place, to, target, before, mode })
        }
        Checked::Mode { path, place, before, mode } => Ok(Staged::Mode { path, place, before, mode }),
        Checked::MakeDirectory { path, mode } => {
            let place = open_target(root, &path, made)?;
            let failed = |errno: Errno| PathRefusal::Io { path: path.clone(), error: errno.into() };
            match rustix::fs::mkdirat(&place.parent, &place.name, Mode::from_raw_mode(0o777)) {
                Ok(()) => made.push(path.clone()),
                Err(Errno::EXIST) => {}
                Err(errno) => return Err(failed(errno)),
            }
            let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let there = rustix::fs::openat(&place.parent, &place.name, flags, Mode::empty()).map_err(failed)?;
            if let Some(mode) = mode {
                rustix::fs::fchmod(&there, Mode::from_raw_mode(mode)).map_err(failed)?;
            }
            let bits = rustix::fs::fstat(&there).map_err(failed)?.st_mode;
            let node = Node { kind: NodeKind::Directory, mode: Some(FileMode::new(bits)) };
            Ok(Staged::Directory { path, node })
        }
        Checked::RemoveDirectory { path, place } => Ok(Staged::RemoveDirectory { path, place }),
    }
}

impl Body {
    fn digest(&self) -> Digest {
        match self {
            Self::File { content, .. } | Self::Link(content) => Digest::of(content),
        }
    }

    fn into_content(self) -> Option<Vec<u8>> {
        match self {
            Self::File { content, .. } => Some(content),
            Self::Link(_) => None,
        }
    }
}

/// The name of the file and the bits that it got.
fn write_aside(
    place: &EntryAt,
    old: Option<Identity>,
    mode: Option<u32>,
    content: &[u8],
) -> io::Result<(TempName, FileMode)> {
    // What has bits of its own stays private until it has them; another new file takes the umask at once.
    let first = if old.is_some() || mode.is_some() { 0o600 } else { 0o666 };
    let (file, name) = temp::create(&place.parent, Mode::from_raw_mode(first))?;
    match fill(file, place, old, mode, content) {
        Ok(mode) => Ok((name, mode)),
        Err(error) => {
            let _ = rustix::fs::unlinkat(&place.parent, name.as_os_str(), AtFlags::empty());
            Err(error)
        }
    }
}

fn fill(
    mut file: File,
    place: &EntryAt,
    old: Option<Identity>,
    mode: Option<u32>,
    content: &[u8],
) -> io::Result<FileMode> {
    file.write_all(content)?;
    if let Some(old) = old {
        let now = rustix::fs::fstat(&file)?;
        if (now.st_uid, now.st_gid) != (old.uid, old.gid) {
            let owner = (now.st_uid != old.uid).then(|| Uid::from_raw(old.uid));
            let group = (now.st_gid != old.gid).then(|| Gid::from_raw(old.gid));
            rustix::fs::fchown(&file, owner, group)?;
        }
        keep_attributes(&file, place);
    }
    if let Some(bits) = mode.or(old.map(|old| old.mode)) {
        rustix::fs::fchmod(&file, Mode::from_raw_mode(bits))?;
    }
    file.sync_all()?;
    Ok(FileMode::new(rustix::fs::fstat(&file)?.st_mode))
}

/// Copies extended attributes (access lists, labels) as far as the file system and our rights let us.
fn keep_attributes(file: &File, place: &EntryAt) {
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
