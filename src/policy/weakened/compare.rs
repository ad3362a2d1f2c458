//! Both sides of a file's cases: what is checked less.

use super::cases::{Case, Check};
use super::strength::is_wider;
use super::{How, quoted};
use std::collections::BTreeSet;

/// A finding in one file: its line, and the rest of it.
pub type Less = (u32, How, String);

/// The findings. `new` are the cases of all files after the change.
pub fn compare(before: &[Case], after: &[Case], new: &[&Case]) -> Vec<Less> {
    let mut found = Vec::new();
    let had_only = before.iter().any(|case| case.only);
    found.extend(
        after
            .iter()
            .find(|case| case.only && !had_only)
            .map(|case| (case.line, How::Only, format!("runs only {} of its file", quoted(&case.name)))),
    );
    let twice = |cases: &[Case], name: &str| cases.iter().filter(|case| case.name == name).count() > 1;
    for case in before.iter().filter(|case| !case.code.is_empty()) {
        // Cases of one name, as variants of a table have, cannot be told apart: only their going is seen.
        let same = after.iter().find(|other| other.name == case.name && !other.code.is_empty());
        match same {
            Some(_) if twice(before, &case.name) || twice(after, &case.name) => {}
            Some(now) => of_case(case, now, &mut found),
            None => match moved(case, before, new) {
                Some(now) => of_case(case, now, &mut found),
                None if case.skipped || is_covered(case, before, new) => {}
                None => found.push((case.line, How::Deleted, format!("deletes the test {}", quoted(&case.name)))),
            },
        }
    }
    found
}

/// A case that went is the same as a new one that checks at least half of what it did, or has its code.
fn moved<'a>(case: &Case, before: &[Case], new: &[&'a Case]) -> Option<&'a Case> {
    let was = |other: &Case| other.name != case.name && before.iter().any(|old| old.name == other.name);
    let is_new = |other: &&&Case| !other.code.is_empty() && !was(other);
    let texts: BTreeSet<&str> = case.checks.iter().map(|check| check.text.as_str()).collect();
    let shared = |other: &&Case| other.checks.iter().filter(|check| texts.contains(check.text.as_str())).count();
    let body = |code: &str| code.split_once(['{', ':']).map_or(code, |(_, body)| body).trim().to_owned();
    let best = new.iter().filter(is_new).max_by_key(|other| shared(other))?;
    let is_it = (!texts.is_empty() && shared(best) * 2 >= texts.len())
        || new.iter().filter(is_new).any(|other| body(&other.code) == body(&case.code));
    is_it.then_some(*best)
}

/// Everything that the case named is in cases that are new or longer: it became a part of a table, or of another case.
fn is_covered(case: &Case, before: &[Case], new: &[&Case]) -> bool {
    let words = tokens(&case.code);
    let is_changed = |other: &&&Case| !before.iter().any(|old| old.code == other.code);
    let there: BTreeSet<&str> = new.iter().filter(is_changed).flat_map(|other| tokens(&other.code)).collect();
    let own: BTreeSet<&str> = case.checks.iter().flat_map(|check| tokens(&check.text)).collect();
    let values: Vec<&&str> = own.iter().filter(|word| is_value(word)).collect();
    // Its values and most of its words.
    !values.is_empty()
        && values.iter().all(|word| there.contains(**word))
        && words.iter().filter(|word| there.contains(**word)).count() * 3 >= words.len() * 2
}

fn is_value(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_digit())
}

fn tokens(code: &str) -> BTreeSet<&str> {
    code.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty()).collect()
}

fn of_case(before: &Case, after: &Case, found: &mut Vec<Less>) {
    let name = quoted(&after.name);
    if after.skipped && !before.skipped {
        return found.push((after.line, How::Skipped, format!("skips {name}")));
    }
    let early = |case: &Case| {
        let at = case.returns_at?;
        case.checks.iter().find(|check| check.at > at).map(|check| check.text.clone())
    };
    if let (None, Some(text)) = (early(before), early(after)) {
        found.push((after.line, How::Unreached, format!("{name} returns before {}", quoted(&text))));
    }
    let mut old: Vec<&Check> = before.checks.iter().collect();
    let mut new: Vec<&Check> = after.checks.iter().collect();
    pair(
        &mut old,
        &mut new,
        |a, b| a.text == b.text,
        |was, is| {
            let text = quoted(&is.text);
            if is.caught && !was.caught {
                found.push((is.line, How::Caught, format!("{name} catches the failure of {text}")));
            } else if is.conditional && !was.conditional {
                found.push((is.line, How::Conditional, format!("{name} checks {text} only under a condition")));
            }
        },
    );
    let mut less = |was: &Check, is: &Check| {
        if is.strength < was.strength || (is.name == was.name && is_wider(&is.name, &was.args, &is.args)) {
            let text = format!("{name} checks less: {} became {}", quoted(&was.text), quoted(&is.text));
            found.push((is.line, How::Loosened, text));
        }
    };
    pair(&mut old, &mut new, |a, b| !a.subject.is_empty() && a.subject == b.subject, &mut less);
    pair(&mut old, &mut new, |a, b| left(&a.subject) == left(&b.subject), &mut less);
    pair(&mut old, &mut new, |a, b| a.name == b.name, &mut less);
    pair(&mut old, &mut new, |_, _| true, &mut less);
    for check in old {
        // What it named may be checked by code that is new in the case.
        let was = tokens(&before.code);
        let came: BTreeSet<&str> = tokens(&after.code).difference(&was).copied().collect();
        let values: Vec<&str> = tokens(&check.text).into_iter().filter(|word| is_value(word)).collect();
        let now = tokens(&after.code);
        // A loop over a table of the same values.
        let in_table = came.contains("for") && !values.is_empty() && values.iter().all(|word| now.contains(word));
        let is_rewritten = came.iter().any(|word| is_telling(word)) && after.code.len() > before.code.len();
        if !is_rewritten && !in_table {
            found.push((after.line, How::Removed, format!("{name} no longer checks {}", quoted(&check.text))));
        }
    }
}

/// A word of new code that may check something in a way that is not known here.
fn is_telling(word: &str) -> bool {
    let word = word.to_lowercase();
    ["snapshot", "golden", "matches", "compare", "validate", "raise", "throw", "panic"].iter().any(|w| word.contains(w))
}

/// The left side of what an assertion is about.
fn left(subject: &str) -> &str {
    let end = ["==", "!=", "<", ">", " in ", " is "].iter().filter_map(|o| subject.find(o)).min();
    subject.get(..end.unwrap_or(subject.len())).unwrap_or(subject).trim().trim_start_matches('!')
}

/// Takes the pairs that fit out of both lists, each old one with the first new one.
fn pair<'a>(
    old: &mut Vec<&'a Check>,
    new: &mut Vec<&'a Check>,
    fits: impl Fn(&Check, &Check) -> bool,
    mut each: impl FnMut(&Check, &Check),
) {
    old.retain(|was| {
        let Some(at) = new.iter().position(|is| fits(was, is)) else { return true };
        each(was, new.remove(at));
        false
    });
}
