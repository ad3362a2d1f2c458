//! A literal that is off: by one, another literal of the same function, a truth the wrong way round.

use super::{Operator, Sink, Site};
use crate::repair::source::{Lang, Role, role};

pub const OPERATOR: Operator = Operator { name: "constant", prior: 0.6, propose };

fn propose(site: &Site<'_, '_>, sink: &mut Sink<'_>) {
    let kind = site.role();
    if kind == Role::Integer {
        integer(site, sink);
    } else if kind == Role::Float {
        float(site, sink);
    } else if kind == Role::Truth {
        sink.replace(site.node, turned(site.text(site.node)), 1.2);
    } else if kind == Role::Text {
        text(site, sink);
    } else if site.node.kind() == "macro_invocation"
        || matches!(kind, Role::Call | Role::Collection) && matches!(site.lang(), Lang::Rust | Lang::Go)
    {
        nested(site, sink);
    } else if kind == Role::Null {
        let empty: &[&str] = match site.lang() {
            Lang::Python => &["[]", "0", "\"\"", "False", "True", "{}"],
            Lang::Go => &["0"],
            Lang::Script => &["[]", "0", "''", "false", "null", "undefined", "true"],
            Lang::Rust => &[],
        };
        for value in empty {
            sink.replace(site.node, *value, 0.4);
        }
    } else if kind == Role::Collection && matches!(site.text(site.node), "[]" | "{}") {
        if site.lang() == Lang::Python {
            sink.replace(site.node, "[[]]", 0.6);
            sink.replace(site.node, "None", 0.3);
            sink.replace(site.node, if site.text(site.node) == "[]" { "{}" } else { "[]" }, 0.1);
            sink.replace(site.node, "set()", 0.2);
        } else {
            sink.replace(site.node, "[[]]", 0.6);
            sink.replace(site.node, "null", 0.2);
        }
        for name in site.visible() {
            sink.replace(site.node, format!("[{}]", name.text), 0.5);
        }
    }
}

/// The other of the two truths.
pub fn turned(truth: &str) -> &'static str {
    match truth {
        "true" => "false",
        "false" => "true",
        "True" => "False",
        _ => "True",
    }
}

/// Nothing where a list of nothing was meant, or of a name.
fn nested(site: &Site<'_, '_>, sink: &mut Sink<'_>) {
    let text: String = site.text(site.node).split_whitespace().collect();
    if site.lang() == Lang::Rust && matches!(text.as_str(), "Vec::new()" | "vec![]") {
        sink.replace(site.node, format!("vec![{text}]"), 0.6);
        for name in site.visible() {
            sink.replace(site.node, format!("vec![{}]", name.text), 0.5);
        }
        return;
    }
    let Some(kind) = text.strip_suffix("{}").filter(|k| site.lang() == Lang::Go && k.starts_with("[]")) else {
        return;
    };
    if kind.starts_with("[][]") {
        sink.replace(site.node, format!("{kind}{{{{}}}}"), 0.6);
    }
    for name in site.visible() {
        sink.replace(site.node, format!("{kind}{{{}}}", name.text), 0.5);
    }
}

