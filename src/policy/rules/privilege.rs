//! Acting as another user, or changing who may do what, asks.

use super::{Builtin, Judge, Voice};
use crate::policy::command::class::Class;
use crate::policy::command::programs::class_of;
use crate::policy::matter::Matter;

pub(super) const RULE: Builtin = Builtin {
    id: "privilege",
    about: "sudo, su, chown, mount, systemctl and the like ask wherever they appear in a line; no allow rule covers them.",
    judge: Judge::Always(|case| match case.matter {
        Matter::Command { script, cwd, .. } => script
            .parts
            .iter()
            .any(|p| class_of(p, cwd, case.place) == Class::Privilege)
            .then(|| Voice::ask("it uses or changes privileges")),
        Matter::Path { .. } | Matter::Network(_) | Matter::Plan | Matter::Other(_) => None,
    }),
    speaks_on: &["sudo ls", "timeout 5 sudo ls", "bash -c 'doas x'", "ls && chown root x"],
    silent_on: &["ls sudo", "grep sudo README.md"],
};
