//! Comments of the user on a plan: what they are about, where that is in a later version, and their words to the agent.

use super::alike::alike;
use crate::base::{ClientId, CommentId, StepId};
use crate::model::limits::{PLAN_LIKENESS_PLACES_MAX, PLAN_QUOTE_SHOWN_CHARS_MAX};
use serde::{Deserialize, Serialize};

/// A comment; its number stays over all versions of the plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanComment {
    pub id: CommentId,
    #[serde(default)]
    pub kind: CommentKind,
    /// The user's words; empty only for a `drop`.
    #[serde(default)]
    pub text: String,
    pub by: ClientId,
    /// The number of the version that it was written on.
    pub version: u32,
    pub anchor: Anchor,
    #[serde(default)]
    pub state: CommentState,
}

/// What a comment asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CommentKind {
    #[default]
    Comment,
    /// Leave this out.
    Drop,
    /// Add something after this.
    Add,
    /// A question, not an order.
    Question,
}

impl CommentKind {
    /// What it asks for in words, before its own; empty for a plain comment.
    pub fn words(self) -> &'static str {
        match self {
            Self::Comment => "",
            Self::Drop => "drop this",
            Self::Add => "add after this",
            Self::Question => "question",
        }
    }

    /// The kind that the first sign of a comment sets, and the rest of its words.
    pub fn of(words: &str) -> (Self, &str) {
        let words = words.trim();
        let kind = match words.chars().next() {
            Some('-') => Self::Drop,
            Some('+') => Self::Add,
            Some('?') => Self::Question,
            Some(_) | None => return (Self::Comment, words),
        };
        (kind, words.get(1..).unwrap_or_default().trim_start())
    }

    /// The sign that sets it; none for a plain comment.
    pub fn sign(self) -> &'static str {
        match self {
            Self::Comment => "",
            Self::Drop => "-",
            Self::Add => "+",
            Self::Question => "?",
        }
    }
}

/// How far a comment has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CommentState {
    /// Written, and not sent yet.
    #[default]
    Open,
    /// The agent was given it.
    Sent,
    /// The user is content.
    Resolved,
    Withdrawn,
}

impl CommentState {
    /// As it is on the wire.
    pub fn word(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Sent => "sent",
            Self::Resolved => "resolved",
            Self::Withdrawn => "withdrawn",
        }
    }
}

/// What a comment is about, so that it can be found in another version.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Anchor {
    /// The first line, counted from 1; 0 for a comment on a step of the tree.
    #[serde(default)]
    pub line: u32,
    /// The lines, word for word; for a step its title.
    pub quote: String,
    /// The headings above, outermost first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub headings: Vec<String>,
    /// The nearest lines with words before and after.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub before: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub after: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<StepId>,
}

/// Where the words of an anchor are in a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placement {
    /// The same words on the same line.
    Exact { line: u32 },
    /// The same words elsewhere.
    Moved { line: u32 },
    /// Words like them below the same headings, or the same words where it is not certain which are meant.
    Similar { line: u32 },
    /// They are gone.
    Stale,
}

impl Placement {
    /// The line it is shown at; none when the words are gone.
    pub fn line(self) -> Option<u32> {
        match self {
            Self::Exact { line } | Self::Moved { line } | Self::Similar { line } => Some(line),
            Self::Stale => None,
        }
    }
}

/// The headings above each line, outermost first. Only `#` headings count.
struct Headings<'a> {
    /// Each different list of headings.
    paths: Vec<Vec<&'a str>>,
    /// Which of them is above each line, and above the end.
    above: Vec<usize>,
}

