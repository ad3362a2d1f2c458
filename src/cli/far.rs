//! Other machines for the home screen: their sessions, told over a link that is tried again when it drops, single commands,
//! and decisions that wait for the link.
//!
//! A decision that certainly did not arrive is sent when the link is back. One that may have arrived is sent again, too: it
//! names the digest that was seen, and the host refuses it if the action is decided already. So nothing is decided twice.

use super::compose::SystemClock;
use super::home::inbox;
use super::ssh;
use super::verdict::exchange;
use crate::base::SessionId;
use crate::base::text::Untrusted;
use crate::cli::limits::{
    HOME_ASK_MS_MAX, HOME_BACKOFF_MS_MAX, HOME_BACKOFF_MS_MIN, HOME_LINE_BYTES_MAX, HOME_UNSENT_MAX, SSH_SAID_BYTES_MAX,
};
use crate::port::Clock as _;
use crate::ui::home::{Item, Told};
use crate::wire::{Attach, Code, Decide, Machine, Request, RpcError, Unsent};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::sync::{mpsc, watch};

/// A decision that waits for the link to its machine.
#[derive(Clone, Debug)]
struct Waiting {
    host: String,
    session: SessionId,
    decide: Decide,
    /// It was sent, and no answer came.
    may_have_arrived: bool,
}

#[derive(Default)]
struct State {
    /// As they told last.
    machines: BTreeMap<String, Machine>,
    waiting: Vec<Waiting>,
}

/// What this process knows of other machines, whichever screen it shows.
fn state() -> MutexGuard<'static, State> {
    static STATE: LazyLock<Mutex<State>> = LazyLock::new(Mutex::default);
    STATE.lock().unwrap_or_else(PoisonError::into_inner)
}

static CHANGED: LazyLock<watch::Sender<()>> = LazyLock::new(|| watch::channel(()).0);

/// Follows the decisions that wait.
pub fn changes() -> watch::Receiver<()> {
    CHANGED.subscribe()
}

/// The other machines as they told last.
pub fn known() -> Vec<Machine> {
    state().machines.values().cloned().collect()
}

/// A machine with the decisions that wait for it.
pub fn with_unsent(machine: Machine) -> Machine {
    let Some(host) = machine.host.clone() else { return machine };
    let state = state();
    let waiting = state.waiting.iter().filter(|one| one.host == host);
    let unsent = waiting.map(|one| Unsent {
        session: one.session.clone(),
        action: one.decide.action.clone(),
        verdict: one.decide.verdict,
    });
    Machine { unsent: unsent.collect(), ..machine }
}

/// Takes back what was not sent yet.
pub fn withdraw(item: &Item) -> Result<String, String> {
    let mut state = state();
    let is_it = |one: &Waiting| {
        Some(&one.host) == item.host.as_ref()
            && one.session == item.session
            && Some(&one.decide.action) == item.action.as_ref()
    };
    if state.waiting.iter().any(|one| is_it(one) && one.may_have_arrived) {
        return Err("it may have arrived before the link dropped: it cannot be taken back".to_owned());
    }
    let before = state.waiting.len();
    state.waiting.retain(|one| !is_it(one));
    let is_gone = state.waiting.len() < before;
    drop(state);
    CHANGED.send_replace(());
    if is_gone { Ok("taken back: nothing was decided".to_owned()) } else { Err("it is on its way already".to_owned()) }
}

/// The reason that a far host was not asked, or did not do it.
pub enum AskError {
    Refused(RpcError),
    /// In words; `sent`: it may have taken effect all the same.
    Link {
        why: String,
        sent: bool,
    },
}

impl AskError {
    pub fn words(self) -> String {
        match self {
            Self::Refused(error) => error.message,
            Self::Link { why, sent: false } => why,
            Self::Link { why, sent: true } => format!("{why}; check whether it took effect"),
        }
    }
}

