//! A promise or coroutine used where its value was meant.

use super::{Operator, Sink, Site};
use crate::repair::source::{Lang, Role, call, role};

pub const OPERATOR: Operator = Operator { name: "missing await", prior: 0.7, propose };

fn propose(site: &Site<'_, '_>, sink: &mut Sink<'_>) {
    let head = site.source.slice(site.scope.node);
    if site.lang() == Lang::Go || !head.trim_start().starts_with("async") {
        return;
    }
    if call(site.node).is_none() || site.node.parent().is_some_and(|p| role(p) == Role::Await) {
        return;
    }
    let text = site.text(site.node);
    if site.lang() == Lang::Rust {
        sink.replace(site.node, format!("{text}.await"), 0.8);
        return;
    }
    let is_object = site.node.parent().is_some_and(|p| role(p) == Role::Member);
    sink.replace(site.node, if is_object { format!("(await {text})") } else { format!("await {text}") }, 1.0);
}
