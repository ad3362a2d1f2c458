//! The init's part: the mounts of a layer, made by pid 1 of the new namespaces before it starts anything.

use super::mounts::{attach, copy, directory, everything_read_only, memory, overlay};
use super::plan::{Plan, Upper};
use super::walls;
use rustix::fd::OwnedFd;
use rustix::mount::{MountFlags, MountPropagationFlags};
use rustix::thread::UnshareFlags;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

/// Devices that do nothing to anybody.
const DEVICES: [&str; 6] = ["null", "zero", "full", "random", "urandom", "tty"];
/// Entries of `/run` that hold no door to a service of the host.
const OPEN_IN_RUN: [&str; 5] = ["current-system", "booted-system", "wrappers", "opengl-driver", "opengl-driver-32"];
/// The same where the network is the host's: its name servers.
const NAMES_IN_RUN: [&str; 4] = ["systemd", "resolvconf", "NetworkManager", "connman"];

/// Turns this process, and what it starts, into one that is in the layer. Afterwards it has no more rights than the
/// command.
///
/// # Errors
/// In words, with the step that failed. Then nothing may be started.
pub fn enter(plan: &Plan) -> Result<(), String> {
    std::env::set_current_dir("/").map_err(|error| format!("cannot go to /: {error}"))?;
    #[expect(deprecated, reason = "the unsafe successor only differs for CLONE_FILES, which is not asked for")]
    let unshared = rustix::thread::unshare(UnshareFlags::NEWNS);
    unshared.map_err(|errno| format!("cannot make a mount namespace: {errno}"))?;
    rustix::mount::mount_change("/", MountPropagationFlags::REC | MountPropagationFlags::PRIVATE)
        .map_err(|errno| format!("cannot make the mounts private: {errno}"))?;
    // Everything that the real tree is needed for, before the first mount covers something.
    let workspace = plan.upper.as_ref().map(|upper| layered(&plan.root, upper)).transpose()?;
    let writable = bound(plan, true)?;
    let scratch = plan.scratch.iter().map(|one| Ok((one.at.as_path(), layered(&one.at, &one.upper)?)));
    let scratch = scratch.collect::<Result<Vec<_>, String>>()?;
    let shared: Vec<_> = plan.shared.iter().filter_map(|path| Some((path.as_path(), copy(path).ok()?))).collect();
    let devices: Vec<_> =
        DEVICES.iter().filter_map(|name| Some((*name, copy(&Path::new("/dev").join(name)).ok()?))).collect();
    everything_read_only()?;
    let read_only = bound(plan, false)?;
    for path in ["/tmp", "/var/tmp"].map(Path::new).into_iter().filter(|path| is_own_directory(path)) {
        memory(path, c"mode=1777", MountFlags::empty()).map_err(|errno| format!("{}: {errno}", path.display()))?;
    }
    own_devices(&devices)?;
    close_services(plan.network)?;
    // What is inside the workspace comes when that is there.
    let (inside, outside): (Vec<_>, Vec<_>) = scratch.iter().partition(|(at, _)| at.starts_with(&plan.root));
    outside.iter().try_for_each(|(at, tree)| place(tree, at))?;
    for path in &plan.hidden {
        // The workspace's own place is made in what hides the directories above it.
        let holds = plan.root.starts_with(path) || plan.binds.iter().any(|bind| bind.at.starts_with(path));
        let more = if holds { MountFlags::empty() } else { MountFlags::RDONLY };
        hide_with(path, more)?;
    }
    workspace.iter().try_for_each(|tree| place(tree, &plan.root))?;
    writable.iter().chain(&read_only).try_for_each(|(at, tree)| place(tree, at))?;
    shared.iter().try_for_each(|(at, tree)| place(tree, at))?;
    inside.iter().try_for_each(|(at, tree)| place(tree, at))?;
    let quiet = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC | MountFlags::RDONLY;
    rustix::mount::mount("proc", "/proc", "proc", quiet, None)
        .map_err(|errno| format!("cannot mount a fresh /proc: {errno}"))?;
    walls::close(plan)
}

/// The tree of this directory with its writes in other ones.
fn layered(at: &Path, upper: &Upper) -> Result<OwnedFd, String> {
    overlay(&directory(at)?, (&directory(&upper.upper)?, &directory(&upper.work)?), upper.lasting)
        .map_err(|errno| format!("cannot lay an overlay over {}: {errno}", at.display()))
}

