//! The check of a database: its pages, its tables, the chain, the blobs, and the files beside it.

use super::{Evidence, Marks, Report, Signatures};
use crate::base::{Digest, Seq};
use crate::journal::chain::{self, Hash, Link};
use crate::journal::head::{self, Head};
use crate::journal::limits::{BLOB_CHUNK_BYTES, VERIFY_PROBLEMS_MAX};
use crate::journal::schema::{self, TABLES};
use crate::journal::{Anchor, Error, Reader, Result, blob};
use rusqlite::{Connection, Row};
use std::path::Path;
use std::thread;

pub(super) fn check(path: &Path, evidence: &Evidence) -> Result<Report> {
    let mut report = Report::default();
    super::check_anchors(&mut report, evidence);
    if !schema::is_begun(path) {
        // Nothing was acknowledged, so nothing can be missing, unless an anchor says otherwise.
        Marks::new(kept(evidence)).check_reach(&mut report);
        return Ok(report.finish());
    }
    // Read before the database: a host that appends meanwhile can only be further on, never behind.
    let head = head::read(path).unwrap_or_else(|e| {
        report.note(None, e.to_string());
        None
    });
    let seal = head.as_ref().and_then(|h| h.seal.clone());
    // Pages and seal are checked beside the chain: both read the whole file, neither needs the other.
    let (pages, sealed) = thread::scope(|scope| {
        let pages = scope.spawn(|| check_pages(path));
        let sealed = scope.spawn(|| seal.as_ref().map(|_| head::seal_of(path)));
        match Reader::open(path) {
            Ok(reader) => check_content(&reader, &mut report, head.as_ref(), evidence),
            Err(e @ Error::Newer { .. }) => report.note(None, e.to_string()),
            // Where nothing can be read, the first record is the first that is bad.
            Err(e) => report.note(Some(Seq(1)), e.to_string()),
        }
        (pages.join(), sealed.join())
    });
    for problem in pages.unwrap_or_else(|_| vec!["the page check ended early".to_owned()]) {
        report.note(None, problem);
    }
    if let (Some(head), Some(seal), Ok(Some(Ok(found)))) = (&head, &seal, sealed) {
        // An event beyond the sealed head means that a host wrote on: the seal has lapsed.
        let lapsed = report.events > head.anchor.seq.0 || head::read(path).ok().flatten().as_ref() != Some(head);
        let log = std::fs::metadata(head::beside(path, "-wal")).is_ok_and(|m| m.len() > 0);
        report.sealed = !lapsed;
        if !lapsed && (found != *seal || log) {
            report.note(None, "the file was changed after it was closed");
        }
    }
    Ok(report.finish())
}

/// SQLite's own check of every page, index and cell.
fn check_pages(path: &Path) -> Vec<String> {
    let run = || -> Result<Vec<String>> {
        let db = schema::open_reader(path)?;
        let fail = || Error::sqlite(path);
        let mut statement = db.prepare(&format!("PRAGMA integrity_check({VERIFY_PROBLEMS_MAX})")).map_err(fail())?;
        let rows = statement.query_map([], |r| r.get::<_, String>(0)).map_err(fail())?;
        rows.filter(|r| !matches!(r, Ok(text) if text == "ok")).map(|r| r.map_err(fail())).collect()
    };
    run().unwrap_or_else(|e| vec![e.to_string()])
}

/// The anchors that were kept elsewhere.
fn kept(evidence: &Evidence) -> impl Iterator<Item = (&str, &Anchor)> {
    evidence.anchors.iter().map(|(name, kept)| (name.as_str(), &kept.anchor))
}

fn check_content(reader: &Reader, report: &mut Report, head: Option<&Head>, evidence: &Evidence) {
    report.session = Some(reader.identity.session.clone());
    let marks = Marks::new(kept(evidence).chain(head.map(|head| ("the head file", &head.anchor))));
    let mut signatures = Signatures::default();
    let result = reader.db.execute_batch("BEGIN").map_err(Error::sqlite(&reader.path)).and_then(|()| {
        check_tables(&reader.db, report).map_err(Error::sqlite(&reader.path))?;
        let attached = check_chain(reader, report, &marks, &mut signatures)?;
        if report.first_bad.is_none() {
            check_strays(&reader.db, report, attached).map_err(Error::sqlite(&reader.path))?;
        }
        Ok(())
    });
    if let Err(e) = result {
        report.note(Some(Seq(report.events).next()), e.to_string());
    }
    marks.check_reach(report);
    signatures.check_head(report, "the head file", head.map(Head::carried).as_ref(), evidence.key);
}

