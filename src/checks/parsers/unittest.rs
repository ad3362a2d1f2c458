//! Python's `unittest`: verbose result lines, failure blocks, and the totals of the quiet form.
//!
//! Format: CPython `Lib/unittest/runner.py`. Case ids are dotted as `python3 -m unittest` takes them.

use super::LineReader;
use crate::checks::ledger::{Ledger, Totals, case, message, push_line};
use crate::checks::limits::CHECK_HELD_MAX;
use crate::model::check::{CaseReport, CaseStatus};
use std::collections::BTreeSet;

#[derive(Debug, Default)]
pub struct Unittest {
    /// A result line without its result: the case, and the text in place of the result.
    pending: Option<(String, String)>,
    /// The line above could be the first of two: `test_a (m.C.test_a)` with a docstring below.
    titled: Option<String>,
    block: Option<Block>,
    /// The line above is the rule that unittest puts before its count.
    ruled: bool,
    ran: u32,
    /// The totals of the last run: a test may print such lines too, and the real ones come last.
    totals: Option<Totals>,
    /// Results were named: what the totals say beyond them was not.
    names: bool,
    /// Cases that ran and failed, for the totals.
    failed: BTreeSet<String>,
}

#[derive(Debug)]
struct Block {
    title: String,
    status: CaseStatus,
    text: String,
    in_body: bool,
}

impl LineReader for Unittest {
    fn line(&mut self, line: &str, ledger: &mut Ledger) {
        let ruled = std::mem::replace(&mut self.ruled, is_rule(line, '-'));
        if is_rule(line, '=') {
            self.settle_pending(ledger);
            return self.close_block(ledger);
        }
        if self.in_block(line, ledger) {
            return;
        }
        if let Some((status, title)) = block_title(line) {
            self.close_block(ledger);
            self.block = Some(Block { title: title.to_owned(), status, text: String::new(), in_body: false });
            return;
        }
        if let Some(n) = ran(line).filter(|_| ruled) {
            self.settle_pending(ledger);
            self.ran = n;
            return;
        }
        if self.ran > 0 && (line.starts_with("OK") || line.starts_with("FAILED (")) {
            return self.totals(line, ledger);
        }
        self.result(line, ledger);
    }

    fn end(&mut self, exit: Option<i32>, ledger: &mut Ledger) {
        self.close_block(ledger);
        self.totals.take().into_iter().for_each(|t| ledger.add_totals(t));
        if let Some((id, rest)) = self.pending.take()
            && exit.is_none()
        {
            let mut report = draft(&id, CaseStatus::Errored);
            report.message = message("did not finish", &rest);
            ledger.report(report);
        }
    }
}

impl Unittest {
    /// `test_a (m.C.test_a) ... ok`; `Docstring. ... FAIL` below a title; a bare result after output.
    fn result(&mut self, line: &str, ledger: &mut Ledger) {
        let title = self.titled.take();
        if let Some((head, rest)) = line.split_once(" ... ").or_else(|| Some((line.strip_suffix(" ...")?, ""))) {
            let id = case_id(head).or_else(|| title.as_deref().and_then(case_id));
            if let Some(id) = id {
                self.names = true;
                self.settle_pending(ledger);
                match outcome(rest) {
                    Some((status, why)) => report(&id, status, why, ledger),
                    None => self.pending = Some((id, rest.to_owned())),
                }
                return;
            }
        }
        if case_id(line).is_some() {
            self.titled = Some(line.to_owned());
        } else if let Some((status, why)) = outcome(line)
            && let Some((id, _)) = self.pending.take()
        {
            report(&id, status, why, ledger);
        }
    }

    /// A pending case whose output swallowed the line end: `test_a (…) ... noiseok`.
    fn settle_pending(&mut self, ledger: &mut Ledger) {
        if let Some((id, rest)) = self.pending.take()
            && rest.ends_with("ok")
        {
            report(&id, CaseStatus::Passed, None, ledger);
        }
    }

    fn in_block(&mut self, line: &str, ledger: &mut Ledger) -> bool {
        let Some(block) = &mut self.block else {
            return false;
        };
        if is_rule(line, '-') {
            let ends = std::mem::replace(&mut block.in_body, true) || block.title.is_empty();
            if ends {
                self.close_block(ledger);
            }
            return true;
        }
        if ran(line).is_some() {
            self.close_block(ledger); // an unexpected success has no body
            return false;
        }
        if block.in_body {
            push_line(&mut block.text, line);
        }
        true
    }

