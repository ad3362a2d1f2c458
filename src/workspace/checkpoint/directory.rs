//! The object of a directory. One entry: a kind letter, the permission bits as four octal digits when the letter is
//! upper case, 64 hex digits, the name, a NUL. Entries are sorted by name, so equal directories have equal digests.
//! Earlier versions wrote files and directories with lower-case letters, without bits.

use crate::base::Digest;
use crate::model::{FileMode, Node, NodeKind};
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};

/// The kind of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EntryKind {
    File,
    Executable,
    /// The digest is of the link's target text.
    Link,
    Directory,
    /// A file too large to be read: the digest is of its size and its time of modification.
    Large,
    /// A file or directory that is there and could not be read. Nothing is known of its content.
    Unknown,
}

/// One entry of a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    pub kind: EntryKind,
    pub digest: Digest,
    /// Permission bits, `0o7777`. A link has none, nor has what an earlier version recorded.
    pub mode: Option<u16>,
}

/// A directory as it is recorded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Directory {
    pub entries: BTreeMap<OsString, Entry>,
    /// There was more in it than was listed: what is missing here need not have been missing on the disk.
    pub partial: bool,
}

const PARTIAL: u8 = b'P';

impl EntryKind {
    /// The kind of a regular file with these permission bits.
    pub fn of_file(mode: u32) -> Self {
        if mode & 0o111 == 0 { Self::File } else { Self::Executable }
    }

    fn letter(self) -> u8 {
        match self {
            Self::File => b'f',
            Self::Executable => b'x',
            Self::Link => b'l',
            Self::Directory => b'd',
            Self::Large => b'b',
            Self::Unknown => b'u',
        }
    }

    fn of(letter: u8) -> Option<Self> {
        let all = [Self::File, Self::Executable, Self::Link, Self::Directory, Self::Large, Self::Unknown];
        all.into_iter().find(|kind| kind.letter() == letter)
    }
}

impl Entry {
    /// The same node, as far as both were recorded: an earlier version kept no permission bits.
    pub fn is_same(&self, other: &Self) -> bool {
        let modes_differ = self.mode.zip(other.mode).is_some_and(|(one, two)| one != two);
        self.kind == other.kind && self.digest == other.digest && !modes_differ
    }

    /// Returns whether it is a node of its own: a directory with content is described by its content, unless its bits are
    /// unusual.
    pub fn is_node(&self) -> bool {
        let is_usual = matches!(self.mode, None | Some(0o755 | 0o775));
        self.kind != EntryKind::Directory || self.digest == Digest::of(b"") || !is_usual
    }

    /// The digest of the content; a directory has none, nor has what could not be read.
    pub fn content(&self) -> Option<Digest> {
        match self.kind {
            EntryKind::File | EntryKind::Executable | EntryKind::Link | EntryKind::Large => Some(self.digest),
            EntryKind::Directory | EntryKind::Unknown => None,
        }
    }

    /// Returns the node as events describe it; `None` where an earlier version recorded too little.
    pub fn node(&self) -> Option<Node> {
        let kind = match self.kind {
            EntryKind::Link => return Some(Node { kind: NodeKind::Link, mode: None }),
            EntryKind::Directory => NodeKind::Directory,
            EntryKind::File | EntryKind::Executable | EntryKind::Large | EntryKind::Unknown => NodeKind::File,
        };
        self.mode.map(|mode| Node { kind, mode: Some(FileMode::new(mode.into())) })
    }

    /// Reads everything before the name.
    fn decode(line: &[u8]) -> Option<(Self, &[u8])> {
        let (letter, rest) = line.split_first()?;
        let (mode, rest) = if letter.is_ascii_uppercase() {
            let (mode, rest) = rest.split_at_checked(4)?;
            let is_octal = mode.iter().all(|digit| (b'0'..=b'7').contains(digit));
            let mode = is_octal.then(|| u16::from_str_radix(std::str::from_utf8(mode).ok()?, 8).ok()).flatten()?;
            (Some(mode), rest)
        } else {
            (None, rest)
        };
        let (digest, name) = rest.split_at_checked(64)?;
        let digest = Digest::parse(std::str::from_utf8(digest).ok()?)?;
        Some((Self { kind: EntryKind::of(letter.to_ascii_lowercase())?, digest, mode }, name))
    }
}

impl Directory {
    /// The object's bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        if self.partial {
            bytes.extend_from_slice(&[PARTIAL, 0]);
        }
        for (name, entry) in &self.entries {
            match entry.mode {
                None => bytes.push(entry.kind.letter()),
                Some(mode) => {
                    bytes.push(entry.kind.letter().to_ascii_uppercase());
                    bytes.extend_from_slice(format!("{:04o}", mode & 0o7777).as_bytes());
                }
            }
            bytes.extend_from_slice(entry.digest.to_string().as_bytes());
            bytes.extend_from_slice(OsStr::as_bytes(name));
            bytes.push(0);
        }
        bytes
    }

    /// Reads an object; `None` when it is not a directory's.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let mut directory = Self::default();
        let Some(body) = bytes.strip_suffix(&[0]) else { return bytes.is_empty().then_some(directory) };
        for line in body.split(|byte| *byte == 0) {
            if line == [PARTIAL] {
                directory.partial = true;
                continue;
            }
            let (entry, name) = Entry::decode(line)?;
            let is_dotted = matches!(name, b"" | b"." | b"..");
            let name_of = OsString::from_vec(name.to_vec());
            if is_dotted || name.contains(&b'/') || directory.entries.insert(name_of, entry).is_some() {
                return None;
            }
        }
        Some(directory)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn entry() -> impl Strategy<Value = (OsString, Entry)> {
        let name = proptest::collection::vec(any::<u8>(), 1..8).prop_filter_map("a name", |name| {
            (!name.contains(&0) && !name.contains(&b'/') && name != b"." && name != b"..")
                .then(|| OsString::from_vec(name))
        });
        let kind = proptest::sample::select(vec![
            EntryKind::File,
            EntryKind::Executable,
            EntryKind::Link,
            EntryKind::Directory,
            EntryKind::Large,
            EntryKind::Unknown,
        ]);
        let mode = proptest::option::of(0u16..=0o7777);
        (name, kind, any::<[u8; 32]>(), mode)
            .prop_map(|(name, kind, digest, mode)| (name, Entry { kind, digest: Digest::from_bytes(digest), mode }))
    }

    proptest! {
        #[test]
        fn directories_come_back(entries in proptest::collection::btree_map(entry().prop_map(|(name, _)| name), entry().prop_map(|(_, entry)| entry), 0..9), partial: bool) {
            let directory = Directory { entries, partial };
            prop_assert_eq!(Directory::decode(&directory.encode()), Some(directory));
        }

        #[test]
        fn nonsense_is_no_directory_and_no_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Directory::decode(&bytes);
        }
    }
}
