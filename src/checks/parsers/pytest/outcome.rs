//! The words pytest prints for outcomes, and their lines.

use crate::checks::ledger::Totals;
use crate::model::check::CaseStatus;
use std::collections::HashSet;

/// An outcome word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Passed,
    Failed,
    Error,
    Skipped,
    Xfail,
    Xpass,
}

/// Longer words first: `XPASSED` ends with `PASSED`.
const WORDS: &[(&str, Outcome)] = &[
    ("SUBPASSED", Outcome::Passed),
    ("SUBPASS", Outcome::Passed),
    ("SUBFAILED", Outcome::Failed),
    ("SUBFAIL", Outcome::Failed),
    ("SUBSKIPPED", Outcome::Skipped),
    ("SUBSKIP", Outcome::Skipped),
    ("PASSED", Outcome::Passed),
    ("FAILED", Outcome::Failed),
    ("ERROR", Outcome::Error),
    ("SKIPPED", Outcome::Skipped),
    ("XFAIL", Outcome::Xfail),
    ("XPASS", Outcome::Xpass),
    ("RERUN", Outcome::Skipped),
];

impl Outcome {
    /// An expected failure counts as skipped, as in pytest's own JUnit report.
    pub fn status(self) -> CaseStatus {
        match self {
            Self::Passed | Self::Xpass => CaseStatus::Passed,
            Self::Failed => CaseStatus::Failed,
            Self::Error => CaseStatus::Errored,
            Self::Skipped | Self::Xfail => CaseStatus::Skipped,
        }
    }

    /// True for a line that starts with an outcome word.
    pub fn begins(line: &str) -> bool {
        word_at(line).is_some()
    }

    /// An outcome at the start of a line, with the reason in parentheses.
    pub fn leading(line: &str) -> Option<(Self, Option<String>)> {
        let (_, outcome, rest) = word_at(line)?;
        let rest = rest.trim_start();
        rest.is_empty().then_some((outcome, None)).or_else(|| Some((outcome, reason(rest)?)))
    }
}

/// The word a text starts with, and what follows it.
fn word_at(text: &str) -> Option<(&'static str, Outcome, &str)> {
    let (word, outcome) = WORDS.iter().find(|(w, _)| text.starts_with(w))?;
    let rest = text.get(word.len()..)?;
    (rest.is_empty() || rest.starts_with([' ', '[', '('])).then_some((*word, *outcome, rest))
}

/// `(why)   [ 50%]` or `[ 50%]`: the reason, if it is one; `None` when something else follows.
fn reason(rest: &str) -> Option<Option<String>> {
    let rest = match rest.rsplit_once('[') {
        Some((head, tail)) if tail.trim_end().ends_with(']') && is_progress(tail) => head.trim_end(),
        _ => rest.trim_end(),
    };
    if rest.is_empty() {
        return Some(None);
    }
    let inner = rest.strip_prefix('(')?;
    Some(Some(inner.strip_suffix(')').unwrap_or(inner).to_owned()))
}

/// `50%]`, `3/14]` or `12s]`.
fn is_progress(tail: &str) -> bool {
    tail.trim_end()
        .trim_end_matches(']')
        .bytes()
        .all(|b| b.is_ascii_digit() || matches!(b, b' ' | b'%' | b'/' | b'.' | b's' | b'm' | b'u'))
}

/// Returns whether a token looks like `path.py::name`.
pub fn is_node_id(token: &str) -> bool {
    token.split_once("::").is_some_and(|(file, name)| file.contains('.') && !name.is_empty())
}

