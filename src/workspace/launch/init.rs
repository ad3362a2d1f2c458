//! The inner parts: pid 1 of a pid namespace, or a shim that becomes the command.

use super::{EXIT_LAUNCHER_FAILED, cannot_start, complain, descriptors};
use crate::workspace::layer::{self, Plan};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::mount::{MountFlags, MountPropagationFlags};
use rustix::process::{Pid, Signal, WaitOptions, getppid, set_parent_process_death_signal, wait};
use rustix::thread::UnshareFlags;
use std::ffi::{OsStr, OsString};
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

/// Pid 1: starts the command, reaps everything, reports how the command ended; with its own end
/// the kernel ends the namespace.
pub fn run(report: i32, layer: Option<&Plan>, argv: &[OsString]) -> u8 {
    let _ = set_parent_process_death_signal(Some(Signal::KILL));
    // The descriptor is inherited; opening its name makes it ours.
    let report = match OpenOptions::new().write(true).open(format!("/proc/self/fd/{report}")) {
        Ok(report) => report,
        Err(error) => return complain(&format!("the init process cannot report to the launcher: {error}")),
    };
    if let Err(error) = descriptors::seal() {
        return complain(&format!("cannot close descriptors: {error}"));
    }
    if abandoned(&report) {
        return EXIT_LAUNCHER_FAILED;
    }
    let Some((program, rest)) = argv.split_first() else { return complain("no command was given") };
    let mut command = Command::new(program);
    match (layer, std::env::current_dir()) {
        (None, _) => mount_proc(),
        (Some(plan), Ok(cwd)) => {
            if let Err(why) = layer::enter(plan) {
                return refuse(report, &why);
            }
            command.current_dir(cwd);
        }
        (Some(_), Err(error)) => return complain(&format!("the working directory is gone: {error}")),
    }
    let child = match command.args(rest).process_group(0).spawn() {
        Ok(child) => Pid::from_child(&child),
        Err(error) => return tell(report, i32::from(cannot_start(program, &error)) << 8),
    };
    loop {
        match wait(WaitOptions::empty()) {
            Ok(Some((pid, status))) if pid == child && (status.exited() || status.signaled()) => {
                return tell(report, status.as_raw());
            }
            Ok(_) | Err(Errno::INTR) => {}
            Err(errno) => return complain(&format!("lost sight of the command: {errno}")),
        }
    }
}

/// Becomes the command, with a parent-death signal that outlives the `exec`.
pub fn shim(launcher: i32, argv: &[OsString]) -> u8 {
    let _ = set_parent_process_death_signal(Some(Signal::KILL));
    if getppid().map(Pid::as_raw_pid) != Some(launcher) {
        return EXIT_LAUNCHER_FAILED;
    }
    if let Err(error) = descriptors::seal() {
        return complain(&format!("cannot close descriptors: {error}"));
    }
    let Some((program, rest)) = argv.split_first() else { return complain("no command was given") };
    let program: &OsStr = program;
    cannot_start(program, &Command::new(program).args(rest).exec())
}

/// The reading end is closed when the launcher died before the death signal was set.
fn abandoned(report: &File) -> bool {
    let mut fds = [PollFd::new(report, PollFlags::empty())];
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    poll(&mut fds, Some(&now)).is_ok() && fds.iter().any(|fd| fd.revents().contains(PollFlags::ERR))
}

/// A `/proc` that shows the namespace's own numbers, in a mount namespace of our own. Where it is
/// not allowed, the outer `/proc` stays: it still answers `/proc/self`.
fn mount_proc() {
    #[expect(deprecated, reason = "the unsafe successor only differs for CLONE_FILES, which is not asked for")]
    let unshared = rustix::thread::unshare(UnshareFlags::NEWNS);
    let private = MountPropagationFlags::REC | MountPropagationFlags::PRIVATE;
    if unshared.is_ok() && rustix::mount::mount_change("/", private).is_ok() {
        let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
        let _ = rustix::mount::mount("proc", "/proc", "proc", flags, None);
    }
}

fn tell(mut report: File, raw: i32) -> u8 {
    let _ = report.write_all(raw.to_string().as_bytes());
    0
}

/// Nothing was started, because there is no layer.
fn refuse(mut report: File, why: &str) -> u8 {
    let _ = report.write_all(why.as_bytes());
    EXIT_LAUNCHER_FAILED
}
