//! The facts about rulings, leases, and rules that change while a session runs, with the names and shapes of the wire.

use super::vocabulary::{Network, RuleScope, RulingWord, RunAfter};
use crate::base::{ActionId, ClientId, Digest, LeaseId, RuleId, StepId, UnixMs};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyTightened {
    /// The rule as TOML, in the form of `policy.toml`.
    pub rule: String,
    /// Of the policy with it.
    pub policy_digest: Digest,
    pub by: ClientId,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyAllowed {
    pub rule: RuleId,
    /// The patterns of commands that it allows, as in `policy.toml`.
    pub patterns: Vec<String>,
    /// The globs of files that it allows to create and change.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub paths: Vec<String>,
    /// The hosts that it allows commands to connect to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hosts: Vec<String>,
    pub scope: RuleScope,
    /// For the scope `step`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<StepId>,
    /// The time from which it no longer counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<UnixMs>,
    /// The action that it was made from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<ActionId>,
    /// Of the policy with it.
    pub policy_digest: Digest,
    pub by: ClientId,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyRevoked {
    pub rule: RuleId,
    /// Of the policy without it.
    pub policy_digest: Digest,
    pub by: ClientId,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyReloaded {
    /// Of the policy that counts now.
    pub policy_digest: Digest,
    /// What is wrong with a file, and where; then everything asks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
}

/// A bounded standing approval.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeaseGranted {
    pub lease: LeaseId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<StepId>,
    /// Globs relative to the workspace; empty = any path inside that no guard rail protects.
    #[serde(default)]
    pub paths: Vec<String>,
    /// Edits only, unless commands are named here by exact line.
    #[serde(default)]
    pub commands: Vec<String>,
    /// Ends at this time.
    pub until: UnixMs,
    pub actions_max: u32,
    /// Ends when the agent has cost this many micro-dollars more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost_micros_max: Option<u64>,
    pub by: ClientId,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeaseRevoked {
    pub lease: LeaseId,
    pub why: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ruled {
    pub action: ActionId,
    pub ruling: RulingWord,
    pub rule: RuleId,
    pub reason: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkChanged {
    /// Of commands in layers, unless the decision about one says otherwise; as configured where it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<Network>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChecksChanged {
    /// As configured where it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_after: Option<RunAfter>,
}
