//! Help: every command with its keys, made from the bindings in force.

use super::open_box;
use crate::base::text::width;
use crate::ui::app::App;
use crate::ui::commands::{self, Scope};
use crate::ui::keymap::{Keymap, Meaning};
use crate::ui::look::Brush;
use crate::ui::terminal::{Frame, Key};
use crate::ui::theme::Role;
use crossterm::event::KeyCode;
use ratatui::layout::{Rect, Size};

/// An open help page and how far it is scrolled.
#[derive(Debug, Default)]
pub struct Help {
    top: usize,
}

impl Help {
    /// Scrolls; false when the page should close.
    pub fn key(&mut self, key: Key, keymap: &Keymap, screen: Size) -> bool {
        let page = usize::from(screen.height).saturating_sub(6).max(1);
        let rows = rows(keymap, text_columns(keymap, box_columns(screen.width))).len().saturating_sub(page);
        match (key.code, keymap.meaning(Scope::Anywhere, &[key])) {
            (_, Meaning::Command(command)) => match command.name {
                "down" => self.top = (self.top + 1).min(rows),
                "up" => self.top = self.top.saturating_sub(1),
                "page-down" => self.top = (self.top + page).min(rows),
                "page-up" => self.top = self.top.saturating_sub(page),
                "top" => self.top = 0,
                "bottom" => self.top = rows,
                "leave" | "help" | "quit" => return false,
                _ => {}
            },
            (KeyCode::Esc, _) => return false,
            _ => {}
        }
        true
    }
}

enum Row {
    Group(&'static str),
    /// A command and as much of its description as fits beside its keys.
    Command(&'static commands::Command, String),
    /// The rest of a description.
    More(String),
    Blank,
}

/// Columns of the box with its edges.
fn box_columns(screen_columns: u16) -> u16 {
    screen_columns.saturating_sub(4).clamp(30, 100)
}

fn keys_columns(keymap: &Keymap) -> u16 {
    let longest = commands::all().map(|command| width::width(&keymap.all_shown(command.name))).max().unwrap_or(0);
    u16::try_from(longest.clamp(6, 16)).unwrap_or(16)
}

/// Columns of a description: what the box leaves beside its edges, the keys and the blanks between.
fn text_columns(keymap: &Keymap, box_columns: u16) -> usize {
    usize::from(box_columns.saturating_sub(4 + keys_columns(keymap) + 2)).max(8)
}

fn described(command: &commands::Command) -> String {
    if command.scope == Scope::Anywhere {
        return command.description.to_owned();
    }
    format!("{} ({})", command.description, command.scope.name())
}

fn rows(keymap: &Keymap, columns: usize) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut group = "";
    for command in commands::all().filter(|command| keymap.shown(command.name).is_some()) {
        if command.group != group {
            if !group.is_empty() {
                rows.push(Row::Blank);
            }
            group = command.group;
            rows.push(Row::Group(group));
        }
        let text = described(command);
        let mut lines = width::wrap(&text, columns).into_iter().filter_map(|range| Some(text.get(range)?.to_owned()));
        rows.push(Row::Command(command, lines.next().unwrap_or_default()));
        rows.extend(lines.map(Row::More));
    }
    rows
}

pub(super) fn view(help: &Help, app: &App, frame: &mut Frame<'_>, screen: Rect) {
    let width = box_columns(screen.width);
    let title = format!("Keys  {}", app.keymap.name);
    let inside = open_box(app, frame, width, screen.height.saturating_sub(2), &title, Role::OverlayBorder);
    let mut brush = Brush::new(frame.buffer, &app.scene.look);
    let end = inside.right();
    let keys_end = inside.x + keys_columns(&app.keymap);
    let rows = rows(&app.keymap, text_columns(&app.keymap, width));
    for (y, row) in (inside.y..inside.bottom().saturating_sub(1)).zip(rows.into_iter().skip(help.top)) {
        match row {
            Row::Blank => {}
            Row::Group(name) => {
                brush.text(inside.x, y, end, name, Role::TextSoft);
            }
            Row::Command(command, text) => {
                brush.right(inside.x, y, keys_end, &app.keymap.all_shown(command.name), Role::Key);
                brush.cut(keys_end + 2, y, end, &text, Role::Text);
            }
            Row::More(text) => {
                brush.cut(keys_end + 2, y, end, &text, Role::Text);
            }
        }
    }
    brush.cut(inside.x, inside.bottom().saturating_sub(1), end, "j k scroll · Esc closes", Role::Hint);
}
