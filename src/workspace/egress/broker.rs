//! Keys that commands use without having them: a command has a placeholder, and the proxy puts the key in its place, in
//! one header of a request to the host that the key is for. The proxy speaks TLS to that host, so the command need not
//! trust a certificate of ours, and no other host receives the key.

use super::PORT;
use super::serve::{Body, boxed};
use crate::base::Secret;
use crate::config::Brokered;
use crate::model::Address;
use crate::workspace::limits::EGRESS_CONNECT_MS_MAX;
use bytes::Bytes;
use futures::stream;
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::{Response, Uri};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use rustls_platform_verifier::BuilderVerifierExt as _;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// The hosts with keys.
#[derive(Debug, Default)]
pub struct Broker {
    hosts: Vec<Host>,
    /// How the certificates of hosts are checked, or why they cannot be.
    trust: OnceLock<Result<Arc<ClientConfig>, String>>,
}

/// A host, and its key.
#[derive(Debug)]
pub struct Host {
    pub address: Address,
    /// The beginning of the path of its requests: the host as in a URL.
    name: String,
    variable: String,
    header: HeaderName,
    /// The variable for its base URL, and the path there.
    base: Option<(String, String)>,
    key: Option<Secret>,
}

impl Broker {
    /// Reads the keys from the environment. What the configuration has checked is not said again here.
    pub fn new(hosts: &BTreeMap<String, Brokered>, environment: impl Fn(&str) -> Option<String>) -> Self {
        let host = |(name, of): (&String, &Brokered)| {
            let address = of.address(name)?;
            let port = if address.port == 443 { String::new() } else { format!(":{}", address.port) };
            let base = of.base_url_env.clone().map(|variable| (variable, of.path.clone().unwrap_or_default()));
            Some(Host {
                name: format!("{}{port}", address.host),
                address,
                variable: of.env.clone(),
                header: of.header_name().ok()?,
                base,
                key: environment(&of.env).as_deref().and_then(Secret::new),
            })
        };
        Self { hosts: hosts.iter().filter_map(host).collect(), trust: OnceLock::new() }
    }

    /// Returns whether a variable has a key, and so is not for commands.
    pub fn keeps(&self, variable: &str) -> bool {
        self.hosts.iter().any(|host| host.variable == variable)
    }

    /// The variables of a command that uses the proxy: placeholders, and where to send them.
    pub fn environment(&self) -> Vec<(OsString, OsString)> {
        let with_key = self.hosts.iter().filter(|host| host.key.is_some());
        let of = |host: &Host| {
            let url = |path: &str| format!("http://127.0.0.1:{PORT}/{}{path}", host.name);
            let base = host.base.as_ref().map(|(variable, path)| (variable.clone(), url(path)));
            [(host.variable.clone(), host.placeholder())].into_iter().chain(base).collect::<Vec<_>>()
        };
        with_key.flat_map(of).map(|(name, value)| (name.into(), value.into())).collect()
    }

    /// The host that a request to the proxy itself is for, and the request's address there.
    pub(super) fn find(&self, uri: &Uri) -> Option<(&Host, Uri)> {
        let path = uri.path().strip_prefix('/')?;
        let (name, rest) = path.split_once('/').unwrap_or((path, ""));
        let host = self.hosts.iter().find(|host| host.name.eq_ignore_ascii_case(name))?;
        let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
        Some((host, format!("https://{}/{rest}{query}", host.name).parse().ok()?))
    }

    /// Speaks TLS with the host of an address.
    pub(super) async fn encrypted(&self, address: &Address, stream: TcpStream) -> Result<TlsStream<TcpStream>, String> {
        let trust = self.trust.get_or_init(|| trust().map_err(|error| error.to_string())).clone();
        let trust = trust.map_err(|why| format!("no certificate can be checked on this machine: {why}"))?;
        let name = match &address.host {
            crate::model::Host::Name(name) => ServerName::try_from(name.clone()).map_err(|error| error.to_string())?,
            crate::model::Host::Ip(ip) => ServerName::from(*ip),
        };
        let shaking = TlsConnector::from(trust).connect(name, stream);
        match tokio::time::timeout(Duration::from_millis(EGRESS_CONNECT_MS_MAX), shaking).await {
            Ok(connected) => connected.map_err(|error| format!("there is no encrypted connection: {error}")),
            Err(_) => Err(format!("there was no encrypted connection within {EGRESS_CONNECT_MS_MAX} ms")),
        }
    }
}

impl Host {
    fn placeholder(&self) -> String {
        format!("rightseat-placeholder-{}", self.variable)
    }

