//! The names a function can see, with a guess of what each holds.
//!
//! A light reading of one function: parameters, locals, members used, literals used. The guess is a set of hints
//! gathered from how a name is used; operators use it to try likely replacements first, never to forbid one.

use std::collections::BTreeMap;
use tree_sitter::Node;

pub use super::hints::Hints;
use super::hints::{of_type, of_value};
use super::source::{Role, Source, assignment, binary, call, descend, member, role, single};
use crate::repair::limits;

/// One visible name.
#[derive(Debug, Clone)]
pub struct Name {
    pub text: String,
    pub hints: Hints,
    /// First byte from which the name exists.
    pub from: usize,
    /// Declared type, where the language writes it.
    pub declared: Option<String>,
    pub is_parameter: bool,
}

/// One function (or the top level of a file) and what it can see.
#[derive(Debug, Clone)]
pub struct Scope<'t> {
    pub node: Node<'t>,
    pub body: Node<'t>,
    /// Name of the function, `<module>` at top level.
    pub name: String,
    pub names: Vec<Name>,
    /// Members used with each object text, and functions called with it.
    pub members: BTreeMap<String, Vec<String>>,
    /// Integer literals in the function, in order of appearance.
    pub integers: Vec<String>,
    /// String literals in the function.
    pub texts: Vec<String>,
    /// Names of lists and maps written out at the top of the file.
    pub tables: Vec<String>,
}

impl<'t> Scope<'t> {
    /// The hints of a name.
    pub fn hints(&self, name: &str) -> Hints {
        self.names.iter().find(|n| n.text == name).map_or(Hints::default(), |n| n.hints)
    }

    /// Names that exist at a byte, parameters and nearest first.
    pub fn visible(&self, at: usize) -> Vec<&Name> {
        self.names.iter().filter(|n| n.from <= at || n.is_parameter).collect()
    }

    /// The parameters of the function.
    pub fn parameters(&self) -> Vec<&Name> {
        self.names.iter().filter(|n| n.is_parameter).collect()
    }

    /// Reads one function. `node` is the function or the root of the file.
    pub fn read(source: &Source, node: Node<'t>) -> Self {
        let body = node.child_by_field_name("body").unwrap_or(node);
        let name = function_name(source, node);
        let mut scope = Self {
            node,
            body,
            name,
            names: Vec::new(),
            members: BTreeMap::new(),
            integers: Vec::new(),
            texts: Vec::new(),
            tables: Vec::new(),
        };
        let mut outer = Some(node);
        while let Some(at) = outer {
            if role(at) == Role::Function {
                scope.parameters_of(source, at);
                if at != node {
                    scope.outer_locals(source, at, node);
                }
            }
            outer = at.parent();
        }
        scope.constants(source);
        let is_module = node.parent().is_none();
        for n in descend(body) {
            if is_module && inside_function(n) {
                continue;
            }
            scope.observe(source, n);
        }
        scope
    }

    fn parameters_of(&mut self, source: &Source, function: Node<'t>) {
        if let Some(one) = function.child_by_field_name("parameter") {
            self.declare(source.slice(one), function.start_byte(), None, true);
        }
        for field in ["receiver", "parameters"] {
            let Some(list) = function.child_by_field_name(field) else { continue };
            for n in descend(list) {
                let is_name = n.kind() == "identifier" || n.kind() == "self";
                if !is_name || in_type_or_default(n, list) {
                    continue;
                }
                let declared =
                    n.parent().and_then(|p| p.child_by_field_name("type")).map(|t| source.slice(t).to_owned());
                self.declare(source.slice(n), function.start_byte(), declared, true);
            }
        }
    }

    /// Adds the names that an enclosing function binds before the inner one begins, which are visible inside too.
    fn outer_locals(&mut self, source: &Source, outer: Node<'t>, inner: Node<'t>) {
        let Some(body) = outer.child_by_field_name("body") else { return };
        for n in descend(body) {
            if n.end_byte() <= inner.start_byte() && matches!(role(n), Role::Assign | Role::Declare) {
                self.observe_assignment(source, n);
            } else if n.end_byte() <= inner.start_byte() && n.kind() == "const_spec" {
                self.observe_other(source, n);
            }
        }
    }

    /// Literals with a name at the top of the file; a few, as every name is tried in many places.
    fn constants(&mut self, source: &Source) {
        for n in descend_shallow(source.tree.root_node()) {
            let name = n.child_by_field_name("name").or_else(|| n.child_by_field_name("left"));
            let value = n.child_by_field_name("value").or_else(|| n.child_by_field_name("right")).map(single);
            let (Some(name), Some(value)) = (name, value) else { continue };
            if role(value) == Role::Collection && self.tables.len() < limits::REPAIR_NAMES_MAX {
                self.tables.push(source.slice(name).to_owned());
            }
            let literal = matches!(role(value), Role::Integer | Role::Float | Role::Text | Role::Negate);
            if literal && self.names.len() < limits::REPAIR_NAMES_MAX {
                self.declare(source.slice(name), 0, None, false);
                self.hint(source.slice(name), of_value(source, value));
            }
        }
    }

