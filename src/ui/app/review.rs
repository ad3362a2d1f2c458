//! The user's choices on the action under review: hunks left out, lines chosen, text edited, rows seen.

use super::form::FormDraft;
use crate::base::{ActionId, Digest, RelPath};
use crate::diff::{FileDiff, Hunk, HunkChoice, LineKind};
use crate::model::event::{Network, Verdict};
use crate::wire::{Decide, EditedBody, EditedFile};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

/// A hunk: the number of its file in the action and its own number there, from 0. A file whose diff has no hunks
/// (binary, only renamed …) counts as one.
pub type HunkAt = (usize, usize);

/// The user's version of a proposal: as proposed where both are absent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Version {
    pub edited: Option<EditedBody>,
    /// Only these hunks, or lines of hunks, of that; indices count over the whole action. All when absent.
    pub hunks: Option<Vec<HunkChoice>>,
}

impl Version {
    pub fn is_as_proposed(&self) -> bool {
        *self == Self::default()
    }

    /// The approval of this version.
    pub fn approval(self, action: ActionId, digest: Digest) -> Decide {
        let verdict = if self.edited.is_some() { Verdict::ApproveEdited } else { Verdict::Approve };
        Decide { edited: self.edited, hunks: self.hunks, ..Decide::new(action, digest, verdict) }
    }
}

/// Everything here belongs to one revision of one action and is dropped with it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Review {
    about: Option<(ActionId, Digest)>,
    /// Hunks that should not be applied.
    pub left_out: BTreeSet<HunkAt>,
    /// Changed lines of hunks that should not be applied, by their index among all lines of the hunk.
    pub lines_left_out: BTreeMap<HunkAt, BTreeSet<usize>>,
    /// Edited content by file index; the command by `None`.
    pub edited: BTreeMap<Option<usize>, String>,
    /// Incremented with every edit: pictures of older versions are obsolete.
    pub edits: u64,
    /// The first of the keys that approve although rows were not seen.
    pub unseen_warned: bool,
    /// The first of the keys that approve a plan although there are open comments.
    pub comments_warned: bool,
    /// The words of a verdict that was begun and left.
    pub said: String,
    /// Answers to a form.
    pub form: FormDraft,
    /// The agent's option that the next verdict sends, by its id; absent for the default.
    pub option: Option<String>,
    /// The network that the command gets in its layer; as configured where it is absent.
    pub network: Option<Network>,
    /// The start of a line selection, as a row of the diff.
    pub selecting_from: Option<usize>,
    /// Rows of the diff that have been on the screen.
    pub seen: Seen,
}

/// The rows that were drawn, of one edition of the rows: those of another one were not seen.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seen {
    edition: u64,
    /// In order, apart from each other.
    ranges: Vec<Range<usize>>,
}

impl Seen {
    /// A frame with these rows went out.
    pub fn see(&mut self, edition: u64, rows: Range<usize>) {
        if self.edition != edition {
            *self = Self { edition, ranges: Vec::new() };
        }
        if rows.is_empty() {
            return;
        }
        let mut whole = rows;
        self.ranges.retain(|range| {
            let apart = range.end < whole.start || range.start > whole.end;
            if !apart {
                whole = whole.start.min(range.start)..whole.end.max(range.end);
            }
            apart
        });
        self.ranges.push(whole);
        self.ranges.sort_unstable_by_key(|range| range.start);
    }

    /// These rows count as never drawn.
    pub fn forget(&mut self, edition: u64, rows: &Range<usize>) {
        if self.edition != edition {
            return;
        }
        let kept = self
            .ranges
            .iter()
            .flat_map(|range| [range.start..range.end.min(rows.start), range.start.max(rows.end)..range.end]);
        self.ranges = kept.filter(|range| range.start < range.end).collect();
    }

    /// Returns how many of `len` rows were not seen.
    #[must_use]
    pub fn unseen(&self, edition: u64, len: usize) -> usize {
        if self.edition != edition {
            return len;
        }
        let seen: usize = self.ranges.iter().map(|range| range.end.min(len).saturating_sub(range.start)).sum();
        len.saturating_sub(seen)
    }
}

impl Review {
    /// Starts afresh when the action or its revision is another one; true when it did.
    pub fn about(&mut self, key: Option<(ActionId, Digest)>) -> bool {
        if self.about == key {
            return false;
        }
        *self = Self { about: key, ..Self::default() };
        true
    }

