//! Diff: exactly what would happen. Files as unified, split or structural diff; a command as it would run.

use super::prose::TalkRow;
use super::row::Row;
use super::{Pane, Title};
use crate::base::CommentId;
use crate::base::limits::DIFF_CONTEXT_LINES;
use crate::diff::LineKind;
use crate::model::session::ActionState;
use crate::model::{FileChange, Kind};
use crate::ui::app::form::Spot;
use crate::ui::app::review::Review;
use crate::ui::app::{Scene, Touched};
use crate::ui::layout::PaneId;
use crate::ui::limits::{UI_CONTEXT_LINES_MAX, UI_READING_COLUMNS_MIN};
use crate::ui::list::List;
use crate::ui::look::Brush;
use crate::ui::theme::Sign;
use crate::ui::workers::{FilePicture, HunkPicture, PictureOptions};
use ratatui::layout::{Rect, Size};
use remarks::without_remarks;
use rows::{FileRows, Hidden};

mod choose;
mod compare;
mod coverage;
mod draw;
mod files;
mod form;
mod infra;
#[cfg(test)]
mod parts_tests;
mod plan;
mod preview;
mod remarks;
mod rows;
mod told;

pub use choose::Step;
use choose::lines_of;
pub use files::FileItem;
pub use plan::PlanSpot;
pub use remarks::{first_text, has_lines, lines_at, remark_rows, words as fate_words};
pub use told::touched_words;

/// The three views of a change.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum View {
    #[default]
    Unified,
    Split,
    Structural,
}

/// How white space is shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Blanks {
    #[default]
    Plain,
    /// With signs for blanks.
    Marked,
    /// Changes of it alone are left out.
    Ignored,
}

/// One row. Indices lead into the pictures; drawing looks them up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum DiffRow {
    File(usize),
    Note(Row),
    /// Lines of the file that are left out here.
    Fold(usize),
    /// A definition, by its place among those of the hunk.
    Heading {
        file: usize,
        hunk: usize,
        part: usize,
    },
    /// A hunk that is left out because it differs in white space only.
    BlankHunk {
        file: usize,
        hunk: usize,
    },
    Line(At),
    /// A line of a plan's text, with its number where it begins.
    Prose {
        row: TalkRow,
        line: Option<u32>,
    },
    /// A change of the plan, which can be left out.
    Change {
        at: usize,
        row: Row,
    },
    /// A comment on what is above.
    Remark {
        comment: CommentId,
        row: Row,
    },
    /// Left and right side of the split view.
    Pair {
        left: Option<At>,
        right: Option<At>,
    },
}

/// A line of a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct At {
    pub file: usize,
    pub hunk: usize,
    pub place: PlaceIn,
    /// The bytes of its text that this row shows: a long line continues in the next rows.
    pub from: usize,
    pub to: usize,
}

