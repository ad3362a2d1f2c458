//! Blobs: bytes too long for an event, addressed by their SHA-256, stored once, compressed in pieces.
//!
//! Piece `n` of blob `id` is row `id × 1024 + n` of `chunks`; a blob has at most 256 pieces.

use super::chain::{self, Hash};
use super::schema::unsigned;
use super::{Error, Result};
use crate::base::Digest;
use crate::journal::limits::{BLOB_BYTES_MAX, BLOB_CHUNK_BYTES, BLOB_ZSTD_LEVEL};
use rusqlite::{Connection, OptionalExtension as _};
use std::path::Path;

/// Row numbers that each blob reserves in `chunks`.
const ROWS_PER_BLOB: i64 = 1024;

/// Row number of piece `n` of blob `id`.
fn row(id: i64, n: usize) -> i64 {
    id.saturating_mul(ROWS_PER_BLOB).saturating_add(i64::try_from(n).unwrap_or(i64::MAX))
}

/// Stores `bytes` unless they are there already. `Some`: the digest of a blob that is new to this journal.
pub(super) fn put(db: &Connection, path: &Path, bytes: &[u8]) -> Result<Option<Hash>> {
    if bytes.len() > BLOB_BYTES_MAX {
        let why = format!("a blob of {} bytes is over the limit of {BLOB_BYTES_MAX}", bytes.len());
        return Err(Error::Refused { kind: "blob".to_owned(), why });
    }
    let digest = chain::sha256(bytes);
    let store = || -> rusqlite::Result<bool> {
        let length = i64::try_from(bytes.len()).unwrap_or(i64::MAX);
        let added = db
            .prepare_cached("INSERT INTO blobs(digest, bytes) VALUES(?1, ?2) ON CONFLICT(digest) DO NOTHING")?
            .execute((digest, length))?;
        if added == 0 {
            return Ok(false);
        }
        let id = db.last_insert_rowid();
        let mut insert = db.prepare_cached("INSERT INTO chunks(id, packed) VALUES(?1, ?2)")?;
        for (n, piece) in bytes.chunks(BLOB_CHUNK_BYTES).enumerate() {
            let packed = zstd::bulk::compress(piece, BLOB_ZSTD_LEVEL)
                .map_err(|e| rusqlite::Error::ToSqlConversionFailure(Box::new(e)))?;
            insert.execute((row(id, n), packed))?;
        }
        Ok(true)
    };
    let new = store().map_err(Error::sqlite(path))?;
    Ok(new.then_some(digest))
}

/// Length in bytes of a blob, if it is there.
pub(super) fn length(db: &Connection, path: &Path, digest: &Digest) -> Result<Option<u64>> {
    let found = find(db, digest).map_err(Error::sqlite(path))?;
    Ok(found.map(|(_, bytes)| bytes))
}

fn find(db: &Connection, digest: &Digest) -> rusqlite::Result<Option<(i64, u64)>> {
    db.prepare_cached("SELECT id, bytes FROM blobs WHERE digest = ?1")?
        .query_row([digest.bytes()], |r| Ok((r.get(0)?, unsigned(r, 1)?)))
        .optional()
}

/// At most `length` bytes of a blob from `offset`; fewer at its end, none beyond it.
pub(super) fn get(db: &Connection, path: &Path, digest: &Digest, offset: u64, length: usize) -> Result<Vec<u8>> {
    let (id, total) = find(db, digest).map_err(Error::sqlite(path))?.ok_or_else(|| Error::NoBlob(*digest))?;
    let left = usize::try_from(total.saturating_sub(offset)).unwrap_or(usize::MAX);
    let wanted = length.min(left).min(BLOB_BYTES_MAX);
    let mut out = Vec::with_capacity(wanted);
    let start = usize::try_from(offset).unwrap_or(usize::MAX);
    let mut skip = start % BLOB_CHUNK_BYTES;
    let mut n = start / BLOB_CHUNK_BYTES;
    while out.len() < wanted {
        let piece = piece(db, path, id, n)?;
        let rest = piece.get(skip..).unwrap_or_default();
        if rest.is_empty() {
            let why = format!("blob {digest} is shorter than it says");
            return Err(Error::Damaged { path: path.to_owned(), why });
        }
        out.extend_from_slice(rest.get(..wanted - out.len()).unwrap_or(rest));
        skip = 0;
        n += 1;
    }
    Ok(out)
}

/// One unpacked piece, empty when there is none.
fn piece(db: &Connection, path: &Path, id: i64, n: usize) -> Result<Vec<u8>> {
    let packed: Option<Vec<u8>> = db
        .prepare_cached("SELECT packed FROM chunks WHERE id = ?1")
        .and_then(|mut s| s.query_row([row(id, n)], |r| r.get(0)).optional())
        .map_err(Error::sqlite(path))?;
    let Some(packed) = packed else { return Ok(Vec::new()) };
    zstd::bulk::decompress(&packed, BLOB_CHUNK_BYTES)
        .map_err(|e| Error::Damaged { path: path.to_owned(), why: format!("blob piece {}: {e}", row(id, n)) })
}
/// Recomputes a blob's digest piece by piece; `false` when it is not what its address says.
pub(super) fn is_intact(db: &Connection, path: &Path, digest: &Digest) -> Result<bool> {
    use sha2::Digest as _;
    let Some((id, total)) = find(db, digest).map_err(Error::sqlite(path))? else { return Ok(false) };
    let pieces = total.div_ceil(u64::try_from(BLOB_CHUNK_BYTES).unwrap_or(u64::MAX));
    let mut hash = sha2::Sha256::new();
    let mut length = 0u64;
    for n in 0..usize::try_from(pieces).unwrap_or(usize::MAX).min(BLOB_BYTES_MAX / BLOB_CHUNK_BYTES) {
        match piece(db, path, id, n) {
            Ok(bytes) => {
                length = length.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
                hash.update(&bytes);
            }
            Err(Error::Damaged { .. }) => return Ok(false),
            Err(other) => return Err(other),
        }
    }
    let found: Hash = hash.finalize().into();
    Ok(length == total && found == *digest.bytes())
}
