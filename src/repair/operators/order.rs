//! Two statements the wrong way round.

use super::{Operator, Sink, Site};
use crate::repair::source::{Edit, Lang, Role, is_docstring, role, statements};

pub const OPERATOR: Operator = Operator { name: "statement order", prior: 0.45, propose };

fn propose(site: &Site<'_, '_>, sink: &mut Sink<'_>) {
    let all = statements(site.node);
    for (one, other) in all.iter().zip(all.iter().skip(1)) {
        let fixed =
            |n: &tree_sitter::Node<'_>| role(*n) == Role::Return || n.kind().contains("import") || is_docstring(*n);
        if fixed(one) || (role(*other) == Role::Return && site.lang() != Lang::Python) {
            continue;
        }
        sink.swap(*one, *other, 1.0);
    }
    // `if` and `elif` conditions in the wrong order: the narrower one must come first.
    for one in &all {
        if role(*one) != Role::If {
            continue;
        }
        conditions(site, *one, sink);
    }
    for (i, one) in all.iter().enumerate() {
        for other in all.iter().skip(i + 2).take(2) {
            // Move a statement two or three places down or up.
            let text = site.text(*one).to_owned();
            let indent = site.source.indent(one.start_byte()).to_owned();
            if text.lines().count() > 1
                || role(*one) == Role::Return
                || is_docstring(*one)
                || role(*other) == Role::Return
            {
                continue;
            }
            let end = with_terminator(site, *one);
            let next =
                site.source.text.get(end..).and_then(|t| t.find(|c: char| !c.is_whitespace())).map_or(end, |n| end + n);
            let at = with_terminator(site, *other);
            let moved = site.source.span(one.start_byte()..end).to_owned();
            sink.edits(
                vec![
                    Edit { range: one.start_byte()..next, text: String::new() },
                    Edit { range: at..at, text: format!("\n{indent}{moved}") },
                ],
                0.4,
                format!("move `{text}` further down"),
            );
        }
    }
}

fn conditions(site: &Site<'_, '_>, first: tree_sitter::Node<'_>, sink: &mut Sink<'_>) {
    if site.lang() != Lang::Python {
        return;
    }
    let mut cursor = first.walk();
    let clauses: Vec<_> =
        first.children_by_field_name("alternative", &mut cursor).filter(|c| c.kind() == "elif_clause").collect();
    let mut arms = vec![first];
    arms.extend(clauses);
    for (one, other) in arms.iter().zip(arms.iter().skip(1)) {
        if let (Some((c1, b1)), Some((c2, b2))) = (fields(*one), fields(*other)) {
            let edits = [(c1, c2), (c2, c1), (b1, b2), (b2, b1)]
                .map(|(at, from)| Edit { range: at.byte_range(), text: site.text(from).to_owned() });
            sink.edits(edits.to_vec(), 0.7, "swap two branches of the `if`".to_owned());
        }
    }
}

fn with_terminator(site: &Site<'_, '_>, node: tree_sitter::Node<'_>) -> usize {
    let end = node.end_byte();
    if site.source.span(end..end + 1) == ";" { end + 1 } else { end }
}

fn fields(node: tree_sitter::Node<'_>) -> Option<(tree_sitter::Node<'_>, tree_sitter::Node<'_>)> {
    node.child_by_field_name("condition").zip(node.child_by_field_name("consequence"))
}
