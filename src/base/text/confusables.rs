//! Finds words that are spelled to be taken for other words.
//!
//! Owns a small table of Cyrillic, Greek, Armenian, Cherokee and typographic look-alikes of ASCII and the
//! rule for what is worth a mark: a word that mixes ASCII letters with a foreign script, a word
//! that consists of look-alikes only, and punctuation that a shell or compiler would not take for
//! the ASCII one it resembles. Ordinary words in other scripts are left alone.

use crate::base::limits::CONFUSABLES_FOUND_MAX;
use std::ops::Range;

/// The reason that a word is marked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Suspicion {
    /// ASCII letters and letters of a script with look-alikes in one word.
    MixedScript,
    /// Every foreign letter of the word looks like an ASCII one.
    WholeWord,
    /// A character that looks like ASCII punctuation, a digit or a letter in another style.
    LookAlike,
}

/// A suspicious word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Confusable {
    /// Byte range in the text.
    pub range: Range<usize>,
    /// The reason.
    pub suspicion: Suspicion,
    /// The text it can be mistaken for, in ASCII where a look-alike is known.
    pub reads_as: String,
}

/// Look-alikes by script: foreign characters and, at the same place, what they resemble.
/// Source: Unicode 16 security data (confusables.txt), reduced to single letters that common
/// monospace fonts draw alike.
const LETTERS: &[(&str, &str)] = &[
    ("АВЕЅІЈКМНОРСТУХҮԜԌаеѕіјкорсухүԛԝһԁҽ", "ABESIJKMHOPCTYXYWGaesijkopcyxyqwhde"),
    ("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧϹϳαικνορτυχϲϒ", "ABEZHIKMNOPTYXCjaikvoptuxcY"),
    ("ՍՏՕՈհոսօցղաՙ", "USOnhnuognw'"),
    ("ᎪᏴᏟᎠᎬᎻᎫᏦᏞᎷᏢᎡᏚᎢᏙᎳᏃᎽ", "ABCDEHJKLMPRSTVWZY"),
    ("ıȷɑɡɩʟꓐꓑꓓꓔꓖꓗꓙꓚꓜꓝꓟꓠꓡꓢꓣꓦꓧꓪꓫꓬꓮꓰꓲꓳꓴ", "ijagiLBPDTGKJCZFMNLSRVHWXYAEIOU"),
];

/// Punctuation and digits that are not what they look like.
const SIGNS: &[(&str, char)] = &[
    ("‐‑‒–—−⁃₋", '-'),
    ("⁄∕╱⟋", '/'),
    ("‘’‛′ʹʼ", '\''),
    ("“”″", '"'),
    ("\u{37e}", ';'),
    ("׃∶ː꞉", ':'),
    ("․", '.'),
    ("‚", ','),
    ("ǃ", '!'),
    ("❘∣│ǀ", '|'),
    ("⁎∗", '*'),
    ("∼˜", '~'),
    ("‹❮", '<'),
    ("›❯", '>'),
    ("⸗", '='),
];

/// The ASCII character a letter in another script resembles.
fn letter(c: char) -> Option<char> {
    LETTERS.iter().find_map(|&(from, to)| {
        let at = from.chars().position(|f| f == c)?;
        to.chars().nth(at)
    })
}

/// The ASCII character that a sign or styled letter resembles.
fn styled(c: char) -> Option<char> {
    let code = u32::from(c);
    match code {
        // Fullwidth forms mirror ASCII 0x21..=0x7E.
        0xFF01..=0xFF5E => char::from_u32(code - 0xFF01 + 0x21),
        // Mathematical letters run A-Z a-z in each of 13 styles, then digits 0-9 in five.
        0x1D400..=0x1D6A3 => {
            let place = (code - 0x1D400) % 52;
            char::from_u32(if place < 26 { 0x41 + place } else { 0x61 + place - 26 })
        }
        0x1D7CE..=0x1D7FF => char::from_u32(0x30 + (code - 0x1D7CE) % 10),
        _ => SIGNS.iter().find(|(from, _)| from.contains(c)).map(|&(_, to)| to),
    }
}

