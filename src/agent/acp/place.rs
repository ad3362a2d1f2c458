//! The directory of the agent's work, seen from both sides: the agent has paths of its own (a candidate's, under
//! isolation `copy`), the user reads the workspace's. The files are only read here.

use super::limits::{ACP_FILE_BYTES_MAX, ACP_PLAN_FILES_MAX};
use crate::base::{Digest, RelPath};
use crate::port::is_plan_file;
use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// Files as the agent's proposals are judged against; a read-only view, so that the client stays free of effects.
pub trait Disk: Send + Sync {
    /// The content now; `None` when there is no such file. The error says why it cannot be read.
    fn read(&self, path: &RelPath) -> Result<Option<Vec<u8>>, String>;

    /// The same file as the agent has it; another one only in a private candidate.
    fn read_own(&self, path: &RelPath) -> Result<Option<Vec<u8>>, String> {
        self.read(path)
    }

    /// The text of a plan that the agent keeps in a file of its own, outside the workspace; none where the path is not
    /// plainly a plan's.
    fn read_plan(&self, _: &Path) -> Option<String> {
        None
    }

    /// Resolves an absolute path that the words do not place inside: links may lead to the workspace.
    fn locate(&self, _: &Path) -> Option<RelPath> {
        None
    }
}

/// A disk without files.
pub struct NoFiles;

impl Disk for NoFiles {
    fn read(&self, _: &RelPath) -> Result<Option<Vec<u8>>, String> {
        Ok(None)
    }
}

/// The two roots, and the files below them.
pub struct Roots {
    real: PathBuf,
    seen: PathBuf,
    disk: Arc<dyn Disk>,
    is_private: bool,
    /// Files of plans outside the workspace that the agent wrote through us: they never reach the disk.
    plans: Mutex<BTreeMap<String, String>>,
}

impl std::fmt::Debug for Roots {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Roots").field("real", &self.real).field("seen", &self.seen).finish_non_exhaustive()
    }
}

impl Roots {
    /// `real` is the workspace's root, `seen` the root that the agent is given.
    pub fn new(real: impl Into<PathBuf>, seen: impl Into<PathBuf>, disk: Arc<dyn Disk>) -> Self {
        let (real, seen) = (real.into(), seen.into());
        let is_private = real != seen;
        Self { real, seen, disk, is_private, plans: Mutex::default() }
    }

    /// The agent works in a private candidate, also where that is at the path of the workspace.
    pub fn private(self, is_private: bool) -> Self {
        Self { is_private, ..self }
    }

    /// The content of a file now; `None` when there is no such file. The error says why it cannot be read.
    pub fn read(&self, path: &RelPath) -> Result<Option<Vec<u8>>, String> {
        self.disk.read(path)
    }

    /// The same file as the agent has it.
    pub fn read_own(&self, path: &RelPath) -> Result<Option<Vec<u8>>, String> {
        self.disk.read_own(path)
    }

    /// The text of a plan's file: of the workspace, or the agent's own.
    pub fn read_plan(&self, path: &str) -> Option<String> {
        match self.rel(path) {
            Some(rel) => self.read_own(&rel).ok().flatten().and_then(|bytes| String::from_utf8(bytes).ok()),
            None => self.kept_plan(path).or_else(|| self.disk.read_plan(Path::new(path))),
        }
    }

    /// The content of a plan's file that the host can read too: it is compared again before an approval.
    pub fn plan_on_disk(&self, path: &str) -> Option<Digest> {
        match self.rel(path) {
            Some(rel) => self.read_own(&rel).ok().flatten().map(|bytes| Digest::of(&bytes)),
            None => self.disk.read_plan(Path::new(path)).map(|text| Digest::of(text.as_bytes())),
        }
    }

    /// Keeps what the agent writes to a file of its plans; false where it is none, or more than is kept.
    pub fn keep_plan(&self, path: &str, content: &[u8]) -> bool {
        let Ok(text) = std::str::from_utf8(content) else { return false };
        let mut plans = self.plans.lock().unwrap_or_else(PoisonError::into_inner);
        let fits = plans.contains_key(path) || plans.len() < ACP_PLAN_FILES_MAX;
        let is_kept = self.is_plan_file(path) && fits && text.len() <= ACP_FILE_BYTES_MAX;
        if is_kept {
            plans.insert(path.to_owned(), text.to_owned());
        }
        is_kept
    }

    pub fn kept_plan(&self, path: &str) -> Option<String> {
        self.plans.lock().unwrap_or_else(PoisonError::into_inner).get(path).cloned()
    }

    /// Beside a plan that is kept here: nothing else is.
    pub fn is_beside_kept_plan(&self, path: &str) -> bool {
        let plans = self.plans.lock().unwrap_or_else(PoisonError::into_inner);
        let mut directories = plans.keys().filter_map(|plan| Path::new(plan).parent());
        directories.any(|directory| Path::new(path).starts_with(directory)) && !plans.contains_key(path)
    }

