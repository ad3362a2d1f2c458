//! The alignment of the lines of two texts.
//!
//! Owns line splitting and the calls into the two diff engines. Lines keep their terminator (`\n`), so
//! that the joined lines are the file, byte for byte; a lone `\r` ends no line.

use crate::diff::limits::{DIFF_FINE_LINES_MAX, DIFF_READABLE_LINES_MAX};
use crate::diff::script;
use bytes::Bytes;
use imara_diff::Token;
use serde::{Deserialize, Serialize};
use similar::DiffOp;
use std::borrow::Cow;
use std::ops::Range;

/// The differences in whitespace that count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Whitespace {
    /// All. The only form that hunks can be applied from.
    #[default]
    Exact,
    /// Runs of blanks count as one, blanks at the end (and CR) do not count.
    IgnoreAmount,
    /// Blanks do not count at all.
    IgnoreAll,
}

impl Whitespace {
    /// Returns the text that lines are compared by.
    fn key(self, line: &[u8]) -> Cow<'_, [u8]> {
        match self {
            Whitespace::Exact => Cow::Borrowed(line),
            Whitespace::IgnoreAll => line.iter().copied().filter(|b| !b.is_ascii_whitespace()).collect(),
            Whitespace::IgnoreAmount => {
                let words = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
                let indented = line.first().is_some_and(|b| matches!(b, b' ' | b'\t'));
                let mut key = if indented { vec![b' '] } else { Vec::new() };
                key.extend(words.collect::<Vec<_>>().join(&b' '));
                Cow::Owned(key)
            }
        }
    }
}

/// A run of changed lines: these old lines became these new lines. Either may be empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Change {
    pub old: Range<usize>,
    pub new: Range<usize>,
}

/// Splits into lines with their terminators.
pub(super) fn lines(content: &Bytes) -> Vec<Bytes> {
    let mut lines = Vec::new();
    let mut start = 0;
    for end in memchr::memchr_iter(b'\n', content) {
        lines.push(content.slice(start..=end));
        start = end + 1;
    }
    if start < content.len() {
        lines.push(content.slice(start..));
    }
    lines
}

/// Returns the changes between two texts in order, and whether they were only compared coarsely.
pub(super) fn changes<'a>(old: &'a [Bytes], new: &'a [Bytes], whitespace: Whitespace) -> (Vec<Change>, bool) {
    let same =
        |a: &Bytes, b: &Bytes| a == b || (whitespace != Whitespace::Exact && whitespace.key(a) == whitespace.key(b));
    let head = old.iter().zip(new).take_while(|(a, b)| same(a, b)).count();
    let rest = old.len().min(new.len()) - head;
    let tail = old.iter().rev().zip(new.iter().rev()).take(rest).take_while(|(a, b)| same(a, b)).count();
    let (old_mid, new_mid) = (head..old.len() - tail, head..new.len() - tail);
    let total = old_mid.len().saturating_add(new_mid.len());
    if total > DIFF_FINE_LINES_MAX {
        return (vec![Change { old: old_mid, new: new_mid }], true);
    }
    let (old, new) = (old.get(old_mid).unwrap_or(&[]), new.get(new_mid).unwrap_or(&[]));
    let key = |line: &'a Bytes| whitespace.key(line);
    let (old, new, kinds) = script::numbered(old.iter().map(key), new.iter().map(key));
    // similar reads better; imara is about ten times as fast where it matters.
    let edits = if total > DIFF_READABLE_LINES_MAX { by_imara(&old, &new, kinds) } else { by_similar(&old, &new) };
    let mut changes: Vec<Change> = Vec::new();
    for (old, new) in edits {
        let change = Change { old: old.start + head..old.end + head, new: new.start + head..new.end + head };
        match changes.last_mut() {
            Some(last) if last.old.end == change.old.start && last.new.end == change.new.start => {
                last.old.end = change.old.end;
                last.new.end = change.new.end;
            }
            _ => changes.push(change),
        }
    }
    (changes, false)
}

type Edits = Vec<(Range<usize>, Range<usize>)>;

fn by_similar(old: &[Token], new: &[Token]) -> Edits {
    let ops = script::readable(old, new);
    let edits = ops.iter().filter(|op| !matches!(op, DiffOp::Equal { .. }));
    edits.map(|op| (op.old_range(), op.new_range())).collect()
}

fn by_imara(old: &[Token], new: &[Token], kinds: u32) -> Edits {
    let mut diff = imara_diff::Diff::default();
    diff.compute_with(imara_diff::Algorithm::Histogram, old, new, kinds);
    let wide = |range: Range<u32>| range.start as usize..range.end as usize;
    diff.hunks().map(|hunk| (wide(hunk.before), wide(hunk.after))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(old: &[Token], new: &[Token], edits: &Edits) {
        let (mut o, mut n) = (0, 0);
        for (old_range, new_range) in edits {
            assert_eq!(old[o..old_range.start], new[n..new_range.start]);
            (o, n) = (old_range.end, new_range.end);
        }
        assert_eq!(old[o..], new[n..]);
    }

    proptest! {
        #[test]
        fn both_engines_leave_only_equal_lines_between_changes(
            old in proptest::collection::vec(0u32..6, 0..40), new in proptest::collection::vec(0u32..6, 0..40),
        ) {
            let tokens = |numbers: Vec<u32>| numbers.into_iter().map(Token).collect::<Vec<_>>();
            let (old, new) = (tokens(old), tokens(new));
            check(&old, &new, &by_similar(&old, &new));
            check(&old, &new, &by_imara(&old, &new, 6));
        }
    }
}
