//! Tables in the manual that are made from the program: keys and rules. `UPDATE=1` rewrites them.
//!
//! A table stands between `<!-- generated: NAME -->` and `<!-- end -->`, in any Markdown file of the package.

use super::root;
use rightseat::policy::rules::RULES;
use rightseat::ui::commands::{self, Scope};
use rightseat::ui::keymap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// A generated table by its name.
fn table(name: &str) -> Option<String> {
    match name {
        "keys" => Some(keys()),
        "rules" => Some(rules()),
        _ => None,
    }
}

fn keys() -> String {
    let keymap = keymap::builtin("default").expect("the default keymap");
    let mut out = String::from("| command | keys | does |\n|---|---|---|\n");
    for command in commands::all() {
        let bindings = keymap.bindings().iter().filter(|b| b.command.name == command.name);
        let keys: Vec<String> = bindings.map(|b| format!("`{}`", b.shown().replace('|', "\\|"))).collect();
        let place =
            if command.scope == Scope::Anywhere { String::new() } else { format!(" ({})", command.scope.name()) };
        let _ = writeln!(out, "| `{}` | {} | {}{place} |", command.name, keys.join(" "), command.description);
    }
    out
}

fn rules() -> String {
    let mut out = String::from("| rule | what it does | speaks on | is silent on |\n|---|---|---|---|\n");
    for rule in RULES {
        let shown = |examples: &[&str]| {
            let few = examples.iter().take(2).map(|e| format!("`{}`", e.replace('|', "\\|").replace('\n', " ")));
            few.collect::<Vec<_>>().join(", ")
        };
        let _ =
            writeln!(out, "| `{}` | {} | {} | {} |", rule.id, rule.about, shown(rule.speaks_on), shown(rule.silent_on));
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

/// The text with every table made anew; the error names a table that is not known or has no end.
fn renewed(text: &str) -> Result<String, String> {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("<!-- generated: ") {
        let (name, after) = after.split_once(" -->").ok_or("a mark without an end")?;
        let (_, after) = after.split_once("<!-- end -->").ok_or_else(|| format!("the table {name} has no end"))?;
        let table = table(name).ok_or_else(|| format!("there is no table {name}"))?;
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
        let new = renewed(&text).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
        if new != text && std::env::var_os("UPDATE").is_some() {
            std::fs::write(file, new).expect("a manual that can be written");
        } else {
            assert!(new == text, "{} is stale: UPDATE=1 cargo test --test design", file.display());
        }
    }
}

#[test]
fn a_stale_table_is_noticed() {
    let stale = "a\n<!-- generated: keys -->\nold\n<!-- end -->\nb\n";
    let new = renewed(stale).expect("a known table");
    assert!(new.contains("| `approve` | `a`") && new.starts_with("a\n") && new.ends_with("\nb\n"));
    assert_eq!(renewed(&new).as_deref(), Ok(new.as_str()));
    assert!(renewed("<!-- generated: nothing -->\n<!-- end -->").is_err());
    assert!(renewed("<!-- generated: keys -->").is_err());
}
