//! Edits as models write them, turned into exact new content. Pure: text in, text or a mistake out.
//!
//! Models quote old text with small errors (trailing blanks, indentation, a wrong word). Each tier forgives a
//! little more and says so, so that the supervisor sees how far the anchor was from the file. A mistake is
//! worded for the model: what did not match, where something like it is, what to do next.

mod anchor;
mod ends;
pub mod patch;

use crate::agent::llm::limits;
pub use anchor::Match;
use ends::Ends;

/// One replacement within a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Swap {
    /// The text to find.
    pub old: String,
    /// The new text.
    pub new: String,
    /// Replace every place instead of the only one.
    pub all: bool,
    /// The line (from 1) near which it should be, when known.
    pub near_line: Option<usize>,
}

/// Returns an error for a model that left a part of a whole file out; `None` when it did not.
///
/// Small models write `// ... rest of the code` where the rest belongs; taken literally, that deletes it.
pub fn left_out(content: &str, before: Option<&str>) -> Option<String> {
    let before = before?;
    let shorter = content.lines().count() < before.lines().count();
    let stands_for_more = |line: &str| {
        let line = line.trim().to_lowercase();
        // A text of the file may mention anything; only a comment, or a line that begins with dots, replaces code.
        let openers = ["//", "#", "--", "/*", "<!--", "{/*", ";", "%", "(*"];
        let comment = openers
            .iter()
            .find_map(|opener| line.strip_prefix(opener))
            .map(|rest| rest.trim_start_matches(['/', '#', '-', '*', '!', ';', ' ']).to_owned());
        let words = comment.as_deref().unwrap_or(&line);
        let begins = ["...", "…", "[...", "[…", "(...", "(…"].iter().any(|dots| words.starts_with(dots));
        let says = ["rest of", "existing code", "remaining code", "same as before", "previous code"];
        let dotted = words.contains("...") || words.contains('…');
        let named = dotted && says.iter().any(|says| words.contains(says));
        let vague = dotted && shorter && words.contains("unchanged");
        // A bare `...` is Python; in a comment it replaces something.
        line.len() < limits::LEFT_OUT_LINE_BYTES_MAX
            && (comment.is_some() || begins)
            && (named || vague || begins && shorter && comment.is_some())
    };
    let line = content.lines().find(|line| stands_for_more(line) && !before.lines().any(|old| old == *line))?;
    Some(format!(
        "not written: the line `{}` is a placeholder for code that you left out, and would delete it. Write the complete \
         content, or change only a part with `edit`",
        line.trim().chars().take(limits::STEP_TITLE_CHARS_MAX).collect::<String>()
    ))
}

/// The outcome of all swaps on one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edited {
    /// The whole new text.
    pub text: String,
    /// For a single exact or tolerated swap: the text that was really there and its replacement.
    pub single: Option<(String, String)>,
    /// The distance of the worst anchor from the file.
    pub matched: Match,
    /// Byte where the first change begins.
    pub first_byte: usize,
}

/// A mistake in an edit, in words for the model.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EditMistake {
    /// Nothing would change.
    #[error(
        "this edit changes nothing: the new text is the same as the old. Do not repeat it; read the file again or continue"
    )]
    NoChange,
    /// The old text is empty.
    #[error("`old` is empty; quote the lines to replace, or use `write` for a new file")]
    EmptyOld,
    /// The old text was not found.
    #[error(
        "`old` was not found in {path}.{closest} Copy the text exactly from a `read`, with a line or two around it"
    )]
    NotFound {
        /// Path.
        path: String,
        /// The nearest place, as a sentence, or nothing.
        closest: String,
    },
    /// The old text was found in several places.
    #[error(
        "`old` occurs {count} times in {path} (lines {lines}); add lines around it so that it is unique, or set `all`"
    )]
    Ambiguous {
        /// Path.
        path: String,
        /// Number of occurrences.
        count: usize,
        /// Line numbers.
        lines: String,
    },
    /// A patch that cannot be read.
    #[error("cannot parse the patch: {0}")]
    BadPatch(String),
}

/// Applies swaps in order to a file's text. Line ends are kept as the file has them.
pub fn apply(path: &str, text: &str, swaps: &[Swap]) -> Result<Edited, EditMistake> {
    let mut ends = Ends::of(text);
    let crlf = ends.has_crlf();
    let before = ends.text().to_owned();
    let mut matched = Match::Exact;
    let mut single = None;
    for swap in swaps {
        // Models add CRs rarely and never mean them.
        let (old, new) = (swap.old.replace("\r\n", "\n"), swap.new.replace("\r\n", "\n"));
        if old.is_empty() {
            return Err(EditMistake::EmptyOld);
        }
        let places: Vec<usize> = ends.text().match_indices(&old).map(|(at, _)| at).collect();
        if swap.all && !places.is_empty() {
            places.into_iter().rev().for_each(|at| ends.splice(at..at + old.len(), &new));
            continue;
        }
        let now = ends.text();
        let place = match anchor::find(path, now, &old, &new, swap.near_line) {
            // Models copy the line numbers of a listing along.
            Err(EditMistake::NotFound { .. }) if numbered(&old) => {
                anchor::find(path, now, &unnumbered(&old), &unnumbered(&new), swap.near_line)?
            }
            found => found?,
        };
        matched = matched.max(place.matched);
        let old_there = now.get(place.range.clone()).unwrap_or_default().to_owned();
        ends.splice(place.range, &place.new);
        // A host that looks the text up again needs it to be unique.
        let unique = before.matches(old_there.as_str()).count() == 1;
        single = (swaps.len() == 1 && unique && !crlf).then_some((old_there, place.new));
    }
    let text = ends.restored();
    let now = ends.text();
    if now == before {
        return Err(EditMistake::NoChange);
    }
    let first_byte = before.bytes().zip(now.bytes()).take_while(|(a, b)| a == b).count();
    Ok(Edited { text, single, matched, first_byte })
}

