//! Arguments, indexes and elements the wrong way round; one argument too many.

use super::{Operator, Sink, Site};
use crate::agent::repair::source::{Role, call, parts};

pub const OPERATOR: Operator = Operator { name: "swapped arguments", prior: 0.75, propose };

fn propose(site: &Site<'_, '_>, sink: &mut Sink<'_>) {
    if let Some((callee, args)) = call(site.node) {
        swap_pairs(&args, sink, 1.0);
        // `a.f(b)` for `b.f(a)`.
        if let (Some((object, _)), [only]) = (crate::agent::repair::source::member(callee), args.as_slice()) {
            sink.swap(object, *only, 0.3);
        }
        // The call should not have been made, or its argument is the value.
        if let [only] = args.as_slice() {
            sink.replace(site.node, site.text(*only), 0.45);
        }
        return;
    }
    let kind = site.role();
    if kind == Role::Collection && (site.node.kind() == "tuple" || parts(site.node).len() == 2) {
        swap_pairs(&parts(site.node), sink, 0.6)
    } else if kind == Role::Index {
        let inner = parts(site.node);
        if inner.len() == 3 {
            swap_pairs(inner.get(1..).unwrap_or_default(), sink, 0.6);
        }
        // `m[i][j]` for `m[j][i]`.
        if let [object, index] = inner.as_slice() {
            if let [_, first] = parts(*object).as_slice() {
                if crate::agent::repair::source::role(*object) == Role::Index {
                    sink.swap(*first, *index, 0.6);
                }
            }
        }
    } else if kind == Role::Assign {
        if let Some(list) = site.node.child_by_field_name("right").filter(|r| r.kind() == "expression_list") {
            swap_pairs(&parts(list), sink, 0.5);
        }
    } else if kind == Role::Ternary {
        let inner = parts(site.node);
        if let [a, b, c] = inner.as_slice() {
            if site.node.kind() == "conditional_expression" { sink.swap(*a, *c, 0.7) } else { sink.swap(*b, *c, 0.7) }
        }
    } else if kind == Role::Return {
        if let Some(list) = site.node.named_child(0).filter(|r| r.kind() == "expression_list") {
            swap_pairs(&parts(list), sink, 0.5);
        }
    }
}

fn swap_pairs(args: &[tree_sitter::Node<'_>], sink: &mut Sink<'_>, factor: f64) {
    for (i, one) in args.iter().enumerate().take(5) {
        for other in args.iter().skip(i + 1).take(4) {
            sink.swap(*one, *other, factor);
        }
    }
}
