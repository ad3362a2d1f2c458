//! The launcher proper: makes the session, starts the inner part, waits for it or for the end of
//! the host, ends what is left.

use super::args::{self, Containment};
use super::{EXIT_LAUNCHER_FAILED, cannot_start, complain, descriptors};
use crate::workspace::census::procfs;
use crate::workspace::layer::{self, Plan};
use crate::workspace::limits;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::OwnedFd;
use rustix::io::{FdFlags, fcntl_setfd};
use rustix::process::{
    Pid, PidfdFlags, Resource, Rlimit, Signal, WaitOptions, getpid, getppid, kill_process, pidfd_open,
    set_child_subreaper, setrlimit, setsid, wait, waitpid,
};
use rustix::thread::UnshareFlags;
use std::ffi::OsString;
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::AsRawFd;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// The means that hold the tree of the command together.
pub enum Hold<'a> {
    By(Containment),
    Within(&'a Plan),
}

pub fn run(parent: i32, hold: Hold<'_>, argv: &[OsString]) -> u8 {
    // A pty has made its session already; then this fails and changes nothing.
    let in_own_session = setsid().is_ok();
    let Some(host) = Pid::from_raw(parent) else { return complain("the host has no process id") };
    let watch = pidfd_open(host, PidfdFlags::empty()).ok();
    if getppid() != Some(host) {
        return complain("the host exited before the command started");
    }
    if let Err(error) = descriptors::seal().and_then(|()| Ok(set_child_subreaper(Some(getpid()))?)) {
        return complain(&format!("cannot prepare the command's environment: {error}"));
    }
    let mut refusal = match hold {
        // Opened now: later this process may have no id that can create a file.
        Hold::Within(plan) => File::create(&plan.refusal).ok(),
        Hold::By(_) => None,
    };
    let started = match hold {
        Hold::Within(plan) => match layer::separate(plan, &[args::HIDDEN_COMMAND.into(), "map".into()]) {
            // The way to the proxy was used, and is not the command's.
            Ok(()) if plan.proxied && !plan.keeps_input => {
                start_init(|report| args::inside(report, plan, argv), (in_own_session, Stdio::null()))
            }
            Ok(()) => start_init(|report| args::inside(report, plan, argv), (in_own_session, Stdio::inherit())),
            Err(why) => Err(refuse(refusal.take(), &why)),
        },
        Hold::By(Containment::Auto) if rustix::process::geteuid().is_root() && new_pid_namespace() => {
            start_init(|report| Ok(args::inner("init", report, argv)), (in_own_session, Stdio::inherit()))
        }
        Hold::By(Containment::Auto | Containment::Subreaper) => start_shim(argv, in_own_session),
    };
    let (child, report) = match started {
        Ok(started) => started,
        Err(code) => return code,
    };
    let ended = wait_for(child, host, watch.as_ref());
    end_the_rest();
    let Some(status) = ended else { return EXIT_LAUNCHER_FAILED };
    match report.and_then(reported) {
        Some(Report::Ended(status)) => mirror(status),
        Some(Report::Refused(why)) => refuse(refusal, &why),
        None => mirror(status),
    }
}

/// Tells the host that nothing was started, and why. It is written where the command could not.
fn refuse(refusal: Option<File>, why: &str) -> u8 {
    match refusal.map(|mut file| file.write_all(why.as_bytes())) {
        Some(Ok(())) => EXIT_LAUNCHER_FAILED,
        Some(Err(_)) | None => complain(&format!("the command was not started in its layer: {why}")),
    }
}

/// Only children of this process enter the new namespace.
fn new_pid_namespace() -> bool {
    #[expect(deprecated, reason = "the unsafe successor only differs for CLONE_FILES, which is not asked for")]
    let result = rustix::thread::unshare(UnshareFlags::NEWPID);
    result.is_ok()
}

type Started = (Child, Option<OwnedFd>);

fn start_init(
    line: impl FnOnce(i32) -> Result<Vec<OsString>, String>,
    (own_group, stdin): (bool, Stdio),
) -> Result<Started, u8> {
    let prepared = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)
        .and_then(|(read, write)| fcntl_setfd(&write, FdFlags::empty()).map(|()| (read, write)));
    let (read, write) = prepared.map_err(|errno| complain(&format!("cannot make a pipe: {errno}")))?;
    let line = line(write.as_raw_fd()).map_err(|why| complain(&why))?;
    let mut command = myself(line, own_group)?;
    command.stdin(stdin);
    let child = command.spawn().map_err(|error| complain(&format!("cannot start the command's init: {error}")))?;
    Ok((child, Some(read)))
}

