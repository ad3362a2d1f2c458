//! `and` for `or`, a condition the wrong way round, an operand too many, a `not` too many.

use super::{Operator, Sink, Site};
use crate::repair::source::{Role, binary, condition, returned, role};

pub const OPERATOR: Operator = Operator { name: "boolean", prior: 0.75, propose };

fn propose(site: &Site<'_, '_>, sink: &mut Sink<'_>) {
    let (and, or, not) = site.lang().logic();
    if let Some((left, op, right)) = binary(site.node) {
        let other = match site.text(op) {
            word if word == and => or,
            word if word == or => and,
            "??" => "||",
            _ => "",
        };
        if !other.is_empty() {
            sink.replace(op, other, 1.0);
            sink.replace(site.node, site.text(left), 0.4);
            sink.replace(site.node, site.text(right), 0.4);
            for side in [left, right] {
                if role(side) != Role::Not && binary(side).is_none() {
                    sink.replace(side, format!("{not}{}", site.operand(side)), 0.5);
                }
            }
            regroup(site, sink);
        }
    }
    asked(site, sink);
    if site.role() == Role::Not
        && let Some(inner) = site.node.named_child(0)
    {
        sink.replace(site.node, site.text(inner), 0.8);
    }
    if let Some(test) = condition(site.node)
        && role(test) != Role::Not
        && !is_comparison(site, test)
    {
        sink.replace(test, format!("{not}{}", site.operand(test)), 0.7);
    }
    if site.role() == Role::Return
        && let Some(value) = returned(site.node).filter(|v| matches!(role(*v), Role::Binary | Role::Call | Role::Name))
    {
        let is_test = is_comparison(site, value) || value.kind() == "boolean_operator" || role(value) == Role::Call;
        if is_test && role(value) != Role::Not {
            sink.replace(value, format!("{not}{}", site.operand(value)), 0.2);
        }
    }
}

/// A test for nothing that continues to ask the thing itself: `x !== null && x.done`.
fn asked(site: &Site<'_, '_>, sink: &mut Sink<'_>) {
    let Some((left, op, right)) = binary(site.node) else { return };
    let (and, or, not) = site.lang().logic();
    if role(right) != Role::Null || !matches!(role(left), Role::Name | Role::Member) {
        return;
    }
    let (word, sign) = match site.text(op) {
        "!=" | "!==" | "is not" => (and, ""),
        "==" | "===" | "is" => (or, not),
        _ => return,
    };
    let (text, object) = (site.text(site.node), site.text(left));
    let called = |name: &str| site.functions.iter().any(|(f, _)| f == name);
    for name in super::file_members(site.source, object).iter().filter(|n| !called(n)).take(8) {
        sink.replace(site.node, format!("{text} {word} {sign}{object}.{name}"), 0.5);
    }
}

fn is_comparison(site: &Site<'_, '_>, node: tree_sitter::Node<'_>) -> bool {
    binary(node).is_some_and(|(_, op, _)| {
        matches!(
            site.text(op),
            "<" | "<=" | ">" | ">=" | "==" | "!=" | "===" | "!==" | "in" | "not in" | "is" | "is not"
        )
    })
}

/// `a and b or c` meant as `a and (b or c)`.
fn regroup(site: &Site<'_, '_>, sink: &mut Sink<'_>) {
    let Some((left, op, right)) = binary(site.node) else { return };
    let logical = |word: &str| matches!(word, "and" | "or" | "&&" | "||");
    if let Some((a, inner, b)) = binary(left)
        && logical(site.text(inner))
        && site.text(inner) != site.text(op)
    {
        sink.replace(
            site.node,
            format!("{} {} ({} {} {})", site.text(a), site.text(inner), site.text(b), site.text(op), site.text(right)),
            0.6,
        );
    }
    if let Some((a, inner, b)) = binary(right)
        && logical(site.text(inner))
        && site.text(inner) != site.text(op)
    {
        sink.replace(
            site.node,
            format!("({} {} {}) {} {}", site.text(left), site.text(op), site.text(a), site.text(inner), site.text(b)),
            0.6,
        );
    }
}
