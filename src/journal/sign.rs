//! Signatures of a record, of its head and of the census of a stop, with the machine's key; and of decisions that come from
//! another machine, with the user's. A key is made once, outside of every workspace.
//!
//! ```text
//! head     "rightseat head v1" ‖ lp(session id) ‖ seq:u64 ‖ at:u64 ‖ hash:32     at is 0 in the head file
//! census   "rightseat census v1" ‖ lp(session id) ‖ lp(the census as JSON)
//! decision "rightseat decision v1" ‖ lp(the order as text)
//! ```

use super::{Anchor, Error, Result};
use crate::base::{PublicKey, SessionId, Signature, Signed, UnixMs};
use crate::journal::limits::KEY_FILE_BYTES_MAX;
use crate::model::event::Census;
use ring::rand::SystemRandom;
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use serde::{Deserialize, Serialize};
use std::fs::{DirBuilder, File};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;

const HEAD: &[u8] = b"rightseat head v1";
const CENSUS: &[u8] = b"rightseat census v1";
const DECISION: &[u8] = b"rightseat decision v1";

/// The key of this machine, or of its user.
pub struct Signer {
    pair: Ed25519KeyPair,
    key: PublicKey,
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Signer").field(&self.key).finish()
    }
}

/// An anchor with the time at which it was made, and a signature if there is one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedAnchor {
    #[serde(flatten)]
    pub anchor: Anchor,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<UnixMs>,
    #[serde(flatten)]
    pub signed: Option<Signed>,
}

impl SignedAnchor {
    /// Reads an anchor line; whitespace around it is fine, unknown fields are ignored.
    pub fn parse(text: &str) -> Option<Self> {
        serde_json::from_str(text.trim()).ok()
    }

    /// The key that signed it; `None` when it is not signed.
    ///
    /// # Errors
    /// The signature is wrong.
    pub fn signer(&self) -> std::result::Result<Option<PublicKey>, PublicKey> {
        let Some(signed) = &self.signed else { return Ok(None) };
        let message = head_message(&self.anchor, self.at);
        if is_good(signed, &message) { Ok(Some(signed.key)) } else { Err(signed.key) }
    }
}

impl Signer {
    /// The key in this file, which is made, 0600, if there is none.
    pub fn load_or_make(path: &Path) -> Result<Self> {
        match Self::load(path) {
            Err(Error::Missing(_)) => {}
            found => return found,
        }
        let damaged = |why: &str| Error::Damaged { path: path.to_owned(), why: why.to_owned() };
        let made = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).map_err(|_| damaged("no key can be made"))?;
        let directory = path.parent().unwrap_or(Path::new("."));
        DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(Error::io("creating", directory))?;
        let written = tempfile::Builder::new().prefix(".new-key").tempfile_in(directory).and_then(|mut file| {
            file.write_all(made.as_ref())?;
            file.as_file().sync_all()?;
            Ok(file)
        });
        // Another process may have made one meanwhile, which stays.
        match written.map_err(Error::io("creating", path))?.persist_noclobber(path) {
            Err(failed) if failed.error.kind() != io::ErrorKind::AlreadyExists => {
                Err(Error::io("creating", path)(failed.error))
            }
            Ok(_) | Err(_) => Self::load(path),
        }
    }

    /// The key in this file.
    pub fn load(path: &Path) -> Result<Self> {
        let mut bytes = Vec::new();
        let file = File::open(path).map_err(Error::io("reading", path))?;
        file.take(KEY_FILE_BYTES_MAX).read_to_end(&mut bytes).map_err(Error::io("reading", path))?;
        let wrong = || Error::Damaged { path: path.to_owned(), why: "it is not an Ed25519 key in PKCS#8".to_owned() };
        let pair = Ed25519KeyPair::from_pkcs8(&bytes).map_err(|_| wrong())?;
        let key = PublicKey::from_slice(pair.public_key().as_ref()).ok_or_else(wrong)?;
        Ok(Self { pair, key })
    }

    pub fn key(&self) -> PublicKey {
        self.key
    }

    /// Signs an anchor; `at` is part of what is signed.
    pub fn anchor(&self, anchor: Anchor, at: Option<UnixMs>) -> SignedAnchor {
        let signed = self.sign(&head_message(&anchor, at));
        SignedAnchor { anchor, at, signed }
    }

    pub(super) fn census(&self, session: &SessionId, census: &Census) -> Option<Signed> {
        self.sign(&census_message(session, census))
    }

    /// Signs a decision that goes to another machine: exactly this text.
    pub fn decision(&self, order: &str) -> Option<Signed> {
        self.sign(&decision_message(order))
    }

    fn sign(&self, message: &[u8]) -> Option<Signed> {
        let signature = Signature::from_slice(self.pair.sign(message).as_ref())?;
        Some(Signed { key: self.key, signature })
    }
}

/// Checks the signature of a census.
pub(super) fn is_census_good(session: &SessionId, census: &Census, signed: &Signed) -> bool {
    is_good(signed, &census_message(session, census))
}

/// Checks the signature of a decision.
pub fn is_decision_good(order: &str, signed: &Signed) -> bool {
    is_good(signed, &decision_message(order))
}

fn is_good(signed: &Signed, message: &[u8]) -> bool {
    UnparsedPublicKey::new(&ED25519, signed.key.bytes()).verify(message, signed.signature.bytes()).is_ok()
}

fn head_message(anchor: &Anchor, at: Option<UnixMs>) -> Vec<u8> {
    let mut message = HEAD.to_vec();
    length_prefixed(&mut message, anchor.session.as_str().as_bytes());
    message.extend(anchor.seq.0.to_be_bytes());
    message.extend(at.unwrap_or_default().0.to_be_bytes());
    message.extend(anchor.hash.bytes());
    message
}

fn census_message(session: &SessionId, census: &Census) -> Vec<u8> {
    let mut message = CENSUS.to_vec();
    length_prefixed(&mut message, session.as_str().as_bytes());
    length_prefixed(&mut message, &serde_json::to_vec(census).unwrap_or_default());
    message
}

fn decision_message(order: &str) -> Vec<u8> {
    let mut message = DECISION.to_vec();
    length_prefixed(&mut message, order.as_bytes());
    message
}

fn length_prefixed(message: &mut Vec<u8>, bytes: &[u8]) {
    message.extend(u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes());
    message.extend(bytes);
}
