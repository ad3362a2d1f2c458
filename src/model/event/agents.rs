//! Who the agent is, from one moment to the next.

use super::AgentBadge;
use crate::base::StepId;
use serde::{Deserialize, Serialize};

/// Another agent, or another model, has the session from here on: with its plan, but without the former agent's own
/// session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentChanged {
    pub from: AgentBadge,
    pub to: AgentBadge,
    /// As `--agent` takes it; a host that takes the session over starts this one.
    pub agent: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The client, or the step that has an agent of its own.
    pub by: String,
    /// It has the session for this step only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<StepId>,
}
