//! Programs that run other programs, or text, are never allowed by their own name.

use super::{Builtin, Judge, Voice};
use crate::policy::command::programs::{base_name, is_interpreter, is_wrapper};
use crate::policy::matter::Matter;

/// Arguments with which ordinary tools start something else.
const STARTERS: [&str; 5] = ["-exec", "-execdir", "-ok", "-okdir", "--exec"];

pub(super) const RULE: Builtin = Builtin {
    id: "program-in-disguise",
    about: "env, xargs, find -exec, timeout, shells, interpreters and build scripts ask: their name says nothing about what will run. \
            One of your rules can cover a script that it names, or a line that it spells out.",
    judge: Judge::Otherwise(|case| match case.matter {
        Matter::Command { script, .. } => script.parts.iter().find_map(|part| {
            let program = part.words.first()?.as_deref()?;
            let starts = part.words.iter().flatten().any(|w| STARTERS.contains(&w.as_str()));
            (is_wrapper(program) || is_interpreter(program) || starts)
                .then(|| Voice::ask(format!("{} runs whatever its arguments or files say", base_name(program))))
        }),
        Matter::Path { .. } | Matter::Network(_) | Matter::Plan | Matter::Other(_) => None,
    }),
    speaks_on: &[
        "env ls",
        "xargs ls",
        "python3 x.py",
        "bash x.sh",
        "awk 1 x",
        "make",
        "find . -exec ls x",
        "timeout 5 ls",
    ],
    silent_on: &["ls env", "cargo test", "rg python"],
};
