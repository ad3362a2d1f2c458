//! Typing: one field of text, used by the composer, prompts, searches and the inline editor.

use crate::ui::limits::UI_ENTRY_BYTES_MAX;
use crate::ui::look::Look;
use crate::ui::terminal::{Frame, Key};
use crate::ui::theme::Role;
use crossterm::event::{KeyEvent, KeyEventKind, KeyEventState};
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;
use ratatui::widgets::Widget as _;
use ratatui_textarea::{CursorMove, TextArea, WrapMode};

/// A text field. A single-line field turns line ends of pasted text into spaces.
#[derive(Debug, Clone)]
pub struct Entry {
    area: TextArea<'static>,
    multiline: bool,
}

impl Entry {
    #[must_use]
    pub fn line() -> Self {
        Self::with(Vec::new(), false)
    }

    #[must_use]
    pub fn lines() -> Self {
        let mut entry = Self::with(Vec::new(), true);
        entry.area.set_wrap_mode(WrapMode::WordOrGlyph);
        entry
    }

    /// A field that starts with text: a step to reword, a file to edit. The text comes back byte for byte unless
    /// it is changed, except that line ends become LF.
    #[must_use]
    pub fn holding(text: &str, multiline: bool) -> Self {
        let lines = text.split('\n').map(|line| line.strip_suffix('\r').unwrap_or(line).to_owned()).collect();
        let mut entry = Self::with(lines, multiline);
        if !multiline {
            entry.area.move_cursor(CursorMove::End);
        }
        entry
    }

    fn with(lines: Vec<String>, multiline: bool) -> Self {
        let mut area = TextArea::new(lines);
        area.set_cursor_line_style(Style::new());
        area.set_cursor_style(Style::new());
        Self { area, multiline }
    }

    /// Shows a mark for every character.
    #[must_use]
    pub fn masked(mut self) -> Self {
        self.area.set_mask_char('•');
        self
    }

    /// The text as the screen may show it.
    #[must_use]
    pub fn shown(&self) -> String {
        let text = self.text();
        match self.area.mask_char() {
            Some(mark) => mark.to_string().repeat(text.chars().count()),
            None => text,
        }
    }

    #[must_use]
    pub fn text(&self) -> String {
        self.area.lines().join("\n")
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.area.is_empty()
    }

    /// Lines of text, not of the screen.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.area.lines().len()
    }

    /// A key that edits or moves; line ends are the caller's to decide.
    pub fn key(&mut self, key: Key) {
        if self.is_full() && key.typed().is_some() {
            return;
        }
        let event = KeyEvent {
            code: key.code,
            modifiers: key.modifiers,
            kind: KeyEventKind::Press,
            state: KeyEventState::NONE,
        };
        self.area.input(event);
        if !self.multiline && self.area.lines().len() > 1 {
            let joined = self.area.lines().join(" ");
            *self = Self::holding(&joined, false);
        }
    }

    pub fn newline(&mut self) {
        if self.multiline && !self.is_full() {
            self.area.insert_newline();
        }
    }

    /// Pasted text, as much of it as fits.
    pub fn paste(&mut self, text: &str) {
        let room = UI_ENTRY_BYTES_MAX.saturating_sub(self.len_bytes());
        let cut = (0..=room.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        let text = text.get(..cut).unwrap_or_default().replace("\r\n", "\n").replace('\r', "\n");
        self.area.insert_str(if self.multiline { text } else { text.replace('\n', " ") });
    }

    fn len_bytes(&self) -> usize {
        self.area.lines().iter().map(|line| line.len() + 1).sum()
    }

    fn is_full(&self) -> bool {
        self.len_bytes() >= UI_ENTRY_BYTES_MAX
    }

    /// Draws the field and places the terminal's cursor in it.
    pub fn view(&self, frame: &mut Frame<'_>, area: Rect, look: &Look) {
        if area.is_empty() {
            return;
        }
        let style = look.style(Role::Input);
        (&self.area).render(area, frame.buffer);
        for y in area.top()..area.bottom() {
            for x in area.left()..area.right() {
                if let Some(cell) = frame.buffer.cell_mut((x, y)) {
                    cell.set_style(style);
                }
            }
        }
        let (top, left) = self.area.scroll_offset();
        let at = self.area.screen_cursor();
        let x = u16::try_from(at.col).unwrap_or(u16::MAX).saturating_sub(left).min(area.width - 1);
        let y = u16::try_from(at.row).unwrap_or(u16::MAX).saturating_sub(top).min(area.height - 1);
        frame.cursor = Some(Position::new(area.x + x, area.y + y));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pasted_lines_stay_lines_only_where_lines_fit() {
        let mut line = Entry::line();
        line.paste("a\r\nb\rc");
        assert_eq!(line.text(), "a b c");
        let mut lines = Entry::lines();
        lines.paste("a\r\nb");
        assert_eq!(lines.text(), "a\nb");
    }

    #[test]
    fn text_to_edit_comes_back_unchanged() {
        for text in ["", "a\n", "a\nb\n\n", "\tx = 1;\n"] {
            assert_eq!(Entry::holding(text, true).text(), text);
        }
    }

    #[test]
    fn a_field_is_bounded() {
        let mut entry = Entry::lines();
        entry.paste(&"ä".repeat(UI_ENTRY_BYTES_MAX));
        entry.key(Key::plain('x'));
        assert!(entry.text().len() <= UI_ENTRY_BYTES_MAX);
    }

    #[test]
    fn a_field_of_one_line_cannot_be_broken() {
        let mut entry = Entry::line();
        for key in ["a", "enter", "C-x", "b"] {
            entry.key(Key::parse(key).unwrap());
        }
        assert_eq!(entry.text().lines().count(), 1);
    }
}
