//! The difference between two versions of one file, as hunks of lines.
//!
//! Owns the shapes that views and decisions use. Hunk and line numbers in a
//! [`Selection`](super::Selection) refer to the hunks of [`DiffOptions::default`].

use crate::base::limits::{DIFF_BINARY_PROBE_BYTES, DIFF_BYTES_MAX, DIFF_CONTEXT_LINES};
use crate::diff::align::{self, Change, Whitespace};
use bytes::Bytes;
use serde::{Deserialize, Serialize};

/// The options for cutting a diff into hunks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct DiffOptions {
    /// Unchanged lines shown around changes.
    pub context_lines: usize,
    /// The differences in whitespace that count.
    pub whitespace: Whitespace,
}

impl Default for DiffOptions {
    fn default() -> Self {
        Self { context_lines: DIFF_CONTEXT_LINES, whitespace: Whitespace::Exact }
    }
}

/// The kind of content that was compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Content {
    /// Lines; hunks tell all.
    Text,
    /// A NUL near the start of either side: no hunks, all or nothing.
    Binary,
    /// A side above [`DIFF_BYTES_MAX`]: no hunks, all or nothing.
    TooLarge,
}

/// The change of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LineKind {
    Context,
    Removed,
    Added,
}

/// One line of a hunk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiffLine {
    pub kind: LineKind,
    /// The line with its terminator (the new one where only whitespace differs). Cheap to clone.
    pub text: Bytes,
    /// Line number in the old version, from 1.
    pub old_no: Option<usize>,
    /// Line number in the new version, from 1.
    pub new_no: Option<usize>,
}

impl DiffLine {
    /// The line without its `\n`; a CR before it stays, it is part of what changed.
    pub fn body(&self) -> &[u8] {
        self.text.strip_suffix(b"\n").unwrap_or(&self.text)
    }

    /// Names a changed line independently of hunks and context; `None` for context.
    pub fn id(&self) -> Option<LineId> {
        match self.kind {
            LineKind::Context => None,
            LineKind::Removed => self.old_no.map(LineId::Removed),
            LineKind::Added => self.new_no.map(LineId::Added),
        }
    }
}

/// A changed line by its number (from 1) in the version that has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum LineId {
    Removed(usize),
    Added(usize),
}

/// Changes close to each other, with the context around them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hunk {
    /// First old line, from 1; with no old lines, the line after which the new ones come (may be 0).
    pub old_start: usize,
    pub old_len: usize,
    /// First new line, from 1; with no new lines, the line after which the old ones were (may be 0).
    pub new_start: usize,
    pub new_len: usize,
    pub lines: Vec<DiffLine>,
}

/// The difference between two versions of one file.
#[derive(Clone, Debug)]
pub struct FileDiff {
    pub(super) old: Bytes,
    pub(super) new: Bytes,
    pub(super) options: DiffOptions,
    pub content: Content,
    pub hunks: Vec<Hunk>,
    /// The old version has text and no newline at its end.
    pub old_missing_newline: bool,
    /// The new version has text and no newline at its end.
    pub new_missing_newline: bool,
    /// Too many lines to look for the best pairing: the changed middle is one block.
    pub coarse: bool,
    /// Lines added, over all hunks.
    pub added: usize,
    /// Lines removed, over all hunks.
    pub removed: usize,
}

impl FileDiff {
    /// Compares two versions with [`DiffOptions::default`]: the form that decisions refer to.
    /// A file that does not exist is an empty one.
    pub fn new(old: impl Into<Bytes>, new: impl Into<Bytes>) -> Self {
        Self::with(old, new, DiffOptions::default())
    }

