//! Appending: the one way events, blobs and permits come into being.

use super::chain::{self, Link};
use super::grants::{self, Grants, Staged};
use super::head::{self, Anchor, Head, HeadFile};
use super::lock::Lock;
use super::schema::{self, Identity};
use super::sign::{SignedAnchor, Signer};
use super::{Error, Permit, Record, Result, blob, reader};
use crate::base::{Digest, PublicKey, Seq, SessionId, Signed, UnixMs};
use crate::journal::limits::{APPEND_EVENTS_MAX, EVENT_BODY_BYTES_MAX, EVENT_KIND_BYTES_MAX, SESSION_ID_BYTES_MAX};
use crate::model::event::{Census, Event};
use rusqlite::{Connection, TransactionBehavior};
use serde::de::{Deserializer as _, IgnoredAny, MapAccess, Visitor};
use std::fs::{DirBuilder, File, OpenOptions};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Names that an envelope or an exported line uses itself, so no body may.
pub(super) const RESERVED: [&str; 9] =
    ["seq", "at", "kind", "prev", "hash", "salt", "body_digest", "attached", "journal"];

/// An event before it has a place in the journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// Time of the event, by the host's clock.
    pub at: UnixMs,
    /// Snake-case kind, at most [`EVENT_KIND_BYTES_MAX`] bytes.
    pub kind: String,
    /// A JSON object without `seq`, `at`, `kind` and the names an export adds, at most [`EVENT_BODY_BYTES_MAX`] bytes.
    /// It is kept byte for byte.
    pub body: String,
    /// Content stored with the event, in the same transaction, by its SHA-256; what is there already is not stored
    /// twice.
    pub blobs: Vec<Vec<u8>>,
}

impl Draft {
    /// A draft without blobs.
    pub fn new(at: UnixMs, event: &Event) -> Result<Self> {
        let kind = event.kind().to_owned();
        match event.body_json() {
            Ok(body) => Ok(Self { at, kind, body, blobs: Vec::new() }),
            Err(e) => Err(Error::Refused { kind, why: e.to_string() }),
        }
    }
}

/// The result of an append that is on disk.
#[derive(Debug)]
pub struct Appended {
    /// Number of the last event.
    pub head_seq: Seq,
    /// Its hash.
    pub head_hash: Digest,
    /// One permit for each `started` of the batch, in order.
    pub permits: Vec<Permit>,
}

/// The journal of a running session, open for append. There is one per session on a machine.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    db: Connection,
    identity: Identity,
    head_seq: Seq,
    head_hash: Digest,
    grants: Grants,
    head_file: HeadFile,
    signer: Option<Arc<Signer>>,
    broken: Option<String>,
    _lock: Lock,
}

