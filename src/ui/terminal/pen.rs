//! The terminal's pen as we know it: cursor position and current style, so that only differences are sent.
//! SGR parameters as in ECMA-48 §8.3.117 and xterm's ctlseqs (38;2 and 38;5 colors).

use super::links::Links;
use ratatui::buffer::Cell;
use ratatui::style::{Color, Modifier};
use std::io::Write as _;

/// Style of one cell as far as it is sent to a terminal: no blink, no hidden text, no underline color.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ink {
    fg: Color,
    bg: Color,
    modifier: Modifier,
}

const SENT: Modifier = Modifier::BOLD
    .union(Modifier::DIM)
    .union(Modifier::ITALIC)
    .union(Modifier::UNDERLINED)
    .union(Modifier::REVERSED)
    .union(Modifier::CROSSED_OUT);

const SEEN_ON_BLANKS: Modifier = Modifier::UNDERLINED.union(Modifier::REVERSED).union(Modifier::CROSSED_OUT);

impl Ink {
    pub const PLAIN: Self = Self { fg: Color::Reset, bg: Color::Reset, modifier: Modifier::empty() };

    /// Returns the ink of a cell. Terminals differ in what they show for bold with dim: dim wins.
    pub fn of(cell: &Cell) -> Self {
        let mut modifier = cell.modifier.intersection(SENT);
        if modifier.contains(Modifier::DIM) {
            modifier.remove(Modifier::BOLD);
        }
        Self { fg: cell.fg, bg: cell.bg, modifier }
    }

    /// Returns whether a blank in this ink looks like an erased cell.
    pub fn erases(self, bce: bool) -> bool {
        (bce || self.bg == Color::Reset) && !self.modifier.intersects(SEEN_ON_BLANKS)
    }

    /// Returns whether a blank looks the same in both: without a line through or below it only its background is seen.
    pub fn blanks_like(self, other: Self) -> bool {
        self == other || (self.bg == other.bg && !self.modifier.union(other.modifier).intersects(SEEN_ON_BLANKS))
    }
}

/// The state of the terminal's cursor and style; `None` when it is unknown.
#[derive(Debug, Default)]
pub struct Pen {
    at: Option<(u16, u16)>,
    ink: Option<Ink>,
    /// The link that is open, by its number; 0 when none is.
    link: usize,
}

impl Pen {
    pub fn at(&self) -> Option<(u16, u16)> {
        self.at
    }

    pub fn ink(&self) -> Option<Ink> {
        self.ink
    }

    pub fn is_on_link(&self, number: usize) -> bool {
        self.link == number
    }

    /// What is written from here on belongs to this link.
    pub fn link(&mut self, out: &mut Vec<u8>, links: &Links, number: usize) {
        if self.link != number {
            links.write(out, number);
            self.link = number;
        }
    }

    /// After a command that moves the cursor in a way we do not follow.
    pub fn lose_place(&mut self) {
        self.at = None;
    }

    pub fn move_to(&mut self, out: &mut Vec<u8>, x: u16, y: u16) {
        match self.at {
            Some(at) if at == (x, y) => return,
            Some((from, row)) if row == y && x > from => csi(out, x - from, b'C'),
            Some((from, row)) if row == y && from > x && from - x < 10 => csi(out, from - x, b'D'),
            Some((_, row)) if x == 0 && y == row.saturating_add(1) => out.extend_from_slice(b"\r\n"),
            // A line feed keeps the column: the terminal is raw, and this is not its last row.
            Some((from, row)) if y == row.saturating_add(1) && x.abs_diff(from) < 10 => {
                out.push(b'\n');
                match x.abs_diff(from) {
                    0 => {}
                    by if x > from => csi(out, by, b'C'),
                    by => csi(out, by, b'D'),
                }
            }
            Some(_) | None => {
                let _ = write!(out, "\x1b[{};{}H", y + 1, x + 1);
            }
        }
        self.at = Some((x, y));
    }

    /// Writes text of `width` columns here. At the right edge the place is unknown (deferred wrap).
    pub fn write(&mut self, out: &mut Vec<u8>, text: &str, width: u16, screen_width: u16) {
        out.extend_from_slice(text.as_bytes());
        self.at = self.at.and_then(|(x, y)| {
            let x = x.saturating_add(width);
            (x < screen_width).then_some((x, y))
        });
    }

    /// Erases `count` cells from here without moving (ECH).
    pub fn erase(&mut self, out: &mut Vec<u8>, count: u16) {
        csi(out, count, b'X');
    }

