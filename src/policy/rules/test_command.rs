//! The project's own test command is allowed, word for word.

use std::path::Path;
use super::{Builtin, Case, Judge};
use crate::policy::command::shell::Simple;

pub(super) const RULE: Builtin = Builtin {
    id: "test-command",
    about: "The detected (or configured) test command is allowed from the workspace root, exactly as it is; with any additional word it asks.",
    judge: Judge::Permits {
        command: |simple: &Simple, cwd: &Path, case: &Case<'_>| {
            cwd == case.place.root
                && simple.patterns.is_empty()
                && simple.reads.is_empty()
                && case.tests.contains(&simple.argv)
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
