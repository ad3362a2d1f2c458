//! The pipeline ledger: every change to what builds, trains, deploys, or instructs, with the answer to who, when and why
//! beside it.

use super::open_box;
use crate::base::ActionId;
use crate::base::text::{Show, escape};
use crate::diff::{FileDiff, hunks_text};
use crate::model::Content;
use crate::policy::pipeline::{Change, Entry, Who};
use crate::ui::app::{App, Scene};
use crate::ui::limits::{UI_PIPELINE_DIFF_BYTES_MAX, UI_PIPELINE_SIDE_COLUMNS_MIN};
use crate::ui::look::Brush;
use crate::ui::panes::row::{Row, wrapped};
use crate::ui::terminal::{Frame, Key};
use crate::ui::theme::{Role, Sign};
use crossterm::event::KeyCode;
use ratatui::layout::Rect;

/// The entries that are listed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Filter {
    #[default]
    All,
    Pending,
    Refused,
    /// Without a reason, or without a question.
    Unexplained,
}

impl Filter {
    fn next(self) -> Self {
        match self {
            Self::All => Self::Pending,
            Self::Pending => Self::Refused,
            Self::Refused => Self::Unexplained,
            Self::Unexplained => Self::All,
        }
    }

    fn words(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Pending => "pending",
            Self::Refused => "denied",
            Self::Unexplained => "without a reason",
        }
    }

    fn takes(self, entry: &Entry) -> bool {
        match self {
            Self::All => true,
            Self::Pending => entry.is_open(),
            Self::Refused => matches!(entry.fate(), "denied" | "redirected"),
            Self::Unexplained => match entry.who {
                Who::Agent(_) => !entry.has_reason(),
                Who::Unknown | Who::During(_) => true,
                Who::User | Who::Session(_) => false,
            },
        }
    }
}

/// The open ledger, newest first.
#[derive(Debug, Default)]
pub struct Pipeline {
    filter: Filter,
    cursor: usize,
    /// The entry at the cursor in full, computed when a key moves it.
    detail: Vec<(&'static str, String, Role)>,
    /// Rows of it that are scrolled past.
    scrolled: usize,
}

/// The result of a key.
#[derive(Debug, PartialEq, Eq)]
pub enum PipelineKey {
    Stays,
    Closes,
    /// Goes to this action.
    Jumps(ActionId),
}

fn shown(text: &str) -> String {
    escape::show(text, &Show::prose()).into_owned()
}

impl Pipeline {
    pub fn open(scene: &Scene) -> Self {
        let mut pipeline = Self::default();
        pipeline.read(scene);
        pipeline
    }

    fn rows<'a>(&self, scene: &'a Scene) -> Vec<&'a Entry> {
        let filter = self.filter;
        scene.pipeline.entries().rev().filter(|entry| filter.takes(entry)).collect()
    }

    /// Computes what is shown of the entry at the cursor.
    fn read(&mut self, scene: &Scene) {
        let rows = self.rows(scene);
        self.cursor = self.cursor.min(rows.len().saturating_sub(1));
        self.detail = rows.get(self.cursor).map(|entry| detail(scene, entry)).unwrap_or_default();
        self.scrolled = 0;
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "its list of keys is not ours")]
    pub fn key(&mut self, key: Key, scene: &Scene) -> PipelineKey {
        match key.code {
            KeyCode::Esc => return PipelineKey::Closes,
            KeyCode::Down | KeyCode::Up | KeyCode::Tab | KeyCode::Char('j' | 'k') if key.goes_down() => {
                self.cursor += 1
            }
            KeyCode::Down | KeyCode::Up | KeyCode::Tab | KeyCode::Char('j' | 'k') => {
                self.cursor = self.cursor.saturating_sub(1)
            }
            KeyCode::Char('f') => (self.filter, self.cursor) = (self.filter.next(), 0),
            KeyCode::PageDown | KeyCode::Char(' ') => {
                self.scrolled = (self.scrolled + 8).min(self.detail.len().saturating_sub(1));
                return PipelineKey::Stays;
            }
            KeyCode::PageUp | KeyCode::Char('b') => {
                self.scrolled = self.scrolled.saturating_sub(8);
                return PipelineKey::Stays;
            }
            KeyCode::Enter => {
                let action = self.rows(scene).get(self.cursor).and_then(|entry| entry.action.clone());
                return action.map_or(PipelineKey::Stays, PipelineKey::Jumps);
            }
            _ => {}
        }
        self.read(scene);
        PipelineKey::Stays
    }
}

