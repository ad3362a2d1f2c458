//! Text that was not trimmed, split, joined, padded or compared the way it was meant.

use super::{Operator, Sink, Site};
use crate::repair::scope::Hints;
use crate::repair::source::{Lang, Role, call, member, parts, role};

pub const OPERATOR: Operator = Operator { name: "string handling", prior: 0.4, propose };

fn propose(site: &Site<'_, '_>, sink: &mut Sink<'_>) {
    if site.role() == Role::Text {
        literal(site, sink);
        return;
    }
    if site.node.kind() == "regex" && site.lang() == Lang::Script {
        pattern(site, sink);
    }
    if let Some((callee, args)) = call(site.node) {
        splitting(site, callee, &args, sink);
        if args.is_empty()
            && member(callee)
                .is_some_and(|(_, n)| matches!(site.text(n), "strip" | "trim" | "lower" | "toLowerCase" | "split"))
        {
            chain(site, sink, 0.5);
        }
    }
    let is_text = site.role() == Role::Name && site.is_read() && {
        let hints = site.scope.hints(site.text(site.node));
        hints.has(Hints::TEXT)
            || (hints.is_unknown() && site.scope.parameters().iter().any(|p| p.text == site.text(site.node)))
    };
    if is_text {
        chain(site, sink, 0.5);
    }
    if site.node.kind() == "interpolation" {
        if let Some(spec) = parts(site.node).iter().find(|c| c.kind() == "format_specifier") {
            for other in [":.1f", ":.2f", ":.3f", ":02d", ":d", ":,.2f", ":>2", ":03d"] {
                sink.replace(*spec, other, 0.5);
            }
        } else {
            let end = site.node.end_byte().saturating_sub(1);
            for other in [":.2f", ":02d", ":.1f", "!r"] {
                sink.span(end..end, other.to_owned(), 0.5);
            }
        }
    }
}

/// The flags and the ends of a regular expression.
fn pattern(site: &Site<'_, '_>, sink: &mut Sink<'_>) {
    let text = site.text(site.node);
    let Some((body, flags)) = text.strip_prefix('/').and_then(|t| t.rsplit_once('/')) else { return };
    for flag in ["g", "i", "m"] {
        let other = if flags.contains(flag) { flags.replace(flag, "") } else { format!("{flags}{flag}") };
        sink.replace(site.node, format!("/{body}/{other}"), if flag == "g" { 1.5 } else { 0.8 });
    }
    for other in [format!("^{body}"), format!("{body}$"), format!("^{body}$"), format!("{body}+")] {
        sink.replace(site.node, format!("/{other}/{flags}"), 0.6);
    }
    for (from, to) in [("+", "*"), ("*", "+"), ("\\d", "\\d+"), ("a-z", "a-zA-Z"), ("\\w", "\\w+"), ("\\s", "\\s+")] {
        if body.contains(from) {
            sink.replace(site.node, format!("/{}/{flags}", body.replace(from, to)), 0.5);
        }
    }
}

fn chain(site: &Site<'_, '_>, sink: &mut Sink<'_>, factor: f64) {
    let text = site.text(site.node);
    let methods: &[&str] = match site.lang() {
        Lang::Python => &[".lower()", ".strip()", ".upper()", "[::-1]"],
        Lang::Script => &[".toLowerCase()", ".trim()", ".toUpperCase()"],
        Lang::Rust => &[".trim()", ".to_lowercase()", ".to_ascii_lowercase()"],
        Lang::Go => {
            for wrap in ["strings.ToLower", "strings.TrimSpace", "strings.ToUpper"] {
                sink.replace(site.node, format!("{wrap}({text})"), factor);
            }
            return;
        }
    };
    for method in methods {
        sink.replace(site.node, format!("{text}{method}"), factor);
    }
}

