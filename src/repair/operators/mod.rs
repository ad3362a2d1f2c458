//! The typed mutation operators: what kinds of mistake people make, one kind a file, and the list of them.
//!
//! An operator reads one node and proposes replacements; it never runs anything. Adding one is a file and a line.

mod absent;
mod argument;
mod arithmetic;
mod awaiting;
mod boolean;
mod boundary;
mod branch;
mod comparison;
mod compound;
mod constant;
mod conversion;
mod copying;
mod default;
mod deletion;
mod division;
mod duplicate;
mod entry;
mod flow;
mod guard;
mod initial;
mod insertion;
mod leftover;
mod literal;
mod lookup;
mod method;
mod nesting;
mod order;
mod overflow;
mod range;
mod returning;
mod sorting;
mod synthesis;
mod text;
mod token;
mod transplant;
mod unkept;
mod variable;

use super::scope::{Name, Scope};
use super::source::{Edit, Lang, Role, Source, descend, parts, role};
use crate::repair::limits;
use std::collections::HashSet;
use std::ops::Range;
use std::sync::Arc;
use tree_sitter::Node;

/// One proposed change to one file.
#[derive(Debug, Clone)]
pub struct Mutation {
    pub path: Arc<str>,
    pub edits: Vec<Edit>,
    /// Name of the operator that proposed it.
    pub operator: &'static str,
    /// Line (from 1) of the first edit.
    pub line: u32,
    /// The change, in words.
    pub words: String,
    /// Probability that such a change is right before anything is tried, in (0, 1].
    pub prior: f64,
    /// Bytes of the smallest enclosing function body, if the change is within one.
    pub body: Option<Range<usize>>,
    /// Name of the enclosing function.
    pub function: Arc<str>,
}

/// A kind of mistake.
#[derive(Debug, Clone, Copy)]
pub struct Operator {
    pub name: &'static str,
    /// Probability that this kind is the right repair, in (0, 1]; multiplied by each proposal's own factor.
    pub prior: f64,
    pub propose: fn(&Site<'_, '_>, &mut Sink<'_>),
}

/// Every operator, most trusted first.
pub const OPERATORS: &[Operator] = &[
    boundary::OPERATOR,
    comparison::OPERATOR,
    argument::OPERATOR,
    range::OPERATOR,
    boolean::OPERATOR,
    constant::OPERATOR,
    variable::OPERATOR,
    method::OPERATOR,
    arithmetic::OPERATOR,
    compound::OPERATOR,
    initial::OPERATOR,
    returning::OPERATOR,
    division::OPERATOR,
    sorting::OPERATOR,
    lookup::OPERATOR,
    entry::OPERATOR,
    text::OPERATOR,
    flow::OPERATOR,
    branch::OPERATOR,
    order::OPERATOR,
    nesting::OPERATOR,
    guard::OPERATOR,
    insertion::OPERATOR,
    copying::OPERATOR,
    unkept::OPERATOR,
    leftover::OPERATOR,
    literal::OPERATOR,
    absent::OPERATOR,
    default::OPERATOR,
    awaiting::OPERATOR,
    conversion::OPERATOR,
    overflow::OPERATOR,
    synthesis::OPERATOR,
    transplant::OPERATOR,
    deletion::OPERATOR,
    duplicate::OPERATOR,
    token::OPERATOR,
];

/// A place for an operator: one node in one function of one file.
#[derive(Debug, Clone, Copy)]
pub struct Site<'s, 't> {
    pub source: &'s Source,
    pub scope: &'s Scope<'t>,
    pub node: Node<'t>,
    /// Names of the functions and methods the file defines, with their parameter counts.
    pub functions: &'s [(String, usize)],
}

impl<'s, 't> Site<'s, 't> {
    pub fn lang(&self) -> Lang {
        self.source.lang
    }

    pub fn role(&self) -> Role {
        role(self.node)
    }

