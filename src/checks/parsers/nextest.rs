//! `cargo nextest run`: its human-readable status lines and captured output.
//!
//! Format: nextest-rs `nextest-runner/src/reporter/displayer`. Case ids are `BINARY_ID NAME`. A retry replaces the
//! outcome of the try before it: the last one counts.

use super::{LineReader, libtest, rustc::Build};
use crate::checks::ledger::{Ledger, Totals, case, message, ms_of_seconds, push_line};
use crate::model::check::CaseStatus;

#[derive(Debug, Default)]
pub struct Nextest {
    build: Build,
    started: bool,
    summarised: bool,
    open: Option<Open>,
}

/// The failed case whose captured output is being read.
#[derive(Debug)]
struct Open {
    id: String,
    what: String,
    text: String,
    /// The heading of captured output was read: what follows may look like anything, up to a blank line at its end.
    captured: bool,
    /// The line above was blank.
    after_blank: bool,
}

impl Open {
    /// Returns whether a line that looks like nextest's own is one: captured output ends with a blank line.
    fn has_ended(&self) -> bool {
        !self.captured || self.after_blank
    }
}

/// A status line: `  TRY 2 FAIL [   0.015s] (3/4) sums::whole worker_thread`.
struct Status<'a> {
    word: &'a str,
    ms: Option<u64>,
    binary: &'a str,
    name: &'a str,
}

impl LineReader for Nextest {
    fn line(&mut self, line: &str, ledger: &mut Ledger) {
        if !self.started {
            let t = line.trim_start();
            self.started = t.starts_with("Starting ") && t.contains(" test");
            if self.started {
                self.build.close(ledger);
            } else if !is_rule(line) {
                self.build.line(line, ledger);
            }
            return;
        }
        let ended = self.open.as_ref().is_none_or(Open::has_ended);
        if let Some(rest) =
            line.trim_start().strip_prefix("Summary [").filter(|_| ended || line.starts_with("     Summary ["))
        {
            self.close(ledger);
            ledger.add_totals(totals(rest));
            self.summarised = true;
        } else if let Some(status) = status_line(line).filter(|_| ended) {
            self.close(ledger);
            self.status(&status, ledger);
        } else if is_rule(line) {
            self.close(ledger);
        } else if let Some(open) = &mut self.open {
            open.captured |= is_heading(line);
            open.after_blank = line.trim().is_empty();
            if !is_harness_noise(line) {
                push_line(&mut open.text, line.strip_prefix("    ").unwrap_or(line));
            }
        }
    }

    fn end(&mut self, _exit: Option<i32>, ledger: &mut Ledger) {
        self.close(ledger);
        self.build.close(ledger);
    }
}

impl Nextest {
    fn status(&mut self, s: &Status<'_>, ledger: &mut Ledger) {
        let Some(status) = meaning(s.word) else {
            return;
        };
        let id = format!("{} {}", s.binary, s.name);
        if self.summarised && ledger.get(&id).is_some() && !matches!(s.word, "FLAKY") {
            return;
        }
        let mut suite = vec![s.binary.to_owned()];
        if let Some((modules, _)) = s.name.rsplit_once("::") {
            suite.extend(modules.split("::").map(str::to_owned));
        }
        let mut report = case(id.clone(), suite, status);
        report.ms = s.ms;
        if status.is_bad() {
            self.open =
                Some(Open { id, what: what_of(s.word), text: String::new(), captured: false, after_blank: false });
        }
        ledger.replace(report);
    }

    fn close(&mut self, ledger: &mut Ledger) {
        let Some(open) = self.open.take() else {
            return;
        };
        let Some(mut report) = ledger.get(&open.id).cloned() else {
            return;
        };
        let name = open.id.split_once(' ').map_or("", |(_, n)| n);
        let first = libtest::headline(&open.text);
        let first = if open.what.is_empty() || first.contains("panicked at ") { first } else { open.what };
        report.message = message(&first, &open.text);
        if let Some((file, line)) = libtest::own_panic(&open.text, name) {
            (report.file, report.line) = (Some(file), Some(line));
        }
        ledger.replace(report);
    }
}

/// The rule above the summary.
fn is_rule(line: &str) -> bool {
    line.starts_with("────") || line.starts_with("------------")
}

/// Returns whether libtest prints this line inside the captured output of its single test.
fn is_harness_noise(line: &str) -> bool {
    let t = line.trim();
    t == "running 1 test"
        || t == "failures:"
        || t.starts_with("test result: ")
        || (t.starts_with("test ") && t.contains(" ... "))
        || is_heading(line)
}

/// The line above a case's captured output.
fn is_heading(line: &str) -> bool {
    let t = line.trim();
    t.starts_with("stdout ──") || t.starts_with("stderr ──") || t.starts_with("output ──") || t.starts_with("--- STD")
}

fn status_line(line: &str) -> Option<Status<'_>> {
    let t = line.trim_start();
    let t = match t.strip_prefix("TRY ") {
        Some(rest) => rest.split_once(' ')?.1.trim_start(),
        None => t,
    };
    let (head, rest) = t.split_once('[')?;
    let word = head.split_whitespace().next()?;
    if !word.bytes().all(|b| b.is_ascii_uppercase() || b == b'-' || b.is_ascii_digit()) {
        return None;
    }
    let (time, rest) = rest.split_once(']')?;
    let rest = rest.trim_start();
    let rest = match rest.strip_prefix('(') {
        Some(counter) => counter.split_once(')')?.1.trim_start(),
        None => rest,
    };
    let (binary, name) = rest.split_once(' ')?;
    let time = time.trim().trim_start_matches('>').trim();
    let ms = ms_of_seconds(time.strip_suffix('s').unwrap_or(time));
    Some(Status { word, ms, binary, name: name.trim() })
}

/// Returns the outcome of a status word; `None` for words about a test that still runs.
fn meaning(word: &str) -> Option<CaseStatus> {
    match word {
        "PASS" | "LEAK" | "FLAKY" => Some(CaseStatus::Passed),
        "SKIP" => Some(CaseStatus::Skipped),
        "FAIL" | "LEAK-FAIL" | "FLKY-FL" => Some(CaseStatus::Failed),
        "SLOW" | "TRMNTG" | "TERMINATING" | "START" | "SETUP" | "RETRY" | "DELAY" => None,
        _ => Some(CaseStatus::Errored), // TMT, ABRT, SEGV, SIGKILL, XFAIL (exec failed) and other signals
    }
}

fn what_of(word: &str) -> String {
    match word {
        "FAIL" => String::new(),
        "TMT" | "TIMEOUT" => "timed out".into(),
        "ABRT" | "ABORT" => "aborted".into(),
        "XFAIL" => "could not be started".into(),
        signal => format!("ended by {signal}"),
    }
}

/// `   2.008s] 4 tests run: 1 passed, 2 failed, 1 timed out, 0 skipped`.
fn totals(text: &str) -> Totals {
    let mut t = Totals::default();
    let counts = text.split_once(": ").map_or("", |(_, c)| c);
    for part in counts.split(", ") {
        let Some((n, what)) = part.trim().split_once(' ') else {
            continue;
        };
        let Ok(n) = n.parse::<u32>() else {
            continue;
        };
        match what.split(' ').next().unwrap_or_default() {
            "passed" => t.passed = n,
            "failed" => t.failed = n,
            "skipped" => t.skipped = n,
            _ => t.errored = t.errored.saturating_add(n),
        }
    }
    t
}
