//! From the layer to the workspace: each node is exchanged for the one that the change was read against, or nothing
//! happens to it. What somebody else changed meanwhile stays, and the command's version is kept beside the session.

use super::kept::Layer;
use super::read::{Change, Changes, What};
use crate::base::RelPath;
use crate::model::NodeKind;
use crate::model::event::FileOutcome;
use crate::workspace::edit::TempName;
use crate::workspace::root::{Identity, PathRefusal, Root};
use crate::workspace::tree::{Class, Rules};
use rustix::fd::{AsRawFd as _, OwnedFd};
use rustix::fs::{AtFlags, CWD, FileType, Mode, RenameFlags, Timespec, Timestamps};
use rustix::io::Errno;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// The end of a promotion.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Promoted {
    /// The content that the command changed.
    pub files: Vec<FileOutcome>,
    /// Changed nodes that are not content: ignored, or without a name in UTF-8.
    pub others: usize,
    /// What was not promoted, in words, and where the command's version is.
    pub kept: Vec<String>,
    /// The promotion could not begin.
    pub failed: bool,
}

impl Changes {
    /// What a promotion leaves if nothing comes in between: the content among the changes.
    pub fn outcomes(&self, rules: &Rules) -> Vec<FileOutcome> {
        let told = self.told(rules);
        let promoted = self.list.iter().filter(|change| !change.in_conflict);
        promoted.filter(|change| told.contains(change.path.as_path())).filter_map(outcome).collect()
    }

    /// The changes of content. A directory is none where it holds nothing but what is not content.
    fn told(&self, rules: &Rules) -> BTreeSet<&Path> {
        let is_content = |change: &&Change| !change.is_touched_only() && is_content(change, rules);
        let is_leaf = |change: &&Change| !change.is_directory();
        let above = |path: &'_ Path| path.ancestors().skip(1).map(Path::to_owned).collect::<Vec<_>>();
        let all: BTreeSet<PathBuf> = self.list.iter().filter(is_leaf).flat_map(|change| above(&change.path)).collect();
        let content = self.list.iter().filter(is_leaf).filter(is_content);
        let filled: BTreeSet<PathBuf> = content.flat_map(|change| above(&change.path)).collect();
        let holds = |path: &PathBuf| filled.contains(path) || !all.contains(path);
        let told = self.list.iter().filter(is_content);
        let told = told.filter(|change| {
            !change.is_directory() || change.before.is_some() && change.after.is_some() || holds(&change.path)
        });
        told.map(|change| change.path.as_path()).collect()
    }
}

/// Carries everything over that is neither in conflict nor held back.
pub(super) fn promote(
    layer: &Layer,
    root: &Root,
    rules: &Rules,
    changes: &Changes,
    held: &BTreeSet<PathBuf>,
) -> Promoted {
    let mut done = Promoted { kept: changes.left.clone(), ..Promoted::default() };
    let told = changes.told(rules);
    let mut order: Vec<&Change> = changes.list.iter().filter(|change| !held.contains(&change.path)).collect();
    order.sort_by_key(|change| turn(change));
    let mut directories = Directories { root, bits: BTreeMap::new() };
    for change in order {
        let carried = if change.in_conflict { Err(Refused::Changed) } else { directories.carry(layer, change) };
        match carried {
            Ok(()) if change.is_touched_only() => {}
            Ok(()) => match outcome(change).filter(|_| told.contains(change.path.as_path())) {
                Some(outcome) => done.files.push(outcome),
                None => done.others += 1,
            },
            // Somebody put a file of theirs into it.
            Err(Refused::Filled) => {}
            Err(refused) => done.kept.push(keep(layer, change, &refused)),
        }
    }
    done.kept.extend(directories.close());
    done
}

/// The bits that directories of the workspace get when everything is in its place: some of them close a directory.
struct Directories<'a> {
    root: &'a Root,
    bits: BTreeMap<PathBuf, u32>,
}

impl Directories<'_> {
    /// Carries one change over; where closed directories are in the way, after they were opened.
    fn carry(&mut self, layer: &Layer, change: &Change) -> Result<(), Refused> {
        let mut carried = carry(layer, self.root, change);
        if matches!(&carried, Err(Refused::Io(error)) if error.kind() == io::ErrorKind::PermissionDenied) {
            let _open = layer.open_above(&change.path);
            self.open_above(&change.path);
            carried = carry(layer, self.root, change);
        }
        let bits = change.after.filter(is_directory).and_then(|after| after.node.mode);
        if let (Ok(()), Some(bits)) = (&carried, bits) {
            self.bits.insert(change.path.clone(), bits.bits());
        }
        carried
    }

    /// Opens the directories above this path to their owner, from the outermost in.
    fn open_above(&mut self, path: &Path) {
        let above: Vec<&Path> = path.ancestors().skip(1).collect();
        for dir in above.into_iter().rev() {
            let Ok(open) = self.root.open_plain_dir(dir) else { return };
            let Ok(about) = rustix::fs::fstat(&open) else { return };
            let bits = about.st_mode & 0o7777;
            if bits & 0o700 != 0o700 && set_bits(&open, bits | 0o700).is_ok() {
                self.bits.entry(dir.to_owned()).or_insert(bits);
            }
        }
    }

    /// Sets the bits, those of inner directories first. Returns what failed, in words.
    fn close(self) -> Vec<String> {
        let close = |(dir, bits): (PathBuf, u32)| {
            // One that was removed needs none.
            let open = self.root.open_plain_dir(&dir).ok()?;
            let error = set_bits(&open, bits).err()?;
            Some(format!("the permissions of {} could not be set to {bits:04o}: {error}", dir.display()))
        };
        self.bits.into_iter().rev().filter_map(close).collect()
    }
}

