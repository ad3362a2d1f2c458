//! A candidate: a private copy of the workspace in which an action is tried before it is approved,
//! or in which an external agent works. Nothing done in it reaches the workspace by itself.
//!
//! Files are reflinked where the file system can and copied where it cannot, never hard-linked. It
//! remembers, file by file, what it was made from, so that it can tell what was changed in it, take
//! over what changed in the workspace meanwhile, and be put back.

mod fill;
mod heavy;
mod repository;
mod trials;

pub use trials::OpenTrials;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

use super::checkpoint::{Entry, EntryKind, Snapshots, Store, StoreError, files};
use super::content;
use super::tree::{self, DigestCache, Node};
use crate::base::{Digest, limits};

/// Why a candidate cannot be made or read.
#[derive(Debug, thiserror::Error)]
pub enum CandidateError {
    #[error("{what} {path:?}: {error}")]
    Io { what: &'static str, path: PathBuf, error: io::Error },
    #[error(transparent)]
    Store(#[from] StoreError),
}

fn failed(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> CandidateError {
    let path = path.to_owned();
    move |error| CandidateError::Io { what, path, error }
}

/// A file that differs from what the candidate was made from. `None` = not there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    pub path: PathBuf,
    pub before: Option<Entry>,
    pub after: Option<Entry>,
}

/// A private copy.
#[derive(Debug)]
pub struct PrivateCopy {
    source: PathBuf,
    root: PathBuf,
    store: Store,
    base: BTreeMap<PathBuf, Entry>,
    base_tree: Digest,
    cache: DigestCache,
    notes: Vec<String>,
}

impl PrivateCopy {
    /// Makes a copy of the tree that `live` records, at `place`, which is emptied first.
    ///
    /// # Errors
    /// When there is no room, or no right to write.
    pub fn make(live: &mut Snapshots, source: &Path, place: PathBuf) -> Result<Self, CandidateError> {
        let taken = live.take()?;
        let base = files(live.store(), &taken.digest)?;
        clear(&place)?;
        let holder = place.parent().unwrap_or(&place);
        std::fs::create_dir_all(holder).map_err(failed("cannot make", holder))?;
        std::fs::create_dir(&place).map_err(failed("cannot make", &place))?;
        let mut copy = Self {
            source: source.to_owned(),
            root: place,
            store: live.store().clone(),
            base,
            base_tree: taken.digest,
            cache: DigestCache::default(),
            notes: Vec::new(),
        };
        for path in tree::list(source).dirs {
            let dir = copy.root.join(path);
            std::fs::create_dir_all(&dir).map_err(failed("cannot make", &dir))?;
        }
        for (path, entry) in copy.base.clone() {
            copy.put(&path, Some(entry))?;
        }
        copy.notes = heavy::provide(source, &copy.root)?;
        copy.save()?;
        Ok(copy)
    }

    /// Adds a copy of the user's repository, for an agent that works in this copy.
    pub fn with_repository(mut self) -> Self {
        self.notes.extend(repository::provide(&self.source, &self.root));
        self
    }

    /// Takes over a copy that a killed host left at `place`; `None` when there is none to trust.
    pub fn reopen(live: &Snapshots, source: &Path, place: &Path) -> Option<Self> {
        let saved = std::fs::read(base_file(place)).ok()?;
        let (base, base_tree) = fill::decode_base(&saved)?;
        place.is_dir().then(|| Self {
            source: source.to_owned(),
            root: place.to_owned(),
            store: live.store().clone(),
            base,
            base_tree,
            cache: DigestCache::default(),
            notes: vec!["taken over from a host that ended".to_owned()],
        })
    }

    fn save(&self) -> Result<(), CandidateError> {
        let file = base_file(&self.root);
        std::fs::write(&file, fill::encode_base(&self.base, &self.base_tree)).map_err(failed("cannot write", &file))
    }

    /// Where the copy is.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// What was done about ignored directories and the repository, in words.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// The digest of the checkpoint it was made from.
    pub fn base_tree(&self) -> Digest {
        self.base_tree
    }

    /// The bytes of a base or present content.
    ///
    /// # Errors
    /// When the store lost them.
    pub fn content(&self, digest: &Digest) -> Result<Option<Vec<u8>>, CandidateError> {
        Ok(self.store.get(digest)?)
    }

    /// The present bytes of a file of the copy, or the target of a link; `None` when it is gone.
    ///
    /// # Errors
    /// When it cannot be read or is beyond [`limits::WORKSPACE_CONTENT_BYTES_MAX`].
    pub fn read(&self, path: &Path) -> Result<Option<Vec<u8>>, CandidateError> {
        use std::os::unix::ffi::OsStrExt as _;
        match tree::node_at(&self.root, path) {
            None => Ok(None),
            Some(Node::Link(target)) => Ok(Some(target.as_os_str().as_bytes().to_vec())),
            Some(Node::File(_)) => {
                let file = std::fs::File::open(self.root.join(path));
                let read = file.and_then(|mut file| content::read(&mut file, limits::WORKSPACE_CONTENT_BYTES_MAX));
                read.map(Some).map_err(failed("cannot read", path))
            }
        }
    }

    /// What stands in the copy now, by path.
    fn present(&mut self) -> BTreeMap<PathBuf, Entry> {
        let tree = tree::list(&self.root);
        let mut present = BTreeMap::new();
        for (path, node) in &tree.nodes {
            if let Some(entry) = self.entry(path, node) {
                present.insert(path.clone(), entry);
            }
        }
        self.cache.retain(&tree);
        present
    }

    fn entry(&mut self, path: &Path, node: &Node) -> Option<Entry> {
        use std::os::unix::ffi::OsStrExt as _;
        match node {
            Node::Link(target) => {
                Some(Entry { kind: EntryKind::Link, digest: Digest::of(target.as_os_str().as_bytes()) })
            }
            Node::File(identity) => {
                let kind = if identity.mode & 0o111 == 0 { EntryKind::File } else { EntryKind::Executable };
                let digest = self.cache.digest(&self.root, path, identity).ok()?;
                Some(Entry { kind, digest })
            }
        }
    }

    /// What was changed in the copy, in order of path.
    pub fn changes(&mut self) -> Vec<Changed> {
        let present = self.present();
        differing(&self.base, &present)
    }

    /// Takes over what changed in the workspace. Gives the files that changed on both sides and
    /// differ; they are left as they are in the copy.
    ///
    /// # Errors
    /// As [`PrivateCopy::make`].
    pub fn refresh(&mut self, live: &mut Snapshots) -> Result<Vec<PathBuf>, CandidateError> {
        let taken = live.take()?;
        if taken.digest == self.base_tree {
            return Ok(Vec::new());
        }
        let now = files(live.store(), &taken.digest)?;
        let present = self.present();
        let own: BTreeSet<PathBuf> = differing(&self.base, &present).into_iter().map(|changed| changed.path).collect();
        let mut both = Vec::new();
        for theirs in differing(&self.base, &now) {
            if own.contains(&theirs.path) && present.get(&theirs.path) != theirs.after.as_ref() {
                both.push(theirs.path);
                continue;
            }
            if !own.contains(&theirs.path) {
                self.put(&theirs.path, theirs.after)?;
            }
            self.set_base(theirs.path, theirs.after);
        }
        self.base_tree = taken.digest;
        self.save()?;
        Ok(both)
    }

    fn set_base(&mut self, path: PathBuf, entry: Option<Entry>) {
        match entry {
            Some(entry) => self.base.insert(path, entry),
            None => self.base.remove(&path),
        };
    }

    /// Puts a file back to what the workspace has now.
    ///
    /// # Errors
    /// As [`PrivateCopy::make`].
    pub fn reset(&mut self, live: &mut Snapshots, path: &Path) -> Result<(), CandidateError> {
        let taken = live.take()?;
        let entry = files(live.store(), &taken.digest)?.get(path).copied();
        self.put(path, entry)?;
        self.set_base(path.to_owned(), entry);
        self.save()
    }

    /// Puts a file of the copy back to its base.
    ///
    /// # Errors
    /// As [`PrivateCopy::make`].
    pub fn restore(&mut self, path: &Path) -> Result<(), CandidateError> {
        let entry = self.base.get(path).copied();
        self.put(path, entry)
    }

    /// Puts everything back that a run changed or made.
    ///
    /// # Errors
    /// As [`PrivateCopy::make`].
    pub fn restore_all(&mut self) -> Result<(), CandidateError> {
        if self.base.len() > limits::CANDIDATE_LOOK_OVER_FILES_MAX {
            return Ok(());
        }
        for changed in self.changes() {
            self.restore(&changed.path)?;
        }
        Ok(())
    }

    /// Writes whole new contents over the copy; `None` removes.
    ///
    /// # Errors
    /// As [`PrivateCopy::make`].
    pub fn lay(&mut self, path: &Path, content: Option<&[u8]>) -> Result<(), CandidateError> {
        let executable = self.base.get(path).is_some_and(|entry| entry.kind == EntryKind::Executable);
        fill::write(&self.root, path, content, executable).map_err(failed("cannot write", path))
    }

    fn put(&mut self, path: &Path, entry: Option<Entry>) -> Result<(), CandidateError> {
        let put = match entry {
            None => fill::write(&self.root, path, None, false),
            Some(entry) => fill::place(&self.source, &self.root, path, entry, &self.store, &mut self.cache)?,
        };
        put.map_err(failed("cannot write", path))
    }
}

impl Drop for PrivateCopy {
    fn drop(&mut self) {
        // Moved aside first, so that its place is free at once; what cannot be removed now is
        // removed when the next session of this workspace clears the directory.
        let _ = clear(&self.root);
        let _ = std::fs::remove_file(base_file(&self.root));
    }
}

fn base_file(place: &Path) -> PathBuf {
    place.with_extension("base")
}

/// Empties a place; the removal itself goes on in the background.
fn clear(place: &Path) -> Result<(), CandidateError> {
    static NEXT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
    let number = NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let aside = place.with_extension(format!("old-{}-{number}", std::process::id()));
    match std::fs::rename(place, &aside) {
        Ok(()) => {
            std::thread::spawn(move || std::fs::remove_dir_all(aside));
            Ok(())
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(failed("cannot clear", place)(error)),
    }
}

fn differing(before: &BTreeMap<PathBuf, Entry>, after: &BTreeMap<PathBuf, Entry>) -> Vec<Changed> {
    let paths: BTreeSet<&PathBuf> = before.keys().chain(after.keys()).collect();
    paths
        .into_iter()
        .filter(|path| before.get(*path) != after.get(*path))
        .map(|path| Changed { path: path.clone(), before: before.get(path).copied(), after: after.get(path).copied() })
        .collect()
}

#[cfg(test)]
mod tests;
