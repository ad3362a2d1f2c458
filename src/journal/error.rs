//! Errors of a journal, with what happened, where, and what to do.

use crate::base::{ActionId, Digest};
use std::io;
use std::path::{Path, PathBuf};

/// The result of a journal operation.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A journal operation that did not happen. Nothing of a refused append is in the journal.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file does not exist.
    #[error("no journal at {0}")]
    Missing(PathBuf),
    /// There is a file already.
    #[error("{0} already exists; a session's journal is created only once")]
    Exists(PathBuf),
    /// The file is some other SQLite database or no database at all.
    #[error("{path} is not a rightseat journal: {why}")]
    Foreign { path: PathBuf, why: String },
    /// Written by a later release.
    #[error(
        "{path} was written by a newer rightseat (format {found}, this one reads up to {known}); update rightseat to open it"
    )]
    Newer { path: PathBuf, found: i64, known: i64 },
    /// Another host has it.
    #[error("{path} is held by another host (pid {pid}); attach to that session instead, or end that process")]
    Locked { path: PathBuf, pid: u32 },
    /// A later host took over; this one must not write any more.
    #[error("another host took over {path} (fencing number {found}, ours is {ours}); this host must end")]
    Fenced { path: PathBuf, found: u64, ours: u64 },
    /// The database holds less than was acknowledged.
    #[error(
        "{path} ends at event {found} but event {acknowledged} was acknowledged: records were lost or removed; \
         run `rightseat verify`, restore the file, or remove {head} to accept the loss"
    )]
    Lost { path: PathBuf, head: PathBuf, found: u64, acknowledged: u64 },
    /// The content contradicts itself.
    #[error("{path} is damaged: {why}; run `rightseat verify` to find the first bad record")]
    Damaged { path: PathBuf, why: String },
    /// No space left.
    #[error("no space left for {path}; nothing was recorded; free some space and attach again")]
    Full { path: PathBuf },
    /// The file or its directory cannot be written.
    #[error("{path} cannot be written (read-only file, directory or file system); nothing was recorded")]
    ReadOnly { path: PathBuf },
    /// Reading or writing failed in the system.
    #[error("{path}: {why}; is the disk full or failing? Free some space, or choose another place with --state-dir")]
    Disk { path: PathBuf, why: String },
    /// A write failed in a way that leaves its outcome open.
    #[error(
        "writing {path} failed ({why}); whether the last append is on disk is unknown until the journal is opened again"
    )]
    Poisoned { path: PathBuf, why: String },
    /// Another process kept the database locked for too long.
    #[error("{path} is busy: another process has it locked")]
    Busy { path: PathBuf },
    /// An event or blob over its limit, or not what it must be.
    #[error("event {kind:?} refused: {why}")]
    Refused { kind: String, why: String },
    /// A `started` that no decision covers.
    #[error("action {action} may not start: {why}")]
    NotDecided { action: ActionId, why: &'static str },
    /// A second `started`.
    #[error("action {action} revision {revision} was already started; an approved action runs at most once")]
    StartedBefore { action: ActionId, revision: u32 },
    /// No such blob.
    #[error("no blob {0} in this journal")]
    NoBlob(Digest),
    /// Any other failure of the file system.
    #[error("{doing} {path}: {source}")]
    Io { doing: &'static str, path: PathBuf, source: io::Error },
    /// Any other failure of the database.
    #[error("{path}: {source}")]
    Sqlite { path: PathBuf, source: rusqlite::Error },
}

impl Error {
    /// Returns whether the host must close the gate: decisions cannot be recorded now.
    pub fn closes_gate(&self) -> bool {
        match self {
            Self::Full { .. }
            | Self::ReadOnly { .. }
            | Self::Poisoned { .. }
            | Self::Disk { .. }
            | Self::Busy { .. }
            | Self::Fenced { .. }
            | Self::Lost { .. }
            | Self::Damaged { .. }
            | Self::Io { .. }
            | Self::Sqlite { .. } => true,
            Self::Missing(_)
            | Self::Exists(_)
            | Self::Foreign { .. }
            | Self::Newer { .. }
            | Self::Locked { .. }
            | Self::Refused { .. }
            | Self::NotDecided { .. }
            | Self::StartedBefore { .. }
            | Self::NoBlob(_) => false,
        }
    }

    pub(super) fn io(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| {
            use io::ErrorKind as K;
            let kind = source.kind();
            if matches!(kind, K::StorageFull | K::QuotaExceeded) {
                Self::Full { path }
            } else if matches!(kind, K::ReadOnlyFilesystem | K::PermissionDenied) {
                Self::ReadOnly { path }
            } else if kind == K::NotFound {
                Self::Missing(path)
            } else {
                Self::Io { doing, path, source }
            }
        }
    }

    /// Returns the meaning of a failure inside an append: after a system error it is unknown whether the batch is on
    /// disk.
    pub(super) fn in_append(self) -> Self {
        if let Self::Disk { path, why } = self { Self::Poisoned { path, why } } else { self }
    }

    pub(super) fn sqlite(path: &Path) -> impl FnOnce(rusqlite::Error) -> Self {
        let path = path.to_owned();
        move |source| {
            use rusqlite::ErrorCode as C;
            let why = source.to_string();
            match source.sqlite_error_code() {
                Some(C::DiskFull) => Self::Full { path },
                Some(C::ReadOnly | C::PermissionDenied) => Self::ReadOnly { path },
                Some(C::DatabaseBusy | C::DatabaseLocked) => Self::Busy { path },
                Some(C::DatabaseCorrupt) => Self::Damaged { path, why },
                Some(C::NotADatabase) => Self::Foreign { path, why },
                Some(C::SystemIoFailure) => Self::Disk { path, why },
                _ => Self::Sqlite { path, source },
            }
        }
    }
}
