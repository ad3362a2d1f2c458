//! Integer against real division, and the rounding that was forgotten.

use super::{Operator, Sink, Site};
use crate::repair::source::{Lang, Role, binary, call, role};

pub const OPERATOR: Operator = Operator { name: "division", prior: 0.8, propose };

fn propose(site: &Site<'_, '_>, sink: &mut Sink<'_>) {
    late(site, sink);
    let Some((left, op, right)) = binary(site.node) else { return };
    let word = site.text(op);
    let (l, r) = (site.operand(left), site.operand(right));
    match (site.lang(), word) {
        (Lang::Python, "/") => {
            sink.replace(op, "//", 1.0);
            sink.replace(site.node, format!("round({l} / {r})"), 0.3);
        }
        (Lang::Python, "//") => {
            sink.replace(op, "/", 1.0);
            sink.replace(site.node, format!("-(-{l} // {r})"), 0.5);
            sink.replace(site.node, format!("({l} + {r} - 1) // {r}"), 0.4);
        }
        (Lang::Script, "/") => {
            sink.replace(site.node, format!("Math.floor({l} / {r})"), 1.0);
            sink.replace(site.node, format!("Math.ceil({l} / {r})"), 0.5);
            sink.replace(site.node, format!("Math.round({l} / {r})"), 0.4);
        }
        (Lang::Rust, "/") => {
            sink.replace(site.node, format!("{l}.div_ceil({r})"), 0.5);
            sink.replace(site.node, format!("({l} + {r} - 1) / {r}"), 0.4);
            sink.replace(site.node, format!("{l} as f64 / {r} as f64"), 0.8);
            sink.replace(site.node, format!("{l}.div_euclid({r})"), 0.4);
        }
        (Lang::Rust, "%") => sink.replace(site.node, format!("{l}.rem_euclid({r})"), 0.8),
        (Lang::Go, "/") => {
            sink.replace(site.node, format!("float64({l}) / float64({r})"), 0.9);
            sink.replace(site.node, format!("({l} + {r} - 1) / {r}"), 0.4);
        }
        (Lang::Go | Lang::Script, "%") => {
            sink.replace(site.node, format!("(({l} % {r}) + {r}) % {r}"), 0.8);
        }
        (Lang::Rust | Lang::Python | Lang::Script | Lang::Go, _) => {}
    }
}

/// A quotient made fit only after it was cut down: `float64(a / b)`, `(a / b) as f64`.
fn late(site: &Site<'_, '_>, sink: &mut Sink<'_>) {
    let bare = |node| if role(node) == Role::Paren { node.named_child(0).unwrap_or(node) } else { node };
    match site.lang() {
        Lang::Go => {
            let Some((callee, args)) = call(site.node) else { return };
            let kind = site.text(callee);
            let quotient = args.first().and_then(|a| binary(bare(*a))).filter(|(_, op, _)| site.text(*op) == "/");
            if let (Some((left, _, right)), "float64" | "float32") = (quotient, kind) {
                let text = format!("{kind}({}) / {kind}({})", site.text(left), site.text(right));
                sink.replace(site.node, text, 1.2);
            }
        }
        Lang::Rust if site.node.kind() == "type_cast_expression" => {
            let (Some(value), Some(kind)) =
                (site.node.child_by_field_name("value"), site.node.child_by_field_name("type"))
            else {
                return;
            };
            let kind = site.text(kind);
            let quotient = binary(bare(value)).filter(|(_, op, _)| site.text(*op) == "/");
            if let (Some((left, _, right)), true) = (quotient, kind.starts_with('f')) {
                let text = format!("{} as {kind} / {} as {kind}", site.operand(left), site.operand(right));
                sink.replace(site.node, text, 1.2);
            }
        }
        Lang::Rust | Lang::Python | Lang::Script => {}
    }
}
