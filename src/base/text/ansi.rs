//! Command output: a stream of bytes in, finished lines of styled, printable text out.
//!
//! Owns what survives of a program's terminal language: SGR colors and weights, carriage return,
//! backspace and erase within the current line. Titles, links, clipboard writes, cursor travel,
//! modes and concealed text do not survive. State is one bounded line, whatever arrives.

use crate::base::limits::{ANSI_LINE_CHARS_MAX, ANSI_SEQUENCE_BYTES_MAX};
use crate::base::text::escape::{self, Show};
use std::ops::Range;
use vte::{Params, Parser, Perform};

/// A color a program asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Colour {
    /// The theme's own.
    #[default]
    Default,
    /// Palette entry; 0–7 normal, 8–15 bright, then the 256-color cube.
    Indexed(u8),
    /// Red, green, blue.
    Rgb(u8, u8, u8),
}

/// The attributes kept from SGR.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[expect(clippy::struct_excessive_bools, reason = "the attributes are independent switches in the standard too")]
pub struct Sgr {
    pub fg: Colour,
    pub bg: Colour,
    pub bold: bool,
    pub dim: bool,
    pub italic: bool,
    pub underline: bool,
    pub reverse: bool,
    pub strike: bool,
}

/// One finished line: printable text and the styles over it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StyledLine {
    /// Printable text; never holds a control or hidden character.
    pub text: String,
    /// Styles by byte range of `text`, in order; ranges without an entry have the default style.
    pub spans: Vec<(Range<usize>, Sgr)>,
    /// Characters left out because the line was too long.
    pub left_out_chars: usize,
}

/// Turns output bytes into [`StyledLine`]s. Feed it in any portions; memory is one line.
pub struct AnsiLines {
    parser: Parser,
    screen: ScreenLine,
    /// Bytes since the parser last reported anything.
    silent_bytes: usize,
    /// The beginning of a character whose rest has not come yet.
    half: Vec<u8>,
}

impl Default for AnsiLines {
    fn default() -> Self {
        Self { parser: Parser::new(), screen: ScreenLine::default(), silent_bytes: 0, half: Vec::new() }
    }
}

impl AnsiLines {
    /// Reads `bytes`; calls `on_line` for each line that is complete.
    pub fn push(&mut self, bytes: &[u8], mut on_line: impl FnMut(StyledLine)) {
        for portion in bytes.chunks(ANSI_SEQUENCE_BYTES_MAX / 4) {
            // The parser never sees half a character: cut there, it reads what follows differently.
            let mut ready = std::mem::take(&mut self.half);
            ready.extend_from_slice(portion);
            self.half = ready.split_off(ready.len() - half_character(&ready));
            let mut performer = Performer { screen: &mut self.screen, reports: 0, on_line: &mut on_line };
            self.parser.advance(&mut performer, &ready);
            self.silent_bytes = if performer.reports > 0 { 0 } else { self.silent_bytes + portion.len() };
            if self.silent_bytes >= ANSI_SEQUENCE_BYTES_MAX {
                // A sequence that never ends would hide everything after it: drop the sequence.
                self.parser = Parser::new();
                self.silent_bytes = 0;
            }
        }
    }

    /// The unfinished last line as it looks now; `None` when there is nothing on it.
    pub fn tail(&self) -> Option<StyledLine> {
        (!self.screen.cells.is_empty()).then(|| self.screen.styled())
    }

    /// Ends the stream: the last line if it had no line end.
    pub fn finish(mut self) -> Option<StyledLine> {
        let half = std::mem::take(&mut self.half);
        // Half a character holds no line end.
        let mut performer = Performer { screen: &mut self.screen, reports: 0, on_line: &mut |_| {} };
        self.parser.advance(&mut performer, &half);
        self.tail()
    }
}

/// Returns how many bytes at the end begin an incomplete UTF-8 character: 0 to 3.
fn half_character(bytes: &[u8]) -> usize {
    let tail = bytes.get(bytes.len().saturating_sub(3)..).unwrap_or_default();
    (0..tail.len())
        .filter_map(|from| tail.get(from..))
        .find(|rest| std::str::from_utf8(rest).is_err_and(|e| e.valid_up_to() == 0 && e.error_len().is_none()))
        .map_or(0, <[u8]>::len)
}

