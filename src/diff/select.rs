//! The selected parts of a diff, and the exact bytes they produce.
//!
//! Owns the wire form of a choice (`hunks?: [index | {hunk, lines}]`) and partial apply: all of a
//! diff is the new version, none of it the old one, byte for byte.

use crate::diff::align::Whitespace;
use crate::diff::file::{Content, DiffLine, FileDiff, Hunk, LineId, LineKind};
use crate::diff::pairing::{Block, block_at, pairs};
use bytes::Bytes;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use thiserror::Error;

/// A selected part of one hunk.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(untagged, deny_unknown_fields)]
pub enum HunkChoice {
    /// The whole hunk, by index from 0.
    Whole(usize),
    /// Some changed lines of a hunk.
    Lines {
        /// Index of the hunk, from 0.
        hunk: usize,
        /// Indexes into the hunk's lines (context counted), from 0; only changed lines may be named.
        lines: Vec<usize>,
    },
}

/// The selected parts of one file's diff. Refers to the hunks of [`FileDiff::new`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Selection(pub Vec<HunkChoice>);

/// The reason that a selection cannot be applied.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Refused {
    #[error("the file is binary: approve or deny it as a whole")]
    Binary,
    #[error("the file is too large to be approved in parts: approve or deny it as a whole")]
    TooLarge,
    #[error("this view ignores whitespace or context: select from the exact diff")]
    NotExact,
    #[error("there is no hunk {hunk}: the file has {count}")]
    NoSuchHunk { hunk: usize, count: usize },
    #[error("hunk {hunk} has no changed line {line}")]
    NoSuchLine { hunk: usize, line: usize },
}

impl Selection {
    /// Every hunk of `diff`.
    pub fn all(diff: &FileDiff) -> Self {
        Self((0..diff.hunks.len()).map(HunkChoice::Whole).collect())
    }

    /// Nothing.
    pub fn none() -> Self {
        Self::default()
    }

    /// The shortest selection of `diff` that holds these lines; lines that did not change are left out.
    #[cfg(test)]
    fn of_lines(diff: &FileDiff, wanted: &BTreeSet<LineId>) -> Self {
        let mut choices = Vec::new();
        for (index, hunk) in diff.hunks.iter().enumerate() {
            let changed = hunk.lines.iter().enumerate().filter_map(|(n, line)| Some((n, line.id()?)));
            let count = changed.clone().count();
            let lines: Vec<_> = changed.filter(|(_, id)| wanted.contains(id)).map(|(n, _)| n).collect();
            if lines.len() == count {
                choices.push(HunkChoice::Whole(index));
            } else if !lines.is_empty() {
                choices.push(HunkChoice::Lines { hunk: index, lines });
            }
        }
        Self(choices)
    }

    /// The changed lines of `diff` that are selected.
    ///
    /// # Errors
    /// A hunk or line that does not exist, or names a line that did not change.
    pub fn lines(&self, diff: &FileDiff) -> Result<BTreeSet<LineId>, Refused> {
        let mut wanted = BTreeSet::new();
        for choice in &self.0 {
            let (HunkChoice::Whole(index) | HunkChoice::Lines { hunk: index, .. }) = choice;
            let no_hunk = || Refused::NoSuchHunk { hunk: *index, count: diff.hunks.len() };
            let hunk = diff.hunks.get(*index).ok_or_else(no_hunk)?;
            match choice {
                HunkChoice::Whole(_) => wanted.extend(hunk.lines.iter().filter_map(DiffLine::id)),
                HunkChoice::Lines { lines, .. } => {
                    for &line in lines {
                        let id = hunk.lines.get(line).and_then(DiffLine::id);
                        wanted.insert(id.ok_or(Refused::NoSuchLine { hunk: *index, line })?);
                    }
                }
            }
        }
        Ok(wanted)
    }
}

