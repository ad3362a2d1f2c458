//! Test runners: detection, parsers from output bytes to reports, trees, comparisons, failure locations.
//!
//! Pure: bytes and listings come in, reports come out. Nothing here reads a file or starts a program.
//! Everything read is hostile input: parsers never fail, they report what they understood.

pub mod compare;
pub mod coverage;
pub mod detect;
pub mod frames;
pub mod ledger;
pub mod limits;
mod lines;
pub mod parsers;
pub mod recognise;
pub mod tree;

pub use compare::{Comparison, Matrix, RunOutcome, compare, compare_some, flaky, flaky_words};
pub use coverage::{Coverage, CoverageFormat};
pub use detect::{NoRunner, ProjectView, Pytest, Runner, Tool, Tools, detect, format_of, script};
pub use frames::{Frame, frames_in};
pub use ledger::{CheckEvent, Problem, Summary};
pub use parsers::pattern::Patterns;
pub use parsers::{CheckStream, ParserKind, ProjectRoot};
pub use recognise::{TestPath, is_test, recognise};
pub use tree::{Counts, Order, SuiteNode, leaf, tree_of};
