//! The changes to the definitions of a file: the "structural" view of a diff.
//!
//! Definitions are matched by path and kind, then by equal text under another name or in another place. A
//! definition counts as changed by its own text; what happened to definitions inside it is told of
//! those.

use crate::base::text::Untrusted;
use crate::diff::FileDiff;
use crate::syntax::limits::STRUCTURE_COMPARED_MAX;
use crate::syntax::symbols::{Symbol, SymbolKind, Symbols};
use serde::{Deserialize, Serialize};
use std::collections::{HashMap, HashSet};

/// The change of a definition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    Added,
    Removed,
    /// Its head changed: name, parameters, types, attributes; and perhaps what is in it.
    Signature,
    /// Only what is in it changed.
    Body,
    /// Its own text changed, and it has no body to tell apart.
    Changed,
    /// Its own text changed in nothing but blanks and line breaks.
    Reflowed,
    /// The same text, now in another place among its neighbors or in another container.
    Moved,
    /// The same text under another name.
    Renamed,
}

/// One definition that is not what and where it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SymbolChange {
    pub fate: Fate,
    pub kind: SymbolKind,
    /// Names from the outermost container, in the new version (in the old one when removed).
    pub path: Vec<Untrusted>,
    /// Path in the old version, where it differs.
    pub old_path: Option<Vec<Untrusted>>,
    /// Index in [`Structure::old`].
    pub old: Option<usize>,
    /// Index in [`Structure::new`].
    pub new: Option<usize>,
    /// It also stands elsewhere.
    pub moved: bool,
    /// Lines added to and removed from its text.
    pub added: usize,
    pub removed: usize,
}

/// The changes to a file's definitions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Structure {
    pub old: Symbols,
    pub new: Symbols,
    /// In the order of the new version; removed ones follow.
    pub changes: Vec<SymbolChange>,
    /// Something outside all definitions changed (imports, top-level statements, comments).
    pub outside: bool,
    /// Nothing but blanks and line breaks changed outside of the definitions that are told of.
    pub outside_reflowed: bool,
}

/// Compares the definitions of two versions of a file, each listed with its source. `None` when a
/// version has too many definitions to compare.
pub fn structure(old: (&Symbols, &[u8]), new: (&Symbols, &[u8])) -> Option<Structure> {
    let fits = |found: &Symbols| !found.cut && found.list.len() <= STRUCTURE_COMPARED_MAX;
    if !fits(old.0) || !fits(new.0) {
        return None;
    }
    let sides = (Side::new(old.0, old.1), Side::new(new.0, new.1));
    let changes = compare(&sides.0, &sides.1);
    let outside = sides.0.outside() != sides.1.outside();
    let outside_reflowed = changes.is_empty() && !outside && old.1 != new.1;
    Some(Structure { changes, outside, outside_reflowed, old: old.0.clone(), new: new.0.clone() })
}

/// One version.
struct Side<'a> {
    symbols: &'a Symbols,
    source: &'a [u8],
    /// Children of each definition; the last entry holds those without a container.
    children: Vec<Vec<usize>>,
}

impl<'a> Side<'a> {
    fn new(symbols: &'a Symbols, source: &'a [u8]) -> Self {
        let top = symbols.list.len();
        let mut children = vec![Vec::new(); top + 1];
        for (index, symbol) in symbols.list.iter().enumerate() {
            children.get_mut(symbol.container.unwrap_or(top)).into_iter().for_each(|c| c.push(index));
        }
        Self { symbols, source, children }
    }