impl FileDiff {
    /// The old version with the selected changes made.
    ///
    /// Selecting everything gives the new version, nothing the old one, byte for byte. Where a
    /// choice puts a line after one that had no newline, that newline is added.
    ///
    /// # Errors
    /// [`Refused`] for binary and too large files, for views that are not exact, and for a selection
    /// that names something that does not exist.
    pub fn apply(&self, selection: &Selection) -> Result<Bytes, Refused> {
        match self.content {
            Content::Binary => return Err(Refused::Binary),
            Content::TooLarge => return Err(Refused::TooLarge),
            Content::Text => {}
        }
        if self.options.whitespace != Whitespace::Exact {
            return Err(Refused::NotExact);
        }
        let wanted = selection.lines(self)?;
        if wanted.is_empty() {
            return Ok(self.old.clone());
        }
        if wanted.len() == self.added + self.removed {
            return Ok(self.new.clone());
        }
        Ok(self.compose(&wanted))
    }

    pub(super) fn compose(&self, wanted: &BTreeSet<LineId>) -> Bytes {
        let mut out = Writer(Vec::with_capacity(self.old.len().max(self.new.len())));
        let old = super::align::lines(&self.old);
        let mut at = 0;
        for hunk in &self.hunks {
            let start = if hunk.old_len == 0 { hunk.old_start } else { hunk.old_start - 1 };
            old.get(at..start).unwrap_or(&[]).iter().for_each(|line| out.line(line));
            compose_hunk(hunk, wanted, &mut out);
            at = start + hunk.old_len;
        }
        old.get(at..).unwrap_or(&[]).iter().for_each(|line| out.line(line));
        Bytes::from(out.0)
    }
}

/// Writes a hunk with the selected changes made: block by block, every wanted line in the place of the
/// line that it replaces.
fn compose_hunk(hunk: &Hunk, wanted: &BTreeSet<LineId>, out: &mut Writer) {
    let mut at = 0;
    while let Some(line) = hunk.lines.get(at) {
        if line.kind == LineKind::Context {
            out.line(&line.text);
            at += 1;
            continue;
        }
        let block = block_at(hunk, at);
        at = block.added.end;
        compose_block(hunk, block, wanted, out);
    }
}

/// Writes the kept and the wanted lines of one block. Wanted lines replace the wanted removals; where
/// nothing is removed, a line comes after the old line that it would have replaced.
fn compose_block(hunk: &Hunk, block: Block, wanted: &BTreeSet<LineId>, out: &mut Writer) {
    let is_wanted =
        |&index: &usize| hunk.lines.get(index).and_then(DiffLine::id).is_some_and(|id| wanted.contains(&id));
    let taken: Vec<usize> = block.added.clone().filter(is_wanted).collect();
    let gone: Vec<usize> = block.removed.clone().filter(is_wanted).collect();
    let (from, to) = if gone.is_empty() {
        (block.removed.clone().collect(), block.added.collect())
    } else {
        (gone.clone(), taken.clone())
    };
    let mut places = pairs(hunk, &from, &to);
    if places.is_empty() {
        places = from.iter().copied().zip(to.iter().copied()).collect();
    }
    let first = from.first().copied();
    // The old line after which a taken line is written: its partner, or that of the line before it.
    let place = |new: usize| {
        let before = places.partition_point(|&(_, paired)| paired <= new).checked_sub(1)?;
        places.get(before).map(|&(old, _)| old)
    };
    let mut taken = taken.into_iter().peekable();
    for old in block.removed {
        while let Some(new) = taken.next_if(|&new| first == Some(old) && place(new).is_none()) {
            out.line_of(hunk, new);
        }
        if gone.binary_search(&old).is_err() {
            out.line_of(hunk, old);
        }
        while let Some(new) = taken.next_if(|&new| place(new) == Some(old)) {
            out.line_of(hunk, new);
        }
    }
    taken.for_each(|new| out.line_of(hunk, new));
}

/// Puts lines together; supplies the newline that a line in the middle may lack.
pub(super) struct Writer(pub Vec<u8>);

impl Writer {
    fn line_of(&mut self, hunk: &Hunk, index: usize) {
        hunk.lines.get(index).into_iter().for_each(|line| self.line(&line.text));
    }

    pub(super) fn line(&mut self, line: &[u8]) {
        if self.0.last().is_some_and(|&b| b != b'\n') {
            let ending: &[u8] = if line.ends_with(b"\r\n") { b"\r\n" } else { b"\n" };
            self.0.extend_from_slice(ending);
        }
        self.0.extend_from_slice(line);
    }
}

