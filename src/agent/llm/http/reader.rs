//! Reads answers: checks the head, and reads the body as events, as one document or as a bit of text, each within its
//! bound.

use super::attempt::Failed;
use super::connection::origin;
use super::retry;
use crate::agent::llm::fault::{self, Fault};
use crate::agent::llm::limits;
use futures::{Stream, StreamExt, TryStreamExt};
use reqwest::Response;
use reqwest::header::{self, HeaderName};
use serde_json::Value;
use sse_stream::{Sse, SseByteStream};
use std::time::Duration;
use tokio::time::timeout;

/// A header that OpenAI sends beside `retry-after`, in milliseconds.
const RETRY_AFTER_MS: HeaderName = HeaderName::from_static("retry-after-ms");

/// An answer that can be read.
pub(super) enum Accepted {
    /// Events.
    Stream(Response),
    /// One JSON document, though a stream was asked for.
    Whole(Response),
}

/// Lets event streams and whole answers through and types everything else.
pub(super) async fn accept(response: Response) -> Result<Accepted, Fault> {
    let status = response.status();
    if status.is_redirection() {
        let target = header_text(&response, header::LOCATION);
        return Err(match response.url().join(&target) {
            Ok(to) if origin(&to) == origin(response.url()) => {
                Fault::Moved { to: to.to_string(), status: status.as_u16() }
            }
            Ok(to) => Fault::Redirected { to: origin(&to) },
            Err(_) => Fault::Redirected { to: target },
        });
    }
    if !status.is_success() {
        let headers = [header::RETRY_AFTER, RETRY_AFTER_MS, header::DATE].map(|name| header_text(&response, name));
        let [retry_after, retry_after_ms, date] = &headers;
        let after = retry::asked(retry_after, retry_after_ms, date);
        let body = start_of(response, limits::ERROR_BODY_BYTES_MAX).await;
        return Err(fault::from_answer(status.as_u16(), after, &body));
    }
    let encoding = header_text(&response, header::CONTENT_ENCODING);
    if !encoding.is_empty() && encoding != "identity" {
        return Err(Fault::Compressed { encoding });
    }
    let got = header_text(&response, header::CONTENT_TYPE);
    // Some servers forget the type altogether; the parser will tell.
    if got.is_empty() || got.starts_with("text/event-stream") {
        return Ok(Accepted::Stream(response));
    }
    if got.starts_with("application/json") {
        return Ok(Accepted::Whole(response));
    }
    let body = start_of(response, limits::ERROR_BODY_BYTES_MAX).await;
    Err(Fault::WrongType { got, start: body.chars().take(120).collect() })
}

fn header_text(response: &Response, name: HeaderName) -> String {
    response.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
}

/// The first bytes of a body, in time and within the bound.
pub(super) async fn start_of(response: Response, bytes_max: usize) -> String {
    let mut body = Vec::new();
    let mut chunks = response.bytes_stream();
    let wait = Duration::from_millis(limits::CONNECT_MS_MAX);
    while let Ok(Some(Ok(chunk))) = timeout(wait, chunks.next()).await {
        let room = bytes_max.saturating_sub(body.len());
        body.extend(chunk.iter().take(room));
        if chunk.len() >= room {
            break;
        }
    }
    String::from_utf8_lossy(&body).into_owned()
}

/// The JSON of a whole answer, within the bound.
pub(super) async fn whole_of(response: Response) -> Result<Value, Failed> {
    let mut body = Vec::new();
    let mut chunks = response.bytes_stream();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|error| Failed::Begun(Fault::Cut { why: error.without_url_text() }))?;
        if body.len() + chunk.len() > limits::EVENT_BYTES_MAX {
            let fault = Fault::TooLarge { what: "the whole answer", bytes_max: limits::EVENT_BYTES_MAX };
            return Err(Failed::Begun(fault));
        }
        body.extend_from_slice(&chunk);
    }
    let text = String::from_utf8_lossy(&body);
    match serde_json::from_str::<Value>(&text) {
        // An error with status 200 is still an error.
        Ok(value) if value.get("error").is_some_and(|error| !error.is_null()) => {
            Err(Failed::Fresh(fault::from_answer(200, None, &text)))
        }
        Ok(value) => Ok(value),
        Err(error) => Err(Failed::Begun(Fault::Malformed { why: format!("the answer is not JSON: {error}") })),
    }
}

/// The reason that the byte stream ended early, as the stream's own error.
#[derive(Debug, thiserror::Error)]
enum ByteError {
    #[error("{0}")]
    Wire(#[source] reqwest::Error),
    #[error("too large")]
    TooLarge(&'static str, usize),
}

pub(super) fn events_of(response: Response) -> impl Stream<Item = Result<Sse, sse_stream::Error>> {
    let mut meter = Meter::default();
    let bytes = response
        .bytes_stream()
        .map_err(ByteError::Wire)
        .and_then(move |chunk| std::future::ready(meter.count(&chunk).map(|()| chunk)));
    SseByteStream::new(Box::pin(bytes))
}

/// Counts bytes against the bounds of an answer and of one event.
#[derive(Debug, Default)]
struct Meter {
    answer: usize,
    event: usize,
    line_empty: bool,
}

impl Meter {
    fn count(&mut self, chunk: &[u8]) -> Result<(), ByteError> {
        self.answer += chunk.len();
        if self.answer > limits::ANSWER_BYTES_MAX {
            return Err(ByteError::TooLarge("the whole answer", limits::ANSWER_BYTES_MAX));
        }
        for &byte in chunk {
            self.event += 1;
            match byte {
                b'\n' if self.line_empty => self.event = 0,
                b'\n' => self.line_empty = true,
                b'\r' => {}
                _ => self.line_empty = false,
            }
            if self.event > limits::EVENT_BYTES_MAX {
                return Err(ByteError::TooLarge("one event", limits::EVENT_BYTES_MAX));
            }
        }
        Ok(())
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the crate's error may grow")]
pub(super) fn stream_fault(error: sse_stream::Error) -> Fault {
    match error {
        sse_stream::Error::Body(inner) => match inner.downcast_ref::<ByteError>() {
            Some(ByteError::TooLarge(what, bytes_max)) => Fault::TooLarge { what, bytes_max: *bytes_max },
            Some(ByteError::Wire(error)) => Fault::Cut { why: error.without_url_text() },
            None => Fault::Cut { why: inner.to_string() },
        },
        sse_stream::Error::Utf8Parse(error) => Fault::Malformed { why: format!("not UTF-8: {error}") },
        other => Fault::Malformed { why: other.to_string() },
    }
}

/// An error's text without the address, which may contain a user's query.
trait WithoutUrl {
    fn without_url_text(&self) -> String;
}

impl WithoutUrl for reqwest::Error {
    fn without_url_text(&self) -> String {
        let mut text = "the connection was lost".to_owned();
        let mut cause = std::error::Error::source(self);
        while let Some(inner) = cause {
            text = inner.to_string();
            cause = inner.source();
        }
        text
    }
}