impl At {
    fn whole(file: usize, hunk: usize, place: PlaceIn) -> Self {
        Self { file, hunk, place, from: 0, to: usize::MAX }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PlaceIn {
    Before(usize),
    Hunk(usize),
    After(usize),
}

/// See the module.
#[derive(Debug)]
pub struct DiffPane {
    list: List,
    rows: Vec<DiffRow>,
    /// Of a form: the place on it that each row belongs to.
    spots: Vec<Option<Spot>>,
    /// Of a plan: what each row belongs to, and the rows beside it.
    plan_spots: Vec<PlanSpot>,
    aside: Vec<Row>,
    folds: files::Folds,
    remarks: remarks::Remarks,
    ran: coverage::Ran,
    pictures: std::sync::Arc<Vec<FilePicture>>,
    view: View,
    /// Unchanged lines around each change.
    context: usize,
    blanks: Blanks,
    /// What the rows leave out.
    hidden: Hidden,
    /// Numbered lines: two sides do not fit into one.
    pub one_sided: bool,
    /// The room the rows were made for.
    room: Size,
    /// Counts up whenever the rows become others: what was seen of the old ones says nothing about these.
    edition: u64,
    /// The inputs of the rows without the choices, so that the cursor stays when only choices change.
    about: Option<crate::base::Digest>,
    /// The job that the pictures came from: its text is the same with and without colors.
    pictured: Option<crate::base::Digest>,
    /// The cursor was moved to the first change.
    is_placed: bool,
}

impl Default for DiffPane {
    fn default() -> Self {
        Self {
            list: List::default(),
            rows: Vec::new(),
            spots: Vec::new(),
            plan_spots: Vec::new(),
            aside: Vec::new(),
            folds: files::Folds::default(),
            remarks: remarks::Remarks::default(),
            ran: coverage::Ran::default(),
            pictures: std::sync::Arc::default(),
            view: View::default(),
            context: DIFF_CONTEXT_LINES,
            blanks: Blanks::default(),
            hidden: Hidden::default(),
            one_sided: false,
            room: Size::default(),
            edition: 0,
            about: None,
            pictured: None,
            is_placed: false,
        }
    }
}

impl DiffPane {
    #[must_use]
    pub fn cursor(&self) -> usize {
        self.list.cursor
    }

    /// Unified, split, structural, unified …; of a plan the document, what changed, the source.
    pub fn next_view(&mut self) -> &'static str {
        let is_plan = !self.plan_spots.is_empty();
        let (view, name) = match (self.view, is_plan) {
            (View::Unified, false) => (View::Split, "diff: split"),
            (View::Split, false) => (View::Structural, "diff: structural"),
            (View::Structural, false) => (View::Unified, "diff: unified"),
            (View::Unified, true) => (View::Split, "plan: compared with the version before"),
            (View::Split, true) => (View::Structural, "plan: source"),
            (View::Structural, true) => (View::Unified, "plan: document"),
        };
        self.view = view;
        name
    }

    fn shown_view(&self) -> View {
        if self.view == View::Split && self.one_sided { View::Unified } else { self.view }
    }

    /// More or fewer unchanged lines, up to the whole file; in words.
    pub fn change_context(&mut self, more: bool) -> String {
        self.context = match (more, self.context) {
            (true, UI_CONTEXT_LINES_MAX..) => usize::MAX,
            (true, lines) => (lines + 3).min(UI_CONTEXT_LINES_MAX),
            (false, usize::MAX) => UI_CONTEXT_LINES_MAX,
            (false, lines) => lines.saturating_sub(3),
        };
        match self.context {
            usize::MAX => "the whole file".to_owned(),
            1 => "1 line of context".to_owned(),
            lines => format!("{lines} lines of context"),
        }
    }

    /// As it is, with signs, ignored, as it is …; in words.
    pub fn next_blanks(&mut self) -> &'static str {
        let (blanks, words) = match self.blanks {
            Blanks::Plain => (Blanks::Marked, "white space is marked"),
            Blanks::Marked => (Blanks::Ignored, "changes of white space alone are hidden, but stay in their hunks"),
            Blanks::Ignored => (Blanks::Plain, "white space is shown as it is"),
        };
        self.blanks = blanks;
        words
    }

    /// How the pictures are wanted.
    #[must_use]
    pub fn picture_options(&self) -> PictureOptions {
        PictureOptions {
            marks_blanks: self.blanks == Blanks::Marked,
            is_whole: self.context == usize::MAX,
            ..PictureOptions::default()
        }
    }

    /// Notes the rows in the window as seen: a frame with them went out.
    pub fn see(&self, review: &mut Review) {
        if self.room.width >= UI_READING_COLUMNS_MIN {
            self.read_ranges().into_iter().for_each(|range| review.seen.see(self.edition, range));
        }
    }

    #[must_use]
    pub fn unseen_rows(&self, review: &Review) -> usize {
        review.seen.unseen(self.edition, self.to_read(self.rows.len())) + self.hidden.lines
    }

    /// The place on a form that the cursor is at.
    #[must_use]
    pub fn spot(&self) -> Option<Spot> {
        self.spots.get(self.list.cursor).copied().flatten()
    }

    /// Moves to a question of a form and shows its choices.
    pub fn go_to_field(&mut self, field: usize) {
        let is_of_it = |spot: &Option<Spot>| spot.is_some_and(|spot| spot.field == field);
        let (first, last) = (self.spots.iter().position(is_of_it), self.spots.iter().rposition(is_of_it));
        if let (Some(first), Some(last)) = (first, last) {
            self.list.jump_to(first..last + 1, self.rows.len(), usize::from(self.room.height));
        }
    }

    fn window(&self) -> std::ops::Range<usize> {
        self.list.window(self.rows.len(), usize::from(self.room.height))
    }

    #[must_use]
    pub fn file_under_cursor(&self) -> usize {
        let above = self.rows.get(..=self.list.cursor).unwrap_or(&self.rows);
        above.iter().rev().find_map(file_of).unwrap_or(0)
    }

    fn hunk(&self, file: usize, hunk: usize) -> Option<&HunkPicture> {
        self.pictures.get(file)?.hunks.get(hunk)
    }

