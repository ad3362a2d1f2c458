//! Test runners: detection, parsers from output bytes to reports, trees, comparisons, failure locations.
//!
//! Pure: bytes and listings come in, reports come out. Nothing here reads a file or starts a program.
//! Everything read is hostile input: parsers never fail, they report what they understood.

pub mod frames;
pub mod ledger;
mod lines;
pub mod parsers;

pub use frames::{Frame, frames_in};
pub use ledger::{CheckEvent, Problem, Summary};
pub use parsers::{CheckStream, ParserKind, Place};
