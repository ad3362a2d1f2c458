//! A statement, a branch or a condition that should not be there.

use super::{Operator, Sink, Site};
use crate::repair::source::{Edit, Lang, Role, role, statements};
use tree_sitter::Node;

pub const OPERATOR: Operator = Operator { name: "deletion", prior: 0.22, propose };

fn propose(site: &Site<'_, '_>, sink: &mut Sink<'_>) {
    let all = statements(site.node);
    for one in &all {
        delete(site, *one, all.len(), sink);
        let inner = if role(*one) == Role::Expression { one.named_child(0).unwrap_or(*one) } else { *one };
        if role(inner) == Role::If {
            unwrap(site, inner, *one, sink);
        }
    }
}

fn delete(site: &Site<'_, '_>, one: Node<'_>, count: usize, sink: &mut Sink<'_>) {
    let removable = !matches!(role(one), Role::Comment | Role::Declare) && !one.kind().contains("import");
    let is_value = site.lang() == Lang::Rust && super::super::source::is_value(one);
    if !removable || is_value || one.kind() == "pass_statement" || one.kind().ends_with("_definition") {
        return;
    }
    let end = one.end_byte();
    let end = if site.source.span(end..end + 1) == ";" { end + 1 } else { end };
    let text = if count == 1 && site.lang() == Lang::Python { "pass" } else { "" };
    let kind = role(one);
    let factor = if matches!(kind, Role::Break | Role::Continue) {
        1.2
    } else if matches!(kind, Role::Compound | Role::Assign | Role::Expression) {
        0.9
    } else if kind == Role::If {
        0.6
    } else if kind == Role::Return {
        0.4
    } else {
        0.3
    };
    let words = format!("remove `{}`", site.text(one).lines().next().unwrap_or_default().trim());
    if text.is_empty() {
        let start = site.source.line_start(one.start_byte());
        let alone = start > 0 && site.source.span(start..one.start_byte()).trim().is_empty();
        let from = if alone { start - 1 } else { one.start_byte() };
        sink.edits(vec![Edit { range: from..end, text: String::new() }], factor, words);
    } else {
        sink.edits(vec![Edit { range: one.start_byte()..end, text: text.to_owned() }], factor, words);
    }
}

/// The body of an `if` runs in any case.
fn unwrap(site: &Site<'_, '_>, inner: Node<'_>, outer: Node<'_>, sink: &mut Sink<'_>) {
    if inner.child_by_field_name("alternative").is_some() {
        return;
    }
    let Some(block) = inner.child_by_field_name("consequence") else { return };
    let indent = site.source.indent(outer.start_byte()).to_owned();
    let lines: Vec<String> =
        statements(block).iter().map(|s| super::nesting::shifted(site.source, *s, &indent)).collect();
    if lines.is_empty() {
        return;
    }
    let text = lines.join(&format!("\n{indent}"));
    let words = format!(
        "do `{}` without asking",
        lines.first().map(|l| l.lines().next().unwrap_or_default()).unwrap_or_default()
    );
    sink.edits(vec![Edit { range: outer.byte_range(), text }], 0.5, words);
}
