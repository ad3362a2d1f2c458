//! `if` that should be `elif`, a branch that is missing, a condition that forgets a case.

use super::{Operator, Sink, Site};
use crate::repair::source::{Edit, Lang, Role, condition, role, statements};

pub const OPERATOR: Operator = Operator { name: "branch", prior: 0.4, propose };

fn propose(site: &Site<'_, '_>, sink: &mut Sink<'_>) {
    if site.role() != Role::If {
        return;
    }
    let start = site.node.start_byte();
    match site.node.kind() {
        "elif_clause" => {
            sink.span(start..start + 4, "if".to_owned(), 0.8);
            without_condition(site, sink);
            return;
        }
        "if_statement" if site.lang() == Lang::Python => {
            let chained = site.node.prev_named_sibling().is_some_and(|p| p.kind() == "if_statement");
            if chained {
                sink.span(start..start + 2, "elif".to_owned(), 1.0);
            }
        }
        "if_statement" | "if_expression" => {
            let before = site
                .node
                .prev_named_sibling()
                .filter(|p| role(*p) == Role::If && p.child_by_field_name("alternative").is_none());
            if let Some(before) = before {
                let edit = Edit { range: before.end_byte()..start, text: " else ".to_owned() };
                sink.edits(vec![edit], 1.0, "turn the second `if` into an `else if` of the first".to_owned());
            }
            // `else if` meant as a branch of its own.
            let parent = site.node.parent().filter(|p| p.kind() == "else_clause");
            if let Some(clause) = parent {
                let indent = site.indent().to_owned();
                let edit = Edit { range: clause.start_byte()..start, text: format!("\n{indent}") };
                sink.edits(vec![edit], 0.7, "turn the `else if` into a separate `if`".to_owned());
            }
        }
        _ => {}
    }
    without_else(site, sink);
    swapped(site, sink);
}

/// The two branches changed places.
fn swapped(site: &Site<'_, '_>, sink: &mut Sink<'_>) {
    let (Some(yes), Some(no)) =
        (site.node.child_by_field_name("consequence"), site.node.child_by_field_name("alternative"))
    else {
        return;
    };
    let no = if no.kind() == "else_clause" {
        no.child_by_field_name("body").or_else(|| no.named_child(0)).unwrap_or(no)
    } else {
        no
    };
    if role(yes) == Role::Block && role(no) == Role::Block {
        sink.swap(yes, no, 0.5);
    }
}

/// Runs the content of the `else` in any case.
fn without_else(site: &Site<'_, '_>, sink: &mut Sink<'_>) {
    if site.lang() != Lang::Python {
        return;
    }
    let Some(clause) = site.node.child_by_field_name("alternative").filter(|a| a.kind() == "else_clause") else {
        return;
    };
    let Some(body) = clause.child_by_field_name("body") else { return };
    let indent = site.indent();
    let lines: Vec<String> =
        statements(body).iter().map(|s| super::nesting::shifted(site.source, *s, indent)).collect();
    let text = lines.join(&format!("\n{indent}"));
    sink.edits(
        vec![Edit { range: clause.byte_range(), text }],
        0.3,
        "run the `else` branch unconditionally".to_owned(),
    );
}

/// `elif c:` meant as `else:`.
fn without_condition(site: &Site<'_, '_>, sink: &mut Sink<'_>) {
    let Some(test) = condition(site.node) else { return };
    if site.node.next_named_sibling().is_none() {
        let edit = Edit { range: site.node.start_byte()..test.end_byte(), text: "else".to_owned() };
        sink.edits(vec![edit], 0.4, "turn the last `elif` into `else`".to_owned());
    }
}
