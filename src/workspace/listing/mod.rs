//! The listing of a tree: every file, link and directory that is content, with kind, permission bits and digest, as the
//! disk was last seen to have it. Watcher, checkpoints, private copies, undo and rewind all compare by it.
//!
//! A name that is not found while a directory is read is looked up before it counts as gone; a directory or file that
//! cannot be read keeps what was known of it. No lock is held while the disk is read, so a walk of a large tree delays
//! nobody who asks about a single file.

mod branch;
mod examine;

#[cfg(test)]
mod tests;

use super::checkpoint::{Entry, Pending, Store, StoreError};
use super::root::{PathRefusal, Root};
use super::tree::{Class, Rules};
use crate::base::Digest;
use crate::workspace::limits;
use branch::{Branch, Leaf};
use examine::Reading;
use std::collections::{BTreeSet, HashSet};
use std::ffi::OsString;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

pub use examine::{Seen, Sight};

/// A node that is not what it was. `None` = not there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    pub path: PathBuf,
    pub before: Option<Entry>,
    pub after: Option<Entry>,
}

/// A recorded tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// The digest of the root directory.
    pub digest: Digest,
    /// Files and links in it.
    pub files: usize,
    /// There were more files than a tree may hold.
    pub truncated: bool,
}

/// See the module.
#[derive(Debug)]
pub struct Listing {
    root: PathBuf,
    rules: Rules,
    store: Store,
    /// Contents are kept in the store, not only names and digests.
    keeps: bool,
    opened_ns: i128,
    /// Held during a walk of the whole tree.
    walking: Mutex<()>,
    state: Mutex<State>,
    /// Notified when the whole tree has been seen.
    seen: Condvar,
}

#[derive(Debug, Default)]
struct State {
    trunk: Branch,
    files: usize,
    truncated: bool,
    /// The whole tree has been seen once.
    is_whole: bool,
    /// The first walk takes long: somebody waited for it in vain.
    is_slow: bool,
    /// Objects were written that no sync has covered.
    is_unsynced: bool,
    /// Grows whenever a directory comes or goes, or what is beside the content of one.
    directories: u64,
    /// Changes for the watcher, while there is one.
    untold: Option<Vec<Change>>,
}

/// One directory of a walk: what was found in it, to be compared with what is known.
struct Visit<'a> {
    path: &'a Path,
    fd: &'a OwnedFd,
    keep: bool,
}

/// The present as file systems tell times: nanoseconds since 1970.
pub fn now_ns() -> i128 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos());
    i128::try_from(now).unwrap_or(i128::MAX)
}

impl Listing {
    /// A listing that has seen nothing yet. It keeps the contents that it sees in `store`.
    pub fn new(root: PathBuf, rules: Rules, store: Store) -> Self {
        Self {
            root,
            rules,
            store,
            keeps: true,
            opened_ns: now_ns(),
            walking: Mutex::new(()),
            state: Mutex::new(State::default()),
            seen: Condvar::new(),
        }
    }