fn integer(site: &Site<'_, '_>, sink: &mut Sink<'_>) {
    let text = site.text(site.node);
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    let Ok(value) = digits.parse::<i64>() else { return };
    if text.contains(['.', 'x', 'e']) && !text.ends_with("size") {
        float(site, sink);
        return;
    }
    let suffix = text.trim_start_matches(|c: char| c.is_ascii_digit() || c == '_');
    let mut near = vec![(value + 1, 1.0), (value - 1, 1.0)];
    if value == 0 {
        // Compared for being the same, 0 may be meant as the place of what was not found.
        let parent = site.node.parent().and_then(crate::repair::source::binary);
        let is_same = parent.is_some_and(|(_, op, _)| matches!(site.text(op), "==" | "!=" | "===" | "!=="));
        near = vec![(1, 1.2), (-1, if is_same { 1.1 } else { 0.6 }), (2, 0.2)];
    } else if value == 1 {
        near = vec![(0, 1.2), (2, 0.9), (-1, 0.4), (3, 0.2)];
    }
    if value > 2 {
        near.extend([(value * 10, 0.3), (value / 10, 0.3), (value * 2, 0.2), (value / 2, 0.2), (0, 0.2), (1, 0.2)]);
        near.extend(familiar(value).iter().map(|n| (*n, 0.8)));
    }
    for (other, factor) in near {
        if other < 0 && matches!(site.lang(), Lang::Rust | Lang::Go) && factor < 0.7 {
            sink.replace(site.node, format!("{other}{suffix}"), factor * 0.3);
        } else {
            sink.replace(site.node, format!("{other}{suffix}"), factor);
        }
    }
    for other in &site.scope.integers {
        sink.replace(site.node, other.clone(), 0.5);
    }
    // A count where the thing's own number was meant.
    let counts = matches!(value, 0 | 1) && site.node.parent().is_some_and(|p| role(p) == Role::Binary);
    for name in site.scope.parameters().iter().filter(|n| counts && !matches!(n.text.as_str(), "self" | "this")) {
        for field in super::file_members(site.source, &name.text).iter().take(6) {
            sink.replace(site.node, format!("{}.{field}", name.text), 0.6);
        }
    }
}

/// Numbers people mistake for one another.
fn familiar(value: i64) -> &'static [i64] {
    match value {
        60 => &[3600, 24, 100, 1000],
        3600 => &[60, 86400],
        24 => &[12, 60],
        12 => &[24, 13],
        7 => &[5, 6],
        365 => &[366],
        366 => &[365],
        28 => &[29, 30],
        29 => &[28],
        30 => &[31, 28],
        31 => &[30],
        100 => &[1000, 400, 10],
        400 => &[100, 4],
        4 => &[100, 400],
        1000 => &[100, 1024],
        1024 => &[1000],
        10 => &[16, 2, 100],
        16 => &[10],
        8 => &[16, 7],
        32 => &[31, 273],
        255 => &[256],
        256 => &[255],
        26 => &[25],
        64 => &[63, 65],
        65 => &[64, 97],
        97 => &[65, 96],
        48 => &[47],
        _ => &[],
    }
}

fn float(site: &Site<'_, '_>, sink: &mut Sink<'_>) {
    let text = site.text(site.node);
    let Ok(value) = text.replace('_', "").parse::<f64>() else { return };
    for (other, factor) in [
        (value + 1.0, 0.6),
        (value - 1.0, 0.6),
        (value * 10.0, 0.6),
        (value / 10.0, 0.6),
        (value * 100.0, 0.4),
        (value / 100.0, 0.4),
        (1.0 - value, 0.6),
        (0.0, 0.4),
        (1.0, 0.4),
        (value * 2.0, 0.4),
        (value / 2.0, 0.4),
    ] {
        let shown = format!("{other:?}");
        if other.is_finite() && shown.len() < 12 {
            sink.replace(site.node, shown, factor);
        }
    }
    for other in &site.scope.integers {
        sink.replace(site.node, other.clone(), 0.3);
    }
}

fn text(site: &Site<'_, '_>, sink: &mut Sink<'_>) {
    let parent = site.node.parent().map(|p| p.kind()).unwrap_or_default();
    if parent == "expression_statement" || parent.contains("import") {
        return;
    }
    // One letter in the other case.
    let own = site.text(site.node);
    let mut letters = own.trim_start_matches(['b', 'u', 'r']).chars().filter(|c| !matches!(c, '\'' | '"' | '`'));
    if let (Some(letter), None) = (letters.next().filter(char::is_ascii_alphabetic), letters.next()) {
        let other = if letter.is_ascii_lowercase() { letter.to_ascii_uppercase() } else { letter.to_ascii_lowercase() };
        if let Some((head, tail)) = own.rsplit_once(letter) {
            sink.replace(site.node, format!("{head}{other}{tail}"), 0.7);
        }
    }
    for other in &site.scope.texts {
        let same_quote = other.chars().next() == site.text(site.node).chars().next();
        if same_quote && other.len() < 40 {
            sink.replace(site.node, other.clone(), 0.4);
        }
    }
}
