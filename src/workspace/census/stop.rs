//! Freeze, resume, stop. All of it blocks for up to [`limits::CENSUS_STOP_MS_MAX`]: call it from a
//! thread that may.

use super::procfs::{self, Process};
use super::{Scope, Tracker, launched, signals};
use crate::model::event::{Census, Survivor};
use crate::workspace::limits;
use rustix::process::Signal;
use std::collections::HashMap;
use std::thread;
use std::time::{Duration, Instant};

fn named(process: &Process) -> Survivor {
    Survivor { pid: process.pid, argv: procfs::line(process), parent: Some(process.parent) }
}

fn list<'a>(processes: impl Iterator<Item = &'a Process>) -> Vec<Survivor> {
    let mut listed: Vec<Survivor> = processes.take(limits::CENSUS_NAMED_MAX).map(named).collect();
    listed.sort_by_key(|survivor| survivor.pid);
    listed
}

fn pause() {
    thread::sleep(Duration::from_millis(limits::CENSUS_PAUSE_MS));
}

impl Tracker {
    /// Returns the running processes without the launchers.
    pub fn processes(&self, scope: Scope) -> Vec<Survivor> {
        list(self.walk(scope).members.iter())
    }

    /// Stops every process where it is, until a whole walk finds nothing moving.
    ///
    /// # Errors
    /// Names the processes that would not stop in time.
    pub fn freeze(&self, scope: Scope) -> Result<usize, Vec<Survivor>> {
        let deadline = Instant::now() + Duration::from_millis(limits::CENSUS_STOP_MS_MAX);
        let mut quiet_walks = 0;
        loop {
            let seen = self.walk(scope);
            let moving: Vec<&Process> = seen.members.iter().filter(|process| !process.is_still()).collect();
            quiet_walks = if moving.is_empty() { quiet_walks + 1 } else { 0 };
            if quiet_walks > 1 {
                return Ok(seen.members.len());
            }
            if Instant::now() > deadline {
                return Err(list(moving.into_iter()));
            }
            for process in moving {
                let _ = signals::send(process, Signal::STOP);
            }
            pause();
        }
    }

    /// Lets everything continue.
    pub fn resume(&self, scope: Scope) {
        for process in &self.walk(scope).members {
            let _ = signals::send(process, Signal::CONT);
        }
    }

    /// Asks everything to end, without waiting: the polite first half of an agent's end.
    pub fn terminate(&self, scope: Scope) {
        for process in &self.walk(scope).members {
            let _ = signals::send(process, Signal::TERM);
            let _ = signals::send(process, Signal::CONT);
        }
    }

    /// Ends everything of the scope and proves it by walks that are independent of the killing.
    pub fn stop(&self, scope: Scope) -> Census {
        let began = Instant::now();
        let deadline = began + Duration::from_millis(limits::CENSUS_STOP_MS_MAX);
        let mut ended: HashMap<(i32, u64), Survivor> = HashMap::new();
        let since = || u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        let (mut frozen_ms, mut killed_ms) = (None, None);
        let mut walks = 0;
        let mut empty_walks = 0;
        loop {
            let seen = self.walk(scope);
            self.reap_strays();
            let nobody = seen.members.is_empty() && seen.launchers.is_empty();
            empty_walks = if nobody { empty_walks + 1 } else { 0 };
            // Twice: a process may have forked behind the back of one walk.
            if empty_walks > 1 || Instant::now() > deadline {
                let survivors = list(seen.members.iter().chain(&seen.launchers));
                let mut ended: Vec<Survivor> = ended.into_values().collect();
                ended.retain(|gone| survivors.iter().all(|survivor| survivor.pid != gone.pid));
                ended.sort_by_key(|survivor| survivor.pid);
                ended.truncate(limits::CENSUS_NAMED_MAX);
                let unknown = seen.unknown.iter().map(|pid| unknown(*pid)).collect();
                return Census { checked_ms: since(), frozen_ms, killed_ms, survivors, unknown, ended };
            }
            for process in &seen.members {
                ended.entry((process.pid, process.started)).or_insert_with(|| named(process));
            }
            let fresh = seen.members.iter().any(|process| !process.is_still());
            for process in seen.members.iter().filter(|process| !process.is_still()) {
                let _ = signals::send(process, Signal::STOP);
            }
            walks += 1;
            // Killing begins when every process is frozen, so that none can fork.
            if !fresh || walks > limits::CENSUS_STOP_WALKS_MAX {
                if !fresh && !seen.members.is_empty() {
                    frozen_ms.get_or_insert_with(since);
                }
                for process in seen.members.iter().chain(&seen.launchers) {
                    let _ = signals::send(process, Signal::KILL);
                    killed_ms = Some(since());
                }
            }
            if !nobody {
                pause();
            }
        }
    }

    /// Orphans that came back and ended wait for this process to take their exit.
    fn reap_strays(&self) {
        let table = procfs::table();
        let launched = launched().list();
        for pid in self.strays(&table, &launched) {
            if table.get(pid).is_some_and(Process::is_zombie) {
                signals::reap(pid);
            }
        }
    }
}

fn unknown(pid: i32) -> String {
    match procfs::stat(pid) {
        Some(process) => format!("{pid} {}: its environment cannot be read", procfs::line(&process)),
        None => format!("{pid}: it cannot be inspected"),
    }
}