    /// Keeps names and digests only: for a private copy.
    pub fn without_contents(mut self) -> Self {
        self.keeps = false;
        self
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Returns whether the whole tree has been read.
    pub fn is_whole(&self) -> bool {
        self.locked().is_whole
    }

    /// Returns whether the root exists.
    pub fn exists(&self) -> bool {
        self.root.is_dir()
    }

    fn locked(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on changes are kept until [`Listing::take_changes`] takes them.
    pub fn tell_changes(&self) {
        self.locked().untold.get_or_insert_default();
    }

    /// The changes that were found since this was last asked, by whomever.
    pub fn take_changes(&self) -> Vec<Change> {
        self.locked().untold.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// A number that is another one whenever directories, or what is beside the content, have come or gone.
    pub fn directories_version(&self) -> u64 {
        self.locked().directories
    }

    /// The directories that hold content, the root ("") included.
    pub fn directories(&self) -> BTreeSet<PathBuf> {
        let mut found = BTreeSet::from([PathBuf::new()]);
        self.locked().trunk.directories(Path::new(""), &mut found);
        found
    }

    /// Returns the paths beside the content, topmost only: ignored entries, and what belongs to version control.
    pub fn beside(&self) -> BTreeSet<PathBuf> {
        let mut found = BTreeSet::new();
        self.locked().trunk.beside(Path::new(""), &mut found);
        found
    }

    /// Returns the known entry of one path.
    pub fn entry(&self, path: &Path) -> Option<Entry> {
        self.locked().trunk.leaf(path).map(|leaf| leaf.entry)
    }

    /// Walks the whole tree. Only files whose inode changed are read. The first walk finds no changes, but for files
    /// that changed since the listing was opened.
    pub fn walk(&self) {
        let _alone = self.walking.lock().unwrap_or_else(PoisonError::into_inner);
        let keep = self.keeps && !self.is_whole();
        let Ok(root) = Root::open(&self.root) else { return };
        self.locked().truncated = false;
        self.walk_below(&root, PathBuf::new(), keep);
        let mut state = self.locked();
        state.is_unsynced |= keep;
        state.is_whole = true;
        self.seen.notify_all();
    }

    fn walk_below(&self, root: &Root, from: PathBuf, keep: bool) {
        let mut open = vec![from];
        while let Some(path) = open.pop() {
            let fd = match root.open_plain_dir(&path) {
                Ok(fd) => fd,
                Err(PathRefusal::Io { error, .. }) if is_gone(&error) => {
                    // It went, or became something else: its own directory tells what.
                    if !path.as_os_str().is_empty() {
                        self.look_at(root, &path);
                    }
                    continue;
                }
                // It is there and cannot be read: what is known of it stays.
                Err(_) => {
                    self.locked().trunk.mark_partial(&path);
                    continue;
                }
            };
            let visit = Visit { path: &path, fd: &fd, keep };
            open.extend(self.visit(&visit));
        }
    }

    /// Lays one directory against what is known of it; gives the directories in it.
    fn visit(&self, visit: &Visit<'_>) -> Vec<PathBuf> {
        let Ok(found) = examine::directory(visit.fd, visit.path, &self.rules) else {
            self.locked().trunk.mark_partial(visit.path);
            return Vec::new();
        };
        let names: HashSet<&OsString> = found.names.iter().map(|(name, _)| name).collect();
        let (mut unread, mut missing, mut inner) = (Vec::new(), Vec::new(), Vec::new());
        {
            let mut state = self.locked();
            state.clear_way(visit.path);
            if state.trunk.enter(visit.path, &found) {
                state.directories = state.directories.saturating_add(1);
            }
            let known = state.trunk.branch(visit.path);
            let leaf = |name: &OsString| known.and_then(|branch| branch.leaves.get(name)).copied();
            for (name, seen) in &found.names {
                match (seen, leaf(name)) {
                    (Seen::Directory, _) => inner.push(name),
                    (Seen::Node(stat), Some(leaf)) if leaf.stamp == stat.stamp() => {}
                    (Seen::Node(stat), old) => unread.push((name, stat, old)),
                }
            }
            let leaves = known.into_iter().flat_map(|branch| branch.leaves.keys()).map(|name| (name, false));
            let branches = known.into_iter().flat_map(|branch| branch.branches.keys()).map(|name| (name, true));
            let gone = leaves.chain(branches).filter(|(name, _)| !names.contains(name));
            missing.extend(gone.map(|(name, was_directory)| (name.clone(), was_directory)));
        }
        let read: Vec<_> = unread
            .into_iter()
            .map(|(name, stat, old)| (name, stat, examine::node(visit.fd, name, stat, old, self.reading(visit.keep))))
            .collect();
        // A name that a directory did not list may be there all the same.
        missing.retain(|(name, was_directory)| examine::is_absent(visit.fd, name, *was_directory));
        let mut state = self.locked();
        for (name, _) in missing {
            state.remove(&visit.path.join(name));
        }
        for name in &inner {
            state.remove_leaf(&visit.path.join(name));
        }
        for (name, stat, leaf) in read {
            state.set(&visit.path.join(name), leaf, stat.changed_ns() > self.opened_ns);
        }
        if visit.path.iter().count() >= limits::CHECKPOINT_DEPTH_MAX && !inner.is_empty() {
            state.trunk.mark_partial(visit.path);
            return Vec::new();
        }
        inner.into_iter().map(|name| visit.path.join(name)).collect()
    }

    fn reading(&self, keep: bool) -> Reading<'_> {
        Reading { bytes_max: limits::CHECKPOINT_FILE_BYTES_MAX, keep: keep.then_some(&self.store) }
    }

    /// Looks at single paths, whatever they are: a directory with everything in it.
    pub fn look<'a>(&self, paths: impl IntoIterator<Item = &'a Path>) {
        let Ok(root) = Root::open(&self.root) else { return };
        for path in paths {
            self.look_at(&root, path);
        }
    }

    /// Looks whether the ignored entry or the store that holds this path has come or gone.
    pub fn look_beside(&self, path: &Path) {
        let mut above: Vec<&Path> = path.ancestors().filter(|part| !part.as_os_str().is_empty()).collect();
        above.reverse();
        let is_beside = |part: &&Path| {
            let is_dir = *part != path || self.root.join(part).is_dir();
            self.rules.class_below(part, is_dir) != Class::Content
        };
        let Some(top) = above.into_iter().find(is_beside) else { return };
        let parent = top.parent().unwrap_or(Path::new(""));
        let is_there = self.root.join(top).symlink_metadata().is_ok();
        if self.locked().trunk.has_beside(top) == is_there {
            return;
        }
        let Ok(root) = Root::open(&self.root) else { return };
        if let Ok(fd) = root.open_plain_dir(parent) {
            self.visit(&Visit { path: parent, fd: &fd, keep: false });
        }
    }

    fn look_at(&self, root: &Root, path: &Path) {
        let parent = path.parent().unwrap_or(Path::new(""));
        let Some(name) = path.file_name() else { return self.walk_below(root, PathBuf::new(), false) };
        let fd = match root.open_plain_dir(parent) {
            Ok(fd) => fd,
            // Its directory went, or is a link or a file now.
            Err(PathRefusal::Io { error, .. }) if is_gone(&error) => return self.look_at(root, parent),
            Err(_) => return,
        };
        match examine::one(&fd, name) {
            Ok(Some(Seen::Directory)) if self.rules.class(path, true) == Class::Content => {
                self.locked().remove_leaf(path);
                self.walk_below(root, path.to_owned(), false);
            }
            Ok(Some(Seen::Node(stat))) if self.rules.class(path, false) == Class::Content => {
                let old = self.locked().trunk.leaf(path).copied();
                if old.is_some_and(|leaf| leaf.stamp == stat.stamp()) {
                    return;
                }
                let leaf = examine::node(&fd, name, &stat, old, self.reading(false));
                self.locked().set(path, leaf, true);
            }
            // What is not content now may have been: a directory in a file's place.
            Ok(_) => self.locked().remove(path),
            Err(_) => {}
        }
    }

    /// Records the tree as it is known. Only contents and directories that are new are written.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn record(&self) -> Result<Taken, StoreError> {
        // The first walk has kept what it saw.
        let mut pending =
            if std::mem::take(&mut self.locked().is_unsynced) { Pending::everything() } else { Pending::default() };
        for _ in 0..limits::CHECKPOINT_ROUNDS_MAX {
            if !self.keeps || !self.keep_contents(&mut pending)? {
                break;
            }
        }
        let mut state = self.locked();
        let (files, truncated) = (state.files, state.truncated);
        let digest = state.trunk.write(&self.store, &mut pending)?;
        drop(state);
        if self.keeps {
            self.store.sync(pending)?;
        }
        Ok(Taken { digest, files, truncated })
    }

