//! An expression of the same function in the place of another: what was meant may already be written nearby.

use super::{Operator, Sink, Site};
use crate::repair::source::{Role, assignment, condition, descend, is_value, role};

pub const OPERATOR: Operator = Operator { name: "nearby expression", prior: 0.25, propose };

fn propose(site: &Site<'_, '_>, sink: &mut Sink<'_>) {
    target(site, sink);
    let complex = matches!(
        site.role(),
        Role::Call | Role::Member | Role::Index | Role::Binary | Role::Slice | Role::Name | Role::Not
    ) || is_reference(site.node);
    if !complex || !(is_value(site.node) || is_reference(site.node)) || !site.is_read() || site.scope.name == "<module>"
    {
        return;
    }
    let text = site.text(site.node);
    let tests = is_condition(site);
    let mut tried = 0_usize;
    for other in descend(site.scope.body) {
        if tried > 40 {
            break;
        }
        let usable = (matches!(role(other), Role::Call | Role::Member | Role::Index | Role::Binary | Role::Slice)
            || is_reference(other))
            && super::is_read(other);
        if !usable || other.start_byte() <= site.node.start_byte() && other.end_byte() >= site.node.end_byte() {
            continue;
        }
        let inner = site.text(other);
        let test = other.parent().and_then(condition) == Some(other);
        if inner == text || inner.len() > 50 || inner.contains('\n') || test != tests {
            continue;
        }
        tried += 1;
        let same = role(other) == site.role() || role(other) == Role::Index;
        sink.replace(site.node, inner, if same { 1.0 } else { 0.5 });
    }
    if tests {
        joined(site, sink);
    }
}

/// Another element assigned to: one that the same statement or function reads.
fn target(site: &Site<'_, '_>, sink: &mut Sink<'_>) {
    let Some((target, _)) = assignment(site.node).filter(|(t, _)| role(*t) == Role::Index) else { return };
    let text = site.text(target);
    let mut tried: Vec<&str> = Vec::new();
    for other in descend(site.node).into_iter().chain(descend(site.scope.body)) {
        let inner = site.text(other);
        if role(other) == Role::Index && inner != text && inner.len() < 40 && !tried.contains(&inner) && tried.len() < 6
        {
            tried.push(inner);
            sink.replace(target, inner, 1.2);
        }
    }
}

/// `&x[1..]` and `*x` of Rust and Go.
fn is_reference(node: tree_sitter::Node<'_>) -> bool {
    matches!(node.kind(), "reference_expression" | "unary_expression") && role(node) == Role::Other
}

fn is_condition(site: &Site<'_, '_>) -> bool {
    site.node.parent().and_then(condition) == Some(site.node)
}

/// The condition together with another condition of the function.
fn joined(site: &Site<'_, '_>, sink: &mut Sink<'_>) {
    let (and, or, _) = site.lang().logic();
    for other in descend(site.scope.body) {
        let Some(test) = condition(other).filter(|t| *t != site.node) else { continue };
        for word in [and, or] {
            sink.replace(site.node, format!("{} {word} {}", site.operand(site.node), site.operand(test)), 0.4);
        }
    }
}