/// Reads a whole output at once; for small, complete texts.
pub fn lines(bytes: &[u8]) -> Vec<StyledLine> {
    let mut reader = AnsiLines::default();
    let mut all = Vec::new();
    reader.push(bytes, |line| all.push(line));
    all.extend(reader.finish());
    all
}

/// The lines as plain text.
pub fn joined(lines: &[StyledLine]) -> String {
    lines.iter().map(|line| line.text.as_str()).collect::<Vec<_>>().join("\n")
}

/// An output as plain text, line by line as it is shown.
pub fn plain(bytes: &[u8]) -> String {
    joined(&lines(bytes))
}

/// The line under the cursor: one cell a character.
#[derive(Default)]
struct ScreenLine {
    cells: Vec<(char, Sgr)>,
    cursor: usize,
    style: Sgr,
    left_out: usize,
}

impl ScreenLine {
    fn print(&mut self, c: char) {
        if self.cursor >= ANSI_LINE_CHARS_MAX {
            self.left_out += 1;
            return;
        }
        if self.cursor > self.cells.len() {
            self.cells.resize(self.cursor, (' ', Sgr::default()));
        }
        match self.cells.get_mut(self.cursor) {
            Some(cell) => *cell = (c, self.style),
            None => self.cells.push((c, self.style)),
        }
        self.cursor += 1;
    }

    fn move_to(&mut self, column: usize) {
        self.cursor = column.min(ANSI_LINE_CHARS_MAX);
    }

    /// CSI K and CSI J: 0 from the cursor, 1 up to the cursor, 2 all.
    fn erase(&mut self, part: u16) {
        match part {
            0 => self.cells.truncate(self.cursor),
            1 => {
                let upto = self.cursor.saturating_add(1);
                self.cells.iter_mut().take(upto).for_each(|cell| *cell = (' ', Sgr::default()));
            }
            _ => self.cells.clear(),
        }
    }

    fn end(&mut self) -> StyledLine {
        let line = self.styled();
        self.cells = Vec::new();
        (self.cursor, self.left_out) = (0, 0);
        line
    }

    fn styled(&self) -> StyledLine {
        let raw: String = self.cells.iter().map(|&(c, _)| c).collect();
        let show = Show { source_bytes_max: usize::MAX, ..Show::default() };
        let mut line = StyledLine { left_out_chars: self.left_out, ..StyledLine::default() };
        let runs = runs(&self.cells);
        let ends: Vec<usize> = runs.iter().map(|&(end, _)| end).collect();
        for piece in escape::cut_at(escape::pieces(raw.as_bytes(), &show), &ends) {
            let at = ends.partition_point(|&end| end <= piece.source.start);
            line.append(&piece.text, runs.get(at).map_or(Sgr::default(), |&(_, style)| style));
        }
        if self.left_out > 0 {
            line.append(&format!("⟨+{} characters⟩", self.left_out), Sgr::default());
        }
        line
    }
}

impl StyledLine {
    fn append(&mut self, text: &str, style: Sgr) {
        let from = self.text.len();
        self.text.push_str(text);
        let to = self.text.len();
        match self.spans.last_mut() {
            Some((range, same)) if *same == style && range.end == from => range.end = to,
            _ if style != Sgr::default() && from < to => self.spans.push((from..to, style)),
            _ => {}
        }
    }
}

/// Style runs over the source bytes of a line: end byte and style of each, in order.
fn runs(cells: &[(char, Sgr)]) -> Vec<(usize, Sgr)> {
    let mut end = 0;
    let run = |run: &[(char, Sgr)]| {
        end += run.iter().map(|(c, _)| c.len_utf8()).sum::<usize>();
        (end, run.first().map_or(Sgr::default(), |&(_, style)| style))
    };
    cells.chunk_by(|a, b| a.1 == b.1).map(run).collect()
}

struct Performer<'a, F: FnMut(StyledLine)> {
    screen: &'a mut ScreenLine,
    reports: usize,
    on_line: &'a mut F,
}

