//! The check that was forgotten: empty input, nothing there, zero divisor, index out of bounds, base case.

use super::{Operator, Sink, Site};
use crate::repair::scope::{Hints, Name};
use crate::repair::source::{
    Lang, Role, binary, condition, descend, is_docstring, member, parts, returned, role, statements,
};
use tree_sitter::Node;

pub const OPERATOR: Operator = Operator { name: "guard", prior: 0.4, propose };

fn propose(site: &Site<'_, '_>, sink: &mut Sink<'_>) {
    if site.role() == Role::Block && site.node == site.scope.body && site.scope.name != "<module>" {
        at_the_top(site, sink);
    }
    if let Some(test) = condition(site.node) {
        widen(site, test, sink);
    }
    if site.role() == Role::Binary {
        divisor(site, sink);
    }
    if site.role() == Role::Block {
        loop_skip(site, sink);
    }
}

/// Tests that say "nothing to do here" for a name, with how likely each is.
fn emptiness(site: &Site<'_, '_>, name: &str, hints: Hints) -> Vec<(String, f64)> {
    let mut out = Vec::new();
    let number = hints.has(Hints::NUMBER) || hints.is_unknown();
    let listed =
        hints.has(Hints::LIST) || hints.has(Hints::ITERATED) || hints.has(Hints::TEXT) || hints.has(Hints::MAP);
    let sized = listed || hints.is_unknown();
    match site.lang() {
        Lang::Python => {
            out.push((format!("not {name}"), if hints.has(Hints::NUMBER) { 0.5 } else { 1.0 }));
            out.push((format!("{name} is None"), 0.6));
            if number {
                out.extend(bounds(site.lang(), name));
            }
            if sized {
                out.push((format!("len({name}) <= 1"), 0.4));
            }
        }
        Lang::Script => {
            if sized {
                out.push((format!("{name}.length === 0"), 0.9));
                out.push((format!("{name}.length <= 1"), 0.4));
            }
            out.push((format!("!{name}"), 0.8));
            out.push((format!("{name} == null"), 0.5));
            if number {
                out.extend(bounds(site.lang(), name));
            }
        }
        Lang::Go => {
            if sized {
                out.extend([(format!("len({name}) == 0"), 1.0), (format!("len({name}) <= 1"), 0.4)]);
            }
            if number {
                out.extend(bounds(site.lang(), name));
            }
            if hints.has(Hints::OBJECT) {
                out.push((format!("{name} == nil"), 0.6));
            }
            if hints.has(Hints::TEXT) {
                out.push((format!("{name} == \"\""), 0.4));
            }
        }
        Lang::Rust => {
            if sized {
                out.extend([(format!("{name}.is_empty()"), 1.0), (format!("{name}.len() <= 1"), 0.4)]);
            }
            if number {
                out.extend(bounds(site.lang(), name));
            }
        }
    }
    out
}

/// The same for a name that holds a number.
fn bounds(lang: Lang, name: &str) -> Vec<(String, f64)> {
    let tests: &[(&str, f64)] = match lang {
        Lang::Python => &[("<= 0", 0.5), ("== 0", 0.7), ("< 0", 0.6), ("<= 1", 0.5), ("< 2", 0.4)],
        Lang::Script => &[("<= 0", 0.4), ("=== 0", 0.7), ("< 0", 0.6), ("<= 1", 0.5)],
        Lang::Go => &[("== 0", 0.8), ("<= 0", 0.5), ("< 0", 0.6), ("<= 1", 0.5)],
        Lang::Rust => &[("== 0", 0.8), ("<= 0", 0.3), ("< 0", 0.4), ("<= 1", 0.5)],
    };
    tests.iter().map(|(test, likely)| (format!("{name} {test}"), *likely)).collect()
}

