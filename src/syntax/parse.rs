//! Source bytes to a syntax tree, within a budget.
//!
//! Owns the size cap, the work budget and canceling; knows nothing of what the tree is for.
//! The budget counts the parser's own progress reports, so the same input ends the same way on
//! every machine.

use crate::syntax::Language;
use crate::syntax::limits::{
    SYNTAX_HERE_DOCUMENT_BYTES_MAX, SYNTAX_INDENTATIONS_MAX, SYNTAX_PARSE_BYTES_MAX, SYNTAX_PARSE_REPORTS_BASE,
    SYNTAX_PARSE_REPORTS_PER_KIB,
};
use std::collections::BTreeSet;
use std::ops::ControlFlow;
use tree_sitter::{ParseOptions, Parser, Tree};

/// Parses `source`. `None` when it is larger than [`SYNTAX_PARSE_BYTES_MAX`], holds a NUL byte or is
/// over the work budget. Broken source still gives a tree, with error nodes in it.
pub fn parse(language: Language, source: &[u8]) -> Option<Tree> {
    parse_unless(language, source, None, &mut || false)
}

/// As [`parse`], reusing `old` (already edited to fit `source`) and stopping when `stop` says so.
///
/// `stop` is asked often; let it only read a flag or a clock.
pub fn parse_unless(
    language: Language,
    source: &[u8],
    old: Option<&Tree>,
    stop: &mut dyn FnMut() -> bool,
) -> Option<Tree> {
    if !fits_scanner(language, source) {
        return None;
    }
    parse_with_grammar(&language.grammar(), source, &[], old, stop)
}

/// As [`parse_unless`] for any grammar, reading only `ranges` of the source (all of it when empty).
pub(super) fn parse_with_grammar(
    grammar: &tree_sitter::Language,
    source: &[u8],
    ranges: &[tree_sitter::Range],
    old: Option<&Tree>,
    stop: &mut dyn FnMut() -> bool,
) -> Option<Tree> {
    // A NUL is not source code, and some scanners take quadratic time on runs of it.
    if source.len() > SYNTAX_PARSE_BYTES_MAX || memchr::memchr(0, source).is_some() {
        return None;
    }
    let mut parser = Parser::new();
    parser.set_language(grammar).ok()?;
    parser.set_included_ranges(ranges).ok()?;
    let budget = SYNTAX_PARSE_REPORTS_BASE + source.len() / 1024 * SYNTAX_PARSE_REPORTS_PER_KIB;
    let mut reports = 0usize;
    let mut progress = |_: &tree_sitter::ParseState| {
        reports += 1;
        if reports > budget || stop() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let mut read = |at: usize, _| source.get(at..).unwrap_or(&[]);
    let options = ParseOptions::new().progress_callback(&mut progress);
    parser.parse_with_options(&mut read, old, Some(options))
}

/// Returns whether the source stays within the state buffer of a grammar's C scanner.
///
/// The buffer has 1024 bytes and the core aborts the process when a scanner claims more.
/// `tree-sitter-python` 0.25.0 stores two bytes for each open indentation and can end at 1025,
/// `tree-sitter-ruby` 0.23.1 checks for two bytes less than it writes for each open here-document.
fn fits_scanner(language: Language, source: &[u8]) -> bool {
    match language {
        Language::Python => indentations(source) <= SYNTAX_INDENTATIONS_MAX,
        Language::Ruby => here_document_bytes(source) <= SYNTAX_HERE_DOCUMENT_BYTES_MAX,
        Language::Rust
        | Language::JavaScript
        | Language::TypeScript
        | Language::Tsx
        | Language::Go
        | Language::C
        | Language::Cpp
        | Language::Java
        | Language::Bash
        | Language::Json
        | Language::Toml
        | Language::Html
        | Language::Css
        | Language::Markdown => true,
    }
}

/// At least as many as the different indentations that can be open at one time in a Python source.
fn indentations(source: &[u8]) -> usize {
    let mut widths = BTreeSet::new();
    let mut continued = 0;
    for line in source.split(|&b| matches!(b, b'\n' | b'\r' | 0x0c)) {
        let blank = line.iter().take_while(|b| matches!(b, b' ' | b'\t')).count();
        let (indentation, rest) = line.split_at_checked(blank).unwrap_or((line, &[]));
        widths.insert(indentation.iter().map(|&b| if b == b'\t' { 8 } else { 1 }).sum::<usize>());
        continued += usize::from(rest.first() == Some(&b'\\'));
    }
    widths.len() + continued
}

/// At least as many bytes as the here-documents that can be open at one time in a Ruby source take:
/// those of one line, or all where interpolation could nest them.
fn here_document_bytes(source: &[u8]) -> usize {
    let nests = memchr::memmem::find(source, b"#{").is_some();
    let lines = source.split(|&b| b == b'\n').map(|line| {
        let starts = memchr::memmem::find_iter(line, b"<<").map(|at| {
            let word = line.get(at + 2..).unwrap_or(&[]);
            let stop = |b: &u8| !b.is_ascii_alphanumeric() && !matches!(b, b'_' | b'-' | b'~' | 0x80..);
            let quote = word.iter().position(|b| matches!(b, b'"' | b'\'' | b'`'));
            match quote {
                // A quoted word may hold anything up to the closing quote.
                Some(0..=1) => 4 + word.len(),
                _ => 4 + word.iter().position(stop).unwrap_or(word.len()),
            }
        });
        starts.sum::<usize>()
    });
    if nests { lines.sum() } else { lines.max().unwrap_or(0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn broken_source_still_gives_a_tree() {
        let tree = parse(Language::Rust, b"fn a( { \xff\xfe }}} fn b() {}").unwrap();
        assert!(tree.root_node().has_error());
    }

    #[test]
    fn too_large_and_stopped_give_none() {
        let large = vec![b' '; SYNTAX_PARSE_BYTES_MAX + 1];
        assert!(parse(Language::C, &large).is_none());
        let source = "fn a() { b(); }\n".repeat(2000);
        assert!(parse_unless(Language::Rust, source.as_bytes(), None, &mut || true).is_none());
    }

    #[test]
    fn sources_that_overflow_a_scanner_are_not_parsed() {
        let deep: String = (0..600).map(|n| format!("{}if x:\n", " ".repeat(n))).collect();
        assert!(parse(Language::Python, deep.as_bytes()).is_none());
        let string_odd = format!("f'{{f\"{{x}}\"}}'\n{deep}");
        assert!(parse(Language::Python, string_odd.as_bytes()).is_none());
        let documents = format!("f({})\n", vec!["<<ABCDEFGHIJKL"; 120].join(", "));
        assert!(parse(Language::Ruby, documents.as_bytes()).is_none());
        assert!(parse(Language::Ruby, "x = <<~A\n a\nA\n".repeat(300).as_bytes()).is_some());
    }

    #[test]
    fn hostile_source_stays_within_the_budget() {
        for language in Language::ALL {
            for atom in ["(", "{", "[", "<a", "\"", "`${", "'", "#if\n", "- ", "a.b(", "<<A\n", "*_"] {
                let source = atom.repeat(20_000 / atom.len());
                // Tree or no tree, it comes back; the test runner's time-out is the judge.
                let _ = parse(language, source.as_bytes());
            }
        }
    }
}
