//! `<` for `<=` and `>` for `>=`, either way.

use super::{Operator, Sink, Site};
use crate::repair::source::binary;

pub const OPERATOR: Operator = Operator { name: "boundary", prior: 1.0, propose };

fn propose(site: &Site<'_, '_>, sink: &mut Sink<'_>) {
    let Some((_, op, _)) = binary(site.node) else { return };
    let other = match site.text(op) {
        "<" => "<=",
        "<=" => "<",
        ">" => ">=",
        ">=" => ">",
        _ => return,
    };
    sink.replace(op, other, 1.0);
}
