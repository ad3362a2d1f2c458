//! Looking at ordinary files of the workspace is allowed.

use std::path::Path;
use super::{Builtin, Case, Judge};
use crate::policy::command::reading;
use crate::policy::command::shell::Simple;
use crate::policy::guarded::holds_secrets;
use crate::policy::matter::{Matter, Op};
use crate::policy::place::Target;

pub(super) const RULE: Builtin = Builtin {
    id: "read-inside",
    about: "Reading files of the workspace is allowed: by path, or by commands whose every option is known to only read.",
    judge: Judge::Permits {
        command: |simple: &Simple, cwd: &Path, case: &Case<'_>| reading::only_reads(simple, cwd, case.place),
        matter: |case| match case.matter {
            Matter::Path { op: Op::Read, path, cwd, .. } => match case.place.target(cwd, path) {
                Target::Inside(inside) => !holds_secrets(&inside.to_string_lossy()),
                Target::Outside(_) | Target::Own(_) => false,
            },
            Matter::Path { .. } | Matter::Command { .. } | Matter::Network(_) | Matter::Plan | Matter::Other(_) => {
                false
            }
        },
        exact: false,
    },
    speaks_on: &[
        "ls -la src",
        "cd src && grep -rn main . | head -n 5",
        "sed -n 1,40p src/main.rs",
        "@read src/main.rs",
        "@read .git/config",
        "cat /dev/null",
        "find src -name '*.rs' | sort | uniq -c",
    ],
    silent_on: &[
        "cat /etc/passwd",
        "ls > files",
        "find . -delete",
        "find -L .",
        "@write src/main.rs",
        "@read .env",
        "cd .. && ls",
        "ls || cd src && ls",
    ],
};
