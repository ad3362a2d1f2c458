//! Going from hunk to hunk and leaving them out.

use super::files::{FileItem, Mark};
use super::{At, DiffPane, DiffRow, PlaceIn};
use crate::diff::LineKind;
use crate::ui::app::review::{HunkAt, Review};
use std::collections::BTreeMap;

/// A stop of `n` and `]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    Hunk,
    File,
}

impl DiffPane {
    /// Moves to the next place of this kind; false when there is none.
    pub fn stop_at(&mut self, step: Step, forward: bool, height: usize) -> bool {
        let is_stop = |row: usize| match (step, self.rows.get(row)) {
            (Step::File, Some(DiffRow::File(_))) => true,
            (_, Some(_)) if !self.plan_spots.is_empty() => self.plan_spots.get(row).is_some_and(|spot| spot.heading),
            (Step::Hunk, Some(_)) if !self.spots.is_empty() => {
                let field = |row: usize| self.spots.get(row).copied().flatten().map(|spot| spot.field);
                let above = row.checked_sub(1).and_then(field);
                field(row).is_some() && field(row) != above
            }
            (Step::Hunk, Some(this)) => {
                let hunk = self.hunk_of(this);
                let is_remark = |above: &&DiffRow| matches!(above, DiffRow::Remark { .. });
                let above = self.rows.get(..row).and_then(|above| above.iter().rev().find(|row| !is_remark(row)));
                hunk.is_some() && above.map(|above| self.hunk_of(above)) != Some(hunk)
            }
            (Step::File, Some(_)) | (_, None) => false,
        };
        let found = if forward {
            (self.list.cursor + 1..self.rows.len()).find(|row| is_stop(*row))
        } else {
            (0..self.list.cursor).rev().find(|row| is_stop(*row))
        };
        if let Some(row) = found {
            match self.spots.get(row).copied().flatten() {
                Some(spot) => self.go_to_field(spot.field),
                None => {
                    // With what it holds: its first lines are unchanged ones.
                    let hunk = |at: usize| self.rows.get(at).and_then(|row| self.hunk_of(row));
                    let end = (row..self.rows.len()).find(|at| hunk(*at) != hunk(row)).unwrap_or(self.rows.len());
                    self.list.jump_to(row..end, self.rows.len(), height);
                }
            }
        }
        found.is_some()
    }

    /// Leaves the selected lines, the file or the hunk at the cursor out, or takes them in; says what it did.
    pub fn toggle(&mut self, review: &mut Review) -> String {
        if let Some(from) = review.selecting_from.take() {
            return self.toggle_lines(review, from);
        }
        if let Some(DiffRow::File(file)) = self.rows.get(self.list.cursor) {
            return self.toggle_file(review, *file);
        }
        if let Some(DiffRow::Change { at, .. }) = self.rows.get(self.list.cursor) {
            let out = review.toggle_hunk((0, *at));
            return format!(
                "change {} {}",
                at + 1,
                if out { "left out: Space takes it in again" } else { "taken in again" }
            );
        }
        let Some(at) = self.current_hunk() else {
            return "no hunk here: approve or deny the action as a whole".to_owned();
        };
        let out = review.toggle_hunk(at);
        let (number, all) = (self.global(at) + 1, self.hunks_in_all());
        let words = if out { "excluded: Space includes it again" } else { "included again" };
        format!("hunk {number}/{all} {words}")
    }

    fn toggle_file(&self, review: &mut Review, file: usize) -> String {
        let hunks = self.pictures.get(file).map_or(1, |file| file.hunks.len().max(1));
        let out = (0..hunks).any(|hunk| !review.left_out.contains(&(file, hunk)));
        for at in (0..hunks).map(|hunk| (file, hunk)) {
            if review.left_out.contains(&at) != out {
                review.toggle_hunk(at);
            }
        }
        let path = self.pictures.get(file).map_or("the file", |file| file.path.as_str());
        format!("{path} {}", if out { "excluded: Space includes it again" } else { "included again" })
    }

    fn toggle_lines(&self, review: &mut Review, from: usize) -> String {
        let (first, last) = (from.min(self.list.cursor), from.max(self.list.cursor));
        let mut by_hunk: BTreeMap<HunkAt, Vec<usize>> = BTreeMap::new();
        for at in self.rows.get(first..=last).unwrap_or_default().iter().flat_map(lines_of) {
            let changed = self.line(at).is_some_and(|line| line.kind != LineKind::Context);
            if let (PlaceIn::Hunk(line), true) = (at.place, changed) {
                by_hunk.entry((at.file, at.hunk)).or_default().push(line);
            }
        }
        let ignores = self.blanks == super::Blanks::Ignored;
        let has_hidden =
            |at: &HunkAt| self.hunk(at.0, at.1).is_some_and(|hunk| hunk.lines.iter().any(|l| l.is_blank_only));
        if ignores && by_hunk.keys().any(has_hidden) {
            return "this hunk has lines that differ in white space only: w shows them, then choose lines".to_owned();
        }
        if by_hunk.is_empty() {
            return "no changed line is selected: nothing was excluded".to_owned();
        }
        let mut out = 0;
        let mut lines = 0;
        for (at, mut chosen) in by_hunk {
            chosen.dedup();
            let all = self.hunk(at.0, at.1).map(|hunk| hunk.changed()).unwrap_or_default();
            review.toggle_lines(at, &chosen, &all);
            lines += chosen.len();
            out += chosen.iter().filter(|line| !review.takes_line(at, **line)).count();
        }
        let plural = if lines == 1 { "" } else { "s" };
        format!("{lines} line{plural} {}", if out > 0 { "excluded" } else { "included again" })
    }

