//! `break`, `continue` and `return` in the wrong place or of the wrong kind, and loops that run under a wrong condition.

use super::{Operator, Sink, Site};
use crate::repair::scope::Hints;
use crate::repair::source::{Edit, Lang, Role, condition, role, statements};

pub const OPERATOR: Operator = Operator { name: "control flow", prior: 0.5, propose };

fn propose(site: &Site<'_, '_>, sink: &mut Sink<'_>) {
    let kind = site.role();
    if kind == Role::Break {
        sink.replace(site.node, site.text(site.node).replace("break", "continue"), 1.0);
        leave(site, sink);
    } else if kind == Role::Continue {
        sink.replace(site.node, site.text(site.node).replace("continue", "break"), 1.0);
        leave(site, sink);
    } else if kind == Role::Return && in_loop(site) {
        sink.replace(site.node, "continue", 0.4);
        sink.replace(site.node, "break", 0.4);
    } else if kind == Role::If {
        jump_at_end(site, sink);
        repeat_instead(site, sink);
    } else if kind == Role::While {
        loop_condition(site, sink);
    } else if let Some(word) = site.node.child_by_field_name("operator").filter(|_| kind == Role::For) {
        // Walking through the keys or the elements.
        sink.replace(word, if site.text(word) == "of" { "in" } else { "of" }, 1.0);
    }
}

fn leave(site: &Site<'_, '_>, sink: &mut Sink<'_>) {
    if site.lang() == Lang::Rust {
        return;
    }
    for name in site.visible().iter().filter(|n| !n.is_parameter) {
        sink.replace(site.node, site.lang().statement(&format!("return {}", name.text)), 0.3);
    }
}

fn in_loop(site: &Site<'_, '_>) -> bool {
    let mut at = site.node.parent();
    while let Some(n) = at {
        if matches!(role(n), Role::For | Role::While) {
            return true;
        }
        if role(n) == Role::Function {
            return false;
        }
        at = n.parent();
    }
    false
}

/// A branch inside a loop that should have ended the round or the loop.
fn jump_at_end(site: &Site<'_, '_>, sink: &mut Sink<'_>) {
    let Some(block) = site.node.child_by_field_name("consequence") else { return };
    let Some(last) = statements(block).last().copied() else { return };
    let inner = last.named_child(0).map(role);
    let jumps = |r: Role| matches!(r, Role::Return | Role::Break | Role::Continue);
    if jumps(role(last)) || inner.is_some_and(jumps) {
        return;
    }
    let looped = in_loop(site);
    for word in ["break", "continue"].iter().filter(|_| looped) {
        sink.after(last, &site.lang().statement(word), 0.9);
    }
    // What gives no value can end here; so can Python and JavaScript, which give nothing then.
    let typed = site.scope.node.child_by_field_name("result").or(site.scope.node.child_by_field_name("return_type"));
    if typed.is_none() && site.lang() != Lang::Rust {
        sink.after(last, &site.lang().statement("return"), if looped { 0.3 } else { 0.8 });
    }
}

/// `if` that should have been `while`.
fn repeat_instead(site: &Site<'_, '_>, sink: &mut Sink<'_>) {
    if site.node.child_by_field_name("alternative").is_some() || site.node.kind() == "elif_clause" {
        return;
    }
    let start = site.node.start_byte();
    if site.source.span(start..start + 2) == "if" {
        let word = if site.lang() == Lang::Go { "for" } else { "while" };
        sink.span(start..start + 2, word.to_owned(), 0.6);
    }
}

/// `while` conditions: endless loops that should stop when something runs out; `while` meant as `if`.
fn loop_condition(site: &Site<'_, '_>, sink: &mut Sink<'_>) {
    let Some(test) = condition(site.node) else { return };
    if role(test) == Role::Truth {
        for name in site.visible() {
            if name.hints.has(Hints::LIST) || name.hints.has(Hints::SET) || name.hints.is_unknown() {
                let text = match site.lang() {
                    Lang::Python => name.text.clone(),
                    Lang::Script => format!("{}.length > 0", name.text),
                    Lang::Go => format!("len({}) > 0", name.text),
                    Lang::Rust => format!("!{}.is_empty()", name.text),
                };
                sink.replace(test, text, 1.0);
            }
        }
    }
    let start = site.node.start_byte();
    if site.source.span(start..start + 5) == "while" {
        sink.edits(
            vec![Edit { range: start..start + 5, text: "if".to_owned() }],
            0.2,
            "`while` becomes `if`".to_owned(),
        );
    }
}