    fn line(&self, at: At) -> Option<&crate::ui::workers::LinePicture> {
        let hunk = self.hunk(at.file, at.hunk)?;
        match at.place {
            PlaceIn::Before(line) => hunk.before.get(line),
            PlaceIn::Hunk(line) => hunk.lines.get(line),
            PlaceIn::After(line) => hunk.after.get(line),
        }
    }

    fn rows_about(&mut self, scene: &Scene, state: &ActionState) {
        let files = state.action.files().len();
        if let Some(sheet) = plan::Sheet::of(scene, state, self.view, self.room.width) {
            (self.rows, self.plan_spots, self.aside) = (sheet.rows, sheet.spots, sheet.aside);
        } else if let Some(form) = state.action.form() {
            let page = form::Page::of(scene, form, self.room.width);
            self.rows = page.rows.into_iter().map(DiffRow::Note).collect();
            self.spots = page.spots;
        } else if files == 0 {
            self.rows = told::rows(scene, state, self.room.width).into_iter().map(DiffRow::Note).collect();
        } else if self.has_pictures(scene, files == 1) {
            // The rows are there.
        } else {
            self.rows = told::plain_rows(state).into_iter().map(DiffRow::Note).collect();
        }
    }

    /// The rows of the pictures, once they are there.
    fn has_pictures(&mut self, scene: &Scene, only: bool) -> bool {
        let Some(product) = scene.products.current() else { return false };
        self.pictures = std::sync::Arc::clone(&product.files);
        self.pictured = Some(product.key);
        let mut rows = FileRows {
            pictures: &self.pictures,
            view: self.shown_view(),
            context: self.context,
            ignores_blanks: self.blanks == Blanks::Ignored,
            columns: usize::from(self.room.width),
            minus: scene.look.sign(Sign::Minus),
            rows: Vec::new(),
            hidden: Hidden::default(),
        };
        (0..self.pictures.len()).for_each(|at| rows.file(at, only));
        (self.rows, self.hidden) = (rows.rows, rows.hidden);
        true
    }

    /// The change of a line as it is shown.
    fn kind_of(&self, line: &crate::ui::workers::LinePicture) -> LineKind {
        if self.blanks == Blanks::Ignored && line.is_blank_only { LineKind::Context } else { line.kind }
    }

    /// What the title says of white space.
    fn blanks_words(&self) -> String {
        match (self.blanks, self.hidden) {
            (Blanks::Plain | Blanks::Marked, _) => String::new(),
            (Blanks::Ignored, Hidden { lines: 0, .. }) => "  white space ignored".to_owned(),
            (Blanks::Ignored, Hidden { hunks: 0, lines }) => format!("  white space ignored ({lines} lines)"),
            (Blanks::Ignored, Hidden { hunks: 1, .. }) => "  white space ignored (1 hunk)".to_owned(),
            (Blanks::Ignored, Hidden { hunks, .. }) => format!("  white space ignored ({hunks} hunks)"),
        }
    }

    /// The words of a hunk that is left out.
    fn blank_words(&self, at: (usize, usize)) -> String {
        let lines = self.hunk(at.0, at.1).map_or(0, |hunk| hunk.changed().len());
        format!("hunk {} differs in white space only, {lines} lines: w shows it", self.global(at) + 1)
    }

    /// Breaks what is wider than the pane into rows of its own: nothing is approved that lay beyond the edge.
    fn wrap(&mut self) {
        let columns = usize::from(self.room.width);
        if columns == 0 {
            return;
        }
        let rows = std::mem::take(&mut self.rows);
        for row in rows {
            match row {
                DiffRow::Line(at) => {
                    let room = columns.saturating_sub(draw::columns_before(self, at.file, true));
                    let spans = self.spans(at, room);
                    self.rows.extend(spans.into_iter().map(DiffRow::Line));
                }
                DiffRow::Pair { left, right } => {
                    let half = columns / 2;
                    let spans = |at: Option<At>, columns: usize| {
                        at.map_or_else(Vec::new, |at| {
                            self.spans(at, columns.saturating_sub(draw::columns_before(self, at.file, false)))
                        })
                    };
                    let (left, right) = (spans(left, half), spans(right, columns.saturating_sub(half + 1)));
                    self.rows.extend(
                        (0..left.len().max(right.len()))
                            .map(|row| DiffRow::Pair { left: left.get(row).copied(), right: right.get(row).copied() }),
                    );
                }
                DiffRow::Note(row) => self.rows.extend(row.broken(columns).into_iter().map(DiffRow::Note)),
                DiffRow::File(_)
                | DiffRow::Fold(_)
                | DiffRow::Heading { .. }
                | DiffRow::BlankHunk { .. }
                | DiffRow::Prose { .. }
                | DiffRow::Remark { .. }
                | DiffRow::Change { .. } => self.rows.push(row),
            }
        }
    }

