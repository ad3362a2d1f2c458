//! The test runner behind a command line, as far as trials have to drive it themselves.

use super::project::is_test_path;
use crate::checks::detect::WANTED;
use crate::checks::{self, ProjectView, Pytest, Tools};
use std::collections::BTreeMap;

/// The way the tests of a project are run for trials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Runner {
    /// `python -m unittest` with these arguments.
    Unittest { python: Vec<String>, args: Vec<String> },
    /// `pytest` with these arguments: options in one word each, then what to run.
    Pytest { python: Vec<String>, args: Vec<String> },
    /// A Node program that prints TAP (or ends with a status), per test file or all at once.
    Node { argv: Vec<String>, env: Vec<(String, String)>, format: NodeFormat, apart: bool },
    /// `cargo test` with these arguments.
    Cargo { args: Vec<String> },
    /// `go test` over these package folders.
    Go,
}

/// The output format of a Node runner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NodeFormat {
    Tap,
    Jest,
}

impl NodeFormat {
    /// Returns the driver's name for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Tap => "tap",
            Self::Jest => "jest",
        }
    }
}

pub fn words(list: &[&str]) -> Vec<String> {
    list.iter().map(|s| (*s).to_owned()).collect()
}

fn split(line: &str) -> Vec<String> {
    shell_words::split(line).unwrap_or_else(|_| line.split_whitespace().map(str::to_owned).collect())
}

/// The last part of a program's path.
fn program(word: &str) -> &str {
    word.rsplit('/').next().unwrap_or(word)
}

/// The runner of a command line.
pub fn of_command(command: &[String], files: &BTreeMap<String, String>) -> Option<Runner> {
    let at = |word: &str| command.iter().position(|w| program(w) == word);
    let after = |i: usize| command.get(i + 1..).unwrap_or_default();
    if let Some(i) = at("unittest") {
        let python = command.get(..i.saturating_sub(1)).unwrap_or_default().to_vec();
        return Some(Runner::Unittest { python, args: unittest_arguments(after(i)) });
    }
    if let Some(i) = at("pytest").or_else(|| at("py.test")) {
        let is_module = i > 0 && command.get(i - 1).is_some_and(|w| w == "-m");
        let head = command.get(..if is_module { i - 1 } else { i }).unwrap_or_default().to_vec();
        let python = match (head.is_empty(), is_module) {
            (true, _) => python_of(command.get(i)),
            (false, true) => head,
            (false, false) => head.into_iter().chain(["python".to_owned()]).collect(),
        };
        return Some(Runner::Pytest { python, args: pytest_arguments(after(i)) });
    }
    let first = program(command.first()?);
    if first.starts_with("python") {
        let script = command.get(1).filter(|s| s.ends_with(".py"))?;
        return Some(Runner::Unittest { python: command.get(..1)?.to_vec(), args: vec![script.clone()] });
    }
    match first {
        "cargo" => {
            let args = after(at("test").or_else(|| at("run"))?);
            Some(Runner::Cargo { args: args.iter().take_while(|a| *a != "--").cloned().collect() })
        }
        "go" => Some(Runner::Go),
        "npm" | "yarn" | "pnpm" | "bun" if command.iter().any(|w| w == "test" || w == "t") => package_script(files),
        _ => node(command, files),
    }
}

/// The interpreter beside a `pytest` given by its path, else the usual one.
fn python_of(pytest: Option<&String>) -> Vec<String> {
    let beside = pytest.and_then(|p| p.rsplit_once('/')).map(|(dir, _)| format!("{dir}/python"));
    vec![beside.unwrap_or_else(|| "python3".to_owned())]
}

fn unittest_arguments(args: &[String]) -> Vec<String> {
    let mut out = Vec::new();
    let mut rest = args.iter();
    while let Some(arg) = rest.next() {
        match arg.as_str() {
            "-v" | "--verbose" | "-q" | "--quiet" | "-b" | "--buffer" | "-f" | "--failfast" | "-c" | "--catch" => {}
            "-k" => {
                rest.next();
            }
            _ => out.push(arg.clone()),
        }
    }
    out
}

/// Pytest's options that say which tests run and how they are loaded.
const PYTEST_KEPT: &[&str] = &[
    "-k",
    "-m",
    "-c",
    "--rootdir",
    "--import-mode",
    "--ignore",
    "--ignore-glob",
    "--deselect",
    "--confcutdir",
    "--pyargs",
];
/// Its other options that take the next word along.
const PYTEST_VALUED: &[&str] = &[
    "-p",
    "-o",
    "-n",
    "-W",
    "-r",
    "--tb",
    "--color",
    "--cov",
    "--durations",
    "--maxfail",
    "--junitxml",
    "--log-level",
    "--basetemp",
    "--dist",
    "--capture",
    "--verbosity",
    "--show-capture",
];

