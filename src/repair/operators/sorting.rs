//! Sorted the wrong way, by the wrong thing, or as text.

use super::{Operator, Sink, Site};
use crate::repair::source::{Lang, call, member, parts};

pub const OPERATOR: Operator = Operator { name: "sort order", prior: 0.7, propose };

fn propose(site: &Site<'_, '_>, sink: &mut Sink<'_>) {
    let Some((callee, args)) = call(site.node) else { return };
    let name = member(callee).map_or_else(|| site.text(callee), |(_, n)| site.text(n));
    match (site.lang(), name) {
        (Lang::Python, "sorted" | "sort" | "max" | "min") => python(site, name, &args, sink),
        (Lang::Script, "sort" | "toSorted") => {
            if args.is_empty() {
                let Some(list) = site.node.child_by_field_name("arguments") else { return };
                sink.replace(list, "((a, b) => a - b)", 1.2);
                sink.replace(list, "((a, b) => b - a)", 0.6);
            }
        }
        (Lang::Rust, "sort" | "sort_unstable") => {
            let Some((object, _)) = member(callee) else { return };
            let target = site.text(object);
            sink.replace(site.node, format!("{target}.{name}_by(|a, b| b.cmp(a))"), 0.9);
            sink.replace(site.node, format!("{{ {target}.{name}(); {target}.dedup() }}"), 0.3);
        }
        (Lang::Rust, "cmp" | "partial_cmp" | "total_cmp") => {
            if let (Some((object, _)), [only]) = (member(callee), args.as_slice()) {
                let inner = only.named_child(0).filter(|_| site.text(*only).starts_with('&')).unwrap_or(*only);
                sink.swap(object, inner, 1.0);
                sink.replace(site.node, format!("{}.reverse()", site.text(site.node)), 0.3);
                if let Some((_, field)) = member(object) {
                    for other in super::file_members(site.source, site.text(object.named_child(0).unwrap_or(object))) {
                        if other != site.text(field) {
                            let text =
                                site.text(site.node).replace(&format!(".{}", site.text(field)), &format!(".{other}"));
                            sink.replace(site.node, text, 0.5);
                        }
                    }
                }
            }
        }
        (Lang::Rust | Lang::Python | Lang::Script | Lang::Go, _) => {}
    }
}

fn python(site: &Site<'_, '_>, name: &str, args: &[tree_sitter::Node<'_>], sink: &mut Sink<'_>) {
    let keyword = |key: &str| args.iter().find(|a| a.child_by_field_name("name").is_some_and(|n| site.text(n) == key));
    let Some(list) = site.node.child_by_field_name("arguments") else { return };
    let inner = site.source.span(list.start_byte() + 1..list.end_byte().saturating_sub(1)).trim().to_owned();
    let add = |extra: &str| {
        if inner.is_empty() { format!("({extra})") } else { format!("({}, {extra})", inner.trim_end_matches(',')) }
    };
    let is_sort = name.starts_with("sort");
    if is_sort {
        match keyword("reverse") {
            Some(arg) => {
                let value = arg.child_by_field_name("value").unwrap_or(*arg);
                sink.replace(value, if site.text(value) == "True" { "False" } else { "True" }, 1.0);
            }
            None => sink.replace(list, add("reverse=True"), 0.8),
        }
    }
    match keyword("key") {
        Some(key) => {
            let Some(lambda) = key.child_by_field_name("value").filter(|v| v.kind() == "lambda") else { return };
            let Some(body) = lambda.child_by_field_name("body") else { return };
            sink.replace(body, format!("-{}", site.operand(body)), 0.5);
            if body.kind() == "tuple" {
                for part in parts(body) {
                    let text = site.text(part);
                    let turned =
                        text.strip_prefix('-').map_or_else(|| format!("-{}", site.operand(part)), str::to_owned);
                    sink.replace(part, turned, 0.9);
                }
            }
        }
        None => {
            for key in [
                "key=len",
                "key=str.lower",
                "key=int",
                "key=abs",
                "key=lambda x: x[1]",
                "key=lambda x: x[0]",
                "key=str",
            ] {
                sink.replace(list, add(key), 0.4);
            }
        }
    }
}
