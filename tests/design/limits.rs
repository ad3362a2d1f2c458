//! Every bound: beside the code that keeps it, with a unit in its name, and with somebody who keeps it.

use super::{Source, none, sources};
use std::collections::{BTreeMap, BTreeSet};

/// What a name may end with, before `_MAX`, `_MIN` or `_DEFAULT`: a unit, or what is counted.
const BOUNDS: &[&str] = &["MAX", "MIN", "DEFAULT"];
const UNITS: &[&str] = &[
    "MS", "NS", "S", "MINUTES", "BYTES", "KIB", "LINES", "ROWS", "COLUMNS", "TOKENS", "MICROS", "TURNS", "ACTIONS",
    "BATCHES", "CHANGES", "REPEATS", "CALLS", "ASKS", "REPORTS", "WORKERS", "FACTOR", "LEVEL", "SHARE",
];

struct Bound {
    path: String,
    name: String,
}

fn bounds() -> Vec<Bound> {
    let mut found = Vec::new();
    for source in sources().iter().filter(|source| source.path.ends_with("/limits.rs")) {
        let names = source.text.lines().filter_map(|line| line.strip_prefix("pub const ")?.split(':').next());
        found.extend(names.map(|name| Bound { path: source.path.clone(), name: name.to_owned() }));
    }
    assert!(found.len() > 300, "only {} bounds were found", found.len());
    found
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
}

#[test]
fn every_bound_has_a_unit_in_its_name() {
    let is_named = |name: &str| name.split('_').any(|word| BOUNDS.contains(&word) || UNITS.contains(&word));
    let faults: Vec<String> =
        bounds().iter().filter(|b| !is_named(&b.name)).map(|b| format!("{}: {}", b.path, b.name)).collect();
    none(&faults, "a bound without a unit in its name");
}

/// The files that use each word of the product, read once.
fn users(sources: &[Source]) -> BTreeMap<&str, BTreeSet<&str>> {
    let mut users: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for source in sources {
        // The names of bounds are in capitals.
        for word in words(source.product()).filter(|word| word.starts_with(|c: char| c.is_ascii_uppercase())) {
            users.entry(word).or_default().insert(&source.path);
        }
    }
    users
}

#[test]
fn every_bound_is_kept_by_somebody() {
    let sources = sources();
    let users = users(&sources);
    let mut faults = Vec::new();
    for bound in bounds() {
        let is_used = users.get(bound.name.as_str()).is_some_and(|paths| paths.iter().any(|path| *path != bound.path));
        // A bound may be a term of another one.
        let own = || sources.iter().find(|source| source.path == bound.path);
        if !is_used && own().is_none_or(|own| words(&own.text).filter(|word| *word == bound.name).count() < 2) {
            faults.push(format!("{}: {}", bound.path, bound.name));
        }
    }
    none(&faults, "a bound that nobody keeps");
}

#[test]
fn a_bound_of_one_module_is_in_that_module() {
    let sources = sources();
    let users = users(&sources);
    let mut faults = Vec::new();
    for bound in bounds().iter().filter(|bound| bound.path == "src/base/limits.rs") {
        let paths = users.get(bound.name.as_str()).into_iter().flatten().filter(|path| **path != bound.path);
        let mut modules: Vec<&str> = paths
            .filter_map(|path| sources.iter().find(|source| source.path == **path))
            .map(super::Source::module)
            .collect();
        modules.dedup();
        if let [module] = modules[..]
            && !["base", "port"].contains(&module)
        {
            faults.push(format!("{} belongs into src/{module}", bound.name));
        }
    }
    none(&faults, "a bound far from the code that keeps it");
}