    /// Compares two versions for a view with its own context and whitespace rule.
    pub fn with(old: impl Into<Bytes>, new: impl Into<Bytes>, options: DiffOptions) -> Self {
        let (old, new) = (old.into(), new.into());
        let missing = |content: &Bytes| content.last().is_some_and(|&b| b != b'\n');
        let content = if old.len().max(new.len()) > DIFF_BYTES_MAX {
            Content::TooLarge
        } else if is_binary(&old) || is_binary(&new) {
            Content::Binary
        } else {
            Content::Text
        };
        let mut diff = FileDiff {
            old_missing_newline: missing(&old),
            new_missing_newline: missing(&new),
            options,
            content,
            hunks: Vec::new(),
            coarse: false,
            added: 0,
            removed: 0,
            old,
            new,
        };
        if content == Content::Text && diff.old != diff.new {
            diff.fill();
        }
        diff
    }

    fn fill(&mut self) {
        let (old, new) = (align::lines(&self.old), align::lines(&self.new));
        let (changes, coarse) = align::changes(&old, &new, self.options.whitespace);
        self.coarse = coarse;
        self.removed = changes.iter().map(|c| c.old.len()).sum();
        self.added = changes.iter().map(|c| c.new.len()).sum();
        let groups = grouped(&changes, self.options.context_lines);
        self.hunks = groups.map(|group| hunk(group, &old, &new, self.options.context_lines)).collect();
    }

    /// The old version.
    pub fn old(&self) -> &Bytes {
        &self.old
    }

    /// The new version.
    pub fn new_version(&self) -> &Bytes {
        &self.new
    }

    /// Returns how the hunks were cut.
    pub fn options(&self) -> DiffOptions {
        self.options
    }

    /// True when both versions are the same bytes.
    pub fn is_same(&self) -> bool {
        self.old == self.new
    }
}

/// Git's rule: a NUL in the first 8000 bytes.
pub fn is_binary(content: &[u8]) -> bool {
    let probe = content.get(..DIFF_BINARY_PROBE_BYTES).unwrap_or(content);
    memchr::memchr(0, probe).is_some()
}

/// Runs of changes with at most twice the context between them.
fn grouped(changes: &[Change], context: usize) -> impl Iterator<Item = &[Change]> {
    changes.chunk_by(move |a, b| b.old.start - a.old.end <= context.saturating_mul(2))
}

