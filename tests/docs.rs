//! What the documents say is there: wire names, rules, tests, links.
#![allow(clippy::expect_used, clippy::panic, reason = "tests fail by panicking")]

use rightseat::model::Event;
use rightseat::wire::Request;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn text(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

/// Every file below `dir` whose name ends so.
fn files(dir: &Path, end: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).expect("a directory").flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(files(&path, end));
        } else if path.to_string_lossy().ends_with(end) {
            found.push(path);
        }
    }
    found
}

fn documents() -> Vec<PathBuf> {
    let top = ["README.md", "SECURITY.md", "CONTRIBUTING.md", "CHANGELOG.md"].map(|name| root().join(name));
    top.into_iter().chain(files(&root().join("docs"), ".md")).collect()
}

/// The words between backticks.
fn quoted(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

#[test]
fn every_request_and_every_envelope_kind_is_described() {
    let page = text("docs/PROTOCOL.md");
    let words = quoted(&page);
    let missing: Vec<_> = Request::METHODS.iter().chain(Event::KINDS).filter(|name| !words.contains(name)).collect();
    assert!(missing.is_empty(), "docs/PROTOCOL.md does not describe {missing:?}");
}

#[test]
fn every_built_in_rule_is_described() {
    let page = text("docs/POLICY.md");
    let words = quoted(&page);
    let missing: Vec<_> =
        rightseat::policy::rules::RULES.iter().map(|rule| rule.id).filter(|id| !words.contains(id)).collect();
    assert!(missing.is_empty(), "docs/POLICY.md does not describe {missing:?}");
}

/// The example of a file is one that the program accepts.
#[test]
fn the_example_of_the_settings_is_accepted() {
    let page = text("docs/CONFIG.md");
    let (_, section) = page.split_once("## `config.toml`").expect("the section");
    let example = section.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).expect("an example");
    rightseat::config::parse("docs/CONFIG.md", example).unwrap_or_else(|e| panic!("{e}"));
}

/// Every row of a table whose first cell begins so names tests that exist. Gives the number of rows.
fn rows_name_tests(page: &str, begin: &str) -> usize {
    let sources: String = ["src", "tests"]
        .iter()
        .flat_map(|dir| files(&root().join(dir), ".rs"))
        .map(|path| std::fs::read_to_string(path).expect("a source"))
        .collect();
    let rows: Vec<&str> = page.lines().filter(|line| line.starts_with(begin)).collect();
    for row in &rows {
        let names: Vec<_> = quoted(row).into_iter().filter(|word| word.matches('_').count() > 1).collect();
        assert!(!names.is_empty(), "no test proves {row}");
        for name in names {
            let is_there = sources.contains(&format!("fn {name}("));
            assert!(is_there, "the test {name} does not exist, but is named in {row}");
        }
    }
    rows.len()
}

#[test]
fn every_test_that_a_guarantee_names_exists() {
    let page = text("SECURITY.md");
    let (_, claims) = page.split_once("## What holds").expect("the guarantees");
    let (claims, _) = claims.split_once("## What does not hold").expect("the limits");
    assert_eq!(rows_name_tests(claims, "| G"), 16, "G0 to G15");
}

#[test]
fn every_row_of_the_yardstick_names_its_tests_or_says_no() {
    let page = text("SECURITY.md");
    let (_, table) = page.split_once("## Yardstick").expect("the yardstick");
    let (table, _) = table.split_once("\n## ").expect("a section after it");
    let rows: Vec<&str> = table.lines().filter(|line| line.starts_with("| Y")).collect();
    assert_eq!(rows.len(), 14, "Y1 to Y14");
    for row in rows.iter().filter(|row| row.ends_with("| – |")) {
        assert!(row.contains("| no: "), "neither a test nor a plain no: {row}");
    }
    let proved: Vec<&str> = rows.into_iter().filter(|row| !row.ends_with("| – |")).collect();
    assert_eq!(rows_name_tests(&proved.join("\n"), "| Y"), proved.len());
}

#[test]
fn every_test_that_an_invariant_names_exists() {
    let page = text("docs/ARCHITECTURE.md");
    let (_, table) = page.split_once("## Invariants").expect("the invariants");
    let (table, _) = table.split_once("\n## ").expect("a section after them");
    for number in 1..=15 {
        assert_eq!(rows_name_tests(table, &format!("| {number} |")), 1, "invariant {number}");
    }
}

#[test]
fn links_lead_somewhere() {
    for document in documents() {
        let text = std::fs::read_to_string(&document).expect("a document");
        for rest in text.split("](").skip(1) {
            let (target, _) = rest.split_once(')').expect("a link has an end");
            let path = target.split('#').next().unwrap_or_default();
            if path.is_empty() || target.starts_with("http") {
                continue;
            }
            let file = document.parent().expect("a directory").join(path);
            assert!(file.exists(), "{} links to {target}, which is not there", document.display());
        }
    }
}

#[test]
fn decisions_have_numbers_of_their_own() {
    let mut numbers: Vec<String> = files(&root().join("docs/decisions"), ".md")
        .iter()
        .filter_map(|path| Some(path.file_name()?.to_str()?.split('-').next()?.to_owned()))
        .collect();
    let all = numbers.len();
    numbers.sort();
    numbers.dedup();
    assert_eq!(numbers.len(), all, "two decisions have one number");
}
