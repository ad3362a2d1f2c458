//! Which definitions an edit changes, and where a source uses a name: identifiers by their text. Nothing is resolved, so
//! two things of one name are one; a source that defines the name itself is taken to mean its own.

use super::definition;
use super::limits::{REFERENCE_NAME_BYTES_MIN, REFERENCE_NODES_PER_POLL_MAX};
use super::structure::{Fate, structure};
use super::symbols::{Symbol, SymbolKind, Symbols, symbols_in, symbols_unless};
use super::{Language, parse_unless};
use crate::base::limits::REFERENCES_PER_FILE_MAX;
use std::ops::Range;
use tree_sitter::Node;

/// A definition of the former version that is not as it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangedName {
    pub name: String,
    /// It is gone, or its head has changed.
    pub broken: bool,
}

/// The definitions that differ between two versions; `None` where they cannot be compared.
pub fn changed_names(
    language: Language,
    (before, after): (&[u8], &[u8]),
    stop: &mut dyn FnMut() -> bool,
) -> Option<Vec<ChangedName>> {
    let old = symbols_unless(language, before, stop)?;
    let new = symbols_unless(language, after, stop)?;
    let compared = structure((&old, before), (&new, after))?;
    let mut found: Vec<ChangedName> = Vec::new();
    for change in &compared.changes {
        let broken = match change.fate {
            Fate::Removed | Fate::Signature | Fate::Renamed => true,
            Fate::Body | Fate::Changed => false,
            Fate::Added | Fate::Reflowed | Fate::Moved => continue,
        };
        let Some(symbol) = change.old.and_then(|index| old.list.get(index)).filter(|symbol| is_used_by_name(symbol))
        else {
            continue;
        };
        let name = symbol.name.raw_unsafe_to_show();
        match found.iter_mut().find(|known| known.name == name) {
            Some(known) => known.broken |= broken,
            None => found.push(ChangedName { name: name.to_owned(), broken }),
        }
    }
    Some(found)
}

/// Blocks that only hold definitions, and names that could be anything, are not looked for.
fn is_used_by_name(symbol: &Symbol) -> bool {
    let name = symbol.name.raw_unsafe_to_show();
    let is_name = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
    !matches!(symbol.kind, SymbolKind::Impl | SymbolKind::Module)
        && name.len() >= REFERENCE_NAME_BYTES_MIN
        && name.chars().all(is_name)
}

/// A place that uses a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Use {
    /// The place of the name in the list that was asked for.
    pub name: usize,
    /// From 1.
    pub line: u32,
    /// The innermost definition around it.
    pub within: Option<String>,
}

/// The places of a source that use these names, one a line and name, at most [`REFERENCES_PER_FILE_MAX`]. In the source
/// that defines them (`is_own`) the definitions themselves are left out. `None` when it cannot be parsed, or was stopped.
pub fn uses(
    (language, source): (Language, &[u8]),
    names: &[&str],
    is_own: bool,
    stop: &mut dyn FnMut() -> bool,
) -> Option<Vec<Use>> {
    let tree = parse_unless(language, source, None, stop)?;
    let symbols = symbols_in(language, &tree, source);
    let definitions: Vec<Vec<Range<usize>>> = names.iter().map(|name| defined(&symbols, name)).collect();
    let mut found: Vec<Use> = Vec::new();
    let mut cursor = tree.walk();
    let mut walked = 0_usize;
    loop {
        walked += 1;
        if walked.is_multiple_of(REFERENCE_NODES_PER_POLL_MAX) && stop() {
            return None;
        }
        let node = cursor.node();
        if let Some(at) = named(node, source, names) {
            let own = definitions.get(at).map_or(&[][..], Vec::as_slice);
            let is_definition = if is_own { is_in(own, node.start_byte()) } else { !own.is_empty() };
            let line = u32::try_from(node.start_position().row).unwrap_or(u32::MAX).saturating_add(1);
            if !is_definition && found.last().is_none_or(|last| (last.name, last.line) != (at, line)) {
                let within = around(&symbols, node.start_byte());
                let within = within.map(|symbol| symbol.name.raw_unsafe_to_show().to_owned());
                found.push(Use { name: at, line, within });
                if found.len() >= REFERENCES_PER_FILE_MAX {
                    return Some(found);
                }
            }
        }
        if cursor.goto_first_child() {
            continue;
        }
        while !cursor.goto_next_sibling() {
            if !cursor.goto_parent() {
                return Some(found);
            }
        }
    }
}

/// Where the definitions of this name are: in order, none within another.
fn defined(symbols: &Symbols, name: &str) -> Vec<Range<usize>> {
    let of_name = symbols.list.iter().filter(|symbol| symbol.is_named(name) && is_used_by_name(symbol));
    let mut all: Vec<Range<usize>> = of_name.map(|symbol| symbol.range.clone()).collect();
    all.sort_by_key(|range| range.start);
    all.dedup_by(|next, last| {
        let meets = next.start <= last.end;
        if meets {
            last.end = last.end.max(next.end);
        }
        meets
    });
    all
}

