//! Leaving secrets out of what leaves the machine: known shapes of keys, and values that names call secret.
//!
//! It errs on the side of leaving out. It is a net, not a proof: what it cannot recognize it lets through.

use regex::{Captures, Regex};
use serde_json::Value;
use std::sync::LazyLock;

/// The replacement for a secret.
const MARK: &str = "[redacted]";

/// Known shapes. Sources: the vendors' published formats (OpenAI and Anthropic `sk-`, AWS access key ids, GitHub token
/// prefixes, GitLab `glpat-`, Slack `xox?-`, Google `AIza`, npm `npm_`, Stripe `sk_live_`, Hugging Face `hf_`, JSON Web
/// Tokens, RFC 6750 bearer headers, RFC 7468 private keys, credentials in URLs of RFC 3986).
const SHAPES: &str = r#"(?x)
    -----BEGIN\ [A-Z0-9\ ]*PRIVATE\ KEY-----[\s\S]*?(?:-----END\ [A-Z0-9\ ]*PRIVATE\ KEY-----|\z)
  | \bsk-[A-Za-z0-9_-]{16,}
  | \b(?:sk|rk|pk)_(?:live|test)_[A-Za-z0-9]{16,}
  | \b(?:AKIA|ASIA)[A-Z0-9]{16}\b
  | \bgh[pousr]_[A-Za-z0-9]{20,}
  | \bgithub_pat_[A-Za-z0-9_]{20,}
  | \bglpat-[A-Za-z0-9_-]{16,}
  | \bxox[abeoprs]-[A-Za-z0-9-]{10,}
  | \bAIza[A-Za-z0-9_-]{30,}
  | \bnpm_[A-Za-z0-9]{30,}
  | \bhf_[A-Za-z0-9]{20,}
  | \beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*
"#;

