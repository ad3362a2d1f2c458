//! The rules for which paths are content, fixed when the session starts: every `.gitignore` inside and above the
//! workspace, `.git/info/exclude`, the user's global excludes, directories that a mark or their name calls caches and
//! build output. They are kept with the session, so a host that takes it over judges by the same rules.
//!
//! Nothing that is written during the session changes a judgment. A file that an agent can write must not decide
//! what is watched, compared, proposed, recorded or restored.

use super::{guard_rail, is_hidden};
use crate::workspace::content;
use crate::workspace::limits;
use ignore::Match;
use ignore::gitignore::{Gitignore, GitignoreBuilder, gitconfig_excludes_path};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Directories of fetched or generated files, which are never content.
const FETCHED: &[&str] = &["node_modules", "__pycache__", ".pytest_cache", ".mypy_cache", ".ruff_cache"];
/// Directories that tools make for their output: not content unless they were content when the session started.
const BUILT: &[&str] = &["target", ".venv", "venv", ".tox", ".nox", ".gradle", ".next", ".turbo", ".parcel-cache"];
/// Files that mark a directory as a cache or as a virtual environment: <https://bford.info/cachedir/>.
const MARKS: &[&str] = &["CACHEDIR.TAG", "pyvenv.cfg"];

/// The treatment of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Watched, compared, proposed, recorded and restored.
    Content,
    /// Left out by a rule: watched, nothing else.
    Ignored,
    /// A hook or a setting of version control, which can run code: watched, nothing else.
    Guard,
    /// The store of version control, or one of our own temporary files.
    Hidden,
}

/// See the module. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Rules {
    fixed: Arc<Fixed>,
    /// In a private copy: the ignored paths that were not copied file by file. Other ignored files count as content.
    behind: Option<Arc<BTreeSet<PathBuf>>>,
}

#[derive(Debug)]
struct Fixed {
    /// By directory, relative to the workspace.
    levels: BTreeMap<PathBuf, Level>,
    /// Directories above the workspace, the nearest first, each with the workspace's path in it.
    above: Vec<(PathBuf, Level)>,
    global: Gitignore,
    marked: BTreeSet<PathBuf>,
    kept: BTreeSet<PathBuf>,
}

#[derive(Debug)]
struct Level {
    ignore: Gitignore,
    exclude: Gitignore,
    /// Rules of directories above a repository do not reach into it.
    is_repository: bool,
}

/// The rules as they are kept with a session. Paths are bytes: a name need not be UTF-8.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Saved {
    levels: Vec<SavedLevel>,
    above: Vec<SavedLevel>,
    global: String,
    marked: Vec<Vec<u8>>,
    kept: Vec<Vec<u8>>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct SavedLevel {
    dir: Vec<u8>,
    ignore: String,
    exclude: String,
    is_repository: bool,
}

fn bytes(path: &Path) -> Vec<u8> {
    path.as_os_str().as_bytes().to_vec()
}

fn path(bytes: Vec<u8>) -> PathBuf {
    OsString::from_vec(bytes).into()
}

fn matcher(dir: &Path, text: &str) -> Gitignore {
    let mut builder = GitignoreBuilder::new(dir);
    for line in text.lines() {
        // A line that is not a pattern is passed over, as git does.
        let _ = builder.add_line(None, line);
    }
    builder.build().unwrap_or_else(|_| Gitignore::empty())
}

fn text_of(file: &Path) -> String {
    let bytes = content::read_plain(file, limits::WORKSPACE_RULES_FILE_BYTES_MAX).unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}

impl Rules {
    /// The rules of a session: as they were kept in `state`, else as they are now, which are then kept.
    pub fn of_session(root: &Path, state: &Path) -> Self {
        let file = state.join("rules.json");
        let kept = std::fs::read(&file).ok().and_then(|bytes| serde_json::from_slice::<Saved>(&bytes).ok());
        let saved = kept.unwrap_or_else(|| {
            let saved = Saved::read(root);
            let written = serde_json::to_vec(&saved).map_err(std::io::Error::other);
            if let Err(error) = written.and_then(|bytes| std::fs::write(&file, bytes)) {
                tracing::warn!(%error, "the ignore rules of this session could not be kept");
            }
            saved
        });
        Self::from(saved)
    }