    /// A line in pieces of at most this many columns.
    fn spans(&self, at: At, columns: usize) -> Vec<At> {
        let text = self.line(at).map_or("", |line| line.shown.text.as_str());
        super::row::pieces(text, columns)
            .into_iter()
            .map(|piece| At { from: piece.start, to: piece.end, ..at })
            .collect()
    }
}

fn file_of(row: &DiffRow) -> Option<usize> {
    match row {
        DiffRow::File(file) | DiffRow::Heading { file, .. } | DiffRow::BlankHunk { file, .. } => Some(*file),
        DiffRow::Line(at) => Some(at.file),
        DiffRow::Pair { left, right } => left.or(*right).map(|at| at.file),
        DiffRow::Note(_)
        | DiffRow::Fold(_)
        | DiffRow::Prose { .. }
        | DiffRow::Change { .. }
        | DiffRow::Remark { .. } => None,
    }
}

impl Pane for DiffPane {
    fn id(&self) -> PaneId {
        PaneId::Diff
    }

    fn refresh(&mut self, scene: &Scene, room: Size, touched: Touched) {
        let reflows = room.width != self.room.width;
        self.room = room;
        if touched.target || touched.actions || touched.checks {
            self.ran = coverage::Ran::of(scene);
        }
        let calm = scene.target.is_none() && (touched.plan || touched.checks || touched.transcript);
        let replans = touched.plan && scene.target().is_some_and(|state| state.action.kind() == Kind::Plan);
        // What is done elsewhere changes nothing of a plan's text.
        let is_same_plan = !self.plan_spots.is_empty() && self.about == scene.target().map(|state| state.action.digest);
        // Neither does it of pictures; comments touch the plan as well.
        let is_same = is_same_plan || (!touched.plan && rows::is_current(self, scene));
        if !(touched.target || (touched.actions && !is_same) || reflows || calm || replans) {
            return;
        }
        let before = std::mem::take(&mut self.rows);
        let pictured_before = self.pictured.take();
        self.pictures = std::sync::Arc::default();
        self.spots.clear();
        self.plan_spots.clear();
        self.aside.clear();
        self.hidden = Hidden::default();
        let about = rows::about(scene);
        let fresh = self.about != about;
        self.about = about;
        match (&scene.comparison, scene.target()) {
            (Some(comparison), _) if !self.has_pictures(scene, comparison.files().len() == 1) => {
                self.rows = compare::rows_without_files(comparison).into_iter().map(DiffRow::Note).collect();
            }
            (Some(_), _) => {}
            (None, None) => self.rows = told::calm_rows(scene, room.width).into_iter().map(DiffRow::Note).collect(),
            (None, Some(state)) => self.rows_about(scene, state),
        }
        self.wrap();
        let (files, _) = scene.shown_files();
        self.rows = self.folds.fold(std::mem::take(&mut self.rows), &self.pictures, files, &scene.look);
        let mut remarks = std::mem::take(&mut self.remarks);
        if let Some(rows) = remarks.insert(self, scene, files) {
            self.rows = rows;
        }
        self.remarks = remarks;
        let is_refolded = std::mem::take(&mut self.folds.is_refolded) && !fresh && !reflows;
        // Answering changes the rows of a form, and not what it asks: what was read stays read.
        let is_answered = !fresh && !reflows && !self.spots.is_empty() && before.len() == self.rows.len();
        let is_commented = !fresh && !reflows && self.says_the_same(&before);
        let differs = !without_remarks(&before).eq(without_remarks(&self.rows));
        if fresh || (differs && !is_answered && !is_commented && !is_refolded) || pictured_before != self.pictured {
            self.edition += 1;
        }
        if fresh {
            self.list = List::default();
            self.is_placed = false;
        }
        // The picture may come after the first frame: the cursor waits for it at the top.
        let is_change = |row: &DiffRow| lines_of(row).iter().any(|at| matches!(at.place, PlaceIn::Hunk(_)));
        if !self.is_placed
            && let Some(first) = self.rows.iter().position(is_change)
        {
            self.is_placed = true;
            if self.list.cursor == 0 {
                self.list.cursor = first.min(usize::from(room.height) / 2);
            }
        }
    }

