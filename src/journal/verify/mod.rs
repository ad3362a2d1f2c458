//! Checking a journal or an exported record from its first byte to its last, in constant memory.

mod database;
mod lines;

use super::{Anchor, Error, Result, SignedAnchor, sign};
use crate::base::{Digest, PublicKey, Seq, SessionId};
use crate::journal::limits::VERIFY_PROBLEMS_MAX;
use crate::model::event::{HostStarted, Stopped};
use serde::Serialize;
use std::collections::BTreeMap;
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
    /// The key that the head is signed with; absent when it is not signed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<PublicKey>,
    /// Anchors kept elsewhere that it was compared with.
    pub anchors: u64,
    /// Lines where its anchors are kept that nobody vouches for, so that it was not compared with them.
    pub unvouched: u64,
    /// Stops whose census is signed.
    pub censuses: u64,
}

/// What a record is compared with beyond itself.
#[derive(Debug, Clone, Default)]
pub struct Evidence {
    /// Those that somebody vouches for, by a signature or by naming them; each with the name of its place, in words.
    pub anchors: Vec<(String, SignedAnchor)>,
    /// The number of others.
    pub unvouched: u64,
    /// Places, in words, that must have an anchor and have none.
    pub missing: Vec<String>,
    /// The key that a signed record must be signed with.
    pub key: Option<PublicKey>,
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
}

/// Points of the chain that are known, by their place.
struct Marks<'a>(BTreeMap<Seq, Vec<(&'a str, &'a Anchor)>>);

impl<'a> Marks<'a> {
    fn new(all: impl IntoIterator<Item = (&'a str, &'a Anchor)>) -> Self {
        let mut marks = BTreeMap::<Seq, Vec<_>>::new();
        all.into_iter().for_each(|(name, anchor)| marks.entry(anchor.seq).or_default().push((name, anchor)));
        Self(marks)
    }

    /// Compares the event at `seq`.
    fn check(&self, report: &mut Report, seq: Seq, hash: &Digest) {
        for (name, _) in self.0.get(&seq).into_iter().flatten().filter(|(_, anchor)| anchor.hash != *hash) {
            report.note(Some(seq), format!("event {seq} differs from {name}: the history was rewritten"));
        }
    }

    /// Checks that the record reaches the last of them, and that all are its own.
    fn check_reach(&self, report: &mut Report) {
        for (name, anchor) in self.0.values().flatten() {
            if report.session.as_ref().is_some_and(|session| *session != anchor.session) {
                report.note(None, format!("{name} belongs to session {}", anchor.session));
            }
        }
        let last = self.0.last_key_value().and_then(|(seq, marks)| Some((seq, marks.first()?.0)));
        if let Some((seq, name)) = last.filter(|(seq, _)| seq.0 > report.events && report.first_bad.is_none()) {
            let missing = Seq(report.events).next();
            report.note(Some(missing), format!("event {missing} is missing: {name} is at {seq}"));
        }
    }
}

/// Follows the signatures in a chain: the key that each host signs with, and the census of each stop. A record that has
/// named a key keeps to it, whatever a later host says: whoever cannot sign could take the signature away with it.
#[derive(Default)]
struct Signatures {
    key: Option<PublicKey>,
    /// A host's event is redacted, and with it the key that it may name.
    is_hidden: bool,
}

impl Signatures {
    fn see(&mut self, report: &mut Report, seq: Seq, (kind, body): (&[u8], &[u8])) {
        match kind {
            b"host_started" => {
                let key = serde_json::from_slice::<HostStarted>(body).ok().and_then(|host| host.key);
                if let Some(named) = self.key.filter(|named| key != Some(*named)) {
                    let of = key.map_or_else(|| "no key".to_owned(), |key| format!("the key {}", key.fingerprint()));
                    let why = "a host of an older release, one that could not read the key, or somebody else";
                    let named = named.fingerprint();
                    report
                        .note(Some(seq), format!("from event {seq} on a host with {of} goes on, after {named}: {why}"));
                }
                self.key = key.or(self.key);
            }
            b"stopped" => {
                let Ok(Stopped { census, signed: Some(signed) }) = serde_json::from_slice(body) else { return };
                let session = report.session.clone().unwrap_or_default();
                if sign::is_census_good(&session, &census, &signed) && self.key == Some(signed.key) {
                    report.censuses += 1;
                } else {
                    report.note(Some(seq), format!("the census of event {seq} has a wrong signature"));
                }
            }
            _ => {}
        }
    }

    /// Takes in an event whose body is redacted.
    fn hidden(&mut self, kind: &str) {
        self.is_hidden |= kind == "host_started";
    }

    /// Checks the signature of the head against the key that the last host named, and the one that is expected.
    fn check_head(&self, report: &mut Report, name: &str, head: Option<&SignedAnchor>, expected: Option<PublicKey>) {
        match (head.map(SignedAnchor::signer), self.key) {
            (Some(Err(key)), _) => {
                report.note(None, format!("the signature of {name} is wrong (key {})", key.fingerprint()));
            }
            (Some(Ok(Some(key))), named) => {
                report.key = Some(key);
                if let Some(other) = named.into_iter().chain(expected).find(|other| *other != key) {
                    let (key, other) = (key.fingerprint(), other.fingerprint());
                    report.note(None, format!("{name} is signed with the key {key}, and should be with {other}"));
                }
            }
            (Some(Ok(None)), Some(named)) => {
                let key = named.fingerprint();
                report.note(None, format!("{name} is not signed, but the record names the key {key}"));
            }
            (None, Some(named)) => {
                let key = named.fingerprint();
                report.note(None, format!("{name} is missing, so a cut end would not show; the key is {key}"));
            }
            (Some(Ok(None)) | None, None) if self.is_hidden => {
                report.note(None, format!("{name} is missing or not signed, and the key of a host is redacted"));
            }
            (Some(Ok(None)) | None, None) => {}
        }
    }
}

/// Checks the signatures of anchors that were kept elsewhere.
fn check_anchors(report: &mut Report, evidence: &Evidence) {
    report.anchors = evidence.anchors.len() as u64;
    report.unvouched = evidence.unvouched;
    for place in &evidence.missing {
        report.note(None, format!("no anchor of this session is left in {place}"));
    }
    for (name, anchor) in &evidence.anchors {
        if anchor.signer().is_err() {
            report.note(None, format!("the signature of {name} at event {} is wrong", anchor.anchor.seq));
        }
    }
}

/// Checks a journal, or a file made by `export --format jsonl`. Damage is a finding, not an error; an error means that
/// the check could not be made.
pub fn verify(path: &Path, anchor: Option<&Anchor>) -> Result<Report> {
    let unsigned = |anchor: &Anchor| SignedAnchor { anchor: anchor.clone(), at: None, signed: None };
    let anchors = anchor.map(|anchor| ("the anchor".to_owned(), unsigned(anchor))).into_iter().collect();
    verify_against(path, &Evidence { anchors, ..Evidence::default() })
}

/// As [`verify`], with more to compare it with.
pub fn verify_against(path: &Path, evidence: &Evidence) -> Result<Report> {
    let mut magic = Vec::new();
    File::open(path).and_then(|f| f.take(16).read_to_end(&mut magic)).map_err(Error::io("reading", path))?;
    // A session's journal has these files beside it, even if its own bytes are damaged.
    let is_journal = [".head", ".lock"].iter().any(|suffix| super::head::beside(path, suffix).exists());
    if magic == b"SQLite format 3\0" || is_journal {
        database::check(path, evidence)
    } else {
        lines::check(path, evidence)
    }
}
