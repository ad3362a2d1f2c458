//! Looking at the disk for the listing: the names in a directory, and what one name is. Sizes and kinds are asked
//! before a byte is read; a pipe is never opened and a large file never read.

use super::branch::Leaf;
use crate::base::Digest;
use crate::base::digest::FieldHasher;
use crate::workspace::checkpoint::{Entry, EntryKind, Pending, Store, StoreError};
use crate::workspace::content;
use crate::workspace::edit::is_temp_name;
use crate::workspace::limits;
use crate::workspace::root::{Identity, Root};
use crate::workspace::tree::{Class, Rules};
use rustix::fs::{AtFlags, Dir, FileType};
use rustix::io::Errno;
use std::collections::hash_map::DefaultHasher;
use std::ffi::{OsStr, OsString};
use std::hash::{Hash as _, Hasher as _};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

/// A file or link, by its inode alone.
#[derive(Debug, Clone, Copy)]
pub struct Stat {
    identity: Identity,
    is_link: bool,
}

/// The kind of a name in a directory.
#[derive(Debug)]
pub enum Seen {
    Directory,
    Node(Stat),
}

impl Seen {
    /// Returns the kind of a full path; `None` for nothing and for special files.
    pub fn at(path: &Path) -> Option<Self> {
        one(rustix::fs::CWD, path).ok().flatten()
    }
}

/// Reads a single file or link, outside of a listing.
#[derive(Debug, Clone)]
pub struct Sight(Leaf);

impl Sight {
    /// Returns the leaf at `path`; `None` for nothing, a directory or a special file. It is read again only if it
    /// changed since it was `known`, and at most `bytes_max` of it.
    pub fn of(root: &Root, path: &Path, known: Option<&Self>, bytes_max: u64) -> Option<Self> {
        let (dir, name) = (root.open_plain_dir(path.parent()?).ok()?, path.file_name()?);
        let Some(Seen::Node(stat)) = one(&dir, name).ok()? else { return None };
        match known {
            Some(known) if known.0.stamp == stat.stamp() => Some(known.clone()),
            Some(_) | None => {
                let old = known.map(|known| known.0);
                node(&dir, name, &stat, old, Reading { bytes_max, keep: None }).map(Self)
            }
        }
    }

    pub fn entry(&self) -> Entry {
        self.0.entry
    }
}

/// The content of one directory.
#[derive(Debug)]
pub struct Names {
    pub names: Vec<(OsString, Seen)>,
    /// Entries that are not content but are watched: ignored ones, and those that belong to version control.
    pub beside: Vec<OsString>,
    pub mode: Option<u16>,
    /// There is nothing in it at all.
    pub is_bare: bool,
}

impl Stat {
    /// Stands for everything that the inode tells; never 0.
    pub fn stamp(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        (self.identity, self.is_link).hash(&mut hasher);
        hasher.finish().max(1)
    }

    /// The last change of the inode, nanoseconds since 1970.
    pub fn changed_ns(&self) -> i128 {
        self.identity.ctime_ns
    }

    pub fn bytes(&self) -> u64 {
        self.identity.size
    }

    fn mode(&self) -> Option<u16> {
        bits(self.identity.mode)
    }

    /// The clock of a file system is coarse: what changed just now may change again and leave the same times.
    fn settled_stamp(&self) -> u64 {
        let settled = super::now_ns() - i128::from(limits::WORKSPACE_SETTLED_MS) * 1_000_000;
        let is_settled = self.identity.ctime_ns < settled && self.identity.mtime_ns < settled;
        if is_settled { self.stamp() } else { 0 }
    }
}

/// The permission bits of a mode.
fn bits(mode: u32) -> Option<u16> {
    u16::try_from(mode & 0o7777).ok()
}

/// The names in a directory that are content.
pub fn directory(fd: &OwnedFd, path: &Path, rules: &Rules) -> io::Result<Names> {
    let mode = bits(rustix::fs::fstat(fd)?.st_mode);
    let mut found = Names { names: Vec::new(), beside: Vec::new(), mode, is_bare: true };
    for entry in Dir::read_from(fd)? {
        let entry = entry?;
        let name = OsStr::from_bytes(entry.file_name().to_bytes());
        if name == "." || name == ".." {
            continue;
        }
        found.is_bare = false;
        // Most file systems report the kind; excluded entries then need not be read.
        let full = path.join(name);
        let kind = entry.file_type();
        if kind != FileType::Unknown && rules.class_below(&full, kind == FileType::Directory) != Class::Content {
            found.beside.extend((!is_temp_name(name)).then(|| name.to_owned()));
            continue;
        }
        // Otherwise it went meanwhile, or is a pipe or a device. Any other error recurs when it is looked up again.
        if let Ok(Some(seen)) = one(fd, name) {
            match rules.class_below(&full, matches!(seen, Seen::Directory)) {
                Class::Content => found.names.push((name.to_owned(), seen)),
                Class::Ignored | Class::Guard | Class::Hidden => found.beside.push(name.to_owned()),
            }
        }
    }
    found.beside.sort();
    Ok(found)
}

