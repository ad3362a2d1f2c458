//! Finds installed agents: on PATH, where npm and the Python tool installers put programs, and in the caches of npx and
//! uvx. Reads only file names; nothing is run.

use super::AgentSpec;
use std::path::{Path, PathBuf};

/// The places to search. Taken from the environment by the command line, made up by tests.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    /// The directories of PATH, in order.
    pub path: Vec<PathBuf>,
    pub home: Option<PathBuf>,
    /// `npm_config_prefix`, `PIPX_BIN_DIR`, `UV_TOOL_BIN_DIR`, when set.
    pub extra: Vec<PathBuf>,
    /// The workspace: its `node_modules/.bin` is reported, never preferred, because the agent could have put it there.
    pub workspace: Option<PathBuf>,
}

/// The place where an agent was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FoundIn {
    Path,
    /// A directory of npm, uv, pipx or cargo that PATH lacks.
    Installer,
    /// A copy that npx keeps.
    Npx,
    /// A copy that uvx keeps.
    Uvx,
    /// In the workspace itself; it is not started without being named.
    Workspace,
}

/// One agent of the catalog on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    pub place: FoundIn,
    pub program: PathBuf,
}

impl Found {
    /// Returns whether it may be selected automatically.
    pub fn is_trusted(&self) -> bool {
        self.place != FoundIn::Workspace
    }
}

/// Returns the path of this agent's program, best place first; `None` when it was not found.
pub fn discover(spec: &AgentSpec, around: &Surroundings) -> Option<Found> {
    let program = Path::new(spec.command.first()?);
    if program.is_absolute() {
        return is_program(program).then(|| Found { place: FoundIn::Path, program: program.to_owned() });
    }
    let name = program.file_name()?;
    let at = |place: FoundIn, dirs: Vec<PathBuf>| {
        let program = dirs.into_iter().map(|dir| dir.join(name)).find(|program| is_program(program))?;
        Some(Found { place, program })
    };
    let inside = |dir: &PathBuf| around.workspace.as_ref().is_some_and(|w| dir.starts_with(w));
    at(FoundIn::Path, around.path.iter().filter(|dir| dir.is_absolute() && !inside(dir)).cloned().collect())
        .or_else(|| at(FoundIn::Installer, installers(around)))
        .or_else(|| at(FoundIn::Npx, cached(around, &[".npm", "_npx"], &["node_modules", ".bin"])))
        .or_else(|| at(FoundIn::Uvx, uvx(around)))
        .or_else(|| at(FoundIn::Workspace, around.workspace.iter().map(|w| w.join("node_modules/.bin")).collect()))
}

/// `bin` directories of npm prefixes, `uv tool`, pipx, bun, pnpm, volta and cargo.
fn installers(around: &Surroundings) -> Vec<PathBuf> {
    let mut dirs = around.extra.clone();
    if let Some(home) = &around.home {
        let below = [
            ".local/bin",
            ".npm-global/bin",
            ".npm-packages/bin",
            ".bun/bin",
            ".local/share/pnpm",
            ".volta/bin",
            ".cargo/bin",
            ".opencode/bin",
            ".local/share/mise/shims",
            ".asdf/shims",
        ];
        dirs.extend(below.iter().map(|dir| home.join(dir)));
        let mut versions = subdirs(&home.join(".nvm/versions/node"));
        versions.sort();
        dirs.extend(versions.into_iter().rev().map(|v| v.join("bin")));
    }
    dirs.extend(["/usr/local/bin", "/opt/homebrew/bin", "/usr/local/lib/npm/bin"].map(PathBuf::from));
    dirs
}

fn uvx(around: &Surroundings) -> Vec<PathBuf> {
    let mut dirs = cached(around, &[".local", "share", "uv", "tools"], &["bin"]);
    dirs.extend(cached(around, &[".local", "share", "pipx", "venvs"], &["bin"]));
    dirs.extend(cached(around, &[".local", "pipx", "venvs"], &["bin"]));
    dirs.extend(cached(around, &[".cache", "uv", "archive-v0"], &["bin"]));
    dirs
}

/// `home/above/*/below`.
fn cached(around: &Surroundings, above: &[&str], below: &[&str]) -> Vec<PathBuf> {
    let Some(home) = &around.home else { return Vec::new() };
    let root: PathBuf = home.join(above.iter().collect::<PathBuf>());
    subdirs(&root).into_iter().map(|dir| dir.join(below.iter().collect::<PathBuf>())).collect()
}

fn subdirs(dir: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> =
        std::fs::read_dir(dir).into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path())).take(4096).collect();
    found.sort();
    found
}

fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(path).is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn put(path: &Path) {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, "#!/bin/sh\n").unwrap();
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }

    #[test]
    fn every_place_is_looked_at_and_the_workspace_last() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        let around = Surroundings {
            path: vec![root.join("w/node_modules/.bin"), root.join("bin")],
            home: Some(root.join("home")),
            extra: Vec::new(),
            workspace: Some(root.join("w")),
        };
        let spec = AgentSpec { command: vec!["zz-agent".into()], ..AgentSpec::default() };
        let place = || discover(&spec, &around).map(|f| f.place);
        assert_eq!(place(), None);
        for (file, expect) in [
            ("w/node_modules/.bin/zz-agent", FoundIn::Workspace),
            ("home/.cache/uv/archive-v0/abc/bin/zz-agent", FoundIn::Uvx),
            ("home/.npm/_npx/0f/node_modules/.bin/zz-agent", FoundIn::Npx),
            ("home/.local/bin/zz-agent", FoundIn::Installer),
            ("bin/zz-agent", FoundIn::Path),
        ] {
            put(&root.join(file));
            assert_eq!(place(), Some(expect), "{file}");
        }
        assert!(!Found { place: FoundIn::Workspace, program: PathBuf::new() }.is_trusted());
    }

    #[test]
    fn a_file_that_cannot_run_is_no_program() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("zz"), "").unwrap();
        let around = Surroundings { path: vec![dir.path().to_owned()], ..Surroundings::default() };
        let spec = AgentSpec { command: vec!["zz".into()], ..AgentSpec::default() };
        assert_eq!(discover(&spec, &around), None);
    }
}
