//! Terminal input in our own types: keys as they are written in a keymap, pastes, mouse, size, focus.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "most keys of crossterm mean nothing here, and its list of keys is not ours"
)]

use crossterm::event::{Event, KeyCode, KeyEventKind, KeyModifiers, MouseButton, MouseEventKind};
use ratatui::layout::{Position, Size};
use std::fmt;

/// One key press, normalized so that what a terminal sends and what a keymap says compare equal: a capital
/// letter carries no Shift, `Ctrl-\` is itself although terminals report `Ctrl-4`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Key {
    pub code: KeyCode,
    pub modifiers: KeyModifiers,
}

/// An event of the terminal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// `held` when the terminal says that this is a repeat of a key that is still down.
    Key {
        key: Key,
        held: bool,
    },
    /// A key came up: proof that the terminal tells repeats from presses.
    KeyUp,
    Paste(String),
    Click(Position),
    /// Lines, positive towards the end.
    Wheel {
        at: Position,
        lines: i32,
    },
    Resize(Size),
    FocusGained,
    FocusLost,
}

impl Key {
    #[must_use]
    pub fn plain(c: char) -> Self {
        Self { code: KeyCode::Char(c), modifiers: KeyModifiers::NONE }
    }

    #[must_use]
    pub fn plain_control(c: char) -> Self {
        Self { code: KeyCode::Char(c), modifiers: KeyModifiers::CONTROL }
    }

    #[must_use]
    pub fn function(number: u8) -> Self {
        Self { code: KeyCode::F(number), modifiers: KeyModifiers::NONE }
    }

    #[must_use]
    pub fn new(code: KeyCode, modifiers: KeyModifiers) -> Self {
        let mut modifiers = modifiers.intersection(KeyModifiers::CONTROL | KeyModifiers::ALT | KeyModifiers::SHIFT);
        let code = match code {
            KeyCode::BackTab => {
                modifiers.insert(KeyModifiers::SHIFT);
                KeyCode::Tab
            }
            KeyCode::Char(c) if modifiers.contains(KeyModifiers::CONTROL) => KeyCode::Char(control_char(c)),
            other => other,
        };
        let code = match code {
            KeyCode::Char(c) if modifiers.contains(KeyModifiers::SHIFT) && !c.is_control() => {
                modifiers.remove(KeyModifiers::SHIFT);
                KeyCode::Char(c.to_uppercase().next().unwrap_or(c))
            }
            other => other,
        };
        Self { code, modifiers }
    }

    /// Whether one of the keys that move in a list moves down: Down, `j` and Tab do; Up, `k` and Shift-Tab move up.
    #[must_use]
    pub fn goes_down(self) -> bool {
        let is_back_tab = self.code == KeyCode::Tab && self.modifiers.contains(KeyModifiers::SHIFT);
        matches!(self.code, KeyCode::Down | KeyCode::Tab | KeyCode::Char('j')) && !is_back_tab
    }