fn pytest_arguments(args: &[String]) -> Vec<String> {
    let (mut options, mut targets) = (Vec::new(), Vec::new());
    let mut rest = args.iter();
    while let Some(arg) = rest.next() {
        let name = arg.split('=').next().unwrap_or(arg);
        let kept = PYTEST_KEPT.contains(&name) || ["-k", "-m"].iter().any(|o| arg.starts_with(o));
        if !arg.starts_with('-') {
            targets.push(arg.clone());
        } else if kept && arg == name && PYTEST_KEPT.contains(&name) && name != "--pyargs" {
            let joint = if name.starts_with("--") { "=" } else { "" };
            options.extend(rest.next().map(|value| format!("{name}{joint}{value}")));
        } else if kept {
            options.push(arg.clone());
        } else if PYTEST_VALUED.contains(&arg.as_str()) {
            rest.next();
        }
    }
    options.extend(targets);
    options
}

/// The `test` script of `package.json`. One that does something first, such as compiling, is run as a whole.
fn package_script(files: &BTreeMap<String, String>) -> Option<Runner> {
    let script = checks::script(&view(files, Tools::default()), "test")?;
    if !script.contains(['&', '|', ';', '$', '`', '>', '<']) {
        return node(&split(&script), files);
    }
    let (last, format) = [
        (("vitest run", "vitest run --reporter=json"), NodeFormat::Jest),
        (("jest", "jest --json --silent"), NodeFormat::Jest),
        (("mocha", "mocha --reporter tap"), NodeFormat::Tap),
        (("--test", "--test --test-reporter=tap"), NodeFormat::Tap),
    ]
    .into_iter()
    .find(|((word, _), _)| script.contains(word))?;
    let at = script.rfind(last.0)?;
    let line = format!("{}{}{}", script.get(..at)?, last.1, script.get(at + last.0.len()..)?);
    Some(Runner::Node { argv: words(&["sh", "-c", &line]), env: Vec::new(), format, apart: false })
}

fn node(command: &[String], files: &BTreeMap<String, String>) -> Option<Runner> {
    let mut env = Vec::new();
    let mut line = command.iter().map(String::as_str).peekable();
    while let Some(word) = line.peek() {
        let set = word.split_once('=').filter(|(name, _)| !name.starts_with('-'));
        if let Some((name, value)) = set {
            env.push((name.to_owned(), value.to_owned()));
        } else if !matches!(
            *word,
            "npx"
                | "--no-install"
                | "--no"
                | "-y"
                | "--yes"
                | "--"
                | "cross-env"
                | "c8"
                | "nyc"
                | "exec"
                | "yarn"
                | "pnpm"
        ) {
            break;
        }
        line.next();
    }
    let tool = program(line.next()?);
    let rest: Vec<&str> = line.collect();
    match tool {
        "node" | "tsx" => Some(node_itself(tool, &rest, env, files)),
        "mocha" => {
            let argv = local("mocha", &["--reporter", "tap"], &without(&rest, &["--reporter", "-R"], &["--no-color"]));
            Some(Runner::Node { argv, env, format: NodeFormat::Tap, apart: false })
        }
        "jest" => {
            let plain = ["--ci", "--verbose", "--watch", "--watchAll", "--coverage", "--silent", "--json"];
            let argv = local("jest", &["--json", "--silent"], &without(&rest, &["--reporters"], &plain));
            Some(Runner::Node { argv, env, format: NodeFormat::Jest, apart: false })
        }
        "vitest" => {
            let plain = ["run", "watch", "dev", "--run", "--watch", "--coverage", "--reporter=verbose"];
            let argv = local("vitest", &["run", "--reporter=json"], &without(&rest, &["--reporter"], &plain));
            Some(Runner::Node { argv, env, format: NodeFormat::Jest, apart: false })
        }
        _ => None,
    }
}

/// A package's program, started without npm.
fn local(tool: &str, first: &[&str], rest: &[&str]) -> Vec<String> {
    let program = format!("node_modules/.bin/{tool}");
    words(&[&["node", program.as_str()], first, rest].concat())
}

/// Arguments without options that take a value, and without plain ones.
fn without<'a>(args: &[&'a str], valued: &[&str], plain: &[&str]) -> Vec<&'a str> {
    let mut out = Vec::new();
    let mut rest = args.iter();
    while let Some(arg) = rest.next() {
        if valued.contains(arg) {
            rest.next();
        } else if !plain.contains(arg) {
            out.push(*arg);
        }
    }
    out
}

