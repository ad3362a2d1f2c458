//! Help: every command with its keys, made from the bindings in force.

use crossterm::event::KeyCode;
use ratatui::layout::Rect;

use super::open_box;
use crate::base::text::width;
use crate::ui::app::App;
use crate::ui::commands::{self, Scope};
use crate::ui::keymap::{Keymap, Meaning};
use crate::ui::look::Brush;
use crate::ui::terminal::{Frame, Key};
use crate::ui::theme::Role;

/// An open help page and how far it is scrolled.
#[derive(Debug, Default)]
pub struct Help {
    top: usize,
}

impl Help {
    /// Scrolls; false when the page shall close.
    pub fn key(&mut self, key: Key, keymap: &Keymap, height: usize) -> bool {
        let page = height.saturating_sub(6).max(1);
        let rows = rows(keymap).len().saturating_sub(page);
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
    Command(&'static commands::Command),
    Blank,
}

fn rows(keymap: &Keymap) -> Vec<Row> {
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
        rows.push(Row::Command(command));
    }
    rows
}

pub(super) fn view(help: &Help, app: &App, frame: &mut Frame<'_>, screen: Rect) {
    let width = screen.width.saturating_sub(4).clamp(30, 100);
    let title = format!("Keys  {}", app.keymap.name);
    let inside = open_box(app, frame, width, screen.height.saturating_sub(2), &title, Role::OverlayBorder);
    let mut brush = Brush::new(frame.buffer, &app.scene.look);
    let end = inside.right();
    let keys_width =
        commands::all().map(|command| width::width(&app.keymap.all_shown(command.name))).max().unwrap_or(0);
    let keys_end = inside.x + u16::try_from(keys_width.clamp(6, 16)).unwrap_or(16);
    for (y, row) in (inside.y..inside.bottom().saturating_sub(1)).zip(rows(&app.keymap).into_iter().skip(help.top)) {
        match row {
            Row::Blank => {}
            Row::Group(name) => {
                brush.text(inside.x, y, end, name, Role::TextSoft);
            }
            Row::Command(command) => {
                brush.right(inside.x, y, keys_end, &app.keymap.all_shown(command.name), Role::Key);
                let x = brush.cut(keys_end + 2, y, end, command.description, Role::Text);
                if command.scope != Scope::Anywhere {
                    brush.cut(x + 1, y, end, command.scope.name(), Role::TextFaint);
                }
            }
        }
    }
    brush.cut(inside.x, inside.bottom().saturating_sub(1), end, "j k scroll · Esc closes", Role::Hint);
}