/// Asks the host of a session on another machine.
pub async fn ask(host: &str, session: &SessionId, attach: Attach, request: Request) -> Result<(), AskError> {
    let sent = AtomicBool::new(false);
    let broke = |why: String| AskError::Link { why, sent: sent.load(Ordering::SeqCst) };
    let words = ["attach", session.as_str(), "--stdio"];
    let mut child = ssh::command(host, &words, false)
        .spawn()
        .map_err(|e| broke(format!("cannot start ssh: {e}; install OpenSSH")))?;
    let (Some(read), Some(write), Some(error)) = (child.stdout.take(), child.stdin.take(), child.stderr.take()) else {
        return Err(broke("ssh has no pipes".to_owned()));
    };
    let limit = Duration::from_millis(HOME_ASK_MS_MAX);
    match tokio::time::timeout(limit, exchange(read, write, attach, request, &sent)).await {
        Ok(Ok(Ok(()))) => Ok(()),
        Ok(Ok(Err(refused))) => Err(AskError::Refused(refused)),
        Err(_) => Err(broke(format!("{host} did not answer in {} s", HOME_ASK_MS_MAX / 1_000))),
        Ok(Err(_)) => {
            let end = async {
                let mut said = Vec::new();
                // Without its words the exit code still says what happened.
                let _ = error.take(SSH_SAID_BYTES_MAX).read_to_end(&mut said).await;
                (child.wait().await.ok().and_then(|status| status.code()), said)
            };
            let (code, said) = tokio::time::timeout(limit, end).await.unwrap_or_default();
            Err(broke(ssh::explained(host, code, &lines(&said))))
        }
    }
}

/// Decides on another machine. False: it could not be sent, and waits for the link.
pub async fn decide(host: &str, session: &SessionId, decide: Decide) -> Result<bool, String> {
    let is_lost = state().machines.get(host).is_some_and(|machine| machine.lost_at.is_some());
    let mut may_have_arrived = false;
    if !is_lost {
        match ask(host, session, inbox(), Request::Decide(decide.clone())).await {
            Ok(()) => return Ok(true),
            Err(AskError::Refused(error)) => return Err(error.message),
            Err(AskError::Link { sent, .. }) => may_have_arrived = sent,
        }
    }
    let mut state = state();
    if state.waiting.len() >= HOME_UNSENT_MAX {
        return Err(format!("{HOME_UNSENT_MAX} decisions wait for their links already: nothing was decided"));
    }
    let (host, session) = (host.to_owned(), session.clone());
    state.waiting.push(Waiting { host, session, decide, may_have_arrived });
    drop(state);
    CHANGED.send_replace(());
    Ok(false)
}

/// Sends what waits for this machine, one after the other, and tells what became of it.
async fn send_waiting(host: &str, tell: &mpsc::Sender<Told>) {
    while let Some(one) = take_waiting(host) {
        let name = format!("{} {} {}", one.decide.verdict.words(), one.session, one.decide.action);
        let told = match ask(host, &one.session, inbox(), Request::Decide(one.decide.clone())).await {
            Ok(()) => Ok(format!("{name}: sent when the link came back")),
            Err(AskError::Refused(error)) if one.may_have_arrived && error.code == Code::NotHeld.number() => {
                Ok(format!("{name}: decided already"))
            }
            Err(AskError::Refused(error)) => Err(format!("{name}: not done: {}", error.message)),
            Err(AskError::Link { sent, .. }) => {
                let may_have_arrived = one.may_have_arrived || sent;
                state().waiting.insert(0, Waiting { may_have_arrived, ..one });
                return;
            }
        };
        CHANGED.send_replace(());
        // The screen is gone when nobody receives it.
        let _ = tell.send(Told::Done(told)).await;
    }
}

fn take_waiting(host: &str) -> Option<Waiting> {
    let mut state = state();
    let at = state.waiting.iter().position(|one| one.host == host)?;
    Some(state.waiting.remove(at))
}

fn lines(said: &[u8]) -> String {
    Untrusted::from_bytes(said).visible_lines().collect::<Vec<_>>().join("; ")
}

/// Runs rightseat on another machine; its output.
pub async fn run(host: &str, words: &[&str]) -> Result<String, String> {
    let mut command = ssh::command(host, words, false);
    command.stdin(std::process::Stdio::null());
    let mut child = command.spawn().map_err(|e| format!("cannot start ssh: {e}; install OpenSSH"))?;
    let (Some(out), Some(error)) = (child.stdout.take(), child.stderr.take()) else {
        return Err("ssh has no pipes".to_owned());
    };
    let limit = Duration::from_millis(HOME_ASK_MS_MAX);
    let late = |_| format!("{host} did not answer in {} s", HOME_ASK_MS_MAX / 1_000);
    let read = async {
        let (mut text, mut said) = (Vec::new(), Vec::new());
        let (mut out, mut error) = (out.take(HOME_LINE_BYTES_MAX as u64), error.take(SSH_SAID_BYTES_MAX));
        // What cannot be read is explained by the exit code.
        let _ = tokio::join!(out.read_to_end(&mut text), error.read_to_end(&mut said));
        // What goes on beyond that is cut off.
        drop((out, error));
        (child.wait().await.ok().and_then(|status| status.code()), text, said)
    };
    let (code, text, said) = tokio::time::timeout(limit, read).await.map_err(late)?;
    if code == Some(0) {
        return Ok(String::from_utf8_lossy(&text).into_owned());
    }
    Err(ssh::explained(host, code, &lines(&said)))
}

