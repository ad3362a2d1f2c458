//! A key in memory: it can be sent, and nothing else.
//!
//! `Secret` has no `Display`, no serialization and a `Debug` that shows nothing, so that a key
//! cannot reach the journal, a log or an error by accident; [`Secret::scrub`] takes it out of text
//! that a server sent back.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use hyper::header::HeaderValue;

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
    pub fn header(&self, prefix: &str) -> Option<HeaderValue> {
        let mut value = HeaderValue::from_str(&format!("{prefix}{}", self.0)).ok()?;
        value.set_sensitive(true);
        Some(value)
    }

    /// A header's value with the key in place of a placeholder, which is in it as it is, or in what follows `Basic`;
    /// `None` if there is no placeholder in it, or no header can carry the key.
    pub fn in_place_of(&self, placeholder: &str, value: &HeaderValue) -> Option<HeaderValue> {
        let text = value.to_str().ok()?;
        let filled = match text.split_once(' ') {
            Some((scheme, coded)) if scheme.eq_ignore_ascii_case("basic") => {
                let pair = String::from_utf8(STANDARD.decode(coded.trim()).ok()?).ok()?;
                let pair = pair.contains(placeholder).then(|| pair.replace(placeholder, &self.0))?;
                format!("{scheme} {}", STANDARD.encode(pair))
            }
            Some(_) | None => text.contains(placeholder).then(|| text.replace(placeholder, &self.0))?,
        };
        let mut value = HeaderValue::from_str(&filled).ok()?;
        value.set_sensitive(true);
        Some(value)
    }

    /// Overwrites the key wherever it is in these bytes, and returns how many of the last ones may be its beginning.
    pub fn overwrite(&self, bytes: &mut [u8]) -> usize {
        let key = self.0.as_bytes();
        if key.len() < SCRUB_CHARS_MIN {
            return 0;
        }
        let found: Vec<usize> = memchr::memmem::find_iter(bytes, key).collect();
        for at in found {
            if let Some(place) = bytes.get_mut(at..at.saturating_add(key.len())) {
                place.fill(b'*');
            }
        }
        (1..key.len()).rev().find(|count| key.get(..*count).is_some_and(|begun| bytes.ends_with(begun))).unwrap_or(0)
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
    #[test]
    fn a_key_takes_the_place_of_its_placeholder_in_a_header() {
        let secret = Secret::new("real-key").unwrap();
        let filled = |value: &str| secret.in_place_of("stand-in", &HeaderValue::from_str(value).unwrap());
        for (value, expected) in [
            ("stand-in", "real-key"),
            ("Bearer stand-in", "Bearer real-key"),
            ("token a=stand-in, b=stand-in", "token a=real-key, b=real-key"),
            ("basic dXNlcjpzdGFuZC1pbg==", "basic dXNlcjpyZWFsLWtleQ=="),
        ] {
            let value = filled(value).unwrap();
            assert_eq!(value.to_str().unwrap(), expected);
            assert!(value.is_sensitive());
        }
        for value in ["Bearer other", "Basic !", "Basic dXNlcjpvdGhlcg==", ""] {
            assert_eq!(filled(value), None, "{value}");
        }
        assert_eq!(Secret::new("a\nb").unwrap().in_place_of("x", &HeaderValue::from_static("x")), None);
    }

    #[test]
    fn a_key_is_overwritten_and_its_beginning_is_counted() {
        let secret = Secret::new("abcdabce").unwrap();
        for (text, expected, begun) in [
            ("abcdabce", "********", 0),
            ("x abcdabce, abcdabceabc", "x ********, ********abc", 3),
            ("abcdabcd", "abcdabcd", 4),
            ("abcdabcx", "abcdabcx", 0),
            ("", "", 0),
        ] {
            let mut bytes = text.as_bytes().to_vec();
            assert_eq!((secret.overwrite(&mut bytes), bytes.as_slice()), (begun, expected.as_bytes()), "{text}");
        }
    }
}