/// Returns whether every line begins with a number and a bar or tab, as in a listing.
fn numbered(text: &str) -> bool {
    text.lines().all(|line| without_number(line).is_some()) && !text.trim().is_empty()
}

fn unnumbered(text: &str) -> String {
    text.split('\n').map(|line| without_number(line).unwrap_or(line)).collect::<Vec<_>>().join("\n")
}

fn without_number(line: &str) -> Option<&str> {
    let rest = line.trim_start();
    let after = rest.trim_start_matches(|c: char| c.is_ascii_digit());
    (after.len() < rest.len()).then(|| after.strip_prefix(['|', '\t']))?
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "fn one() {\n    let a = 1;\n    a + 1\n}\n\nfn two() {\n    let b = 2;\n    b + 2\n}\n";

    fn swap(old: &str, new: &str) -> Swap {
        Swap { old: old.into(), new: new.into(), all: false, near_line: None }
    }

    fn check(old: &str, new: &str, matched: Match, expect: &str) {
        let edited = apply("a.rs", FILE, &[swap(old, new)]).unwrap();
        assert_eq!((edited.matched, edited.text.as_str()), (matched, expect), "{old:?}");
        if let Some((old, new)) = edited.single {
            assert_eq!(FILE.replacen(&old, &new, 1), expect, "the single form means the same");
        }
    }

    fn fails(text: &str, old: &str, new: &str, words: &str) {
        let error = apply("a.rs", text, &[swap(old, new)]).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }

    #[test]
    fn a_placeholder_for_the_rest_is_not_written_as_the_rest() {
        let before = "fn a() {}\nfn b() {}\nfn c() {}\n";
        for line in ["// ... rest of the code", "# ... existing code ...", "/* … unchanged … */", "// ..."] {
            let mistake = left_out(&format!("fn a() {{ 1 }}\n{line}\n"), Some(before)).unwrap();
            assert!(mistake.contains(line) && mistake.contains("Write the complete"), "{mistake}");
        }
        for text in [
            "\"same\": \"Unchanged…\"",
            "- Unchanged… since 2019",
            "the rest of it… is history",
            "x = 'existing code...'",
        ] {
            assert_eq!(left_out(&format!("a\n{text}\n"), Some(before)), None, "{text}");
        }
        assert_eq!(left_out("def f():\n    ...\n", Some(before)), None);
        assert_eq!(left_out("// ... rest of the code\n", None), None, "a new file has no rest");
        let kept = "a\n# ... unchanged\nb\nc\n";
        assert_eq!(left_out("a\n# ... unchanged\n", Some(kept)), None, "it stood there before");
    }

    #[test]
    fn anchors_are_forgiven_step_by_step() {
        let expect = FILE.replace("a + 1", "a + 2");
        check("    a + 1\n", "    a + 2\n", Match::Exact, &expect);
        check("    let a = 1;  \n    a + 1\n", "    let a = 1;\n    a + 2\n", Match::Blanks, &expect);
        check("let a = 1;\na + 1\n", "let a = 1;\na + 2\n", Match::Indent, &expect);
        check("   3|    a + 1\n", "   3|    a + 2\n", Match::Exact, &expect);
        let longer = FILE.replace("fn two() {\n    let b = 2;\n    b + 2\n}", "fn two() {\n    3\n}");
        check("fn two() {\n    let b = 2\n    b + 2\n}", "fn two() {\n    3\n}", Match::Near, &longer);
    }

    #[test]
    fn mistakes_tell_what_to_do() {
        fails(FILE, "", "x", "`old` is empty");
        fails(FILE, "a + 1", "a + 1", "changes nothing");
        fails(FILE, "fn three() {}\nlet zzz", "x", "was not found in a.rs");
        fails(FILE, "fn", "x", "occurs 2 times in a.rs (lines 1, 6)");
        fails(FILE, "    let c = 7;\n    c * 9\n", "x", "closest");
    }

    #[test]
    fn line_ends_and_several_places_are_kept() {
        let crlf = "one\r\ntwo\r\none\r\n";
        let all = Swap { all: true, ..swap("one", "1") };
        assert_eq!(apply("a", crlf, &[all]).unwrap().text, "1\r\ntwo\r\n1\r\n");
        let edited = apply("a", crlf, &[swap("two\n", "2\nzwei\n")]).unwrap();
        assert_eq!((edited.text.as_str(), edited.single), ("one\r\n2\r\nzwei\r\none\r\n", None));
        let near = Swap { near_line: Some(3), ..swap("one", "drei") };
        assert_eq!(apply("a", crlf, &[near]).unwrap().text, "one\r\ntwo\r\ndrei\r\n");
    }

    proptest::proptest! {
        #[test]
        fn an_exact_unique_anchor_is_a_plain_replacement(head in "[a-z \n]{0,40}", tail in "[a-z \n]{0,40}", new in "[A-Z\n]{1,20}") {
            let text = format!("{head}§anchor§{tail}");
            let edited = apply("f", &text, &[swap("§anchor§", &new)]).unwrap();
            proptest::prop_assert_eq!(edited.text, format!("{head}{new}{tail}"));
        }

        #[test]
        fn nothing_panics(text in "\\PC{0,60}", old in "\\PC{0,20}", new in "\\PC{0,20}") {
            drop(apply("f", &text, &[swap(&old, &new)]));
        }
    }
}
