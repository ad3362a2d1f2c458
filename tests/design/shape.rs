//! File heads, sizes, names, and what lies at the top of the package.

use super::{none, root, sources};

/// Lines that no file passes.
const LINES_MAX: usize = 600;

/// Fields that no struct of the product has more of.
const FIELDS_MAX: usize = 20;

/// Files over which the methods of one type may be spread.
const IMPL_FILES_MAX: usize = 3;

/// Types that are still too wide or too scattered. Whoever splits one deletes its row.
// One field for each table of the configuration file.
const TOO_WIDE: &[(&str, &str)] = &[("src/config/file.rs", "File")];
const TOO_SCATTERED: &[(&str, &str)] = &[];

/// Names that say nothing about what is in a file.
const EMPTY_NAMES: &[&str] =
    &["util", "utils", "helper", "helpers", "manager", "common", "misc", "data", "info", "stuff", "shared"];

#[test]
fn every_file_opens_with_what_it_owns() {
    let faults: Vec<String> = sources().iter().filter(|s| !s.text.starts_with("//!")).map(|s| s.path.clone()).collect();
    none(&faults, "a file does not open with `//!`");
}

#[test]
fn no_file_is_too_long() {
    let mut faults = Vec::new();
    for source in sources() {
        let lines = source.text.lines().count();
        if lines > LINES_MAX {
            faults.push(format!("{} has {lines} lines, more than {LINES_MAX}: split its state", source.path));
        }
    }
    none(&faults, "a file is too long");
}

#[test]
fn names_say_what_is_inside() {
    let mut faults = Vec::new();
    for source in sources() {
        let parts = source.path.split('/').map(|part| part.trim_end_matches(".rs"));
        faults.extend(parts.filter(|p| EMPTY_NAMES.contains(p)).map(|p| format!("{}: `{p}`", source.path)));
        for (number, line) in source.product().lines().enumerate() {
            if line.trim_start().trim_start_matches("pub ").starts_with("fn handle_") {
                faults.push(format!("{}:{}: say what it does, not that it handles", source.path, number + 1));
            }
        }
    }
    none(&faults, "a name that says nothing");
}

/// rustfmt sorts a block of imports, so one block has one order.
#[test]
fn imports_are_one_block() {
    let mut sources = Vec::new();
    ["src", "tests", "benches"].iter().for_each(|dir| crate::gather(&root().join(dir), &mut sources));
    let mut faults = Vec::new();
    for source in &sources {
        let lines: Vec<&str> = source.text.lines().collect();
        for (at, _) in lines.iter().enumerate().filter(|(_, line)| line.starts_with("use ")) {
            let end = at + lines[at..].iter().position(|line| line.contains(';')).unwrap_or_default();
            if matches!(lines.get(end + 1..end + 3), Some(["", next]) if next.starts_with("use ")) {
                faults.push(format!("{}:{}: a blank line between imports", source.path, end + 2));
            }
        }
    }
    none(&faults, "imports in several blocks");
}

#[test]
fn the_top_of_the_package_is_as_drawn() {
    const KNOWN: &[&str] = &[
        "Cargo.toml",
        "Cargo.lock",
        "src",
        "themes",
        "keymaps",
        "assets",
        "README.md",
        "tests",
        "benches",
        "docs",
        "fuzz",
        ".ci",
        ".git",
        ".github",
        ".gitignore",
        ".gitattributes",
        ".config",
        ".rustfmt.toml",
        "rustfmt.toml",
        "clippy.toml",
        "deny.toml",
        "LICENSE",
        "LICENSE-MIT",
        "LICENSE-APACHE",
        "CHANGELOG.md",
        "CONTRIBUTING.md",
        "SECURITY.md",
        "target",
    ];
    // Only what git knows: a worktree may hold anything else.
    let Ok(output) = std::process::Command::new("git").args(["ls-files", "-z"]).current_dir(root()).output() else {
        eprintln!("SKIPPED: no git, so the top of the package is not looked at");
        return;
    };
    let listed = String::from_utf8_lossy(&output.stdout).into_owned();
    let tops: std::collections::BTreeSet<&str> =
        listed.split('\0').filter_map(|p| p.split('/').next()).filter(|p| !p.is_empty()).collect();
    let faults: Vec<String> = tops.iter().filter(|t| !KNOWN.contains(*t)).map(|t| (*t).to_owned()).collect();
    none(&faults, "something new at the top of the package");
}

#[test]
fn the_manifest_says_what_it_must() {
    let text = std::fs::read_to_string(root().join("Cargo.toml")).expect("the manifest");
    let manifest: toml::Table = toml::from_str(&text).expect("TOML");
    assert!(manifest.get("workspace").is_none(), "one package, no workspace");
    assert_eq!(manifest["package"]["edition"].as_str(), Some("2024"));
    assert_eq!(manifest["lints"]["rust"]["unsafe_code"].as_str(), Some("forbid"));
    for lint in ["unwrap_used", "expect_used", "panic", "indexing_slicing", "wildcard_enum_match_arm", "print_stdout"] {
        assert_eq!(manifest["lints"]["clippy"][lint].as_str(), Some("deny"), "{lint}");
    }
    let bins = manifest.get("bin").and_then(|b| b.as_array()).map_or(0, Vec::len);
    assert_eq!(bins, 1, "one program");
}