/// Returns the values that a function with nothing to do may return, judged from its other returns.
fn answers(site: &Site<'_, '_>, name: &str) -> Vec<(String, f64)> {
    let lang = site.lang();
    let mut out: Vec<(String, f64)> = Vec::new();
    for n in descend(site.scope.body) {
        if role(n) != Role::Return {
            continue;
        }
        let Some(value) = returned(n) else { continue };
        let literal = matches!(
            role(value),
            Role::Integer | Role::Float | Role::Text | Role::Truth | Role::Null | Role::Collection
        );
        if literal && site.text(value).len() < 30 {
            out.push((site.text(value).to_owned(), 0.8));
        }
    }
    let usual: &[(&str, f64)] = match lang {
        Lang::Python => &[
            ("0", 0.8),
            ("[]", 0.7),
            ("None", 0.7),
            ("False", 0.5),
            ("True", 0.4),
            ("1", 0.5),
            ("''", 0.5),
            ("-1", 0.3),
            ("{}", 0.3),
            ("0.0", 0.3),
        ],
        Lang::Script => &[
            ("0", 0.8),
            ("[]", 0.7),
            ("null", 0.6),
            ("false", 0.5),
            ("true", 0.4),
            ("1", 0.5),
            ("''", 0.5),
            ("undefined", 0.4),
            ("-1", 0.3),
            ("{}", 0.3),
        ],
        Lang::Go => &[("0", 0.8), ("nil", 0.8), ("false", 0.5), ("true", 0.4), ("1", 0.5), ("\"\"", 0.6), ("-1", 0.3)],
        Lang::Rust => &[
            ("0", 0.7),
            ("None", 0.8),
            ("Vec::new()", 0.8),
            ("false", 0.5),
            ("true", 0.4),
            ("1", 0.5),
            ("String::new()", 0.6),
            ("0.0", 0.5),
            ("vec![]", 0.2),
            ("Some(0)", 0.2),
            ("Default::default()", 0.4),
        ],
    };
    for (text, factor) in usual {
        if !out.iter().any(|(t, _)| t == text) {
            out.push(((*text).to_owned(), *factor));
        }
    }
    out.push((name.to_owned(), 0.6));
    out.push((format!("[{name}]"), 0.15));
    if fits_return(site, "bool").is_some_and(|fits| fits) {
        out.retain(|(t, _)| matches!(t.as_str(), "true" | "false"));
    }
    out
}

/// Returns whether the declared return type is the given one; `None` when nothing is declared.
fn fits_return(site: &Site<'_, '_>, kind: &str) -> Option<bool> {
    let declared =
        site.scope.node.child_by_field_name("return_type").or_else(|| site.scope.node.child_by_field_name("result"))?;
    Some(site.text(declared).trim_start_matches([':', ' ']) == kind)
}

fn at_the_top(site: &Site<'_, '_>, sink: &mut Sink<'_>) {
    let all = statements(site.node);
    let Some(first) = all.iter().find(|s| !is_docstring(**s)) else { return };
    let indent = site.source.indent(first.start_byte()).to_owned();
    let own_name = site.scope.name.as_str();
    let recursive = super::identifiers(site.source, site.scope.body).contains(own_name);
    for name in site.scope.parameters() {
        if matches!(name.text.as_str(), "self" | "this" | "cls") {
            continue;
        }
        for (test, likely) in emptiness(site, &name.text, name.hints) {
            for (value, fit) in answers(site, &name.text) {
                let guard = site.lang().guard(&test, &site.lang().statement(&format!("return {value}")), &indent);
                let bonus = if recursive { 1.3 } else { 1.0 };
                sink.before(*first, &guard, likely * fit * bonus);
            }
        }
        if site.lang() == Lang::Python && name.hints.has(Hints::NUMBER) {
            for kind in ["ValueError", "TypeError"] {
                let guard = site.lang().guard(
                    &format!("{} < 0", name.text),
                    &format!("raise {kind}(\"{} must not be negative\")", name.text),
                    &indent,
                );
                sink.before(*first, &guard, 0.3);
                let guard = site.lang().guard(
                    &format!("{} <= 0", name.text),
                    &format!("raise {kind}(\"{} must be positive\")", name.text),
                    &indent,
                );
                sink.before(*first, &guard, 0.2);
            }
        }
    }
    if site.lang() == Lang::Python {
        for error in ["ValueError", "IndexError", "KeyError"] {
            for list in site.scope.members.get("self").into_iter().flatten().take(4) {
                let guard = site.lang().guard(
                    &format!("not self.{list}"),
                    &format!("raise {error}(\"{list} is empty\")"),
                    &indent,
                );
                sink.before(*first, &guard, 0.15);
            }
        }
    }
}

/// A condition that lacks a case: `x is None or …`, `… and i < len(a)`.
fn widen(site: &Site<'_, '_>, test: Node<'_>, sink: &mut Sink<'_>) {
    let (and, or, _) = site.lang().logic();
    let text = site.operand_of(test, or);
    for (object, factor) in dereferenced(site, test) {
        let (missing, there) = match site.lang() {
            Lang::Python => (format!("{object} is None"), format!("{object} is not None")),
            Lang::Script => (format!("!{object}"), object.clone()),
            Lang::Go => (format!("{object} == nil"), format!("{object} != nil")),
            Lang::Rust => continue,
        };
        sink.replace(test, format!("{missing} {or} {text}"), 1.2 * factor);
        sink.replace(test, format!("{there} {and} {}", site.operand_of(test, and)), 1.2 * factor);
    }
    for name in site.visible() {
        if matches!(name.text.as_str(), "self" | "this" | "cls") {
            continue;
        }
        for (case, likely) in emptiness(site, &name.text, name.hints) {
            sink.replace(test, format!("{text} {or} {case}"), 0.7 * likely);
        }
        let bounded = name.hints.has(Hints::INDEX) || name.hints.has(Hints::NUMBER);
        if bounded && site.role() != Role::Ternary {
            for list in site.visible().iter().filter(|l| l.hints.has(Hints::LIST)) {
                let length = site.lang().length(&list.text);
                sink.replace(test, format!("{} < {length} {and} {}", name.text, site.operand_of(test, and)), 0.7);
            }
            let part = site.operand_of(test, and);
            sink.replace(test, format!("{} >= 0 {and} {part}", name.text), 0.5);
            sink.replace(test, format!("{} > 0 {and} {part}", name.text), 0.5);
        }
        let part = site.operand_of(test, and);
        let truthy = site.filled(name);
        sink.replace(test, format!("{truthy} {and} {part}"), 0.5);
    }
}

