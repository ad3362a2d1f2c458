//! What is told about a command's layer, and of the guarded files that changed.

use super::Network;
use crate::base::{ActionId, RelPath};
use crate::model::{Content, FileChange};
use serde::{Deserialize, Serialize};

/// More about a command in a layer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct InLayer {
    /// Build folders that were the real ones, relative to the workspace.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shared: Vec<String>,
    /// The network that it had instead of that of the machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<Network>,
    /// The pending action that was tried; nothing of it was kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previews: Option<ActionId>,
    /// It was a dry run of that action by its own tool.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub dry_run: bool,
    /// What that would change, bounded.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub would: Vec<WouldChange>,
    /// Number of further changes.
    #[serde(default, skip_serializing_if = "is_none")]
    pub more: u64,
}

fn is_none(number: &u64) -> bool {
    *number == 0
}

/// A change that a command would make.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WouldChange {
    pub path: RelPath,
    pub change: FileChange,
    pub added: u64,
    pub removed: u64,
    /// The hunks as unified diff text, bounded; foreign text.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub hunks: String,
}

/// Both sides of a guarded file that changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sides {
    pub path: RelPath,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Content>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Content>,
}
