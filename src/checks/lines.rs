//! Bytes to lines: bounded, split anywhere, colors and control sequences taken out.

use crate::checks::limits::{CHECK_LINE_BYTES_MAX, CHECK_REPORT_END_BYTES_MAX};
use std::borrow::Cow;

/// Cuts a byte stream at `\n`, `\r\n` and lone `\r` (progress bars redraw with it).
#[derive(Debug, Default)]
pub struct LineCutter {
    carry: Vec<u8>,
    /// The last byte was `\r`: a `\n` that follows belongs to it.
    after_return: bool,
}

impl LineCutter {
    /// Calls `each` for every line completed by `chunk`, without its end.
    pub fn feed(&mut self, chunk: &[u8], mut each: impl FnMut(&str)) {
        let mut rest = chunk;
        while !rest.is_empty() {
            if std::mem::take(&mut self.after_return)
                && let Some(tail) = rest.strip_prefix(b"\n")
            {
                rest = tail;
                continue;
            }
            let Some(at) = memchr::memchr2(b'\n', b'\r', rest) else {
                self.keep(rest);
                return;
            };
            let (line, tail) = rest.split_at(at);
            self.after_return = tail.first() == Some(&b'\r');
            rest = tail.get(1..).unwrap_or_default();
            if self.carry.is_empty() {
                each(&clean(bounded(line)));
            } else {
                self.keep(line);
                each(&clean(&self.carry));
                self.carry.clear();
            }
        }
    }

    /// Calls `each` for a last line that has no end.
    pub fn finish(&mut self, mut each: impl FnMut(&str)) {
        if !self.carry.is_empty() {
            each(&clean(&self.carry));
            self.carry.clear();
        }
        self.after_return = false;
    }

    fn keep(&mut self, bytes: &[u8]) {
        let room = CHECK_LINE_BYTES_MAX.saturating_sub(self.carry.len());
        self.carry.extend_from_slice(bytes.get(..room).unwrap_or(bytes));
    }
}

/// Adds a chunk to the end of an output of which only the end is read: the beginning goes, now and then.
pub fn keep_end(bytes: &mut Vec<u8>, chunk: &[u8]) {
    bytes.extend_from_slice(chunk);
    if bytes.len() > 2 * CHECK_REPORT_END_BYTES_MAX {
        let over = bytes.len() - CHECK_REPORT_END_BYTES_MAX;
        bytes.drain(..over);
    }
}

fn bounded(line: &[u8]) -> &[u8] {
    line.get(..CHECK_LINE_BYTES_MAX).unwrap_or(line)
}

/// The text of a line: lossy UTF-8 without escape sequences and without control bytes but tab.
pub fn clean(line: &[u8]) -> Cow<'_, str> {
    let is_control = |b: &u8| *b < 0x20 && *b != b'\t' || *b == 0x7f;
    if !line.iter().any(is_control) {
        return String::from_utf8_lossy(line);
    }
    let mut out = Vec::with_capacity(line.len());
    let mut rest = line;
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        if byte == 0x1b {
            rest = after_escape(tail);
        } else if !is_control(&byte) {
            out.push(byte);
        }
    }
    Cow::Owned(String::from_utf8_lossy(&out).into_owned())
}

/// Skips one ECMA-48 sequence whose ESC is already taken: CSI, a string (OSC, DCS, …), or ESC with intermediates.
fn after_escape(rest: &[u8]) -> &[u8] {
    let skip = |n: usize| rest.get(n..).unwrap_or_default();
    let Some((&kind, body)) = rest.split_first() else {
        return rest;
    };
    match kind {
        b'[' => match body.iter().position(|b| (0x40..=0x7e).contains(b)) {
            Some(end) => skip(end + 2),
            None => &[],
        },
        b']' | b'P' | b'X' | b'^' | b'_' => match body.iter().position(|b| *b == 0x07 || *b == 0x1b) {
            Some(end) if body.get(end) == Some(&0x1b) => skip(end + 3),
            Some(end) => skip(end + 2),
            None => &[],
        },
        0x20..=0x2f => match body.iter().position(|b| !(0x20..=0x2f).contains(b)) {
            Some(end) => skip(end + 2),
            None => &[],
        },
        0x00..=0x1f => rest,
        _ => skip(1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn lines(chunks: &[&[u8]]) -> Vec<String> {
        let (mut cutter, mut out) = (LineCutter::default(), Vec::new());
        for chunk in chunks {
            cutter.feed(chunk, |l| out.push(l.to_owned()));
        }
        cutter.finish(|l| out.push(l.to_owned()));
        out
    }

    #[test]
    fn ends_of_every_kind() {
        assert_eq!(lines(&[b"a\nb\r\nc\rd"]), ["a", "b", "c", "d"]);
        assert_eq!(lines(&[b"a\r", b"\nb\n\n"]), ["a", "b", ""]);
        assert!(lines(&[b"", b""]).is_empty());
    }

    #[test]
    fn sequences_are_taken_out() {
        let check = |input: &[u8], expect: &str| assert_eq!(clean(input), expect);
        check(b"\x1b[1m\x1b[92mok\x1b[0m", "ok");
        check(b"\x1b[31mFAILED\x1b(B\x1b[m", "FAILED");
        check(b"\x1b]8;;http://x\x1b\\link\x1b]8;;\x07 end", "link end");
        check(b"cut \x1b[", "cut ");
        check(b"cut \x1b", "cut ");
        check(b"bell\x07 tab\t.", "bell tab\t.");
        check(b"bad \xff byte", "bad \u{fffd} byte");
    }

    #[test]
    fn a_line_is_bounded() {
        let long = vec![b'x'; CHECK_LINE_BYTES_MAX * 2];
        let got = lines(&[&long, b"\nnext"]);
        assert_eq!(got.first().unwrap().len(), CHECK_LINE_BYTES_MAX);
        assert_eq!(got.get(1).unwrap(), "next");
    }

    proptest! {
        #[test]
        fn a_split_changes_nothing(bytes in proptest::collection::vec(prop_oneof![Just(b'\r'), Just(b'\n'), Just(0x1b), any::<u8>()], 0..64), at in 0usize..64) {
            let at = at.min(bytes.len());
            let (a, b) = bytes.split_at(at);
            prop_assert_eq!(lines(&[&bytes]), lines(&[a, b]));
        }

        #[test]
        fn no_control_byte_is_left(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            prop_assert!(!clean(&bytes).chars().any(|c| c < ' ' && c != '\t'));
        }
    }
}
