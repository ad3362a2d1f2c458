//! What a command did: its upper directory, read against the workspace as it is now.
//!
//! The base of a change is the workspace's own node, as long as its inode has not changed since the layer began: then the
//! command saw it so. Where it has changed, somebody else was at work on the same node, and the change is in conflict. For
//! content, the recorded trees tell in addition whether it really is another one.

use super::kept::{Layer, Opened};
use crate::base::Digest;
use crate::model::event::FileOutcome;
use crate::model::{FileChange, FileMode, Node, NodeKind};
use crate::workspace::content;
use crate::workspace::limits;
use crate::workspace::root::{Identity, PathRefusal, Root};
use crate::workspace::tree::{Class, Rules};
use rustix::fs::{AtFlags, FileType, OFlags, Stat};
use rustix::io::Errno;
use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use tokio_util::sync::CancellationToken;

/// A node on one side of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct What {
    pub node: Node,
    /// Of the bytes, or of a link's target. A directory has none.
    pub digest: Option<Digest>,
    pub(super) identity: Identity,
}

impl What {
    /// The same content, as far as it was read.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        let is_directory = self.node.kind == NodeKind::Directory;
        self.node.kind == other.node.kind
            && (is_directory || self.digest.is_some() && self.digest == other.digest || self.identity == other.identity)
    }
}

/// One node that the command created, changed or deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Relative to the workspace.
    pub path: PathBuf,
    /// In the workspace now; `None` = not there.
    pub before: Option<What>,
    /// In the layer; `None` = deleted.
    pub after: Option<What>,
    /// Somebody else changed the node while the command ran.
    pub in_conflict: bool,
}

/// What below `.git` is git's own store, in which nothing runs code or says what does. Names that end in `HEAD`, `_MSG`
/// and `_EDITMSG` belong to it too.
const STORE_OF_GIT: [&str; 12] = [
    "objects",
    "refs",
    "packed-refs",
    "index",
    "logs",
    "shallow",
    "description",
    "MERGE_MODE",
    "MERGE_RR",
    "AUTO_MERGE",
    "gc.log",
    "gc.pid",
];

fn is_store_of_git(name: &OsStr) -> bool {
    let name = name.to_str().unwrap_or_default();
    let name = name.strip_suffix(".lock").unwrap_or(name);
    let is_noted = name == "HEAD" || name.ends_with("_HEAD") || name.ends_with("_MSG") || name.ends_with("_EDITMSG");
    is_noted || STORE_OF_GIT.contains(&name)
}

impl Change {
    /// `None` for nothing before and after.
    pub fn kind(&self) -> Option<FileChange> {
        match (self.before, self.after) {
            (None, None) => None,
            (None, Some(_)) => Some(FileChange::Create),
            (Some(_), None) => Some(FileChange::Delete),
            (Some(_), Some(_)) => Some(FileChange::Modify),
        }
    }

    /// Returns whether rules may have a word on it: a file or link that is content or is in a directory that is, or
    /// that git keeps outside of its own store.
    pub fn is_judged(&self, rules: &Rules) -> bool {
        if self.is_directory() || self.is_touched_only() {
            return false;
        }
        let mut git = self.path.iter().skip_while(|name| *name != ".git").skip(1);
        if let Some(first) = git.next() {
            // The repositories of submodules and worktrees, each with a name.
            let is_inside = (first == "modules" || first == "worktrees") && git.next().is_some();
            return !(is_store_of_git(first) || is_inside && git.next().is_some_and(is_store_of_git));
        }
        let parent = self.path.parent().unwrap_or(Path::new(""));
        rules.class(&self.path, false) == Class::Content
            || parent == Path::new("")
            || rules.class(parent, true) == Class::Content
    }

    pub(super) fn is_directory(&self) -> bool {
        [self.before, self.after].iter().flatten().any(|what| what.node.kind == NodeKind::Directory)
    }

    /// The same content and bits, at another time.
    pub(super) fn is_touched_only(&self) -> bool {
        self.before.zip(self.after).is_some_and(|(before, after)| before.node == after.node && before.is_like(&after))
    }
}

/// What somebody else changed since the layer began, as far as the recorded trees know.
#[derive(Debug)]
pub struct Others<'a> {
    pub paths: BTreeSet<PathBuf>,
    pub rules: &'a Rules,
}

/// Everything in a layer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    /// Directories before what is in them.
    pub list: Vec<Change>,
    /// What cannot be carried over, in words; bounded.
    pub left: Vec<String>,
    /// The number of nodes that are not in the list, but could be kept.
    pub left_out: usize,
}

