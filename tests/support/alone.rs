//! A host that has no neighbors.

use rightseat::base::{Digest, RelPath, SessionId, UnixMs};
use rightseat::port::{Neighbor, Neighbors};

/// There are no other sessions.
pub struct Alone;

impl Neighbors for Alone {
    fn present(&self) -> Vec<SessionId> {
        Vec::new()
    }

    fn watch(&self, _: Box<dyn Fn() + Send>) {}

    fn leaves(&self, _: &[(RelPath, Option<Digest>)], _: UnixMs) {}

    fn at_work(&self, _: bool, _: UnixMs) {}

    fn author(&self, _: Option<&RelPath>, _: Option<Digest>, _: UnixMs) -> Option<Neighbor> {
        None
    }
}
