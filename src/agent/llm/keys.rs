//! Fetches a key from where the catalog says it is: environment, command, file, the operating system's keyring.
//!
//! A key read here goes into a [`Secret`] at once. The keyring is asked through the system's own tool, so that no
//! library of ours talks to it; the tool and a `key_command` inherit the user's environment, since they are the user's
//! own.

use super::catalog::{Entry, KeySource};
use crate::agent::llm::limits;
use crate::base::Secret;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;
use tokio::io::AsyncReadExt;

/// The reason that there is no key, and what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The variable is not set.
    #[error(
        "the environment variable {0} is not set or empty; set it, or give the provider key_command, key_file or key_keyring"
    )]
    NotSet(String),
    /// The command failed. Its output is not shown: it may hold the key.
    #[error("key_command `{program}` {why}")]
    Command {
        /// First word of the command.
        program: String,
        /// The reason.
        why: String,
    },
    /// The file cannot be read.
    #[error("key_file {file}: {why}")]
    File {
        /// Path.
        file: String,
        /// The reason.
        why: String,
    },
    /// The keyring has no such entry, or there is no keyring.
    #[error("key_keyring, service `{service}`, account `{account}`: {why}")]
    Keyring {
        /// The purpose of the key.
        service: String,
        /// The owner of the key.
        account: String,
        /// The reason.
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
        KeySource::Command(argv) => command(argv).await.map(Some),
        KeySource::File(path) => read(path).map(Some),
        KeySource::Keyring(entry) => keyring(entry, &KEYRING_TOOL).await.map(Some),
    }
}

async fn command(argv: &[String]) -> Result<Secret, KeyError> {
    let program = argv.first().cloned().unwrap_or_default();
    let failed = |why: String| KeyError::Command { program: program.clone(), why };
    let wait = Duration::from_millis(limits::KEY_COMMAND_MS_MAX);
    let ran = run(argv, wait).await.map_err(|why| failed(why.to_string()))?;
    if !ran.status.success() {
        return Err(failed(format!("failed ({}); run it yourself to see why", ran.status)));
    }
    ran.secret().map_err(|why| failed(why.to_owned()))
}

/// The program that asks the keyring on this system.
struct KeyringTool {
    /// The words before, between and after service and account.
    words: [&'static [&'static str]; 3],
    /// The package that contains it.
    package: &'static str,
    /// The command that stores a key.
    store: &'static str,
}

#[cfg(not(target_os = "macos"))]
const KEYRING_TOOL: KeyringTool = KeyringTool {
    words: [&["secret-tool", "lookup", "service"], &["account"], &[]],
    package: "it comes with libsecret (on Debian and Ubuntu: libsecret-tools)",
    store: "secret-tool store --label=rightseat service SERVICE account ACCOUNT",
};

#[cfg(target_os = "macos")]
const KEYRING_TOOL: KeyringTool = KeyringTool {
    words: [&["security", "find-generic-password", "-w", "-s"], &["-a"], &[]],
    package: "it is part of macOS",
    store: "security add-generic-password -s SERVICE -a ACCOUNT -w",
};

async fn keyring(entry: &Entry, tool: &KeyringTool) -> Result<Secret, KeyError> {
    let Entry { service, account } = entry;
    let failed = |why: String| KeyError::Keyring { service: service.clone(), account: account.clone(), why };
    let [before, between, after] = tool.words.map(|words| words.iter().map(|word| (*word).to_owned()));
    let argv: Vec<String> =
        before.chain([service.clone()]).chain(between).chain([account.clone()]).chain(after).collect();
    let program = argv.first().cloned().unwrap_or_default();
    // A locked keyring asks its owner for a password first.
    let wait = Duration::from_millis(limits::KEYRING_MS_MAX);
    let ran = run(&argv, wait).await.map_err(|why| match why {
        Unrun::Start(error) if error.kind() == std::io::ErrorKind::NotFound => {
            failed(format!("`{program}` is not installed; {}", tool.package))
        }
        Unrun::Late(_) => failed(format!("{why}; is the keyring locked?")),
        Unrun::Start(_) | Unrun::Read(_) => failed(format!("`{program}` {why}")),
    })?;
    if let (true, Ok(secret)) = (ran.status.success(), ran.secret()) {
        return Ok(secret);
    }
    // The tool says nothing when there is no such entry, and never says a key on stderr.
    let store = tool.store.replace("SERVICE", &quoted(service)).replace("ACCOUNT", &quoted(account));
    let complaint = ran.complaint.trim();
    Err(failed(match complaint.is_empty() {
        true => format!("no such entry; store it with `{store}`"),
        false => format!("`{program}` says: {complaint}"),
    }))
}