    fn yank(&self, scene: &Scene) -> Option<String> {
        let url = scene.target().and_then(|state| state.action.form()).and_then(|form| form.url.clone());
        url.or_else(|| Some(self.row_text(scene, self.list.cursor)))
    }

    fn title(&self, scene: &Scene) -> Title {
        if let Some(comparison) = &scene.comparison {
            return compare::title(self, scene, comparison);
        }
        let Some(state) = scene.target() else {
            let text = if scene.session.opened.is_some() { "nothing under review" } else { "" };
            return Title { text: text.to_owned(), ..Title::default() };
        };
        let mut text = state.action.id.to_string();
        let files = self.pictures.len();
        if let Some(file) = self.pictures.get(self.file_under_cursor()) {
            let minus = scene.look.sign(Sign::Minus);
            let what = match (file.change, &file.from) {
                (FileChange::Modify, _) => String::new(),
                (FileChange::Create, _) => "new  ".to_owned(),
                (FileChange::Delete, _) => "deleted  ".to_owned(),
                (FileChange::Rename, from) => format!("{} → ", from.as_deref().unwrap_or("renamed")),
            };
            text = format!("{text}  {what}{}", file.path);
            if !file.hunks.is_empty() {
                text = format!("{text}  +{} {minus}{}", file.added, file.removed);
            }
        }
        if let Some(words) = plan::title(scene, state) {
            text = format!("{text}  {words}");
        }
        if !scene.review.edited.is_empty() {
            text.push_str("  your version");
        }
        text.push_str(&self.blanks_words());
        let mut right = match self.position() {
            Some((hunk, hunks)) => format!("hunk {hunk}/{hunks}"),
            None => String::new(),
        };
        if files > 1 {
            right = format!("file {}/{files}  {right}", self.file_under_cursor() + 1);
        }
        // What this frame shows counts as seen here; for an approval it counts once the frame is out.
        let mut seen = scene.review.seen.clone();
        self.read_ranges().into_iter().for_each(|range| seen.see(self.edition, range));
        let unseen = seen.unseen(self.edition, self.to_read(self.rows.len())) + self.hidden.lines;
        if scene.held_target().is_some() && unseen > 0 {
            right = format!("{unseen} unseen  {right}");
        }
        Title { text, right: right.trim_end().to_owned(), loud: false }
    }

    fn rows(&self) -> usize {
        self.rows.len()
    }

    fn list(&self) -> &List {
        &self.list
    }

    fn list_mut(&mut self) -> &mut List {
        &mut self.list
    }

    fn open(&mut self) {
        self.toggle_fold();
    }

    fn draw_row(&self, scene: &Scene, row: usize, brush: &mut Brush<'_>, line: Rect) {
        draw::row(self, scene, row, brush, line);
    }

    fn row_text(&self, _scene: &Scene, row: usize) -> String {
        match self.rows.get(row) {
            None => String::new(),
            Some(DiffRow::File(file)) => self.pictures.get(*file).map(|file| file.path.clone()).unwrap_or_default(),
            Some(DiffRow::Note(row) | DiffRow::Change { row, .. } | DiffRow::Remark { row, .. }) => row.text(),
            Some(DiffRow::Prose { row, .. }) => row.text(),
            Some(DiffRow::Fold(lines)) => format!("{lines} unchanged lines"),
            Some(DiffRow::BlankHunk { file, hunk }) => self.blank_words((*file, *hunk)),
            Some(DiffRow::Heading { file, hunk, part }) => self
                .hunk(*file, *hunk)
                .and_then(|hunk| hunk.headings.get(*part)?.1.as_ref())
                .map(|heading| heading.path.clone())
                .unwrap_or_default(),
            Some(row @ (DiffRow::Line(_) | DiffRow::Pair { .. })) => {
                let texts: Vec<_> = lines_of(row)
                    .into_iter()
                    .filter_map(|at| self.line(at))
                    .map(|line| line.shown.text.as_str())
                    .collect();
                texts.join("  ")
            }
        }
    }

    fn empty(&self, scene: &Scene) -> &'static str {
        if scene.session.opened.is_none() { "" } else { "no action yet" }
    }

    fn is_selected(&self, scene: &Scene, row: usize) -> bool {
        scene
            .review
            .selecting_from
            .is_some_and(|from| (from.min(self.list.cursor)..=from.max(self.list.cursor)).contains(&row))
    }
}
