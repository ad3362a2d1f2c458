//! Settings of the checks: their command, how its output is read, and when it runs by itself.

use super::TestCommand;
use crate::base::limits::RUN_TIMEOUT_MS_DEFAULT;
use crate::checks::ParserKind;
use crate::model::event::RunAfter;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The command that runs checks, and its limits.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Checks {
    /// Test command: an array of arguments, or one line for the shell; unset, it is detected.
    pub command: Option<TestCommand>,
    /// Format of the test command's output; unset, it is detected from the command, else from the output.
    pub format: Option<ParserKind>,
    /// Seconds after which a test run is stopped.
    pub timeout_s: Option<u64>,
    /// Regular expression of a line that reports a case that passed, with a group `(?<name>…)`: for runners that no
    /// format reads.
    pub passed: Option<String>,
    /// The same for cases that failed; the lines below are the failure's text.
    pub failed: Option<String>,
    /// The same for cases that were skipped.
    pub skipped: Option<String>,
    /// Command that runs the tests and writes `coverage_file`; it takes the place of the test command when a pending
    /// edit is tested.
    pub coverage_command: Option<TestCommand>,
    /// Its report, relative to the project: LCOV, coverage.py JSON, a Go profile or Istanbul JSON.
    pub coverage_file: Option<String>,
    /// When the tests run by themselves: `never`, after `edits` that were approved, or after all `changes` of the
    /// workspace, also your own. Such a run is an action like any other: in mode `step` it waits for you.
    pub run_after: Option<RunAfter>,
}

/// The same with a value for each.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CheckSettings {
    pub command: Option<TestCommand>,
    pub format: Option<ParserKind>,
    pub timeout_ms: u64,
    pub passed: Option<String>,
    pub failed: Option<String>,
    pub skipped: Option<String>,
    pub coverage_command: Option<TestCommand>,
    pub coverage_file: Option<String>,
    pub run_after: RunAfter,
}

impl Default for CheckSettings {
    fn default() -> Self {
        Self {
            command: None,
            format: None,
            timeout_ms: RUN_TIMEOUT_MS_DEFAULT,
            passed: None,
            failed: None,
            skipped: None,
            coverage_command: None,
            coverage_file: None,
            run_after: RunAfter::default(),
        }
    }
}

impl CheckSettings {
    pub(super) fn apply(&mut self, file: &Checks) {
        fn some<T: Clone>(to: &mut Option<T>, from: &Option<T>) {
            if from.is_some() {
                to.clone_from(from);
            }
        }
        some(&mut self.command, &file.command);
        some(&mut self.passed, &file.passed);
        some(&mut self.failed, &file.failed);
        some(&mut self.skipped, &file.skipped);
        some(&mut self.coverage_command, &file.coverage_command);
        some(&mut self.coverage_file, &file.coverage_file);
        self.format = file.format.or(self.format);
        self.timeout_ms = file.timeout_s.map_or(self.timeout_ms, |s| s.saturating_mul(1000));
        self.run_after = file.run_after.unwrap_or(self.run_after);
    }
}
