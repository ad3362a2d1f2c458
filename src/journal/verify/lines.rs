//! The check of an exported record: every line's place, link and hash, whether or not its text was redacted.

use super::Report;
use crate::base::{Digest, Seq};
use crate::journal::chain::{self, Hash, Link};
use crate::journal::export::Frame;
use crate::journal::limits::EXPORT_LINE_BYTES_MAX;
use crate::journal::{Anchor, Error, Result};
use std::fs::File;
use std::io::{BufRead, BufReader, Read as _};
use std::path::Path;

pub(super) fn check(path: &Path, anchor: Option<&Anchor>) -> Result<Report> {
    let mut report = Report::default();
    let mut input = BufReader::new(File::open(path).map_err(Error::io("reading", path))?);
    let mut prev: Option<Hash> = None;
    let mut line = Vec::new();
    while read_line(&mut input, &mut line).map_err(Error::io("reading", path))? {
        let due = Seq(report.events).next();
        match check_line(&line, due, prev.as_ref(), &mut report) {
            Ok(hash) => {
                prev = Some(hash);
                report.events = due.0;
                report.head = Some(Digest::from_bytes(hash));
                if let Some(anchor) = anchor {
                    report.check_anchor("the anchor", anchor, due, &Digest::from_bytes(hash));
                }
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
    if let Some(anchor) = anchor {
        report.check_reach("the anchor", anchor);
    }
    Ok(report.finish())
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

fn check_line(line: &[u8], due: Seq, prev: Option<&Hash>, report: &mut Report) -> Result<Hash, String> {
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
            chain::body_digest(&salt, body.as_bytes())
        }
        (None, Some(digest)) => {
            report.redacted += 1;
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
