//! JavaScript and TypeScript: Jest, Vitest, Mocha and `node --test`, by the test script and the dependencies.

use super::{ProjectView, Runner, Tool, distinct, file_name, regex_escaped, words};
use crate::checks::parsers::ParserKind;
use crate::checks::recognise::is_test_name;
use crate::checks::tree::leaf;
use crate::model::check::CaseReport;
use globset::Glob;
use serde_json::Value;

/// Test files named to `node --test` one by one at most; with more it finds its own.
const FILES_NAMED_MAX: usize = 100;

pub fn detect(project: &ProjectView, out: &mut Vec<Runner>) -> Option<String> {
    let files = test_files(project);
    let tests = !files.is_empty();
    let files = if files.iter().all(|f| node_finds(f)) || files.len() > FILES_NAMED_MAX { Vec::new() } else { files };
    if !project.has("package.json") {
        if tests {
            out.push(node(&files, 60, "test files, no package.json"));
        }
        return None;
    }
    let package: Value = serde_json::from_str(project.text("package.json")).unwrap_or_default();
    let script = package.pointer("/scripts/test").and_then(Value::as_str).unwrap_or_default();
    let depends = |name: &str| {
        ["devDependencies", "dependencies"].iter().any(|d| package.get(d).and_then(|d| d.get(name)).is_some())
    };
    let before = out.len();
    if let Some(runner) = by_script(script, project) {
        out.push(runner);
    }
    let has = |tool: Tool, out: &Vec<Runner>| out.iter().skip(before).any(|r| r.tool == tool);
    let config = |name: &str| project.named(|n| n.starts_with(name)).next().is_some();
    if (depends("vitest") || config("vitest.config.")) && !has(Tool::Vitest, out) {
        out.push(vitest(&[], 85, "vitest in package.json"));
    }
    if (depends("jest") || config("jest.config.") || package.get("jest").is_some()) && !has(Tool::Jest, out) {
        out.push(jest(&[], 85, "jest in package.json"));
    }
    if (depends("mocha") || config(".mocharc")) && !has(Tool::Mocha, out) {
        out.push(mocha(&[], 80, "mocha in package.json"));
    }
    if out.len() == before && tests {
        out.push(node(&files, 60, "test files; no other runner in package.json"));
    }
    if out.len() == before && !script.is_empty() && !script.contains("no test specified") {
        let why = format!("the test script `{script}`");
        out.push(Runner::new(Tool::Script, &["npm", "test", "--silent"], ParserKind::Auto, 30, why));
    }
    (out.len() == before).then(|| "package.json, but no test script and no *.test.* files".to_owned())
}

/// A script of `package.json` by its name.
pub fn script(project: &ProjectView, name: &str) -> Option<String> {
    let package: Value = serde_json::from_str(project.text("package.json")).ok()?;
    Some(package.get("scripts")?.get(name)?.as_str()?.to_owned())
}

fn test_files(project: &ProjectView) -> Vec<&str> {
    let is_test =
        |p: &str| is_test_name(&file_name(p).to_lowercase()) || p.starts_with("test/") || p.contains("__tests__/");
    project.paths.iter().map(String::as_str).filter(|p| is_script(p) && is_test(p)).collect()
}

/// Returns whether `node --test` runs a file by default (nodejs.org, "Running tests from the command line").
fn node_finds(path: &str) -> bool {
    let stem = file_name(path).rsplit_once('.').map_or("", |(stem, _)| stem);
    let in_test = path.split('/').rev().skip(1).any(|d| d == "test");
    in_test
        || stem == "test"
        || stem.starts_with("test-")
        || [".test", "-test", "_test"].iter().any(|e| stem.ends_with(e))
}

fn is_script(path: &str) -> bool {
    [".js", ".mjs", ".cjs", ".ts", ".mts", ".cts", ".jsx", ".tsx"].iter().any(|e| path.ends_with(e))
}

/// The tool a `test` script starts, with its arguments and the variables it sets.
fn by_script(script: &str, project: &ProjectView) -> Option<Runner> {
    if script.contains(['&', '|', ';', '$', '`', '>', '<']) {
        return chained(script);
    }
    let argv = shell_words::split(script).ok()?;
    let is_set = |w: &str| w.contains('=') && !w.starts_with('-');
    let skip =
        argv.iter().take_while(|w| is_set(w) || matches!(w.as_str(), "npx" | "cross-env" | "c8" | "nyc")).count();
    let (before, argv) = argv.split_at_checked(skip)?;
    let argv: Vec<&str> = argv.iter().map(String::as_str).collect();
    let why = format!("the test script `{script}`");
    let runner = simple(&argv, &why, project)?;
    let set = before.iter().filter(|w| is_set(w)).filter_map(|w| w.split_once('='));
    Some(set.fold(runner, |r, (name, value)| r.with_env(name, value)))
}

