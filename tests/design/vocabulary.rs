//! What can happen and what can be asked is listed once each, in its table; everything else asks the table.

use super::{none, sources};
use std::collections::BTreeSet;

/// A place and why it may.
type Exempt = (&'static str, &'static str);

/// An enum, the file of its table, and the places that must answer for every variant.
const TABLES: &[(&str, &str, &[Exempt])] = &[
    ("Event", "src/model/event/kinds.rs", &[("src/model/session/mod.rs", "the fold")]),
    ("Request", "src/wire/request.rs", &[("src/host/actor/requests.rs", "every request has its answer")]),
];

/// The variants of a table: rows start with the name on the wire, then the name in the code.
fn variants(text: &str) -> BTreeSet<&str> {
    let name = |line: &'_ str| -> Option<usize> { line.trim_start().strip_prefix('"')?.find("\" ").map(|at| at + 3) };
    let rows = text.lines().filter_map(|line| Some((line.trim_start(), name(line)?)));
    let word = |text: &'_ str| text.find(|c: char| !c.is_alphanumeric()).unwrap_or(text.len());
    rows.map(|(line, at)| &line[at..at + word(&line[at..])])
        .filter(|name| name.starts_with(|c: char| c.is_ascii_uppercase()))
        .collect()
}

#[test]
fn no_other_file_lists_all_kinds_or_all_requests() {
    let mut faults = Vec::new();
    for (name, table, exempt) in TABLES {
        let sources = sources();
        let table = sources.iter().find(|source| source.path == *table).expect("the table");
        let variants = variants(&table.text);
        assert!(variants.len() > 20, "{name}: {variants:?}");
        for source in sources.iter().filter(|source| source.path != table.path) {
            if exempt.iter().any(|(path, _)| source.path.starts_with(path)) {
                continue;
            }
            let prefix = format!("{name}::");
            let named: BTreeSet<&str> = source
                .product()
                .match_indices(&prefix)
                .map(|(at, _)| &source.text[at + prefix.len()..])
                .map(|rest| &rest[..rest.find(|c: char| !c.is_alphanumeric()).unwrap_or(rest.len())])
                .filter(|word| variants.contains(word))
                .collect();
            if named.len() * 2 > variants.len() {
                faults.push(format!("{} names {} of {} variants of {name}", source.path, named.len(), variants.len()));
            }
        }
    }
    none(&faults, "a list beside the table");
}