fn literal(site: &Site<'_, '_>, sink: &mut Sink<'_>) {
    let text = site.text(site.node);
    let parent = site.node.parent().map(|p| p.kind()).unwrap_or_default();
    let quote = text.chars().next().unwrap_or('"');
    if parent == "expression_statement" || parent.contains("import") || !matches!(quote, '"' | '\'') || text.len() > 60
    {
        return;
    }
    let inner = text.get(1..text.len().saturating_sub(1)).unwrap_or_default();
    let mut others: Vec<(String, f64)> = Vec::new();
    if inner.len() <= 2 {
        for other in ["", " ", ",", ", ", "-", "_", ".", ":", ";", "/", "\\n", "0", "+", "(", ")", "[", "]", "{", "}"] {
            others.push((other.to_owned(), 0.5));
        }
    }
    if let Some(swapped) = bracket(inner) {
        others.push((swapped.to_owned(), 1.0));
    }
    if inner.chars().any(char::is_lowercase) {
        others.push((inner.to_uppercase(), 0.3));
    }
    if inner.chars().any(char::is_uppercase) {
        others.push((inner.to_lowercase(), 0.3));
    }
    if inner.trim() != inner {
        others.push((inner.trim().to_owned(), 0.5));
    }
    for (from, to) in [
        ("%d", "%02d"),
        ("%m/%d", "%d/%m"),
        ("%H", "%I"),
        ("%y", "%Y"),
        (".1f", ".2f"),
        ("{}", "{:?}"),
        ("%02d", "%d"),
        ("%s", "%d"),
        ("\\d", "\\d+"),
        ("+", "*"),
        ("*", "+"),
        ("a-z", "a-zA-Z"),
        ("\\w", "\\w+"),
    ] {
        if inner.contains(from) {
            others.push((inner.replace(from, to), 0.5));
        }
    }
    for (other, factor) in others {
        sink.replace(site.node, format!("{quote}{other}{quote}"), factor);
    }
}

fn bracket(text: &str) -> Option<&'static str> {
    Some(match text {
        "(" => ")",
        ")" => "(",
        "[" => "]",
        "]" => "[",
        "{" => "}",
        "}" => "{",
        "<" => ">",
        ">" => "<",
        _ => return None,
    })
}

fn splitting(site: &Site<'_, '_>, callee: tree_sitter::Node<'_>, args: &[tree_sitter::Node<'_>], sink: &mut Sink<'_>) {
    let Some((object, name)) = member(callee) else { return };
    let word = site.text(name);
    let Some(list) = site.node.child_by_field_name("arguments") else { return };
    if site.lang() == Lang::Python {
        match (word, args) {
            ("split", [one]) => {
                sink.replace(list, format!("({}, 1)", site.text(*one)), 1.0);
                sink.replace(list, "()", 0.9);
            }
            ("split", []) => {
                for sep in ["(' ')", "(',')", "('\\n')"] {
                    sink.replace(list, sep, 0.4);
                }
            }
            ("split", [one, _]) => sink.replace(list, format!("({})", site.text(*one)), 0.5),
            ("replace", [a, b]) => sink.replace(list, format!("({}, {}, 1)", site.text(*a), site.text(*b)), 0.4),
            ("replace", [a, b, _]) => sink.replace(list, format!("({}, {})", site.text(*a), site.text(*b)), 0.8),
            ("join", [one]) if role(*one) == Role::Name => {
                sink.replace(*one, format!("map(str, {})", site.text(*one)), 0.7);
                sink.replace(*one, format!("reversed({})", site.text(*one)), 0.6);
            }
            _ => {}
        }
    }
    if site.lang() == Lang::Script && word == "replace" {
        sink.replace(name, "replaceAll", 1.2);
    }
    if site.lang() == Lang::Script && word == "join" && args.is_empty() {
        sink.replace(list, "('')", 1.0);
        sink.replace(list, "(' ')", 0.5);
    }
    if site.lang() == Lang::Rust {
        match (word, args) {
            ("split", [_]) if site.text(*args.first().unwrap_or(&name)) == "' '" => {
                sink.replace(site.node, format!("{}.split_whitespace()", site.text(object)), 1.0);
            }
            ("split", [sep]) => {
                sink.replace(site.node, format!("{}.splitn(2, {})", site.text(object), site.text(*sep)), 0.5)
            }
            ("len", []) => sink.replace(site.node, format!("{}.chars().count()", site.text(object)), 0.8),
            ("chars" | "iter" | "into_iter", []) => {
                sink.replace(site.node, format!("{}.rev()", site.text(site.node)), 0.4)
            }
            _ => {}
        }
    }
}
