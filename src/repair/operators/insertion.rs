//! The statement that was forgotten: a step of a loop, an element added to a collection, a name moved on.

use super::{Operator, Sink, Site};
use crate::repair::scope::{Hints, Name};
use crate::repair::source::{Lang, Role, Source, assignment, condition, descend, role, statements};

pub const OPERATOR: Operator = Operator { name: "missing statement", prior: 0.4, propose };

fn propose(site: &Site<'_, '_>, sink: &mut Sink<'_>) {
    let all = statements(site.node);
    if all.is_empty() || site.scope.name == "<module>" {
        return;
    }
    increments(site, &all, sink);
    for missing in forgotten(site) {
        place(site, &all, &missing, sink);
    }
}

/// A statement that may be missing, and from where on the names it uses exist.
struct Missing {
    text: String,
    factor: f64,
    from: usize,
}

/// Puts a statement after each statement of the block, and before the first.
fn place(site: &Site<'_, '_>, all: &[tree_sitter::Node<'_>], missing: &Missing, sink: &mut Sink<'_>) {
    let factor = missing.factor;
    let line = site.lang().statement(&missing.text);
    if let Some(first) = all.first().filter(|f| missing.from < f.start_byte()) {
        sink.before(*first, &line, factor * 0.9);
    }
    for one in all.iter().filter(|o| missing.from < o.end_byte()) {
        let leaves = matches!(role(*one), Role::Return | Role::Break | Role::Continue);
        // The same thing twice in a row is a kind of its own, and seldom right.
        let same =
            |s: Option<tree_sitter::Node<'_>>| s.is_some_and(|s| site.text(s).trim_end_matches(';') == missing.text);
        if leaves || same(Some(*one)) || same(one.next_named_sibling()) {
            continue;
        }
        let is_value = site.lang() == Lang::Rust && super::super::source::is_value(*one);
        if !is_value {
            sink.after(*one, &line, factor);
        }
    }
    if let Some(last) = all.last().filter(|l| role(**l) == Role::Return && all.len() > 1) {
        sink.before(*last, &line, factor * 1.2);
    }
}

/// A loop that tests a name nothing in it changes.
fn increments(site: &Site<'_, '_>, all: &[tree_sitter::Node<'_>], sink: &mut Sink<'_>) {
    let Some(owner) = site.node.parent() else { return };
    let in_while = role(owner) == Role::While || (site.lang() == Lang::Go && role(owner) == Role::For);
    let mut numbers: Vec<(String, f64)> = Vec::new();
    if let Some(test) = condition(owner).filter(|_| in_while) {
        numbers.extend(super::identifiers(site.source, test).into_iter().map(|n| (n.to_owned(), 1.8)));
    }
    for name in site.visible() {
        let counted = name.hints.has(Hints::NUMBER) && !name.is_parameter;
        if counted && !numbers.iter().any(|(n, _)| *n == name.text) {
            numbers.push((name.text.clone(), 0.7));
        }
    }
    for field in site.scope.members.get("self").into_iter().flatten() {
        if matches!(field.as_str(), "count" | "size" | "length" | "total" | "_size" | "_count" | "len") {
            numbers.push((format!("self.{field}"), 0.9));
        }
    }
    numbers.sort_by(|a, b| a.0.cmp(&b.0));
    for (name, factor) in numbers {
        for op in ["+=", "-="] {
            let factor = factor * if op == "+=" { 1.0 } else { 0.6 };
            place(site, all, &Missing { text: format!("{name} {op} 1"), factor, from: 0 }, sink);
        }
    }
}

/// Calls and assignments that would make sense here.
fn forgotten(site: &Site<'_, '_>) -> Vec<Missing> {
    let mut out = Vec::new();
    let visible = site.scope.visible(site.node.end_byte());
    let usable: Vec<&Name> =
        visible.into_iter().filter(|n| !matches!(n.text.as_str(), "self" | "this" | "cls")).collect();
    let body = site.source.slice(site.scope.body);
    for list in &usable {
        let never = !list.is_parameter && !is_filled(body, &list.text);
        let weight = if never { 1.6 } else { 0.5 };
        for item in usable.iter().filter(|i| i.text != list.text) {
            let by_type = if item.hints.has(Hints::LIST) { 0.7 } else { 1.0 };
            let from = start(list).max(start(item));
            for text in put(site.lang(), list, item) {
                out.push(Missing { text, factor: weight * by_type, from });
            }
        }
    }
    for target in usable.iter().filter(|n| !n.is_parameter || site.lang() == Lang::Python) {
        for value in usable.iter().filter(|v| v.text != target.text && target.hints.fits(v.hints)) {
            let factor = if count(body, &target.text) <= 3 { 0.7 } else { 0.3 };
            let from = start(target).max(start(value));
            out.push(Missing { text: format!("{} = {}", target.text, value.text), factor, from });
        }
        converted(site.lang(), target, &mut out);
    }
    out.extend(repeated(site));
    out.extend(restarted(site));
    out.extend(sorted(site.lang(), &usable));
    out
}

/// Names that start again in each round of a loop, and states set to another of the words of the function.
fn restarted(site: &Site<'_, '_>) -> Vec<Missing> {
    let mut out = Vec::new();
    for n in descend(site.scope.body) {
        let Some((target, value)) = assignment(n).filter(|_| role(n) != Role::Compound) else { continue };
        let (name, text) = (site.source.slice(target), site.source.slice(value));
        let from = n.end_byte();
        let starts = matches!(role(value), Role::Integer | Role::Text | Role::Truth | Role::Null | Role::Collection)
            || text.ends_with("::new()");
        if starts && role(target) == Role::Name && text.len() < 20 && from < site.node.start_byte() {
            out.push(Missing { text: format!("{name} = {text}"), factor: 0.7, from });
        }
        if matches!(role(target), Role::Index | Role::Member) {
            let others: Vec<String> = if role(value) == Role::Text {
                site.scope.texts.iter().filter(|t| *t != text).take(4).cloned().collect()
            } else if role(value) == Role::Truth {
                vec![super::constant::turned(text).to_owned()]
            } else {
                Vec::new()
            };
            out.extend(others.into_iter().map(|o| Missing { text: format!("{name} = {o}"), factor: 0.7, from: 0 }));
        }
    }
    out
}

/// Lists that were to be in order before they are used.
fn sorted(lang: Lang, usable: &[&Name]) -> Vec<Missing> {
    let lists = usable.iter().filter(|n| !n.is_parameter && n.hints.has(Hints::LIST));
    lists
        .map(|n| {
            let name = &n.text;
            let text = match lang {
                Lang::Python | Lang::Rust => format!("{name}.sort()"),
                Lang::Script => format!("{name}.sort((a, b) => a - b)"),
                Lang::Go => format!("sort.Ints({name})"),
            };
            Missing { text, factor: 0.5, from: start(n) }
        })
        .collect()
}

/// From which byte on a name can be used.
fn start(name: &Name) -> usize {
    if name.is_parameter { 0 } else { name.from }
}

/// Returns whether anything is ever added to a collection.
fn is_filled(body: &str, name: &str) -> bool {
    [".append(", ".add(", ".push(", ".insert(", ".push_back(", ".push_str(", ".set(", ".extend("]
        .iter()
        .any(|m| body.contains(&format!("{name}{m}")))
}

/// Ways to add an element to a collection.
fn put(lang: Lang, list: &Name, item: &Name) -> Vec<String> {
    let (target, value) = (&list.text, &item.text);
    let mut out = Vec::new();
    if list.hints.has(Hints::LIST) || list.hints.has(Hints::ITERATED) {
        out.push(match lang {
            Lang::Python => format!("{target}.append({value})"),
            Lang::Script | Lang::Rust => format!("{target}.push({value})"),
            Lang::Go => format!("{target} = append({target}, {value})"),
        });
    }
    if list.hints.has(Hints::SET) || list.hints.has(Hints::MAP) && lang == Lang::Go {
        out.push(match lang {
            Lang::Python | Lang::Script => format!("{target}.add({value})"),
            Lang::Rust => format!("{target}.insert({value})"),
            Lang::Go => format!("{target}[{value}] = true"),
        });
    }
    out
}

/// A value that had to be made fit before it is used.
fn converted(lang: Lang, name: &Name, out: &mut Vec<Missing>) {
    let text = &name.text;
    let forms: &[(&str, &str)] = match lang {
        Lang::Python => &[("int(", ")"), ("abs(", ")"), ("sorted(", ")"), ("", ".strip()")],
        Lang::Script => &[("Math.abs(", ")"), ("Number(", ")"), ("", ".trim()")],
        Lang::Rust | Lang::Go => &[],
    };
    for (head, tail) in forms {
        out.push(Missing { text: format!("{text} = {head}{text}{tail}"), factor: 0.3, from: start(name) });
    }
}

fn count(body: &str, name: &str) -> usize {
    body.matches(name).count()
}

/// Statements of the same function or file with one name exchanged: what is done elsewhere may be missing here.
fn repeated(site: &Site<'_, '_>) -> Vec<Missing> {
    let mut out: Vec<Missing> = Vec::new();
    let here = site.source.slice(site.node);
    let visible = site.scope.visible(site.node.end_byte());
    let known = |word: &str| visible.iter().any(|n| n.text == word);
    let mut scan = |root: tree_sitter::Node<'_>, factor: f64| {
        for n in descend(root) {
            if role(n) != Role::Expression {
                continue;
            }
            let text = site.source.slice(n).trim_end_matches(';');
            let short = text.len() < 60 && !text.contains('\n') && !text.starts_with(['"', '\'']);
            if short && !here.contains(text) && !out.iter().any(|m| m.text == text) {
                // What is done elsewhere with names that exist here too.
                let strange = free_names(site.source, n).iter().any(|w| !known(w));
                let factor = if strange { factor * 0.4 } else { factor };
                out.push(Missing { text: text.to_owned(), factor, from: 0 });
            }
        }
    };
    scan(site.scope.body, 0.8);
    let has_receiver = ["self", "this"].iter().any(|r| site.scope.members.contains_key(*r))
        || site.scope.node.child_by_field_name("receiver").is_some();
    if site.scope.node.child_by_field_name("parameters").is_some() && has_receiver {
        scan(site.source.tree.root_node(), 0.7);
    }
    out.sort_by(|a, b| b.factor.total_cmp(&a.factor));
    out.truncate(40);
    out
}

/// Names a statement uses that have to exist: not members, not what is called.
fn free_names<'s>(source: &'s Source, statement: tree_sitter::Node<'_>) -> Vec<&'s str> {
    let named = |n: &tree_sitter::Node<'_>| {
        let held = n.parent().is_some_and(|p| {
            ["attribute", "property", "field", "function"].iter().any(|f| p.child_by_field_name(f) == Some(*n))
        });
        role(*n) == Role::Name && !held
    };
    descend(statement).into_iter().filter(named).map(|n| source.slice(n)).collect()
}