    /// Keeps the words of a verdict that was left, for the next time it is begun.
    pub fn keep_words(&mut self, action: &ActionId, digest: Digest, words: String) {
        if self.about.as_ref().is_some_and(|(id, now)| id == action && *now == digest) {
            self.said = words;
        }
    }

    /// True when it is left out now.
    pub fn toggle_hunk(&mut self, hunk: HunkAt) -> bool {
        self.lines_left_out.remove(&hunk);
        let out = !self.left_out.remove(&hunk);
        if out {
            self.left_out.insert(hunk);
        }
        out
    }

    /// Leaves lines of a hunk out, or takes them in again when all of them are out already. `all` are its changed
    /// lines.
    pub fn toggle_lines(&mut self, hunk: HunkAt, lines: &[usize], all: &[usize]) {
        let whole_out = self.left_out.remove(&hunk);
        let out = self.lines_left_out.entry(hunk).or_default();
        if whole_out {
            out.extend(all);
        }
        if lines.iter().all(|line| out.contains(line)) {
            out.retain(|line| !lines.contains(line));
        } else {
            out.extend(lines);
        }
        if all.iter().all(|line| out.contains(line)) {
            self.lines_left_out.remove(&hunk);
            self.left_out.insert(hunk);
        } else if out.is_empty() {
            self.lines_left_out.remove(&hunk);
        }
    }

    #[must_use]
    pub fn takes_line(&self, hunk: HunkAt, line: usize) -> bool {
        !self.left_out.contains(&hunk) && !self.lines_left_out.get(&hunk).is_some_and(|out| out.contains(&line))
    }

    /// Everything is taken as proposed.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.left_out.is_empty() && self.lines_left_out.is_empty() && self.edited.is_empty()
    }

    /// Takes the user's version of a file or command in; `None` when it is what was proposed.
    pub fn edit(&mut self, part: Option<usize>, text: Option<String>) {
        match text {
            Some(text) => self.edited.insert(part, text),
            None => self.edited.remove(&part),
        };
        self.edits += 1;
        self.unseen_warned = false;
        self.seen = Seen::default();
        self.selecting_from = None;
    }

    /// After an edit of a file: what was left out stays so in hunks that are still the same. Returns how many are not,
    /// and so are in again.
    pub fn carry_over(&mut self, file: usize, old: &FileDiff, new: &FileDiff) -> usize {
        let mine = |at: &HunkAt| at.0 == file;
        let left_out: Vec<HunkAt> = self.left_out.iter().copied().filter(mine).collect();
        let lines: Vec<(HunkAt, BTreeSet<usize>)> =
            self.lines_left_out.iter().filter(|(at, _)| mine(at)).map(|(at, lines)| (*at, lines.clone())).collect();
        self.left_out.retain(|at| !mine(at));
        self.lines_left_out.retain(|at, _| !mine(at));
        let now = |at: HunkAt| {
            let before = old.hunks.get(at.1)?;
            let same = new.hunks.iter().position(|hunk| same_change(before, hunk))?;
            Some((file, same))
        };
        let mut lost = 0;
        for at in left_out {
            match now(at) {
                Some(same) => lost += usize::from(!self.left_out.insert(same)),
                None => lost += 1,
            }
        }
        for (at, lines) in lines {
            match now(at) {
                Some(same) => lost += usize::from(self.lines_left_out.insert(same, lines).is_some()),
                None => lost += 1,
            }
        }
        lost
    }

    /// The user's version of these files. `changed` holds, for each file and hunk of it, the indices of its changed
    /// lines.
    #[must_use]
    pub fn version(&self, paths: &[RelPath], changed: &[Vec<Vec<usize>>]) -> Version {
        let edited = self
            .edited
            .iter()
            .filter_map(|(at, text)| Some(EditedFile { path: paths.get((*at)?)?.clone(), after: Some(text.clone()) }));
        let files = Some(edited.collect::<Vec<_>>()).filter(|files| !files.is_empty());
        let partial = !(self.left_out.is_empty() && self.lines_left_out.is_empty());
        Version { edited: files.map(EditedBody::Files), hunks: partial.then(|| self.chosen(changed)) }
    }

    /// The hunks to apply, numbered as the host does.
    fn chosen(&self, changed: &[Vec<Vec<usize>>]) -> Vec<HunkChoice> {
        let mut chosen = Vec::new();
        let mut first = 0;
        for (file, hunks) in changed.iter().enumerate() {
            let count = hunks.len().max(1);
            for hunk in (0..count).filter(|hunk| !self.left_out.contains(&(file, *hunk))) {
                let number = first + hunk;
                chosen.push(match (self.lines_left_out.get(&(file, hunk)), hunks.get(hunk)) {
                    (Some(out), Some(lines)) => {
                        let kept = lines.iter().copied().filter(|line| !out.contains(line));
                        HunkChoice::Lines { hunk: number, lines: kept.collect() }
                    }
                    (Some(_) | None, _) => HunkChoice::Whole(number),
                });
            }
            first += count;
        }
        chosen
    }
}

