//! Default arguments that are shared between calls, or of the wrong worth.

use super::{Operator, Sink, Site};
use crate::repair::source::{Edit, Lang, Role, is_docstring, parts, role, statements};

pub const OPERATOR: Operator = Operator { name: "default argument", prior: 0.8, propose };

fn propose(site: &Site<'_, '_>, sink: &mut Sink<'_>) {
    if site.lang() != Lang::Python || site.role() != Role::Function {
        return;
    }
    let (Some(list), Some(body)) = (site.node.child_by_field_name("parameters"), site.node.child_by_field_name("body"))
    else {
        return;
    };
    for parameter in parts(list) {
        let Some(value) = parameter.child_by_field_name("value") else { continue };
        let Some(name) = parameter.child_by_field_name("name").or_else(|| parameter.named_child(0)) else { continue };
        let text = site.text(value);
        let made_once = role(value) == Role::Collection || matches!(text, "set()" | "dict()" | "list()");
        if !made_once {
            for other in ["None", "0", "1", "True", "False"] {
                if other != text && matches!(role(value), Role::Integer | Role::Truth | Role::Null) {
                    sink.replace(value, other, 0.3);
                }
            }
            continue;
        }
        let Some(first) = statements(body).into_iter().find(|s| !is_docstring(*s)) else { continue };
        let indent = site.source.indent(first.start_byte()).to_owned();
        let name = site.text(name);
        let guard = site.lang().guard(&format!("{name} is None"), &format!("{name} = {text}"), &indent);
        sink.edits(
            vec![
                Edit { range: value.byte_range(), text: "None".to_owned() },
                Edit { range: first.start_byte()..first.start_byte(), text: format!("{guard}\n{indent}") },
            ],
            1.0,
            format!("create the default `{text}` of `{name}` in each call"),
        );
    }
}
