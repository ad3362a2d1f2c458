//! What a change is besides its lines: line ends, marks of encodings, a missing last newline, or no text at all.

use crate::base::text::foreign;
use crate::diff::{Content, FileDiff};

/// The line ends of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ends {
    Lf,
    CrLf,
    Mixed { crlf: usize, lines: usize },
}

impl Ends {
    /// `None` for a text without line ends.
    fn of(text: &[u8]) -> Option<Self> {
        let ends = memchr::memchr_iter(b'\n', text);
        let (mut lines, mut crlf) = (0, 0);
        for end in ends {
            lines += 1;
            crlf += usize::from(end.checked_sub(1).and_then(|at| text.get(at)) == Some(&b'\r'));
        }
        match (lines, crlf) {
            (0, _) => None,
            (_, 0) => Some(Self::Lf),
            (lines, crlf) if lines == crlf => Some(Self::CrLf),
            (lines, crlf) => Some(Self::Mixed { crlf, lines }),
        }
    }

    fn words(self) -> String {
        match self {
            Self::Lf => "LF".to_owned(),
            Self::CrLf => "CRLF".to_owned(),
            Self::Mixed { crlf, lines } => format!("mixed ({crlf} of {lines} CRLF)"),
        }
    }
}

/// The mark at the beginning that names an encoding.
fn mark(bytes: &[u8]) -> Option<&'static str> {
    let marks: [(&[u8], &str); 5] = [
        (&[0xef, 0xbb, 0xbf], "UTF-8 with a byte order mark"),
        (&[0xff, 0xfe, 0, 0], "UTF-32 (little endian)"),
        (&[0, 0, 0xfe, 0xff], "UTF-32 (big endian)"),
        (&[0xff, 0xfe], "UTF-16 (little endian)"),
        (&[0xfe, 0xff], "UTF-16 (big endian)"),
    ];
    marks.into_iter().find(|(mark, _)| bytes.starts_with(mark)).map(|(_, name)| name)
}

/// Notes on a change, one a line. `decides`: it can be approved or denied.
pub(super) fn notes(diff: &FileDiff, decides: bool) -> Vec<String> {
    let mut notes = Vec::new();
    let (old, new) = (diff.old(), diff.new_version());
    let whole = if decides { ": approve or deny it as a whole" } else { "" };
    match diff.content {
        Content::Text => {}
        Content::Binary => notes.push(format!("binary{whole}")),
        Content::TooLarge => notes.push(format!("too large to compare line by line{whole}")),
    }
    match (mark(old).filter(|_| !old.is_empty()), mark(new)) {
        (None, None) => {}
        (Some(before), Some(after)) if before == after => notes.push(format!("encoding: {after}")),
        (before, _) if new.is_empty() => notes.extend(before.map(|before| format!("encoding: {before}"))),
        (_, Some(after)) if old.is_empty() => notes.push(format!("encoding: {after}")),
        (before, after) => {
            let words = |mark: Option<&'static str>| mark.unwrap_or("no byte order mark");
            notes.push(format!("encoding: {} becomes {}", words(before), words(after)));
        }
    }
    if diff.content != Content::Text {
        return notes;
    }
    let foreign = |bytes: &[u8]| foreign::found(bytes).count();
    match (foreign(old), foreign(new)) {
        (0, 0) => {}
        (before, after) => {
            notes.push(format!("not UTF-8: {before} invalid bytes before, {after} after; shown as escapes"))
        }
    }
    match (Ends::of(old), Ends::of(new)) {
        (Some(before), Some(after)) if before != after => {
            notes.push(format!("line ends: {} becomes {}", before.words(), after.words()));
        }
        (_, Some(ends)) | (Some(ends), None) if ends != Ends::Lf => notes.push(format!("line ends: {}", ends.words())),
        (Some(_) | None, Some(_) | None) => {}
    }
    if diff.coarse {
        notes.push("too many lines for an exact comparison".to_owned());
    }
    match (diff.old_missing_newline, diff.new_missing_newline) {
        (true, false) if !old.is_empty() => notes.push("adds a newline at the end of the file".to_owned()),
        (false, true) if !old.is_empty() => notes.push("removes the newline at the end of the file".to_owned()),
        (_, true) => notes.push("no newline at the end of the file".to_owned()),
        (_, false) => {}
    }
    notes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(old: &[u8], new: &[u8], expect: &[&str]) {
        assert_eq!(notes(&FileDiff::new(old.to_vec(), new.to_vec()), true), expect, "{old:?} {new:?}");
    }

    #[test]
    fn line_ends_and_encodings_are_named() {
        check(b"a\nb\n", b"a\nc\n", &[]);
        check(b"a\r\nb\r\n", b"a\r\nc\r\n", &["line ends: CRLF"]);
        check(b"a\nb\n", b"a\r\nb\r\n", &["line ends: LF becomes CRLF"]);
        check(b"a\r\nb\r\n", b"a\r\nb\n", &["line ends: CRLF becomes mixed (1 of 2 CRLF)"]);
        check(b"", b"a\r\n", &["line ends: CRLF"]);
        check(b"a\n", b"a", &["removes the newline at the end of the file"]);
        check(b"a", b"a\n", &["adds a newline at the end of the file"]);
        check(b"a\n", b"\xef\xbb\xbfa\n", &["encoding: no byte order mark becomes UTF-8 with a byte order mark"]);
        let utf16 = b"\xff\xfea\0\n\0";
        check(b"", utf16, &["binary: approve or deny it as a whole", "encoding: UTF-16 (little endian)"]);
        check(b"caf\xe9\n", b"cafe\n", &["not UTF-8: 1 invalid bytes before, 0 after; shown as escapes"]);
        assert_eq!(notes(&FileDiff::new(&b"a\0"[..], &b"b\0"[..]), false), ["binary"], "nothing is decided there");
    }
}