/// Hunk by hunk, how many changed lines are selected of how many; for a view's check boxes.
pub fn counts(diff: &FileDiff, wanted: &BTreeSet<LineId>) -> BTreeMap<usize, (usize, usize)> {
    let count = |hunk: &super::Hunk| {
        let ids = hunk.lines.iter().filter_map(DiffLine::id);
        ids.fold((0, 0), |(some, all), id| (some + usize::from(wanted.contains(&id)), all + 1))
    };
    diff.hunks.iter().map(count).enumerate().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(old: &'static str, new: &'static str, selection: &str, expect: &str) {
        let diff = FileDiff::new(old, new);
        let selection: Selection = serde_json::from_str(selection).unwrap();
        let got = diff.apply(&selection).unwrap();
        assert_eq!(String::from_utf8_lossy(&got), expect, "{old:?} {new:?} {selection:?}");
    }

    #[test]
    fn the_wire_form_is_a_list_of_indexes_and_line_lists() {
        let selection = Selection(vec![HunkChoice::Whole(0), HunkChoice::Lines { hunk: 2, lines: vec![1, 3] }]);
        let json = serde_json::to_string(&selection).unwrap();
        assert_eq!(json, r#"[0,{"hunk":2,"lines":[1,3]}]"#);
        assert_eq!(serde_json::from_str::<Selection>(&json).unwrap(), selection);
    }

    #[test]
    fn parts_give_exactly_those_bytes() {
        // Lines: 0 -a, 1 +A, 2 b, 3 +c.
        check("a\nb\n", "A\nb\nc\n", r#"[{"hunk":0,"lines":[0]}]"#, "b\n");
        check("a\nb\n", "A\nb\nc\n", r#"[{"hunk":0,"lines":[1]}]"#, "a\nA\nb\n");
        check("a\nb\n", "A\nb\nc\n", r#"[{"hunk":0,"lines":[3]}]"#, "a\nb\nc\n");
        check("a\nb\n", "A\nb\nc\n", r#"[{"hunk":0,"lines":[0,1,3]}]"#, "A\nb\nc\n");
        check("a\nb\n", "A\nb\nc\n", "[0,0]", "A\nb\nc\n");
        check("a\nb\n", "A\nb\nc\n", "[]", "a\nb\n");
    }

    #[test]
    fn a_taken_line_is_in_the_place_of_the_line_it_replaces() {
        // Lines: 0 x, 1 -a, 2 -b, 3 -c, 4 +A, 5 +B, 6 +C, 7 y.
        let some = |lines: &str, expect| {
            check("x\na\nb\nc\ny\n", "x\nA\nB\nC\ny\n", &format!(r#"[{{"hunk":0,"lines":{lines}}}]"#), expect);
        };
        some("[1,4]", "x\nA\nb\nc\ny\n");
        some("[2,5]", "x\na\nB\nc\ny\n");
        some("[3,6]", "x\na\nb\nC\ny\n");
        some("[1,3,4,6]", "x\nA\nb\nC\ny\n");
        some("[1,5]", "x\nB\nb\nc\ny\n");
        some("[1,4,5]", "x\nA\nB\nb\nc\ny\n");
        some("[2]", "x\na\nc\ny\n");
        some("[5]", "x\na\nb\nB\nc\ny\n");
        some("[4,5,6]", "x\na\nA\nb\nB\nc\nC\ny\n");
        // Unequal counts: 0 -one(1), 1 -two(2), 2 +zero(), 3 +one(10), 4 +two(20).
        let uneven = |lines: &str, expect| {
            let (old, new) = ("one(1)\ntwo(2)\n", "zero()\none(10)\ntwo(20)\n");
            check(old, new, &format!(r#"[{{"hunk":0,"lines":{lines}}}]"#), expect);
        };
        uneven("[2]", "zero()\none(1)\ntwo(2)\n");
        uneven("[0,3]", "one(10)\ntwo(2)\n");
        uneven("[1,4]", "one(1)\ntwo(20)\n");
        uneven("[0,2,3]", "zero()\none(10)\ntwo(2)\n");
        uneven("[0,1,3]", "one(10)\n");
    }

    #[test]
    fn a_missing_newline_never_glues_two_lines() {
        check("a", "b\n", r#"[{"hunk":0,"lines":[1]}]"#, "a\nb\n");
        check("a", "a\nb", r#"[{"hunk":0,"lines":[2]}]"#, "a\nb");
        check("x\r\na", "x\r\nb\r\n", r#"[{"hunk":0,"lines":[2]}]"#, "x\r\na\r\nb\r\n");
        check("a\n", "b", r#"[{"hunk":0,"lines":[0]}]"#, "");
        check("a", "b\n", "[0]", "b\n");
    }

    #[test]
    fn what_is_not_there_is_refused() {
        let diff = FileDiff::new("a\nb\n", "a\nc\n");
        let apply = |choice| diff.apply(&Selection(vec![choice])).unwrap_err();
        assert_eq!(apply(HunkChoice::Whole(1)), Refused::NoSuchHunk { hunk: 1, count: 1 });
        let context = HunkChoice::Lines { hunk: 0, lines: vec![0] };
        assert_eq!(apply(context), Refused::NoSuchLine { hunk: 0, line: 0 });
        let far = HunkChoice::Lines { hunk: 0, lines: vec![9] };
        assert_eq!(apply(far), Refused::NoSuchLine { hunk: 0, line: 9 });
        let binary = FileDiff::new(&b"\0"[..], &b"x"[..]);
        assert_eq!(binary.apply(&Selection::none()), Err(Refused::Binary));
        let options = super::super::DiffOptions { whitespace: Whitespace::IgnoreAll, ..Default::default() };
        let loose = FileDiff::with("a\n", "b\n", options);
        assert_eq!(loose.apply(&Selection::all(&loose)), Err(Refused::NotExact));
    }

    /// Short texts over few different lines, with CRLF, empty lines and no newline at the end.
    fn text() -> impl Strategy<Value = String> {
        let line = proptest::sample::select(vec!["a\n", "b\n", "c\r\n", "\n", "\r\n", "é\n", "a\r", "\u{feff}x\n"]);
        let end = proptest::sample::select(vec!["", "", "a", "b\r", "z"]);
        (proptest::collection::vec(line, 0..14), end).prop_map(|(lines, end)| lines.concat() + end)
    }

    proptest! {
        #[test]
        fn all_is_the_new_version_and_none_the_old(old in text(), new in text(), context_lines in 0usize..4) {
            let options = super::super::DiffOptions { context_lines, ..Default::default() };
            let diff = FileDiff::with(old.clone(), new.clone(), options);
            prop_assert_eq!(diff.apply(&Selection::all(&diff)).unwrap(), new.as_bytes());
            prop_assert_eq!(diff.apply(&Selection::none()).unwrap(), old.as_bytes());
            // The same through the composer, without the short cuts.
            let every = Selection::all(&diff).lines(&diff).unwrap();
            prop_assert_eq!(diff.compose(&every), new.as_bytes());
            prop_assert_eq!(diff.compose(&BTreeSet::new()), old.as_bytes());
            prop_assert_eq!(every.len(), diff.added + diff.removed);
        }

        #[test]
        fn one_part_after_the_other_is_both(old in text(), new in text(), seed in any::<u64>()) {
            let diff = FileDiff::new(old, new.clone());
            let every = Selection::all(&diff).lines(&diff).unwrap();
            let part: BTreeSet<_> = every.iter().enumerate()
                .filter(|(n, _)| seed >> (n % 64) & 1 == 1).map(|(_, id)| *id).collect();
            let selection = Selection::of_lines(&diff, &part);
            prop_assert_eq!(&selection.lines(&diff).unwrap(), &part);
            let half = diff.apply(&selection).unwrap();
            let rest = FileDiff::new(half, new.clone());
            prop_assert_eq!(rest.apply(&Selection::all(&rest)).unwrap(), new.as_bytes());
        }

        #[test]
        fn hunks_tell_the_truth_about_both_versions(old in text(), new in text()) {
            let diff = FileDiff::new(old, new);
            let (olds, news) = (super::super::align::lines(diff.old()), super::super::align::lines(diff.new_version()));
            for line in diff.hunks.iter().flat_map(|h| &h.lines) {
                if let Some(no) = line.old_no { prop_assert_eq!(&olds[no - 1], &line.text); }
                if let Some(no) = line.new_no { prop_assert_eq!(&news[no - 1], &line.text); }
            }
        }
    }
}
