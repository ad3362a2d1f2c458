//! An entry of a table: a key that was to be looked up, an entry that was to be removed instead of stored.

use super::{Operator, Sink, Site};
use crate::repair::scope::Hints;
use crate::repair::source::{Lang, Role, assignment, call, member, parts, role};

pub const OPERATOR: Operator = Operator { name: "table entry", prior: 0.5, propose };

fn propose(site: &Site<'_, '_>, sink: &mut Sink<'_>) {
    let kind = site.role();
    if kind == Role::Name && site.is_read() {
        key(site, sink);
    } else if kind == Role::Assign {
        stored(site, sink);
    } else if kind == Role::Call {
        set(site, sink);
    }
}

/// `table[name]` for `name`.
fn key(site: &Site<'_, '_>, sink: &mut Sink<'_>) {
    let text = site.text(site.node);
    if !site.visible().iter().any(|n| n.text == text) {
        return;
    }
    let parent = site.node.parent().filter(|p| role(*p) == Role::Index);
    let beside = parent.and_then(|p| parts(p).first().map(|o| site.text(*o))).unwrap_or_default();
    let maps = site.visible().into_iter().filter(|n| n.hints.has(Hints::MAP)).map(|n| (n.text.as_str(), 0.5));
    let tables = site.scope.tables.iter().map(|t| (t.as_str(), 0.8));
    for (table, factor) in tables.chain(maps).filter(|(t, _)| *t != text && *t != beside).take(6) {
        sink.replace(site.node, format!("{table}[{text}]"), factor);
    }
}

/// `table[key] = value` where the entry was to go.
fn stored(site: &Site<'_, '_>, sink: &mut Sink<'_>) {
    let Some((target, _)) = assignment(site.node).filter(|(t, _)| role(*t) == Role::Index) else { return };
    let inner = parts(target);
    let [object, index] = inner.as_slice() else { return };
    let (o, i) = (site.text(*object), site.text(*index));
    match site.lang() {
        Lang::Python => {
            sink.replace(site.node, format!("{o}.pop({i}, None)"), 0.7);
            sink.replace(site.node, format!("del {o}[{i}]"), 0.5);
        }
        Lang::Script => sink.replace(site.node, format!("delete {o}[{i}]"), 0.6),
        Lang::Go => sink.replace(site.node, format!("delete({o}, {i})"), 0.6),
        Lang::Rust => {}
    }
}

/// `map.set(key, value)` where the entry was to go.
fn set(site: &Site<'_, '_>, sink: &mut Sink<'_>) {
    let Some((callee, args)) = call(site.node) else { return };
    let (Some((object, name)), [key, _]) = (member(callee), args.as_slice()) else { return };
    let (o, k) = (site.text(object), site.text(*key));
    match (site.lang(), site.text(name)) {
        (Lang::Script, "set") => {
            sink.replace(site.node, format!("{o}.delete({k})"), 0.6);
        }
        (Lang::Rust, "insert") => sink.replace(site.node, format!("{o}.remove(&{k})"), 0.6),
        _ => {}
    }
}
