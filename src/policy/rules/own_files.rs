//! Agents may not change rightseat's own files.

use super::{Builtin, Case, Judge, Voice};
use crate::base::signature::KEY_FILE;
use crate::policy::command::named::named;
use crate::policy::matter::{Matter, Op};
use crate::policy::place::Target;

pub(super) const RULE: Builtin = Builtin {
    id: "own-files",
    about: "Agents are denied access to rightseat's own configuration and state: they determine what asks, and record what was decided.",
    judge: Judge::Always(speak),
    speaks_on: &[
        "@write /home/me/.config/rightseat/policy.toml",
        "rm /home/me/.local/state/rightseat/sessions/s1/journal.db",
        "@read /home/me/.config/rightseat/agents.toml",
    ],
    silent_on: &["@write /home/me/.config/other", "ls /home/me"],
};

fn speak(case: &Case<'_>) -> Option<Voice> {
    let own = |cwd: &std::path::Path, path: &str| matches!(case.place.target(cwd, path), Target::Own(_));
    match case.matter {
        Matter::Path { op: Op::Read, path, cwd, .. } => {
            let target = case.place.target(cwd, path);
            if matches!(&target, Target::Own(at) if at.file_name().is_some_and(|name| name == KEY_FILE)) {
                return Some(Voice::deny(format!("it reads {path}, the key that records are signed with")));
            }
            own(cwd, path).then(|| Voice::ask(format!("it reads {path}, which belongs to rightseat")))
        }
        Matter::Path { op, path, cwd, .. } => {
            own(cwd, path).then(|| Voice::deny(format!("it {} {path}, which belongs to rightseat", op.verb())))
        }
        Matter::Command { .. } => named(case)
            .into_iter()
            .find(|named| named.at.iter().any(|at| own(at, &named.word)))
            .map(|named| Voice::deny(format!("it names {}, which belongs to rightseat", named.word))),
        Matter::Network(_) | Matter::Plan | Matter::Other(_) => None,
    }
}
