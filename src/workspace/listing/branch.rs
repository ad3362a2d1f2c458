//! The listing in memory: a tree of directories that remembers which of them are written to the store as they are.
//! A name is kept once, in its own directory.

use super::examine::Names;
use crate::base::Digest;
use crate::workspace::checkpoint::{Directory, Entry, EntryKind, Pending, Store, StoreError};
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// A file or link as it was last seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Leaf {
    pub entry: Entry,
    /// Stands for the inode's times, size and bits; 0 when it changed so recently that they prove nothing.
    pub stamp: u64,
    /// Its content is in the store, or will never be.
    pub is_kept: bool,
}

/// One directory.
#[derive(Debug, Default)]
pub struct Branch {
    pub leaves: BTreeMap<OsString, Leaf>,
    pub branches: BTreeMap<OsString, Branch>,
    /// Names that are not content and yet watched.
    beside: Vec<OsString>,
    /// Its permission bits; `None` until the directory itself has been read.
    mode: Option<u16>,
    /// There is nothing in it at all, not even something ignored.
    is_bare: bool,
    /// Not everything in it could be listed.
    is_partial: bool,
    /// Its object in the store, while nothing in it has changed since.
    written: Option<Digest>,
}

impl Branch {
    /// Every leaf below this directory, which is at `path`.
    pub fn all_leaves(&self, path: &Path, found: &mut Vec<(PathBuf, Entry)>) {
        found.extend(self.leaves.iter().map(|(name, leaf)| (path.join(name), leaf.entry)));
        self.branches.iter().for_each(|(name, below)| below.all_leaves(&path.join(name), found));
    }

    /// The directory at this path.
    pub fn branch(&self, path: &Path) -> Option<&Self> {
        path.iter().try_fold(self, |at, name| at.branches.get(name))
    }

    /// The file or link at this path.
    pub fn leaf(&self, path: &Path) -> Option<&Leaf> {
        self.branch(path.parent()?)?.leaves.get(path.file_name()?)
    }

    /// The directory at this path, to be changed: it and those above it have to be written again.
    fn reach(&mut self, path: &Path) -> Option<&mut Self> {
        let mut at = self;
        at.written = None;
        for name in path.iter() {
            at = at.branches.get_mut(name)?;
            at.written = None;
        }
        Some(at)
    }

    /// As [`Branch::reach`], making what is missing. No leaf may be in the way.
    fn make(&mut self, path: &Path) -> &mut Self {
        let mut at = self;
        at.written = None;
        for name in path.iter() {
            debug_assert!(!at.leaves.contains_key(name), "a file is where a directory is to be");
            at = at.branches.entry(name.to_owned()).or_default();
            at.written = None;
        }
        at
    }

    /// Notes that this directory is there, and what is beside its content. True when either was not known.
    pub fn enter(&mut self, path: &Path, names: &Names) -> bool {
        let known = self.branch(path);
        let is_new = known.is_none_or(|branch| branch.beside != names.beside);
        let mode = names.mode;
        let is_same = |branch: &Self| (branch.mode, branch.is_bare, branch.is_partial) == (mode, names.is_bare, false);
        if !is_new && known.is_some_and(is_same) {
            return false;
        }
        let branch = self.make(path);
        (branch.mode, branch.is_bare, branch.is_partial) = (mode, names.is_bare, false);
        branch.beside.clone_from(&names.beside);
        is_new
    }

    /// Notes that not everything in this directory could be listed.
    pub fn mark_partial(&mut self, path: &Path) {
        if self.branch(path).is_some_and(|branch| !branch.is_partial)
            && let Some(branch) = self.reach(path)
        {
            branch.is_partial = true;
        }
    }

    pub fn insert(&mut self, path: &Path, leaf: Leaf) {
        let Some(name) = path.file_name() else { return };
        let parent = self.make(path.parent().unwrap_or(Path::new("")));
        parent.is_bare = false;
        parent.leaves.insert(name.to_owned(), leaf);
    }

    pub fn remove_leaf(&mut self, path: &Path) -> Option<Leaf> {
        self.leaf(path)?;
        self.reach(path.parent()?)?.leaves.remove(path.file_name()?)
    }

    pub fn remove_branch(&mut self, path: &Path) -> Option<Self> {
        self.branch(path)?;
        self.reach(path.parent()?)?.branches.remove(path.file_name()?)
    }

    fn leaf_mut(&mut self, path: &Path) -> Option<&mut Leaf> {
        self.reach(path.parent()?)?.leaves.get_mut(path.file_name()?)
    }

    /// Notes that the content of this leaf is kept, if it still is the same one.
    pub fn set_kept(&mut self, path: &Path, known: &Leaf) {
        if let Some(leaf) = self.leaf_mut(path).filter(|leaf| leaf.entry == known.entry) {
            leaf.is_kept = true;
        }
    }

    /// Marks a leaf to be read again at the next walk.
    pub fn doubt(&mut self, path: &Path) {
        if let Some(leaf) = self.leaf_mut(path) {
            leaf.stamp = 0;
        }
    }

    /// Every directory below this one, which is at `path`.
    pub fn directories(&self, path: &Path, found: &mut BTreeSet<PathBuf>) {
        for (name, below) in &self.branches {
            let path = path.join(name);
            below.directories(&path, found);
            found.insert(path);
        }
    }

    /// Collects what is beside the content of this directory, which is at `path`, and of those below it.
    pub fn beside(&self, path: &Path, found: &mut BTreeSet<PathBuf>) {
        found.extend(self.beside.iter().map(|name| path.join(name)));
        self.branches.iter().for_each(|(name, below)| below.beside(&path.join(name), found));
    }

    /// Returns whether this path is known to be beside the content of its directory.
    pub fn has_beside(&self, path: &Path) -> bool {
        let parent = path.parent().and_then(|parent| self.branch(parent));
        parent.zip(path.file_name()).is_some_and(|(parent, name)| parent.beside.iter().any(|known| known == name))
    }

    /// The leaves whose content is not kept yet. Directories that are written have none.
    pub fn unkept(&self, path: &Path, found: &mut Vec<PathBuf>) {
        if self.written.is_some() {
            return;
        }
        found.extend(self.leaves.iter().filter(|(_, leaf)| !leaf.is_kept).map(|(name, _)| path.join(name)));
        self.branches.iter().for_each(|(name, below)| below.unkept(&path.join(name), found));
    }

    /// Writes what has changed since it was last written.
    pub fn write(&mut self, store: &Store, pending: &mut Pending) -> Result<Digest, StoreError> {
        if let Some(digest) = self.written {
            return Ok(digest);
        }
        let mut directory = Directory { partial: self.is_partial, ..Directory::default() };
        directory.entries.extend(self.leaves.iter().map(|(name, leaf)| (name.clone(), leaf.entry)));
        for (name, below) in &mut self.branches {
            let digest = below.write(store, pending)?;
            // A directory of ignored files alone is theirs.
            if digest != Digest::of(b"") || below.is_bare {
                let entry = Entry { kind: EntryKind::Directory, digest, mode: below.mode };
                directory.entries.insert(name.clone(), entry);
            }
        }
        let bytes = directory.encode();
        let digest = Digest::of(&bytes);
        store.put_noted(&digest, &bytes, pending)?;
        self.written = Some(digest);
        Ok(digest)
    }
}
