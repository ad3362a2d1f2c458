//! The connections to model servers and the use of the key: the shared clients, the policy of redirects, the headers.
//!
//! A redirect to another origin is not followed, so the key stays where it belongs; a loopback server is never reached
//! through a proxy; compression is not asked for.

use super::Endpoint;
use crate::agent::llm::fault::Fault;
use crate::agent::llm::limits;
use crate::agent::llm::providers::{Encoded, KeyHeader};
use reqwest::header::{self, HeaderMap, HeaderName, HeaderValue};
use reqwest::redirect::{Attempt, Policy};
use reqwest::{Client, RequestBuilder, StatusCode, Url};
use std::sync::OnceLock;
use std::time::Duration;

/// A completion's request, key and all.
pub(super) fn post(endpoint: &Endpoint, encoded: &Encoded) -> Result<RequestBuilder, Fault> {
    let refused = |message: String| Fault::Refused { status: 0, message };
    let url = Url::parse(&encoded.url).map_err(|error| refused(format!("base_url is not a valid URL: {error}")))?;
    let mut headers = HeaderMap::new();
    headers.insert(header::ACCEPT, HeaderValue::from_static("text/event-stream"));
    headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    for (name, value) in &encoded.headers {
        let value = HeaderValue::from_str(value).map_err(|error| refused(error.to_string()))?;
        headers.insert(HeaderName::from_static(name), value);
    }
    insert_key(&mut headers, endpoint)?;
    Ok(client_for(&url)?.post(url).headers(headers).json(&encoded.body))
}

/// The request for a small document of the same server.
pub(super) fn get(endpoint: &Endpoint, url: &str) -> Result<RequestBuilder, Fault> {
    let url = Url::parse(url).map_err(|error| Fault::Refused { status: 0, message: error.to_string() })?;
    let mut headers = HeaderMap::new();
    insert_key(&mut headers, endpoint)?;
    headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    Ok(client_for(&url)?.get(url).headers(headers))
}

fn insert_key(headers: &mut HeaderMap, endpoint: &Endpoint) -> Result<(), Fault> {
    let Some(key) = &endpoint.key else { return Ok(()) };
    let (name, value) = match endpoint.api.key_header() {
        KeyHeader::Bearer => (header::AUTHORIZATION, key.header("Bearer ")),
        KeyHeader::Plain(name) => (HeaderName::from_static(name), key.header("")),
    };
    let message = || "the key contains characters that are not allowed in a header".to_owned();
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

/// Returns whether an address means this machine.
pub fn is_loopback(url: &Url) -> bool {
    match url.host_str() {
        Some("localhost" | "[::1]") => true,
        Some(host) => host.parse::<std::net::Ipv4Addr>().is_ok_and(|address| address.is_loopback()),
        None => false,
    }
}

/// Follows redirects within one origin that keep the method; everything else comes back as an answer and becomes
/// [`Fault::Redirected`] or [`Fault::Moved`].
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

/// No connection, in the words of its innermost cause.
pub(super) fn unreachable(url: &str, error: &reqwest::Error) -> Fault {
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
