//! Claims that tests pass, told from wishes, questions and negations. Whether a claim is true is for whoever has seen
//! the runs.

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
}
