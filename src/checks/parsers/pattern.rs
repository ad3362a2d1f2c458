//! Lines of a runner that nothing else reads, by the user's own regular expressions: one for each outcome, whose group
//! `name` is the case.

use super::OutputReader;
use crate::checks::ledger::{Ledger, case, message, push_line};
use crate::checks::lines::LineCutter;
use crate::model::check::{CaseReport, CaseStatus};
use regex::Regex;

/// The expressions, each of which has a group `name`.
#[derive(Debug, Clone)]
pub struct Patterns(Vec<(CaseStatus, Regex)>);

impl Patterns {
    /// Of those that are set; `None` when none is. The error names the expression.
    pub fn new(passed: Option<&str>, failed: Option<&str>, skipped: Option<&str>) -> Result<Option<Self>, String> {
        let all = [(CaseStatus::Failed, failed), (CaseStatus::Skipped, skipped), (CaseStatus::Passed, passed)];
        let mut read = Vec::new();
        for (status, text) in all {
            let Some(text) = text else { continue };
            let pattern = Regex::new(text).map_err(|error| error.to_string())?;
            if !pattern.capture_names().flatten().any(|name| name == "name") {
                return Err(format!("{text:?} has no group `(?<name>…)`"));
            }
            read.push((status, pattern));
        }
        Ok((!read.is_empty()).then_some(Self(read)))
    }
}

/// Reads a stream with them.
#[derive(Debug)]
pub struct Pattern {
    patterns: Patterns,
    cutter: LineCutter,
    failed: Option<CaseReport>,
    text: String,
}

impl Pattern {
    pub fn new(patterns: Patterns) -> Self {
        Self { patterns, cutter: LineCutter::default(), failed: None, text: String::new() }
    }
}

/// The lines below a failure are its text, up to the next case.
fn line(of: &mut (&Patterns, &mut Option<CaseReport>, &mut String), line: &str, ledger: &mut Ledger) {
    let (patterns, failed, text) = of;
    let found = patterns.0.iter().find_map(|(status, pattern)| {
        let name = pattern.captures(line)?.name("name")?.as_str().trim();
        (!name.is_empty()).then(|| case(name, Vec::new(), *status))
    });
    match found {
        Some(report) => {
            close(failed, text, ledger);
            if report.status.is_bad() {
                **failed = Some(report);
            } else {
                ledger.report(report);
            }
        }
        None if failed.is_some() => push_line(text, line),
        None => {}
    }
}

fn close(failed: &mut Option<CaseReport>, text: &mut String, ledger: &mut Ledger) {
    if let Some(mut report) = failed.take() {
        let text = std::mem::take(text);
        let first = text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
        report.message = message(first, &text);
        ledger.report(report);
    }
}

impl OutputReader for Pattern {
    fn feed(&mut self, chunk: &[u8], ledger: &mut Ledger) {
        let mut of = (&self.patterns, &mut self.failed, &mut self.text);
        self.cutter.feed(chunk, |text| line(&mut of, text, ledger));
    }

    fn finish(&mut self, _exit: Option<i32>, ledger: &mut Ledger) {
        let mut of = (&self.patterns, &mut self.failed, &mut self.text);
        self.cutter.finish(|text| line(&mut of, text, ledger));
        close(&mut self.failed, &mut self.text, ledger);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::{CheckEvent, CheckStream, ProjectRoot};

    #[test]
    fn the_users_own_expressions_name_the_cases() {
        let patterns = Patterns::new(Some(r"^PASS (?<name>\S+)"), Some(r"^FAIL (?<name>\S+)"), None).unwrap().unwrap();
        let mut stream = CheckStream::with(patterns, ProjectRoot::default());
        stream.feed(b"PASS one\nnoise\nFAIL two\n  got 3, want 4\n  at two.x:7\nPA");
        stream.feed(b"SS three\n");
        let events = stream.finish(Some(1));
        let Some(CheckEvent::Finished(summary)) = events.last() else { panic!("{events:?}") };
        assert_eq!((summary.passed, summary.failed), (2, 1));
        let failed = stream.cases().iter().find(|case| case.status.is_bad()).unwrap();
        assert_eq!(failed.case, "two");
        assert!(failed.message.as_deref().is_some_and(|m| m.contains("got 3, want 4")), "{failed:?}");
        assert!(Patterns::new(Some("PASS"), None, None).unwrap_err().contains("no group"));
        assert!(Patterns::new(None, Some("("), None).is_err());
        assert!(Patterns::new(None, None, None).unwrap().is_none());
    }
}
