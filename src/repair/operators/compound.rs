//! `+=` for `-=`, `=` for `+=`, `++` for `--`, and the like.

use super::{Operator, Sink, Site};
use crate::repair::source::{Lang, Role, assignment, call, member, role, single};
use tree_sitter::Node;

pub const OPERATOR: Operator = Operator { name: "compound assignment", prior: 0.7, propose };

fn propose(site: &Site<'_, '_>, sink: &mut Sink<'_>) {
    if site.role() == Role::Expression {
        put(site, sink);
        return;
    }
    let mut cursor = site.node.walk();
    let Some(op) = site.node.children(&mut cursor).find(|c| !c.is_named() && is_assignment_operator(site.text(*c)))
    else {
        return;
    };
    let kind = site.role();
    if kind == Role::Compound {
        for (other, factor) in siblings(site.text(op)) {
            sink.replace(op, *other, *factor);
        }
    } else if kind == Role::Assign {
        widen(site, op, sink);
    }
}

/// `a[i].update(b)` meant as `a[i] = b`: what is changed is shared, what is put is not.
fn put(site: &Site<'_, '_>, sink: &mut Sink<'_>) {
    let Some((callee, args)) = site.node.named_child(0).and_then(call) else { return };
    let (Some((object, _)), [value]) = (member(callee), args.as_slice()) else { return };
    let Some(whole) = callee.parent().filter(|_| site.lang() != Lang::Rust) else { return };
    if matches!(role(object), Role::Index | Role::Member) {
        sink.replace(whole, format!("{} = {}", site.text(object), site.text(*value)), 0.5);
    }
}

fn is_assignment_operator(text: &str) -> bool {
    matches!(text, "=" | "++" | "--")
        || (text.len() > 1 && text.ends_with('=') && !matches!(text, "==" | "!=" | "<=" | ">=" | "==="))
}

fn siblings(op: &str) -> &'static [(&'static str, f64)] {
    match op {
        "+=" => &[("-=", 1.0), ("=", 0.6), ("*=", 0.6)],
        "-=" => &[("+=", 1.0), ("=", 0.6), ("/=", 0.2)],
        "*=" => &[("+=", 0.7), ("/=", 0.6), ("=", 0.4), ("**=", 0.2)],
        "/=" => &[("//=", 0.7), ("*=", 0.6), ("%=", 0.4), ("-=", 0.3)],
        "//=" => &[("/=", 0.4), ("%=", 0.5), ("-=", 0.3)],
        "%=" => &[("/=", 0.5), ("//=", 0.5), ("-=", 0.4)],
        "&=" => &[("|=", 0.9), ("^=", 0.7), ("=", 0.4)],
        "|=" => &[("&=", 0.9), ("^=", 0.7), ("=", 0.4)],
        "^=" => &[("&=", 0.9), ("|=", 0.9)],
        "<<=" => &[(">>=", 0.9)],
        ">>=" => &[("<<=", 0.9)],
        ">>>=" => &[("<<=", 0.6), (">>=", 0.6)],
        "++" => &[("--", 1.0)],
        "--" => &[("++", 1.0)],
        _ => &[],
    }
}

/// A plain assignment that should have accumulated.
fn widen(site: &Site<'_, '_>, op: Node<'_>, sink: &mut Sink<'_>) {
    let Some((target, value)) = assignment(site.node) else { return };
    let text = site.text(target);
    if site.text(op) != "=" || text.contains(',') {
        return;
    }
    sink.replace(op, "+=", 0.7);
    sink.replace(op, "-=", 0.5);
    sink.replace(op, "|=", 0.1);
    if site.lang() == Lang::Python || !site.text(value).contains(text) {
        let value = single(value);
        for largest in [true, false] {
            sink.replace(value, site.lang().extreme(largest, text, site.text(value)), 0.4);
        }
    }
}
