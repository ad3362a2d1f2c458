//! Which definitions an edit changes, and where a source uses a name: identifiers by their text. Nothing is resolved, so
//! two things of one name are one; a source that defines the name itself is taken to mean its own.

use super::definition;
use super::limits::REFERENCE_NAME_BYTES_MIN;
use super::structure::{Fate, structure};
use super::symbols::{Symbol, SymbolKind, Symbols, symbols_in, symbols_unless};
use super::{Language, parse_unless};
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

/// The places of a source that use these names, one a line and name. In the source that defines them (`is_own`) the
/// definitions themselves are left out. `None` when it cannot be parsed, or was stopped.
pub fn uses(
    (language, source): (Language, &[u8]),
    names: &[&str],
    is_own: bool,
    stop: &mut dyn FnMut() -> bool,
) -> Option<Vec<Use>> {
    let tree = parse_unless(language, source, None, stop)?;
    let symbols = symbols_in(language, &tree, source);
    let definitions: Vec<Vec<&Symbol>> = names.iter().map(|name| defined(&symbols, name)).collect();
    let mut found: Vec<Use> = Vec::new();
    let mut cursor = tree.walk();
    loop {
        let node = cursor.node();
        if let Some(at) = named(node, source, names) {
            let own = definitions.get(at).map_or(&[][..], Vec::as_slice);
            let is_definition = match is_own {
                true => own.iter().any(|symbol| symbol.range.contains(&node.start_byte())),
                false => !own.is_empty(),
            };
            let row = node.start_position().row;
            let line = u32::try_from(row).unwrap_or(u32::MAX).saturating_add(1);
            if !is_definition && found.last().is_none_or(|last| (last.name, last.line) != (at, line)) {
                let around = symbols.at_line(row).and_then(|index| symbols.list.get(index));
                let within = around.map(|symbol| symbol.name.raw_unsafe_to_show().to_owned());
                found.push(Use { name: at, line, within });
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

fn defined<'a>(symbols: &'a Symbols, name: &str) -> Vec<&'a Symbol> {
    symbols.list.iter().filter(|symbol| symbol.is_named(name) && is_used_by_name(symbol)).collect()
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
}
