//! The tables of a journal, and how a database is opened, checked and recognized.

use super::{Error, Result, chain};
use crate::base::SessionId;
use crate::journal::limits::{JOURNAL_BUSY_MS_MAX, JOURNAL_CACHE_KIB};
use rusqlite::{Connection, OpenFlags, OptionalExtension as _};
use std::path::Path;
use std::time::Duration;

/// Format number in `user_version`. Older ones are read forever, newer ones are refused.
pub(super) const VERSION: i64 = 1;
/// `application_id`: "RSTJ", so that `file` and other tools can tell a journal from other databases.
pub(super) const APPLICATION_ID: i64 = 0x5253_544A;

/// Every object of format 1, as SQLite keeps it in `sqlite_schema`: verify compares the text.
pub(super) const TABLES: [(&str, &str); 4] = [
    (
        "meta",
        "CREATE TABLE meta(id INTEGER PRIMARY KEY CHECK(id = 1), session TEXT NOT NULL, key BLOB NOT NULL, fence INTEGER NOT NULL) STRICT",
    ),
    (
        "events",
        "CREATE TABLE events(seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, kind TEXT NOT NULL, body TEXT NOT NULL, \
         attached BLOB NOT NULL, prev BLOB NOT NULL, hash BLOB NOT NULL) STRICT",
    ),
    ("blobs", "CREATE TABLE blobs(id INTEGER PRIMARY KEY, digest BLOB NOT NULL UNIQUE, bytes INTEGER NOT NULL) STRICT"),
    ("chunks", "CREATE TABLE chunks(id INTEGER PRIMARY KEY, packed BLOB NOT NULL) STRICT"),
];

/// The identity of a journal: its session, and the start of its chain.
#[derive(Debug, Clone)]
pub(super) struct Identity {
    pub session: SessionId,
    pub key: chain::Hash,
    pub fence: u64,
}

impl Identity {
    pub fn genesis(&self) -> chain::Hash {
        chain::genesis(self.session.as_str(), &chain::sha256(&self.key))
    }
}

/// A connection that may write, on a file that exists.
pub(super) fn open_writer(path: &Path) -> Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let db = Connection::open_with_flags(path, flags).map_err(Error::sqlite(path))?;
    tune(&db, path)?;
    let mode: String = db.query_row("PRAGMA journal_mode=WAL", [], |r| r.get(0)).map_err(Error::sqlite(path))?;
    if mode != "wal" {
        return Err(Error::ReadOnly { path: path.to_owned() });
    }
    db.pragma_update(None, "synchronous", "FULL").map_err(Error::sqlite(path))?;
    Ok(db)
}

/// A connection that cannot write the database. Where the directory is read-only and no log is left over, the file is
/// read unchanged.
pub(super) fn open_reader(path: &Path) -> Result<Connection> {
    if !path.is_file() {
        return Err(Error::Missing(path.to_owned()));
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let probe = |db: &Connection| db.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()));
    let first = Connection::open_with_flags(path, flags).and_then(|db| {
        db.busy_timeout(Duration::from_millis(JOURNAL_BUSY_MS_MAX))?;
        probe(&db).map(|()| db)
    });
    let db = match first {
        Ok(db) => db,
        Err(e) if e.sqlite_error_code() == Some(rusqlite::ErrorCode::CannotOpen) && !has_log(path) => {
            let uri = format!("file:{}?immutable=1", uri_path(path));
            Connection::open_with_flags(uri, flags | OpenFlags::SQLITE_OPEN_URI).map_err(Error::sqlite(path))?
        }
        Err(e) => return Err(Error::sqlite(path)(e)),
    };
    tune(&db, path)?;
    Ok(db)
}

fn has_log(path: &Path) -> bool {
    std::fs::metadata(super::head::beside(path, "-wal")).is_ok_and(|m| m.len() > 0)
}