/// Returns the kind of one name; `None` for nothing and for special files.
pub fn one(dir: impl AsFd, name: impl rustix::path::Arg) -> io::Result<Option<Seen>> {
    let stat = match rustix::fs::statat(dir, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => stat,
        Err(Errno::NOENT) => return Ok(None),
        Err(errno) => return Err(errno.into()),
    };
    let node = |is_link| Some(Seen::Node(Stat { identity: Identity::of(&stat), is_link }));
    Ok(match FileType::from_raw_mode(stat.st_mode) {
        FileType::Directory => Some(Seen::Directory),
        FileType::RegularFile => node(false),
        FileType::Symlink => node(true),
        FileType::Fifo | FileType::Socket | FileType::CharacterDevice | FileType::BlockDevice | FileType::Unknown => {
            None
        }
    })
}

/// Returns whether the entry known under this name is gone, according to the kernel: nothing exists, or another kind of
/// thing. Any other error proves nothing.
pub fn is_absent(fd: &OwnedFd, name: &OsStr, was_directory: bool) -> bool {
    match one(fd, name) {
        Ok(None) => true,
        Ok(Some(seen)) => matches!(seen, Seen::Directory) != was_directory,
        Err(_) => false,
    }
}

/// Returns the substitute digest of a file that is too large to be read.
fn large(identity: &Identity) -> Digest {
    let mut hasher = FieldHasher::new();
    hasher.field(b"rightseat large file 1").field(&identity.size.to_le_bytes()).field(&identity.mtime_ns.to_le_bytes());
    hasher.finish()
}

/// The limit for reading one file, and whether its content is stored at once.
#[derive(Debug, Clone, Copy)]
pub struct Reading<'a> {
    pub bytes_max: u64,
    pub keep: Option<&'a Store>,
}

/// Reads one file or link; `None` when it went.
pub fn node(fd: &OwnedFd, name: &OsStr, stat: &Stat, old: Option<Leaf>, reading: Reading<'_>) -> Option<Leaf> {
    if stat.is_link {
        let target = rustix::fs::readlinkat(fd, name, Vec::new()).ok()?.into_bytes();
        let digest = Digest::of(&target);
        let is_kept = reading.keep.is_some_and(|store| store.put(&digest, &target).is_ok());
        let entry = Entry { kind: EntryKind::Link, digest, mode: None };
        return Some(Leaf { entry, stamp: stat.settled_stamp(), is_kept });
    }
    let kind = EntryKind::of_file(stat.identity.mode);
    if stat.identity.size > reading.bytes_max {
        return Some(too_large(stat));
    }
    match read(fd, name, reading) {
        Ok((digest, now, is_kept)) => {
            let stat = Stat { identity: now, is_link: false };
            let entry = Entry { kind: EntryKind::of_file(now.mode), digest, mode: stat.mode() };
            Some(Leaf { entry, stamp: stat.settled_stamp(), is_kept })
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        // It grew beyond the bound between the look and the reading.
        Err(error) if error.kind() == io::ErrorKind::FileTooLarge => Some(too_large(stat)),
        // It is there and cannot be read: what was known of its content stays.
        Err(_) => {
            let known = old.filter(|leaf| matches!(leaf.entry.kind, EntryKind::File | EntryKind::Executable));
            let unknown = Entry { kind: EntryKind::Unknown, digest: Digest::of(b""), mode: stat.mode() };
            let entry = known.map_or(unknown, |leaf| Entry { kind, mode: stat.mode(), ..leaf.entry });
            Some(Leaf { entry, stamp: 0, is_kept: true })
        }
    }
}

fn too_large(stat: &Stat) -> Leaf {
    let entry = Entry { kind: EntryKind::Large, digest: large(&stat.identity), mode: stat.mode() };
    Leaf { entry, stamp: stat.settled_stamp(), is_kept: true }
}

/// Digest, identity and whether the content is kept.
fn read(fd: &OwnedFd, name: &OsStr, reading: Reading<'_>) -> io::Result<(Digest, Identity, bool)> {
    let (mut file, identity) = content::open(fd, name)?;
    let max = reading.bytes_max;
    let (digest, is_kept) = match reading.keep {
        None => (content::digest(&file, max)?, false),
        Some(store) => {
            let bytes = content::read(&mut file, max)?;
            let digest = Digest::of(&bytes);
            // What cannot be kept now is tried again when the tree is recorded, and the problem reported there.
            (digest, store.put(&digest, &bytes).is_ok())
        }
    };
    let after = Identity::of(&rustix::fs::fstat(&file)?);
    // Written to while it was read: its times must not vouch for this digest.
    let seen = if after == identity { identity } else { Identity { ctime_ns: i128::MAX, ..after } };
    Ok((digest, seen, is_kept))
}

/// Keeps the content of a leaf that is known and not kept. False when it is another one by now.
///
/// # Errors
/// When the store cannot be written.
pub fn keep(
    fd: &OwnedFd,
    name: &OsStr,
    known: &Leaf,
    store: &Store,
    pending: &mut Pending,
) -> Result<bool, StoreError> {
    let bytes = match known.entry.kind {
        EntryKind::Link => rustix::fs::readlinkat(fd, name, Vec::new()).ok().map(|link| link.into_bytes()),
        EntryKind::File | EntryKind::Executable | EntryKind::Directory | EntryKind::Large | EntryKind::Unknown => {
            let file = content::open(fd, name);
            file.and_then(|(mut file, _)| content::read(&mut file, limits::CHECKPOINT_FILE_BYTES_MAX)).ok()
        }
    };
    let Some(bytes) = bytes.filter(|bytes| Digest::of(bytes) == known.entry.digest) else { return Ok(false) };
    store.put_noted(&known.entry.digest, &bytes, pending)?;
    Ok(true)
}