/// A script that does something before its tests, such as compiling, runs as a whole; its last tool says how to read
/// it.
fn chained(script: &str) -> Option<Runner> {
    let parser = [
        ("vitest", ParserKind::Vitest),
        ("jest", ParserKind::Jest),
        ("mocha", ParserKind::Mocha),
        ("node --test", ParserKind::Tap),
    ]
    .into_iter()
    .find_map(|(word, parser)| script.contains(word).then_some(parser))?;
    let why = format!("the test script `{script}`");
    Some(plain(Runner::new(Tool::Script, &["npm", "test", "--silent"], parser, 90, why)))
}

fn simple(argv: &[&str], why: &str, project: &ProjectView) -> Option<Runner> {
    let (tool, rest) = argv.split_first()?;
    match *tool {
        "vitest" => Some(vitest(rest.strip_prefix(&["run"]).unwrap_or(rest), 95, why)),
        "jest" => Some(jest(rest, 95, why)),
        "mocha" => Some(mocha(rest, 95, why)),
        "node" | "tsx" if rest.contains(&"--test") => {
            let rest: Vec<&str> = rest.iter().copied().filter(|a| *a != "--test").collect();
            let mut runner = node(&expanded(&rest, project), 95, why);
            if *tool == "tsx" {
                runner.argv.splice(..1, words(&["npx", "--no-install", "tsx"]));
            }
            Some(runner)
        }
        _ => None,
    }
}

/// Expands patterns as a shell would: Node does not read them before version 21.
fn expanded<'a>(args: &[&'a str], project: &'a ProjectView) -> Vec<&'a str> {
    let mut out = Vec::new();
    for arg in args {
        let pattern = Glob::new(arg.trim_start_matches("./")).ok().filter(|_| arg.contains('*'));
        let Some(pattern) = pattern else {
            out.push(*arg);
            continue;
        };
        let matcher = pattern.compile_matcher();
        out.extend(project.paths.iter().map(String::as_str).filter(|p| matcher.is_match(p)));
    }
    out
}

fn jest(rest: &[&str], confidence: u8, why: &str) -> Runner {
    let argv = [&["npx", "--no-install", "jest", "--ci", "--verbose"], rest].concat();
    let json = [&["npx", "--no-install", "jest", "--ci", "--json"], rest].concat();
    plain(Runner::new(Tool::Jest, &argv, ParserKind::Jest, confidence, why))
        .with_machine(words(&json), ParserKind::JestJson)
}

fn vitest(rest: &[&str], confidence: u8, why: &str) -> Runner {
    let rest: Vec<&str> = rest.iter().copied().filter(|a| !matches!(*a, "--watch" | "watch" | "dev")).collect();
    let argv = [&["npx", "--no-install", "vitest", "run", "--reporter=verbose"], rest.as_slice()].concat();
    let json = [&["npx", "--no-install", "vitest", "run", "--reporter=json"], rest.as_slice()].concat();
    plain(Runner::new(Tool::Vitest, &argv, ParserKind::Vitest, confidence, why))
        .with_machine(words(&json), ParserKind::JestJson)
}

fn mocha(rest: &[&str], confidence: u8, why: &str) -> Runner {
    let argv = [&["npx", "--no-install", "mocha", "--reporter", "spec", "--no-color"], rest].concat();
    plain(Runner::new(Tool::Mocha, &argv, ParserKind::Mocha, confidence, why))
}

/// Its TAP says more (places, kinds of failure) than its default reporter.
fn node(rest: &[&str], confidence: u8, why: &str) -> Runner {
    let argv = [&["node", "--test", "--test-reporter=tap"], rest].concat();
    plain(Runner::new(Tool::NodeTest, &argv, ParserKind::Tap, confidence, why))
}

fn plain(runner: Runner) -> Runner {
    runner.with_env("NO_COLOR", "1").with_env("FORCE_COLOR", "0").with_env("CI", "1")
}

/// A pattern of names; Jest and Vitest get the files too. Node matches each name alone.
pub fn some_for(runner: &Runner, cases: &[CaseReport]) -> Vec<String> {
    let mut argv = runner.argv.clone();
    if cases.iter().any(|c| leaf(c).starts_with('(')) {
        return argv; // a file or a hook has no name to select
    }
    let in_file = matches!(runner.tool, Tool::Jest | Tool::Vitest);
    let titles = distinct(cases.iter().map(|c| {
        let suites = c.suite.iter().skip(usize::from(in_file)).cloned();
        regex_escaped(&suites.chain([leaf(c).to_owned()]).collect::<Vec<_>>().join(" "))
    }));
    if in_file {
        argv.extend(distinct(cases.iter().filter_map(|c| c.suite.first().cloned())));
    }
    if in_file {
        argv.extend(["-t".to_owned(), format!("^({})$", titles.join("|"))]);
    } else if runner.tool == Tool::Mocha {
        argv.extend(["--grep".to_owned(), format!("^({})$", titles.join("|"))]);
    } else {
        let names = distinct(cases.iter().map(|c| format!("--test-name-pattern=^{}$", regex_escaped(leaf(c)))));
        let at = argv.len().min(3);
        argv.splice(at..at, names);
    }
    argv
}
