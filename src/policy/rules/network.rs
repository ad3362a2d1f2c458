//! Talking to other machines asks.

use super::{Builtin, Judge, Voice};
use crate::policy::command::class::Class;
use crate::policy::command::programs::class_of;
use crate::policy::matter::Matter;

pub(super) const RULE: Builtin = Builtin {
    id: "network",
    about: "Commands that fetch, install, publish or connect ask unless one of your rules allows them.",
    judge: Judge::Otherwise(|case| match case.matter {
        Matter::Command { script, cwd, .. } => script
            .parts
            .iter()
            .any(|p| class_of(p, cwd, case.place) == Class::Network)
            .then(|| Voice::ask("it contacts other machines")),
        Matter::Network(to) => Some(Voice::ask(format!("it contacts {to}"))),
        Matter::Path { .. } | Matter::Plan | Matter::Other(_) => None,
    }),
    speaks_on: &["curl example.com", "npm install left-pad", "git push origin main", "npx something"],
    silent_on: &["npm test", "ls curl", "git status"],
};
