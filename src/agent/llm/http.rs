//! The wire to a model server: sends one request, hands on the pieces, keeps every bound.
//!
//! A request is sent again only while not one byte of a completion has been consumed; a redirect
//! to another origin is refused, so the key stays where it belongs; compression is not asked for
//! and refused, so a small answer cannot unpack to a large one. Dropping the future cancels.

use std::sync::OnceLock;
use std::time::Duration;

use futures::{Stream, StreamExt, TryStreamExt};
use reqwest::header::{self, HeaderMap, HeaderName, HeaderValue};
use reqwest::redirect::{Attempt, Policy};
use reqwest::{Client, Response, StatusCode, Url};
use serde_json::Value;
use sse_stream::{Sse, SseByteStream};
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::delta::Delta;
use super::fault::{self, Fault};
use super::providers::{Api, Decode, Encoded, KeyHeader, whole};
use super::retry;
use super::secret::Secret;
use crate::base::limits::llm as limits;

/// Waits that differ between servers and tests; the defaults are the limits of the product.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// Longest wait for the first byte of the answer's body.
    pub first_byte: Duration,
    /// Longest wait between two pieces.
    pub idle: Duration,
    /// Longest whole answer.
    pub whole: Duration,
    /// First wait before a retry.
    pub retry_first: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Patience {
            first_byte: Duration::from_millis(limits::FIRST_BYTE_MS_MAX),
            idle: Duration::from_millis(limits::IDLE_MS_MAX),
            whole: Duration::from_millis(limits::ANSWER_MS_MAX),
            retry_first: Duration::from_millis(limits::RETRY_FIRST_MS),
        }
    }
}

/// Where to send, with which key.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// The protocol.
    pub api: Api,
    /// Address as configured.
    pub base_url: String,
    /// The key, if the server wants one.
    pub key: Option<Secret>,
    /// Waits.
    pub patience: Patience,
}

/// What is told while a completion runs.
#[derive(Clone, Debug, PartialEq)]
pub enum Progress {
    /// Still no byte after so many seconds.
    Waiting {
        /// Whole seconds since the request was sent.
        seconds: u64,
    },
    /// The request will be sent again.
    Retrying {
        /// Which repetition, from 1.
        attempt: u32,
        /// The pause before it.
        after: Duration,
        /// What went wrong.
        fault: Fault,
    },
    /// A piece of the completion.
    Delta(Delta),
}

/// Streams one completion into `tell`; returns when it has ended, well or badly.
///
/// Every fault arrives as [`Delta::Fault`], the last piece. `tell` must not block; it awaits so
/// that a full queue slows the server instead of growing. Dropping the future closes the
/// connection.
pub async fn complete<F, W>(endpoint: &Endpoint, encoded: &Encoded, mut tell: F)
where
    F: FnMut(Progress) -> W + Send,
    W: Future<Output = ()> + Send,
{
    let mut attempt = 0;
    loop {
        let fault = match attempt_once(endpoint, encoded, &mut tell).await {
            Ok(()) => return,
            Err(Failed::Begun(fault)) => {
                tell(Progress::Delta(Delta::Fault(fault.scrubbed(endpoint)))).await;
                return;
            }
            Err(Failed::Fresh(fault)) => fault.scrubbed(endpoint),
        };
        let Some(after) = retry::pause(attempt, &fault, endpoint.patience.retry_first, retry::roll()) else {
            tell(Progress::Delta(Delta::Fault(fault))).await;
            return;
        };
        attempt += 1;
        tell(Progress::Retrying { attempt, after, fault }).await;
        sleep(after).await;
    }
}

/// A failed attempt, by whether it may be repeated at all.
enum Failed {
    /// Not one byte of a completion was consumed.
    Fresh(Fault),
    /// The completion had begun.
    Begun(Fault),
}