/// Letters of scripts whose letters are drawn like Latin ones.
fn is_risky_letter(c: char) -> bool {
    c.is_alphabetic()
        && (matches!(u32::from(c), 0x0370..=0x058F | 0x13A0..=0x13FF | 0x1C80..=0x1C8F | 0x1F00..=0x1FFF
            | 0x2DE0..=0x2DFF | 0xA4D0..=0xA4FF | 0xA640..=0xA69F | 0xAB70..=0xABBF)
            || letter(c).is_some())
}

fn in_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Suspicious words and signs in `text`, in order, at most [`CONFUSABLES_FOUND_MAX`].
pub fn confusables(text: &str) -> Vec<Confusable> {
    if text.is_ascii() {
        return Vec::new();
    }
    let mut found = Vec::new();
    let mut rest = text.char_indices().peekable();
    while let Some((start, c)) = rest.next() {
        if found.len() >= CONFUSABLES_FOUND_MAX {
            break;
        }
        let mut end = start + c.len_utf8();
        if in_word(c) {
            while let Some((at, next)) = rest.next_if(|&(_, n)| in_word(n)) {
                end = at + next.len_utf8();
            }
        } else if c.is_ascii() {
            continue;
        }
        let word = text.get(start..end).unwrap_or("");
        if let Some(suspicion) = judge(word) {
            let reads_as = word.chars().map(|c| letter(c).or_else(|| styled(c)).unwrap_or(c)).collect();
            found.push(Confusable { range: start..end, suspicion, reads_as });
        }
    }
    found
}

/// Returns the suspicion about one word or sign, if any.
fn judge(word: &str) -> Option<Suspicion> {
    if word.is_ascii() {
        return None;
    }
    let risky = word.chars().filter(|&c| is_risky_letter(c));
    let alike = word.chars().filter(|&c| letter(c).is_some()).count();
    let (risky, ascii) = (risky.count(), word.chars().any(|c| c.is_ascii_alphabetic()));
    if risky > 0 && ascii {
        Some(Suspicion::MixedScript)
    } else if risky > 0 && alike == risky {
        Some(Suspicion::WholeWord)
    } else if word.chars().any(|c| styled(c).is_some()) {
        Some(Suspicion::LookAlike)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Suspicion::{LookAlike, MixedScript, WholeWord};

    fn check(text: &str, expect: &[(Suspicion, &str)]) {
        let found = confusables(text);
        let got: Vec<_> = found.iter().map(|c| (c.suspicion, c.reads_as.as_str())).collect();
        assert_eq!(got, expect, "{text:?}");
    }

    #[test]
    fn look_alikes_are_found() {
        check("curl https://pаypal.com", &[(MixedScript, "paypal")]);
        check("исход", &[]);
        check("сору", &[(WholeWord, "copy")]);
        check("const αdmin = 1", &[(MixedScript, "admin")]);
        check("rm –rf", &[(LookAlike, "-")]);
        check("ｒｍ", &[(LookAlike, "rm")]);
        check("a ∕ b\u{37e} c", &[(LookAlike, "/"), (LookAlike, ";")]);
        check("𝐞𝐯𝐚𝐥(x)", &[(LookAlike, "eval")]);
    }

    #[test]
    fn ordinary_words_are_left_alone() {
        check("naïve café Straße", &[]);
        check("Привет мир", &[]);
        check("λ → 日本語 ελληνικά", &[]);
        check("plain ascii", &[]);
    }

    #[test]
    fn tables_pair_up() {
        for (from, to) in LETTERS {
            assert_eq!(from.chars().count(), to.chars().count(), "{from}");
            assert!(from.chars().all(|c| !c.is_ascii()), "{from}");
            assert!(to.is_ascii(), "{to}");
        }
    }

    #[test]
    fn ranges_are_bounded_and_lie_on_characters() {
        let text = "pаy ".repeat(CONFUSABLES_FOUND_MAX * 2);
        let found = confusables(&text);
        assert_eq!(found.len(), CONFUSABLES_FOUND_MAX);
        assert!(found.iter().all(|c| &text[c.range.clone()] == "pаy"));
    }
}
