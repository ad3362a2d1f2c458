//! Lines of a stream that may contain anything: capped in length, tolerant of bytes that are not UTF-8 and of log lines
//! between the messages. Reading is cancel-safe.

use super::message::Id;
use super::outline::Outline;
use crate::agent::acp::limits::{ACP_LINE_BYTES_MAX, ACP_LINE_HEAD_BYTES, ACP_READ_CHUNK_BYTES};
use serde_json::Value;
use std::io;
use tokio::io::{AsyncRead, AsyncReadExt};

/// One line without its end.
#[derive(Debug, PartialEq, Eq)]
pub enum InputLine {
    Whole(Vec<u8>),
    /// It was longer than the cap and is gone but for its beginning.
    TooLong {
        head: Vec<u8>,
        bytes: u64,
        /// The id of the message, where it has one, and whether it is a request.
        asks: Option<(Id, bool)>,
    },
}

/// The known facts about a line beyond the cap while it is skipped.
#[derive(Default)]
struct Skipped {
    head: Vec<u8>,
    bytes: u64,
    outline: Outline,
}

impl Skipped {
    fn more(&mut self, part: &[u8]) {
        self.head.extend(part.iter().take(ACP_LINE_HEAD_BYTES.saturating_sub(self.head.len())));
        self.bytes += part.len() as u64;
        self.outline.feed(part);
    }

    fn end(self) -> InputLine {
        InputLine::TooLong { head: self.head, bytes: self.bytes, asks: self.outline.end() }
    }
}

/// Splits a stream into lines; keeps at most one capped line and one chunk in memory.
pub struct Lines<R> {
    from: R,
    buffer: Vec<u8>,
    /// Start of the next line in the buffer.
    start: usize,
    /// Up to here no line end was found.
    scanned: usize,
    skipping: Option<Skipped>,
    line_bytes_max: usize,
    ended: bool,
}

impl<R: AsyncRead + Unpin> Lines<R> {
    pub fn new(from: R) -> Self {
        Self::with_cap(from, ACP_LINE_BYTES_MAX)
    }

    fn with_cap(from: R, line_bytes_max: usize) -> Self {
        Self { from, buffer: Vec::new(), start: 0, scanned: 0, skipping: None, line_bytes_max, ended: false }
    }

    /// The next line; `None` at the end of the stream.
    pub async fn next(&mut self) -> io::Result<Option<InputLine>> {
        loop {
            if let Some(line) = self.ready() {
                return Ok(Some(line));
            }
            if self.ended {
                return Ok(self.rest());
            }
            self.compact();
            self.buffer.reserve(ACP_READ_CHUNK_BYTES);
            if self.from.read_buf(&mut self.buffer).await? == 0 {
                self.ended = true;
            }
        }
    }

    /// A line that is here already, without waiting.
    pub fn ready(&mut self) -> Option<InputLine> {
        let unseen = self.buffer.get(self.scanned..).unwrap_or_default();
        if let Some(at) = memchr::memchr(b'\n', unseen) {
            let end = self.scanned + at;
            let line = self.buffer.get(self.start..end).unwrap_or_default().to_vec();
            self.start = end + 1;
            self.scanned = self.start;
            return Some(self.finish(line));
        }
        self.scanned = self.buffer.len();
        self.skip_overlong();
        None
    }

    fn finish(&mut self, line: Vec<u8>) -> InputLine {
        if self.skipping.is_none() && line.len() <= self.line_bytes_max {
            return InputLine::Whole(line);
        }
        let mut skipped = self.skipping.take().unwrap_or_default();
        skipped.more(&line);
        skipped.end()
    }

    /// Drops what is held of a line beyond the cap, so that memory stays bounded whatever its length.
    fn skip_overlong(&mut self) {
        let held = self.buffer.len() - self.start;
        if self.skipping.is_none() && held <= self.line_bytes_max {
            return;
        }
        let part = self.buffer.get(self.start..).unwrap_or_default();
        self.skipping.get_or_insert_default().more(part);
        self.buffer.clear();
        (self.start, self.scanned) = (0, 0);
    }

