//! The rows of changed files: heads, notes, hunks with their surroundings, and what is left out of them.

use super::{At, DiffRow, PlaceIn, View};
use crate::base::limits::DIFF_CONTEXT_LINES;
use crate::base::text::width;
use crate::diff::LineKind;
use crate::ui::panes::row::Row;
use crate::ui::theme::Role;
use crate::ui::workers::{FilePicture, HunkPicture};

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
                    format!("+{} -{}", line.added, line.removed)
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
            if structural {
                self.rows.push(DiffRow::Heading { file: at, hunk: index });
            } else {
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
            self.rows.extend(lines.into_iter().map(|line| DiffRow::Line(at(line))));
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::RelPath;
    use crate::diff::FileDiff;
    use crate::model::{Content, FileChange, FileEdit};
    use crate::ui::workers::{Job, PictureOptions, Versions};
    use std::collections::BTreeSet;
    use std::path::{Path, PathBuf};

    /// Files below a directory, in order, small enough that thousands are read in seconds.
    fn sources(root: &Path, most: usize) -> Vec<String> {
        let mut open: Vec<PathBuf> = vec![root.to_owned()];
        let mut found = Vec::new();
        while let Some(dir) = open.pop().filter(|_| found.len() < most) {
            let mut entries: Vec<PathBuf> =
                std::fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
            entries.sort();
            for path in entries {
                if path.is_dir() {
                    open.push(path);
                } else if path.extension().is_some_and(|ext| ext == "rs") && found.len() < most {
                    let text = std::fs::read_to_string(&path).unwrap_or_default();
                    found.extend((200..5_000).contains(&text.len()).then_some(text));
                }
            }
        }
        found
    }

    /// Another version of a text, by one of several ways that code changes, or breaks.
    fn changed(text: &str, way: usize) -> String {
        let lines: Vec<&str> = text.split_inclusive('\n').collect();
        let at = lines.len() * (way + 1) / 9;
        let without = |gone: std::ops::Range<usize>| {
            let kept = lines.iter().enumerate().filter(|(at, _)| !gone.contains(at));
            kept.map(|(_, line)| *line).collect::<String>()
        };
        match way {
            0 => without(at..at + 1),
            1 => without(at..at + 12),
            2 => text.replace("    ", "\t"),
            3 => text.replacen("fn ", "fn renamed_", 1),
            4 => text.replacen('(', "(extra: u8, ", 2),
            5 => format!("{}{}", lines[lines.len() / 2..].concat(), lines[..lines.len() / 2].concat()),
            6 => text.replacen('}', "", 3),
            _ => text.replacen(';', ";\n\n", 2),
        }
    }

    /// The view by definitions never hides a line that the view by lines shows.
    #[test]
    fn every_changed_line_is_in_the_structural_view() {
        let mut texts = sources(Path::new(env!("CARGO_MANIFEST_DIR")).join("src").as_path(), 60);
        if let Some(home) = std::env::var_os("CARGO_HOME")
            .map(PathBuf::from)
            .or_else(|| std::env::home_dir().map(|home| home.join(".cargo")))
        {
            texts.extend(sources(&home.join("registry/src"), 240));
        }
        let mut pairs = 0;
        for (number, text) in texts.iter().enumerate() {
            for way in 0..8 {
                let after = changed(text, way);
                let diff = FileDiff::new(text.clone(), after.clone());
                let expect: BTreeSet<_> =
                    diff.hunks.iter().flat_map(|hunk| &hunk.lines).filter_map(crate::diff::DiffLine::id).collect();
                let path = RelPath::new("src/a.rs").unwrap();
                let (before, after) = (Content::of(text.as_bytes()), Content::of(after.as_bytes()));
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
                assert_eq!(shown, expect, "way {way} of source {number}:\n{text}");
                let told = !pictures[0].structure.is_empty() || pictures[0].structure_note.is_some();
                assert!(told || expect.is_empty(), "nothing is told of way {way} of source {number}:\n{text}");
                pairs += 1;
            }
        }
        assert!(pairs >= 400, "{pairs} pairs");
    }
}
