//! The one exit for foreign text: bytes in, printable pieces out.
//!
//! Owns the decision which characters a terminal may see. Control bytes, escape sequences, bidi
//! controls, zero-width and filler characters, tags, variation selectors, line separators and
//! invalid UTF-8 come out as visible escapes (`^[`, `⟨U+202E⟩`, `⟨xFF⟩`); everything else as it is.

use crate::base::limits::{TEXT_ESCAPE_REPEATS_MIN, TEXT_MARKS_PER_BASE_MAX, TEXT_TAB_COLUMNS, TEXT_VISIBLE_BYTES_MAX};
use crate::base::text::hidden::{is_hidden, is_unusual_space, only_shapes_emoji};
use std::borrow::Cow;
use std::ops::Range;
use unicode_segmentation::UnicodeSegmentation;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// The strictness towards unusual but legitimate characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// Code, diffs, commands, paths: two different texts never look the same.
    Exact,
    /// Chat and reasons: emoji joiners and selectors between emoji are left out, unusual spaces
    /// become a space. Everything else is escaped as in `Exact`.
    Prose,
}

/// The options for showing one line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Show {
    /// Column at which the text starts, for tab stops.
    pub start_column: usize,
    /// Columns between tab stops; 0 counts as 1.
    pub tab_columns: usize,
    /// Source bytes shown; the rest is one piece that says how many bytes are left out.
    pub source_bytes_max: usize,
    /// See [`Reading`].
    pub reading: Reading,
    /// Show spaces as `·` and tabs as `→`, for diffs in which only whitespace changed.
    pub mark_blanks: bool,
}

impl Default for Show {
    fn default() -> Self {
        Self {
            start_column: 0,
            tab_columns: TEXT_TAB_COLUMNS,
            source_bytes_max: TEXT_VISIBLE_BYTES_MAX,
            reading: Reading::Exact,
            mark_blanks: false,
        }
    }
}

impl Show {
    /// The default for chat and reasons.
    pub fn prose() -> Self {
        Self { reading: Reading::Prose, ..Self::default() }
    }
}

/// The kind of a piece, so that a view can dim or color it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PieceKind {
    /// Text as it was.
    Plain,
    /// An escape for something a terminal must not receive.
    Escape,
    /// A tab as spaces (or `→` and spaces), or marked spaces.
    Blank,
    /// Says how many bytes were left out at the end.
    Cut,
}

/// A run of printable text and its source bytes. Pieces are in order and cover the
/// source without gaps, so spans over source bytes (syntax, intraline) can be applied to them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece<'a> {
    /// Printable text; its first character is never zero-width.
    pub text: Cow<'a, str>,
    /// Byte range in the source.
    pub source: Range<usize>,
    /// The kind of the piece.
    pub kind: PieceKind,
}

/// Shows a line of text; borrows when nothing had to change.
pub fn show<'a>(text: &'a str, show: &Show) -> Cow<'a, str> {
    let plain =
        !show.mark_blanks && text.len() <= show.source_bytes_max && text.bytes().all(|b| (0x20..0x7f).contains(&b));
    if plain {
        return Cow::Borrowed(text);
    }
    joined(pieces(text.as_bytes(), show))
}

/// Shows a line of bytes that may not be UTF-8; bytes that are not show as `⟨xFF⟩`.
pub fn show_bytes<'a>(bytes: &'a [u8], show: &Show) -> Cow<'a, str> {
    joined(pieces(bytes, show))
}

fn joined(pieces: Vec<Piece<'_>>) -> Cow<'_, str> {
    let mut all = pieces.into_iter();
    let Some(first) = all.next() else {
        return Cow::Borrowed("");
    };
    all.fold(first.text, |mut text, piece| {
        text.to_mut().push_str(&piece.text);
        text
    })
}

/// Splits a line of bytes into printable pieces that cover it completely and in order.
pub fn pieces<'a>(bytes: &'a [u8], show: &Show) -> Vec<Piece<'a>> {
    let cut_at = cut_point(bytes, show.source_bytes_max);
    let (head, hidden) = bytes.split_at_checked(cut_at).unwrap_or((bytes, &[]));
    let mut writer = Writer::new(show);
    for chunk in head.utf8_chunks() {
        writer.text(chunk.valid());
        for &byte in chunk.invalid() {
            writer.escape(Odd::Byte(byte), 1);
        }
    }
    let mut pieces = writer.finish();
    if !hidden.is_empty() {
        let text = Cow::Owned(format!("⟨+{} bytes⟩", hidden.len()));
        pieces.push(Piece { text, source: cut_at..bytes.len(), kind: PieceKind::Cut });
    }
    pieces
}