impl Journal {
    /// Creates the journal of a new session. Missing directories are made 0700 and every file 0600.
    pub fn create(path: &Path, session: &SessionId) -> Result<Self> {
        let name = session.as_str();
        if name.is_empty() || name.len() > SESSION_ID_BYTES_MAX || name.chars().any(char::is_control) {
            let why = format!("a session id is 1 to {SESSION_ID_BYTES_MAX} bytes without control characters");
            return Err(Error::Refused { kind: "session".to_owned(), why });
        }
        let directory = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(Error::io("creating", directory))?;
        match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
            Ok(_) => {}
            Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists && Self::is_begun(path) => {
                return Err(Error::Exists(path.to_owned()));
            }
            // Its first host was killed before it had written anything.
            Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(e) => return Err(Error::io("creating", path)(e)),
        }
        let lock = Lock::take(path)?;
        let mut db = schema::open_writer(path)?;
        schema::initialise(&mut db, path, session)?;
        File::open(directory).and_then(|d| d.sync_all()).map_err(Error::io("syncing", directory))?;
        Self::start(path, db, lock)
    }

    /// True when there is a journal at `path` to open. A file whose host was killed before the first commit is not one
    /// yet: [`create`](Self::create) takes it.
    pub fn is_begun(path: &Path) -> bool {
        path.exists() && schema::is_begun(path)
    }

    /// Opens an existing journal for append after a clean end or a crash, and takes it over from a dead host.
    ///
    /// What was acknowledged is there; what was not may be missing, whole appends only. A journal that ends before its
    /// acknowledged head is refused, because acting on it could run an approved action twice.
    pub fn open(path: &Path) -> Result<Self> {
        if !path.is_file() {
            return Err(Error::Missing(path.to_owned()));
        }
        let lock = Lock::take(path)?;
        let db = schema::open_writer(path)?;
        Self::start(path, db, lock)
    }

    fn start(path: &Path, db: Connection, lock: Lock) -> Result<Self> {
        let mut identity = schema::identify(&db, path)?;
        let (head_seq, head_hash) = reader::head(&db, path, &identity)?;
        check_head(path, &db, &identity, head_seq)?;
        let grants = recall(&db, path)?;
        let head_file = HeadFile::open(path)?;
        // The seal is lifted before the first change to the file, so that a crash leaves no false alarm.
        let anchor = Anchor { session: identity.session.clone(), seq: head_seq, hash: head_hash };
        let former = head::read(path).ok().flatten().filter(|head| head.anchor == anchor);
        head_file.write(&Head { anchor, seal: None, signed: former.and_then(|head| head.signed) })?;
        identity.fence = db
            .query_row("UPDATE meta SET fence = fence + 1 WHERE id = 1 RETURNING fence", [], |r| schema::unsigned(r, 0))
            .map_err(Error::sqlite(path))?;
        Ok(Self {
            path: path.to_owned(),
            db,
            identity,
            head_seq,
            head_hash,
            grants,
            head_file,
            signer: None,
            broken: None,
            _lock: lock,
        })
    }

    /// Appends a batch whole or not at all. When it returns, the batch survives a crash and a power cut.
    ///
    /// Every append is synced, so a caller saves by putting plain rows together, not by asking for less.
    /// A batch with a `started` that no decision covers, or that was started before, is refused whole.
    pub fn append(&mut self, batch: &[Draft]) -> Result<Appended> {
        if let Some(why) = &self.broken {
            return Err(Error::Poisoned { path: self.path.clone(), why: why.clone() });
        }
        let result = self.try_append(batch);
        if let Err(Error::Poisoned { why, .. }) = &result {
            self.broken = Some(why.clone());
        }
        result
    }

    fn try_append(&mut self, batch: &[Draft]) -> Result<Appended> {
        let mut staged = Staged::default();
        check_batch(batch)?;
        for draft in batch {
            self.grants.stage(&mut staged, &draft.kind, &draft.body)?;
        }
        let (seq, hash) = self.write(batch).map_err(Error::in_append)?;
        self.head_seq = seq;
        self.head_hash = hash;
        let permits = self.grants.commit(staged);
        // The events are on disk. A head file that cannot follow must not make the caller believe otherwise.
        if let Err(e) = self.write_head(None) {
            tracing::warn!("{e}");
        }
        Ok(Appended { head_seq: seq, head_hash: hash, permits })
    }

    fn write(&mut self, batch: &[Draft]) -> Result<(Seq, Digest)> {
        let path = self.path.clone();
        let fail = || Error::sqlite(&path);
        let tx = self.db.transaction_with_behavior(TransactionBehavior::Immediate).map_err(fail())?;
        let found: u64 = tx
            .prepare_cached("SELECT fence FROM meta WHERE id = 1")
            .and_then(|mut s| s.query_row([], |r| schema::unsigned(r, 0)))
            .map_err(fail())?;
        if found != self.identity.fence {
            return Err(Error::Fenced { path, found, ours: self.identity.fence });
        }
        let (mut seq, mut hash) = (self.head_seq, self.head_hash);
        for draft in batch {
            let mut attached = Vec::new();
            for bytes in &draft.blobs {
                attached.extend(blob::put(&tx, &path, bytes)?.into_iter().flatten());
            }
            seq = seq.next();
            let prev = hash;
            let body = chain::body_digest(&chain::salt(&self.identity.key, seq.0), draft.body.as_bytes());
            hash = Digest::from_bytes(chain::link(&Link {
                prev: prev.bytes(),
                seq: seq.0,
                at_unix_ms: draft.at.0,
                kind: draft.kind.as_bytes(),
                body: &body,
                attached: &attached,
            }));
            tx.prepare_cached(
                "INSERT INTO events(seq, at, kind, body, attached, prev, hash) VALUES(?1,?2,?3,?4,?5,?6,?7)",
            )
            .and_then(|mut s| {
                let (seq, at) = (signed(seq.0), signed(draft.at.0));
                s.execute((seq, at, &draft.kind, &draft.body, attached, prev.bytes(), hash.bytes()))
            })
            .map_err(fail())?;
        }
        tx.commit().map_err(fail())?;
        Ok((seq, hash))
    }

    fn write_head(&self, seal: Option<head::Seal>) -> Result<()> {
        let SignedAnchor { anchor, signed, .. } = match &self.signer {
            Some(signer) => signer.anchor(self.anchor(), None),
            None => SignedAnchor { anchor: self.anchor(), at: None, signed: None },
        };
        self.head_file.write(&Head { anchor, seal, signed })
    }

    /// Signs every head from now on.
    pub fn signed_by(mut self, signer: Arc<Signer>) -> Result<Self> {
        self.signer = Some(signer);
        self.write_head(None)?;
        Ok(self)
    }

    /// The key that heads are signed with.
    pub fn key(&self) -> Option<PublicKey> {
        self.signer.as_ref().map(|signer| signer.key())
    }

    /// The signature of the census of a stop.
    pub fn sign_census(&self, census: &Census) -> Option<Signed> {
        self.signer.as_ref()?.census(self.session(), census)
    }

    /// Number and hash of the last event; 0 and the genesis when there is none.
    pub fn head(&self) -> (Seq, Digest) {
        (self.head_seq, self.head_hash)
    }

    /// The head as an anchor to keep elsewhere.
    pub fn anchor(&self) -> Anchor {
        Anchor { session: self.identity.session.clone(), seq: self.head_seq, hash: self.head_hash }
    }

    /// The session the journal belongs to.
    pub fn session(&self) -> &SessionId {
        &self.identity.session
    }

    /// Returns the number of this host, counted from 1 since the session began.
    pub fn fence(&self) -> u64 {
        self.identity.fence
    }

    /// At most `limit` events from number `from` on, in order.
    pub fn read(&self, from: Seq, limit: usize) -> Result<Vec<Record>> {
        reader::read(&self.db, &self.path, from, limit)
    }

    /// At most `length` bytes of a blob from `offset`; see also [`Reader`](super::Reader) for other threads.
    pub fn blob(&self, digest: &Digest, offset: u64, length: usize) -> Result<Vec<u8>> {
        blob::get(&self.db, &self.path, digest, offset, length)
    }

    /// Moves everything into the database file and records its digest, so that verify can see any flipped byte. For
    /// quiet moments: it reads the whole file. Dropping the journal does it too. `false`: a reader is in the way.
    pub fn seal(&mut self) -> Result<bool> {
        let busy: i64 = self
            .db
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |r| r.get(0))
            .map_err(Error::sqlite(&self.path))?;
        if busy != 0 {
            return Ok(false);
        }
        self.write_head(Some(head::seal_of(&self.path)?))?;
        self.head_file.sync()?;
        Ok(true)
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        if self.broken.is_none()
            && let Err(e) = self.seal()
        {
            tracing::warn!("the journal was closed unsealed: {e}");
        }
    }
}

