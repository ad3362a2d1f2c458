//! A plan under review: its text as a document, what is new in it, or its source, with the comments below the lines that
//! they are about; and the steps that it becomes.

use super::remarks::remark_rows;
use super::{DiffPane, DiffRow, View};
use crate::base::CommentId;
use crate::base::text::{Show, escape};
use crate::diff::{FileDiff, LineKind};
use crate::markdown::{self, Document};
use crate::model::comment::{Comment, CommentState, Placement};
use crate::model::plan::{PlanDocument, PlanSubject};
use crate::model::session::{ActionState, PlanVersion};
use crate::ui::app::Scene;
use crate::ui::app::review::Review;
use crate::ui::limits::UI_PLAN_ASIDE_COLUMNS_MIN;
use crate::ui::panes::prose::{TalkRow, colored};
use crate::ui::panes::row::Row;
use crate::ui::theme::{Role, Sign};

/// Columns of the line numbers, with the blank after them.
pub(super) const GUTTER_COLUMNS: u16 = 5;

/// What a row belongs to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PlanSpot {
    /// The line of the text, from 1.
    pub line: Option<u32>,
    pub comment: Option<CommentId>,
    /// A heading begins here.
    pub heading: bool,
}

/// The rows of a plan, each with what it belongs to, and the rows beside them.
#[derive(Debug, Default)]
pub(super) struct Sheet {
    pub rows: Vec<DiffRow>,
    pub spots: Vec<PlanSpot>,
    pub aside: Vec<Row>,
    columns: u16,
}

impl Sheet {
    /// The plan as it is under review: the user's version where there is one.
    pub fn of(scene: &Scene, state: &ActionState, view: View, columns: u16) -> Option<Self> {
        let document = state.action.document()?;
        let text = scene.review.edited.get(&None).map_or(document.text.as_str(), String::as_str);
        let beside = document.is_plan() && columns >= UI_PLAN_ASIDE_COLUMNS_MIN;
        let aside_columns = if beside { columns / 3 } else { 0 };
        let mut sheet = Self { columns: columns - aside_columns, ..Self::default() };
        if document.cut_bytes > 0 {
            let text = format!("the plan is longer: {} bytes at its end are not shown", document.cut_bytes);
            sheet.note(Row::new(text, Role::Warn), PlanSpot::default());
        }
        if document.subject == PlanSubject::Replan {
            sheet.changes(scene, document);
            return Some(sheet);
        }
        let version = scene.session.plans.of_text(&document.text);
        let previous = version.and_then(|version| scene.session.plans.before(version.number));
        match (view, document.is_plan()) {
            (View::Split, true) => sheet.compare(previous, text),
            (View::Structural, true) => sheet.source(text),
            _ => sheet.document(text),
        }
        if document.is_plan() {
            sheet.comments(scene, text);
            let steps = becomes(scene, document, text);
            if beside {
                sheet.aside = contents(text).into_iter().chain(steps).collect();
            } else {
                sheet.note(Row::default(), PlanSpot::default());
                steps.into_iter().for_each(|row| sheet.note(row, PlanSpot::default()));
            }
        }
        Some(sheet)
    }

    fn note(&mut self, row: Row, spot: PlanSpot) {
        for row in row.broken(usize::from(self.columns)) {
            self.rows.push(DiffRow::Note(row));
            self.spots.push(spot.clone());
        }
    }

    /// As it is meant to look, with the number of the line of the source at each row that begins one.
    fn document(&mut self, text: &str) {
        let headings: Vec<u32> = markdown::plan::contents(text).into_iter().map(|entry| entry.line).collect();
        let document = Document::new(text);
        let room = usize::from(self.columns.saturating_sub(2 + GUTTER_COLUMNS)).max(1);
        let blocks = document.settled().iter().chain(std::iter::once(document.tail()));
        let ends: Vec<usize> = memchr::memchr_iter(b'\n', text.as_bytes()).collect();
        let mut last = 0;
        for block in blocks {
            let lines = markdown::lines(document.source(block), block, document.definitions(), room);
            if !self.rows.is_empty() && !lines.is_empty() && !block.continues {
                self.rows.push(DiffRow::Prose { row: TalkRow::Plain(Row::default()), line: None });
                self.spots.push(PlanSpot::default());
            }
            let sources: Vec<usize> = lines.iter().map(|line| block.source.start + line.source).collect();
            for (row, source) in colored(lines).into_iter().zip(sources) {
                let number = u32::try_from(ends.partition_point(|end| *end < source) + 1).unwrap_or(u32::MAX);
                let begins = number != last;
                last = number;
                self.rows.push(DiffRow::Prose { row, line: begins.then_some(number) });
                let heading = begins && headings.binary_search(&number).is_ok();
                self.spots.push(PlanSpot { line: Some(number), comment: None, heading });
            }
        }
    }