async fn attempt_once<F, W>(endpoint: &Endpoint, encoded: &Encoded, tell: &mut F) -> Result<(), Failed>
where
    F: FnMut(Progress) -> W + Send,
    W: Future<Output = ()> + Send,
{
    let sent = Instant::now();
    let deadline = sent + endpoint.patience.first_byte;
    let request = build(endpoint, encoded).map_err(Failed::Fresh)?;
    let response = {
        let send = patiently(request.send(), sent, deadline, tell).await.map_err(Failed::Fresh)?;
        send.map_err(|error| Failed::Fresh(unreachable(&encoded.url, &error)))?
    };
    let mut decoder = endpoint.api.decoder();
    let response = match accept(response).await.map_err(Failed::Fresh)? {
        Accepted::Stream(response) => response,
        Accepted::Whole(body) => {
            let rest = sent + endpoint.patience.whole - Instant::now();
            let body = timeout(rest, whole_of(body)).await;
            let stalled = |_| Failed::Begun(Fault::Stalled { idle_s: endpoint.patience.whole.as_secs() });
            return play_whole(endpoint.api, &body.map_err(stalled)??, decoder.as_mut(), tell).await;
        }
    };
    let mut events = std::pin::pin!(events_of(response));
    let whole = sent + endpoint.patience.whole;
    let mut begun = false;
    let mut last_id: Option<String> = None;
    loop {
        let next = if begun {
            let until = (Instant::now() + endpoint.patience.idle).min(whole);
            timeout_at(until, events.next())
                .await
                .map_err(|_| Failed::Begun(Fault::Stalled { idle_s: endpoint.patience.idle.as_secs() }))?
        } else {
            patiently(events.next(), sent, deadline, tell).await.map_err(Failed::Fresh)?
        };
        let event = match next {
            None => break,
            Some(Ok(event)) => event,
            Some(Err(error)) => {
                let fault = stream_fault(error);
                return Err(if begun { Failed::Begun(fault) } else { Failed::Fresh(fault) });
            }
        };
        // Servers that number their events tell repetitions apart for us.
        if event.id.is_some() && event.id == last_id {
            continue;
        }
        last_id = event.id.or(last_id);
        let Some(data) = event.data else { continue };
        // From the first event on the completion is being produced, and paid for, even if that
        // event says nothing yet.
        let first = !std::mem::replace(&mut begun, true);
        for delta in decoder.feed(event.event.as_deref().unwrap_or_default(), &data) {
            if let Delta::Fault(fault) = delta {
                // An error told as the very first event counts as an HTTP error.
                return Err(if first { Failed::Fresh(fault) } else { Failed::Begun(fault) });
            }
            let done = matches!(delta, Delta::Stop(_));
            tell(Progress::Delta(delta)).await;
            if done {
                return Ok(());
            }
        }
    }
    for delta in decoder.end() {
        if let Delta::Fault(fault) = delta {
            return Err(if begun { Failed::Begun(fault) } else { Failed::Fresh(fault) });
        }
        tell(Progress::Delta(delta)).await;
    }
    Ok(())
}

/// An answer that came in one piece, from a server that does not stream: the same pieces at once.
async fn play_whole<F, W>(api: Api, body: &Value, decoder: &mut dyn Decode, tell: &mut F) -> Result<(), Failed>
where
    F: FnMut(Progress) -> W + Send,
    W: Future<Output = ()> + Send,
{
    let events = whole::events(api, body);
    let mut deltas: Vec<Delta> = events.iter().flat_map(|event| decoder.feed("", &event.to_string())).collect();
    deltas.extend(decoder.end());
    for delta in deltas {
        if let Delta::Fault(fault) = delta {
            return Err(Failed::Begun(fault));
        }
        let done = matches!(delta, Delta::Stop(_));
        tell(Progress::Delta(delta)).await;
        if done {
            break;
        }
    }
    Ok(())
}

