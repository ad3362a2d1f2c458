//! A candidate: a private copy of the workspace in which an action is tried before it is approved,
//! or in which an external agent works. Nothing done in it reaches the workspace automatically.
//!
//! Files are reflinked where the file system can and copied where it cannot, never hard-linked. It
//! remembers the tree that it was made from, so that it can tell what was changed in it, take
//! over what changed in the workspace meanwhile, and be restored.

mod fill;
mod heavy;
mod in_place;
mod layered;
mod mirror;
mod repository;
mod trials;

pub use in_place::binds;
pub use layered::{LayeredCopy, read_as_seen, upper_of};
pub use trials::{OpenTrials, Within};

use super::checkpoint::{Difference, Entry, EntryKind, Store, StoreError, compare, lookup, replace};
use super::content;
use super::layer;
use super::listing::{Listing, Sight, now_ns};
use super::root::Root;
use super::tree;
use crate::base::Digest;
use crate::model::{FileMode, Node, NodeKind};
use crate::port::CandidateChange;
use crate::workspace::limits;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io::{self, Write as _};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};

/// The reason that a candidate cannot be created or read.
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

/// What an agent works in: a private copy, or a layer.
pub trait AgentCopy: Send {
    /// Its place in the session's state.
    fn root(&self) -> &Path;
    /// What was done to make it, in words.
    fn notes(&self) -> &[String];
    /// Holds the contents of its base.
    fn store(&self) -> &Store;
    /// The present bytes of a regular file that the agent changed, at most `bytes_max`, or the target of a link.
    ///
    /// # Errors
    /// When it is gone or cannot be read, or has more bytes.
    fn read(&self, path: &Path, bytes_max: u64) -> io::Result<Vec<u8>>;
    /// What the agent changed, in order of path.
    ///
    /// # Errors
    /// When the store cannot be read or written.
    fn changes(&mut self) -> Result<Vec<Difference>, CandidateError>;
    /// Ignored directories that are not compared file by file and in which something changed.
    fn changed_behind(&self) -> Vec<PathBuf>;
    /// Returns whether the path is something other than a file, link or directory.
    fn is_special(&self, path: &Path) -> bool;
    /// The topmost ignored path that holds this one, by the session's rules.
    fn ignored_at(&self, path: &Path) -> Option<PathBuf>;
    /// Takes over what changed in the workspace. Gives the files that changed on both sides and differ; they are left as
    /// the agent has them.
    ///
    /// # Errors
    /// When the disk is full or a file cannot be read.
    fn refresh(&mut self, live: &Listing) -> Result<Vec<PathBuf>, CandidateError>;
    /// Makes what the workspace has now the base of a file that was decided on in this state, and puts the file back to
    /// it. What the agent has changed since is left as the agent has it.
    ///
    /// # Errors
    /// As [`AgentCopy::refresh`].
    fn reset(&mut self, live: &Listing, path: &Path, decided: Option<Digest>) -> Result<(), CandidateError>;
}

/// The node that the agent made of `before`, with the bits that are its own: of a file that is executable now and was
/// not, or the other way around, or that are otherwise new.
pub fn own_node(before: Option<Entry>, after: Entry) -> Node {
    let kind = kind_of(after);
    let former = before.filter(|before| kind_of(*before) == kind).and_then(|before| before.mode);
    let is_own = |mode: &u16| match former {
        Some(former) => former != *mode,
        // A new file takes the bits of the workspace, unless it can be run.
        None => kind == NodeKind::Directory || mode & 0o111 != 0,
    };
    let mode = after.mode.filter(|_| kind != NodeKind::Link).filter(is_own);
    Node { kind, mode: mode.map(|mode| FileMode::new(mode.into())) }
}

fn kind_of(entry: Entry) -> NodeKind {
    match entry.kind {
        EntryKind::Link => NodeKind::Link,
        EntryKind::Directory => NodeKind::Directory,
        EntryKind::File | EntryKind::Executable | EntryKind::Large | EntryKind::Unknown => NodeKind::File,
    }
}

/// A directory for itself, whatever is in it; any other entry as it is.
fn alone(entry: Entry) -> Entry {
    if entry.kind == EntryKind::Directory { Entry { digest: Digest::of(b""), ..entry } } else { entry }
}

/// What a listing has at this path. It knows the directories by what is in them, so of them the disk is asked.
fn entry_of(listing: &Listing, path: &Path) -> Option<Entry> {
    listing.entry(path).or_else(|| directory_at(&Root::open(listing.root()).ok()?, path))
}

/// The directory at this path, alone; no link is followed.
fn directory_at(root: &Root, path: &Path) -> Option<Entry> {
    let directory = rustix::fs::fstat(root.open_plain_dir(path).ok()?).ok()?;
    let mode = u16::try_from(directory.st_mode & 0o7777).ok();
    Some(Entry { kind: EntryKind::Directory, digest: Digest::of(b""), mode })
}