    /// Text of a node.
    pub fn text(&self, node: Node<'_>) -> &'s str {
        self.source.slice(node)
    }

    /// Returns the text of a node, in parentheses unless it can be an operand as it is.
    pub fn operand(&self, node: Node<'_>) -> String {
        let text = self.text(node);
        if super::source::atom(node) { text.to_owned() } else { format!("({text})") }
    }

    /// Names visible at this node.
    pub fn visible(&self) -> Vec<&'s Name> {
        self.scope.visible(self.node.start_byte())
    }

    /// Returns whether the node is a value that an expression may replace here: not a target, a name of a call or a
    /// key.
    pub fn is_read(&self) -> bool {
        is_read(self.node)
    }

    /// Indentation of the line the node starts on.
    pub fn indent(&self) -> &'s str {
        self.source.indent(self.node.start_byte())
    }
}

/// Returns whether a value node is read (rather than assigned to, declared, called or naming something).
pub fn is_read(node: Node<'_>) -> bool {
    let Some(parent) = node.parent() else { return false };
    for field in [
        "left",
        "name",
        "pattern",
        "function",
        "attribute",
        "property",
        "field",
        "key",
        "type",
        "parameter",
        "label",
        "macro",
    ] {
        if parent.child_by_field_name(field) == Some(node) {
            let is_operand = field == "left" && role(parent) == Role::Binary;
            return is_operand;
        }
    }
    if (parent.kind() == "expression_list" || parent.kind() == "pattern_list")
        && let Some(grand) = parent.parent()
        && grand.child_by_field_name("left") == Some(parent)
    {
        return false;
    }
    !matches!(
        parent.kind(),
        "parameters"
            | "formal_parameters"
            | "closure_parameters"
            | "default_parameter"
            | "typed_parameter"
            | "parameter"
            | "import_statement"
            | "import_from_statement"
            | "dotted_name"
            | "aliased_import"
            | "use_declaration"
            | "scoped_identifier"
            | "use_list"
            | "scoped_use_list"
            | "keyword_argument"
            | "import_spec"
            | "import_specifier"
            | "global_statement"
            | "nonlocal_statement"
            | "tuple_struct_pattern"
            | "match_pattern"
            | "pattern_list"
            | "tuple_pattern"
            | "array_pattern"
            | "object_pattern"
            | "decorator"
            | "attribute_item"
            | "generic_type"
            | "inc_statement"
            | "dec_statement"
            | "update_expression"
            | "field_initializer"
            | "literal_element"
    ) || (parent.kind() == "keyword_argument" && parent.child_by_field_name("value") == Some(node))
        || (parent.kind() == "field_initializer" && parent.child_by_field_name("value") == Some(node))
        || (parent.kind() == "default_parameter" && parent.child_by_field_name("value") == Some(node))
        || parent.kind() == "literal_element"
}

/// Collects what operators propose for one file, without repeats.
#[derive(Debug)]
pub struct Sink<'s> {
    source: &'s Source,
    out: Vec<Mutation>,
    seen: HashSet<Vec<Edit>>,
    operator: &'static str,
    prior: f64,
    body: Option<Range<usize>>,
    function: Arc<str>,
}

impl<'s> Sink<'s> {
    fn new(source: &'s Source) -> Self {
        Self {
            source,
            out: Vec::new(),
            seen: HashSet::new(),
            operator: "",
            prior: 0.0,
            body: None,
            function: Arc::from(""),
        }
    }

    /// Replace a node's text; `factor` scales the operator's prior.
    pub fn replace(&mut self, node: Node<'_>, text: impl Into<String>, factor: f64) {
        self.span(node.byte_range(), text.into(), factor);
    }

    /// Replace a byte range.
    pub fn span(&mut self, range: Range<usize>, text: String, factor: f64) {
        let old = self.source.span(range.clone());
        if old == text {
            return;
        }
        let words = match (old.trim().is_empty(), text.trim().is_empty()) {
            (true, _) => format!("insert `{}`", clip(&text)),
            (false, true) => format!("remove `{}`", clip(old)),
            (false, false) => format!("`{}` becomes `{}`", clip(old), clip(&text)),
        };
        self.edits(vec![Edit { range, text }], factor, words);
    }

