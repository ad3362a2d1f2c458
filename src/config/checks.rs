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
    pub run_after: RunAfter,
}

impl Default for CheckSettings {
    fn default() -> Self {
        Self { command: None, format: None, timeout_ms: RUN_TIMEOUT_MS_DEFAULT, run_after: RunAfter::default() }
    }
}

impl CheckSettings {
    pub(super) fn apply(&mut self, file: &Checks) {
        if file.command.is_some() {
            self.command.clone_from(&file.command);
        }
        self.format = file.format.or(self.format);
        self.timeout_ms = file.timeout_s.map_or(self.timeout_ms, |s| s.saturating_mul(1000));
        self.run_after = file.run_after.unwrap_or(self.run_after);
    }
}