    /// The character typed, if this key types one.
    #[must_use]
    pub fn typed(self) -> Option<char> {
        match self.code {
            KeyCode::Char(c) if !self.modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT) => Some(c),
            _ => None,
        }
    }

    /// Reads one key as keymaps write it: `a`, `space`, `F3`, `C-x` (Ctrl), `A-x` (Alt), `S-tab` (Shift).
    ///
    /// # Errors
    /// Says what is wrong with the name.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut rest = text;
        let mut modifiers = KeyModifiers::NONE;
        while let Some((modifier, tail)) = rest.split_once('-').filter(|(_, tail)| !tail.is_empty()) {
            modifiers |= match modifier {
                "C" => KeyModifiers::CONTROL,
                "A" => KeyModifiers::ALT,
                "S" => KeyModifiers::SHIFT,
                _ => {
                    return Err(format!(
                        "`{text}`: `{modifier}-` is not a modifier, use C- (Ctrl), A- (Alt) or S- (Shift)"
                    ));
                }
            };
            rest = tail;
        }
        let code = named(rest).ok_or_else(|| format!("`{text}`: there is no key `{rest}`"))?;
        Ok(Self::new(code, modifiers))
    }

    /// Returns the reason that a plain terminal cannot send this key, if it cannot (the keys are those of VT-style
    /// encodings without the kitty protocol).
    #[must_use]
    pub fn unsendable(self) -> Option<&'static str> {
        let control = self.modifiers.contains(KeyModifiers::CONTROL);
        let shift = self.modifiers.contains(KeyModifiers::SHIFT);
        match self.code {
            KeyCode::Char(c) if control => match c.to_ascii_lowercase() {
                'i' => Some("Ctrl-i arrives as Tab"),
                'm' | 'j' => Some("Ctrl-m and Ctrl-j arrive as Enter"),
                '[' => Some("Ctrl-[ arrives as Esc"),
                'a'..='z' if c.is_ascii_uppercase() => Some("Ctrl-Shift-letter arrives as Ctrl-letter"),
                'a'..='z' | '\\' | ']' | '^' | '_' | ' ' | '@' => None,
                _ => Some("terminals cannot send this control character"),
            },
            KeyCode::Enter | KeyCode::Esc | KeyCode::Backspace if control || shift => {
                Some("arrives without its modifier")
            }
            KeyCode::Tab if control => Some("Ctrl-Tab arrives as Tab"),
            KeyCode::F(n) if n > 12 => Some("terminals send F1 to F12"),
            _ => None,
        }
    }
}

/// Terminals report the control bytes 0x1c–0x1f as Ctrl-4 to Ctrl-7.
fn control_char(c: char) -> char {
    match c {
        '4' => '\\',
        '5' => ']',
        '6' => '^',
        '7' | '/' => '_',
        other => other,
    }
}

const NAMES: &[(&str, KeyCode)] = &[
    ("space", KeyCode::Char(' ')),
    ("enter", KeyCode::Enter),
    ("esc", KeyCode::Esc),
    ("tab", KeyCode::Tab),
    ("backspace", KeyCode::Backspace),
    ("delete", KeyCode::Delete),
    ("insert", KeyCode::Insert),
    ("up", KeyCode::Up),
    ("down", KeyCode::Down),
    ("left", KeyCode::Left),
    ("right", KeyCode::Right),
    ("home", KeyCode::Home),
    ("end", KeyCode::End),
    ("pageup", KeyCode::PageUp),
    ("pagedown", KeyCode::PageDown),
];

fn named(name: &str) -> Option<KeyCode> {
    let mut chars = name.chars();
    if let (Some(c), None) = (chars.next(), chars.next()) {
        return Some(KeyCode::Char(c));
    }
    if let Some(number) = name.strip_prefix('F').and_then(|n| n.parse().ok()) {
        return Some(KeyCode::F(number));
    }
    NAMES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, code)| *code)
}

impl fmt::Display for Key {
    /// Short form for hints: `a`, `^\`, `M-x`, `⇧Tab` written as `S-Tab`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.modifiers.contains(KeyModifiers::CONTROL) {
            f.write_str("^")?;
        }
        if self.modifiers.contains(KeyModifiers::ALT) {
            f.write_str("A-")?;
        }
        if self.modifiers.contains(KeyModifiers::SHIFT) {
            f.write_str("S-")?;
        }
        match self.code {
            KeyCode::Char(' ') => f.write_str("Space"),
            KeyCode::Char(c) => write!(f, "{c}"),
            KeyCode::F(n) => write!(f, "F{n}"),
            KeyCode::Up => f.write_str("↑"),
            KeyCode::Down => f.write_str("↓"),
            KeyCode::Left => f.write_str("←"),
            KeyCode::Right => f.write_str("→"),
            KeyCode::PageUp => f.write_str("PgUp"),
            KeyCode::PageDown => f.write_str("PgDn"),
            KeyCode::Delete => f.write_str("Del"),
            other => {
                let name = NAMES.iter().find(|(_, code)| *code == other).map_or("?", |(name, _)| name);
                let mut chars = name.chars();
                let first = chars.next().map(|c| c.to_ascii_uppercase()).unwrap_or('?');
                write!(f, "{first}{}", chars.as_str())
            }
        }
    }
}

