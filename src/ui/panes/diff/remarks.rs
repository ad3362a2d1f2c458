//! Comments between the lines of a diff: the rows below the lines that they are on, and where a new one would be.
//!
//! They are not part of what is read: an approval counts the lines of the change alone.

use super::plan::GUTTER_COLUMNS;
use super::{DiffPane, DiffRow, lines_of};
use crate::base::text::foreign;
use crate::base::{CommentId, Digest};
use crate::diff::LineKind;
use crate::model::FileEdit;
use crate::model::comment::{Comment, CommentState, Fate, Side, Subject};
use crate::ui::app::Scene;
use crate::ui::app::review::Review;
use crate::ui::limits::UI_FATES_KEPT_MAX;
use crate::ui::panes::row::{Row, wrapped};
use crate::ui::theme::{Role, Sign};
use std::collections::{BTreeMap, HashMap};

/// Lines of a file of the change, for a new comment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileLines {
    /// The file's place in the action.
    pub file: usize,
    pub side: Side,
    /// From 1; absent for the whole file.
    pub line: Option<u32>,
    pub count: u32,
}

/// The rows that are comments.
#[derive(Debug, Default)]
pub(super) struct Remarks {
    /// In order.
    rows: Vec<usize>,
    /// What became of comments in texts that were shown: finding lines in a long file takes time.
    fates: BTreeMap<(CommentId, Digest), Fate>,
}

impl Remarks {
    /// The number of a row without the comments above it.
    pub fn bare(&self, row: usize) -> usize {
        row - self.rows.partition_point(|at| *at < row)
    }

    pub fn is_remark(&self, row: usize) -> bool {
        self.rows.binary_search(&row).is_ok()
    }

    fn fate(&mut self, scene: &Scene, comment: &Comment, (at, file): (usize, &FileEdit)) -> Fate {
        let is_new = !matches!(&comment.anchor.on, Some(Subject::File { side: Side::Old, .. }));
        if let Some(text) = scene.review.edited.get(&Some(at)).filter(|_| is_new) {
            return comment.anchor.fate(text);
        }
        let side = if is_new { &file.after } else { &file.before };
        let digest = side.as_ref().map_or_else(|| Digest::of(b""), |content| content.digest());
        let key = (comment.id.clone(), digest);
        if let Some(known) = self.fates.get(&key) {
            return *known;
        }
        let (_, contents) = scene.shown_files();
        let bytes = side.as_ref().map(|content| contents.bytes(content));
        let fate = match bytes {
            None => comment.anchor.fate(""),
            Some(Some(bytes)) => comment.anchor.fate(&foreign::readable(bytes)),
            // Not here (yet).
            Some(None) => return Fate::Standing { line: comment.anchor.line },
        };
        if self.fates.len() >= UI_FATES_KEPT_MAX {
            self.fates.clear();
        }
        self.fates.insert(key, fate);
        fate
    }

    /// Puts the comments on these files among the rows.
    pub fn insert(&mut self, pane: &DiffPane, scene: &Scene, files: &[FileEdit]) -> Option<Vec<DiffRow>> {
        self.rows.clear();
        let is_of = |comment: &Comment, file: &FileEdit| match &comment.anchor.on {
            Some(Subject::File { path, .. }) => file.path == *path || file.from.as_ref() == Some(path),
            Some(Subject::Output { .. }) | None => false,
        };
        let mut below: BTreeMap<usize, Vec<DiffRow>> = BTreeMap::new();
        let mut places: Option<Places> = None;
        for comment in scene.session.plans.all_comments() {
            let Some(at) = files.iter().position(|file| is_of(comment, file)) else { continue };
            let Some(file) = files.get(at) else { continue };
            let fate = self.fate(scene, comment, (at, file));
            let places = places.get_or_insert_with(|| Places::of(pane));
            let (row, is_there) = places.row(at, comment, fate);
            let rows = remark_rows(scene, comment, words(comment, fate), !is_there, pane.room.width);
            let rows = rows.into_iter().map(|row| DiffRow::Remark { comment: comment.id.clone(), row });
            below.entry(row).or_default().extend(rows);
        }
        if below.is_empty() {
            return None;
        }
        let mut rows = Vec::with_capacity(pane.rows.len() + below.len());
        for at in 0..=pane.rows.len() {
            for remark in below.remove(&at).into_iter().flatten() {
                self.rows.push(rows.len());
                rows.push(remark);
            }
            rows.extend(pane.rows.get(at).cloned());
        }
        Some(rows)
    }
}

/// Where the lines of files are among the rows.
struct Places {
    /// The row after the last one that shows a line.
    lines: HashMap<(usize, Side, u32), usize>,
    /// The row after the head of a file, and after its last row.
    files: BTreeMap<usize, (usize, usize)>,
    rows: usize,
}

impl Places {
    fn of(pane: &DiffPane) -> Self {
        let mut places = Self { lines: HashMap::new(), files: BTreeMap::new(), rows: pane.rows.len() };
        let mut open: Option<usize> = None;
        for (row, shown) in pane.rows.iter().enumerate() {
            if let DiffRow::File(file) = shown {
                if let Some((_, end)) = open.and_then(|open| places.files.get_mut(&open)) {
                    *end = row;
                }
                open = Some(*file);
                places.files.insert(*file, (row + 1, pane.rows.len()));
            }
            for at in lines_of(shown) {
                let Some(line) = pane.line(at) else { continue };
                let sides = [(Side::New, line.new_no, LineKind::Removed), (Side::Old, line.old_no, LineKind::Added)];
                for (side, number, not) in sides {
                    if let Some(number) = number.filter(|_| line.kind != not).and_then(|no| u32::try_from(no).ok()) {
                        places.lines.insert((at.file, side, number), row + 1);
                    }
                }
            }
        }
        places
    }

