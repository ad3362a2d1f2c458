//! The rows of changed files: heads, notes, hunks with their surroundings, and what is left out of them.

use super::{At, DiffPane, DiffRow, PlaceIn, View};
use crate::base::Digest;
use crate::base::limits::DIFF_CONTEXT_LINES;
use crate::base::text::width;
use crate::diff::LineKind;
use crate::ui::app::Scene;
use crate::ui::panes::row::Row;
use crate::ui::theme::Role;
use crate::ui::workers::{FilePicture, HunkPicture, Product};

/// Columns of a file's head or of the title that its path does not have: number, name, counts, place.
const PATH_MARGIN_COLUMNS: usize = 46;

/// The rows in the making.
#[derive(Debug)]
pub(super) struct FileRows<'a> {
    pub pictures: &'a [FilePicture],
    pub view: View,
    /// Unchanged lines around each change.
    pub context: usize,
    /// Changes of white space alone are left out.
    pub ignores_blanks: bool,
    pub columns: usize,
    /// Before the number of removed lines.
    pub minus: &'a str,
    pub rows: Vec<DiffRow>,
    pub hidden: Hidden,
}

/// What is left out because it differs in white space only.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Hidden {
    pub hunks: usize,
    /// Changed lines, in those hunks and in others.
    pub lines: usize,
}

impl FileRows<'_> {
    /// A file with its hunks; `only` where it needs no head.
    pub fn file(&mut self, at: usize, only: bool) {
        let Some(file) = self.pictures.get(at) else { return };
        if !only {
            self.rows.push(DiffRow::File(at));
        }
        // The head and the title cut a long path.
        if width::width(&file.path) + PATH_MARGIN_COLUMNS > self.columns {
            self.rows.push(DiffRow::Note(Row::new(file.path.clone(), Role::TextStrong)));
        }
        for note in &file.notes {
            self.rows.push(DiffRow::Note(Row::new(note.clone(), Role::Warn)));
        }
        let structural = self.view == View::Structural;
        if structural {
            let lines = file.structure.iter().map(|line| {
                let counts = if line.added + line.removed > 0 {
                    format!("+{} {}{}", line.added, self.minus, line.removed)
                } else {
                    String::new()
                };
                let kind = if line.kind.is_empty() { String::new() } else { format!("{} ", line.kind) };
                let row = Row::new(format!("{:<10}", line.word), line.role)
                    .and(kind, Role::TextSoft)
                    .and(line.path.clone(), Role::TextStrong);
                DiffRow::Note(row.right(counts, Role::TextSoft))
            });
            self.rows.extend(lines);
            if let Some(why) = file.structure_note {
                self.rows.push(DiffRow::Note(Row::new(why, Role::TextSoft)));
            }
            self.rows.push(DiffRow::Note(Row::default()));
        }
        let extra = self.context.saturating_sub(DIFF_CONTEXT_LINES);
        let mut carried = 0;
        for (index, hunk) in file.hunks.iter().enumerate() {
            if self.ignores_blanks && hunk.is_blank_only() {
                self.rows.push(DiffRow::BlankHunk { file: at, hunk: index });
                self.hidden.hunks += 1;
                self.hidden.lines += hunk.changed().len();
                carried = 0;
                continue;
            }
            if !structural {
                let mut before = hunk.before.len().min(extra);
                let mut hidden = hunk.gap_lines.saturating_sub(before + carried);
                // A fold takes a row: one line is shown in it instead.
                if hidden == 1 && before < hunk.before.len() {
                    (before, hidden) = (before + 1, 0);
                }
                if hidden > 0 {
                    self.rows.push(DiffRow::Fold(hidden));
                }
                let first = hunk.before.len() - before;
                let lines = (first..hunk.before.len()).map(|line| At::whole(at, index, PlaceIn::Before(line)));
                self.unchanged(lines.collect());
            }
            self.hunk(at, index, hunk);
            carried = if structural { 0 } else { hunk.after.len().min(extra) };
            let is_last = index + 1 == file.hunks.len();
            if !structural && is_last && file.tail_lines == carried + 1 && carried < hunk.after.len() {
                carried += 1;
            }
            let lines = (0..carried).map(|line| At::whole(at, index, PlaceIn::After(line)));
            self.unchanged(lines.collect());
        }
        let tail = file.tail_lines.saturating_sub(carried);
        if tail > 0 && !structural {
            self.rows.push(DiffRow::Fold(tail));
        }
    }

    fn unchanged(&mut self, lines: Vec<At>) {
        let split = self.view == View::Split;
        self.rows.extend(
            lines
                .into_iter()
                .map(|at| if split { DiffRow::Pair { left: Some(at), right: Some(at) } } else { DiffRow::Line(at) }),
        );
    }

    fn hunk(&mut self, file: usize, index: usize, hunk: &HunkPicture) {
        let at = |line: usize| At::whole(file, index, PlaceIn::Hunk(line));
        // With less context than the hunk has, its outer unchanged lines go.
        let trimmed = DIFF_CONTEXT_LINES.saturating_sub(self.context);
        let first_change = hunk.lines.iter().position(|line| line.kind != LineKind::Context).unwrap_or(0);
        let last_change = hunk.lines.iter().rposition(|line| line.kind != LineKind::Context).unwrap_or(0);
        let keep = DIFF_CONTEXT_LINES - trimmed.min(DIFF_CONTEXT_LINES);
        let window = first_change.saturating_sub(keep)..(last_change + keep + 1).min(hunk.lines.len());
        let ignores = self.ignores_blanks;
        // Of a line that differs in white space only, the new one stands there as if it were unchanged.
        let kind = |line: usize| {
            let line = hunk.lines.get(line)?;
            Some(if ignores && line.is_blank_only { LineKind::Context } else { line.kind })
        };
        let is_hidden = |line: usize| {
            let line = hunk.lines.get(line);
            line.is_some_and(|line| ignores && line.is_blank_only && line.kind == LineKind::Removed)
        };
        self.hidden.lines += window.clone().filter(|line| is_hidden(*line)).count();
        let shown = |line: &usize| match self.view {
            View::Structural => kind(*line) != Some(LineKind::Context),
            View::Unified | View::Split => !is_hidden(*line),
        };
        let lines: Vec<usize> = window.filter(shown).collect();
        if self.view != View::Split {
            let mut parts = hunk.headings.iter().map(|(from, _)| *from).enumerate().peekable();
            for line in lines {
                // Of definitions without a line that is shown, only the last is there.
                let mut heading = None;
                while let Some((part, _)) = parts.next_if(|(_, from)| *from <= line) {
                    heading = Some(part);
                }
                if let Some(part) = heading.filter(|_| self.view == View::Structural) {
                    self.rows.push(DiffRow::Heading { file, hunk: index, part });
                }
                self.rows.push(DiffRow::Line(at(line)));
            }
            return;
        }
        let mut rest = lines.into_iter().peekable();
        while let Some(line) = rest.peek().copied() {
            if kind(line) == Some(LineKind::Context) {
                rest.next();
                self.rows.push(DiffRow::Pair { left: Some(at(line)), right: Some(at(line)) });
                continue;
            }
            let mut run = |wanted: LineKind| {
                let mut run = Vec::new();
                while let Some(line) = rest.next_if(|line| kind(*line) == Some(wanted)) {
                    run.push(line);
                }
                run
            };
            let (removed, added) = (run(LineKind::Removed), run(LineKind::Added));
            for pair in 0..removed.len().max(added.len()) {
                let side = |lines: &[usize]| lines.get(pair).map(|line| at(*line));
                self.rows.push(DiffRow::Pair { left: side(&removed), right: side(&added) });
            }
        }
    }
}

