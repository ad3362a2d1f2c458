//! A host that has no neighbors, and one agent.

use rightseat::base::{Digest, RelPath, SessionId, UnixMs};
use rightseat::host::{AgentMaker, Agents};
use rightseat::model::Role;
use rightseat::port::{Neighbor, Neighbors};
use rightseat::wire::AgentRow;
use std::sync::Arc;

/// There are no other sessions, and no other agents.
pub struct Alone;

impl Agents for Alone {
    fn named(&self, agent: &str, _: Option<&str>) -> Result<Arc<dyn AgentMaker>, String> {
        Err(format!("there is no agent {agent}"))
    }

    fn own(&self) -> (String, Option<String>) {
        ("only".to_owned(), None)
    }

    fn roles(&self) -> Vec<Role> {
        Vec::new()
    }

    fn offers(&self) -> futures::future::BoxFuture<'static, Result<Vec<AgentRow>, String>> {
        Box::pin(std::future::ready(Ok(Vec::new())))
    }
}

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