/// Objects the condition reaches into: `a.b` needs `a`, `a.b.c` needs `a.b` too.
fn dereferenced(site: &Site<'_, '_>, test: Node<'_>) -> Vec<(String, f64)> {
    let mut out: Vec<(String, f64)> = Vec::new();
    for n in descend(test) {
        let Some((object, _)) = member(n) else { continue };
        let text = site.text(object);
        let simple = matches!(role(object), Role::Name | Role::Member);
        if simple && !matches!(text, "self" | "this" | "Math" | "math") && !out.iter().any(|(t, _)| t == text) {
            out.push((text.to_owned(), 1.0));
        }
        // The thing tested may be missing while its own test asks for its member.
        if let Some((root, _)) = member(object) {
            let root = site.text(root);
            if !matches!(root, "self" | "this") && !out.iter().any(|(t, _)| t == root) {
                out.push((root.to_owned(), 0.6));
            }
        }
    }
    out
}

fn divisor(site: &Site<'_, '_>, sink: &mut Sink<'_>) {
    let Some((_, op, right)) = binary(site.node) else { return };
    if !matches!(site.text(op), "/" | "//" | "%") || role(right) == Role::Integer {
        return;
    }
    let (divisor, text) = (site.operand(right), site.text(site.node));
    match site.lang() {
        Lang::Python => {
            for value in ["0", "0.0", "None"] {
                sink.replace(site.node, format!("({text} if {divisor} else {value})"), 0.6);
            }
            sink.replace(right, format!("max(1, {})", site.text(right)), 0.4);
        }
        Lang::Script => sink.replace(site.node, format!("({divisor} ? {text} : 0)"), 0.6),
        Lang::Rust => sink.replace(site.node, format!("(if {divisor} == 0 {{ 0 }} else {{ {text} }})"), 0.5),
        Lang::Go => {}
    }
}

/// Rounds of a loop that should be skipped.
fn loop_skip(site: &Site<'_, '_>, sink: &mut Sink<'_>) {
    let Some(owner) = site.node.parent().filter(|p| matches!(role(*p), Role::For)) else { return };
    let Some(first) = statements(site.node).first().copied() else { return };
    let target = ["left", "pattern"].iter().find_map(|f| owner.child_by_field_name(f));
    let Some(target) = target else { return };
    let indent = site.source.indent(first.start_byte()).to_owned();
    let names: Vec<Node<'_>> = if role(target) == Role::Name { vec![target] } else { parts(target) };
    for n in names {
        let text = site.text(n);
        for (test, likely) in emptiness(site, text, site.scope.hints(text)) {
            let guard = site.lang().guard(&test, &site.lang().statement("continue"), &indent);
            sink.before(first, &guard, likely * 0.5);
        }
        for set in site.visible().iter().filter(|s| s.hints.has(Hints::SET) || s.hints.has(Hints::MAP)) {
            let test = match site.lang() {
                Lang::Python => format!("{text} in {}", set.text),
                Lang::Script => format!("{}.has({text})", set.text),
                Lang::Go => format!("{}[{text}]", set.text),
                Lang::Rust => format!("{}.contains(&{text})", set.text),
            };
            let guard = site.lang().guard(&test, &site.lang().statement("continue"), &indent);
            sink.before(first, &guard, 0.8);
        }
    }
}

impl Site<'_, '_> {
    /// The test whether a list, text or map holds anything, as the language has it.
    pub(super) fn filled(&self, name: &Name) -> String {
        let text = &name.text;
        match self.lang() {
            Lang::Script if name.hints.has(Hints::LIST) => {
                format!("{text}.length > 0")
            }
            Lang::Python | Lang::Script => text.clone(),
            Lang::Go => format!("len({text}) > 0"),
            Lang::Rust => format!("!{text}.is_empty()"),
        }
    }

    /// Text of a condition, in parentheses when it mixes badly with `joined`.
    fn operand_of(&self, node: Node<'_>, joined: &str) -> String {
        let text = self.text(node);
        let mixes = binary(node).is_some_and(|(_, op, _)| {
            let word = self.text(op);
            matches!(word, "and" | "or" | "&&" | "||") && word != joined
        });
        if mixes || role(node) == Role::Ternary { format!("({text})") } else { text.to_owned() }
    }
}
