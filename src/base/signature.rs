//! Public keys and signatures as values: Ed25519 (RFC 8032), written in base64url without padding. Making and checking them
//! is the journal's.

use super::Digest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// The name of the file of the private key.
pub const KEY_FILE: &str = "signing.key";

macro_rules! bytes_as_text {
    ($(#[$doc:meta])* $name:ident, $length:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq)]
        pub struct $name([u8; $length]);

        impl $name {
            /// The raw bytes.
            pub fn bytes(&self) -> &[u8; $length] {
                &self.0
            }

            /// From the raw bytes; `None` when their number is another one.
            pub fn from_slice(bytes: &[u8]) -> Option<Self> {
                bytes.try_into().ok().map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&URL_SAFE_NO_PAD.encode(self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(from)?;
                let bytes = URL_SAFE_NO_PAD.decode(text.as_bytes()).ok();
                let wrong = || serde::de::Error::custom(concat!("not ", stringify!($length), " bytes of base64url"));
                bytes.and_then(|bytes| Self::from_slice(&bytes)).ok_or_else(wrong)
            }
        }
    };
}

bytes_as_text! {
    /// The public key of a machine that signs records.
    PublicKey, 32
}
bytes_as_text! {
    /// A signature.
    Signature, 64
}

impl PublicKey {
    /// The first 16 hex digits of its SHA-256, for people.
    pub fn fingerprint(&self) -> String {
        Digest::of(&self.0).to_string().chars().take(16).collect()
    }
}

/// A signature, and the key that it can be checked with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signed {
    pub key: PublicKey,
    pub signature: Signature,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_comes_back_from_its_text_and_nothing_else_is_read() {
        let signed = Signed { key: PublicKey([7; 32]), signature: Signature([9; 64]) };
        let text = serde_json::to_string(&signed).unwrap();
        assert_eq!(serde_json::from_str::<Signed>(&text).unwrap(), signed);
        for bad in ["\"\"", "\"AAAA\"", "7", "\"????\""] {
            assert!(serde_json::from_str::<PublicKey>(bad).is_err(), "{bad}");
        }
    }
}