    /// As it is written, line by line.
    fn source(&mut self, text: &str) {
        for (number, line) in (1u32..).zip(text.lines()) {
            let shown = escape::show(line, &Show::default()).into_owned();
            let broken = Row::new(shown, Role::Text).broken(usize::from(self.columns.saturating_sub(GUTTER_COLUMNS)));
            for (at, row) in broken.into_iter().enumerate() {
                let line = (at == 0).then_some(number);
                self.rows.push(DiffRow::Prose { row: TalkRow::Plain(row), line });
                self.spots.push(PlanSpot { line: Some(number), ..PlanSpot::default() });
            }
        }
    }

    /// What changed since the version before.
    fn compare(&mut self, previous: Option<&PlanVersion>, text: &str) {
        let Some(previous) = previous else {
            self.note(
                Row::new("this is the first version: there is nothing to compare it with", Role::TextSoft),
                PlanSpot::default(),
            );
            return self.document(text);
        };
        let diff = FileDiff::new(previous.document.text.as_bytes().to_vec(), text.as_bytes().to_vec());
        let head = format!("compared with version {} ({})", previous.number, at_words(previous));
        self.note(Row::new(head, Role::TextSoft), PlanSpot::default());
        if diff.hunks.is_empty() {
            self.note(Row::new("no line has changed", Role::TextSoft), PlanSpot::default());
        }
        for hunk in &diff.hunks {
            self.note(Row::default(), PlanSpot { heading: true, ..PlanSpot::default() });
            for line in &hunk.lines {
                let words = escape::show_bytes(line.body(), &Show::default()).into_owned();
                let (sign, role) = match line.kind {
                    LineKind::Added => ("+ ", Role::DiffAddSign),
                    LineKind::Removed => ("- ", Role::DiffDelSign),
                    LineKind::Context => ("  ", Role::Text),
                };
                let row = Row::new(sign, role).and(words, role);
                let number = line.new_no.map(|number| u32::try_from(number).unwrap_or(u32::MAX));
                let broken = row.broken(usize::from(self.columns.saturating_sub(GUTTER_COLUMNS)));
                for (at, row) in broken.into_iter().enumerate() {
                    let shown = number.filter(|_| at == 0);
                    self.rows.push(DiffRow::Prose { row: TalkRow::Plain(row), line: shown });
                    self.spots.push(PlanSpot { line: number, ..PlanSpot::default() });
                }
            }
        }
    }

    /// A replan: its changes, each of which can be left out.
    fn changes(&mut self, scene: &Scene, document: &PlanDocument) {
        let (_, changes) = scene.session.plan.compared(&document.steps);
        self.note(Row::new("The agent wants to change the approved plan:", Role::TextStrong), PlanSpot::default());
        self.note(Row::default(), PlanSpot::default());
        for (at, change) in changes.iter().enumerate() {
            let out = scene.review.left_out.contains(&(0, at));
            let sign = scene.look.sign(if out { Sign::Unchosen } else { Sign::Chosen });
            let words = escape::show(&change.words(), &Show::prose()).into_owned();
            let role = if out { Role::DiffOff } else { Role::Text };
            let row = Row::new(format!("{sign} "), Role::Accent).and(words, role);
            for row in row.broken(usize::from(self.columns)) {
                self.rows.push(DiffRow::Change { at, row });
                self.spots.push(PlanSpot::default());
            }
        }
        if changes.is_empty() {
            self.note(Row::new("nothing of it differs from the plan any more", Role::TextSoft), PlanSpot::default());
        }
    }