    fn declare(&mut self, text: &str, from: usize, declared: Option<String>, is_parameter: bool) {
        if text == "_" || text.is_empty() || self.names.iter().any(|n| n.text == text) {
            return;
        }
        let mut hints = Hints::default();
        if let Some(kind) = &declared {
            hints.add(of_type(kind));
        }
        self.names.push(Name { text: text.to_owned(), hints, from, declared, is_parameter });
    }

    fn hint(&mut self, text: &str, hint: Hints) {
        if let Some(name) = self.names.iter_mut().find(|n| n.text == text) {
            name.hints.add(hint);
        }
    }

    fn observe(&mut self, source: &Source, n: Node<'t>) {
        match role(n) {
            Role::Assign | Role::Declare => self.observe_assignment(source, n),
            Role::Compound => {
                if let Some(target) = n.child_by_field_name("left").or_else(|| n.named_child(0)) {
                    self.hint(source.slice(single(target)), Hints::NUMBER);
                }
            }
            Role::For => self.observe_loop(source, n),
            Role::Binary => self.observe_binary(source, n),
            Role::Index | Role::Slice => self.observe_index(source, n),
            Role::Call => self.observe_call(source, n),
            Role::Member => {
                if let Some((object, name)) = member(n) {
                    let object = source.slice(object).to_owned();
                    self.hint(&object, Hints::OBJECT);
                    let list = self.members.entry(object).or_default();
                    let name = source.slice(name).to_owned();
                    if !list.contains(&name) {
                        list.push(name);
                    }
                }
            }
            Role::Integer => push_new(&mut self.integers, source.slice(n)),
            Role::Text => push_new(&mut self.texts, source.slice(n)),
            Role::Other => self.observe_other(source, n),
            Role::Function
            | Role::Block
            | Role::If
            | Role::While
            | Role::Return
            | Role::Break
            | Role::Continue
            | Role::Expression
            | Role::Not
            | Role::Negate
            | Role::Float
            | Role::Truth
            | Role::Null
            | Role::Name
            | Role::Range
            | Role::Collection
            | Role::Ternary
            | Role::Paren
            | Role::Await
            | Role::Comment => {}
        }
    }

    fn observe_other(&mut self, source: &Source, n: Node<'t>) {
        match n.kind() {
            "for_in_clause" | "range_clause" => {
                if let Some(left) = n.child_by_field_name("left") {
                    self.declare_pattern(source, left, None);
                }
                if let Some(right) = n.child_by_field_name("right") {
                    self.hint(source.slice(right), Hints::ITERATED);
                }
            }
            "const_spec" => {
                for name in n.children_by_field_name("name", &mut n.walk()) {
                    self.declare(source.slice(name), name.start_byte(), None, false);
                }
            }
            "with_item" | "as_pattern_target" | "tuple_struct_pattern" | "closure_parameters" | "let_condition" => {
                self.declare_pattern(source, n.child_by_field_name("pattern").unwrap_or(n), None);
            }
            _ => {}
        }
    }

    fn declare_pattern(&mut self, source: &Source, pattern: Node<'t>, declared: Option<String>) {
        for n in descend(pattern) {
            if n.kind() == "identifier"
                && n.parent()
                    .is_none_or(|p| !matches!(p.kind(), "attribute" | "subscript" | "member_expression" | "call"))
            {
                let text = source.slice(n);
                if text.chars().next().is_some_and(|c| c.is_lowercase() || c == '_') {
                    self.declare(text, n.start_byte(), declared.clone(), false);
                }
            }
        }
    }

    fn observe_assignment(&mut self, source: &Source, n: Node<'t>) {
        let Some((target, value)) = assignment(n) else {
            self.declare_unset(source, n);
            return;
        };
        let declared = n.child_by_field_name("type").map(|t| source.slice(t).to_owned());
        if !matches!(role(target), Role::Member | Role::Index | Role::Slice) {
            self.declare_pattern(source, target, declared);
        }
        let hint = of_value(source, value);
        self.hint(source.slice(target), hint);
    }

    /// `var a, b []int`, `let x: u8;`: names that have a type before they have a value.
    fn declare_unset(&mut self, source: &Source, n: Node<'t>) {
        let Some(declared) = n.child_by_field_name("type").map(|t| source.slice(t).to_owned()) else { return };
        for field in ["name", "pattern"] {
            for name in n.children_by_field_name(field, &mut n.walk()) {
                self.declare_pattern(source, name, Some(declared.clone()));
            }
        }
    }

