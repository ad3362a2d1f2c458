//! A literal where a name was meant, or a name where a literal was: steps, starts, bounds and defaults.

use super::{Operator, Sink, Site};
use crate::repair::scope::{Hints, Name};
use crate::repair::source::{Lang, Role, assignment, binary, call, descend, member, parts, role};

pub const OPERATOR: Operator = Operator { name: "literal or name", prior: 0.45, propose };

fn propose(site: &Site<'_, '_>, sink: &mut Sink<'_>) {
    let kind = site.role();
    if kind == Role::Integer {
        number(site, sink);
        fallback(site, sink);
    } else if matches!(kind, Role::Text | Role::Null | Role::Collection) {
        empty(site, sink);
    } else if kind == Role::Name && site.is_read() {
        spelled(site, sink);
    } else if kind == Role::Call && site.lang() == Lang::Go {
        made_slice(site, sink);
    } else if kind == Role::Ternary || kind == Role::Return {
        nothing(site, sink);
    }
}

fn usable<'s>(site: &Site<'s, '_>) -> impl Iterator<Item = &'s Name> {
    site.visible().into_iter().filter(|n| !matches!(n.text.as_str(), "self" | "this" | "cls"))
}

/// `i += 1` for `i += step`, `n - 1` for `n - len(mark)`.
fn number(site: &Site<'_, '_>, sink: &mut Sink<'_>) {
    let Some(parent) = site.node.parent() else { return };
    let parent = if parent.kind() == "expression_list" { parent.parent().unwrap_or(parent) } else { parent };
    let is_compared = binary(parent).is_some_and(|(_, op, _)| site.text(op).contains(['=', '<', '>']));
    let step = role(parent) == Role::Compound || binary(parent).is_some() && !is_compared;
    let given = parent.kind().contains("arg") || role(parent) == Role::Assign;
    if !step && !given {
        return;
    }
    let around = site.source.slice(parent);
    for name in usable(site).filter(|n| n.hints.fits(Hints::NUMBER)) {
        let known = if name.hints.has(Hints::NUMBER) || name.hints.has(Hints::INDEX) { 1.0 } else { 0.7 };
        let again = if around.contains(name.text.as_str()) { 0.5 } else { 1.0 };
        sink.replace(site.node, name.text.clone(), known * again * if step { 0.9 } else { 0.5 });
    }
    if step {
        for name in usable(site).filter(|n| !n.hints.has(Hints::NUMBER)) {
            sink.replace(site.node, site.lang().length(&name.text), if has_length(name) { 0.8 } else { 0.4 });
        }
    }
}

fn has_length(name: &Name) -> bool {
    name.hints.has(Hints::LIST) || name.hints.has(Hints::TEXT) || name.hints.has(Hints::ITERATED)
}

/// The default of a lookup: nothing known yet is endlessly far, not near.
fn fallback(site: &Site<'_, '_>, sink: &mut Sink<'_>) {
    let Some(parent) = site.node.parent() else { return };
    let is_default = if parent.kind().contains("arg") {
        let callee = parent.parent().and_then(call).and_then(|(c, _)| member(c)).map(|(_, n)| site.text(n));
        callee.is_some_and(|n| matches!(n, "get" | "unwrap_or" | "setdefault" | "pop" | "reduce" | "fold" | "map_or"))
    } else {
        binary(parent).is_some_and(|(_, op, right)| matches!(site.text(op), "??" | "||") && right == site.node)
    };
    if !is_default {
        return;
    }
    let others: &[&str] = match site.lang() {
        Lang::Python => &["float(\"inf\")", "float(\"-inf\")", "None"],
        Lang::Script => &["Infinity", "-Infinity"],
        Lang::Rust => &["u64::MAX", "usize::MAX", "u32::MAX", "i64::MAX", "i32::MAX"],
        Lang::Go => &[],
    };
    for other in others {
        sink.replace(site.node, *other, 0.7);
    }
}

/// An empty text, list or nothing assigned where a name was to be.
fn empty(site: &Site<'_, '_>, sink: &mut Sink<'_>) {
    let text = site.text(site.node);
    let bare = matches!(text, "''" | "\"\"" | "``" | "[]" | "{}" | "None" | "null" | "nil" | "undefined");
    let Some(parent) = site.node.parent().filter(|_| bare) else { return };
    let parent = if parent.kind() == "expression_list" { parent.parent().unwrap_or(parent) } else { parent };
    if let Some((target, _)) = assignment(parent).filter(|_| role(parent) == Role::Assign) {
        let own = site.text(target);
        for name in usable(site).filter(|n| n.text != own) {
            sink.replace(site.node, name.text.clone(), 0.8);
        }
    }
    // An error of the file that was not given back.
    if site.lang() == Lang::Go && text == "nil" && role(parent) == Role::Return {
        for name in errors(site).into_iter().take(6) {
            sink.replace(site.node, name, 0.9);
        }
    }
}

/// Names of error values at the top of a Go file.
fn errors(site: &Site<'_, '_>) -> Vec<String> {
    let specs = descend(site.source.tree.root_node()).into_iter().filter(|n| n.kind() == "var_spec");
    let named = specs.filter_map(|n| n.child_by_field_name("name")).map(|n| site.text(n));
    named.filter(|n| n.starts_with("Err") || n.starts_with("err")).map(str::to_owned).collect()
}

/// A name in arithmetic or among arguments that should be a small number.
fn spelled(site: &Site<'_, '_>, sink: &mut Sink<'_>) {
    let Some(parent) = site.node.parent() else { return };
    let hints = site.scope.hints(site.text(site.node));
    let arithmetic = binary(parent).is_some_and(|(_, op, right)| {
        right == site.node && matches!(site.text(op), "/" | "//" | "%" | "*" | "+" | "-")
    });
    let argument = parent.kind().contains("arg") && hints.fits(Hints::NUMBER);
    let factor = match (arithmetic, argument) {
        (true, _) => 0.6,
        (_, true) => 0.3,
        _ => return,
    };
    for value in ["1", "2", "0"] {
        sink.replace(site.node, value, if value == "0" { factor * 0.5 } else { factor });
    }
}

/// `make([]T, n)` that is appended to: `make([]T, 0, n)`.
fn made_slice(site: &Site<'_, '_>, sink: &mut Sink<'_>) {
    let Some((_, args)) = call(site.node).filter(|(c, _)| site.text(*c) == "make") else { return };
    let is_slice = args.first().is_some_and(|a| a.kind() == "slice_type");
    match args.as_slice() {
        [_, count] if is_slice => sink.replace(*count, format!("0, {}", site.text(*count)), 1.2),
        [_, count, _] if is_slice => sink.replace(*count, "0", 1.2),
        _ => {}
    }
}

/// A number where nothing was to be said, in a choice between two values.
fn nothing(site: &Site<'_, '_>, sink: &mut Sink<'_>) {
    let null = match site.lang() {
        Lang::Python => "None",
        Lang::Script => "null",
        Lang::Go | Lang::Rust => return,
    };
    for part in parts(site.node) {
        if matches!(role(part), Role::Integer | Role::Negate | Role::Text | Role::Truth) {
            sink.replace(part, null, 0.6);
        }
    }
}
