//! `attach --ssh HOST`: the wire over OpenSSH's own pipe, resumed when the link drops.
//!
//! ssh authenticates as it always does: its questions go to the terminal before the screen opens, and its messages are
//! shown. Later connections ask nothing (`BatchMode`), because the screen belongs to the client by then.

mod relay;

use super::args::Shared;
use super::{Done, Fail, daemon, screen};
use relay::{Relay, Remote};
use std::process::Stdio;

/// See the module.
pub fn attach(shared: &Shared, host: &str, session: Option<&str>, read_only: bool) -> Done {
    screen::check(shared)?;
    // A name that begins with a dash would be an option of ssh, which can run commands here.
    if host.is_empty() || host.starts_with('-') {
        return Err(Fail::usage(format!("{host:?} is not a host name; write it as for ssh: user@host")));
    }
    let control = read_only.then_some(false);
    let mut options = screen::options(shared, session.unwrap_or(host), control)?;
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

/// The command that reaches the remote side; `asks` leaves ssh its questions.
fn command(remote: &Remote, asks: bool) -> tokio::process::Command {
    let mut command = tokio::process::Command::new("ssh");
    command.arg("-T");
    // A dead link is noticed: three unanswered words, five seconds apart.
    command.args(["-o", "ServerAliveInterval=5", "-o", "ServerAliveCountMax=3"]);
    if !asks {
        command.args(["-o", "BatchMode=yes"]);
    }
    command.arg("--").arg(&remote.host).arg(remote.remote_command());
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    command
}
