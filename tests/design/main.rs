//! The design, held: layers, file heads and sizes, names, licensed effects, the shape of the package, generated tables.
//!
//! Everything is read from the sources as text; nothing is built or run. `UPDATE=1` rewrites generated tables.
#![allow(
    clippy::unwrap_used,
    clippy::too_many_lines,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "tests fail by panicking"
)]

mod callers;
mod generated;
mod layers;
mod licences;
mod limits;
mod recipes;
mod shape;
mod vocabulary;

use std::path::{Path, PathBuf};

/// One source file.
pub struct Source {
    /// Relative to the package, with `/`.
    pub path: String,
    pub text: String,
}

impl Source {
    /// The module below `src/` that it belongs to: `ui`, `port`, `main`.
    pub fn module(&self) -> &str {
        let inner = self.path.strip_prefix("src/").unwrap_or(&self.path);
        inner.split('/').next().unwrap_or(inner).trim_end_matches(".rs")
    }

    /// The text up to the tests at its end; nothing of a file that only holds tests.
    pub fn product(&self) -> &str {
        let is_tests = self.path.split('/').any(|part| part == "tests" || part.ends_with("tests.rs"));
        if is_tests {
            return "";
        }
        self.text.split("#[cfg(test)]\nmod tests {").next().unwrap_or(&self.text)
    }
}

pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Every Rust file below `src/`, sorted.
pub fn sources() -> Vec<Source> {
    let mut found = Vec::new();
    gather(&root().join("src"), &mut found);
    found.sort_by(|a, b| a.path.cmp(&b.path));
    assert!(found.len() > 100, "only {} files were found below src/", found.len());
    found
}

fn gather(dir: &Path, found: &mut Vec<Source>) {
    for entry in std::fs::read_dir(dir).expect("a directory of sources").flatten() {
        let path = entry.path();
        if path.is_dir() {
            gather(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            let text = std::fs::read_to_string(&path).expect("a source file");
            let path = path.strip_prefix(root()).expect("inside the package").to_string_lossy().into_owned();
            found.push(Source { path, text });
        }
    }
}

/// Fails with every fault at once, so that one run tells all.
pub fn none(faults: &[String], rule: &str) {
    assert!(faults.is_empty(), "{rule}:\n  {}", faults.join("\n  "));
}
