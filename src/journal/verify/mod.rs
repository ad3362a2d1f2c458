//! Checking a journal or an exported record from its first byte to its last, in constant memory.

mod database;
mod lines;

use super::{Anchor, Error, Result};
use crate::base::{Digest, Seq, SessionId};
use crate::journal::limits::VERIFY_PROBLEMS_MAX;
use serde::Serialize;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

/// The result of a check.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Nothing is wrong.
    pub ok: bool,
    /// The session, as far as it could be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<SessionId>,
    /// Events that were read and found right.
    pub events: u64,
    /// Hash of the last of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub head: Option<Digest>,
    /// The lowest event that is wrong or missing, when one can be named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_bad: Option<Seq>,
    /// The problems in order of discovery, at most [`VERIFY_PROBLEMS_MAX`].
    pub problems: Vec<Problem>,
    /// Lines of an export whose text was redacted; their hashes were checked.
    pub redacted: u64,
    /// The whole file was compared with the digest taken when it was closed.
    pub sealed: bool,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The event it concerns, when that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seq: Option<Seq>,
    /// The problem, in words.
    pub what: String,
}

impl Report {
    fn note(&mut self, seq: Option<Seq>, what: impl Into<String>) {
        self.first_bad = match (self.first_bad, seq) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        if self.problems.len() < VERIFY_PROBLEMS_MAX {
            self.problems.push(Problem { seq, what: what.into() });
        }
    }

    fn finish(mut self) -> Self {
        self.ok = self.problems.is_empty();
        self
    }

    /// Checks the event that an anchor names against the anchor.
    fn check_anchor(&mut self, anchor_name: &str, anchor: &Anchor, seq: Seq, hash: &Digest) {
        if anchor.seq == seq && anchor.hash != *hash {
            self.note(Some(seq), format!("event {seq} differs from {anchor_name}: the history was rewritten"));
        }
    }

    /// Checks that the journal reaches the event of an anchor.
    fn check_reach(&mut self, anchor_name: &str, anchor: &Anchor) {
        if self.session.as_ref().is_some_and(|s| *s != anchor.session) {
            self.note(None, format!("{anchor_name} belongs to session {}", anchor.session));
        }
        if anchor.seq.0 > self.events && self.first_bad.is_none() {
            let missing = Seq(self.events).next();
            self.note(Some(missing), format!("event {missing} is missing: {anchor_name} is at {}", anchor.seq));
        }
    }
}

/// Checks a journal, or a file made by `export --format jsonl`. Damage is a finding, not an error; an error means that
/// the check could not be made.
pub fn verify(path: &Path, anchor: Option<&Anchor>) -> Result<Report> {
    let mut magic = Vec::new();
    File::open(path).and_then(|f| f.take(16).read_to_end(&mut magic)).map_err(Error::io("reading", path))?;
    // A session's journal has these files beside it, even if its own bytes are damaged.
    let is_journal = [".head", ".lock"].iter().any(|suffix| super::head::beside(path, suffix).exists());
    if magic == b"SQLite format 3\0" || is_journal { database::check(path, anchor) } else { lines::check(path, anchor) }
}
