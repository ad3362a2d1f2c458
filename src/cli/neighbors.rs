//! Sessions of one state directory that work on the same files, as small files in `STATE/neighbors/`: each host writes
//! its own, `ID.json`, and holds a lock on `ID.lock` while it lives. Nothing of them is believed beyond whose change a
//! change was.

use super::place::make_private;
use super::watches::Watched;
use crate::base::{Digest, RelPath, SessionId, UnixMs};
use crate::cli::limits::{NEIGHBOR_BYTES_MAX, NEIGHBOR_FILES_MAX, NEIGHBOR_MEMORY_MS, NEIGHBOR_SETTLE_MS};
use crate::port::{Mention, Neighbor, Neighbors, Past};
use serde::{Deserialize, Serialize};
use std::collections::{HashSet, VecDeque};
use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

/// Its name below the state directory.
pub const DIR: &str = "neighbors";

/// The report of a session about itself.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Said {
    /// Absolute, resolved.
    root: PathBuf,
    /// Absolute path, content and time, oldest first.
    files: VecDeque<(PathBuf, Option<Digest>, u64)>,
    at_work: bool,
    /// Time at which it last started or stopped working.
    worked_at: Option<u64>,
}

/// See the module.
pub struct Registry {
    dir: PathBuf,
    own: SessionId,
    root: PathBuf,
    said: Mutex<Said>,
    /// Set once by the host, and alive as long as this.
    watched: Mutex<Option<Watched>>,
    /// Held as long as this host lives.
    _lock: Option<File>,
}

impl Registry {
    /// Enters this session. Without its file the others cannot know of it, which is logged and no reason to stop.
    pub fn enter(state: &Path, own: &SessionId, root: &Path) -> Self {
        let dir = state.join(DIR);
        let root = std::fs::canonicalize(root).unwrap_or_else(|_| root.to_owned());
        let lock = make_private(&dir).and_then(|()| private(&dir.join(format!("{own}.lock"))));
        let lock = lock.and_then(|file| file.try_lock().map(|()| file).map_err(std::io::Error::other));
        let lock = lock.inspect_err(|error| tracing::warn!(%error, "other sessions cannot see this one")).ok();
        let said = Said { root: root.clone(), ..Said::default() };
        let entered = Self {
            dir,
            own: own.clone(),
            root,
            said: Mutex::new(said.clone()),
            watched: Mutex::new(None),
            _lock: lock,
        };
        entered.write(&said);
        entered
    }

    fn say(&self, change: impl FnOnce(&mut Said)) {
        let Ok(mut said) = self.said.lock() else { return };
        change(&mut said);
        while said.files.len() > NEIGHBOR_FILES_MAX {
            said.files.pop_front();
        }
        self.write(&said);
    }

    /// Whole or not at all: a reader never sees half of it.
    fn write(&self, said: &Said) {
        let (file, fresh) = (self.dir.join(format!("{}.json", self.own)), self.dir.join(format!("{}.new", self.own)));
        let written = serde_json::to_vec(said).map_err(std::io::Error::other).and_then(|bytes| {
            let mut out = private(&fresh)?;
            out.set_len(0)?;
            out.write_all(&bytes)?;
            std::fs::rename(&fresh, &file)
        });
        if let Err(error) = written {
            tracing::warn!(%error, "other sessions cannot see what this one changes");
        }
    }

    /// The others whose workspace contains this one or is inside it, with whether they run.
    fn others(&self) -> Vec<(SessionId, Said, bool)> {
        let entries = std::fs::read_dir(&self.dir).into_iter().flatten().flatten();
        let of = |path: &Path| -> Option<(SessionId, Said, bool)> {
            let id = path.file_name()?.to_str()?.strip_suffix(".json")?.to_owned();
            if id == self.own.as_str() {
                return None;
            }
            let mut text = Vec::new();
            File::open(path).ok()?.take(NEIGHBOR_BYTES_MAX).read_to_end(&mut text).ok()?;
            let said: Said = serde_json::from_slice(&text).ok()?;
            let meets = said.root.starts_with(&self.root) || self.root.starts_with(&said.root);
            let lives =
                || File::open(self.dir.join(format!("{id}.lock"))).is_ok_and(|lock| lock.try_lock_shared().is_err());
            meets.then(|| (SessionId::new(id.clone()), said, lives()))
        };
        entries.filter_map(|entry| of(&entry.path())).collect()
    }
}

impl Neighbors for Registry {
    fn present(&self) -> Vec<SessionId> {
        self.others().into_iter().filter(|(_, _, lives)| *lives).map(|(id, _, _)| id).collect()
    }

    /// A session's file appears under its name after its lock is held; it is written again and again, but is news once.
    fn watch(&self, arrived: Box<dyn Fn() + Send>) {
        let mut known = HashSet::from([self.dir.join(format!("{}.json", self.own))]);
        let watched = Watched::new(&[&self.dir], move |event| {
            let is_session = |path: &&PathBuf| path.extension().is_some_and(|end| end == "json");
            let fresh = event.paths.iter().filter(is_session).filter(|path| known.insert((*path).clone())).count();
            if fresh > 0 {
                arrived();
            }
        });
        let watched = watched.inspect_err(|error| tracing::warn!(%error, "sessions that start later are not noticed"));
        if let Ok(mut before) = self.watched.lock() {
            *before = watched.ok();
        }
    }

