//! Settings of the risk score: how much each factor counts.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Weights of the factors of the risk, in percent of the built-in ones: 0 leaves a factor out, 200 doubles it. A project
/// can only raise them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RiskFile {
    /// The number of files.
    pub files: Option<u64>,
    /// The size of the change.
    pub size: Option<u64>,
    /// A test is changed.
    pub tests: Option<u64>,
    /// What a command does by its words.
    pub commands: Option<u64>,
    /// The network is reached.
    pub network: Option<u64>,
    /// No evidence is given.
    pub evidence: Option<u64>,
    /// It cannot be undone: files deleted, effects outside the workspace.
    pub undo: Option<u64>,
    /// It is at a guard rail.
    pub guarded: Option<u64>,
    /// It goes beyond what its plan step declares.
    pub drift: Option<u64>,
}

impl RiskFile {
    /// Each with its key and its name in the configuration.
    pub(super) fn all(&self) -> [(&'static str, Option<u64>); 9] {
        [
            ("policy.risk.files", self.files),
            ("policy.risk.size", self.size),
            ("policy.risk.tests", self.tests),
            ("policy.risk.commands", self.commands),
            ("policy.risk.network", self.network),
            ("policy.risk.evidence", self.evidence),
            ("policy.risk.undo", self.undo),
            ("policy.risk.guarded", self.guarded),
            ("policy.risk.drift", self.drift),
        ]
    }
}

/// The same with a value for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RiskSettings {
    pub files: u64,
    pub size: u64,
    pub tests: u64,
    pub commands: u64,
    pub network: u64,
    pub evidence: u64,
    pub undo: u64,
    pub guarded: u64,
    pub drift: u64,
}

impl Default for RiskSettings {
    fn default() -> Self {
        Self {
            files: 100,
            size: 100,
            tests: 100,
            commands: 100,
            network: 100,
            evidence: 100,
            undo: 100,
            guarded: 100,
            drift: 100,
        }
    }
}

impl RiskSettings {
    fn all_mut(&mut self) -> [&mut u64; 9] {
        [
            &mut self.files,
            &mut self.size,
            &mut self.tests,
            &mut self.commands,
            &mut self.network,
            &mut self.evidence,
            &mut self.undo,
            &mut self.guarded,
            &mut self.drift,
        ]
    }

    pub(super) fn apply(&mut self, file: &RiskFile) {
        for (to, (_, from)) in self.all_mut().into_iter().zip(file.all()) {
            *to = from.unwrap_or(*to);
        }
    }

    /// Takes what is higher; returns the keys that were taken, and those that would lower.
    pub(super) fn raise(&mut self, file: &RiskFile) -> (Vec<&'static str>, Vec<&'static str>) {
        let (mut taken, mut refused) = (Vec::new(), Vec::new());
        for (to, (key, from)) in self.all_mut().into_iter().zip(file.all()) {
            match from {
                Some(value) if value > *to => {
                    *to = value;
                    taken.push(key);
                }
                Some(value) if value < *to => refused.push(key),
                Some(_) | None => {}
            }
        }
        (taken, refused)
    }
}
