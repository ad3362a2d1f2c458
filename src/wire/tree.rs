//! Requests about the tree of the workspace: taking changes back, and trying them in a candidate.

use super::request::EditedBody;
use crate::base::{ActionId, Digest, RelPath};
use crate::diff::HunkChoice;
use serde::{Deserialize, Serialize};

/// Takes one action's effect back, also out of order; the undo is an action of its own and can be undone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Undo {
    pub action: ActionId,
    /// The changes to revert, by path. Required where changes may be the user's; the refusal without it lists them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub files: Option<Vec<RelPath>>,
}

/// Reverts a change of one file that was made without a decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Restore {
    pub path: RelPath,
}

/// Puts the workspace back to a recorded tree; `preview` only tells what would change.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rewind {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tree: Option<Digest>,
    /// To before this action.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<ActionId>,
    #[serde(default)]
    pub preview: bool,
    /// As in [`Undo`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub files: Option<Vec<RelPath>>,
    /// The workspace's tree when the changes were listed. If a chosen path has changed since, the request is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub listed: Option<Digest>,
}

/// Runs the checks on a candidate in which a held action has been executed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CandidateTest {
    /// Absent: the workspace itself is tested.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<ActionId>,
    /// The user's version of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edited: Option<EditedBody>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hunks: Option<Vec<HunkChoice>>,
    /// Of what the client saw; needed with an action, which runs as it is shown or not at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<Digest>,
    /// Only these cases of earlier runs, by id, as far as the runner can select; empty for all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cases: Vec<String>,
    /// More than one run of the one case in `cases`, on the workspace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub search: Option<CaseSearch>,
}

/// What several runs of a case are to find out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CaseSearch {
    /// Which action broke it.
    Bisect,
    /// Whether it gives the same result each time.
    Repeat,
}