fn start_shim(argv: &[OsString], own_group: bool) -> Result<Started, u8> {
    let mut command = myself(args::inner("shim", getpid().as_raw_pid(), argv), own_group)?;
    let child = command.spawn().map_err(|error| cannot_start("the launcher".as_ref(), &error))?;
    Ok((child, None))
}

fn myself(line: Vec<OsString>, own_group: bool) -> Result<Command, u8> {
    // Not the name but the link: it still is this binary after an upgrade has replaced the file.
    let mut command = Command::new("/proc/self/exe");
    command.arg0("rightseat").args(line);
    if own_group {
        // `kill 0` in a script means its own group, not its launcher.
        command.process_group(0);
    }
    Ok(command)
}

/// Waits for the child and gives its raw wait status; `None` when the host went first.
fn wait_for(mut child: Child, host: Pid, watch: Option<&OwnedFd>) -> Option<i32> {
    let pid = Pid::from_child(&child);
    let own = pidfd_open(pid, PidfdFlags::empty()).ok();
    let tick = Timespec { tv_sec: 0, tv_nsec: limits::LAUNCH_POLL_NS };
    loop {
        if let Ok(Some(status)) = child.try_wait() {
            return Some(status.into_raw());
        }
        if getppid() != Some(host) {
            return None;
        }
        reap_orphans(pid);
        match (own.as_ref(), watch) {
            (Some(own), Some(watch)) => {
                let mut fds = [PollFd::new(own, PollFlags::IN), PollFd::new(watch, PollFlags::IN)];
                let _ = poll(&mut fds, None);
            }
            // A kernel without pidfds (before 5.3): look every now and then.
            (Some(_) | None, _) => {
                let _ = poll(&mut [], Some(&tick));
            }
        }
    }
}

/// Takes the exit of every other child, so that adopted orphans do not stay as zombies.
fn reap_orphans(except: Pid) {
    for process in procfs::children(getpid().as_raw_pid()) {
        if process.pid != except.as_raw_pid() && process.is_zombie() {
            let _ = waitpid(Pid::from_raw(process.pid), WaitOptions::NOHANG);
        }
    }
}

/// Stops and kills whatever is left below this process, until nothing is or the time is up.
fn end_the_rest() {
    let deadline = Instant::now() + Duration::from_millis(limits::LAUNCH_END_MS_MAX);
    let me = getpid().as_raw_pid();
    loop {
        while let Ok(Some(_)) = wait(WaitOptions::NOHANG) {}
        if procfs::children(me).is_empty() || Instant::now() > deadline {
            return;
        }
        let table = procfs::table();
        let left: Vec<Pid> = table
            .descendants(me)
            .into_iter()
            .filter(|process| !process.is_zombie())
            .filter_map(|process| Pid::from_raw(process.pid))
            .collect();
        for signal in [Signal::STOP, Signal::KILL] {
            for pid in &left {
                let _ = kill_process(*pid, signal);
            }
        }
    }
}

/// The init's report.
enum Report {
    /// The raw wait status of the command.
    Ended(i32),
    /// There is no layer, and nothing was started.
    Refused(String),
}

/// The report of the init, if it lived to write one.
fn reported(read: OwnedFd) -> Option<Report> {
    let mut text = String::new();
    File::from(read).take(limits::LAUNCH_REPORT_BYTES_MAX).read_to_string(&mut text).ok()?;
    match text.parse() {
        Ok(status) => Some(Report::Ended(status)),
        Err(_) => (!text.is_empty()).then_some(Report::Refused(text)),
    }
}

/// Ends as the command ended: with its code, or by its signal.
fn mirror(raw: i32) -> u8 {
    let status = ExitStatus::from_raw(raw);
    if let Some(code) = status.code() {
        return u8::try_from(code).unwrap_or(EXIT_LAUNCHER_FAILED);
    }
    let number = status.signal().unwrap_or(0);
    if let Some(signal) = Signal::from_named_raw(number) {
        // One core file, the command's own, is enough.
        let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
        let _ = kill_process(getpid(), signal);
    }
    // A signal that this process ignores, or a real-time one.
    u8::try_from(number.saturating_add(128)).unwrap_or(EXIT_LAUNCHER_FAILED)
}
