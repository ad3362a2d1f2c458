//! The check of an exported record: every line's place, link and hash, whether or not its text was redacted.

use super::{Evidence, Marks, Report, Signatures};
use crate::base::{Digest, Seq};
use crate::journal::chain::{self, Hash, Link};
use crate::journal::export::Frame;
use crate::journal::limits::EXPORT_LINE_BYTES_MAX;
use crate::journal::{Error, Result, SignedAnchor};
use std::fs::File;
use std::io::{BufRead, BufReader, Read as _};
use std::path::Path;

/// The name of the head on the first line.
const EXPORTED: &str = "the head in the export";

pub(super) fn check(path: &Path, evidence: &Evidence) -> Result<Report> {
    let mut report = Report::default();
    super::check_anchors(&mut report, evidence);
    // The head that it was exported with stands on its first line.
    let head = head_of(path)?;
    let kept = evidence.anchors.iter().map(|(name, kept)| (name.as_str(), &kept.anchor));
    let marks = Marks::new(kept.chain(head.as_ref().map(|head| (EXPORTED, &head.anchor))));
    let mut signatures = Signatures::default();
    let mut input = BufReader::new(File::open(path).map_err(Error::io("reading", path))?);
    let mut prev: Option<Hash> = None;
    let mut line = Vec::new();
    while read_line(&mut input, &mut line).map_err(Error::io("reading", path))? {
        let due = Seq(report.events).next();
        match check_line(&line, due, prev.as_ref(), (&mut report, &mut signatures)) {
            Ok(hash) => {
                prev = Some(hash);
                report.events = due.0;
                report.head = Some(Digest::from_bytes(hash));
                marks.check(&mut report, due, &Digest::from_bytes(hash));
            }
            Err(what) => {
                report.note(Some(due), what);
                break;
            }
        }
    }
    if report.events == 0 && report.problems.is_empty() {
        report.note(Some(Seq(1)), "the file is empty");
    }
    marks.check_reach(&mut report);
    signatures.check_head(&mut report, EXPORTED, head.as_ref(), evidence.key);
    Ok(report.finish())
}

/// The signed head of an export, if its first line has one.
fn head_of(path: &Path) -> Result<Option<SignedAnchor>> {
    let mut line = Vec::new();
    read_line(&mut BufReader::new(File::open(path).map_err(Error::io("reading", path))?), &mut line)
        .map_err(Error::io("reading", path))?;
    let frame = std::str::from_utf8(&line).ok().and_then(|text| serde_json::from_str::<Frame<'_>>(text).ok());
    Ok(frame.and_then(|frame| frame.journal?.head))
}

/// The next line without its end; `false` at the end of the file. A line over the limit is cut and fails as JSON.
fn read_line(input: &mut impl BufRead, line: &mut Vec<u8>) -> std::io::Result<bool> {
    line.clear();
    let limit = u64::try_from(EXPORT_LINE_BYTES_MAX).unwrap_or(u64::MAX);
    input.by_ref().take(limit).read_until(b'\n', line)?;
    let some = !line.is_empty();
    if line.last() == Some(&b'\n') {
        line.pop();
    }
    Ok(some)
}

fn check_line(
    line: &[u8],
    due: Seq,
    prev: Option<&Hash>,
    (report, signatures): (&mut Report, &mut Signatures),
) -> Result<Hash, String> {
    let text = std::str::from_utf8(line).map_err(|e| format!("line {due}: {e}"))?;
    let frame: Frame<'_> =
        serde_json::from_str(text).map_err(|e| format!("line {due} is not an exported event: {e}"))?;
    if frame.seq != due {
        return Err(format!("event {due} is missing: {} follows", frame.seq));
    }
    let prev = match (prev, &frame.journal) {
        (Some(prev), None) => *prev,
        (None, Some(journal)) => {
            report.session = Some(journal.session.clone());
            chain::genesis(journal.session.as_str(), journal.key_digest.bytes())
        }
        (None, None) => return Err(format!("line {due} does not say which journal it belongs to")),
        (Some(_), Some(_)) => return Err(format!("line {due} begins another journal")),
    };
    if *frame.prev.bytes() != prev {
        return Err(format!("event {due} does not link to the event before it"));
    }
    let attached: Vec<u8> = frame.attached.iter().flat_map(|d| *d.bytes()).collect();
    let body = match (&frame.salt, &frame.body_digest) {
        (Some(salt), None) => {
            let salt = chain::unhex(salt).ok_or_else(|| format!("line {due}: the salt is not 32 hex digits"))?;
            let body = frame
                .body_in(text)
                .ok_or_else(|| format!("line {due} was reformatted; its original bytes are lost"))?;
            signatures.see(report, due, (frame.kind.as_bytes(), body.as_bytes()));
            chain::body_digest(&salt, body.as_bytes())
        }
        (None, Some(digest)) => {
            report.redacted += 1;
            signatures.hidden(&frame.kind);
            *digest.bytes()
        }
        _ => return Err(format!("line {due} needs either salt or body_digest")),
    };
    let hash = chain::link(&Link {
        prev: &prev,
        seq: due.0,
        at_unix_ms: frame.at.0,
        kind: frame.kind.as_bytes(),
        body: &body,
        attached: &attached,
    });
    if hash != *frame.hash.bytes() {
        return Err(format!("event {due} does not match its hash"));
    }
    Ok(hash)
}
