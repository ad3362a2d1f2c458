//! Reads the stream a terminal receives: what is in it that must never be, and what a terminal would answer.

use vte::{Params, Parser, Perform};

/// DEC private modes we may set: cursor, clicks, focus, SGR mouse, alternate screen, bracketed paste, synchronized update.
const MODES: [u16; 7] = [25, 1000, 1004, 1006, 1049, 2004, 2026];

/// See the module.
pub struct Audit {
    parser: Parser,
    seen: Seen,
    /// The last byte was ESC.
    escaped: bool,
}

#[derive(Default)]
struct Seen {
    forbidden: Vec<String>,
    queries: Vec<Query>,
    in_frame: bool,
    copied: Vec<String>,
    /// In lines, a typed character is erased by a step back, a blank and a step back. Outside of them never.
    erasing: Option<Erasing>,
}

#[derive(PartialEq)]
enum Erasing {
    Not,
    SteppedBack,
    Blanked,
}

enum Query {
    Attributes,
    Cursor,
    Keyboard,
    Colour(&'static str),
}

impl Audit {
    /// `is_lines` for a client in lines, which may erase what is typed.
    pub fn new(is_lines: bool) -> Self {
        let seen = Seen { erasing: is_lines.then_some(Erasing::Not), ..Seen::default() };
        Self { parser: Parser::default(), seen, escaped: false }
    }

    pub fn take(&mut self, bytes: &[u8]) {
        // String sequences that the parser passes over in silence (APC, PM, SOS, DCS) begin like this.
        for byte in bytes {
            if self.escaped && !matches!(byte, b'[' | b']' | b'\\') {
                self.seen.forbidden.push(format!("ESC {:?}", char::from(*byte)));
            }
            self.escaped = *byte == 0x1b;
        }
        self.parser.advance(&mut self.seen, bytes);
    }

    pub fn forbidden(&self) -> &[String] {
        &self.seen.forbidden
    }

    /// Between the beginning and the end of a synchronized update.
    pub fn in_frame(&self) -> bool {
        self.seen.in_frame
    }

    /// What was put on the clipboard, base64.
    pub fn copied(&self) -> &[String] {
        &self.seen.copied
    }

    /// What a terminal says to the questions asked since last time; `cursor` is row and column from 0.
    pub fn answers(&mut self, (row, column): (u16, u16)) -> Vec<u8> {
        let answer = |query: Query| match query {
            Query::Attributes => "\x1b[?62;22c".to_owned(),
            Query::Cursor => format!("\x1b[{};{}R", row + 1, column + 1),
            Query::Keyboard => "\x1b[?0u".to_owned(),
            Query::Colour(number) => format!("\x1b]{number};rgb:1e1e/1e1e/2e2e\x1b\\"),
        };
        std::mem::take(&mut self.seen.queries).into_iter().map(answer).collect::<String>().into_bytes()
    }
}

impl Seen {
    fn forbid(&mut self, what: String) {
        self.forbidden.push(what);
    }
}

impl Perform for Seen {
    fn print(&mut self, c: char) {
        match &mut self.erasing {
            Some(erasing @ Erasing::SteppedBack) if c == ' ' => *erasing = Erasing::Blanked,
            None | Some(Erasing::Not) => {}
            Some(_) => self.forbid("half an erasure".to_owned()),
        }
        let hidden = matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}');
        if c.is_control() || hidden {
            self.forbid(format!("the character U+{:04X}", u32::from(c)));
        }
    }

    fn execute(&mut self, byte: u8) {
        match (&mut self.erasing, byte) {
            (Some(erasing @ Erasing::Not), 8) => *erasing = Erasing::SteppedBack,
            (Some(erasing @ Erasing::Blanked), 8) => *erasing = Erasing::Not,
            (None | Some(Erasing::Not), b'\r' | b'\n') => {}
            _ => self.forbid(format!("the control byte {byte:#04x}")),
        }
    }