impl<'a> Headings<'a> {
    fn of(lines: &[&'a str]) -> Self {
        let mut open: Vec<(usize, &str)> = Vec::new();
        let mut fence: Option<&str> = None;
        let mut found = Self { paths: vec![Vec::new()], above: vec![0] };
        for line in lines {
            let text = line.trim_start();
            let mark = ["```", "~~~"].into_iter().find(|mark| text.starts_with(mark));
            match (fence, mark) {
                (None, Some(mark)) => fence = Some(mark),
                (Some(open), Some(mark)) if open == mark => fence = None,
                (Some(_), _) => {}
                (None, None) => {
                    let level = text.bytes().take_while(|b| *b == b'#').count();
                    let rest = text.get(level..).unwrap_or_default();
                    if (1..=6).contains(&level) && rest.starts_with([' ', '\t']) {
                        open.retain(|(other, _)| *other < level);
                        open.push((level, rest.trim()));
                        found.paths.push(open.iter().map(|(_, words)| *words).collect());
                    }
                }
            }
            found.above.push(found.paths.len() - 1);
        }
        found
    }

    fn above(&self, line: usize) -> &[&'a str] {
        self.above.get(line).and_then(|path| self.paths.get(*path)).map_or(&[], Vec::as_slice)
    }
}

/// The nearest line with words, upwards or downwards.
fn neighbor<'a>(mut lines: impl Iterator<Item = &'a &'a str>) -> &'a str {
    lines.find(|line| !line.trim().is_empty()).copied().unwrap_or_default()
}

impl Anchor {
    /// The anchor of `count` lines from `line` (from 1); none when the text has no such lines.
    pub fn at_lines(text: &str, line: u32, count: u32) -> Option<Self> {
        let lines: Vec<&str> = text.lines().collect();
        let first = usize::try_from(line.checked_sub(1)?).ok()?;
        let end = first.checked_add(usize::try_from(count.max(1)).ok()?)?.min(lines.len());
        let quoted = lines.get(first..end).filter(|quoted| !quoted.is_empty())?;
        Some(Self {
            line,
            quote: quoted.join("\n"),
            headings: Headings::of(&lines).above(first).iter().map(|words| (*words).to_owned()).collect(),
            before: neighbor(lines.get(..first)?.iter().rev()).to_owned(),
            after: neighbor(lines.get(end..)?.iter()).to_owned(),
            step: None,
        })
    }

    /// The anchor of a step of the tree.
    pub fn of_step(step: StepId, title: &str) -> Self {
        Self { quote: title.to_owned(), step: Some(step), ..Self::default() }
    }

    /// The number of lines it is about.
    pub fn lines(&self) -> u32 {
        u32::try_from(self.quote.split('\n').count()).unwrap_or(1)
    }

    /// Finds the words in a version. A comment is never moved to other words without saying so.
    pub fn place(&self, text: &str) -> Placement {
        let lines: Vec<&str> = text.lines().collect();
        // Not `lines`: it would forget a blank line at the end.
        let quote: Vec<&str> = self.quote.split('\n').collect();
        let starts = 0..(lines.len() + 1).saturating_sub(quote.len());
        let is_there = |at: usize| lines.get(at..at + quote.len()).is_some_and(|found| found == quote);
        let number = |at: usize| u32::try_from(at + 1).unwrap_or(u32::MAX);
        let was = usize::try_from(self.line).unwrap_or(usize::MAX).saturating_sub(1);
        let headings = Headings::of(&lines);
        let agrees = |at: usize| {
            let end = at + quote.len();
            usize::from(headings.above(at) == self.headings)
                + usize::from(neighbor(lines.get(..at).unwrap_or_default().iter().rev()) == self.before)
                + usize::from(neighbor(lines.get(end..).unwrap_or_default().iter()) == self.after)
        };
        if self.step.is_none() && self.line > 0 && is_there(was) && (agrees(was) > 0 || quote.len() > 1) {
            return Placement::Exact { line: self.line };
        }
        let places: Vec<usize> = starts.clone().filter(|at| is_there(*at)).collect();
        let best = places.iter().copied().max_by_key(|at| (agrees(*at), std::cmp::Reverse(at.abs_diff(was))));
        match (best, places.len()) {
            (Some(at), _) if at == was && self.line > 0 => return Placement::Exact { line: number(at) },
            (Some(at), 1) => return Placement::Moved { line: number(at) },
            (Some(at), _) => {
                let rivals = places.iter().filter(|other| agrees(**other) == agrees(at)).count();
                let line = number(at);
                return if rivals == 1 { Placement::Moved { line } } else { Placement::Similar { line } };
            }
            (None, _) => {}
        }
        let mut near: Vec<usize> = starts.filter(|at| headings.above(*at) == self.headings).collect();
        near.sort_by_key(|at| at.abs_diff(was));
        let similar = near.into_iter().take(PLAN_LIKENESS_PLACES_MAX).filter_map(|at| {
            let found = lines.get(at..at + quote.len())?.join("\n");
            Some((alike(&self.quote, &found)?, at))
        });
        similar
            .max_by(|a, b| a.0.total_cmp(&b.0).then(b.1.abs_diff(was).cmp(&a.1.abs_diff(was))))
            .map_or(Placement::Stale, |(_, at)| Placement::Similar { line: number(at) })
    }
}

/// The comments and the user's own words as one message to the agent. With `approves` they are notes on a plan that is
/// approved, else what to change in the next version.
pub fn feedback(comments: &[&PlanComment], text: &str, words: &str, approves: bool) -> String {
    let mut out = words.trim().to_owned();
    let section = |out: &mut String, title: &str, comments: &[&&PlanComment], number: &mut usize| {
        if comments.is_empty() {
            return;
        }
        if !out.is_empty() {
            out.push_str("\n\n");
        }
        out.push_str(title);
        for comment in comments {
            *number += 1;
            out.push_str(&format!("\n{number}. {}", comment.words(text)));
        }
    };
    let (questions, orders): (Vec<_>, Vec<_>) =
        comments.iter().partition::<Vec<_>, _>(|comment| comment.kind == CommentKind::Question);
    let mut number = 0;
    let title = if approves { "Notes on the plan:" } else { "Comments on the plan:" };
    section(&mut out, title, &orders, &mut number);
    section(&mut out, "Questions about the plan (answer them, they are not orders):", &questions, &mut number);
    if !approves {
        if !out.is_empty() {
            out.push_str("\n\n");
        }
        out.push_str("Present the whole plan again with these changes. Do not edit anything yet.");
    }
    out
}

impl PlanComment {
    /// As the user reads it: what it asks for, and its words.
    pub fn shown(&self) -> String {
        let verb = self.kind.words();
        let gap = if verb.is_empty() || self.text.is_empty() { "" } else { ": " };
        format!("{verb}{gap}{}", self.text)
    }

