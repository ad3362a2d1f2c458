//! Arithmetic in Rust that overflows where it should saturate, wrap or widen.

use super::{Operator, Sink, Site};
use crate::repair::source::{Lang, Role, assignment, binary};

pub const OPERATOR: Operator = Operator { name: "overflow", prior: 0.5, propose };

fn propose(site: &Site<'_, '_>, sink: &mut Sink<'_>) {
    if site.lang() != Lang::Rust {
        return;
    }
    if site.role() == Role::Compound {
        let Some((target, value)) = assignment(site.node) else { return };
        let Some(op) = site.node.child_by_field_name("operator") else { return };
        let Some(word) = word(site.text(op).trim_end_matches('=')) else { return };
        let (t, v) = (site.text(target), site.text(value));
        for kind in ["saturating", "wrapping"] {
            sink.replace(site.node, format!("{t} = {t}.{kind}_{word}({v})"), 0.8);
        }
        return;
    }
    let Some((left, op, right)) = binary(site.node) else { return };
    let Some(word) = word(site.text(op)) else { return };
    let (l, r) = (site.operand(left), site.text(right));
    for (kind, factor) in [("saturating", 1.0), ("wrapping", 0.6)] {
        sink.replace(site.node, format!("{l}.{kind}_{word}({r})"), factor);
    }
    if word == "sub" {
        sink.replace(site.node, format!("{l}.abs_diff({r})"), 0.6);
    }
    for wide in ["u64", "i64", "u128", "f64"] {
        sink.replace(site.node, format!("({l} as {wide} {} {} as {wide})", site.text(op), site.operand(right)), 0.15);
    }
}

fn word(op: &str) -> Option<&'static str> {
    Some(match op {
        "+" => "add",
        "-" => "sub",
        "*" => "mul",
        _ => return None,
    })
}
