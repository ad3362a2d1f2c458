//! Sending a signal to the process that was seen, not to whoever has its number now.

use super::procfs::{self, Process};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, WaitOptions, kill_process, pidfd_open, pidfd_send_signal, waitpid};

/// Sends `signal` if the process is still the same one. A process that has gone is not an error.
pub fn send(process: &Process, signal: Signal) -> Result<(), Errno> {
    let Some(pid) = Pid::from_raw(process.pid) else { return Ok(()) };
    let result = match pidfd_open(pid, PidfdFlags::empty()) {
        Ok(fd) if is_same(process) => pidfd_send_signal(&fd, signal),
        Ok(_) => Ok(()),
        Err(Errno::SRCH) => Ok(()),
        // No pidfds (before 5.3): the number was checked just now, which has to do.
        Err(_) if is_same(process) => kill_process(pid, signal),
        Err(_) => Ok(()),
    };
    if result == Err(Errno::SRCH) { Ok(()) } else { result }
}

fn is_same(process: &Process) -> bool {
    procfs::stat(process.pid).is_some_and(|now| now.started == process.started)
}

/// Takes the exit of an orphan that came back to this process.
pub fn reap(pid: i32) {
    let _ = waitpid(Pid::from_raw(pid), WaitOptions::NOHANG);
}
