//! One request, passed on to the host that it names.

use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::{Request, Response, Uri};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::sync::CancellationToken;

/// Headers that are about one connection (RFC 9110, section 7.6.1), and those for a proxy.
const OF_CONNECTION: [HeaderName; 7] = [
    header::CONNECTION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
];
const OF_OLD_CONNECTION: [&str; 2] = ["proxy-connection", "keep-alive"];

/// Removes what is about the connection, and what that names.
pub fn strip(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    // Of two lengths the one that was not used must not go on.
    if headers.contains_key(header::TRANSFER_ENCODING) {
        headers.remove(header::CONTENT_LENGTH);
    }
    for name in named.iter().chain(&OF_CONNECTION) {
        headers.remove(name);
    }
    for name in OF_OLD_CONNECTION {
        headers.remove(name);
    }
}

/// Passes a request with a whole address on over this connection, which carries nothing else.
pub async fn forward(
    mut request: Request<Incoming>,
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    ended: &CancellationToken,
) -> Result<Response<Incoming>, String> {
    let host = request.uri().authority().map(|authority| authority.as_str().to_owned()).unwrap_or_default();
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    let uri = path.parse::<Uri>().map_err(|error| format!("its path is invalid: {error}"))?;
    *request.uri_mut() = uri;
    strip(request.headers_mut());
    let host = HeaderValue::from_str(&host).map_err(|error| format!("its host is invalid: {error}"))?;
    request.headers_mut().insert(header::HOST, host);
    let failed = |error: hyper::Error| format!("it does not speak HTTP: {error}");
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(failed)?;
    tokio::spawn(ended.clone().run_until_cancelled_owned(connection));
    let mut response = sender.send_request(request).await.map_err(failed)?;
    strip(response.headers_mut());
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_about_the_connection_does_not_go_on() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("connection", "x-own, close"),
            ("x-own", "1"),
            ("proxy-authorization", "secret"),
            ("proxy-connection", "keep-alive"),
            ("transfer-encoding", "chunked"),
            ("content-length", "5"),
            ("accept", "*/*"),
        ] {
            headers.insert(name, HeaderValue::from_static(value));
        }
        strip(&mut headers);
        assert_eq!(headers.keys().map(HeaderName::as_str).collect::<Vec<_>>(), ["accept"]);
    }
}