/// Copies of the mounts of these binds. One that is made after everything else was made read-only is so too.
fn bound(plan: &Plan, writable: bool) -> Result<Vec<(&Path, OwnedFd)>, String> {
    let binds = plan.binds.iter().filter(|bind| bind.writable == writable);
    let copied = |from: &Path| copy(from).map_err(|errno| format!("cannot mount {}: {errno}", from.display()));
    binds.map(|bind| Ok((bind.at.as_path(), copied(&bind.from)?))).collect()
}

/// Mounts a tree at its path, which may be covered by now.
fn place(tree: &OwnedFd, at: &Path) -> Result<(), String> {
    if at.symlink_metadata().is_err() {
        fs::create_dir_all(at).map_err(|error| format!("cannot make {}: {error}", at.display()))?;
    }
    attach(tree, at).map_err(|errno| format!("cannot mount at {}: {errno}", at.display()))
}

fn is_own_directory(path: &Path) -> bool {
    path.symlink_metadata().is_ok_and(|about| about.is_dir())
}

/// A `/dev` with nothing in it that is a disk, a terminal or a bus.
fn own_devices(devices: &[(&str, OwnedFd)]) -> Result<(), String> {
    let fail = |what: String| move |error: std::io::Error| format!("{what}: {error}");
    let dev = Path::new("/dev");
    memory(dev, c"mode=0755", MountFlags::NOEXEC).map_err(|errno| format!("/dev: {errno}"))?;
    for (name, tree) in devices {
        let at = dev.join(name);
        fs::write(&at, "").map_err(fail(at.display().to_string()))?;
        attach(tree, &at).map_err(|errno| format!("{}: {errno}", at.display()))?;
    }
    let links =
        [("fd", "/proc/self/fd"), ("stdin", "fd/0"), ("stdout", "fd/1"), ("stderr", "fd/2"), ("ptmx", "pts/ptmx")];
    for (name, to) in links {
        symlink(to, dev.join(name)).map_err(fail(format!("/dev/{name}")))?;
    }
    for name in ["shm", "pts"] {
        fs::create_dir(dev.join(name)).map_err(fail(format!("/dev/{name}")))?;
    }
    memory(&dev.join("shm"), c"mode=1777", MountFlags::empty()).map_err(|errno| format!("/dev/shm: {errno}"))?;
    // Terminals of its own, for programs that test terminals. Without them those fail, nothing else.
    let options = Some(c"newinstance,ptmxmode=0666,mode=0620");
    let _ = rustix::mount::mount("devpts", dev.join("pts"), "devpts", MountFlags::NOSUID | MountFlags::NOEXEC, options);
    Ok(())
}

/// Hides the sockets of services: message buses, containers, agents of keys, terminals.
fn close_services(network: bool) -> Result<(), String> {
    let Ok(entries) = fs::read_dir("/run") else { return Ok(()) };
    let is_open = |name: &str| OPEN_IN_RUN.contains(&name) || (network && NAMES_IN_RUN.contains(&name));
    for entry in entries.flatten() {
        let name = entry.file_name();
        if name == "systemd" && network {
            let inner = fs::read_dir(entry.path()).into_iter().flatten().flatten();
            inner.filter(|one| one.file_name() != "resolve").try_for_each(|one| hide(&one.path()))?;
        } else if !name.to_str().is_some_and(is_open) {
            hide(&entry.path())?;
        }
    }
    Ok(())
}

/// Leaves nothing of a file or directory but its name.
fn hide(path: &Path) -> Result<(), String> {
    hide_with(path, MountFlags::RDONLY)
}

fn hide_with(path: &Path, more: MountFlags) -> Result<(), String> {
    let Ok(about) = path.symlink_metadata() else { return Ok(()) };
    let hidden = if about.is_dir() {
        memory(path, c"mode=0755,size=4k", more)
    } else if about.is_symlink() {
        // What it leads to has its own place.
        return fs::canonicalize(path).map_or(
            Ok(()),
            |real: PathBuf| {
                if real.starts_with("/run") { Ok(()) } else { hide(&real) }
            },
        );
    } else {
        copy(Path::new("/dev/null")).and_then(|null| attach(&null, path))
    };
    hidden.map_err(|errno| format!("cannot hide {}: {errno}", path.display()))
}