/// Returns whether two hunks of the same old text make the same change to the same lines.
fn same_change(one: &Hunk, other: &Hunk) -> bool {
    one.old_start == other.old_start
        && one.lines.len() == other.lines.len()
        && one
            .lines
            .iter()
            .zip(&other.lines)
            .all(|(a, b)| a.kind == b.kind && a.text == b.text && (a.kind == LineKind::Added || a.old_no == b.old_no))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_hunks_are_chosen_and_taken_back() {
        let mut review = Review::default();
        // One file with two hunks, one without any, one with one.
        let changed = [vec![vec![3, 4], vec![3, 5, 6]], vec![], vec![vec![3]]];
        let hunks = |review: &Review| review.version(&[], &changed).hunks.unwrap();
        review.toggle_hunk((0, 1));
        assert_eq!(hunks(&review), [HunkChoice::Whole(0), HunkChoice::Whole(2), HunkChoice::Whole(3)]);
        review.toggle_lines((0, 1), &[5], &changed[0][1]);
        review.toggle_hunk((1, 0));
        assert_eq!(
            hunks(&review),
            [HunkChoice::Whole(0), HunkChoice::Lines { hunk: 1, lines: vec![5] }, HunkChoice::Whole(3)],
            "a file without hunks counts as one"
        );
        review.toggle_hunk((1, 0));
        review.toggle_lines((0, 1), &[5], &changed[0][1]);
        review.toggle_hunk((0, 1));
        assert!(review.is_whole());
        review.toggle_lines((0, 0), &[3, 4], &changed[0][0]);
        assert_eq!(review.left_out, BTreeSet::from([(0, 0)]));
    }

    #[test]
    fn what_was_left_out_stays_out_of_an_edited_file_where_it_is_still_the_same() {
        let base: String = (1..=40).map(|n| format!("{n}\n")).collect();
        let theirs = base.replace("\n5\n", "\nfive\n").replace("\n30\n", "\nthirty\n");
        let mine = base.replace("\n5\n", "\nFIVE\nmore\n").replace("\n30\n", "\nthirty\n");
        let diff = |text: &str| FileDiff::new(base.clone(), text.to_owned());
        let mut review = Review::default();
        review.toggle_hunk((0, 1));
        review.edit(Some(0), Some(mine.clone()));
        assert_eq!(review.carry_over(0, &diff(&theirs), &diff(&mine)), 0);
        assert_eq!(review.left_out, BTreeSet::from([(0, 1)]));
        review.toggle_hunk((0, 0));
        assert_eq!(review.carry_over(0, &diff(&theirs), &diff(&mine)), 1, "the edited hunk is another one");
        let path = RelPath::new("a").unwrap();
        let made = review.version(std::slice::from_ref(&path), &[vec![vec![0], vec![0]]]);
        let edited = Some(EditedBody::Files(vec![EditedFile { path, after: Some(mine) }]));
        assert_eq!(made, Version { edited, hunks: Some(vec![HunkChoice::Whole(0)]) });
    }

    #[test]
    fn only_rows_that_were_drawn_count_as_seen() {
        let mut seen = Seen::default();
        seen.see(1, 0..10);
        seen.see(1, 90..100);
        assert_eq!(seen.unseen(1, 100), 80);
        seen.see(1, 5..50);
        seen.see(1, 50..90);
        assert_eq!(seen.unseen(1, 100), 0);
        assert_eq!(seen.unseen(1, 120), 20);
        assert_eq!(seen.unseen(2, 100), 100, "other rows");
        seen.forget(1, &(20..30));
        seen.forget(2, &(0..100));
        assert_eq!(seen.unseen(1, 100), 10);
    }

    #[test]
    fn another_revision_forgets_every_choice() {
        let mut review = Review::default();
        assert!(review.about(Some(("a1".into(), Digest::of(b"1")))));
        review.toggle_hunk((0, 0));
        assert!(!review.about(Some(("a1".into(), Digest::of(b"1")))));
        assert!(!review.is_whole());
        assert!(review.about(Some(("a1".into(), Digest::of(b"2")))));
        assert!(review.is_whole());
    }
}
