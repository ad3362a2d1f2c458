//! Taking a checkpoint: walk, read what changed, keep it, write the directories that changed.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use super::directory::{Directory, Entry, EntryKind};
use super::store::{Store, StoreError};
use crate::base::{Digest, limits};
use crate::workspace::content;
use crate::workspace::root::Identity;
use crate::workspace::tree::{self, DigestCache, Node};

/// Takes checkpoints of one directory tree into one store.
#[derive(Debug)]
pub struct Snapshots {
    root: PathBuf,
    store: Store,
    cache: DigestCache,
    last: Option<Taken>,
}

/// A checkpoint that has been taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// The digest of the root directory.
    pub digest: Digest,
    /// Files in it.
    pub files: usize,
    /// Files whose content is too large to be kept; their digest is.
    pub not_kept: Vec<PathBuf>,
    /// Files that were there and could not be read.
    pub unreadable: Vec<PathBuf>,
    /// There were more files than a tree may hold.
    pub truncated: bool,
}

/// A directory under construction.
#[derive(Default)]
struct Branch {
    directory: Directory,
    below: BTreeMap<std::ffi::OsString, Branch>,
}

impl Snapshots {
    /// For the tree at `root`, keeping objects in `store`.
    pub fn new(root: PathBuf, store: Store) -> Self {
        Self { root, store, cache: DigestCache::default(), last: None }
    }

    /// The store.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Records the tree as it is now. Only files whose inode changed are read, and only contents and
    /// directories that are new are written.
    ///
    /// # Errors
    /// When the store cannot be written. Unreadable files are named in the result instead.
    pub fn take(&mut self) -> Result<Taken, StoreError> {
        let tree = tree::list(&self.root);
        let mut taken = Taken {
            digest: Digest::of(b""),
            files: 0,
            not_kept: Vec::new(),
            unreadable: Vec::new(),
            truncated: tree.truncated,
        };
        let mut new = Vec::new();
        let mut trunk = Branch::default();
        for (path, node) in &tree.nodes {
            let entry = match node {
                Node::File(identity) => self.file(path, identity, &mut taken, &mut new)?,
                Node::Link(target) => Some(self.link(target, &mut new)?),
            };
            if let Some(entry) = entry {
                taken.files += 1;
                trunk.insert(path, entry);
            }
        }
        taken.digest = self.write(trunk, &mut new)?;
        self.store.sync(&new)?;
        self.cache.retain(&tree);
        self.last = Some(taken.clone());
        Ok(taken)
    }

    /// The latest checkpoint.
    pub fn last(&self) -> Option<&Taken> {
        self.last.as_ref()
    }

    fn file(
        &mut self,
        path: &Path,
        identity: &Identity,
        taken: &mut Taken,
        new: &mut Vec<PathBuf>,
    ) -> Result<Option<Entry>, StoreError> {
        let kind = if identity.mode & 0o111 == 0 { EntryKind::File } else { EntryKind::Executable };
        let too_large = identity.size > limits::CHECKPOINT_FILE_BYTES_MAX;
        if too_large {
            taken.not_kept.push(path.to_owned());
        }
        if let Some(digest) = self.cache.fresh(path, identity) {
            return Ok(Some(Entry { kind, digest }));
        }
        let read = if too_large {
            self.cache.digest(&self.root, path, identity).map(|digest| (digest, None))
        } else {
            self.read(path)
        };
        match read {
            Ok((digest, bytes)) => {
                if let Some(bytes) = bytes {
                    new.extend(self.store.put(&digest, &bytes)?);
                }
                Ok(Some(Entry { kind, digest }))
            }
            // It went between the walk and the reading.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(_) => {
                taken.unreadable.push(path.to_owned());
                Ok(None)
            }
        }
    }

    /// The bytes that are kept are the bytes that were digested, whatever happens to the file.
    fn read(&mut self, path: &Path) -> io::Result<(Digest, Option<Vec<u8>>)> {
        let mut file = File::open(self.root.join(path))?;
        let identity = Identity::of(&rustix::fs::fstat(&file)?);
        let bytes = content::read(&mut file, limits::CHECKPOINT_OBJECT_BYTES_MAX)?;
        let digest = Digest::of(&bytes);
        let after = Identity::of(&rustix::fs::fstat(&file)?);
        if after == identity {
            self.cache.note(path, identity, digest);
        }
        Ok((digest, Some(bytes)))
    }

    fn link(&self, target: &Path, new: &mut Vec<PathBuf>) -> Result<Entry, StoreError> {
        use std::os::unix::ffi::OsStrExt as _;
        let bytes = target.as_os_str().as_bytes();
        let digest = Digest::of(bytes);
        new.extend(self.store.put(&digest, bytes)?);
        Ok(Entry { kind: EntryKind::Link, digest })
    }

    fn write(&self, mut branch: Branch, new: &mut Vec<PathBuf>) -> Result<Digest, StoreError> {
        for (name, below) in std::mem::take(&mut branch.below) {
            let digest = self.write(below, new)?;
            branch.directory.entries.insert(name, Entry { kind: EntryKind::Directory, digest });
        }
        let bytes = branch.directory.encode();
        let digest = Digest::of(&bytes);
        new.extend(self.store.put(&digest, &bytes)?);
        Ok(digest)
    }
}

impl Branch {
    fn insert(&mut self, path: &Path, entry: Entry) {
        let mut parts: Vec<_> = path.components().map(|part| part.as_os_str().to_owned()).collect();
        let Some(name) = parts.pop() else { return };
        if parts.len() > limits::CHECKPOINT_DEPTH_MAX {
            return;
        }
        let mut at = self;
        for part in parts {
            at = at.below.entry(part).or_default();
        }
        at.directory.entries.insert(name, entry);
    }
}

/// Every file of a recorded tree by its path.
///
/// # Errors
/// When an object is missing or damaged.
pub fn files(store: &Store, root: &Digest) -> Result<BTreeMap<PathBuf, Entry>, StoreError> {
    let differences = super::compare(store, None, Some(root))?;
    Ok(differences.into_iter().filter_map(|difference| Some((difference.path, difference.after?))).collect())
}
