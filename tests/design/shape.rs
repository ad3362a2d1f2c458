//! File heads, sizes, names, and what lies at the top of the package.

use super::{none, root, sources};

/// Lines that no file passes.
const LINES_MAX: usize = 600;

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
