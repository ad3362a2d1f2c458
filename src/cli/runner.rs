//! The test runner of a directory, found by looking at its files.

use crate::checks::detect::{ProjectView, Pytest, Runner, Tools, WANTED, detect};
use crate::cli::limits::{DETECT_FILE_BYTES_MAX, DETECT_FILES_MAX, SHEBANG_BYTES_MAX};
use crate::workspace::tree::{self, Rules};
use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Command, Stdio};

/// Returns the visible facts about a project: its files, and the installed tools.
pub fn view(root: &Path) -> ProjectView {
    let files = tree::files(root, &Rules::read(root), Path::new(""), DETECT_FILES_MAX);
    let paths: Vec<String> = files.iter().filter_map(|path| path.to_str().map(str::to_owned)).collect();
    let mut texts = BTreeMap::new();
    for name in WANTED {
        if let Some(text) = read(&root.join(name)) {
            texts.insert((*name).to_owned(), text);
        }
    }
    let is_python = paths.iter().any(|path| path.ends_with(".py"));
    let pytest = if is_python { pytest(root) } else { Pytest::Missing };
    ProjectView { paths, texts, tools: Tools { nextest: on_path("cargo-nextest"), pytest } }
}

/// The best runner, or why there is none.
pub fn runner_at(root: &Path) -> Result<Runner, String> {
    best(&view(root))
}

/// The best runner of what was seen, or why there is none.
pub fn best(project: &ProjectView) -> Result<Runner, String> {
    let runners = detect(project).map_err(|e| e.to_string())?;
    runners.into_iter().next().ok_or_else(|| "no test runner was recognized".to_owned())
}

/// Returns how pytest can be started here. `python3` itself is asked whether it can import it, from a directory that
/// holds no code; a Python inside the project is not started.
fn pytest(root: &Path) -> Pytest {
    let program = |name: &str| find_program(name).filter(|file| !file.starts_with(root));
    let asks = |python: &Path| {
        let mut command = Command::new(python);
        command.args(["-c", "import importlib.util, sys; sys.exit(importlib.util.find_spec('pytest') is None)"]);
        let quiet = command.current_dir("/").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        quiet.status().is_ok_and(|status| status.success())
    };
    if program("python3").is_some_and(|python| asks(&python)) {
        return Pytest::Module;
    }
    // A script that its own Python reads, as pipx and uv install it.
    let first_line = |file: &Path| {
        let mut line = String::new();
        BufReader::new(std::fs::File::open(file).ok()?.take(SHEBANG_BYTES_MAX)).read_line(&mut line).ok()?;
        Some(line)
    };
    let is_script =
        |file: &Path| first_line(file).is_some_and(|line| line.starts_with("#!") && line.contains("python"));
    if program("pytest").is_some_and(|file| is_script(&file)) { Pytest::Program } else { Pytest::Missing }
}

/// The argument lists that rules take for the project's tests.
pub fn tests_at(root: &Path) -> Vec<Vec<String>> {
    let Ok(runner) = runner_at(root) else { return Vec::new() };
    let machine = runner.machine.map(|m| m.argv);
    std::iter::once(runner.argv).chain(machine).collect()
}

fn read(path: &Path) -> Option<String> {
    let meta = std::fs::symlink_metadata(path).ok().filter(std::fs::Metadata::is_file)?;
    if meta.len() > DETECT_FILE_BYTES_MAX {
        return None;
    }
    let mut text = String::new();
    std::fs::File::open(path).ok()?.take(DETECT_FILE_BYTES_MAX).read_to_string(&mut text).ok()?;
    Some(text)
}

/// Returns the path of a program on PATH.
pub fn find_program(name: &str) -> Option<std::path::PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).map(|dir| dir.join(name)).find(|file| file.is_file())
}

fn on_path(name: &str) -> bool {
    find_program(name).is_some()
}
