//! Finds the place a model means: exactly, but for blanks, but for indentation, nearly.

use super::EditMistake;
use crate::agent::llm::limits;
use crate::diff::likeness;
use std::ops::Range;

/// The way an anchor was found; later is further from the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Match {
    /// Byte for byte.
    Exact,
    /// Trailing blanks differ.
    Blanks,
    /// Indentation differs; the new text was indented to fit.
    Indent,
    /// A few characters differ.
    Near,
}

impl Match {
    /// In words for the supervisor; `None` when there is nothing to say.
    pub fn words(self) -> Option<&'static str> {
        match self {
            Match::Exact => None,
            Match::Blanks => Some("the quoted text differs from the file in trailing blanks"),
            Match::Indent => Some("the quoted text differs from the file in its indentation"),
            Match::Near => Some("the quoted text differs from the file in a few characters: compare closely"),
        }
    }
}

/// A place to replace, with the new text.
#[derive(Debug)]
pub(super) struct Place {
    pub range: Range<usize>,
    pub new: String,
    pub matched: Match,
}

/// Least similarity of an anchor that is taken as meant (0–1).
const NEAR_MIN: f32 = 0.9;
/// Lead in similarity that the meant place must have over any other.
const CLEAR_LEAD: f32 = 0.05;
/// Least similarity of a place that is worth showing to the model.
const SHOW_MIN: f32 = 0.5;

pub(super) fn find(
    path: &str,
    text: &str,
    old: &str,
    new: &str,
    near_line: Option<usize>,
) -> Result<Place, EditMistake> {
    let exact: Vec<usize> = text.match_indices(old).map(|(at, _)| at).take(limits::ANCHORS_MAX).collect();
    if let Some(at) = choose(path, text, &exact, near_line)? {
        return Ok(Place { range: at..at + old.len(), new: new.to_owned(), matched: Match::Exact });
    }
    let lines = Lines::of(text);
    let wanted: Vec<&str> = old.trim_end_matches('\n').split('\n').collect();
    let tail = old.ends_with('\n');
    for (matched, same) in [(Match::Blanks, blanks as fn(&str, &str) -> bool), (Match::Indent, indents)] {
        let starts: Vec<usize> = lines.windows(wanted.len()).filter(|at| lines.fits(*at, &wanted, same)).collect();
        let bytes: Vec<usize> = starts.iter().filter_map(|at| lines.start(*at)).collect();
        if let Some(at) = choose(path, text, &bytes, near_line)? {
            let first = lines.line_of(at);
            let range = lines.range(first, wanted.len(), tail);
            let new = fit(new, lines.get(first), &wanted, matched, tail);
            return Ok(Place { range, new, matched });
        }
    }
    near(path, &lines, &wanted, new, tail)
}

/// The only place, or the one nearest to the line the model named.
fn choose(path: &str, text: &str, places: &[usize], near_line: Option<usize>) -> Result<Option<usize>, EditMistake> {
    let line = |at: usize| text.get(..at).unwrap_or_default().matches('\n').count() + 1;
    match (places, near_line) {
        ([], _) => Ok(None),
        ([only], _) => Ok(Some(*only)),
        (many, Some(wanted)) => Ok(many.iter().copied().min_by_key(|at| line(*at).abs_diff(wanted))),
        (many, None) => {
            let lines: Vec<String> = many.iter().take(8).map(|at| line(*at).to_string()).collect();
            Err(EditMistake::Ambiguous { path: path.to_owned(), count: many.len(), lines: lines.join(", ") })
        }
    }
}

fn blanks(there: &str, wanted: &str) -> bool {
    there.trim_end() == wanted.trim_end()
}

fn indents(there: &str, wanted: &str) -> bool {
    there.trim() == wanted.trim()
}

/// The new text with the indentation of the file, and with a line end as the old text had it.
fn fit(new: &str, first_there: &str, wanted: &[&str], matched: Match, tail: bool) -> String {
    let body = new.trim_end_matches('\n');
    let mut out = if matched == Match::Indent {
        let indent = |line: &str| line.len() - line.trim_start().len();
        let there = first_there.get(..indent(first_there)).unwrap_or_default();
        let first_wanted = wanted.first().copied().unwrap_or_default();
        let quoted = first_wanted.get(..indent(first_wanted)).unwrap_or_default();
        let line = |line: &str| {
            if line.trim().is_empty() {
                return String::new();
            }
            format!("{there}{}", line.strip_prefix(quoted).unwrap_or(line.trim_start()))
        };
        body.split('\n').map(line).collect::<Vec<_>>().join("\n")
    } else {
        body.to_owned()
    };
    // An empty replacement of whole lines removes them with their line ends.
    if tail && !(body.is_empty() && new.is_empty()) {
        out.push('\n');
    }
    out
}

