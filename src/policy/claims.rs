//! Claims that tests pass, told apart from wishes, questions and negations, and compared with the observed runs.

use crate::model::Kind;
use crate::model::event::OutcomeWord;
use crate::model::session::{Phase, Session};
use regex::Regex;
use std::sync::OnceLock;

fn pattern() -> Option<&'static Regex> {
    static PATTERN: OnceLock<Option<Regex>> = OnceLock::new();
    let text = r"(?i)\b(all|the)\s+(\d+\s+)?(unit\s+)?tests?\s+(are\s+|is\s+|now\s+|have\s+|has\s+|all\s+)*(pass(es|ed|ing)?|green|succeed(ed|s)?)\b";
    PATTERN.get_or_init(|| Regex::new(text).ok()).as_ref()
}

/// The words that claim that tests are green.
pub fn of_green_tests(text: &str) -> Option<&str> {
    let found = pattern()?.find(text)?;
    let before: String =
        text.get(..found.start())?.chars().rev().take(24).collect::<Vec<_>>().into_iter().rev().collect();
    let hedges =
        ["not", "if", "whether", "until", "make", "so that", "should", "will", "n't", "ensure", "verify", "check"];
    let is_hedged = hedges.iter().any(|hedge| before.to_lowercase().contains(hedge));
    (!is_hedged).then(|| found.as_str())
}

/// Returns whether a goal or a report is about tests and their outcome. A word that only contains "test" (latest) does
/// not count. A word that only holds "test" (latest) does not count.
pub fn is_about_passing(text: &str) -> bool {
    let text = text.to_lowercase();
    let mut words = text.split(|sign: char| !sign.is_alphabetic());
    let has = |word: &str, heads: &[&str]| heads.iter().any(|head| word.starts_with(head));
    words.clone().any(|word| has(word, &["test"]))
        && words.any(|word| has(word, &["pass", "fail", "green", "fix", "repair", "broke", "succe"]))
}

/// In words, when the text says that tests pass and no run of the workspace as it is now was green.
pub fn contradicted(text: &str, session: &Session) -> Option<String> {
    let said = of_green_tests(text)?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_is_told_from_a_wish() {
        for claim in [
            "Done. All tests pass now.",
            "All 31 tests passed",
            "The tests are green.",
            "I fixed it. The tests now pass",
        ] {
            assert!(of_green_tests(claim).is_some(), "{claim}");
        }
        for wish in [
            "I will make the tests pass.",
            "Next I check whether all tests pass",
            "Make the failing tests pass.",
            "two tests fail",
        ] {
            assert_eq!(of_green_tests(wish), None, "{wish}");
        }
    }

    #[test]
    fn only_what_is_about_the_end_of_tests_asks_for_a_run() {
        for text in ["Make the failing tests pass", "All tests are green.", "I fixed it; it was tested"] {
            assert!(is_about_passing(text), "{text}");
        }
        for text in ["Use the latest release", "Explain how the tests are laid out", "It passes the contest on", ""] {
            assert!(!is_about_passing(text), "{text}");
        }
    }
}