pub(super) fn changes(
    layer: &Layer,
    root: &Root,
    others: Option<&Others<'_>>,
    stop: &CancellationToken,
) -> io::Result<Changes> {
    let room = Room { nodes: limits::LAYER_NODES_MAX, bytes: limits::LAYER_BYTES_MAX, stop };
    let mut reading = Reading { layer, root, others, room, count: 0, found: Changes::default() };
    reading.directory(Path::new(""))?;
    let more = reading.count.saturating_sub(reading.found.left.len());
    reading.found.left.extend((more > 0).then(|| format!("{more} more are not promoted")));
    Ok(reading.found)
}

/// What may still be read of a result, until it is stopped.
struct Room<'a> {
    nodes: usize,
    bytes: u64,
    stop: &'a CancellationToken,
}

impl Room<'_> {
    fn check(&self) -> io::Result<()> {
        if self.stop.is_cancelled() { Err(io::Error::other("it was stopped")) } else { Ok(()) }
    }

    /// # Errors
    /// `FileTooLarge` for a file that is larger than what is left.
    fn digest(&mut self, file: File, size: u64) -> io::Result<Digest> {
        let max = limits::LAYER_FILE_BYTES_MAX.min(self.bytes);
        if size > max {
            let why = format!("it has {size} bytes, and {max} of the result can still be read");
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, why));
        }
        self.bytes = self.bytes.saturating_sub(size);
        content::digest(Stoppable { file, stop: self.stop }, max)
    }
}

/// A file whose reading fails when it is stopped.
struct Stoppable<'a> {
    file: File,
    stop: &'a CancellationToken,
}

impl Read for Stoppable<'_> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        if self.stop.is_cancelled() { Err(io::Error::other("it was stopped")) } else { self.file.read(to) }
    }
}

/// The node of this path in the workspace. No link is followed on the way.
fn now(root: &Root, path: &Path, room: &mut Room<'_>) -> io::Result<Option<What>> {
    let (parent, name) = (path.parent().unwrap_or(Path::new("")), path.file_name().unwrap_or_default());
    let dir = match root.open_plain_dir(parent) {
        Ok(dir) => dir,
        Err(PathRefusal::Io { error, .. }) if is_absent(&error) => return Ok(None),
        Err(refusal) => return Err(io::Error::other(refusal.to_string())),
    };
    match rustix::fs::statat(&dir, name, AtFlags::SYMLINK_NOFOLLOW) {
        // What is too large to be read is known by its inode alone.
        Ok(stat) => what(&dir, name, &stat, room).map(|(what, _)| Some(what)),
        Err(Errno::NOENT) => Ok(None),
        Err(errno) => Err(errno.into()),
    }
}

/// Returns whether the workspace has this file as it was promoted.
pub(super) fn is_now(root: &Root, file: &FileOutcome) -> bool {
    let stop = CancellationToken::new();
    let mut room = Room { nodes: 1, bytes: limits::LAYER_BYTES_MAX, stop: &stop };
    match now(root, Path::new(file.path.as_str()), &mut room) {
        Ok(None) => file.change == FileChange::Delete,
        Ok(Some(what)) => file.change != FileChange::Delete && what.digest == file.after,
        Err(_) => false,
    }
}

fn is_absent(error: &io::Error) -> bool {
    let is_link = error.raw_os_error() == Some(Errno::LOOP.raw_os_error());
    is_link || matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// A node, and why its content was not read.
fn what(
    dir: &rustix::fd::OwnedFd,
    name: &OsStr,
    stat: &Stat,
    room: &mut Room<'_>,
) -> io::Result<(What, Option<io::Error>)> {
    let mut unread = None;
    let mode = Some(FileMode::new(stat.st_mode));
    let (node, digest) = match FileType::from_raw_mode(stat.st_mode) {
        FileType::Directory => (Node { kind: NodeKind::Directory, mode }, None),
        FileType::Symlink => {
            let target = rustix::fs::readlinkat(dir, name, Vec::new())?;
            (Node { kind: NodeKind::Link, mode: None }, Some(Digest::of(target.as_bytes())))
        }
        FileType::RegularFile => {
            let digest = match content::open(dir, name) {
                Ok((file, identity)) => room.digest(file, identity.size).map_err(|error| unread = Some(error)).ok(),
                // Its content is known by its inode alone.
                Err(_) => None,
            };
            room.check()?;
            (Node { kind: NodeKind::File, mode }, digest)
        }
        FileType::Fifo | FileType::Socket | FileType::CharacterDevice | FileType::BlockDevice | FileType::Unknown => {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "neither a file nor a link nor a directory"));
        }
    };
    Ok((What { node, digest, identity: Identity::of(stat) }, unread))
}