/// The JSON of a whole answer, within the bound.
async fn whole_of(response: Response) -> Result<Value, Failed> {
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

/// Awaits `work` until `deadline`, telling how long it has taken.
async fn patiently<T, F, W>(
    work: impl Future<Output = T>,
    sent: Instant,
    deadline: Instant,
    tell: &mut F,
) -> Result<T, Fault>
where
    F: FnMut(Progress) -> W,
    W: Future<Output = ()>,
{
    let mut work = std::pin::pin!(work);
    loop {
        let step = (Instant::now() + Duration::from_millis(limits::PROGRESS_MS)).min(deadline);
        if let Ok(done) = timeout_at(step, &mut work).await {
            return Ok(done);
        }
        let seconds = sent.elapsed().as_secs();
        if Instant::now() >= deadline {
            return Err(Fault::FirstByteLate { waited_s: seconds });
        }
        tell(Progress::Waiting { seconds }).await;
    }
}

fn build(endpoint: &Endpoint, encoded: &Encoded) -> Result<reqwest::RequestBuilder, Fault> {
    let bad = |message: String| Fault::Refused { status: 0, message };
    let url = Url::parse(&encoded.url).map_err(|error| bad(format!("base_url is not an address: {error}")))?;
    let mut headers = HeaderMap::new();
    headers.insert(header::ACCEPT, HeaderValue::from_static("text/event-stream"));
    headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    for (name, value) in &encoded.headers {
        let value = HeaderValue::from_str(value).map_err(|error| bad(error.to_string()))?;
        headers.insert(HeaderName::from_static(name), value);
    }
    insert_key(&mut headers, endpoint)?;
    Ok(client_for(&url)?.post(url).headers(headers).json(&encoded.body))
}

fn insert_key(headers: &mut HeaderMap, endpoint: &Endpoint) -> Result<(), Fault> {
    let Some(key) = &endpoint.key else { return Ok(()) };
    let (name, value) = match endpoint.api.key_header() {
        KeyHeader::Bearer => (header::AUTHORIZATION, key.header("Bearer ")),
        KeyHeader::Plain(name) => (HeaderName::from_static(name), key.header("")),
    };
    let message = || "the key holds characters that a header cannot carry".to_owned();
    let value = value.ok_or_else(|| Fault::Auth { status: 0, message: message() })?;
    headers.insert(name, value);
    Ok(())
}

/// The shared clients: one for the network, which may use the system's proxy, and one for
/// loopback servers, which must not: a proxy would see prompts meant for this machine only.
fn client_for(url: &Url) -> Result<&'static Client, Fault> {
    static NETWORK: OnceLock<Result<Client, String>> = OnceLock::new();
    static LOOPBACK: OnceLock<Result<Client, String>> = OnceLock::new();
    let loopback = is_loopback(url);
    let cell = if loopback { &LOOPBACK } else { &NETWORK };
    let built = cell.get_or_init(|| {
        // Fails when a provider is installed already, which is as good.
        drop(rustls::crypto::ring::default_provider().install_default());
        let mut builder = Client::builder()
            .connect_timeout(Duration::from_millis(limits::CONNECT_MS_MAX))
            .redirect(Policy::custom(follow))
            .retry(reqwest::retry::never())
            .user_agent(concat!("rightseat/", env!("CARGO_PKG_VERSION")));
        if loopback {
            builder = builder.no_proxy();
        }
        builder.build().map_err(|error| error.to_string())
    });
    built.as_ref().map_err(|message| Fault::Unreachable { origin: origin(url), message: message.clone() })
}

/// Whether an address means this machine.
pub(super) fn is_loopback(url: &Url) -> bool {
    match url.host_str() {
        Some("localhost" | "[::1]") => true,
        Some(host) => host.parse::<std::net::Ipv4Addr>().is_ok_and(|address| address.is_loopback()),
        None => false,
    }
}

/// Follows redirects within one origin only; everything else comes back as an answer and becomes
/// [`Fault::Redirected`].
fn follow(attempt: Attempt<'_>) -> reqwest::redirect::Action {
    let same = attempt.previous().first().is_some_and(|first| origin(first) == origin(attempt.url()));
    // 301–303 would turn the POST into a GET, which no model server means.
    let keeps_method = matches!(attempt.status(), StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT);
    if same && keeps_method && attempt.previous().len() <= limits::REDIRECTS_MAX {
        attempt.follow()
    } else {
        attempt.stop()
    }
}

/// Scheme, host and port of an address.
pub(super) fn origin(url: &Url) -> String {
    url.origin().ascii_serialization()
}