/// Each test file in a process of its own: `--test` would start one more for each.
fn node_itself(tool: &str, rest: &[&str], env: Vec<(String, String)>, files: &BTreeMap<String, String>) -> Runner {
    let mut argv = words(if tool == "tsx" { &["node", "--import", "tsx"] } else { &["node"] });
    let mut rest = rest.iter();
    let mut is_runner = false;
    while let Some(word) = rest.next() {
        if *word == "--test" {
            is_runner = true;
        } else if matches!(*word, "--import" | "--require" | "-r" | "--loader" | "--experimental-loader") {
            argv.push((*word).to_owned());
            argv.extend(rest.next().map(|w| (*w).to_owned()));
        } else if word.starts_with("--test-") {
            continue;
        } else if word.starts_with("--") {
            argv.push((*word).to_owned());
        }
    }
    if is_runner || files.iter().any(|(p, t)| is_test_path(p, t) && t.contains("node:test")) {
        argv.push("--test-reporter=tap".to_owned());
    }
    Runner::Node { argv, env, format: NodeFormat::Tap, apart: true }
}

/// The runner that [`checks::detect`] finds from the files alone, the most likely first.
pub fn of_files(files: &BTreeMap<String, String>) -> Option<Runner> {
    let is_pytest = |text: &str| text.contains("import pytest") || text.lines().any(|l| l.starts_with("def test_"));
    let mut tests = files.iter().filter(|(path, text)| path.ends_with(".py") && is_test_path(path, text)).peekable();
    // Nobody looked whether pytest is installed: it is what tests need that are written for it.
    let needs_pytest = tests.any(|(_, text)| is_pytest(text));
    let pytest = if needs_pytest { Pytest::Module } else { Pytest::Missing };
    let view = view(files, Tools { pytest, ..Tools::default() });
    checks::detect(&view).ok()?.iter().find_map(|found| of_command(&found.argv, files))
}

fn view(files: &BTreeMap<String, String>, tools: Tools) -> ProjectView {
    let texts = WANTED.iter().filter_map(|name| Some(((*name).to_owned(), files.get(*name)?.clone()))).collect();
    ProjectView { paths: files.keys().cloned().collect(), texts, tools }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, script: &str, expect: &str) {
        let manifest = format!("{{\"scripts\": {{\"test\": {}}}}}", serde_json::json!(script));
        let files = [("package.json".to_owned(), manifest)].into_iter().collect();
        let got = match of_command(&split(line), &files) {
            Some(Runner::Pytest { python, args }) => format!("pytest {} | {}", python.join(" "), args.join(" ")),
            Some(Runner::Unittest { python, args }) => format!("unittest {} | {}", python.join(" "), args.join(" ")),
            Some(Runner::Node { argv, env, format, apart }) => {
                format!("{} {apart} {env:?} {}", format.word(), argv.join(" "))
            }
            other => format!("{other:?}"),
        };
        assert_eq!(got, expect, "{line} {script}");
    }

    #[test]
    fn command_lines_are_understood() {
        check("python3 -m pytest -v --tb=short -ra --color=no -p no:cacheprovider", "", "pytest python3 | ");
        check("pytest -m 'not slow' -n 4 -k a tests", "", "pytest python3 | -mnot slow -ka tests");
        check("uv run pytest --import-mode importlib", "", "pytest uv run python | --import-mode=importlib");
        check("python3 -m unittest discover -v -s tests", "", "unittest python3 | discover -s tests");
        check("python3 -m unittest -k a b", "", "unittest python3 | b");
        check("node --test --test-reporter=tap test/", "", "tap true [] node --test-reporter=tap");
        check(
            "npx --no-install jest --ci --verbose --config x.js",
            "",
            "jest false [] node node_modules/.bin/jest --json --silent --config x.js",
        );
        check(
            "npx --no-install vitest run --reporter=verbose",
            "",
            "jest false [] node node_modules/.bin/vitest run --reporter=json",
        );
        check(
            "npx --no-install mocha --reporter spec --no-color -r ts-node/register 'test/**/*.ts'",
            "",
            "tap false [] node node_modules/.bin/mocha --reporter tap -r ts-node/register test/**/*.ts",
        );
        check(
            "npm test --silent",
            "NODE_OPTIONS=--experimental-vm-modules jest",
            "jest false [(\"NODE_OPTIONS\", \"--experimental-vm-modules\")] node node_modules/.bin/jest --json --silent",
        );
        check(
            "npm test --silent",
            "tsc && node --test dist/",
            "tap false [] sh -c tsc && node --test --test-reporter=tap dist/",
        );
        check("npm test", "tsx --test test/*.ts", "tap true [] node --import tsx --test-reporter=tap");
        check("make check", "", "None");
    }
}
