//! Mocha's spec reporter: the tree with numbered failures, the totals, the numbered details.
//!
//! Format: mochajs/mocha `lib/reporters/{spec,base}.js`. Case ids are the full title, joined by spaces.

use super::LineReader;
use crate::checks::ledger::{Ledger, Totals, case, message, ms_of, push_line};
use crate::checks::limits::{CHECK_HELD_MAX, CHECK_SUITE_DEPTH_MAX};
use crate::model::check::{CaseReport, CaseStatus};
use std::collections::BTreeMap;

#[derive(Debug, Default)]
pub struct Mocha {
    suites: Vec<String>,
    totals_read: bool,
    /// Failures by their number in the tree.
    failures: BTreeMap<u32, CaseReport>,
    /// The detail being read: its number, its text, and whether its titles are past.
    detail: Option<(u32, String, bool)>,
    /// Output before the first recognized line: an error while loading.
    stray: String,
    any: bool,
}

impl LineReader for Mocha {
    fn line(&mut self, line: &str, ledger: &mut Ledger) {
        let t = line.trim();
        let indent = line.len() - line.trim_start().len();
        if let Some(count) = totals(t).filter(|_| indent == 2) {
            self.totals_read = true;
            self.any = true;
            ledger.add_totals(count);
        } else if !self.totals_read {
            self.tree(t, indent, ledger);
        } else if let Some((number, _)) = numbered(t).filter(|(n, _)| indent == 2 && self.failures.contains_key(n)) {
            self.close(ledger);
            self.detail = Some((number, String::new(), false));
        } else {
            self.detail_line(t, line);
        }
    }

    fn end(&mut self, exit: Option<i32>, ledger: &mut Ledger) {
        self.close(ledger);
        if !self.any && exit.is_some_and(|e| e != 0) && !self.stray.trim().is_empty() {
            let error = self.stray.lines().find(|l| l.contains("Error: ") || l.contains("Error [")).unwrap_or_default();
            let mut report = case("(load)", vec![], CaseStatus::Errored);
            report.message = message(error, &self.stray);
            ledger.build_failed();
            ledger.report(report);
        }
    }
}

impl Mocha {
    fn tree(&mut self, t: &str, indent: usize, ledger: &mut Ledger) {
        if t.is_empty() || indent < 2 || indent % 2 == 1 {
            return push_line(&mut self.stray, t);
        }
        let depth = (indent / 2 - 1).min(CHECK_SUITE_DEPTH_MAX);
        self.suites.truncate(depth);
        let (status, name) = if let Some(name) =
            t.strip_prefix("✔ ").or_else(|| t.strip_prefix("✓ ")).or_else(|| t.strip_prefix("√ "))
        {
            (CaseStatus::Passed, name)
        } else if let Some(name) = t.strip_prefix("- ") {
            (CaseStatus::Skipped, name)
        } else if let Some((_, name)) = numbered(t) {
            (CaseStatus::Failed, name)
        } else {
            push_line(&mut self.stray, t);
            self.suites.push(t.to_owned());
            return;
        };
        self.any = true;
        let (name, ms) = match status {
            CaseStatus::Passed => duration(name),
            CaseStatus::Failed | CaseStatus::Skipped | CaseStatus::Errored => (name, None),
        };
        let is_hook = name.starts_with('"') && name.contains("\" hook");
        let status = if is_hook { CaseStatus::Errored } else { status };
        let id = [self.suites.join(" ").as_str(), name].join(" ").trim().to_owned();
        let mut report = case(id, self.suites.clone(), status);
        report.ms = ms;
        if let Some((number, _)) = numbered(t)
            && self.failures.len() < CHECK_HELD_MAX
        {
            self.failures.insert(number, report.clone());
        }
        ledger.report(report);
    }

    fn detail_line(&mut self, t: &str, line: &str) {
        let Some((_, text, past_titles)) = &mut self.detail else {
            return;
        };
        if *past_titles {
            push_line(text, line);
        } else {
            *past_titles = t.ends_with(':');
        }
    }

    fn close(&mut self, ledger: &mut Ledger) {
        let Some((number, text, _)) = self.detail.take() else {
            return;
        };
        if let Some(mut report) = self.failures.remove(&number) {
            let first = text.lines().map(str::trim).find(|l| !l.is_empty()).unwrap_or_default();
            report.message = message(first, &text);
            ledger.report(report);
        }
    }
}

/// `2) times out`.
fn numbered(t: &str) -> Option<(u32, &str)> {
    let (number, name) = t.split_once(") ")?;
    Some((number.parse().ok()?, name))
}

/// `name (90ms)`.
fn duration(text: &str) -> (&str, Option<u64>) {
    let parsed = text.strip_suffix("ms)").and_then(|t| t.rsplit_once(" ("));
    match parsed.and_then(|(name, n)| Some((name, ms_of(n.parse().ok()?)?))) {
        Some((name, ms)) => (name, Some(ms)),
        None => (text, None),
    }
}

/// `3 passing (160ms)`, `2 pending`, `4 failing`.
fn totals(t: &str) -> Option<Totals> {
    let (n, what) = t.split_once(' ')?;
    let n: u32 = n.parse().ok()?;
    let mut totals = Totals::default();
    match what.split(' ').next()? {
        "passing" => totals.passed = n,
        "pending" => totals.skipped = n,
        "failing" => totals.failed = n,
        _ => return None,
    }
    Some(totals)
}