/// The last record must be whole, and the log must reach at least as far as was acknowledged.
fn check_head(path: &Path, db: &Connection, identity: &Identity, head_seq: Seq) -> Result<()> {
    if let Some(last) = reader::read(db, path, head_seq, 1)?.first() {
        let body = chain::body_digest(&chain::salt(&identity.key, last.seq.0), last.body.as_bytes());
        let link = Link {
            prev: last.prev.bytes(),
            seq: last.seq.0,
            at_unix_ms: last.at.0,
            kind: last.kind.as_bytes(),
            body: &body,
            attached: &last.attached,
        };
        if chain::link(&link) != *last.hash.bytes() {
            return Err(Error::Damaged {
                path: path.to_owned(),
                why: format!("event {} does not match its hash", last.seq),
            });
        }
    }
    let Ok(Some(head)) = head::read(path) else { return Ok(()) };
    let lost = Error::Lost {
        path: path.to_owned(),
        head: head::beside(path, ".head"),
        found: head_seq.0,
        acknowledged: head.anchor.seq.0,
    };
    if head.anchor.session != identity.session || head.anchor.seq > head_seq {
        return Err(lost);
    }
    Ok(())
}

/// Folds the events into the valid consent.
fn recall(db: &Connection, path: &Path) -> Result<Grants> {
    let mut grants = Grants::default();
    let [a, b, c, d] = grants::KINDS;
    let mut statement = db
        .prepare("SELECT kind, body FROM events WHERE kind IN (?1, ?2, ?3, ?4) ORDER BY seq")
        .map_err(Error::sqlite(path))?;
    let mut rows = statement.query([a, b, c, d]).map_err(Error::sqlite(path))?;
    while let Some(row) = rows.next().map_err(Error::sqlite(path))? {
        let (kind, body): (String, String) =
            row.get(0).and_then(|k| Ok((k, row.get(1)?))).map_err(Error::sqlite(path))?;
        let mut staged = Staged::default();
        grants.stage(&mut staged, &kind, &body).map_err(|e| Error::Damaged {
            path: path.to_owned(),
            why: format!("its decisions contradict themselves: {e}"),
        })?;
        // These permits were handed out in an earlier life; recovery never hands them out again.
        drop(grants.commit(staged));
    }
    Ok(grants)
}

