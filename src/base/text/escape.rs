//! The one exit for foreign text: bytes in, printable pieces out.
//!
//! Owns the decision which characters a terminal may see. Control bytes, escape sequences, bidi
//! controls, zero-width and filler characters, tags, variation selectors, line separators and
//! invalid UTF-8 come out as visible escapes (`^[`, `⟨U+202E⟩`, `⟨xFF⟩`); everything else as it is.

use std::borrow::Cow;
use std::ops::Range;

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::base::limits::{TEXT_ESCAPE_REPEATS_MIN, TEXT_MARKS_PER_BASE_MAX, TEXT_TAB_COLUMNS, TEXT_VISIBLE_BYTES_MAX};

/// How strictly unusual but legitimate characters are treated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// Code, diffs, commands, paths: two different texts never look the same.
    Exact,
    /// Chat and reasons: emoji joiners and selectors between emoji are left out, unusual spaces
    /// become a space. Everything else is escaped as in `Exact`.
    Prose,
}

/// How one line is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Show {
    /// Column at which the text starts, for tab stops.
    pub start_column: usize,
    /// Columns between tab stops; 0 counts as 1.
    pub tab_columns: usize,
    /// Source bytes looked at; the rest is one piece that says how many bytes are left out.
    pub source_bytes_max: usize,
    /// See [`Reading`].
    pub reading: Reading,
    /// Show spaces as `·` and tabs as `→`, for diffs in which only white space changed.
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

/// What a piece stands for, so that a view can dim or colour it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PieceKind {
    /// Text as it was.
    Plain,
    /// An escape that stands for something a terminal must not see.
    Escape,
    /// A tab as spaces (or `→` and spaces), or marked spaces.
    Blank,
    /// Says how many bytes were left out at the end.
    Cut,
}

/// A run of printable text and the source bytes it stands for. Pieces are in order and cover the
/// source without gaps, so spans over source bytes (syntax, intraline) can be laid over them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece<'a> {
    /// Printable text; its first character is never zero-width.
    pub text: Cow<'a, str>,
    /// Byte range in the source.
    pub source: Range<usize>,
    /// What it stands for.
    pub kind: PieceKind,
}

/// Code points that are invisible, reorder text or only pretend to be a space. Inclusive ranges, sorted.
/// Sources: Unicode 16 `DerivedCoreProperties` (Default_Ignorable_Code_Point), `PropList`
/// (Bidi_Control, White_Space, Noncharacter_Code_Point), plus the blank Braille pattern.
const HIDDEN: &[(u32, u32)] = &[
    (0x00A0, 0x00A0),
    (0x00AD, 0x00AD),
    (0x034F, 0x034F),
    (0x061C, 0x061C),
    (0x115F, 0x1160),
    (0x1680, 0x1680),
    (0x17B4, 0x17B5),
    (0x180B, 0x180F),
    (0x2000, 0x200F),
    (0x2028, 0x202F),
    (0x205F, 0x206F),
    (0x2800, 0x2800),
    (0x3000, 0x3000),
    (0x3164, 0x3164),
    (0xFDD0, 0xFDEF),
    (0xFE00, 0xFE0F),
    (0xFEFF, 0xFEFF),
    (0xFFA0, 0xFFA0),
    (0xFFF0, 0xFFFB),
    (0xFFFD, 0xFFFF),
    (0x13430, 0x1343F),
    (0x1BCA0, 0x1BCA3),
    (0x1D159, 0x1D159),
    (0x1D173, 0x1D17A),
    (0x1FFFE, 0x1FFFF),
    (0xE0000, 0xE0FFF),
    (0xFFFFE, 0xFFFFF),
    (0x10FFFE, 0x10FFFF),
];

