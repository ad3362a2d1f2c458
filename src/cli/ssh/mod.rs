//! Other machines: `attach --ssh HOST`, the wire over OpenSSH's own pipe, resumed when the link drops; sessions that are
//! started there; and single commands for the home screen.
//!
//! ssh authenticates as it always does: its questions go to the terminal before the screen opens, and its messages are
//! shown. Later connections ask nothing (`BatchMode`), because the screen belongs to the client by then.

mod copy;
mod relay;

use super::args::Shared;
use super::limits::SSH_CONFIG_MS_MAX;
use super::screen::Then;
use super::{Done, Fail, daemon, home, screen};
use crate::base::ActionId;
use crate::wire::Overview;
pub use relay::explained;
use relay::{MISSING, Relay, Remote};
use std::process::Stdio;
use std::time::Duration;

/// See the module.
pub fn attach(shared: &Shared, host: &str, session: Option<&str>, read_only: bool) -> Done {
    screen::check(shared)?;
    check(host)?;
    let begin = || {
        if session.is_none() {
            say_which(host)?;
        }
        client(shared, host, session, read_only, None)
    };
    home::follow(shared, copy::offered(host, shared.copy, begin)?)
}

/// Where several sessions run there, one must be named; the error lists them.
fn say_which(host: &str) -> Result<(), Fail> {
    let mut command = command(host, &["ls", "--json"], true).into_std();
    command.stdin(Stdio::null()).stderr(Stdio::inherit());
    let out = command.output().map_err(|e| Fail::usage(format!("cannot start ssh: {e}; install OpenSSH")))?;
    if out.status.code() == Some(127) {
        return Err(Fail::usage(explained(host, Some(127), "its message is above")));
    }
    // What else is wrong is explained by the attach that follows. A remote shell may print a greeting before.
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    let found =
        text.lines().rev().find_map(|line| serde_json::from_str::<Vec<Overview>>(line).ok()).unwrap_or_default();
    let running: Vec<String> = found.iter().filter(|one| one.running).map(row).collect();
    if running.len() < 2 {
        return Ok(());
    }
    Err(Fail::usage(format!("{} sessions run on {host}; name one of them:\n{}", running.len(), running.join("\n"))))
}

fn row(session: &Overview) -> String {
    let goal = session.goal.as_deref().and_then(|goal| goal.lines().next()).unwrap_or_default();
    let name = session.label.name.as_deref().unwrap_or(goal);
    format!("  {:<32} {:<11} {:>3} held  {name}", session.session.as_str(), session.state.words(), session.held)
}

/// Starts a session on the other machine with the options of this command line, and attaches to it.
pub fn start(shared: &Shared, host: &str, goal: &[String]) -> Done {
    screen::check(shared)?;
    check(host)?;
    let mut words = vec!["--detached".to_owned()];
    let mut option = |name: &str, value: Option<String>| words.extend(value.map(|value| format!("--{name}={value}")));
    option("agent", shared.agent.clone());
    option("mode", shared.mode.map(|mode| mode.word().to_owned()));
    option("isolation", shared.isolation.map(|isolation| isolation.word().to_owned()));
    option("dir", shared.dir.as_ref().map(|dir| dir.display().to_string()));
    option("branch", shared.branch.clone());
    words.push("--".to_owned());
    words.extend(goal.iter().cloned());
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let begin = || {
        let mut command = command(host, &words, true).into_std();
        command.stdin(Stdio::null()).stderr(Stdio::inherit());
        let out = command.output().map_err(|e| Fail::usage(format!("cannot start ssh: {e}; install OpenSSH")))?;
        if out.status.success() {
            return Ok(out);
        }
        Err(Fail::usage(explained(host, out.status.code(), "its message is above")))
    };
    let out = copy::offered(host, shared.copy, begin)?;
    // A remote shell may print a greeting before.
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    let session = text.lines().rev().find_map(|line| line.trim().strip_prefix(STARTED));
    let session = session.ok_or_else(|| Fail::usage(format!("{host} did not say which session it started")))?;
    home::follow(shared, client(shared, host, Some(session), false, None)?)
}

/// What `--detached` prints before the name of the session.
pub const STARTED: &str = "started ";

/// A name that begins with a dash would be an option of ssh, which can run commands here.
fn check(host: &str) -> Result<(), Fail> {
    if host.is_empty() || host.starts_with('-') {
        return Err(Fail::usage(format!("{host:?} is not a host name; write it as for ssh: user@host")));
    }
    Ok(())
}

/// The full-screen client of a session there.
pub fn client(
    shared: &Shared,
    host: &str,
    session: Option<&str>,
    read_only: bool,
    at: Option<ActionId>,
) -> Result<Then, Fail> {
    check(host)?;
    let control = read_only.then_some(false);
    let mut options = screen::options(shared, session.unwrap_or(host), control)?;
    options.way.at = at;
    // The other machine decides what the session may do.
    options.files.rules = None;
    let remote = Remote { host: host.to_owned(), session: session.map(str::to_owned) };
    let runtime = daemon::runtime()?;
    let begun = runtime.block_on(Relay::begin(remote, control)).map_err(Fail::usage);
    let done = begun.and_then(|(relay, stream)| {
        let left = format!("the session on {host} continues; `rightseat attach --ssh {host}` returns to it");
        let relaying = runtime.spawn(relay.run());
        let done = screen::run(&runtime, options, async { Ok(stream) }, || left);
        relaying.abort();
        done
    });
    runtime.shutdown_background();
    done
}

/// The command that runs rightseat on the remote side; `asks` leaves ssh its questions. The remote side's shell reads
/// the words, so they are quoted for it. The shell that ssh starts often lacks the directory that a copy is put into.
pub fn command(host: &str, words: &[&str], asks: bool) -> tokio::process::Command {
    shell(host, &line(words), asks, true)
}

/// As [`command`], for a link that stays. What the user's configuration of ssh says of a silent link
/// (`ServerAliveInterval`) is left as it is.
pub async fn link(host: &str, words: &[&str], asks: bool) -> tokio::process::Command {
    shell(host, &line(words), asks, !has_own_interval(host).await)
}

fn line(words: &[&str]) -> String {
    let words = shell_words::join(std::iter::once(&"rightseat").chain(words));
    format!("env \"PATH=$PATH:$HOME/.local/bin\" {words}")
}

/// The command that has the remote side's shell run this line. A dead link is noticed with `is_watched`: three unanswered
/// words, five seconds apart.
fn shell(host: &str, line: &str, asks: bool, is_watched: bool) -> tokio::process::Command {
    let mut command = tokio::process::Command::new("ssh");
    command.arg("-T");
    if is_watched {
        command.args(["-o", "ServerAliveInterval=5", "-o", "ServerAliveCountMax=3"]);
    }
    if !asks {
        command.args(["-o", "BatchMode=yes", "-o", "ConnectTimeout=15"]);
    }
    command.arg("--").arg(host).arg(line);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    command
}

/// Whether the user's configuration sets the interval after which ssh asks whether a silent link still works.
async fn has_own_interval(host: &str) -> bool {
    let mut ask = tokio::process::Command::new("ssh");
    ask.args(["-G", "--", host]).stdin(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    let limit = Duration::from_millis(SSH_CONFIG_MS_MAX);
    let Ok(Ok(told)) = tokio::time::timeout(limit, ask.output()).await else { return false };
    let told = String::from_utf8_lossy(&told.stdout).into_owned();
    told.lines().filter_map(|line| line.strip_prefix("serveraliveinterval ")).any(|seconds| seconds != "0")
}
