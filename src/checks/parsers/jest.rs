//! Jest's text: the verbose tree of each file, failure blocks, totals.
//!
//! Format: jestjs/jest `packages/jest-reporters`. Case ids are `FILE › suite › name`. Without `--verbose` only
//! failures have names.

use super::LineReader;
use crate::checks::ledger::{Ledger, Totals, case, message, ms_of, push_line};
use crate::checks::limits::CHECK_SUITE_DEPTH_MAX;
use crate::model::check::{CaseReport, CaseStatus};

#[derive(Debug, Default)]
pub struct Jest {
    file: String,
    /// Suites of the tree that is being read.
    suites: Vec<String>,
    in_tree: bool,
    block: Option<(String, String)>,
}

impl LineReader for Jest {
    fn line(&mut self, line: &str, ledger: &mut Ledger) {
        if let Some(file) = file_line(line) {
            self.close(ledger);
            self.file = file.to_owned();
            self.suites.clear();
            self.in_tree = true;
        } else if let Some(title) = line.strip_prefix("  ● ") {
            self.close(ledger);
            self.in_tree = false;
            self.block = (title != "Console").then(|| (title.to_owned(), String::new()));
        } else if let Some(t) = line.strip_prefix("Tests: ").and_then(totals) {
            self.close(ledger);
            ledger.add_totals(t);
        } else if line.starts_with("Test Suites: ") || line.starts_with("Summary of all failing tests") {
            self.close(ledger);
        } else if let Some((_, block)) = &mut self.block {
            push_line(block, line);
        } else if self.in_tree {
            self.tree(line, ledger);
        }
    }

    fn end(&mut self, _exit: Option<i32>, ledger: &mut Ledger) {
        self.close(ledger);
    }
}

impl Jest {
    /// `    ✓ halves four (11 ms)` or the title of a suite.
    fn tree(&mut self, line: &str, ledger: &mut Ledger) {
        let t = line.trim_start();
        let indent = line.len() - t.len();
        if t.is_empty() || indent < 2 {
            self.in_tree = !t.is_empty() && self.in_tree && indent >= 2;
            return;
        }
        self.suites.truncate(indent / 2 - 1);
        let Some((status, name)) = marked(t) else {
            if self.suites.len() < CHECK_SUITE_DEPTH_MAX {
                self.suites.push(t.trim_end().to_owned());
            }
            return;
        };
        let (name, ms) = duration(name);
        let mut report = self.draft(&[self.suites.as_slice(), &[name.to_owned()]].concat(), status);
        report.ms = ms;
        ledger.report(report);
    }

    fn close(&mut self, ledger: &mut Ledger) {
        let Some((title, block)) = self.block.take() else {
            return;
        };
        if title.starts_with("Test suite failed to run") {
            let mut report = self.draft(&["(suite)".to_owned()], CaseStatus::Errored);
            let cause = block.lines().find(|l| l.trim_start().contains("Error: "));
            report.message = message(cause.unwrap_or(&first_line(&block)), &block);
            ledger.build_failed();
            return ledger.report(report);
        }
        let id = format!("{} › {title}", self.file);
        let mut report = ledger.get(&id).cloned().unwrap_or_else(|| {
            let path: Vec<String> = title.split(" › ").map(str::to_owned).collect();
            self.draft(&path, CaseStatus::Failed)
        });
        report.status = CaseStatus::Failed;
        report.message = message(&first_line(&block), &block);
        ledger.report(report);
    }

    fn draft(&self, path: &[String], status: CaseStatus) -> CaseReport {
        let mut suite = vec![self.file.clone()];
        suite.extend(path.iter().take(path.len().saturating_sub(1)).cloned());
        case(format!("{} › {}", self.file, path.join(" › ")), suite, status)
    }
}

/// `PASS jt/ok.test.js` and `FAIL project jt/a.test.js (5.1 s)`: the file.
fn file_line(line: &str) -> Option<&str> {
    let t = line.trim_start();
    if line.len() - t.len() > 1 {
        return None;
    }
    let rest = t.strip_prefix("PASS ").or_else(|| t.strip_prefix("FAIL "))?.trim();
    let rest = rest.rsplit_once(" (").filter(|(_, t)| t.ends_with(')')).map_or(rest, |(f, _)| f);
    Some(rest.rsplit(' ').next().unwrap_or(rest))
}

/// Returns the status of a mark, and the text after the mark.
fn marked(t: &str) -> Option<(CaseStatus, &str)> {
    let (mark, rest) = t.split_once(' ')?;
    match mark {
        "✓" | "√" => Some((CaseStatus::Passed, rest)),
        "✕" | "×" => Some((CaseStatus::Failed, rest)),
        "○" => Some((CaseStatus::Skipped, rest.strip_prefix("skipped ").unwrap_or(rest))),
        "✎" => Some((CaseStatus::Skipped, rest.strip_prefix("todo ").unwrap_or(rest))),
        _ => None,
    }
}

/// `name (11 ms)`, `name (1.2 s)`.
fn duration(text: &str) -> (&str, Option<u64>) {
    let parsed = text.strip_suffix(')').and_then(|t| t.rsplit_once(" (")).and_then(|(name, time)| {
        let (n, unit) = time.split_once(' ')?;
        let n: f64 = n.parse().ok()?;
        match unit {
            "ms" => Some((name, ms_of(n)?)),
            "s" => Some((name, ms_of(n * 1000.0)?)),
            _ => None,
        }
    });
    parsed.map_or((text, None), |(name, ms)| (name, Some(ms)))
}

fn first_line(text: &str) -> String {
    text.lines().map(str::trim).find(|l| !l.is_empty()).unwrap_or_default().to_owned()
}

/// `      3 failed, 1 skipped, 1 todo, 3 passed, 8 total`.
fn totals(text: &str) -> Option<Totals> {
    let mut t = Totals::default();
    for part in text.trim().split(", ") {
        let (n, what) = part.split_once(' ')?;
        let n: u32 = n.parse().ok()?;
        match what {
            "passed" => t.passed = n,
            "failed" => t.failed = n,
            "skipped" | "todo" | "pending" => t.skipped = t.skipped.saturating_add(n),
            _ => {}
        }
    }
    Some(t)
}