fn quoted(word: &str) -> String {
    shell_words::quote(word).into_owned()
}

/// The output and the end of a program.
struct Ran {
    status: ExitStatus,
    printed: Vec<u8>,
    /// The beginning of what it said on stderr.
    complaint: String,
}

/// The reason that a program did not finish.
#[derive(Debug, thiserror::Error)]
enum Unrun {
    #[error("cannot be started: {0}")]
    Start(#[source] std::io::Error),
    #[error("took longer than {0} s")]
    Late(u64),
    #[error("{0}")]
    Read(#[source] std::io::Error),
}

impl Ran {
    /// The first line: password stores print notes below the secret.
    fn secret(&self) -> Result<Secret, &'static str> {
        let text = std::str::from_utf8(&self.printed).map_err(|_| "printed something that is not text")?;
        Secret::new(text.lines().next().unwrap_or_default()).ok_or("printed nothing")
    }
}

async fn run(argv: &[String], wait: Duration) -> Result<Ran, Unrun> {
    let mut child = tokio::process::Command::new(argv.first().map_or("", String::as_str))
        .args(argv.iter().skip(1))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(Unrun::Start)?;
    let (out, err) = (child.stdout.take(), child.stderr.take());
    let work = async {
        let mut printed = Vec::new();
        let mut complaint = Vec::new();
        let printing = async {
            match out {
                Some(out) => out.take(limits::KEY_BYTES_MAX as u64).read_to_end(&mut printed).await,
                None => Ok(0),
            }
        };
        let saying = async {
            match err {
                Some(err) => err.take(limits::KEY_COMPLAINT_BYTES_MAX as u64).read_to_end(&mut complaint).await,
                None => Ok(0),
            }
        };
        futures::future::try_join(printing, saying).await?;
        let status = child.wait().await?;
        Ok(Ran { status, printed, complaint: String::from_utf8_lossy(&complaint).into_owned() })
    };
    let done = tokio::time::timeout(wait, work).await.map_err(|_| Unrun::Late(wait.as_secs()))?;
    done.map_err(Unrun::Read)
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
        let complaint = error(KeySource::Command(failing)).await;
        assert!(complaint.contains("exit status: 3") && !complaint.contains("secret"), "{complaint}");
        assert!(error(KeySource::Command(vec!["/no/such/program".into()])).await.contains("cannot be started"));
        assert!(error(KeySource::File("/no/such/file".into())).await.contains("/no/such/file"));
    }

    /// The keyring's tool played by a shell, whose `$1` and `$2` are service and account.
    fn tool(script: &'static [&'static str; 4]) -> KeyringTool {
        KeyringTool { words: [script, &[], &[]], ..KEYRING_TOOL }
    }

    #[tokio::test]
    async fn the_keyring_is_asked_by_service_and_account_and_its_complaints_are_told() {
        let entry = Entry { service: "box".into(), account: "me & you".into() };
        let found = tool(&["sh", "-c", "test \"$1+$2\" = 'box+me & you' && echo sk-abc-123456789", "sh"]);
        assert_eq!(keyring(&entry, &found).await.unwrap(), Secret::new("sk-abc-123456789").unwrap());
        let error = async |tool: KeyringTool| keyring(&entry, &tool).await.unwrap_err().to_string();
        let none = error(tool(&["sh", "-c", "exit 1", "sh"])).await;
        assert!(none.contains("service `box`, account `me & you`: no such entry"), "{none}");
        assert!(none.contains("box") && none.contains("'me & you'"), "{none}");
        let locked = error(tool(&["sh", "-c", "echo sk-abc; echo 'no session bus' >&2; exit 1", "sh"])).await;
        assert!(locked.contains("`sh` says: no session bus") && !locked.contains("sk-abc"), "{locked}");
        let absent = error(tool(&["no-such-keyring-tool", "", "", ""])).await;
        assert!(absent.contains("`no-such-keyring-tool` is not installed"), "{absent}");
    }
}