    fn get(&self, index: usize) -> Option<&'a Symbol> {
        self.symbols.list.get(index)
    }

    fn children(&self, index: usize) -> &[usize] {
        self.children.get(index).map_or(&[], Vec::as_slice)
    }

    fn path(&self, index: usize) -> Vec<Untrusted> {
        self.symbols.path(index).into_iter().cloned().collect()
    }

    fn text(&self, index: usize) -> &'a [u8] {
        self.get(index).and_then(|s| self.source.get(s.range.clone())).unwrap_or(&[])
    }

    /// The definition's text without its name: equal for a definition that was only renamed.
    fn nameless(&self, index: usize) -> (&'a [u8], &'a [u8]) {
        let Some(symbol) = self.get(index) else { return (&[], &[]) };
        let part = |range: std::ops::Range<usize>| self.source.get(range).unwrap_or_default();
        (part(symbol.range.start..symbol.name_range.start), part(symbol.name_range.end..symbol.range.end))
    }

    /// The text of `start..end` without the definitions in `inner`.
    fn without(&self, start: usize, end: usize, inner: &[usize]) -> Vec<&'a [u8]> {
        let mut at = start;
        let mut parts = Vec::new();
        for child in inner.iter().filter_map(|&c| self.get(c)) {
            // Several names of one statement share its range.
            parts.extend(self.source.get(at..child.range.start));
            at = at.max(child.range.end);
        }
        parts.extend(self.source.get(at..end));
        parts
    }

    /// The words of a definition's own text.
    fn own_words(&self, index: usize) -> Vec<&'a [u8]> {
        let Some(symbol) = self.get(index) else { return Vec::new() };
        words(self.without(symbol.range.start, symbol.range.end, self.children(index)))
    }

    /// The words of a definition before its body; all of them where it has none.
    fn head_words(&self, index: usize) -> Vec<&'a [u8]> {
        let Some(symbol) = self.get(index) else { return Vec::new() };
        let end = symbol.body.as_ref().map_or(symbol.range.end, |body| body.start);
        words(vec![self.source.get(symbol.range.start..end).unwrap_or_default()])
    }

    /// Its own text, blanks and all, in the pieces between the definitions inside it.
    fn own_text(&self, index: usize) -> Vec<&'a [u8]> {
        let Some(symbol) = self.get(index) else { return Vec::new() };
        self.without(symbol.range.start, symbol.range.end, self.children(index))
    }

    /// The words outside all definitions.
    fn outside(&self) -> Vec<&'a [u8]> {
        words(self.without(0, self.source.len(), self.children(self.symbols.list.len())))
    }
}

fn words(parts: Vec<&[u8]>) -> Vec<&[u8]> {
    let split = |part| <[u8]>::split(part, u8::is_ascii_whitespace);
    parts.into_iter().flat_map(split).filter(|word| !word.is_empty()).collect()
}

fn compare(old: &Side<'_>, new: &Side<'_>) -> Vec<SymbolChange> {
    let partners = partners(old, new);
    let moved = out_of_order(new, &partners);
    let mut changes = Vec::new();
    for index in 0..new.symbols.list.len() {
        let partner = partners.get(&index).copied();
        let fate = match partner {
            None => Some(Fate::Added),
            Some(before) => fate(old, before, new, index, &moved),
        };
        let found = fate.and_then(|fate| change(fate, old, partner, new, Some(index)));
        let was = partner.and_then(|before| Some((old.get(before)?, new.get(index)?)));
        let stands_elsewhere = was.is_some_and(|(from, to)| is_moved(old, from, new, to)) || moved.contains(&index);
        changes.extend(found.map(|found| SymbolChange { moved: stands_elsewhere, ..found }));
    }
    let kept: HashSet<usize> = partners.values().copied().collect();
    for index in (0..old.symbols.list.len()).filter(|index| !kept.contains(index)) {
        changes.extend(change(Fate::Removed, old, Some(index), new, None));
    }
    changes
}

