//! The looks that a doctor takes, one function a group. Nothing is changed but a probe that is removed again.

use super::{Finding, keeps};
use crate::cli::args::Shared;
use crate::cli::place::Places;
use crate::cli::{agents, llm, runner, screen, settings};
use crate::journal::Signer;
use crate::policy::Policy;
use crate::ui::keymap;
use crate::ui::terminal::modes;
use crate::ui::theme::{self, Depth, Signs};
use crate::workspace::layer::{Machine, available};
use crate::workspace::root::Root;
use crate::workspace::tree::Rules;
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};

pub(super) fn all(shared: &Shared) -> Vec<Finding> {
    let mut found = machine();
    found.extend(keeps::logout());
    found.extend(terminal());
    found.extend(state(shared));
    found.extend(keeps::sizes(shared));
    found.extend(keeps::hosts(shared));
    found.extend(files(shared));
    found.extend(kernel());
    found.extend(layer(shared));
    found.extend(project(shared));
    found.extend(proposers(shared));
    found
}

fn machine() -> Vec<Finding> {
    const GROUP: &str = "machine";
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let system = format!("{} {} {}", std::env::consts::OS, release.trim(), std::env::consts::ARCH);
    let mut found =
        vec![Finding::works(GROUP, "rightseat", env!("CARGO_PKG_VERSION")), Finding::works(GROUP, "system", system)];
    for (name, program, without, fix) in [
        ("git", "git", "not found; sessions work without it, but candidates are copied file by file", "install git"),
        ("ssh", "ssh", "not found; attach --ssh cannot work", "install the OpenSSH client"),
    ] {
        found.push(match runner::find_program(program) {
            Some(path) => Finding::works(GROUP, name, path.display().to_string()),
            None => Finding::limited(GROUP, name, without, fix),
        });
    }
    found
}

fn terminal() -> Vec<Finding> {
    const GROUP: &str = "terminal";
    let term = screen::env("TERM");
    let mut found = Vec::new();
    let tty = std::io::stdin().is_terminal() && std::io::stdout().is_terminal();
    found.push(match modes::check(term.as_deref(), false) {
        Ok(()) => {
            let size = modes::size();
            let says = format!("{}, {}×{}", term.as_deref().unwrap_or("no TERM"), size.width, size.height);
            Finding::works(GROUP, "screen", says)
        }
        Err(error) if tty => Finding::limited(GROUP, "screen", error.to_string(), "set TERM to your terminal's type"),
        Err(error) => {
            Finding::limited(GROUP, "screen", error.to_string(), "run rightseat in a terminal for the full screen")
        }
    });
    let colors = match screen::depth() {
        Depth::True => "24-bit colors",
        Depth::Indexed => "256 colors",
        Depth::Ansi16 => "16 colors; themes fall back to `ansi16`",
        Depth::Mono => "no colors; themes fall back to `mono`",
    };
    found.push(Finding::works(GROUP, "colors", colors));
    let locale = screen::locale();
    found.push(match Signs::detect(locale.as_deref(), term.as_deref()) {
        Signs::Unicode => Finding::works(GROUP, "signs", "Unicode"),
        Signs::Ascii => {
            Finding::limited(GROUP, "signs", "ASCII", "set LANG or LC_ALL to a UTF-8 locale for box drawing")
        }
    });
    found
}

fn state(shared: &Shared) -> Vec<Finding> {
    const GROUP: &str = "state";
    let places = match Places::open(shared.state_dir()) {
        Ok(places) => places,
        Err(fail) => {
            let fix = "choose a directory you can write to with --state-dir or RIGHTSEAT_STATE_DIR";
            return vec![Finding::broken(GROUP, "directory", fail.text, fix)];
        }
    };
    let count = places.all().len();
    let says = format!("{}, {count} sessions", places.state.display());
    vec![Finding::works(GROUP, "directory", says), socket(GROUP, &places.state), key(GROUP, &places)]
}

/// The key that records are signed with, public part.
fn key(group: &'static str, places: &Places) -> Finding {
    match Signer::load_or_make(&places.signing_key()) {
        Ok(signer) => {
            let key = signer.key();
            Finding::works(group, "signing key", format!("{} ({key})", key.fingerprint()))
        }
        Err(error) => {
            Finding::limited(group, "signing key", error.to_string(), "records are not signed until it works")
        }
    }
}