    /// Keeps the contents that are known and not kept yet. True when a file was another one by then.
    fn keep_contents(&self, pending: &mut Pending) -> Result<bool, StoreError> {
        let mut unkept = Vec::new();
        self.locked().trunk.unkept(Path::new(""), &mut unkept);
        let Ok(root) = Root::open(&self.root) else { return Ok(false) };
        let mut is_stale = false;
        for path in unkept {
            let place = path.parent().and_then(|dir| root.open_plain_dir(dir).ok()).zip(path.file_name());
            let known = self.locked().trunk.leaf(&path).copied();
            let (Some((fd, name)), Some(known)) = (place, known) else {
                self.look_at(&root, &path);
                continue;
            };
            let kept = examine::keep(&fd, name, &known, &self.store, pending)?;
            if kept {
                self.locked().trunk.set_kept(&path, &known);
            } else {
                self.locked().trunk.doubt(&path);
                self.look_at(&root, &path);
                is_stale = true;
            }
        }
        Ok(is_stale)
    }

    /// Walks the tree and records it.
    ///
    /// # Errors
    /// As [`Listing::record`].
    pub fn take(&self) -> Result<Taken, StoreError> {
        self.walk();
        self.record()
    }

    /// Looks at these paths and records the tree with what else is known of it; `None` when the whole tree has not been
    /// seen yet, and is not within a moment. Only the first who asks waits for that moment.
    ///
    /// # Errors
    /// As [`Listing::record`].
    pub fn take_with<'a>(&self, paths: impl IntoIterator<Item = &'a Path>) -> Result<Option<Taken>, StoreError> {
        let moment = Duration::from_millis(limits::CHECKPOINT_WAIT_MS_MAX);
        let waited = self.seen.wait_timeout_while(self.locked(), moment, |state| !state.is_whole && !state.is_slow);
        let is_whole = {
            let mut state = waited.unwrap_or_else(PoisonError::into_inner).0;
            state.is_slow = !state.is_whole;
            state.is_whole
        };
        self.look(paths);
        if is_whole { self.record().map(Some) } else { Ok(None) }
    }
}

