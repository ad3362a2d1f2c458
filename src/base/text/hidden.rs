//! The characters a terminal must never receive, and those that only imitate others.
//!
//! Owns the rule, by the Unicode properties of `icu_properties`; what is shown instead is decided in [`super::escape`].

use icu_properties::props::{DefaultIgnorableCodePoint, GeneralCategory, GeneralCategoryGroup};
use icu_properties::{CodePointMapData, CodePointSetData};

/// Visible by category, but drawn as a blank or as a stand-in for something else: fillers, the blank Braille
/// pattern, the object replacement and replacement characters.
const BLANK: [char; 4] = ['\u{2800}', '\u{16FE4}', '\u{FFFC}', '\u{FFFD}'];

/// True for characters that must never reach a terminal as they are: controls, formats (bidi, tags, prepended marks),
/// private use, unassigned, unusual spaces, and what Unicode lets a reader ignore (Default_Ignorable_Code_Point).
pub fn is_hidden(c: char) -> bool {
    if c < '\u{A0}' {
        return c.is_control();
    }
    let category = CodePointMapData::<GeneralCategory>::new().get(c);
    GeneralCategoryGroup::Other.union(GeneralCategoryGroup::Separator).contains(category)
        || CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(c)
        || BLANK.contains(&c)
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
    fn every_kind_of_unseen_character_is_hidden() {
        let kinds: [(&str, &[u32]); 9] = [
            ("controls", &[0x00, 0x1b, 0x7f, 0x80, 0x9b]),
            ("bidi and zero width", &[0x61c, 0x200b, 0x200d, 0x200e, 0x202e, 0x2060, 0x2066, 0xfeff]),
            ("prepended formats", &[0x600, 0x605, 0x6dd, 0x70f, 0x890, 0x8e2, 0x110bd, 0x110cd]),
            ("private use", &[0xe000, 0xf8ff, 0xf0000, 0x10_fffd]),
            ("unassigned and noncharacters", &[0x378, 0xfdd0, 0xffff, 0x1_fffe, 0x5_0000, 0x10_ffff]),
            ("spaces and separators", &[0xa0, 0x1680, 0x2003, 0x2028, 0x202f, 0x205f, 0x3000]),
            ("fillers and blanks", &[0x34f, 0x115f, 0x17b4, 0x180b, 0x2800, 0x3164, 0xffa0, 0x16fe4]),
            ("selectors and tags", &[0xfe00, 0xfe0f, 0xe0041, 0xe0100, 0xe01ef, 0x1d173]),
            ("stand-ins", &[0xfffc, 0xfffd]),
        ];
        for (kind, codes) in kinds {
            for code in codes {
                assert!(is_hidden(char::from_u32(*code).unwrap()), "{kind}: U+{code:04X}");
            }
        }
        for c in " aé\u{301}日ع한👍│✓¡\u{1f9d1}".chars() {
            assert!(!is_hidden(c), "{c:?}");
        }
    }
}
