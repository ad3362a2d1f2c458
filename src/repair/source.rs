//! A source file the repair agent may change: its text, its tree, and what its nodes mean in each family of languages.
//!
//! Owns parsing and the few questions operators ask of a node. Knows nothing of tests, suspects or trials.

use crate::syntax::{self, Language};
use std::ops::Range;
use std::sync::Arc;
use tree_sitter::{Node, Tree};

/// The family of languages that a file is written in, as far as changes to it are spelled differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Lang {
    Rust,
    Python,
    /// JavaScript and its typed forms.
    Script,
    Go,
}

impl Lang {
    /// The family of a language; `None` when no operator can write it.
    pub fn of(language: Language) -> Option<Self> {
        match language {
            Language::Rust => Some(Self::Rust),
            Language::Python => Some(Self::Python),
            Language::JavaScript | Language::TypeScript | Language::Tsx => Some(Self::Script),
            Language::Go => Some(Self::Go),
            Language::C
            | Language::Cpp
            | Language::Java
            | Language::Ruby
            | Language::Bash
            | Language::Json
            | Language::Toml
            | Language::Html
            | Language::Css
            | Language::Markdown => None,
        }
    }

    /// The `and`, `or` and `not` of the language.
    pub fn logic(self) -> (&'static str, &'static str, &'static str) {
        if self == Self::Python { ("and", "or", "not ") } else { ("&&", "||", "!") }
    }

    /// A statement from an expression or assignment text.
    pub fn statement(self, text: &str) -> String {
        match self {
            Self::Python | Self::Go => text.to_owned(),
            Self::Rust | Self::Script => format!("{text};"),
        }
    }

    /// `if condition` around one statement, laid out at `indent`.
    pub fn guard(self, condition: &str, statement: &str, indent: &str) -> String {
        match self {
            Self::Python => format!("if {condition}:\n{indent}    {statement}"),
            Self::Script => {
                format!("if ({condition}) {{\n{indent}  {statement}\n{indent}}}")
            }
            Self::Go => format!("if {condition} {{\n{indent}\t{statement}\n{indent}}}"),
            Self::Rust => format!("if {condition} {{\n{indent}    {statement}\n{indent}}}"),
        }
    }

    /// The length of a collection.
    pub fn length(self, name: &str) -> String {
        match self {
            Self::Python | Self::Go => format!("len({name})"),
            Self::Script => format!("{name}.length"),
            Self::Rust => format!("{name}.len()"),
        }
    }

    /// The larger or smaller of two expressions, by the language's own function.
    pub fn extreme(self, largest: bool, one: &str, other: &str) -> String {
        let word = if largest { "max" } else { "min" };
        match self {
            Self::Python | Self::Go => format!("{word}({one}, {other})"),
            Self::Script => format!("Math.{word}({one}, {other})"),
            Self::Rust => format!("({one}).{word}({other})"),
        }
    }
}

/// A parsed file.
#[derive(Debug, Clone)]
pub struct Source {
    /// Path relative to the workspace, with forward slashes.
    pub path: Arc<str>,
    pub lang: Lang,
    pub text: String,
    pub tree: Tree,
    language: Language,
}

impl Source {
    /// Parses `text`; `None` when the language is unknown or [`syntax::parse()`] refuses the text.
    pub fn parse(path: &str, text: String) -> Option<Self> {
        let language = Language::detect(path, b"")?;
        let lang = Lang::of(language)?;
        let tree = syntax::parse(language, text.as_bytes())?;
        Some(Self { path: path.into(), lang, text, tree, language })
    }

    /// The text a node covers.
    pub fn slice(&self, node: Node<'_>) -> &str {
        self.span(node.byte_range())
    }

    /// The text of a byte range; empty when the range is not one of the file.
    pub fn span(&self, range: Range<usize>) -> &str {
        self.text.get(range).unwrap_or_default()
    }

