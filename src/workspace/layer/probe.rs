//! Whether layers can be made of a workspace, found by making one.

use super::kept::{ATTEMPT, Layer};
use super::machine::Machine;
use super::owners::Ids;
use super::places::{self, BuildFolders};
use crate::model::event::Network;
use crate::workspace::census::launched;
use crate::workspace::launch;
use crate::workspace::limits;
use crate::workspace::root::Root;
use crate::workspace::tree::Rules;
use std::fmt;
use std::fs;
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
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

impl NoLayer {
    pub(super) fn new(why: String, fix: impl Into<String>) -> Self {
        Self { why, fix: fix.into() }
    }

    /// For what the launcher or the file system said.
    pub(super) fn by_machine(why: String) -> Self {
        Self { fix: Machine::look().fix(&why), why }
    }

    fn of_io(path: &Path, error: &std::io::Error) -> Self {
        Self::by_machine(format!("{}: {error}", path.display()))
    }
}

/// What the probe does in a layer of its own: everything that a real command relies on. It leaves the ids that a layer
/// knows in two files.
const SCRIPT: &str = "echo new >made && echo more >>kept && rm gone && test -r /proc/self/status && : >/tmp/x && \
                      cat /proc/self/uid_map >users && cat /proc/self/gid_map >groups";
/// What it does in a layer of the workspace: a new file, and a write to one that is there, if any.
const IN_WORKSPACE: &str = ": >\"$1\" && { test -z \"$2\" || : >>\"$2\"; }";

/// Makes a layer of a tree of its own and one of this workspace, runs a command in each, and looks whether the writes
/// are where they belong. `launcher` is the rightseat binary; `state` is a directory for sessions; `hidden` are further
/// paths that are empty in layers.
///
/// # Errors
/// Why there is none, and what to do about it.
pub fn available(
    launcher: &Path,
    state: &Path,
    (root, rules): (&Root, &Rules),
    hidden: &[PathBuf],
) -> Result<(), NoLayer> {
    let state = state.canonicalize().map_err(|error| NoLayer::of_io(state, &error))?;
    places::check(root.path(), &state, &places::build_folders(root.path(), rules, ""))?;
    let dir = tempfile::Builder::new().prefix(ATTEMPT).tempdir_in(&state);
    let dir = dir.map_err(|error| NoLayer::of_io(&state, &error))?;
    let ids = in_own_tree(launcher, dir.path())?;
    if let Some(found) = ids.stranger(root.path(), &places::build_folders(root.path(), rules, "")) {
        let (user, group) = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
        let whole = root.path().to_string_lossy();
        return Err(NoLayer::new(
            format!(
                "{} belongs to user {} and group {}, who do not exist in a layer of yours",
                found.path.display(),
                found.user,
                found.group
            ),
            format!("sudo chown -R {user}:{group} {}", shell_words::quote(&whole)),
        ));
    }
    in_workspace(launcher, dir.path(), (root, rules), hidden)
}

/// Gives the ids that a layer knows.
fn in_own_tree(launcher: &Path, dir: &Path) -> Result<Ids, NoLayer> {
    let fail = |error: std::io::Error| NoLayer::of_io(dir, &error);
    let (tree, state) = (dir.join("tree"), dir.join("state"));
    fs::create_dir(&tree).and_then(|()| fs::create_dir(&state)).map_err(fail)?;
    if !rustix::process::geteuid().is_root() {
        // In a directory whose group is inherited it would have that one.
        let _ = std::os::unix::fs::chown(&tree, None, Some(rustix::process::getegid().as_raw()));
    }
    fs::write(tree.join("kept"), "old\n").and_then(|()| fs::write(tree.join("gone"), "")).map_err(fail)?;
    let root = Root::open(&tree).map_err(fail)?;
    let layer = Layer::make(
        (&state, "probe"),
        (&root, &Rules::read(root.path())),
        (SCRIPT, BuildFolders::Shared, Network::Off),
        &[],
    )?;
    run(launcher, &layer, &root, &["/bin/sh", "-c", SCRIPT])?;
    let seen = layer.changes(&root, None).map_err(fail)?;
    let names: Vec<_> = seen.list.iter().filter_map(|change| change.path.to_str()).collect();
    let is_untouched = fs::read(tree.join("kept")).is_ok_and(|bytes| bytes == b"old\n") && tree.join("gone").exists();
    if names == ["gone", "groups", "kept", "made", "users"] && is_untouched && !tree.join("made").exists() {
        let read = |name: &str| fs::read_to_string(layer.upper(Path::new(name))).map_err(fail);
        return Ok(Ids::parse(&read("users")?, &read("groups")?));
    }
    Err(NoLayer::by_machine(format!("writes in an overlay are not kept apart by this kernel (found {names:?})")))
}

fn in_workspace(
    launcher: &Path,
    dir: &Path,
    (root, rules): (&Root, &Rules),
    hidden: &[PathBuf],
) -> Result<(), NoLayer> {
    let state = dir.join("session");
    fs::create_dir(&state).map_err(|error| NoLayer::of_io(&state, &error))?;
    let name = dir.file_name().unwrap_or_default().to_string_lossy();
    let made = format!(".rightseat-{name}");
    let copied = small_file(root.path()).unwrap_or_default();
    let layer =
        Layer::make((&state, "probe"), (root, rules), (IN_WORKSPACE, BuildFolders::Shared, Network::Off), hidden)?;
    run(launcher, &layer, root, &["/bin/sh", "-c", IN_WORKSPACE, "sh", &made, &copied])?;
    let is_in_layer = layer.upper(Path::new(&made)).exists();
    let is_outside = root.path().join(&made).symlink_metadata().is_ok();
    if is_outside {
        // It is the probe's own: nothing else has this name.
        let _ = fs::remove_file(root.path().join(&made));
    }
    if is_in_layer && !is_outside {
        return Ok(());
    }
    Err(NoLayer::by_machine(format!("writes in an overlay of {} are not kept apart", root.path().display())))
}

/// A file at the top of the workspace that its owner can write, small enough to copy for a test.
fn small_file(root: &Path) -> Option<String> {
    let fits = |entry: &fs::DirEntry| {
        entry.metadata().is_ok_and(|about| {
            about.is_file()
                && about.len() <= limits::LAYER_PROBE_FILE_BYTES_MAX
                && about.permissions().mode() & 0o200 != 0
        })
    };
    fs::read_dir(root).ok()?.flatten().filter(fits).find_map(|entry| entry.file_name().into_string().ok())
}

/// Runs a command in the layer, to a good end.
fn run(launcher: &Path, layer: &Layer, root: &Root, argv: &[&str]) -> Result<(), NoLayer> {
    let argv: Vec<_> = argv.iter().map(Into::into).collect();
    let line = launch::arguments_within(std::process::id(), layer.plan(), &argv).map_err(NoLayer::by_machine)?;
    let mut command = Command::new(launcher);
    let path = std::env::var_os("PATH").unwrap_or_else(|| "/usr/bin:/bin".into());
    command.args(line).current_dir(root.path()).env_clear().env("PATH", path).stdin(Stdio::null());
    let ended = bounded(command);
    let (is_good, said) = ended.map_err(|error| NoLayer::by_machine(format!("cannot start the launcher: {error}")))?;
    match (layer.refusal(), is_good) {
        (Some(no), _) => Err(no),
        (None, true) => Ok(()),
        (None, false) => {
            let said = said.lines().last().unwrap_or("the command in the layer failed");
            Err(NoLayer::by_machine(said.strip_prefix("rightseat: ").unwrap_or(said).to_owned()))
        }
    }
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
