//! The vocabulary below everything: ids, digests, paths, keys, limits and text that is safe to show.

pub mod digest;
pub mod id;
pub mod limits;
pub mod nearest;
#[cfg(test)]
pub mod pairs_tests;
pub mod path;
pub mod secret;
pub mod signature;
pub mod text;

pub use digest::Digest;
pub use id::{ActionId, ClientId, CommentId, LeaseId, RuleId, RunId, Seq, SessionId, StepId, TurnId, UnixMs};
pub use path::RelPath;
pub use secret::Secret;
pub use signature::{PublicKey, Signature, Signed};
pub use text::Untrusted;