fn unreachable(url: &str, error: &reqwest::Error) -> Fault {
    let origin = Url::parse(url).map_or_else(|_| url.to_owned(), |url| origin(&url));
    let mut message = String::new();
    let mut cause: Option<&dyn std::error::Error> = std::error::Error::source(error);
    // The innermost cause is the one that helps ("connection refused").
    while let Some(inner) = cause {
        message = inner.to_string();
        cause = inner.source();
    }
    Fault::Unreachable { origin, message }
}

/// An answer that can be read.
enum Accepted {
    /// Events.
    Stream(Response),
    /// One JSON document, though a stream was asked for.
    Whole(Response),
}

/// Lets event streams and whole answers through and types everything else.
async fn accept(response: Response) -> Result<Accepted, Fault> {
    let status = response.status();
    if status.is_redirection() {
        let target = header_text(&response, header::LOCATION);
        let to = response.url().join(&target).map_or(target, |url| origin(&url));
        return Err(Fault::Redirected { to });
    }
    if !status.is_success() {
        let after = retry::retry_after(&header_text(&response, header::RETRY_AFTER));
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
async fn start_of(response: Response, bytes_max: usize) -> String {
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

/// Why the byte stream ended early, as the stream's own error.
#[derive(Debug, thiserror::Error)]
enum ByteError {
    #[error("{0}")]
    Wire(#[source] reqwest::Error),
    #[error("too large")]
    TooLarge(&'static str, usize),
}

fn events_of(response: Response) -> impl Stream<Item = Result<Sse, sse_stream::Error>> {
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
fn stream_fault(error: sse_stream::Error) -> Fault {
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

/// An error's text without the address, which may hold what a user put into a query.
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

impl Fault {
    /// Takes the key out of whatever the server sent back.
    fn scrubbed(self, endpoint: &Endpoint) -> Fault {
        let Some(key) = &endpoint.key else { return self };
        let clean = |text: String| key.scrub(&text);
        match self {
            Fault::Overflow { message, context, prompt } => {
                Fault::Overflow { message: clean(message), context, prompt }
            }
            Fault::RateLimited { retry_after, message } => Fault::RateLimited { retry_after, message: clean(message) },
            Fault::Unavailable { status, retry_after, message } => {
                Fault::Unavailable { status, retry_after, message: clean(message) }
            }
            Fault::Auth { status, message } => Fault::Auth { status, message: clean(message) },
            Fault::Quota { message } => Fault::Quota { message: clean(message) },
            Fault::NotFound { message } => Fault::NotFound { message: clean(message) },
            Fault::Refused { status, message } => Fault::Refused { status, message: clean(message) },
            Fault::WrongType { got, start } => Fault::WrongType { got: clean(got), start: clean(start) },
            Fault::Redirected { to } => Fault::Redirected { to: clean(to) },
            Fault::Malformed { why } => Fault::Malformed { why: clean(why) },
            Fault::Cut { why } => Fault::Cut { why: clean(why) },
            Fault::Repeats { what } => Fault::Repeats { what: clean(what) },
            same @ (Fault::Unreachable { .. }
            | Fault::FirstByteLate { .. }
            | Fault::Stalled { .. }
            | Fault::OverTime
            | Fault::Compressed { .. }
            | Fault::TooLarge { .. }) => same,
        }
    }
}

/// Fetches a small JSON document, for discovery.
pub async fn get_json(endpoint: &Endpoint, url: &str, wait: Duration) -> Result<Value, Fault> {
    let parsed = Url::parse(url).map_err(|error| Fault::Refused { status: 0, message: error.to_string() })?;
    let mut headers = HeaderMap::new();
    insert_key(&mut headers, endpoint)?;
    headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    let work = async {
        let request = client_for(&parsed)?.get(parsed.clone()).headers(headers);
        let response = request.send().await.map_err(|error| unreachable(url, &error))?;
        let status = response.status();
        let body = start_of(response, limits::MODEL_LIST_BYTES_MAX).await;
        if !status.is_success() {
            return Err(fault::from_answer(status.as_u16(), None, &body).scrubbed(endpoint));
        }
        serde_json::from_str(&body).map_err(|error| Fault::Malformed { why: error.to_string() })
    };
    let waited_s = wait.as_secs();
    timeout(wait, work).await.map_err(|_| Fault::FirstByteLate { waited_s })?
}
