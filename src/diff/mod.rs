//! Bytes in, hunks out: line diff, intraline marks, partial apply, three-way merge. No IO.
//!
//! Everything is a function of its input alone, without clock or randomness: host and client
//! compute the same hunks from the same bytes, so a hunk's index means the same on both sides.
//! Texts are foreign: show them through [`crate::base::text::escape`].

mod align;
pub mod file;
pub mod intraline;
pub mod limits;
pub mod merge;
mod pairing;
mod script;
pub mod select;
pub mod unified;

pub use align::Whitespace;
pub use file::{Content, DiffLine, DiffOptions, FileDiff, Hunk, LineId, LineKind};
pub use intraline::intraline;
pub use merge::{Labels, Merge, Region, merge};
pub use script::likeness;
pub use select::{HunkChoice, Refused, Selection};
pub use unified::{Names, git_patch, hunks_text};

#[cfg(test)]
mod nasty_tests;
#[cfg(test)]
mod part_tests;
