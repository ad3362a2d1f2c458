//! The differences between two recorded trees, and single entries of one; equal directories are not even read.

use super::directory::{Directory, Entry, EntryKind};
use super::store::{Store, StoreError};
use crate::base::Digest;
use crate::workspace::limits;
use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

/// A node that differs: a file, a link, or a directory that is empty or whose permission bits say more than usual.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    pub path: PathBuf,
    pub before: Option<Entry>,
    pub after: Option<Entry>,
}

/// The differences in order of path; `None` is an empty tree.
///
/// # Errors
/// When an object of either tree is missing or damaged.
pub fn compare(store: &Store, before: Option<&Digest>, after: Option<&Digest>) -> Result<Vec<Difference>, StoreError> {
    let mut found = Vec::new();
    visit(store, before, after, &mut |difference| found.push(difference))?;
    found.sort_by(|one, two| one.path.cmp(&two.path));
    Ok(found)
}

/// Tells the differences one by one, in no order that could be relied on.
///
/// # Errors
/// As [`compare`].
pub fn visit(
    store: &Store,
    before: Option<&Digest>,
    after: Option<&Digest>,
    tell: &mut dyn FnMut(Difference),
) -> Result<(), StoreError> {
    Walk { store, tell }.descend(Path::new(""), before.copied(), after.copied(), 0)
}

struct Walk<'a> {
    store: &'a Store,
    tell: &'a mut dyn FnMut(Difference),
}

fn load(store: &Store, digest: Option<Digest>) -> Result<Directory, StoreError> {
    let Some(digest) = digest else { return Ok(Directory::default()) };
    let bytes = store.get(&digest)?.ok_or(StoreError::Missing(digest))?;
    Directory::decode(&bytes).ok_or(StoreError::Damaged(digest))
}

impl Walk<'_> {
    fn descend(
        &mut self,
        at: &Path,
        before: Option<Digest>,
        after: Option<Digest>,
        depth: usize,
    ) -> Result<(), StoreError> {
        if before == after || depth > limits::CHECKPOINT_DEPTH_MAX {
            return Ok(());
        }
        let (old, new) = (load(self.store, before)?, load(self.store, after)?);
        let names: BTreeSet<&OsString> = old.entries.keys().chain(new.entries.keys()).collect();
        for name in names {
            let (one, two) = (old.entries.get(name).copied(), new.entries.get(name).copied());
            // What a partial directory does not list need not have been absent.
            let is_unknown = (one.is_none() && old.partial) || (two.is_none() && new.partial);
            if is_unknown || one.zip(two).is_some_and(|(one, two)| one.is_same(&two)) {
                continue;
            }
            let path = at.join(name);
            let kinds = one.map(|entry| entry.kind).zip(two.map(|entry| entry.kind));
            if kinds.is_some_and(|(one, two)| one == EntryKind::Unknown || two == EntryKind::Unknown) {
                continue;
            }
            let directory = |entry: Option<Entry>| {
                entry.filter(|entry| entry.kind == EntryKind::Directory).map(|entry| entry.digest)
            };
            self.descend(&path, directory(one), directory(two), depth + 1)?;
            let both =
                one.zip(two).filter(|(one, two)| (one.kind, two.kind) == (EntryKind::Directory, EntryKind::Directory));
            if let Some((one, two)) = both {
                if one.mode.zip(two.mode).is_some_and(|(one, two)| one != two) {
                    (self.tell)(Difference { path, before: Some(one), after: Some(two) });
                }
                continue;
            }
            let (before, after) = (one.filter(Entry::is_node), two.filter(Entry::is_node));
            if before.is_some() || after.is_some() {
                (self.tell)(Difference { path, before, after });
            }
        }
        Ok(())
    }
}

/// One entry of a recorded tree.
///
/// # Errors
/// As [`compare`].
pub fn lookup(store: &Store, tree: &Digest, path: &Path) -> Result<Option<Entry>, StoreError> {
    let (mut at, mut found) = (Some(*tree), None);
    for name in path.iter() {
        let Some(digest) = at else { return Ok(None) };
        found = load(store, Some(digest))?.entries.get(name).copied();
        at = found.filter(|entry| entry.kind == EntryKind::Directory).map(|entry| entry.digest);
    }
    Ok(found)
}

