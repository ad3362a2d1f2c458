//! The reports of a run so far: the cases by name, the runner's own totals, and problems of the run itself.
//!
//! A case may be reported more than once (first its outcome, later its text): the last report of an id is the
//! whole truth about it, so a reader keeps one report per id.

use crate::base::RunId;
use crate::checks::frames;
use crate::checks::limits::{
    CHECK_LEDGER_BYTES_MAX, CHECK_MESSAGE_BYTES_MAX, CHECK_NAMED_MAX, CHECK_OUTPUT_BYTES_MAX, CHECK_OUTPUTS_BYTES_MAX,
    CHECK_SUITE_DEPTH_MAX,
};
use crate::checks::parsers::ProjectRoot;
use crate::model::check::{CaseReport, CaseStatus, CheckFinished};
use std::collections::HashMap;

/// An event from a parser.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CheckEvent {
    /// A case ended, or more became known about it; replaces an earlier report of the same `case`.
    Reported(CaseReport),
    /// The last event of a stream.
    Finished(Summary),
}

/// The reason that a run says nothing about the code, or less than it seems.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Problem {
    /// The runner ran and found no case.
    NoTests,
    /// The code or a test file did not compile or load.
    DidNotBuild,
    /// The runner failed before or after its cases: the exit code says so, no case does.
    RunnerFailed,
    /// The run was stopped (time-out, signal) before it ended.
    Stopped,
}

impl Problem {
    /// One line for the user.
    pub fn text(self) -> &'static str {
        match self {
            Self::NoTests => "no tests found",
            Self::DidNotBuild => "did not build",
            Self::RunnerFailed => "the runner failed, but no test case did",
            Self::Stopped => "stopped before it finished",
        }
    }
}

/// The counts of a finished run. Cases the runner counts but does not name are included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    pub passed: u32,
    pub failed: u32,
    pub errored: u32,
    pub skipped: u32,
    /// Exit code, or 128 + signal; `None` when we stopped it.
    pub exit: Option<i32>,
    pub problem: Option<Problem>,
}

impl Summary {
    /// Something passed, nothing failed, and the command agrees.
    pub fn is_green(&self) -> bool {
        self.exit == Some(0) && self.passed > 0 && self.failed == 0 && self.errored == 0
    }

    /// As the event of a run; `fixed`, `broken` and `flaky` are for the caller, who knows other runs.
    pub fn finished(&self, run: RunId) -> CheckFinished {
        CheckFinished {
            run,
            passed: self.passed,
            failed: self.failed.saturating_add(self.errored),
            skipped: self.skipped,
            exit: self.exit,
            problem: self.problem.map(|p| p.text().to_owned()),
            ..CheckFinished::default()
        }
    }
}

/// Totals as a runner prints them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    pub passed: u32,
    pub failed: u32,
    pub errored: u32,
    pub skipped: u32,
}

/// The cases of one run, in order of their first report.
#[derive(Debug, Default)]
pub struct Ledger {
    place: ProjectRoot,
    cases: Vec<CaseReport>,
    index: HashMap<String, usize>,
    /// Total size of the cases, by [`weight`].
    bytes: usize,
    /// Of what the cases printed.
    outputs_bytes: usize,
    dropped: Totals,
    totals: Totals,
    build_failed: bool,
    out: Vec<CheckEvent>,
}

/// A report without details.
pub fn case(id: impl Into<String>, suite: Vec<String>, status: CaseStatus) -> CaseReport {
    CaseReport { case: id.into(), suite, status, message: None, output: None, file: None, line: None, ms: None }
}

impl Ledger {
    pub fn new(place: ProjectRoot) -> Self {
        Self { place, ..Self::default() }
    }

    /// The project the run took place in.
    pub fn place(&self) -> &ProjectRoot {
        &self.place
    }

    /// Reports a case; reported before, the worse status stays and details are added.
    pub fn report(&mut self, new: CaseReport) {
        let Some(&at) = self.index.get(&new.case) else {
            return self.insert(new);
        };
        let Some(old) = self.cases.get(at) else {
            return;
        };
        let status = old.status.max_bad(new.status);
        self.replace(CaseReport { status, ..new });
    }

    /// Reports a case whose new status counts alone (a retry).
    pub fn replace(&mut self, mut new: CaseReport) {
        self.settle(&mut new);
        let Some(&at) = self.index.get(&new.case) else {
            return self.insert(new);
        };
        let Some(old) = self.cases.get_mut(at) else {
            return;
        };
        new.message = new.message.or_else(|| old.message.take());
        if new.file.is_none() {
            (new.file, new.line) = (old.file.take(), old.line);
        }
        new.output = new.output.or_else(|| old.output.take());
        new.ms = new.ms.or(old.ms);
        if !new.status.is_bad() && old.status.is_bad() {
            (new.file, new.line) = (None, None);
        }
        let room = CHECK_LEDGER_BYTES_MAX.saturating_sub(self.bytes.saturating_sub(weight(old)));
        if weight(&new) > room {
            (new.message, new.output) = (None, None);
        }
        if *old != new {
            self.bytes = self.bytes.saturating_sub(weight(old)).saturating_add(weight(&new));
            *old = new.clone();
            self.out.push(CheckEvent::Reported(new));
        }
    }

