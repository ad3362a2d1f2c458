//! What a layer shares, hides, and throws away.

use super::mounts::points;
use super::plan::Bind;
use super::probe::NoLayer;
use crate::workspace::limits;
use crate::workspace::tree::Rules;
use std::path::{Path, PathBuf};

/// Build folders, if they are ignored: sharing them keeps builds incremental.
const BUILD_FOLDERS: &[&str] = &[
    "target",
    "node_modules",
    ".venv",
    "venv",
    ".tox",
    ".nox",
    ".pytest_cache",
    ".mypy_cache",
    ".ruff_cache",
    ".gradle",
    ".next",
    ".turbo",
];
/// Caches of tools below the home directory, and variables that name them elsewhere.
const CACHES: &[&str] = &[
    ".cache",
    ".cargo",
    ".rustup",
    ".npm",
    ".yarn",
    ".bun",
    ".deno",
    ".gradle",
    ".m2",
    ".ivy2",
    ".sbt",
    ".nuget",
    ".stack",
    ".cabal",
    ".gem",
    ".node-gyp",
    ".local/share/pnpm",
    "go",
];
const CACHE_VARIABLES: &[&str] =
    &["XDG_CACHE_HOME", "CARGO_HOME", "RUSTUP_HOME", "GOPATH", "GOCACHE", "GOMODCACHE", "GRADLE_USER_HOME", "DENO_DIR"];
/// Secrets below the home directory: keys, tokens, browser profiles, histories.
const SECRETS: &[&str] = &[
    ".ssh",
    ".gnupg",
    ".password-store",
    ".aws",
    ".azure",
    ".kube",
    ".docker",
    ".netrc",
    ".git-credentials",
    ".pypirc",
    ".vault-token",
    ".terraform.d",
    ".config/gcloud",
    ".config/gh",
    ".config/hub",
    ".config/glab-cli",
    ".config/op",
    ".config/doctl",
    ".config/rclone",
    ".config/containers",
    ".config/git/credentials",
    ".cargo/credentials",
    ".cargo/credentials.toml",
    ".gem/credentials",
    ".local/share/keyrings",
    ".local/share/kwalletd",
    ".mozilla",
    ".thunderbird",
    ".config/google-chrome",
    ".config/chromium",
    ".config/BraveSoftware",
    ".config/microsoft-edge",
    ".config/vivaldi",
    "snap/firefox",
    "snap/chromium",
    ".claude/.credentials.json",
    ".codex/auth.json",
    ".gemini/oauth_creds.json",
    ".local/share/opencode/auth.json",
    ".bash_history",
    ".zsh_history",
    ".python_history",
    ".local/share/fish/fish_history",
    ".pgpass",
    ".my.cnf",
    ".vnc",
    ".Xauthority",
    ".config/rightseat",
    ".local/state/rightseat",
    ".local/share/rightseat",
];
/// File systems whose clock is another machine's, by the numbers of statfs(2): NFS, CIFS, SMB2, FUSE, 9p, AFS, Ceph.
const OTHER_CLOCKS: [u64; 7] = [0x6969, 0xff53_4d42, 0xfe53_4d42, 0x6573_5546, 0x0102_1997, 0x5346_414f, 0x00c3_6400];

/// Checks what may change at any time: where the workspace is, and what is mounted in it. `shared` are the directories
/// of which every mount comes along.
///
/// # Errors
/// Why no layer can be made of this workspace.
pub(super) fn check(root: &Path, state: &Path, shared: &[PathBuf]) -> Result<(), NoLayer> {
    if state.starts_with(root) || root.starts_with(state.join("layers")) {
        let why = format!("the session's state {} is inside the workspace", state.display());
        return Err(NoLayer::new(why, "choose another --state-dir, outside of the workspace"));
    }
    let about = rustix::fs::statfs(root);
    let about = about.map_err(|errno| NoLayer::by_machine(format!("{}: {errno}", root.display())))?;
    let kind = u64::try_from(about.f_type).unwrap_or_default() & 0xffff_ffff;
    if OTHER_CLOCKS.contains(&kind) {
        return Err(NoLayer::new(
            format!("{} is on a network or FUSE file system: changes cannot be told apart by time", root.display()),
            "keep the project on a local file system",
        ));
    }
    let is_missed = |at: &PathBuf| at.starts_with(root) && at != root && !shared.iter().any(|one| at.starts_with(one));
    match mounted().into_iter().find(is_missed) {
        None => Ok(()),
        Some(at) => Err(NoLayer::new(
            format!("{} is a mount of its own inside the workspace, which a layer would not show", at.display()),
            format!("umount {}, or mount it outside of the workspace", shell_words::quote(&at.to_string_lossy())),
        )),
    }
}

