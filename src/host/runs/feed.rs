//! Runs of checks that are under way: output in, check events out.

use crate::base::RunId;
use crate::checks::{self, CheckEvent, CheckStream, Summary};
use crate::host::ChecksSetup;
use crate::model::Event;
use crate::model::check::RunReport;
use crate::model::check::{CaseReport, CheckFinished, CheckReported, Tree};
use crate::model::event::Stream;
use crate::model::session::Session;
use std::collections::{BTreeMap, BTreeSet};

/// One run under way. The two streams of a command are cut into lines apart, so that neither tears the other's.
pub struct Feed {
    pub run: RunId,
    /// The cases that were asked for; empty for all.
    asked: BTreeSet<String>,
    stream: CheckStream,
    partial: BTreeMap<bool, Vec<u8>>,
    cases: BTreeMap<String, CaseReport>,
}

impl Feed {
    pub fn new(run: RunId, setup: &ChecksSetup, asked: &[String]) -> Self {
        let stream = match setup.patterns.clone() {
            Some(patterns) => CheckStream::with(patterns, setup.place.clone()),
            None => CheckStream::new(setup.parser, setup.place.clone()),
        };
        Self { run, asked: asked.iter().cloned().collect(), stream, partial: BTreeMap::new(), cases: BTreeMap::new() }
    }

    /// Takes a chunk of one stream; gives what became known.
    pub fn feed(&mut self, from: Stream, bytes: &[u8]) -> Vec<Event> {
        let partial = self.partial.entry(from == Stream::Stderr).or_default();
        partial.extend_from_slice(bytes);
        let Some(end) = partial.iter().rposition(|b| *b == b'\n') else { return Vec::new() };
        let rest = partial.split_off(end + 1);
        let whole = std::mem::replace(partial, rest);
        let events = self.stream.feed(&whole);
        self.reported(events).0
    }

    /// The command has ended (`None`: it was stopped).
    pub fn finish(mut self, exit: Option<i32>, session: &Session, tree: Tree) -> (Vec<Event>, RunReport) {
        let rest: Vec<u8> = std::mem::take(&mut self.partial).into_values().flatten().collect();
        let mut events = self.stream.feed(&rest);
        events.extend(self.stream.finish(exit));
        let (mut events, summary) = self.reported(events);
        let summary = Summary { exit, ..summary.unwrap_or_default() };
        let finished = self.compared(summary, session, tree);
        events.push(Event::CheckFinished(finished.clone()));
        let report = RunReport { run: self.run, finished, cases: self.cases.into_values().collect() };
        (events, report)
    }

    fn reported(&mut self, events: Vec<CheckEvent>) -> (Vec<Event>, Option<Summary>) {
        let mut out = Vec::new();
        let mut summary = None;
        for event in events {
            match event {
                CheckEvent::Reported(report) => {
                    self.cases.insert(report.case.clone(), report.clone());
                    out.push(Event::CheckReported(CheckReported { run: self.run.clone(), report }));
                }
                CheckEvent::Finished(s) => summary = Some(s),
            }
        }
        (out, summary)
    }

    /// Compares with the last whole run on the workspace. Flaky: the tree is the same and the status is not.
    fn compared(&self, summary: Summary, session: &Session, tree: Tree) -> CheckFinished {
        let mut finished = summary.finished(self.run.clone());
        let Some(before) = session.checks.latest_workspace() else { return finished };
        let here = session.checks.get(&self.run).map(|r| r.started.digest);
        let is_same_tree = tree == Tree::Workspace && here == Some(before.started.digest);
        let cases: Vec<CaseReport> = self.cases.values().cloned().collect();
        let change = match self.asked.is_empty() {
            true => checks::compare(&before.cases, &cases),
            false => checks::compare_some(&before.cases, &cases, &self.asked),
        };
        if is_same_tree {
            finished.flaky = change.fixed.into_iter().chain(change.broken).collect();
        } else {
            (finished.fixed, finished.broken, finished.silenced) = (change.fixed, change.broken, change.silenced);
        }
        finished
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::{ParserKind, ProjectRoot};
    use crate::model::Command;

    /// Skipping a failing test does not repair it.
    #[test]
    fn a_failing_test_that_is_skipped_now_is_silenced_and_not_fixed() {
        use crate::model::check::{CaseStatus, CheckStarted};
        let mut session = Session::default();
        let mut seq = 0;
        let mut apply = |session: &mut Session, event: Event| {
            seq += 1;
            session.apply(&crate::model::Envelope { seq: crate::base::Seq(seq), at: crate::base::UnixMs(0), event });
        };
        let mut run = |session: &mut Session, name: &str, tree: &[u8], text: &str| {
            let started = CheckStarted {
                run: name.into(),
                command: "cargo test".into(),
                tree: Tree::Workspace,
                digest: crate::base::Digest::of(tree),
                action: None,
                what: None,
                cases: Vec::new(),
                search: false,
            };
            apply(session, Event::CheckStarted(started));
            let setup =
                ChecksSetup::new(Command::argv(["cargo", "test"]), ParserKind::Libtest, ProjectRoot::default(), None);
            let mut feed = Feed::new(name.into(), &setup, &[]);
            let mut events = feed.feed(Stream::Stdout, text.as_bytes());
            let (late, report) = feed.finish(Some(0), session, Tree::Workspace);
            events.extend(late);
            events.into_iter().for_each(|event| apply(session, event));
            report
        };
        let text = |a: &str, b: &str| format!("running 2 tests\ntest a ... {a}\ntest b ... {b}\n");
        run(&mut session, "r1", b"1", &text("FAILED", "FAILED"));
        let report = run(&mut session, "r2", b"2", &text("ignored", "ok"));
        assert_eq!((report.finished.fixed, report.finished.silenced), (vec![" b".to_owned()], vec![" a".to_owned()]));
        assert!(report.cases.iter().any(|c| c.status == CaseStatus::Skipped));
    }

    fn feed_of(parser: ParserKind) -> Feed {
        let setup = ChecksSetup::new(Command::argv(["cargo", "test"]), parser, ProjectRoot::default(), None);
        Feed::new("r1".into(), &setup, &[])
    }

    #[test]
    fn torn_streams_are_read_line_by_line() {
        let mut feed = feed_of(ParserKind::Libtest);
        let mut events = Vec::new();
        for (stream, text) in [
            (Stream::Stderr, "   Compiling"),
            (Stream::Stderr, " tally v0.1.0 (/x)\n"),
            (
                Stream::Stderr,
                "    Finished `test` profile\n     Running tests/calculator.rs (target/debug/deps/calculator-1)\n",
            ),
            (Stream::Stdout, "\nrunning 2 tests\ntest a_num"),
            (Stream::Stderr, "noise\n"),
            (Stream::Stdout, "ber ... ok\ntest b ... FAILED\n"),
            (
                Stream::Stdout,
                "\nfailures:\n\n---- b stdout ----\n\nthread 'b' (7) panicked at src/lib.rs:3:5:\nleft\n\n\nfailures:\n    b\n\ntest result: FAILED. 1 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s\n",
            ),
        ] {
            events.extend(feed.feed(stream, text.as_bytes()));
        }
        let (late, report) = feed.finish(Some(101), &Session::default(), Tree::Workspace);
        events.extend(late);
        assert_eq!((report.finished.passed, report.finished.failed), (1, 1), "{events:?}");
    }
}
