//! The wrong initial value: accumulators that start at 0 where the first element or an extreme was meant.

use super::{Operator, Sink, Site};
use crate::repair::source::{Lang, Role, assignment, role};

pub const OPERATOR: Operator = Operator { name: "initial value", prior: 0.5, propose };

fn propose(site: &Site<'_, '_>, sink: &mut Sink<'_>) {
    let Some((target, value)) = assignment(site.node) else { return };
    let is_start = matches!(site.role(), Role::Declare) || (site.role() == Role::Assign && site.lang() == Lang::Python);
    if !is_start || role(target) == Role::Index {
        return;
    }
    let number = matches!(role(value), Role::Integer | Role::Float | Role::Negate | Role::Null);
    if !number {
        return;
    }
    let extremes: &[&str] = match site.lang() {
        Lang::Python => &["float('inf')", "float('-inf')", "None"],
        Lang::Script => &["Infinity", "-Infinity"],
        Lang::Go => &["math.MaxInt", "math.MinInt"],
        Lang::Rust => &[
            "i32::MIN",
            "i32::MAX",
            "i64::MIN",
            "i64::MAX",
            "usize::MAX",
            "u32::MAX",
            "f64::INFINITY",
            "f64::NEG_INFINITY",
        ],
    };
    for extreme in extremes {
        sink.replace(value, *extreme, 0.6);
    }
    for name in site.visible() {
        if name.text == site.text(target) || name.text == "self" {
            continue;
        }
        if name.hints.has(crate::repair::scope::Hints::LIST) {
            sink.replace(value, format!("{}[0]", name.text), 0.9);
            sink.replace(value, site.lang().length(&name.text), 0.5);
            sink.replace(value, format!("{} - 1", site.lang().length(&name.text)), 0.6);
        } else if name.hints.fits(crate::repair::scope::Hints::NUMBER) {
            sink.replace(value, name.text.clone(), 0.5);
        }
    }
}
