//! Something shared that should have been a copy.

use super::{Operator, Sink, Site};
use crate::agent::repair::scope::Hints;
use crate::agent::repair::source::{Lang, Role, role};

pub const OPERATOR: Operator = Operator { name: "missing copy", prior: 0.5, propose };

fn propose(site: &Site<'_, '_>, sink: &mut Sink<'_>) {
    if !matches!(site.role(), Role::Name | Role::Member) || !site.is_read() {
        return;
    }
    let Some(parent) = site.node.parent() else { return };
    let passes_on = matches!(role(parent), Role::Assign | Role::Declare | Role::Return | Role::Collection)
        || matches!(parent.kind(), "argument_list" | "arguments" | "expression_list" | "pair" | "for_statement");
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
                let factor = if copy.starts_with("list") { 1.0 } else { 0.6 };
                sink.replace(site.node, copy, likely * factor);
            }
        }
        Lang::JavaScript | Lang::TypeScript | Lang::Tsx => {
            for copy in [format!("[...{text}]"), format!("{{ ...{text} }}"), format!("{text}.slice()")] {
                sink.replace(site.node, copy, likely);
            }
        }
        Lang::Go => sink.replace(site.node, format!("append({text}[:0:0], {text}...)"), likely * 0.6),
        Lang::Rust => sink.replace(site.node, format!("{text}.clone()"), 0.2),
    }
}
