//! What counts as the workspace's content: every file that `.gitignore` does not leave out, in or
//! outside a git repository, without version-control directories and our own temporary files.

use ignore::{WalkBuilder, WalkState};
use rustix::fs::{AtFlags, CWD, FileType};
use std::collections::{BTreeMap, HashMap};
use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use super::content;
use super::edit::is_temp_name;
use super::root::Identity;
use crate::base::{Digest, limits};

/// Directories of version control: theirs, not content.
const VERSION_CONTROL: &[&str] = &[".git", ".hg", ".svn", ".jj", ".pijul"];

/// What stands at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Node {
    File(Identity),
    /// A symbolic link, wherever it leads.
    Link(PathBuf),
}

/// The content of a workspace by name; nothing has been read but names and inodes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tree {
    /// Relative path to what is there.
    pub nodes: BTreeMap<PathBuf, Node>,
    /// Relative paths of the kept directories, the root ("") first.
    pub dirs: Vec<PathBuf>,
    /// There were more than [`limits::WORKSPACE_TREE_FILES_MAX`] files.
    pub truncated: bool,
}

/// Whether a name never is content.
pub fn never_content(name: &OsStr) -> bool {
    name.to_str().is_some_and(|name| VERSION_CONTROL.contains(&name)) || is_temp_name(name)
}

/// Directories of fetched or built things, which are no content even where no rule says so.
const FETCHED: &[&str] = &["node_modules", "__pycache__", ".pytest_cache", ".mypy_cache", ".ruff_cache"];
/// Files that mark such a directory: <https://bford.info/cachedir/>, and Python's virtual environments.
const MARKS: &[&str] = &["CACHEDIR.TAG", "pyvenv.cfg"];

fn may_hold_content(entry: &ignore::DirEntry) -> bool {
    if never_content(entry.file_name()) {
        return false;
    }
    let directory = entry.file_type().is_some_and(|kind| kind.is_dir());
    let fetched = || entry.file_name().to_str().is_some_and(|name| FETCHED.contains(&name));
    let marked = || MARKS.iter().any(|mark| entry.path().join(mark).exists());
    !directory || !(fetched() || marked())
}

fn walker(root: &Path) -> WalkBuilder {
    let mut builder = WalkBuilder::new(root);
    builder
        .hidden(false)
        .ignore(false)
        .parents(true)
        .git_ignore(true)
        .git_exclude(true)
        .git_global(true)
        .require_git(false)
        .follow_links(false)
        .filter_entry(|entry| entry.depth() == 0 || may_hold_content(entry));
    builder
}

/// Lists the tree below `root`.
pub fn list(root: &Path) -> Tree {
    list_below(root, Path::new(""))
}

/// Lists what is below `dir` (relative to `root`; its own ignore rules and those above it apply).
pub fn list_below(root: &Path, dir: &Path) -> Tree {
    let mut tree = Tree::default();
    for entry in walker(&root.join(dir)).build().flatten() {
        let Ok(path) = entry.path().strip_prefix(root) else { continue };
        let Some(kind) = entry.file_type() else { continue };
        if kind.is_dir() {
            tree.dirs.push(path.to_owned());
        } else if let Some(node) = node_at(root, path) {
            if tree.nodes.len() >= limits::WORKSPACE_TREE_FILES_MAX {
                tree.truncated = true;
                break;
            }
            tree.nodes.insert(path.to_owned(), node);
        }
    }
    tree
}

/// What stands at one path now; `None` for nothing, a directory or a special file.
pub fn node_at(root: &Path, path: &Path) -> Option<Node> {
    let full = root.join(path);
    let stat = rustix::fs::statat(CWD, &full, AtFlags::SYMLINK_NOFOLLOW).ok()?;
    let kind = FileType::from_raw_mode(stat.st_mode);
    if kind == FileType::RegularFile {
        Some(Node::File(Identity::of(&stat)))
    } else if kind == FileType::Symlink {
        std::fs::read_link(full).ok().map(Node::Link)
    } else {
        None
    }
}

/// The entries of kept directories that the ignore rules leave out (version control excepted):
/// build products, dependencies, local settings. Relative paths, each the topmost of its kind.
pub fn ignored(root: &Path, tree: &Tree) -> Vec<PathBuf> {
    let dirs: std::collections::HashSet<&Path> = tree.dirs.iter().map(PathBuf::as_path).collect();
    let mut left_out = Vec::new();
    for dir in &tree.dirs {
        let Ok(entries) = std::fs::read_dir(root.join(dir)) else { continue };
        for entry in entries.flatten() {
            let path = dir.join(entry.file_name());
            let content = tree.nodes.contains_key(&path) || dirs.contains(path.as_path());
            let plain = entry.file_type().is_ok_and(|kind| kind.is_dir() || kind.is_file() || kind.is_symlink());
            if plain && !content && !never_content(&entry.file_name()) {
                left_out.push(path);
            }
        }
    }
    left_out.sort();
    left_out
}

