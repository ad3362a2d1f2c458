//! The wrong function of a family: `min` for `max`, `push` for `insert`, `startswith` for `endswith`.

use super::{Operator, Sink, Site};
use crate::repair::source::{call, member};

pub const OPERATOR: Operator = Operator { name: "wrong function", prior: 0.7, propose };

/// Names that are confused with one another in programs of all five languages.
const FAMILIES: &[&[&str]] = &[
    &["min", "max"],
    &["min_by", "max_by"],
    &["min_by_key", "max_by_key"],
    &["any", "all"],
    &["some", "every"],
    &["Some", "Every"],
    &["floor", "ceil", "round", "trunc"],
    &["Floor", "Ceil", "Round", "Trunc"],
    &["append", "extend", "appendleft"],
    &["push", "unshift"],
    &["push_back", "push_front"],
    &["pop_back", "pop_front"],
    &["PushBack", "PushFront"],
    &["Front", "Back"],
    &["front", "back"],
    &["pop", "popleft"],
    &["pop", "shift"],
    &["add", "discard", "remove"],
    &["startswith", "endswith"],
    &["starts_with", "ends_with", "contains"],
    &["startsWith", "endsWith", "includes"],
    &["HasPrefix", "HasSuffix", "Contains"],
    &["TrimPrefix", "TrimSuffix"],
    &["TrimLeft", "TrimRight", "TrimSpace"],
    &["lower", "upper", "title", "capitalize", "casefold"],
    &["toLowerCase", "toUpperCase"],
    &["to_lowercase", "to_uppercase"],
    &["to_ascii_lowercase", "to_ascii_uppercase"],
    &["ToLower", "ToUpper"],
    &["isalpha", "isdigit", "isalnum", "isspace", "isupper", "islower", "isnumeric"],
    &["is_alphabetic", "is_numeric", "is_alphanumeric", "is_whitespace", "is_ascii_digit", "is_ascii_alphabetic"],
    &["is_ascii_uppercase", "is_ascii_lowercase"],
    &["IsLetter", "IsDigit", "IsSpace", "IsUpper", "IsLower"],
    &["strip", "lstrip", "rstrip"],
    &["trim", "trimStart", "trimEnd"],
    &["trim", "trim_start", "trim_end"],
    &["find", "rfind", "index"],
    &["find", "filter"],
    &["indexOf", "lastIndexOf"],
    &["findIndex", "findLastIndex"],
    &["Index", "LastIndex"],
    &["split", "rsplit", "splitlines"],
    &["split_once", "rsplit_once"],
    &["splitn", "rsplitn"],
    &["partition", "rpartition"],
    &["keys", "values", "items"],
    &["keys", "values", "entries"],
    &["ljust", "rjust", "center"],
    &["padStart", "padEnd"],
    &["slice", "splice", "substring"],
    &["map", "flatMap", "filter"],
    &["map", "flat_map", "filter_map"],
    &["forEach", "map"],
    &["sum", "max", "min", "len"],
    &["sum", "product"],
    &["union", "intersection", "difference", "symmetric_difference"],
    &["issubset", "issuperset"],
    &["sin", "cos", "tan"],
    &["year", "month", "day"],
    &["getFullYear", "getMonth", "getDate", "getDay"],
    &["first", "last"],
    &["skip", "take", "step_by"],
    &["skip_while", "take_while"],
    &["is_some", "is_none"],
    &["is_ok", "is_err"],
    &["is_some_and", "is_none_or"],
    &["checked_add", "checked_sub"],
    &["saturating_add", "saturating_sub"],
    &["wrapping_add", "wrapping_sub", "wrapping_mul"],
    &["bisect_left", "bisect_right"],
    &["heappush", "heappop"],
    &["insert", "remove"],
    &["insert", "push"],
    &["sorted", "reversed", "list", "set"],
    &["div_euclid", "rem_euclid"],
    &["chunks", "windows"],
    &["Atoi", "Itoa"],
    &["Min", "Max"],
    &["parseInt", "parseFloat", "Number"],
    &["sqrt", "cbrt"],
    &["isNaN", "isFinite"],
    &["unwrap_or", "unwrap_or_default"],
    &["or_insert", "and_modify"],
    &["rotate_left", "rotate_right"],
    &["lt", "gt"],
    &["discard", "pop"],
    &["concat", "push"],
    &["abs", "int", "float", "round"],
    &["quote", "unquote"],
    &["encode", "decode"],
    &["has", "get"],
    &["reduce", "reduceRight"],
    &["bytes", "chars"],
    &["Less", "Greater"],
    &["cmp", "partial_cmp"],
    &["sort", "reverse"],
];

/// Parts of names that mean the opposite of one another.
const OPPOSITES: &[(&str, &str)] = &[
    ("Front", "Back"),
    ("front", "back"),
    ("Left", "Right"),
    ("left", "right"),
    ("First", "Last"),
    ("first", "last"),
    ("Before", "After"),
    ("before", "after"),
    ("Start", "End"),
    ("start", "end"),
    ("Upper", "Lower"),
    ("upper", "lower"),
    ("Min", "Max"),
    ("min", "max"),
    ("Next", "Prev"),
    ("next", "prev"),
    ("Up", "Down"),
    ("up", "down"),
];

/// A name with one of its parts turned round.
pub fn opposite(name: &str, give: &mut dyn FnMut(String)) {
    for (one, other) in OPPOSITES {
        for (from, to) in [(one, other), (other, one)] {
            if name.contains(from) {
                give(name.replacen(from, to, 1));
            }
        }
    }
}

fn propose(site: &Site<'_, '_>, sink: &mut Sink<'_>) {
    let Some((callee, args)) = call(site.node) else { return };
    let name = member(callee).map_or(callee, |(_, name)| name);
    let text = site.text(name);
    for family in FAMILIES.iter().filter(|f| f.contains(&text)) {
        // A pair is taken for one another more often than one of many.
        let factor = if family.len() == 2 { 1.0 } else { 0.7 };
        for other in family.iter().filter(|o| **o != text) {
            sink.replace(name, *other, factor);
        }
    }
    opposite(text, &mut |other| sink.replace(name, other, 0.7));
    for (other, count) in site.functions {
        let receiver = usize::from(member(callee).is_some() && site.text(callee).starts_with("self."));
        if other != text && !other.starts_with(['<', '_']) && *count == args.len() + receiver {
            let is_known = site.functions.iter().any(|(n, _)| n == text);
            if is_known {
                sink.replace(name, other.clone(), 0.4);
            }
        }
    }
    // A chain link too many: `x.trim().lower()` for `x.lower()`.
    if let Some((object, _)) = member(callee) {
        sink.replace(site.node, site.text(object), 0.3);
    }
}