impl<F: FnMut(StyledLine)> Perform for Performer<'_, F> {
    fn print(&mut self, c: char) {
        self.reports += 1;
        self.screen.print(c);
    }

    fn execute(&mut self, byte: u8) {
        self.reports += 1;
        match byte {
            b'\n' | 0x0b | 0x0c => (self.on_line)(self.screen.end()),
            b'\r' => self.screen.move_to(0),
            0x08 => self.screen.move_to(self.screen.cursor.saturating_sub(1)),
            b'\t' => self.screen.print('\t'),
            // Bells and shifts have no picture; other controls are shown so that nothing hides.
            0x07 | 0x0e | 0x0f => {}
            other => self.screen.print(char::from(other)),
        }
    }

    fn csi_dispatch(&mut self, params: &Params, intermediates: &[u8], ignore: bool, action: char) {
        self.reports += 1;
        if ignore || !intermediates.is_empty() {
            return;
        }
        let first = params.iter().next().and_then(|p| p.first().copied()).unwrap_or(0);
        let steps = usize::from(first.max(1));
        match action {
            'm' => self.screen.style = sgr(self.screen.style, params),
            'K' | 'J' => self.screen.erase(first),
            'G' | '`' => self.screen.move_to(steps - 1),
            'C' => self.screen.move_to(self.screen.cursor.saturating_add(steps)),
            'D' => self.screen.move_to(self.screen.cursor.saturating_sub(steps)),
            _ => {}
        }
    }

    fn osc_dispatch(&mut self, _params: &[&[u8]], _bell_terminated: bool) {
        self.reports += 1;
    }

    fn esc_dispatch(&mut self, _intermediates: &[u8], _ignore: bool, _byte: u8) {
        self.reports += 1;
    }

    // `put` does not report: an endless device string counts as silence.
    fn unhook(&mut self) {
        self.reports += 1;
    }
}

/// Applies one SGR sequence. Conceal (8) and blink (5, 6) are not taken over.
fn sgr(mut style: Sgr, params: &Params) -> Sgr {
    let mut codes = params.iter();
    while let Some(param) = codes.next() {
        match param.first().copied().unwrap_or(0) {
            0 => style = Sgr::default(),
            1 => style.bold = true,
            2 => style.dim = true,
            3 => style.italic = true,
            4 => style.underline = param.get(1) != Some(&0),
            7 => style.reverse = true,
            9 => style.strike = true,
            21 => style.underline = true,
            22 => (style.bold, style.dim) = (false, false),
            23 => style.italic = false,
            24 => style.underline = false,
            27 => style.reverse = false,
            29 => style.strike = false,
            39 => style.fg = Colour::Default,
            49 => style.bg = Colour::Default,
            38 => style.fg = extended(param, &mut codes).unwrap_or(style.fg),
            48 => style.bg = extended(param, &mut codes).unwrap_or(style.bg),
            code => plain_colour(&mut style, code),
        }
    }
    // Text in its own background color would be there and not be seen.
    if style.fg == style.bg && style.fg != Colour::Default {
        style.bg = Colour::Default;
    }
    style
}

fn plain_colour(style: &mut Sgr, code: u16) {
    let index = |base: u16, add: u8| u8::try_from(code - base).map_or(Colour::Default, |i| Colour::Indexed(i + add));
    match code {
        30..=37 => style.fg = index(30, 0),
        40..=47 => style.bg = index(40, 0),
        90..=97 => style.fg = index(90, 8),
        100..=107 => style.bg = index(100, 8),
        _ => {}
    }
}