    pub fn set(&mut self, out: &mut Vec<u8>, ink: Ink) {
        let old = match self.ink {
            Some(old) if old == ink => return,
            Some(old) => old,
            None => {
                out.extend_from_slice(b"\x1b[0m");
                Ink::PLAIN
            }
        };
        self.ink = Some(ink);
        if old == ink {
            return;
        }
        let mut params = Vec::with_capacity(24);
        let dropped = old.modifier.difference(ink.modifier);
        if ink == Ink::PLAIN {
            params.extend_from_slice(b"0;");
        } else if dropped.is_empty() {
            style_params(&mut params, old, ink);
        } else {
            params.extend_from_slice(b"0;");
            style_params(&mut params, Ink::PLAIN, ink);
        }
        params.pop();
        out.extend_from_slice(b"\x1b[");
        if params != b"0" {
            out.extend_from_slice(&params);
        }
        out.push(b'm');
    }
}

fn style_params(params: &mut Vec<u8>, old: Ink, ink: Ink) {
    let added = ink.modifier.difference(old.modifier);
    for (flag, code) in [
        (Modifier::BOLD, b'1'),
        (Modifier::DIM, b'2'),
        (Modifier::ITALIC, b'3'),
        (Modifier::UNDERLINED, b'4'),
        (Modifier::REVERSED, b'7'),
        (Modifier::CROSSED_OUT, b'9'),
    ] {
        if added.contains(flag) {
            params.extend_from_slice(&[code, b';']);
        }
    }
    if ink.fg != old.fg {
        color_params(params, ink.fg, 30);
    }
    if ink.bg != old.bg {
        color_params(params, ink.bg, 40);
    }
}

/// `base` is 30 for the foreground and 40 for the background; bright colors are 60 higher, default 9 higher.
fn color_params(params: &mut Vec<u8>, color: Color, base: u8) {
    let named = |offset: u8| base + offset;
    let code = match color {
        Color::Reset => named(9),
        Color::Black => named(0),
        Color::Red => named(1),
        Color::Green => named(2),
        Color::Yellow => named(3),
        Color::Blue => named(4),
        Color::Magenta => named(5),
        Color::Cyan => named(6),
        Color::Gray => named(7),
        Color::DarkGray => named(60),
        Color::LightRed => named(61),
        Color::LightGreen => named(62),
        Color::LightYellow => named(63),
        Color::LightBlue => named(64),
        Color::LightMagenta => named(65),
        Color::LightCyan => named(66),
        Color::White => named(67),
        Color::Rgb(r, g, b) => {
            let _ = write!(params, "{};2;{r};{g};{b};", base + 8);
            return;
        }
        Color::Indexed(index) => {
            let _ = write!(params, "{};5;{index};", base + 8);
            return;
        }
    };
    let _ = write!(params, "{code};");
}

fn csi(out: &mut Vec<u8>, count: u16, end: u8) {
    out.extend_from_slice(b"\x1b[");
    if count != 1 {
        let _ = write!(out, "{count}");
    }
    out.push(end);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ink(fg: Color, bg: Color, modifier: Modifier) -> Ink {
        Ink { fg, bg, modifier }
    }

    #[test]
    fn only_differences_are_sent() {
        let mut pen = Pen::default();
        let mut steps = Vec::new();
        for step in [
            Ink::PLAIN,
            ink(Color::Red, Color::Reset, Modifier::BOLD),
            ink(Color::Red, Color::Rgb(1, 2, 3), Modifier::BOLD),
            ink(Color::Indexed(200), Color::Rgb(1, 2, 3), Modifier::empty()),
            Ink::PLAIN,
        ] {
            let mut out = Vec::new();
            pen.set(&mut out, step);
            steps.push(String::from_utf8(out).unwrap());
        }
        assert_eq!(steps, ["\x1b[0m", "\x1b[1;31m", "\x1b[48;2;1;2;3m", "\x1b[0;38;5;200;48;2;1;2;3m", "\x1b[m"]);
    }

    #[test]
    fn moves_are_short() {
        let mut pen = Pen::default();
        let mut out = Vec::new();
        pen.move_to(&mut out, 3, 4);
        pen.move_to(&mut out, 4, 4);
        pen.move_to(&mut out, 2, 4);
        pen.move_to(&mut out, 0, 5);
        pen.move_to(&mut out, 0, 5);
        pen.move_to(&mut out, 2, 6);
        pen.move_to(&mut out, 1, 7);
        pen.move_to(&mut out, 1, 8);
        pen.move_to(&mut out, 40, 9);
        assert_eq!(String::from_utf8(out).unwrap(), "\x1b[5;4H\x1b[C\x1b[2D\r\n\n\x1b[2C\n\x1b[D\n\x1b[10;41H");
    }

    #[test]
    fn blink_and_hidden_text_never_leave() {
        let mut cell = Cell::new("x");
        cell.modifier = Modifier::SLOW_BLINK | Modifier::HIDDEN | Modifier::RAPID_BLINK;
        assert_eq!(Ink::of(&cell), Ink::PLAIN);
    }
}
