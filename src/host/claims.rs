//! What an agent claims about tests, held against the runs that the host observed.

use crate::checks::claim;
use crate::model::Kind;
use crate::model::event::OutcomeWord;
use crate::model::session::{Phase, Session};

/// In words, when the text says that tests pass and no run of the workspace as it is now was green.
pub fn of_green_tests(text: &str, session: &Session) -> Option<String> {
    let said = claim::of_green_tests(text)?;
    let run = session.checks.latest_workspace();
    let changed_since = run.is_some_and(|run| {
        let mut edits = session.actions.iter().filter(|a| a.action.kind() == Kind::Edit);
        edits.any(|a| a.phase == Phase::Finished(OutcomeWord::Ok) && a.times.finished_at > run.finished_at)
    });
    match run.and_then(|run| run.finished.as_ref()) {
        None => Some(format!("the agent says \u{201c}{said}\u{201d}, but no test run was observed")),
        Some(_) if changed_since => {
            Some(format!("the agent says \u{201c}{said}\u{201d}, but files changed after the last observed run"))
        }
        Some(finished) if !finished.is_green() => {
            let how = match (finished.failed, &finished.problem) {
                (0, Some(problem)) => problem.clone(),
                (0, None) => format!("it ended with exit code {}", finished.exit.unwrap_or(-1)),
                (failed, _) => format!("{failed} failed"),
            };
            Some(format!("the agent says \u{201c}{said}\u{201d}, but the last observed run was not green: {how}"))
        }
        Some(_) => None,
    }
}
