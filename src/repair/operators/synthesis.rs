//! Small combinations of names in scope: what an expression might have been.

use super::{Operator, Sink, Site};
use crate::repair::scope::Hints;
use crate::repair::source::{Lang, Role, assignment, binary, call, descend, parts, role};

pub const OPERATOR: Operator = Operator { name: "expression", prior: 0.3, propose };

fn propose(site: &Site<'_, '_>, sink: &mut Sink<'_>) {
    if !super::super::source::is_value(site.node) || !site.is_read() {
        return;
    }
    if !matches!(site.role(), Role::Name | Role::Member | Role::Index | Role::Binary | Role::Call) {
        return;
    }
    let text = site.text(site.node);
    let hints = site.scope.hints(text);
    let listed = hints.has(Hints::LIST) || hints.has(Hints::ITERATED);
    let numeric = site.role() == Role::Binary || hints.fits(Hints::NUMBER) || hints.has(Hints::INDEX);
    if numeric && !is_test(site) {
        shifted(site, sink);
        bounded(site, sink);
        wrapped(site, sink);
    }
    if site.role() == Role::Call && site.node.parent().is_some_and(|p| role(p) == Role::Binary) {
        for name in site.visible().iter().filter(|n| n.hints.fits(Hints::NUMBER)) {
            sink.replace(site.node, name.text.clone(), 0.6);
        }
    }
    if listed || (site.role() == Role::Name && hints.is_unknown()) {
        sliced(site, sink);
    }
    if listed {
        joined(site, sink);
    }
    if site.role() == Role::Name && site.lang() == Lang::Python && in_membership(site) {
        sink.replace(site.node, format!("{text}.values()"), 0.5);
        sink.replace(site.node, format!("{text}.keys()"), 0.3);
    }
}

fn is_test(site: &Site<'_, '_>) -> bool {
    binary(site.node).is_some_and(|(_, op, _)| {
        matches!(
            site.text(op),
            "and"
                | "or"
                | "&&"
                | "||"
                | "=="
                | "!="
                | "<"
                | ">"
                | "<="
                | ">="
                | "in"
                | "not in"
                | "is"
                | "is not"
                | "==="
                | "!=="
        )
    })
}

fn in_membership(site: &Site<'_, '_>) -> bool {
    site.node.parent().is_some_and(|p| {
        role(p) == Role::For
            || p.kind() == "for_in_clause"
            || binary(p).is_some_and(|(_, op, _)| site.text(op).contains("in"))
    })
}

/// `x ± 1`, `x ± y`, `x * y`, `x ** 2`.
fn shifted(site: &Site<'_, '_>, sink: &mut Sink<'_>) {
    let text = site.operand(site.node);
    let plain = site.role() != Role::Call || text.starts_with("len(") || text.ends_with(".len()");
    let weight = if plain { 1.0 } else { 0.6 };
    let inside = site.node.parent().is_some_and(|p| role(p) == Role::Binary);
    let ended = |t: String| if inside { format!("({t})") } else { t };
    let step = if narrows(site) { 2.2 } else { 1.2 };
    for op in ["+", "-"] {
        sink.replace(site.node, ended(format!("{text} {op} 1")), step * weight);
    }
    for name in site.visible() {
        let other = &name.text;
        if *other == text
            || matches!(other.as_str(), "self" | "this" | "cls")
            || name.hints == Hints::LIST
            || name.hints == Hints::TEXT
        {
            continue;
        }
        let fit = if name.hints.has(Hints::NUMBER) { 1.0 } else { 0.5 };
        for (op, factor) in [("-", 0.9), ("+", 0.9), ("*", 0.5), ("//", 0.2), ("%", 0.2)] {
            let op = if op == "//" && site.lang() != Lang::Python { "/" } else { op };
            sink.replace(site.node, ended(format!("{text} {op} {other}")), factor * fit * weight);
        }
        sink.replace(site.node, ended(format!("{other} - {text}")), 0.5 * fit * weight);
    }
    // What is left of what the object may have, and of a number the function knows.
    for object in ["self", "this"].iter().filter(|o| !text.starts_with(**o)) {
        for field in site.scope.members.get(*object).into_iter().flatten().take(8) {
            let called = site.functions.iter().any(|(f, _)| f == field);
            if !called {
                sink.replace(site.node, ended(format!("{object}.{field} - {text}")), 0.4 * weight);
            }
        }
    }
    for number in site.scope.integers.iter().filter(|n| n.len() > 1 && !text.ends_with(n.as_str())).take(4) {
        sink.replace(site.node, ended(format!("{number} - {text}")), 0.4 * weight);
    }
    if let Some((_, _, right)) =
        binary(site.node).filter(|(_, op, r)| site.text(*op) == "%" && role(*r) == Role::Integer)
    {
        sink.replace(site.node, ended(format!("{} - {}", site.text(right), site.text(site.node))), 0.8 * weight);
    }
    let square = match site.lang() {
        Lang::Python | Lang::Script => format!("{text} ** 2"),
        Lang::Go | Lang::Rust => format!("{text} * {text}"),
    };
    sink.replace(site.node, square, 0.5 * weight);
    sink.replace(site.node, ended(format!("2 * {text}")), 0.3 * weight);
    if site.role() != Role::Binary {
        let plain = matches!(site.role(), Role::Name | Role::Member) && !inside;
        sink.replace(site.node, format!("-{text}"), if plain { 0.9 } else { 0.3 } * weight);
    }
}

