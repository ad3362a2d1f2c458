//! The kernel's events as hints where to look, and the reasons why there may be none.

use super::Means;
use crate::model::WatchState;
use notify::{Config, ErrorKind, EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// The place to check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hint {
    /// At these paths, relative to the root.
    Paths(Vec<PathBuf>),
    /// Events were lost.
    Everything,
}

/// File systems that raise no events for changes made elsewhere: numbers from `statfs(2)`.
const SILENT: &[(u32, &str)] = &[
    (0x6969, "NFS"),
    (0xFF53_4D42, "CIFS"),
    (0xFE53_4D42, "SMB2"),
    (0x6573_5546, "FUSE"),
    (0x0102_1997, "9P"),
    (0x5346_544E, "NTFS"),
];

/// The watches of one tree.
pub struct Eyes {
    root: PathBuf,
    watcher: Option<RecommendedWatcher>,
    watched: BTreeSet<PathBuf>,
    polling: Option<String>,
    blind: bool,
}

impl Eyes {
    /// Opens them; `hints` is called on another thread and must not block.
    pub fn open(root: PathBuf, means: Means, hints: impl Fn(Hint) + Send + 'static) -> Self {
        let mut polling = match means {
            Means::Polling => Some("requested".to_owned()),
            Means::Auto => silent(&root).map(|name| format!("{name} does not report changes made on other machines")),
            Means::Events => None,
        };
        let base = root.clone();
        let watcher = if polling.is_some() {
            None
        } else {
            let opened = RecommendedWatcher::new(
                move |event| {
                    if let Some(hint) = hint(&base, event) {
                        hints(hint);
                    }
                },
                Config::default().with_follow_symlinks(false),
            );
            opened.map_err(|error| polling = Some(format!("cannot create a file watcher: {error}"))).ok()
        };
        Self { root, watcher, watched: BTreeSet::new(), polling, blind: false }
    }

    /// Returns whether the tree must be walked at intervals.
    pub fn is_polling(&self) -> bool {
        self.polling.is_some()
    }

    /// The state by its name, and the reason if it is not the best one.
    pub fn state(&self) -> (WatchState, Option<String>) {
        match (&self.polling, self.blind) {
            (_, true) => (WatchState::Blind, Some("the workspace directory was deleted".to_owned())),
            (Some(why), false) => (WatchState::Polling, Some(why.clone())),
            (None, false) => (WatchState::Watching, None),
        }
    }

    /// Notes whether the root is still there.
    pub fn seen(&mut self, exists: bool) {
        self.blind = !exists;
        if self.blind && self.polling.is_none() {
            self.polling = Some("its directory was missing for a while".to_owned());
        }
    }

    /// Watches exactly these directories (relative). True when some were new: what was put into
    /// them before they were watched has raised no event.
    pub fn watch(&mut self, dirs: &BTreeSet<PathBuf>) -> bool {
        let Some(watcher) = self.watcher.as_mut() else { return false };
        for gone in self.watched.difference(dirs) {
            // A directory that was removed has taken its watch along.
            let _ = watcher.unwatch(&self.root.join(gone));
        }
        self.watched.retain(|dir| dirs.contains(dir));
        let new: Vec<&PathBuf> = dirs.difference(&self.watched).collect();
        let mut added = Vec::new();
        for dir in new {
            match watcher.watch(&self.root.join(dir), RecursiveMode::NonRecursive) {
                Ok(()) => added.push(dir.clone()),
                Err(error) => {
                    if let Some(why) = hindrance(&error) {
                        self.polling.get_or_insert(why);
                        break;
                    }
                }
            }
        }
        self.watched.extend(added.iter().cloned());
        !added.is_empty()
    }

    /// Makes every directory be watched again.
    pub fn forget_all(&mut self) {
        self.watched.clear();
    }

    /// Makes a directory be watched again.
    pub fn forget(&mut self, dir: &Path) {
        self.watched.remove(dir);
    }
}

/// The reason that a watch was refused, unless it is about the one directory.
fn hindrance(error: &notify::Error) -> Option<String> {
    let limit = "the limit for inotify watches is reached; raise fs.inotify.max_user_watches";
    match &error.kind {
        ErrorKind::MaxFilesWatch => Some(limit.to_owned()),
        ErrorKind::Io(error) if error.raw_os_error() == Some(28) => Some(limit.to_owned()),
        ErrorKind::Io(error)
            if matches!(error.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory) =>
        {
            None
        }
        ErrorKind::PathNotFound | ErrorKind::WatchNotFound => None,
        ErrorKind::Generic(_) | ErrorKind::Io(_) | ErrorKind::InvalidConfig(_) => {
            Some(format!("a directory cannot be watched: {error}"))
        }
    }
}

fn silent(root: &Path) -> Option<&'static str> {
    let about = rustix::fs::statfs(root).ok()?;
    // The kernel's type is wider than the number on some machines.
    let magic = u32::try_from(about.f_type & 0xFFFF_FFFF).ok()?;
    SILENT.iter().find(|(number, _)| *number == magic).map(|(_, name)| *name)
}

fn hint(root: &Path, event: notify::Result<notify::Event>) -> Option<Hint> {
    let Ok(event) = event else { return Some(Hint::Everything) };
    if event.need_rescan() {
        return Some(Hint::Everything);
    }
    // Reading is not a change; our own reads would wake us forever.
    let matters = match event.kind {
        EventKind::Access(_) => false,
        EventKind::Any | EventKind::Create(_) | EventKind::Modify(_) | EventKind::Remove(_) | EventKind::Other => true,
    };
    let paths: Vec<PathBuf> =
        event.paths.iter().filter_map(|path| path.strip_prefix(root).ok().map(Path::to_owned)).collect();
    (matters && !paths.is_empty()).then_some(Hint::Paths(paths))
}
