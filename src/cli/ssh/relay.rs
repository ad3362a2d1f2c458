//! Between the client in this process and ssh: one session for the client, however many connections it takes.
//!
//! The relay attaches automatically, remembers the last event it passed on, and after a drop attaches again from the
//! next one, so that nothing is lost or doubled. Requests that were on their way when the link dropped are answered
//! with an error that says so; they are never sent a second time.

use super::link;
use crate::base::Seq;
use crate::base::text::Untrusted;
use crate::cli::limits::{
    SSH_BACKOFF_MS_MAX, SSH_BACKOFF_MS_MIN, SSH_PIPE_BYTES_MAX, SSH_SAID_LINES_MAX, SSH_TRIES_MAX,
};
use crate::model::event::ClientChanged;
use crate::ui::run::Stream;
use crate::wire::{self, AttachedAs, Code, Id, Message, PACK_ZSTD, Request, RpcError};
use serde::Deserialize;
use std::collections::{BTreeMap, VecDeque};
use std::io::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Child;

/// The session to attach to, and its machine.
#[derive(Clone, Debug)]
pub(super) struct Remote {
    pub host: String,
    pub session: Option<String>,
}

impl Remote {
    fn words(&self) -> Vec<&str> {
        let mut words = vec!["attach"];
        words.extend(self.session.as_deref());
        words.push("--stdio");
        words
    }
}

/// The standard error of ssh: on the terminal while nobody draws on it, kept for the reason afterwards.
#[derive(Clone, Default)]
struct Said {
    drawing: Arc<AtomicBool>,
    lines: Arc<Mutex<VecDeque<String>>>,
}

impl Said {
    fn take(&self, line: &str) {
        let line = Untrusted::new(line).visible().into_owned();
        if !self.drawing.load(Ordering::SeqCst) {
            let _ = writeln!(std::io::stderr(), "{line}");
        }
        let Ok(mut lines) = self.lines.lock() else { return };
        if lines.len() >= SSH_SAID_LINES_MAX {
            lines.pop_front();
        }
        lines.push_back(line);
    }

    fn last(&self) -> String {
        let lines = self.lines.lock().map(|lines| lines.iter().cloned().collect::<Vec<_>>()).unwrap_or_default();
        if lines.is_empty() { "ssh ended".to_owned() } else { lines.join("; ") }
    }
}

/// A connection that is attached.
struct Up {
    reader: wire::FrameReader,
    writer: wire::FrameWriter,
    /// Ends ssh when dropped.
    _child: Child,
}

/// See the module.
pub(super) struct Relay {
    remote: Remote,
    control: Option<bool>,
    said: Said,
    up: Up,
    attached: AttachedAs,
    client_reader: wire::FrameReader,
    client_writer: wire::FrameWriter,
    last: Seq,
    /// The client has had the answer to its first attach; a later one takes control and goes to the host.
    client_attached: bool,
    /// Requests without an answer yet, and when they went out.
    open: BTreeMap<Id, Instant>,
    latency: Option<Duration>,
}

const ATTACH_ID: i64 = -1;

#[derive(Deserialize)]
struct EventHead {
    envelope: SeqOnly,
}

#[derive(Deserialize)]
struct SeqOnly {
    seq: Seq,
    #[serde(flatten)]
    control: Option<ClientChanged>,
}

impl Relay {
    /// Connects for the first time, with all of ssh's questions; gives the relay and the client's end.
    pub(super) async fn begin(remote: Remote, control: Option<bool>) -> Result<(Self, Stream), String> {
        let said = Said::default();
        let attach = wire::Attach { from: Some(Seq(1)), control, recent: true, ..wire::Attach::default() };
        let (up, attached) = connect(&remote, attach, &said, true).await?;
        // Whoever comes back after a drop had control before, also when the other side has not noticed the drop yet. A host
        // that knows `resume` looks at that instead.
        let control = if attached.control { Some(true) } else { control };
        said.drawing.store(true, Ordering::SeqCst);
        let (ours, theirs) = tokio::io::duplex(SSH_PIPE_BYTES_MAX);
        let (read, write) = tokio::io::split(ours);
        let (client_reader, client_writer) = wire::pair(read, write);
        let (read, write) = tokio::io::split(theirs);
        let relay = Self {
            remote,
            control,
            said,
            up,
            attached,
            client_reader,
            client_writer,
            last: Seq(0),
            client_attached: false,
            open: BTreeMap::new(),
            latency: None,
        };
        Ok((relay, Stream::new(read, write, None)))
    }