    /// Exchange the texts of two nodes.
    pub fn swap(&mut self, one: Node<'_>, other: Node<'_>, factor: f64) {
        let (a, b) = (self.source.slice(one).to_owned(), self.source.slice(other).to_owned());
        if a == b {
            return;
        }
        let words = format!("swap `{}` and `{}`", clip(&a), clip(&b));
        let edits = vec![Edit { range: one.byte_range(), text: b }, Edit { range: other.byte_range(), text: a }];
        self.edits(edits, factor, words);
    }

    /// Insert a statement on its own line before a node.
    pub fn before(&mut self, node: Node<'_>, text: &str, factor: f64) {
        let indent = self.source.indent(node.start_byte()).to_owned();
        let at = node.start_byte();
        self.edits(
            vec![Edit { range: at..at, text: format!("{text}\n{indent}") }],
            factor,
            format!("insert `{}` before `{}`", clip(text), clip(self.source.slice(node))),
        );
    }

    /// Insert a statement on its own line after a node.
    pub fn after(&mut self, node: Node<'_>, text: &str, factor: f64) {
        let indent = self.source.indent(node.start_byte()).to_owned();
        let mut at = node.end_byte();
        if self.source.span(at..at + 1) == ";" {
            at += 1;
        }
        self.edits(
            vec![Edit { range: at..at, text: format!("\n{indent}{text}") }],
            factor,
            format!("insert `{}` after `{}`", clip(text), clip(self.source.slice(node))),
        );
    }

    /// Several edits as one change.
    pub fn edits(&mut self, edits: Vec<Edit>, factor: f64, words: String) {
        if self.out.len() >= limits::REPAIR_MUTATIONS_PER_FILE_MAX || !self.seen.insert(edits.clone()) {
            return;
        }
        let Some(first) = edits.iter().map(|e| e.range.start).min() else { return };
        let head = self.source.text.get(..first).unwrap_or_default();
        // An insertion at the end of a line belongs to the line it follows.
        let line = head.bytes().filter(|b| *b == b'\n').count() + 1;
        self.out.push(Mutation {
            path: Arc::clone(&self.source.path),
            edits,
            operator: self.operator,
            line: u32::try_from(line).unwrap_or(u32::MAX),
            words,
            prior: (self.prior * factor).clamp(f64::MIN_POSITIVE, 1.0),
            body: self.body.clone(),
            function: Arc::clone(&self.function),
        });
    }
}

fn clip(text: &str) -> String {
    let flat = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if flat.chars().count() <= limits::REPAIR_WORDS_CHARS_MAX {
        return flat;
    }
    let mut short: String = flat.chars().take(limits::REPAIR_WORDS_CHARS_MAX).collect();
    short.push('…');
    short
}

/// The functions of a file that may be changed: not tests, not test modules.
pub fn functions(source: &Source) -> Vec<Node<'_>> {
    let mut out = Vec::new();
    let mut stack = vec![source.tree.root_node()];
    while let Some(node) = stack.pop() {
        if is_test_code(source, node) {
            continue;
        }
        if role(node) == Role::Function && node.child_by_field_name("body").is_some() {
            out.push(node);
        }
        stack.extend(parts(node).into_iter().rev());
    }
    out.sort_by_key(|n| n.start_byte());
    out
}

/// Returns whether a node is a test or a test module inside a source file.
pub fn is_test_code(source: &Source, node: Node<'_>) -> bool {
    match source.lang {
        Lang::Rust if matches!(node.kind(), "mod_item" | "function_item") => {
            let mut before = node.prev_named_sibling();
            while let Some(n) = before.filter(|n| n.kind() == "attribute_item" || role(*n) == Role::Comment) {
                let text = source.slice(n);
                if text.contains("test") && n.kind() == "attribute_item" && !text.contains("not(test)") {
                    return true;
                }
                before = n.prev_named_sibling();
            }
            false
        }
        Lang::Python => match node.kind() {
            "function_definition" => {
                node.child_by_field_name("name").is_some_and(|n| source.slice(n).starts_with("test_"))
            }
            "class_definition" => {
                node.child_by_field_name("superclasses").is_some_and(|s| source.slice(s).contains("TestCase"))
            }
            "if_statement" => {
                node.child_by_field_name("condition").is_some_and(|c| source.slice(c).contains("__name__"))
            }
            _ => false,
        },
        Lang::Rust | Lang::Script | Lang::Go => false,
    }
}