fn fate(old: &Side<'_>, before: usize, new: &Side<'_>, after: usize, moved: &HashSet<usize>) -> Option<Fate> {
    let (from, to) = (old.get(before)?, new.get(after)?);
    if from.name != to.name {
        return Some(Fate::Renamed);
    }
    if old.own_words(before) != new.own_words(after) {
        return Some(match (&from.body, &to.body) {
            (Some(_), Some(_)) if old.head_words(before) == new.head_words(after) => Fate::Body,
            (Some(_), Some(_)) => Fate::Signature,
            (None, _) | (_, None) => Fate::Changed,
        });
    }
    if is_moved(old, from, new, to) || moved.contains(&after) {
        return Some(Fate::Moved);
    }
    // Where definitions came or went, the blanks around them did too.
    let has_same = old.children(before).len() == new.children(after).len();
    (has_same && old.own_text(before) != new.own_text(after)).then_some(Fate::Reflowed)
}

/// It is in another container now.
fn is_moved(old: &Side<'_>, from: &Symbol, new: &Side<'_>, to: &Symbol) -> bool {
    let container = |side: &Side<'_>, symbol: &Symbol| symbol.container.map(|c| side.path(c));
    container(old, from) != container(new, to)
}

fn change(
    fate: Fate,
    old: &Side<'_>,
    before: Option<usize>,
    new: &Side<'_>,
    after: Option<usize>,
) -> Option<SymbolChange> {
    let symbol = after.and_then(|n| new.get(n)).or_else(|| before.and_then(|o| old.get(o)))?;
    let text = |side: &Side<'_>, index: Option<usize>| {
        let mut text = index.map_or(Vec::new(), |i| side.text(i).to_vec());
        if !text.is_empty() {
            // The definition's end is not the line's end: do not count that as a difference.
            text.push(b'\n');
        }
        text
    };
    let diff = FileDiff::new(text(old, before), text(new, after));
    let (old_path, new_path) = (before.map(|o| old.path(o)), after.map(|n| new.path(n)));
    Some(SymbolChange {
        fate,
        kind: symbol.kind,
        path: new_path.clone().or_else(|| old_path.clone())?,
        old_path: old_path.filter(|path| new_path.as_ref().is_some_and(|new| new != path)),
        old: before,
        new: after,
        moved: false,
        added: diff.added,
        removed: diff.removed,
    })
}

/// For definitions of the new version, the one of the old version that it was.
fn partners(old: &Side<'_>, new: &Side<'_>) -> HashMap<usize, usize> {
    let mut partners = HashMap::new();
    let mut free: HashSet<usize> = (0..old.symbols.list.len()).collect();
    // First the same path and kind (the n-th with the n-th), then the same text elsewhere, then the
    // same text under another name.
    pair(old, new, &mut partners, &mut free, |side, index| {
        let symbol = side.get(index)?;
        Some((side.path(index), Some(symbol.kind), (&[][..], &[][..])))
    });
    pair(old, new, &mut partners, &mut free, |side, index| {
        let symbol = side.get(index)?;
        Some((vec![symbol.name.clone()], Some(symbol.kind), (side.text(index), &[][..])))
    });
    pair(old, new, &mut partners, &mut free, |side, index| {
        Some((Vec::new(), side.get(index).map(|s| s.kind), side.nameless(index)))
    });
    partners
}

type Key<'a> = (Vec<Untrusted>, Option<SymbolKind>, (&'a [u8], &'a [u8]));

/// Pairs what has no partner yet and has the same key, in order.
fn pair<'a>(
    old: &Side<'a>,
    new: &Side<'a>,
    partners: &mut HashMap<usize, usize>,
    free: &mut HashSet<usize>,
    key: impl Fn(&Side<'a>, usize) -> Option<Key<'a>>,
) {
    let mut waiting: HashMap<Key<'a>, Vec<usize>> = HashMap::new();
    // From the end, so that `pop` gives the first.
    for index in (0..old.symbols.list.len()).rev().filter(|index| free.contains(index)) {
        if let Some(key) = key(old, index) {
            waiting.entry(key).or_default().push(index);
        }
    }
    for index in 0..new.symbols.list.len() {
        if partners.contains_key(&index) {
            continue;
        }
        let partner = key(new, index).and_then(|key| waiting.get_mut(&key)).and_then(Vec::pop);
        if let Some(partner) = partner {
            free.remove(&partner);
            partners.insert(index, partner);
        }
    }
}

