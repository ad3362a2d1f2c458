//! The composer on the screen: its rows, its line of hints, and what it shows while it is closed.

use super::when_words;
use crate::base::text::{Show, escape};
use crate::ui::app::App;
use crate::ui::limits::UI_COMPOSER_ROWS_MAX;
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
    ("Alt-Enter", "new line"),
    ("Esc", "keep draft"),
    ("^X ^E", "editor"),
    ("^_", "undo"),
];

/// Rows that the composer wants on a screen of this width; 0 when it is closed and empty.
pub fn rows(app: &mut App) -> u16 {
    let composer = &mut app.composer;
    if !composer.open {
        return u16::from(!composer.entry.is_empty());
    }
    let columns = app.size.width.saturating_sub(TEXT_X + WHEN_COLUMNS + 1);
    u16::try_from(composer.entry.rows_in(columns)).unwrap_or(UI_COMPOSER_ROWS_MAX).clamp(1, UI_COMPOSER_ROWS_MAX)
}

fn field(app: &App) -> Rect {
    let area = app.layout.composer;
    Rect { x: area.x + TEXT_X, width: area.width.saturating_sub(TEXT_X + WHEN_COLUMNS + 1), ..area }
}

/// The composer's place: the message, or what it is for.
pub fn line(app: &App, brush: &mut Brush<'_>) {
    let area = app.layout.composer;
    // To a record nothing can be written.
    if area.is_empty() || (!app.composer.open && app.scene.record.is_some()) {
        return;
    }
    let role = if app.composer.open { Role::Accent } else { Role::TextFaint };
    let sign = brush.look.sign(Sign::Prompt);
    brush.text(area.x + 1, area.y, area.right(), sign, role);
    let end = area.right().saturating_sub(1);
    if app.composer.open {
        brush.right(area.x + TEXT_X, area.y, end, when_words(app.composer.when), Role::Accent);
        return;
    }
    let to = escape::show(&app.scene.session.agent.ready.agent.name, &Show::default()).into_owned();
    brush.right(area.x + TEXT_X, area.y, end, &format!("to {to}"), Role::TextFaint);
    let key = app.keymap.shown("compose").unwrap_or_default();
    let text = if app.composer.entry.is_empty() {
        format!("{key} writes to the agent")
    } else {
        let draft = app.composer.entry.text();
        let first = draft.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
        format!("draft, {key} continues: {}", escape::show(first, &Show::prose()))
    };
    brush.cut(area.x + TEXT_X, area.y, area.right().saturating_sub(24), &text, Role::InputGhost);
}

/// The message that is written, with the terminal's cursor.
pub fn message(app: &App, frame: &mut Frame<'_>) {
    app.composer.entry.view(frame, field(app), &app.scene.look);
}

/// The keys of the composer: the line that elsewhere has those of the panes.
pub fn hints(_app: &App) -> impl Iterator<Item = (&'static str, &'static str)> {
    HINTS.iter().copied()
}
