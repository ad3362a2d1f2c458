//! Which lines of two texts belong together.
//!
//! Owns line splitting and the call into the diff engine. Lines keep their terminator (`\n`), so
//! that lines put together again are the file, byte for byte; a lone `\r` ends no line.

use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use similar::{Algorithm, DiffOp, capture_diff_slices};

use crate::base::limits::DIFF_FINE_LINES_MAX;

/// Which differences in white space count.
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
    /// What lines are compared by.
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

/// The changes between two texts in order, and whether they were only looked at coarsely.
pub(super) fn changes(old: &[Bytes], new: &[Bytes], whitespace: Whitespace) -> (Vec<Change>, bool) {
    let mut seen = HashMap::new();
    let mut number = |line: &Bytes| {
        let next = u32::try_from(seen.len()).unwrap_or(u32::MAX);
        // The map owns its keys: the lines of the second text outlive no borrow of the first.
        *seen.entry(whitespace.key(line).into_owned()).or_insert(next)
    };
    let old: Vec<u32> = old.iter().map(&mut number).collect();
    let new: Vec<u32> = new.iter().map(&mut number).collect();
    let head = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
    let rest = old.len().min(new.len()) - head;
    let tail = old.iter().rev().zip(new.iter().rev()).take(rest).take_while(|(a, b)| a == b).count();
    let (old_mid, new_mid) = (head..old.len() - tail, head..new.len() - tail);
    if old_mid.len().saturating_add(new_mid.len()) > DIFF_FINE_LINES_MAX {
        return (vec![Change { old: old_mid, new: new_mid }], true);
    }
    let (old, new) = (old.get(old_mid).unwrap_or(&[]), new.get(new_mid).unwrap_or(&[]));
    let mut changes: Vec<Change> = Vec::new();
    for op in capture_diff_slices(Algorithm::Histogram, old, new) {
        if matches!(op, DiffOp::Equal { .. }) {
            continue;
        }
        let shift = |range: Range<usize>| range.start + head..range.end + head;
        let change = Change { old: shift(op.old_range()), new: shift(op.new_range()) };
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
