//! The surroundings of a command: its environment, and its program.

use super::Spec;
use crate::model::Command;
use crate::workspace::root::{PathRefusal, Root};
use std::ffi::{OsStr, OsString};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

/// Names that are inherited. No tokens, no agents' sockets: what is not here has to be asked for,
/// and is then part of what is approved.
const INHERITED: &[&str] = &[
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "SHELL",
    "LANG",
    "LANGUAGE",
    "TZ",
    "TMPDIR",
    "XDG_CACHE_HOME",
    "XDG_CONFIG_HOME",
    "XDG_DATA_HOME",
    "CARGO_HOME",
    "RUSTUP_HOME",
    "RUSTUP_TOOLCHAIN",
    "GOPATH",
    "GOROOT",
    "GOCACHE",
    "GOMODCACHE",
    "GOTOOLCHAIN",
    "GOPROXY",
    "PYENV_ROOT",
    "PYENV_VERSION",
    "VIRTUAL_ENV",
    "CONDA_PREFIX",
    "NVM_DIR",
    "NVM_BIN",
    "VOLTA_HOME",
    "FNM_DIR",
    "BUN_INSTALL",
    "DENO_DIR",
    "PNPM_HOME",
    "COREPACK_HOME",
    "JAVA_HOME",
    "GRADLE_USER_HOME",
    "ANDROID_HOME",
    "GEM_HOME",
    "RBENV_ROOT",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "NODE_EXTRA_CA_CERTS",
    "PKG_CONFIG_PATH",
    "LD_LIBRARY_PATH",
    "NIX_PROFILES",
    "NIX_SSL_CERT_FILE",
];

/// Set for every command: nothing asks, pages or paints.
const SET: &[(&str, &str)] = &[("TERM", "dumb"), ("PAGER", "cat"), ("GIT_PAGER", "cat"), ("GIT_TERMINAL_PROMPT", "0")];

/// The environment of a command: the inherited allow-list, `pass` by name, then `extra`.
pub fn environment(pass: &[String], extra: &[(String, String)]) -> Vec<(OsString, OsString)> {
    let inherited = |name: &OsStr| {
        name.to_str().is_some_and(|name| {
            INHERITED.contains(&name) || name.starts_with("LC_") || pass.iter().any(|passed| passed == name)
        })
    };
    let mut environment: Vec<(OsString, OsString)> = std::env::vars_os().filter(|(name, _)| inherited(name)).collect();
    let set = SET.iter().map(|(name, value)| (OsString::from(name), OsString::from(value)));
    let extra = extra.iter().map(|(name, value)| (OsString::from(name), OsString::from(value)));
    environment.extend(set.filter(|(name, _)| !pass.iter().any(|passed| name == passed.as_str())));
    environment.extend(extra);
    environment
}

/// Prepares a command line of the model for a start in the workspace or candidate at `root`.
///
/// # Errors
/// When its working directory is not a directory inside.
pub fn prepare(root: &Root, command: &Command, extra: &[(String, String)]) -> Result<Spec, PathRefusal> {
    let cwd = root.directory(Path::new(&command.cwd))?;
    let all: Vec<(String, String)> = command.env.iter().chain(extra).cloned().collect();
    let argv = command.spawn_argv().into_iter().map(OsString::from).collect();
    Ok(Spec { argv, cwd, environment: environment(&[], &all), piped_stdin: false, merged: false })
}

/// Says in words that the program of `spec` does not exist, if so.
pub fn missing(spec: &Spec) -> Option<String> {
    let Some(program) = spec.argv.first() else { return Some("the command is empty".to_owned()) };
    match find_program(program, &spec.cwd, path_of(spec)) {
        Some(_) => None,
        None => Some(format!(
            "the program {} was not found on PATH or at that path; install it or use another",
            program.display()
        )),
    }
}

/// The file of the program of `spec`.
pub fn program_of(spec: &Spec) -> Option<PathBuf> {
    find_program(spec.argv.first()?, &spec.cwd, path_of(spec))
}

/// The `PATH` of a command: the last one wins.
fn path_of(spec: &Spec) -> &OsStr {
    let found = spec.environment.iter().rev().find(|(name, _)| name == "PATH");
    found.map_or(OsStr::new(""), |(_, path)| path)
}

