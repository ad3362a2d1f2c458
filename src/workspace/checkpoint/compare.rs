//! What differs between two recorded trees; equal directories are not even read.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::directory::{Directory, Entry, EntryKind};
use super::store::{Store, StoreError};
use crate::base::{Digest, limits};

/// A file (or link) that differs.
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
    descend(store, Path::new(""), before.copied(), after.copied(), 0, &mut found)?;
    found.sort_by(|one, two| one.path.cmp(&two.path));
    Ok(found)
}

fn load(store: &Store, digest: Option<Digest>) -> Result<Directory, StoreError> {
    let Some(digest) = digest else { return Ok(Directory::default()) };
    let bytes = store.get(&digest)?.ok_or(StoreError::Missing(digest))?;
    Directory::decode(&bytes).ok_or(StoreError::Damaged(digest))
}

fn descend(
    store: &Store,
    at: &Path,
    before: Option<Digest>,
    after: Option<Digest>,
    depth: usize,
    found: &mut Vec<Difference>,
) -> Result<(), StoreError> {
    if before == after || depth > limits::CHECKPOINT_DEPTH_MAX {
        return Ok(());
    }
    let (old, new) = (load(store, before)?, load(store, after)?);
    let names: BTreeSet<&OsString> = old.entries.keys().chain(new.entries.keys()).collect();
    for name in names {
        let (one, two) = (old.entries.get(name).copied(), new.entries.get(name).copied());
        if one == two {
            continue;
        }
        let path = at.join(name);
        let directory =
            |entry: Option<Entry>| entry.filter(|entry| entry.kind == EntryKind::Directory).map(|entry| entry.digest);
        let file = |entry: Option<Entry>| entry.filter(|entry| entry.kind != EntryKind::Directory);
        descend(store, &path, directory(one), directory(two), depth + 1, found)?;
        if file(one) != file(two) {
            found.push(Difference { path, before: file(one), after: file(two) });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::{Snapshots, Store};
    use super::*;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    #[test]
    fn a_checkpoint_records_what_changed_and_costs_nothing_when_nothing_did() {
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
        }
        let store = Store::open(state.path()).unwrap();
        let mut snapshots = Snapshots::new(work.path().to_owned(), store.clone());
        let first = snapshots.take().unwrap();
        assert_eq!((first.files, first.truncated), (5, false));
        assert_eq!(snapshots.take().unwrap().digest, first.digest);

        std::fs::write(at("a/b/one"), "one").unwrap();
        std::fs::remove_dir_all(at("gone")).unwrap();
        std::fs::remove_file(at("three")).unwrap();
        std::fs::create_dir(at("three")).unwrap();
        std::fs::write(at("three/inside"), "i").unwrap();
        symlink("/etc/passwd", at("link")).unwrap();
        std::fs::set_permissions(at("a/two"), std::fs::Permissions::from_mode(0o755)).unwrap();
        std::fs::write(at("out/big"), "changed, but ignored").unwrap();
        let second = snapshots.take().unwrap();
        let differences = compare(&store, Some(&first.digest), Some(&second.digest)).unwrap();
        let told: Vec<String> = differences
            .iter()
            .map(|difference| {
                let word = |entry: Option<Entry>| {
                    entry.map_or("-".to_owned(), |entry| {
                        format!(
                            "{:?} {}",
                            entry.kind,
                            String::from_utf8(store.get(&entry.digest).unwrap().unwrap()).unwrap()
                        )
                    })
                };
                format!("{}: {} > {}", difference.path.display(), word(difference.before), word(difference.after))
            })
            .collect();
        assert_eq!(
            told,
            [
                "a/b/one: File 1 > File one",
                "a/two: File 2 > Executable 2",
                "gone/deep/x: File x > -",
                "link: - > Link /etc/passwd",
                "three: File 3 > -",
                "three/inside: - > File i"
            ]
        );
        assert!(compare(&store, Some(&second.digest), Some(&second.digest)).unwrap().is_empty());
        let missing = Digest::of(b"no such tree");
        assert!(matches!(compare(&store, None, Some(&missing)), Err(StoreError::Missing(_))));
    }
}
