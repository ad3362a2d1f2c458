//! What an agent claims about tests, held against the runs that the host observed.

use crate::model::event::OutcomeWord;
use crate::model::session::{Phase, Session};
use regex::Regex;
use std::sync::OnceLock;

/// Ways to say that the tests are green; a negation or a question before it does not count.
fn pattern() -> Option<&'static Regex> {
    static PATTERN: OnceLock<Option<Regex>> = OnceLock::new();
    let text = r"(?i)\b(all|the)\s+(\d+\s+)?(unit\s+)?tests?\s+(are\s+|is\s+|now\s+|have\s+|has\s+|all\s+)*(pass(es|ed|ing)?|green|succeed(ed|s)?)\b";
    PATTERN.get_or_init(|| Regex::new(text).ok()).as_ref()
}

/// In words, when the text says that tests pass and no run of the workspace as it is now was green.
pub fn of_green_tests(text: &str, session: &Session) -> Option<String> {
    let found = pattern()?.find(text)?;
    let before: String =
        text.get(..found.start())?.chars().rev().take(24).collect::<Vec<_>>().into_iter().rev().collect();
    let hedges =
        ["not", "if", "whether", "until", "make", "so that", "should", "will", "n't", "ensure", "verify", "check"];
    if hedges.iter().any(|hedge| before.to_lowercase().contains(hedge)) {
        return None;
    }
    let run = session.checks.latest_workspace();
    let changed_since = run.is_some_and(|run| {
        let mut edits = session.actions.iter().filter(|a| a.action.files.is_some());
        edits.any(|a| a.phase == Phase::Finished(OutcomeWord::Ok) && a.finished_at > run.finished_at)
    });
    let said = found.as_str();
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_is_told_from_a_wish() {
        let check = |text: &str, claims: bool| {
            assert_eq!(of_green_tests(text, &Session::default()).is_some(), claims, "{text}");
        };
        check("Done. All tests pass now.", true);
        check("All 31 tests passed", true);
        check("The tests are green.", true);
        check("I will make the tests pass.", false);
        check("Next I check whether all tests pass", false);
        check("Make the failing tests pass.", false);
        check("two tests fail", false);
    }
}
