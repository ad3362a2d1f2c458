//! Three versions in, one out: the changes of both sides, and the places where they disagree.
//!
//! Changes that overlap or touch are a conflict unless they are the same. Whoever changed alone gets
//! exactly their bytes.

use crate::diff::align::{self, Change, Whitespace};
use crate::diff::file::is_binary;
use crate::diff::limits::MERGE_BYTES_MAX;
use crate::diff::select::Writer;
use bytes::Bytes;
use std::iter::Peekable;
use std::ops::Range;
use std::slice::Iter;
use thiserror::Error;

/// Usual length of a conflict marker; longer ones are used where the text itself has such lines.
const MARKER_LEN: usize = 7;

/// The side that the lines of a merge region come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Region {
    /// Nobody changed these lines.
    Same,
    /// Only our side changed them.
    Ours,
    /// Only their side changed them.
    Theirs,
    /// Both sides made the same change.
    Both,
    /// The sides disagree.
    Conflict,
}

/// A stretch of the merge, as line ranges (from 0) in each of the three versions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stretch {
    pub region: Region,
    pub base: Range<usize>,
    pub ours: Range<usize>,
    pub theirs: Range<usize>,
}

/// Words for the conflict markers.
#[derive(Clone, Copy, Debug)]
pub struct Labels<'a> {
    pub ours: &'a str,
    pub base: &'a str,
    pub theirs: &'a str,
}

/// A merge.
#[derive(Clone, Debug)]
pub struct Merge {
    base: Vec<Bytes>,
    ours: Vec<Bytes>,
    theirs: Vec<Bytes>,
    /// In order; together they cover all three versions.
    pub stretches: Vec<Stretch>,
}

/// The reason that three versions cannot be merged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Unmergeable {
    #[error("a version is binary: keep one side as a whole")]
    Binary,
    #[error("a version is larger than {MERGE_BYTES_MAX} bytes: keep one side as a whole")]
    TooLarge,
}

/// Merges `ours` and `theirs`, which both came from `base`. A file that does not exist is empty.
///
/// # Errors
/// [`Unmergeable`] when a version is binary or too large.
pub fn merge(base: impl Into<Bytes>, ours: impl Into<Bytes>, theirs: impl Into<Bytes>) -> Result<Merge, Unmergeable> {
    let versions = [base.into(), ours.into(), theirs.into()];
    if versions.iter().any(|v| v.len() > MERGE_BYTES_MAX) {
        return Err(Unmergeable::TooLarge);
    }
    if versions.iter().any(|v| is_binary(v)) {
        return Err(Unmergeable::Binary);
    }
    let [base, ours, theirs] = versions.map(|v| align::lines(&v));
    let (our_changes, _) = align::changes(&base, &ours, Whitespace::Exact);
    let (their_changes, _) = align::changes(&base, &theirs, Whitespace::Exact);
    let mut merge = Merge { base, ours, theirs, stretches: Vec::new() };
    merge.fill(Side::new(&our_changes), Side::new(&their_changes));
    Ok(merge)
}

/// One side's changes that are still to come.
struct Side<'a> {
    changes: Peekable<Iter<'a, Change>>,
    /// Line of this side that belongs to base line 0 of what is still to come; wraps below zero.
    shift: usize,
}

impl<'a> Side<'a> {
    fn new(changes: &'a [Change]) -> Self {
        Self { changes: changes.iter().peekable(), shift: 0 }
    }

    fn next_start(&mut self) -> Option<usize> {
        self.changes.peek().map(|c| c.old.start)
    }

    /// Takes the changes that start at or before `end`; gives the end of the last of them.
    fn take_upto(&mut self, end: usize) -> Option<usize> {
        let mut taken = None;
        while let Some(change) = self.changes.next_if(|c| c.old.start <= end.max(taken.unwrap_or(0))) {
            self.shift = self.shift.wrapping_add(change.new.len()).wrapping_sub(change.old.len());
            taken = Some(change.old.end);
        }
        taken
    }

    fn at(&self, base_line: usize) -> usize {
        base_line.wrapping_add(self.shift)
    }
}