    /// Folds the file whose head or fold the cursor is on, or opens it.
    pub(super) fn toggle_fold(&mut self) {
        let row = self.list.cursor;
        let is_head = matches!(self.rows.get(row), Some(DiffRow::File(_)));
        let is_fold = !self.remarks.is_remark(row) && self.folds.is_fold(self.remarks.bare(row));
        if self.folds.has_files() && (is_head || is_fold) {
            let file = self.file_under_cursor();
            let is_folded = self.pictures.get(file).is_some_and(|picture| self.folds.words(file, picture).is_some());
            self.folds.set_mark(file, if is_folded { Mark::Opened } else { Mark::Closed });
        }
    }

    /// Marks the file at the cursor as viewed, which folds it and counts as read, or takes that back; in words.
    pub fn toggle_viewed(&mut self, review: &mut Review) -> &'static str {
        if !self.folds.has_files() {
            return "only a change of several files has files to mark";
        }
        let file = self.file_under_cursor();
        let is_head = |row: &DiffRow| matches!(row, DiffRow::File(_));
        let first = self.rows.iter().position(|row| *row == DiffRow::File(file)).unwrap_or_default();
        let next = self.rows.iter().skip(first + 1).position(is_head).map_or(self.rows.len(), |at| first + 1 + at);
        let all = self.folds.unfolded(self.remarks.bare(first))..self.folds.unfolded(self.remarks.bare(next));
        if self.folds.is_viewed(file) {
            review.seen.forget(self.edition, &all);
            self.folds.set_mark(file, Mark::Opened);
            return "not viewed";
        }
        review.seen.see(self.edition, all);
        self.folds.set_mark(file, Mark::Viewed);
        self.list.cursor = first;
        "viewed: Enter shows it again"
    }

    /// The files under review.
    #[must_use]
    pub fn files(&self) -> Vec<FileItem> {
        self.folds.items(&self.pictures)
    }

    /// Moves to the head of a file, by its place in the list.
    pub fn go_to_file(&mut self, file: usize) {
        let row = self.rows.iter().position(|row| *row == DiffRow::File(file)).unwrap_or_default();
        self.list.jump(row, self.rows.len(), usize::from(self.room.height));
    }

    /// The hunk under the cursor, or else the last one above it, or else the first.
    fn current_hunk(&self) -> Option<HunkAt> {
        let above = self.rows.get(..=self.list.cursor).unwrap_or(&self.rows);
        let hunk = |row: &DiffRow| self.hunk_of(row);
        above.iter().rev().find_map(hunk).or_else(|| self.rows.iter().find_map(hunk))
    }

    /// A hunk's number through all files of the action, as the host counts.
    pub(super) fn global(&self, at: HunkAt) -> usize {
        self.pictures.iter().take(at.0).map(|file| file.hunks.len().max(1)).sum::<usize>() + at.1
    }

    fn hunks_in_all(&self) -> usize {
        self.pictures.iter().map(|file| file.hunks.len().max(1)).sum()
    }

    /// Number of the current hunk and of all hunks, from 1.
    pub(super) fn position(&self) -> Option<(usize, usize)> {
        Some((self.global(self.current_hunk()?) + 1, self.hunks_in_all()))
    }

    fn hunk_of(&self, row: &DiffRow) -> Option<HunkAt> {
        match row {
            DiffRow::Heading { file, hunk, .. } | DiffRow::BlankHunk { file, hunk } => Some((*file, *hunk)),
            DiffRow::Line(at) => matches!(at.place, PlaceIn::Hunk(_)).then_some((at.file, at.hunk)),
            DiffRow::Pair { left, right } => {
                left.iter().chain(right).find(|at| matches!(at.place, PlaceIn::Hunk(_))).map(|at| (at.file, at.hunk))
            }
            DiffRow::File(file) => {
                self.pictures.get(*file).is_some_and(|file| file.hunks.is_empty()).then_some((*file, 0))
            }
            DiffRow::Note(_)
            | DiffRow::Fold(_)
            | DiffRow::Prose { .. }
            | DiffRow::Change { .. }
            | DiffRow::Remark { .. } => None,
        }
    }
}

/// The lines of pictures that a row shows.
pub(super) fn lines_of(row: &DiffRow) -> Vec<At> {
    match row {
        DiffRow::Line(at) => vec![*at],
        DiffRow::Pair { left, right } => left.iter().chain(right).copied().collect(),
        DiffRow::File(_)
        | DiffRow::Note(_)
        | DiffRow::Fold(_)
        | DiffRow::Heading { .. }
        | DiffRow::BlankHunk { .. }
        | DiffRow::Prose { .. }
        | DiffRow::Change { .. }
        | DiffRow::Remark { .. } => Vec::new(),
    }
}
