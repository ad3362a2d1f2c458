//! `--branch`: a session works in a git worktree of its own, on a branch of its own, so that several sessions on one
//! repository do not share files.

use super::Fail;
use super::git::{LIST_SETTINGS, refuse_hooks};
use super::limits::{BRANCH_NAME_LETTERS_MAX, BRANCH_NAME_WORDS_MAX, BRANCH_NUMBER_MAX, BRANCHES_LISTED_MAX};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// No hook and no monitor of the repository runs: both are programs that whoever wrote the repository chose; hooks that this
/// does not turn off are refused ([`refuse_hooks`]). Otherwise the user's own configuration counts, unlike in
/// [`super::git`]: their filters make the files (Git LFS).
const QUIET: [&str; 4] = ["-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false"];

/// The directory in the worktree of this branch that corresponds to `dir`. The worktree is made beside the repository, as
/// `REPOSITORY.BRANCH`, from the commit that is checked out in `dir`; one that the branch already has is used again.
///
/// # Errors
/// In words that name the remedy: no repository, no commit, an invalid name, a branch that is checked out in `dir` itself.
pub fn worktree(dir: &Path, branch: &str) -> Result<PathBuf, Fail> {
    if !is_plain(branch) || git(dir, &["check-ref-format", "--branch", branch]).is_err() {
        return Err(Fail::usage(format!("{branch:?} is not a name for a branch; use letters, digits, - and /")));
    }
    let top = git(dir, &["rev-parse", "--show-toplevel"]).map_err(|why| {
        Fail::usage(format!("--branch needs a git repository, and {} is in none: {why}", dir.display()))
    })?;
    let top = Path::new(&top).canonicalize().map_err(Fail::at(Path::new(&top)))?;
    let inside = dir.strip_prefix(&top).unwrap_or(Path::new(""));
    let reference = format!("refs/heads/{branch}");
    let listed = git(&top, &["worktree", "list", "--porcelain"]).map_err(Fail::usage)?;
    let root = match checked_out(&listed, &reference) {
        Some(at) if at == top => {
            let why = format!(
                "{branch} is already checked out in {}; choose another branch, or leave --branch out",
                top.display()
            );
            return Err(Fail::usage(why));
        }
        Some(at) => at,
        None => {
            let name = top.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let root = top.with_file_name(format!("{name}.{}", branch.replace('/', "-")));
            let at = root.to_string_lossy().into_owned();
            let exists = git(&top, &["rev-parse", "--verify", "--quiet", &reference]).is_ok();
            let words: &[&str] = match exists {
                true => &["worktree", "add", "--quiet", &at, branch],
                false => &["worktree", "add", "--quiet", "-b", branch, &at],
            };
            git(&top, &LIST_SETTINGS)
                .and_then(|listed| refuse_hooks(&listed))
                .and_then(|()| git(&top, words))
                .map_err(|why| Fail::usage(format!("cannot make a worktree for {branch}: {why}")))?;
            root
        }
    };
    // Joined to nothing, a path gets a slash at its end.
    let dir = if inside.as_os_str().is_empty() { root } else { root.join(inside) };
    if dir.is_dir() {
        return Ok(dir);
    }
    Err(Fail::usage(format!("{branch} has no directory {}; start in one that is committed", inside.display())))
}

/// What a list of branches has.
pub struct Branches {
    /// The one that is checked out in the directory; none with a detached head, or if it is not among those listed.
    pub current: Option<String>,
    /// The others, changed last first, at most [`BRANCHES_LISTED_MAX`].
    pub others: Vec<String>,
}

/// The local branches of the repository that `dir` is in; `None` where there is no repository with one. The start screen waits
/// for it: it is one run of git.
pub fn branches(dir: &Path) -> Option<Branches> {
    let count = format!("--count={}", BRANCHES_LISTED_MAX + 1);
    // The one that is checked out has a star before it.
    let words = ["for-each-ref", "--sort=-committerdate", "--format=%(HEAD)%(refname:short)", &count, "refs/heads"];
    let listed = git(dir, &words).ok().filter(|listed| !listed.is_empty())?;
    let current = listed.lines().find_map(|line| line.strip_prefix('*')).map(str::to_owned);
    let others = listed.lines().filter_map(|line| line.strip_prefix(' ')).map(str::to_owned);
    Some(Branches { others: others.take(BRANCHES_LISTED_MAX).collect(), current })
}

/// A name for a new branch, after a goal: its first words, in letters that every file system and shell takes. With a number
/// where there is such a branch already.
pub fn named_after(dir: &Path, goal: &str) -> String {
    let words = goal.split(|letter: char| !letter.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let name = words.take(BRANCH_NAME_WORDS_MAX).collect::<Vec<_>>().join("-").to_ascii_lowercase();
    let name: String = name.chars().take(BRANCH_NAME_LETTERS_MAX).collect();
    let name = if name.is_empty() { "session" } else { name.trim_end_matches('-') };
    let is_taken = |name: &str| git(dir, &["rev-parse", "--verify", "--quiet", &format!("refs/heads/{name}")]).is_ok();
    let numbered = (2..BRANCH_NUMBER_MAX).map(|number| format!("{name}-{number}"));
    std::iter::once(name.to_owned()).chain(numbered).find(|name| !is_taken(name)).unwrap_or_default()
}

/// A name that git cannot take for an option or an expression.
fn is_plain(branch: &str) -> bool {
    !branch.starts_with('-') && !branch.contains("@{") && branch != "@"
}

/// Where a branch is checked out, by `git worktree list --porcelain`: blocks of `worktree PATH`, …, `branch REF`.
fn checked_out(listed: &str, reference: &str) -> Option<PathBuf> {
    let of_branch = |block: &&str| block.lines().any(|line| line.strip_prefix("branch ") == Some(reference));
    let block = listed.split("\n\n").find(of_branch)?;
    block.lines().find_map(|line| line.strip_prefix("worktree ")).map(PathBuf::from)
}

/// What git prints, without the last line break; in words why it failed.
fn git(dir: &Path, words: &[&str]) -> Result<String, String> {
    let mut command = Command::new("git");
    command.args(QUIET).args(words).current_dir(dir).env("LC_ALL", "C").env("GIT_TERMINAL_PROMPT", "0");
    for inherited in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_COMMON_DIR"] {
        command.env_remove(inherited);
    }
    let Output { status, stdout, stderr } = command.output().map_err(|e| format!("cannot start git: {e}"))?;
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).trim_end().to_owned();
    match status.success() {
        true => Ok(text(stdout)),
        false => Err(text(stderr).lines().last().unwrap_or_default().to_owned()),
    }
}
