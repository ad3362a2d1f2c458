//! Whether changed words are still the same thing. The words are foreign and the comparison is quadratic, so it is bounded.

use crate::diff::likeness;
use crate::model::limits::{PLAN_LIKENESS_BYTES_MAX, PLAN_LIKENESS_MIN};

/// How much two texts have in common, where that is enough. Long texts are alike only when they are equal.
pub(in crate::model) fn alike(old: &str, new: &str) -> Option<f32> {
    if old == new {
        return Some(1.0);
    }
    let (short, long) = (old.len().min(new.len()), old.len().max(new.len()));
    // Texts of such different lengths cannot be alike enough.
    if long > PLAN_LIKENESS_BYTES_MAX || short * 10 < long * 6 {
        return None;
    }
    Some(likeness(old, new)).filter(|alike| *alike >= PLAN_LIKENESS_MIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_texts_of_a_bounded_size_are_compared() {
        assert!(alike("fix add", "fix adds").is_some());
        assert_eq!(alike("fix add", "write a poem"), None);
        let long = "x".repeat(PLAN_LIKENESS_BYTES_MAX);
        assert_eq!(alike(&long, &format!("{long}y")), None);
        assert_eq!(alike(&format!("{long}y"), &format!("{long}y")), Some(1.0));
    }
}
