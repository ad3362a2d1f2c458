//! Settings of the stop: its drill, and the freeze of a session that nobody attends.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The stop of a session's processes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct StopFile {
    /// Drill the stop when a session starts: evasive processes are started where its commands run, stopped, and proved to
    /// be gone. A drill that fails raises an alarm and sets the mode to `step`.
    pub drill: Option<bool>,
    /// Minutes without an attached client after which a session at work is frozen; 0 for never.
    pub unattended_freeze_min: Option<u64>,
}

/// The same with a value for each.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct StopSettings {
    pub drill: bool,
    pub unattended_freeze_min: u64,
}

impl Default for StopSettings {
    fn default() -> Self {
        Self { drill: true, unattended_freeze_min: 0 }
    }
}

impl StopSettings {
    pub(super) fn apply(&mut self, file: &StopFile) {
        self.drill = file.drill.unwrap_or(self.drill);
        self.unattended_freeze_min = file.unattended_freeze_min.unwrap_or(self.unattended_freeze_min);
    }
}
