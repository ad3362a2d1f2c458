//! The last filter: whatever a widget wrote to a cell, the output is one clean grapheme of known width.
//!
//! Text is made visible long before (`base::text`); this is the net below it, so it never explains, it replaces.

use crate::base::text::hidden::is_hidden;
use crate::ui::limits::UI_CELL_MARKS_MAX;
use ratatui::buffer::Buffer;
use unicode_width::UnicodeWidthChar;

/// Shown in place of anything a cell must not hold.
pub const REPLACEMENT: &str = "\u{fffd}";

/// The output of a cell: the text to write and the columns it takes (1 or 2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CleanCell<'a> {
    pub text: &'a str,
    pub width: u16,
}

/// Cuts a cell's symbol down to one grapheme without control, bidi, zero-width, tag or filler characters.
///
/// Emoji joined or styled by invisible characters keep only their first character: terminals disagree about
/// the width of the rest, and a wrong width shifts the row.
#[must_use]
pub fn clean_cell(symbol: &str) -> CleanCell<'_> {
    if let [byte] = symbol.as_bytes() {
        return if (0x20..0x7f).contains(byte) { CleanCell { text: symbol, width: 1 } } else { replaced() };
    }
    let mut chars = symbol.char_indices();
    let Some((_, first)) = chars.next() else { return CleanCell { text: " ", width: 1 } };
    let width = match first.width() {
        Some(width @ (1 | 2)) if !is_forbidden(first) => width,
        Some(_) | None => return replaced(),
    };
    let mut end = first.len_utf8();
    for (marks, (at, mark)) in chars.enumerate() {
        if marks >= UI_CELL_MARKS_MAX || is_forbidden(mark) || mark.width() != Some(0) {
            break;
        }
        end = at + mark.len_utf8();
    }
    CleanCell { text: symbol.get(..end).unwrap_or(REPLACEMENT), width: u16::try_from(width).unwrap_or(1) }
}

fn replaced() -> CleanCell<'static> {
    CleanCell { text: REPLACEMENT, width: 1 }
}

/// Hidden characters, joiners and selectors among them: their effect on the width differs between terminals.
fn is_forbidden(c: char) -> bool {
    is_hidden(c) && !REPLACEMENT.contains(c)
}

/// True for symbols about whose width terminals disagree: the newest emoji, and clusters of several characters. Where
/// the cursor is after one of them is not known.
#[must_use]
pub fn is_width_contested(symbol: &str) -> bool {
    let mut chars = symbol.chars();
    let first = chars.next().map_or(0, u32::from);
    (0x1F000..0x20000).contains(&first) || (first > 0x7f && chars.next().is_some())
}

/// Cleans a whole picture in place. Afterwards a cell of width 2 is followed by an empty one, and a wide
/// character that would hang over the right edge is a space.
pub fn clean_buffer(buffer: &mut Buffer) {
    let width = usize::from(buffer.area.width);
    if width == 0 {
        return;
    }
    for row in buffer.content.chunks_mut(width) {
        let mut covered = false;
        let mut left = row.len();
        for cell in row {
            left -= 1;
            if covered {
                cell.set_symbol("");
                covered = false;
                continue;
            }
            let symbol = cell.symbol();
            if matches!(symbol.as_bytes(), [0x20..0x7f]) {
                continue;
            }
            let clean = clean_cell(symbol);
            if clean.width == 2 && left == 0 {
                cell.set_symbol(" ");
                continue;
            }
            covered = clean.width == 2;
            if clean.text != symbol {
                let text = clean.text.to_owned();
                cell.set_symbol(&text);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use ratatui::layout::Rect;

    fn check(symbol: &str, text: &str, width: u16) {
        assert_eq!(clean_cell(symbol), CleanCell { text, width }, "{symbol:?}");
    }

    #[test]
    fn a_cell_is_one_clean_grapheme() {
        check("a", "a", 1);
        check("", " ", 1);
        check("漢", "漢", 2);
        check("e\u{301}", "e\u{301}", 1);
        check("\u{1b}", REPLACEMENT, 1);
        check("\u{202e}x", REPLACEMENT, 1);
        check("a\u{202e}", "a", 1);
        check("ab", "a", 1);
        check("\u{200b}", REPLACEMENT, 1);
        check("\u{e0041}", REPLACEMENT, 1);
        check("⚠\u{fe0f}", "⚠", 1);
        check("\u{3164}", REPLACEMENT, 1);
        check("a\u{1b}[2J", "a", 1);
    }

    #[test]
    fn a_wide_character_never_hangs_over_the_edge() {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 3, 1));
        for x in 0..3 {
            buffer.cell_mut((x, 0)).unwrap().set_symbol("漢");
        }
        clean_buffer(&mut buffer);
        let symbols: Vec<_> = buffer.content.iter().map(|cell| cell.symbol().to_owned()).collect();
        assert_eq!(symbols, ["漢", "", " "]);
    }

    proptest! {
        #[test]
        fn nothing_that_hides_or_controls_passes(symbol in "\\PC*|[\\x00-\\x1f\\u{7f}-\\u{9f}\\u{200b}-\\u{206f}\\u{e0000}-\\u{e007f}a]{0,6}") {
            let clean = clean_cell(&symbol);
            prop_assert!(clean.text.chars().all(|c| !is_forbidden(c)));
            prop_assert!(clean.width == 1 || clean.width == 2);
            prop_assert!(clean.text.chars().count() <= 1 + UI_CELL_MARKS_MAX);
        }
    }
}
