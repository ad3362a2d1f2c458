//! Files that run code, steer agents or decide what is deployed ask, and the weighty ones want their name typed.

use super::{Builtin, Case, Judge, Voice, commands};
use crate::policy::command::class::Class;
use crate::policy::command::named::{How, Named, named};
use crate::policy::command::programs::class_of;
use crate::model::Rail;
use crate::policy::guarded::{Guard, Manifest, guarded, is_guarded_directory, written_by};
use crate::policy::matter::{Matter, Op};
use crate::policy::place::Target;
use std::path::{Path, PathBuf};

pub(super) const RULE: Builtin = Builtin {
    id: "guarded-path",
    about: "Changing git's own files and settings, continuous integration, deployment, containers, build scripts, the scripts of packages, \
            lockfiles, agent or editor configuration, instructions for agents, or environments asks, under any spelling of the name; no allow \
            rule and no lease covers it. In a manifest only the part that builds or runs something counts.",
    judge: Judge::Always(speak),
    speaks_on: &[
        "@write .git/hooks/pre-commit",
        "@create .GitHub/workflows/x.yml",
        "@delete AGENTS.md",
        "cp x .git/hooks/pre-push",
        "@write package.json",
        "mv a CLAUDE.md",
        "@write Cargo.lock",
        "git config core.hooksPath x",
        "npm pkg set scripts.test=x",
        "sed -i s/a/b/ Dockerfile",
    ],
    silent_on: &[
        "@write src/main.rs",
        "@read .git/config",
        "cat .github/workflows/ci.yml",
        "grep -n x AGENTS.md",
        "git config user.name x",
    ],
};

fn speak(case: &Case<'_>) -> Option<Voice> {
    match case.matter {
        Matter::Path { op: Op::Read, .. } | Matter::Network(_) | Matter::Plan | Matter::Other(_) => None,
        Matter::Path { op, path, cwd, spares } => {
            let (guard, name) = found(case, cwd, path, *spares)?;
            Some(voice(op.verb(), guard, &name))
        }
        Matter::Command { script, cwd, .. } => {
            if let Some((guard, word)) = commands(case).iter().find_map(|words| written_by(words)) {
                return Some(voice("changes", guard, &word));
            }
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
                .filter(|named| !is_only_a_word(case, named))
                .find_map(|named| named.at.iter().find_map(|at| found(case, at, &named.word, None)))
                .map(|(guard, name)| voice("names", guard, &name))
        }
    }
}

/// A word such as `deploy` that would name a guarded directory, where there is none.
fn is_only_a_word(case: &Case<'_>, named: &Named) -> bool {
    let exists = |at: &PathBuf| {
        let names = case.place.disk.and_then(|disk| disk.names(at)).unwrap_or_default();
        names.contains(&named.word)
    };
    !named.word.contains(['/', '.']) && is_guarded_directory(&named.word) && !named.at.iter().any(exists)
}

/// The guard over what a path says, or over what it leads to, but for a manifest in which nothing counts.
fn found(case: &Case<'_>, cwd: &Path, path: &str, spares: Option<Manifest>) -> Option<(Guard, String)> {
    let real = match case.place.target(cwd, path) {
        Target::Inside(inside) => guarded(&inside.to_string_lossy()),
        Target::Outside(_) | Target::Own(_) => None,
    };
    let name = path.rsplit('/').find(|p| !p.is_empty()).unwrap_or(path).to_owned();
    let counts = |guard: &Guard| guard.manifest.is_none() || guard.manifest != spares;
    let guard = real.filter(counts).or_else(|| guarded(path).filter(counts))?;
    Some((guard, name))
}

fn voice(verb: &str, guard: Guard, name: &str) -> Voice {
    Voice {
        confirm: guard.typed.then(|| name.to_owned()),
        rail: Some(Rail::GuardedFile),
        ..Voice::ask(format!("it {verb} {name}: {}", guard.what))
    }
}