/// Percent-escapes what SQLite's URI parser would read as syntax.
fn uri_path(path: &Path) -> String {
    let mut out = String::new();
    for byte in path.as_os_str().as_encoded_bytes() {
        match byte {
            b'%' | b'?' | b'#' | 0..=0x20 | 0x7f.. => {
                out.push('%');
                out.push_str(&chain::hex(&[*byte]));
            }
            _ => out.push(char::from(*byte)),
        }
    }
    out
}

fn tune(db: &Connection, path: &Path) -> Result<()> {
    db.busy_timeout(Duration::from_millis(JOURNAL_BUSY_MS_MAX)).map_err(Error::sqlite(path))?;
    // A hostile database must not run anything: no functions from the schema, no extensions.
    db.set_db_config(rusqlite::config::DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false).map_err(Error::sqlite(path))?;
    db.set_db_config(rusqlite::config::DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true).map_err(Error::sqlite(path))?;
    db.pragma_update(None, "cell_size_check", true).map_err(Error::sqlite(path))?;
    // Negative is in KiB. Every client has a connection of its own, and all of them read and write in order.
    db.pragma_update(None, "cache_size", -JOURNAL_CACHE_KIB).map_err(Error::sqlite(path))?;
    Ok(())
}

/// Lays the tables of a new journal down, in one transaction.
pub(super) fn initialise(db: &mut Connection, path: &Path, session: &SessionId) -> Result<()> {
    let lay = |db: &mut Connection| {
        let tx = db.transaction()?;
        tx.pragma_update(None, "application_id", APPLICATION_ID)?;
        for (_, sql) in TABLES {
            tx.execute_batch(sql)?;
        }
        tx.execute("INSERT INTO meta(id, session, key, fence) VALUES(1, ?1, randomblob(32), 0)", [session.as_str()])?;
        tx.pragma_update(None, "user_version", VERSION)?;
        tx.commit()
    };
    lay(db).map_err(Error::sqlite(path))
}

/// False for a journal whose host was killed before its first commit: no table, no version, and no head file that knows
/// better. Nothing was ever acknowledged in it. What cannot be read counts as begun.
pub(super) fn is_begun(path: &Path) -> bool {
    if super::head::beside(path, ".head").exists() {
        return true;
    }
    let count = |db: &Connection| {
        let version: i64 = db.query_row("PRAGMA user_version", [], |r| r.get(0))?;
        let tables: i64 = db.query_row("SELECT count(*) FROM sqlite_schema", [], |r| r.get(0))?;
        Ok::<_, rusqlite::Error>(version + tables)
    };
    open_reader(path).ok().and_then(|db| count(&db).ok()).is_none_or(|count| count > 0)
}

/// Reads the identity after checking that this is a journal this release can read.
pub(super) fn identify(db: &Connection, path: &Path) -> Result<Identity> {
    let pragma =
        |name| db.query_row(&format!("PRAGMA {name}"), [], |r| r.get::<_, i64>(0)).map_err(Error::sqlite(path));
    let application = pragma("application_id")?;
    if application != APPLICATION_ID {
        let why = format!("its application id is {application:#x}");
        return Err(Error::Foreign { path: path.to_owned(), why });
    }
    let found = pragma("user_version")?;
    if found > VERSION {
        return Err(Error::Newer { path: path.to_owned(), found, known: VERSION });
    }
    if found < 1 {
        let why = "its creation was not completed".to_owned();
        return Err(Error::Foreign { path: path.to_owned(), why });
    }
    db.query_row("SELECT session, key, fence FROM meta WHERE id = 1", [], |r| {
        Ok(Identity { session: SessionId::new(r.get::<_, String>(0)?), key: r.get(1)?, fence: unsigned(r, 2)? })
    })
    .optional()
    .map_err(Error::sqlite(path))?
    .ok_or_else(|| Error::Damaged { path: path.to_owned(), why: "it has no identity".to_owned() })
}

/// A number that is never negative, from SQLite's signed column.
pub(super) fn unsigned(row: &rusqlite::Row<'_>, column: usize) -> rusqlite::Result<u64> {
    let value: i64 = row.get(column)?;
    u64::try_from(value).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(column, value))
}
