//! The place of a comment: the words that it is on, found again in other versions of their text.

use crate::base::{ActionId, Digest, RelPath, StepId};
use crate::model::limits::{COMMENT_QUOTE_BYTES_MAX, COMMENT_REWRITTEN_LINES_MAX, PLAN_LIKENESS_PLACES_MAX};
use crate::model::plan::alike;
use serde::{Deserialize, Serialize};

/// What a comment is on, where that is not the plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// A file, as the action changes it; without an action, as it is in the workspace.
    File {
        path: RelPath,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        action: Option<ActionId>,
        #[serde(default, skip_serializing_if = "Side::is_new")]
        side: Side,
    },
    /// What the action writes while it runs; of an action that has not run, the action.
    Output { action: ActionId },
}

/// The version of a file that lines are counted in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// With the change.
    #[default]
    New,
    /// Without it: the lines are removed.
    Old,
}

impl Side {
    fn is_new(&self) -> bool {
        *self == Self::New
    }
}

/// What a comment is about, so that it can be found in another version.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Anchor {
    /// The first line, counted from 1; 0 for a comment on a step of the tree, on a whole file or on a whole output.
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
    /// Absent for the plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on: Option<Subject>,
    /// The whole text that the lines were in; absent for the plan, whose versions have numbers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<Digest>,
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

/// What became of commented lines in a later text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// They are still there; `line` is 0 for a whole text.
    Standing { line: u32 },
    /// What is in their place reads differently now.
    Addressed { line: u32 },
    /// Neither they nor their surroundings are there any more.
    Outdated,
}

impl Fate {
    /// The line it is shown at; none when there is no such place.
    pub fn line(self) -> Option<u32> {
        match self {
            Self::Standing { line } | Self::Addressed { line } => Some(line),
            Self::Outdated => None,
        }
    }

    /// In words; none while nothing has changed.
    pub fn words(self) -> Option<&'static str> {
        match self {
            Self::Standing { .. } => None,
            Self::Addressed { .. } => Some("changed since"),
            Self::Outdated => Some("outdated"),
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
        // As many lines as may be kept, from the first on.
        let mut room = COMMENT_QUOTE_BYTES_MAX;
        let fit = quoted.iter().take_while(|line| {
            let fits = line.len() < room;
            room = room.saturating_sub(line.len() + 1);
            fits
        });
        let quoted = quoted.get(..fit.count()).filter(|quoted| !quoted.is_empty())?;
        let end = first + quoted.len();
        Some(Self {
            line,
            quote: quoted.join("\n"),
            headings: Headings::of(&lines).above(first).iter().map(|words| (*words).to_owned()).collect(),
            before: neighbor(lines.get(..first)?.iter().rev()).to_owned(),
            after: neighbor(lines.get(end..)?.iter()).to_owned(),
            ..Self::default()
        })
    }

    /// The anchor of lines of a file or of an output, or of the whole of it where `line` is absent; none when the text has
    /// no such lines.
    pub fn on(subject: Subject, text: &str, line: Option<u32>, count: u32) -> Option<Self> {
        let lines = match line {
            Some(line) => Self::at_lines(text, line, count)?,
            None => Self::default(),
        };
        let content = Some(Digest::of(text.as_bytes()));
        // Headings are a document's.
        Some(Self { on: Some(subject), headings: Vec::new(), content, ..lines })
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
        // Only a document has headings.
        let headings = if self.on.is_none() { Headings::of(&lines) } else { Headings::of(&[]) };
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

    /// What became of the lines in this text.
    pub fn fate(&self, text: &str) -> Fate {
        let is_same = || self.content == Some(Digest::of(text.as_bytes()));
        if self.line == 0 || is_same() {
            let line = self.line;
            return if line > 0 || is_same() { Fate::Standing { line } } else { Fate::Addressed { line } };
        }
        match self.place(text) {
            Placement::Exact { line } | Placement::Moved { line } => Fate::Standing { line },
            Placement::Similar { line } if self.is_at(text, line) => Fate::Standing { line },
            Placement::Similar { line } => Fate::Addressed { line },
            Placement::Stale => self.gap(text).map_or(Fate::Outdated, |line| Fate::Addressed { line }),
        }
    }

    fn is_at(&self, text: &str, line: u32) -> bool {
        let first = usize::try_from(line.saturating_sub(1)).unwrap_or(usize::MAX);
        let mut found = text.lines().skip(first);
        self.quote.split('\n').all(|quoted| found.next() == Some(quoted))
    }

    /// The first line between the neighbors of the commented lines, where both are still close together.
    fn gap(&self, text: &str) -> Option<u32> {
        let lines: Vec<&str> = text.lines().collect();
        let was = usize::try_from(self.line).unwrap_or(usize::MAX).saturating_sub(1);
        let is_before = |at: &usize| match self.before.as_str() {
            "" => *at == 0,
            before => at.checked_sub(1).and_then(|above| lines.get(above)) == Some(&before),
        };
        let room = COMMENT_REWRITTEN_LINES_MAX;
        let is_followed = |at: &usize| {
            let below = lines.get(*at..(at + room).min(lines.len())).unwrap_or_default();
            if self.after.is_empty() { below.len() < room } else { below.contains(&self.after.as_str()) }
        };
        let starts = (0..=lines.len()).filter(is_before).filter(is_followed);
        let at = starts.min_by_key(|at| at.abs_diff(was))?;
        u32::try_from(at + 1).ok()
    }
}
