//! The outcome of a session, in a word and in a few lines.

use crate::model::Session;
use crate::model::event::{Decider, SessionOutcome, TurnEnd, Verdict};

/// Returns the outcome of a session that ends now.
pub fn outcome(session: &Session) -> SessionOutcome {
    let refused = session.turns.last_end.as_ref().is_some_and(|turn| turn.reason == TurnEnd::Refusal);
    let canceled = session.turns.last_end.as_ref().is_some_and(|turn| turn.reason == TurnEnd::Canceled);
    if session.stops.last.is_some() || canceled {
        SessionOutcome::Stopped
    } else if session.agent.lost.is_some() || refused {
        SessionOutcome::Failed
    } else {
        SessionOutcome::Done
    }
}

/// A few lines for the end of a session.
pub fn report(session: &Session, why: &str) -> String {
    let by = |v: Verdict| {
        session
            .actions
            .iter()
            .filter(|a| a.decided.as_ref().is_some_and(|d| d.verdict == v && matches!(d.by, Decider::Human(_))))
            .count()
    };
    let tests = session.checks.latest_workspace().and_then(|r| r.finished.as_ref()).map_or_else(
        || "no test run was observed".to_owned(),
        |f| format!("the last test run on the workspace: {} passed, {} failed", f.passed, f.failed),
    );
    let counted = |n: usize, what: &str| format!("{n} {what}{}", if n == 1 { "" } else { "s" });
    let verdicts = [Verdict::Approve, Verdict::ApproveEdited, Verdict::Deny, Verdict::Redirect];
    let verdicts = verdicts.map(|verdict| (by(verdict), verdict.words()));
    let verdicts: Vec<String> =
        verdicts.iter().filter(|(n, _)| *n > 0).map(|(n, words)| format!("{n} {words}")).collect();
    let verdicts = if verdicts.is_empty() { "none decided".to_owned() } else { verdicts.join(", ") };
    format!(
        "{why}\n{}; by you: {verdicts}; {tests}; {}.",
        counted(session.actions.len(), "action"),
        counted(usize::try_from(session.alarms.total).unwrap_or(usize::MAX), "alarm"),
    )
}
