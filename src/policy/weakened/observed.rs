//! Expected values that became what the failing run printed.

use super::{How, Weakening, quoted};
use crate::diff::{DiffLine, FileDiff, LineKind};
use crate::policy::Side;
use crate::policy::limits::{WEAKENED_FAILURES_MAX, WEAKENED_FILE_BYTES_MAX};
use regex::Regex;
use std::collections::BTreeMap;
use std::sync::OnceLock;

/// Quoted texts, numbers, and the names of constants.
fn literal() -> Option<&'static Regex> {
    static PATTERN: OnceLock<Option<Regex>> = OnceLock::new();
    let text = r#""(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|-?\b\d[\w.]*\b|\b(?:true|false|True|False|None|null|nil|undefined|NaN)\b"#;
    PATTERN.get_or_init(|| Regex::new(text).ok()).as_ref()
}

/// The values in a text, without their quotes, and how often each is there.
fn literals(text: &str) -> BTreeMap<&str, usize> {
    let mut found = BTreeMap::new();
    for value in literal().into_iter().flat_map(|pattern| pattern.find_iter(text)).map(|m| m.as_str()) {
        let is_quoted = value.len() >= 2 && value.starts_with(['"', '\'']);
        let bare = if is_quoted { value.get(1..value.len() - 1).unwrap_or(value) } else { value };
        *found.entry(bare).or_default() += 1;
    }
    found
}

/// The values that the first text has more often.
fn more<'a>(one: &BTreeMap<&'a str, usize>, other: &BTreeMap<&str, usize>) -> Vec<&'a str> {
    let is_more = |(value, count): &(&&str, &usize)| !value.is_empty() && other.get(**value).is_none_or(|n| n < count);
    one.iter().filter(is_more).map(|(value, _)| *value).collect()
}

/// A message that names a value, as a word of its own.
fn names(message: &str, value: &str) -> bool {
    let is_part = |sign: Option<char>| sign.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == '.');
    message.match_indices(value).any(|(at, _)| {
        let before = message.get(..at).and_then(|text| text.chars().next_back());
        let rest = message.get(at + value.len()..).unwrap_or_default();
        let mut after = rest.chars();
        let next = after.next();
        // A full stop at the end of a sentence is no part of a number.
        let ends = next == Some('.') && !after.next().is_some_and(char::is_alphanumeric);
        !is_part(before) && (ends || !is_part(next))
    })
}

/// Lines of a test in which a value that a failure expected became the one that it got.
pub fn found(side: &Side<'_>, failures: &[&str]) -> Vec<Weakening> {
    let (Some(before), Some(after)) = (side.before, side.after) else { return Vec::new() };
    if failures.is_empty() || before.len().max(after.len()) > WEAKENED_FILE_BYTES_MAX {
        return Vec::new();
    }
    let diff = FileDiff::new(before.to_vec(), after.to_vec());
    let failures = failures.get(..WEAKENED_FAILURES_MAX.min(failures.len())).unwrap_or_default();
    let mut found = Vec::new();
    for hunk in &diff.hunks {
        let of = |kind: LineKind| hunk.lines.iter().filter(move |line: &&DiffLine| line.kind == kind);
        for (old, new) in of(LineKind::Removed).zip(of(LineKind::Added)) {
            let (Ok(was), Ok(is)) = (std::str::from_utf8(old.body()), std::str::from_utf8(new.body())) else {
                continue;
            };
            let (was, is) = (literals(was), literals(is));
            let (gone, came) = (more(&was, &is), more(&is, &was));
            let both =
                |message: &&&str| gone.iter().any(|v| names(message, v)) && came.iter().any(|v| names(message, v));
            let Some(message) = failures.iter().find(both) else { continue };
            let one =
                |values: &[&str]| values.iter().find(|v| names(message, v)).map_or_else(String::new, |v| quoted(v));
            let text = format!("expects what the failing run gave: {} became {}", one(&gone), one(&came));
            let line = new.new_no.and_then(|line| u32::try_from(line).ok()).unwrap_or(1);
            found.push(Weakening { path: side.path.clone(), line, how: How::Observed, text });
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_a_word_of_its_own() {
        assert!(names("AssertionError: -1 != 5", "5") && names("AssertionError: -1 != 5", "-1"));
        assert!(names("expected 5.", "5"), "at the end of a sentence");
        assert!(!names("took 0.5 s, 15 calls", "5"));
        assert_eq!(
            literals(r#"f("a b", 'c', -2.5, True)"#),
            BTreeMap::from([("a b", 1), ("c", 1), ("-2.5", 1), ("True", 1)])
        );
    }
}
