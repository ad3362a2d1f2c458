//! The line at the bottom in which the user talks to the agent: what each key does to the message that is written.
//! A verdict is never a key here.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "most keys of crossterm mean nothing here, and its list of keys is not ours"
)]

pub mod draw;

use crate::model::{PromptPart, When};
use crate::ui::entry::Entry;
use crate::ui::terminal::Key;
use crossterm::event::KeyCode;

/// The message being written, and when the agent should get it.
#[derive(Debug, Clone)]
pub struct Composer {
    pub entry: Entry,
    pub open: bool,
    pub when: When,
    /// The first key of the external editor's two was pressed.
    is_chord: bool,
}

impl Default for Composer {
    fn default() -> Self {
        Self { entry: Entry::lines(), open: false, when: When::Queue, is_chord: false }
    }
}

/// The result of a key in the composer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Typed {
    Stays,
    /// The draft is kept.
    Closed,
    Sends(Vec<PromptPart>, When),
    /// The text should be opened in the user's editor.
    Editor(String),
}

impl Composer {
    pub fn key(&mut self, key: Key) -> Typed {
        if std::mem::take(&mut self.is_chord) && key == Key::plain_control('e') {
            return Typed::Editor(self.entry.text());
        }
        match key.code {
            KeyCode::Esc => return self.close(),
            KeyCode::Tab => self.when = self.when.next(),
            KeyCode::Enter if self.entry.ends_with(key) => {
                return match self.take() {
                    Some(parts) => Typed::Sends(parts, self.when),
                    None => self.close(),
                };
            }
            KeyCode::Enter => {}
            _ if key == Key::plain_control('x') => self.is_chord = true,
            _ => self.entry.key(key),
        }
        Typed::Stays
    }

    fn close(&mut self) -> Typed {
        self.open = false;
        Typed::Closed
    }

    pub fn paste(&mut self, text: &str) {
        self.entry.paste(text);
    }

    /// The external editor came back with this text.
    pub fn edited(&mut self, text: &str) {
        if text != self.entry.text() {
            // Editors end a file with a line end that is no part of the message.
            self.entry = Entry::of_text(text.strip_suffix('\n').unwrap_or(text), &self.entry.parts());
        }
    }

    /// Takes the message out and closes; `None` when there is nothing but blanks.
    fn take(&mut self) -> Option<Vec<PromptPart>> {
        if self.entry.text().trim().is_empty() {
            return None;
        }
        let parts = self.entry.parts();
        *self = Self { when: self.when, ..Self::default() };
        Some(parts)
    }
}

/// When a message reaches the agent, as the composer says it.
#[must_use]
pub fn when_words(when: When) -> &'static str {
    match when {
        When::Queue => "queue",
        When::Boundary => "after this step",
        When::Interrupt => "now",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn press(composer: &mut Composer, keys: &str) -> Typed {
        let keys = keys.split_whitespace().map(|key| Key::parse(key).unwrap());
        keys.fold(Typed::Stays, |_, key| composer.key(key))
    }

    #[test]
    fn esc_keeps_the_draft_and_enter_sends_it() {
        let mut composer = Composer { open: true, ..Composer::default() };
        assert_eq!(press(&mut composer, "a d A-enter y esc"), Typed::Closed);
        assert_eq!(composer.entry.text(), "ad\ny");
        composer.open = true;
        let parts = vec![PromptPart::text("ad\ny")];
        assert_eq!(press(&mut composer, "tab enter"), Typed::Sends(parts, When::Boundary));
        assert!(composer.entry.is_empty() && !composer.open);
        assert_eq!(press(&mut composer, "enter"), Typed::Closed, "there is nothing to send");
    }

    #[test]
    fn the_editor_gets_the_text_and_objects_come_back() {
        let file = PromptPart::File { path: crate::base::RelPath::new("a b.rs").unwrap(), lines: None };
        let entry = Entry::of_parts(&[PromptPart::text("see "), file.clone()]);
        let mut composer = Composer { entry, open: true, ..Composer::default() };
        assert_eq!(press(&mut composer, "C-x C-e"), Typed::Editor("see @\"a b.rs\"".to_owned()));
        composer.edited("look at @\"a b.rs\" first\n");
        let parts = [PromptPart::text("look at "), file, PromptPart::text(" first")];
        assert_eq!(composer.entry.parts(), parts);
        // One key of the two alone does nothing.
        assert_eq!(press(&mut composer, "C-x e"), Typed::Stays);
        assert!(composer.entry.text().ends_with("firste"));
    }
}
