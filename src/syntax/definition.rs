//! The tree nodes that define something, language by language, and the place of the name.
//!
//! A table row is a node kind, what it defines and a [`Site`]; odd shapes (C declarators, `impl`,
//! functions stored in variables) have a site of their own.

use crate::syntax::Language;
use crate::syntax::symbols::SymbolKind::{self, *};
use std::ops::Range;
use tree_sitter::Node;

/// Declarators may nest (`int *(*f(void))[3]`); deeper ones are not looked into.
const DECLARATOR_DEPTH_MAX: usize = 32;

/// A definition found at a node.
pub(super) struct Definition {
    pub kind: SymbolKind,
    /// Byte ranges of the name's parts: one, or trait and type of an `impl`.
    pub name: Vec<Range<usize>>,
    /// A container written in front of the name.
    pub owner: Option<Range<usize>>,
}

/// Returns whether a node is a name in the code: not a keyword, a comment or a text.
pub(super) fn is_identifier(node: Node<'_>) -> bool {
    // Ruby's classes are constants; commands of shells are words.
    node.child_count() == 0 && (node.kind().ends_with("identifier") || matches!(node.kind(), "constant" | "word"))
}

/// The place where a defining node keeps its name, and the condition under which it counts.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Site {
    /// Field `name`.
    Name,
    /// Field `name`, only with a `body` (a mere mention has none).
    NameWithBody,
    /// Field `name`, only outside functions.
    OuterName,
    /// Rust `impl`: fields `trait` and `type`.
    Impl,
    /// C and C++: down the `declarator` fields.
    Declarator,
    /// Go method: `name`, owner from the receiver's type.
    Receiver,
    /// Ruby `def self.x`: `name`, owner from `object`.
    Object,
    /// Something stored under a name: value field and name field; a function counts anywhere, a class
    /// too, another value only outside functions where the row's kind says so.
    Stored { name: &'static str, value: &'static str },
}