    fn insert(&mut self, mut new: CaseReport) {
        if self.cases.len() >= CHECK_NAMED_MAX {
            self.dropped.count(new.status);
            return;
        }
        self.settle(&mut new);
        if self.bytes.saturating_add(weight(&new)) > CHECK_LEDGER_BYTES_MAX {
            (new.message, new.output) = (None, None);
        }
        if self.bytes.saturating_add(weight(&new)) > CHECK_LEDGER_BYTES_MAX {
            self.dropped.count(new.status);
            return;
        }
        self.bytes += weight(&new);
        self.index.insert(new.case.clone(), self.cases.len());
        self.cases.push(new.clone());
        self.out.push(CheckEvent::Reported(new));
    }

    /// Bounds the message and the output, finds a location in it if the runner gave none, makes the file relative.
    fn settle(&mut self, new: &mut CaseReport) {
        new.suite.truncate(CHECK_SUITE_DEPTH_MAX);
        if let Some(message) = &mut new.message {
            *message = bounded_text(message.trim_end());
            if message.is_empty() {
                new.message = None;
            }
        }
        if let Some(output) = new.output.take() {
            let end = (0..=CHECK_OUTPUT_BYTES_MAX).rev().find(|end| output.is_char_boundary(*end)).unwrap_or(0);
            let shown = output.get(..end).unwrap_or_default().trim_matches('\n');
            let fits = !shown.trim().is_empty() && self.outputs_bytes + shown.len() <= CHECK_OUTPUTS_BYTES_MAX;
            new.output = fits.then(|| shown.to_owned());
            self.outputs_bytes += new.output.as_ref().map_or(0, String::len);
        }
        if new.file.is_none()
            && new.status.is_bad()
            && let Some(message) = &new.message
            && let Some(frame) = frames::first_own(message, &self.place)
        {
            new.line = Some(frame.line);
            new.file = Some(frame.file);
        }
        new.file = new.file.take().map(|f| self.place.relative(&f));
    }

    /// The report of a case, as far as it is known.
    pub fn get(&self, case: &str) -> Option<&CaseReport> {
        self.index.get(case).and_then(|at| self.cases.get(*at))
    }

    /// Every case reported so far.
    pub fn cases(&self) -> &[CaseReport] {
        &self.cases
    }

    /// Adds totals the runner printed; they count only where they exceed the named cases.
    pub fn add_totals(&mut self, t: Totals) {
        let sum = &mut self.totals;
        sum.passed = sum.passed.saturating_add(t.passed);
        sum.failed = sum.failed.saturating_add(t.failed);
        sum.errored = sum.errored.saturating_add(t.errored);
        sum.skipped = sum.skipped.saturating_add(t.skipped);
    }

    /// The code, or a test file, did not build.
    pub fn build_failed(&mut self) {
        self.build_failed = true;
    }

    /// Takes over what another ledger has understood of the same output.
    pub fn adopt(&mut self, other: Self) {
        *self = Self { out: other.cases.iter().cloned().map(CheckEvent::Reported).collect(), ..other };
    }

    /// Takes the events since the last call.
    pub fn drain(&mut self) -> Vec<CheckEvent> {
        std::mem::take(&mut self.out)
    }

    /// The summary; `exit` is `None` when the run was stopped.
    pub fn summary(&self, exit: Option<i32>) -> Summary {
        let mut named = self.dropped;
        for c in &self.cases {
            named.count(c.status);
        }
        // Runners differ in what they call an error: compare the sum of both, then keep the named split.
        let bad =
            (self.totals.failed.saturating_add(self.totals.errored)).max(named.failed.saturating_add(named.errored));
        let errored = named.errored.max(self.totals.errored).min(bad);
        let mut summary = Summary {
            passed: named.passed.max(self.totals.passed),
            failed: bad.saturating_sub(errored),
            errored,
            skipped: named.skipped.max(self.totals.skipped),
            exit,
            problem: None,
        };
        summary.problem = self.problem(&summary);
        summary
    }

    fn problem(&self, s: &Summary) -> Option<Problem> {
        let bad = s.failed > 0 || s.errored > 0;
        match s.exit {
            None => Some(Problem::Stopped),
            // With cases that ran, what did not load is an errored case among them.
            Some(_) if self.build_failed && s.passed == 0 && s.failed == 0 => Some(Problem::DidNotBuild),
            Some(0) if s.passed == 0 && s.skipped == 0 && !bad => Some(Problem::NoTests),
            // pytest and unittest (3.12) exit with 5 when nothing was collected.
            Some(5) if s.passed == 0 && s.skipped == 0 && !bad => Some(Problem::NoTests),
            Some(code) if code != 0 && !bad => Some(Problem::RunnerFailed),
            Some(_) => None,
        }
    }
}

