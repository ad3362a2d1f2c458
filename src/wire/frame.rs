//! Frames: one JSON message a line, bounded, over any byte stream.

use super::message::{Message, RpcError};
use crate::base::limits::WIRE_LINE_BYTES_MAX;
use futures::{SinkExt, StreamExt};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::codec::{FramedRead, FramedWrite, LinesCodec, LinesCodecError};

/// Why a frame could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    #[error("a line is longer than {WIRE_LINE_BYTES_MAX} bytes")]
    TooLong,
    #[error("the connection broke: {0}")]
    Io(#[from] std::io::Error),
    #[error("a message could not be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
}

impl From<LinesCodecError> for FrameError {
    fn from(error: LinesCodecError) -> Self {
        match error {
            LinesCodecError::MaxLineLengthExceeded => Self::TooLong,
            LinesCodecError::Io(error) => Self::Io(error),
        }
    }
}

/// Reads messages.
pub struct Reader(FramedRead<Box<dyn AsyncRead + Send + Unpin>, LinesCodec>);

/// Writes messages.
pub struct Writer(FramedWrite<Box<dyn AsyncWrite + Send + Unpin>, LinesCodec>);

/// The two ends of a connection as frames.
pub fn pair(
    read: impl AsyncRead + Send + Unpin + 'static,
    write: impl AsyncWrite + Send + Unpin + 'static,
) -> (Reader, Writer) {
    let codec = LinesCodec::new_with_max_length(WIRE_LINE_BYTES_MAX);
    (Reader(FramedRead::new(Box::new(read) as _, codec.clone())), Writer(FramedWrite::new(Box::new(write) as _, codec)))
}

impl Reader {
    /// The next message; `None` at the end. A line that is no message is the inner error, and the next one can be read.
    /// Safe to cancel.
    pub async fn next(&mut self) -> Option<Result<Result<Message, RpcError>, FrameError>> {
        loop {
            match self.0.next().await? {
                Ok(line) if line.trim().is_empty() => {}
                Ok(line) => return Some(Ok(Message::parse(&line))),
                Err(error) => return Some(Err(error.into())),
            }
        }
    }
}

impl Writer {
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

impl std::fmt::Debug for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Reader")
    }
}

impl std::fmt::Debug for Writer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Writer")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{Code, Id, Request};

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
