//! Display width, cutting, padding and wrapping of text that is already safe to show.
//!
//! Widths are terminal columns after `unicode-width`; a cut never splits a grapheme cluster.

use std::borrow::Cow;
use std::ops::Range;
use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

const ELLIPSIS: &str = "…";

/// The alignment of padded text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    /// Text first, then blanks.
    Left,
    /// Blanks first, for numbers.
    Right,
}

/// Columns the text takes.
pub fn width(text: &str) -> usize {
    text.width()
}

/// Grapheme clusters with their columns.
pub fn clusters(text: &str) -> impl DoubleEndedIterator<Item = (&str, usize)> {
    text.graphemes(true).map(|cluster| (cluster, cluster.width()))
}

/// The longest prefix of whole clusters that fits in `columns`.
pub fn prefix(text: &str, columns: usize) -> &str {
    let kept = fitting(clusters(text), columns);
    text.get(..kept).unwrap_or("")
}

/// The longest suffix of whole clusters that fits in `columns`.
pub fn suffix(text: &str, columns: usize) -> &str {
    let kept = fitting(clusters(text).rev(), columns);
    text.get(text.len() - kept..).unwrap_or("")
}

/// Bytes of the leading clusters that fit in `columns`.
fn fitting<'a>(clusters: impl Iterator<Item = (&'a str, usize)>, columns: usize) -> usize {
    let mut left = columns;
    let mut bytes = 0;
    for (cluster, wide) in clusters {
        let Some(rest) = left.checked_sub(wide) else {
            break;
        };
        left = rest;
        bytes += cluster.len();
    }
    bytes
}

/// Cuts the end so that text and `…` fit in `columns`; for sentences and titles.
pub fn cut_end(text: &str, columns: usize) -> Cow<'_, str> {
    if width(text) <= columns {
        return Cow::Borrowed(text);
    }
    match columns.checked_sub(1) {
        Some(room) => Cow::Owned(format!("{}{ELLIPSIS}", prefix(text, room).trim_end())),
        None => Cow::Borrowed(""),
    }
}

/// Text in exactly `columns`: cut at the end with `…` or filled with blanks.
pub fn fit(text: &str, columns: usize, align: Align) -> String {
    let cut = cut_end(text, columns);
    let blanks = " ".repeat(columns.saturating_sub(width(&cut)));
    match align {
        Align::Left => format!("{cut}{blanks}"),
        Align::Right => format!("{blanks}{cut}"),
    }
}

/// Byte ranges of the lines `text` wraps to, none wider than `columns` (unless one cluster is).
///
/// Breaks at blanks where it can, inside a word where it must; blanks at a break belong to no line.
/// An empty text wraps to one empty line.
pub fn wrap(text: &str, columns: usize) -> Vec<Range<usize>> {
    let columns = columns.max(1);
    let mut lines = Vec::new();
    let mut line = OpenLine::default();
    for (at, cluster) in text.grapheme_indices(true) {
        let wide = cluster.width();
        let blank = cluster == " ";
        while line.columns > 0 && line.columns + wide > columns && !blank {
            lines.push(line.break_before(at));
        }
        line.take(at, cluster.len(), wide, blank);
    }
    lines.push(line.start..line.text_end.max(line.start));
    lines
}

/// The line being filled.
#[derive(Default)]
struct OpenLine {
    start: usize,
    columns: usize,
    /// End of the last cluster that is not a blank.
    text_end: usize,
    /// The last place to break: end of text before it, start of text after it, columns before that.
    blank: Option<(usize, usize, usize)>,
}

impl OpenLine {
    fn take(&mut self, at: usize, bytes: usize, wide: usize, blank: bool) {
        self.columns += wide;
        if blank {
            let text_end = self.text_end.max(self.start);
            // Leading blanks are indentation, not a place to break.
            if text_end > self.start {
                self.blank = Some((text_end, at + bytes, self.columns));
            }
        } else {
            self.text_end = at + bytes;
        }
    }

    /// Ends the line before the cluster at `at`, at the last blank if there is one.
    fn break_before(&mut self, at: usize) -> Range<usize> {
        let (end, next, used) = self.blank.take().unwrap_or((at, at, self.columns));
        let broken = self.start..end;
        self.start = next;
        self.columns = self.columns.saturating_sub(used);
        broken
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn cuts_keep_whole_clusters() {
        assert_eq!(cut_end("hello world", 7), "hello…");
        assert_eq!(cut_end("日本語", 4), "日…");
        assert_eq!(cut_end("日本語", 6), "日本語");
        assert_eq!(cut_end("abc", 0), "");
        assert_eq!(fit("12", 4, Align::Right), "  12");
        assert_eq!(fit("日本", 3, Align::Left), "日…");
    }

    #[test]
    fn wraps_at_blanks_and_inside_long_words() {
        let check = |text: &str, columns, expect: &[&str]| {
            let lines: Vec<_> = wrap(text, columns).into_iter().map(|r| &text[r]).collect();
            assert_eq!(lines, expect, "{text:?} in {columns}");
        };
        check("", 5, &[""]);
        check("one two three", 8, &["one two", "three"]);
        check("one two  three", 7, &["one two", "three"]);
        check("abcdefghij", 4, &["abcd", "efgh", "ij"]);
        check("a bcdefghij", 4, &["a", "bcde", "fghi", "j"]);
        check("    indented text", 12, &["    indented", "text"]);
        check("日本語テキスト", 5, &["日本", "語テ", "キス", "ト"]);
        check("tail   ", 4, &["tail"]);
    }

    proptest! {
        #[test]
        fn wrapping_fits_and_loses_only_blanks(text in "[ab 日e\u{301}]{0,60}", columns in 2usize..12) {
            let lines = wrap(&text, columns);
            let kept: String = lines.iter().map(|r| &text[r.clone()]).collect();
            prop_assert_eq!(kept.replace(' ', ""), text.replace(' ', ""));
            for line in lines {
                prop_assert!(width(text[line].trim_end()) <= columns);
            }
        }

        #[test]
        fn cuts_fit(text in any::<String>(), columns in 0usize..20) {
            prop_assert!(width(&cut_end(&text, columns)) <= columns.max(width(prefix(&text, columns)) + 1));
            prop_assert!(text.starts_with(prefix(&text, columns)));
            prop_assert!(text.ends_with(suffix(&text, columns)));
        }
    }
}
