//! A result that is thrown away: `trim(x)` where `x = trim(x)` was meant, and a name that gets the wrong result.

use super::{Operator, Sink, Site};
use crate::repair::source::{Role, call, member, role};

pub const OPERATOR: Operator = Operator { name: "result not kept", prior: 0.6, propose };

fn propose(site: &Site<'_, '_>, sink: &mut Sink<'_>) {
    let Some(inner) = site.node.named_child(0).filter(|_| site.role() == Role::Expression) else { return };
    let awaited = if role(inner) == Role::Await { inner.named_child(0).unwrap_or(inner) } else { inner };
    let Some((callee, args)) = call(awaited) else { return };
    let text = site.text(inner);
    let receiver = member(callee).map(|(object, _)| site.text(object));
    for name in site.visible() {
        if matches!(name.text.as_str(), "self" | "this" | "cls") {
            continue;
        }
        let given = args.first().is_some_and(|a| site.text(*a) == name.text);
        let own = receiver == Some(name.text.as_str());
        let factor = match (given, own) {
            (true, _) => 1.0,
            (_, true) => 0.7,
            _ if name.is_parameter => 0.15,
            _ => 0.4,
        };
        sink.replace(inner, format!("{} = {text}", name.text), factor);
    }
    for object in ["self", "this"] {
        for field in site.scope.members.get(object).into_iter().flatten().take(6) {
            let target = format!("{object}.{field}");
            let given = args.first().is_some_and(|a| site.text(*a) == target);
            if given || receiver == Some(target.as_str()) {
                sink.replace(inner, format!("{target} = {text}"), 0.8);
            }
        }
    }
}