/// A list returned alone where another one goes before or after it.
fn joined(site: &Site<'_, '_>, sink: &mut Sink<'_>) {
    let text = site.text(site.node);
    let above = site.node.parent().map(|p| if p.kind() == "expression_list" { p.parent().unwrap_or(p) } else { p });
    if !above.is_some_and(|p| matches!(role(p), Role::Return | Role::Block)) {
        return;
    }
    let many = |h: Hints| h.has(Hints::LIST) || h.has(Hints::ITERATED);
    for name in site.visible().iter().filter(|n| n.text != text && many(n.hints)).take(6) {
        for (one, other) in [(name.text.as_str(), text), (text, name.text.as_str())] {
            let both = match site.lang() {
                Lang::Python => format!("{one} + {other}"),
                Lang::Script => format!("[...{one}, ...{other}]"),
                Lang::Go => format!("append({one}, {other}...)"),
                Lang::Rust => format!("[{one}, {other}].concat()"),
            };
            sink.replace(site.node, both, 0.9);
        }
    }
}

/// Returns whether a name is passed to the same function again: a search that has to come closer to its end.
fn narrows(site: &Site<'_, '_>) -> bool {
    let around = site.node.parent().and_then(|list| list.parent()).and_then(call);
    site.role() == Role::Name && around.is_some_and(|(callee, _)| site.text(callee) == site.scope.name)
}

/// `(x + 1) % n`, with the divisors the file uses elsewhere.
fn wrapped(site: &Site<'_, '_>, sink: &mut Sink<'_>) {
    let Some((_, op, _)) = binary(site.node) else { return };
    if !matches!(site.text(op), "+" | "-") {
        return;
    }
    let mut divisors: Vec<&str> = Vec::new();
    for other in descend(site.source.tree.root_node()) {
        let Some((_, op, right)) = binary(other).filter(|(_, op, _)| site.text(*op) == "%") else { continue };
        let text = site.text(right);
        let is_inside = op.start_byte() > site.node.end_byte() || op.start_byte() < site.node.start_byte();
        if is_inside && text.len() < 40 && !divisors.contains(&text) && divisors.len() < 4 {
            divisors.push(text);
        }
    }
    for divisor in divisors {
        let text = format!("({}) % {divisor}", site.text(site.node));
        let inside = site.node.parent().is_some_and(|p| role(p) == Role::Binary);
        sink.replace(site.node, if inside { format!("({text})") } else { text }, 0.8);
    }
}

/// `max(0, x)`, `min(x, y)`, and the value kept when it is already better.
fn bounded(site: &Site<'_, '_>, sink: &mut Sink<'_>) {
    let text = site.text(site.node);
    let parent = site.node.parent();
    let assigned =
        parent.map(|p| if p.kind() == "expression_list" { p.parent().unwrap_or(p) } else { p }).and_then(assignment);
    for largest in [true, false] {
        sink.replace(site.node, site.lang().extreme(largest, "0", text), if largest { 1.0 } else { 0.4 });
        if let Some((target, _)) = assigned {
            sink.replace(site.node, site.lang().extreme(largest, site.text(target), text), 1.0);
        }
        if site.role() != Role::Call {
            for name in site.visible() {
                let fits = name.hints.has(Hints::NUMBER) && name.text != text;
                if fits {
                    sink.replace(site.node, site.lang().extreme(largest, &name.text, text), 0.35);
                }
            }
        }
    }
}

/// Parts of a list: without its first or last, from or up to a name.
fn sliced(site: &Site<'_, '_>, sink: &mut Sink<'_>) {
    let text = site.text(site.node);
    let already = site
        .node
        .parent()
        .is_some_and(|p| matches!(role(p), Role::Index | Role::Slice) && parts(p).first() == Some(&site.node));
    if already {
        return;
    }
    let slice = |from: &str, to: &str| match site.lang() {
        Lang::Python | Lang::Go => format!("{text}[{from}:{to}]"),
        Lang::Script if to.is_empty() => format!("{text}.slice({from})"),
        Lang::Script => {
            format!("{text}.slice({}, {to})", if from.is_empty() { "0" } else { from })
        }
        Lang::Rust => format!("{text}[{from}..{to}]"),
    };
    sink.replace(site.node, slice("1", ""), 0.9);
    if site.lang() != Lang::Go && site.lang() != Lang::Rust {
        sink.replace(site.node, slice("", "-1"), 0.7);
    }
    if site.lang() == Lang::Python {
        sink.replace(site.node, format!("{text}[::-1]"), 0.2);
        sink.replace(site.node, format!("{text}[-1]"), 0.5);
        sink.replace(site.node, format!("{text}[0]"), 0.5);
    }
    for name in site.visible() {
        let known = name.hints.has(Hints::NUMBER) || name.hints.has(Hints::INDEX);
        if name.text != text && (known || name.hints.is_unknown() && name.is_parameter) {
            let fit = if known { 1.0 } else { 0.7 };
            sink.replace(site.node, slice(&name.text, ""), 0.9 * fit);
            sink.replace(site.node, slice("", &name.text), 0.8 * fit);
            sink.replace(site.node, slice(&format!("{} + 1", name.text), ""), 0.6);
        }
    }
}
