//! Search over what was said, why, decided and commented, in this session and in earlier ones of the same user.

use crate::base::{ActionId, Seq, SessionId, UnixMs};
use serde::{Deserialize, Serialize};

/// Every word must be there; the last one may be unfinished.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Search {
    pub query: String,
}

/// An event with the words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SearchHit {
    pub session: SessionId,
    pub seq: Seq,
    pub at: UnixMs,
    /// What it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<ActionId>,
    /// The event in words, around the first of the words looked for; foreign text.
    pub text: String,
}

/// The newest session first, and in it the newest event.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SearchFound {
    pub hits: Vec<SearchHit>,
    /// False: there are more, or not all sessions were looked at.
    pub complete: bool,
}
