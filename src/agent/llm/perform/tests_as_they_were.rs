//! The run with the original tests, in a private candidate, when tests were changed while they failed.

use crate::agent::llm::limits;
use crate::base::RelPath;
use crate::model::{AlarmKind, Body, Command, Evidence, EvidenceKind, Proposal, Trial, TrialBudget};
use crate::port::{Desk, FromAgent, Interrupted, TrialError};
use std::collections::BTreeMap;

/// Requests and makes the run. Returns the message about it to the model and the supervisor.
pub(super) async fn run(
    desk: &mut Desk,
    command: &Command,
    originals: BTreeMap<RelPath, Option<Vec<u8>>>,
) -> Result<String, Interrupted> {
    let names: Vec<&str> = originals.keys().map(RelPath::as_str).collect();
    let names = names.join(", ");
    let why = "tests were changed while they failed; this run uses the original tests";
    let evidence = originals
        .keys()
        .map(|path| Evidence::new(EvidenceKind::Read, format!("{path} as it was")).at(path.as_str(), None));
    let mut proposal = Proposal::new(
        format!("run the tests with the original {names} in a private copy"),
        Body::Command(command.clone()),
    )
    .because(why, evidence.collect());
    proposal.trial =
        Some(TrialBudget { runs_max: 1, wall_ms_max: limits::ORIGINAL_TESTS_MS_MAX, commands: vec![command.clone()] });
    let settled = desk.propose(proposal).await?;
    let (true, Some(action)) = (settled.performed.is_some(), settled.action) else {
        return Ok(format!("The original tests ({names}) were not run: {}", settled.answer.message()));
    };
    let trial = Trial {
        what: format!("the original {names}"),
        edits: originals.into_iter().collect(),
        command: 0,
        env: Vec::new(),
        timeout_ms: command.timeout_ms,
        collect: Vec::new(),
        record_cases: true,
    };
    let words = match desk.trial(&action, trial).await {
        Ok(output) => match output.report {
            Some(report) if report.finished.is_green() => {
                format!("With the original {names}, all {} tests pass as well.", report.finished.passed)
            }
            Some(report) => {
                let seen = &report.finished;
                let fail = if seen.failed == 1 { "test fails" } else { "tests fail" };
                format!("With the original {names}, {} {fail} and {} pass.", seen.failed, seen.passed)
            }
            None => format!("With the original {names}, the run ended with exit code {:?}.", output.exit),
        },
        Err(TrialError::Refused(why)) => format!("The original tests could not be run: {why}"),
        Err(TrialError::Interrupted(interrupted)) => return Err(interrupted),
    };
    desk.send(FromAgent::Alarm { what: AlarmKind::TestTampering, ticket: None, text: words.clone() }).await?;
    Ok(words)
}
