//! The tests as they were before the agent changed them, for a run of the change against them.

use super::Gate;
use crate::base::{ActionId, RelPath};
use crate::checks::is_test;
use crate::host::limits::CASES_NAMED_MAX;
use crate::model::action::Author;
use crate::model::check::{CaseReport, RunReport};
use crate::model::event::{AgentNoted, Alarm, Decider, Event, OutcomeWord};
use crate::model::session::{ActionState, Phase};
use crate::model::{AlarmKind, FileEdit, NoteKind};
use std::collections::BTreeMap;

/// Contents by path; `None` for a file that was not there.
pub type Edits = Vec<(RelPath, Option<Vec<u8>>)>;

/// The change with the tests as they were when the user last approved a change of them, or before the session; `None` when
/// no test is changed. Tests inside sources (Rust) cannot be told
/// apart and stay as they are proposed.
pub fn with_originals(gate: &Gate, files: &[FileEdit], edits: &Edits) -> Option<(Edits, Vec<RelPath>)> {
    let mut originals: BTreeMap<RelPath, Option<Vec<u8>>> = BTreeMap::new();
    let session = gate.session();
    let done = session.actions.iter().filter(|s| s.phase == Phase::Finished(OutcomeWord::Ok) && !s.reverted);
    // What the user has approved is the original from then on.
    let is_seen = |state: &ActionState| {
        let by_user = state.decided.as_ref().is_some_and(|decided| matches!(decided.by, Decider::Human(_)));
        by_user || state.action.author == Author::Human
    };
    let earlier = done.flat_map(|state| state.action.files().iter().map(move |file| (is_seen(state), file)));
    for (is_seen, file) in
        earlier.chain(files.iter().map(|file| (false, file))).filter(|(_, file)| is_test(file.source()))
    {
        if is_seen {
            originals.remove(file.source());
            originals.remove(&file.path);
            continue;
        }
        // A new test is no original.
        let Some(before) = &file.before else { continue };
        // Without its text there is no run: a test that is left out would make it green.
        let bytes = gate.bytes_of(before)?;
        originals.entry(file.source().clone()).or_insert(Some(bytes));
        if file.from.is_some() {
            originals.entry(file.path.clone()).or_insert(None);
        }
    }
    if originals.is_empty() || !files.iter().any(|file| !is_test(&file.path) || originals.contains_key(file.source())) {
        return None;
    }
    let names = originals.keys().cloned().collect();
    let others = edits.iter().filter(|(path, _)| !originals.contains_key(path)).cloned().collect::<Vec<_>>();
    Some((others.into_iter().chain(originals).collect(), names))
}

/// Runs with the original tests, by the action of the test that they are part of, until the run with the proposed ones is
/// over: what fails in both is not hidden by the proposed ones.
#[derive(Debug, Default)]
pub struct Waiting(BTreeMap<ActionId, (ActionId, Vec<RelPath>, RunReport)>);

impl Waiting {
    /// A run of this test is over, one with the original tests where they are named; or there is no further one.
    pub fn done(
        &mut self,
        gate: &mut Gate,
        test: &ActionId,
        originals: Option<&(ActionId, Vec<RelPath>)>,
        report: Option<&RunReport>,
    ) {
        match (originals, report) {
            (Some((target, tests)), Some(report)) => {
                self.0.insert(test.clone(), (target.clone(), tests.clone(), report.clone()));
            }
            (Some(_), None) => {}
            (None, proposed) => {
                if let Some((target, tests, originals)) = self.0.remove(test) {
                    tell(gate, &target, &tests, (&originals, proposed));
                }
            }
        }
    }
}

/// Says how the run with the original tests ended: an alarm where tests fail that pass or are missing among the `proposed`
/// ones, else a note.
fn tell(gate: &mut Gate, target: &ActionId, tests: &[RelPath], of: (&RunReport, Option<&RunReport>)) {
    let (report, proposed) = of;
    let tests = tests.iter().map(RelPath::as_str).collect::<Vec<_>>().join(", ");
    let seen = &report.finished;
    if seen.is_green() {
        let text = format!("with the original {tests}, all {} tests pass with {target} as well", seen.passed);
        gate.record(Event::AgentNoted(AgentNoted::new(NoteKind::Trial, text)));
        return;
    }
    let fails = |case: &CaseReport| {
        let mut cases = proposed.iter().flat_map(|run| &run.cases);
        cases.any(|own| own.case == case.case && own.status.is_bad())
    };
    let (known, bad): (Vec<&CaseReport>, Vec<_>) =
        report.cases.iter().filter(|case| case.status.is_bad()).partition(|case| fails(case));
    if bad.is_empty() && !known.is_empty() {
        let text = format!("with the original {tests} and {target}, no other tests fail than with the proposed ones");
        gate.record(Event::AgentNoted(AgentNoted::new(NoteKind::Trial, text)));
        return;
    }
    let first: Vec<&str> = bad.iter().take(CASES_NAMED_MAX).map(|case| case.case.as_str()).collect();
    let more = match bad.len().saturating_sub(first.len()) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let ended = match (&seen.problem, seen.failed) {
        (Some(problem), 0) => problem.clone(),
        (None, 0) => format!("the run ended with exit code {}", seen.exit.unwrap_or(-1)),
        (_, failed) if bad.is_empty() => format!("{failed} fail"),
        (_, _) if bad.len() == 1 => format!("1 test fails: {}", first.join(", ")),
        (_, _) => format!("{} tests fail: {}{more}", bad.len(), first.join(", ")),
    };
    let text = format!("with the original {tests} and {target}, {ended}");
    gate.record(Event::Alarm(Alarm { what: AlarmKind::TestTampering, action: Some(target.clone()), text }));
}