/// The tree with another entry at this path; `None` takes it out. Directories that become empty go.
///
/// # Errors
/// As [`compare`], or when the store cannot be written.
pub fn replace(store: &Store, tree: &Digest, path: &Path, entry: Option<Entry>) -> Result<Digest, StoreError> {
    let parts: Vec<&OsStr> = path.iter().collect();
    replace_in(store, Some(*tree), &parts, entry)
}

fn replace_in(store: &Store, at: Option<Digest>, path: &[&OsStr], entry: Option<Entry>) -> Result<Digest, StoreError> {
    let mut directory = load(store, at)?;
    if let Some((name, rest)) = path.split_first() {
        let old = directory.entries.get(*name).copied();
        let next = if rest.is_empty() {
            entry
        } else {
            let inner = old.filter(|old| old.kind == EntryKind::Directory);
            let digest = replace_in(store, inner.map(|inner| inner.digest), rest, entry)?;
            let mode = inner.and_then(|inner| inner.mode);
            (digest != Digest::of(b"")).then_some(Entry { kind: EntryKind::Directory, digest, mode })
        };
        match next {
            Some(next) => directory.entries.insert((*name).to_owned(), next),
            None => directory.entries.remove(*name),
        };
    }
    let bytes = directory.encode();
    let digest = Digest::of(&bytes);
    store.put(&digest, &bytes)?;
    Ok(digest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::listing::Listing;
    use crate::workspace::tree::Rules;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    fn chmod(path: &Path, mode: u32) {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    }

    fn word(store: &Store, entry: Option<Entry>) -> String {
        let Some(entry) = entry else { return "-".to_owned() };
        let text = String::from_utf8(store.get(&entry.digest).unwrap().unwrap()).unwrap();
        let mode = entry.mode.map(|mode| format!(" {mode:o}")).unwrap_or_default();
        format!("{:?}{mode} {text}", entry.kind).trim().to_owned()
    }

    fn told(store: &Store, one: &Digest, two: &Digest) -> Vec<String> {
        let differences = compare(store, Some(one), Some(two)).unwrap();
        let line =
            |d: &Difference| format!("{}: {} > {}", d.path.display(), word(store, d.before), word(store, d.after));
        differences.iter().map(line).collect()
    }

    #[test]
    fn a_checkpoint_records_nodes_whole_and_costs_nothing_when_nothing_changed() {
        let (work, state) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let at = |path: &str| work.path().join(path);
        for (path, text) in [
            ("a/b/one", "1"),
            ("a/two", "2"),
            ("three", "3"),
            ("gone/deep/x", "x"),
            (".gitignore", "/out\n"),
            ("out/big", "b"),
        ] {
            std::fs::create_dir_all(at(path).parent().unwrap()).unwrap();
            std::fs::write(at(path), text).unwrap();
            chmod(&at(path), 0o640);
        }
        let store = Store::open(state.path()).unwrap();
        let root = work.path().canonicalize().unwrap();
        let listing = Listing::new(root.clone(), Rules::read(&root), store.clone());
        let first = listing.take().unwrap();
        assert_eq!((first.files, first.truncated), (5, false));
        assert_eq!(listing.take().unwrap().digest, first.digest);

        std::fs::write(at("a/b/one"), "one").unwrap();
        std::fs::remove_dir_all(at("gone")).unwrap();
        std::fs::remove_file(at("three")).unwrap();
        std::fs::create_dir(at("three")).unwrap();
        std::fs::write(at("three/inside"), "i").unwrap();
        chmod(&at("three/inside"), 0o600);
        std::fs::create_dir(at("empty")).unwrap();
        chmod(&at("empty"), 0o700);
        symlink("/etc/passwd", at("link")).unwrap();
        chmod(&at("a/two"), 0o750);
        std::fs::write(at("out/big"), "changed, but ignored").unwrap();
        let second = listing.take().unwrap();
        assert_eq!(
            told(&store, &first.digest, &second.digest),
            [
                "a/b/one: File 640 1 > File 640 one",
                "a/two: File 640 2 > Executable 750 2",
                "empty: - > Directory 700",
                "gone/deep/x: File 640 x > -",
                "link: - > Link /etc/passwd",
                "three: File 640 3 > -",
                "three/inside: - > File 600 i"
            ]
        );
        assert!(compare(&store, Some(&second.digest), Some(&second.digest)).unwrap().is_empty());
        let missing = Digest::of(b"no such tree");
        assert!(matches!(compare(&store, None, Some(&missing)), Err(StoreError::Missing(_))));
    }

    #[test]
    fn one_entry_is_looked_up_and_replaced() {
        let state = tempfile::tempdir().unwrap();
        let store = Store::open(state.path()).unwrap();
        let empty = Digest::of(b"");
        store.put(&empty, b"").unwrap();
        let entry = |text: &str| {
            store.put(&Digest::of(text.as_bytes()), text.as_bytes()).unwrap();
            Some(Entry { kind: EntryKind::File, digest: Digest::of(text.as_bytes()), mode: Some(0o644) })
        };
        let one = replace(&store, &empty, Path::new("a/b/c"), entry("1")).unwrap();
        let two = replace(&store, &one, Path::new("a/d"), entry("2")).unwrap();
        assert_eq!(lookup(&store, &two, Path::new("a/b/c")).unwrap(), entry("1"));
        assert_eq!(lookup(&store, &two, Path::new("a/b/c/d")).unwrap(), None);
        assert_eq!(told(&store, &one, &two), ["a/d: - > File 644 2"]);
        assert_eq!(replace(&store, &two, Path::new("a/d"), None).unwrap(), one);
        assert_eq!(replace(&store, &one, Path::new("a/b/c"), None).unwrap(), empty);
    }

    /// A file that a checkpoint did not list, or could not read, is not proven to be gone.
    #[test]
    fn what_was_not_listed_is_no_difference() {
        let state = tempfile::tempdir().unwrap();
        let store = Store::open(state.path()).unwrap();
        let put = |directory: Directory| {
            let bytes = directory.encode();
            store.put(&Digest::of(&bytes), &bytes).unwrap();
            Digest::of(&bytes)
        };
        let entry = |kind| Entry { kind, digest: Digest::of(b"x"), mode: Some(0o644) };
        let of = |name: &str, kind| (OsString::from(name), entry(kind));
        let whole =
            put(Directory { entries: [of("a", EntryKind::File), of("b", EntryKind::File)].into(), partial: false });
        let partial = put(Directory { entries: [of("a", EntryKind::File)].into(), partial: true });
        let unread =
            put(Directory { entries: [of("a", EntryKind::File), of("b", EntryKind::Unknown)].into(), partial: false });
        for other in [partial, unread] {
            assert!(compare(&store, Some(&whole), Some(&other)).unwrap().is_empty());
            assert!(compare(&store, Some(&other), Some(&whole)).unwrap().is_empty());
        }
    }

    #[test]
    fn a_tree_of_an_earlier_version_differs_in_what_it_recorded_only() {
        let state = tempfile::tempdir().unwrap();
        let store = Store::open(state.path()).unwrap();
        let old = format!("f{}a\0x{}run\0", Digest::of(b"1"), Digest::of(b"2"));
        let new = format!("F0640{}a\0F0600{}run\0", Digest::of(b"1"), Digest::of(b"2"));
        let [old, new] = [old, new].map(|text| {
            store.put(&Digest::of(text.as_bytes()), text.as_bytes()).unwrap();
            Digest::of(text.as_bytes())
        });
        let differences = compare(&store, Some(&old), Some(&new)).unwrap();
        assert_eq!(differences.iter().map(|d| d.path.to_str().unwrap()).collect::<Vec<_>>(), ["run"]);
    }
}
