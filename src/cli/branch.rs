//! `--branch`: a session works in a git worktree of its own, on a branch of its own, so that several sessions on one
//! repository do not share files.

use super::Fail;
use super::git::{LIST_SETTINGS, refuse_hooks};
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
    let dir = root.join(inside);
    if dir.is_dir() {
        return Ok(dir);
    }
    Err(Fail::usage(format!("{branch} has no directory {}; start in one that is committed", inside.display())))
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