    /// The rules as the disk has them now.
    pub fn read(root: &Path) -> Self {
        Self::from(Saved::read(root))
    }

    /// The rules for a private copy: everything but `behind`, caches and build output is content.
    pub fn for_copy(&self, behind: BTreeSet<PathBuf>) -> Self {
        Self { fixed: self.fixed.clone(), behind: Some(Arc::new(behind)) }
    }

    /// The ignored paths that a private copy does not hold file by file.
    pub fn behind(&self) -> impl Iterator<Item = &PathBuf> {
        self.behind.iter().flat_map(|behind| behind.iter())
    }

    /// Returns the treatment of this path.
    pub fn class(&self, path: &Path, is_dir: bool) -> Class {
        let class = self.class_below(path, is_dir);
        let mut above = path.ancestors().skip(1).filter(|dir| !dir.as_os_str().is_empty());
        let is_ignored = class == Class::Content && above.any(|dir| self.leaves_out(dir, true));
        if is_ignored { Class::Ignored } else { class }
    }

    /// As [`Rules::class`], for a path whose directory is known to be content.
    pub fn class_below(&self, path: &Path, is_dir: bool) -> Class {
        if is_hidden(path) {
            if guard_rail(path) { Class::Guard } else { Class::Hidden }
        } else if self.leaves_out(path, is_dir) {
            Class::Ignored
        } else {
            Class::Content
        }
    }

    /// The topmost directory on the way to `path`, or `path` itself, that a rule leaves out.
    pub fn ignored_at<'a>(&self, path: &'a Path, is_dir: bool) -> Option<&'a Path> {
        let mut above: Vec<&Path> = path.ancestors().filter(|part| !part.as_os_str().is_empty()).collect();
        above.reverse();
        above.into_iter().find(|part| self.leaves_out(part, is_dir || *part != path))
    }

    /// Returns whether a rule excludes this path, whose directory is content.
    pub fn leaves_out(&self, path: &Path, is_dir: bool) -> bool {
        if is_dir && self.fixed.is_output(path) {
            return true;
        }
        match &self.behind {
            Some(behind) => behind.contains(path),
            None => self.fixed.ignores(path, is_dir),
        }
    }

    /// Returns whether a directory is a cache or build output by its mark or its name.
    pub fn is_output(&self, dir: &Path) -> bool {
        self.fixed.is_output(dir)
    }

    /// Returns whether the session's own rules call this path ignored, in a private copy too.
    pub fn is_ignored(&self, path: &Path) -> Option<PathBuf> {
        let session = Self { fixed: self.fixed.clone(), behind: None };
        session.ignored_at(path, false).map(Path::to_owned)
    }
}

impl From<Saved> for Rules {
    fn from(saved: Saved) -> Self {
        Self { fixed: Arc::new(saved.into()), behind: None }
    }
}

impl From<Saved> for Fixed {
    fn from(saved: Saved) -> Self {
        let inside =
            saved.levels.into_iter().map(|level| (path(level.dir.clone()), level.compiled(&path(level.dir.clone()))));
        let above = saved.above.into_iter().map(|level| (path(level.dir.clone()), level.compiled(Path::new(""))));
        Self {
            levels: inside.collect(),
            above: above.collect(),
            global: matcher(Path::new(""), &saved.global),
            marked: saved.marked.into_iter().map(path).collect(),
            kept: saved.kept.into_iter().map(path).collect(),
        }
    }
}

impl SavedLevel {
    /// The rule files of one directory, if it has any. `dir` is its name in the record.
    fn read(full: &Path, dir: &Path) -> Option<Self> {
        let git = full.join(".git");
        let is_repository = git.symlink_metadata().is_ok();
        let store = if git.is_dir() { Some(git) } else { is_repository.then(|| common_dir(full, &git)).flatten() };
        let level = Self {
            dir: bytes(dir),
            ignore: text_of(&full.join(".gitignore")),
            exclude: store.map(|store| text_of(&store.join("info/exclude"))).unwrap_or_default(),
            is_repository,
        };
        (is_repository || !level.ignore.is_empty()).then_some(level)
    }

    fn compiled(&self, dir: &Path) -> Level {
        Level {
            ignore: matcher(dir, &self.ignore),
            exclude: matcher(dir, &self.exclude),
            is_repository: self.is_repository,
        }
    }
}

