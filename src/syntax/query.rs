//! The highlight queries, each compiled once, when its language is first highlighted.
//!
//! Compiling takes up to 40 ms: call from a worker, never while drawing.

use crate::syntax::{Language, Scope};
use std::sync::OnceLock;
use tree_sitter::Query;

/// A compiled query and what each of its captures means.
pub(super) struct Compiled {
    pub query: Query,
    paints: Vec<Paint>,
}

/// The effect of a capture on the text under it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Paint {
    As(Scope),
    /// Code inside a string: what is around it does not reach in.
    Clear,
    /// The capture only serves the query.
    Leave,
}

impl Compiled {
    fn new(grammar: &tree_sitter::Language, source: &str) -> Option<Self> {
        let query = Query::new(grammar, source).ok()?;
        let paint = |name: &&str| match (*name, Scope::of_capture(name)) {
            ("embedded" | "none", _) => Paint::Clear,
            (_, Some(scope)) => Paint::As(scope),
            (_, None) => Paint::Leave,
        };
        let paints = query.capture_names().iter().map(paint).collect();
        Some(Self { query, paints })
    }

    /// Returns the effect of a capture index.
    pub fn paint(&self, capture: u32) -> Paint {
        usize::try_from(capture).ok().and_then(|at| self.paints.get(at)).copied().unwrap_or(Paint::Leave)
    }
}

static QUERIES: [OnceLock<Option<Compiled>>; Language::ALL.len()] = [const { OnceLock::new() }; Language::ALL.len()];
static MARKDOWN_INLINE: OnceLock<Option<Compiled>> = OnceLock::new();

/// The query of a language.
pub(super) fn of(language: Language) -> Option<&'static Compiled> {
    let at = Language::ALL.iter().position(|&l| l == language)?;
    QUERIES.get(at)?.get_or_init(|| Compiled::new(&language.grammar(), &source(language))).as_ref()
}

/// The grammar of text inside Markdown paragraphs and headings.
pub(super) fn markdown_inline_grammar() -> tree_sitter::Language {
    tree_sitter_md::INLINE_LANGUAGE.into()
}

/// The query of [`markdown_inline_grammar`].
pub(super) fn markdown_inline() -> Option<&'static Compiled> {
    let compile = || Compiled::new(&markdown_inline_grammar(), tree_sitter_md::HIGHLIGHT_QUERY_INLINE);
    MARKDOWN_INLINE.get_or_init(compile).as_ref()
}

/// A grammar's query; TypeScript's, TSX's and C++'s only add to that of the language they extend.
/// Where two patterns fit, the later one counts, so the more special query comes last; JSON's and
/// TOML's expect it the other way round and get their keys back here.
fn source(language: Language) -> String {
    let parts: &[&str] = match language {
        Language::Rust => &[tree_sitter_rust::HIGHLIGHTS_QUERY],
        Language::Python => &[tree_sitter_python::HIGHLIGHTS_QUERY],
        Language::JavaScript => &[tree_sitter_javascript::HIGHLIGHT_QUERY, tree_sitter_javascript::JSX_HIGHLIGHT_QUERY],
        Language::TypeScript => &[tree_sitter_javascript::HIGHLIGHT_QUERY, tree_sitter_typescript::HIGHLIGHTS_QUERY],
        Language::Tsx => &[
            tree_sitter_javascript::HIGHLIGHT_QUERY,
            tree_sitter_javascript::JSX_HIGHLIGHT_QUERY,
            tree_sitter_typescript::HIGHLIGHTS_QUERY,
        ],
        Language::Go => &[tree_sitter_go::HIGHLIGHTS_QUERY],
        Language::C => &[tree_sitter_c::HIGHLIGHT_QUERY],
        Language::Cpp => &[tree_sitter_c::HIGHLIGHT_QUERY, tree_sitter_cpp::HIGHLIGHT_QUERY],
        Language::Java => &[tree_sitter_java::HIGHLIGHTS_QUERY],
        Language::Ruby => &[tree_sitter_ruby::HIGHLIGHTS_QUERY],
        Language::Bash => &[tree_sitter_bash::HIGHLIGHT_QUERY],
        Language::Json => &[tree_sitter_json::HIGHLIGHTS_QUERY, "(pair key: (string) @string.special.key)"],
        Language::Toml => &[tree_sitter_toml_ng::HIGHLIGHTS_QUERY, "(bare_key) @property (table (bare_key) @type)"],
        Language::Html => &[tree_sitter_html::HIGHLIGHTS_QUERY],
        Language::Css => &[tree_sitter_css::HIGHLIGHTS_QUERY],
        Language::Markdown => &[tree_sitter_md::HIGHLIGHT_QUERY_BLOCK],
    };
    parts.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_query_compiles_and_colours_something() {
        for language in Language::ALL {
            let compiled = of(language).unwrap_or_else(|| panic!("{language:?}"));
            assert!(compiled.paints.iter().any(|p| matches!(p, Paint::As(_))), "{language:?}");
        }
        assert!(markdown_inline().is_some());
    }
}