/// The tree with another entry at this path. A directory keeps what the tree has in it.
fn replace_node(store: &Store, base: &Digest, path: &Path, entry: Option<Entry>) -> Result<Digest, StoreError> {
    let Some(directory) = entry.filter(|entry| entry.kind == EntryKind::Directory) else {
        return replace(store, base, path, entry);
    };
    let inside = lookup(store, base, path)?.filter(|old| old.kind == EntryKind::Directory).map(|old| old.digest);
    let digest = match inside {
        Some(digest) => digest,
        None => {
            store.put(&Digest::of(b""), b"")?;
            Digest::of(b"")
        }
    };
    replace(store, base, path, Some(Entry { digest, ..directory }))
}

/// The base once the agent's side shows what the workspace has at this path.
fn take_over(side: &Listing, base: &Digest, path: &Path, live: Option<Entry>) -> Result<Digest, StoreError> {
    let entry = match live.map(|entry| entry.kind) {
        // Known by its inode alone, of which the agent's side has another one.
        Some(EntryKind::Large | EntryKind::Unknown) => {
            side.look([path]);
            side.entry(path).or(live)
        }
        Some(EntryKind::File | EntryKind::Executable | EntryKind::Link | EntryKind::Directory) | None => live,
    };
    replace_node(side.store(), base, path, entry)
}

/// The bytes of a file, or the target of a link, below a directory in which an agent works.
fn read_own(root: &Root, path: &Path, bytes_max: u64) -> io::Result<Vec<u8>> {
    let (dir, name) = (path.parent().unwrap_or(Path::new("")), path.file_name().unwrap_or_default());
    let dir = root.open_plain_dir(dir).map_err(|refusal| io::Error::other(refusal.to_string()))?;
    match rustix::fs::readlinkat(&dir, name, Vec::new()) {
        Ok(target) => Ok(target.into_bytes()),
        Err(_) => content::read(&mut content::open(&dir, name)?.0, bytes_max),
    }
}

fn is_same(one: Option<Entry>, two: Option<Entry>) -> bool {
    match (one, two) {
        (Some(one), Some(two)) => one.is_same(&two),
        (None, None) => true,
        (Some(_), None) | (None, Some(_)) => false,
    }
}

/// A path of the agent's side when the host has decided on it.
struct Decided {
    base: Option<Entry>,
    here: Option<Entry>,
    state: Option<Digest>,
}

impl Decided {
    /// Returns whether the agent has changed the file further: putting it back would lose that.
    fn is_overtaken(&self) -> bool {
        let state = self.here.map(|here| CandidateChange::state_of(here.digest, own_node(self.base, here)));
        !is_same(self.here, self.base) && state != self.state
    }
}

/// What the workspace has at an ignored path, which no listing knows. Its content is kept in the store, if it is small.
fn ignored_now(source: &Root, store: &Store, path: &Path) -> Result<Option<Entry>, CandidateError> {
    let max = limits::CANDIDATE_COMPARED_BYTES_MAX;
    let Some(now) = Sight::of(source, path, None, max).map(|sight| sight.entry()) else { return Ok(None) };
    if let Ok(bytes) = content::read_plain(&source.path().join(path), max) {
        store.put(&now.digest, &bytes)?;
    }
    Ok(Some(now))
}

/// A private copy.
#[derive(Debug)]
pub struct PrivateCopy {
    source: PathBuf,
    store: Store,
    /// The content of the copy. Ignored files that were copied one by one count as content here.
    listing: Listing,
    origin: Origin,
    files: usize,
    notes: Vec<String>,
}

/// The origin of a copy, stored beside it for a host that takes it over.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Origin {
    /// The tree of the copy as far as it is unchanged.
    base: Digest,
    /// The recorded tree of the workspace that it was last brought up to.
    from: Digest,
    /// Ignored paths that are linked, left out, or too large to be compared file by file.
    behind: Vec<Vec<u8>>,
    made_ns: i128,
}

impl Origin {
    fn read(place: &Path) -> Option<Self> {
        serde_json::from_slice(&std::fs::read(base_file(place)).ok()?).ok()
    }

    /// Replaces what was saved as a whole: without it, what the agent has not proposed yet could not be told.
    fn save(&self, place: &Path) -> Result<(), CandidateError> {
        let (file, unfinished) = (base_file(place), place.with_extension("base-unfinished"));
        let write = || {
            let bytes = serde_json::to_vec(self).map_err(io::Error::other)?;
            if std::fs::read(&file).is_ok_and(|saved| saved == bytes) {
                return Ok(());
            }
            let mut to = std::fs::File::create(&unfinished)?;
            to.write_all(&bytes)?;
            to.sync_all()?;
            std::fs::rename(&unfinished, &file)
        };
        write().map_err(failed("cannot write", &file))
    }
}