    /// Until the client is gone or the remote side cannot be reached any more; then the client sees the end of its stream.
    pub(super) async fn run(mut self) {
        loop {
            tokio::select! {
                from_client = self.client_reader.next() => match from_client {
                    Some(Ok(Ok(message))) => if !self.send_up(message).await { return },
                    Some(Ok(Err(_))) => {}
                    Some(Err(_)) | None => return,
                },
                from_far = self.up.reader.next() => match from_far {
                    Some(Ok(Ok(message))) => if !self.send_down(message).await { return },
                    Some(Ok(Err(_))) => {}
                    Some(Err(_)) | None => if !self.come_back().await { return },
                },
            }
        }
    }

    async fn send_up(&mut self, message: Message) -> bool {
        if let Message::Request { id, method, .. } = &message {
            let is_first = !std::mem::replace(&mut self.client_attached, true);
            if method == "session/attach" && is_first {
                // We are attached already; the client gets the same answer.
                return match Message::answer(id.clone(), &self.attached) {
                    Ok(answer) => self.client_writer.send(&answer).await.is_ok(),
                    Err(_) => false,
                };
            }
            self.open.insert(id.clone(), Instant::now());
        }
        // A link that is down is found out when reading.
        let _ = self.up.writer.send(&message).await;
        true
    }

    async fn send_down(&mut self, message: Message) -> bool {
        match &message {
            Message::Notification { method, params } if method == "session/event" => {
                let seq = params.as_deref().and_then(|p| serde_json::from_str::<EventHead>(p.get()).ok());
                if let Some(EventHead { envelope: SeqOnly { seq, control } }) = seq {
                    if seq <= self.last {
                        return true;
                    }
                    self.last = seq;
                    control.iter().for_each(|change| self.note_control(change));
                }
            }
            Message::Answer { id, .. } => {
                if let Some(sent) = self.open.remove(id) {
                    self.latency = Some(sent.elapsed());
                    if !self.tell_state(None).await {
                        return false;
                    }
                }
            }
            Message::Notification { .. } | Message::Request { .. } => {}
        }
        self.client_writer.send(&message).await.is_ok()
    }

    /// The state of the link, as a notification of its own. Clients that do not know it ignore it.
    async fn tell_state(&mut self, down: Option<&str>) -> bool {
        let latency_ms = self.latency.map(|l| u64::try_from(l.as_millis()).unwrap_or(u64::MAX));
        let params = serde_json::json!({ "host": self.remote.host, "latency_ms": latency_ms, "down": down });
        match Message::notification("link/state", &params) {
            Ok(note) => self.client_writer.send(&note).await.is_ok(),
            Err(_) => true,
        }
    }

    /// The host knows the client under another name now. Events up to `head` are part of what is told.
    async fn tell_again(&mut self) -> bool {
        if !self.client_attached {
            return true;
        }
        let AttachedAs { client, control, head, .. } = &self.attached;
        let params = serde_json::json!({ "client": client, "control": control, "head": head });
        match Message::notification("link/again", &params) {
            Ok(note) => self.client_writer.send(&note).await.is_ok(),
            Err(_) => true,
        }
    }

    /// Whoever took control from us meant it: coming back does not take it again.
    fn note_control(&mut self, change: &ClientChanged) {
        if change.client == self.attached.client {
            match change.what.as_str() {
                "took_control" => self.control = Some(true),
                "lost_control" => self.control = None,
                _ => {}
            }
        }
    }

    /// Connects again, a bounded number of times, waiting longer each time.
    async fn come_back(&mut self) -> bool {
        let why = self.said.last();
        let lost =
            format!("the link to {} dropped before this was answered; check whether it took effect", self.remote.host);
        for id in std::mem::take(&mut self.open).into_keys() {
            let error = RpcError::new(Code::Internal, lost.clone());
            if self.client_writer.send(&Message::Answer { id, result: Err(error) }).await.is_err() {
                return false;
            }
        }
        if !self.tell_state(Some(&why)).await {
            return false;
        }
        let mut wait_ms = SSH_BACKOFF_MS_MIN;
        for _ in 0..SSH_TRIES_MAX {
            if !self.refuse_for(Duration::from_millis(wait_ms)).await {
                return false;
            }
            wait_ms = (wait_ms * 2).min(SSH_BACKOFF_MS_MAX);
            // A replica that has begun goes on without gaps.
            let (from, resume) = (Some(self.last.next()), Some(self.attached.client.clone()));
            let attach = wire::Attach { from, control: self.control, resume, ..wire::Attach::default() };
            let again = connect(&self.remote, attach, &self.said, false).await;
            if let Ok((up, attached)) = again {
                (self.up, self.attached) = (up, attached);
                return self.tell_again().await && self.tell_state(None).await;
            }
        }
        false
    }