    /// The row that a comment comes before, and whether what it is on is right above.
    fn row(&self, file: usize, comment: &Comment, fate: Fate) -> (usize, bool) {
        let (head, end) = self.files.get(&file).copied().unwrap_or((0, self.rows));
        let side = match &comment.anchor.on {
            Some(Subject::File { side, .. }) => *side,
            Some(Subject::Output { .. }) | None => Side::New,
        };
        let Some(line) = fate.line() else { return (end, false) };
        if line == 0 {
            return (head, true);
        }
        // What was rewritten may be shorter than it was: its first line is where it is.
        let last = match fate {
            Fate::Standing { line } => line.saturating_add(comment.anchor.lines().saturating_sub(1)),
            Fate::Addressed { line } => line,
            Fate::Outdated => 0,
        };
        let found = (line..=last).rev().find_map(|line| self.lines.get(&(file, side, line)));
        found.map_or((end, false), |row| (*row, true))
    }
}

/// How far a comment has come, given what became of its lines.
pub fn words(comment: &Comment, fate: Fate) -> String {
    let state = match (comment.state, fate) {
        (CommentState::Sent, Fate::Standing { .. }) => "sent · still there",
        (CommentState::Sent, Fate::Addressed { .. }) => "sent · addressed",
        (CommentState::Sent, Fate::Outdated) => "sent · outdated",
        (CommentState::Open, _) => "open",
        (CommentState::Resolved, _) => "resolved",
        (CommentState::Withdrawn, _) => "withdrawn",
    };
    match fate.words().filter(|_| comment.state == CommentState::Open) {
        Some(words) => format!("{state}, {words}"),
        None => state.to_owned(),
    }
}

/// A comment in rows; with its place and its quote where what it is on is not right above.
pub fn remark_rows(scene: &Scene, comment: &Comment, state: String, quotes: bool, columns: u16) -> Vec<Row> {
    let bar = format!("{}{} ", " ".repeat(usize::from(GUTTER_COLUMNS)), scene.look.sign(Sign::Bar));
    let role = if comment.state == CommentState::Resolved { Role::TextSoft } else { Role::Human };
    let mut words = comment.shown();
    if quotes {
        let quote = comment.anchor.quote.lines().next().unwrap_or_default().trim();
        let place = if comment.is_on_plan() { String::new() } else { format!("{}  ", comment.place()) };
        let quote = if quote.is_empty() { String::new() } else { format!("“{quote}”  ") };
        words = format!("{place}{quote}{words}");
    }
    let state = format!("{} {state}", comment.id);
    let room = u16::try_from(state.len()).unwrap_or(26).max(26);
    let mut rows = Vec::new();
    wrapped(&mut rows, &bar, Role::Accent, &words, role, columns.saturating_sub(room));
    if let Some(first) = rows.first_mut() {
        *first = std::mem::take(first).right(state, Role::TextSoft);
    }
    rows
}

/// The lines of a file that are selected, or the one under the cursor; of a head, the whole file.
pub fn lines_at(pane: &DiffPane, review: &Review) -> Option<FileLines> {
    let cursor = pane.list.cursor;
    let from = review.selecting_from.unwrap_or(cursor);
    let file = pane.file_under_cursor();
    let rows = pane.rows.get(from.min(cursor)..=from.max(cursor))?;
    let lines: Vec<_> =
        rows.iter().flat_map(lines_of).filter(|at| at.file == file).filter_map(|at| pane.line(at)).collect();
    let whole = FileLines { file, side: Side::New, line: None, count: 1 };
    let of = |side: Side| {
        let number = |line: &&&crate::ui::workers::LinePicture| match side {
            Side::New => line.new_no.filter(|_| line.kind != LineKind::Removed),
            Side::Old => line.old_no.filter(|_| line.kind != LineKind::Added),
        };
        let numbers: Vec<u32> =
            lines.iter().filter_map(|line| number(&line)).filter_map(|no| u32::try_from(no).ok()).collect();
        let (first, last) = (numbers.iter().min()?, numbers.iter().max()?);
        Some(FileLines { side, line: Some(*first), count: last - first + 1, ..whole })
    };
    // Lines that are only taken out are those of the old version.
    let found = of(Side::New).or_else(|| of(Side::Old));
    found.or_else(|| (!pane.pictures.is_empty()).then_some(whole))
}

/// The first of these lines, as it is shown.
#[must_use]
pub fn first_text(pane: &DiffPane, lines: FileLines) -> Option<String> {
    let wanted = usize::try_from(lines.line?).ok()?;
    let is_it = |line: &&crate::ui::workers::LinePicture| match lines.side {
        Side::New => line.new_no == Some(wanted) && line.kind != LineKind::Removed,
        Side::Old => line.old_no == Some(wanted) && line.kind != LineKind::Added,
    };
    let shown = pane.rows.iter().flat_map(lines_of).filter(|at| at.file == lines.file);
    shown.filter_map(|at| pane.line(at)).find(is_it).map(|line| line.shown.text.trim().to_owned())
}

/// The rows without comments, to tell whether anything else has changed.
pub(super) fn without_remarks(rows: &[DiffRow]) -> impl Iterator<Item = &DiffRow> {
    rows.iter().filter(|row| !matches!(row, DiffRow::Remark { .. }))
}

/// There are lines to select.
#[must_use]
pub fn has_lines(pane: &DiffPane) -> bool {
    !pane.plan_spots.is_empty() || pane.rows.iter().any(|row| !lines_of(row).is_empty())
}
