//! What sort of project this is, as far as trying changes needs it: sources, tests, and how to run them.
//!
//! Pure over a list of paths and a way to read them.

use std::collections::BTreeMap;

use super::source::Lang;

/// How the tests of a project are run for trials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Runner {
    /// `python -m unittest` with these arguments.
    Unittest { python: Vec<String>, args: Vec<String> },
    /// `pytest` with these arguments.
    Pytest { python: Vec<String>, args: Vec<String> },
    /// A Node program that prints TAP (or ends with a status), per test file or all at once.
    Node { argv: Vec<String>, format: NodeFormat, apart: bool },
    /// `cargo test` with these arguments.
    Cargo { args: Vec<String> },
    /// `go test` over these package folders.
    Go,
}

/// What a Node runner prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NodeFormat {
    Tap,
    Jest,
}

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

/// Why a project cannot be worked on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProjectError {
    #[error(
        "no test command that the repair agent can drive: it knows cargo test, pytest, unittest, node --test, mocha, jest, vitest and go test"
    )]
    NoRunner,
    #[error("no {0} source files outside the tests")]
    NoSources(&'static str),
}

impl Project {
    /// Sorts the files and finds the runner. `command` is the detected test command line, if any.
    pub fn read(files: BTreeMap<String, String>, command: Option<&[String]>) -> Result<Self, ProjectError> {
        let runner = command
            .and_then(|c| runner_of_command(c, &files))
            .or_else(|| guess(&files))
            .ok_or(ProjectError::NoRunner)?;
        let wanted = |lang: Lang| match &runner {
            Runner::Unittest { .. } | Runner::Pytest { .. } => lang == Lang::Python,
            Runner::Node { .. } => lang.is_script(),
            Runner::Cargo { .. } => lang == Lang::Rust,
            Runner::Go => lang == Lang::Go,
        };
        let mut project =
            Self { runner: runner.clone(), sources: BTreeMap::new(), tests: BTreeMap::new(), others: BTreeMap::new() };
        for (path, text) in files {
            match Lang::of_path(&path).filter(|l| wanted(*l)) {
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

    /// The command line that a whole run uses, as people would type it.
    pub fn whole_command(&self) -> Vec<String> {
        let joined = |head: &[String], middle: &[&str], tail: &[String]| {
            head.iter().cloned().chain(middle.iter().map(|s| (*s).to_owned())).chain(tail.iter().cloned()).collect()
        };
        match &self.runner {
            Runner::Unittest { python, args } => joined(python, &["-m", "unittest"], args),
            Runner::Pytest { python, args } => joined(python, &["-m", "pytest", "-q"], args),
            Runner::Node { argv, .. } => joined(argv, &[], &self.node_files()),
            Runner::Cargo { args } => joined(&["cargo".to_owned(), "test".to_owned()], &[], args),
            Runner::Go => ["go", "test", "./..."].iter().map(|s| (*s).to_owned()).collect(),
        }
    }

    /// The test files a Node runner is given.
    pub fn node_files(&self) -> Vec<String> {
        let named: Vec<String> = self.tests.keys().filter(|p| is_entry_test(p)).cloned().collect();
        if named.is_empty() { self.tests.keys().cloned().collect() } else { named }
    }

    /// Folders of Go packages that have tests.
    pub fn go_folders(&self) -> Vec<String> {
        let mut out: Vec<String> = self
            .tests
            .keys()
            .filter(|p| p.ends_with("_test.go"))
            .map(|p| p.rsplit_once('/').map_or_else(|| ".".to_owned(), |(dir, _)| dir.to_owned()))
            .collect();
        out.dedup();
        out
    }
}

fn words(line: &str) -> Vec<String> {
    shell_words::split(line).unwrap_or_else(|_| line.split_whitespace().map(str::to_owned).collect())
}

fn strings(list: &[&str]) -> Vec<String> {
    list.iter().map(|s| (*s).to_owned()).collect()
}

fn runner_of_command(command: &[String], files: &BTreeMap<String, String>) -> Option<Runner> {
    let at = |word: &str| command.iter().position(|w| w == word || w.ends_with(&format!("/{word}")));
    let after = |i: usize| command.get(i + 1..).unwrap_or_default().to_vec();
    let program = command.first().map(|p| p.rsplit('/').next().unwrap_or(p).to_owned())?;
    if let Some(i) = at("unittest") {
        return Some(Runner::Unittest {
            python: command.get(..i.saturating_sub(1)).unwrap_or_default().to_vec(),
            args: positional_or_discover(after(i)),
        });
    }
    if let Some(i) = at("pytest").or_else(|| at("py.test")) {
        let is_module = i > 0 && command.get(i - 1).is_some_and(|w| w == "-m");
        let head = command.get(..if is_module { i - 1 } else { i }).unwrap_or_default().to_vec();
        let python = if head.is_empty() {
            python_of(command.get(i))
        } else if is_module {
            head
        } else {
            head.into_iter().chain(["python".to_owned()]).collect()
        };
        return Some(Runner::Pytest { python, args: after(i).into_iter().filter(|a| !a.starts_with('-')).collect() });
    }
    if program.starts_with("python") {
        let script = command.get(1).filter(|s| s.ends_with(".py"))?;
        return Some(Runner::Unittest { python: command.get(..1)?.to_vec(), args: vec![script.clone()] });
    }
    match program.as_str() {
        "cargo" => {
            let args = after(at("test").or_else(|| at("run"))?);
            Some(Runner::Cargo { args: args.into_iter().take_while(|a| a != "--").collect() })
        }
        "go" => Some(Runner::Go),
        "node" | "npm" | "npx" | "yarn" | "pnpm" | "bun" => node(command, files),
        "jest" | "vitest" | "mocha" => {
            node(&["npx".to_owned()].into_iter().chain(command.iter().cloned()).collect::<Vec<_>>(), files)
        }
        _ => None,
    }
}

/// The interpreter beside a `pytest` given by its path, else the usual one.
fn python_of(pytest: Option<&String>) -> Vec<String> {
    let beside = pytest.and_then(|p| p.rsplit_once('/')).map(|(dir, _)| format!("{dir}/python"));
    vec![beside.unwrap_or_else(|| "python3".to_owned())]
}

fn positional_or_discover(args: Vec<String>) -> Vec<String> {
    args.into_iter().filter(|a| !matches!(a.as_str(), "-v" | "--verbose" | "-q" | "--quiet" | "-b" | "-f")).collect()
}

fn node(command: &[String], files: &BTreeMap<String, String>) -> Option<Runner> {
    let program = command.first()?;
    let script_line;
    let mut line: Vec<String> = command.to_vec();
    let is_package_script =
        matches!(program.as_str(), "npm" | "yarn" | "pnpm" | "bun") && command.iter().any(|w| w == "test" || w == "t");
    if is_package_script {
        script_line = package_script(files)?;
        line = words(&script_line);
    }
    if line.first().is_some_and(|w| w == "npx") {
        line.remove(0);
    }
    let tool = line.first()?.rsplit('/').next()?.to_owned();
    let local = |tool: &str, rest: &[&str]| {
        strings(&["node"])
            .into_iter()
            .chain([format!("node_modules/.bin/{tool}")])
            .chain(strings(rest))
            .collect::<Vec<_>>()
    };
    match tool.as_str() {
        "node" | "tsx" => {
            let mut argv = strings(if tool == "tsx" { &["node", "--import", "tsx"] } else { &["node"] });
            let mut rest = line.into_iter().skip(1);
            let mut is_runner = false;
            while let Some(word) = rest.next() {
                if word == "--test" {
                    is_runner = true;
                } else if matches!(word.as_str(), "--import" | "--require" | "-r" | "--loader") {
                    argv.push(word);
                    argv.extend(rest.next());
                } else if word.starts_with("--test-") {
                    continue;
                } else if word.starts_with("--") {
                    argv.push(word);
                }
            }
            let uses_runner = is_runner || files.iter().any(|(p, t)| is_test_path(p, t) && t.contains("node:test"));
            if uses_runner {
                argv.push("--test-reporter=tap".to_owned());
            }
            Some(Runner::Node { argv, format: NodeFormat::Tap, apart: true })
        }
        "mocha" => {
            Some(Runner::Node { argv: local("mocha", &["--reporter", "tap"]), format: NodeFormat::Tap, apart: false })
        }
        "jest" => {
            Some(Runner::Node { argv: local("jest", &["--json", "--silent"]), format: NodeFormat::Jest, apart: false })
        }
        "vitest" => Some(Runner::Node {
            argv: local("vitest", &["run", "--reporter=json"]),
            format: NodeFormat::Jest,
            apart: false,
        }),
        _ => None,
    }
}

fn package_script(files: &BTreeMap<String, String>) -> Option<String> {
    let manifest: serde_json::Value = serde_json::from_str(files.get("package.json")?).ok()?;
    manifest.get("scripts")?.get("test")?.as_str().map(str::to_owned)
}

/// A runner from the files alone.
fn guess(files: &BTreeMap<String, String>) -> Option<Runner> {
    if files.contains_key("Cargo.toml") {
        return Some(Runner::Cargo { args: Vec::new() });
    }
    if files.contains_key("go.mod") {
        return Some(Runner::Go);
    }
    let tests = |ext: &[&str]| {
        files
            .iter()
            .filter(|(p, t)| ext.iter().any(|e| p.ends_with(e)) && is_test_path(p, t))
            .map(|(_, t)| t.as_str())
            .collect::<Vec<_>>()
    };
    let python = tests(&[".py"]);
    if !python.is_empty() {
        let unit = python.iter().any(|t| t.contains("unittest"));
        let plain = python.iter().any(|t| t.contains("import pytest") || t.lines().any(|l| l.starts_with("def test_")));
        let python = vec!["python3".to_owned()];
        return Some(if plain || !unit {
            Runner::Pytest { python, args: Vec::new() }
        } else {
            Runner::Unittest { python, args: Vec::new() }
        });
    }
    if files.contains_key("package.json") {
        if let Some(found) = node(&strings(&["npm", "test"]), files) {
            return Some(found);
        }
    }
    (!tests(&[".js", ".mjs", ".cjs", ".ts"]).is_empty()).then(|| Runner::Node {
        argv: strings(&["node", "--test-reporter=tap"]),
        format: NodeFormat::Tap,
        apart: true,
    })
}

/// Whether a file only tests: by its name, its folder, or because it holds nothing but tests.
pub fn is_test_path(path: &str, text: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    let stem = name.split('.').next().unwrap_or(name);
    let in_folder = path.split('/').rev().skip(1).any(|d| {
        matches!(d, "tests" | "test" | "__tests__" | "spec" | "testdata" | "fixtures" | "benches" | "examples")
    });
    in_folder || is_entry_test(path) || stem == "conftest" || stem == "tests" || (stem == "test" && !text.is_empty())
}

/// Whether a file is one that a runner starts, by its name.
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