    /// Waits, and meanwhile refuses what the client asks. False when the client has gone.
    async fn refuse_for(&mut self, time: Duration) -> bool {
        let until = tokio::time::Instant::now() + time;
        loop {
            let message = tokio::select! {
                () = tokio::time::sleep_until(until) => return true,
                message = self.client_reader.next() => message,
            };
            match message {
                Some(Ok(Ok(Message::Request { id, .. }))) => {
                    let why = format!("the link to {} is down; reconnecting", self.remote.host);
                    let refusal = Message::Answer { id, result: Err(RpcError::new(Code::Overloaded, why)) };
                    if self.client_writer.send(&refusal).await.is_err() {
                        return false;
                    }
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return false,
            }
        }
    }
}

/// Starts ssh and attaches; the error is what ssh said.
async fn connect(remote: &Remote, attach: wire::Attach, said: &Said, asks: bool) -> Result<(Up, AttachedAs), String> {
    let mut child = link(&remote.host, &remote.words(), asks)
        .await
        .spawn()
        .map_err(|e| format!("cannot start ssh: {e}; install OpenSSH"))?;
    let (Some(stdin), Some(stdout), Some(stderr)) = (child.stdin.take(), child.stdout.take(), child.stderr.take())
    else {
        return Err("ssh has no pipes".to_owned());
    };
    let listening = said.clone();
    tokio::spawn(async move {
        let mut lines = BufReader::new(stderr).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            listening.take(&line);
        }
    });
    let (mut reader, mut writer) = wire::pair(stdout, stdin);
    let attach = wire::Attach { person: true, pack: vec![PACK_ZSTD.to_owned()], ..attach };
    let message = Request::Attach(attach).message(Id::Number(ATTACH_ID)).map_err(|e| e.to_string())?;
    // When it cannot be written, reading says why.
    let _ = writer.send(&message).await;
    loop {
        match reader.next().await {
            Some(Ok(Ok(Message::Answer { id: Id::Number(ATTACH_ID), result: Ok(result) }))) => {
                let broke =
                    |e: &dyn std::fmt::Display| format!("the host on {} sent an invalid message: {e}", remote.host);
                let attached: AttachedAs = serde_json::from_str(result.get()).map_err(|e| broke(&e))?;
                if attached.pack.as_deref() == Some(PACK_ZSTD) {
                    reader = reader.packed().map_err(|e| broke(&e))?;
                }
                return Ok((Up { reader, writer, _child: child }, attached));
            }
            Some(Ok(Ok(Message::Answer { result: Err(error), .. }))) => {
                return Err(format!("{}: {error}", remote.host));
            }
            // A remote shell may print a greeting before the host's first message.
            Some(Ok(_)) => {}
            Some(Err(_)) | None => {
                let code = child.wait().await.ok().and_then(|status| status.code());
                return Err(explained(&remote.host, code, &said.last()));
            }
        }
    }
}

/// How the explanation begins where rightseat is not there.
pub(super) const MISSING: &str = "rightseat was not found on ";

/// Explains the exit code of an ssh: 255 is its own failure, 126 and 127 are the remote shell's, any other is that of
/// rightseat on the other machine.
pub fn explained(host: &str, code: Option<i32>, said: &str) -> String {
    let path = "a login shell may have a longer PATH than the shell that ssh starts";
    match code {
        Some(127) => format!(
            "{MISSING}{host} ({said}): install it there, in a directory on the PATH of \
             `ssh {host} 'echo $PATH'`; {path}"
        ),
        Some(126) => {
            format!("rightseat on {host} cannot be run ({said}): check its permissions and architecture there")
        }
        Some(255) | None => format!("{host} cannot be reached: {said}"),
        Some(code) => format!("rightseat on {host} ended with {code}: {said}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_without_rightseat_is_not_called_unreachable() {
        let said = "bash: line 1: rightseat: command not found";
        let text = explained("box", Some(127), said);
        assert!(text.contains("not found on box") && text.contains("install it there"), "{text}");
        assert!(!text.contains("cannot be reached"), "{text}");
        assert!(explained("box", Some(255), "Connection refused").contains("cannot be reached: Connection refused"));
        let remote = explained("box", Some(2), "rightseat: there is no session \"x\"");
        assert!(remote.contains("on box ended with 2") && remote.contains("no session"), "{remote}");
    }

    #[test]
    fn the_far_command_is_quoted_for_the_far_shell() {
        let remote = |session: Option<&str>| {
            let remote = Remote { host: "h".into(), session: session.map(str::to_owned) };
            let command = crate::cli::ssh::command(&remote.host, &remote.words(), true).into_std();
            command.get_args().last().map(|word| word.to_string_lossy().into_owned()).unwrap_or_default()
        };
        let path = r#"env "PATH=$PATH:$HOME/.local/bin""#;
        assert_eq!(remote(None), format!("{path} rightseat attach --stdio"));
        assert_eq!(remote(Some("a; rm x")), format!("{path} rightseat attach 'a; rm x' --stdio"));
    }
}
