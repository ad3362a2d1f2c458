//! The wrong variable: another name of the same scope, another member of the same object.

use super::{Operator, Sink, Site};
use crate::repair::source::{Role, member, parts, role};

pub const OPERATOR: Operator = Operator { name: "wrong variable", prior: 0.6, propose };

fn propose(site: &Site<'_, '_>, sink: &mut Sink<'_>) {
    let kind = site.role();
    if kind == Role::Name {
        name(site, sink);
    } else if kind == Role::Member {
        members(site, sink);
    } else if kind == Role::Index && site.is_read() {
        // `a[i][j]` read as `a[j][i]` is covered by argument swaps; here the whole element becomes its index or list.
        let inner = parts(site.node);
        if let [object, index] = inner.as_slice() {
            sink.replace(site.node, site.text(*index), 0.2);
            sink.replace(site.node, site.text(*object), 0.2);
        }
    }
}

fn name(site: &Site<'_, '_>, sink: &mut Sink<'_>) {
    let text = site.text(site.node);
    let is_target = is_plain_target(site);
    let is_object = site.node.parent().and_then(member).is_some_and(|(object, _)| object == site.node);
    if !site.is_read() && !is_target && !is_object {
        return;
    }
    let own = site.scope.names.iter().find(|n| n.text == text);
    let hints = own.map(|n| n.hints).unwrap_or_default();
    let declared = own.and_then(|n| n.declared.as_deref());
    for other in site.visible() {
        if other.text == text || matches!(other.text.as_str(), "self" | "this") {
            continue;
        }
        let same_type = declared.is_some() && declared == other.declared.as_deref();
        let mut factor = if same_type {
            1.0
        } else if hints.is_like(other.hints) {
            0.9
        } else if hints.fits(other.hints) {
            0.6
        } else {
            0.2
        };
        if is_target {
            factor *= 0.6;
        }
        if is_argument_beside(site, &other.text) {
            factor *= 0.4;
        }
        sink.replace(site.node, other.text.clone(), factor);
    }
    // The object's member was meant: `node` for `node.next`, `self.x` for `x`.
    if site.is_read() {
        if let Some(list) = site.scope.members.get(text) {
            for name in list.iter().take(6) {
                sink.replace(site.node, format!("{text}.{name}"), 0.4);
            }
        }
        for receiver in ["self", "this"] {
            if let Some(list) = site.scope.members.get(receiver) {
                for name in list.iter().take(8) {
                    let same = name == text || name.trim_start_matches('_') == text;
                    sink.replace(site.node, format!("{receiver}.{name}"), if same { 0.8 } else { 0.25 });
                }
            }
        }
    }
}

/// Returns whether a call already has this argument: it rarely has it twice.
fn is_argument_beside(site: &Site<'_, '_>, text: &str) -> bool {
    let list = site.node.parent().filter(|p| matches!(p.kind(), "argument_list" | "arguments"));
    list.is_some_and(|l| parts(l).iter().any(|a| site.text(*a) == text))
}

fn is_plain_target(site: &Site<'_, '_>) -> bool {
    let Some(parent) = site.node.parent() else { return false };
    let statement = if parent.kind() == "expression_list" { parent.parent() } else { Some(parent) };
    statement.is_some_and(|s| {
        matches!(role(s), Role::Assign | Role::Compound)
            && (s.child_by_field_name("left") == Some(parent)
                || s.child_by_field_name("left") == Some(site.node)
                || role(s) == Role::Compound)
    })
}

fn members(site: &Site<'_, '_>, sink: &mut Sink<'_>) {
    let Some((object, name)) = member(site.node) else { return };
    let is_callee = site.node.parent().is_some_and(|p| p.child_by_field_name("function") == Some(site.node));
    let text = site.text(object);
    if is_callee {
        return;
    }
    for other in every_member(site, text) {
        if other != site.text(name) {
            sink.replace(name, other, 0.8);
        }
    }
    let own = site.text(name);
    super::method::opposite(own, &mut |other| sink.replace(name, other, 0.7));
    // Members that the file uses with other objects: an element of a list is named again in each function.
    let called = |word: &str| site.functions.iter().any(|(f, _)| f == word);
    for other in super::all_members(site.source).into_iter().filter(|n| n != own && !called(n)).take(16) {
        sink.replace(name, other, 0.25);
    }
    if site.is_read() {
        sink.replace(site.node, text, 0.3);
        for other in site.visible().iter().filter(|n| n.text == site.text(name)) {
            sink.replace(site.node, other.text.clone(), 0.6);
        }
    }
}

/// Members used with an object here, and with the receiver anywhere in the file.
fn every_member(site: &Site<'_, '_>, object: &str) -> Vec<String> {
    let mut out = site.scope.members.get(object).cloned().unwrap_or_default();
    let called: Vec<&str> = site.functions.iter().map(|(n, _)| n.as_str()).collect();
    for list in site.scope.members.values() {
        for name in list {
            if !out.contains(name) {
                out.push(name.clone());
            }
        }
    }
    for name in super::file_members(site.source, object) {
        if !out.contains(&name) {
            out.push(name);
        }
    }
    out.retain(|n| !called.contains(&n.as_str()));
    out.truncate(12);
    out
}