/// Cuts plain pieces at source bytes (sorted), so that each piece is within one span of whatever is
/// applied to the line. A cut inside a cluster, or inside a piece that is not plain, is left out.
pub fn cut_at<'a>(pieces: Vec<Piece<'a>>, cuts: &[usize]) -> Vec<Piece<'a>> {
    let mut out = Vec::with_capacity(pieces.len() + cuts.len());
    let mut cuts = cuts.iter().copied().peekable();
    for piece in pieces {
        while cuts.next_if(|&cut| cut <= piece.source.start).is_some() {}
        let mut rest = piece;
        while let Some(cut) = cuts.next_if(|&cut| cut < rest.source.end) {
            let at = cut.saturating_sub(rest.source.start);
            let after = rest.text.get(at..).filter(|text| rest.kind == PieceKind::Plain && starts_cluster(text));
            let Some(after) = after.map(str::to_owned) else { continue };
            let before = rest.text.get(..at).unwrap_or("").to_owned();
            if !before.is_empty() {
                out.push(Piece { text: Cow::Owned(before), source: rest.source.start..cut, kind: PieceKind::Plain });
            }
            rest = Piece { text: Cow::Owned(after), source: cut..rest.source.end, kind: PieceKind::Plain };
        }
        out.push(rest);
    }
    out
}

/// Returns whether text may begin here: not with something that belongs to the character before it.
fn starts_cluster(text: &str) -> bool {
    text.chars().next().and_then(char::width).is_some_and(|width| width > 0)
}

/// The last place at or before `max` that does not split a UTF-8 sequence.
fn cut_point(bytes: &[u8], max: usize) -> usize {
    if bytes.len() <= max {
        return bytes.len();
    }
    let continues = |at: usize| bytes.get(at).is_some_and(|b| b & 0xC0 == 0x80);
    (0..4).filter_map(|back| max.checked_sub(back)).find(|&at| !continues(at)).unwrap_or(max)
}

/// Something that is shown as an escape.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Odd {
    Char(char),
    Byte(u8),
}

impl Odd {
    /// The escape for `count` of these in a row.
    fn text(self, count: usize) -> String {
        let one = match self {
            Odd::Byte(byte) => format!("x{byte:02X}"),
            Odd::Char('\u{7f}') => "^?".to_owned(),
            Odd::Char(c @ '\0'..='\u{1f}') => {
                format!("^{}", char::from((c as u8).wrapping_add(b'@')))
            }
            Odd::Char(c) => format!("U+{:04X}", u32::from(c)),
        };
        match (one.starts_with('^'), count >= TEXT_ESCAPE_REPEATS_MIN) {
            (_, true) => format!("⟨{one} ×{count}⟩"),
            (true, false) => one.repeat(count),
            (false, false) => format!("⟨{one}⟩").repeat(count),
        }
    }
}

/// Builds pieces from left to right.
struct Writer<'a, 's> {
    show: &'s Show,
    pieces: Vec<Piece<'a>>,
    /// The valid UTF-8 being read, and the source byte at which it starts.
    chunk: &'a str,
    chunk_at: usize,
    /// Source byte at which the unwritten plain run starts; it ends at `at`.
    plain_at: usize,
    /// Escapes of one kind in a row that are not written yet: what, how many, first source byte.
    odd: Option<(Odd, usize, usize)>,
    /// Source byte at which the next input starts.
    at: usize,
    column: usize,
    /// Combining marks already on the last plain character; none may follow anything else.
    marks: Option<usize>,
}

impl<'a, 's> Writer<'a, 's> {
    fn new(show: &'s Show) -> Self {
        Self {
            show,
            pieces: Vec::new(),
            chunk: "",
            chunk_at: 0,
            plain_at: 0,
            odd: None,
            at: 0,
            column: show.start_column,
            marks: None,
        }
    }

    fn text(&mut self, text: &'a str) {
        self.flush();
        (self.chunk, self.chunk_at, self.plain_at) = (text, self.at, self.at);
        let mut rest = text;
        while !rest.is_empty() {
            let run = self.ascii_run(rest);
            let len = if run > 0 {
                self.plain(run, run);
                self.marks = Some(0);
                run
            } else {
                let cluster = rest.graphemes(true).next().unwrap_or(rest);
                self.cluster(cluster);
                cluster.len()
            };
            rest = rest.get(len..).unwrap_or("");
        }
        self.flush();
    }