/// The descriptor names exactly this directory, which need not be readable.
fn set_bits(dir: &OwnedFd, bits: u32) -> rustix::io::Result<()> {
    rustix::fs::chmod(format!("/proc/self/fd/{}", dir.as_raw_fd()), Mode::from_raw_mode(bits))
}

fn is_directory(what: &What) -> bool {
    what.node.kind == NodeKind::Directory
}

/// Files go first, then directories from the innermost out; those that come are made from the outermost in, before
/// what is in them.
fn turn(change: &Change) -> (u8, usize) {
    let depth = change.path.components().count();
    let is_directory = |what: Option<What>| what.as_ref().is_some_and(is_directory);
    match (is_directory(change.before), is_directory(change.after)) {
        (false, false) if change.after.is_none() => (0, 0),
        (true, false) => (1, usize::MAX - depth),
        (_, true) => (2, depth),
        (false, false) => (3, 0),
    }
}

/// The reason that a change was not carried over.
enum Refused {
    /// The node is not what it was.
    Changed,
    /// The directory is not empty.
    Filled,
    Io(io::Error),
}

impl From<Errno> for Refused {
    fn from(errno: Errno) -> Self {
        match errno {
            Errno::NOTEMPTY => Self::Filled,
            Errno::EXIST | Errno::NOENT | Errno::LOOP | Errno::NOTDIR => Self::Changed,
            errno => Self::Io(errno.into()),
        }
    }
}

impl From<io::Error> for Refused {
    fn from(error: io::Error) -> Self {
        error.raw_os_error().map_or_else(|| Self::Io(error), |code| Errno::from_raw_os_error(code).into())
    }
}

fn carry(layer: &Layer, root: &Root, change: &Change) -> Result<(), Refused> {
    let name = change.path.file_name().unwrap_or_default();
    let parent = root.open_plain_dir(change.path.parent().unwrap_or(Path::new("")));
    let parent = parent.map_err(|refusal| match refusal {
        PathRefusal::Io { error, .. } if error.kind() == io::ErrorKind::PermissionDenied => Refused::Io(error),
        PathRefusal::NotRelative(_)
        | PathRefusal::Outside { .. }
        | PathRefusal::Special { .. }
        | PathRefusal::Symlink { .. }
        | PathRefusal::Guarded { .. }
        | PathRefusal::Io { .. } => Refused::Changed,
    })?;
    match (change.before, change.after) {
        // Its bits come when it is filled.
        (Some(_), Some(after)) if is_directory(&after) => {
            let found = rustix::fs::statat(&parent, name, AtFlags::SYMLINK_NOFOLLOW)?;
            let is_there = FileType::from_raw_mode(found.st_mode) == FileType::Directory;
            if is_there { Ok(()) } else { Err(Refused::Changed) }
        }
        (None, Some(after)) if is_directory(&after) => Ok(rustix::fs::mkdirat(&parent, name, Mode::RWXU)?),
        (Some(before), None) if is_directory(&before) => Ok(rustix::fs::unlinkat(&parent, name, AtFlags::REMOVEDIR)?),
        (Some(before), None) => remove(&parent, name, &before.identity),
        (Some(before), Some(after)) if before.is_like(&after) => same_bytes(&parent, name, change, layer),
        (before, Some(_)) => put(&parent, name, &layer.upper(&change.path), before.map(|before| before.identity)),
        (None, None) => Ok(()),
    }
}

/// Removes what is exactly the node that was read: it is moved aside first, and back if it is another one.
fn remove(parent: &OwnedFd, name: &OsStr, expected: &Identity) -> Result<(), Refused> {
    let aside = TempName::new();
    rustix::fs::renameat_with(parent, name, parent, aside.as_os_str(), RenameFlags::NOREPLACE)?;
    let found = Identity::of(&rustix::fs::statat(parent, aside.as_os_str(), AtFlags::SYMLINK_NOFOLLOW)?);
    if !found.same_content(expected) {
        rustix::fs::renameat_with(parent, aside.as_os_str(), parent, name, RenameFlags::NOREPLACE)?;
        return Err(Refused::Changed);
    }
    Ok(rustix::fs::unlinkat(parent, aside.as_os_str(), AtFlags::empty())?)
}