    /// As the agent reads it: the place in this version, the quoted words, and what is asked for.
    fn words(&self, text: &str) -> String {
        let place = match (&self.anchor.step, self.anchor.place(text)) {
            (Some(step), _) => format!("Step {step}"),
            (None, Placement::Stale) => "No longer in the plan".to_owned(),
            (None, placement) => {
                let first = placement.line().unwrap_or(self.anchor.line);
                let last = first.saturating_add(self.anchor.lines().saturating_sub(1));
                if last > first { format!("Lines {first}-{last}") } else { format!("Line {first}") }
            }
        };
        let quote: String = self.anchor.quote.trim().chars().take(PLAN_QUOTE_SHOWN_CHARS_MAX).collect();
        let cut = if quote.len() < self.anchor.quote.trim().len() { " …" } else { "" };
        let quote = quote.lines().map(|line| format!("   > {line}")).collect::<Vec<_>>().join("\n");
        let words = match (self.kind, self.text.trim()) {
            (CommentKind::Drop, "") => "Leave this out.".to_owned(),
            (CommentKind::Drop, text) => format!("Leave this out: {text}"),
            (CommentKind::Add, text) => format!("Add after this: {text}"),
            (CommentKind::Comment | CommentKind::Question, text) => text.to_owned(),
        };
        format!("{place}:\n{quote}{cut}\n   {}", words.replace('\n', "\n   "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAN: &str = "# Plan\n\n## Read\n1. Read calc.py\n2. Run the tests\n\n## Fix\n1. Fix add\n2. Run the tests\n";

    fn comment(line: u32, kind: CommentKind, text: &str) -> PlanComment {
        PlanComment {
            id: "k1".into(),
            kind,
            text: text.into(),
            by: "c1".into(),
            version: 1,
            anchor: Anchor::at_lines(PLAN, line, 1).unwrap(),
            state: CommentState::Open,
        }
    }

    #[test]
    fn an_anchor_knows_its_words_and_what_is_around_them() {
        let anchor = Anchor::at_lines(PLAN, 5, 1).unwrap();
        assert_eq!(anchor.quote, "2. Run the tests");
        assert_eq!(anchor.headings, ["Plan", "Read"]);
        assert_eq!((anchor.before.as_str(), anchor.after.as_str()), ("1. Read calc.py", "## Fix"));
        assert_eq!(Anchor::at_lines(PLAN, 0, 1), None);
        assert_eq!(Anchor::at_lines(PLAN, 99, 1), None);
    }

    #[test]
    fn words_are_found_again_exactly_moved_similar_or_not_at_all() {
        let second = Anchor::at_lines(PLAN, 9, 1).unwrap();
        assert_eq!(second.place(PLAN), Placement::Exact { line: 9 });
        let longer = PLAN.replace("## Read\n", "## Read\n0. Look around\n");
        assert_eq!(second.place(&longer), Placement::Moved { line: 10 }, "the one below the same heading");
        let reworded = PLAN.replace("1. Fix add", "1. Fix add in calc.py");
        let fix = Anchor::at_lines(PLAN, 8, 1).unwrap();
        assert_eq!(fix.place(&reworded), Placement::Stale, "too different");
        let reworded = PLAN.replace("1. Fix add", "1. Fix adds");
        assert_eq!(fix.place(&reworded), Placement::Similar { line: 8 });
        assert_eq!(fix.place("nothing of it\n"), Placement::Stale);
        let fenced = "```\n# no heading\n```\n# Real\nx\n";
        assert_eq!(Anchor::at_lines(fenced, 5, 1).unwrap().headings, ["Real"]);
    }

    #[test]
    fn comments_become_one_numbered_message() {
        let drop = comment(5, CommentKind::Drop, "");
        let ask = comment(8, CommentKind::Question, "why add?");
        let add = comment(9, CommentKind::Add, "format the code");
        let message = feedback(&[&ask, &drop, &add], PLAN, "Smaller steps.", false);
        let expect = "Smaller steps.\n\nComments on the plan:\n1. Line 5:\n   > 2. Run the tests\n   Leave this out.\n\
                      2. Line 9:\n   > 2. Run the tests\n   Add after this: format the code\n\n\
                      Questions about the plan (answer them, they are not orders):\n3. Line 8:\n   > 1. Fix add\n   \
                      why add?\n\nPresent the whole plan again with these changes. Do not edit anything yet.";
        assert_eq!(message, expect);
        let notes = feedback(&[&add], PLAN, "", true);
        assert!(notes.starts_with("Notes on the plan:\n1. Line 9:"), "{notes}");
        assert!(!notes.contains("again"), "{notes}");
    }

    #[test]
    fn the_first_sign_sets_the_kind() {
        assert_eq!(CommentKind::of("- too risky"), (CommentKind::Drop, "too risky"));
        assert_eq!(CommentKind::of("-"), (CommentKind::Drop, ""));
        assert_eq!(CommentKind::of("+ lint"), (CommentKind::Add, "lint"));
        assert_eq!(CommentKind::of("? why"), (CommentKind::Question, "why"));
        assert_eq!(CommentKind::of(" fine "), (CommentKind::Comment, "fine"));
    }

    proptest::proptest! {
        /// Whatever the next version is, a placement that claims the same words has the same words.
        #[test]
        fn a_comment_is_never_moved_to_other_words(
            plan in proptest::collection::vec("(# |## |1\\. |- |)[abc]{0,3}", 1..20),
            next in proptest::collection::vec("(# |## |1\\. |- |)[abc]{0,3}", 0..20),
            line in 1u32..20, count in 1u32..3,
        ) {
            let (plan, next) = (plan.join("\n"), next.join("\n"));
            let Some(anchor) = Anchor::at_lines(&plan, line, count) else { return Ok(()) };
            let lines: Vec<&str> = next.lines().collect();
            match anchor.place(&next) {
                Placement::Exact { line: at } | Placement::Moved { line: at } => {
                    let first = at as usize - 1;
                    let found = lines[first..first + anchor.quote.split('\n').count()].join("\n");
                    proptest::prop_assert_eq!(found, anchor.quote.clone());
                }
                Placement::Similar { line: at } => proptest::prop_assert!((at as usize) <= lines.len().max(1)),
                Placement::Stale => {}
            }
            proptest::prop_assert_eq!(anchor.place(&plan), Placement::Exact { line });
        }
    }
}
