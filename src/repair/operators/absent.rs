//! Absent values: an omitted argument, a value that is empty rather than missing, or missing rather than empty.

use super::{Operator, Sink, Site};
use crate::repair::scope::Hints;
use crate::repair::source::{Lang, Role, binary, parts, role};

pub const OPERATOR: Operator = Operator { name: "absent value", prior: 0.55, propose };

fn propose(site: &Site<'_, '_>, sink: &mut Sink<'_>) {
    let kind = site.role();
    if kind == Role::Binary {
        tested(site, sink);
    } else if kind == Role::Name {
        defaulted(site, sink);
    } else if matches!(kind, Role::Call | Role::Member) {
        counted(site, sink);
    }
}

/// `x is None` for `not x`, `x === null` for `x == null`, and the other way round.
fn tested(site: &Site<'_, '_>, sink: &mut Sink<'_>) {
    let Some((left, op, right)) = binary(site.node).filter(|(_, _, r)| role(*r) == Role::Null) else { return };
    let text = site.operand(left);
    let is_absent = matches!(site.text(op), "is" | "==" | "===");
    match site.lang() {
        Lang::Python => sink.replace(site.node, if is_absent { format!("not {text}") } else { text }, 0.8),
        Lang::Script => {
            match site.text(op) {
                "===" => sink.replace(op, "==", 0.9),
                "!==" => sink.replace(op, "!=", 0.9),
                _ => {}
            }
            let other = if site.text(right) == "undefined" { "null" } else { "undefined" };
            sink.replace(right, other, 0.6);
            sink.replace(site.node, if is_absent { format!("!{text}") } else { text }, 0.7);
        }
        Lang::Go => {
            let word = if is_absent { "==" } else { ">" };
            sink.replace(site.node, format!("len({text}) {word} 0"), 0.6);
        }
        Lang::Rust => {}
    }
}

/// A parameter that may be nothing, used as if it were there.
fn defaulted(site: &Site<'_, '_>, sink: &mut Sink<'_>) {
    let text = site.text(site.node);
    let beside = site.node.parent().and_then(binary);
    let is_asked = beside.is_some_and(|(_, op, _)| matches!(site.text(op), "or" | "??" | "||" | "is" | "is not"));
    if !site.is_read() || is_asked || !may_be_nothing(site, text) {
        return;
    }
    let others: &[&str] = match site.lang() {
        Lang::Python => &["[]", "{}", "()", "\"\"", "0"],
        Lang::Script => &["[]", "{}", "''", "0"],
        Lang::Go | Lang::Rust => return,
    };
    let word = if site.lang() == Lang::Python { "or" } else { "??" };
    let is_argument = site.node.parent().is_some_and(|p| p.kind().contains("arg"));
    for (other, factor) in others.iter().zip([1.2, 0.9, 0.5, 0.5, 0.6]) {
        let value = format!("{text} {word} {other}");
        sink.replace(site.node, if is_argument { value } else { format!("({value})") }, factor);
    }
}

/// Returns whether the default of a parameter is nothing.
fn may_be_nothing(site: &Site<'_, '_>, name: &str) -> bool {
    let Some(list) = site.scope.node.child_by_field_name("parameters") else { return false };
    parts(list).into_iter().any(|p| {
        let named =
            p.child_by_field_name("name").or_else(|| p.child_by_field_name("left")).or_else(|| p.named_child(0));
        let value = p.child_by_field_name("value").or_else(|| p.child_by_field_name("right"));
        let is_open = site.lang() == Lang::Script && value.is_none() && role(p) == Role::Name && site.text(p) == name;
        is_open || named.is_some_and(|n| site.text(n) == name) && value.is_some_and(|v| role(v) == Role::Null)
    })
}

/// A thing looked up and counted with, where there may be none yet.
fn counted(site: &Site<'_, '_>, sink: &mut Sink<'_>) {
    if site.lang() != Lang::Script || !site.is_read() {
        return;
    }
    let Some((_, op, _)) = site.node.parent().and_then(binary) else { return };
    let text = site.text(site.node);
    if matches!(site.text(op), "+" | "-" | "*") && !text.ends_with(".length") && !text.starts_with("Math.") {
        sink.replace(site.node, format!("({text} ?? 0)"), 0.6);
        if site.scope.hints(text).has(Hints::TEXT) {
            sink.replace(site.node, format!("({text} ?? '')"), 0.3);
        }
    }
}
