//! The test runner of a project: how to run all of it or some cases, and how to read its output.
//!
//! Pure: the caller lists the files and reads the few named in [`WANTED`]. One family of runners a file.

mod command;
mod go;
mod java;
mod javascript;
mod make;
mod others;
mod python;
mod rust;
mod tap;

pub use command::format_of;
pub use javascript::script;

use crate::checks::parsers::ParserKind;
use crate::model::check::CaseReport;
use std::collections::BTreeMap;
use thiserror::Error;

/// The files whose text [`detect`] reads, relative to the project.
pub const WANTED: &[&str] = &[
    "CMakeLists.txt",
    "Cargo.toml",
    "Gemfile",
    "Makefile",
    "GNUmakefile",
    "go.mod",
    "package.json",
    "pyproject.toml",
    "pytest.ini",
    "setup.cfg",
    "tox.ini",
];

/// The tools that can be started, as far as the caller knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tools {
    /// `cargo nextest` runs.
    pub nextest: bool,
    pub pytest: Pytest,
}

/// The way to start pytest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pytest {
    #[default]
    Missing,
    /// As a module of `python3`.
    Module,
    /// By its own name only: it is installed for another Python.
    Program,
}

/// The known facts about a project.
#[derive(Clone, Debug, Default)]
pub struct ProjectView {
    /// Paths of its files, relative, with `/`, without what it ignores.
    pub paths: Vec<String>,
    /// The text of those [`WANTED`] files that are there.
    pub texts: BTreeMap<String, String>,
    pub tools: Tools,
}

/// The tool behind a [`Runner`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Tool {
    Cargo,
    Nextest,
    Pytest,
    Unittest,
    Jest,
    Vitest,
    Mocha,
    NodeTest,
    Go,
    Prove,
    Bats,
    Maven,
    Gradle,
    Rspec,
    Phpunit,
    Ctest,
    Dotnet,
    Tox,
    Nox,
    Make,
    /// An unknown `test` script of `package.json`.
    Script,
}

/// The same run with a report that needs no guessing; nothing has to be installed for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Machine {
    pub argv: Vec<String>,
    pub parser: ParserKind,
    /// Files to read instead of the output, as a glob relative to the project.
    pub files: Option<String>,
}

/// A way to run a project's tests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Runner {
    pub tool: Tool,
    pub argv: Vec<String>,
    pub parser: ParserKind,
    /// The reports are in files that match this glob, not in the output.
    pub junit_files: Option<String>,
    /// Set in addition to the environment of every command.
    pub env: Vec<(String, String)>,
    pub machine: Option<Machine>,
    /// The module path, for [`ProjectRoot`](crate::checks::ProjectRoot).
    pub go_module: Option<String>,
    /// 0 to 100.
    pub confidence: u8,
    /// The reason for it, in words.
    pub why: String,
}

/// The reason that there is no runner.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum NoRunner {
    /// The project's kind is known, but nothing looks like a test.
    #[error("no tests found: {0}")]
    NoTests(String),
    /// Nothing in the project says how its tests are run.
    #[error(
        "no test runner recognized; looked for Cargo.toml, pyproject.toml or test_*.py, package.json, go.mod, t/*.t, *.bats, *_spec.rb, *Test.php, CMakeLists.txt, a .NET test project, pom.xml, build.gradle and a Makefile with a test target; set checks.command in config.toml"
    )]
    Unknown,
}

/// The runners of a project, the most likely first.
///
/// # Errors
/// [`NoRunner`] says whether tests or the runner are missing.
pub fn detect(project: &ProjectView) -> Result<Vec<Runner>, NoRunner> {
    type Family = fn(&ProjectView, &mut Vec<Runner>) -> Option<String>;
    const FAMILIES: &[Family] = &[
        rust::detect,
        go::detect,
        python::detect,
        javascript::detect,
        java::detect,
        tap::detect,
        others::detect,
        make::detect,
    ];
    let mut runners = Vec::new();
    let mut missing = Vec::new();
    for family in FAMILIES {
        missing.extend(family(project, &mut runners));
    }
    runners.sort_by_key(|r| std::cmp::Reverse(r.confidence));
    match (runners.is_empty(), missing.is_empty()) {
        (false, _) => Ok(runners),
        (true, false) => Err(NoRunner::NoTests(missing.join("; "))),
        (true, true) => Err(NoRunner::Unknown),
    }
}

impl Runner {
    fn new(tool: Tool, argv: &[&str], parser: ParserKind, confidence: u8, why: impl Into<String>) -> Self {
        Self {
            tool,
            argv: words(argv),
            parser,
            junit_files: None,
            env: Vec::new(),
            machine: None,
            go_module: None,
            confidence,
            why: why.into(),
        }
    }

    /// As it is started: with a report that needs no guessing, where the output itself can be one.
    pub fn started(self) -> Self {
        match self.machine {
            Some(Machine { argv, parser, files: None }) => Self { argv, parser, machine: None, ..self },
            Some(_) | None => self,
        }
    }

    fn with_env(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    fn with_machine(mut self, argv: Vec<String>, parser: ParserKind) -> Self {
        self.machine = Some(Machine { argv, parser, files: None });
        self
    }

    /// The command that runs these cases, as reported by this runner's parser, and as few others as the tool
    /// allows. Tools that cannot select run everything, and so does an id that the runner would take for an option.
    pub fn argv_for(&self, cases: &[CaseReport]) -> Vec<String> {
        let is_option =
            |case: &CaseReport| [&case.case].into_iter().chain(&case.suite).any(|word| word.starts_with('-'));
        if cases.is_empty() || cases.iter().any(is_option) {
            return self.argv.clone();
        }
        match self.tool {
            Tool::Cargo => rust::cargo_for(self, cases),
            Tool::Nextest => rust::nextest_for(self, cases),
            Tool::Pytest => python::pytest_for(self, cases),
            Tool::Unittest => python::unittest_for(self, cases),
            Tool::Go => go::go_for(self, cases),
            Tool::Jest | Tool::Vitest | Tool::Mocha | Tool::NodeTest => javascript::some_for(self, cases),
            Tool::Maven | Tool::Gradle => java::some_for(self, cases),
            Tool::Prove | Tool::Bats => tap::some_for(self, cases),
            Tool::Rspec | Tool::Phpunit | Tool::Ctest | Tool::Dotnet => others::some_for(self, cases),
            Tool::Tox | Tool::Nox | Tool::Make | Tool::Script => self.argv.clone(),
        }
    }
}

impl ProjectView {
    fn has(&self, path: &str) -> bool {
        self.paths.iter().any(|p| p == path)
    }

    fn text(&self, path: &str) -> &str {
        self.texts.get(path).map_or("", String::as_str)
    }

    /// The paths whose file name fits.
    fn named<'a>(&'a self, fits: impl Fn(&str) -> bool + 'a) -> impl Iterator<Item = &'a str> {
        self.paths.iter().map(String::as_str).filter(move |p| fits(file_name(p)))
    }
}

fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

fn words(argv: &[&str]) -> Vec<String> {
    argv.iter().map(|w| (*w).to_owned()).collect()
}

/// Escapes what is special in the regular expressions of Go, JavaScript and bats.
fn regex_escaped(text: &str) -> String {
    regex::escape(text)
        .replace("\\#", "#")
        .replace("\\ ", " ")
        .replace("\\-", "-")
        .replace("\\&", "&")
        .replace("\\~", "~")
}

/// Values in order, each once.
fn distinct(values: impl IntoIterator<Item = String>) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    for value in values {
        if !out.contains(&value) {
            out.push(value);
        }
    }
    out
}

#[cfg(test)]
mod tests;