    fn compact(&mut self) {
        if self.start > 0 {
            self.buffer.drain(..self.start);
            self.scanned -= self.start;
            self.start = 0;
        }
        if self.buffer.is_empty() && self.buffer.capacity() > 4 * ACP_READ_CHUNK_BYTES {
            self.buffer = Vec::new();
        }
    }

    fn rest(&mut self) -> Option<InputLine> {
        let line = self.buffer.split_off(self.start.min(self.buffer.len()));
        self.buffer.clear();
        (self.start, self.scanned) = (0, 0);
        if line.is_empty() && self.skipping.is_none() { None } else { Some(self.finish(line)) }
    }
}

/// The content of a line.
#[derive(Debug, PartialEq)]
pub enum LineContent {
    /// One message, or several when the line was a batch.
    Messages(Vec<Value>),
    /// No JSON: a log line that went to the wrong stream, or half a message.
    Noise(String),
    Blank,
}

/// Reads one line. Bytes before the first `{"` are ignored, bytes that are not UTF-8 are replaced.
pub fn parse(line: &[u8]) -> LineContent {
    let text = String::from_utf8_lossy(line);
    let text = text.trim_start_matches('\u{feff}').trim();
    if text.is_empty() {
        return LineContent::Blank;
    }
    let found = serde_json::from_str(text).ok().or_else(|| {
        let at = text.find("{\"")?;
        serde_json::from_str(text.get(at..)?).ok()
    });
    match found {
        Some(Value::Array(batch)) => LineContent::Messages(batch),
        Some(message @ Value::Object(_)) => LineContent::Messages(vec![message]),
        Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) | None => {
            LineContent::Noise(text.to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::InputLine::TooLong;
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn read(bytes: &[u8], cap: usize) -> Vec<InputLine> {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let mut lines = Lines::with_cap(bytes, cap);
            let mut all = Vec::new();
            while let Some(line) = lines.next().await.unwrap() {
                all.push(line);
            }
            all
        })
    }

    #[test]
    fn a_line_beyond_the_cap_is_dropped_and_the_next_one_read() {
        let long = format!(r#"{{"method":"x","params":"{}","id":7}}"#, "x".repeat(300_000));
        let TooLong { asks, .. } = &read(long.as_bytes(), 1000)[0] else { panic!() };
        assert_eq!(asks.as_ref().map(|(id, is_request)| (id.value(), *is_request)), Some((json!(7), true)));
        let bytes = [vec![b'x'; 300_000], b"\nok\nend".to_vec()].concat();
        let lines = read(&bytes, 1000);
        assert!(
            matches!(&lines[0], InputLine::TooLong { bytes: 300_000, head, .. } if head.len() == ACP_LINE_HEAD_BYTES)
        );
        assert_eq!(lines[1..], [InputLine::Whole(b"ok".to_vec()), InputLine::Whole(b"end".to_vec())]);
    }

    #[test]
    fn log_lines_and_bad_bytes_do_not_hide_messages() {
        assert_eq!(parse(b"[info] {\"id\":1}"), LineContent::Messages(vec![json!({"id": 1})]));
        assert_eq!(parse(b"{\"a\":\"\xff\"}"), LineContent::Messages(vec![json!({"a": "\u{fffd}"})]));
        assert_eq!(parse(b"[{\"id\":1},2]"), LineContent::Messages(vec![json!({"id": 1}), json!(2)]));
        assert_eq!(parse(b"starting..."), LineContent::Noise("starting...".into()));
        assert_eq!(parse(b" \r"), LineContent::Blank);
        assert!(matches!(parse("[".repeat(5000).as_bytes()), LineContent::Noise(_)));
    }

    proptest! {
        #[test]
        fn lines_are_what_split_gives(text in proptest::collection::vec(prop_oneof![Just(b'\n'), any::<u8>()], 0..400)) {
            let mut expected: Vec<Vec<u8>> = text.split(|b| *b == b'\n').map(<[u8]>::to_vec).collect();
            if expected.last().is_some_and(Vec::is_empty) { expected.pop(); }
            let seen: Vec<Vec<u8>> = read(&text, 1 << 20).into_iter().map(|l| match l {
                InputLine::Whole(bytes) => bytes,
                InputLine::TooLong { .. } => panic!("no line was too long"),
            }).collect();
            prop_assert_eq!(seen, expected);
        }
    }
}
