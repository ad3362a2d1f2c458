//! Watching the workspace: every real change of content, whoever made it, within seconds, and
//! nothing else. Events of the kernel are hints where to look; reports come from the disk.
//!
//! Directories are watched one by one: all that hold content, and of ignored ones as many as there is
//! room for. A burst is processed when it settles; after the last event the whole tree is walked once
//! more, so that the view equals the disk whatever was missed. Where events cannot be had, the tree is walked at
//! intervals and the state says so. An idle workspace costs nothing: the thread sleeps until the next event.

mod beside;
mod eyes;
mod notices;

use crate::port::{Changed, Notice};
use crate::workspace::limits;
use crate::workspace::listing::Listing;
use crate::workspace::tree::{self, Class};
use beside::Beside;
use eyes::{Eyes, Hint};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::thread;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

/// A message to the watching thread.
enum Heard {
    Hint(Hint),
    /// Look at these: something was done to them that may raise no event.
    Look(Vec<PathBuf>),
    /// Look at everything: what is too much to be watched too.
    LookOver,
    /// Another walk found changes that have not been reported yet.
    Tell,
    Quit,
}

/// A running watcher; it ends when this is dropped.
#[derive(Debug)]
pub struct Watch {
    tell: SyncSender<Heard>,
    missed: Arc<AtomicBool>,
}

/// The means of watching.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Means {
    /// Events where the file system reports all changes, else walks.
    #[default]
    Auto,
    /// Only walks at intervals.
    Polling,
    /// Events on every file system; walks only when there are none.
    Events,
}

impl Watch {
    /// Starts watching a tree, with a pause of `poll` between walks where it must be polled. The first notice has the
    /// state.
    pub fn start(listing: Arc<Listing>, means: Means, poll: Duration) -> (Self, mpsc::Receiver<Notice>) {
        let (tell, heard) = sync_channel(limits::WATCH_EVENTS_MAX);
        let (notify, notices) = mpsc::channel(limits::WATCH_NOTICES_MAX);
        let missed = Arc::new(AtomicBool::new(false));
        let watch = Self { tell: tell.clone(), missed: missed.clone() };
        listing.tell_changes();
        let root = listing.root().to_owned();
        let name = format!("watch {}", root.file_name().unwrap_or_default().display());
        let started = thread::Builder::new().name(name).spawn(move || {
            let hint_missed = missed.clone();
            let hints = move |hint: Hint| {
                // A full queue loses nothing but the place: then everything is checked.
                if let Err(TrySendError::Full(_)) = tell.try_send(Heard::Hint(hint)) {
                    hint_missed.store(true, Ordering::SeqCst);
                }
            };
            let eyes = Eyes::open(root, means, hints);
            let beside = Beside::new(listing.clone());
            let watched = ((u64::MAX, u64::MAX), BTreeSet::new());
            let mut watcher = Watcher { listing, beside, watched, eyes, poll, heard, notices: notify, missed };
            // It ends when the receiver or the handle is dropped.
            let _ = watcher.run();
        });
        if let Err(error) = started {
            tracing::error!(%error, "no thread for the watcher: the workspace is not watched");
        }
        (watch, notices)
    }

    /// Requests a check of these paths (relative) soon, event or no event.
    pub fn look(&self, paths: Vec<PathBuf>) {
        self.ask(Heard::Look(paths));
    }

    /// Requests a check of everything soon, including the parts too large to be watched.
    pub fn look_over(&self) {
        self.ask(Heard::LookOver);
    }

    /// Reports the changes that others have found in the listing.
    pub fn tell(&self) {
        self.ask(Heard::Tell);
    }

    fn ask(&self, what: Heard) {
        if self.tell.try_send(what).is_err() {
            self.missed.store(true, Ordering::SeqCst);
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        // A full queue: the thread ends when it finds its notices unwanted.
        let _ = self.tell.try_send(Heard::Quit);
    }
}

struct Watcher {
    listing: Arc<Listing>,
    beside: Beside,
    /// The directories to watch, and the versions of what they are from.
    watched: ((u64, u64), BTreeSet<PathBuf>),
    eyes: Eyes,
    poll: Duration,
    heard: Receiver<Heard>,
    notices: mpsc::Sender<Notice>,
    missed: Arc<AtomicBool>,
}

/// The watcher has no reason to continue.
struct Done;

impl Watcher {
    fn run(&mut self) -> Result<(), Done> {
        // Watched first and listed afterwards, so that nothing falls between.
        self.listing.walk();
        self.beside.scan();
        if self.watch_directories() {
            self.walk()?;
        }
        self.send_all(self.listing.take_changes().iter().map(of).collect())?;
        let mut state = None;
        let mut verify_at: Option<Instant> = None;
        loop {
            let now = self.eyes.state();
            if state.as_ref() != Some(&now) {
                state = Some(now.clone());
                self.send(Notice::State { state: now.0, why: now.1 })?;
            }
            let Some(first) = self.next(verify_at)? else {
                let walked = self.walk()?;
                let pause = self.poll.max(walked * limits::WATCH_WALK_SHARE);
                verify_at = self.eyes.is_polling().then(|| Instant::now() + pause);
                continue;
            };
            if let Some(looked) = self.burst(first)? {
                let pause = Duration::from_millis(limits::WATCH_VERIFY_MS).max(looked * limits::WATCH_WALK_SHARE);
                verify_at = Some(Instant::now() + pause);
            }
        }
    }