/// Whether the rules leave this path out, judged by walking only its own chain of directories.
pub fn is_content(root: &Path, path: &Path) -> bool {
    let chain: Vec<PathBuf> = path.ancestors().map(|part| root.join(part)).collect();
    let target = root.join(path);
    let mut builder = walker(root);
    let wanted = chain.clone();
    builder.filter_entry(move |entry| {
        entry.depth() == 0 || (may_hold_content(entry) && wanted.iter().any(|part| part == entry.path()))
    });
    let found = Mutex::new(false);
    builder.threads(1).build_parallel().run(|| {
        Box::new(|entry| {
            if entry.is_ok_and(|entry| entry.path() == target) {
                *found.lock().unwrap_or_else(PoisonError::into_inner) = true;
                return WalkState::Quit;
            }
            WalkState::Continue
        })
    });
    found.into_inner().unwrap_or_else(PoisonError::into_inner)
}

/// Digests by path, kept as long as the inode says that nothing changed.
#[derive(Debug, Default)]
pub struct DigestCache {
    known: HashMap<PathBuf, (Identity, Digest)>,
}

impl DigestCache {
    /// The digest of the regular file at `path`, read only when it may have changed. Gives the
    /// identity that was digested.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn digest(&mut self, root: &Path, path: &Path, seen: &Identity) -> io::Result<Digest> {
        if let Some(digest) = self.fresh(path, seen) {
            return Ok(digest);
        }
        let file = File::open(root.join(path))?;
        let identity = Identity::of(&rustix::fs::fstat(&file)?);
        let digest = content::digest(&file)?;
        self.note(path, identity, digest);
        Ok(digest)
    }

    /// The digest, if it is known and the inode has not changed since.
    pub fn fresh(&self, path: &Path, seen: &Identity) -> Option<Digest> {
        self.known.get(path).filter(|(identity, _)| identity == seen).map(|(_, digest)| *digest)
    }

    /// Notes a digest. One of a file that changed just now is not kept: the clock of a file system
    /// is coarse, and a second change could leave the same times.
    pub fn note(&mut self, path: &Path, identity: Identity, digest: Digest) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos());
        let settled = i128::try_from(now).unwrap_or(0) - i128::from(limits::WORKSPACE_SETTLED_MS) * 1_000_000;
        if identity.ctime_ns < settled && identity.mtime_ns < settled {
            self.known.insert(path.to_owned(), (identity, digest));
        } else {
            self.known.remove(path);
        }
    }

    /// Drops what is no longer in the tree.
    pub fn retain(&mut self, tree: &Tree) {
        self.known.retain(|path, _| tree.nodes.contains_key(path));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(tree: &Tree) -> Vec<&str> {
        tree.nodes.keys().filter_map(|path| path.to_str()).collect()
    }

    fn fixture() -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for (path, text) in [
            (".gitignore", "/target\n*.log\n"),
            (".git/config", "x"),
            ("sub/.gitignore", "!keep.log\nlocal\n"),
            ("sub/keep.log", "k"),
            ("sub/drop.log", "d"),
            ("sub/local/a", "a"),
            (".hidden", "h"),
            ("target/debug/x", "x"),
            ("src/main.rs", "m"),
            (".rightseat-1-1.tmp", "t"),
            (".env.log", "e"),
            ("web/node_modules/x/index.js", "x"),
            ("out/CACHEDIR.TAG", "c"),
            ("env/pyvenv.cfg", "p"),
            ("env/lib/site.py", "p"),
        ] {
            // The pid of a temporary name does not matter here.
            let path = dir.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        std::os::unix::fs::symlink("/etc", dir.path().join("src/away")).unwrap();
        dir
    }

    #[test]
    fn the_tree_is_what_git_would_keep_without_git() {
        let dir = fixture();
        let tree = list(dir.path());
        assert_eq!(
            names(&tree),
            [".gitignore", ".hidden", "src/away", "src/main.rs", "sub/.gitignore", "sub/keep.log"]
        );
        assert_eq!(tree.nodes[Path::new("src/away")], Node::Link("/etc".into()));
        let left_out: Vec<_> = ignored(dir.path(), &tree).iter().map(|path| path.display().to_string()).collect();
        assert_eq!(left_out, [".env.log", "env", "out", "sub/drop.log", "sub/local", "target", "web/node_modules"]);
        for (path, kept) in [
            ("src/main.rs", true),
            ("sub/keep.log", true),
            ("sub/drop.log", false),
            ("target/debug/x", false),
            (".git/config", false),
        ] {
            assert_eq!(is_content(dir.path(), Path::new(path)), kept, "{path}");
        }
        assert_eq!(names(&list_below(dir.path(), Path::new("sub"))), ["sub/.gitignore", "sub/keep.log"]);
    }

    #[test]
    fn a_digest_is_read_again_when_the_inode_changed() {
        let dir = fixture();
        let path = Path::new("src/main.rs");
        let seen = |dir: &Path| match node_at(dir, path) {
            Some(Node::File(identity)) => identity,
            other => panic!("{other:?}"),
        };
        let mut cache = DigestCache::default();
        let one = cache.digest(dir.path(), path, &seen(dir.path())).unwrap();
        assert_eq!(one, Digest::of(b"m"));
        // Same size, and perhaps the same coarse time.
        std::fs::write(dir.path().join(path), "n").unwrap();
        assert_eq!(cache.digest(dir.path(), path, &seen(dir.path())).unwrap(), Digest::of(b"n"));
    }
}