/// A name that says secret, then a value.
const NAMED: &str = r#"(?xi)
    (?P<lead>
        \b(?:bearer|basic)\ +
      | [a-z][a-z0-9+.-]{0,20}://[^\s/:@]{0,80}:
      | (?:[a-z0-9_.-]{0,40}(?:api[_-]?key|secret|token|passw(?:or)?d|passphrase|credential|private[_-]?key|access[_-]?key)[a-z0-9_-]{0,20})
        ["']?\s{0,3}(?::=|=>|[:=])\s{0,3}["']?(?:bearer\ +|basic\ +)?
    )
    (?P<value>[^\s"'\\,;)}\]]{4,})
"#;

#[expect(clippy::expect_used, reason = "constant patterns, compiled by the tests of this file")]
static SHAPED: LazyLock<Regex> = LazyLock::new(|| Regex::new(SHAPES).expect("constant pattern"));
#[expect(clippy::expect_used, reason = "constant patterns, compiled by the tests of this file")]
static ASSIGNED: LazyLock<Regex> = LazyLock::new(|| Regex::new(NAMED).expect("constant pattern"));

/// The text without what looks like a secret; `None` when there is nothing to leave out.
pub fn redact(text: &str) -> Option<String> {
    let shaped = SHAPED.replace_all(text, MARK);
    let named = ASSIGNED.replace_all(&shaped, |c: &Captures<'_>| {
        let part = |name| c.name(name).map_or("", |m| m.as_str());
        let (lead, value) = (part("lead"), part("value"));
        let secret = if lead.contains("://") {
            value.split_once('@').is_some_and(|(password, _)| !password.is_empty() && !password.contains('/'))
        } else {
            is_secret(value)
        };
        match value.split_once('@') {
            Some((_, rest)) if secret && lead.contains("://") => format!("{lead}{MARK}@{rest}"),
            _ if secret => format!("{lead}{MARK}"),
            _ => format!("{lead}{value}"),
        }
    });
    (named != text).then(|| named.into_owned())
}

/// Returns whether the value of a secret's name is the secret itself, and not a variable, a type, a number or a mark.
fn is_secret(value: &str) -> bool {
    let reference =
        value.starts_with([':', '$', '<', '&', '*', '(', '[', '{']) || value.contains("::") || value.contains('(');
    let counted = value.chars().all(|c| c.is_ascii_digit() || c == '.' || c == '_') && value.len() < 8;
    let word = matches!(
        value.to_ascii_lowercase().as_str(),
        "none" | "null" | "true" | "false" | "string" | "option" | "self"
    );
    let varied = value.chars().any(|c| c.is_ascii_digit())
        || value.chars().any(|c| c.is_ascii_punctuation())
        || value.len() >= 16;
    let dotted = value.split('.').count() > 1 && value.chars().all(|c| c.is_ascii_alphabetic() || c == '.' || c == '_');
    !reference && !counted && !word && !dotted && (varied || value.len() >= 8)
}

/// The same for a JSON object: every string in it, and every string under a secret's name.
pub(super) fn redact_json(body: &str) -> Option<String> {
    // Nearly every body is clean; only those that are not are parsed.
    let mut value: Value = serde_json::from_str(body).ok()?;
    redact_value(&mut value, false).then(|| value.to_string())
}

fn redact_value(value: &mut Value, named: bool) -> bool {
    match value {
        Value::String(text) if named && is_secret(text) => {
            MARK.clone_into(text);
            true
        }
        Value::String(text) => redact(text).map(|clean| *text = clean).is_some(),
        Value::Array(items) => redact_items(items, named),
        Value::Object(fields) => {
            let mut any = false;
            let mut clean = serde_json::Map::new();
            for (name, mut field) in std::mem::take(fields) {
                any |= redact_value(&mut field, names_secret(&name));
                let name = redact(&name).inspect(|_| any = true).unwrap_or(name);
                clean.insert(name, field);
            }
            *fields = clean;
            any
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

/// A list, or a pair of name and value as environments are written.
fn redact_items(items: &mut [Value], named: bool) -> bool {
    let pair = matches!(items, [Value::String(name), Value::String(_)] if names_secret(name));
    let mut any = false;
    for (n, item) in items.iter_mut().enumerate() {
        any |= redact_value(item, named || (pair && n == 1));
    }
    any
}

fn names_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase().replace('-', "_");
    [
        "api_key",
        "apikey",
        "secret",
        "token",
        "password",
        "passwd",
        "passphrase",
        "credential",
        "private_key",
        "access_key",
        "authorization",
    ]
    .iter()
    .any(|word| name == *word || name.ends_with(&format!("_{word}")) || name.starts_with(&format!("{word}_")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expect: &str) {
        assert_eq!(redact(text).unwrap_or_else(|| text.to_owned()), expect);
    }

    #[test]
    fn secrets_are_left_out() {
        check("key sk-abcdefghijklmnop1234 end", "key [redacted] end");
        check("AKIAIOSFODNN7EXAMPLE", "[redacted]");
        check("ghp_0123456789abcdefghijABCDEFGHIJ", "[redacted]");
        check("xoxb-123456789012-abcdef", "[redacted]");
        check("Authorization: Bearer abc.def-123", "Authorization: Bearer [redacted]");
        check("export OPENAI_API_KEY=abcd1234efgh", "export OPENAI_API_KEY=[redacted]");
        check(r#""password": "hunter2!""#, r#""password": "[redacted]""#);
        check("https://user:s3cret@host/path", "https://user:[redacted]@host/path");
        check("a\n-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----\nb", "a\n[redacted]\nb");
        check("-----BEGIN PRIVATE KEY-----\nMIIE cut off", "[redacted]");
        check("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc", "[redacted]");
    }

    #[test]
    fn ordinary_text_stays() {
        for text in [
            "let token = self.next();",
            "tokens: 4096",
            "fn token(&self) -> Token",
            "secret: $SECRET",
            "password: String,",
            "the task-sk-y",
            "https://host:8080/path",
            "sha256 ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
            "token::Kind",
            "api_key = std.env.key",
        ] {
            assert_eq!(redact(text), None, "{text}");
        }
    }

    #[test]
    fn json_is_searched_by_name_and_by_shape() {
        let dirty = r#"{"env":[["DB_PASSWORD","correct horse"],["PATH","/bin"]],"a":{"token":"abcdefgh1"},"text":"sk-abcdefghijklmnop1234"}"#;
        let clean =
            r#"{"env":[["DB_PASSWORD","[redacted]"],["PATH","/bin"]],"a":{"token":"[redacted]"},"text":"[redacted]"}"#;
        assert_eq!(redact_json(dirty).as_deref(), Some(clean));
        assert_eq!(redact_json(r#"{"tokens_in":123456789,"text":"fine"}"#), None);
    }
}
