//! Go: what both of its formats share: ids, suites, failure texts, file names made relative.
//!
//! Case ids are `PACKAGE.TestName/sub`. Go prints bare file names; with the module path known they become paths.

use super::ProjectRoot;
use crate::checks::frames;
use crate::checks::ledger::{Ledger, case, message};
use crate::model::check::{CaseReport, CaseStatus};

/// The id of a test of a package.
pub fn id(package: &str, test: &str) -> String {
    format!("{package}.{test}")
}

/// A report of a test: a subtest's suites are the tests around it.
pub fn draft(package: &str, test: &str, status: CaseStatus) -> CaseReport {
    let mut suite = vec![package.to_owned()];
    if let Some((parents, _)) = test.rsplit_once('/') {
        suite.extend(parents.split('/').map(str::to_owned));
    }
    case(id(package, test), suite, status)
}

/// Adds a failure's text and place to a report.
pub fn explain(report: &mut CaseReport, package: &str, text: &str, place: &ProjectRoot) {
    if !report.status.is_bad() {
        let why = text.lines().find_map(|l| l.trim().split_once(": ").map(|(_, w)| w.to_owned()));
        report.message = why.filter(|_| report.status == CaseStatus::Skipped);
        return;
    }
    let text = printed(text);
    let text = text.as_str();
    report.message = message(&headline(text), text);
    if let Some(frame) = frames::first_own(text, place) {
        report.file = Some(in_package(&place.relative(&frame.file), package, place));
        report.line = Some(frame.line);
    }
}

/// What a test itself printed.
pub fn printed(text: &str) -> String {
    text.split_inclusive('\n').filter(|line| !is_marker(line)).collect()
}

/// A bare `sums_test.go` in the directory of its package.
fn in_package(file: &str, package: &str, place: &ProjectRoot) -> String {
    let inside = place.go_module.as_deref().and_then(|m| package.strip_prefix(m)?.strip_prefix('/'));
    match inside {
        Some(dir) if !file.contains('/') => format!("{dir}/{file}"),
        _ => file.to_owned(),
    }
}

/// The panic, the text of the first `FILE:LINE: TEXT`, or the first line.
fn headline(text: &str) -> String {
    let lines = || text.lines().map(str::trim).filter(|l| !l.is_empty());
    if let Some(panic) = lines().find(|l| l.starts_with("panic: ") || l.starts_with("fatal error: ")) {
        return panic.trim_end_matches(" [recovered]").to_owned();
    }
    lines()
        .find_map(|l| {
            let (at, what) = l.split_once(": ")?;
            frames::position(at).map(|_| what.to_owned())
        })
        .or_else(|| lines().next().map(str::to_owned))
        .unwrap_or_default()
}

/// Lines of the harness inside a test's text.
fn is_marker(line: &str) -> bool {
    let t = line.trim_start();
    t.starts_with("=== ") || ["--- FAIL: ", "--- PASS: ", "--- SKIP: "].iter().any(|m| t.starts_with(m))
}

/// Returns the outcome in a text that swallowed the result line: `no newline--- PASS: TestA (0.00s)`. Tests print such
/// lines too: the last one that ends its line with the time, as Go writes it, counts.
pub fn swallowed(text: &str, test: &str) -> Option<CaseStatus> {
    text.lines().rev().find_map(|line| {
        let (head, time) = line.trim_end().strip_suffix("s)")?.rsplit_once(" (")?;
        let (whole, fraction) = time.split_once('.')?;
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        let marks = head.strip_suffix(test)?;
        let status = match marks.rsplit_once("--- ")?.1 {
            "PASS: " => CaseStatus::Passed,
            "FAIL: " => CaseStatus::Failed,
            "SKIP: " => CaseStatus::Skipped,
            _ => return None,
        };
        (digits(whole) && digits(fraction)).then_some(status)
    })
}

/// A package that failed without a failing test.
pub fn package_failed(package: &str, what: &str, text: &str, ledger: &mut Ledger) {
    let mut report = draft(package, &format!("({what})"), CaseStatus::Errored);
    explain(&mut report, package, text, ledger.place());
    if report.message.is_none() {
        report.message = Some(format!("{what} failed"));
    }
    ledger.report(report);
}

/// Compiler output of a package: `# example.com/sums [example.com/sums.test]`, then its errors.
#[derive(Debug, Default)]
pub struct BuildText {
    package: String,
    text: String,
}

impl BuildText {
    /// Reads a line; true if it belongs to compiler output.
    pub fn line(&mut self, line: &str) -> bool {
        if let Some(package) = line.strip_prefix("# ") {
            self.package = package.split(' ').next().unwrap_or(package).to_owned();
            self.text.clear();
            return true;
        }
        let is_error = !self.package.is_empty()
            && (line.starts_with('\t') || line.split_once(": ").is_some_and(|(at, _)| frames::position(at).is_some()));
        if is_error {
            crate::checks::ledger::push_line(&mut self.text, line);
        }
        is_error
    }

    /// `FAIL\tPACKAGE [build failed]` or `[setup failed]`; true if it was that.
    pub fn failed(&mut self, line: &str, ledger: &mut Ledger) -> bool {
        let Some((package, why)) = line.strip_prefix("FAIL\t").and_then(|r| r.split_once(" [")) else {
            return false;
        };
        let text = if self.package == package { std::mem::take(&mut self.text) } else { String::new() };
        package_failed(package, "build", &text, ledger);
        ledger.build_failed();
        why.ends_with(']')
    }
}