/// Returns whether the program of `spec` is a bare name that `PATH` finds outside of `root`, before it names a relative
/// directory or one in `root`: no file of the workspace can take its place.
pub fn is_outside(root: &Path, spec: &Spec) -> bool {
    let Some(program) = spec.argv.first() else { return false };
    let is_inside =
        |path: &Path| path.starts_with(root) || path.canonicalize().is_ok_and(|real| real.starts_with(root));
    let path = std::env::split_paths(path_of(spec)).take_while(|dir| dir.is_absolute() && !is_inside(dir));
    let Ok(path) = std::env::join_paths(path) else { return false };
    let is_bare = !program.to_string_lossy().contains('/');
    is_bare && find_program(program, &spec.cwd, &path).is_some_and(|file| !is_inside(&file))
}

/// The file that `program` names for a command in `cwd` with this `PATH`; `None` when there is none
/// that can be executed.
pub fn find_program(program: &OsStr, cwd: &Path, path: &OsStr) -> Option<PathBuf> {
    let executable = |file: &Path| {
        std::fs::metadata(file).is_ok_and(|about| about.is_file() && about.permissions().mode() & 0o111 != 0)
    };
    if program.is_empty() {
        return None;
    }
    if program.to_string_lossy().contains('/') {
        return Some(cwd.join(program)).filter(|file| executable(file));
    }
    std::env::split_paths(path).map(|dir| cwd.join(dir).join(program)).find(|file| executable(file))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_outside_where_no_file_of_the_workspace_can_take_its_place() {
        let dir = tempfile::tempdir().unwrap();
        let base = dir.path().canonicalize().unwrap();
        let (root, bin, links) = (base.join("ws"), base.join("bin"), base.join("links"));
        for place in [&root, &bin, &links] {
            std::fs::create_dir(place).unwrap();
        }
        for tool in [root.join("tool"), bin.join("tool")] {
            std::fs::write(&tool, "").unwrap();
            std::fs::set_permissions(&tool, std::fs::Permissions::from_mode(0o755)).unwrap();
        }
        std::os::unix::fs::symlink(root.join("tool"), links.join("tool")).unwrap();
        let is = |program: &str, path: &str| {
            let path = path.replace("BASE", base.to_str().unwrap());
            let environment = vec![("PATH".into(), OsString::from(path))];
            let (argv, cwd) = (vec![OsString::from(program)], root.clone());
            is_outside(&root, &Spec { argv, cwd, environment, piped_stdin: false, merged: false })
        };
        assert!(is("tool", "BASE/bin") && is("tool", "BASE/none:BASE/bin:BASE/ws"));
        for path in
            ["BASE/ws", "BASE/ws:BASE/bin", ".:BASE/bin", ":BASE/bin", "BASE/ws/none:BASE/bin", "BASE/links", ""]
        {
            assert!(!is("tool", path), "{path}");
        }
        assert!(!is("./tool", "BASE/bin") && !is("/bin/sh", "BASE/bin") && !is("none", "BASE/bin"));
    }

    #[test]
    fn only_listed_names_are_inherited_and_the_rest_is_set() {
        let environment = environment(&["CARGO_MANIFEST_DIR".into()], &[("RIGHTSEAT_X".into(), "1".into())]);
        let names: Vec<&str> = environment.iter().filter_map(|(name, _)| name.to_str()).collect();
        for present in ["PATH", "CARGO_MANIFEST_DIR", "RIGHTSEAT_X", "TERM", "GIT_TERMINAL_PROMPT"] {
            assert!(names.contains(&present), "{present}");
        }
        assert!(!names.contains(&"CARGO_PKG_NAME"), "cargo sets it for this test; it is not on the list");
    }

    #[test]
    fn programs_are_found_as_exec_finds_them() {
        let dir = tempfile::tempdir().unwrap();
        let check = |program: &str, expect: Option<&str>| {
            let found = find_program(program.as_ref(), dir.path(), "/nowhere:bin:/usr/bin:/bin".as_ref());
            assert_eq!(found, expect.map(|name| dir.path().join(name)), "{program}");
        };
        std::fs::create_dir(dir.path().join("bin")).unwrap();
        for (name, mode) in [("bin/tool", 0o755), ("bin/text", 0o644)] {
            std::fs::write(dir.path().join(name), "").unwrap();
            std::fs::set_permissions(dir.path().join(name), std::fs::Permissions::from_mode(mode)).unwrap();
        }
        check("tool", Some("bin/tool"));
        check("./bin/tool", Some("./bin/tool"));
        check("text", None);
        check("bin", None);
        check("", None);
        check("no-such-program-anywhere", None);
        assert!(find_program("sh".as_ref(), dir.path(), "/usr/bin:/bin".as_ref()).is_some());
    }
}
