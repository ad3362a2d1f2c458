//! The test runner of a directory, found by looking at its files.

use crate::base::limits::{DETECT_FILE_BYTES_MAX, DETECT_FILES_MAX};
use crate::checks::detect::{ProjectView, Runner, Tools, WANTED, detect};
use crate::workspace::tree::{self, Node};
use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::Path;

/// The best runner, or why there is none. Nothing is run to find out.
pub fn runner_at(root: &Path) -> Result<Runner, String> {
    let nodes = tree::list(root).nodes;
    let files = nodes.iter().filter(|(_, node)| matches!(node, Node::File(_)));
    let paths: Vec<String> =
        files.filter_map(|(path, _)| path.to_str().map(str::to_owned)).take(DETECT_FILES_MAX).collect();
    let mut texts = BTreeMap::new();
    for name in WANTED {
        if let Some(text) = read(&root.join(name)) {
            texts.insert((*name).to_owned(), text);
        }
    }
    let tools = Tools { nextest: on_path("cargo-nextest"), pytest: on_path("pytest") || on_path("py.test") };
    let runners = detect(&ProjectView { paths, texts, tools }).map_err(|e| e.to_string())?;
    runners.into_iter().next().ok_or_else(|| "no test runner was recognised".to_owned())
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

/// Where a program is on PATH.
pub fn find_program(name: &str) -> Option<std::path::PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).map(|dir| dir.join(name)).find(|file| file.is_file())
}

fn on_path(name: &str) -> bool {
    find_program(name).is_some()
}
