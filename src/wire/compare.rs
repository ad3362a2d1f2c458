//! The workspace compared with an earlier state of it.

use crate::base::{Digest, Seq, StepId};
use crate::model::FileEdit;
use serde::{Deserialize, Serialize};

/// What to compare with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "scope", rename_all = "snake_case")]
pub enum Compare {
    /// The workspace as it was when the session began.
    Session,
    /// What the actions of a step, and of those below it, did to files.
    Step { step: StepId },
    /// A checkpoint, by its tree.
    Tree { tree: Digest },
    /// The last commit of the workspace's repository.
    Head,
}

/// The files that differ. Long contents, and those beyond a bound, are fetched by digest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Compared {
    pub files: Vec<FileEdit>,
    /// The number of files beyond those.
    #[serde(default)]
    pub left_out: usize,
    pub seq: Seq,
}