fn paths_of(bytes: &[Vec<u8>]) -> BTreeSet<PathBuf> {
    bytes.iter().map(|path| OsString::from_vec(path.clone()).into()).collect()
}

impl PrivateCopy {
    /// Makes a copy of the tree that `live` records, at `place`, which is emptied first.
    ///
    /// # Errors
    /// When there is no room, or no right to write.
    pub fn make(live: &Listing, place: PathBuf) -> Result<Self, CandidateError> {
        let from = live.take()?.digest;
        clear(&place)?;
        let holder = place.parent().unwrap_or(&place);
        std::fs::create_dir_all(holder).map_err(failed("cannot make", holder))?;
        std::fs::create_dir(&place).map_err(failed("cannot make", &place))?;
        let source = live.root().to_owned();
        let left = fill::copy_content(live, &place)?;
        let provided = heavy::provide(&source, &place, live.rules(), live.store())?;
        let behind = provided.behind.iter().map(|path| path.as_os_str().as_bytes().to_vec()).collect();
        let listing =
            Listing::new(place, live.rules().for_copy(provided.behind), live.store().clone()).without_contents();
        let taken = listing.take()?;
        let origin = Origin { base: taken.digest, from, behind, made_ns: now_ns() };
        let notes = left.into_iter().chain(provided.notes).collect();
        let copy = Self { source, store: live.store().clone(), listing, origin, files: taken.files, notes };
        copy.origin.save(copy.listing.root())?;
        Ok(copy)
    }

    /// Adds a copy of the user's repository, for an agent that works in this copy.
    pub fn with_repository(mut self) -> Self {
        self.notes.extend(repository::provide(&self.source, self.listing.root()));
        self
    }

    /// Takes over a copy that a killed host left at `place`; `None` when there is none to trust.
    pub fn reopen(live: &Listing, place: &Path) -> Option<Self> {
        let origin = Origin::read(place)?;
        let rules = live.rules().for_copy(paths_of(&origin.behind));
        let listing = Listing::new(place.to_owned(), rules, live.store().clone()).without_contents();
        place.is_dir().then(|| Self {
            source: live.root().to_owned(),
            store: live.store().clone(),
            listing,
            origin,
            files: 0,
            notes: vec!["taken over from a host that exited".to_owned()],
        })
    }

    /// The digest of the checkpoint it was made from.
    pub fn base_tree(&self) -> Digest {
        self.origin.from
    }

    /// Makes what the workspace has at this path, and the copy was just given, its new base. The copy itself is not asked:
    /// the agent may have written there meanwhile.
    fn rebase(&mut self, path: &Path, live: Option<Entry>) -> Result<(), CandidateError> {
        self.origin.base = take_over(&self.listing, &self.origin.base, path, live)?;
        Ok(())
    }

    /// Puts a file of the copy back to its base.
    ///
    /// # Errors
    /// As [`PrivateCopy::make`].
    pub fn restore(&mut self, path: &Path) -> Result<(), CandidateError> {
        let entry = lookup(&self.store, &self.origin.base, path)?;
        self.put(path, entry).map(drop)
    }

    /// Puts everything back that a run changed or made.
    ///
    /// # Errors
    /// As [`PrivateCopy::make`].
    pub fn restore_all(&mut self) -> Result<(), CandidateError> {
        if self.files > limits::CANDIDATE_LOOK_OVER_FILES_MAX {
            return Ok(());
        }
        for changed in self.changes()? {
            self.put(&changed.path, changed.before)?;
        }
        Ok(())
    }

    /// Writes whole new contents over the copy; `None` removes.
    ///
    /// # Errors
    /// As [`PrivateCopy::make`].
    pub fn lay(&mut self, path: &Path, content: Option<&[u8]>) -> Result<(), CandidateError> {
        let entry = lookup(&self.store, &self.origin.base, path)?;
        let executable = entry.is_some_and(|entry| entry.kind == EntryKind::Executable);
        fill::write(self.root(), path, content, executable).map_err(failed("cannot write", path))
    }

    /// Removes the directories above a path that were made for it and are empty now.
    fn remove_new_directories(&self, path: &Path) -> Result<(), CandidateError> {
        for dir in path.ancestors().skip(1).filter(|dir| !dir.as_os_str().is_empty()) {
            let is_known = lookup(&self.store, &self.origin.base, dir)?.is_some();
            if is_known || std::fs::remove_dir(self.root().join(dir)).is_err() {
                break;
            }
        }
        Ok(())
    }