/// The end of a link.
struct LinkEnd {
    why: String,
    /// It told something before.
    was_up: bool,
    /// There is nothing to run there.
    is_final: bool,
}

/// Tells the sessions of another machine as it tells them, until the screen is gone. A link that drops is tried again,
/// with longer and longer waits; what was known stays, as it was then. Where rightseat cannot be run, nothing is tried
/// again: the screen says why, and opening home again connects again.
pub async fn follow(name: String, host: String, tell: mpsc::Sender<Machine>, done: mpsc::Sender<Told>) {
    let mut machine =
        Machine { host: Some(host.clone()), trouble: Some("connecting".to_owned()), ..Machine::default() };
    let mut wait_ms = HOME_BACKOFF_MS_MIN;
    loop {
        if tell.send(machine.clone()).await.is_err() {
            return;
        }
        let Some(end) = link(&host, &mut machine, &tell, &done).await else { return };
        if end.was_up {
            wait_ms = HOME_BACKOFF_MS_MIN;
        }
        let why = if name == host { end.why } else { format!("{name}: {}", end.why) };
        machine.lost_at = machine.lost_at.or_else(|| Some(SystemClock.now()));
        machine.trouble = Some(if end.is_final { why } else { format!("reconnecting: {why}") });
        state().machines.insert(host.clone(), machine.clone());
        if end.is_final {
            // The screen is gone when nobody receives it.
            let _ = tell.send(machine).await;
            return;
        }
        if tell.send(machine.clone()).await.is_err() {
            return;
        }
        tokio::select! {
            () = tokio::time::sleep(Duration::from_millis(wait_ms)) => {}
            () = tell.closed() => return,
        }
        wait_ms = (wait_ms * 2).min(HOME_BACKOFF_MS_MAX);
    }
}

/// One link, as long as it lasts; `None` when the screen is gone.
async fn link(
    host: &str,
    machine: &mut Machine,
    tell: &mpsc::Sender<Machine>,
    done: &mpsc::Sender<Told>,
) -> Option<LinkEnd> {
    let mut child = match ssh::command(host, &["home", "--feed"], false).spawn() {
        Ok(child) => child,
        Err(error) => {
            let why = format!("cannot start ssh: {error}; install OpenSSH");
            return Some(LinkEnd { why, was_up: false, is_final: true });
        }
    };
    // Its end is the end of the far program, too.
    let (_input, out, error) = (child.stdin.take(), child.stdout.take()?, child.stderr.take()?);
    let mut out = BufReader::new(out);
    let mut was_up = false;
    loop {
        let mut line = Vec::new();
        let mut bounded = (&mut out).take(HOME_LINE_BYTES_MAX as u64);
        let read = tokio::select! {
            read = bounded.read_until(b'\n', &mut line) => read,
            () = tell.closed() => return None,
        };
        if read.is_ok_and(|count| count == 0) || !line.ends_with(b"\n") {
            break;
        }
        // A remote shell may print a greeting. What the other machine says of links and decisions here means nothing.
        let Ok(told) = serde_json::from_slice::<Machine>(&line) else { continue };
        *machine = Machine { host: Some(host.to_owned()), lost_at: None, unsent: Vec::new(), ..told };
        state().machines.insert(host.to_owned(), machine.clone());
        tell.send(machine.clone()).await.ok()?;
        if !std::mem::replace(&mut was_up, true) {
            let (host, done) = (host.to_owned(), done.clone());
            tokio::spawn(async move { send_waiting(&host, &done).await });
        }
    }
    let mut said = Vec::new();
    // Without its words the exit code still says what happened.
    let _ = error.take(SSH_SAID_BYTES_MAX).read_to_end(&mut said).await;
    let code = child.wait().await.ok().and_then(|status| status.code());
    let is_final = !was_up && matches!(code, Some(2 | 126 | 127));
    Some(LinkEnd { why: ssh::explained(host, code, &lines(&said)), was_up, is_final })
}
