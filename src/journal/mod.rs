//! The append-only, hash-chained log of a session, and the only birthplace of a permit.
//!
//! A session is one SQLite database (WAL, `synchronous=FULL`) with up to three small files beside it:
//!
//! | file | what it is | may be lost |
//! |---|---|---|
//! | `NAME` | events, blobs, fencing number | no |
//! | `NAME.head` | the last acknowledged head; after a clean close also a digest of the whole database file | yes, at the cost of detection |
//! | `NAME.lock` | held by the one host that may append; names its pid | yes |
//! | `NAME.search` | full-text index, rebuilt from the events whenever it is missing or behind | yes |
//!
//! What is promised: an append that returned is on disk, whole, and is read back exactly once after any crash. What is
//! *not* promised: secrecy or authorship. The chain makes changes evident; whoever can write the database and every
//! copy of its anchor can also write another history.
//!
//! # The chain, so that other tools can check it
//!
//! `‖` joins bytes, integers are big-endian, `H` is SHA-256, `lp(x)` is the length of `x` as u32 followed by `x`.
//!
//! ```text
//! key      32 random bytes, table meta, never exported
//! genesis  H("rightseat journal v1" ‖ lp(session id) ‖ H(key))
//! salt     first 16 bytes of H("rightseat salt v1" ‖ key ‖ seq:u64)
//! body     H(salt ‖ body bytes)                      the body is the event's JSON object without seq, at and kind
//! hash     H("rightseat event v1" ‖ prev:32 ‖ seq:u64 ‖ at:u64 ‖ lp(kind) ‖ body:32 ‖ n:u32 ‖ n × blob digest:32)
//! ```
//!
//! `prev` of event 1 is `genesis`. The blob digests are those of the blobs that this event was the first to store. The
//! hash covers a *salted digest* of the body, so an export can leave a secret out, keep the original hash, and still be
//! checked line by line, while nobody can confirm a guess of what was left out.
//!
//! A line of `export --format jsonl` is the envelope with `prev`, `hash`, then `salt` (the body is complete, byte for
//! byte, after these fields) or `body_digest` (something was redacted), `attached` when blobs were stored, and on the
//! first line `journal` with what the genesis is made of.
//!
//! # What verify can and cannot see
//!
//! Any change, insertion, deletion or reordering of events, any changed, missing or added blob, and any end before the
//! acknowledged or anchored head. A byte flipped in a part of the file that holds no record (slack between rows,
//! counters in the header) changes nothing that can be read; it is seen all the same when the journal was closed
//! cleanly, through the seal. Not seen: such a byte while a host runs or after it was killed, and, without an anchor kept
//! elsewhere, a history that someone with write access to all files made up again.

mod blob;
pub mod chain;
mod error;
pub mod export;
mod grants;
mod head;
pub mod limits;
mod lock;
mod permit;
mod reader;
mod schema;
mod search;
mod sign;
mod store;
#[cfg(test)]
mod tests;
mod verify;

pub use error::{Error, Result};
pub use head::Anchor;
pub use lock::{is_held, while_unheld};
pub use permit::Permit;
pub use reader::{Reader, Record};
pub use search::search;
pub use sign::{SignedAnchor, Signer, is_decision_good};
pub use store::{Appended, Draft, Journal};
pub use verify::{Evidence, Problem, Report, verify, verify_against};
