//! JSON lines: each the envelope, its links, and either the whole body or a redacted one with the digest of the whole.

use super::{failed, redact};
use crate::base::{Digest, Seq, SessionId, UnixMs};
use crate::journal::chain;
use crate::journal::head::{self, Head};
use crate::journal::{Reader, Result, SignedAnchor};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::io::Write;

/// The fields of an exported line before the event's own fields. The order is part of the format.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::journal) struct Frame<'a> {
    pub seq: Seq,
    pub at: UnixMs,
    #[serde(borrow)]
    pub kind: Cow<'a, str>,
    pub prev: Digest,
    pub hash: Digest,
    /// 32 hex digits; there when the body is whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub salt: Option<String>,
    /// Salted digest of the whole body; there when it was redacted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body_digest: Option<Digest>,
    /// Blobs that the event was the first to store.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attached: Vec<Digest>,
    /// On the first line: what the chain starts from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub journal: Option<Origin>,
}

/// The input of the genesis hash.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::journal) struct Origin {
    pub format: u32,
    pub session: SessionId,
    pub key_digest: Digest,
    /// The head of the journal when it was exported, with its signature.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head: Option<SignedAnchor>,
}

impl Frame<'_> {
    /// The frame with the event's own fields after it.
    fn line(&self, body: &str) -> String {
        let mut line = serde_json::to_string(self).unwrap_or_default();
        line.pop();
        let fields = body.strip_prefix('{').unwrap_or(body);
        // `{}` and `{ }` have no field to set apart.
        if !fields.trim_start().starts_with('}') {
            line.push(',');
        }
        line.push_str(fields);
        line
    }

    /// The body inside a line that starts with this frame, byte for byte.
    pub fn body_in(&self, line: &str) -> Option<String> {
        let mut frame = serde_json::to_string(self).ok()?;
        frame.pop();
        let fields = line.strip_prefix(frame.as_str())?;
        Some(format!("{{{}", fields.strip_prefix(',').unwrap_or(fields)))
    }
}

pub(super) fn write(reader: &Reader, redacting: bool, out: &mut dyn Write) -> Result<()> {
    let key = &reader.identity.key;
    // Read before the events: a host that goes on is only further by then. One that cannot be read is found by verify.
    let head = head::read(&reader.path).ok().flatten().filter(|head| head.signed.is_some());
    let origin = || Origin {
        format: 1,
        session: reader.identity.session.clone(),
        key_digest: Digest::from_bytes(chain::sha256(key)),
        head: head.as_ref().map(Head::carried),
    };
    for record in reader.iter(Seq(1)) {
        let record = record?;
        let salt = chain::salt(key, record.seq.0);
        let redacted = redacting.then(|| redact::redact_json(&record.body)).flatten();
        let body_digest =
            redacted.as_ref().map(|_| Digest::from_bytes(chain::body_digest(&salt, record.body.as_bytes())));
        let frame = Frame {
            seq: record.seq,
            at: record.at,
            kind: Cow::Borrowed(&record.kind),
            prev: record.prev,
            hash: record.hash,
            salt: body_digest.is_none().then(|| chain::hex(&salt)),
            body_digest,
            attached: record
                .attached
                .chunks_exact(32)
                .filter_map(|c| chain::Hash::try_from(c).ok().map(Digest::from_bytes))
                .collect(),
            journal: (record.seq == Seq(1)).then(origin),
        };
        let line = frame.line(redacted.as_deref().unwrap_or(&record.body));
        writeln!(out, "{line}").map_err(failed)?;
    }
    out.flush().map_err(failed)
}
