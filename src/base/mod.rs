//! The vocabulary below everything: ids, digests, paths, limits and text that is safe to show.

pub mod limits;