    /// Puts every comment below the last row of its lines; those whose words are gone come last.
    fn comments(&mut self, scene: &Scene, text: &str) {
        let mut gone = Vec::new();
        for comment in scene.session.plans.comments() {
            let placement = comment.anchor.place(text);
            let quotes = comment.anchor.step.is_some() || placement == Placement::Stale;
            let rows = remark_rows(scene, comment, state_words(comment, placement).to_owned(), quotes, self.columns);
            let last = |line: u32| line.saturating_add(comment.anchor.lines().saturating_sub(1));
            let line = placement.line().filter(|_| comment.anchor.step.is_none()).map(last);
            let has_words = |row: &DiffRow| read_words(row).is_some_and(|words| !words.trim().is_empty());
            let mut rows_of_it = self.spots.iter().zip(&self.rows);
            let at =
                line.and_then(|line| rows_of_it.rposition(|(spot, row)| spot.line == Some(line) && has_words(row)));
            let spot = PlanSpot { line, comment: Some(comment.id.clone()), heading: false };
            match at {
                Some(at) => {
                    for (more, row) in rows.into_iter().enumerate() {
                        self.rows.insert(at + 1 + more, DiffRow::Note(row));
                        self.spots.insert(at + 1 + more, spot.clone());
                    }
                }
                None => gone.extend(rows.into_iter().map(|row| (row, spot.clone()))),
            }
        }
        if !gone.is_empty() {
            self.note(Row::default(), PlanSpot::default());
            let head = "Comments on steps, and on words that are not in this version:";
            self.note(Row::new(head, Role::TextSoft), PlanSpot::default());
            for (row, spot) in gone {
                self.rows.push(DiffRow::Note(row));
                self.spots.push(spot);
            }
        }
    }
}

impl DiffPane {
    /// The lines of the plan that are selected, or the one under the cursor: the first, and how many.
    #[must_use]
    pub fn plan_lines(&self, review: &Review) -> Option<(u32, u32)> {
        let cursor = self.list.cursor;
        let from = review.selecting_from.unwrap_or(cursor);
        let rows = self.plan_spots.get(from.min(cursor)..=from.max(cursor))?;
        let lines = || rows.iter().filter(|spot| spot.comment.is_none()).filter_map(|spot| spot.line);
        let first = lines().min().or_else(|| {
            let above = self.plan_spots.get(..=cursor).unwrap_or_default();
            above.iter().rev().find_map(|spot| spot.line)
        })?;
        Some((first, lines().max().unwrap_or(first).saturating_sub(first) + 1))
    }

    /// Moves to the next comment; false when there is none.
    pub fn go_to_comment(&mut self, forward: bool) -> bool {
        let is_first = |row: usize| {
            let comment = |row: usize| self.comment_of(row);
            comment(row).is_some() && row.checked_sub(1).and_then(comment) != comment(row)
        };
        let cursor = self.list.cursor;
        let found = if forward {
            (cursor + 1..self.rows.len()).find(|row| is_first(*row))
        } else {
            (0..cursor).rev().find(|row| is_first(*row))
        };
        if let Some(row) = found {
            self.list.jump(row, self.rows.len(), usize::from(self.room.height));
        }
        found.is_some()
    }

    /// Moves to a comment by its name.
    pub fn go_to_comment_of(&mut self, id: &crate::base::CommentId) {
        if let Some(row) = (0..self.rows.len()).find(|row| self.comment_of(*row) == Some(id)) {
            self.list.jump(row, self.rows.len(), usize::from(self.room.height));
        }
    }

    fn comment_of(&self, row: usize) -> Option<&CommentId> {
        match self.rows.get(row)? {
            DiffRow::Remark { comment, .. } => Some(comment),
            DiffRow::File(_)
            | DiffRow::Note(_)
            | DiffRow::Fold(_)
            | DiffRow::Heading { .. }
            | DiffRow::BlankHunk { .. }
            | DiffRow::Line(_)
            | DiffRow::Prose { .. }
            | DiffRow::Change { .. }
            | DiffRow::Pair { .. } => self.plan_spots.get(row)?.comment.as_ref(),
        }
    }

    /// The comment under the cursor.
    #[must_use]
    pub fn comment_here(&self) -> Option<&CommentId> {
        self.comment_of(self.list.cursor)
    }

    /// Comments move the rows below them, and what was read stays read: the words are the same.
    pub(super) fn says_the_same(&self, before: &[DiffRow]) -> bool {
        let words = |rows: &[DiffRow]| -> Vec<String> { rows.iter().filter_map(read_words).collect() };
        !self.plan_spots.is_empty() && words(before) == words(&self.rows)
    }

    /// The number of rows that must be read before this one: of a plan, only those of its text.
    pub(super) fn to_read(&self, row: usize) -> usize {
        if self.plan_spots.is_empty() {
            return self.folds.unfolded(self.remarks.bare(row));
        }
        let rows = self.rows.get(..row).unwrap_or(&self.rows);
        rows.iter().filter(|row| read_words(row).is_some()).count()
    }

    /// Which of them the window shows.
    pub(super) fn read_ranges(&self) -> Vec<std::ops::Range<usize>> {
        let window = self.window();
        if self.plan_spots.is_empty() {
            return self.folds.shown_ranges(self.remarks.bare(window.start)..self.remarks.bare(window.end));
        }
        let read = self.to_read(window.start)..self.to_read(window.end);
        std::iter::once(read).collect()
    }
}

