//! Reading `/proc`: the process table, and what a single process says of itself.
//!
//! Formats: `proc_pid_stat(5)`, `proc_pid_environ(5)`, `proc_pid_cmdline(5)`.

use crate::workspace::limits;
use rustix::io::Errno;
use std::collections::{HashMap, HashSet};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

/// One process as `/proc/PID/stat` had it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Process {
    pub pid: i32,
    pub parent: i32,
    pub group: i32,
    pub session: i32,
    /// `R`, `S`, `D`, `T`, `Z` …
    pub state: u8,
    /// Clock ticks since boot; with the pid it names a process forever.
    pub started: u64,
    /// A kernel thread: no process starts or becomes one.
    pub of_kernel: bool,
    /// The kernel's short name, up to 15 bytes, lossy.
    pub name: String,
}

impl Process {
    pub fn is_zombie(&self) -> bool {
        matches!(self.state, b'Z' | b'X' | b'x')
    }

    /// Stopped by a signal or a tracer, or dead: it runs nothing.
    pub fn is_still(&self) -> bool {
        self.is_zombie() || matches!(self.state, b'T' | b't')
    }
}

/// All processes at about one moment. The walk is not atomic: a process may have forked meanwhile,
/// so a caller that needs certainty walks again until nothing new appears.
#[derive(Debug, Clone, Default)]
pub struct Table {
    by_pid: HashMap<i32, Process>,
    /// Process directories that were there and could not be read.
    pub unreadable: Vec<i32>,
}

impl Table {
    pub fn get(&self, pid: i32) -> Option<&Process> {
        self.by_pid.get(&pid)
    }

    pub fn all(&self) -> impl Iterator<Item = &Process> {
        self.by_pid.values()
    }

    /// Everything below `root`, without it.
    pub fn descendants(&self, root: i32) -> Vec<&Process> {
        self.below(&HashSet::from([root]))
    }

    /// Everything below any of `roots`, without them.
    pub fn below(&self, roots: &HashSet<i32>) -> Vec<&Process> {
        let mut children: HashMap<i32, Vec<&Process>> = HashMap::new();
        for process in self.by_pid.values() {
            children.entry(process.parent).or_default().push(process);
        }
        let mut seen = roots.clone();
        let mut todo: Vec<i32> = roots.iter().copied().collect();
        let mut found = Vec::new();
        while let Some(pid) = todo.pop() {
            for process in children.get(&pid).into_iter().flatten() {
                if seen.insert(process.pid) {
                    todo.push(process.pid);
                    found.push(*process);
                }
            }
        }
        found
    }
}

/// Walks `/proc`.
pub fn table() -> Table {
    let mut table = Table::default();
    let Ok(entries) = std::fs::read_dir("/proc") else { return table };
    for pid in entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok()) {
        match stat(pid) {
            Some(process) => {
                table.by_pid.insert(pid, process);
            }
            None if Path::new("/proc").join(pid.to_string()).exists() => table.unreadable.push(pid),
            None => {}
        }
    }
    table
}

/// The direct children of a process.
pub fn children(parent: i32) -> Vec<Process> {
    // The kernel keeps the list per thread; only single-threaded parents are asked here.
    if let Ok(text) = std::fs::read_to_string(format!("/proc/{parent}/task/{parent}/children")) {
        return text.split_whitespace().filter_map(|pid| stat(pid.parse().ok()?)).collect();
    }
    table().all().filter(|process| process.parent == parent).cloned().collect()
}

/// One process, `None` when it is gone or hidden.
pub fn stat(pid: i32) -> Option<Process> {
    parse_stat(&std::fs::read(format!("/proc/{pid}/stat")).ok()?)
}

/// `PF_KTHREAD` of the kernel's `sched.h`.
const PF_KTHREAD: u32 = 0x0020_0000;

