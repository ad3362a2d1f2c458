//! The tree as it was last seen, and what differs from it now.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use crate::base::{Digest, RelPath};
use crate::model::FileChange;
use crate::port::Notice;
use crate::workspace::tree::{self, DigestCache, Node, Tree};

/// What was last seen of every file and link, by relative path.
pub struct View {
    root: PathBuf,
    known: BTreeMap<PathBuf, Digest>,
    dirs: BTreeSet<PathBuf>,
    cache: DigestCache,
    begun: bool,
}

impl View {
    /// A view that has seen nothing: its first scan tells nothing.
    pub fn new(root: PathBuf) -> Self {
        Self { root, known: BTreeMap::new(), dirs: BTreeSet::new(), cache: DigestCache::default(), begun: false }
    }

    /// The directories that hold content.
    pub fn dirs(&self) -> &BTreeSet<PathBuf> {
        &self.dirs
    }

    /// Whether the root is still there.
    pub fn exists(&self) -> bool {
        self.root.is_dir()
    }

    /// Whether a path can be passed over without looking: version control and our own files.
    pub fn never_shows(path: &Path) -> bool {
        path.components().any(|part| tree::never_content(part.as_os_str()))
    }

    /// Walks the whole tree.
    pub fn scan(&mut self) -> Vec<Notice> {
        let tree = tree::list(&self.root);
        let mut notices = self.compare(&tree);
        let gone: Vec<PathBuf> = self.known.keys().filter(|path| !tree.nodes.contains_key(*path)).cloned().collect();
        // Beyond the bound of a tree nobody knows what is gone.
        if !tree.truncated {
            notices.extend(gone.into_iter().filter_map(|path| self.set(path, None)));
        }
        self.dirs = tree.dirs.iter().cloned().collect();
        self.cache.retain(&tree);
        if std::mem::replace(&mut self.begun, true) { notices } else { Vec::new() }
    }

    /// Looks at single paths.
    pub fn look(&mut self, paths: &BTreeSet<PathBuf>) -> Vec<Notice> {
        let mut notices = Vec::new();
        for path in paths {
            let about = std::fs::symlink_metadata(self.root.join(path));
            if about.is_ok_and(|about| about.is_dir()) {
                self.forget_below(path, false, &mut notices);
                if path.as_os_str().is_empty() || self.dirs.contains(path) || tree::is_content(&self.root, path) {
                    let below = tree::list_below(&self.root, path);
                    self.dirs.extend(below.dirs.iter().cloned());
                    notices.extend(self.compare(&below));
                }
                continue;
            }
            self.forget_below(path, true, &mut notices);
            let node = tree::node_at(&self.root, path);
            let shown = node.filter(|_| self.known.contains_key(path) || tree::is_content(&self.root, path));
            let digest = shown.and_then(|node| self.digest(path, &node));
            notices.extend(self.set(path.clone(), digest));
        }
        notices
    }

    /// Drops what was seen below a path and is not there any more.
    fn forget_below(&mut self, path: &Path, whole: bool, notices: &mut Vec<Notice>) {
        let below = |seen: &&PathBuf| seen.starts_with(path) && seen.as_path() != path;
        let gone = |seen: &&PathBuf| whole || std::fs::symlink_metadata(self.root.join(seen)).is_err();
        let files: Vec<PathBuf> = self.known.keys().filter(below).filter(gone).cloned().collect();
        let root = self.root.clone();
        self.dirs
            .retain(|dir| !dir.starts_with(path) || dir.as_os_str().is_empty() || (!whole && root.join(dir).is_dir()));
        notices.extend(files.into_iter().filter_map(|file| self.set(file, None)));
    }

    fn compare(&mut self, tree: &Tree) -> Vec<Notice> {
        let mut notices = Vec::new();
        for (path, node) in &tree.nodes {
            if let Some(digest) = self.digest(path, node) {
                notices.extend(self.set(path.clone(), Some(digest)));
            }
        }
        notices
    }

    /// What a file holds; `None` when it cannot be read, and then it keeps what it was seen with.
    fn digest(&mut self, path: &Path, node: &Node) -> Option<Digest> {
        match node {
            Node::Link(target) => Some(Digest::of(target.as_os_str().as_bytes())),
            Node::File(identity) => match self.cache.digest(&self.root, path, identity) {
                Ok(digest) => Some(digest),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
                Err(_) => self.known.get(path).copied(),
            },
        }
    }