/// Returns whether one of these ranges, which are in order, holds the byte.
fn is_in(ranges: &[Range<usize>], byte: usize) -> bool {
    let before = ranges.partition_point(|range| range.start <= byte);
    before.checked_sub(1).and_then(|last| ranges.get(last)).is_some_and(|range| range.contains(&byte))
}

/// The innermost definition around a byte: the last one that begins before it, or one around that.
fn around(symbols: &Symbols, byte: usize) -> Option<&Symbol> {
    let mut next = symbols.list.partition_point(|symbol| symbol.range.start <= byte).checked_sub(1);
    while let Some(index) = next {
        let symbol = symbols.list.get(index)?;
        if symbol.range.contains(&byte) {
            return Some(symbol);
        }
        // Containers precede their contents, so this ends.
        next = symbol.container.filter(|container| *container < index);
    }
    None
}

/// The name that an identifier is, by its place in the list.
fn named(node: Node<'_>, source: &[u8], names: &[&str]) -> Option<usize> {
    if !definition::is_identifier(node) {
        return None;
    }
    let text = source.get(node.byte_range())?;
    names.iter().position(|name| name.as_bytes() == text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changed(language: Language, before: &str, after: &str) -> Vec<(String, bool)> {
        let found = changed_names(language, (before.as_bytes(), after.as_bytes()), &mut || false).unwrap();
        found.into_iter().map(|changed| (changed.name, changed.broken)).collect()
    }

    fn used(language: Language, source: &str, name: &str, is_own: bool) -> Vec<(u32, Option<String>)> {
        let found = uses((language, source.as_bytes()), &[name], is_own, &mut || false).unwrap();
        found.into_iter().map(|found| (found.line, found.within)).collect()
    }

    #[test]
    fn what_changed_is_named_and_what_is_new_or_only_moved_is_not() {
        let before = "fn one(a: u8) -> u8 { a }\nfn two() {}\nfn gone() {}\nfn same() {}\n";
        let after = "fn one(a: u8) -> u8 { a + 1 }\nfn two(b: u8) {}\nfn same() {}\nfn fresh() {}\n";
        let expect = [("one".to_owned(), false), ("two".to_owned(), true), ("gone".to_owned(), true)];
        assert_eq!(changed(Language::Rust, before, after), expect);
        let python = (
            "class Cart:\n    def total(self):\n        return 1\n",
            "class Cart:\n    def total(self):\n        return 2\n",
        );
        assert_eq!(changed(Language::Python, python.0, python.1), [("total".to_owned(), false)]);
    }

    #[test]
    fn identifiers_count_and_comments_strings_and_other_names_do_not() {
        let source =
            "use crate::one;\n// one\nfn main() { let s = \"one\"; one(1); oneself(); println!(\"{}\", one(2)); }\n";
        let main = Some("main".to_owned());
        assert_eq!(used(Language::Rust, source, "one", false), [(1, None), (3, main)]);
        assert_eq!(used(Language::Python, "import cart\n\ndef go():\n    cart.total()\n", "total", false).len(), 1);
        assert_eq!(
            used(Language::JavaScript, "import { add } from './a';\nconst x = () => add(1);\n", "add", false).len(),
            2
        );
        assert_eq!(used(Language::Go, "package a\nfunc f() { b.Add(1) }\n", "Add", false).len(), 1);
        assert_eq!(used(Language::Ruby, "def go\n  total(1)\nend\n", "total", false).len(), 1);
    }

    #[test]
    fn a_definition_is_no_use_of_itself_nor_of_its_namesake_elsewhere() {
        let source = "fn one() { one() }\nfn two() { one() }\n";
        assert_eq!(used(Language::Rust, source, "one", true), [(2, Some("two".to_owned()))]);
        assert_eq!(used(Language::Rust, source, "one", false), []);
    }

    #[test]
    fn uses_of_a_file_are_bounded_and_the_walk_can_be_stopped() {
        let source = format!("fn one() {{}}\nfn main() {{\n{}}}\n", "one();\n".repeat(REFERENCES_PER_FILE_MAX + 10));
        let of = |stop: &mut dyn FnMut() -> bool| uses((Language::Rust, source.as_bytes()), &["one"], true, stop);
        let mut polls = 0;
        let all = of(&mut || {
            polls += 1;
            false
        });
        assert_eq!(all.map(|all| all.len()), Some(REFERENCES_PER_FILE_MAX));
        // The last time that it is asked is while walking.
        let mut left = polls;
        assert_eq!(
            of(&mut || {
                left -= 1;
                left == 0
            }),
            None
        );
    }

    #[test]
    fn the_innermost_definition_is_found_by_its_place() {
        let source = "class A:\n    def one(self):\n        total()\n    total()\n\ntotal()\n";
        let names: Vec<(u32, Option<String>)> = used(Language::Python, source, "total", false);
        assert_eq!(names, [(3, Some("one".to_owned())), (4, Some("A".to_owned())), (6, None)]);
    }
}