    /// White space before the first character of the line a byte is on.
    pub fn indent(&self, at: usize) -> &str {
        let start = self.line_start(at);
        let line = self.text.get(start..).unwrap_or_default();
        let width = line.len() - line.trim_start_matches([' ', '\t']).len();
        line.get(..width).unwrap_or_default()
    }

    /// First byte of the line a byte is on.
    pub fn line_start(&self, at: usize) -> usize {
        self.text.get(..at).and_then(|head| head.rfind('\n')).map_or(0, |i| i + 1)
    }

    /// The whole text with edits applied; `None` when edits overlap or lie outside.
    pub fn with(&self, edits: &[Edit]) -> Option<String> {
        let mut order: Vec<&Edit> = edits.iter().collect();
        order.sort_by_key(|e| (e.range.start, e.range.end));
        let mut out = String::with_capacity(self.text.len() + 64);
        let mut at = 0;
        for edit in order {
            out.push_str(self.text.get(at..edit.range.start)?);
            out.push_str(&edit.text);
            at = edit.range.end;
        }
        out.push_str(self.text.get(at..)?);
        Some(out)
    }

    /// Returns whether a changed text still parses no worse than this one did.
    pub fn accepts(&self, changed: &str) -> bool {
        if self.tree.root_node().has_error() {
            return true;
        }
        syntax::parse(self.language, changed.as_bytes()).is_some_and(|t| !t.root_node().has_error())
    }
}

/// One replacement in one file: bytes out, text in.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Edit {
    pub range: Range<usize>,
    pub text: String,
}

/// The role of a node, whatever the language calls it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    Function,
    Block,
    If,
    While,
    For,
    Return,
    Break,
    Continue,
    Assign,
    Compound,
    Declare,
    Expression,
    Binary,
    Not,
    Negate,
    Integer,
    Float,
    Text,
    Truth,
    Null,
    Name,
    Member,
    Call,
    Index,
    Slice,
    Range,
    Collection,
    Ternary,
    Paren,
    Await,
    Comment,
    Other,
}

/// The role of a node.
pub fn role(node: Node<'_>) -> Role {
    match node.kind() {
        "function_definition"
        | "function_item"
        | "function_declaration"
        | "method_definition"
        | "method_declaration"
        | "generator_function_declaration"
        | "function_expression"
        | "arrow_function"
        | "func_literal" => Role::Function,
        "block" | "statement_block" => Role::Block,
        "if_statement" | "if_expression" | "elif_clause" => Role::If,
        "while_statement" | "while_expression" | "do_statement" | "loop_expression" => Role::While,
        "for_statement" | "for_expression" | "for_in_statement" => Role::For,
        "return_statement" | "return_expression" => Role::Return,
        "break_statement" | "break_expression" => Role::Break,
        "continue_statement" | "continue_expression" => Role::Continue,
        "assignment" | "assignment_expression" => Role::Assign,
        "assignment_statement" => {
            if node.child_by_field_name("operator").is_none_or(|o| o.kind() == "=") {
                Role::Assign
            } else {
                Role::Compound
            }
        }
        "augmented_assignment"
        | "compound_assignment_expr"
        | "augmented_assignment_expression"
        | "inc_statement"
        | "dec_statement"
        | "update_expression" => Role::Compound,
        "let_declaration" | "variable_declarator" | "short_var_declaration" | "var_spec" => Role::Declare,
        "expression_statement" => Role::Expression,
        "binary_expression" | "binary_operator" | "boolean_operator" | "comparison_operator" => Role::Binary,
        "not_operator" => Role::Not,
        "unary_expression" | "unary_operator" => unary(node),
        "integer" | "integer_literal" | "int_literal" => Role::Integer,
        "number" => Role::Integer,
        "float" | "float_literal" => Role::Float,
        "string"
        | "string_literal"
        | "interpreted_string_literal"
        | "raw_string_literal"
        | "char_literal"
        | "rune_literal" => Role::Text,
        "true" | "false" | "boolean_literal" => Role::Truth,
        "none" | "null" | "nil" | "undefined" => Role::Null,
        "identifier" | "shorthand_property_identifier" => Role::Name,
        "attribute" if node.child_by_field_name("object").is_some() => Role::Member,
        "member_expression" | "field_expression" | "selector_expression" => Role::Member,
        "call" | "call_expression" => Role::Call,
        "subscript" => {
            if node.child_by_field_name("subscript").is_some_and(|s| s.kind() == "slice") {
                Role::Slice
            } else {
                Role::Index
            }
        }
        "subscript_expression" | "index_expression" => Role::Index,
        "slice_expression" => Role::Slice,
        "range_expression" => Role::Range,
        "list" | "array" | "tuple" | "dictionary" | "set" | "object" | "array_expression" | "tuple_expression"
        | "composite_literal" => Role::Collection,
        "ternary_expression" | "conditional_expression" => Role::Ternary,
        "parenthesized_expression" => Role::Paren,
        "await" | "await_expression" => Role::Await,
        "comment" | "line_comment" | "block_comment" => Role::Comment,
        _ => Role::Other,
    }
}