/// The common directory of the repository that a linked worktree's `.git` file names.
fn common_dir(worktree: &Path, file: &Path) -> Option<PathBuf> {
    let own = worktree.join(text_of(file).strip_prefix("gitdir:")?.trim());
    let common = text_of(&own.join("commondir"));
    Some(if common.is_empty() { own } else { own.join(common.trim()) })
}

impl Fixed {
    fn is_output(&self, path: &Path) -> bool {
        let name = path.file_name().and_then(OsStr::to_str).unwrap_or_default();
        FETCHED.contains(&name) || self.marked.contains(path) || (BUILT.contains(&name) && !self.kept.contains(path))
    }

    /// As git decides: the nearest `.gitignore` first, then the repository's excludes, then the user's.
    fn ignores(&self, path: &Path, is_dir: bool) -> bool {
        let mut exclude = Match::None;
        let mut is_inside = true;
        for level in path.ancestors().skip(1).filter_map(|dir| self.levels.get(dir)) {
            match level.ignore.matched(path, is_dir) {
                Match::None => {}
                decided @ (Match::Ignore(_) | Match::Whitelist(_)) => return decided.is_ignore(),
            }
            exclude = exclude.or(level.exclude.matched(path, is_dir));
            if level.is_repository {
                is_inside = false;
                break;
            }
        }
        for (prefix, level) in self.above.iter().filter(|_| is_inside) {
            let path = prefix.join(path);
            match level.ignore.matched(&path, is_dir) {
                Match::None => {}
                decided @ (Match::Ignore(_) | Match::Whitelist(_)) => return decided.is_ignore(),
            }
            if exclude.is_none() {
                exclude = match level.exclude.matched(&path, is_dir) {
                    Match::Ignore(_) => return true,
                    Match::Whitelist(_) => return false,
                    Match::None => Match::None,
                };
            }
        }
        exclude.or(self.global.matched(path, is_dir)).is_ignore()
    }
}

impl Saved {
    /// Reads every rule file of the tree, which takes a walk over its directories.
    fn read(root: &Path) -> Self {
        let global = gitconfig_excludes_path().and_then(|file| std::fs::read_to_string(file).ok());
        let mut saved = Self { global: global.unwrap_or_default(), ..Self::default() };
        let mut prefix = PathBuf::new();
        let is_repository = |dir: &Path| dir.join(".git").symlink_metadata().is_ok();
        for (below, dir) in root.ancestors().zip(root.ancestors().skip(1)) {
            if is_repository(below) {
                break;
            }
            prefix = Path::new(below.file_name().unwrap_or_default()).join(prefix);
            saved.above.extend(SavedLevel::read(dir, &prefix));
        }
        let mut fixed = Fixed::from(saved.clone());
        let mut room = limits::WORKSPACE_RULES_BYTES_MAX;
        let mut open = vec![PathBuf::new()];
        for _ in 0..limits::WORKSPACE_RULES_DIRS_MAX {
            let Some(dir) = open.pop() else { break };
            let full = root.join(&dir);
            let is_marked = MARKS.iter().any(|mark| full.join(mark).symlink_metadata().is_ok());
            if is_marked && !dir.as_os_str().is_empty() {
                saved.marked.push(bytes(&dir));
                continue;
            }
            if dir.file_name().and_then(OsStr::to_str).is_some_and(|name| BUILT.contains(&name)) {
                saved.kept.push(bytes(&dir));
            }
            if let Some(level) = SavedLevel::read(&full, &dir) {
                room = room.saturating_sub(level.ignore.len().saturating_add(level.exclude.len()));
                if room == 0 {
                    break;
                }
                fixed.levels.insert(dir.clone(), level.compiled(&dir));
                saved.levels.push(level);
            }
            let below = subdirectories(&full).into_iter().map(|name| dir.join(name));
            let is_fetched = |dir: &Path| dir.file_name().and_then(OsStr::to_str).is_some_and(|n| FETCHED.contains(&n));
            open.extend(below.filter(|dir| !is_hidden(dir) && !is_fetched(dir) && !fixed.ignores(dir, true)));
        }
        saved
    }
}

fn subdirectories(dir: &Path) -> Vec<OsString> {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())).map(|entry| entry.file_name()).collect()
}

#[cfg(test)]
mod tests;
