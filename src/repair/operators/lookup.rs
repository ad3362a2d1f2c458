//! Lookups of keys that may be missing, and wrong default values.

use super::{Operator, Sink, Site};
use crate::repair::source::{Lang, Role, assignment, call, member, parts, role};

pub const OPERATOR: Operator = Operator { name: "lookup default", prior: 0.55, propose };

fn propose(site: &Site<'_, '_>, sink: &mut Sink<'_>) {
    if matches!(site.role(), Role::Assign | Role::Compound) {
        counting(site, sink);
        return;
    }
    if site.role() == Role::Index && site.is_read() {
        collecting(site, sink);
        let inner = parts(site.node);
        let [object, index] = inner.as_slice() else { return };
        let (o, i) = (site.text(*object), site.text(*index));
        match site.lang() {
            Lang::Python => {
                for (default, factor) in [("0", 0.7), ("", 0.6), ("[]", 0.5), ("\"\"", 0.3), ("{}", 0.2), ("1", 0.2)] {
                    let text =
                        if default.is_empty() { format!("{o}.get({i})") } else { format!("{o}.get({i}, {default})") };
                    sink.replace(site.node, text, factor);
                }
            }
            Lang::Script => {
                for (default, factor) in [("0", 0.8), ("[]", 0.5), ("''", 0.3), ("{}", 0.2)] {
                    sink.replace(site.node, format!("({o}[{i}] ?? {default})"), factor);
                }
            }
            Lang::Rust => {
                sink.replace(site.node, format!("{o}.get({i}).copied().unwrap_or(0)"), 0.3);
                sink.replace(site.node, format!("{o}.get({i}).copied().unwrap_or_default()"), 0.3);
            }
            Lang::Go => {}
        }
        return;
    }
    let Some((callee, args)) = call(site.node) else { return };
    let Some((object, name)) = member(callee) else { return };
    if site.text(name) != "get" {
        return;
    }
    match (site.lang(), args.as_slice()) {
        (Lang::Python, [key]) => {
            for (default, factor) in
                [("0", 1.0), ("[]", 0.6), ("\"\"", 0.4), ("{}", 0.3), ("1", 0.3), ("False", 0.2), ("float('inf')", 0.4)]
            {
                sink.replace(site.node, format!("{}.get({}, {default})", site.text(object), site.text(*key)), factor);
            }
        }
        (Lang::Python, [key, _]) => sink.replace(site.node, format!("{}[{}]", site.text(object), site.text(*key)), 0.2),
        (Lang::Script, [_]) => {
            for (default, factor) in [("0", 1.0), ("[]", 0.6), ("''", 0.4)] {
                sink.replace(site.node, format!("({} ?? {default})", site.text(site.node)), factor);
            }
        }
        (Lang::Rust | Lang::Python | Lang::Script | Lang::Go, _) => {}
    }
}

/// `d[k] += v` and `d[k] = v` where `k` may be new and what is there already counts.
fn counting(site: &Site<'_, '_>, sink: &mut Sink<'_>) {
    let Some((target, value)) = assignment(site.node).filter(|(t, _)| role(*t) == Role::Index) else { return };
    let inner = parts(target);
    let [object, index] = inner.as_slice() else { return };
    let (o, i, v) = (site.text(*object), site.text(*index), site.operand(value));
    let sum = match site.lang() {
        Lang::Python => format!("{o}[{i}] = {o}.get({i}, 0) + {v}"),
        Lang::Script => format!("{o}[{i}] = ({o}[{i}] ?? 0) + {v}"),
        Lang::Rust | Lang::Go => return,
    };
    let compound = site.role() == Role::Compound;
    if !compound || site.text(site.node).contains("+=") {
        sink.replace(site.node, sum, if compound { 1.0 } else { 0.6 });
    }
}

/// `d[k].append(v)` where `k` may be new.
fn collecting(site: &Site<'_, '_>, sink: &mut Sink<'_>) {
    let Some(parent) = site.node.parent() else { return };
    let Some((_, name)) = member(parent).filter(|(o, _)| *o == site.node) else { return };
    let inner = parts(site.node);
    let [object, index] = inner.as_slice() else { return };
    let (o, i) = (site.text(*object), site.text(*index));
    match (site.lang(), site.text(name)) {
        (Lang::Python, "append" | "extend" | "insert") => {
            sink.replace(site.node, format!("{o}.setdefault({i}, [])"), 1.2);
        }
        (Lang::Python, "add") => sink.replace(site.node, format!("{o}.setdefault({i}, set())"), 1.2),
        (Lang::Python, "update") => sink.replace(site.node, format!("{o}.setdefault({i}, {{}})"), 1.0),
        (Lang::Script, "push" | "unshift") => {
            sink.replace(site.node, format!("({o}[{i}] ??= [])"), 1.2);
        }
        _ => {}
    }
}