fn unary(node: Node<'_>) -> Role {
    match node.child(0).map(|c| c.kind()) {
        Some("!") => Role::Not,
        Some("-") => Role::Negate,
        Some(_) | None => Role::Other,
    }
}

/// Returns whether a node is where a value is expected: something an expression may replace.
pub fn is_value(node: Node<'_>) -> bool {
    matches!(
        role(node),
        Role::Binary
            | Role::Not
            | Role::Negate
            | Role::Integer
            | Role::Float
            | Role::Text
            | Role::Truth
            | Role::Null
            | Role::Name
            | Role::Member
            | Role::Call
            | Role::Index
            | Role::Slice
            | Role::Range
            | Role::Collection
            | Role::Ternary
            | Role::Paren
            | Role::Await
    )
}

/// Named children, comments left out.
pub fn parts(node: Node<'_>) -> Vec<Node<'_>> {
    let mut cursor = node.walk();
    node.named_children(&mut cursor).filter(|c| role(*c) != Role::Comment).collect()
}

/// The two sides and the operator token of a binary node (chained comparisons have none).
pub fn binary(node: Node<'_>) -> Option<(Node<'_>, Node<'_>, Node<'_>)> {
    if role(node) != Role::Binary {
        return None;
    }
    let mut cursor = node.walk();
    let all: Vec<Node<'_>> = node.children(&mut cursor).filter(|c| role(*c) != Role::Comment).collect();
    match all.as_slice() {
        [left, op, right] => Some((*left, *op, *right)),
        _ => None,
    }
}

/// Callee and arguments of a call.
pub fn call(node: Node<'_>) -> Option<(Node<'_>, Vec<Node<'_>>)> {
    if role(node) != Role::Call {
        return None;
    }
    let callee = node.child_by_field_name("function")?;
    let arguments = node.child_by_field_name("arguments")?;
    if arguments.kind() == "generator_expression" {
        return Some((callee, vec![arguments]));
    }
    if !arguments.kind().contains("arg") {
        return None;
    }
    Some((callee, parts(arguments)))
}

/// Object and member name of `object.member`.
pub fn member(node: Node<'_>) -> Option<(Node<'_>, Node<'_>)> {
    if role(node) != Role::Member {
        return None;
    }
    let object = ["object", "value", "operand"].iter().find_map(|f| node.child_by_field_name(f))?;
    let name = ["attribute", "property", "field"].iter().find_map(|f| node.child_by_field_name(f))?;
    Some((object, name))
}

/// Target and value of an assignment or declaration.
pub fn assignment(node: Node<'_>) -> Option<(Node<'_>, Node<'_>)> {
    if !matches!(role(node), Role::Assign | Role::Declare | Role::Compound) {
        return None;
    }
    let target = ["left", "name", "pattern"].iter().find_map(|f| node.child_by_field_name(f))?;
    let value = ["right", "value"].iter().find_map(|f| node.child_by_field_name(f))?;
    Some((single(target), single(value)))
}

/// Unwraps Go's one-element expression lists.
pub fn single(node: Node<'_>) -> Node<'_> {
    if node.kind() == "expression_list" && node.named_child_count() == 1 {
        return node.named_child(0).unwrap_or(node);
    }
    node
}

/// Returns the value of a `return`.
pub fn returned(node: Node<'_>) -> Option<Node<'_>> {
    node.named_child(0).map(single)
}

/// Returns whether a statement is only a text: the documentation of a Python function.
pub fn is_docstring(statement: Node<'_>) -> bool {
    role(statement) == Role::Expression && statement.named_child(0).is_some_and(|c| role(c) == Role::Text)
}

/// The condition a node decides by, without JavaScript's parentheses.
pub fn condition(node: Node<'_>) -> Option<Node<'_>> {
    let found = match role(node) {
        Role::If | Role::While | Role::Ternary => {
            if node.kind() == "conditional_expression" {
                node.named_child(1)?
            } else {
                node.child_by_field_name("condition")?
            }
        }
        Role::For => {
            let clause = parts(node).into_iter().find(|c| c.kind() == "for_clause");
            match clause {
                Some(clause) => clause.child_by_field_name("condition")?,
                None => node.child_by_field_name("condition").filter(|c| c.is_named()).or_else(|| {
                    parts(node).into_iter().find(|c| role(*c) == Role::Binary && node.kind() == "for_statement")
                })?,
            }
        }
        Role::Function
        | Role::Block
        | Role::Return
        | Role::Break
        | Role::Continue
        | Role::Assign
        | Role::Compound
        | Role::Declare
        | Role::Expression
        | Role::Binary
        | Role::Not
        | Role::Negate
        | Role::Integer
        | Role::Float
        | Role::Text
        | Role::Truth
        | Role::Null
        | Role::Name
        | Role::Member
        | Role::Call
        | Role::Index
        | Role::Slice
        | Role::Range
        | Role::Collection
        | Role::Paren
        | Role::Await
        | Role::Comment
        | Role::Other => return None,
    };
    if found.kind() == "parenthesized_expression" { found.named_child(0) } else { Some(found) }
}

/// The statements of a block (Go keeps them in a list inside the braces).
pub fn statements(block: Node<'_>) -> Vec<Node<'_>> {
    if role(block) != Role::Block {
        return Vec::new();
    }
    let inner = parts(block);
    match inner.as_slice() {
        [list] if list.kind() == "statement_list" => parts(*list),
        _ => inner,
    }
}

/// Returns whether a text can be beside an operator without parentheses.
pub fn atom(node: Node<'_>) -> bool {
    !matches!(
        role(node),
        Role::Binary
            | Role::Not
            | Role::Negate
            | Role::Ternary
            | Role::Range
            | Role::Await
            | Role::Other
            | Role::Assign
            | Role::Function
    )
}

/// All nodes below and including `root`, in source order.
pub fn descend(root: Node<'_>) -> Vec<Node<'_>> {
    let mut out = Vec::new();
    let mut stack = vec![root];
    while let Some(node) = stack.pop() {
        out.push(node);
        let mut cursor = node.walk();
        let children: Vec<Node<'_>> = node.named_children(&mut cursor).collect();
        stack.extend(children.into_iter().rev());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The scanner of the Python grammar aborts the process at such a file; the host would be gone with it.
    #[test]
    fn a_source_that_overflows_a_scanner_is_passed_over() {
        let deep: String = (0..600).map(|n| format!("{}if x:\n", " ".repeat(n))).collect();
        assert!(Source::parse("deep.py", deep.clone()).is_none());
        let flat = Source::parse("flat.py", "x = 1\n".to_owned()).unwrap();
        assert!(!flat.accepts(&deep));
    }
}