impl Totals {
    fn count(&mut self, status: CaseStatus) {
        match status {
            CaseStatus::Passed => self.passed += 1,
            CaseStatus::Failed => self.failed += 1,
            CaseStatus::Skipped => self.skipped += 1,
            CaseStatus::Errored => self.errored += 1,
        }
    }
}

/// Selects which of two outcomes of one case to believe.
trait MaxBad {
    fn max_bad(self, other: Self) -> Self;
}

impl MaxBad for CaseStatus {
    fn max_bad(self, other: Self) -> Self {
        let rank = |s| match s {
            CaseStatus::Skipped => 0,
            CaseStatus::Passed => 1,
            CaseStatus::Failed => 2,
            CaseStatus::Errored => 3,
        };
        if rank(other) > rank(self) { other } else { self }
    }
}

/// Returns the approximate memory of a case: its id is stored twice.
fn weight(c: &CaseReport) -> usize {
    let suites: usize = c.suite.iter().map(|s| s.len() + size_of::<String>()).sum();
    let texts = c.case.len() * 2
        + c.file.as_ref().map_or(0, String::len)
        + c.message.iter().chain(&c.output).map(String::len).sum::<usize>();
    size_of::<CaseReport>() + texts + suites
}

/// The first [`CHECK_MESSAGE_BYTES_MAX`] bytes, cut at a character.
pub fn bounded_text(text: &str) -> String {
    let mut end = CHECK_MESSAGE_BYTES_MAX.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default().to_owned()
}

/// Adds a line to a block, up to the message bound.
pub fn push_line(block: &mut String, line: &str) {
    if block.len() + line.len() < CHECK_MESSAGE_BYTES_MAX {
        block.push_str(line);
        block.push('\n');
    }
}

/// A message whose first line says what happened, followed by the block unless that starts the same way.
pub fn message(headline: &str, block: &str) -> Option<String> {
    let (headline, block) = (headline.trim(), block.trim_matches('\n'));
    if headline.is_empty() {
        return Some(block.to_owned()).filter(|b| !b.trim().is_empty());
    }
    if block.trim().is_empty() || block.trim() == headline {
        return Some(headline.to_owned());
    }
    let starts_so = block.trim_start().strip_prefix(headline);
    if starts_so.is_some_and(|rest| rest.starts_with('\n')) {
        return Some(block.trim_start().to_owned());
    }
    Some(format!("{headline}\n{block}"))
}

/// Seconds as runners print them (`0.012`) to whole milliseconds.
pub fn ms_of_seconds(text: &str) -> Option<u64> {
    ms_of(text.trim().parse::<f64>().ok()? * 1000.0)
}

/// Milliseconds with a fraction to whole ones; nonsense is nothing.
pub fn ms_of(ms: f64) -> Option<u64> {
    (ms.is_finite() && (0.0..1e12).contains(&ms)).then_some(ms.round() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_of_failures_is_bounded() {
        let mut ledger = Ledger::default();
        let text = "x".repeat(CHECK_MESSAGE_BYTES_MAX);
        let name = "n".repeat(2000);
        for n in 0..20_000 {
            let mut report = case(format!("{name}{n}"), vec![], CaseStatus::Failed);
            report.message = Some(text.clone());
            ledger.report(report);
            ledger.drain();
        }
        let kept: usize = ledger.cases().iter().map(weight).sum();
        assert!(kept <= CHECK_LEDGER_BYTES_MAX, "{kept}");
        assert_eq!(ledger.summary(Some(1)).failed, 20_000, "counted all the same");
    }

    #[test]
    fn a_worse_status_stays_and_details_are_added() {
        let mut ledger = Ledger::default();
        let mut first = case("a", vec![], CaseStatus::Failed);
        first.ms = Some(3);
        ledger.report(first);
        let mut more = case("a", vec![], CaseStatus::Passed);
        more.message = Some("why".into());
        ledger.report(more);
        let got = ledger.get("a").unwrap();
        assert_eq!((got.status, got.ms, got.message.as_deref()), (CaseStatus::Failed, Some(3), Some("why")));
    }

    #[test]
    fn a_run_that_says_nothing_is_never_green() {
        let problem = |exit| Ledger::default().summary(exit).problem;
        assert_eq!(problem(Some(0)), Some(Problem::NoTests));
        assert_eq!(problem(Some(5)), Some(Problem::NoTests));
        assert_eq!(problem(Some(1)), Some(Problem::RunnerFailed));
        assert_eq!(problem(None), Some(Problem::Stopped));
    }

    #[test]
    fn messages() {
        let check =
            |first: &str, block: &str, expect: Option<&str>| assert_eq!(message(first, block).as_deref(), expect);
        check("a", "b\nc\n", Some("a\nb\nc"));
        check("a", "a\nc", Some("a\nc"));
        check("a", "ab", Some("a\nab"));
        check("", "\n", None);
        check("a", "", Some("a"));
    }
}
