//! Watching the workspace: every real change of content, whoever made it, within seconds, and
//! nothing else. Events of the kernel are hints where to look; what is told is what the disk shows.
//!
//! Directories are watched one by one, only those that are not ignored. A burst is looked at when it
//! settles; after the last event the whole tree is walked once more, so that the view equals the
//! disk whatever was missed. Where events cannot be had, the tree is walked at intervals and the
//! state says so. An idle workspace costs nothing: the thread sleeps until the next event.

mod eyes;
mod view;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::thread;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

use crate::base::limits;
use crate::port::Notice;
use eyes::{Eyes, Hint};
use view::View;

/// What the watching thread hears.
enum Heard {
    Hint(Hint),
    /// Look at these: something was done to them that may raise no event.
    Look(Vec<PathBuf>),
    Quit,
}

/// A running watcher; it ends when this is dropped.
#[derive(Debug)]
pub struct Watch {
    tell: SyncSender<Heard>,
    missed: Arc<AtomicBool>,
}

/// How to watch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Means {
    /// Events where they can be had, else walks.
    #[default]
    Auto,
    /// Only walks at intervals.
    Polling,
}

impl Watch {
    /// Starts watching the tree at `root` (canonical). The first notice tells the state.
    pub fn start(root: PathBuf, means: Means) -> (Self, mpsc::Receiver<Notice>) {
        let (tell, heard) = sync_channel(limits::WATCH_EVENTS_MAX);
        let (notify, notices) = mpsc::channel(limits::WATCH_NOTICES_MAX);
        let missed = Arc::new(AtomicBool::new(false));
        let watch = Self { tell: tell.clone(), missed: missed.clone() };
        let name = format!("watch {}", root.file_name().unwrap_or_default().display());
        let started = thread::Builder::new().name(name).spawn(move || {
            let hint_missed = missed.clone();
            let hints = move |hint: Hint| {
                // A full queue loses nothing but the place: then everything is looked at.
                if let Err(TrySendError::Full(_)) = tell.try_send(Heard::Hint(hint)) {
                    hint_missed.store(true, Ordering::SeqCst);
                }
            };
            let eyes = Eyes::open(root.clone(), means, hints);
            let mut watcher = Watcher { view: View::new(root), eyes, heard, notices: notify, missed };
            // It ends when nobody listens or the handle is dropped.
            let _ = watcher.run();
        });
        if let Err(error) = started {
            tracing::error!(%error, "no thread for the watcher: the workspace is not watched");
        }
        (watch, notices)
    }

    /// Has these paths (relative) looked at soon, event or no event.
    pub fn look(&self, paths: Vec<PathBuf>) {
        if self.tell.try_send(Heard::Look(paths)).is_err() {
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
    view: View,
    eyes: Eyes,
    heard: Receiver<Heard>,
    notices: mpsc::Sender<Notice>,
    missed: Arc<AtomicBool>,
}

/// The watcher has no reason to go on.
struct Done;

impl Watcher {
    fn run(&mut self) -> Result<(), Done> {
        // Watched first and listed afterwards, so that nothing falls between.
        self.view.scan();
        while self.eyes.watch(self.view.dirs()) {
            self.view.scan();
        }
        let mut state = None;
        let mut verify_at: Option<Instant> = None;
        loop {
            let now = self.eyes.state();
            if state.as_ref() != Some(&now) {
                let (name, why) = now.clone();
                self.send(Notice::State { state: name.to_owned(), why })?;
                state = Some(now);
            }
            let Some(first) = self.next(verify_at)? else {
                let walked = self.walk()?;
                let again =
                    if self.eyes.is_polling() { Duration::from_millis(limits::WATCH_POLL_MS) } else { Duration::ZERO };
                verify_at = (!again.is_zero()).then(|| Instant::now() + again.max(walked * limits::WATCH_WALK_SHARE));
                continue;
            };
            let walked = self.burst(first)?;
            let pause = Duration::from_millis(limits::WATCH_VERIFY_MS).max(walked * limits::WATCH_WALK_SHARE);
            verify_at = Some(Instant::now() + pause);
        }
    }

    /// Waits for the next thing heard; `None` when it is time to walk the tree.
    fn next(&self, walk_at: Option<Instant>) -> Result<Option<Heard>, Done> {
        let first_walk = self.eyes.is_polling().then(|| Instant::now() + Duration::from_millis(limits::WATCH_POLL_MS));
        match walk_at.or(first_walk) {
            None => self.heard.recv().map(Some).map_err(|_| Done),
            Some(at) => match self.heard.recv_timeout(at.saturating_duration_since(Instant::now())) {
                Ok(heard) => Ok(Some(heard)),
                Err(RecvTimeoutError::Timeout) => Ok(None),
                Err(RecvTimeoutError::Disconnected) => Err(Done),
            },
        }
    }

    /// Gathers a burst until it settles, then looks. Gives how long the looking took.
    fn burst(&mut self, first: Heard) -> Result<Duration, Done> {
        let began = Instant::now();
        let mut paths = std::collections::BTreeSet::new();
        let mut all = false;
        let mut next = Some(first);
        while let Some(heard) = next {
            match heard {
                Heard::Quit => return Err(Done),
                Heard::Look(asked) => paths.extend(asked),
                Heard::Hint(Hint::Paths(hinted)) => {
                    paths.extend(hinted.into_iter().filter(|path| !View::never_shows(path)))
                }
                Heard::Hint(Hint::Everything) => all = true,
            }
            if paths.len() > limits::WATCH_PATHS_MAX {
                paths.clear();
                all = true;
            }
            let quiet = Duration::from_millis(limits::WATCH_SETTLE_MS);
            let left = Duration::from_millis(limits::WATCH_SETTLE_MS_MAX).saturating_sub(began.elapsed());
            next = self.heard.recv_timeout(quiet.min(left)).ok();
            if left.is_zero() {
                // The rest is the next burst's; what was received just now must not be lost.
                match next.take() {
                    Some(Heard::Quit) => return Err(Done),
                    Some(Heard::Look(asked) | Heard::Hint(Hint::Paths(asked))) => paths.extend(asked),
                    Some(Heard::Hint(Hint::Everything)) => all = true,
                    None => {}
                }
            }
        }
        let rules = paths.iter().any(|path| path.file_name().is_some_and(|name| name == ".gitignore"));
        if all || rules || self.missed.swap(false, Ordering::SeqCst) {
            self.eyes.forget_all();
            return self.walk();
        }
        if paths.is_empty() {
            return Ok(Duration::ZERO);
        }
        let looking = Instant::now();
        // A directory that was removed and made again has lost its watch under the same name.
        paths.iter().for_each(|path| self.eyes.forget(path));
        let mut notices = self.view.look(&paths);
        while self.eyes.watch(self.view.dirs()) {
            notices.extend(self.view.look(&paths));
        }
        notices.into_iter().try_for_each(|notice| self.send(notice))?;
        Ok(looking.elapsed())
    }

    /// Walks the whole tree and tells what differs from the view.
    fn walk(&mut self) -> Result<Duration, Done> {
        let began = Instant::now();
        self.missed.store(false, Ordering::SeqCst);
        let mut notices = self.view.scan();
        while self.eyes.watch(self.view.dirs()) {
            notices.extend(self.view.scan());
        }
        self.eyes.seen(self.view.exists());
        let took = began.elapsed();
        notices.into_iter().try_for_each(|notice| self.send(notice))?;
        Ok(took)
    }

    fn send(&self, notice: Notice) -> Result<(), Done> {
        self.notices.blocking_send(notice).map_err(|_| Done)
    }
}
