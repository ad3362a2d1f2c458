//! The composer on the screen: the queue, its rows, its menu, its line of hints, and what it shows while it is closed.

use super::{menu, when_words};
use crate::base::text::{Show, escape};
use crate::model::{PromptPart, Session, image_mime};
use crate::ui::app::App;
use crate::ui::entry::size_words;
use crate::ui::limits::{UI_COMPOSER_ROWS_MAX, UI_MENU_ROWS_MAX, UI_QUEUE_ROWS_MAX};
use crate::ui::look::Brush;
use crate::ui::terminal::Frame;
use crate::ui::theme::{Role, Sign};
use ratatui::layout::Rect;

/// Columns before the text: the sign.
const TEXT_X: u16 = 3;
/// Columns behind it: when the message is sent.
const WHEN_COLUMNS: u16 = 17;

/// The keys of the composer, most useful first.
const HINTS: &[(&str, &str)] = &[
    ("Enter", "send"),
    ("Tab", "when"),
    ("Alt-Enter", "line"),
    ("Esc", "keep draft"),
    ("/", "commands"),
    ("@", "mention"),
    ("!", "run"),
    ("^R", "history"),
    ("^X ^E", "editor"),
    ("^_", "undo"),
];
const MENU_HINTS: &[(&str, &str)] = &[("Tab", "takes it"), ("↑ ↓", "other"), ("Esc", "closes the list")];
const SEARCH_HINTS: &[(&str, &str)] = &[("^R", "older"), ("Enter", "take"), ("Esc", "back")];
const EDIT_HINTS: &[(&str, &str)] = &[("Enter", "back into the queue"), ("Esc", "leave as it was")];

/// Rows that the composer wants on a screen of this width; 0 when it is closed and there is nothing to show.
pub fn rows(app: &mut App) -> u16 {
    let queued = queue_rows(app);
    let composer = &mut app.composer;
    if !composer.open {
        return u16::from(!composer.entry.is_empty() || queued > 0) + queued;
    }
    let columns = app.size.width.saturating_sub(TEXT_X + WHEN_COLUMNS + 1);
    let typed = u16::try_from(composer.entry.rows_in(columns)).unwrap_or(UI_COMPOSER_ROWS_MAX);
    typed.clamp(1, UI_COMPOSER_ROWS_MAX) + queued
}

fn queue_rows(app: &App) -> u16 {
    u16::try_from(app.scene.session.prompts.queue.len()).unwrap_or(u16::MAX).min(UI_QUEUE_ROWS_MAX)
}

/// The place of the message, below the queue.
fn place(app: &App) -> Rect {
    let area = app.layout.composer;
    let queued = queue_rows(app).min(area.height.saturating_sub(1));
    Rect { y: area.y + queued, height: area.height.saturating_sub(queued), ..area }
}

fn field(app: &App) -> Rect {
    let area = place(app);
    Rect { x: area.x + TEXT_X, width: area.width.saturating_sub(TEXT_X + WHEN_COLUMNS + 1), ..area }
}

/// The composer's place: the queue, and the message or what it is for.
pub fn line(app: &App, brush: &mut Brush<'_>) {
    let area = place(app);
    // To a record nothing can be written.
    if area.is_empty() || (!app.composer.open && app.scene.record.is_some()) {
        return;
    }
    queue(app, brush);
    let role = if app.composer.open { Role::Accent } else { Role::TextFaint };
    let sign = brush.look.sign(Sign::Prompt);
    brush.text(area.x + 1, area.y, area.right(), sign, role);
    let end = area.right().saturating_sub(1);
    if app.composer.open {
        brush.right(area.x + TEXT_X, area.y, end, &purpose(app), Role::Accent);
        return;
    }
    let to = escape::show(&app.scene.session.agent.ready.agent.name, &Show::default()).into_owned();
    brush.right(area.x + TEXT_X, area.y, end, &format!("to {to}"), Role::TextFaint);
    let key = app.keymap.shown("compose").unwrap_or_default();
    let text = if app.composer.entry.is_empty() {
        format!("{key} writes to the agent")
    } else {
        format!("draft, {key} continues: {}", first_line(&app.composer.entry.text()))
    };
    brush.cut(area.x + TEXT_X, area.y, area.right().saturating_sub(24), &text, Role::InputGhost);
}

fn first_line(text: &str) -> String {
    let first = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    escape::show(first, &Show::prose()).into_owned()
}

/// What Enter does with the message.
fn purpose(app: &App) -> String {
    let composer = &app.composer;
    if composer.search.is_some() {
        "history".to_owned()
    } else if let Some((prompt, _)) = &composer.edits {
        format!("edits queued {}", prompt.id)
    } else if composer.entry.before_cursor().1.starts_with('!') {
        "runs a command".to_owned()
    } else if app.scene.session.frozen.is_some() {
        "when resumed".to_owned()
    } else {
        when_words(composer.when).to_owned()
    }
}