/// Checks that a socket can be created in the state directory: some shared file systems support none.
fn socket(group: &'static str, state: &Path) -> Finding {
    let fix = "choose a local file system with --state-dir";
    let probe = match tempfile::Builder::new().prefix(".probe").tempdir_in(state) {
        Ok(dir) => dir,
        Err(e) => return Finding::broken(group, "socket", e.to_string(), fix),
    };
    let dir = probe.path().join("host.sock");
    // Long paths are not a problem: sessions name their directory by its descriptor.
    let long = dir.as_os_str().len() >= 100;
    let bound = if long { Ok(()) } else { std::os::unix::net::UnixListener::bind(&dir).map(|_| ()) };
    match bound {
        Ok(()) => Finding::works(group, "socket", "can be created, for you alone"),
        Err(e) => Finding::broken(group, "socket", e.to_string(), fix),
    }
}

fn files(shared: &Shared) -> Vec<Finding> {
    const GROUP: &str = "files";
    let workspace = workspace(shared);
    let mut found = Vec::new();
    let mut note = |name: &'static str, outcome: Result<String, String>| {
        found.push(match outcome {
            Ok(says) => Finding::works(GROUP, name, says),
            Err(why) => Finding::broken(GROUP, name, why, "fix the file; `rightseat config path` shows where it is"),
        });
    };
    let paths = match settings::paths(shared) {
        Ok(paths) => paths,
        Err(fail) => return vec![Finding::broken(GROUP, "config", fail.text, "set HOME or give --config")],
    };
    let said = |path: &Path| {
        if path.exists() { path.display().to_string() } else { format!("built-in; {} does not exist", path.display()) }
    };
    note("config", settings::resolved(shared, &workspace).map(|_| said(&paths.config)).map_err(|f| f.text));
    note("agents", agents::catalog(shared).map(|_| said(&paths.agents)).map_err(|f| f.text));
    note("models", llm::catalog(shared.config.as_deref()).map(|_| said(&paths.models)).map_err(|f| f.text));
    note("policy", policy(&paths.policy).map(|()| said(&paths.policy)));
    let resolved = settings::resolved(shared, &workspace);
    let (warnings, broker) = resolved.map(|found| (found.warnings, found.settings.layer.broker)).unwrap_or_default();
    let without_key = broker.values().filter(|of| screen::env(&of.env).is_none());
    let without_key = without_key.map(|of| format!("{} of [broker] is not set, so there is no key", of.env));
    let limited: Vec<String> = warnings.into_iter().chain(without_key).collect();
    match settings::look(shared) {
        Ok(look) => {
            let theme = theme::load(&look.theme, look.theme_dir.as_deref());
            note("theme", theme.map(|t| t.name).map_err(|e| e.to_string()));
            let keymap = keymap::load(&look.keymap, look.keymap_dir.as_deref());
            note("keymap", keymap.map(|k| k.name).map_err(|e| e.to_string()));
        }
        Err(fail) => note("theme", Err(fail.text)),
    }
    found.extend(limited.into_iter().map(|says| Finding::limited(GROUP, "config", says, "see docs/CONFIG.md")));
    found
}

/// A broken policy fails closed: everything asks. It is better fixed before a session.
fn policy(path: &Path) -> Result<(), String> {
    match crate::config::read_beside(path).map_err(|e| e.to_string())? {
        None => Ok(()),
        Some(text) => match Policy::with_file(Vec::new(), &path.display().to_string(), &text) {
            (_, None) => Ok(()),
            (_, Some(error)) => Err(format!("{error}; until it is fixed, everything asks")),
        },
    }
}

fn kernel() -> Vec<Finding> {
    const GROUP: &str = "kernel";
    let number = |path: &str| std::fs::read_to_string(path).ok().and_then(|t| t.trim().parse::<u64>().ok());
    let mut found = vec![namespaces(GROUP)];
    let filesystems = std::fs::read_to_string("/proc/filesystems").unwrap_or_default();
    found.push(if filesystems.split_whitespace().any(|word| word == "overlay") {
        Finding::works(GROUP, "overlay", "the file system is available")
    } else {
        Finding::limited(GROUP, "overlay", "no overlay file system", "isolation `copy` keeps agents off the real tree")
    });
    let watches = number("/proc/sys/fs/inotify/max_user_watches");
    let instances = number("/proc/sys/fs/inotify/max_user_instances");
    found.push(match (watches, instances) {
        (Some(watches), Some(instances)) if watches >= 8_192 && instances >= 16 => {
            let fits = instances / 2;
            Finding::works(
                GROUP,
                "inotify",
                format!("{watches} watches; {instances} instances: room for {fits} sessions"),
            )
        }
        (Some(watches), Some(instances)) => Finding::limited(
            GROUP,
            "inotify",
            format!("{watches} watches, {instances} instances: large trees are polled"),
            "sysctl fs.inotify.max_user_watches=524288 fs.inotify.max_user_instances=512",
        ),
        (_, _) => Finding::limited(GROUP, "inotify", "not available: the workspace is polled", "no action is needed"),
    });
    found
}