/// What the rows are about: the comparison that is shown, or the item under review.
pub(super) fn about(scene: &Scene) -> Option<Digest> {
    let of_target = || scene.target().map(|state| state.action.digest);
    scene.comparison.as_ref().map(|comparison| comparison.key).or_else(of_target)
}

/// The rows are those of the newest pictures of what is shown.
pub(super) fn is_current(pane: &DiffPane, scene: &Scene) -> bool {
    let of_product = |product: &Product| std::sync::Arc::ptr_eq(&pane.pictures, &product.files);
    pane.about.is_some() && pane.about == about(scene) && scene.products.current().is_some_and(of_product)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::RelPath;
    use crate::base::pairs_tests::{Pair, changed, released};
    use crate::diff::FileDiff;
    use crate::model::{Content, FileChange, FileEdit};
    use crate::ui::workers::{Job, PictureOptions, Versions};
    use std::collections::BTreeSet;

    /// The view by definitions never hides a line that the view by lines shows.
    #[test]
    fn every_changed_line_is_in_the_structural_view() {
        let (released, mut pairs) = (released(usize::MAX), changed(250));
        let is_at_hand = !released.is_empty();
        pairs.extend(released.into_iter().filter(|pair| pair.old.len() + pair.new.len() < 5_000));
        for Pair { name, old, new } in &pairs {
            let diff = FileDiff::new(old.clone(), new.clone());
            let expect: BTreeSet<_> =
                diff.hunks.iter().flat_map(|hunk| &hunk.lines).filter_map(crate::diff::DiffLine::id).collect();
            let path = RelPath::new("src/a.rs").unwrap();
            let (before, after) = (Content::of(old.as_bytes()), Content::of(new.as_bytes()));
            let file = FileEdit {
                path,
                change: FileChange::Modify,
                from: None,
                before: Some(before),
                after: Some(after),
                before_node: None,
                after_node: None,
            };
            let job = Job::new(vec![Versions::of(file, |_| None)], PictureOptions::default());
            let product = std::cell::RefCell::new(None);
            job.run(&|made| *product.borrow_mut() = Some(made));
            let pictures = product.into_inner().unwrap().files;
            let mut rows = FileRows {
                pictures: &pictures,
                view: View::Structural,
                context: DIFF_CONTEXT_LINES,
                ignores_blanks: false,
                columns: 80,
                minus: "-",
                rows: Vec::new(),
                hidden: Hidden::default(),
            };
            rows.file(0, true);
            let line = |at: At| match at.place {
                PlaceIn::Hunk(line) => pictures[at.file].hunks[at.hunk].lines.get(line),
                PlaceIn::Before(_) | PlaceIn::After(_) => None,
            };
            let id = |line: &crate::ui::workers::LinePicture| match line.kind {
                LineKind::Added => line.new_no.map(crate::diff::LineId::Added),
                LineKind::Removed => line.old_no.map(crate::diff::LineId::Removed),
                LineKind::Context => None,
            };
            let shown: BTreeSet<_> =
                rows.rows.iter().flat_map(super::super::lines_of).filter_map(line).filter_map(id).collect();
            assert_eq!(shown, expect, "{name}");
            let told = !pictures[0].structure.is_empty() || pictures[0].structure_note.is_some();
            assert!(told || expect.is_empty(), "nothing is told of {name}");
        }
        // Without the sources of dependencies there are only our own.
        assert!(pairs.len() >= if is_at_hand { 2_000 } else { 300 }, "{} pairs", pairs.len());
    }
}
