//! What is told of an action beside its proposal: the answer to a question about it, who depends on it, and what it read.

use crate::base::{ActionId, Digest, RelPath};
use crate::model::action::{LineRange, Risk};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Explained {
    pub action: ActionId,
    pub text: String,
}

/// A file that the host read for an agent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadFile {
    pub path: RelPath,
    /// Of the whole file as it was then; absent where the agent sees a copy of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<Digest>,
    /// The lines that were asked for; absent for all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part: Option<LineRange>,
}

/// A place that uses a changed definition, by its name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dependent {
    pub path: RelPath,
    /// From 1.
    pub line: u32,
    /// The name that is used; foreign text.
    pub name: String,
    /// The definition that the place is in; foreign text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within: Option<String>,
}

/// The places that use the definitions that an edit changes, by their names: nothing was resolved.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dependents {
    /// The changed definitions, bounded; foreign text.
    pub names: Vec<String>,
    /// One of them is gone, or its head has changed: what uses it may not fit any more.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub broken: bool,
    pub places: u64,
    pub files: u64,
    /// A bound was reached: there may be more.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub more: bool,
    /// The first of them, bounded.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub first: Vec<Dependent>,
}

impl Dependents {
    /// The count, for people.
    pub fn words(&self) -> String {
        let of = |count: u64, word: &str| format!("{count} {word}{}", if count == 1 { "" } else { "s" });
        let at_least = if self.more { "at least " } else { "" };
        match self.places {
            0 if self.more => "no place that was searched".to_owned(),
            0 => "no other place".to_owned(),
            places => format!("{at_least}{} in {}", of(places, "place"), of(self.files, "file")),
        }
    }
}

/// The places that depend on a pending edit were searched for. `digest` is the edit's, `risk` its risk with them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DependentsFound {
    pub action: ActionId,
    pub digest: Digest,
    pub risk: Risk,
    #[serde(flatten)]
    pub found: Dependents,
}
