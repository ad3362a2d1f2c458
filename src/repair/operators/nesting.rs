//! A statement inside a loop or branch that belongs after it, or after it that belongs inside.

use super::{Operator, Sink, Site};
use crate::repair::source::{Edit, Lang, Role, Source, parts, role, statements};
use tree_sitter::Node;

pub const OPERATOR: Operator = Operator { name: "nesting", prior: 0.55, propose };

fn propose(site: &Site<'_, '_>, sink: &mut Sink<'_>) {
    let holder = matches!(site.role(), Role::If | Role::For | Role::While) || site.node.kind() == "else_clause";
    if !holder {
        return;
    }
    let Some(block) = block_of(site.node) else { return };
    let inside = statements(block);
    let outer = outermost(site.node);
    if let Some(last) = inside.last().filter(|_| inside.len() > 1) {
        move_out(site, outer, *last, sink);
    }
    if let Some(first) = inside.first().filter(|_| inside.len() > 1) {
        move_before(site, outer, *first, sink);
    }
    if let Some(next) = next_statement(outer) {
        move_in(site, &inside, next, sink);
    }
    if let Some(previous) = outer.prev_named_sibling().filter(|p| role(*p) != Role::Comment && p.kind() != "identifier")
    {
        move_in_front(site, &inside, previous, sink);
    }
}

/// The block a loop or branch runs.
pub fn block_of(node: Node<'_>) -> Option<Node<'_>> {
    ["consequence", "body"]
        .iter()
        .find_map(|f| node.child_by_field_name(f))
        .or_else(|| parts(node).into_iter().find(|c| role(*c) == Role::Block))
        .filter(|b| role(*b) == Role::Block)
}

/// The statement a node is (or is wrapped in): the thing other statements stand beside.
fn outermost(node: Node<'_>) -> Node<'_> {
    let mut at = node;
    while let Some(parent) = at.parent() {
        let wraps =
            matches!(parent.kind(), "expression_statement" | "else_clause" | "elif_clause") || role(parent) == Role::If;
        if !wraps {
            break;
        }
        at = parent;
    }
    at
}

fn next_statement(node: Node<'_>) -> Option<Node<'_>> {
    let mut next = node.next_named_sibling();
    while let Some(n) = next {
        if role(n) != Role::Comment {
            return Some(n);
        }
        next = n.next_named_sibling();
    }
    None
}

/// A statement's text moved to another indentation.
pub fn shifted(source: &Source, node: Node<'_>, indent: &str) -> String {
    let own = source.indent(node.start_byte());
    let end = node.end_byte();
    let end = if source.span(end..end + 1) == ";" { end + 1 } else { end };
    let text = source.span(node.start_byte()..end);
    text.lines()
        .enumerate()
        .map(
            |(i, line)| {
                if i == 0 { line.to_owned() } else { format!("{indent}{}", line.strip_prefix(own).unwrap_or(line)) }
            },
        )
        .collect::<Vec<_>>()
        .join("\n")
}

/// The bytes of a statement together with the line break before it.
fn removal(source: &Source, node: Node<'_>) -> Edit {
    let end = node.end_byte();
    let end = if source.span(end..end + 1) == ";" { end + 1 } else { end };
    let start = source.line_start(node.start_byte());
    let alone = source.span(start..node.start_byte()).trim().is_empty();
    let start = if alone { start.saturating_sub(1) } else { node.start_byte() };
    Edit { range: start..end, text: String::new() }
}

fn move_out(site: &Site<'_, '_>, outer: Node<'_>, last: Node<'_>, sink: &mut Sink<'_>) {
    let indent = site.source.indent(outer.start_byte()).to_owned();
    let text = shifted(site.source, last, &indent);
    let insert = Edit { range: outer.end_byte()..outer.end_byte(), text: format!("\n{indent}{text}") };
    let gone = removal(site.source, last);
    let words = format!("move `{}` out of the block, after it", text.lines().next().unwrap_or_default());
    if gone.range.end <= insert.range.start {
        sink.edits(vec![gone, insert], 1.0, words);
    }
}

fn move_before(site: &Site<'_, '_>, outer: Node<'_>, first: Node<'_>, sink: &mut Sink<'_>) {
    let indent = site.source.indent(outer.start_byte()).to_owned();
    let text = shifted(site.source, first, &indent);
    let words = format!("move `{}` out of the block, before it", text.lines().next().unwrap_or_default());
    let insert = Edit { range: outer.start_byte()..outer.start_byte(), text: format!("{text}\n{indent}") };
    sink.edits(vec![insert, removal(site.source, first)], 0.7, words);
}

fn move_in(site: &Site<'_, '_>, inside: &[Node<'_>], next: Node<'_>, sink: &mut Sink<'_>) {
    let Some(last) = inside.last() else { return };
    let indent = site.source.indent(last.start_byte()).to_owned();
    let text = shifted(site.source, next, &indent);
    let end = last.end_byte();
    let end = if site.source.span(end..end + 1) == ";" { end + 1 } else { end };
    let insert = Edit { range: end..end, text: format!("\n{indent}{text}") };
    let gone = removal(site.source, next);
    let words = format!("move `{}` into the block above", text.lines().next().unwrap_or_default());
    if insert.range.end <= gone.range.start {
        let factor = if role(next) == Role::Return { 0.6 } else { 1.0 };
        sink.edits(vec![insert, gone], factor, words);
    }
}

fn move_in_front(site: &Site<'_, '_>, inside: &[Node<'_>], previous: Node<'_>, sink: &mut Sink<'_>) {
    let Some(first) = inside.first() else { return };
    if previous.end_byte() > first.start_byte()
        || matches!(role(previous), Role::If | Role::For | Role::While | Role::Function)
    {
        return;
    }
    let indent = site.source.indent(first.start_byte()).to_owned();
    let text = shifted(site.source, previous, &indent);
    let mut gone = removal(site.source, previous);
    if gone.range.start == 0 && site.lang() == Lang::Python {
        gone.range.start = previous.start_byte();
    }
    let insert = Edit { range: first.start_byte()..first.start_byte(), text: format!("{text}\n{indent}") };
    let words = format!("move `{}` into the block below", text.lines().next().unwrap_or_default());
    sink.edits(vec![gone, insert], 0.7, words);
}
