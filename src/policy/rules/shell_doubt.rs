//! A line that a shell would rewrite before running it asks.

use super::{Builtin, Judge, Voice};
use crate::policy::matter::Matter;

pub(super) const RULE: Builtin = Builtin {
    id: "shell-doubt",
    about: "A command line asks unless two independent parsers read the same plain commands in it: no variables, substitutions, \
            assignments, functions, here-documents, background jobs, redirects to files, or deceptive characters.",
    judge: Judge::Always(|case| match case.matter {
        Matter::Command { script, .. } => {
            script.doubts.first().map(|doubt| Voice::ask(format!("the line is not plain: {doubt}")))
        }
        Matter::Path { .. } | Matter::Network(_) | Matter::Plan | Matter::Other(_) => None,
    }),
    speaks_on: &[
        "ls $HOME",
        "echo `id`",
        "LD_PRELOAD=./x.so ls",
        "ls \"$A\"*",
        "ls & pwd",
        "cat <<E\nx\nE",
        "ls\u{a0}src",
        "f() { ls; }; f",
        "ls 'x",
    ],
    silent_on: &["ls src", "grep '$HOME' src", "ls 2>/dev/null"],
};
