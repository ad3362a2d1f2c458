//! The rest that is left when a loop ends: the last line, group or batch that was never stored.

use super::{Operator, Sink, Site};
use crate::repair::source::{Edit, Role, descend, role, statements};

pub const OPERATOR: Operator = Operator { name: "left over", prior: 0.6, propose };

fn propose(site: &Site<'_, '_>, sink: &mut Sink<'_>) {
    for one in statements(site.node) {
        let inner = if role(one) == Role::Expression { one.named_child(0).unwrap_or(one) } else { one };
        if matches!(role(inner), Role::For | Role::While) {
            after_loop(site, inner, one, sink);
        }
    }
}

/// Repeats the loop's statements on a name of the function once after it, also if there is something left.
fn after_loop(site: &Site<'_, '_>, inner: tree_sitter::Node<'_>, outer: tree_sitter::Node<'_>, sink: &mut Sink<'_>) {
    let rest = site.source.span(outer.end_byte()..site.node.end_byte());
    let indent = site.source.indent(outer.start_byte()).to_owned();
    let mut told: Vec<&str> = Vec::new();
    for statement in descend(inner).into_iter().filter(|n| role(*n) == Role::Expression) {
        let text = site.text(statement).trim_end_matches(';');
        if text.len() > 80 || text.contains('\n') || rest.contains(text) || told.contains(&text) || told.len() > 5 {
            continue;
        }
        told.push(text);
        let used = super::identifiers(site.source, statement);
        let known: Vec<_> =
            site.scope.visible(inner.start_byte()).into_iter().filter(|n| used.contains(n.text.as_str())).collect();
        let line = site.lang().statement(text);
        let factor = if known.len() > 1 { 1.0 } else { 0.5 };
        let mut put = |written: String, factor: f64| {
            let at = outer.end_byte();
            let words = format!("`{text}` once more after the loop");
            sink.edits(vec![Edit { range: at..at, text: format!("\n{indent}{written}") }], factor, words);
        };
        put(line.clone(), factor * 0.7);
        for name in known.iter().filter(|n| !n.is_parameter) {
            let test = site.filled(name);
            put(site.lang().guard(&test, &line, &indent), factor);
        }
    }
}