    /// # Errors
    /// In words, when there is none.
    pub(super) fn key(&self) -> Result<&Secret, String> {
        let missing = || format!("{} is not set where rightseat was started, so there is no key", self.variable);
        self.key.as_ref().ok_or_else(missing)
    }

    /// Puts the key in the place of the placeholder. The answer is asked for in a form in which the key can be seen.
    pub(super) fn fill(&self, headers: &mut HeaderMap, key: &Secret) {
        let placeholder = self.placeholder();
        if let header::Entry::Occupied(mut values) = headers.entry(&self.header) {
            for value in values.iter_mut() {
                if let Some(filled) = key.in_place_of(&placeholder, value) {
                    *value = filled;
                }
            }
        }
        headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    }
}

fn trust() -> Result<Arc<ClientConfig>, rustls::Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let versions = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    let mut trust = versions.with_platform_verifier()?.with_no_client_auth();
    trust.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(trust))
}

/// An answer in which the key, should the host repeat it, is overwritten. Its length stays.
pub(super) fn without(response: Response<Incoming>, key: Secret) -> Response<Body> {
    let (mut head, body) = response.into_parts();
    for value in head.headers.values_mut() {
        let mut bytes = value.as_bytes().to_vec();
        key.overwrite(&mut bytes);
        *value = HeaderValue::from_bytes(&bytes).unwrap_or(HeaderValue::from_static(""));
    }
    // The end of what came, as long as it may be the beginning of a key.
    let (body, begun) = (Some(body), Vec::new());
    let frames = stream::unfold((body, begun, key), async |(body, mut begun, key)| {
        let mut body = body?;
        let data = loop {
            match body.frame().await {
                Some(Ok(frame)) => {
                    // Trailers do not go on.
                    if let Ok(data) = frame.into_data() {
                        break data;
                    }
                }
                Some(Err(error)) => return Some((Err(error), (None, Vec::new(), key))),
                None => return Some((Ok(Frame::data(Bytes::from(begun))), (None, Vec::new(), key))),
            }
        };
        begun.extend_from_slice(&data);
        let kept = key.overwrite(&mut begun);
        let rest = begun.split_off(begun.len().saturating_sub(kept));
        Some((Ok(Frame::data(Bytes::from(begun))), (Some(body), rest, key)))
    });
    Response::from_parts(head, boxed(StreamBody::new(frames)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn broker() -> Broker {
        let of = |env: &str, base: Option<&str>| Brokered {
            env: env.to_owned(),
            base_url_env: base.map(str::to_owned),
            path: base.map(|_| "/v1".to_owned()),
            header: None,
        };
        let hosts = [("api.example.com", of("TOKEN", Some("BASE"))), ("[::1]:8443", of("MISSING", None))];
        let hosts = hosts.map(|(name, of)| (name.to_owned(), of)).into();
        Broker::new(&hosts, |name| (name == "TOKEN").then(|| "real-key-123".to_owned()))
    }

    #[test]
    fn a_command_has_placeholders_and_nothing_shows_the_key() {
        let broker = broker();
        let has: Vec<(String, String)> = broker
            .environment()
            .into_iter()
            .map(|(n, v)| (n.into_string().unwrap(), v.into_string().unwrap()))
            .collect();
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(
            has,
            [pair("TOKEN", "rightseat-placeholder-TOKEN"), pair("BASE", "http://127.0.0.1:61080/api.example.com/v1")]
        );
        assert!(broker.keeps("TOKEN") && broker.keeps("MISSING") && !broker.keeps("BASE"));
        assert!(!format!("{broker:?}").contains("real-key"));
    }

    #[test]
    fn a_path_names_a_host_of_the_broker_or_nothing() {
        let broker = broker();
        let found =
            |path: &str| broker.find(&path.parse().unwrap()).map(|(host, uri)| format!("{} {uri}", host.address));
        let at = |rest: &str| Some(format!("api.example.com:443 https://api.example.com/{rest}"));
        assert_eq!(found("/api.example.com/v1/x?y=/z"), at("v1/x?y=/z"));
        assert_eq!(found("/API.example.com"), at(""));
        assert_eq!(found("/api.example.com//evil.example/"), at("/evil.example/"));
        assert_eq!(found("/[::1]:8443/").as_deref(), Some("[::1]:8443 https://[::1]:8443/"));
        for path in
            ["/", "/x", "//api.example.com/", "/api.example.com:80/", "/api.example.com.evil/", "/a@api.example.com/"]
        {
            assert_eq!(found(path), None, "{path}");
        }
        let missing = broker.hosts.iter().find(|host| host.key.is_none()).unwrap();
        assert!(missing.key().unwrap_err().contains("MISSING is not set"));
    }
}
