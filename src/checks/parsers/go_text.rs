//! `go test` and `go test -v`: plain text. The package is named after its tests, so cases wait for that line.

use super::{LineReader, go_cases};
use crate::checks::ledger::{Ledger, ms_of_seconds, push_line};
use crate::checks::limits::CHECK_HELD_MAX;
use crate::model::check::CaseStatus;
use std::collections::BTreeMap;

#[derive(Debug, Default)]
pub struct GoText {
    build: go_cases::BuildText,
    held: Vec<Held>,
    /// Output of the tests that are running, by name.
    running: BTreeMap<String, String>,
    current: Option<String>,
    /// The result in `held` that text now follows (without `-v` a failure's text comes after it).
    after_result: Option<usize>,
    /// A panic's text: it ends the package.
    panic: Option<String>,
    stray: String,
}

#[derive(Debug)]
struct Held {
    test: String,
    status: CaseStatus,
    ms: Option<u64>,
    text: String,
}

impl LineReader for GoText {
    fn line(&mut self, line: &str, ledger: &mut Ledger) {
        if self.package_line(line, ledger) {
            return;
        }
        if let Some(text) = &mut self.panic {
            return push_line(text, line);
        }
        if line.starts_with("panic: ") || line.starts_with("fatal error: ") {
            let mut text = String::new();
            push_line(&mut text, line);
            self.panic = Some(text);
        } else if let Some(name) = marker(line) {
            self.after_result = None;
            if line.starts_with("=== RUN") && self.running.len() < CHECK_HELD_MAX {
                self.running.insert(name.to_owned(), String::new());
            }
            self.current = Some(name.to_owned());
        } else if let Some((before, indent, held)) = result(line) {
            self.result(before, indent, held);
        } else if line != "FAIL"
            && line != "PASS"
            && !(self.held.is_empty() && self.running.is_empty() && self.build.line(line))
        {
            self.text(line);
        }
    }

    fn end(&mut self, _exit: Option<i32>, ledger: &mut Ledger) {
        if !self.held.is_empty() || !self.running.is_empty() || self.panic.is_some() {
            self.package_ended("", CaseStatus::Errored, ledger);
        }
    }
}

impl GoText {
    fn result(&mut self, before: &str, indent: usize, mut held: Held) {
        let is_known = self.running.contains_key(&held.test);
        if !self.running.is_empty() && !is_known && indent == 0 {
            return self.text(&format!("--- {}", held.test)); // printed by a test, in a verbose run
        }
        if !before.is_empty() {
            self.text(before);
        }
        held.text = self.running.remove(&held.test).unwrap_or_default();
        if self.held.len() < CHECK_HELD_MAX {
            self.after_result = Some(self.held.len());
            self.held.push(held);
        }
        self.current = None;
    }

    fn text(&mut self, line: &str) {
        if let Some(text) = self.current.as_ref().and_then(|n| self.running.get_mut(n)) {
            return push_line(text, line);
        }
        match self.after_result.and_then(|at| self.held.get_mut(at)) {
            Some(held) => push_line(&mut held.text, line),
            None => push_line(&mut self.stray, line),
        }
    }

    /// `ok  \tPKG\t0.1s`, `FAIL\tPKG\t0.1s`, `FAIL\tPKG [build failed]`, `?   \tPKG\t[no test files]`.
    fn package_line(&mut self, line: &str, ledger: &mut Ledger) -> bool {
        if self.build.failed(line, ledger) {
            return true;
        }
        let Some((word, rest)) = line.split_once('\t') else {
            return false;
        };
        let package = rest.split('\t').next().unwrap_or(rest);
        match word.trim_end() {
            "ok" | "?" => self.package_ended(package, CaseStatus::Passed, ledger),
            "FAIL" => self.package_ended(package, CaseStatus::Failed, ledger),
            _ => return false,
        }
        true
    }

    fn package_ended(&mut self, package: &str, status: CaseStatus, ledger: &mut Ledger) {
        let panic = self.panic.take();
        let mut any_bad = false;
        let mut held = std::mem::take(&mut self.held);
        if let Some(panic) = &panic
            && self.running.is_empty()
            && let Some(last) = held.iter_mut().rfind(|h| h.status.is_bad())
        {
            last.text.push_str(panic);
        }
        for h in held {
            let mut report = go_cases::draft(package, &h.test, h.status);
            report.ms = h.ms;
            go_cases::explain(&mut report, package, &h.text, ledger.place());
            any_bad |= h.status.is_bad();
            ledger.report(report);
        }
        for (test, mut text) in std::mem::take(&mut self.running) {
            text.push_str(panic.as_deref().unwrap_or_default());
            let mut report = go_cases::draft(package, &test, CaseStatus::Errored);
            go_cases::explain(&mut report, package, &text, ledger.place());
            any_bad = true;
            ledger.report(report);
        }
        let stray = std::mem::take(&mut self.stray);
        if status.is_bad() && !any_bad {
            go_cases::package_failed(package, "package", panic.as_deref().unwrap_or(&stray), ledger);
        }
        self.current = None;
        self.after_result = None;
    }
}

/// The test named by `=== RUN   TestA`, `=== CONT  TestA`, `=== NAME  TestA`; `=== PAUSE` names one that waits.
fn marker(line: &str) -> Option<&str> {
    let (word, name) = line.strip_prefix("=== ")?.split_once(' ')?;
    matches!(word, "RUN" | "CONT" | "NAME" | "PAUSE").then(|| name.trim())
}

/// `    --- FAIL: TestTable/n=2 (0.00s)`, perhaps after text that had no line end.
fn result(line: &str) -> Option<(&str, usize, Held)> {
    let at = line.find("--- ")?;
    let (before, rest) = line.split_at(at);
    let (word, rest) = rest.strip_prefix("--- ")?.split_once(": ")?;
    let status = match word {
        "PASS" => CaseStatus::Passed,
        "FAIL" => CaseStatus::Failed,
        "SKIP" => CaseStatus::Skipped,
        _ => return None,
    };
    let (test, time) = rest.rsplit_once(" (")?;
    let ms = ms_of_seconds(time.strip_suffix("s)")?)?;
    let indent = if before.trim().is_empty() { before.len() } else { 0 };
    let held = Held { test: test.to_owned(), status, ms: Some(ms), text: String::new() };
    Some((before.trim(), indent, held))
}
