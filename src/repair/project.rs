//! The parts of a project that trials need: sources, tests, and how to run them.
//!
//! Pure over a list of paths and a way to read them.

use super::operators::functions;
use super::runner::{self, Runner};
use super::scope::function_name;
use super::source::{Lang, Source};
use super::steer::Known;
use crate::checks;
use crate::syntax::Language;
use std::collections::BTreeMap;

/// A project: its texts by path, split into what may be changed and what tests it.
#[derive(Debug, Clone)]
pub struct Project {
    pub runner: Runner,
    /// Files that may be changed.
    pub sources: BTreeMap<String, String>,
    /// Test files and everything else that only tests use; never changed.
    pub tests: BTreeMap<String, String>,
    /// The rest that was read: manifests.
    pub others: BTreeMap<String, String>,
}

/// The reason that a project is not supported.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProjectError {
    #[error(
        "no test command that the repair agent supports: it supports cargo test, pytest, unittest, node --test, mocha, jest, vitest and go test"
    )]
    NoRunner,
    #[error("no {0} source files outside the tests")]
    NoSources(&'static str),
}

impl Project {
    /// Sorts the files and finds the runner. `command` is the detected test command line, if any.
    pub fn read(files: BTreeMap<String, String>, command: Option<&[String]>) -> Result<Self, ProjectError> {
        let runner = command
            .and_then(|c| runner::of_command(c, &files))
            .or_else(|| runner::of_files(&files))
            .ok_or(ProjectError::NoRunner)?;
        let wanted = |lang: Lang| match &runner {
            Runner::Unittest { .. } | Runner::Pytest { .. } => lang == Lang::Python,
            Runner::Node { .. } => lang == Lang::Script,
            Runner::Cargo { .. } => lang == Lang::Rust,
            Runner::Go => lang == Lang::Go,
        };
        let mut project =
            Self { runner: runner.clone(), sources: BTreeMap::new(), tests: BTreeMap::new(), others: BTreeMap::new() };
        for (path, text) in files {
            match Language::detect(&path, b"").and_then(Lang::of).filter(|l| wanted(*l)) {
                Some(_) if is_test_path(&path, &text) => project.tests.insert(path, text),
                Some(_) if is_config(&path) => project.others.insert(path, text),
                Some(_) => project.sources.insert(path, text),
                None => project.others.insert(path, text),
            };
        }
        if project.sources.is_empty() {
            return Err(ProjectError::NoSources(project.language()));
        }
        Ok(project)
    }

    /// The language in words.
    pub fn language(&self) -> &'static str {
        match self.runner {
            Runner::Unittest { .. } | Runner::Pytest { .. } => "Python",
            Runner::Node { .. } => "JavaScript or TypeScript",
            Runner::Cargo { .. } => "Rust",
            Runner::Go => "Go",
        }
    }

    /// Returns the sources with `overlay` applied, parsed.
    pub fn parsed(&self, overlay: &BTreeMap<String, String>) -> BTreeMap<String, Source> {
        self.sources
            .iter()
            .filter_map(|(path, text)| {
                let text = overlay.get(path).unwrap_or(text).clone();
                Source::parse(path, text).map(|s| (path.clone(), s))
            })
            .collect()
    }

    /// The names that the user's words may mean.
    pub fn known(&self) -> Known {
        let sources = self.parsed(&BTreeMap::new());
        let mut functions: Vec<String> =
            sources.values().flat_map(|s| functions(s).into_iter().map(|f| function_name(s, f))).collect();
        functions.sort();
        functions.dedup();
        Known { files: self.sources.keys().cloned().collect(), functions }
    }

    /// Returns whether its tests are built before they run.
    pub fn is_compiled(&self) -> bool {
        match self.runner {
            Runner::Cargo { .. } | Runner::Go => true,
            Runner::Unittest { .. } | Runner::Pytest { .. } | Runner::Node { .. } => false,
        }
    }

    /// The command line that a whole run uses, as people would type it.
    pub fn whole_command(&self) -> Vec<String> {
        let joined = |head: &[String], middle: &[&str], tail: &[String]| {
            head.iter().cloned().chain(middle.iter().map(|s| (*s).to_owned())).chain(tail.iter().cloned()).collect()
        };
        match &self.runner {
            Runner::Unittest { python, args } => joined(python, &["-m", "unittest"], args),
            Runner::Pytest { python, args } => joined(python, &["-m", "pytest", "-q"], args),
            Runner::Node { argv, apart: true, .. } => joined(argv, &[], &self.node_files()),
            Runner::Node { argv, .. } => argv.clone(),
            Runner::Cargo { args } => joined(&runner::words(&["cargo", "test"]), &[], args),
            Runner::Go => runner::words(&["go", "test", "./..."]),
        }
    }

    /// The test files a Node runner is given.
    pub fn node_files(&self) -> Vec<String> {
        let tests = |text: &str| ["test(", "it(", "describe("].iter().any(|call| text.contains(call));
        let is_entry = |(path, text): &(&String, &String)| is_entry_test(path) || tests(text);
        let named: Vec<String> = self.tests.iter().filter(is_entry).map(|(p, _)| p.clone()).collect();
        if named.is_empty() { self.tests.keys().cloned().collect() } else { named }
    }

    /// The path of the Go module.
    pub fn go_module(&self) -> Option<&str> {
        self.others.get("go.mod")?.lines().find_map(|l| l.trim().strip_prefix("module ")).map(str::trim)
    }

    /// Folders of Go packages that have tests.
    pub fn go_folders(&self) -> Vec<String> {
        let mut out: Vec<String> = self
            .tests
            .keys()
            .filter(|p| p.ends_with("_test.go"))
            .map(|p| p.rsplit_once('/').map_or_else(|| ".".to_owned(), |(dir, _)| dir.to_owned()))
            .collect();
        out.sort();
        out.dedup();
        out
    }
}

/// Returns whether a file only tests: by its name, its directory, or because it contains only tests.
pub fn is_test_path(path: &str, text: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    let stem = name.split('.').next().unwrap_or(name);
    let in_folder = path.split('/').rev().skip(1).any(|d| {
        matches!(d, "tests" | "test" | "__tests__" | "spec" | "testdata" | "fixtures" | "benches" | "examples")
    });
    in_folder
        || checks::recognise(path).is_guarded()
        || is_entry_test(path)
        || stem == "conftest"
        || stem == "tests"
        || (stem == "test" && !text.is_empty())
}

/// Returns whether a file is one that a runner starts, by its name.
fn is_entry_test(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    let stem = name.split('.').next().unwrap_or(name);
    name.ends_with("_test.go")
        || name.contains(".test.")
        || name.contains(".spec.")
        || stem.starts_with("test_")
        || stem.starts_with("test-")
        || stem.ends_with("_test")
        || stem.ends_with("-test")
        || stem.ends_with("_tests")
        || stem == "test"
        || stem == "tests"
}

/// Settings written in a programming language.
fn is_config(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.contains(".config.")
        || name.starts_with('.')
        || matches!(name, "setup.py" | "build.rs" | "noxfile.py" | "gulpfile.js" | "Gruntfile.js")
}
