//! The picture of the start screen.

use super::tour::STEPS;
use super::{Row, Welcome};
use crate::base::text::width;
use crate::ui::app::App;
use crate::ui::look::Brush;
use crate::ui::overlays;
use crate::ui::terminal::Frame;
use crate::ui::theme::{Role, Sign};
use ratatui::layout::Rect;

/// Wider lines are hard to read.
const COLUMNS_MAX: u16 = 100;
/// From here on there is room around the parts.
const ROOMY_ROWS_MIN: u16 = 30;
/// The names of the rows, with the sign before them.
const NAMES_COLUMNS: u16 = 13;

/// Draws the start screen over everything.
pub(in crate::ui) fn view(welcome: &Welcome, app: &App, frame: &mut Frame<'_>) {
    let screen = frame.area();
    let roomy = screen.height >= ROOMY_ROWS_MIN;
    let width = screen.width.saturating_sub(4).min(COLUMNS_MAX);
    let (x, top) = ((screen.width - width) / 2, if roomy { screen.height / 6 } else { 2 });
    let end = x + width;
    let typed: u16 = if roomy { 6 } else { 4 };
    let mut brush = Brush::new(frame.buffer, &app.scene.look);
    brush.clear(screen, Role::Text);
    let after = brush.text(1, 0, screen.right(), "rightseat", Role::HeaderStrong);
    brush.cut(after + 2, 0, screen.right().saturating_sub(1), &super::visible(&welcome.offers.directory), Role::Header);

    let focused = welcome.row.is_none();
    brush.frame(Rect::new(x, top, width, typed + 2), if focused { Role::BorderFocus } else { Role::Border });
    let title = if focused { Role::TitleFocus } else { Role::Title };
    brush.text(x + 1, top, end, " What should the agent do? ", title);
    brush.text(x + 2, top + 1, end, app.scene.look.sign(Sign::Prompt), Role::Accent);
    let field = Rect::new(x + 4, top + 1, width.saturating_sub(6), typed).intersection(screen);
    if welcome.entry.is_empty() {
        let own = welcome.agent().and_then(|agent| agent.own_goal.as_deref());
        let ghost = own.map_or("type a goal; an empty one opens the session and waits".to_owned(), |goal| {
            format!("type a goal; an empty one means: {goal}")
        });
        brush.cut(field.x, field.y, field.right(), &ghost, Role::InputGhost);
    }
    let mut y = top + typed + 2 + u16::from(roomy);
    for row in Row::ALL {
        let (value, about) = welcome.value(row);
        let is_here = welcome.row == Some(row);
        let sign = if is_here { app.scene.look.sign(Sign::Current) } else { " " };
        brush.text(x + 1, y, end, sign, Role::Accent);
        brush.text(x + 3, y, end, row.name(), Role::TextSoft);
        let mut at = x + 1 + NAMES_COLUMNS;
        if !value.is_empty() {
            at = brush.cut(at, y, end, &value, Role::TextStrong) + 2;
        }
        brush.cut(at, y, end, &about, Role::TextSoft);
        if is_here {
            brush.over(Rect::new(x + 1, y, width.saturating_sub(2), 1), Role::Cursor);
        }
        y += 1;
    }
    foot(welcome, &mut brush, Rect::new(x, y + 1, width, screen.bottom().saturating_sub(y + 1)));
    // An empty field has its cursor before the hint.
    if focused && welcome.tour.is_none() && welcome.list.is_none() && !welcome.starts {
        if welcome.entry.is_empty() {
            frame.cursor = Some(field.as_position());
        } else {
            welcome.entry.view(frame, field, &app.scene.look);
        }
    } else if !welcome.entry.is_empty() {
        welcome.entry.view(frame, field, &app.scene.look);
        frame.cursor = None;
    }
    if let Some((_, choice)) = &welcome.list {
        overlays::view_choice(choice, app, frame);
    }
    tour(welcome, app, frame);
}

/// What failed, or what goes on, and the keys.
fn foot(welcome: &Welcome, brush: &mut Brush<'_>, area: Rect) {
    if area.is_empty() {
        return;
    }
    let note = match (&welcome.note, welcome.starts) {
        (Some(note), _) => Some((note.clone(), Role::Warn)),
        (None, true) => Some((format!("starting {}", welcome.value(Row::Agent).0), Role::Text)),
        (None, false) => None,
    };
    let last = area.bottom().saturating_sub(1);
    // Above an open list, too.
    if let Some((note, role)) = note {
        let lines = width::wrap(&note, usize::from(area.width));
        let shown = u16::try_from(lines.len()).unwrap_or(u16::MAX).min(area.height.saturating_sub(1));
        for (y, line) in (last.saturating_sub(shown)..last).zip(lines) {
            brush.cut(area.x, y, area.right(), note.get(line).unwrap_or_default(), role);
        }
    }
    let mut x = area.x;
    let keys = match welcome.row {
        None => {
            [("Enter", "start"), ("Alt-Enter", "new line"), ("Tab", "options"), ("F1", "introduction"), ("^C", "leave")]
        }
        Some(_) => {
            [("Enter", "list"), ("Tab", "next"), ("Esc", "back to the text"), ("F1", "introduction"), ("^C", "leave")]
        }
    };
    for (key, label) in keys {
        x = brush.text(x, last, area.right(), key, Role::Key);
        x = brush.text(x + 1, last, area.right(), label, Role::Hint) + 2;
    }
}

fn tour(welcome: &Welcome, app: &App, frame: &mut Frame<'_>) {
    let Some(tour) = welcome.tour else { return };
    let (title, text) = tour.text(&app.keymap);
    let width = frame.area().width.saturating_sub(4).clamp(30, 72);
    let lines = width::wrap(&text, usize::from(width.saturating_sub(4)));
    let height = u16::try_from(lines.len()).unwrap_or(u16::MAX).saturating_add(4);
    let title = format!("{} of {STEPS}  {title}", tour.at + 1);
    let inside = overlays::open_box(app, frame, width, height, &title, Role::OverlayBorder);
    let mut brush = Brush::new(frame.buffer, &app.scene.look);
    for (y, line) in (inside.y..inside.bottom()).zip(lines) {
        brush.cut(inside.x, y, inside.right(), text.get(line).unwrap_or_default(), Role::Text);
    }
    let next = if tour.at + 1 < STEPS { "Enter next" } else { "Enter begins" };
    let hint = format!("{next} · Left back · Esc skips · F1 shows it again");
    brush.cut(inside.x, inside.bottom().saturating_sub(1), inside.right(), &hint, Role::Hint);
}
