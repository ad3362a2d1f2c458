//! The wrong comparison: equality, direction, identity, membership.

use super::{Operator, Sink, Site};
use crate::repair::source::{Lang, binary, parts};

pub const OPERATOR: Operator = Operator { name: "comparison", prior: 0.8, propose };

fn propose(site: &Site<'_, '_>, sink: &mut Sink<'_>) {
    if site.node.kind() == "comparison_operator" && parts(site.node).len() == 3 {
        chained(site, sink);
        return;
    }
    let Some((left, op, right)) = binary(site.node) else { return };
    // "Nothing" taken for "nothing to divide": a list of one is done too.
    if site.text(op).starts_with("==") && site.text(right) == "0" {
        sink.replace(site.node, format!("{} <= 1", site.text(left)), 0.6);
    }
    let others: &[(&str, f64)] = match site.text(op) {
        "==" if site.lang() == Lang::Script => {
            &[("!=", 0.8), ("===", 0.5), ("<", 0.3), (">", 0.3), ("<=", 0.4), (">=", 0.4)]
        }
        "===" => &[("!==", 0.9), ("<", 0.3), (">", 0.3), ("<=", 0.4), (">=", 0.4)],
        "!==" => &[("===", 0.9), ("<", 0.4), (">", 0.4)],
        "==" => &[("!=", 0.9), ("<=", 0.5), (">=", 0.5), ("<", 0.4), (">", 0.4)],
        "!=" => &[("==", 0.9), ("<", 0.5), (">", 0.5), ("<=", 0.3), (">=", 0.3)],
        "<" => &[(">", 0.9), (">=", 0.5), ("!=", 0.3), ("==", 0.3)],
        ">" => &[("<", 0.9), ("<=", 0.5), ("!=", 0.3), ("==", 0.3)],
        "<=" => &[(">=", 0.9), (">", 0.5), ("==", 0.4), ("!=", 0.2)],
        ">=" => &[("<=", 0.9), ("<", 0.5), ("==", 0.4), ("!=", 0.2)],
        "is" => &[("==", 0.9), ("is not", 0.9)],
        "is not" => &[("!=", 0.8), ("is", 0.9)],
        "in" if site.lang() == Lang::Python => &[("not in", 0.9), ("==", 0.3)],
        "not in" => &[("in", 0.9)],
        _ => return,
    };
    for (other, factor) in others {
        sink.replace(op, *other, *factor);
    }
}

/// `a < b < c`: each operator on its own.
fn chained(site: &Site<'_, '_>, sink: &mut Sink<'_>) {
    let mut cursor = site.node.walk();
    for op in site.node.children(&mut cursor).filter(|c| !c.is_named()) {
        let other = match site.text(op) {
            "<" => "<=",
            "<=" => "<",
            ">" => ">=",
            ">=" => ">",
            _ => continue,
        };
        sink.replace(op, other, 1.2);
    }
}
