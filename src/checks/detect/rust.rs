//! Cargo: nextest where the project is set up for it, else `cargo test`.

use super::{ProjectView, Runner, Tool, distinct};
use crate::checks::parsers::ParserKind;
use crate::model::check::CaseReport;

pub fn detect(project: &ProjectView, out: &mut Vec<Runner>) -> Option<String> {
    if !project.has("Cargo.toml") {
        return None;
    }
    let has_members = project.text("Cargo.toml").lines().any(|l| l.trim() == "[workspace]");
    let scope: &[&str] = if has_members { &["--workspace"] } else { &[] };
    let argv = [&["cargo", "test", "--no-fail-fast", "--color", "never"], scope].concat();
    let test = Runner::new(Tool::Cargo, &argv, ParserKind::Libtest, 90, "Cargo.toml");
    out.push(test.with_env("CARGO_TERM_PROGRESS_WHEN", "never").with_env("RUST_BACKTRACE", "1"));
    let is_set_up = project.has(".config/nextest.toml");
    if project.tools.nextest {
        let argv = [&["cargo", "nextest", "run", "--no-fail-fast", "--color", "never"], scope].concat();
        let (confidence, why) = match is_set_up {
            true => (95, ".config/nextest.toml"),
            false => (80, "Cargo.toml, and nextest is installed; it runs no doc tests"),
        };
        out.push(
            Runner::new(Tool::Nextest, &argv, ParserKind::Nextest, confidence, why).with_env("RUST_BACKTRACE", "1"),
        );
    }
    None
}

/// `BINARY PATH::TO::NAME` → the name libtest knows.
fn name(case: &CaseReport) -> Option<&str> {
    let binary = case.suite.first()?;
    Some(case.case.strip_prefix(binary.as_str())?.trim_start()).filter(|n| !n.starts_with('('))
}

/// Exact names, in every binary that has them.
pub fn cargo_for(runner: &Runner, cases: &[CaseReport]) -> Vec<String> {
    let names = distinct(cases.iter().filter_map(name).map(str::to_owned));
    let mut argv = runner.argv.clone();
    if names.is_empty() {
        return argv;
    }
    argv.extend(["--".to_owned(), "--exact".to_owned()]);
    argv.extend(names);
    argv
}

/// A filter expression of exact names in their binaries.
pub fn nextest_for(runner: &Runner, cases: &[CaseReport]) -> Vec<String> {
    let terms = cases.iter().filter_map(|c| {
        let (binary, name) = (c.suite.first()?, name(c)?);
        Some(format!("(binary_id(={}) & test(={}))", quoted(binary), quoted(name)))
    });
    let terms = distinct(terms);
    let mut argv = runner.argv.clone();
    if !terms.is_empty() {
        argv.extend(["-E".to_owned(), terms.join(" | ")]);
    }
    argv
}

/// Escaped for nextest's filter expressions (nexte.st, "Filterset reference").
fn quoted(text: &str) -> String {
    text.chars().flat_map(|c| matches!(c, '\\' | '/' | ')').then_some('\\').into_iter().chain([c])).collect()
}
