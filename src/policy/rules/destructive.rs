//! Deleting and killing ask.

use super::{Builtin, Case, Judge, Voice};
use crate::policy::command::class::Class;
use crate::policy::command::programs::class_of;
use crate::policy::matter::{Matter, Op};

pub(super) const RULE: Builtin = Builtin {
    id: "destructive",
    about: "Commands that delete, kill or overwrite ask unless one of your rules allows them.",
    judge: Judge::Otherwise(speak),
    speaks_on: &["rm -rf build", "git reset --hard", "pkill node", "find . -name x -delete", "@delete src/main.rs"],
    silent_on: &["ls rm", "git status", "@write src/main.rs"],
};

fn speak(case: &Case<'_>) -> Option<Voice> {
    match case.matter {
        Matter::Path { op: Op::Delete, path, .. } => Some(Voice::ask(format!("it deletes {path}"))),
        Matter::Command { script, cwd, .. } => script
            .parts
            .iter()
            .any(|p| class_of(p, cwd, case.place) == Class::Destructive)
            .then(|| Voice::ask("it deletes, kills or overwrites")),
        Matter::Path { .. } | Matter::Network(_) | Matter::Plan | Matter::Other(_) => None,
    }
}