    /// Waits for the next message; `None` when it is time to walk the tree.
    fn next(&self, walk_at: Option<Instant>) -> Result<Option<Heard>, Done> {
        let first_walk = self.eyes.is_polling().then(|| Instant::now() + self.poll);
        match walk_at.or(first_walk) {
            None => self.heard.recv().map(Some).map_err(|_| Done),
            Some(at) => match self.heard.recv_timeout(at.saturating_duration_since(Instant::now())) {
                Ok(heard) => Ok(Some(heard)),
                Err(RecvTimeoutError::Timeout) => Ok(None),
                Err(RecvTimeoutError::Disconnected) => Err(Done),
            },
        }
    }

    /// Gathers a burst until it settles, then looks. Gives how long the looking took; `None` when there was nothing to
    /// look at.
    fn burst(&mut self, first: Heard) -> Result<Option<Duration>, Done> {
        let began = Instant::now();
        let mut burst = Burst::default();
        let mut next = Some(first);
        while let Some(heard) = next {
            burst.take(heard)?;
            let quiet = Duration::from_millis(limits::WATCH_SETTLE_MS);
            let left = Duration::from_millis(limits::WATCH_SETTLE_MS_MAX).saturating_sub(began.elapsed());
            next = self.heard.recv_timeout(quiet.min(left)).ok();
            if left.is_zero() {
                // The rest is the next burst's; what was received just now must not be lost.
                next.take().map_or(Ok(()), |heard| burst.take(heard))?;
            }
        }
        if burst.is_lost || self.missed.swap(false, Ordering::SeqCst) {
            self.eyes.forget_all();
            return self.walk().map(Some);
        }
        if burst.is_all {
            burst.paths.iter().for_each(|path| self.eyes.forget(path));
            return self.walk().map(Some);
        }
        self.look(burst.paths)
    }

    fn look(&mut self, paths: BTreeSet<PathBuf>) -> Result<Option<Duration>, Done> {
        let began = Instant::now();
        let rules = self.listing.rules();
        let class = |path: &PathBuf| rules.class(path, self.listing.root().join(path).is_dir());
        let (content, beside): (Vec<PathBuf>, Vec<PathBuf>) = paths
            .into_iter()
            .filter(|path| !tree::is_hidden(path) || tree::guard_rail(path))
            .partition(|path| class(path) == Class::Content);
        let is_new = |watcher: &Self| watcher.watched.0 != watcher.versions();
        let is_nothing = content.is_empty() && beside.is_empty() && !is_new(self);
        // A directory that was removed and made again has lost its watch under the same name.
        content.iter().chain(&beside).for_each(|path| self.eyes.forget(path));
        self.listing.look(content.iter().map(PathBuf::as_path));
        beside.iter().for_each(|path| self.listing.look_beside(path));
        let is_rail = beside.iter().any(|path| tree::guard_rail(path));
        let is_due = !beside.is_empty() && (is_rail || self.beside.is_ready());
        let mut notices = if is_due || is_new(self) { self.beside.scan() } else { Vec::new() };
        while self.watch_directories() {
            self.listing.look(content.iter().map(PathBuf::as_path));
            notices.extend(self.beside.scan());
        }
        notices.extend(self.listing.take_changes().iter().map(of));
        self.send_all(notices)?;
        Ok((!is_nothing).then(|| began.elapsed()))
    }

    fn versions(&self) -> (u64, u64) {
        (self.listing.directories_version(), self.beside.version())
    }

    /// Watches the directories that there are now. True when some were new: what was put into them before they were
    /// watched has raised no event.
    fn watch_directories(&mut self) -> bool {
        let versions = self.versions();
        if self.watched.0 != versions {
            let mut directories = self.listing.directories();
            directories.extend(self.beside.directories());
            self.watched = (versions, directories);
        }
        self.eyes.watch(&self.watched.1)
    }

    /// Walks the whole tree and tells what differs from the view.
    fn walk(&mut self) -> Result<Duration, Done> {
        let began = Instant::now();
        self.missed.store(false, Ordering::SeqCst);
        self.listing.walk();
        let mut notices = self.beside.scan();
        while self.watch_directories() {
            self.listing.walk();
            notices.extend(self.beside.scan());
        }
        self.eyes.seen(self.listing.exists());
        let took = began.elapsed();
        notices.extend(self.listing.take_changes().iter().map(of));
        self.send_all(notices)?;
        Ok(took)
    }

    fn send_all(&self, notices: Vec<Changed>) -> Result<(), Done> {
        notices.into_iter().try_for_each(|notice| self.send(Notice::Changed(Box::new(notice))))
    }

    fn send(&self, notice: Notice) -> Result<(), Done> {
        self.notices.blocking_send(notice).map_err(|_| Done)
    }
}

fn of(change: &crate::workspace::listing::Change) -> Changed {
    notices::changed(&change.path, change.before, change.after)
}

/// The events collected until a burst ends.
#[derive(Default)]
struct Burst {
    paths: BTreeSet<PathBuf>,
    is_all: bool,
    /// Events were lost: what is watched is not known either.
    is_lost: bool,
}

impl Burst {
    fn take(&mut self, heard: Heard) -> Result<(), Done> {
        match heard {
            Heard::Quit => return Err(Done),
            Heard::Tell => {}
            Heard::Look(paths) | Heard::Hint(Hint::Paths(paths)) => {
                let is_shown = |path: &Path| !tree::is_hidden(path) || tree::guard_rail(path);
                self.paths.extend(paths.into_iter().filter(|path| is_shown(path)));
            }
            Heard::LookOver => self.is_all = true,
            Heard::Hint(Hint::Everything) => self.is_lost = true,
        }
        if self.paths.len() > limits::WATCH_PATHS_MAX {
            self.paths.clear();
            self.is_lost = true;
        }
        Ok(())
    }
}