    /// Plainly a file of the agent's plans, and not in the workspace.
    pub fn is_plan_file(&self, path: &str) -> bool {
        let file = Path::new(path);
        let is_plain = file.components().all(|part| matches!(part, Component::Normal(_) | Component::RootDir));
        is_plain && is_plan_file(file) && self.rel(path).is_none()
    }

    /// The directory the agent works in.
    pub fn seen(&self) -> &Path {
        &self.seen
    }

    /// Returns whether the agent works in a private candidate.
    pub fn is_private(&self) -> bool {
        self.is_private
    }

    /// The workspace path an agent means, or `None` when it is outside. Text decides, and the kernel where a link leads
    /// to the workspace; what links inside do is judged by the workspace.
    pub fn rel(&self, text: &str) -> Option<RelPath> {
        let text = text.strip_prefix("file://").unwrap_or(text);
        let path = Path::new(text);
        let mut parts: Vec<&std::ffi::OsStr> = Vec::new();
        let inside = match (path.strip_prefix(&self.seen), path.strip_prefix(&self.real)) {
            (Ok(rest), _) | (Err(_), Ok(rest)) => rest,
            (Err(_), Err(_)) if path.is_absolute() => return self.disk.locate(path),
            (Err(_), Err(_)) => path,
        };
        for component in inside.components() {
            match component {
                Component::Normal(part) => parts.push(part),
                Component::CurDir => {}
                Component::ParentDir => {
                    parts.pop()?;
                }
                Component::RootDir | Component::Prefix(_) => return None,
            }
        }
        RelPath::from_path(&parts.iter().collect::<PathBuf>()).ok()
    }

    /// The directory an agent names, relative to the workspace, `.` for its root; absolute when it is outside.
    pub fn dir(&self, text: &str) -> String {
        let path = Path::new(text);
        if text.is_empty() || path == self.seen || path == self.real || text == "." || text == "./" {
            return ".".to_owned();
        }
        self.rel(text).map_or_else(|| text.to_owned(), |rel| rel.as_str().to_owned())
    }

    /// Returns the path as a proposal names it: relative when inside, else as the agent gave it, for the host to judge.
    pub fn named(&self, text: &str) -> String {
        self.rel(text).map_or_else(|| text.to_owned(), |rel| rel.as_str().to_owned())
    }

    /// Free text of the agent with its own root replaced by the user's.
    pub fn shown(&self, text: &str) -> String {
        match (self.is_private(), self.seen.to_str(), self.real.to_str()) {
            (true, Some(seen), Some(real)) if text.contains(seen) => text.replace(seen, real),
            _ => text.to_owned(),
        }
    }

    /// Free text with absolute paths in the user's workspace made relative.
    pub fn relative_words(&self, text: &str) -> String {
        self.real.to_str().map_or_else(|| text.to_owned(), |real| text.replace(&format!("{real}/"), ""))
    }

    /// The other way round: text of ours with the user's root replaced by the agent's.
    pub fn for_agent_text(&self, text: &str) -> String {
        match (self.is_private(), self.seen.to_str(), self.real.to_str()) {
            (true, Some(seen), Some(real)) => text.replace(real, seen),
            _ => text.to_owned(),
        }
    }

    /// A command as the workspace would run it: the agent's own root in its words becomes the user's.
    pub fn command(&self, mut command: crate::model::Command) -> crate::model::Command {
        command.shell = command.shell.map(|line| self.shown(&line));
        command.argv = command.argv.map(|words| words.iter().map(|word| self.shown(word)).collect());
        command.cwd = self.dir(&command.cwd);
        command
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_roots_and_relative_paths_mean_the_same_file() {
        let place = Roots::new("/home/u/p", "/state/c/p", Arc::new(NoFiles));
        for text in
            ["src/a.rs", "./src/a.rs", "/home/u/p/src/a.rs", "/state/c/p/x/../src/a.rs", "file:///state/c/p/src/a.rs"]
        {
            assert_eq!(place.rel(text).unwrap().as_str(), "src/a.rs", "{text}");
        }
        for text in ["/etc/passwd", "../x", "/state/c/px/a", "/home/u/p/../q", ""] {
            assert_eq!(place.rel(text), None, "{text}");
        }
    }

    #[test]
    fn the_human_reads_the_humans_paths() {
        let place = Roots::new("/home/u/p", "/state/c/p", Arc::new(NoFiles));
        assert_eq!(place.shown("wrote /state/c/p/a"), "wrote /home/u/p/a");
        assert_eq!(
            (place.dir("/state/c/p"), place.dir("/state/c/p/sub"), place.dir("/tmp")),
            (".".into(), "sub".into(), "/tmp".into())
        );
    }
}