/// New definitions that stand elsewhere among the neighbors they had: those outside a longest run of
/// neighbors in their old order.
fn out_of_order(new: &Side<'_>, partners: &HashMap<usize, usize>) -> HashSet<usize> {
    let mut moved = HashSet::new();
    for neighbours in &new.children {
        let was: Vec<(usize, usize)> =
            neighbours.iter().filter_map(|&n| partners.get(&n).map(|&old| (n, old))).collect();
        let kept = longest_rising(&was.iter().map(|&(_, old)| old).collect::<Vec<_>>());
        moved.extend(was.iter().enumerate().filter(|(at, _)| !kept.contains(at)).map(|(_, &(n, _))| n));
    }
    moved
}

/// Places of a longest rising subsequence.
fn longest_rising(values: &[usize]) -> HashSet<usize> {
    // `ends[n]`: place of the smallest value that ends a rising run of n + 1.
    let mut ends: Vec<usize> = Vec::new();
    let mut before: Vec<Option<usize>> = Vec::new();
    for (place, value) in values.iter().enumerate() {
        let length = ends.partition_point(|&end| values.get(end).is_some_and(|v| v < value));
        before.push(length.checked_sub(1).and_then(|n| ends.get(n)).copied());
        match ends.get_mut(length) {
            Some(end) => *end = place,
            None => ends.push(place),
        }
    }
    let mut next = ends.last().copied();
    let mut places = HashSet::new();
    while let Some(place) = next {
        places.insert(place);
        next = before.get(place).copied().flatten();
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::syntax::{Language, symbols_unless};
    use proptest::prelude::*;

    fn between(language: Language, old: &str, new: &str) -> Option<Structure> {
        let listed = |source: &str| symbols_unless(language, source.as_bytes(), &mut || false);
        structure((&listed(old)?, old.as_bytes()), (&listed(new)?, new.as_bytes()))
    }

    fn told(language: Language, old: &str, new: &str) -> (Vec<String>, bool) {
        let found = between(language, old, new).unwrap();
        let join =
            |path: &[Untrusted]| path.iter().map(|n| n.raw_unsafe_to_show().to_owned()).collect::<Vec<_>>().join(".");
        let tell = |c: &SymbolChange| {
            let was = c.old_path.as_ref().map_or(String::new(), |p| format!(" was {}", join(p)));
            format!("{:?} {} {}{was} +{} -{}", c.fate, c.kind.word(), join(&c.path), c.added, c.removed)
        };
        (found.changes.iter().map(tell).collect(), found.outside)
    }

    fn check(language: Language, old: &str, new: &str, expect: &[&str], outside: bool) {
        let (got, got_outside) = told(language, old, new);
        assert_eq!((got, got_outside), (expect.iter().map(|s| s.to_string()).collect(), outside), "{old}\n{new}");
    }

    const OLD: &str = "use a;\nstruct S;\nimpl S {\n    fn one(&self) {}\n    fn two(&self) { 2 }\n}\nfn f() {}\n";

    #[test]
    fn only_the_innermost_change_is_told() {
        check(Language::Rust, OLD, &OLD.replace("{ 2 }", "{ 3 }"), &["Body method S.two +1 -1"], false);
        check(
            Language::Rust,
            OLD,
            &OLD.replace("fn two", "fn new() {}\n    fn two"),
            &["Added method S.new +1 -0"],
            false,
        );
        check(Language::Rust, OLD, &OLD.replace("fn f() {}\n", ""), &["Removed function f +0 -1"], false);
        check(Language::Rust, OLD, &OLD.replace("use a", "use b"), &[], true);
        check(Language::Rust, OLD, OLD, &[], false);
        check(Language::Rust, OLD, &OLD.replace("{ 2 }", "{\n2 }"), &["Reflowed method S.two +2 -1"], false);
    }

    #[test]
    fn a_signature_is_told_apart_from_a_body_and_from_blanks() {
        let signature = OLD.replace("two(&self)", "two(&self, n: u8)");
        check(Language::Rust, OLD, &signature, &["Signature method S.two +1 -1"], false);
        let both = signature.replace("{ 2 }", "{ n }");
        check(Language::Rust, OLD, &both, &["Signature method S.two +1 -1"], false);
        check(Language::Rust, OLD, &OLD.replace("struct S;", "struct S(u8);"), &["Changed struct S +1 -1"], false);
        check(
            Language::Python,
            "class A:\n    x = 1\n\n    def f(self):\n        return 1\n",
            "class A:\n    x = 1\n\n    def f(self, n=2):\n        return 1\n",
            &["Signature method A.f +1 -1"],
            false,
        );
        let spread = OLD.replace("impl S {", "impl S\n{");
        check(Language::Rust, OLD, &spread, &["Reflowed impl S +2 -1"], false);
        let found = between(Language::Rust, OLD, &OLD.replace("fn f()", "\nfn f()")).unwrap();
        assert!(found.changes.is_empty() && found.outside_reflowed && !found.outside);
        let moved = "impl S {\n    fn two(&self) { 3 }\n    fn one(&self) {}\n}\n";
        let found =
            between(Language::Rust, "impl S {\n    fn one(&self) {}\n    fn two(&self) { 2 }\n}\n", moved).unwrap();
        assert!(found.changes.iter().any(|c| c.fate == Fate::Body || c.moved), "{:?}", found.changes);
    }

    #[test]
    fn renamed_and_moved_definitions_are_known_again() {
        check(Language::Rust, OLD, &OLD.replace("fn f()", "fn g()"), &["Renamed function g was f +1 -1"], false);
        check(
            Language::Python,
            "def a():\n    pass\ndef b():\n    return 1\ndef c():\n    return 2\n",
            "def b():\n    return 1\ndef c():\n    return 2\ndef a():\n    pass\n",
            &["Moved function a +0 -0"],
            false,
        );
        check(
            Language::JavaScript,
            "class A { m() { return 1 } }\nclass B { }\n",
            "class A { }\nclass B { m() { return 1 } }\n",
            &["Moved method B.m was A.m +0 -0"],
            false,
        );
    }

    #[test]
    fn new_and_empty_files() {
        check(Language::Go, "", "package p\nfunc f() {}\n", &["Added function f +1 -0"], true);
        check(Language::Go, "package p\nfunc f() {}\n", "", &["Removed function f +0 -1"], true);
        assert_eq!(between(Language::Json, "{}", "[]"), None);
    }

    proptest! {
        #[test]
        fn nothing_changed_means_nothing_told(parts in proptest::collection::vec(0u8..6, 0..20)) {
            let source: String = parts.iter().map(|n| format!("function f{n}() {{ return {n} }}\nconst x{n} = 1, y{n} = () => 2;\n")).collect();
            let found = between(Language::TypeScript, &source, &source).unwrap();
            prop_assert_eq!((found.changes, found.outside), (vec![], false));
        }

        #[test]
        fn any_two_texts_can_be_compared(old in "[fn a(){}\n;=>,]{0,80}", new in "[fn a(){}\n;=>,]{0,80}") {
            for language in [Language::Rust, Language::JavaScript, Language::Python, Language::C] {
                let found = between(language, &old, &new);
                if let Some(found) = found {
                    let count = |fate| found.changes.iter().filter(|c| c.fate == fate).count();
                    prop_assert_eq!(
                        found.old.list.len() + count(Fate::Added),
                        found.new.list.len() + count(Fate::Removed),
                    );
                }
            }
        }
    }
}
