//! Acting as another user, or changing who may do what, asks.

use super::{Builtin, Judge, Voice, commands};
use crate::policy::programs::{base_name, is_privileged};

pub(super) const RULE: Builtin = Builtin {
    id: "privilege",
    about: "sudo, su, chown, mount, systemctl and their like ask wherever they stand in a line; no allow rule covers them.",
    judge: Judge::Always(|case| {
        commands(case)
            .iter()
            .filter_map(|words| words.first()?.as_deref())
            .find(|program| is_privileged(program))
            .map(|program| Voice::ask(format!("{} acts with other rights", base_name(program))))
    }),
    speaks_on: &["sudo ls", "timeout 5 sudo ls", "bash -c 'doas x'", "ls && chown root x"],
    silent_on: &["ls sudo", "grep sudo README.md"],
};
