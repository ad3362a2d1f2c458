//! Which characters a terminal may never see, and which only pretend.
//!
//! Owns the table; what is shown instead is decided in [`super::escape`].

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

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
    (0x16FE4, 0x16FE4),
    (0x1BCA0, 0x1BCA3),
    (0x1D159, 0x1D159),
    (0x1D173, 0x1D17A),
    (0xE0000, 0xE0FFF),
];

/// True for characters that may never reach a terminal as they are.
pub fn is_hidden(c: char) -> bool {
    let code = u32::from(c);
    // The last two code points of every plane are no characters.
    c.is_control()
        || code & 0xFFFE == 0xFFFE
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

/// Whether a string may be the content of one terminal cell (or of a wide one): one cluster, nothing
/// hidden, one or two columns. The last filter before the terminal asks this of every cell.
pub fn is_cell_safe(symbol: &str) -> bool {
    let mut clusters = symbol.graphemes(true);
    let one = clusters.next().is_some() && clusters.next().is_none();
    let begins = symbol.chars().next().and_then(char::width).is_some_and(|width| width > 0);
    one && begins && symbol.width() <= 2 && !symbol.chars().any(is_hidden)
}

/// Spaces other than U+0020 that a reader cannot tell from it.
pub(super) fn is_unusual_space(c: char) -> bool {
    c != ' ' && !c.is_control() && c.is_whitespace() && !matches!(c, '\u{2028}' | '\u{2029}')
}

/// Emoji selectors and joiners at a place where they only shape the emoji around them.
pub(super) fn only_shapes_emoji(before: &str, c: char, next: Option<char>) -> bool {
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

    #[test]
    fn the_table_is_sorted() {
        assert!(HIDDEN.windows(2).all(|w| w[0].1 < w[1].0));
        assert!(HIDDEN.iter().all(|&(first, last)| first <= last));
    }

    #[test]
    fn cells_hold_one_visible_cluster() {
        for safe in ["a", " ", "日", "e\u{301}", "⟨", "│", "👍🏽", "🇩🇪"] {
            assert!(is_cell_safe(safe), "{safe:?}");
        }
        for unsafe_ in
            ["", "ab", "\u{1b}", "\t", "\u{301}", "a\u{200b}", "\u{202e}", "👨\u{200d}👩", "\u{2ffff}", "\u{a0}"]
        {
            assert!(!is_cell_safe(unsafe_), "{unsafe_:?}");
        }
    }
}
