//! Settings of the fleet: the NATS server through which many machines are seen and decided from one place.

use super::rows::{optional, value};
use crate::base::PublicKey;
use hyper::Uri;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// The NATS server to which sessions publish what is pending in them, and from which they accept signed decisions. Needs a
/// build with the feature `nats`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct NatsFile {
    /// Address of the server, such as `tls://nats.example.org:4222`; `nats://` asks for TLS only if the server does.
    pub url: Option<String>,
    /// Credentials file of this machine (`.creds`), by its absolute path.
    pub credentials: Option<PathBuf>,
    /// PEM file with the authorities that the server's certificate is checked with; unset, those of the system.
    pub ca: Option<PathBuf>,
    /// PEM file with the certificate of this machine, if the server asks for one.
    pub cert: Option<PathBuf>,
    /// PEM file with the key of that certificate.
    pub key: Option<PathBuf>,
    /// First word of all subjects, and of the names of the streams.
    pub prefix: Option<String>,
    /// Name of this machine in the fleet; unset, its host name.
    pub name: Option<String>,
    /// Public keys, as `rightseat fleet key` prints them, that may decide here; without one, this machine is only shown.
    pub deciders: Option<Vec<String>>,
}

/// The same with a value for each.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct NatsSettings {
    pub url: Option<String>,
    pub credentials: Option<PathBuf>,
    pub ca: Option<PathBuf>,
    pub cert: Option<PathBuf>,
    pub key: Option<PathBuf>,
    pub prefix: String,
    pub name: Option<String>,
    pub deciders: Vec<PublicKey>,
}

impl Default for NatsSettings {
    fn default() -> Self {
        Self {
            url: None,
            credentials: None,
            ca: None,
            cert: None,
            key: None,
            prefix: "rightseat".to_owned(),
            name: None,
            deciders: Vec::new(),
        }
    }
}

impl NatsSettings {
    pub(super) fn apply(&mut self, file: &NatsFile) {
        let NatsFile { url, credentials, ca, cert, key, prefix, name, deciders } = file;
        for (to, from) in [(&mut self.url, url), (&mut self.name, name)] {
            if from.is_some() {
                to.clone_from(from);
            }
        }
        for (to, from) in
            [(&mut self.credentials, credentials), (&mut self.ca, ca), (&mut self.cert, cert), (&mut self.key, key)]
        {
            if from.is_some() {
                to.clone_from(from);
            }
        }
        if let Some(prefix) = prefix {
            self.prefix.clone_from(prefix);
        }
        if let Some(deciders) = deciders {
            self.deciders = deciders.iter().filter_map(|key| parse(key)).collect();
        }
    }

    /// See [`super::Settings::rows`].
    pub(super) fn rows(&self) -> Vec<(&'static str, String)> {
        vec![
            ("nats.url", optional(self.url.as_ref())),
            ("nats.credentials", optional(self.credentials.as_ref())),
            ("nats.ca", optional(self.ca.as_ref())),
            ("nats.cert", optional(self.cert.as_ref())),
            ("nats.key", optional(self.key.as_ref())),
            ("nats.prefix", value(&self.prefix)),
            ("nats.name", optional(self.name.as_ref())),
            ("nats.deciders", value(&self.deciders)),
        ]
    }

    /// Says that this build has no fleet, if one is configured.
    pub(super) fn without_effect(&self) -> Option<String> {
        let why = "nats.url has no effect: this build does not have the feature `nats`";
        (self.url.is_some() && !cfg!(feature = "nats")).then(|| why.to_owned())
    }
}

fn parse(key: &str) -> Option<PublicKey> {
    serde_json::from_value(serde_json::Value::from(key.trim())).ok()
}

/// A word of a subject: nothing in it is a separator or a wildcard there.
pub fn is_subject_word(word: &str) -> bool {
    !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

/// The first value that cannot be meant, with its key.
pub(super) fn fault(file: &NatsFile) -> Option<(&'static str, String)> {
    let address = file.url.as_ref().filter(|url| {
        !url.parse::<Uri>().is_ok_and(|uri| {
            matches!(uri.scheme_str(), Some("nats" | "tls"))
                && uri.authority().is_some_and(|to| !to.as_str().contains('@'))
        })
    });
    if let Some(url) = address {
        return Some(("nats.url", format!("{url:?} is not a nats or tls address without a user")));
    }
    let files = [
        ("nats.credentials", &file.credentials),
        ("nats.ca", &file.ca),
        ("nats.cert", &file.cert),
        ("nats.key", &file.key),
    ];
    for (name, path) in files {
        if let Some(path) = path.as_ref().filter(|path| !path.is_absolute()) {
            return Some((name, format!("{} is not an absolute path", path.display())));
        }
    }
    if file.cert.is_some() != file.key.is_some() {
        return Some(("nats.cert", "a certificate and its key are set together".to_owned()));
    }
    for (name, word) in [("nats.prefix", &file.prefix), ("nats.name", &file.name)] {
        if let Some(word) = word.as_ref().filter(|word| !is_subject_word(word)) {
            return Some((name, format!("{word:?} is not a word of letters, digits, - and _")));
        }
    }
    let wrong = file.deciders.iter().flatten().find(|key| parse(key).is_none())?;
    Some(("nats.deciders", format!("{wrong:?} is not a key: `rightseat fleet key` prints one")))
}

#[cfg(test)]
mod tests {
    use super::super::parse;

    #[test]
    fn what_cannot_be_meant_is_said() {
        let told =
            |text: &str| parse("c", &format!("[nats]\n{text}\n")).map_or_else(|e| e.to_string(), |_| String::new());
        assert_eq!(told("url = \"tls://nats.example.org:4222\"\nname = \"box-1\""), "");
        for (text, key) in [
            ("url = \"http://x\"", "nats.url"),
            ("url = \"nats://me:secret@x\"", "nats.url"),
            ("credentials = \"x.creds\"", "nats.credentials"),
            ("cert = \"/x\"", "nats.cert"),
            ("name = \"a.b\"", "nats.name"),
            ("prefix = \">\"", "nats.prefix"),
            ("deciders = [\"AAAA\"]", "nats.deciders"),
        ] {
            assert!(told(text).contains(key), "{text}: {}", told(text));
        }
    }
}
