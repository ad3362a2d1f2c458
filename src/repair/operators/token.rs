//! Tokens inside Rust macros, which have no expressions for the parser: operators, numbers and names one by one.

use super::{Operator, Sink, Site};
use crate::repair::source::{Lang, Role, role};

pub const OPERATOR: Operator = Operator { name: "macro argument", prior: 0.4, propose };

fn propose(site: &Site<'_, '_>, sink: &mut Sink<'_>) {
    if site.lang() != Lang::Rust || site.node.kind() != "token_tree" || in_attribute(site) {
        return;
    }
    let mut cursor = site.node.walk();
    for token in site.node.children(&mut cursor) {
        let text = site.text(token);
        if token.is_named() {
            if role(token) == Role::Name {
                for name in site.visible().iter().filter(|n| n.text != text && n.text != "self") {
                    sink.replace(token, name.text.clone(), 0.8);
                }
                sink.replace(token, format!("{text} + 1"), 0.8);
                sink.replace(token, format!("{text} - 1"), 0.6);
            }
            continue;
        }
        let others: &[&str] = match text {
            "<" => &["<=", ">"],
            "<=" => &["<", ">="],
            ">" => &[">=", "<"],
            ">=" => &[">", "<="],
            "==" => &["!="],
            "!=" => &["=="],
            "+" => &["-", "*"],
            "-" => &["+"],
            "*" => &["+", "/"],
            "/" => &["*", "%"],
            "&&" => &["||"],
            "||" => &["&&"],
            _ => &[],
        };
        for other in others {
            sink.replace(token, *other, 0.8);
        }
    }
}

fn in_attribute(site: &Site<'_, '_>) -> bool {
    let mut at = site.node.parent();
    while let Some(n) = at {
        if n.kind() == "attribute_item" || n.kind() == "macro_definition" {
            return true;
        }
        at = n.parent();
    }
    false
}