/// True for characters that may never reach a terminal as they are.
pub fn is_hidden(c: char) -> bool {
    let code = u32::from(c);
    c.is_control()
        || (code >= 0xA0
            && HIDDEN
                .binary_search_by(|&(first, last)| {
                    if last < code {
                        std::cmp::Ordering::Less
                    } else if first > code {
                        std::cmp::Ordering::Greater
                    } else {
                        std::cmp::Ordering::Equal
                    }
                })
                .is_ok())
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

    /// Whether a character may be shown as it is at this place; counts combining marks.
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

/// Spaces other than U+0020 that a reader cannot tell from it.
fn is_unusual_space(c: char) -> bool {
    c != ' ' && !c.is_control() && c.is_whitespace() && !matches!(c, '\u{2028}' | '\u{2029}')
}

/// Emoji selectors and joiners at a place where they only shape the emoji around them.
fn only_shapes_emoji(before: &str, c: char, next: Option<char>) -> bool {
    let last = before.chars().next_back();
    match c {
        '\u{FE0E}' | '\u{FE0F}' => last.is_some_and(|l| is_emoji_like(l) || l.is_ascii_digit()),
        '\u{200D}' => last.is_some_and(|l| is_emoji_like(l) || l == '\u{FE0F}') && next.is_some_and(is_emoji_like),
        _ => false,
    }
}

/// Symbols and pictographs: the blocks from Arrows to Dingbats, and the emoji planes.
fn is_emoji_like(c: char) -> bool {
    matches!(u32::from(c), 0xA9 | 0xAE | 0x2122 | 0x2139 | 0x203C | 0x2049 | 0x2190..=0x27BF
        | 0x2900..=0x2BFF | 0x1F000..=0x1FAFF)
        && !is_hidden(c)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(input: &str, expect: &str) {
        assert_eq!(show(input, &Show::default()), expect, "{input:?}");
    }

    #[test]
    fn what_hides_or_steers_becomes_visible() {
        check("plain", "plain");
        check("\u{1b}[31mred\u{1b}[0m", "^[[31mred^[[0m");
        check("\u{1b}]52;c;aGk=\u{7}", "^[]52;c;aGk=^G");
        check("a\u{9b}2J", "a⟨U+009B⟩2J");
        check("bell\u{7}\u{8}\u{7f}", "bell^G^H^?");
        check("if (admin\u{202e} ⦃) {", "if (admin⟨U+202E⟩ ⦃) {");
        check("pay\u{200b}pal", "pay⟨U+200B⟩pal");
        check("\u{feff}bom", "⟨U+FEFF⟩bom");
        check("a\u{2028}b\nc\r", "a⟨U+2028⟩b^Jc^M");
        check("x\u{E0041}\u{E0042}", "x⟨U+E0041⟩⟨U+E0042⟩");
        check("v\u{FE01}\u{E0101}", "v⟨U+FE01⟩⟨U+E0101⟩");
        check("\u{3164}\u{FFA0}\u{115F}\u{2800}", "⟨U+3164⟩⟨U+FFA0⟩⟨U+115F⟩⟨U+2800⟩");
        check("rm\u{a0}-rf", "rm⟨U+00A0⟩-rf");
        check("lost\u{fffd}", "lost⟨U+FFFD⟩");
        check("soft\u{ad}hyphen\u{34f}", "soft⟨U+00AD⟩hyphen⟨U+034F⟩");
    }

    #[test]
    fn real_scripts_stay_readable() {
        check("naïve e\u{301} 日本語 한국어 עברית हिन्दी", "naïve e\u{301} 日本語 한국어 עברית हिन्दी");
        check("✅ 👍🏽 🇩🇪", "✅ 👍🏽 🇩🇪");
    }

    #[test]
    fn marks_need_a_base_and_stop_piling_up() {
        check("\u{301}x", "⟨U+0301⟩x");
        check("\u{200b}\u{301}", "⟨U+200B⟩⟨U+0301⟩");
        let zalgo = format!("a{}", "\u{301}".repeat(50));
        check(&zalgo, "a\u{301}\u{301}\u{301}\u{301}⟨U+0301 ×46⟩");
    }

    #[test]
    fn repeats_are_counted_instead_of_written() {
        check(&"\0".repeat(3), "^@^@^@");
        check(&"\0".repeat(900), "⟨^@ ×900⟩");
        check(&"\u{200b}".repeat(37), "⟨U+200B ×37⟩");
    }

    #[test]
    fn tabs_reach_the_next_stop() {
        check("\ta\tb", "    a   b");
        check("日\tx", "日  x");
        let shown = show("\tx", &Show { start_column: 3, ..Show::default() });
        assert_eq!(shown, " x");
        let marked = show("\ta b ", &Show { mark_blanks: true, ..Show::default() });
        assert_eq!(marked, "→   a·b·");
    }

    #[test]
    fn prose_drops_only_what_shapes_an_emoji() {
        let prose = |text: &'static str| show(text, &Show::prose()).into_owned();
        assert_eq!(prose("⚠\u{fe0f} careful"), "⚠ careful");
        assert_eq!(prose("👨\u{200d}👩"), "👨👩");
        assert_eq!(prose("a\u{200d}b\u{fe0f}"), "a⟨U+200D⟩b⟨U+FE0F⟩");
        assert_eq!(prose("10\u{a0}km\u{2028}"), "10 km⟨U+2028⟩");
        assert_eq!(prose("x\u{202e}y"), "x⟨U+202E⟩y");
    }

    #[test]
    fn bytes_that_are_not_utf8_show_their_value() {
        assert_eq!(show_bytes(b"caf\xe9 \xed\xa0\x80", &Show::default()), "caf⟨xE9⟩ ⟨xED⟩⟨xA0⟩⟨x80⟩");
    }

    #[test]
    fn long_lines_say_how_much_is_left_out() {
        let show_few = Show { source_bytes_max: 5, ..Show::default() };
        assert_eq!(show("abcdefgh", &show_few), "abcde⟨+3 bytes⟩");
        assert_eq!(show("abcdéf", &show_few), "abcd⟨+3 bytes⟩");
    }

    #[test]
    fn the_table_is_sorted() {
        assert!(HIDDEN.windows(2).all(|w| w[0].1 < w[1].0));
        assert!(HIDDEN.iter().all(|&(first, last)| first <= last));
    }

    /// Random text with a taste for trouble.
    fn nasty() -> impl Strategy<Value = Vec<u8>> {
        let atom = prop_oneof![
            3 => any::<char>().prop_map(|c| c.to_string().into_bytes()),
            3 => any::<u8>().prop_map(|b| vec![b]),
            2 => proptest::sample::select(vec![
                "\u{1b}[", "\t", " ", "\u{301}", "\u{200d}", "👩", "\u{fe0f}", "\u{202e}", "e", "ก", "각", "\u{1160}",
            ]).prop_map(|s| s.as_bytes().to_vec()),
        ];
        proptest::collection::vec(atom, 0..40).prop_map(|parts| parts.concat())
    }

    proptest! {
        #[test]
        fn no_control_byte_and_no_hidden_character_ever_comes_out(
            bytes in nasty(), prose in any::<bool>(), mark_blanks in any::<bool>(), cap in 0usize..60,
        ) {
            let reading = if prose { Reading::Prose } else { Reading::Exact };
            let options = Show { reading, mark_blanks, source_bytes_max: cap, ..Show::default() };
            let shown = show_bytes(&bytes, &options);
            prop_assert!(shown.chars().all(|c| !is_hidden(c)), "{:?}", shown);
            for piece in pieces(&bytes, &options) {
                let first = piece.text.chars().next().and_then(char::width);
                prop_assert!(first != Some(0), "{:?}", piece);
            }
        }

        #[test]
        fn pieces_cover_the_source_in_order(bytes in nasty()) {
            let mut at = 0;
            for piece in pieces(&bytes, &Show::default()) {
                prop_assert_eq!(piece.source.start, at);
                at = piece.source.end;
                if piece.kind == PieceKind::Plain {
                    prop_assert_eq!(piece.text.as_bytes(), &bytes[piece.source]);
                }
            }
            prop_assert_eq!(at, bytes.len());
        }

        #[test]
        fn exact_reading_tells_different_texts_apart(a in "[a\u{200b}\u{202e}\u{a0}é ]{0,6}", b in "[a\u{200b}\u{202e}\u{a0}é ]{0,6}") {
            prop_assert_eq!(a == b, show(&a, &Show::default()) == show(&b, &Show::default()));
        }
    }
}