/// Reports the settings that prevent a layer.
fn namespaces(group: &'static str) -> Finding {
    let machine = Machine::look();
    match machine.obstacle() {
        Some(no) => Finding::limited(group, "namespaces", no.why, &no.fix),
        None => {
            Finding::works(group, "namespaces", if machine.is_root { "allowed, as root" } else { "not restricted" })
        }
    }
}

/// Makes a layer as a session in this workspace would, and runs a command in it.
fn layer(shared: &Shared) -> Option<Finding> {
    let places = Places::open(shared.state_dir()).ok()?;
    let launcher = std::env::current_exe().ok()?;
    let root = Root::open(&workspace(shared)).ok()?;
    Some(match available(&launcher, &places.state, (&root, &Rules::read(root.path())), &[]) {
        Ok(()) => Finding::works("kernel", "layer", "commands can run in a private overlay of the workspace"),
        Err(no) => Finding::limited("kernel", "layer", no.why, &no.fix),
    })
}

fn workspace(shared: &Shared) -> PathBuf {
    let dir = shared.dir.clone().unwrap_or_else(|| PathBuf::from("."));
    dir.canonicalize().unwrap_or(dir)
}

fn project(shared: &Shared) -> Vec<Finding> {
    const GROUP: &str = "project";
    let dir = workspace(shared);
    if let Err(e) = std::fs::read_dir(&dir) {
        let fix = "choose a directory you can read with --dir";
        return vec![Finding::broken(GROUP, "directory", format!("{}: {e}", dir.display()), fix)];
    }
    let mut found = vec![Finding::works(GROUP, "directory", dir.display().to_string())];
    let configured = settings::resolved(shared, &dir).ok().and_then(|r| r.settings.checks.command);
    found.push(match (configured, runner::runner_at(&dir)) {
        (Some(_), _) => Finding::works(GROUP, "tests", "set in the configuration"),
        (None, Ok(runner)) => {
            let program = runner.argv.first().cloned().unwrap_or_default();
            let line = shell_words::join(&runner.argv);
            if runner::find_program(&program).is_some() {
                Finding::works(GROUP, "tests", format!("{line} ({})", runner.why))
            } else {
                let says = format!("{line} ({}), but {program} is not on PATH", runner.why);
                Finding::limited(GROUP, "tests", says, "install it, or set checks.command in the configuration")
            }
        }
        (None, Err(why)) => Finding::limited(GROUP, "tests", why, "set checks.command in the configuration"),
    });
    found
}

fn proposers(shared: &Shared) -> Vec<Finding> {
    const GROUP: &str = "agents";
    let mut found = vec![Finding::works(GROUP, "repair", "embedded; no key, no network")];
    let here = match agents::look(shared, &workspace(shared)) {
        Ok(here) => here,
        Err(fail) => {
            found.push(Finding::broken(GROUP, "others", fail.text, "fix the file"));
            return found;
        }
    };
    let models: Vec<String> =
        here.models.iter().filter(|m| m.usable).map(|m| format!("{} ({})", m.provider, m.why)).collect();
    let external: Vec<String> =
        here.external.iter().filter(|(_, f)| f.is_some()).map(|(s, _)| s.name.clone()).collect();
    found.push(if models.is_empty() {
        let says = "no key in the environment and no model server on this machine";
        Finding::limited(GROUP, "models", says, "set a key such as ANTHROPIC_API_KEY, or start a local server")
    } else {
        Finding::works(GROUP, "models", models.join(", "))
    });
    found.push(if external.is_empty() {
        let says = "none of the known agents was found";
        Finding::limited(GROUP, "external", says, "`rightseat agents` shows how to install each")
    } else {
        Finding::works(GROUP, "external", external.join(", "))
    });
    found
}
