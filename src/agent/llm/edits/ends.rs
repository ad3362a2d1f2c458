//! A text with LF line ends that remembers which of them were CRLF, so that an edit changes the ends of no other line.

use std::ops::Range;

/// See the module.
#[derive(Clone, Debug)]
pub(super) struct Ends {
    text: String,
    /// Of each line feed in order: whether a CR precedes it.
    crlf: Vec<bool>,
}

impl Ends {
    pub fn of(text: &str) -> Self {
        let bytes = text.as_bytes();
        let crlf = memchr::memchr_iter(b'\n', bytes)
            .map(|at| at.checked_sub(1).and_then(|before| bytes.get(before)) == Some(&b'\r'))
            .collect();
        Self { text: text.replace("\r\n", "\n"), crlf }
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    pub fn has_crlf(&self) -> bool {
        self.crlf.iter().any(|is| *is)
    }

    /// Replaces a range of the text. Lines that stay at either side of it keep their ends; new ones get the end of the
    /// line in whose place they come.
    pub fn splice(&mut self, range: Range<usize>, new: &str) {
        let count = |text: &str| memchr::memchr_iter(b'\n', text.as_bytes()).count();
        let first = count(self.text.get(..range.start).unwrap_or_default());
        let old = self.text.get(range.clone()).unwrap_or_default().to_owned();
        let (old_lines, new_lines): (Vec<&str>, Vec<&str>) =
            (old.split_inclusive('\n').collect(), new.split_inclusive('\n').collect());
        let old_ends: Vec<bool> = self.crlf.iter().skip(first).take(count(&old)).copied().collect();
        let same = |pairs: &mut dyn Iterator<Item = (&&str, &&str)>| pairs.take_while(|(a, b)| a == b).count();
        let head = same(&mut old_lines.iter().zip(&new_lines));
        let room = old_lines.len().min(new_lines.len()).saturating_sub(head);
        let tail = same(&mut old_lines.iter().rev().zip(new_lines.iter().rev())).min(room);
        // Where the range has no end of its own, the line around it says.
        let around = self.crlf.get(first).or_else(|| self.crlf.get(first.checked_sub(1)?)).copied().unwrap_or(false);
        let kept = old_lines.len().saturating_sub(tail);
        // New lines in the middle: those they replace, or the one they come before.
        let middle = if kept > head { kept - 1 } else { kept };
        let ends: Vec<bool> = (0..count(new))
            .map(|at| {
                let from_end = new_lines.len().saturating_sub(at);
                let place = if from_end <= tail { old_lines.len().checked_sub(from_end) } else { Some(at.min(middle)) };
                place.and_then(|at| old_ends.get(at)).or(old_ends.last()).copied().unwrap_or(around)
            })
            .collect();
        self.crlf.splice(first..(first + old_ends.len()).min(self.crlf.len()), ends);
        self.text.replace_range(range, new);
    }

    /// The text with the ends it had.
    pub fn restored(&self) -> String {
        if !self.has_crlf() {
            return self.text.clone();
        }
        let mut out = String::with_capacity(self.text.len() + self.crlf.len());
        for (at, line) in self.text.split_inclusive('\n').enumerate() {
            match line.strip_suffix('\n') {
                Some(body) if self.crlf.get(at) == Some(&true) => {
                    out.push_str(body);
                    out.push_str("\r\n");
                }
                Some(_) | None => out.push_str(line),
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, old: &str, new: &str, expect: &str) {
        let mut ends = Ends::of(text);
        let at = ends.text().find(old).unwrap();
        ends.splice(at..at + old.len(), new);
        assert_eq!(ends.restored(), expect, "{text:?}");
    }

    #[test]
    fn only_the_ends_of_edited_lines_can_change() {
        check("a\nb\r\nc\nd\n", "c", "C", "a\nb\r\nC\nd\n");
        check("10%\r20%\nend\r\n", "end", "END", "10%\r20%\nEND\r\n");
        check("a\r\nb\nc\r\n", "a\nb\nc\n", "a\nB\nc\n", "a\r\nB\nc\r\n");
        check("a\r\nb\nc\r\n", "a\nb\nc\n", "a\nx\ny\nb\nc\n", "a\r\nx\ny\nb\nc\r\n");
        check("a\r\nb\r\n", "a", "x\ny", "x\r\ny\r\nb\r\n");
        check("a\r\nb", "b", "b\nc\n", "a\r\nb\r\nc\r\n");
        check("a\nb\n", "a\nb\n", "", "");
    }

    proptest::proptest! {
        #[test]
        fn nothing_outside_a_replacement_changes(head in "[ab\r\n]{0,20}", new in "[xy\n]{0,9}", tail in "[ab\r\n]{0,20}") {
            let text = format!("{head}§{tail}");
            let mut ends = Ends::of(&text);
            let at = ends.text().find('§').unwrap();
            ends.splice(at..at + '§'.len_utf8(), &new);
            let out = ends.restored();
            proptest::prop_assert!(out.starts_with(&head) && out.ends_with(&tail));
        }
    }
}
