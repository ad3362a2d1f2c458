//! Whether a layer can be made here, found by making one.

use super::kept::Layer;
use crate::workspace::census::launched;
use crate::workspace::launch;
use crate::workspace::limits;
use crate::workspace::root::Root;
use crate::workspace::tree::Rules;
use std::fmt;
use std::fs;
use std::io::Read as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

/// The reason that there is no layer, and the fix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoLayer {
    pub why: String,
    pub fix: String,
}

impl fmt::Display for NoLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; {}", self.why, self.fix)
    }
}

/// What the probe does in its layer: everything that a real command relies on.
const SCRIPT: &str = "echo new >made && echo more >>kept && rm gone && test -r /proc/self/status && : >/tmp/x";

/// Makes a layer below `state`, runs a command in it, and looks whether the writes are where they belong. `launcher` is
/// the rightseat binary.
///
/// # Errors
/// Why there is none, and what to do about it.
pub fn available(launcher: &Path, state: &Path) -> Result<(), NoLayer> {
    let dir = tempfile::Builder::new().prefix("probe-").tempdir_in(state);
    let tried =
        dir.map_err(|error| format!("{}: {error}", state.display())).and_then(|dir| attempt(launcher, dir.path()));
    tried.map_err(|why| NoLayer { fix: fix(&why), why })
}

fn attempt(launcher: &Path, dir: &Path) -> Result<(), String> {
    let fail = |error: std::io::Error| format!("{}: {error}", dir.display());
    let (tree, state) = (dir.join("tree"), dir.join("state"));
    fs::create_dir(&tree).and_then(|()| fs::create_dir(&state)).map_err(fail)?;
    if !rustix::process::geteuid().is_root() {
        // In a directory whose group is inherited it would have that one.
        let _ = std::os::unix::fs::chown(&tree, None, Some(rustix::process::getegid().as_raw()));
    }
    fs::write(tree.join("kept"), "old\n").and_then(|()| fs::write(tree.join("gone"), "")).map_err(fail)?;
    let root = Root::open(&tree).map_err(fail)?;
    let rules = Rules::read(root.path());
    let layer = Layer::make((&state, "probe"), (&root, &rules), (SCRIPT, false), &[])?;
    let argv = ["/bin/sh", "-c", SCRIPT].map(Into::into);
    let line = launch::arguments_within(std::process::id(), layer.plan(), &argv)?;
    let mut command = Command::new(launcher);
    command.args(line).current_dir(root.path()).env_clear().env("PATH", "/usr/bin:/bin").stdin(Stdio::null());
    let (is_good, said) = bounded(command).map_err(|error| format!("cannot start the launcher: {error}"))?;
    if !is_good {
        let said = said.lines().last().unwrap_or("the command in the layer failed");
        return Err(said.strip_prefix("rightseat: ").unwrap_or(said).to_owned());
    }
    let seen = layer.changes(&root, None).map_err(fail)?;
    let names: Vec<_> = seen.list.iter().filter_map(|change| change.path.to_str()).collect();
    let is_untouched = fs::read(tree.join("kept")).is_ok_and(|bytes| bytes == b"old\n") && tree.join("gone").exists();
    if names == ["gone", "kept", "made"] && is_untouched && !tree.join("made").exists() {
        return Ok(());
    }
    Err(format!("writes in an overlay are not kept apart by this kernel (found {names:?})"))
}

/// Runs the launcher to its end, but not for long; true if it went well, and what it said. It belongs to no session, so
/// that nobody's freeze or stop takes it for theirs.
fn bounded(mut command: Command) -> std::io::Result<(bool, String)> {
    let mut noted = launched();
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?;
    let pid = i32::try_from(child.id()).unwrap_or_default();
    noted.add(pid, "probe");
    drop(noted);
    let mut waited = 0;
    let status = loop {
        match child.try_wait()? {
            Some(status) => break Some(status),
            None if waited >= limits::LAYER_PROBE_MS_MAX => break None,
            None => std::thread::sleep(Duration::from_millis(1)),
        }
        waited += 1;
    };
    launched().remove(pid);
    let Some(status) = status else {
        // Its init goes along.
        let _ = child.kill();
        let _ = child.wait();
        return Ok((false, "the attempt to make a layer took too long".to_owned()));
    };
    let mut said = String::new();
    if let Some(stderr) = child.stderr.take() {
        let _ = stderr.take(limits::LAYER_SAID_BYTES_MAX).read_to_string(&mut said);
    }
    Ok((status.success(), said))
}

/// The fix for what the launcher said, after the settings of this machine. Sources: user_namespaces(7); the switches of
/// Debian and Ubuntu; overlayfs.rst for the kernels.
fn fix(why: &str) -> String {
    let number = |path: &str| fs::read_to_string(path).ok().and_then(|text| text.trim().parse::<u64>().ok());
    let is_root = rustix::process::geteuid().is_root();
    let switch = |name: &str, bad: u64| number(&format!("/proc/sys/{}", name.replace('.', "/"))) == Some(bad);
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let mut version = kernel.split(['.', '-']).map(|part| part.trim().parse::<u32>().unwrap_or(0));
    let is_old = (version.next().unwrap_or(0), version.next().unwrap_or(0)) < (5, 11);
    let text = if switch("user.max_user_namespaces", 0) {
        "set user.max_user_namespaces to 10000 with sysctl"
    } else if !is_root && switch("kernel.unprivileged_userns_clone", 0) {
        "set kernel.unprivileged_userns_clone to 1 with sysctl"
    } else if !is_root && switch("kernel.apparmor_restrict_unprivileged_userns", 1) {
        "AppArmor restricts user namespaces: give rightseat a profile with `userns,`, or set kernel.apparmor_restrict_unprivileged_userns to 0 with sysctl"
    } else if is_old {
        "Linux 5.11 or newer is needed"
    } else if why.contains("namespaces") {
        "user namespaces are not allowed here: in a container, allow them with its security options (seccomp, SYS_ADMIN)"
    } else if why.contains("/proc") {
        "a container hides parts of /proc: start it with systempaths=unconfined, or run rightseat outside of it"
    } else if why.contains("overlay") {
        "the state directory is on a file system that cannot hold a layer, as in a container: choose one on ext4, xfs, btrfs or tmpfs with --state-dir"
    } else {
        "commands run without a layer; `[layer] commands = \"never\"` turns this note off"
    };
    text.to_owned()
}
