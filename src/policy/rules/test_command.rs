//! The project's own test command is allowed, word for word.

use std::path::Path;

use super::{Builtin, Case, Judge};

pub(super) const RULE: Builtin = Builtin {
    id: "test-command",
    about: "The detected (or configured) test command is allowed from the workspace root, exactly as it is: one more word and it asks.",
    judge: Judge::Permits {
        command: |argv: &[String], cwd: &Path, case: &Case<'_>| {
            cwd == case.place.root && case.tests.iter().any(|t| t == argv)
        },
        matter: |_| false,
        exact: true,
    },
    speaks_on: &["cargo test", "cargo test 2>&1"],
    silent_on: &[
        "cargo test --config x",
        "RUSTC=./x cargo test",
        "cargo  run",
        "cd src && cargo test",
        "cargo test > out",
    ],
};