type Row = (&'static str, SymbolKind, Site);

const RUST: &[Row] = &[
    ("function_item", Function, Site::Name),
    ("function_signature_item", Function, Site::Name),
    ("struct_item", Struct, Site::Name),
    ("enum_item", Enum, Site::Name),
    ("union_item", Union, Site::Name),
    ("trait_item", Interface, Site::Name),
    ("impl_item", Impl, Site::Impl),
    ("mod_item", Module, Site::Name),
    ("type_item", Type, Site::Name),
    ("const_item", Constant, Site::Name),
    ("static_item", Constant, Site::Name),
    ("macro_definition", Macro, Site::Name),
];

const PYTHON: &[Row] = &[
    ("function_definition", Function, Site::Name),
    ("class_definition", Class, Site::Name),
    ("type_alias_statement", Type, Site::Name),
    ("assignment", Variable, Site::Stored { name: "left", value: "right" }),
];

const JAVASCRIPT: &[Row] = &[
    ("function_declaration", Function, Site::Name),
    ("generator_function_declaration", Function, Site::Name),
    ("class_declaration", Class, Site::Name),
    ("method_definition", Method, Site::Name),
    ("variable_declarator", Variable, Site::Stored { name: "name", value: "value" }),
    ("assignment_expression", Function, Site::Stored { name: "left", value: "right" }),
    ("pair", Method, Site::Stored { name: "key", value: "value" }),
    ("field_definition", Method, Site::Stored { name: "property", value: "value" }),
    // TypeScript only from here on; the kinds do not occur in JavaScript trees.
    ("public_field_definition", Method, Site::Stored { name: "name", value: "value" }),
    ("abstract_class_declaration", Class, Site::Name),
    ("abstract_method_signature", Method, Site::Name),
    ("method_signature", Method, Site::Name),
    ("function_signature", Function, Site::Name),
    ("interface_declaration", Interface, Site::Name),
    ("enum_declaration", Enum, Site::Name),
    ("type_alias_declaration", Type, Site::Name),
    ("internal_module", Module, Site::Name),
    ("module", Module, Site::NameWithBody),
];

const GO: &[Row] = &[
    ("function_declaration", Function, Site::Name),
    ("method_declaration", Method, Site::Receiver),
    ("type_spec", Type, Site::Name),
    ("type_alias", Type, Site::Name),
    ("const_spec", Constant, Site::OuterName),
    ("var_spec", Variable, Site::OuterName),
];

const C: &[Row] = &[
    ("function_definition", Function, Site::Declarator),
    ("struct_specifier", Struct, Site::NameWithBody),
    ("union_specifier", Union, Site::NameWithBody),
    ("enum_specifier", Enum, Site::NameWithBody),
    ("type_definition", Type, Site::Declarator),
    ("preproc_def", Macro, Site::Name),
    ("preproc_function_def", Macro, Site::Name),
    // C++ only from here on.
    ("class_specifier", Class, Site::NameWithBody),
    ("namespace_definition", Module, Site::Name),
    ("alias_declaration", Type, Site::Name),
    ("concept_definition", Interface, Site::Name),
];

const JAVA: &[Row] = &[
    ("class_declaration", Class, Site::Name),
    ("record_declaration", Class, Site::Name),
    ("interface_declaration", Interface, Site::Name),
    ("annotation_type_declaration", Interface, Site::Name),
    ("enum_declaration", Enum, Site::Name),
    ("method_declaration", Method, Site::Name),
    ("constructor_declaration", Method, Site::Name),
    ("compact_constructor_declaration", Method, Site::Name),
];

const RUBY: &[Row] = &[
    ("class", Class, Site::Name),
    ("module", Module, Site::Name),
    ("method", Function, Site::Name),
    ("singleton_method", Method, Site::Object),
    ("assignment", Constant, Site::Stored { name: "left", value: "right" }),
];

const BASH: &[Row] = &[("function_definition", Function, Site::Name)];

/// The defining nodes of a language; empty where definitions are not listed.
pub(super) fn table(language: Language) -> &'static [Row] {
    match language {
        Language::Rust => RUST,
        Language::Python => PYTHON,
        Language::JavaScript | Language::TypeScript | Language::Tsx => JAVASCRIPT,
        Language::Go => GO,
        Language::C | Language::Cpp => C,
        Language::Java => JAVA,
        Language::Ruby => RUBY,
        Language::Bash => BASH,
        Language::Json | Language::Toml | Language::Html | Language::Css | Language::Markdown => &[],
    }
}

/// Returns what `node` defines; `inside_callable` tells whether it is in a function body.
pub(super) fn of(language: Language, node: Node<'_>, inside_callable: bool) -> Option<Definition> {
    if !node.is_named() {
        return None;
    }
    let node_kind = node.kind();
    let &(_, kind, site) = table(language).iter().find(|(name, _, _)| *name == node_kind)?;
    let field = |name: &str| node.child_by_field_name(name);
    let plain = |kind, name: Node<'_>| Definition { kind, name: vec![name.byte_range()], owner: None };
    match site {
        Site::Name if kind == Type && language == Language::Go => Some(plain(go_type(field("type")), field("name")?)),
        Site::Name => Some(plain(kind, field("name")?)),
        Site::NameWithBody => field("body").and(field("name")).map(|name| plain(kind, name)),
        Site::OuterName if inside_callable => None,
        Site::OuterName => Some(plain(kind, field("name")?)),
        Site::Impl => {
            let name = field("trait").into_iter().chain(field("type")).map(|n| n.byte_range());
            Some(Definition { kind, name: name.collect(), owner: None })
        }
        Site::Declarator => declared(kind, field("declarator")?),
        Site::Receiver => {
            let owner = field("receiver").and_then(receiver_type).map(|n| n.byte_range());
            Some(Definition { owner, ..plain(kind, field("name")?) })
        }
        Site::Object => {
            // `def self.x` belongs to the class around it; only another object is news.
            let owner = field("object").filter(|o| o.kind() != "self").map(|o| o.byte_range());
            Some(Definition { owner, ..plain(kind, field("name")?) })
        }
        Site::Stored { name, value } => stored(kind, field(name)?, field(value), inside_callable),
    }
}

