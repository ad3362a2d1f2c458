//! `node --test` with the spec reporter: the tree, failure texts below results or at the end, totals.
//!
//! Format: nodejs/node `lib/internal/test_runner/reporter/spec.js`, versions 18 to 24. Case ids join suites and
//! name with ` > `. Files are not named unless they fail to load.

use super::LineReader;
use crate::checks::frames;
use crate::checks::ledger::{Ledger, Totals, case, message, ms_of, push_line};
use crate::checks::limits::{CHECK_HELD_MAX, CHECK_SUITE_DEPTH_MAX};
use crate::model::check::{CaseReport, CaseStatus};

#[derive(Debug, Default)]
pub struct NodeSpec {
    suites: Vec<String>,
    /// The failure whose text is being read.
    open: Option<(CaseReport, String)>,
    /// `✖ failing tests:` was read: what follows repeats the failures, with places.
    in_summary: bool,
    at: Option<(String, u32)>,
    /// Failures with the line that reported them, for the summary.
    failures: Vec<(String, CaseReport)>,
}

impl LineReader for NodeSpec {
    fn line(&mut self, line: &str, ledger: &mut Ledger) {
        let t = line.trim();
        if t == "✖ failing tests:" {
            self.close(ledger);
            self.in_summary = true;
        } else if let Some(at) = t.strip_prefix("test at ").filter(|_| self.in_summary) {
            self.close(ledger);
            self.at = frames::position(at).map(|(f, l)| (f.to_owned(), l));
        } else if let Some(rest) = t.strip_prefix("ℹ ") {
            self.close(ledger);
            totals(rest, ledger);
        } else if let Some(mark) = Mark::of(t) {
            self.close(ledger);
            self.marked(mark, line.len() - line.trim_start().len(), t, ledger);
        } else if let Some((_, text)) = &mut self.open {
            push_line(text, line);
        }
    }

    fn end(&mut self, _exit: Option<i32>, ledger: &mut Ledger) {
        self.close(ledger);
    }
}

/// A line that begins with a symbol.
struct Mark<'a> {
    status: Option<CaseStatus>,
    name: &'a str,
    ms: Option<u64>,
}

impl<'a> Mark<'a> {
    fn of(t: &'a str) -> Option<Self> {
        let (symbol, rest) = t.split_once(' ')?;
        let status = match symbol {
            "✔" => Some(CaseStatus::Passed),
            "✖" => Some(CaseStatus::Failed),
            "﹣" => Some(CaseStatus::Skipped),
            "▶" => None,
            _ => return None,
        };
        let (rest, skipped) =
            [" # SKIP", " # TODO"].iter().find_map(|d| rest.split_once(d)).map_or((rest, false), |(r, _)| (r, true));
        let parsed = rest.strip_suffix("ms)").and_then(|r| r.rsplit_once(" ("));
        let (name, ms) = match parsed.and_then(|(name, n)| Some((name, ms_of(n.parse().ok()?)?))) {
            Some((name, ms)) => (name, Some(ms)),
            None => (rest, None),
        };
        let status = status.map(|s| if skipped { CaseStatus::Skipped } else { s });
        Some(Self { status, name, ms })
    }
}

impl NodeSpec {
    fn marked(&mut self, mark: Mark<'_>, indent: usize, t: &str, ledger: &mut Ledger) {
        if self.in_summary {
            let known = self.failures.iter().position(|(line, _)| line == t);
            if let Some((_, mut report)) = known.map(|at| self.failures.remove(at)) {
                if let Some((file, line)) = self.at.take() {
                    (report.file, report.line) = (Some(file), Some(line));
                }
                self.open = Some((report, String::new()));
            }
            return;
        }
        let depth = (indent / 2).min(CHECK_SUITE_DEPTH_MAX);
        let ends_suite = self.suites.get(depth).is_some_and(|s| s == mark.name);
        self.suites.truncate(depth);
        let Some(status) = mark.status else {
            if mark.ms.is_none() && !ends_suite {
                self.suites.push(mark.name.to_owned());
            }
            return;
        };
        if ends_suite {
            return;
        }
        let is_file = depth == 0 && has_script_extension(mark.name);
        let status = if is_file && status.is_bad() { CaseStatus::Errored } else { status };
        let name = if is_file { ledger.place().relative(mark.name) } else { mark.name.to_owned() };
        let mut path = self.suites.clone();
        path.push(name);
        let mut report = case(path.join(" > "), self.suites.clone(), status);
        report.ms = mark.ms;
        ledger.report(report.clone());
        if status.is_bad() {
            if self.failures.len() < CHECK_HELD_MAX {
                self.failures.push((t.to_owned(), report.clone()));
            }
            self.open = Some((report, String::new()));
        }
    }

    fn close(&mut self, ledger: &mut Ledger) {
        let Some((mut report, text)) = self.open.take() else {
            return;
        };
        let first = text.lines().map(str::trim).filter(|l| !l.is_empty()).collect::<Vec<_>>();
        let first = first.first().map_or("", |l| l.trim_matches('\''));
        if let Some(frame) = frames::first_own(&text, ledger.place()) {
            (report.file, report.line) = (Some(frame.file), Some(frame.line));
        }
        report.message = message(first, &text);
        ledger.report(report);
    }
}

fn has_script_extension(name: &str) -> bool {
    [".js", ".mjs", ".cjs", ".ts", ".mts", ".cts"].iter().any(|e| name.ends_with(e))
}

/// `pass 2`, `fail 3`, `cancelled 1` …
fn totals(rest: &str, ledger: &mut Ledger) {
    let Some((what, n)) = rest.split_once(' ').and_then(|(w, n)| Some((w, n.trim().parse::<u32>().ok()?))) else {
        return;
    };
    let mut t = Totals::default();
    match what {
        "pass" => t.passed = n,
        "fail" | "cancelled" => t.failed = n,
        "skipped" | "todo" => t.skipped = n,
        _ => return,
    }
    ledger.add_totals(t);
}
