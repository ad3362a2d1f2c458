//! Weakened tests, found by comparing both sides of a change before anything runs: cases deleted or skipped, assertions
//! removed, loosened or bypassed, expected values set to what the failing run printed.
//!
//! Python, JavaScript, TypeScript, Rust, Go, Java and Ruby are parsed; expected values are compared in any text. It is
//! a finding, not a proof: a helper with a telling name counts as an assertion, and what a case calls is not followed.

mod cases;
mod compare;
mod observed;
mod strength;

use crate::base::RelPath;
use crate::checks::is_test;
use crate::model::Session;
use crate::policy::Side;
use crate::policy::limits::{
    WEAKENED_CHANGE_BYTES_MAX, WEAKENED_FAILURES_MAX, WEAKENED_SHOWN_MAX, WEAKENED_TEXT_CHARS_MAX,
};
use crate::syntax::Language;
use cases::Case;

/// The way in which a test checks less.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum How {
    Deleted,
    Skipped,
    /// The others of its file do not run.
    Only,
    Removed,
    Loosened,
    /// Its failure is caught.
    Caught,
    /// The case ends before it.
    Unreached,
    /// It is below a condition that it was not below.
    Conditional,
    /// What is expected became what the failing run printed.
    Observed,
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Weakening {
    pub path: RelPath,
    /// From 1: in the new text, or in the old one where the new one has no such line.
    pub line: u32,
    pub how: How,
    /// In words, with foreign text in it.
    pub text: String,
}

/// What a change weakens. `failures` are the messages of the cases that fail now. Both sides of a case may be in
/// different files of the change.
pub fn found(sides: &[Side<'_>], failures: &[&str]) -> Vec<Weakening> {
    let mut found = Vec::new();
    let mut room = WEAKENED_CHANGE_BYTES_MAX;
    let mut pairs: Vec<(&Side<'_>, Vec<Case>, Vec<Case>)> = Vec::new();
    for side in sides {
        let bytes = [side.before, side.after].map(|text| text.map_or(0, <[u8]>::len)).iter().sum();
        let Some(rest) = room.checked_sub(bytes) else { continue };
        room = rest;
        if is_test(side.path) {
            found.extend(observed::found(side, failures));
        }
        let Some(language) = language_of(side) else { continue };
        let read = |text: Option<&[u8]>| cases::of(language, text.unwrap_or_default());
        // A side that cannot be parsed proves nothing.
        let (Some(before), Some(after)) = (read(side.before), read(side.after)) else { continue };
        pairs.push((side, before, after));
    }
    let new: Vec<&Case> = pairs.iter().flat_map(|(_, _, after)| after).collect();
    for (side, before, after) in &pairs {
        let mut less = compare::compare(before, after, &new);
        // The value says more than the assertion around it.
        let said: Vec<u32> = found.iter().filter(|w| &w.path == side.path).map(|w| w.line).collect();
        less.retain(|(line, how, _)| *how != How::Loosened || !said.contains(line));
        let whole = |(line, how, text)| Weakening { path: side.path.clone(), line, how, text };
        found.extend(less.into_iter().map(whole));
    }
    found.sort_by(|a, b| (&a.path, a.line, a.how).cmp(&(&b.path, b.line, b.how)));
    found
}

/// The findings in one sentence; `None` for none.
pub fn words(who: &str, found: &[Weakening]) -> Option<String> {
    let first = found.iter().take(WEAKENED_SHOWN_MAX);
    let first: Vec<String> = first.map(|w| format!("{}:{}: {}", w.path, w.line, w.text)).collect();
    let more = match found.len().saturating_sub(first.len()) {
        0 => String::new(),
        more => format!("; and {more} more"),
    };
    (!first.is_empty()).then(|| format!("{who} weakens tests: {}{more}", first.join("; ")))
}

/// The messages of the cases that fail now, from which an expected value may have been taken.
pub fn failures(session: &Session) -> Vec<&str> {
    let run = session.checks.latest_workspace();
    let bad = run.into_iter().flat_map(|run| &run.cases).filter(|case| case.status.is_bad());
    bad.filter_map(|case| case.message.as_deref()).take(WEAKENED_FAILURES_MAX).collect()
}

/// Returns whether a file of this name may hold tests that are compared.
pub fn may_be_in(path: &RelPath) -> bool {
    is_test(path) || Language::detect(path.as_str(), b"") == Some(Language::Rust)
}

/// The language of a file that may hold test cases: a Rust source may, otherwise its path says so.
fn language_of(side: &Side<'_>) -> Option<Language> {
    let language = side.language()?;
    match language {
        // Most sources have no test in them.
        Language::Rust => {
            let has_test = |text: &[u8]| ["test]", "test(", "rstest"].iter().any(|mark| has(text, mark));
            side.before.is_some_and(has_test).then_some(language)
        }
        Language::Python
        | Language::JavaScript
        | Language::TypeScript
        | Language::Tsx
        | Language::Go
        | Language::Java
        | Language::Ruby => is_test(side.path).then_some(language),
        Language::C
        | Language::Cpp
        | Language::Bash
        | Language::Json
        | Language::Toml
        | Language::Html
        | Language::Css
        | Language::Markdown => None,
    }
}

fn has(text: &[u8], mark: &str) -> bool {
    memchr::memmem::find(text, mark.as_bytes()).is_some()
}

/// A piece of code in a sentence, cut.
fn quoted(code: &str) -> String {
    let mut cut: String = code.chars().take(WEAKENED_TEXT_CHARS_MAX).collect();
    if cut.len() < code.len() {
        cut.push('\u{2026}');
    }
    format!("`{cut}`")
}

#[cfg(test)]
mod tests;