/// The mount points of this machine. A list that cannot be read fails later, when the layer is entered.
fn mounted() -> Vec<PathBuf> {
    points().unwrap_or_default().into_iter().map(|(at, _)| at).collect()
}

fn is_real_directory(path: &Path) -> bool {
    path.symlink_metadata().is_ok_and(|about| about.is_dir())
}

/// What a command does to the ignored build folders of the workspace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BuildFolders {
    /// It changes the real ones.
    Shared,
    /// It sees them, and nothing that it does to them is kept.
    Covered,
}

/// The build folders of the workspace, at its top and one level below, that the command does not name. One that is
/// named may be deleted as a whole, which a mount point cannot be; so one that is a mount point already is shared
/// anyway.
pub(super) fn build_folders(root: &Path, rules: &Rules, line: &str) -> Vec<PathBuf> {
    let is_cleaned = line.split(|c: char| !c.is_alphanumeric()).any(|word| word.ends_with("clean"));
    let mut tops = vec![PathBuf::new()];
    let entries = std::fs::read_dir(root).into_iter().flatten().flatten();
    let below = entries.map(|entry| PathBuf::from(entry.file_name())).filter(|name| {
        is_real_directory(&root.join(name)) && !rules.leaves_out(name, true) && !name.starts_with(".git")
    });
    tops.extend(below.take(limits::LAYER_SHARED_LOOKED_MAX));
    let mounted = mounted();
    let all = tops.iter().flat_map(|top| BUILD_FOLDERS.iter().map(move |folder| top.join(folder)));
    let is_named =
        |path: &PathBuf| path.file_name().and_then(|name| name.to_str()).is_some_and(|name| line.contains(name));
    let fits = |path: &PathBuf| {
        (!is_cleaned && !is_named(path) || mounted.contains(&root.join(path)))
            && is_real_directory(&root.join(path))
            && rules.class(path, true) == crate::workspace::tree::Class::Ignored
    };
    all.filter(fits).take(limits::LAYER_SHARED_MAX).map(|path| root.join(path)).collect()
}

fn home() -> Option<PathBuf> {
    std::env::var_os("HOME").map(PathBuf::from).filter(|path| path.is_absolute() && path.parent().is_some())
}

/// Caches that a command can write to no effect.
pub(super) fn caches(root: &Path, state: &Path) -> Vec<PathBuf> {
    let below = home().into_iter().flat_map(|home| CACHES.iter().map(move |name| home.join(name)).collect::<Vec<_>>());
    let elsewhere = CACHE_VARIABLES.iter().filter_map(std::env::var_os).map(PathBuf::from);
    let mut found: Vec<PathBuf> = Vec::new();
    let mut all: Vec<PathBuf> = below.chain(elsewhere).filter_map(|path| path.canonicalize().ok()).collect();
    all.sort();
    for path in all {
        let is_apart = !state.starts_with(&path) && !path.starts_with(root) && !is_temporary(&path);
        if is_apart && path.is_dir() && found.iter().all(|other| !path.starts_with(other)) {
            found.push(path);
        }
    }
    found.truncate(limits::LAYER_CACHES_MAX);
    found
}

/// Directories of programs that the private `/tmp` would hide, to read only. One that holds the workspace or the state is
/// left out.
pub fn programs(root: &Path, state: &Path) -> Vec<Bind> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let all = std::env::split_paths(&path).filter_map(|dir| dir.canonicalize().ok());
    let is_needed = |dir: &PathBuf| {
        is_temporary(dir)
            && dir.is_dir()
            && [root, state].iter().all(|own| !own.starts_with(dir) && !dir.starts_with(own))
    };
    let mut found: Vec<PathBuf> = all.filter(is_needed).collect();
    found.sort();
    found.dedup();
    found.truncate(limits::LAYER_CACHES_MAX);
    found.into_iter().map(|dir| Bind { from: dir.clone(), at: dir, writable: false }).collect()
}

/// The private `/tmp` covers it.
fn is_temporary(path: &Path) -> bool {
    path.starts_with("/tmp") || path.starts_with("/var/tmp")
}

/// What is empty in the layer: secrets, and everything of rightseat's own.
pub(super) fn hidden(root: &Path, state: &Path, more: &[PathBuf]) -> Vec<PathBuf> {
    let below = home().into_iter().flat_map(|home| SECRETS.iter().map(move |name| home.join(name)).collect::<Vec<_>>());
    let runtime = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
    let all = below.chain(runtime).chain([state.to_owned()]).chain(more.iter().cloned());
    let real = all.filter_map(|path| path.canonicalize().ok());
    // The workspace itself stays, wherever it is.
    real.filter(|path| !path.starts_with(root) && path.parent().is_some()).collect()
}
