//! Reading a journal: by its host, and by any number of other processes while the host writes.

use super::schema::{self, Identity};
use super::{Error, Result, blob};
use crate::base::{Digest, Seq, SessionId, UnixMs};
use crate::journal::limits::APPEND_EVENTS_MAX;
use crate::model::event::{Envelope, Event};
use rusqlite::{Connection, Row};
use std::path::{Path, PathBuf};

/// One event as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Position, from 1 without gaps.
    pub seq: Seq,
    /// Time of the event, by the host's clock.
    pub at: UnixMs,
    /// Kind of the event; kinds of later releases are kept unchanged.
    pub kind: String,
    /// The event's JSON object, without `seq`, `at` and `kind`.
    pub body: String,
    /// Digests of the blobs that this event was the first to store, 32 bytes each.
    pub attached: Vec<u8>,
    /// Hash of the event before, or the genesis.
    pub prev: Digest,
    /// This event's hash.
    pub hash: Digest,
}

impl Record {
    /// The event as the rest of the product knows it; one that does not fit its kind becomes `Event::Unknown`.
    pub fn envelope(&self) -> Envelope {
        Envelope { seq: self.seq, at: self.at, event: Event::from_parts(&self.kind, &self.body) }
    }
}

/// A read-only view of a journal. It sees every append that returned before the call.
#[derive(Debug)]
pub struct Reader {
    pub(super) db: Connection,
    pub(super) path: PathBuf,
    pub(super) identity: Identity,
}

impl Reader {
    /// Opens without taking the host's lock and without writing.
    pub fn open(path: &Path) -> Result<Self> {
        let db = schema::open_reader(path)?;
        let identity = schema::identify(&db, path)?;
        Ok(Self { db, path: path.to_owned(), identity })
    }

    /// The session the journal belongs to.
    pub fn session(&self) -> &SessionId {
        &self.identity.session
    }

    /// Number and hash of the last event; 0 and the genesis when there is none.
    pub fn head(&self) -> Result<(Seq, Digest)> {
        head(&self.db, &self.path, &self.identity)
    }

    /// At most `limit` events from number `from` on, in order.
    pub fn read(&self, from: Seq, limit: usize) -> Result<Vec<Record>> {
        read(&self.db, &self.path, from, limit)
    }

    /// Every event from number `from` on, fetched in pieces.
    pub fn iter(&self, from: Seq) -> impl Iterator<Item = Result<Record>> + '_ {
        let mut next = Some(from);
        std::iter::from_fn(move || {
            let page = self.read(next?, APPEND_EVENTS_MAX);
            next = page.as_ref().ok().and_then(|p| p.last()).map(|r| r.seq.next());
            match page {
                Ok(page) if page.is_empty() => None,
                Ok(page) => Some(page.into_iter().map(Ok).collect::<Vec<_>>()),
                Err(e) => Some(vec![Err(e)]),
            }
        })
        .flatten()
    }

    /// Length in bytes of a blob, if the journal has it.
    pub fn blob_length(&self, digest: &Digest) -> Result<Option<u64>> {
        blob::length(&self.db, &self.path, digest)
    }

    /// At most `length` bytes of a blob from `offset`.
    pub fn blob(&self, digest: &Digest, offset: u64, length: usize) -> Result<Vec<u8>> {
        blob::get(&self.db, &self.path, digest, offset, length)
    }
}

pub(super) fn head(db: &Connection, path: &Path, identity: &Identity) -> Result<(Seq, Digest)> {
    match db.query_row("SELECT seq, hash FROM events ORDER BY seq DESC LIMIT 1", [], |r| {
        Ok((Seq(schema::unsigned(r, 0)?), Digest::from_bytes(r.get(1)?)))
    }) {
        Ok(found) => Ok(found),
        Err(rusqlite::Error::QueryReturnedNoRows) => Ok((Seq(0), Digest::from_bytes(identity.genesis()))),
        Err(e) => Err(Error::sqlite(path)(e)),
    }
}

pub(super) fn read(db: &Connection, path: &Path, from: Seq, limit: usize) -> Result<Vec<Record>> {
    let run = || {
        let mut statement = db.prepare_cached(
            "SELECT seq, at, kind, body, attached, prev, hash FROM events WHERE seq >= ?1 ORDER BY seq LIMIT ?2",
        )?;
        let from = i64::try_from(from.0).unwrap_or(i64::MAX);
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        statement.query_map((from, limit), record)?.collect::<rusqlite::Result<Vec<_>>>()
    };
    run().map_err(Error::sqlite(path))
}

fn record(r: &Row<'_>) -> rusqlite::Result<Record> {
    Ok(Record {
        seq: Seq(schema::unsigned(r, 0)?),
        at: UnixMs(schema::unsigned(r, 1)?),
        kind: r.get(2)?,
        body: r.get(3)?,
        attached: r.get(4)?,
        prev: Digest::from_bytes(r.get(5)?),
        hash: Digest::from_bytes(r.get(6)?),
    })
}
