//! Bounds that only `journal` keeps, unit in the name. Those that several modules share are in `base::limits`.

/// Largest body of one event in bytes; longer content belongs in a blob.
pub const EVENT_BODY_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Longest event kind in bytes.
pub const EVENT_KIND_BYTES_MAX: usize = 64;
/// Most events in one append.
pub const APPEND_EVENTS_MAX: usize = 4096;
/// Largest blob in bytes before compression.
pub const BLOB_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Blobs are compressed in pieces of this many bytes, so that a range is read without the whole.
pub const BLOB_CHUNK_BYTES: usize = 256 * 1024;
/// zstd level for blobs: 3 is zstd's own default, a few hundred MB/s.
pub const BLOB_ZSTD_LEVEL: i32 = 3;
/// Time for which a statement waits for another process's lock on the database, milliseconds.
pub const JOURNAL_BUSY_MS_MAX: u64 = 2_000;
/// Pages that one connection to the journal keeps in memory.
pub const JOURNAL_CACHE_KIB: i64 = 512;
/// Longest session id in bytes.
pub const SESSION_ID_BYTES_MAX: usize = 128;
/// Problems that one verify lists before it only counts itself failed.
pub const VERIFY_PROBLEMS_MAX: usize = 20;
/// Longest line of an exported record in bytes: a body, twice over for escapes, and its frame.
pub const EXPORT_LINE_BYTES_MAX: usize = 2 * EVENT_BODY_BYTES_MAX + 64 * 1024;
/// Most results of one search.
pub const SEARCH_HITS_MAX: usize = 1_000;
/// Width of the head file in bytes: one sector, so that a rewrite is a single write.
pub const HEAD_FILE_BYTES: usize = 512;
/// Largest version of a file whose lines are shown in an exported report.
pub const EXPORT_CONTENT_BYTES_MAX: usize = 1024 * 1024;
/// Time for which a held lock is requested again, and the interval, milliseconds: longer than a fork takes, shorter
/// than a user waits.
pub const JOURNAL_LOCK_WAIT_MS_MAX: u64 = 300;
pub const JOURNAL_LOCK_RETRY_MS: u64 = 10;
/// Bytes of the file of a signing key: PKCS#8 of Ed25519 takes 83.
pub const KEY_FILE_BYTES_MAX: u64 = 4 * 1024;
