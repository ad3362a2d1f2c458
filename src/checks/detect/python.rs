//! Python: pytest where it can be started, else `unittest`.

use super::{ProjectView, Pytest, Runner, Tool, distinct, file_name};
use crate::checks::parsers::ParserKind;
use crate::model::check::CaseReport;

pub fn detect(project: &ProjectView, out: &mut Vec<Runner>) -> Option<String> {
    let is_python = project.named(|n| n.ends_with(".py")).next().is_some()
        || project.has("pyproject.toml")
        || project.has("setup.cfg");
    if !is_python {
        return None;
    }
    let tests: Vec<&str> = project.named(is_test_file).collect();
    let configured = configured(project);
    if tests.is_empty() && configured.is_none() {
        return Some("Python, but no test_*.py or *_test.py".into());
    }
    let start: Option<(&[&str], &str)> = match project.tools.pytest {
        Pytest::Missing => None,
        Pytest::Module => Some((&["python3", "-m", "pytest"], "pytest can be imported")),
        Pytest::Program => Some((&["pytest"], "pytest is on PATH, for another Python")),
    };
    if let Some((start, how)) = start {
        let argv = [start, &["-v", "--tb=short", "-ra", "--color=no", "-p", "no:cacheprovider"]].concat();
        let (confidence, why) = match configured {
            Some(what) => (90, format!("{what}; {how}")),
            None => (75, format!("test files; {how}")),
        };
        let runner = Runner::new(Tool::Pytest, &argv, ParserKind::Pytest, confidence, why);
        out.push(runner.with_env("PYTHONDONTWRITEBYTECODE", "1"));
    }
    if !tests.is_empty() {
        out.push(unittest(project, &tests));
    }
    // Environments of their own: slower, and taken only where nothing else starts the tests.
    if project.text("tox.ini").contains("[testenv") {
        out.push(Runner::new(Tool::Tox, &["tox", "-q"], ParserKind::Auto, 40, "tox.ini"));
    }
    if project.has("noxfile.py") {
        out.push(Runner::new(Tool::Nox, &["nox"], ParserKind::Auto, 40, "noxfile.py"));
    }
    None
}

/// Verbose discovery from the directory that holds the tests. A directory without `__init__.py` is its own top.
fn unittest(project: &ProjectView, tests: &[&str]) -> Runner {
    let mut argv = vec!["python3", "-m", "unittest", "discover", "-v"];
    let directories = distinct(tests.iter().map(|t| t.rsplit_once('/').map_or("", |(d, _)| d).to_owned()));
    if let [only] = directories.as_slice()
        && !only.is_empty()
        && !project.has(&format!("{only}/__init__.py"))
    {
        argv.extend(["-s", only]);
    }
    if tests.iter().all(|t| !file_name(t).starts_with("test")) {
        argv.extend(["-p", "*_test.py"]);
    }
    let why = "test files; unittest comes with Python";
    let runner = Runner::new(Tool::Unittest, &argv, ParserKind::Unittest, 60, why);
    runner.with_env("PYTHONDONTWRITEBYTECODE", "1")
}

fn is_test_file(name: &str) -> bool {
    name.ends_with(".py")
        && (name.starts_with("test_") || name.ends_with("_test.py") || name == "tests.py" || name == "test.py")
}

/// The file that sets pytest up, if one does.
fn configured(project: &ProjectView) -> Option<&'static str> {
    let says = |file: &'static str, section: &str| project.text(file).contains(section).then_some(file);
    let there = |file: &'static str| project.has(file).then_some(file);
    there("pytest.ini")
        .or_else(|| there("conftest.py"))
        .or_else(|| there("tests/conftest.py"))
        .or_else(|| says("pyproject.toml", "[tool.pytest"))
        .or_else(|| says("setup.cfg", "[tool:pytest]"))
        .or_else(|| says("tox.ini", "[pytest]"))
}

/// Node ids; a subtest is replaced by its test, a file that did not load is kept.
pub fn pytest_for(runner: &Runner, cases: &[CaseReport]) -> Vec<String> {
    let ids = cases.iter().map(|c| {
        let base = c.case.split_once('[').map_or(c.case.as_str(), |(b, _)| b);
        match (c.case.strip_suffix("::(collection)"), base.strip_suffix(' ')) {
            (Some(file), _) => file.to_owned(),
            (None, Some(test)) => test.to_owned(), // `NODEID [msg] (i=1)`
            (None, None) => match base.split_once(" (") {
                Some((test, _)) => test.to_owned(), // `NODEID (i=1)`
                None => c.case.clone(),
            },
        }
    });
    let ids = distinct(ids);
    runner.argv.iter().cloned().chain(ids).collect()
}

/// `-k` patterns in the same discovery: dotted names alone would not find a test directory.
pub fn unittest_for(runner: &Runner, cases: &[CaseReport]) -> Vec<String> {
    let names = cases.iter().map(|c| {
        let name = c.case.split(' ').next().unwrap_or(&c.case);
        match name.rsplit_once('.') {
            Some((suite, "(import)" | "setUpClass" | "tearDownClass" | "setUpModule" | "tearDownModule")) => {
                format!("{suite}.*")
            }
            Some(_) | None => format!("*{name}"),
        }
    });
    let picks = distinct(names).into_iter().flat_map(|n| ["-k".to_owned(), n]);
    runner.argv.iter().cloned().chain(picks).collect()
}