/// The most similar run of lines: taken when it is close and clearly the best, else shown.
fn near(path: &str, lines: &Lines<'_>, wanted: &[&str], new: &str, tail: bool) -> Result<Place, EditMistake> {
    let target = wanted.join("\n");
    let not_found = |closest: String| EditMistake::NotFound { path: path.to_owned(), closest };
    // The comparison is quadratic; huge files and anchors are left to the model's next try.
    if lines.count() * wanted.len() > limits::ANCHOR_COMPARISONS_MAX {
        return Err(not_found(String::new()));
    }
    let mut found: Vec<(f32, usize)> = Vec::new();
    let mut best: Option<(f32, usize)> = None;
    for at in lines.windows(wanted.len()) {
        let there = lines.text(at, wanted.len());
        // Lengths alone can rule out a place; that keeps this fast.
        let bound = 2.0 * there.len().min(target.len()) as f32 / (there.len() + target.len()).max(1) as f32;
        if bound < best.map_or(SHOW_MIN, |(ratio, _)| (ratio - CLEAR_LEAD).max(SHOW_MIN)) {
            continue;
        }
        let ratio = likeness(there, &target);
        found.push((ratio, at));
        if ratio >= SHOW_MIN && best.is_none_or(|(first, _)| ratio > first) {
            best = Some((ratio, at));
        }
    }
    // Windows that overlap the best one are the same place, a line off.
    let apart = |at: usize| best.is_some_and(|(_, first)| at.abs_diff(first) >= wanted.len());
    let second = found.iter().filter(|(_, at)| apart(*at)).map(|(ratio, _)| *ratio).fold(0.0, f32::max);
    match best {
        // One short line is too little to be sure of.
        Some((ratio, at)) if ratio >= NEAR_MIN && ratio - second > CLEAR_LEAD && wanted.len() > 1 => Ok(Place {
            range: lines.range(at, wanted.len(), tail),
            new: fit(new, lines.get(at), wanted, Match::Near, tail),
            matched: Match::Near,
        }),
        Some((_, at)) => {
            let there = lines.text(at, wanted.len());
            let shown: String = there.chars().take(limits::CLOSEST_CHARS_MAX).collect();
            let (from, to) = (at + 1, at + wanted.len());
            Err(not_found(format!(" The closest text is at lines {from}–{to}:\n{shown}\n")))
        }
        None => Err(not_found(String::new())),
    }
}

/// A text by lines, without their ends.
struct Lines<'a> {
    text: &'a str,
    starts: Vec<usize>,
}

impl<'a> Lines<'a> {
    fn of(text: &'a str) -> Lines<'a> {
        let mut starts = vec![0];
        starts.extend(text.match_indices('\n').map(|(at, _)| at + 1).filter(|at| *at < text.len()));
        Lines { text, starts }
    }

    fn count(&self) -> usize {
        self.starts.len()
    }

    fn start(&self, line: usize) -> Option<usize> {
        self.starts.get(line).copied()
    }

    fn line_of(&self, byte: usize) -> usize {
        self.starts.partition_point(|start| *start <= byte).saturating_sub(1)
    }

    /// First lines of every run of so many lines.
    fn windows(&self, count: usize) -> Range<usize> {
        0..(self.count() + 1).saturating_sub(count)
    }

    fn get(&self, line: usize) -> &'a str {
        self.text(line, 1)
    }

    /// The lines joined, without the last line end.
    fn text(&self, first: usize, count: usize) -> &'a str {
        self.text.get(self.range(first, count, false)).unwrap_or_default()
    }

    fn range(&self, first: usize, count: usize, with_end: bool) -> Range<usize> {
        let start = self.start(first).unwrap_or(self.text.len());
        let next = self.start(first + count).unwrap_or(self.text.len());
        let ends_in_newline = self.text.get(start..next).is_some_and(|text| text.ends_with('\n'));
        if with_end || !ends_in_newline { start..next } else { start..next.saturating_sub(1).max(start) }
    }

    fn fits(&self, first: usize, wanted: &[&str], same: fn(&str, &str) -> bool) -> bool {
        wanted.iter().enumerate().all(|(offset, line)| same(self.get(first + offset), line))
            && wanted.iter().any(|line| !line.trim().is_empty())
    }
}