fn check_tables(db: &Connection, report: &mut Report) -> rusqlite::Result<()> {
    let mut statement = db.prepare("SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY rowid")?;
    let found: Vec<(String, String)> =
        statement.query_map([], |r| Ok((r.get(0)?, r.get(1)?)))?.collect::<rusqlite::Result<_>>()?;
    let same =
        found.len() == TABLES.len() && found.iter().zip(TABLES).all(|((n, s), (name, sql))| n == name && s == sql);
    if !same {
        report.note(None, "the tables are not those of a journal");
    }
    let rows: i64 = db.query_row("SELECT count(*) FROM meta", [], |r| r.get(0))?;
    if rows != 1 {
        report.note(None, "the journal has more than one identity");
    }
    Ok(())
}

/// Walks the chain until its end or its first fault; gives the number of attached blobs.
fn check_chain(reader: &Reader, report: &mut Report, marks: &Marks<'_>, signatures: &mut Signatures) -> Result<u64> {
    let fail = || Error::sqlite(&reader.path);
    let identity = &reader.identity;
    let mut prev: Hash = identity.genesis();
    let mut blobs = 0u64;
    let mut attached_here = Vec::new();
    let mut statement = reader
        .db
        .prepare("SELECT seq, at, kind, body, attached, prev, hash FROM events ORDER BY seq")
        .map_err(fail())?;
    let mut rows = statement.query([]).map_err(fail())?;
    marks.check(report, Seq(0), &Digest::from_bytes(prev));
    while let Some(row) = rows.next().map_err(fail())? {
        let due = Seq(report.events).next();
        match check_row(row, due.0, &prev, &identity.key, &mut attached_here) {
            Ok(hash) => prev = hash,
            Err(what) => {
                report.note(Some(due), what);
                return Ok(blobs);
            }
        }
        for digest in attached_here.chunks_exact(32).filter_map(|c| Hash::try_from(c).ok()) {
            blobs += 1;
            if !blob::is_intact(&reader.db, &reader.path, &Digest::from_bytes(digest))? {
                report.note(Some(due), format!("a blob stored by event {due} is damaged or missing"));
                return Ok(blobs);
            }
        }
        report.events = due.0;
        report.head = Some(Digest::from_bytes(prev));
        marks.check(report, due, &Digest::from_bytes(prev));
        if let (Ok(Ok(kind)), Ok(Ok(body))) =
            (row.get_ref(2).map(|v| v.as_bytes()), row.get_ref(3).map(|v| v.as_bytes()))
        {
            signatures.see(report, due, (kind, body));
        }
    }
    Ok(blobs)
}

/// The hash of the row that must be event `due`, or what is wrong with it.
fn check_row(row: &Row<'_>, due: u64, prev: &Hash, key: &Hash, attached: &mut Vec<u8>) -> Result<Hash, String> {
    let read = |e: rusqlite::Error| format!("event {due} cannot be read: {e}");
    let bytes =
        |column: usize| row.get_ref(column).map_err(read).and_then(|v| v.as_bytes().map_err(|e| read(e.into())));
    let seq = schema::unsigned(row, 0).map_err(read)?;
    if seq != due {
        return Err(format!("event {due} is missing: {seq} follows"));
    }
    let at = schema::unsigned(row, 1).map_err(read)?;
    attached.clear();
    attached.extend_from_slice(bytes(4)?);
    if bytes(5)? != prev.as_slice() {
        return Err(format!("event {due} does not link to the event before it"));
    }
    let body = chain::body_digest(&chain::salt(key, due), bytes(3)?);
    let hash = chain::link(&Link { prev, seq, at_unix_ms: at, kind: bytes(2)?, body: &body, attached });
    if bytes(6)? != hash.as_slice() || !attached.len().is_multiple_of(32) {
        return Err(format!("event {due} does not match its hash"));
    }
    Ok(hash)
}

/// Blobs and pieces that no event vouches for.
fn check_strays(db: &Connection, report: &mut Report, attached: u64) -> rusqlite::Result<()> {
    let blobs = db.query_row("SELECT count(*) FROM blobs", [], |r| schema::unsigned(r, 0))?;
    if blobs != attached {
        report.note(None, format!("{blobs} blobs are stored, but the events refer to {attached}"));
    }
    let piece = i64::try_from(BLOB_CHUNK_BYTES).unwrap_or(i64::MAX);
    let due =
        db.query_row("SELECT coalesce(sum((bytes + ?1 - 1) / ?1), 0) FROM blobs", [piece], |r| schema::unsigned(r, 0))?;
    let pieces = db.query_row("SELECT count(*) FROM chunks", [], |r| schema::unsigned(r, 0))?;
    if pieces != due {
        report.note(None, format!("{pieces} pieces of blobs are stored, but there should be {due}"));
    }
    Ok(())
}
