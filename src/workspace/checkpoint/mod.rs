//! Checkpoints: the workspace as it was, content-addressed, in the session's own store, in or
//! outside git, and never touching the user's repository.
//!
//! A file is one object named by the digest of its bytes; a directory is one object that lists its
//! entries; a checkpoint is the digest of its root directory. What did not change costs nothing.

mod compare;
mod directory;
mod store;

pub use compare::{Difference, compare, lookup, replace, visit};
pub use directory::{Directory, Entry, EntryKind};
pub use store::{Pending, Store, StoreError};