    fn csi_dispatch(&mut self, params: &Params, intermediates: &[u8], ignore: bool, action: char) {
        let first = params.iter().next().and_then(|p| p.first().copied()).unwrap_or(0);
        let modes_allowed = || params.iter().all(|p| p.iter().all(|mode| MODES.contains(mode)));
        let allowed = match (intermediates, action) {
            // SGR without blink (5, 6) and hidden text (8); colors carry their own numbers.
            (b"", 'm') => !plain_sgr(params).any(|p| matches!(p, 5 | 6 | 8)),
            // Cursor, erasing, scrolling a region.
            (b"", 'A'..='H' | 'd' | 'J' | 'K' | 'L' | 'M' | 'P' | 'S' | 'T' | 'X' | '@' | 'r') => true,
            (b"?", 'h' | 'l') => modes_allowed(),
            // Kitty's keyboard protocol, the cursor's form.
            (b">" | b"<", 'u') | (b" ", 'q') => true,
            (b"", 'c') => self.asked(Query::Attributes),
            (b"", 'n') if first == 6 => self.asked(Query::Cursor),
            (b"?", 'u') => self.asked(Query::Keyboard),
            _ => false,
        };
        if (intermediates, action, first) == (b"?", 'h', 2026) {
            self.in_frame = true;
        }
        if (intermediates, action, first) == (b"?", 'l', 2026) {
            self.in_frame = false;
        }
        if ignore || !allowed {
            let params: Vec<_> = params.iter().collect();
            self.forbid(format!("CSI {}{params:?} {action}", String::from_utf8_lossy(intermediates)));
        }
    }

    fn osc_dispatch(&mut self, params: &[&[u8]], _bell: bool) {
        match params {
            // The end of a link, and links to web addresses.
            [b"8", b"", b""] => {}
            [b"8", id, address, ..] if id.starts_with(b"id=") && address.starts_with(b"http") => {}
            [b"52", b"c", text] => self.copied.push(String::from_utf8_lossy(text).into_owned()),
            [b"10", b"?"] => drop(self.asked(Query::Colour("10"))),
            [b"11", b"?"] => drop(self.asked(Query::Colour("11"))),
            other => {
                let words: Vec<_> = other.iter().map(|p| String::from_utf8_lossy(p)).collect();
                self.forbid(format!("OSC {words:?}"));
            }
        }
    }

    fn esc_dispatch(&mut self, intermediates: &[u8], _ignore: bool, byte: u8) {
        // The end of a string sequence comes as this.
        if !(intermediates.is_empty() && byte == b'\\') {
            self.forbid(format!("ESC {intermediates:?} {:?}", char::from(byte)));
        }
    }

    fn hook(&mut self, _params: &Params, _intermediates: &[u8], _ignore: bool, action: char) {
        self.forbid(format!("DCS {action:?}"));
    }
}

impl Seen {
    fn asked(&mut self, query: Query) -> bool {
        self.queries.push(query);
        true
    }
}

/// SGR parameters without the numbers that belong to a color: 38 and 48 take `5;n` or `2;r;g;b`.
fn plain_sgr(params: &Params) -> impl Iterator<Item = u16> {
    let mut rest = params.iter().filter_map(|p| p.first().copied());
    let mut plain = Vec::new();
    while let Some(param) = rest.next() {
        plain.push(param);
        if matches!(param, 38 | 48) {
            let skip = if rest.next() == Some(2) { 3 } else { 1 };
            rest.by_ref().take(skip).for_each(drop);
        }
    }
    plain.into_iter()
}

#[cfg(test)]
mod tests {
    use super::Audit;

    #[test]
    fn what_a_terminal_must_never_get_is_found() {
        let check_in = |is_lines: bool, bytes: &str, is_fine: bool| {
            let mut audit = Audit::new(is_lines);
            audit.take(bytes.as_bytes());
            assert_eq!(audit.forbidden().is_empty(), is_fine, "{bytes:?}: {:?}", audit.forbidden());
        };
        let check = |bytes: &str, is_fine| check_in(false, bytes, is_fine);
        for (bytes, is_fine) in [("ab\x08 \x08", true), ("ab\x08", true), ("ab\x08c", false), ("ab\x08\x08", false)] {
            check_in(true, bytes, is_fine);
        }
        for fine in ["\x1b[?2026h\x1b[1;38;2;5;6;8mab\x1b[3;4H\r\n\x1b[2X\x1b[?2026l", "é漢", "\x1b]52;c;YQ==\x1b\\"]
        {
            check(fine, true);
        }
        for bad in [
            "\x07",
            "\x1b[5m",
            "\x1b[8m",
            "\x1b]0;title\x07",
            "\x1bPq\x1b\\",
            "\x1b_x\x1b\\",
            "\x1bc",
            "\x1b[?1003h",
            "\x1b[20t",
            "\u{202e}",
            "\u{200b}",
            "\x08",
            "ab\x08 \x08",
            "\u{9b}31m",
            "\x1b[21;5n",
        ] {
            check(bad, false);
        }
    }
}
