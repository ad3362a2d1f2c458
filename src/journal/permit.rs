//! The permit: proof that a decision for exactly these bytes, and the start it covers, are on disk.

use crate::base::{ActionId, Digest};

/// Leave to execute one action once. The executor takes it by value, so it is spent by being used.
///
/// Only [`Journal::append`](super::Journal::append) makes one, when a durable `started` follows a decision that allows
/// it. It cannot be built elsewhere,
///
/// ```compile_fail
/// let forged = rightseat::journal::Permit { action: "a1".into(), revision: 1, digest: rightseat::base::Digest::of(b"")
/// };
/// ```
///
/// nor kept for a second use,
///
/// ```compile_fail
/// fn twice(p: rightseat::journal::Permit) -> [rightseat::journal::Permit; 2] { [p.clone(), p] }
/// ```
///
/// nor read from a message.
///
/// ```compile_fail
/// let p: rightseat::journal::Permit = serde_json::from_str(r#"{"action":"a1","revision":1,"digest":""}"#).unwrap();
/// ```
#[derive(Debug, PartialEq, Eq)]
#[must_use = "a permit that is dropped leaves its action started and never carried out"]
pub struct Permit {
    action: ActionId,
    revision: u32,
    digest: Digest,
}

impl Permit {
    pub(super) fn new(action: ActionId, revision: u32, digest: Digest) -> Self {
        Self { action, revision, digest }
    }

    /// The action it is for.
    pub fn action(&self) -> &ActionId {
        &self.action
    }

    /// The revision that was decided.
    pub fn revision(&self) -> u32 {
        self.revision
    }

    /// Returns the digest that was decided: the executor hashes what it is about to do and compares.
    pub fn digest(&self) -> &Digest {
        &self.digest
    }
}