/// Go's `type X struct`, `interface` or anything else.
fn go_type(kind: Option<Node<'_>>) -> SymbolKind {
    match kind.map(|k| k.kind()) {
        Some("struct_type") => Struct,
        Some("interface_type") => Interface,
        _ => Type,
    }
}

/// The type name in a Go receiver `(t *Tokens[T])`.
fn receiver_type(receiver: Node<'_>) -> Option<Node<'_>> {
    let parameter = receiver.named_child(0)?;
    let mut at = parameter.child_by_field_name("type")?;
    for _ in 0..DECLARATOR_DEPTH_MAX {
        at = match at.kind() {
            "type_identifier" => return Some(at),
            "generic_type" => at.child_by_field_name("type")?,
            _ => at.named_child(0)?,
        };
    }
    None
}

/// The name at the bottom of C declarators.
fn declared(kind: SymbolKind, declarator: Node<'_>) -> Option<Definition> {
    let mut at = declarator;
    let mut owner: Option<Range<usize>> = None;
    for _ in 0..DECLARATOR_DEPTH_MAX {
        at = match at.kind() {
            "identifier" | "field_identifier" | "type_identifier" | "destructor_name" | "operator_name"
            | "operator_cast" | "primitive_type" => {
                let kind = if owner.is_some() && kind == Function { Method } else { kind };
                return Some(Definition { kind, name: vec![at.byte_range()], owner });
            }
            "qualified_identifier" => {
                let scope = at.child_by_field_name("scope").map(|s| s.byte_range());
                owner = match (owner, scope) {
                    (Some(outer), Some(inner)) => Some(outer.start..inner.end),
                    (outer, inner) => outer.or(inner),
                };
                at.child_by_field_name("name")?
            }
            "template_function" | "template_method" => at.child_by_field_name("name")?,
            _ => at.child_by_field_name("declarator").or_else(|| at.named_child(0))?,
        };
    }
    None
}

/// Returns the kind of a stored value that is a function or a class, and its node.
fn stored_kind(value: Node<'_>) -> Option<SymbolKind> {
    match value.kind() {
        "arrow_function" | "function_expression" | "function" | "generator_function" | "lambda" => Some(Function),
        "class" => Some(Class),
        _ => None,
    }
}

fn stored(kind: SymbolKind, name: Node<'_>, value: Option<Node<'_>>, inside_callable: bool) -> Option<Definition> {
    let held = value.and_then(stored_kind);
    let (name, owner) = match name.kind() {
        "member_expression" => {
            let object = name.child_by_field_name("object").map(|o| o.byte_range());
            (name.child_by_field_name("property")?, object)
        }
        "identifier" | "constant" | "property_identifier" | "private_property_identifier" => (name, None),
        _ => return None,
    };
    let kind = match (held, kind) {
        (Some(Function), Method) => Method,
        (Some(held), _) => held,
        (None, Variable | Constant) if !inside_callable && (kind == Variable || name.kind() == "constant") => kind,
        (None, _) => return None,
    };
    Some(Definition { kind, name: vec![name.byte_range()], owner })
}

/// The body of a definition: the node's own, or that of the function or class it stores.
pub(super) fn body(node: Node<'_>) -> Option<Range<usize>> {
    let own = node.child_by_field_name("body");
    let held = || {
        let value = node.child_by_field_name("value").or_else(|| node.child_by_field_name("right"))?;
        value.child_by_field_name("body")
    };
    own.or_else(held).map(|b| b.byte_range())
}

/// Returns whether a node of this kind belongs to the definition it wraps: decorators, `export`, `template<…>`, and the
/// statement around a single stored function.
pub(super) fn wraps(kind: &str, inner: Node<'_>) -> bool {
    match kind {
        "decorated_definition" | "export_statement" | "template_declaration" => true,
        "lexical_declaration" | "variable_declaration" | "expression_statement" => {
            matches!(inner.kind(), "variable_declarator" | "assignment_expression" | "assignment")
        }
        _ => false,
    }
}