struct Reading<'a> {
    layer: &'a Layer,
    root: &'a Root,
    others: Option<&'a Others<'a>>,
    room: Room<'a>,
    /// Nodes left out, of which some are named.
    count: usize,
    found: Changes,
}

impl Reading<'_> {
    /// A directory of the upper side, by its path in the workspace.
    fn directory(&mut self, path: &Path) -> io::Result<()> {
        let _open = Opened::at(&self.layer.upper(path));
        let mut names: Vec<OsString> = std::fs::read_dir(self.layer.upper(path))?
            .map(|entry| Ok(entry?.file_name()))
            .collect::<io::Result<_>>()?;
        names.sort();
        for name in &names {
            let path = path.join(name);
            if let Err(error) = self.entry(&path) {
                self.room.check()?;
                self.leave(&path, &error);
            }
        }
        if attribute(&self.layer.upper(path), "opaque").is_some_and(|value| value == b"y") {
            let kept: BTreeSet<OsString> = names.into_iter().collect();
            for name in self.names_now(path)?.into_iter().filter(|name| !kept.contains(name)) {
                self.gone(&path.join(name))?;
            }
        }
        Ok(())
    }

    /// Leaves a node out of the result.
    fn leave(&mut self, path: &Path, why: &io::Error) {
        // A socket or a pipe is nothing that could be kept.
        self.found.left_out += usize::from(why.kind() != io::ErrorKind::InvalidInput);
        self.count += 1;
        if self.found.left.len() < limits::LAYER_LEFT_NAMED_MAX {
            self.found.left.push(format!("{} is not promoted: {why}", path.display()));
        }
    }

    /// # Errors
    /// When it was stopped, or there is no room for a further node at this depth.
    fn enter(&mut self, path: &Path) -> io::Result<()> {
        self.room.check()?;
        if path.components().count() > limits::CHECKPOINT_DEPTH_MAX {
            let max = limits::CHECKPOINT_DEPTH_MAX;
            return Err(io::Error::other(format!("it is more than {max} directories deep")));
        }
        let no_room = || format!("the result has more than {} nodes", limits::LAYER_NODES_MAX);
        self.room.nodes = self.room.nodes.checked_sub(1).ok_or_else(|| io::Error::other(no_room()))?;
        Ok(())
    }

    fn entry(&mut self, path: &Path) -> io::Result<()> {
        let upper = self.layer.upper(path);
        if self.layer.plan().shared.iter().any(|shared| *shared == self.root.path().join(path)) {
            return Ok(());
        }
        self.enter(path)?;
        let dir = rustix::fs::open(upper.parent().unwrap_or(Path::new("/")), DIR, rustix::fs::Mode::empty())?;
        let name = path.file_name().unwrap_or_default();
        let stat = rustix::fs::statat(&dir, name, AtFlags::SYMLINK_NOFOLLOW)?;
        if is_whiteout(&upper, &stat) {
            return self.gone(path);
        }
        let (after, unread) = what(&dir, name, &stat, &mut self.room)?;
        if let Some(error) = unread {
            return Err(error);
        }
        let before = now(self.root, path, &mut self.room)?;
        let is_directory = after.node.kind == NodeKind::Directory;
        let was_directory = before.is_some_and(|before| before.node.kind == NodeKind::Directory);
        if was_directory && !is_directory {
            self.gone(path)?;
            self.add(path, None, Some(after));
            return Ok(());
        }
        if is_directory && before.is_some() && !was_directory {
            self.gone(path)?;
            self.add(path, None, Some(after));
        } else if !(is_directory && before.is_some_and(|before| before.node == after.node)) {
            self.add(path, before, Some(after));
        }
        if is_directory { self.directory(path) } else { Ok(()) }
    }

    /// A node that is deleted in the layer, with all that is in it.
    fn gone(&mut self, path: &Path) -> io::Result<()> {
        self.enter(path)?;
        // Deleted on both sides.
        let Some(before) = now(self.root, path, &mut self.room)? else { return Ok(()) };
        self.add(path, Some(before), None);
        if before.node.kind == NodeKind::Directory {
            for name in self.names_now(path)? {
                let path = path.join(name);
                if let Err(error) = self.gone(&path) {
                    self.room.check()?;
                    self.leave(&path, &error);
                }
            }
        }
        Ok(())
    }

    fn names_now(&self, path: &Path) -> io::Result<Vec<OsString>> {
        let Ok(dir) = self.root.open_plain_dir(path) else { return Ok(Vec::new()) };
        let mut names = Vec::new();
        for entry in rustix::fs::Dir::read_from(&dir)? {
            let entry = entry?;
            let name = OsStr::from_bytes(entry.file_name().to_bytes());
            if name != "." && name != ".." {
                names.push(name.to_owned());
            }
        }
        names.sort();
        Ok(names)
    }

    fn add(&mut self, path: &Path, before: Option<What>, after: Option<What>) {
        let same = |one: What, two: What| one.node == two.node && one.is_like(&two);
        let is_directory = |what: Option<What>| what.is_some_and(|what| what.node.kind == NodeKind::Directory);
        let is_same = before.zip(after).is_some_and(|(before, after)| same(before, after));
        // The entries of a directory have changes of their own.
        let in_conflict = !is_same && !is_directory(before) && !is_directory(after) && self.is_of_others(path, before);
        self.found.list.push(Change { path: path.to_owned(), before, after, in_conflict });
    }

    /// Returns whether somebody else changed this node since the layer began.
    fn is_of_others(&self, path: &Path, before: Option<What>) -> bool {
        let content = self.others.filter(|others| others.rules.class(path, false) == Class::Content);
        let is_told = content.map(|others| others.paths.contains(path));
        match before {
            Some(before) => before.identity.ctime_ns >= self.layer.began_ns() && is_told.unwrap_or(true),
            // Deleted by somebody else after the command had it, or moved here by the command: the mark of a copied file
            // moves along. Only a directory in which nothing came or went rules the first out.
            None => is_told.unwrap_or_else(|| {
                let parent = path.parent().and_then(|parent| self.root.open_plain_dir(parent).ok());
                let stat = parent.and_then(|parent| rustix::fs::fstat(&parent).ok());
                let came_or_went = stat.is_some_and(|stat| Identity::of(&stat).mtime_ns >= self.layer.began_ns());
                came_or_went && attribute(&self.layer.upper(path), "origin").is_some()
            }),
        }
    }
}