impl State {
    /// Notes the present state of a path; `None` when it disappeared during the read.
    fn set(&mut self, path: &Path, leaf: Option<Leaf>, is_news: bool) {
        let Some(leaf) = leaf else { return self.remove(path) };
        self.remove_branch(path);
        let old = self.trunk.leaf(path).map(|old| old.entry);
        if old.is_none() {
            if self.files >= limits::WORKSPACE_TREE_FILES_MAX {
                self.truncated = true;
                self.trunk.mark_partial(path.parent().unwrap_or(Path::new("")));
                return;
            }
            self.files = self.files.saturating_add(1);
        }
        self.clear_way(path.parent().unwrap_or(Path::new("")));
        self.trunk.insert(path, leaf);
        if self.is_whole || is_news {
            self.changed(path, old, Some(leaf.entry));
        }
    }

    /// A directory that was not known replaces a file or link of its name, and so do those above it.
    fn clear_way(&mut self, directory: &Path) {
        if self.trunk.branch(directory).is_none() {
            directory.ancestors().for_each(|path| self.remove_leaf(path));
        }
    }

    fn remove(&mut self, path: &Path) {
        self.remove_leaf(path);
        self.remove_branch(path);
    }

    fn remove_leaf(&mut self, path: &Path) {
        if let Some(leaf) = self.trunk.remove_leaf(path) {
            self.files = self.files.saturating_sub(1);
            self.changed(path, Some(leaf.entry), None);
        }
    }

    fn remove_branch(&mut self, path: &Path) {
        let Some(branch) = self.trunk.remove_branch(path) else { return };
        let mut gone = Vec::new();
        branch.all_leaves(path, &mut gone);
        self.files = self.files.saturating_sub(gone.len());
        self.directories = self.directories.saturating_add(1);
        for (path, entry) in gone {
            self.changed(&path, Some(entry), None);
        }
    }

    fn changed(&mut self, path: &Path, before: Option<Entry>, after: Option<Entry>) {
        let is_same = match (&before, &after) {
            (Some(before), Some(after)) => before.is_same(after),
            (None, None) => true,
            (Some(_), None) | (None, Some(_)) => false,
        };
        if let Some(untold) = self.untold.as_mut().filter(|_| !is_same) {
            untold.push(Change { path: path.to_owned(), before, after });
        }
    }
}

fn is_gone(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
        || error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error())
}
