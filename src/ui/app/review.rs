//! The human's choices on the action that is looked at: hunks left out, lines chosen, text edited, rows seen.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::msg::HunkChoice;
use crate::base::{ActionId, Digest};

/// Everything here belongs to one revision of one action and is dropped with it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Review {
    about: Option<(ActionId, Digest)>,
    /// Hunks (counted over the whole action) that shall not be applied.
    pub left_out: BTreeSet<usize>,
    /// Changed lines of hunks that shall not be applied, by their index among all lines of the hunk.
    pub lines_left_out: BTreeMap<usize, BTreeSet<usize>>,
    /// Edited content by file index; the command by `None`.
    pub edited: BTreeMap<Option<usize>, String>,
    /// The first of the keys that approve although rows were not seen.
    pub unseen_warned: bool,
    /// Where a line selection began, as a row of the diff.
    pub selecting_from: Option<usize>,
    /// Rows of the diff that have been on the screen.
    pub seen: Seen,
}

/// Which rows were drawn, of one edition of the rows: those of another one were not seen.
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

    /// How many of `len` rows were not.
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

    pub fn toggle_hunk(&mut self, hunk: usize) {
        self.lines_left_out.remove(&hunk);
        if !self.left_out.remove(&hunk) {
            self.left_out.insert(hunk);
        }
    }

    /// Leaves lines of a hunk out, or takes them in again when all of them are out already. `all` are its changed lines.
    pub fn toggle_lines(&mut self, hunk: usize, lines: &[usize], all: &[usize]) {
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
    pub fn takes_line(&self, hunk: usize, line: usize) -> bool {
        !self.left_out.contains(&hunk) && !self.lines_left_out.get(&hunk).is_some_and(|out| out.contains(&line))
    }

    /// Everything is taken as proposed.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.left_out.is_empty() && self.lines_left_out.is_empty() && self.edited.is_empty()
    }

    /// The hunks to apply when some are left out; `changed` holds the changed lines of each hunk.
    #[must_use]
    pub fn chosen(&self, changed: &[Vec<usize>]) -> Vec<HunkChoice> {
        changed
            .iter()
            .enumerate()
            .filter(|(hunk, _)| !self.left_out.contains(hunk))
            .map(|(hunk, lines)| match self.lines_left_out.get(&hunk) {
                Some(out) => {
                    HunkChoice::Lines(hunk, lines.iter().copied().filter(|line| !out.contains(line)).collect())
                }
                None => HunkChoice::Whole(hunk),
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_hunks_are_chosen_and_taken_back() {
        let mut review = Review::default();
        let changed = [vec![3, 4], vec![3, 5, 6]];
        review.toggle_hunk(1);
        assert_eq!(review.chosen(&changed), [HunkChoice::Whole(0)]);
        review.toggle_lines(1, &[5], &changed[1]);
        assert_eq!(review.chosen(&changed), [HunkChoice::Whole(0), HunkChoice::Lines(1, vec![5])]);
        review.toggle_lines(1, &[5], &changed[1]);
        assert_eq!(review.chosen(&changed), [HunkChoice::Whole(0)]);
        review.toggle_hunk(1);
        assert!(review.is_whole());
        review.toggle_lines(0, &[3, 4], &changed[0]);
        assert_eq!(review.left_out, BTreeSet::from([0]));
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
    }

    #[test]
    fn another_revision_forgets_every_choice() {
        let mut review = Review::default();
        assert!(review.about(Some(("a1".into(), Digest::of(b"1")))));
        review.toggle_hunk(0);
        assert!(!review.about(Some(("a1".into(), Digest::of(b"1")))));
        assert!(!review.is_whole());
        assert!(review.about(Some(("a1".into(), Digest::of(b"2")))));
        assert!(review.is_whole());
    }
}
