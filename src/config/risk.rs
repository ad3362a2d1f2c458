//! Settings of the risk score: how much each factor counts.

use crate::model::risk::RiskWeights;
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
    /// Other code uses what is changed, by its names.
    pub dependents: Option<u64>,
}

/// What the file says of one weight: its key, its value, and the weight that it sets.
type Entry<'a> = (&'static str, Option<u64>, &'a mut u64);

impl RiskFile {
    fn entries<'a>(&self, of: &'a mut RiskWeights) -> [Entry<'a>; 10] {
        [
            ("policy.risk.files", self.files, &mut of.files),
            ("policy.risk.size", self.size, &mut of.size),
            ("policy.risk.tests", self.tests, &mut of.tests),
            ("policy.risk.commands", self.commands, &mut of.commands),
            ("policy.risk.network", self.network, &mut of.network),
            ("policy.risk.evidence", self.evidence, &mut of.evidence),
            ("policy.risk.undo", self.undo, &mut of.undo),
            ("policy.risk.guarded", self.guarded, &mut of.guarded),
            ("policy.risk.drift", self.drift, &mut of.drift),
            ("policy.risk.dependents", self.dependents, &mut of.dependents),
        ]
    }

    /// Each with its key and its value.
    pub(super) fn all(&self) -> [(&'static str, Option<u64>); 10] {
        self.entries(&mut RiskWeights::default()).map(|(key, value, _)| (key, value))
    }

    pub(super) fn apply(&self, weights: &mut RiskWeights) {
        for (_, from, to) in self.entries(weights) {
            *to = from.unwrap_or(*to);
        }
    }

    /// Takes what is higher; returns the keys that were taken, and those that would lower.
    pub(super) fn raise(&self, weights: &mut RiskWeights) -> (Vec<&'static str>, Vec<&'static str>) {
        let (mut taken, mut refused) = (Vec::new(), Vec::new());
        for (key, from, to) in self.entries(weights) {
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