impl Merge {
    fn fill(&mut self, mut ours: Side<'_>, mut theirs: Side<'_>) {
        let mut at = 0;
        loop {
            let next = [ours.next_start(), theirs.next_start()].into_iter().flatten().min();
            let start = next.unwrap_or(self.base.len());
            if start > at {
                let stretch = |side: &Side<'_>| side.at(at)..side.at(start);
                self.push(Region::Same, at..start, stretch(&ours), stretch(&theirs));
            }
            if next.is_none() {
                return;
            }
            let (our_start, their_start) = (ours.at(start), theirs.at(start));
            let (mut end, mut ours_changed, mut theirs_changed) = (start, false, false);
            loop {
                let (a, b) = (ours.take_upto(end), theirs.take_upto(end));
                ours_changed |= a.is_some();
                theirs_changed |= b.is_some();
                if a.is_none() && b.is_none() {
                    break;
                }
                end = end.max(a.unwrap_or(0)).max(b.unwrap_or(0));
            }
            let (our_range, their_range) = (our_start..ours.at(end), their_start..theirs.at(end));
            let same = self.ours.get(our_range.clone()) == self.theirs.get(their_range.clone());
            let region = match (ours_changed, theirs_changed) {
                (_, false) => Region::Ours,
                (false, true) => Region::Theirs,
                (true, true) if same => Region::Both,
                (true, true) => Region::Conflict,
            };
            self.push(region, start..end, our_range, their_range);
            at = end;
        }
    }

    fn push(&mut self, region: Region, base: Range<usize>, ours: Range<usize>, theirs: Range<usize>) {
        self.stretches.push(Stretch { region, base, ours, theirs });
    }

    /// Returns the number of places in which the sides disagree.
    pub fn conflicts(&self) -> usize {
        self.stretches.iter().filter(|s| s.region == Region::Conflict).count()
    }

    /// The merged file, when the sides do not disagree anywhere.
    pub fn clean(&self) -> Option<Bytes> {
        (self.conflicts() == 0).then(|| self.render(|_, _| {}))
    }

    /// The merged file; the `n`-th conflict gets what `choose(n, stretch)` says.
    pub fn resolved(&self, mut choose: impl FnMut(usize, &Stretch) -> Choice) -> Bytes {
        let mut n = 0;
        self.render(|stretch, out| {
            let choice = choose(n, stretch);
            n += 1;
            let (ours, theirs) = (range(&self.ours, &stretch.ours), range(&self.theirs, &stretch.theirs));
            match choice {
                Choice::Ours => write(out, ours),
                Choice::Theirs => write(out, theirs),
                Choice::OursThenTheirs => {
                    write(out, ours);
                    write(out, theirs);
                }
                Choice::Base => write(out, range(&self.base, &stretch.base)),
            }
        })
    }

    /// The merged file with conflict markers (ours, base, theirs) where the sides disagree.
    pub fn marked(&self, labels: Labels<'_>) -> Bytes {
        let crlf = self.ours.first().or(self.theirs.first()).is_some_and(|line| line.ends_with(b"\r\n"));
        let len = self.marker_len();
        let mark = |out: &mut Writer, sign: &str, label: &str| {
            let label: String = label.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
            let blank = if label.is_empty() { "" } else { " " };
            let end = if crlf { "\r\n" } else { "\n" };
            out.line(format!("{}{blank}{label}{end}", sign.repeat(len)).as_bytes());
        };
        self.render(|stretch, out| {
            mark(out, "<", labels.ours);
            write(out, range(&self.ours, &stretch.ours));
            mark(out, "|", labels.base);
            write(out, range(&self.base, &stretch.base));
            mark(out, "=", "");
            write(out, range(&self.theirs, &stretch.theirs));
            mark(out, ">", labels.theirs);
        })
    }

    /// One more than the longest run of marker signs that starts a line, at least [`MARKER_LEN`].
    fn marker_len(&self) -> usize {
        let all = [&self.base, &self.ours, &self.theirs];
        let run = |line: &Bytes| match line.first() {
            Some(&sign) if b"<|=>".contains(&sign) => line.iter().take_while(|&&b| b == sign).count() + 1,
            _ => 0,
        };
        let longest = all.into_iter().flatten().map(run).filter(|&n| n > MARKER_LEN).max();
        longest.unwrap_or(MARKER_LEN)
    }

    fn render(&self, mut conflict: impl FnMut(&Stretch, &mut Writer)) -> Bytes {
        let mut out = Writer(Vec::new());
        for stretch in &self.stretches {
            match stretch.region {
                Region::Same | Region::Ours | Region::Both => write(&mut out, range(&self.ours, &stretch.ours)),
                Region::Theirs => write(&mut out, range(&self.theirs, &stretch.theirs)),
                Region::Conflict => conflict(stretch, &mut out),
            }
        }
        Bytes::from(out.0)
    }
}

/// The resolution of a conflict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    Ours,
    Theirs,
    OursThenTheirs,
    Base,
}

fn range<'a>(lines: &'a [Bytes], range: &Range<usize>) -> &'a [Bytes] {
    lines.get(range.clone()).unwrap_or(&[])
}