/// A dependency of the program is used in the program, one of the tests in tests, benches or examples.
#[test]
fn every_dependency_is_used_where_it_is_declared() {
    let text = std::fs::read_to_string(root().join("Cargo.toml")).expect("the manifest");
    let manifest: toml::Table = toml::from_str(&text).expect("TOML");
    let product: String = sources().iter().map(crate::Source::product).collect();
    let mut tests = Vec::new();
    ["src", "tests", "benches"].iter().for_each(|dir| crate::gather(&root().join(dir), &mut tests));
    let tests: String = tests.iter().map(|source| source.text.as_str()).collect();
    let mut faults = Vec::new();
    for (table, code) in [("dependencies", product), ("dev-dependencies", tests)] {
        for name in manifest[table].as_table().expect("a table").keys() {
            let word = format!("{}::", name.replace('-', "_"));
            let is_path = |at: usize| !code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_');
            if !code.match_indices(&word).any(|(at, _)| is_path(at)) {
                faults.push(format!("{name} in [{table}]"));
            }
        }
    }
    none(&faults, "a dependency without a use");
}

/// Invariant 11: whatever queues, queues up to a bound.
#[test]
fn every_queue_has_a_bound() {
    let mut faults = Vec::new();
    for source in sources() {
        for (number, line) in source.product().lines().enumerate() {
            let code = line.split("//").next().unwrap_or_default();
            let endless =
                ["unbounded_channel", "unbounded::<", "unbounded()", "std::sync::mpsc::channel", "mpsc::channel()"];
            if endless.iter().any(|word| code.contains(word)) {
                faults.push(format!("{}:{}: a queue without a bound", source.path, number + 1));
            }
        }
    }
    none(&faults, "a queue without a bound");
}

fn starts_upper(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_uppercase())
}

fn word(text: &str) -> &str {
    &text[..text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len())]
}

/// The types that a source declares, each with its number of named fields.
fn types(source: &crate::Source) -> Vec<(&str, usize)> {
    let mut found = Vec::new();
    let lines: Vec<&str> = source.product().lines().collect();
    for (at, line) in lines.iter().enumerate() {
        let code = line.trim_start();
        let code = code
            .split_once("struct ")
            .or_else(|| code.split_once("enum "))
            .filter(|(before, _)| before.is_empty() || before.starts_with("pub") && before.ends_with(' '));
        let Some((_, rest)) = code else { continue };
        let indent = line.len() - line.trim_start().len();
        let is_field = |line: &&&str| {
            let inner = line.len() - line.trim_start().len() == indent + 4;
            let code = line.trim_start();
            let code = code
                .strip_prefix("pub ")
                .or_else(|| Some(code.strip_prefix("pub(")?.split_once(") ")?.1))
                .unwrap_or(code);
            let code = code.strip_prefix("r#").unwrap_or(code);
            inner && !word(code).is_empty() && !starts_upper(code) && code[word(code).len()..].starts_with(": ")
        };
        let is_end = |line: &&&str| line.starts_with(&format!("{}}}", " ".repeat(indent)));
        let fields = if line.ends_with('{') && line.contains("struct ") {
            lines[at + 1..].iter().take_while(|line| !is_end(line)).filter(is_field).count()
        } else {
            0
        };
        found.push((word(rest), fields));
    }
    found
}

#[test]
fn no_struct_has_too_many_fields() {
    let sources = sources();
    let mut faults = Vec::new();
    let mut widest = 0;
    for source in &sources {
        for (name, fields) in types(source) {
            let is_known = TOO_WIDE.contains(&(source.path.as_str(), name));
            widest = widest.max(fields);
            if (fields > FIELDS_MAX) != is_known {
                faults.push(format!("{}: {name} has {fields} fields (at most {FIELDS_MAX})", source.path));
            }
        }
    }
    assert!(widest > 10, "the fields were not counted");
    none(&faults, "a struct is too wide: group its fields by meaning");
}

#[test]
fn no_type_is_scattered_over_many_files() {
    use std::collections::{BTreeMap, BTreeSet};
    let sources = sources();
    let mut declared: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for source in &sources {
        for (name, _) in types(source) {
            declared.entry(name).or_default().push(&source.path);
        }
    }
    // A name that several files declare means the nearest of them.
    let near = |one: &str, other: &str| {
        one.split(['/', '.']).zip(other.split(['/', '.'])).take_while(|(one, other)| one == other).count()
    };
    let mut files: BTreeMap<(&str, &str), BTreeSet<&str>> = BTreeMap::new();
    for source in &sources {
        for line in source.product().lines().filter(|line| line.starts_with("impl") && !line.contains(" for ")) {
            let rest = line.trim_start_matches("impl");
            let rest = if rest.starts_with('<') { rest.split_once("> ").map_or("", |(_, rest)| rest) } else { rest };
            let name = word(rest.trim_start());
            let homes = declared.get(name).into_iter().flatten();
            let home = homes.max_by_key(|home| (**home == source.path, near(home, &source.path)));
            if let Some(home) = home {
                files.entry((home, name)).or_default().insert(&source.path);
            }
        }
    }
    let mut faults: Vec<String> = TOO_SCATTERED
        .iter()
        .filter(|known| files.get(*known).is_none_or(|files| files.len() <= IMPL_FILES_MAX))
        .map(|(home, name)| format!("{home}: {name} is no longer scattered, delete its exception"))
        .collect();
    for ((home, name), files) in files.iter().filter(|(key, _)| !TOO_SCATTERED.contains(key)) {
        if files.len() > IMPL_FILES_MAX {
            faults.push(format!("{home}: {name} has methods in {} files: {files:?}", files.len()));
        }
    }
    none(&faults, "a type is scattered: let a part own its fields");
}