/// The words of a row that belongs to the text itself.
pub(super) fn read_words(row: &DiffRow) -> Option<String> {
    match row {
        DiffRow::Prose { row, .. } => Some(row.text()),
        // Its sign changes with the choice.
        DiffRow::Change { at, .. } => Some(at.to_string()),
        DiffRow::File(_)
        | DiffRow::Note(_)
        | DiffRow::Fold(_)
        | DiffRow::Heading { .. }
        | DiffRow::BlankHunk { .. }
        | DiffRow::Line(_)
        | DiffRow::Remark { .. }
        | DiffRow::Pair { .. } => None,
    }
}

/// What is under review, for the title of the pane.
pub(super) fn title(scene: &Scene, state: &ActionState) -> Option<String> {
    let document = state.action.document()?;
    match &document.subject {
        PlanSubject::Plan => {
            let version = scene.session.plans.of_text(&document.text)?;
            let comments = scene.session.plans.comments().count();
            let plural = if comments == 1 { "" } else { "s" };
            let comments = if comments > 0 { format!("  {comments} comment{plural}") } else { String::new() };
            Some(format!("plan, version {}{comments}", version.number))
        }
        PlanSubject::Replan => Some("a change of the plan".to_owned()),
        PlanSubject::StepEnd { step } => Some(format!("step {step} is over")),
        PlanSubject::Objection { step } => Some(format!("an objection of step {step}")),
    }
}

fn at_words(version: &PlanVersion) -> String {
    match version.by.as_str() {
        "human" => "yours".to_owned(),
        by => escape::show(by, &Show::default()).into_owned(),
    }
}

/// How far a comment has come, in this version.
fn state_words(comment: &Comment, placement: Placement) -> &'static str {
    match (comment.state, placement) {
        (CommentState::Open, Placement::Similar { .. }) => "open, the words changed",
        (CommentState::Open, Placement::Stale) => "open, the words are gone",
        (CommentState::Open, _) => "open",
        (CommentState::Sent, Placement::Exact { .. } | Placement::Moved { .. }) => "sent · unchanged",
        (CommentState::Sent, Placement::Similar { .. }) => "sent · changed",
        (CommentState::Sent, Placement::Stale) => "sent · gone",
        (CommentState::Resolved, _) => "resolved",
        (CommentState::Withdrawn, _) => "withdrawn",
    }
}

/// The headings, where there are enough to find one's way by.
fn contents(text: &str) -> Vec<Row> {
    const HEADINGS_MIN: usize = 3;
    let entries = markdown::plan::contents(text);
    if entries.len() < HEADINGS_MIN {
        return Vec::new();
    }
    let mut rows = vec![Row::new("contents", Role::TextSoft)];
    rows.extend(entries.into_iter().map(|entry| {
        let indent = u16::try_from(entry.level.saturating_sub(1) * 2).unwrap_or(0).min(8);
        let title = escape::show(&entry.title, &Show::prose()).into_owned();
        Row::new(title, Role::Text).indented(indent).right(entry.line.to_string(), Role::TextFaint)
    }));
    rows.push(Row::default());
    rows
}

/// The steps that an approval makes of it.
fn becomes(scene: &Scene, document: &PlanDocument, text: &str) -> Vec<Row> {
    let is_own = scene.review.edited.contains_key(&None) || document.steps.is_empty();
    let steps = if is_own { markdown::plan::steps(text) } else { document.steps.clone() };
    if steps.is_empty() {
        return vec![Row::new("it names no steps: the tree stays as it is", Role::TextSoft)];
    }
    let count = steps.len();
    let plan = crate::model::Plan { revision: 0, steps };
    let mut rows = vec![Row::new(format!("becomes {count} step{}", if count == 1 { "" } else { "s" }), Role::TextSoft)];
    for step in &plan.steps {
        let indent = u16::try_from(plan.depth(step) * 2).unwrap_or(0).min(12);
        let sign = scene.look.sign(Sign::Pending);
        let title = escape::show(&step.title, &Show::prose()).into_owned();
        rows.push(Row::new(format!("{sign} "), Role::TextSoft).indented(indent).and(title, Role::Text));
        for declared in step.files.iter().chain(&step.commands) {
            let words = escape::show(declared, &Show::default()).into_owned();
            rows.push(Row::new(words, Role::TextSoft).indented(indent + 4));
        }
    }
    rows
}
