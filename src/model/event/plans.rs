//! The facts about the plan: its tree, the texts it came as, and what the user said about them.

use crate::base::{ClientId, Digest};
use crate::model::comment::Comment;
use crate::model::plan::{PlanDocument, PlanVerdict, Step};
use serde::{Deserialize, Serialize};

/// The tree from now on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanRevised {
    pub revision: u32,
    pub by: String,
    pub steps: Vec<Step>,
}

/// The agent's own list of steps, which has little to do with the approved plan; an empty one takes it away.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanListed {
    pub by: String,
    pub steps: Vec<Step>,
}

/// A text of the plan that no action asks about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanWritten {
    pub by: String,
    pub document: PlanDocument,
}

/// The user's word on a text of the plan, beside the verdict on an action that asks about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanDecided {
    /// Of the text that the user saw.
    pub digest: Digest,
    pub verdict: PlanVerdict,
    pub by: ClientId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// A comment as it is now: new, changed, sent, resolved or withdrawn.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Commented {
    pub comment: Comment,
}
