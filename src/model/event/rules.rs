//! The facts about rules that change while a session runs, with the names and shapes of the wire.

use super::vocabulary::RuleScope;
use crate::base::{ActionId, ClientId, Digest, RuleId, StepId, UnixMs};
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
