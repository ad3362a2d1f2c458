//! The processes of the session: which they are, how they are frozen and ended, and the proof afterwards.
//!
//! A process belongs if it descends from one of our launchers, if it is an orphan that came back to
//! the host (a child of ours that we did not start, in a session that is not ours), or if it was
//! started with the session's marker in its environment. Descent survives `setsid`, double forks,
//! changed names and cleared environments, because launcher and host are child subreapers; the
//! marker finds what an earlier, killed host left behind.

pub mod procfs;
mod signals;
mod stop;

use crate::workspace::limits::ANCESTORS_MAX;
use procfs::{Marked, Process, Table};
use rustix::process::{getpid, set_child_subreaper};
use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The environment variable that every process of a session is started with.
pub const MARKER: &str = "RIGHTSEAT_SESSION";

/// The commands that this process has launched. One list for the process, because its children are one list.
static LAUNCHED: Mutex<Option<HashMap<i32, String>>> = Mutex::new(None);

/// Held while a launcher is spawned, so that no walk takes it for a stray.
pub struct Launched(MutexGuard<'static, Option<HashMap<i32, String>>>);

/// Locks the list of launchers.
pub fn launched() -> Launched {
    Launched(LAUNCHED.lock().unwrap_or_else(PoisonError::into_inner))
}

impl Launched {
    /// Notes a launcher of a session.
    pub fn add(&mut self, pid: i32, session: &str) {
        self.0.get_or_insert_default().insert(pid, session.to_owned());
    }

    /// Forgets a launcher that has been waited for.
    pub fn remove(&mut self, pid: i32) {
        self.0.get_or_insert_default().remove(&pid);
    }

    fn list(&self) -> HashMap<i32, String> {
        self.0.clone().unwrap_or_default()
    }
}

/// The processes that are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Everything of the session.
    Session,
    /// Everything below one launcher, and strays, which nobody else claims.
    Launch(i32),
}

/// The result of one walk.
#[derive(Debug, Clone, Default)]
pub struct Sighting {
    /// Launchers of the scope.
    pub launchers: Vec<Process>,
    /// Processes that belong, without the launchers; zombies are left out: they run nothing.
    pub members: Vec<Process>,
    /// Processes that may belong but cannot be inspected.
    pub unknown: Vec<i32>,
}

/// Whether the session started this process, directly or not: its ancestors lead to this process or past it. `None` where
/// that cannot be known: one that has ended may have left what it holds to any other. Bounded, because the table changes
/// while it is read. What comes from `except`, a process that
/// this one started for the user, counts as from elsewhere.
pub fn comes_from_here(pid: i32, except: Option<i32>) -> Option<bool> {
    let here = getpid().as_raw_pid();
    let mut at = pid;
    for _ in 0..ANCESTORS_MAX {
        if Some(at) == except {
            return Some(false);
        }
        let process = procfs::stat(at).filter(|process| !process.is_zombie())?;
        match process.parent {
            parent if parent == here => return Some(true),
            // The first process, or one whose parent another namespace hides.
            0 => return Some(false),
            parent => at = parent,
        }
    }
    None
}

/// Finds, freezes and ends the processes of one session.
#[derive(Debug, Clone)]
pub struct Tracker {
    session: String,
    marker: Vec<u8>,
    host: i32,
    /// The start of the host, clock ticks since boot; older processes are not ours, unless marked.
    since: u64,
}

impl Tracker {
    /// A tracker for the session of this host. Makes the process a child subreaper.
    pub fn new(session: &str) -> Self {
        let host = getpid().as_raw_pid();
        // Without it (a kernel before 3.4) orphans go to init; the marker still finds most.
        let _ = set_child_subreaper(Some(getpid()));
        let since = procfs::stat(host).map_or(0, |process| process.started);
        Self { session: session.to_owned(), marker: format!("{MARKER}={session}").into_bytes(), host, since }
    }

    /// The session's name, the value of [`MARKER`].
    pub fn session(&self) -> &str {
        &self.session
    }

    /// Walks `/proc` once.
    pub fn walk(&self, scope: Scope) -> Sighting {
        let table = procfs::table();
        // Read after the table: a launcher in the table was noted before its lock was given back.
        let launched = launched().list();
        let mine = |pid: &i32| match scope {
            Scope::Session => launched.get(pid) == Some(&self.session),
            Scope::Launch(launcher) => *pid == launcher,
        };
        let roots: HashSet<i32> = launched.keys().copied().filter(|pid| mine(pid)).collect();
        let strays = self.strays(&table, &launched);
        let mut found: HashMap<i32, Process> = HashMap::new();
        for process in table.below(&roots).into_iter().chain(table.below(&strays)) {
            found.insert(process.pid, process.clone());
        }
        for pid in &strays {
            found.extend(table.get(*pid).map(|process| (*pid, process.clone())));
        }
        let mut unknown = Vec::new();
        if scope == Scope::Session {
            unknown = self.add_marked(&table, &launched, &mut found);
        }
        let launchers =
            roots.iter().filter_map(|pid| table.get(*pid)).filter(|process| !process.is_zombie()).cloned().collect();
        let members =
            found.into_values().filter(|process| !process.is_zombie() && !roots.contains(&process.pid)).collect();
        Sighting { launchers, members, unknown }
    }

    /// Orphans that came back to the host: children that we did not launch. What this process
    /// starts otherwise shares its session; what comes back never does.
    fn strays(&self, table: &Table, launched: &HashMap<i32, String>) -> HashSet<i32> {
        // From the table and not by `getsid`: a session whose leader lives in an outer pid namespace
        // (a container, CI) has the number 0, which rustix takes for impossible.
        let Some(host) = table.get(self.host) else { return HashSet::new() };
        table
            .all()
            .filter(|process| process.parent == self.host && process.session != host.session)
            .filter(|process| !launched.contains_key(&process.pid))
            .map(|process| process.pid)
            .collect()
    }

    /// Adds what carries the marker; gives what could not be read and might.
    fn add_marked(
        &self,
        table: &Table,
        launched: &HashMap<i32, String>,
        found: &mut HashMap<i32, Process>,
    ) -> Vec<i32> {
        let user = rustix::process::geteuid().as_raw();
        let mut spared: HashSet<i32> = launched.keys().copied().collect();
        let mut up = Some(self.host);
        while let Some(pid) = up.filter(|pid| spared.insert(*pid)) {
            up = table.get(pid).map(|process| process.parent);
        }
        let mut unknown = table.unreadable.clone();
        for process in table.all().filter(|process| !process.is_zombie() && !process.of_kernel) {
            if spared.contains(&process.pid) || found.contains_key(&process.pid) {
                continue;
            }
            match procfs::marked(process.pid, &self.marker) {
                Marked::Yes => {
                    found.insert(process.pid, process.clone());
                }
                Marked::No => {}
                // Another user's process cannot have become so without staying in our tree.
                Marked::Unreadable if process.started < self.since || procfs::owner(process.pid) != Some(user) => {}
                Marked::Unreadable => unknown.push(process.pid),
            }
        }
        unknown.retain(|pid| procfs::stat(*pid).is_none_or(|process| !process.is_zombie()));
        unknown.retain(|pid| std::path::Path::new("/proc").join(pid.to_string()).exists());
        unknown
    }
}
