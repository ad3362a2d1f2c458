//! Typing: one field of text, used by the composer, prompts, searches and the inline editor. A field of lines wraps, and
//! may hold objects: parts of a message that are one step of the cursor and one Backspace.

mod bytes;
mod label;
pub mod rows;

pub use label::{label, size_words};

use crate::model::{PromptPart, prompt_text};
use crate::ui::limits::{UI_ENTRY_BYTES_MAX, UI_ENTRY_COLUMNS_DEFAULT, UI_ENTRY_OBJECTS_MAX, UI_ENTRY_UNDO_MAX};
use crate::ui::look::{Brush, Look};
use crate::ui::terminal::{Frame, Key};
use crate::ui::theme::Role;
use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyEventState, KeyModifiers};
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;
use ratatui::widgets::Widget as _;
use ratatui_textarea::{CursorMove, DataCursor, TextArea};

/// The characters that stand for objects in the text: from a private plane, and never taken from outside.
const OBJECT_FIRST: u32 = 0xf_0000;

/// A text field. A single-line field turns line ends of pasted text into spaces.
#[derive(Debug, Clone)]
pub struct Entry {
    area: TextArea<'static>,
    multiline: bool,
    wraps: bool,
    /// Of the field it was drawn in last.
    columns: usize,
    /// By the character that stands for each. Those that were deleted stay: an undo brings them back.
    objects: Vec<PromptPart>,
    /// Changes of the text that each edit consists of: an undo takes back one edit.
    edits: Vec<usize>,
    /// What changes now belongs to the newest edit.
    is_one_edit: bool,
}

impl Entry {
    #[must_use]
    pub fn line() -> Self {
        Self::with(Vec::new(), false)
    }

