//! Directories of rightseat's own that this process watches: settings, sessions, what hosts tell each other. One instance
//! of the kernel's file watching serves them all. A user has few of them on Linux (128, `fs.inotify.max_user_instances`),
//! and each session needs one more for its workspace.

use notify::{Event, RecommendedWatcher, RecursiveMode, Watcher as _};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Hears what happens in its directories as long as it lives.
#[derive(Debug)]
pub struct Watched {
    id: u64,
    dirs: Vec<PathBuf>,
}

/// The instance, and how many listeners each directory has.
struct Shared {
    watcher: RecommendedWatcher,
    dirs: BTreeMap<PathBuf, usize>,
}

/// Where it listens, and what it does.
type Listener = (Vec<PathBuf>, Box<dyn FnMut(&Event) + Send>);

/// Never taken while [`LISTENERS`] is held: the watcher's thread takes that one, and is waited for with this one held.
static SHARED: Mutex<Option<Shared>> = Mutex::new(None);
static LISTENERS: Mutex<BTreeMap<u64, Listener>> = Mutex::new(BTreeMap::new());
static NEXT_ID: AtomicU64 = AtomicU64::new(0);

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn tell(event: &Event) {
    for (dirs, hear) in locked(&LISTENERS).values_mut() {
        let is_there = |path: &PathBuf| dirs.iter().any(|dir| path == dir || path.parent() == Some(dir));
        if event.paths.iter().any(is_there) {
            hear(event);
        }
    }
}

impl Watched {
    /// Listens to these directories, without those below. `hear` is called on another thread: it must not block, and must
    /// neither begin nor end to listen.
    ///
    /// # Errors
    /// The kernel has no instance or no watch left, or a directory does not exist.
    pub fn new(dirs: &[&Path], hear: impl FnMut(&Event) + Send + 'static) -> notify::Result<Self> {
        let mut watched = Self { id: NEXT_ID.fetch_add(1, Ordering::Relaxed), dirs: Vec::new() };
        watched.listen(dirs, Box::new(hear))?;
        Ok(watched)
    }

    fn listen(&mut self, dirs: &[&Path], hear: Box<dyn FnMut(&Event) + Send>) -> notify::Result<()> {
        // Some systems name files without the links that lead there.
        let canonical = dirs.iter().filter_map(|dir| dir.canonicalize().ok());
        let there = dirs.iter().map(|dir| (*dir).to_owned()).chain(canonical).collect();
        locked(&LISTENERS).insert(self.id, (there, hear));
        let mut shared = locked(&SHARED);
        if shared.is_none() {
            let watcher = notify::recommended_watcher(|event: notify::Result<Event>| event.iter().for_each(tell))?;
            *shared = Some(Shared { watcher, dirs: BTreeMap::new() });
        }
        for dir in dirs {
            let Some(shared) = shared.as_mut() else { break };
            // One that was removed and made again is watched again.
            shared.watcher.watch(dir, RecursiveMode::NonRecursive)?;
            *shared.dirs.entry((*dir).to_owned()).or_default() += 1;
            self.dirs.push((*dir).to_owned());
        }
        Ok(())
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        locked(&LISTENERS).remove(&self.id);
        let mut guard = locked(&SHARED);
        let Some(shared) = guard.as_mut() else { return };
        for dir in &self.dirs {
            let left = shared.dirs.get(dir).map_or(0, |count| count.saturating_sub(1));
            if left > 0 {
                shared.dirs.insert(dir.clone(), left);
            } else {
                shared.dirs.remove(dir);
                // A directory that was removed has taken its watch along.
                let _ = shared.watcher.unwatch(dir);
            }
        }
        if shared.dirs.is_empty() {
            *guard = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::{Receiver, channel};
    use std::time::Duration;

    fn listen(dir: &Path) -> (Watched, Receiver<PathBuf>) {
        let (tell, told) = channel();
        let hear = move |event: &Event| {
            if event.kind.is_create() {
                event.paths.iter().for_each(|path| tell.send(path.clone()).unwrap());
            }
        };
        (Watched::new(&[dir], hear).unwrap(), told)
    }

    #[test]
    fn each_listener_hears_of_its_own_directory_until_it_ends() {
        let room = tempfile::tempdir().unwrap();
        let root = room.path().canonicalize().unwrap();
        let (one, two) = (root.join("one"), root.join("two"));
        [&one, &two].iter().for_each(|dir| std::fs::create_dir(dir).unwrap());
        let patience = Duration::from_secs(20);
        let (first, of_first) = listen(&one);
        let (second, of_second) = listen(&one);
        let (_third, of_third) = listen(&two);
        std::fs::write(one.join("a"), "").unwrap();
        assert_eq!(of_first.recv_timeout(patience).unwrap(), one.join("a"));
        assert_eq!(of_second.recv_timeout(patience).unwrap(), one.join("a"));
        drop(first);
        std::fs::write(one.join("b"), "").unwrap();
        assert_eq!(of_second.recv_timeout(patience).unwrap(), one.join("b"));
        assert!(of_first.recv().is_err(), "it has ended");
        drop(second);
        std::fs::write(one.join("c"), "").unwrap();
        std::fs::write(two.join("d"), "").unwrap();
        assert_eq!(of_third.recv_timeout(patience).unwrap(), two.join("d"), "what is elsewhere is not heard");
    }

    #[test]
    fn a_directory_that_was_made_again_is_watched_again() {
        let room = tempfile::tempdir().unwrap();
        let dir = room.path().canonicalize().unwrap().join("dir");
        let patience = Duration::from_secs(20);
        std::fs::create_dir(&dir).unwrap();
        let (_above, _of_above) = listen(room.path());
        let (_gone, of_gone) = listen(&dir);
        std::fs::remove_dir(&dir).unwrap();
        std::fs::create_dir(&dir).unwrap();
        let (_again, of_again) = listen(&dir);
        std::fs::write(dir.join("a"), "").unwrap();
        for told in [of_again, of_gone] {
            // That the directory was made is told, too.
            while told.recv_timeout(patience).unwrap() != dir.join("a") {}
        }
        assert!(Watched::new(&[&dir.join("none")], |_| {}).is_err());
    }
}