    /// True when the copy has this entry now: of what is too large, or could not be read, there is no content to copy.
    fn put(&mut self, path: &Path, entry: Option<Entry>) -> Result<bool, CandidateError> {
        let root = self.root().to_owned();
        let put = match entry {
            None => {
                let removed = fill::remove_node(&root, path);
                self.remove_new_directories(path)?;
                removed
            }
            Some(Entry { kind: EntryKind::Large | EntryKind::Unknown, .. }) => {
                return Ok(fill::copy_over(&self.source, &root, path).is_ok());
            }
            Some(entry) => fill::place(&self.source, &root, path, entry, &self.store)?,
        };
        put.map_err(failed("cannot write", path))?;
        Ok(true)
    }
}

impl AgentCopy for PrivateCopy {
    fn root(&self) -> &Path {
        self.listing.root()
    }

    fn notes(&self) -> &[String] {
        &self.notes
    }

    fn store(&self) -> &Store {
        &self.store
    }

    fn read(&self, path: &Path, bytes_max: u64) -> io::Result<Vec<u8>> {
        read_own(&Root::open(self.root())?, path, bytes_max)
    }

    fn changes(&mut self) -> Result<Vec<Difference>, CandidateError> {
        let now = self.listing.take()?.digest;
        Ok(compare(&self.store, Some(&self.origin.base), Some(&now))?)
    }

    fn changed_behind(&self) -> Vec<PathBuf> {
        let tops = self.listing.beside().into_iter().filter(|top| !tree::is_hidden(top) && !heavy::is_cache(top));
        tops.filter(|top| heavy::changed_since(&self.root().join(top), self.origin.made_ns)).collect()
    }

    fn is_special(&self, path: &Path) -> bool {
        let about = self.root().join(path).symlink_metadata();
        about.is_ok_and(|about| !about.is_file() && !about.is_dir() && !about.is_symlink())
    }

    fn ignored_at(&self, path: &Path) -> Option<PathBuf> {
        self.listing.rules().is_ignored(path)
    }

    fn refresh(&mut self, live: &Listing) -> Result<Vec<PathBuf>, CandidateError> {
        let now = live.take()?.digest;
        if now == self.origin.from {
            return Ok(Vec::new());
        }
        let own: BTreeSet<PathBuf> = self.changes()?.into_iter().map(|changed| changed.path).collect();
        let mut both = Vec::new();
        for theirs in compare(&self.store, Some(&self.origin.from), Some(&now))? {
            // What the agent has written since it was compared is a change like any other.
            self.listing.look([theirs.path.as_path()]);
            let here = entry_of(&self.listing, &theirs.path);
            let base = lookup(&self.store, &self.origin.base, &theirs.path)?.map(alone);
            let is_own = own.contains(&theirs.path) || !is_same(here, base);
            let is_there = is_same(here, theirs.after.map(alone));
            if is_own && !is_there {
                both.push(theirs.path);
                continue;
            }
            if !is_there && !self.put(&theirs.path, theirs.after)? {
                continue;
            }
            self.rebase(&theirs.path, theirs.after)?;
        }
        self.origin.from = now;
        self.origin.save(self.listing.root())?;
        Ok(both)
    }

    fn reset(&mut self, live: &Listing, path: &Path, decided: Option<Digest>) -> Result<(), CandidateError> {
        let is_ignored = self.ignored_at(path).is_some();
        let now = if is_ignored {
            let source = Root::open(&self.source).map_err(failed("cannot open", &self.source))?;
            ignored_now(&source, &self.store, path)?
        } else {
            live.look([path]);
            live.record()?;
            entry_of(live, path)
        };
        self.listing.look([path]);
        let base = lookup(&self.store, &self.origin.base, path)?.map(alone);
        let here = entry_of(&self.listing, path);
        if (Decided { base, here, state: decided }).is_overtaken() {
            self.origin.base = replace_node(&self.store, &self.origin.base, path, now)?;
        } else {
            if is_ignored {
                fill::copy_over(&self.source, self.root(), path).map_err(failed("cannot write", path))?;
            } else {
                self.put(path, now)?;
            }
            self.rebase(path, now)?;
        }
        self.origin.save(self.listing.root())
    }
}

impl Drop for PrivateCopy {
    fn drop(&mut self) {
        // Moved aside first, so that its place is free at once; what cannot be removed now is
        // removed when the next session of this workspace clears the directory.
        let _ = clear(self.root());
        let _ = std::fs::remove_file(base_file(self.root()));
    }
}

fn base_file(place: &Path) -> PathBuf {
    place.with_extension("base")
}

/// Empties a place; the removal itself continues in the background.
fn clear(place: &Path) -> Result<(), CandidateError> {
    static NEXT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
    let number = NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let aside = place.with_extension(format!("old-{}-{number}", std::process::id()));
    match std::fs::rename(place, &aside) {
        Ok(()) => {
            std::thread::spawn(move || layer::remove(&aside));
            Ok(())
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(failed("cannot clear", place)(error)),
    }
}

#[cfg(test)]
mod tests;