/// Everything the operators propose for a file, unranked, each still parsing, without repeats.
///
/// `wanted` says which functions to look into (by their node); top-level code is included when it wants the root.
pub fn propose(source: &Source, wanted: &dyn Fn(Node<'_>) -> bool) -> Vec<Mutation> {
    let functions_here = functions(source);
    let known: Vec<(String, usize)> = functions_here
        .iter()
        .map(|f| {
            let count = f.child_by_field_name("parameters").map_or(0, |p| parts(p).len());
            (super::scope::function_name(source, *f), count)
        })
        .collect();
    let mut sink = Sink::new(source);
    let root = source.tree.root_node();
    for function in functions_here.iter().copied().chain([root]) {
        if !wanted(function) {
            continue;
        }
        let scope = Scope::read(source, function);
        sink.function = Arc::from(scope.name.as_str());
        sink.body = (function != root && takes_variants(source, function)).then(|| scope.body.byte_range());
        for node in own_nodes(source, function) {
            let site = Site { source, scope: &scope, node, functions: &known };
            for operator in OPERATORS {
                sink.operator = operator.name;
                sink.prior = operator.prior;
                (operator.propose)(&site, &mut sink);
            }
        }
    }
    sink.out
}

/// Returns whether a function can contain several bodies at once: not where Rust wants one type or a constant.
fn takes_variants(source: &Source, function: Node<'_>) -> bool {
    let head = source.slice(function).split('{').next().unwrap_or_default();
    source.lang != Lang::Rust || !(head.contains("const fn") || head.contains("-> impl"))
}

/// Nodes of a function that are not part of a function nested in it (those are visited on their own), except small
/// lambdas, which see the enclosing names.
fn own_nodes<'t>(source: &Source, function: Node<'t>) -> Vec<Node<'t>> {
    let mut out = Vec::new();
    let mut stack = vec![function];
    while let Some(node) = stack.pop() {
        if node != function
            && (is_test_code(source, node)
                || matches!(node.kind(), "attribute_item" | "inner_attribute_item")
                || (role(node) == Role::Function && node.child_by_field_name("body").is_some()))
        {
            continue;
        }
        out.push(node);
        let mut cursor = node.walk();
        let children: Vec<Node<'t>> = node.named_children(&mut cursor).filter(|c| role(*c) != Role::Comment).collect();
        stack.extend(children.into_iter().rev());
    }
    out
}

/// The identifiers below a node.
pub fn identifiers<'s>(source: &'s Source, root: Node<'_>) -> HashSet<&'s str> {
    descend(root).into_iter().filter(|n| role(*n) == Role::Name).map(|n| source.slice(n)).collect()
}

/// Names used as members of an object text anywhere in a file, in order of appearance.
pub fn file_members(source: &Source, object: &str) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    for node in descend(source.tree.root_node()) {
        let Some((of, name)) = super::source::member(node) else { continue };
        if source.slice(of) == object && !out.iter().any(|n| n == source.slice(name)) {
            out.push(source.slice(name).to_owned());
        }
    }
    out
}

/// Names of members used with any object of a file that are not called, in order of appearance.
pub fn all_members(source: &Source) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    for node in descend(source.tree.root_node()) {
        let Some((_, name)) = super::source::member(node) else { continue };
        let is_callee = node.parent().is_some_and(|p| p.child_by_field_name("function") == Some(node));
        if !is_callee && !out.iter().any(|n| n == source.slice(name)) {
            out.push(source.slice(name).to_owned());
        }
    }
    out
}

#[cfg(test)]
mod tests;
