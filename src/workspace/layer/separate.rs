//! The launcher's part: the namespaces, and who the command is in them. It keeps its user and group ids, so that files
//! belong to the same people inside and outside.

use super::plan::Plan;
use crate::workspace::egress;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketType};
use rustix::process::{getegid, geteuid, getppid};
use rustix::thread::{CapabilitySet, CapabilitySets, UnshareFlags};
use std::ffi::OsString;
use std::fs;
use std::io::Write as _;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};

/// What the init needs for its mounts, what the overlay needs on behalf of its users (its work directory is closed to
/// everybody), and what it takes to give everything up afterwards.
const FOR_THE_INIT: [CapabilitySet; 6] = [
    CapabilitySet::SYS_ADMIN,
    CapabilitySet::SETPCAP,
    CapabilitySet::CHOWN,
    CapabilitySet::DAC_OVERRIDE,
    CapabilitySet::FOWNER,
    CapabilitySet::FSETID,
];

/// Takes this process, and everything that it starts from now on, into namespaces of their own. `mapper` is the command
/// line of a helper that calls [`map`]: root's ids can only be mapped from outside. A proxied network has its listener
/// afterwards, which the host has received.
///
/// # Errors
/// In words, with the step that failed.
pub fn separate(plan: &Plan, mapper: &[OsString]) -> Result<(), String> {
    let network = plan.network;
    let (uid, gid) = (geteuid(), getegid());
    let helper = if uid.is_root() { helper(mapper) } else { None };
    let mut flags = UnshareFlags::NEWUSER | UnshareFlags::NEWPID | UnshareFlags::NEWIPC;
    if !network {
        flags |= UnshareFlags::NEWNET;
    }
    #[expect(deprecated, reason = "the unsafe successor only differs for CLONE_FILES, which is not asked for")]
    let unshared = rustix::thread::unshare(flags);
    unshared.map_err(|errno| format!("cannot make namespaces: {errno}"))?;
    if !helper.is_some_and(mapped) {
        let write = |name: &str, text: String| {
            fs::write(format!("/proc/self/{name}"), text).map_err(|error| format!("cannot write {name}: {error}"))
        };
        write("setgroups", "deny".to_owned())?;
        write("uid_map", format!("{0} {0} 1", uid.as_raw()))?;
        write("gid_map", format!("{0} {0} 1", gid.as_raw()))?;
    }
    if !network {
        // Programs expect to reach themselves.
        loopback().map_err(|errno| format!("cannot start the loopback device: {errno}"))?;
    }
    if plan.proxied {
        let handed = egress::hand_over(std::io::stdin(), &plan.ports);
        handed.map_err(|error| format!("cannot open the way to the proxy: {error}"))?;
    }
    keep_for_the_init().map_err(|errno| format!("cannot keep capabilities for the init: {errno}"))
}

/// What the shell does as a helper: one write for each map, as the kernel wants it.
const MAP_BY_SHELL: &str =
    r#"read -r word && printf %s "$1" >/proc/$PPID/uid_map && printf %s "$2" >/proc/$PPID/gid_map"#;

/// The helper: the shell, which starts in a tenth of the time of this program, where each map has one line.
fn helper(line: &[OsString]) -> Option<Child> {
    let maps = ["uid_map", "gid_map"].map(own_map);
    if maps.iter().all(|map| map.lines().count() == 1) {
        let maps = maps.iter().map(|map| map.trim_end());
        let shell = Command::new("/bin/sh")
            .args(["-c", MAP_BY_SHELL, "sh"])
            .args(maps)
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        if let Ok(shell) = shell {
            return Some(shell);
        }
    }
    Command::new("/proc/self/exe").arg0("rightseat").args(line).stdin(Stdio::piped()).spawn().ok()
}

/// The ids that this process has, each mapped to itself.
fn own_map(name: &str) -> String {
    let own = fs::read_to_string(format!("/proc/self/{name}")).unwrap_or_default();
    let lines = own.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        let (inside, count) = (words.next()?, words.nth(1)?);
        Some(format!("{inside} {inside} {count}\n"))
    });
    lines.collect()
}

/// Lets the helper write the maps; true when it did.
fn mapped(mut helper: Child) -> bool {
    let told = helper.stdin.take().is_some_and(|mut stdin| stdin.write_all(b"\n").is_ok());
    helper.wait().is_ok_and(|status| told && status.success())
}

/// The helper: waits for its parent's word, and gives it all the ids that this process has. True when it could.
pub fn map() -> bool {
    let mut word = String::new();
    let Some(parent) = getppid() else { return false };
    if std::io::stdin().read_line(&mut word).is_err() || word.is_empty() {
        return false;
    }
    ["uid_map", "gid_map"]
        .iter()
        .all(|name| fs::write(format!("/proc/{}/{name}", parent.as_raw_pid()), own_map(name)).is_ok())
}

/// Switches the loopback device of a new network namespace on: one message of rtnetlink(7), which is protocol 0.
fn loopback() -> rustix::io::Result<()> {
    const LENGTH: u32 = 32;
    const NEW_LINK: u16 = 16;
    const REQUEST_AND_ACK: u16 = 5;
    const UP: u32 = 1;
    let socket = rustix::net::socket(AddressFamily::NETLINK, SocketType::RAW, None)?;
    let mut message = Vec::with_capacity(LENGTH as usize);
    message.extend(LENGTH.to_ne_bytes());
    message.extend(NEW_LINK.to_ne_bytes());
    message.extend(REQUEST_AND_ACK.to_ne_bytes());
    // Sequence and sender, then family, padding and type of the device.
    message.extend([0; 12]);
    // The loopback device is the first one.
    message.extend(1u32.to_ne_bytes());
    message.extend(UP.to_ne_bytes());
    message.extend(UP.to_ne_bytes());
    rustix::net::send(&socket, &message, SendFlags::empty())?;
    let mut answer = [0u8; 128];
    rustix::net::recv(&socket, &mut answer[..], RecvFlags::empty()).map(|_| ())
}

/// An `exec` by an ordinary user keeps only what is ambient.
fn keep_for_the_init() -> rustix::io::Result<()> {
    let now = rustix::thread::capabilities(None)?;
    let kept = FOR_THE_INIT.iter().fold(CapabilitySet::empty(), |all, one| all | *one);
    rustix::thread::set_capabilities(None, CapabilitySets { inheritable: now.inheritable | kept, ..now })?;
    FOR_THE_INIT.iter().try_for_each(|one| rustix::thread::configure_capability_in_ambient_set(*one, true))
}
