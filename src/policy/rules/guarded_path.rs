//! Files that run code, steer agents or decide what is deployed ask, and the weighty ones want their name typed.

use super::{Builtin, Case, Judge, Voice};
use crate::policy::command::class::Class;
use crate::policy::command::named::{How, named};
use crate::policy::command::programs::class_of;
use crate::policy::guarded::{Guard, guarded};
use crate::policy::matter::{Matter, Op};
use crate::policy::place::Target;

pub(super) const RULE: Builtin = Builtin {
    id: "guarded-path",
    about: "Changing git's own files, continuous integration, deployment, agent or editor configuration, instructions for agents, \
            environments and package scripts asks, under any spelling of the name; no allow rule covers it.",
    judge: Judge::Always(speak),
    speaks_on: &[
        "@write .git/hooks/pre-commit",
        "@create .GitHub/workflows/x.yml",
        "@delete AGENTS.md",
        "cp x .git/hooks/pre-push",
        "@write package.json",
        "mv a CLAUDE.md",
    ],
    silent_on: &["@write src/main.rs", "@read .git/config", "cat .github/workflows/ci.yml", "grep -n x AGENTS.md"],
};

fn speak(case: &Case<'_>) -> Option<Voice> {
    match case.matter {
        Matter::Path { op: Op::Read, .. } | Matter::Network(_) | Matter::Plan | Matter::Other(_) => None,
        Matter::Path { op, path, cwd } => found(case, cwd, path).map(|(guard, name)| voice(op.verb(), guard, &name)),
        Matter::Command { script, cwd, .. } => {
            let looks = |part| class_of(part, cwd, case.place) == Class::Read;
            if !script.opaque && script.parts.iter().all(looks) {
                return None;
            }
            // A guarded script that a line runs is not changed by that.
            let runs =
                |word: &str| script.parts.iter().any(|p| p.words.first().is_some_and(|w| w.as_deref() == Some(word)));
            named(case)
                .into_iter()
                .filter(|named| named.how == How::Written || !(runs(&named.word) || named.how == How::Enters))
                .find_map(|named| named.at.iter().find_map(|at| found(case, at, &named.word)))
                .map(|(guard, name)| voice("names", guard, &name))
        }
    }
}

/// The guard over what a path says, or over what it leads to.
fn found(case: &Case<'_>, cwd: &std::path::Path, path: &str) -> Option<(Guard, String)> {
    let real = match case.place.target(cwd, path) {
        Target::Inside(inside) => guarded(&inside.to_string_lossy()),
        Target::Outside(_) | Target::Own(_) => None,
    };
    let name = path.rsplit('/').find(|p| !p.is_empty()).unwrap_or(path).to_owned();
    real.or_else(|| guarded(path)).map(|guard| (guard, name))
}

fn voice(verb: &str, guard: Guard, name: &str) -> Voice {
    Voice { confirm: guard.typed.then(|| name.to_owned()), ..Voice::ask(format!("it {verb} {name}: {}", guard.what)) }
}
