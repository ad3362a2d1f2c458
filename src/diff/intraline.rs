//! The words that changed within a changed line.
//!
//! Computed for one hunk at a time, when it is shown. Marks are a reading aid: they decide nothing,
//! and lines that are long or have little in common get none.

use crate::diff::file::{DiffLine, Hunk};
use crate::diff::limits::{INTRALINE_COMMON_PERCENT_MIN, INTRALINE_LINE_BYTES_MAX};
use crate::diff::pairing::{block_at, pairs};
use crate::diff::script;
use similar::DiffOp;
use std::ops::Range;

/// For each line of the hunk, the byte ranges of its [`DiffLine::body`] that changed. Empty for context,
/// for lines without a partner and for pairs with little in common.
pub fn intraline(hunk: &Hunk) -> Vec<Vec<Range<usize>>> {
    let mut marks = vec![Vec::new(); hunk.lines.len()];
    let mut at = 0;
    while at < hunk.lines.len() {
        let block = block_at(hunk, at);
        let (removed, added): (Vec<usize>, Vec<usize>) = (block.removed.collect(), block.added.clone().collect());
        for (old, new) in pairs(hunk, &removed, &added) {
            let (Some(before), Some(after)) = (hunk.lines.get(old), hunk.lines.get(new)) else { continue };
            if let Some((old_marks, new_marks)) = words_changed(before, after) {
                marks.get_mut(old).into_iter().for_each(|m| m.clone_from(&old_marks));
                marks.get_mut(new).into_iter().for_each(|m| m.clone_from(&new_marks));
            }
        }
        at = block.added.end.max(at + 1);
    }
    marks
}

type Marks = Vec<Range<usize>>;

fn words_changed(before: &DiffLine, after: &DiffLine) -> Option<(Marks, Marks)> {
    let (old, new) = (before.body(), after.body());
    if old.len().max(new.len()) > INTRALINE_LINE_BYTES_MAX {
        return None;
    }
    let (old_words, new_words) = (words(old), words(new));
    let (old_tokens, new_tokens, _) = script::numbered(old_words.iter(), new_words.iter());
    let ops = script::shortest(&old_tokens, &new_tokens);
    let bytes = |words: &[&[u8]], range: Range<usize>| -> usize {
        words.get(range).unwrap_or(&[]).iter().map(|w| w.len()).sum()
    };
    let (mut old_marks, mut new_marks) = (Vec::new(), Vec::new());
    let (mut old_at, mut new_at, mut common) = (0, 0, 0);
    for op in ops {
        let (old_len, new_len) = (bytes(&old_words, op.old_range()), bytes(&new_words, op.new_range()));
        if matches!(op, DiffOp::Equal { .. }) {
            let shared = old_words.get(op.old_range()).unwrap_or(&[]);
            common += shared.iter().filter(|w| !w.iter().all(u8::is_ascii_whitespace)).map(|w| w.len()).sum::<usize>();
        } else {
            push(&mut old_marks, old_at..old_at + old_len);
            push(&mut new_marks, new_at..new_at + new_len);
        }
        (old_at, new_at) = (old_at + old_len, new_at + new_len);
    }
    let longer = old.trim_ascii().len().max(new.trim_ascii().len());
    let worth = common * 100 >= longer * INTRALINE_COMMON_PERCENT_MIN || longer == 0;
    worth.then_some((old_marks, new_marks))
}

/// Adds a mark; adjacent marks are merged.
fn push(marks: &mut Marks, mark: Range<usize>) {
    match marks.last_mut() {
        _ if mark.is_empty() => {}
        Some(last) if last.end == mark.start => last.end = mark.end,
        _ => marks.push(mark),
    }
}

/// Words (letters, digits, `_`, anything beyond ASCII), runs of blanks, and single other bytes.
fn words(line: &[u8]) -> Vec<&[u8]> {
    let class = |b: u8| match b {
        b'_' | 0x80.. => 1,
        b if b.is_ascii_alphanumeric() => 1,
        b if b.is_ascii_whitespace() => 2,
        _ => 3,
    };
    line.chunk_by(|&a, &b| class(a) == class(b) && class(a) != 3).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diff::FileDiff;
    use proptest::prelude::*;

    /// Lines with their marked parts in brackets.
    fn check(old: &'static str, new: &'static str, expect: &[&str]) {
        let diff = FileDiff::new(old, new);
        let hunk = &diff.hunks[0];
        let marks = intraline(hunk);
        let got: Vec<_> = hunk
            .lines
            .iter()
            .zip(marks)
            .map(|(line, marks)| {
                let mut text = String::from_utf8_lossy(line.body()).into_owned();
                for mark in marks.iter().rev() {
                    text.insert(mark.end, ']');
                    text.insert(mark.start, '[');
                }
                text
            })
            .collect();
        assert_eq!(got, expect);
    }

    #[test]
    fn changed_words_are_marked() {
        check("if at <= len {\n", "if at < len {\n", &["if at <[=] len {", "if at < len {"]);
        check("let a = foo(x);\n", "let b = foo(x, y);\n", &["let [a] = foo(x);", "let [b] = foo(x[, y]);"]);
        check("naïve café\n", "naïve thé\n", &["naïve [café]", "naïve [thé]"]);
        check("  indent\n", "    indent\n", &["[  ]indent", "[    ]indent"]);
        check("totally different\n", "nothing to share here\n", &["totally different", "nothing to share here"]);
    }

    #[test]
    fn an_inserted_line_does_not_shift_the_pairs() {
        check(
            "let x = one(a);\n",
            "let y = 1;\nlet x = one(b);\n",
            &["let x = one([a]);", "let y = 1;", "let x = one([b]);"],
        );
    }

    proptest! {
        #[test]
        fn marks_lie_in_their_lines_and_the_rest_is_equal(old in "[ab(é ]{0,20}", new in "[ab(é ]{0,20}") {
            let diff = FileDiff::new(old, new);
            for hunk in &diff.hunks {
                let marks = intraline(hunk);
                prop_assert_eq!(marks.len(), hunk.lines.len());
                for (line, marks) in hunk.lines.iter().zip(marks) {
                    let text = std::str::from_utf8(line.body()).unwrap();
                    prop_assert!(marks.iter().all(|m| !m.is_empty() && text.get(m.clone()).is_some()));
                    prop_assert!(marks.windows(2).all(|w| w[0].end < w[1].start));
                }
            }
        }
    }
}
