//! Tables in the manual that are made from the program: keys, rules, settings and agents. `UPDATE=1` rewrites them.
//!
//! A table is between `<!-- generated: NAME -->` and `<!-- end -->`, in any Markdown file of the package.

use super::root;
use rightseat::agent::catalog::{Catalog, Through};
use rightseat::config::{self, Settings};
use rightseat::policy::rules::RULES;
use rightseat::ui::commands::{self, Scope};
use rightseat::ui::keymap;
use serde_json::Value;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// A table: its name, what makes it, and the document that shows it.
type Table = (&'static str, fn() -> String, &'static str);

const TABLES: [Table; 5] = [
    ("keys", keys, "docs/KEYS.md"),
    ("keys in short", keys_in_short, "README.md"),
    ("rules", rules, "docs/POLICY.md"),
    ("settings", settings, "docs/CONFIG.md"),
    ("agents", agents, "docs/AGENTS.md"),
];

/// The text of a cell: no bar ends it, no line break ends its row.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

/// The same as code; a backtick in it takes a longer fence.
fn code(text: &str) -> String {
    let text = cell(text);
    if text.contains('`') { format!("`` {text} ``") } else { format!("`{text}`") }
}

fn keys() -> String {
    let keymap = keymap::builtin("default").expect("the default keymap");
    let mut out = String::from("| command | keys | what it does |\n|---|---|---|\n");
    for command in commands::all() {
        let bindings = keymap.bindings().iter().filter(|b| b.command.name == command.name);
        let keys: Vec<String> = bindings.map(|b| format!("`{}`", cell(&b.shown()))).collect();
        let place =
            if command.scope == Scope::Anywhere { String::new() } else { format!(" ({})", command.scope.name()) };
        let _ = writeln!(out, "| `{}` | {} | {}{place} |", command.name, keys.join(" "), cell(command.description));
    }
    out
}

/// What the README shows of the keys: words, and the commands behind each part of them.
const SHORT: [(&str, &[&[&str]]); 28] = [
    ("approve · with a note · group", &[&["approve"], &["approve-with-note"], &["approve-group"]]),
    ("lease · rule that allows it from now on · rules", &[&["lease"], &["always"], &["rules"]]),
    ("edit · in `$EDITOR`", &[&["edit"], &["edit-external"]]),
    ("exclude a hunk · select lines", &[&["toggle-hunk"], &["select-lines"]]),
    ("redirect · deny · deny with a rule", &[&["redirect"], &["deny"], &["deny-with-rule"]]),
    ("the agent's options for the action", &[&["options"]]),
    ("ask why, keep it pending", &[&["explain"]]),
    ("test the candidate", &[&["test"]]),
    ("next · previous pending action", &[&["next-pending"], &["previous-pending"]]),
    ("step · continue", &[&["step"], &["continue"]]),
    ("pause and resume", &[&["pause"]]),
    ("stop (twice: kill)", &[&["stop"]]),
    ("mode · options of the agent", &[&["mode"], &["agent"]]),
    ("agent: model · effort · mode · sign in", &[&["model"], &["effort"], &["agent-mode"], &["sign-in"]]),
    ("undo · rewind", &[&["undo"], &["rewind"]]),
    ("revert an unsupervised change", &[&["take-back"]]),
    ("focus a pane · the next one", &[&["focus-*"], &["next-pane"]]),
    ("move · page · ends", &[&["down", "up"], &["page-down", "page-up"], &["top", "bottom"]]),
    ("hunk · file", &[&["next-hunk", "previous-hunk"], &["next-file", "previous-file"]]),
    ("diff view · whitespace · context", &[&["diff-view"], &["whitespace"], &["more-context", "less-context"]]),
    ("item or conversation · agent log · thoughts", &[&["swap"], &["agent-log"], &["thoughts"]]),
    ("search · copy · zoom", &[&["search"], &["yank"], &["zoom"]]),
    ("write to the agent · close", &[&["compose"], &["leave"]]),
    ("plan: add · below · reword", &[&["plan-add"], &["plan-add-below"], &["plan-reword"]]),
    ("plan: remove · move · pin", &[&["plan-remove"], &["plan-move-down", "plan-move-up"], &["plan-pin"]]),
    ("record: next · back · end · start", &[&["step"], &["step-back"], &["continue"], &["from-start"]]),
    ("record: list · jump", &[&["events"], &["jump"]]),
    ("take control · detach · quit", &[&["take-control"], &["detach"], &["quit"]]),
];

