//! Help: every command with its keys, made from the bindings in force. Those of the focused pane come first.

use super::open_box;
use crate::base::text::width;
use crate::ui::app::App;
use crate::ui::commands::{self, Scope};
use crate::ui::keymap::{Keymap, Meaning};
use crate::ui::layout::PaneId;
use crate::ui::look::Brush;
use crate::ui::terminal::{Frame, Key};
use crate::ui::theme::Role;
use crossterm::event::KeyCode;
use ratatui::layout::{Rect, Size};

/// An open help page: the pane that had the focus, and how far it is scrolled.
#[derive(Debug)]
pub struct Help {
    pane: PaneId,
    top: usize,
}

impl Help {
    #[must_use]
    pub fn of(pane: PaneId) -> Self {
        Self { pane, top: 0 }
    }

    /// Scrolls; false when the page should close.
    pub fn key(&mut self, key: Key, keymap: &Keymap, screen: Size) -> bool {
        let page = usize::from(screen.height).saturating_sub(6).max(1);
        let rows = rows(keymap, self.pane, text_columns(keymap, box_columns(screen.width))).len().saturating_sub(page);
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
    Group(String),
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

fn described(command: &commands::Command, pane: PaneId) -> String {
    if command.scope == Scope::Anywhere || command.scope == Scope::In(pane) {
        return command.description.to_owned();
    }
    format!("{} ({})", command.description, command.scope.name())
}

/// The keys that act in the pane, then the others by their groups.
fn groups(keymap: &Keymap, pane: PaneId) -> Vec<(String, Vec<&'static commands::Command>)> {
    let (here, others): (Vec<_>, Vec<_>) = commands::all()
        .filter(|command| keymap.shown(command.name).is_some())
        .partition(|command| command.scope == Scope::In(pane) || command.group == commands::MOVES);
    let mut groups: Vec<(String, Vec<&'static commands::Command>)> = Vec::new();
    // What only this pane has comes before what every pane has.
    let (own, moves): (Vec<_>, Vec<_>) = here.into_iter().partition(|command| command.scope != Scope::Anywhere);
    groups.push((format!("here, in {}", pane.name()), own.into_iter().chain(moves).collect()));
    for command in others {
        match groups.iter_mut().find(|(name, _)| name == command.group) {
            Some((_, commands)) => commands.push(command),
            None => groups.push((command.group.to_owned(), vec![command])),
        }
    }
    groups
}

fn rows(keymap: &Keymap, pane: PaneId, columns: usize) -> Vec<Row> {
    let mut rows = Vec::new();
    for (name, commands) in groups(keymap, pane) {
        if !rows.is_empty() {
            rows.push(Row::Blank);
        }
        rows.push(Row::Group(name));
        for command in commands {
            let text = described(command, pane);
            let mut lines =
                width::wrap(&text, columns).into_iter().filter_map(|range| Some(text.get(range)?.to_owned()));
            rows.push(Row::Command(command, lines.next().unwrap_or_default()));
            rows.extend(lines.map(Row::More));
        }
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
    let rows = rows(&app.keymap, help.pane, text_columns(&app.keymap, width));
    for (y, row) in (inside.y..inside.bottom().saturating_sub(1)).zip(rows.into_iter().skip(help.top)) {
        match row {
            Row::Blank => {}
            Row::Group(name) => {
                brush.text(inside.x, y, end, &name, Role::TextSoft);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::keymap;

    #[test]
    fn the_keys_of_the_focused_pane_come_first_and_every_key_once() {
        let keymap = keymap::builtin("default").unwrap();
        for pane in PaneId::ALL.iter().copied() {
            let groups = groups(&keymap, pane);
            let (name, first) = &groups[0];
            assert!(name.ends_with(pane.name()));
            let own = commands::all().find(|command| command.scope == Scope::In(pane));
            assert!(own.is_none_or(|own| first[0].name == own.name), "{pane:?}: {}", first[0].name);
            let mut all: Vec<&str> = groups.iter().flat_map(|(_, commands)| commands).map(|one| one.name).collect();
            let count = all.len();
            all.sort_unstable();
            all.dedup();
            assert_eq!(all.len(), count);
            assert_eq!(count, commands::all().filter(|command| keymap.shown(command.name).is_some()).count());
        }
    }
}
