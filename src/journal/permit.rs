//! The permit: proof that a decision for exactly these bytes, and the start it covers, are on disk.

use crate::base::{ActionId, Digest};

/// Leave to carry out one action once. The executor takes it by value, so it is spent by being used.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "a permit that is dropped leaves its action started and never carried out"]
pub struct Permit {
    action: ActionId,
    revision: u32,
    digest: Digest,
}

impl Permit {
    /// The action it is for.
    pub fn action(&self) -> &ActionId {
        &self.action
    }

    /// The revision that was decided.
    pub fn revision(&self) -> u32 {
        self.revision
    }

    /// What was decided: the executor hashes what it is about to do and compares.
    pub fn digest(&self) -> &Digest {
        &self.digest
    }
}
