//! What a command did: its upper directory, read against the workspace as it is now.
//!
//! The base of a change is the workspace's own node, as long as its inode has not changed since the layer began: then the
//! command saw it so. Where it has changed, somebody else was at work on the same node, and the change is in conflict. For
//! content, the recorded trees tell in addition whether it really is another one.

use super::kept::{Layer, Opened};
use crate::base::Digest;
use crate::model::{FileChange, FileMode, Node, NodeKind};
use crate::workspace::content;
use crate::workspace::limits;
use crate::workspace::root::{Identity, PathRefusal, Root};
use crate::workspace::tree::{Class, Rules};
use rustix::fs::{AtFlags, FileType, OFlags, Stat};
use rustix::io::Errno;
use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

/// A node on one side of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct What {
    pub node: Node,
    /// Of the bytes, or of a link's target. A directory has none.
    pub digest: Option<Digest>,
    pub(super) identity: Identity,
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

/// Files below `.git` that run code or say what does; the rest of it is git's own store.
const STEERS_GIT: [&str; 4] = ["hooks", "config", "config.worktree", "info"];

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

    /// Returns whether rules may have a word on it: a file or link that is content or lies in a directory that is, or
    /// that steers git.
    pub fn is_judged(&self, rules: &Rules) -> bool {
        if self.is_directory() || self.is_touched_only() {
            return false;
        }
        let mut git = self.path.iter().skip_while(|name| *name != ".git").skip(1);
        if let Some(first) = git.next() {
            let steers = |name: &OsStr| STEERS_GIT.iter().any(|steers| name == *steers);
            return steers(first) || (first == "modules" || first == "worktrees") && git.any(steers);
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
        let same = |one: What, two: What| one.node == two.node && one.digest == two.digest;
        self.before.zip(self.after).is_some_and(|(before, after)| same(before, after))
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
    /// What cannot be carried over, in words.
    pub left: Vec<String>,
}

pub(super) fn changes(layer: &Layer, root: &Root, others: Option<&Others<'_>>) -> io::Result<Changes> {
    let mut reading = Reading { layer, root, others, found: Changes::default() };
    reading.directory(Path::new(""))?;
    Ok(reading.found)
}

/// The node of this path in the workspace. No link is followed on the way.
pub(super) fn now(root: &Root, path: &Path) -> io::Result<Option<What>> {
    let (parent, name) = (path.parent().unwrap_or(Path::new("")), path.file_name().unwrap_or_default());
    let dir = match root.open_plain_dir(parent) {
        Ok(dir) => dir,
        Err(PathRefusal::Io { error, .. }) if is_absent(&error) => return Ok(None),
        Err(refusal) => return Err(io::Error::other(refusal.to_string())),
    };
    match rustix::fs::statat(&dir, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => what(&dir, name, &stat).map(Some),
        Err(Errno::NOENT) => Ok(None),
        Err(errno) => Err(errno.into()),
    }
}

fn is_absent(error: &io::Error) -> bool {
    let is_link = error.raw_os_error() == Some(Errno::LOOP.raw_os_error());
    is_link || matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

fn what(dir: &rustix::fd::OwnedFd, name: &OsStr, stat: &Stat) -> io::Result<What> {
    let mode = Some(FileMode::new(stat.st_mode));
    let (node, digest) = match FileType::from_raw_mode(stat.st_mode) {
        FileType::Directory => (Node { kind: NodeKind::Directory, mode }, None),
        FileType::Symlink => {
            let target = rustix::fs::readlinkat(dir, name, Vec::new())?;
            (Node { kind: NodeKind::Link, mode: None }, Some(Digest::of(target.as_bytes())))
        }
        FileType::RegularFile => {
            let digest = match content::open(dir, name) {
                Ok((file, _)) => content::digest(file, limits::LAYER_FILE_BYTES_MAX).ok(),
                // Its content is known by its inode alone.
                Err(_) => None,
            };
            (Node { kind: NodeKind::File, mode }, digest)
        }
        FileType::Fifo | FileType::Socket | FileType::CharacterDevice | FileType::BlockDevice | FileType::Unknown => {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "neither a file nor a link nor a directory"));
        }
    };
    Ok(What { node, digest, identity: Identity::of(stat) })
}

struct Reading<'a> {
    layer: &'a Layer,
    root: &'a Root,
    others: Option<&'a Others<'a>>,
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
            self.entry(&path.join(name))?;
        }
        if attribute(&self.layer.upper(path), "opaque").is_some_and(|value| value == b"y") {
            let kept: BTreeSet<OsString> = names.into_iter().collect();
            for name in self.names_now(path)?.into_iter().filter(|name| !kept.contains(name)) {
                self.gone(&path.join(name))?;
            }
        }
        Ok(())
    }

    fn entry(&mut self, path: &Path) -> io::Result<()> {
        let upper = self.layer.upper(path);
        if self.layer.plan().shared.iter().any(|shared| *shared == self.root.path().join(path)) {
            return Ok(());
        }
        let dir = rustix::fs::open(upper.parent().unwrap_or(Path::new("/")), DIR, rustix::fs::Mode::empty())?;
        let name = path.file_name().unwrap_or_default();
        let stat = rustix::fs::statat(&dir, name, AtFlags::SYMLINK_NOFOLLOW)?;
        if is_whiteout(&upper, &stat) {
            return self.gone(path);
        }
        let after = match what(&dir, name, &stat) {
            Ok(after) => after,
            Err(error) => {
                self.found.left.push(format!("{}: {error}", path.display()));
                return Ok(());
            }
        };
        let before = now(self.root, path)?;
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
        let before = match now(self.root, path) {
            Ok(Some(before)) => before,
            // Deleted on both sides.
            Ok(None) => return Ok(()),
            Err(error) => {
                self.found.left.push(format!("{}: {error}", path.display()));
                return Ok(());
            }
        };
        self.add(path, Some(before), None);
        if before.node.kind == NodeKind::Directory {
            for name in self.names_now(path)? {
                self.gone(&path.join(name))?;
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
        let same = |one: What, two: What| one.node == two.node && one.digest == two.digest;
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