/// The color after 38 or 48, in the colon form (one parameter) or the semicolon form (several).
fn extended<'p>(param: &[u16], rest: &mut impl Iterator<Item = &'p [u16]>) -> Option<Colour> {
    let byte = |value: u16| u8::try_from(value).ok();
    if let [_, kind, values @ ..] = param {
        return match (kind, values) {
            (5, [index, ..]) => byte(*index).map(Colour::Indexed),
            (2, [r, g, b] | [_, r, g, b, ..]) => Some(Colour::Rgb(byte(*r)?, byte(*g)?, byte(*b)?)),
            _ => None,
        };
    }
    let mut next = || rest.next().and_then(|p| p.first().copied());
    match next()? {
        5 => byte(next()?).map(Colour::Indexed),
        2 => {
            let (r, g, b) = (next()?, next()?, next()?);
            Some(Colour::Rgb(byte(r)?, byte(g)?, byte(b)?))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::text::hidden::is_hidden;
    use proptest::prelude::*;

    fn check(bytes: &str, expect: &[&str]) {
        let got: Vec<_> = lines(bytes.as_bytes()).into_iter().map(|l| l.text).collect();
        assert_eq!(got, expect, "{bytes:?}");
    }

    #[test]
    fn only_the_text_survives() {
        check("a\nb\r\nc", &["a", "b", "c"]);
        check("\u{1b}]0;title\u{7}x\u{1b}]8;;http://e\u{1b}\\link\u{1b}]8;;\u{1b}\\", &["xlink"]);
        check("\u{1b}[2J\u{1b}[10;10Hhome\u{1b}[?1049h", &["home"]);
        check("\u{1b}P1$qm\u{1b}\\after\u{1b}_apc\u{1b}\\!", &["after!"]);
        check("bell\u{7}\u{202e}x\0", &["bell⟨U+202E⟩x^@"]);
    }

    #[test]
    fn progress_bars_end_as_their_last_picture() {
        check("10%\r50%\r100%\n", &["100%"]);
        check("working...\r\u{1b}[Kdone\n", &["done"]);
        check("longer text\rshort\n", &["shortr text"]);
        check("ab\u{8}c", &["ac"]);
    }

    #[test]
    fn colours_and_weights_survive() {
        let line = &lines(b"\x1b[1;31mred\x1b[0m plain \x1b[38;5;208mx\x1b[48:2::1:2:3my\x1b[m")[0];
        assert_eq!(line.text, "red plain xy");
        let red = Sgr { fg: Colour::Indexed(1), bold: true, ..Sgr::default() };
        let orange = Sgr { fg: Colour::Indexed(208), ..Sgr::default() };
        let both = Sgr { bg: Colour::Rgb(1, 2, 3), ..orange };
        assert_eq!(line.spans, [(0..3, red), (10..11, orange), (11..12, both)]);
    }

    #[test]
    fn hidden_text_is_shown() {
        let line = &lines(b"\x1b[8msecret\x1b[30;40mblack")[0];
        assert_eq!(line.text, "secretblack");
        assert_eq!(line.spans, [(6..11, Sgr { fg: Colour::Indexed(0), ..Sgr::default() })]);
    }

    #[test]
    fn a_sequence_that_never_ends_hides_nothing_for_long() {
        let mut bytes = b"\x1b]0;".to_vec();
        bytes.extend(std::iter::repeat_n(b'x', ANSI_SEQUENCE_BYTES_MAX * 2));
        bytes.extend(b"\nvisible\n");
        let all = lines(&bytes);
        assert_eq!(all.last().unwrap().text, "visible");
        assert!(all[0].text.len() > ANSI_SEQUENCE_BYTES_MAX / 2);
    }

    #[test]
    fn a_line_without_end_is_cut_with_a_mark() {
        let line = &lines(&vec![b'y'; ANSI_LINE_CHARS_MAX + 5])[0];
        assert_eq!(line.left_out_chars, 5);
        assert!(line.text.ends_with("y⟨+5 characters⟩"));
    }

    /// Found by the property below: the parser read what followed half a control character differently.
    #[test]
    fn a_character_may_be_torn_by_the_end_of_a_portion() {
        let bytes = [b'x', 0xc2, 0x80, 0x10, 0x80, b'y'];
        let mut reader = AnsiLines::default();
        let mut pieced = Vec::new();
        for part in bytes.chunks(2) {
            reader.push(part, |line| pieced.push(line));
        }
        pieced.extend(reader.finish());
        assert_eq!(lines(&bytes), pieced);
    }

    proptest! {
        #[test]
        fn any_portions_give_the_same_safe_lines(
            bytes in proptest::collection::vec(prop_oneof![any::<u8>(), Just(0x1b), Just(b'['), Just(b'm'), Just(b'\n')], 0..300),
            portion in 1usize..40,
        ) {
            let whole = lines(&bytes);
            let mut reader = AnsiLines::default();
            let mut pieced = Vec::new();
            for part in bytes.chunks(portion) {
                reader.push(part, |line| pieced.push(line));
            }
            pieced.extend(reader.finish());
            prop_assert_eq!(&whole, &pieced);
            for line in whole {
                prop_assert!(line.text.chars().all(|c| !is_hidden(c)));
                prop_assert!(line.spans.iter().all(|(range, _)| line.text.get(range.clone()).is_some()));
            }
        }
    }
}
