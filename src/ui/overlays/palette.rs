//! The palette: every command, found by a few of its letters.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "most keys of crossterm mean nothing here, and its list of keys is not ours"
)]

use super::open_box;
use crate::base::text::width;
use crate::ui::app::App;
use crate::ui::commands::{self, Command};
use crate::ui::entry::Entry;
use crate::ui::keymap::Keymap;
use crate::ui::look::Brush;
use crate::ui::terminal::{Frame, Key};
use crate::ui::theme::{Role, Sign};
use crossterm::event::KeyCode;
use nucleo_matcher::pattern::{CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher, Utf32Str};
use ratatui::layout::Rect;

/// An open palette. The matches are computed when the words change, not when it is drawn.
#[derive(Debug)]
pub struct Palette {
    entry: Entry,
    found: Vec<&'static Command>,
    cursor: usize,
}

impl Palette {
    #[must_use]
    pub fn new() -> Self {
        let mut palette = Self { entry: Entry::line(), found: Vec::new(), cursor: 0 };
        palette.search();
        palette
    }

    #[must_use]
    pub fn entry(&self) -> &Entry {
        &self.entry
    }

    pub fn paste(&mut self, text: &str) {
        self.entry.paste(text);
        self.search();
    }

    /// `None`: stay open. `Some(None)`: close. `Some(command)`: close and run it; what consents asks for its own key
    /// instead, because Enter never approves.
    pub fn key(&mut self, key: Key, _keymap: &Keymap) -> Option<Option<&'static Command>> {
        match key.code {
            KeyCode::Esc => return Some(None),
            KeyCode::Enter => return Some(self.found.get(self.cursor).copied().filter(|command| !command.consents)),
            KeyCode::Down | KeyCode::Tab if key.goes_down() => {
                self.cursor = (self.cursor + 1).min(self.found.len().saturating_sub(1))
            }
            KeyCode::Up | KeyCode::Tab => self.cursor = self.cursor.saturating_sub(1),
            _ => {
                self.entry.key(key);
                self.search();
            }
        }
        None
    }

    fn search(&mut self) {
        self.cursor = 0;
        self.found = matches(&self.entry.text());
    }
}

/// Commands that match, best first; all of them when nothing is asked.
fn matches(words: &str) -> Vec<&'static Command> {
    let mut matcher = Matcher::new(Config::DEFAULT);
    let pattern = Pattern::parse(words, CaseMatching::Ignore, Normalization::Smart);
    let mut buffer = Vec::new();
    let mut found: Vec<(u32, &'static Command)> = commands::all()
        .filter_map(|command| {
            let text = format!("{} {}", command.name, command.description);
            let score = pattern.score(Utf32Str::new(&text, &mut buffer), &mut matcher)?;
            let name_score = pattern.score(Utf32Str::new(command.name, &mut buffer), &mut matcher).unwrap_or(0);
            Some((score + 2 * name_score, command))
        })
        .collect();
    found.sort_by_key(|(score, _)| std::cmp::Reverse(*score));
    found.into_iter().map(|(_, command)| command).collect()
}

/// Rows below the list in which the selected command is described.
const ABOUT_ROWS: u16 = 2;

/// Why a command cannot be used now, else what it does.
fn note(app: &App, command: &Command) -> &'static str {
    (command.why_disabled)(app).unwrap_or(command.description)
}

pub(super) fn view(palette: &Palette, app: &App, frame: &mut Frame<'_>, screen: Rect) {
    let width = screen.width.saturating_sub(4).clamp(30, 84);
    let height = screen.height.saturating_sub(4).clamp(6, 20);
    let inside = open_box(app, frame, width, height, "Commands", Role::OverlayBorder);
    let mut brush = Brush::new(frame.buffer, &app.scene.look);
    let end = inside.right();
    let x = brush.text(inside.x, inside.y, end, app.scene.look.sign(Sign::Prompt), Role::Accent) + 1;
    // Below the list, all that the row has no room for.
    let chosen = palette.found.get(palette.cursor).map(|command| note(app, command));
    let about: Vec<&str> = chosen.map_or_else(Vec::new, |text| {
        width::wrap(text, usize::from(inside.width)).into_iter().filter_map(|range| text.get(range)).collect()
    });
    let rows = usize::from(inside.height.saturating_sub(3 + ABOUT_ROWS));
    let first = palette.cursor.saturating_sub(rows.saturating_sub(1));
    for (y, (at, command)) in (inside.y + 1..).zip(palette.found.iter().enumerate().skip(first).take(rows)) {
        let keys = app.keymap.shown(command.name).unwrap_or_default();
        let disabled = (command.why_disabled)(app);
        let role = if disabled.is_some() { Role::TextFaint } else { Role::Text };
        let keys_x = brush.right(inside.x + 20, y, end, &keys, Role::Key);
        brush.cut(inside.x + 2, y, inside.x + 20, command.name, role);
        let role = if disabled.is_some() { Role::TextFaint } else { Role::TextSoft };
        brush.cut(inside.x + 21, y, keys_x.saturating_sub(1), note(app, command), role);
        if at == palette.cursor {
            brush.over(Rect::new(inside.x, y, inside.width, 1), Role::Cursor);
        }
    }
    let below = inside.bottom().saturating_sub(1 + ABOUT_ROWS);
    for (y, line) in (below..).zip(about.iter().take(usize::from(ABOUT_ROWS))) {
        brush.cut(inside.x, y, end, line, Role::Text);
    }
    let foot = match palette.found.get(palette.cursor) {
        Some(command) if command.consents => "Enter never approves: use its key".to_owned(),
        Some(_) => "Enter runs it · Esc closes".to_owned(),
        None => "no matches".to_owned(),
    };
    brush.cut(inside.x, inside.bottom().saturating_sub(1), end, &foot, Role::Hint);
    palette.entry.view(frame, Rect::new(x, inside.y, end.saturating_sub(x), 1), &app.scene.look);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_letters_find_a_command() {
        let check = |words: &str, expect: &str| {
            assert_eq!(matches(words).first().map(|command| command.name), Some(expect), "{words}")
        };
        check("redir", "redirect");
        check("rewind", "rewind");
        check("nxt hunk", "next-hunk");
        assert_eq!(matches("").len(), commands::all().count());
        assert!(matches("zzzzqqq").is_empty());
    }
}