/// The name is whatever the process likes, with parentheses and line breaks: the last `)` ends it.
fn parse_stat(bytes: &[u8]) -> Option<Process> {
    let open = bytes.iter().position(|byte| *byte == b'(')?;
    let close = bytes.iter().rposition(|byte| *byte == b')')?;
    let pid = std::str::from_utf8(bytes.get(..open)?).ok()?.trim().parse().ok()?;
    let name = String::from_utf8_lossy(bytes.get(open.checked_add(1)?..close)?).into_owned();
    let rest = std::str::from_utf8(bytes.get(close.checked_add(1)?..)?).ok()?;
    let mut fields = rest.split_whitespace();
    let state = *fields.next()?.as_bytes().first()?;
    let parent = fields.next()?.parse().ok()?;
    let group = fields.next()?.parse().ok()?;
    let session = fields.next()?.parse().ok()?;
    // Fields 9 and 22 of the manual page; six are behind us.
    let flags: u32 = fields.nth(2)?.parse().ok()?;
    let started = fields.nth(12)?.parse().ok()?;
    Some(Process { pid, parent, group, session, state, started, of_kernel: flags & PF_KTHREAD != 0, name })
}

/// The mark in the environment of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Marked {
    Yes,
    No,
    /// Another user's, or one that made itself undumpable.
    Unreadable,
}

/// Returns whether the environment that a process was started with contains `entry` (`NAME=value`).
pub fn marked(pid: i32, entry: &[u8]) -> Marked {
    match std::fs::read(format!("/proc/{pid}/environ")) {
        Ok(environment) if environment.split(|byte| *byte == 0).any(|one| one == entry) => Marked::Yes,
        Ok(_) => Marked::No,
        // It has no memory any more (since Linux 6.15 that is an error): it runs nothing, and only its exit is left.
        Err(error) if error.raw_os_error() == Some(Errno::SRCH.raw_os_error()) => Marked::No,
        Err(_) => Marked::Unreadable,
    }
}

/// The effective user of a process.
pub fn owner(pid: i32) -> Option<u32> {
    std::fs::metadata(format!("/proc/{pid}")).ok().map(|about| about.uid())
}

/// The command line for people, bounded; the short name in brackets when there is none.
pub fn line(process: &Process) -> String {
    let bytes = std::fs::read(format!("/proc/{}/cmdline", process.pid)).unwrap_or_default();
    let words: Vec<String> = bytes
        .get(..bytes.len().min(limits::CENSUS_LINE_BYTES_MAX))
        .unwrap_or_default()
        .split(|byte| *byte == 0)
        .filter(|word| !word.is_empty())
        .map(|word| String::from_utf8_lossy(word).into_owned())
        .collect();
    if words.is_empty() { format!("[{}]", process.name) } else { words.join(" ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_cannot_lie_about_itself_with_its_name() {
        let line = b"42 (a) R 1 (x) S 7 8 9 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 12345 1 2\n";
        let process = parse_stat(line).unwrap();
        assert_eq!((process.pid, process.parent, process.group, process.session), (42, 7, 8, 9));
        assert_eq!((process.started, process.state, process.name.as_str()), (12345, b'S', "a) R 1 (x"));
        assert!(!process.of_kernel);
        let worker = b"5703 (kworker/0:1) I 2 0 0 0 -1 69238880 0 0 0 0 0 0 0 0 20 0 1 0 99 0 0\n";
        assert!(parse_stat(worker).unwrap().of_kernel);
        for bad in [b"".as_slice(), b"1 (x", b"1 x) S 1", b"1 (x)", b")(", b"1 (x) S 1 2 3"] {
            assert_eq!(parse_stat(bad), None);
        }
    }

    #[test]
    fn this_process_is_in_the_table_below_its_parent() {
        let me = i32::try_from(std::process::id()).unwrap();
        let table = table();
        let parent = table.get(me).unwrap().parent;
        assert!(table.descendants(parent).iter().any(|process| process.pid == me));
        assert_ne!(owner(me), None);
        assert!(!line(table.get(me).unwrap()).is_empty());
    }
}
