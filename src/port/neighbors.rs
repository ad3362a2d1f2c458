//! Other supervised sessions that work on the same files. What one of them is about to leave on the disk it says first,
//! so that the others do not take it for the user's own change.

use crate::base::{ActionId, Digest, RelPath, Seq, SessionId, UnixMs};
use crate::model::Action;

/// A session that a change may come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Neighbor {
    pub session: SessionId,
    /// It said that it would leave exactly this content there. Otherwise it only was at work.
    pub certain: bool,
}

/// What a user decided on in a past session of the same workspace.
#[derive(Clone, Debug)]
pub struct Past {
    pub session: SessionId,
    /// Without the contents of its files.
    pub action: Action,
    pub refused: bool,
}

/// An event that has the words of a search.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mention {
    pub session: SessionId,
    pub seq: Seq,
    pub at: UnixMs,
    pub action: Option<ActionId>,
    /// In words, foreign text, bounded.
    pub text: String,
}

/// The seam to the other sessions of this user; the host says what it does and asks about what it sees.
pub trait Neighbors: Send + Sync {
    /// Sessions that run now and whose workspace contains this one or is inside it.
    fn present(&self) -> Vec<SessionId>;
    /// Calls back, from a thread of its own, when a session may have begun.
    fn watch(&self, arrived: Box<dyn Fn() + Send>);
    /// These files are about to hold this (`None`: they are gone).
    fn leaves(&self, files: &[(RelPath, Option<Digest>)], now: UnixMs);
    /// What a user decided in past sessions of this workspace, newest session first, bounded. This reads files for a while.
    fn past(&self) -> Vec<Past> {
        Vec::new()
    }
    /// Where these words are, in this session and in those before it, newest first, bounded; and whether that is all.
    /// This reads files for a while.
    fn search(&self, query: &str) -> (Vec<Mention>, bool) {
        let _ = query;
        (Vec::new(), true)
    }
    /// From now on, or no longer, something of this session may change files that cannot be named beforehand.
    fn at_work(&self, at_work: bool, now: UnixMs);
    /// Returns the possible author of this content; `path` is `None` for a name that is not UTF-8.
    fn author(&self, path: Option<&RelPath>, after: Option<Digest>, now: UnixMs) -> Option<Neighbor>;
}