    fn close_block(&mut self, ledger: &mut Ledger) {
        let Some(block) = self.block.take() else {
            return;
        };
        let Some(id) = case_id(&block.title) else {
            return;
        };
        if ran_as_case(&block.title) && self.failed.len() < CHECK_HELD_MAX {
            self.failed.insert(id.split(' ').next().unwrap_or(&id).to_owned());
        }
        let mut report = draft(&id, block.status);
        report.message = match block.text.trim().is_empty() {
            true => Some("unexpected success".into()),
            false => message(&headline(&block.text), &block.text),
        };
        if block.title.contains("_FailedTest") {
            ledger.build_failed();
        }
        ledger.report(report);
    }

    fn totals(&mut self, line: &str, ledger: &mut Ledger) {
        let count = |what: &str| -> u32 {
            line.split(['(', ','])
                .find_map(|p| p.trim().strip_prefix(what)?.strip_prefix('='))
                .and_then(|n| n.trim_end_matches(')').parse().ok())
                .unwrap_or(0)
        };
        let skipped = count("skipped").saturating_add(count("expected failures"));
        let failed = u32::try_from(self.failed.len()).unwrap_or(u32::MAX);
        let passed = self.ran.saturating_sub(failed).saturating_sub(skipped);
        // Without names, each run of the command adds to the count.
        if !self.names {
            self.totals.take().into_iter().for_each(|t| ledger.add_totals(t));
        }
        self.totals = Some(Totals { passed, skipped, ..Totals::default() });
        self.ran = 0;
    }
}

fn is_rule(line: &str, of: char) -> bool {
    line.len() >= 60 && line.chars().all(|c| c == of)
}

fn block_title(line: &str) -> Option<(CaseStatus, &str)> {
    let (word, title) = line.split_once(": ")?;
    case_id(title)?;
    match word {
        "FAIL" | "UNEXPECTED SUCCESS" => Some((CaseStatus::Failed, title)),
        "ERROR" => Some((CaseStatus::Errored, title)),
        _ => None,
    }
}

/// Fixtures of classes and modules fail without counting as a test.
fn ran_as_case(title: &str) -> bool {
    !["setUpClass", "tearDownClass", "setUpModule", "tearDownModule"].iter().any(|f| title.starts_with(f))
}

/// `Ran 8 tests in 0.002s`.
fn ran(line: &str) -> Option<u32> {
    let (n, rest) = line.strip_prefix("Ran ")?.split_once(' ')?;
    rest.starts_with("test").then(|| n.parse().ok())?
}

/// `test_sub (m.C.test_sub) [msg] (i=1)` → `m.C.test_sub [msg] (i=1)`; before Python 3.11 `test_sub (m.C)`.
fn case_id(title: &str) -> Option<String> {
    let (name, rest) = title.trim().split_once(" (")?;
    let (dotted, params) = rest.split_once(')')?;
    let plain = |s: &str| !s.is_empty() && s.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '.'));
    if !plain(name) || !plain(dotted) || name.contains('.') {
        return None;
    }
    let ends_with_name = dotted.rsplit('.').next() == Some(name);
    if dotted.contains("_FailedTest") {
        return Some(format!("{name}.(import)"));
    }
    let base = if ends_with_name { dotted.to_owned() } else { format!("{dotted}.{name}") };
    let params = params.trim();
    Some(if params.is_empty() { base } else { format!("{base} {params}") })
}

fn draft(id: &str, status: CaseStatus) -> CaseReport {
    let base = id.split(' ').next().unwrap_or(id);
    let mut suite: Vec<String> = base.split('.').map(str::to_owned).collect();
    suite.pop();
    case(id, suite, status)
}

fn report(id: &str, status: CaseStatus, why: Option<String>, ledger: &mut Ledger) {
    let mut report = draft(id, status);
    report.message = why;
    ledger.report(report);
}

fn outcome(text: &str) -> Option<(CaseStatus, Option<String>)> {
    match text.trim() {
        "ok" => Some((CaseStatus::Passed, None)),
        "FAIL" => Some((CaseStatus::Failed, None)),
        "ERROR" => Some((CaseStatus::Errored, None)),
        "expected failure" => Some((CaseStatus::Skipped, Some("expected failure".into()))),
        "unexpected success" => Some((CaseStatus::Failed, Some("unexpected success".into()))),
        other => {
            let why = other.strip_prefix("skipped ")?.trim_matches(['\'', '"']);
            Some((CaseStatus::Skipped, Some(why.to_owned())))
        }
    }
}

/// The exception of a traceback: the first unindented line after the last frame.
fn headline(text: &str) -> String {
    let mut found = "";
    let mut after_frame = false;
    for line in text.lines() {
        if line.starts_with("  ") {
            after_frame = true;
        } else if after_frame && !line.trim().is_empty() {
            after_frame = false;
            if !line.starts_with("Traceback") && !line.starts_with("During handling") {
                found = line;
            }
        }
        if line.starts_with("Stdout:") || line.starts_with("Stderr:") {
            break;
        }
    }
    found.to_owned()
}
