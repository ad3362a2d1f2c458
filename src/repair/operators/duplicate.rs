//! A statement that should happen twice: once more after itself.

use super::{Operator, Sink, Site};
use crate::repair::source::{Role, role, statements};

pub const OPERATOR: Operator = Operator { name: "duplicate statement", prior: 0.06, propose };

fn propose(site: &Site<'_, '_>, sink: &mut Sink<'_>) {
    for one in statements(site.node) {
        let text = site.text(one);
        if role(one) == Role::Expression && text.len() < 60 && !text.contains('\n') && !text.starts_with(['"', '\'']) {
            sink.after(one, text, 1.0);
        }
    }
}