/// `tests/t.py::test_a[x - y] PASSED   [ 14%]`; of xdist `[gw0] [ 14%] PASSED tests/t.py::test_a`.
pub fn verbose_line(line: &str) -> Option<(String, Outcome, Option<String>)> {
    if line.starts_with("[gw") {
        let rest = line.split_once("] ")?.1.trim_start();
        let rest = if rest.starts_with('[') { rest.split_once("] ")?.1 } else { rest };
        let (_, outcome, id) = word_at(rest)?;
        return is_node_id(id.trim()).then(|| (id.trim().to_owned(), outcome, None));
    }
    let from = line.find("::")?;
    if line.starts_with(' ') {
        return None;
    }
    // An id may hold any text, also outcome words: the last word that leaves a whole id before it is the outcome.
    for (gap, _) in line.rmatch_indices(' ').filter(|(at, _)| *at > from) {
        let Some((word, outcome, rest)) = line.get(gap + 1..).and_then(word_at) else {
            continue;
        };
        let id = line.get(..gap)?;
        if !is_whole(id) {
            continue;
        }
        if word.starts_with("SUB") {
            let rest = rest.rsplit_once('[').filter(|(_, t)| is_progress(t)).map_or(rest, |(head, _)| head);
            return Some((format!("{id} {}", rest.trim()).trim_end().to_owned(), outcome, None));
        }
        if let Some(why) = reason(rest.trim_start()) {
            return Some((id.to_owned(), outcome, why));
        }
    }
    None
}

/// Returns whether a text can be a whole node id: parameters end with their bracket, and names without any contain no
/// blanks.
fn is_whole(id: &str) -> bool {
    let name = id.split_once("::").map_or("", |(_, name)| name);
    if name.contains('[') { id.ends_with(']') } else { !name.is_empty() && !name.contains(' ') }
}

/// `FAILED tests/t.py::test_a - why`, `SUBFAILED[i] (i=1) tests/t.py::test_a - why`, `ERROR tests/t.py`.
/// Skips name a line, not a case, and are left to the totals.
pub fn short_summary(line: &str, seen: &HashSet<String>) -> Option<(Outcome, String, Option<String>)> {
    let (word, outcome, rest) = word_at(line)?;
    if word == "SKIPPED" {
        return None;
    }
    if word.starts_with("SUB") {
        let cut = rest
            .match_indices(' ')
            .find(|(at, _)| rest.get(at + 1..).is_some_and(|t| is_node_id(t.split(' ').next().unwrap_or_default())))?;
        let (params, tail) = rest.split_at(cut.0);
        let (id, why) = split_reason(tail.trim(), seen);
        return Some((outcome, format!("{id} {}", params.trim()).trim_end().to_owned(), why));
    }
    let (id, why) = split_reason(rest.trim(), seen);
    (!id.is_empty() && !id.starts_with('[')).then(|| (outcome, id.to_owned(), why))
}

/// Splits an id from its reason: at the ` - ` behind an id that had a result, else behind one that is whole.
fn split_reason<'a>(text: &'a str, seen: &HashSet<String>) -> (&'a str, Option<String>) {
    let ids = || std::iter::once(text).chain(text.match_indices(" - ").filter_map(|(at, _)| text.get(..at)));
    let id =
        ids().find(|id| seen.contains(*id)).or_else(|| ids().skip(1).find(|id| is_whole(id) || !id.contains("::")));
    let id = id.unwrap_or(text);
    let why = text.get(id.len()..).and_then(|rest| rest.strip_prefix(" - ")).filter(|why| !why.is_empty());
    (id, why.map(str::to_owned))
}

/// `7 failed, 4 passed, 1 skipped, 1 xfailed, 1 error in 0.07s`.
pub fn totals(line: &str) -> Option<Totals> {
    let (counts, time) = line.trim_matches('=').trim().rsplit_once(" in ")?;
    time.split([' ', 's']).next()?.parse::<f64>().ok()?;
    let mut t = Totals::default();
    for part in counts.split(", ") {
        let (n, what) = part.split_once(' ')?;
        let n: u32 = if n == "no" { 0 } else { n.parse().ok()? };
        match what {
            "passed" | "xpassed" => t.passed = t.passed.saturating_add(n),
            "failed" => t.failed = t.failed.saturating_add(n),
            "error" | "errors" => t.errored = t.errored.saturating_add(n),
            "skipped" | "xfailed" => t.skipped = t.skipped.saturating_add(n),
            _ => {}
        }
    }
    Some(t)
}