    fn past(&self) -> Vec<Past> {
        self.dir.parent().map(|state| super::past::of(state, &self.own, &self.root)).unwrap_or_default()
    }

    fn search(&self, query: &str) -> (Vec<Mention>, bool) {
        self.dir.parent().map(|state| super::mentions::of(state, &self.own, query)).unwrap_or((Vec::new(), true))
    }

    fn leaves(&self, files: &[(RelPath, Option<Digest>)], now: UnixMs) {
        let named = files.iter().map(|(path, after)| (path.under(&self.root), *after, now.0));
        self.say(|said| said.files.extend(named));
    }

    fn at_work(&self, at_work: bool, now: UnixMs) {
        let is_news = self.said.lock().is_ok_and(|said| said.at_work != at_work);
        if is_news {
            self.say(|said| (said.at_work, said.worked_at) = (at_work, Some(now.0)));
        }
    }

    fn author(&self, path: Option<&RelPath>, after: Option<Digest>, now: UnixMs) -> Option<Neighbor> {
        let others = self.others();
        let recent = |at: u64| now.0.saturating_sub(at) < NEIGHBOR_MEMORY_MS;
        let path = path.map(|path| path.under(&self.root));
        let named = |said: &Said| {
            said.files.iter().any(|(file, left, at)| Some(file) == path.as_ref() && *left == after && recent(*at))
        };
        if let Some((session, ..)) = others.iter().find(|(_, said, _)| named(said)) {
            return Some(Neighbor { session: session.clone(), certain: true });
        }
        let works = |said: &Said, lives: bool| {
            lives && said.at_work
                || !said.at_work && said.worked_at.is_some_and(|at| now.0.saturating_sub(at) < NEIGHBOR_SETTLE_MS)
        };
        let (session, ..) = others.into_iter().find(|(_, said, lives)| works(said, *lives))?;
        Some(Neighbor { session, certain: false })
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        // Its last report is kept a little longer: watchers report late. The next session removes old files.
        let others = std::fs::read_dir(&self.dir).into_iter().flatten().flatten();
        for entry in others {
            let is_old = entry.metadata().and_then(|meta| meta.modified()).ok().and_then(|at| at.elapsed().ok());
            let name = entry.file_name().to_string_lossy().into_owned();
            let is_own = name.strip_suffix(".lock") == Some(self.own.as_str());
            let free = || File::open(entry.path()).is_ok_and(|lock| lock.try_lock().is_ok());
            if name.ends_with(".lock")
                && !is_own
                && is_old.is_some_and(|age| age.as_millis() > u128::from(NEIGHBOR_MEMORY_MS))
                && free()
            {
                let stem = name.trim_end_matches(".lock");
                for end in ["json", "new", "lock"] {
                    drop(std::fs::remove_file(self.dir.join(format!("{stem}.{end}"))));
                }
            }
        }
    }
}

fn private(path: &Path) -> std::io::Result<File> {
    OpenOptions::new().create(true).truncate(false).read(true).write(true).mode(0o600).open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(text: &str) -> Option<Digest> {
        Some(Digest::of(text.as_bytes()))
    }

    #[test]
    fn what_a_session_leaves_is_known_to_those_that_share_its_files() {
        let dir = tempfile::tempdir().unwrap();
        let (state, work) = (dir.path().join("state"), dir.path().join("work"));
        std::fs::create_dir_all(work.join("sub")).unwrap();
        std::fs::create_dir_all(dir.path().join("elsewhere")).unwrap();
        let enter = |id: &str, root: &Path| Registry::enter(&state, &SessionId::new(id), root);
        let (one, two) = (enter("one", &work), enter("two", &work));
        let (inner, other) = (enter("inner", &work.join("sub")), enter("other", &dir.path().join("elsewhere")));
        let file = |path: &str| RelPath::new(path).unwrap();
        one.leaves(&[(file("sub/a"), digest("x")), (file("b"), None)], UnixMs(1_000));
        let found = |by: &Registry, path: &str, after| by.author(Some(&file(path)), after, UnixMs(2_000));
        let certain = Some(Neighbor { session: SessionId::new("one"), certain: true });
        assert_eq!((found(&two, "sub/a", digest("x")), found(&two, "b", None)), (certain.clone(), certain.clone()));
        assert_eq!(found(&inner, "a", digest("x")), certain, "its workspace is inside the other");
        assert_eq!((found(&two, "sub/a", digest("y")), found(&other, "sub/a", digest("x"))), (None, None));
        assert_eq!(two.author(Some(&file("b")), None, UnixMs(1_000 + NEIGHBOR_MEMORY_MS)), None, "forgotten");
        one.at_work(true, UnixMs(5_000));
        let unsure = two.author(None, digest("z"), UnixMs(9_000)).unwrap();
        assert!(!unsure.certain);
        one.at_work(false, UnixMs(10_000));
        assert!(two.author(None, digest("z"), UnixMs(10_001)).is_some(), "the watcher speaks late");
        assert_eq!(two.author(None, digest("z"), UnixMs(10_000 + NEIGHBOR_SETTLE_MS)), None);
        let mut present = two.present();
        present.sort();
        assert_eq!(present, [SessionId::new("inner"), SessionId::new("one")]);
        drop(one);
        assert_eq!(two.present(), [SessionId::new("inner")]);
    }
}
