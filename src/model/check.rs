//! Runs of checks as the host observed them: cases, summaries, comparisons.

use crate::base::{Digest, RelPath, RunId};
use serde::{Deserialize, Serialize};

/// The tree that a run used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tree {
    Workspace,
    Candidate,
}

/// The outcome of one case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CaseStatus {
    Passed,
    Failed,
    Skipped,
    Errored,
}

impl CaseStatus {
    /// Failed or errored.
    pub fn is_bad(self) -> bool {
        matches!(self, Self::Failed | Self::Errored)
    }
}

/// One case of a run. `case` is the runner's own id: suites and name joined as the runner joins them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaseReport {
    pub case: String,
    /// Suites from the outside in, for the tree; empty when the runner has none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub suite: Vec<String>,
    pub status: CaseStatus,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// What it printed, where its runner's report has that; bounded, foreign text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ms: Option<u64>,
}

/// A run begins. `digest` is the digest of the tree it runs on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckStarted {
    pub run: RunId,
    pub command: String,
    pub tree: Tree,
    pub digest: Digest,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<crate::base::ActionId>,
    /// In words what the candidate holds, for a run in one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub what: Option<String>,
    /// The cases that were asked for, by id; empty where the command runs all of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cases: Vec<String>,
    /// One of the runs of a search, which is compared with none.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub search: bool,
}

/// One case ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckReported {
    pub run: RunId,
    #[serde(flatten)]
    pub report: CaseReport,
}

/// The changed lines of one file, from 1, in the version that was tested.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CoveredFile {
    pub path: RelPath,
    pub ran: Vec<u32>,
    pub missed: Vec<u32>,
    /// Of that version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<Digest>,
}

/// A run ended. `exit` is the exit code, or 128 + signal; `None` when it was stopped by us.
/// `fixed`, `broken`, `flaky` name cases against the last whole run on the workspace.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckFinished {
    pub run: RunId,
    pub passed: u32,
    pub failed: u32,
    pub skipped: u32,
    pub exit: Option<i32>,
    #[serde(default)]
    pub fixed: Vec<String>,
    #[serde(default)]
    pub broken: Vec<String>,
    #[serde(default)]
    pub flaky: Vec<String>,
    /// Ran before and are skipped now: a failing test can be silenced this way.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub silenced: Vec<String>,
    /// Of a candidate's run with coverage: the changed lines that ran, and those that could have.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub covered: Vec<CoveredFile>,
    /// Set when the run says nothing about the code: no tests found, time-out, did not build.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

impl CheckFinished {
    /// Everything that ran passed, something ran, and the command agrees.
    pub fn is_green(&self) -> bool {
        self.failed == 0 && self.passed > 0 && self.exit == Some(0)
    }
}

/// How the run of a candidate is described that has the tests as they were, after the name of its action.
pub const WITH_ORIGINALS: &str = "with the original tests";

/// One run of checks with its cases.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunReport {
    pub run: RunId,
    pub finished: CheckFinished,
    pub cases: Vec<CaseReport>,
}