/// What an upper directory takes away from the workspace below it.
#[derive(Debug, Default)]
pub struct Marks {
    /// Deleted nodes.
    pub gone: BTreeSet<PathBuf>,
    /// Directories of which nothing below shows.
    pub opaque: BTreeSet<PathBuf>,
}

impl Marks {
    /// Reads them. What these rules leave out is not entered.
    pub fn of(upper: &Path, rules: &Rules) -> Self {
        let mut marks = Self::default();
        let mut open = vec![PathBuf::new()];
        while let Some(dir) = open.pop() {
            let full = upper.join(&dir);
            if attribute(&full, "opaque").is_some_and(|value| value == b"y") {
                marks.opaque.insert(dir.clone());
            }
            for entry in std::fs::read_dir(&full).into_iter().flatten().flatten() {
                let (path, full) = (dir.join(entry.file_name()), entry.path());
                let Ok(stat) = rustix::fs::lstat(&full) else { continue };
                let is_directory = FileType::from_raw_mode(stat.st_mode) == FileType::Directory;
                if is_whiteout(&full, &stat) {
                    marks.gone.insert(path);
                } else if is_directory
                    && rules.class_below(&path, true) == Class::Content
                    && path.iter().count() <= limits::CHECKPOINT_DEPTH_MAX
                {
                    open.push(path);
                }
            }
        }
        marks
    }
}

/// The node that an upper directory has at this path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Covering {
    /// What the workspace has shows.
    Nothing,
    /// It is deleted.
    Gone,
    /// A file, a link or a directory.
    Node,
}

impl Covering {
    /// Looks for it, from the top down.
    pub fn of(upper: &Path, path: &Path) -> Self {
        let (mut at, mut is_opaque) = (upper.to_owned(), false);
        for name in path.iter() {
            if !at.symlink_metadata().is_ok_and(|about| about.is_dir()) {
                // A file or link above it, which is not followed.
                return Self::Gone;
            }
            is_opaque |= attribute(&at, "opaque").is_some_and(|value| value == b"y");
            at.push(name);
            match rustix::fs::lstat(&at) {
                Ok(stat) if is_whiteout(&at, &stat) => return Self::Gone,
                Ok(_) => {}
                Err(_) => return if is_opaque { Self::Gone } else { Self::Nothing },
            }
        }
        Self::Node
    }
}

const DIR: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

fn is_whiteout(path: &Path, stat: &Stat) -> bool {
    let kind = FileType::from_raw_mode(stat.st_mode);
    let is_marked = || stat.st_size == 0 && attribute(path, "whiteout").is_some();
    (kind == FileType::CharacterDevice && stat.st_rdev == 0) || (kind == FileType::RegularFile && is_marked())
}

/// A mark of the overlay file system.
fn attribute(path: &Path, name: &str) -> Option<Vec<u8>> {
    let mut value = [0u8; limits::LAYER_MARK_BYTES_MAX];
    let length = rustix::fs::lgetxattr(path, format!("user.overlay.{name}"), &mut value[..]).ok()?;
    Some(value.get(..length)?.to_vec())
}
