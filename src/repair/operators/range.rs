//! Ranges and slices that start or end one too early or too late.

use super::{Operator, Sink, Site};
use crate::repair::source::{Role, binary, call, parts, role};
use tree_sitter::Node;

pub const OPERATOR: Operator = Operator { name: "off-by-one range", prior: 0.75, propose };

fn propose(site: &Site<'_, '_>, sink: &mut Sink<'_>) {
    if let Some((callee, args)) = call(site.node) {
        let name = site.text(callee);
        let bounds = name == "range"
            || name.ends_with(".slice")
            || name.ends_with(".substring")
            || name.ends_with(".take")
            || name.ends_with(".skip");
        if bounds {
            for arg in &args {
                nudge(site, *arg, sink, 1.0);
            }
        }
        if name == "range" {
            python_range(site, &args, sink);
        }
        return;
    }
    let kind = site.role();
    if kind == Role::Slice {
        slice(site, sink);
    } else if kind == Role::Range {
        rust_range(site, sink);
    } else if kind == Role::Index
        && let [object, .., index] = parts(site.node).as_slice()
    {
        // There is never anything behind the last element.
        let is_behind = site.text(*index) == site.lang().length(site.text(*object));
        nudge(site, *index, sink, if is_behind { 1.3 } else { 0.6 });
    }
}

/// `n` becomes `n + 1` or `n - 1`; `n ± 1` loses its one.
fn nudge(site: &Site<'_, '_>, node: Node<'_>, sink: &mut Sink<'_>, factor: f64) {
    if let Some((left, op, right)) = binary(node)
        && site.text(right) == "1"
        && matches!(site.text(op), "+" | "-")
    {
        sink.replace(node, site.text(left), factor);
        return;
    }
    if matches!(role(node), Role::Integer | Role::Text | Role::Slice | Role::Range | Role::Collection)
        || node.kind() == "slice"
    {
        return;
    }
    let text = site.operand(node);
    let factor = if role(node) == Role::Negate { factor * 0.3 } else { factor };
    sink.replace(node, format!("{text} + 1"), factor);
    sink.replace(node, format!("{text} - 1"), factor);
}

fn python_range(site: &Site<'_, '_>, args: &[Node<'_>], sink: &mut Sink<'_>) {
    match args {
        [end] => {
            let text = site.text(*end);
            sink.replace(*end, format!("1, {text}"), 0.8);
            sink.replace(*end, format!("1, {text} + 1"), 0.8);
            sink.replace(*end, format!("{text} - 1, -1, -1"), 0.3);
        }
        [start, end] => {
            sink.span(start.start_byte()..end.start_byte(), String::new(), 0.3);
            sink.replace(*end, format!("{}, -1", site.text(*end)), 0.2);
        }
        [_, _, step] => sink.replace(*step, format!("-({})", site.text(*step)), 0.2),
        _ => {}
    }
}

fn slice(site: &Site<'_, '_>, sink: &mut Sink<'_>) {
    let text = site.text(site.node);
    let Some(object) = site.node.named_child(0) else { return };
    let inner = site.node.child_by_field_name("subscript").unwrap_or(site.node);
    let bounds: Vec<Node<'_>> = parts(inner).into_iter().filter(|n| *n != object).collect();
    for bound in &bounds {
        nudge(site, *bound, sink, 1.0);
        if let Some((_, _, _)) = binary(*bound) {
            continue;
        }
    }
    let head = site.text(object);
    if let [only] = bounds.as_slice() {
        let value = site.text(*only);
        if text.ends_with(":]") {
            sink.replace(site.node, format!("{head}[:{value}]"), 0.7);
        } else if text.contains("[:") {
            sink.replace(site.node, format!("{head}[{value}:]"), 0.7);
        }
    }
    sink.replace(site.node, head, 0.4);
    if text.ends_with("[::-1]") {
        sink.replace(site.node, format!("{head}[:]"), 0.4);
    } else if text.ends_with("[:]") {
        sink.replace(site.node, format!("{head}[::-1]"), 0.4);
    }
}

fn rust_range(site: &Site<'_, '_>, sink: &mut Sink<'_>) {
    let mut cursor = site.node.walk();
    let op = site.node.children(&mut cursor).find(|c| matches!(site.text(*c), ".." | "..="));
    let Some(op) = op else { return };
    let bounds = parts(site.node);
    let has_end = bounds.iter().any(|b| b.start_byte() > op.start_byte());
    if has_end {
        sink.replace(op, if site.text(op) == ".." { "..=" } else { ".." }, 1.2);
    }
    for bound in bounds {
        nudge(site, bound, sink, 0.9);
    }
    if has_end && site.node.parent().is_some_and(|p| role(p) == Role::For) {
        sink.replace(site.node, format!("({}).rev()", site.text(site.node)), 0.3);
    }
}
