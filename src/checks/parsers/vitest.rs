//! Vitest's text, verbose and default reporter: result lines, failure blocks, totals.
//!
//! Format: vitest-dev/vitest `packages/vitest/src/node/reporters`. Case ids are `FILE > suite > name`. The default
//! reporter leaves out the names of suites: there passing cases are counted, failing ones named by their blocks.

use super::LineReader;
use crate::checks::ledger::{Ledger, Totals, case, message, ms_of, push_line};
use crate::checks::limits::CHECK_HELD_MAX;
use crate::model::check::{CaseReport, CaseStatus};

#[derive(Debug, Default)]
pub struct Vitest {
    /// The cases whose common failure block is being read, and its lines.
    open: Vec<(String, bool)>,
    block: String,
    unhandled: bool,
}

impl LineReader for Vitest {
    fn line(&mut self, line: &str, ledger: &mut Ledger) {
        let t = line.trim_start();
        if let Some(rest) = t.strip_prefix("FAIL ") {
            if !self.block.is_empty() {
                self.close(ledger);
            }
            if self.open.len() < CHECK_HELD_MAX {
                self.open.push(title(rest.trim()));
            }
        } else if t.starts_with("⎯") {
            self.close(ledger);
            self.unhandled = t.contains(" Unhandled Error") || t.contains(" Unhandled Rejection");
        } else if let Some(totals) = t.strip_prefix("Tests ").and_then(totals) {
            self.close(ledger);
            ledger.add_totals(totals);
        } else if t.starts_with("Test Files ") {
            self.close(ledger);
        } else if !self.open.is_empty() || self.unhandled {
            push_line(&mut self.block, line);
        } else {
            result(line, t, ledger);
        }
    }

    fn end(&mut self, _exit: Option<i32>, ledger: &mut Ledger) {
        self.close(ledger);
    }
}

impl Vitest {
    fn close(&mut self, ledger: &mut Ledger) {
        let block = std::mem::take(&mut self.block);
        if std::mem::take(&mut self.unhandled) && !block.trim().is_empty() {
            let mut report = case("(unhandled error)", vec![], CaseStatus::Errored);
            report.message = message(&headline(&block), &block);
            ledger.report(report);
        }
        for (id, is_suite) in std::mem::take(&mut self.open) {
            let mut report = draft(&id, if is_suite { CaseStatus::Errored } else { CaseStatus::Failed });
            if is_suite {
                ledger.build_failed();
            }
            report.message = message(&headline(&block), &block);
            ledger.report(report);
        }
    }
}

/// ` ✓ FILE > suite > name 3ms` or, of the default reporter, `   ✓ suite > name 3ms` below its file, which is left
/// to the totals.
fn result(line: &str, t: &str, ledger: &mut Ledger) {
    let Some((mark, rest)) = t.split_once(' ') else {
        return;
    };
    let status = match mark {
        "✓" | "√" => CaseStatus::Passed,
        "×" | "✗" => CaseStatus::Failed,
        "↓" | "□" => CaseStatus::Skipped,
        _ => return,
    };
    let (name, ms) = duration(rest.trim());
    let name = without_project(name);
    let has_file = name.split_once(" > ").is_some_and(|(file, _)| file.contains('.') && !file.contains(' '));
    if line.len() - t.len() > 1 || !has_file {
        return;
    }
    let mut report = draft(name, status);
    report.ms = ms;
    ledger.report(report);
}

/// The id in ` FAIL  |project| FILE > suite > name`; true for a whole file: `FILE [ FILE ]`.
fn title(rest: &str) -> (String, bool) {
    let rest = without_project(rest);
    match rest.split_once(" [ ") {
        Some((file, tail)) if tail.ends_with(']') => (format!("{file} > (suite)"), true),
        Some(_) | None => (rest.to_owned(), false),
    }
}

fn without_project(text: &str) -> &str {
    text.strip_prefix('|').and_then(|r| r.split_once("| ")).map_or(text, |(_, r)| r.trim_start())
}

fn draft(id: &str, status: CaseStatus) -> CaseReport {
    let mut suite: Vec<String> = id.split(" > ").map(str::to_owned).collect();
    suite.pop();
    case(id, suite, status)
}

/// `name 3ms`, `name 1.20s`; also strips `(retry x2)` and the like.
fn duration(text: &str) -> (&str, Option<u64>) {
    let parsed = text.rsplit_once(' ').and_then(|(name, time)| {
        let ms = match time.strip_suffix("ms") {
            Some(n) => n.parse::<f64>().ok()?,
            None => time.strip_suffix('s')?.parse::<f64>().ok()? * 1000.0,
        };
        Some((name, ms_of(ms)?))
    });
    let (name, ms) = parsed.map_or((text, None), |(name, ms)| (name, Some(ms)));
    let name = name.split_once(" (retry x").map_or(name, |(n, _)| n);
    (name.trim_end(), ms)
}

/// `AssertionError: expected 2 to be 3`.
fn headline(block: &str) -> String {
    block.lines().map(str::trim).find(|l| !l.is_empty()).unwrap_or_default().to_owned()
}

/// `  3 failed | 3 passed | 1 skipped | 1 todo (8)`.
fn totals(text: &str) -> Option<Totals> {
    let counts = text.rsplit_once(" (").map_or(text, |(c, _)| c);
    let mut t = Totals::default();
    for part in counts.split(" | ") {
        let (n, what) = part.trim().split_once(' ')?;
        let n: u32 = n.parse().ok()?;
        match what {
            "passed" => t.passed = n,
            "failed" => t.failed = n,
            "skipped" | "todo" => t.skipped = t.skipped.saturating_add(n),
            _ => {}
        }
    }
    Some(t)
}