/// The command of this name, or all whose names start with what precedes a `*`.
fn named(name: &'static str) -> Vec<&'static str> {
    match name.strip_suffix('*') {
        Some(start) => commands::all().map(|command| command.name).filter(|name| name.starts_with(start)).collect(),
        None => vec![name],
    }
}

/// Two columns, filled downwards.
fn keys_in_short() -> String {
    let keymap = keymap::builtin("default").expect("the default keymap");
    let shown = |name: &str| format!("`{}`", keymap.shown(name).unwrap_or_else(|| panic!("{name} has no key")));
    let part = |names: &&[&'static str]| {
        let named = names.iter().flat_map(|name| named(name));
        cell(&named.map(shown).collect::<Vec<_>>().join(" "))
    };
    let row = |(words, parts): &(&str, &[&[&'static str]])| {
        format!("| {words} | {} |", parts.iter().map(part).collect::<Vec<_>>().join(" · "))
    };
    let (left, right) = SHORT.split_at(SHORT.len().div_ceil(2));
    let mut out = String::from("| action | keys | | action | keys |\n|---|---|---|---|---|\n");
    for (index, entry) in left.iter().enumerate() {
        let other = right.get(index).map_or_else(|| "| | |".to_owned(), row);
        let _ = writeln!(out, "{} {other}", row(entry));
    }
    out
}

fn rules() -> String {
    let mut out = String::from("| rule | what it does | decides on | not on |\n|---|---|---|---|\n");
    for rule in RULES {
        let shown = |examples: &[&str]| {
            let few = examples.iter().take(2).map(|example| code(example));
            few.collect::<Vec<_>>().join(", ")
        };
        let (speaks, silent) = (shown(rule.speaks_on), shown(rule.silent_on));
        let _ = writeln!(out, "| `{}` | {} | {speaks} | {silent} |", rule.id, cell(rule.about));
    }
    out
}

/// One row a key of `config.toml`: its values, its default, and its words in the schema.
fn settings() -> String {
    let schema = config::schema();
    let schema = schema.as_value();
    let defaults = Settings::default().rows();
    let mut out = String::from("| key | values | default | what it sets |\n|---|---|---|---|\n");
    let mut known = 0;
    for (name, of) in properties(schema) {
        let table = properties(resolved(schema, of));
        let by_name = properties(resolved(schema, &of["additionalProperties"]));
        let inner = if name == "specialists" { "ROLE" } else { "HOST" };
        let keys: Vec<(String, &Value)> = if !by_name.is_empty() {
            by_name.into_iter().map(|(key, of)| (format!("{name}.{inner}.{key}"), of)).collect()
        } else if table.is_empty() {
            vec![(name.to_owned(), of)]
        } else {
            let nested = |(key, of)| {
                let inner = properties(resolved(schema, of));
                let each = inner.iter().map(|(inner, of)| (format!("{name}.{key}.{inner}"), *of));
                if inner.is_empty() { vec![(format!("{name}.{key}"), of)] } else { each.collect() }
            };
            table.into_iter().flat_map(nested).collect()
        };
        for (key, of) in keys {
            let default = defaults.iter().find(|(known, _)| *known == key).map(|(_, value)| value.as_str());
            known += usize::from(default.is_some());
            let default = match default {
                None | Some("–") => "–".to_owned(),
                Some(value) => format!("`{}`", cell(value)),
            };
            let words = of["description"].as_str().unwrap_or_else(|| panic!("{key} is not described"));
            let _ = writeln!(out, "| `{key}` | {} | {default} | {} |", cell(&values(schema, of)), cell(words));
        }
    }
    assert_eq!(known, defaults.len(), "each setting that is shown has a key in the schema");
    out
}

fn properties(of: &Value) -> Vec<(&str, &Value)> {
    of["properties"].as_object().into_iter().flatten().map(|(key, of)| (key.as_str(), of)).collect()
}

/// Follows a reference within the schema.
fn resolved<'a>(schema: &'a Value, of: &'a Value) -> &'a Value {
    let name = of["$ref"].as_str().and_then(|path| path.strip_prefix("#/$defs/"));
    name.map_or(of, |name| &schema["$defs"][name])
}

/// The values that a key accepts: the words of a closed list, or a type.
fn values(schema: &Value, of: &Value) -> String {
    let of = resolved(schema, of);
    let all = [&of["anyOf"], &of["oneOf"]].into_iter().filter_map(Value::as_array).flatten();
    let mut words: Vec<String> = all.map(|one| values(schema, one)).filter(|words| !words.is_empty()).collect();
    words.extend(of["const"].as_str().map(|word| format!("`{word}`")));
    words.extend(of["enum"].as_array().into_iter().flatten().filter_map(Value::as_str).map(|word| format!("`{word}`")));
    if words.is_empty() {
        let many = of["type"].as_array().into_iter().flatten().filter_map(Value::as_str);
        let types = of["type"].as_str().into_iter().chain(many);
        words.extend(types.filter(|name| *name != "null").map(str::to_owned));
    }
    words.join(", ")
}

fn agents() -> String {
    let catalog = Catalog::load(None).expect("the bundled agents");
    let by = |through: Through| match through {
        Through::Agent => "the agent",
        Through::Client => "rightseat",
    };
    let mut out = String::from(
        "| `--agent` | agent | level | edits carried out by | commands carried out by | how to install it |\n|---|---|---|---|---|---|\n",
    );
    for spec in catalog.agents() {
        let install = spec.install.as_ref().map_or_else(|| "–".to_owned(), |line| format!("`{}`", cell(line)));
        let (name, title, level) = (&spec.name, spec.shown_name(), spec.level.word());
        let (edits, commands) = (by(spec.edits), by(spec.commands));
        let _ = writeln!(out, "| `{name}` | {title} | {level} | {edits} | {commands} | {install} |");
    }
    out
}

fn manuals(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            manuals(&path, found);
        } else if path.extension().is_some_and(|e| e == "md") {
            found.push(path);
        }
    }
}

/// Returns the text with every table generated again; the error names a table that is unknown or has no end.
fn regenerated(text: &str) -> Result<String, String> {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("<!-- generated: ") {
        let (name, after) = after.split_once(" -->").ok_or("a mark without an end")?;
        let (_, after) = after.split_once("<!-- end -->").ok_or_else(|| format!("the table {name} has no end"))?;
        let (_, make, _) =
            TABLES.iter().find(|(known, ..)| *known == name).ok_or_else(|| format!("there is no table {name}"))?;
        let table = make();
        let _ = write!(out, "{before}<!-- generated: {name} -->\n{table}<!-- end -->");
        rest = after;
    }
    out.push_str(rest);
    Ok(out)
}

#[test]
fn tables_in_the_manual_are_as_the_program_is() {
    let mut files: Vec<PathBuf> = vec![root().join("README.md"), root().join("CONTRIBUTING.md")];
    manuals(&root().join("docs"), &mut files);
    for file in files.iter().filter(|f| f.exists()) {
        let text = std::fs::read_to_string(file).expect("a manual");
        let new = regenerated(&text).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
        if new != text && std::env::var_os("UPDATE").is_some() {
            std::fs::write(file, new).expect("a manual that can be written");
        } else {
            assert!(new == text, "{} is stale: UPDATE=1 cargo test --test design", file.display());
        }
    }
}

#[test]
fn every_table_is_in_its_document() {
    for (name, _, file) in TABLES {
        let text = std::fs::read_to_string(root().join(file)).expect("a manual");
        assert!(text.contains(&format!("<!-- generated: {name} -->")), "{file} does not show the table {name}");
    }
}

#[test]
fn a_stale_table_is_noticed() {
    let stale = "a\n<!-- generated: keys -->\nold\n<!-- end -->\nb\n";
    let new = regenerated(stale).expect("a known table");
    assert!(new.contains("| `approve` | `a`") && new.starts_with("a\n") && new.ends_with("\nb\n"));
    assert_eq!(regenerated(&new).as_deref(), Ok(new.as_str()));
    assert!(regenerated("<!-- generated: nothing -->\n<!-- end -->").is_err());
    assert!(regenerated("<!-- generated: keys -->").is_err());
}
