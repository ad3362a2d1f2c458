//! The hash chain: pure functions over bytes. The format is written down in the module documentation of `journal`.

use sha2::{Digest as _, Sha256};

/// A SHA-256.
pub type Hash = [u8; 32];
/// Random bytes that keep a left-out body from being guessed.
pub type Salt = [u8; 16];

const GENESIS: &[u8] = b"rightseat journal v1";
const SALT: &[u8] = b"rightseat salt v1";
const EVENT: &[u8] = b"rightseat event v1";

/// Everything of an event that its hash covers, with the body already digested.
#[derive(Debug, Clone, Copy)]
pub struct Link<'a> {
    /// Hash of the event before, or the genesis.
    pub prev: &'a Hash,
    /// Position, from 1.
    pub seq: u64,
    /// Unix time in milliseconds.
    pub at_unix_ms: u64,
    /// Kind, as bytes: a tampered kind need not be UTF-8.
    pub kind: &'a [u8],
    /// Salted digest of the body.
    pub body: &'a Hash,
    /// Digests of the blobs this event was the first to store, 32 bytes each, joined.
    pub attached: &'a [u8],
}

/// The plain SHA-256 of `bytes`: the address of a blob.
pub fn sha256(bytes: &[u8]) -> Hash {
    Sha256::digest(bytes).into()
}

/// The hash that event 1 links to.
pub fn genesis(session: &str, key_digest: &Hash) -> Hash {
    let mut h = Sha256::new();
    h.update(GENESIS);
    length_prefixed(&mut h, session.as_bytes());
    h.update(key_digest);
    h.finalize().into()
}

/// The salt of event `seq` under the journal's secret `key`.
pub fn salt(key: &Hash, seq: u64) -> Salt {
    let mut h = Sha256::new();
    h.update(SALT);
    h.update(key);
    h.update(seq.to_be_bytes());
    let full: Hash = h.finalize().into();
    let mut out = Salt::default();
    out.iter_mut().zip(full).for_each(|(to, from)| *to = from);
    out
}

/// The salted digest of a body.
pub fn body_digest(salt: &Salt, body: &[u8]) -> Hash {
    let mut h = Sha256::new();
    h.update(salt);
    h.update(body);
    h.finalize().into()
}

/// The hash of one event.
pub fn link(l: &Link<'_>) -> Hash {
    let mut h = Sha256::new();
    h.update(EVENT);
    h.update(l.prev);
    h.update(l.seq.to_be_bytes());
    h.update(l.at_unix_ms.to_be_bytes());
    length_prefixed(&mut h, l.kind);
    h.update(l.body);
    h.update(u32::try_from(l.attached.len() / 32).unwrap_or(u32::MAX).to_be_bytes());
    h.update(l.attached);
    h.finalize().into()
}

fn length_prefixed(h: &mut Sha256, bytes: &[u8]) {
    h.update(u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes());
    h.update(bytes);
}

/// Lower-case hex.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut out, byte| {
        // Writing into a string cannot fail.
        let _ = write!(out, "{byte:02x}");
        out
    })
}

/// Bytes from lower- or upper-case hex; `None` when it is not `N` bytes of hex.
pub fn unhex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut out = [0u8; N];
    if text.len() != N * 2 {
        return None;
    }
    for (to, pair) in out.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        let [high, low] = pair else { return None };
        let high = char::from(*high).to_digit(16)?;
        let low = char::from(*low).to_digit(16)?;
        *to = u8::try_from(high * 16 + low).ok()?;
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Computed once with Python's hashlib from the format in the module documentation.
    #[test]
    fn the_written_format_is_the_format() {
        let key = [7u8; 32];
        let prev = genesis("s1", &sha256(&key));
        let salt = salt(&key, 1);
        let body = body_digest(&salt, br#"{"text":"hi"}"#);
        let attached = sha256(b"blob");
        let hash = link(&Link {
            prev: &prev,
            seq: 1,
            at_unix_ms: 1_700_000_000_000,
            kind: b"said",
            body: &body,
            attached: &attached,
        });
        assert_eq!(hex(&hash), "7944c3472a3e8d0eb7e641287b11ae51b6c2fb92f030156caae115f81dee2ec5");
    }

    proptest! {
        #[test]
        fn hex_round_trips(bytes in any::<[u8; 32]>()) {
            prop_assert_eq!(unhex::<32>(&hex(&bytes)), Some(bytes));
        }

        /// Moving a byte between neighboring fields gives another hash: the encoding is unambiguous.
        #[test]
        fn every_field_counts(kind in "[a-z]{1,12}", body in any::<[u8; 32]>(), seq in 1u64..9, at in any::<u64>(), bit in 0usize..256) {
            let prev = [1u8; 32];
            let base = Link { prev: &prev, seq, at_unix_ms: at, kind: kind.as_bytes(), body: &body, attached: &[] };
            let mut flipped = body;
            flipped[bit / 8] ^= 1 << (bit % 8);
            let longer = format!("{kind}x");
            for other in [
                Link { seq: seq + 1, ..base },
                Link { at_unix_ms: at.wrapping_add(1), ..base },
                Link { kind: longer.as_bytes(), ..base },
                Link { body: &flipped, ..base },
                Link { prev: &flipped, ..base },
                Link { attached: &flipped, ..base },
            ] {
                prop_assert_ne!(link(&base), link(&other));
            }
        }
    }
}
