//! Whatever leads out of the workspace asks.

use super::{Builtin, Case, Judge, Voice};
use crate::policy::command::named::named;
use crate::policy::matter::Matter;
use crate::policy::place::Target;

pub(super) const RULE: Builtin = Builtin {
    id: "outside",
    about: "A path that leads out of the workspace, or cannot be resolved, asks and is shown.",
    judge: Judge::UnlessExact(speak),
    speaks_on: &[
        "@read /etc/passwd",
        "@write ../x",
        "cat /etc/passwd",
        "ls ..",
        "grep x --include=/etc/x",
        "cat src/../../x",
        "/tmp/evil",
        "tar -C/etc x",
    ],
    silent_on: &["ls .", "@read src/main.rs", "cat /dev/null", "./run"],
};

fn speak(case: &Case<'_>) -> Option<Voice> {
    match case.matter {
        Matter::Path { op, path, cwd, .. } => match case.place.target(cwd, path) {
            Target::Outside(to) => Some(Voice::ask(format!("it {} {} outside the workspace", op.verb(), to.display()))),
            Target::Inside(_) | Target::Own(_) => None,
        },
        Matter::Command { .. } => named(case).into_iter().find_map(|named| {
            let word = &named.word;
            let may_lead_out =
                word.starts_with(['/', '~']) || word.split('/').any(|p| p == "..") || case.place.disk.is_some();
            named.at.iter().find_map(|at| match case.place.target(at, word) {
                Target::Outside(to) if may_lead_out && word != "/dev/null" => {
                    Some(Voice::ask(format!("{word} leads to {} outside the workspace", to.display())))
                }
                Target::Outside(_) | Target::Inside(_) | Target::Own(_) => None,
            })
        }),
        Matter::Network(_) | Matter::Plan | Matter::Other(_) => None,
    }
}
