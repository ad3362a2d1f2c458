//! Every public item has a caller in the product, but for a short list with reasons.
//!
//! By name: an item that shares its name with another one that is used passes.

use super::{none, sources};
use std::collections::BTreeMap;

/// Items that nobody in the product uses, and why they are there.
const WITHOUT: &[(&str, &str)] =
    &[("METHODS", "PROTOCOL.md is checked against it"), ("fold_updates", "the bench and the fuzzer of updates")];

const KINDS: [&str; 7] = ["fn", "struct", "enum", "const", "trait", "type", "static"];

/// The name that a line declares for everybody.
fn declared(line: &str) -> Option<&str> {
    let mut words = line.trim_start().strip_prefix("pub ")?.split_whitespace().peekable();
    if words.peek() == Some(&"async") {
        words.next();
    }
    let mut kind = words.next()?;
    if kind == "const" && words.peek() == Some(&"fn") {
        kind = words.next()?;
    }
    let name = words.next().filter(|_| KINDS.contains(&kind))?;
    name.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next().filter(|name| !name.is_empty())
}

/// The words of a source that may be uses: no comments, no imports, no heads of `impl`.
fn used(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut in_import = false;
    for line in text.lines() {
        let code = line.split("//").next().unwrap_or(line);
        let start = code.trim_start();
        in_import |= start.starts_with("use ") || start.starts_with("pub use ") || start.starts_with("pub(");
        in_import &= !start.starts_with("pub(") || start.contains(") use ");
        if !in_import && !start.starts_with("impl") {
            found.extend(code.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').filter(|word| !word.is_empty()));
        }
        in_import &= !code.contains(';');
    }
    found
}

#[test]
fn every_public_item_has_a_caller() {
    let sources = sources();
    let mut uses: BTreeMap<&str, usize> = BTreeMap::new();
    for source in &sources {
        for word in used(source.product()) {
            *uses.entry(word).or_default() += 1;
        }
    }
    let mut faults = Vec::new();
    let mut excused = Vec::new();
    for source in &sources {
        for name in source.product().lines().filter_map(declared) {
            // The declaration itself is one.
            if uses.get(name).copied().unwrap_or_default() > 1 {
                continue;
            }
            match WITHOUT.iter().find(|(known, _)| *known == name) {
                Some((known, _)) => excused.push(*known),
                None => faults.push(format!("{}: {name}", source.path)),
            }
        }
    }
    let stale = WITHOUT.iter().filter(|(name, _)| !excused.contains(name));
    faults.extend(stale.map(|(name, why)| format!("{name} has a caller now or is gone (it was kept for: {why})")));
    none(&faults, "a public item without a caller");
}

#[test]
fn imports_comments_and_heads_are_no_callers() {
    let text = "use a::{\n    b,\n    c,\n};\npub(crate) use d;\nimpl E for F {}\npub(super) fn g() { h() } // i\n";
    assert_eq!(used(text), ["pub", "super", "fn", "g", "h"]);
    assert_eq!(declared("    pub async fn run(&self)"), Some("run"));
    assert_eq!(declared("pub const fn of<T>()"), Some("of"));
    assert_eq!(declared("pub const MAX: u8 = 1;"), Some("MAX"));
    assert_eq!(declared("pub mod a;"), None);
}
