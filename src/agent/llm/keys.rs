//! Fetches a key from where the catalog says it is: environment, command, file.
//!
//! A key read here goes into a [`Secret`] at once. Commands (`secret-tool`, `pass`, `security`) are the way to
//! the operating system's keyring; they inherit the user's environment, since they are the user's own.

use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::AsyncReadExt;

use super::catalog::KeySource;
use super::secret::Secret;
use crate::base::limits::llm as limits;

/// Why there is no key, and what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The variable is not there.
    #[error("the environment variable {0} is not set or empty; set it, or give the provider key_command or key_file")]
    NotSet(String),
    /// The command failed. Its output is not shown: it may hold the key.
    #[error("key_command `{program}` {why}")]
    Command {
        /// First word of the command.
        program: String,
        /// What happened.
        why: String,
    },
    /// The file cannot be read.
    #[error("key_file {file}: {why}")]
    File {
        /// Path.
        file: String,
        /// What happened.
        why: String,
    },
}

/// The key that `source` leads to; `None` when the server wants none. `env` reads the environment.
pub async fn fetch(source: &KeySource, env: impl Fn(&str) -> Option<String>) -> Result<Option<Secret>, KeyError> {
    match source {
        KeySource::None => Ok(None),
        KeySource::Env(name) => {
            let secret = env(name).as_deref().and_then(Secret::new);
            secret.map(Some).ok_or_else(|| KeyError::NotSet(name.clone()))
        }
        KeySource::Command(argv) => run(argv).await.map(Some),
        KeySource::File(path) => read(path).map(Some),
    }
}

async fn run(argv: &[String]) -> Result<Secret, KeyError> {
    let program = argv.first().cloned().unwrap_or_default();
    let failed = |why: String| KeyError::Command { program: program.clone(), why };
    let mut child = tokio::process::Command::new(&program)
        .args(argv.iter().skip(1))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| failed(format!("cannot be started: {error}")))?;
    let mut printed = Vec::new();
    let work = async {
        if let Some(out) = child.stdout.take() {
            out.take(limits::KEY_BYTES_MAX as u64).read_to_end(&mut printed).await?;
        }
        child.wait().await
    };
    let wait = Duration::from_millis(limits::KEY_COMMAND_MS_MAX);
    let status = tokio::time::timeout(wait, work)
        .await
        .map_err(|_| failed(format!("took longer than {} s", wait.as_secs())))?
        .map_err(|error| failed(error.to_string()))?;
    if !status.success() {
        return Err(failed(format!("failed ({status}); run it yourself to see why")));
    }
    let text = String::from_utf8(printed).map_err(|_| failed("printed something that is not text".to_owned()))?;
    // Password stores print notes below the secret.
    Secret::new(text.lines().next().unwrap_or_default()).ok_or_else(|| failed("printed nothing".to_owned()))
}

fn read(path: &Path) -> Result<Secret, KeyError> {
    let failed = |why: String| KeyError::File { file: path.display().to_string(), why };
    let file = std::fs::File::open(path).map_err(|error| failed(error.to_string()))?;
    // Asked of the open file, so that it cannot be exchanged in between.
    let mode = file.metadata().map_err(|error| failed(error.to_string()))?.mode();
    if mode & 0o077 != 0 {
        return Err(failed(format!("has mode {:o}: others can read it; run chmod 600", mode & 0o777)));
    }
    let mut text = String::new();
    file.take(limits::KEY_BYTES_MAX as u64).read_to_string(&mut text).map_err(|error| failed(error.to_string()))?;
    Secret::new(text.lines().next().unwrap_or_default()).ok_or_else(|| failed("is empty".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    async fn error(source: KeySource) -> String {
        fetch(&source, |_| None).await.unwrap_err().to_string()
    }

    #[tokio::test]
    async fn keys_come_from_environment_command_and_private_file() {
        let secret = Secret::new("sk-abc-123456789");
        let from = |source| async move { fetch(&source, |_| Some(" sk-abc-123456789\n".into())).await.unwrap() };
        assert_eq!(from(KeySource::Env("K".into())).await, secret);
        let command = ["sh", "-c", "printf 'sk-abc-123456789\\nnote\\n'"].map(str::to_owned).to_vec();
        assert_eq!(from(KeySource::Command(command)).await, secret);
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        std::fs::write(&path, "sk-abc-123456789\n").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        assert_eq!(from(KeySource::File(path.clone())).await, secret);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        assert!(error(KeySource::File(path)).await.contains("chmod 600"));
        assert_eq!(fetch(&KeySource::None, |_| None).await.unwrap(), None);
    }

    #[tokio::test]
    async fn what_is_missing_is_said_without_what_was_printed() {
        assert!(error(KeySource::Env("NO_SUCH".into())).await.contains("NO_SUCH is not set"));
        let failing = ["sh", "-c", "echo sk-secret; exit 3"].map(str::to_owned).to_vec();
        let said = error(KeySource::Command(failing)).await;
        assert!(said.contains("exit status: 3") && !said.contains("secret"), "{said}");
        assert!(error(KeySource::Command(vec!["/no/such/program".into()])).await.contains("cannot be started"));
        assert!(error(KeySource::File("/no/such/file".into())).await.contains("/no/such/file"));
    }
}
