//! Go modules: `go test -json`.

use super::{ProjectView, Runner, Tool, distinct, regex_escaped};
use crate::checks::parsers::ParserKind;
use crate::model::check::CaseReport;

pub fn detect(project: &ProjectView, out: &mut Vec<Runner>) -> Option<String> {
    if !project.has("go.mod") {
        return None;
    }
    if project.named(|n| n.ends_with("_test.go")).next().is_none() {
        return Some("go.mod, but no *_test.go".into());
    }
    let module = project.text("go.mod").lines().find_map(|l| l.trim().strip_prefix("module "));
    let mut runner =
        Runner::new(Tool::Go, &["go", "test", "-json", "./..."], ParserKind::GoJson, 90, "go.mod and *_test.go");
    runner.go_module = module.map(|m| m.split("//").next().unwrap_or(m).trim().trim_matches('"').to_owned());
    out.push(runner);
    None
}

/// The packages of the cases, and their top-level tests: `-run` cannot name subtests of several tests apart.
pub fn go_for(runner: &Runner, cases: &[CaseReport]) -> Vec<String> {
    let packages = distinct(cases.iter().filter_map(|c| c.suite.first().cloned()));
    let tests = distinct(cases.iter().filter_map(|c| {
        let test = c.case.strip_prefix(c.suite.first()?.as_str())?.strip_prefix('.')?;
        let top = test.split('/').next().unwrap_or(test);
        (!top.starts_with('(')).then(|| regex_escaped(top))
    }));
    let mut argv: Vec<String> = runner.argv.iter().filter(|a| *a != "./...").cloned().collect();
    if !tests.is_empty() {
        argv.extend(["-run".to_owned(), format!("^({})$", tests.join("|"))]);
    }
    argv.extend(if packages.is_empty() { vec!["./...".to_owned()] } else { packages });
    argv
}
