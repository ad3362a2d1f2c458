//! Runs that try something in a private copy, under an approved action's budget.

use super::check::RunReport;
use crate::base::{Digest, RelPath};

/// One run in a private candidate.
#[derive(Clone, Debug)]
pub struct Trial {
    /// In words, for the record: what is tried.
    pub what: String,
    /// Whole new contents (`None` = deleted) applied to the candidate for this run only.
    pub edits: Vec<(RelPath, Option<Vec<u8>>)>,
    /// Index into the approved `TrialBudget::commands`.
    pub command: usize,
    /// Added to the environment; names must begin with `RIGHTSEAT_`.
    pub env: Vec<(String, String)>,
    pub timeout_ms: u64,
    /// Files to bring back after the run (relative to the candidate), for coverage data; bounded.
    pub collect: Vec<RelPath>,
    /// Journal the cases of this run (the last word of a search), not only its totals.
    pub record_cases: bool,
}

/// The output of a trial.
#[derive(Clone, Debug, Default)]
pub struct TrialOutput {
    pub exit: Option<i32>,
    pub timed_out: bool,
    /// Bounded, head and tail kept.
    pub stdout: Vec<u8>,
    pub stderr: Vec<u8>,
    pub ms: u64,
    pub collected: Vec<(RelPath, Vec<u8>)>,
    /// The digest of the tree it ran on.
    pub tree: Option<Digest>,
    /// Set by the host when the detected runner's parser understood the output.
    pub report: Option<RunReport>,
    /// Why it ran without a layer although it should have one; the first such run of a candidate says so.
    pub not_apart: Option<String>,
}
