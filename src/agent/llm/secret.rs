//! A model key in memory: it can be sent, and nothing else.
//!
//! `Secret` has no `Display`, no serialization and a `Debug` that shows nothing, so that a key
//! cannot reach the journal, a log or an error by accident; [`Secret::scrub`] takes it out of text
//! that a server sent back.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

/// A key.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

/// Shorter texts are not scrubbed: they would eat ordinary words.
const SCRUB_CHARS_MIN: usize = 8;

impl Secret {
    /// Takes over a key without surrounding whitespace; `None` for an empty key.
    pub fn new(text: &str) -> Option<Secret> {
        let text = text.trim();
        (!text.is_empty()).then(|| Secret(text.to_owned()))
    }

    /// The key as a header value; `None` if it holds characters a header cannot carry.
    pub fn header(&self, prefix: &str) -> Option<reqwest::header::HeaderValue> {
        let mut value = reqwest::header::HeaderValue::from_str(&format!("{prefix}{}", self.0)).ok()?;
        value.set_sensitive(true);
        Some(value)
    }

    /// The text with every form of the key replaced: raw, base64, hex, percent-encoded.
    pub fn scrub(&self, text: &str) -> String {
        if self.0.len() < SCRUB_CHARS_MIN {
            return text.to_owned();
        }
        let mut out = text.to_owned();
        for form in self.forms() {
            if out.contains(&form) {
                out = out.replace(&form, "[key]");
            }
        }
        out
    }

    fn forms(&self) -> [String; 6] {
        let hex: String = self.0.bytes().map(|byte| format!("{byte:02x}")).collect();
        let url: String = self
            .0
            .bytes()
            .map(|byte| match byte {
                b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => char::from(byte).to_string(),
                other => format!("%{other:02X}"),
            })
            .collect();
        [self.0.clone(), STANDARD.encode(&self.0), URL_SAFE_NO_PAD.encode(&self.0), hex.to_uppercase(), hex, url]
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_not_shown_and_is_taken_out_of_text_in_every_form() {
        let secret = Secret::new(" sk-Test/1234+5678\n").unwrap();
        assert_eq!(format!("{secret:?} {:?}", Some(&secret)), "Secret(…) Some(Secret(…))");
        for form in secret.forms() {
            let scrubbed = secret.scrub(&format!("wrong key: {form}."));
            assert_eq!(scrubbed, "wrong key: [key].");
        }
        assert!(Secret::new("  ").is_none());
        assert!(secret.header("Bearer ").unwrap().is_sensitive());
    }
}
