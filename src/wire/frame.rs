//! Frames: one JSON message a line, bounded, over any byte stream.

use super::message::{Code, Message, RpcError};
use super::pack::Unpacking;
use crate::wire::limits::WIRE_LINE_BYTES_MAX;
use futures::SinkExt;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, BufReader};
use tokio_util::codec::{FramedWrite, LinesCodec, LinesCodecError};

/// The reason that a frame could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    #[error("the connection failed: {0}")]
    Io(#[from] std::io::Error),
    #[error("a message could not be encoded as JSON: {0}")]
    Json(#[from] serde_json::Error),
}

impl From<LinesCodecError> for FrameError {
    fn from(error: LinesCodecError) -> Self {
        match error {
            LinesCodecError::MaxLineLengthExceeded => Self::Io(std::io::ErrorKind::InvalidData.into()),
            LinesCodecError::Io(error) => Self::Io(error),
        }
    }
}

/// Reads messages. What came of a line so far is kept here, so that a read may be canceled at any time.
pub struct FrameReader {
    from: BufReader<Box<dyn AsyncRead + Send + Unpin>>,
    line: Vec<u8>,
    /// The rest of a line that is too long is passed over.
    skips: bool,
}

/// Writes messages.
pub struct FrameWriter(FramedWrite<Box<dyn AsyncWrite + Send + Unpin>, LinesCodec>);

/// The two ends of a connection as frames.
pub fn pair(
    read: impl AsyncRead + Send + Unpin + 'static,
    write: impl AsyncWrite + Send + Unpin + 'static,
) -> (FrameReader, FrameWriter) {
    let codec = LinesCodec::new_with_max_length(WIRE_LINE_BYTES_MAX);
    let reader = FrameReader { from: BufReader::new(Box::new(read) as _), line: Vec::new(), skips: false };
    (reader, FrameWriter(FramedWrite::new(Box::new(write) as _, codec)))
}

impl FrameReader {
    /// What comes from here on is packed. Only between two lines.
    pub fn packed(self) -> Result<Self, FrameError> {
        let from = BufReader::new(Box::new(Unpacking::new(self.from)?) as _);
        Ok(Self { from, line: Vec::new(), skips: false })
    }

    /// The next message; `None` at the end. An invalid line is the inner error, and the next one can be read.
    /// Safe to cancel.
    pub async fn next(&mut self) -> Option<Result<Result<Message, RpcError>, FrameError>> {
        loop {
            let chunk = match self.from.fill_buf().await {
                Ok(chunk) => chunk,
                Err(error) => return Some(Err(error.into())),
            };
            let at_end = chunk.is_empty();
            let newline = chunk.iter().position(|byte| *byte == b'\n');
            let part = chunk.get(..newline.unwrap_or(chunk.len())).unwrap_or_default();
            let used = part.len() + usize::from(newline.is_some());
            let fits = self.line.len() + part.len() <= WIRE_LINE_BYTES_MAX;
            let overflows = !self.skips && !fits;
            if !self.skips && fits {
                self.line.extend_from_slice(part);
            }
            self.from.consume(used);
            if overflows {
                self.line = Vec::new();
                self.skips = newline.is_none();
                let text = format!("a line is longer than {WIRE_LINE_BYTES_MAX} bytes; it was skipped");
                return Some(Ok(Err(RpcError::new(Code::InvalidRequest, text))));
            }
            if newline.is_none() && !at_end {
                continue;
            }
            self.skips = false;
            let line = std::mem::take(&mut self.line);
            if !line.trim_ascii().is_empty() {
                return Some(Ok(parsed(&line)));
            }
            if at_end {
                return None;
            }
        }
    }
}

fn parsed(line: &[u8]) -> Result<Message, RpcError> {
    let text =
        std::str::from_utf8(line).map_err(|e| RpcError::new(Code::Parse, format!("the line is not UTF-8: {e}")))?;
    Message::parse(text)
}

impl FrameWriter {
    /// Writes one message and flushes.
    pub async fn send(&mut self, message: &Message) -> Result<(), FrameError> {
        Ok(SinkExt::<String>::send(&mut self.0, message.to_line()?).await?)
    }

    /// Puts one message into the buffer; [`Self::flush`] sends it. For many small messages in a row.
    pub async fn feed(&mut self, message: &Message) -> Result<(), FrameError> {
        Ok(SinkExt::<String>::feed(&mut self.0, message.to_line()?).await?)
    }

    /// Puts a line that is a message already into the buffer.
    pub async fn feed_line(&mut self, line: String) -> Result<(), FrameError> {
        Ok(SinkExt::<String>::feed(&mut self.0, line).await?)
    }

    pub async fn flush(&mut self) -> Result<(), FrameError> {
        Ok(SinkExt::<String>::flush(&mut self.0).await?)
    }
}

impl std::fmt::Debug for FrameReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("FrameReader")
    }
}

impl std::fmt::Debug for FrameWriter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("FrameWriter")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{Code, Id, Request};

    /// Returns what a reader produces from these bytes: a method, an error's code, and nothing after the end.
    async fn read(bytes: Vec<u8>) -> Vec<String> {
        let (mut reader, _keep) = pair(std::io::Cursor::new(bytes), tokio::io::sink());
        let mut seen = Vec::new();
        while let Some(next) = reader.next().await {
            seen.push(match next.unwrap() {
                Ok(Message::Request { method, .. }) => method,
                Ok(other) => format!("{other:?}"),
                Err(error) => error.code.to_string(),
            });
        }
        seen
    }

    #[tokio::test]
    async fn a_bad_line_of_any_kind_does_not_end_the_stream() {
        let good = r#"{"id":1,"method":"gate/step"}"#;
        let check = async |bad: &[u8], expect: &[&str]| {
            let bytes = [bad, b"\n", good.as_bytes(), b"\r\n\n", good.as_bytes()].concat();
            assert_eq!(read(bytes).await, [expect, &["gate/step", "gate/step"]].concat());
        };
        check(b"nonsense", &["-32700"]).await;
        check(b"\xff\xfe{}", &["-32700"]).await;
        check(b"[]", &["-32600"]).await;
        check(b"  ", &[]).await;
        check(&vec![b'x'; WIRE_LINE_BYTES_MAX + 1], &["-32600"]).await;
        check(&vec![b'x'; 3 * WIRE_LINE_BYTES_MAX], &["-32600"]).await;
        assert_eq!(read(Vec::new()).await, Vec::<String>::new());
    }

    #[tokio::test]
    async fn messages_cross_a_pipe_and_a_bad_line_does_not_end_it() {
        let (ours, theirs) = tokio::io::duplex(64);
        let (read, write) = tokio::io::split(ours);
        let (mut reader, _keep) = pair(read, write);
        let sender = tokio::spawn(async move {
            use tokio::io::AsyncWriteExt;
            let mut theirs = theirs;
            theirs.write_all(b"nonsense\n\n").await.unwrap();
            let line = Request::Step.message(Id::Number(7)).unwrap().to_line().unwrap();
            theirs.write_all(format!("{line}\n").as_bytes()).await.unwrap();
        });
        let bad = reader.next().await.unwrap().unwrap().unwrap_err();
        assert_eq!(bad.code, Code::Parse.number());
        let good = reader.next().await.unwrap().unwrap().unwrap();
        assert!(matches!(good, Message::Request { id: Id::Number(7), ref method, .. } if method == "gate/step"));
        sender.await.unwrap();
        assert!(reader.next().await.is_none());
    }
}
