//! Arguments, indexes and elements the wrong way round; one argument too many.

use super::{Operator, Sink, Site};
use crate::repair::source::{Role, call, descend, member, parts, role};

pub const OPERATOR: Operator = Operator { name: "swapped arguments", prior: 0.75, propose };

fn propose(site: &Site<'_, '_>, sink: &mut Sink<'_>) {
    if let Some((callee, args)) = call(site.node) {
        swap_pairs(&args, sink, 1.0);
        left_out(site, callee, &args, sink);
        // `a.f(b)` for `b.f(a)`.
        if let (Some((object, _)), [only]) = (member(callee), args.as_slice()) {
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
        if let [object, index] = inner.as_slice()
            && let [_, first] = parts(*object).as_slice()
            && role(*object) == Role::Index
        {
            sink.swap(*first, *index, 0.6);
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
    } else if kind == Role::Return
        && let Some(list) = site.node.named_child(0).filter(|r| r.kind() == "expression_list")
    {
        swap_pairs(&parts(list), sink, 0.5);
    }
}

/// An argument that was left out, as its parameter has a default: most often a name of the same word.
fn left_out(site: &Site<'_, '_>, callee: tree_sitter::Node<'_>, args: &[tree_sitter::Node<'_>], sink: &mut Sink<'_>) {
    let name = member(callee).map_or(callee, |(_, name)| name);
    let Some(wanted) = parameters_of(site, site.text(name)) else { return };
    let Some(list) = site.node.child_by_field_name("arguments").filter(|_| args.len() < wanted.len()) else { return };
    let inner = site.source.span(list.start_byte() + 1..list.end_byte().saturating_sub(1));
    let inner = inner.trim().trim_end_matches(',');
    let given = |text: &str| args.iter().any(|a| site.text(*a) == text);
    let Some(next) = wanted.get(args.len()) else { return };
    for one in site.visible().into_iter().filter(|n| !given(&n.text) && !matches!(n.text.as_str(), "self" | "this")) {
        let text = if inner.is_empty() { one.text.clone() } else { format!("{inner}, {}", one.text) };
        sink.replace(list, format!("({text})"), if one.text == *next { 1.2 } else { 0.4 });
    }
}

/// The names of the parameters of a function or class of the file, without the receiver.
fn parameters_of(site: &Site<'_, '_>, name: &str) -> Option<Vec<String>> {
    let root = site.source.tree.root_node();
    let named = |n: &tree_sitter::Node<'_>| n.child_by_field_name("name").is_some_and(|w| site.text(w) == name);
    let found = descend(root)
        .into_iter()
        .find(|n| named(n) && (role(*n) == Role::Function || n.kind().starts_with("class_")))?;
    let maker = |n: &tree_sitter::Node<'_>| {
        n.child_by_field_name("name").is_some_and(|w| matches!(site.text(w), "__init__" | "constructor"))
    };
    let function = if role(found) == Role::Function { found } else { descend(found).into_iter().find(maker)? };
    let list = function.child_by_field_name("parameters")?;
    let word = |p: tree_sitter::Node<'_>| {
        let inner = p.child_by_field_name("name").or_else(|| p.child_by_field_name("left")).unwrap_or(p);
        site.text(inner).split([':', '=', ' ']).next().unwrap_or_default().to_owned()
    };
    Some(parts(list).into_iter().map(word).filter(|w| !matches!(w.as_str(), "self" | "cls")).collect())
}

fn swap_pairs(args: &[tree_sitter::Node<'_>], sink: &mut Sink<'_>, factor: f64) {
    for (i, one) in args.iter().enumerate().take(5) {
        for other in args.iter().skip(i + 1).take(4) {
            sink.swap(*one, *other, factor);
        }
    }
}
