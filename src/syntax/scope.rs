//! The kinds of source text: the closed set of words that themes map to colors.

use serde::{Deserialize, Serialize};

/// The kind of a highlighted span. All other text has no span.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    Keyword,
    Operator,
    Punctuation,
    Comment,
    String,
    /// Escapes in strings, regular expressions, symbols.
    Escape,
    Number,
    /// Constants, booleans, null.
    Constant,
    Function,
    Macro,
    Type,
    /// Enum variants and constructors.
    Constructor,
    Variable,
    Parameter,
    Property,
    Module,
    Attribute,
    Label,
    /// Markup tag.
    Tag,
    Heading,
    Emphasis,
    Strong,
    /// Link or its target.
    Link,
    /// Code in prose.
    Literal,
}

impl Scope {
    /// Every scope, for themes and their tests.
    pub const ALL: [Scope; 24] = [
        Scope::Keyword,
        Scope::Operator,
        Scope::Punctuation,
        Scope::Comment,
        Scope::String,
        Scope::Escape,
        Scope::Number,
        Scope::Constant,
        Scope::Function,
        Scope::Macro,
        Scope::Type,
        Scope::Constructor,
        Scope::Variable,
        Scope::Parameter,
        Scope::Property,
        Scope::Module,
        Scope::Attribute,
        Scope::Label,
        Scope::Tag,
        Scope::Heading,
        Scope::Emphasis,
        Scope::Strong,
        Scope::Link,
        Scope::Literal,
    ];

    /// The scope of a capture name in a grammar's highlight query; the most specific row counts.
    pub(super) fn of_capture(name: &str) -> Option<Scope> {
        let fits =
            |prefix: &str| name.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
        CAPTURES.iter().find(|(prefix, _)| fits(prefix)).map(|&(_, scope)| scope)
    }

    /// The scope of a TextMate scope name as syntect reports it.
    pub(super) const TEXTMATE: &'static [(&'static str, Scope)] = TEXTMATE;
}

/// Capture names and what they mean; the first row that fits counts, so longer names come first.
const CAPTURES: &[(&str, Scope)] = &[
    ("comment", Scope::Comment),
    ("string.escape", Scope::Escape),
    ("string.special.key", Scope::Property),
    ("string.special", Scope::Escape),
    ("string", Scope::String),
    ("escape", Scope::Escape),
    ("number", Scope::Number),
    ("boolean", Scope::Constant),
    ("constant", Scope::Constant),
    ("constructor", Scope::Constructor),
    ("function.macro", Scope::Macro),
    ("function", Scope::Function),
    ("type", Scope::Type),
    ("variable.parameter", Scope::Parameter),
    ("variable.builtin", Scope::Keyword),
    ("variable", Scope::Variable),
    ("property", Scope::Property),
    ("namespace", Scope::Module),
    ("module", Scope::Module),
    ("attribute", Scope::Attribute),
    ("label", Scope::Label),
    ("tag", Scope::Tag),
    ("operator", Scope::Operator),
    ("punctuation", Scope::Punctuation),
    ("delimiter", Scope::Punctuation),
    ("keyword", Scope::Keyword),
    ("import", Scope::Keyword),
    ("media", Scope::Keyword),
    ("charset", Scope::Keyword),
    ("keyframes", Scope::Keyword),
    ("supports", Scope::Keyword),
    ("text.title", Scope::Heading),
    ("text.emphasis", Scope::Emphasis),
    ("text.strong", Scope::Strong),
    ("text.uri", Scope::Link),
    ("text.reference", Scope::Link),
    ("text.literal", Scope::Literal),
];

/// TextMate scopes and what they mean; the first row that fits counts.
const TEXTMATE: &[(&str, Scope)] = &[
    ("comment", Scope::Comment),
    ("constant.character.escape", Scope::Escape),
    ("string.regexp", Scope::Escape),
    ("constant.numeric", Scope::Number),
    ("constant", Scope::Constant),
    ("entity.name.function", Scope::Function),
    ("entity.name.tag.yaml", Scope::Property),
    ("entity.name.tag", Scope::Tag),
    ("entity.name.label", Scope::Label),
    ("entity.name.namespace", Scope::Module),
    ("entity.name.module", Scope::Module),
    ("entity.name.section", Scope::Heading),
    ("entity.name", Scope::Type),
    ("entity.other.attribute-name", Scope::Attribute),
    ("entity.other.inherited-class", Scope::Type),
    ("support.function", Scope::Function),
    ("support.macro", Scope::Macro),
    ("support.constant", Scope::Constant),
    ("support.type.property-name", Scope::Property),
    ("support", Scope::Type),
    ("keyword.operator.word", Scope::Keyword),
    ("keyword.operator", Scope::Operator),
    ("keyword", Scope::Keyword),
    ("storage.type.annotation", Scope::Attribute),
    ("storage", Scope::Keyword),
    ("variable.parameter", Scope::Parameter),
    ("variable.language", Scope::Keyword),
    ("variable.function", Scope::Function),
    ("variable.annotation", Scope::Attribute),
    ("variable.other.member", Scope::Property),
    ("variable", Scope::Variable),
    ("meta.mapping.key", Scope::Property),
    ("markup.heading", Scope::Heading),
    ("markup.bold", Scope::Strong),
    ("markup.italic", Scope::Emphasis),
    ("markup.raw", Scope::Literal),
    ("markup.underline.link", Scope::Link),
    ("markup.inserted", Scope::String),
    ("markup.deleted", Scope::Keyword),
    ("punctuation.definition.string", Scope::String),
    ("punctuation.definition.comment", Scope::Comment),
    ("punctuation", Scope::Punctuation),
    ("string", Scope::String),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_specific_name_counts() {
        assert_eq!(Scope::of_capture("function.macro"), Some(Scope::Macro));
        assert_eq!(Scope::of_capture("function.method.builtin"), Some(Scope::Function));
        assert_eq!(Scope::of_capture("string.special.symbol"), Some(Scope::Escape));
        assert_eq!(Scope::of_capture("typewriter"), None);
        assert_eq!(Scope::of_capture("embedded"), None);
    }

    #[test]
    fn no_row_is_shadowed_by_a_shorter_one_before_it() {
        for table in [CAPTURES, TEXTMATE] {
            for (n, (name, _)) in table.iter().enumerate() {
                let shadow = table.iter().take(n).find(|(p, _)| name.starts_with(&format!("{p}.")) || name == p);
                assert_eq!(shadow, None, "{name}");
            }
        }
    }
}