/// Bits and times of a file whose bytes are the same.
fn same_bytes(parent: &OwnedFd, name: &OsStr, change: &Change, layer: &Layer) -> Result<(), Refused> {
    let Some(after) = change.after.filter(|after| after.node.kind == NodeKind::File) else { return Ok(()) };
    let (file, found) = crate::workspace::content::open(parent, name)?;
    if change.before.is_none_or(|before| !found.same_content(&before.identity)) {
        return Err(Refused::Changed);
    }
    if let Some(mode) = after.node.mode.filter(|mode| mode.bits() != found.mode) {
        rustix::fs::fchmod(&file, Mode::from_raw_mode(mode.bits()))?;
    }
    if found.mtime_ns != after.identity.mtime_ns {
        rustix::fs::futimens(&file, &times(&layer.upper(&change.path))?)?;
    }
    Ok(())
}

/// Puts a file or a link of the layer in the place of what is exactly the node that was read. The layer keeps its own
/// name for it: a promotion that was interrupted begins again.
fn put(parent: &OwnedFd, name: &OsStr, from: &Path, expected: Option<Identity>) -> Result<(), Refused> {
    let staged = stage(parent, from)?;
    let outcome = exchange(parent, name, staged.as_os_str(), expected);
    if outcome.is_err() {
        let _ = rustix::fs::unlinkat(parent, staged.as_os_str(), AtFlags::empty());
    }
    outcome
}

fn exchange(parent: &OwnedFd, name: &OsStr, staged: &OsStr, expected: Option<Identity>) -> Result<(), Refused> {
    let Some(expected) = expected else {
        return Ok(rustix::fs::renameat_with(parent, staged, parent, name, RenameFlags::NOREPLACE)?);
    };
    rustix::fs::renameat_with(parent, staged, parent, name, RenameFlags::EXCHANGE)?;
    let displaced = Identity::of(&rustix::fs::statat(parent, staged, AtFlags::SYMLINK_NOFOLLOW)?);
    if !displaced.same_content(&expected) {
        rustix::fs::renameat_with(parent, staged, parent, name, RenameFlags::EXCHANGE)?;
        return Err(Refused::Changed);
    }
    Ok(rustix::fs::unlinkat(parent, staged, AtFlags::empty())?)
}

/// Brings a file or a link beside its target: as a second name on the same file system, else as a copy.
fn stage(parent: &OwnedFd, from: &Path) -> Result<TempName, Refused> {
    let name = TempName::new();
    let about = from.symlink_metadata()?;
    if about.is_symlink() {
        let target = fs::read_link(from)?;
        rustix::fs::symlinkat(target.as_os_str().as_bytes(), parent, name.as_os_str())?;
        return Ok(name);
    }
    for mark in ["origin", "impure", "opaque", "metacopy", "redirect"] {
        let _ = rustix::fs::lremovexattr(from, format!("user.overlay.{mark}"));
    }
    match rustix::fs::linkat(CWD, from, parent, name.as_os_str(), AtFlags::empty()) {
        Ok(()) => Ok(name),
        // Another file system, or one where this file takes no further name.
        Err(Errno::XDEV | Errno::PERM | Errno::MLINK | Errno::OPNOTSUPP) => {
            let (mut to, name) = crate::workspace::edit::create_temp(parent, Mode::from_raw_mode(0o600))?;
            io::copy(&mut File::open(from)?, &mut to)?;
            rustix::fs::fchmod(&to, Mode::from_raw_mode(about.mode()))?;
            rustix::fs::futimens(&to, &times(from)?)?;
            Ok(name)
        }
        Err(errno) => Err(errno.into()),
    }
}

fn times(of: &Path) -> io::Result<Timestamps> {
    let about = of.symlink_metadata()?;
    Ok(Timestamps {
        last_access: Timespec { tv_sec: about.atime(), tv_nsec: about.atime_nsec() },
        last_modification: Timespec { tv_sec: about.mtime(), tv_nsec: about.mtime_nsec() },
    })
}

/// Keeps the command's version, and says where.
fn keep(layer: &Layer, change: &Change, refused: &Refused) -> String {
    let path = change.path.display();
    let why = match refused {
        Refused::Io(error) => error.to_string(),
        Refused::Changed | Refused::Filled => "it was changed while the command ran, and stays as it is".to_owned(),
    };
    if change.after.is_none() {
        return format!("{path} was not deleted: {why}");
    }
    match layer.keep(&change.path) {
        Ok(Some(at)) => format!("{path} was not promoted: {why}; the command's version is {}", at.display()),
        Ok(None) => format!("{path} was not promoted: {why}"),
        Err(error) => format!("{path} was not promoted: {why}; the command's version could not be kept: {error}"),
    }
}

fn is_content(change: &Change, rules: &Rules) -> bool {
    rules.class(&change.path, change.is_directory()) == Class::Content
}

/// `None` for a name that is not UTF-8: the journal has no place for it.
fn outcome(change: &Change) -> Option<FileOutcome> {
    let path = RelPath::from_path(&change.path).ok()?;
    let what = change.kind()?;
    let digest = |what: Option<What>| what.and_then(|what| what.digest);
    let outcome = FileOutcome::of(path, what, digest(change.before), digest(change.after));
    let node = |what: Option<What>| what.map(|what| what.node);
    Some(FileOutcome { before_node: node(change.before), after_node: node(change.after), ..outcome })
}