fn hunk(group: &[Change], old: &[Bytes], new: &[Bytes], context: usize) -> Hunk {
    let (Some(first), Some(last)) = (group.first(), group.last()) else { return Hunk::default() };
    let lead = context.min(first.old.start);
    let trail = context.min(old.len() - last.old.end);
    let (mut old_at, mut new_at) = (first.old.start - lead, first.new.start - lead);
    let (old_end, new_end) = (last.old.end + trail, last.new.end + trail);
    let mut hunk = Hunk {
        old_start: old_at + usize::from(old_end > old_at),
        old_len: old_end - old_at,
        new_start: new_at + usize::from(new_end > new_at),
        new_len: new_end - new_at,
        lines: Vec::with_capacity(old_end - old_at + new_end - new_at),
    };
    let end = Change { old: old_end..old_end, new: new_end..new_end };
    for change in group.iter().chain([&end]) {
        while old_at < change.old.start {
            let text = new.get(new_at).cloned().unwrap_or_default();
            let (old_no, new_no) = (Some(old_at + 1), Some(new_at + 1));
            hunk.lines.push(DiffLine { kind: LineKind::Context, text, old_no, new_no });
            (old_at, new_at) = (old_at + 1, new_at + 1);
        }
        for line in change.old.clone() {
            let text = old.get(line).cloned().unwrap_or_default();
            hunk.lines.push(DiffLine { kind: LineKind::Removed, text, old_no: Some(line + 1), new_no: None });
        }
        for line in change.new.clone() {
            let text = new.get(line).cloned().unwrap_or_default();
            hunk.lines.push(DiffLine { kind: LineKind::Added, text, old_no: None, new_no: Some(line + 1) });
        }
        (old_at, new_at) = (change.old.end, change.new.end);
    }
    hunk
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(diff: &FileDiff) -> String {
        let mut out = String::new();
        for hunk in &diff.hunks {
            out += &format!("@{},{} {},{}\n", hunk.old_start, hunk.old_len, hunk.new_start, hunk.new_len);
            for line in &hunk.lines {
                let sign = match line.kind {
                    LineKind::Context => ' ',
                    LineKind::Removed => '-',
                    LineKind::Added => '+',
                };
                out += &format!("{sign}{}\n", String::from_utf8_lossy(line.body()));
            }
        }
        out
    }

    fn check(old: &str, new: &str, context_lines: usize, expect: &str) {
        let options = DiffOptions { context_lines, ..DiffOptions::default() };
        let diff = FileDiff::with(old.to_owned(), new.to_owned(), options);
        assert_eq!(picture(&diff), expect, "{old:?} {new:?}");
    }

    #[test]
    fn hunks_have_context_and_numbers() {
        check("a\nb\nc\nd\ne\n", "a\nb\nX\nd\ne\n", 1, "@2,3 2,3\n b\n-c\n+X\n d\n");
        check("", "a\n", 3, "@0,0 1,1\n+a\n");
        check("a\n", "", 3, "@1,1 0,0\n-a\n");
        check("a", "a\n", 3, "@1,1 1,1\n-a\n+a\n");
        check("same\n", "same\n", 3, "");
        check("1\n2\n3\n4\n5\n", "X\n2\n3\n4\nY\n", 1, "@1,2 1,2\n-1\n+X\n 2\n@4,2 4,2\n 4\n-5\n+Y\n");
        check("1\n2\n3\n", "X\n2\nY\n", 1, "@1,3 1,3\n-1\n+X\n 2\n-3\n+Y\n");
        check("1\n2\n3\n", "1\n3\n", 0, "@2,1 1,0\n-2\n");
    }

    #[test]
    fn crlf_is_part_of_the_line() {
        let diff = FileDiff::new("a\r\nb\r\n", "a\nb\r\n");
        assert_eq!((diff.added, diff.removed), (1, 1));
        assert_eq!(diff.hunks[0].lines[0].body(), b"a\r");
    }

    #[test]
    fn white_space_can_be_left_out_of_account() {
        let count = |old: &'static str, new: &'static str, whitespace| {
            let options = DiffOptions { whitespace, ..DiffOptions::default() };
            FileDiff::with(old, new, options).added
        };
        assert_eq!(count("a b\n", "a  b \r\n", Whitespace::IgnoreAmount), 0);
        assert_eq!(count("ab\n", "a b\n", Whitespace::IgnoreAmount), 1);
        assert_eq!(count("ab\n", "\ta b\n", Whitespace::IgnoreAll), 0);
        assert_eq!(count("a\n", "  a\n", Whitespace::Exact), 1);
        assert_eq!(count("a\n", "  a\n", Whitespace::IgnoreAmount), 1);
    }

    #[test]
    fn binary_and_huge_have_no_hunks() {
        let diff = FileDiff::new(&b"a\0b"[..], &b"c"[..]);
        assert_eq!((diff.content, diff.hunks.len()), (Content::Binary, 0));
        let diff = FileDiff::new(vec![b'a'; DIFF_BYTES_MAX + 1], &b"c"[..]);
        assert_eq!((diff.content, diff.hunks.len()), (Content::TooLarge, 0));
    }

    #[test]
    fn too_many_changed_lines_become_one_block() {
        let many = |word: &str| -> String {
            let lines: Vec<_> = (0..DIFF_FINE).map(|n| format!("{word}{n}\n")).collect();
            format!("same\n{}same\n", lines.concat())
        };
        const DIFF_FINE: usize = crate::diff::limits::DIFF_FINE_LINES_MAX / 2 + 1;
        let diff = FileDiff::new(many("a"), many("b"));
        assert!(diff.coarse);
        assert_eq!((diff.hunks.len(), diff.added, diff.removed), (1, DIFF_FINE, DIFF_FINE));
    }
}