    /// Notes what a path holds; a notice when that is something else than before.
    fn set(&mut self, path: PathBuf, after: Option<Digest>) -> Option<Notice> {
        let before = match after {
            Some(digest) => self.known.insert(path.clone(), digest),
            None => self.known.remove(&path),
        };
        let change = match (before, after) {
            (None, Some(_)) => FileChange::Create,
            (Some(_), None) => FileChange::Delete,
            (Some(before), Some(after)) if before != after => FileChange::Modify,
            (Some(_), Some(_)) | (None, None) => return None,
        };
        let rel = RelPath::from_path(&path).ok();
        Some(Notice::Changed { path: shown(&path), rel, change, before, after })
    }
}

/// The path as text; bytes that are not UTF-8 as `\xNN`.
fn shown(path: &Path) -> String {
    let mut text = String::new();
    for chunk in path.as_os_str().as_bytes().utf8_chunks() {
        text.push_str(chunk.valid());
        for byte in chunk.invalid() {
            text.push_str(&format!("\\x{byte:02x}"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// One thing that somebody does to a small tree.
    fn act(root: &Path, what: u8, one: u8, two: u8) {
        let name =
            |number: u8| root.join(["a", "d/b", "d/e/c", "d", "x.log", ".gitignore", "d/e"][usize::from(number % 7)]);
        let (here, there) = (name(one), name(two));
        let _ = match what % 6 {
            0 | 1 => here.parent().map_or(Ok(()), std::fs::create_dir_all).and_then(|()| {
                std::fs::write(
                    &here,
                    if here.ends_with(".gitignore") { "*.log\n/d/e\n".as_bytes() } else { std::slice::from_ref(&two) },
                )
            }),
            2 => std::fs::remove_file(&here),
            3 => std::fs::remove_dir_all(&here),
            4 => std::fs::rename(&here, &there),
            _ => std::os::unix::fs::symlink(&there, &here),
        };
    }

    /// The picture that notices paint, from what was there at first.
    fn paint(picture: &mut BTreeMap<String, Digest>, notices: Vec<Notice>) -> Result<(), TestCaseError> {
        for notice in notices {
            let Notice::Changed { path, before, after, .. } = notice else { continue };
            let old = match after {
                Some(digest) => picture.insert(path, digest),
                None => picture.remove(&path),
            };
            prop_assert_eq!(old, before);
        }
        Ok(())
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]
        #[test]
        fn the_view_equals_the_disk_after_any_looks_and_a_scan(acts in proptest::collection::vec((any::<u8>(), any::<u8>(), any::<u8>(), proptest::bool::weighted(0.7)), 1..25)) {
            let dir = tempfile::tempdir().unwrap();
            let root = dir.path().canonicalize().unwrap();
            act(&root, 0, 0, 0);
            let mut view = View::new(root.clone());
            prop_assert!(view.scan().is_empty());
            let mut picture: BTreeMap<String, Digest> = view.known.iter().map(|(path, digest)| (shown(path), *digest)).collect();
            for (what, one, two, hinted) in acts {
                act(&root, what, one, two);
                if hinted {
                    let paths: BTreeSet<PathBuf> = [one, two].iter().map(|number| PathBuf::from(["a", "d/b", "d/e/c", "d", "x.log", ".gitignore", "d/e"][usize::from(number % 7)])).collect();
                    paint(&mut picture, view.look(&paths))?;
                }
            }
            paint(&mut picture, view.scan())?;
            let mut fresh = View::new(root);
            fresh.scan();
            let disk: BTreeMap<String, Digest> = fresh.known.iter().map(|(path, digest)| (shown(path), *digest)).collect();
            prop_assert_eq!(picture, disk);
            prop_assert_eq!(view.dirs, fresh.dirs);
        }
    }

    #[test]
    fn names_that_are_not_utf8_are_shown_as_escapes() {
        assert_eq!(shown(Path::new(std::ffi::OsStr::from_bytes(b"a\xffb/\xe4\xf6"))), "a\\xffb/\\xe4\\xf6");
    }
}
