//! The wrong arithmetic or bit operator, operands the wrong way round, a term too many.

use super::{Operator, Sink, Site};
use crate::repair::source::{Lang, Role, binary, role};

pub const OPERATOR: Operator = Operator { name: "arithmetic", prior: 0.7, propose };

fn propose(site: &Site<'_, '_>, sink: &mut Sink<'_>) {
    if site.role() == Role::Negate {
        if let Some(inner) = site.node.named_child(0) {
            sink.replace(site.node, site.text(inner), 0.9);
        }
        return;
    }
    let Some((left, op, right)) = binary(site.node) else { return };
    let others: &[(&str, f64)] = match site.text(op) {
        "+" => &[("-", 1.0), ("*", 0.6)],
        "-" => &[("+", 1.0), ("/", 0.15), ("*", 0.15)],
        "*" => &[("+", 0.7), ("/", 0.6), ("-", 0.2)],
        "/" => &[("*", 0.8), ("%", 0.6), ("-", 0.2)],
        "//" => &[("%", 0.8), ("*", 0.5)],
        "%" => &[("/", 0.5), ("*", 0.2), ("-", 0.3)],
        "**" => &[("*", 0.8)],
        "&" => &[("|", 0.9), ("^", 0.7)],
        "|" => &[("&", 0.9), ("^", 0.7)],
        "^" => &[("&", 0.9), ("|", 0.9)],
        "<<" => &[(">>", 0.9)],
        ">>" => &[("<<", 0.9)],
        ">>>" => &[(">>", 0.6), ("<<", 0.6)],
        _ => return,
    };
    for (other, factor) in others {
        sink.replace(op, *other, *factor);
    }
    if matches!(site.text(op), "%" | "/") && site.lang() == Lang::Python {
        sink.replace(op, "//", 0.6);
    }
    if site.text(op) == "*" && site.lang() == Lang::Python {
        sink.replace(op, "**", 0.6);
    }
    if site.text(op) == "*" && site.lang() == Lang::Script {
        sink.replace(op, "**", 0.5);
    }
    let commutes = matches!(site.text(op), "*" | "&" | "|" | "^")
        || (site.text(op) == "+" && (role(left) == Role::Integer || role(right) == Role::Integer));
    let literal = |n| matches!(role(n), Role::Integer | Role::Float);
    if !commutes {
        // `n - 1` is seldom meant as `1 - n`.
        sink.swap(left, right, if literal(right) { 0.2 } else { 0.7 });
    }
    sink.replace(site.node, site.text(left), if literal(right) { 0.8 } else { 0.4 });
    sink.replace(site.node, site.text(right), if literal(left) { 0.8 } else { 0.4 });
    regroup(site, sink);
}

/// `a + b * c` meant as `(a + b) * c`, and the parentheses that should not be there.
fn regroup(site: &Site<'_, '_>, sink: &mut Sink<'_>) {
    let Some((left, op, right)) = binary(site.node) else { return };
    if let Some((a, inner, b)) = binary(right)
        && site.text(inner) != site.text(op)
        && right.kind() == site.node.kind()
    {
        let text =
            format!("({} {} {}) {} {}", site.text(left), site.text(op), site.text(a), site.text(inner), site.text(b));
        sink.replace(site.node, text, 0.6);
    }
    if let Some((a, inner, b)) = binary(left)
        && site.text(inner) != site.text(op)
        && left.kind() == site.node.kind()
    {
        let text =
            format!("{} {} ({} {} {})", site.text(a), site.text(inner), site.text(b), site.text(op), site.text(right));
        sink.replace(site.node, text, 0.6);
    }
    for side in [left, right] {
        if role(side) == Role::Paren
            && let Some(inner) = side.named_child(0).filter(|i| role(*i) == Role::Binary)
        {
            sink.replace(side, site.text(inner), 0.5);
        }
    }
}
