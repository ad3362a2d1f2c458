//! Both sides of a file's cases: what is checked less.

use super::cases::{Case, Check};
use super::strength::is_wider;
use super::{How, quoted};
use crate::policy::limits::WEAKENED_ALIKE_MAX;
use std::collections::{BTreeSet, HashMap, HashSet};

/// A finding in one file: its line, and the rest of it.
pub type Less = (u32, How, String);

/// What is new in a change, for the cases that went.
struct New<'a> {
    /// Whole cases by their body.
    bodies: HashMap<String, &'a Case>,
    /// Cases by what they check, a few for each.
    checks: HashMap<&'a str, Vec<&'a Case>>,
    /// The words of all cases that are not as they were.
    words: HashSet<&'a str>,
}

impl<'a> New<'a> {
    /// `stay` tells the names that are on both sides of the file.
    fn of(before: &[Case], new: &[&'a Case], stay: impl Fn(&str) -> bool) -> Self {
        let codes: HashSet<&str> = before.iter().map(|case| case.code.as_str()).collect();
        let mut found = Self { bodies: HashMap::new(), checks: HashMap::new(), words: HashSet::new() };
        for &case in new.iter().filter(|case| !case.code.is_empty()) {
            if !codes.contains(case.code.as_str()) {
                found.words.extend(tokens(&case.code));
            }
            if stay(&case.name) {
                continue;
            }
            found.bodies.entry(body(&case.code)).or_insert(case);
            for check in &case.checks {
                let same = found.checks.entry(check.text.as_str()).or_default();
                if same.len() < WEAKENED_ALIKE_MAX {
                    same.push(case);
                }
            }
        }
        found
    }

    /// The new case that one that went became: it has its body, or checks at least half of what it did.
    fn moved(&self, case: &Case, names: &HashMap<&str, usize>) -> Option<&'a Case> {
        let is_free = |other: &&Case| other.name == case.name || !names.contains_key(other.name.as_str());
        if let Some(same) = self.bodies.get(&body(&case.code)).copied().filter(is_free) {
            return Some(same);
        }
        let texts: BTreeSet<&str> = case.checks.iter().map(|check| check.text.as_str()).collect();
        let mut shared: HashMap<*const Case, (usize, &'a Case)> = HashMap::new();
        for other in texts.iter().filter_map(|text| self.checks.get(text)).flatten().copied().filter(is_free) {
            shared.entry(std::ptr::from_ref(other)).or_insert((0, other)).0 += 1;
        }
        let (count, best) = shared.into_values().max_by_key(|(count, case)| (*count, std::cmp::Reverse(case.line)))?;
        (count * 2 >= texts.len()).then_some(best)
    }

    /// Everything that the case named is in cases that are new or longer: it became a part of a table, or of another case.
    fn covers(&self, case: &Case) -> bool {
        let words = tokens(&case.code);
        let own: BTreeSet<&str> = case.checks.iter().flat_map(|check| tokens(&check.text)).collect();
        let values: Vec<&&str> = own.iter().filter(|word| is_value(word)).collect();
        // Its values and most of its words.
        !values.is_empty()
            && values.iter().all(|word| self.words.contains(**word))
            && words.iter().filter(|word| self.words.contains(**word)).count() * 3 >= words.len() * 2
    }
}

/// Cases by name, with how many have it.
fn by_name(cases: &[Case]) -> HashMap<&str, usize> {
    let mut names = HashMap::new();
    cases.iter().for_each(|case| *names.entry(case.name.as_str()).or_default() += 1);
    names
}

/// The findings. `new` are the cases of all files after the change.
pub fn compare(before: &[Case], after: &[Case], new: &[&Case]) -> Vec<Less> {
    let mut found = Vec::new();
    let had_only = before.iter().any(|case| case.only);
    let only = after.iter().find(|case| case.only && !had_only);
    found.extend(only.map(|case| (case.line, How::Only, format!("runs only {} of its file", quoted(&case.name)))));
    let (old_names, new_names) = (by_name(before), by_name(after));
    let now: HashMap<&str, &Case> =
        after.iter().rev().filter(|case| !case.code.is_empty()).map(|case| (case.name.as_str(), case)).collect();
    let stay = |name: &str| old_names.contains_key(name) && new_names.contains_key(name);
    let fresh = New::of(before, new, stay);
    let is_one = |names: &HashMap<&str, usize>, name: &str| names.get(name).is_none_or(|count| *count == 1);
    for case in before.iter().filter(|case| !case.code.is_empty()) {
        let name = case.name.as_str();
        // Cases of one name, as variants of a table have, cannot be told apart: only their going is seen.
        match now.get(name) {
            Some(_) if !is_one(&old_names, name) || !is_one(&new_names, name) => {}
            Some(now) => of_case(case, now, &mut found),
            None => match fresh.moved(case, &old_names) {
                Some(now) => of_case(case, now, &mut found),
                None if case.skipped || fresh.covers(case) => {}
                None => found.push((case.line, How::Deleted, format!("deletes the test {}", quoted(name)))),
            },
        }
    }
    found
}

/// The code of a case without its head.
fn body(code: &str) -> String {
    code.split_once(['{', ':']).map_or(code, |(_, body)| body).trim().to_owned()
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
    if old.is_empty() {
        return;
    }
    // What it named may be checked by code that is new in the case.
    let (was, now) = (tokens(&before.code), tokens(&after.code));
    let came: BTreeSet<&str> = now.difference(&was).copied().collect();
    for check in old {
        let values: Vec<&str> = tokens(&check.text).into_iter().filter(|word| is_value(word)).collect();
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
