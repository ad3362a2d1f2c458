//! A value of the wrong type: text for a number, a number for text, an iterator for a list.

use super::{Operator, Sink, Site};
use crate::repair::source::{Lang, Role, call, parts, role};

pub const OPERATOR: Operator = Operator { name: "conversion", prior: 0.35, propose };

fn propose(site: &Site<'_, '_>, sink: &mut Sink<'_>) {
    if !matches!(site.role(), Role::Name | Role::Member | Role::Call | Role::Index | Role::Slice) || !site.is_read() {
        return;
    }
    let text = site.text(site.node);
    let wraps: &[&str] = match site.lang() {
        Lang::Python => &["int", "str", "float", "list", "abs", "len", "set", "sorted", "sum", "bool", "tuple"],
        Lang::Script => &["Number", "String", "Math.abs", "Math.floor", "Math.round", "Boolean"],
        Lang::Go => &["float64", "int", "string", "int64", "len"],
        Lang::Rust => {
            let numeric = site.scope.hints(text).fits(crate::repair::scope::Hints::NUMBER);
            if numeric && site.role() != Role::Call {
                for method in [".abs()", ".len()"] {
                    sink.replace(site.node, format!("{text}{method}"), 0.5);
                }
            }
            return;
        }
    };
    if call(site.node).is_some_and(|(c, _)| wraps.contains(&site.text(c))) {
        return;
    }
    let compared = site.node.parent().is_some_and(|p| {
        matches!(role(p), Role::Binary | Role::Return | Role::Assign | Role::Declare) || p.kind().contains("arg")
    });
    // Walked through in the order it came where an order was meant.
    if site.lang() == Lang::Python && site.node.parent().is_some_and(|p| role(p) == Role::For) {
        sink.replace(site.node, format!("sorted({text})"), 1.3);
    }
    for wrap in wraps {
        sink.replace(site.node, format!("{wrap}({text})"), if compared { 0.8 } else { 0.4 });
    }
    // Handed on as one value what was to be several.
    if site.node.parent().is_some_and(|p| matches!(p.kind(), "arguments" | "argument_list"))
        && role(site.node) == Role::Name
    {
        let spread = match site.lang() {
            Lang::Python => format!("*{text}"),
            Lang::Go => format!("{text}..."),
            Lang::Script | Lang::Rust => format!("...{text}"),
        };
        let rest = ["...", "*"].iter().any(|m| site.text(site.scope.node).contains(&format!("{m}{text}")));
        sink.replace(site.node, spread, if rest { 1.6 } else { 0.5 });
    }
    let whole = parts(site.node).first().copied().filter(|_| site.role() == Role::Index).unwrap_or(site.node);
    if site.lang() == Lang::Script && site.role() != Role::Call {
        sink.replace(site.node, format!("JSON.stringify({})", site.text(whole)), 0.3);
    }
    if site.lang() == Lang::Script && matches!(site.role(), Role::Name | Role::Member) {
        sink.replace(site.node, format!("{text}.length"), 0.6);
    }
}