    #[must_use]
    pub fn lines() -> Self {
        Self { wraps: true, ..Self::with(Vec::new(), true) }
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

    /// A field of lines that starts with a message, the cursor at its end.
    #[must_use]
    pub fn of_parts(parts: &[PromptPart]) -> Self {
        let mut entry = Self::lines();
        for part in parts {
            if let PromptPart::Text { text } = part {
                entry.paste(text);
            } else {
                entry.insert_object(part.clone());
            }
        }
        entry.fresh()
    }

    /// A field of lines that starts with a text; where it has the words of one of these objects, it has the object.
    #[must_use]
    pub fn of_text(text: &str, objects: &[PromptPart]) -> Self {
        let named: Vec<(String, &PromptPart)> = objects
            .iter()
            .filter(|part| !matches!(part, PromptPart::Text { .. } | PromptPart::Paste { .. } | PromptPart::Unknown))
            .map(|part| (part.words(), part))
            .collect();
        let mut entry = Self::lines();
        let mut rest = text;
        loop {
            let found = named.iter().filter_map(|(words, part)| Some((rest.find(words.as_str())?, words, part)));
            let Some((at, words, part)) = found.min_by_key(|(at, words, _)| (*at, std::cmp::Reverse(words.len())))
            else {
                entry.paste(rest);
                return entry.fresh();
            };
            entry.paste(rest.get(..at).unwrap_or_default());
            entry.insert_object((*part).clone());
            rest = rest.get(at + words.len()..).unwrap_or_default();
        }
    }

    fn with(lines: Vec<String>, multiline: bool) -> Self {
        let mut area = TextArea::new(lines);
        area.set_cursor_line_style(Style::new());
        area.set_cursor_style(Style::new());
        area.set_max_histories(UI_ENTRY_UNDO_MAX);
        Self {
            area,
            multiline,
            wraps: false,
            columns: UI_ENTRY_COLUMNS_DEFAULT,
            objects: Vec::new(),
            edits: Vec::new(),
            is_one_edit: false,
        }
    }

    /// Takes what a field was filled with as its first state: there is nothing to undo.
    fn fresh(self) -> Self {
        let mut area = Self::with(self.area.lines().to_vec(), self.multiline).area;
        area.move_cursor(CursorMove::Bottom);
        area.move_cursor(CursorMove::End);
        Self { area, edits: Vec::new(), ..self }
    }

    /// Makes one edit of everything that `change` does.
    pub fn as_one_edit<T>(&mut self, change: impl FnOnce(&mut Self) -> T) -> T {
        if self.is_one_edit {
            return change(self);
        }
        self.edits.push(0);
        self.is_one_edit = true;
        let done = change(self);
        self.is_one_edit = false;
        if self.edits.last() == Some(&0) {
            self.edits.pop();
        }
        done
    }

    /// Notes a change of the text.
    fn changed(&mut self, has_changed: bool) {
        match self.edits.last_mut() {
            _ if !has_changed => {}
            Some(changes) if self.is_one_edit => *changes += 1,
            Some(_) | None => self.edits.push(1),
        }
        let over = self.edits.len().saturating_sub(UI_ENTRY_UNDO_MAX);
        self.edits.drain(..over);
    }

    fn undo(&mut self) {
        for _ in 0..self.edits.pop().unwrap_or(1) {
            self.area.undo();
        }
    }

    /// Shows a mark for every character.
    #[must_use]
    pub fn masked(mut self) -> Self {
        self.area.set_mask_char('•');
        self
    }

    #[must_use]
    pub fn is_masked(&self) -> bool {
        self.area.mask_char().is_some()
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

    /// The text, with every object in words.
    #[must_use]
    pub fn text(&self) -> String {
        if self.objects.is_empty() { self.area.lines().join("\n") } else { prompt_text(&self.parts()) }
    }

    /// The text and the objects in it, in order.
    #[must_use]
    pub fn parts(&self) -> Vec<PromptPart> {
        let mut parts = Vec::new();
        let mut text = String::new();
        for (at, line) in self.area.lines().iter().enumerate() {
            if at > 0 {
                text.push('\n');
            }
            for c in line.chars() {
                match self.object(c) {
                    Some(object) => {
                        if !text.is_empty() {
                            parts.push(PromptPart::text(std::mem::take(&mut text)));
                        }
                        parts.push(object.clone());
                    }
                    None => text.push(c),
                }
            }
        }
        if !text.is_empty() {
            parts.push(PromptPart::text(text));
        }
        parts
    }

    fn object(&self, c: char) -> Option<&PromptPart> {
        let at = u32::from(c).checked_sub(OBJECT_FIRST)?;
        self.objects.get(usize::try_from(at).ok()?)
    }

    /// Puts an object at the cursor. Beyond their number, its words are put there.
    pub fn insert_object(&mut self, part: PromptPart) {
        let c = u32::try_from(self.objects.len()).ok().and_then(|at| char::from_u32(OBJECT_FIRST + at));
        match c.filter(|_| self.objects.len() < UI_ENTRY_OBJECTS_MAX) {
            Some(c) => {
                self.objects.push(part);
                let has_changed = self.area.insert_str(c.to_string());
                self.changed(has_changed);
            }
            None => self.paste(&part.words()),
        }
    }

    /// The object that the cursor is on.
    #[must_use]
    pub fn object_under_cursor(&self) -> Option<&PromptPart> {
        let DataCursor(line, char) = self.area.cursor();
        self.area.lines().get(line)?.chars().nth(char).and_then(|c| self.object(c))
    }

    /// Puts text where the object is that the cursor is on.
    pub fn replace_object(&mut self, text: &str) {
        self.as_one_edit(|entry| {
            let has_changed = entry.area.delete_next_char();
            entry.changed(has_changed);
            entry.paste(text);
        });
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.area.is_empty()
    }

    /// The number of the cursor's line, and what is before the cursor in it.
    #[must_use]
    pub fn before_cursor(&self) -> (usize, String) {
        let DataCursor(line, char) = self.area.cursor();
        (line, self.area.lines().get(line).map_or_else(String::new, |line| line.chars().take(char).collect()))
    }

    /// The cursor's line, as the screen may show it.
    #[must_use]
    pub fn line_here(&self) -> String {
        // Objects are put into words, and what is masked has one line.
        if self.is_masked() || !self.objects.is_empty() {
            return self.shown().rsplit('\n').next().unwrap_or_default().to_owned();
        }
        let DataCursor(line, _) = self.area.cursor();
        self.area.lines().get(line).map(|line| (*line).to_owned()).unwrap_or_default()
    }

    /// Nothing is behind the cursor.
    #[must_use]
    pub fn is_at_end(&self) -> bool {
        let DataCursor(line, char) = self.area.cursor();
        let lines = self.area.lines();
        line + 1 == lines.len() && lines.last().is_none_or(|line| line.chars().count() <= char)
    }

    /// Deletes characters before the cursor, within its line.
    pub fn delete_before(&mut self, chars: usize) {
        self.as_one_edit(|entry| {
            for _ in 0..chars {
                let has_changed = entry.area.delete_char();
                entry.changed(has_changed);
            }
        });
    }

    /// Rows of the screen in a field of this width; of a field that does not wrap, its lines.
    pub fn rows_in(&mut self, columns: u16) -> usize {
        self.columns = usize::from(columns).max(1);
        self.rows()
    }

    #[must_use]
    pub fn is_multiline(&self) -> bool {
        self.multiline
    }

    /// As in the field that it was drawn in last.
    #[must_use]
    pub fn rows(&self) -> usize {
        if self.wraps { self.layout(self.columns).len() } else { self.area.lines().len() }
    }

    fn layout(&self, columns: usize) -> Vec<rows::Row<'_>> {
        let mask = self.area.mask_char();
        rows::rows(self.area.lines(), columns, |c| mask.map(String::from).or_else(|| self.object(c).map(label)))
    }

    /// A key that edits or moves. Enter is the caller's to decide, with [`Entry::ends_with`].
    #[expect(clippy::wildcard_enum_match_arm, reason = "most keys of crossterm mean nothing here")]
    pub fn key(&mut self, key: Key) {
        if self.is_full() && key.typed().is_some() {
            return;
        }
        match key.code {
            KeyCode::Char(c) if u32::from(c) >= OBJECT_FIRST => return,
            KeyCode::Char('_') if key.modifiers == KeyModifiers::CONTROL => {
                self.undo();
                return;
            }
            KeyCode::Char('u') if key.modifiers == KeyModifiers::CONTROL && self.wraps => {
                let has_changed = self.area.delete_line_by_head();
                self.changed(has_changed);
                return;
            }
            KeyCode::Char('j') if key.modifiers == KeyModifiers::CONTROL && self.multiline => return self.newline(),
            KeyCode::Up | KeyCode::Down if self.wraps && key.modifiers.is_empty() => {
                self.move_row(key.code == KeyCode::Down);
                return;
            }
            _ => {}
        }
        let event = KeyEvent {
            code: key.code,
            modifiers: key.modifiers,
            kind: KeyEventKind::Press,
            state: KeyEventState::NONE,
        };
        let has_changed = self.area.input(event);
        self.changed(has_changed);
        if let Some((keys, c)) = key.typed().and_then(|_| bytes::composed(&self.before_cursor().1)) {
            self.as_one_edit(|entry| {
                entry.delete_before(keys);
                let has_changed = entry.area.insert_str(c.to_string());
                entry.changed(has_changed);
            });
        }
        if !self.multiline && self.area.lines().len() > 1 {
            let joined = self.area.lines().join(" ");
            *self = Self::holding(&joined, false);
        }
    }

    /// Enter, with whatever was held down with it. True when it ends the text; else it has made a new line.
    pub fn ends_with(&mut self, enter: Key) -> bool {
        if !self.multiline {
            return true;
        }
        if enter.modifiers.is_empty() {
            if !self.before_cursor().1.ends_with('\\') {
                return true;
            }
            self.as_one_edit(|entry| {
                let has_changed = entry.area.delete_char();
                entry.changed(has_changed);
                entry.newline();
            });
            return false;
        }
        self.newline();
        false
    }

    /// Moves a row up or down; false at the first and the last.
    pub fn move_row(&mut self, down: bool) -> bool {
        let DataCursor(line, char) = self.area.cursor();
        let Some((line, char)) = rows::beside(&self.layout(self.columns), (line, char), down) else { return false };
        let (line, char) = (u16::try_from(line).unwrap_or(u16::MAX), u16::try_from(char).unwrap_or(u16::MAX));
        self.area.move_cursor(CursorMove::Jump(line, char));
        true
    }

    pub fn newline(&mut self) {
        if self.multiline && !self.is_full() {
            self.area.insert_newline();
            self.changed(true);
        }
    }

    /// Pasted text, as much of it as fits.
    pub fn paste(&mut self, text: &str) {
        let room = UI_ENTRY_BYTES_MAX.saturating_sub(self.len_bytes());
        let cut = (0..=room.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        let text = text.get(..cut).unwrap_or_default().replace("\r\n", "\n").replace('\r', "\n");
        let text = text.replace(|c: char| u32::from(c) >= OBJECT_FIRST, "\u{fffd}");
        let has_changed = self.area.insert_str(if self.multiline { text } else { text.replace('\n', " ") });
        self.changed(has_changed);
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
        if self.wraps {
            return self.view_rows(frame, area, look);
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

    fn view_rows(&self, frame: &mut Frame<'_>, area: Rect, look: &Look) {
        let mut brush = Brush::new(frame.buffer, look);
        brush.clear(area, Role::Input);
        let rows = self.layout(usize::from(area.width));
        let DataCursor(line, char) = self.area.cursor();
        let (row, column) = rows::place(&rows, line, char);
        let top = (row + 1).saturating_sub(usize::from(area.height));
        for (row, y) in rows.iter().skip(top).zip(area.top()..area.bottom()) {
            let mut x = area.x;
            for cell in &row.cells {
                let role = if cell.is_object { Role::Accent } else { Role::Input };
                x = brush.text(x, y, area.right(), &cell.text, role);
            }
        }
        let x = u16::try_from(column).unwrap_or(u16::MAX).min(area.width - 1);
        let y = u16::try_from(row - top).unwrap_or(u16::MAX).min(area.height - 1);
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

    fn press(entry: &mut Entry, keys: &str) {
        for key in keys.split_whitespace() {
            let key = Key::parse(key).unwrap();
            if key.code == KeyCode::Enter {
                entry.ends_with(key);
            } else {
                entry.key(key);
            }
        }
    }

    #[test]
    fn lines_are_made_by_every_key_for_it_and_sent_by_enter_alone() {
        let mut entry = Entry::lines();
        press(&mut entry, "a A-enter b C-j c \\ enter d S-enter e");
        assert_eq!(entry.text(), "a\nb\nc\nd\ne");
        assert!(entry.ends_with(Key::parse("enter").unwrap()));
        press(&mut entry, "C-_");
        assert_eq!(entry.text(), "a\nb\nc\nd\n");
    }

    fn pasted() -> PromptPart {
        PromptPart::Paste { text: "x\n".repeat(123) }
    }

    /// All or nothing: whatever is done to the text, an object is sent whole or not at all.
    #[test]
    fn an_object_is_one_step_and_one_backspace() {
        let mut entry = Entry::of_parts(&[PromptPart::text("see "), pasted(), PromptPart::text(" now")]);
        assert_eq!(entry.parts(), [PromptPart::text("see "), pasted(), PromptPart::text(" now")]);
        press(&mut entry, "left left left left backspace");
        assert_eq!(entry.text(), "see  now");
        press(&mut entry, "C-_");
        assert_eq!(entry.parts().len(), 3);
        for keys in ["C-w", "C-u", "left", "C-u C-y", "left C-k C-y", "A-d", "delete"] {
            let mut entry = Entry::of_parts(&[PromptPart::text("see "), pasted()]);
            press(&mut entry, keys);
            let parts = entry.parts();
            assert!(
                parts.iter().all(|part| *part == pasted() || matches!(part, PromptPart::Text { .. })),
                "{keys}: {parts:?}"
            );
            assert!(!entry.text().contains('\u{f0000}'), "{keys}");
        }
    }

    /// One edit is one undo, however many changes of the text it takes.
    #[test]
    fn an_undo_takes_back_what_one_key_did() {
        let mut entry = Entry::of_parts(&[PromptPart::text("see ")]);
        press(&mut entry, "C-_");
        assert_eq!(entry.text(), "see ", "what the field began with is no edit");
        entry.insert_object(pasted());
        press(&mut entry, "left");
        entry.replace_object("one\ntwo");
        assert_eq!(entry.text(), "see one\ntwo");
        press(&mut entry, "C-_");
        assert_eq!(entry.parts(), [PromptPart::text("see "), pasted()]);
        press(&mut entry, "C-_");
        assert_eq!(entry.text(), "see ");
        press(&mut entry, "\\ enter C-_");
        assert_eq!(entry.text(), "see \\");
    }

    /// A character that stands for an object is never taken from outside.
    #[test]
    fn no_text_forges_an_object() {
        let mut entry = Entry::of_parts(&[pasted()]);
        entry.paste("\u{f0000}");
        entry.key(Key::plain('\u{f0000}'));
        assert_eq!(entry.parts(), [pasted(), PromptPart::text("\u{fffd}")]);
    }

    #[test]
    fn a_long_line_is_moved_through_by_rows() {
        let mut entry = Entry::lines();
        entry.paste("one two three");
        assert_eq!(entry.rows_in(8), 2);
        assert!(entry.move_row(false));
        assert!(!entry.move_row(false));
        press(&mut entry, "X");
        assert_eq!(entry.text(), "one tXwo three");
    }
}