fn write(out: &mut Writer, lines: &[Bytes]) {
    lines.iter().for_each(|line| out.line(line));
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LABELS: Labels<'static> = Labels { ours: "you", base: "before", theirs: "agent" };

    fn check(base: &'static str, ours: &'static str, theirs: &'static str, expect: &str) {
        let merged = merge(base, ours, theirs).unwrap();
        assert_eq!(String::from_utf8_lossy(&merged.marked(LABELS)), expect);
        assert_eq!(merged.clean().is_some(), !expect.contains("<<<<<<<"));
    }

    #[test]
    fn changes_apart_from_each_other_are_joined() {
        check("a\nb\nc\nd\n", "A\nb\nc\nd\n", "a\nb\nc\nD\n", "A\nb\nc\nD\n");
        check("a\nb\nc\n", "b\nc\n", "a\nb\nc\nd\n", "b\nc\nd\n");
        check("a\nb\n", "a\nx\nb\n", "a\nx\nb\n", "a\nx\nb\n");
        check("", "", "new\n", "new\n");
        check("a\nb\nc\n", "a\nb\nc\n", "", "");
    }

    #[test]
    fn changes_that_touch_are_conflicts() {
        check("a\nb\n", "A\nb\n", "a\nB\n", "<<<<<<< you\nA\nb\n||||||| before\na\nb\n=======\na\nB\n>>>>>>> agent\n");
        check("a\nb\n", "a\nx\nb\n", "a\ny\nb\n", "a\n<<<<<<< you\nx\n||||||| before\n=======\ny\n>>>>>>> agent\nb\n");
        check("a", "b", "c", "<<<<<<< you\nb\n||||||| before\na\n=======\nc\n>>>>>>> agent\n");
        check(
            "x\r\n",
            "y\r\n",
            "z\r\n",
            "<<<<<<< you\r\ny\r\n||||||| before\r\nx\r\n=======\r\nz\r\n>>>>>>> agent\r\n",
        );
    }

    #[test]
    fn markers_are_longer_than_those_in_the_text() {
        let merged = merge("a\n<<<<<<< x\n", "b\n<<<<<<< x\n", "c\n<<<<<<< x\n").unwrap();
        assert!(merged.marked(LABELS).starts_with(b"<<<<<<<< you\n"));
    }

    #[test]
    fn conflicts_can_be_chosen() {
        let merged = merge("a\nm\nz\n", "b\nm\ny\n", "c\nm\nx\n").unwrap();
        let choices = [Choice::Ours, Choice::OursThenTheirs];
        assert_eq!(merged.resolved(|n, _| choices[n]), "b\nm\ny\nx\n");
        assert_eq!(merged.resolved(|_, _| Choice::Base), "a\nm\nz\n");
        assert_eq!(merge(&b"\0"[..], "a", "b").unwrap_err(), Unmergeable::Binary);
    }

    fn text() -> impl Strategy<Value = String> {
        let line = proptest::sample::select(vec!["a\n", "b\n", "c\n", "d\r\n", "\n"]);
        let end = proptest::sample::select(vec!["", "", "a", "z\r"]);
        (proptest::collection::vec(line, 0..12), end).prop_map(|(lines, end)| lines.concat() + end)
    }

    proptest! {
        #[test]
        fn who_changed_alone_gets_exactly_their_bytes(base in text(), side in text()) {
            prop_assert_eq!(merge(base.clone(), side.clone(), base.clone()).unwrap().clean().unwrap(), side.as_bytes());
            prop_assert_eq!(merge(base.clone(), base.clone(), side.clone()).unwrap().clean().unwrap(), side.as_bytes());
            prop_assert_eq!(merge(base, side.clone(), side.clone()).unwrap().clean().unwrap(), side.as_bytes());
        }

        #[test]
        fn stretches_cover_all_versions_and_sides_swap(base in text(), ours in text(), theirs in text()) {
            let merged = merge(base.clone(), ours.clone(), theirs.clone()).unwrap();
            let (mut b, mut o, mut t) = (0, 0, 0);
            for s in &merged.stretches {
                prop_assert_eq!((s.base.start, s.ours.start, s.theirs.start), (b, o, t));
                (b, o, t) = (s.base.end, s.ours.end, s.theirs.end);
            }
            prop_assert_eq!((b, o, t), (merged.base.len(), merged.ours.len(), merged.theirs.len()));
            let swapped = merge(base, theirs, ours).unwrap();
            prop_assert_eq!(merged.conflicts(), swapped.conflicts());
            prop_assert_eq!(merged.clean(), swapped.clean());
        }
    }
}
