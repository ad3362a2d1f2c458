//! Returning the wrong thing, not returning at all, yielding where values were meant.

use super::{Operator, Sink, Site};
use crate::repair::scope::Hints;
use crate::repair::source::{Lang, Role, parts, returned, role, statements};

pub const OPERATOR: Operator = Operator { name: "return value", prior: 0.5, propose };

fn propose(site: &Site<'_, '_>, sink: &mut Sink<'_>) {
    let kind = site.role();
    if kind == Role::Return {
        values(site, sink);
    } else if kind == Role::Block && site.node == site.scope.body {
        missing(site, sink);
    } else if kind == Role::Expression {
        // The value of a recursive or last call was dropped.
        let text = site.text(site.node);
        let only_call = site.node.named_child(0).is_some_and(|c| role(c) == Role::Call);
        let calls_own = only_call && text.starts_with(site.scope.name.as_str())
            || text.starts_with(&format!("self.{}(", site.scope.name));
        if only_call && site.lang() != Lang::Rust {
            sink.replace(site.node, format!("return {text}"), if calls_own { 1.2 } else { 0.3 });
        }
    } else {
        if site.node.kind() == "yield" {
            yielded(site, sink);
        }
    }
}

fn values(site: &Site<'_, '_>, sink: &mut Sink<'_>) {
    let Some(value) = returned(site.node) else {
        for name in site.visible() {
            sink.replace(site.node, format!("return {}", name.text), 0.3);
        }
        let words: &[&str] = match site.lang() {
            Lang::Python => &["True", "False"],
            Lang::Script => &["this", "true", "false"],
            Lang::Go | Lang::Rust => &[],
        };
        for word in words {
            sink.replace(site.node, site.lang().statement(&format!("return {word}")), 0.7);
        }
        return;
    };
    let text = site.text(value);
    for name in site.visible() {
        if name.text != text && name.text != "self" && role(value) != Role::Name {
            sink.replace(value, name.text.clone(), 0.4);
        }
    }
    joined(site, value, sink);
    let one_argument = |list: tree_sitter::Node<'_>| parts(list).len();
    if let Role::Collection = role(value) {
        if one_argument(value) == 1
            && let Some(inner) = value.named_child(0)
        {
            sink.replace(value, site.text(inner), 0.4);
        }
    } else if site.lang() != Lang::Rust && site.lang() != Lang::Go {
        sink.replace(value, format!("[{text}]"), 0.15);
    }
    if matches!(role(value), Role::Name | Role::Call | Role::Truth) && site.lang() != Lang::Rust {
        for name in site.visible() {
            let zero = if site.lang() == Lang::Python { "==" } else { "===" };
            let zero = if site.lang() == Lang::Go { "==" } else { zero };
            if role(value) == Role::Truth {
                sink.replace(value, format!("{} {zero} 0", name.text), 0.5);
                if name.hints.has(Hints::LIST) || name.hints.is_unknown() {
                    sink.replace(value, format!("{} {zero} 0", site.lang().length(&name.text)), 0.5);
                }
            }
        }
    }
    if role(value) == Role::Truth && site.lang() == Lang::Rust {
        for name in site.visible() {
            sink.replace(value, format!("{} == 0", name.text), 0.5);
            sink.replace(value, format!("{}.is_empty()", name.text), 0.5);
        }
    }
    let null = match site.lang() {
        Lang::Python => "None",
        Lang::Go => "nil",
        Lang::Rust => "None",
        Lang::Script => "null",
    };
    if role(value) != Role::Null {
        sink.replace(value, null, 0.2);
    }
}

/// Joins the value built so far with the value added now.
fn joined(site: &Site<'_, '_>, value: tree_sitter::Node<'_>, sink: &mut Sink<'_>) {
    let text = site.text(value);
    let listed = matches!(value.kind(), "list" | "list_comprehension" | "array")
        || (role(value) == Role::Name && site.scope.hints(text).has(Hints::LIST))
        || (site.lang() == Lang::Script && [".map(", ".filter("].iter().any(|m| text.contains(m)));
    if !listed {
        return;
    }
    for name in site.visible().iter().filter(|n| n.hints != Hints::NUMBER && n.text != text) {
        let other = &name.text;
        let factor = if name.is_parameter { 0.3 } else { 0.5 };
        match site.lang() {
            Lang::Python => {
                sink.replace(value, format!("{other} + {text}"), factor);
                sink.replace(value, format!("{text} + {other}"), factor * 0.8);
            }
            Lang::Script => {
                sink.replace(value, format!("[...{other}, ...{text}]"), factor);
                sink.replace(value, format!("[...{text}, ...{other}]"), factor * 0.8);
            }
            Lang::Go => {
                sink.replace(value, format!("append({other}, {text}...)"), factor);
                sink.replace(value, format!("append({text}, {other}...)"), factor * 0.8);
            }
            Lang::Rust => {}
        }
    }
}

/// The function ends without giving back what it built.
fn missing(site: &Site<'_, '_>, sink: &mut Sink<'_>) {
    let all = statements(site.node);
    let Some(last) = all.last() else { return };
    if role(*last) == Role::Return {
        return;
    }
    if site.lang() == Lang::Rust {
        // The value of the last expression: another name of the scope.
        let value = *last;
        if super::super::source::is_value(value) {
            for name in site.scope.visible(value.end_byte()) {
                sink.replace(value, name.text.clone(), 0.3);
            }
            if role(value) == Role::Truth {
                for name in site.scope.visible(value.end_byte()) {
                    sink.replace(value, format!("{} == 0", name.text), 0.6);
                    sink.replace(value, format!("{}.is_empty()", name.text), 0.6);
                }
            }
        }
        return;
    }
    for name in site.scope.visible(last.end_byte()) {
        if name.text != "self" {
            sink.after(
                *last,
                &site.lang().statement(&format!("return {}", name.text)),
                if name.is_parameter { 0.4 } else { 0.9 },
            );
        }
    }
    for value in
        if site.lang() == Lang::Python { &["True", "False", "self"][..] } else { &["true", "false", "this"][..] }
    {
        sink.after(*last, &site.lang().statement(&format!("return {value}")), 0.4);
    }
}

fn yielded(site: &Site<'_, '_>, sink: &mut Sink<'_>) {
    let text = site.text(site.node);
    let Some(value) = text.strip_prefix("yield ") else { return };
    if let Some(inner) = value.strip_prefix("from ") {
        sink.replace(site.node, format!("yield {inner}"), 1.0);
    } else {
        sink.replace(site.node, format!("yield from {value}"), 1.0);
    }
}
