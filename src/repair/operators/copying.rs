//! Something shared that should have been a copy.

use super::{Operator, Sink, Site};
use crate::repair::scope::Hints;
use crate::repair::source::{Lang, Role, call, member, role};

pub const OPERATOR: Operator = Operator { name: "missing copy", prior: 0.5, propose };

fn propose(site: &Site<'_, '_>, sink: &mut Sink<'_>) {
    rows(site, sink);
    if !matches!(site.role(), Role::Name | Role::Member) || !site.is_read() {
        return;
    }
    let Some(parent) = site.node.parent() else { return };
    let passes_on = matches!(role(parent), Role::Assign | Role::Declare | Role::Return | Role::Collection)
        || matches!(
            parent.kind(),
            "argument_list" | "arguments" | "expression_list" | "pair" | "for_statement" | "list_comprehension"
        );
    if !passes_on {
        return;
    }
    let text = site.text(site.node);
    let hints = site.scope.hints(text);
    let number_only = hints == Hints::NUMBER || hints == Hints::TEXT;
    if number_only || parent.kind() == "for_statement" && site.lang() != Lang::Python {
        return;
    }
    let likely = if hints.has(Hints::LIST) || hints.has(Hints::MAP) || hints.has(Hints::SET) { 1.0 } else { 0.5 };
    match site.lang() {
        Lang::Python => {
            for copy in [
                format!("list({text})"),
                format!("{text}[:]"),
                format!("dict({text})"),
                format!("{text}.copy()"),
                format!("set({text})"),
            ] {
                let is_row = parent.kind() == "list_comprehension" && !copy.starts_with(['d', 's']);
                let factor = if copy.starts_with("list") || is_row { 1.0 } else { 0.6 };
                sink.replace(site.node, copy, likely * if is_row { 1.6 } else { factor });
            }
        }
        Lang::Script => {
            for copy in [format!("[...{text}]"), format!("{{ ...{text} }}"), format!("{text}.slice()")] {
                sink.replace(site.node, copy, likely);
            }
        }
        Lang::Go => sink.replace(site.node, format!("append({text}[:0:0], {text}...)"), likely * 0.6),
        Lang::Rust => sink.replace(site.node, format!("{text}.clone()"), 0.2),
    }
}

/// A copy of a list of lists whose rows are still shared.
fn rows(site: &Site<'_, '_>, sink: &mut Sink<'_>) {
    let text = site.text(site.node);
    let copied = match (site.lang(), site.role()) {
        (Lang::Python, Role::Slice | Role::Index) => text.strip_suffix("[:]"),
        (Lang::Python, Role::Call) => {
            text.strip_suffix(".copy()").or_else(|| text.strip_prefix("list(").and_then(|t| t.strip_suffix(')')))
        }
        (Lang::Script, Role::Collection) => text.strip_prefix("[...").and_then(|t| t.strip_suffix(']')),
        (Lang::Script, Role::Call) => call(site.node)
            .filter(|(callee, args)| args.is_empty() && member(*callee).is_some_and(|(_, n)| site.text(n) == "slice"))
            .and_then(|_| text.strip_suffix(".slice()")),
        _ => None,
    };
    let Some(list) = copied.filter(|t| !t.contains(',')) else { return };
    let deep = match site.lang() {
        Lang::Python => format!("[row[:] for row in {list}]"),
        Lang::Script | Lang::Rust | Lang::Go => {
            format!("{list}.map((row) => [...row])")
        }
    };
    sink.replace(site.node, deep, 0.7);
}
