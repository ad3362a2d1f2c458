//! git runs programs that the repository's configuration names, so it asks.

use super::{Builtin, Judge, Voice, commands};
use crate::policy::programs::base_name;

/// Version control whose configuration, hooks or filters start programs.
const TOOLS: [&str; 9] = ["git", "hg", "jj", "svn", "bzr", "fossil", "tig", "gitk", "lazygit"];

pub(super) const RULE: Builtin = Builtin {
    id: "repository-tools",
    about: "git and its kin ask even to look: hooks, filters, fsmonitor and pagers of a repository are programs. Allow what you trust.",
    judge: Judge::Otherwise(|case| {
        commands(case)
            .iter()
            .filter_map(|words| words.first()?.as_deref())
            .find(|program| TOOLS.contains(&base_name(program)))
            .map(|program| Voice::ask(format!("{} runs what the repository configures", base_name(program))))
    }),
    speaks_on: &["git status", "git log --oneline", "jj st", "ls && git diff"],
    silent_on: &["ls .git", "grep git README.md"],
};