/// The facts of an entry, then its diff.
fn detail(scene: &Scene, entry: &Entry) -> Vec<(&'static str, String, Role)> {
    let when = ("when", format!("{}, event {}", scene.clock_to_seconds(entry.at), entry.seq), Role::Text);
    let facts = entry.facts().into_iter().map(|fact| {
        let role = if fact.is_odd { Role::Warn } else { Role::Text };
        (fact.label, shown(&fact.text), role)
    });
    let mut lines: Vec<(&'static str, String, Role)> = facts.collect();
    lines.insert(lines.len().min(2), when);
    entry.changes.iter().for_each(|change| diff(&mut lines, change));
    lines
}

fn diff(lines: &mut Vec<(&'static str, String, Role)>, change: &Change) {
    lines.push(("", String::new(), Role::Text));
    lines.push(("diff", shown(&change.words()), Role::TextStrong));
    let text = |content: &Option<Content>| match content {
        None => Some(String::new()),
        Some(Content::Text(text)) => Some(text.clone()),
        Some(Content::Blob { .. }) => None,
    };
    let (Some(before), Some(after)) = (text(&change.before), text(&change.after)) else {
        let words = "the content is not in the event: Enter shows the action, an export has what the record kept";
        lines.push(("", words.to_owned(), Role::TextSoft));
        return;
    };
    let hunks = hunks_text(&FileDiff::new(before, after), UI_PIPELINE_DIFF_BYTES_MAX);
    lines.extend(hunks.lines().map(|line| {
        let role = match line.as_bytes().first() {
            Some(b'+') => Role::DiffAddSign,
            Some(b'-') => Role::DiffDelSign,
            Some(b'@') => Role::TextFaint,
            _ => Role::TextSoft,
        };
        ("", shown(line), role)
    }));
}

fn fate_role(entry: &Entry) -> Role {
    match entry.fate() {
        "approved" | "edited" => Role::Ok,
        "pending" => Role::Held,
        "unasked" | "failed" | "conflict" => Role::Fail,
        _ => Role::Warn,
    }
}

pub(super) fn view(pipeline: &Pipeline, app: &App, frame: &mut Frame<'_>, screen: Rect) {
    let rows = pipeline.rows(&app.scene);
    let total = app.scene.pipeline.entries().len();
    let title = format!("Pipeline ledger: {} of {total} ({})", rows.len(), pipeline.filter.words());
    let inside = open_box(app, frame, screen.width, screen.height, &title, Role::OverlayBorder);
    let mut brush = Brush::new(frame.buffer, &app.scene.look);
    let bottom = inside.bottom().saturating_sub(1);
    let hint = "j k move · Enter goes to the action · f filters · Space scrolls · Esc closes";
    brush.cut(inside.x, bottom, inside.right(), hint, Role::Hint);
    let body = Rect { height: inside.height.saturating_sub(1), ..inside };
    if rows.is_empty() {
        let words = "no change to what builds, trains, deploys, or instructs";
        brush.cut(body.x, body.y, body.right(), words, Role::TextSoft);
        return;
    }
    let (list, side) = if inside.width >= UI_PIPELINE_SIDE_COLUMNS_MIN {
        let width = inside.width * 2 / 5;
        let x = inside.x + width + 2;
        (Rect { width, ..body }, Rect { x, width: inside.right().saturating_sub(x), ..body })
    } else {
        let needed = u16::try_from(rows.len()).unwrap_or(u16::MAX);
        let height = needed.min(body.height / 3).max(1);
        let y = body.y + height + 1;
        (Rect { height, ..body }, Rect { y, height: body.bottom().saturating_sub(y), ..body })
    };
    draw_list(pipeline, app, &rows, &mut brush, list);
    draw_detail(pipeline, &mut brush, side);
}

fn draw_list(pipeline: &Pipeline, app: &App, rows: &[&Entry], brush: &mut Brush<'_>, room: Rect) {
    let count = usize::from(room.height).max(1);
    let first = pipeline.cursor.saturating_sub(count - 1);
    for (y, (at, entry)) in (room.y..room.bottom()).zip(rows.iter().enumerate().skip(first)) {
        let here = at == pipeline.cursor;
        let sign = if here { app.scene.look.sign(Sign::Current) } else { " " };
        let when = app.scene.clock(entry.at);
        let asked = if Filter::Unexplained.takes(entry) { app.scene.look.sign(Sign::Warning) } else { " " };
        let row = Row::new(format!("{sign} "), Role::Accent)
            .and(format!("{when} "), Role::TextSoft)
            .and(format!("{:<9} ", entry.fate()), fate_role(entry))
            .and(format!("{asked} "), Role::Warn)
            .and(shown(&entry.title()), if here { Role::TextStrong } else { Role::Text });
        row.draw(brush, Rect { y, height: 1, ..room }, 0);
    }
}

fn draw_detail(pipeline: &Pipeline, brush: &mut Brush<'_>, room: Rect) {
    let mut rows = Vec::new();
    for (label, text, role) in pipeline.detail.iter().skip(pipeline.scrolled).take(usize::from(room.height)) {
        let head = if label.is_empty() { String::new() } else { format!("{label:<13}") };
        wrapped(&mut rows, &head, Role::TextSoft, text, *role, room.width);
    }
    for (y, row) in (room.y..room.bottom()).zip(&rows) {
        row.draw(brush, Rect { y, height: 1, ..room }, 0);
    }
}