    fn observe_loop(&mut self, source: &Source, n: Node<'t>) {
        let pattern = n.child_by_field_name("left").or_else(|| n.child_by_field_name("pattern"));
        let Some(pattern) = pattern else { return };
        self.declare_pattern(source, pattern, None);
        let Some(value) = n.child_by_field_name("right").or_else(|| n.child_by_field_name("value")) else { return };
        let over = source.slice(value);
        self.hint(over, Hints::ITERATED);
        if over.starts_with("range(") || role(value) == Role::Range {
            self.hint(source.slice(pattern), Hints::NUMBER);
            self.hint(source.slice(pattern), Hints::INDEX);
        }
    }

    fn observe_binary(&mut self, source: &Source, n: Node<'t>) {
        let Some((left, op, right)) = binary(n) else { return };
        let op = source.slice(op);
        if matches!(op, "-" | "*" | "/" | "//" | "%" | "<" | ">" | "<=" | ">=") {
            self.hint(source.slice(left), Hints::NUMBER);
            self.hint(source.slice(right), Hints::NUMBER);
        }
        if matches!(op, "+" | "==" | "!=" | "===") {
            for (one, other) in [(left, right), (right, left)] {
                if matches!(role(other), Role::Integer | Role::Float) {
                    self.hint(source.slice(one), Hints::NUMBER);
                } else if role(other) == Role::Text {
                    self.hint(source.slice(one), Hints::TEXT);
                }
            }
        }
        if matches!(op, "and" | "or" | "&&" | "||") {
            self.hint(source.slice(left), Hints::TRUTH);
            self.hint(source.slice(right), Hints::TRUTH);
        }
        if matches!(op, "in" | "not in") {
            self.hint(source.slice(right), Hints::SET);
        }
    }

    fn observe_index(&mut self, source: &Source, n: Node<'t>) {
        let mut inner = super::source::parts(n).into_iter();
        let (Some(object), Some(index)) = (inner.next(), inner.next()) else { return };
        self.hint(source.slice(object), Hints::LIST);
        if role(n) == Role::Index {
            self.hint(source.slice(index), Hints::INDEX);
        }
    }

    fn observe_call(&mut self, source: &Source, n: Node<'t>) {
        let Some((callee, args)) = call(n) else { return };
        let Some((object, name)) = member(callee) else {
            let word = source.slice(callee);
            self.hint(word, Hints::CALLED);
            if let (true, Some(first)) = (matches!(word, "len" | "sum" | "sorted" | "enumerate"), args.first()) {
                self.hint(source.slice(*first), Hints::LIST);
            }
            return;
        };
        let hint = match source.slice(name) {
            "append" | "push" | "pop" | "extend" | "sort" | "push_back" | "shift" | "unshift" | "len" | "iter" => {
                Hints::LIST
            }
            "add" | "discard" | "has" => Hints::SET,
            "get" | "items" | "keys" | "values" | "setdefault" | "entry" | "contains_key" => Hints::MAP,
            "lower" | "upper" | "strip" | "split" | "startswith" | "join" | "chars" | "trim" | "toLowerCase" => {
                Hints::TEXT
            }
            _ => return,
        };
        self.hint(source.slice(object), hint);
    }
}

/// The top of a file: statements, what they declare, and what that consists of.
fn descend_shallow<'t>(root: Node<'t>) -> Vec<Node<'t>> {
    let mut level = vec![root];
    let mut out = Vec::new();
    for _ in 0..3 {
        level = level.iter().flat_map(|n| super::source::parts(*n)).filter(|n| role(*n) != Role::Function).collect();
        out.extend(level.iter().copied());
    }
    out
}

fn push_new(list: &mut Vec<String>, text: &str) {
    if !list.iter().any(|t| t == text) {
        list.push(text.to_owned());
    }
}

fn inside_function(node: Node<'_>) -> bool {
    let mut at = Some(node);
    while let Some(n) = at {
        if role(n) == Role::Function {
            return true;
        }
        at = n.parent();
    }
    false
}

fn in_type_or_default(node: Node<'_>, list: Node<'_>) -> bool {
    let mut child = node;
    while let Some(parent) = child.parent() {
        if parent == list {
            return false;
        }
        let is_type = parent.child_by_field_name("type") == Some(child);
        let is_default = parent.child_by_field_name("value") == Some(child)
            || (parent.kind() == "assignment_pattern" && parent.child_by_field_name("right") == Some(child));
        if is_type || is_default {
            return true;
        }
        child = parent;
    }
    false
}

/// The name a function is known by; arrow functions take the name they are bound to.
pub fn function_name(source: &Source, node: Node<'_>) -> String {
    if let Some(name) = node.child_by_field_name("name") {
        return source.slice(name).to_owned();
    }
    if node.parent().is_none() {
        return "<module>".to_owned();
    }
    let bound = node.parent().and_then(|p| ["name", "key", "left"].iter().find_map(|f| p.child_by_field_name(f)));
    bound.map_or_else(|| "<anonymous>".to_owned(), |n| source.slice(n).to_owned())
}