/// SQLite's integers are signed; nothing we count reaches the sign.
fn signed(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

fn check_batch(batch: &[Draft]) -> Result<()> {
    if batch.len() > APPEND_EVENTS_MAX {
        let why = format!("{} events in one append, the limit is {APPEND_EVENTS_MAX}", batch.len());
        return Err(Error::Refused { kind: "batch".to_owned(), why });
    }
    batch.iter().try_for_each(|draft| {
        check_draft(draft)
            .map_err(|why| Error::Refused { kind: draft.kind.chars().take(EVENT_KIND_BYTES_MAX).collect(), why })
    })
}

fn check_draft(draft: &Draft) -> Result<(), String> {
    let letter = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    if draft.kind.is_empty() || draft.kind.len() > EVENT_KIND_BYTES_MAX || !draft.kind.chars().all(letter) {
        return Err(format!("a kind is 1 to {EVENT_KIND_BYTES_MAX} of a-z, 0-9 and _"));
    }
    if i64::try_from(draft.at.0).is_err() {
        return Err(format!("{} is not a time", draft.at.0));
    }
    if draft.body.len() > EVENT_BODY_BYTES_MAX {
        return Err(format!("a body of {} bytes is over the limit of {EVENT_BODY_BYTES_MAX}", draft.body.len()));
    }
    if !draft.body.starts_with('{') || !draft.body.ends_with('}') || draft.body.contains(['\n', '\r']) {
        return Err("a body must be one JSON object on one line".to_owned());
    }
    let mut json = serde_json::Deserializer::from_str(&draft.body);
    json.deserialize_map(FreeNames).and_then(|()| json.end()).map_err(|e| e.to_string())
}

/// Accepts any JSON object whose own names leave the envelope's alone.
struct FreeNames;

impl<'de> Visitor<'de> for FreeNames {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(name) = map.next_key::<std::borrow::Cow<'de, str>>()? {
            if RESERVED.contains(&name.as_ref()) {
                return Err(serde::de::Error::custom(format_args!("the name {name:?} belongs to the envelope")));
            }
            map.next_value::<IgnoredAny>()?;
        }
        Ok(())
    }
}
