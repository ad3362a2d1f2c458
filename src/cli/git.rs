//! The git that anchors and notes use: it reads only the repository's own configuration, of which nothing is run, and what
//! it says is bounded in time and bytes.

use crate::base::text::{Show, escape};
use crate::cli::limits::{GIT_ERROR_BYTES_MAX, GIT_MS_MAX, GIT_SAID_BYTES_MAX};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};

/// What makes git run nothing that the repository or its user configured.
const QUIET: [&str; 20] = [
    "--no-pager",
    "--no-optional-locks",
    "-c",
    "core.hooksPath=/dev/null",
    "-c",
    "core.fsmonitor=false",
    "-c",
    "core.editor=true",
    "-c",
    "gc.auto=0",
    "-c",
    "maintenance.auto=false",
    "-c",
    "commit.gpgSign=false",
    "-c",
    "tag.gpgSign=false",
    "-c",
    "user.name=rightseat",
    "-c",
    "user.email=rightseat@localhost",
];

fn quiet(workspace: &Path, args: &[&str]) -> tokio::process::Command {
    let mut git = tokio::process::Command::new("git");
    git.args(QUIET).args(args).current_dir(workspace).env_clear();
    git.envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
    git.envs([("GIT_CONFIG_GLOBAL", "/dev/null"), ("GIT_CONFIG_NOSYSTEM", "1"), ("GIT_TERMINAL_PROMPT", "0")]);
    git.envs([("GIT_NO_LAZY_FETCH", "1"), ("LC_ALL", "C")]);
    git.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    git
}

/// Runs git on this input, and reads as much of what it says as is looked at.
///
/// # Errors
/// In words, when it cannot be started, fails, or takes too long.
pub async fn run(workspace: &Path, args: &[&str], input: &[u8]) -> Result<Vec<u8>, String> {
    let ended = tokio::time::timeout(Duration::from_millis(GIT_MS_MAX), ran(quiet(workspace, args), input)).await;
    ended.map_err(|_| "git took too long".to_owned())?
}

/// Runs a git that writes a reference, unless the repository configures hooks.
///
/// # Errors
/// As [`run`], and when there are such hooks: `core.hooksPath` does not turn them off.
pub async fn write(workspace: &Path, args: &[&str], input: &[u8]) -> Result<Vec<u8>, String> {
    let listed = run(workspace, &LIST_SETTINGS, b"").await?;
    if listed.len() >= GIT_SAID_BYTES_MAX {
        return Err("git: its configuration is too large to look for hooks in it".to_owned());
    }
    refuse_hooks(&String::from_utf8_lossy(&listed))?;
    run(workspace, args, input).await
}

/// Lists the names of all settings, each behind its scope and a tab.
pub const LIST_SETTINGS: [&str; 4] = ["config", "--list", "--show-scope", "--name-only"];

/// Refuses, by [`LIST_SETTINGS`], hooks that are configured in the repository (`hook.NAME.command`, from Git 2.54 on).
///
/// # Errors
/// Names the first of them.
pub fn refuse_hooks(listed: &str) -> Result<(), String> {
    let hook = listed.lines().filter_map(|line| line.split_once('\t')).find(|(scope, name)| {
        let is_users = ["system", "global", "command"].contains(scope);
        !is_users && name.starts_with("hook.") && name.ends_with(".command")
    });
    hook.map_or(Ok(()), |(_, name)| {
        let name = escape::show(name, &Show::default());
        Err(format!("the repository configures a hook, which git would run; remove {name} from its configuration"))
    })
}

async fn ran(mut git: tokio::process::Command, input: &[u8]) -> Result<Vec<u8>, String> {
    let fail = |error: std::io::Error| format!("git: {error}");
    let mut child = git.spawn().map_err(fail)?;
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let write = async {
        if let Some(mut stdin) = stdin {
            // A git that reads no more says why.
            let _ = stdin.write_all(input).await;
        }
    };
    // Each pipe is closed when enough is read: a git that has more to say ends then.
    let ((), said, errors) =
        tokio::join!(write, bounded(stdout, GIT_SAID_BYTES_MAX), bounded(stderr, GIT_ERROR_BYTES_MAX));
    let (said, errors) = (said.map_err(fail)?, errors.map_err(fail)?);
    let status = child.wait().await.map_err(fail)?;
    if status.success() || said.len() >= GIT_SAID_BYTES_MAX {
        return Ok(said);
    }
    Err(format!("git: {}", String::from_utf8_lossy(&errors).lines().last().unwrap_or("it failed")))
}

async fn bounded(pipe: Option<impl AsyncRead + Unpin>, bytes_max: usize) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if let Some(pipe) = pipe {
        pipe.take(bytes_max as u64).read_to_end(&mut bytes).await?;
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn no_more_is_read_of_git_than_is_looked_at() {
        let mut endless = tokio::process::Command::new("sh");
        endless.args(["-c", "while :; do echo 0123456789012345678901234567890123456789; done"]).kill_on_drop(true);
        let mut child = endless.stdout(Stdio::piped()).spawn().unwrap();
        assert_eq!(bounded(child.stdout.take(), 1_000).await.unwrap().len(), 1_000);
        child.wait().await.unwrap();
    }

    #[tokio::test]
    async fn nothing_is_written_where_the_repository_configures_a_hook() {
        let dir = tempfile::tempdir().unwrap();
        let tree = "4b825dc642cb6eb9a060e54bf8d69288fbee4904";
        run(dir.path(), &["init", "-q"], b"").await.unwrap();
        run(dir.path(), &["hash-object", "-w", "-t", "tree", "--stdin"], b"").await.unwrap();
        write(dir.path(), &["update-ref", "refs/x/before", tree], b"").await.unwrap();
        run(dir.path(), &["config", "Hook.Any.Name.Command", "true"], b"").await.unwrap();
        let refused = write(dir.path(), &["update-ref", "refs/x/after", tree], b"").await.unwrap_err();
        assert!(refused.contains("hook.Any.Name.command"), "{refused}");
        let refs = run(dir.path(), &["for-each-ref", "--format=%(refname)"], b"").await.unwrap();
        assert_eq!(refs, b"refs/x/before\n");
    }

    #[test]
    fn only_hooks_of_the_repository_are_refused() {
        assert!(refuse_hooks("global\thook.lint.command\nlocal\thook.jobs\nlocal\tcore.bare\n").is_ok());
        assert!(refuse_hooks("global\tuser.name\nlocal\thook.lint.command\n").is_err());
        assert!(refuse_hooks("worktree\thook.lint.command\n").is_err());
    }
}
