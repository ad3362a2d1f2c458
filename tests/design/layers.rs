//! Layers import inward only. The table is the one of `docs/ARCHITECTURE.md`; the facts are the `crate::` paths.

use super::{Source, none, sources};

/// Outermost last. In layer 0 the order is base, diff, model.
const LAYERS: [&[&str]; 6] = [
    &["model", "diff", "base"],
    &["policy", "repair", "checks", "syntax", "markdown", "config"],
    &["port", "journal", "wire"],
    &["host", "agent", "workspace"],
    &["ui"],
    &["cli"],
];

/// What may be named inside a layer, with the reason.
const INSIDE: &[(&str, &str, &str)] = &[
    ("diff", "base", "limits and digests"),
    ("model", "base", "ids and digests"),
    ("model", "diff", "hunks that a human chose"),
    ("policy", "syntax", "shell text is parsed by the grammar"),
    ("policy", "checks", "which paths are tests is known there"),
    ("repair", "syntax", "sources are parsed by the grammars"),
    ("repair", "checks", "the runner of a project is detected there, and coverage read"),
    ("config", "checks", "the formats of test output are named there"),
    ("port", "journal", "a workspace takes the permits that only the journal makes"),
];

/// What no layer number says.
const NEVER: &[(&str, &str, &str)] = &[
    ("ui", "host", "a client may be on another machine"),
    ("ui", "agent", "a client knows only what the journal says"),
    ("ui", "workspace", "a client never touches the disk"),
    ("ui", "journal", "a client folds what it is sent"),
];

fn layer(module: &str) -> Option<usize> {
    LAYERS.iter().position(|modules| modules.contains(&module))
}

/// The top modules that a source names.
fn named(source: &Source) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    for (number, line) in source.text.lines().enumerate() {
        // Prose may name what it likes.
        let line = line.split("//").next().unwrap_or(line);
        for (at, _) in line.match_indices("crate::") {
            let before = line[..at].chars().next_back();
            let rest = &line[at + "crate::".len()..];
            let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
            if before.is_none_or(|c| !c.is_alphanumeric() && c != '_') && layer(&rest[..end]).is_some() {
                found.push((number + 1, &rest[..end]));
            }
        }
    }
    found
}

fn why_not(from: &str, to: &str) -> Option<String> {
    let (outer, inner) = (layer(from)?, layer(to)?);
    if let Some((_, _, why)) = NEVER.iter().find(|(a, b, _)| (*a, *b) == (from, to)) {
        return Some(format!("{from} may never name {to}: {why}"));
    }
    let inside = INSIDE.iter().any(|(a, b, _)| (*a, *b) == (from, to));
    let fits = from == to || inner < outer || (inner == outer && inside);
    (!fits).then(|| format!("{from} (layer {outer}) may not name {to} (layer {inner})"))
}

#[test]
fn layers_import_inward_only() {
    let mut faults = Vec::new();
    for source in sources() {
        for (line, module) in named(&source) {
            faults.extend(why_not(source.module(), module).map(|why| format!("{}:{line}: {why}", source.path)));
        }
    }
    none(&faults, "an import against the layers");
}

#[test]
fn every_module_has_its_layer() {
    let lib = super::root().join("src/lib.rs");
    let text = std::fs::read_to_string(lib).expect("the library's root");
    let modules: Vec<&str> =
        text.lines().filter_map(|l| l.strip_prefix("pub mod ")).map(|l| l.trim_end_matches(';')).collect();
    let without: Vec<String> = modules.iter().filter(|m| layer(m).is_none()).map(|m| (*m).to_owned()).collect();
    none(&without, "a module that is in no layer");
    assert_eq!(modules.len(), LAYERS.iter().map(|l| l.len()).sum::<usize>(), "a layer names a module that is gone");
}

#[test]
fn the_table_refuses_what_it_must() {
    for (from, to) in
        [("base", "model"), ("host", "agent"), ("agent", "workspace"), ("ui", "journal"), ("policy", "port")]
    {
        assert!(why_not(from, to).is_some(), "{from} -> {to}");
    }
    for (from, to) in [("cli", "ui"), ("ui", "wire"), ("host", "journal"), ("model", "diff"), ("port", "model")] {
        assert_eq!(why_not(from, to), None, "{from} -> {to}");
    }
}
