//! Pairs the removed and added lines of a block: which old line became which new one.
//!
//! Owns the one answer that word marks and partial apply share. A pairing is monotone: later lines
//! pair with later lines.

use crate::diff::file::{Hunk, LineKind};
use crate::diff::limits::INTRALINE_BLOCK_LINES_MAX;
use std::cmp::Reverse;
use std::ops::Range;

/// Neighboring changed lines of a hunk, as indexes into its lines: the removed ones come first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Block {
    pub removed: Range<usize>,
    pub added: Range<usize>,
}

/// Returns the block that begins at line `at`; both parts are empty when that line is context.
pub(super) fn block_at(hunk: &Hunk, at: usize) -> Block {
    let run = |from: usize, kind: LineKind| {
        from..from + hunk.lines.iter().skip(from).take_while(|line| line.kind == kind).count()
    };
    let removed = run(at, LineKind::Removed);
    let added = run(removed.end, LineKind::Added);
    Block { removed, added }
}

/// Pairs removed with added lines: one to one where the counts are equal, otherwise each line of the
/// shorter side with the most similar line still free. Empty for a side without lines and for
/// blocks above [`INTRALINE_BLOCK_LINES_MAX`] with unequal counts.
pub(super) fn pairs(hunk: &Hunk, removed: &[usize], added: &[usize]) -> Vec<(usize, usize)> {
    if removed.len() == added.len() {
        return removed.iter().copied().zip(added.iter().copied()).collect();
    }
    if removed.is_empty() || added.is_empty() || removed.len().max(added.len()) > INTRALINE_BLOCK_LINES_MAX {
        return Vec::new();
    }
    let removed_is_short = removed.len() < added.len();
    let (short, long) = if removed_is_short { (removed, added) } else { (added, removed) };
    let mut pairs = Vec::new();
    let mut from = 0;
    for (done, &line) in short.iter().enumerate() {
        // Leave enough partners for the lines still to come.
        let upto = long.len() - (short.len() - done - 1);
        let free = long.iter().enumerate().take(upto).skip(from);
        let best = free.max_by_key(|&(at, &other)| (similarity(hunk, line, other), Reverse(at)));
        let Some((at, &best)) = best else { break };
        from = at + 1;
        pairs.push(if removed_is_short { (line, best) } else { (best, line) });
    }
    pairs
}

/// Counts the bytes that two lines share at their start and end.
fn similarity(hunk: &Hunk, one: usize, other: usize) -> usize {
    let body = |index: usize| hunk.lines.get(index).map_or(&[][..], |l| l.body().trim_ascii());
    let (a, b) = (body(one), body(other));
    let head = a.iter().zip(b).take_while(|(x, y)| x == y).count();
    let rest = a.len().min(b.len()) - head;
    head + a.iter().rev().zip(b.iter().rev()).take(rest).take_while(|(x, y)| x == y).count()
}