/// The prompts that wait, in order.
fn queue(app: &App, brush: &mut Brush<'_>) {
    let (area, queue) = (app.layout.composer, &app.scene.session.prompts.queue);
    let rows = place(app).y.saturating_sub(area.y);
    for (at, y) in (area.y..area.y + rows).enumerate() {
        let Some(prompt) = queue.get(at) else { return };
        let more = queue.len().saturating_sub(usize::from(rows));
        let sign = if prompt.parked { "parked" } else { "queued" };
        let x = brush.text(area.x + 1, y, area.right(), sign, Role::Human);
        let end = area.right().saturating_sub(1);
        let end = if at + 1 == usize::from(rows) {
            let key = app.keymap.shown("queue").unwrap_or_default();
            let note =
                if more > 0 { format!("+{more} more, {key} changes them") } else { format!("{key} changes them") };
            brush.right(x + 1, y, end, &note, Role::TextFaint).saturating_sub(1)
        } else {
            end
        };
        brush.cut(x + 1, y, end, &first_line(&prompt.text), Role::TextSoft);
    }
}

/// The message that is written with the terminal's cursor, and the menu above it.
pub fn message(app: &App, frame: &mut Frame<'_>) {
    let (composer, field) = (&app.composer, field(app));
    composer.entry.view(frame, field, &app.scene.look);
    let ghost = menu::hint(&composer.entry.text(), &app.scene.session).filter(|_| composer.entry.is_at_end());
    if let (Some(ghost), Some(at)) = (ghost, frame.cursor) {
        Brush::new(frame.buffer, &app.scene.look).cut(at.x, at.y, field.right(), &ghost, Role::InputGhost);
    }
    let rows = u16::try_from(composer.menu.rows.len()).unwrap_or(u16::MAX).min(UI_MENU_ROWS_MAX).min(field.y);
    let first = composer.menu.cursor.saturating_sub(usize::from(rows).saturating_sub(1));
    let area = Rect::new(0, field.y - rows, frame.area().width, rows);
    let mut brush = Brush::new(frame.buffer, &app.scene.look);
    brush.clear(area, Role::Overlay);
    for (y, (at, row)) in (area.y..area.bottom()).zip(composer.menu.rows.iter().enumerate().skip(first)) {
        let role = if composer.menu.is_stale { Role::TextFaint } else { Role::Text };
        let x = brush.cut(TEXT_X, y, area.right(), &row.label, role);
        brush.cut(x.max(TEXT_X + 22) + 2, y, area.right(), &row.note, Role::TextSoft);
        if at == composer.menu.cursor {
            brush.text(1, y, TEXT_X, app.scene.look.sign(Sign::Current), Role::Accent);
            brush.over(Rect { y, height: 1, ..area }, Role::Cursor);
        }
    }
}

/// The open menu as lines, for a client without a screen: its selected row first.
pub fn menu_words(app: &App) -> Vec<String> {
    let menu = &app.composer.menu;
    let selected = menu.selected().map(|row| format!("list {}: {}  {}", menu.rows.len(), row.label, row.note));
    selected.into_iter().collect()
}

/// The words of the search in the history, while there is one.
pub fn search_words(app: &App) -> Option<String> {
    let search = app.composer.search.as_ref()?;
    let words = escape::show(&search.words, &Show::default());
    let missing = search.found.is_none() && !search.words.is_empty();
    Some(format!("history: {words}{}", if missing { " (not found)" } else { "" }))
}

/// The keys of the composer: the line that elsewhere has those of the panes.
pub fn hints(app: &App) -> &'static [(&'static str, &'static str)] {
    let composer = &app.composer;
    if composer.search.is_some() {
        SEARCH_HINTS
    } else if composer.menu.is_open() {
        MENU_HINTS
    } else if composer.edits.is_some() {
        EDIT_HINTS
    } else {
        HINTS
    }
}

/// How an object is sent to this agent.
pub fn sent_as(part: &PromptPart, session: &Session) -> String {
    let is_ours = session.agent.ready.agent.level == crate::model::AgentLevel::Full;
    let images = session.agent.ready.images;
    let words = escape::show(&part.words(), &Show::default()).into_owned();
    let how = match part {
        PromptPart::Text { .. } => "text".to_owned(),
        PromptPart::Paste { text } => format!("text of {}", size_words(text.len() as u64)),
        PromptPart::File { path, .. } if image_mime(path.name()).is_some() && images => "image".to_owned(),
        PromptPart::File { path, .. } if image_mime(path.name()).is_some() => {
            "a link: the agent takes no images".to_owned()
        }
        PromptPart::File { .. } if is_ours => "its text with the message, or its name when it is long".to_owned(),
        PromptPart::File { lines: Some(_), .. } => "these lines as text with the message".to_owned(),
        PromptPart::File { lines: None, .. } => "a link: the agent reads it itself".to_owned(),
        PromptPart::Action { .. } => "what it did, and the end of its output".to_owned(),
        PromptPart::Step { .. } => "its title and status".to_owned(),
        PromptPart::Test { .. } => "its name".to_owned(),
        PromptPart::Image { bytes, mime, .. } if images => format!("{mime} of {}", size_words(*bytes)),
        PromptPart::Image { .. } => "not sent: the agent takes no images".to_owned(),
        PromptPart::Unknown => "not sent: it is of another version".to_owned(),
    };
    format!("{words} is sent as {how}")
}