    /// Length of the printable ASCII prefix, less the last character when a mark may follow it.
    fn ascii_run(&self, text: &str) -> usize {
        let blank_ends = self.show.mark_blanks;
        let is_plain = |b: &u8| (0x20..0x7f).contains(b) && !(blank_ends && *b == b' ');
        let run = text.bytes().take_while(is_plain).count();
        match text.as_bytes().get(run) {
            Some(next) if !next.is_ascii() => run.saturating_sub(1),
            _ => run,
        }
    }

    fn cluster(&mut self, cluster: &'a str) {
        let column = self.column;
        let mut all_plain = true;
        let mut chars = cluster.char_indices().peekable();
        while let Some((from, c)) = chars.next() {
            let next = chars.peek().map(|&(_, n)| n);
            let before = cluster.get(..from).unwrap_or("");
            let prose = self.show.reading == Reading::Prose;
            let len = c.len_utf8();
            if c == '\t' {
                self.tab();
            } else if c == ' ' && self.show.mark_blanks {
                self.blank(Cow::Borrowed("·"), 1, len);
            } else if prose && only_shapes_emoji(before, c, next) {
                self.blank(Cow::Borrowed(""), 0, len);
            } else if prose && is_unusual_space(c) {
                self.blank(Cow::Borrowed(" "), 1, len);
            } else if self.may_pass(c) {
                self.plain(len, c.width().unwrap_or(0));
                continue;
            } else {
                self.escape(Odd::Char(c), len);
            }
            all_plain = false;
        }
        if all_plain {
            self.column = column + cluster.width();
        }
    }

    /// Returns whether a character may be shown unchanged at this place; counts combining marks.
    fn may_pass(&mut self, c: char) -> bool {
        if is_hidden(c) {
            return false;
        }
        let marks = match (c.width(), self.marks) {
            (None, _) | (Some(0), None) => return false,
            (Some(0), Some(marks)) if marks >= TEXT_MARKS_PER_BASE_MAX => return false,
            (Some(0), Some(marks)) => marks + 1,
            (Some(_), _) => 0,
        };
        self.marks = Some(marks);
        true
    }

    fn plain(&mut self, len: usize, columns: usize) {
        if self.odd.is_some() {
            self.flush();
        }
        self.at += len;
        self.column += columns;
    }

    fn escape(&mut self, odd: Odd, len: usize) {
        self.marks = None;
        match &mut self.odd {
            Some((same, count, _)) if *same == odd => *count += 1,
            _ => {
                self.flush();
                self.odd = Some((odd, 1, self.at));
            }
        }
        self.at += len;
        self.plain_at = self.at;
    }

    fn tab(&mut self) {
        self.flush();
        let every = self.show.tab_columns.max(1);
        let columns = every - self.column % every;
        let text = match self.show.mark_blanks {
            true => format!("→{}", " ".repeat(columns - 1)),
            false => " ".repeat(columns),
        };
        self.blank(Cow::Owned(text), columns, 1);
    }

    fn blank(&mut self, text: Cow<'a, str>, columns: usize, len: usize) {
        self.flush();
        let source = self.at..self.at + len;
        self.pieces.push(Piece { text, source, kind: PieceKind::Blank });
        self.at += len;
        self.plain_at = self.at;
        self.column += columns;
        self.marks = None;
    }

    /// Writes the plain run or the escapes that are pending; at most one of them is.
    fn flush(&mut self) {
        if let Some((odd, count, from)) = self.odd.take() {
            let text = odd.text(count);
            self.column += text.width();
            let source = from..self.at;
            self.pieces.push(Piece { text: Cow::Owned(text), source, kind: PieceKind::Escape });
        } else if self.plain_at < self.at {
            let local = self.plain_at.saturating_sub(self.chunk_at)..self.at.saturating_sub(self.chunk_at);
            let text = Cow::Borrowed(self.chunk.get(local).unwrap_or(""));
            let source = self.plain_at..self.at;
            self.pieces.push(Piece { text, source, kind: PieceKind::Plain });
        }
        self.plain_at = self.at;
    }

    fn finish(mut self) -> Vec<Piece<'a>> {
        self.flush();
        self.pieces
    }
}

#[cfg(test)]
#[path = "escape_tests.rs"]
mod tests;