const WHEEL_LINES: i32 = 3;

impl Input {
    /// Translates what crossterm read; `None` for what we do not use.
    #[must_use]
    pub fn from_event(event: Event) -> Option<Self> {
        match event {
            Event::Key(key) => Some(match key.kind {
                KeyEventKind::Press => Self::Key { key: Key::new(key.code, key.modifiers), held: false },
                KeyEventKind::Repeat => Self::Key { key: Key::new(key.code, key.modifiers), held: true },
                KeyEventKind::Release => Self::KeyUp,
            }),
            Event::Paste(text) => Some(Self::Paste(text)),
            Event::Resize(width, height) => Some(Self::Resize(Size::new(width, height))),
            Event::FocusGained => Some(Self::FocusGained),
            Event::FocusLost => Some(Self::FocusLost),
            Event::Mouse(mouse) => {
                let at = Position::new(mouse.column, mouse.row);
                match mouse.kind {
                    MouseEventKind::Down(MouseButton::Left) => Some(Self::Click(at)),
                    MouseEventKind::ScrollDown => Some(Self::Wheel { at, lines: WHEEL_LINES }),
                    MouseEventKind::ScrollUp => Some(Self::Wheel { at, lines: -WHEEL_LINES }),
                    MouseEventKind::Down(MouseButton::Right | MouseButton::Middle)
                    | MouseEventKind::Up(_)
                    | MouseEventKind::Drag(_)
                    | MouseEventKind::Moved
                    | MouseEventKind::ScrollLeft
                    | MouseEventKind::ScrollRight => None,
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crossterm::event::KeyEvent;

    fn check(text: &str, shown: &str) {
        assert_eq!(Key::parse(text).unwrap().to_string(), shown, "{text}");
    }

    #[test]
    fn keys_are_read_as_keymaps_write_them() {
        check("a", "a");
        check("A", "A");
        check("S-a", "A");
        check("space", "Space");
        check("C-\\", "^\\");
        check("C--", "^-");
        check("-", "-");
        check("S-tab", "S-Tab");
        check("F3", "F3");
        check("A-x", "A-x");
        assert!(Key::parse("hyper").is_err());
        assert!(Key::parse("X-a").is_err());
    }

    #[test]
    fn what_a_terminal_sends_is_what_a_keymap_says() {
        let sent = |code, modifiers| match Input::from_event(Event::Key(KeyEvent::new(code, modifiers))) {
            Some(Input::Key { key, .. }) => key,
            other => panic!("{other:?}"),
        };
        assert_eq!(sent(KeyCode::Char('4'), KeyModifiers::CONTROL), Key::parse("C-\\").unwrap());
        assert_eq!(sent(KeyCode::Char('A'), KeyModifiers::SHIFT), Key::parse("A").unwrap());
        assert_eq!(sent(KeyCode::BackTab, KeyModifiers::SHIFT), Key::parse("S-tab").unwrap());
        assert_eq!(sent(KeyCode::Char(' '), KeyModifiers::CONTROL), Key::parse("C-space").unwrap());
    }

    #[test]
    fn keys_that_never_arrive_are_named() {
        for key in ["C-i", "C-m", "C-j", "C-[", "C-1", "S-enter", "C-tab", "F13"] {
            assert!(Key::parse(key).unwrap().unsendable().is_some(), "{key}");
        }
        for key in ["C-\\", "C-x", "A-x", "S-tab", "F12", "enter", "A"] {
            assert_eq!(Key::parse(key).unwrap().unsendable(), None, "{key}");
        }
    }
}
