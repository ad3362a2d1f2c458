//! Git's index, read as a file: git itself would run what the repository's configuration names. Versions 2 to 4 of the
//! format, names and file stamps only (gitformat-index).

use crate::workspace::limits::GIT_INDEX_BYTES_MAX;
use std::collections::BTreeMap;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// Bytes of an entry before its flags, with a SHA-1.
const FIXED: usize = 60;
/// The flag of an entry that has two more bytes of flags.
const EXTENDED: u16 = 0x4000;

/// The kind of an entry that is a repository of its own.
const REPOSITORY: u32 = 0o160_000;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Index {
    entries: BTreeMap<PathBuf, Stamp>,
}

/// The state of a file in git's index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    mtime: (u32, u32),
    size: u32,
    mode: u32,
}

/// One file of the index.
pub(super) struct Tracked<'a> {
    pub path: &'a PathBuf,
    stamp: Stamp,
}

/// A file and what the index has of it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Compared {
    Same,
    Differs,
    /// Another time, the same length.
    Touched,
}

impl Index {
    /// The index of the repository whose root this is; `None` when there is none that can be read.
    pub(super) fn read(root: &Path) -> Option<Self> {
        let git = root.join(".git");
        let dir = if git.is_dir() { git } else { linked(root, &git)? };
        Self::of(&dir)
    }

    /// The index in git's own directory.
    pub(super) fn of(git_dir: &Path) -> Option<Self> {
        let file = git_dir.join("index");
        let size = file.metadata().ok()?.len();
        if size > GIT_INDEX_BYTES_MAX {
            return None;
        }
        Self::parse(&std::fs::read(file).ok()?)
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        let word = |at: usize| Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
        let version = word(4).filter(|version| bytes.starts_with(b"DIRC") && (2..=4).contains(version))?;
        let count = word(8)?;
        let mut entries = BTreeMap::new();
        let mut at = 12;
        let mut name: Vec<u8> = Vec::new();
        for _ in 0..count {
            let stamp = Stamp { mtime: (word(at + 8)?, word(at + 12)?), mode: word(at + 24)?, size: word(at + 36)? };
            let flags = u16::from_be_bytes(bytes.get(at + FIXED..at + FIXED + 2)?.try_into().ok()?);
            let mut from = at + FIXED + if flags & EXTENDED == 0 { 2 } else { 4 };
            if version == 4 {
                let (cut, used) = variable(bytes.get(from..)?)?;
                name.truncate(name.len().checked_sub(cut)?);
                from += used;
            } else {
                name.clear();
            }
            let rest = bytes.get(from..)?;
            let end = memchr::memchr(0, rest)?;
            name.extend_from_slice(rest.get(..end)?);
            // Before version 4 an entry is filled up with zeros, at least one, to a multiple of eight.
            at = if version == 4 { from + end + 1 } else { at + ((from + end - at) / 8 + 1) * 8 };
            entries.insert(PathBuf::from(std::ffi::OsStr::from_bytes(&name)), stamp);
        }
        Some(Self { entries })
    }

    pub(super) fn tracks(&self, path: &Path) -> bool {
        self.entries.contains_key(path)
    }

    /// Returns whether anything in this directory is tracked.
    pub(super) fn has_below(&self, dir: &Path) -> bool {
        let first = self.entries.range::<Path, _>((std::ops::Bound::Excluded(dir), std::ops::Bound::Unbounded)).next();
        dir.as_os_str().is_empty() || first.is_some_and(|(path, _)| path.starts_with(dir))
    }

    pub(super) fn entries(&self) -> impl Iterator<Item = Tracked<'_>> {
        self.entries.iter().map(|(path, stamp)| Tracked { path, stamp: *stamp })
    }
}

impl Tracked<'_> {
    /// Returns whether it is a repository of its own.
    pub(super) fn is_repository(&self) -> bool {
        self.stamp.mode & 0o170_000 == REPOSITORY
    }

    pub(super) fn compared(&self, path: &Path) -> Compared {
        let Ok(meta) = path.symlink_metadata() else { return Compared::Differs };
        let kind = |mode: u32| mode & 0o170_000;
        // Of submodules the index knows the commit only.
        if self.is_repository() {
            return Compared::Same;
        }
        let runs = |mode: u32| mode & 0o100 != 0;
        let is_file = meta.is_file();
        if kind(self.stamp.mode) != kind(meta.mode())
            || (is_file && runs(self.stamp.mode) != runs(meta.mode()))
            || meta.size() as u32 != self.stamp.size
        {
            return Compared::Differs;
        }
        let (seconds, nanos) = self.stamp.mtime;
        let same_time = meta.mtime() as u32 == seconds && (nanos == 0 || meta.mtime_nsec() as u32 == nanos);
        if same_time { Compared::Same } else { Compared::Touched }
    }
}

/// Returns the target of the `.git` file of a linked worktree.
fn linked(root: &Path, file: &Path) -> Option<PathBuf> {
    let text = std::fs::read_to_string(file).ok().filter(|text| text.len() < 4096)?;
    Some(root.join(text.strip_prefix("gitdir:")?.trim()))
}

/// Git's number of variable width, and how many bytes it took.
fn variable(bytes: &[u8]) -> Option<(usize, usize)> {
    let mut value = 0usize;
    for (at, byte) in bytes.iter().enumerate().take(6) {
        value = (value << 7) | usize::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            return Some((value, at + 1));
        }
        value += 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn git(dir: &Path, args: &[&str]) -> String {
        let done = std::process::Command::new("git").args(args).current_dir(dir).output().unwrap();
        assert!(done.status.success(), "{args:?}: {}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8(done.stdout).unwrap()
    }

    /// In every version of the format the names are those that git gives.
    #[test]
    fn every_version_is_read_as_git_reads_it() {
        let dir = tempfile::tempdir().unwrap();
        git(dir.path(), &["init", "-q"]);
        for path in ["a", "ab", "abcdefgh/i", "abcdefgh/ij", "abcdefgh/ijklmnop", "z/ü/long name here.txt", "zz"] {
            let path = dir.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "x").unwrap();
        }
        git(dir.path(), &["add", "."]);
        std::fs::write(dir.path().join("later"), "x").unwrap();
        for version in ["2", "3", "4"] {
            git(dir.path(), &["update-index", "--index-version", version]);
            if version != "2" {
                git(dir.path(), &["add", "--intent-to-add", "later"]);
            }
            let listed = git(dir.path(), &["ls-files", "-z"]);
            let index = Index::read(dir.path()).unwrap();
            let names: Vec<&str> = index.entries().filter_map(|entry| entry.path.to_str()).collect();
            let mut expect: Vec<&str> = listed.split_terminator('\0').collect();
            expect.sort_by_key(|name| PathBuf::from(*name));
            assert_eq!(names, expect, "version {version}");
            assert!(index.has_below(Path::new("z/ü")) && !index.has_below(Path::new("y")), "version {version}");
        }
    }

    #[test]
    fn what_is_no_index_is_none() {
        let dir = tempfile::tempdir().unwrap();
        git(dir.path(), &["init", "-q"]);
        std::fs::write(dir.path().join("a"), "x").unwrap();
        git(dir.path(), &["add", "."]);
        let whole = std::fs::read(dir.path().join(".git/index")).unwrap();
        assert!(Index::parse(&whole).is_some());
        for cut in 0..73 {
            assert!(Index::parse(&whole[..cut]).is_none(), "{cut}");
        }
        assert!(Index::parse(b"no index at all").is_none());
    }
}
