//! git runs programs that the repository's configuration names, so it asks where that has not been examined.

use super::{Builtin, Case, Judge, Voice, commands};
use crate::policy::command::programs::base_name;
use crate::policy::command::{reading, repository};
use crate::policy::matter::Matter;

/// Version control whose configuration, hooks or filters start programs.
const TOOLS: [&str; 9] = ["git", "hg", "jj", "svn", "bzr", "fossil", "tig", "gitk", "lazygit"];

/// Returns the objection to the repository, where that is the only one.
fn why(case: &Case<'_>, program: &str) -> String {
    let Matter::Command { script, cwd, .. } = case.matter else { return String::new() };
    let fault = if reading::only_looks(script) { repository::is_harmless(case.place, cwd, true).err() } else { None };
    let runs = format!("{program} runs what the repository configures");
    fault.map_or_else(|| runs.clone(), |fault| format!("{runs}: {fault}"))
}

pub(super) const RULE: Builtin = Builtin {
    id: "repository-tools",
    about: "git and similar tools ask: hooks, filters, fsmonitor and pagers of a repository are programs. Git commands that only read are \
            allowed in a repository that sets none of them.",
    judge: Judge::Otherwise(|case| {
        commands(case)
            .iter()
            .filter_map(|words| words.first()?.as_deref())
            .find(|program| TOOLS.contains(&base_name(program)))
            .map(|program| Voice::ask(why(case, base_name(program))))
    }),
    speaks_on: &["git status", "git log --oneline", "jj st", "ls && git diff"],
    silent_on: &["ls .git", "grep git README.md"],
};
