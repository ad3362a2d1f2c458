//! The object of a directory. One entry: a kind letter, 64 hex digits, the name, a NUL. Entries are
//! sorted by name, so equal directories have equal digests.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};

use crate::base::Digest;

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EntryKind {
    File,
    Executable,
    /// The digest is of the link's target text.
    Link,
    Directory,
}

/// One entry of a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    pub kind: EntryKind,
    pub digest: Digest,
}

/// A directory as it is recorded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Directory {
    pub entries: BTreeMap<OsString, Entry>,
}

impl EntryKind {
    pub(in crate::workspace) fn letter(self) -> u8 {
        match self {
            Self::File => b'f',
            Self::Executable => b'x',
            Self::Link => b'l',
            Self::Directory => b'd',
        }
    }

    pub(in crate::workspace) fn of(letter: u8) -> Option<Self> {
        [Self::File, Self::Executable, Self::Link, Self::Directory].into_iter().find(|kind| kind.letter() == letter)
    }
}

impl Directory {
    /// The object's bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (name, entry) in &self.entries {
            bytes.push(entry.kind.letter());
            bytes.extend_from_slice(entry.digest.to_string().as_bytes());
            bytes.extend_from_slice(OsStr::as_bytes(name));
            bytes.push(0);
        }
        bytes
    }

    /// Reads an object; `None` when it is not a directory's.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let mut entries = BTreeMap::new();
        let Some(body) = bytes.strip_suffix(&[0]) else { return bytes.is_empty().then(Self::default) };
        for line in body.split(|byte| *byte == 0) {
            let (letter, rest) = line.split_first()?;
            let (digest, name) = rest.split_at_checked(64)?;
            let digest = Digest::parse(std::str::from_utf8(digest).ok()?)?;
            let entry = Entry { kind: EntryKind::of(*letter)?, digest };
            let dotted = matches!(name, b"" | b"." | b"..");
            if dotted || name.contains(&b'/') || entries.insert(OsString::from_vec(name.to_vec()), entry).is_some() {
                return None;
            }
        }
        Some(Self { entries })
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
        ]);
        (name, kind, any::<[u8; 32]>())
            .prop_map(|(name, kind, digest)| (name, Entry { kind, digest: Digest::from_bytes(digest) }))
    }

    proptest! {
        #[test]
        fn directories_come_back(entries in proptest::collection::btree_map(entry().prop_map(|(name, _)| name), entry().prop_map(|(_, entry)| entry), 0..9)) {
            let directory = Directory { entries };
            prop_assert_eq!(Directory::decode(&directory.encode()), Some(directory));
        }

        #[test]
        fn nonsense_is_no_directory_and_no_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Directory::decode(&bytes);
        }
    }
}
