//! Detects whether a path belongs to the tests, for the alarm about edits to tests and for the repair agent.
//!
//! Judged by names alone, in any letter case. Tests inside source files (`#[cfg(test)]`) are for the caller.

use crate::base::RelPath;

/// The relation of a path to the tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TestPath {
    /// A file of test cases, or anything in a directory of tests.
    Test,
    /// Settings or set-up code of a test runner.
    Config,
    /// Expected results: snapshots, golden files, test data.
    Expected,
    /// A build or package file that may also set up the tests: read the change.
    MayConfigure,
    /// None of these.
    Source,
}

impl TestPath {
    /// A change here can make a failing test pass without fixing anything.
    pub fn is_guarded(self) -> bool {
        match self {
            Self::Test | Self::Config | Self::Expected => true,
            Self::MayConfigure | Self::Source => false,
        }
    }
}

/// Returns whether a path is a test, its configuration or its expected output.
pub fn is_test(path: &RelPath) -> bool {
    recognise(path.as_str()).is_guarded()
}

const TEST_DIRECTORIES: &[&str] = &[
    "test",
    "tests",
    "__tests__",
    "spec",
    "specs",
    "e2e",
    "t",
    "cypress",
    "testing",
    "integration-tests",
    "unittests",
];
const EXPECTED_DIRECTORIES: &[&str] = &["__snapshots__", "snapshots", "testdata", "__fixtures__", "golden"];
const CONFIG_FILES: &[&str] = &[
    "pytest.ini",
    ".pytest.ini",
    "conftest.py",
    "tox.ini",
    "noxfile.py",
    ".coveragerc",
    "nextest.toml",
    ".mocharc",
    "jest.config",
    "jest.setup",
    "jest.preset",
    "vitest.config",
    "vitest.setup",
    "vitest.workspace",
    "karma.conf",
    "cypress.config",
    "playwright.config",
    "setuptests",
    ".nycrc",
    "phpunit.xml",
    "phpunit.xml.dist",
    ".rspec",
    ".proverc",
    "codecov.yml",
    ".codecov.yml",
    "test_helper",
    "spec_helper",
    "rails_helper",
];
const MIXED_FILES: &[&str] = &[
    "package.json",
    "pyproject.toml",
    "setup.cfg",
    "setup.py",
    "cargo.toml",
    "makefile",
    "gnumakefile",
    "justfile",
    "go.mod",
    "pom.xml",
    "build.gradle",
    "build.gradle.kts",
    "vite.config",
    "tsconfig.json",
    "babel.config",
    "build.rs",
    "cmakelists.txt",
    "rakefile",
];

/// Returns the relation of a path, relative to the project and with `/`, to the tests.
pub fn recognise(path: &str) -> TestPath {
    let path = path.replace('\\', "/").to_lowercase();
    let (directories, name) = path.rsplit_once('/').unwrap_or(("", &path));
    let in_any = |names: &[&str]| directories.split('/').any(|d| names.contains(&d));
    let named =
        |names: &[&str]| names.iter().any(|n| name == *n || name.strip_prefix(n).is_some_and(|r| r.starts_with('.')));
    if named(CONFIG_FILES) {
        return TestPath::Config;
    }
    if in_any(EXPECTED_DIRECTORIES)
        || [".snap", ".snap.new", ".golden", ".approved.txt"].iter().any(|e| name.ends_with(e))
    {
        return TestPath::Expected;
    }
    if in_any(TEST_DIRECTORIES) || is_test_name(name) {
        return TestPath::Test;
    }
    match named(MIXED_FILES) {
        true => TestPath::MayConfigure,
        false => TestPath::Source,
    }
}

/// A file name (lower case) that runners take for tests in any directory.
pub fn is_test_name(name: &str) -> bool {
    let Some((stem, extension)) = name.rsplit_once('.') else {
        return false;
    };
    let ends = |tails: &[&str]| tails.iter().any(|t| stem.ends_with(t));
    match extension {
        "rs" => matches!(stem, "test" | "tests") || ends(&["_test", "_tests"]),
        "py" => stem.starts_with("test_") || ends(&["_test", "_tests"]) || matches!(stem, "test" | "tests"),
        "go" => stem.ends_with("_test"),
        "js" | "jsx" | "ts" | "tsx" | "mjs" | "cjs" | "mts" | "cts" | "vue" | "svelte" => {
            ends(&[".test", ".spec", "-test", "_test", ".e2e", ".cy"])
                || matches!(stem, "test" | "tests")
                || stem.starts_with("test-")
                || stem.starts_with("test_")
        }
        "java" | "kt" | "scala" | "groovy" | "cs" | "swift" | "php" => ends(&["test", "tests", "testcase", "spec"]),
        "rb" => ends(&["_test", "_spec"]) || stem.starts_with("test_"),
        "c" | "cc" | "cpp" | "cxx" | "ex" | "exs" | "dart" | "zig" => {
            ends(&["_test", "_tests", "_unittest"]) || stem.starts_with("test_")
        }
        "t" | "bats" | "feature" => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths() {
        use TestPath::*;
        for (path, expect) in [
            ("tests/whole.rs", Test),
            ("src/parser/tests.rs", Test),
            ("src/lib.rs", Source),
            ("src/contest.rs", Source),
            ("src/latest.py", Source),
            ("pkg/test_sums.py", Test),
            ("pkg/sums_test.py", Test),
            ("conftest.py", Config),
            ("pkg/conftest.py", Config),
            ("sums_test.go", Test),
            ("pkg/testdata/in.txt", Expected),
            ("src/Sums.test.tsx", Test),
            ("src/sums.spec.mjs", Test),
            ("src/__tests__/sums.js", Test),
            ("src/__snapshots__/a.snap", Expected),
            ("jest.config.ts", Config),
            ("vitest.config.mts", Config),
            (".mocharc.yml", Config),
            (".config/nextest.toml", Config),
            ("package.json", MayConfigure),
            ("Cargo.toml", MayConfigure),
            ("Makefile", MayConfigure),
            ("src/test/java/a/SumsTest.java", Test),
            ("src/main/java/a/Sums.java", Source),
            ("t/a.t", Test),
            ("a.bats", Test),
            ("src\\__tests__\\a.js", Test),
            ("protest/main.py", Source),
            ("", Source),
        ] {
            assert_eq!(recognise(path), expect, "{path}");
        }
    }
}
