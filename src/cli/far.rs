//! Other machines for the home screen: their sessions, told over a link that is tried again when it drops, single commands,
//! and decisions that wait for the link.
//!
//! A decision that certainly did not arrive is sent when the link is back, and tried again while it is up. One that may have
//! arrived is sent again, too: it names the digest that was seen, and the host refuses it if the action is decided already.
//! So nothing is decided twice. On one action at most one decision is under way or waits.

use super::args::Shared;
use super::compose::SystemClock;
use super::home::inbox;
use super::verdict::exchange;
use super::{fleet, ssh};
use crate::base::text::Untrusted;
use crate::base::{ActionId, SessionId};
use crate::cli::limits::{
    HOME_ASK_MS_MAX, HOME_BACKOFF_MS_MAX, HOME_BACKOFF_MS_MIN, HOME_LINE_BYTES_MAX, HOME_UNSENT_MAX, SSH_SAID_BYTES_MAX,
};
use crate::port::Clock as _;
use crate::ui::home::{Item, Told};
use crate::wire::{Attach, Code, Decide, Machine, Request, RpcError, Unsent};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::sync::{mpsc, watch};

/// How far a decision has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// It is being sent for the first time.
    First,
    /// It waits for the link.
    Waits,
    /// It is being sent once more.
    Again,
}

/// A decision that its machine has not answered yet.
#[derive(Clone, Debug)]
struct Waiting {
    host: String,
    session: SessionId,
    decide: Decide,
    stage: Stage,
    /// It was sent, and no answer came.
    may_have_arrived: bool,
}

impl Waiting {
    fn is_on(&self, host: &str, session: &SessionId, action: &ActionId) -> bool {
        self.host == host && self.session == *session && self.decide.action == *action
    }

    fn words(&self) -> String {
        format!("{} {} {}", self.decide.verdict.words(), self.session, self.decide.action)
    }
}

#[derive(Default)]
struct State {
    /// As they told last.
    machines: BTreeMap<String, Machine>,
    /// Machines whose links the present client keeps, and how many do.
    followed: BTreeMap<String, usize>,
    waiting: Vec<Waiting>,
}

impl State {
    fn is_up(&self, host: &str) -> bool {
        self.machines.get(host).is_some_and(|machine| machine.lost_at.is_none())
    }

    /// A link that is kept says when it is up. Without one, sending is the way to find out.
    fn may_send(&self, host: &str) -> bool {
        self.is_up(host) || !self.followed.contains_key(host)
    }

    fn waits(&self, host: &str) -> bool {
        self.waiting.iter().any(|one| one.host == host && one.stage == Stage::Waits)
    }

    /// Notes a decision before it is sent, so that none on the same action is sent beside it. It takes the place of one that
    /// waits. Returns whether it is sent at once or waits.
    fn note(&mut self, host: &str, session: &SessionId, decide: &Decide) -> Result<Stage, String> {
        let is_it = |one: &Waiting| one.is_on(host, session, &decide.action);
        if let Some(one) = self.waiting.iter().find(|one| is_it(one) && one.stage != Stage::Waits) {
            let words = one.words();
            return Err(format!("\"{words}\" is on its way to {host}, and its answer comes first: nothing was added"));
        }
        let is_lost = self.machines.get(host).is_some_and(|machine| machine.lost_at.is_some());
        let kept = self.waiting.iter().filter(|one| one.stage != Stage::First && !is_it(one)).count();
        if is_lost && kept >= HOME_UNSENT_MAX {
            return Err(full(false));
        }
        let may_have_arrived = self.waiting.iter().any(|one| is_it(one) && one.may_have_arrived);
        self.waiting.retain(|one| !is_it(one));
        let stage = if is_lost { Stage::Waits } else { Stage::First };
        let (host, session, decide) = (host.to_owned(), session.clone(), decide.clone());
        self.waiting.push(Waiting { host, session, decide, stage, may_have_arrived });
        Ok(stage)
    }
}

fn full(may_have_arrived: bool) -> String {
    let end = if may_have_arrived { "check whether this one took effect" } else { "nothing was decided" };
    format!("{HOME_UNSENT_MAX} decisions wait for their links already: {end}")
}

/// A decision that is being sent. Whoever drops this without an answer leaves the decision to be sent again.
struct Sending {
    host: String,
    session: SessionId,
    action: ActionId,
    is_over: bool,
}

impl Sending {
    fn new(host: &str, session: &SessionId, action: &ActionId) -> Self {
        Self { host: host.to_owned(), session: session.clone(), action: action.clone(), is_over: false }
    }

    /// The host has answered.
    fn answered(mut self) {
        self.is_over = true;
        state().waiting.retain(|one| !one.is_on(&self.host, &self.session, &self.action));
        CHANGED.send_replace(());
    }

    /// The link broke; `sent`: the decision may have arrived. It waits from now on, if there is room.
    fn broke(mut self, sent: bool) -> Result<(), String> {
        self.is_over = true;
        self.waits(sent)
    }

    fn waits(&self, sent: bool) -> Result<(), String> {
        let is_it = |one: &Waiting| one.is_on(&self.host, &self.session, &self.action);
        let mut state = state();
        let kept = state.waiting.iter().filter(|one| one.stage != Stage::First && !is_it(one)).count();
        if kept >= HOME_UNSENT_MAX {
            let may_have_arrived = sent || state.waiting.iter().any(|one| is_it(one) && one.may_have_arrived);
            state.waiting.retain(|one| !is_it(one));
            return Err(full(may_have_arrived));
        }
        for one in state.waiting.iter_mut().filter(|one| is_it(one)) {
            one.stage = Stage::Waits;
            one.may_have_arrived |= sent;
        }
        drop(state);
        CHANGED.send_replace(());
        Ok(())
    }
}

impl Drop for Sending {
    fn drop(&mut self) {
        if !self.is_over {
            // Nobody is there to be told that there was no room.
            let _ = self.waits(true);
        }
    }
}

/// What this process knows of other machines, whichever screen it shows.
fn state() -> MutexGuard<'static, State> {
    static STATE: LazyLock<Mutex<State>> = LazyLock::new(Mutex::default);
    STATE.lock().unwrap_or_else(PoisonError::into_inner)
}

static CHANGED: LazyLock<watch::Sender<()>> = LazyLock::new(|| watch::channel(()).0);

static CAME_UP: LazyLock<watch::Sender<()>> = LazyLock::new(|| watch::channel(()).0);

/// A link came up: what waits is tried at once.
pub fn came_up() {
    CAME_UP.send_replace(());
}

/// A link to a machine is kept as long as this is.
pub struct Followed(String);

impl Followed {
    pub fn new(host: &str) -> Self {
        *state().followed.entry(host.to_owned()).or_default() += 1;
        Self(host.to_owned())
    }
}

impl Drop for Followed {
    fn drop(&mut self) {
        let mut state = state();
        let left = state.followed.get(&self.0).map_or(0, |count| count.saturating_sub(1));
        if left == 0 {
            state.followed.remove(&self.0);
        } else {
            state.followed.insert(self.0.clone(), left);
        }
    }
}

/// Follows the decisions that wait.
pub fn changes() -> watch::Receiver<()> {
    CHANGED.subscribe()
}

/// Takes in what a machine told.
pub fn know(machine: &Machine) {
    if let Some(host) = &machine.host {
        state().machines.insert(host.clone(), machine.clone());
    }
}

/// The other machines as they told last.
pub fn known() -> Vec<Machine> {
    state().machines.values().cloned().collect()
}

/// A machine with the decisions that wait for it.
pub fn with_unsent(machine: Machine) -> Machine {
    let Some(host) = machine.host.clone() else { return machine };
    let state = state();
    let waiting = state.waiting.iter().filter(|one| one.host == host && one.stage != Stage::First);
    let unsent = waiting.map(|one| Unsent {
        session: one.session.clone(),
        action: one.decide.action.clone(),
        verdict: one.decide.verdict,
    });
    Machine { unsent: unsent.collect(), ..machine }
}

/// The decisions that no machine has answered, in words; `None` if there are none.
pub fn given_up() -> Option<String> {
    let state = state();
    let words = |one: &Waiting| {
        let check = one.may_have_arrived || one.stage != Stage::Waits;
        let check = if check { " (it may have arrived: check)" } else { "" };
        format!("{} on {}{check}", one.words(), one.host)
    };
    let all: Vec<String> = state.waiting.iter().map(words).collect();
    drop(state);
    (!all.is_empty()).then(|| format!("not sent, and not kept: {}", all.join("; ")))
}

/// Takes back what was not sent yet.
pub fn withdraw(item: &Item) -> Result<String, String> {
    let mut state = state();
    let is_it = |one: &Waiting| {
        Some(&one.host) == item.host.as_ref()
            && one.session == item.session
            && Some(&one.decide.action) == item.action.as_ref()
    };
    if state.waiting.iter().any(|one| is_it(one) && one.stage != Stage::Waits) {
        return Err("it is on its way already".to_owned());
    }
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
    /// It is kept until its machine takes it or it expires, in words: nothing more is to be done.
    #[cfg_attr(not(feature = "nats"), expect(dead_code, reason = "ssh answers, or breaks"))]
    Unanswered(String),
}

impl AskError {
    pub fn words(self) -> String {
        match self {
            Self::Refused(error) => error.message,
            Self::Link { why, sent: false } => why,
            Self::Link { why, sent: true } => format!("{why}; check whether it took effect"),
            Self::Unanswered(why) => why,
        }
    }
}

/// Asks the host of a session on another machine.
pub async fn ask(host: &str, session: &SessionId, attach: Attach, request: Request) -> Result<(), AskError> {
    if let Some(machine) = fleet::machine_of(host) {
        let Request::Decide(decide) = request else {
            return Err(AskError::Link { why: only_decisions(machine), sent: false });
        };
        return fleet::ask(machine, session, decide).await;
    }
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
    let stage = state().note(host, session, &decide)?;
    if stage == Stage::First {
        let sending = Sending::new(host, session, &decide.action);
        match ask(host, session, inbox(), Request::Decide(decide)).await {
            Ok(()) => {
                sending.answered();
                return Ok(true);
            }
            Err(AskError::Refused(error)) => {
                sending.answered();
                return Err(error.message);
            }
            Err(AskError::Unanswered(why)) => {
                sending.answered();
                return Err(why);
            }
            Err(AskError::Link { sent, .. }) => sending.broke(sent)?,
        }
    } else {
        CHANGED.send_replace(());
    }
    Ok(false)
}

/// Sends what waits for other machines until the client is gone. Each client does, whether or not its home screen is opened: a
/// decision may be of the client before.
pub async fn keep_sending(shared: Shared, tell: mpsc::Sender<Told>) {
    let mut changed = changes();
    let mut served = BTreeSet::new();
    loop {
        changed.borrow_and_update();
        let hosts: Vec<String> = state().waiting.iter().map(|one| one.host.clone()).collect();
        for host in hosts {
            if served.insert(host.clone()) {
                tokio::spawn(keep_sending_to(shared.clone(), host, tell.clone()));
            }
        }
        tokio::select! {
            () = tell.closed() => return,
            Ok(()) = changed.changed() => {}
        }
    }
}

/// Sends what waits for this machine. Each decision has an ssh of its own, which can fail although the link stays: then all are
/// tried again, with longer and longer waits.
async fn keep_sending_to(shared: Shared, host: String, tell: mpsc::Sender<Told>) {
    let (mut changed, mut up) = (changes(), CAME_UP.subscribe());
    let mut wait_ms = HOME_BACKOFF_MS_MIN;
    loop {
        changed.borrow_and_update();
        let is_due = state().may_send(&host) && state().waits(&host);
        if is_due && fleet::machine_of(&host).is_some() {
            fleet::connect(&shared).await;
        }
        let broke = is_due && !send_waiting(&host, &tell).await;
        let pause_ms = broke.then_some(wait_ms);
        let paused = async {
            match pause_ms {
                Some(ms) => tokio::time::sleep(Duration::from_millis(ms)).await,
                None => std::future::pending().await,
            }
        };
        wait_ms = if broke { (wait_ms * 2).min(HOME_BACKOFF_MS_MAX) } else { HOME_BACKOFF_MS_MIN };
        tokio::select! {
            () = tell.closed() => return,
            Ok(()) = up.changed() => wait_ms = HOME_BACKOFF_MS_MIN,
            () = paused => {}
            Ok(()) = changed.changed(), if !broke => {}
        }
    }
}

/// Sends what waits for this machine, one after the other, and tells what became of it. False: the link broke.
async fn send_waiting(host: &str, tell: &mpsc::Sender<Told>) -> bool {
    while let Some((one, sending)) = next_waiting(host) {
        let name = one.words();
        let told = match ask(host, &one.session, inbox(), Request::Decide(one.decide.clone())).await {
            Ok(()) => Ok(format!("{name}: sent when the link came back")),
            Err(AskError::Refused(error)) if one.may_have_arrived && error.code == Code::NotHeld.number() => {
                Ok(format!("{name}: decided already"))
            }
            Err(AskError::Refused(error)) => Err(format!("{name}: not done: {}", error.message)),
            Err(AskError::Unanswered(why)) => Err(why),
            Err(AskError::Link { sent, .. }) => {
                if let Err(why) = sending.broke(sent) {
                    // The screen is gone when nobody receives it.
                    let _ = tell.send(Told::Done(Err(format!("{name}: {why}")))).await;
                }
                return false;
            }
        };
        sending.answered();
        // The screen is gone when nobody receives it.
        let _ = tell.send(Told::Done(told)).await;
    }
    true
}

/// The next decision that waits for this machine; it is under way from now on.
fn next_waiting(host: &str) -> Option<(Waiting, Sending)> {
    let mut state = state();
    let one = state.waiting.iter_mut().find(|one| one.host == host && one.stage == Stage::Waits)?;
    one.stage = Stage::Again;
    let sending = Sending::new(host, &one.session, &one.decide.action);
    Some((one.clone(), sending))
}

fn lines(said: &[u8]) -> String {
    Untrusted::from_bytes(said).visible_lines().collect::<Vec<_>>().join("; ")
}

fn only_decisions(machine: &str) -> String {
    format!("{machine} is seen over NATS, where only decisions go: Enter opens its session over ssh")
}

/// Runs rightseat on another machine; its output.
pub async fn run(host: &str, words: &[&str]) -> Result<String, String> {
    if let Some(machine) = fleet::machine_of(host) {
        return Err(only_decisions(machine));
    }
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
pub async fn follow(name: String, host: String, tell: mpsc::Sender<Machine>) {
    let mut machine =
        Machine { host: Some(host.clone()), trouble: Some("connecting".to_owned()), ..Machine::default() };
    let _followed = Followed::new(&host);
    let mut wait_ms = HOME_BACKOFF_MS_MIN;
    loop {
        if tell.send(machine.clone()).await.is_err() {
            return;
        }
        let Some(end) = link(&host, &mut machine, &tell).await else { return };
        if end.was_up {
            wait_ms = HOME_BACKOFF_MS_MIN;
        }
        let why = if name == host { end.why } else { format!("{name}: {}", end.why) };
        machine.lost_at = machine.lost_at.or_else(|| Some(SystemClock.now()));
        machine.trouble = Some(if end.is_final { why } else { format!("reconnecting: {why}") });
        know(&machine);
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
async fn link(host: &str, machine: &mut Machine, tell: &mpsc::Sender<Machine>) -> Option<LinkEnd> {
    let mut child = match ssh::link(host, &["home", "--feed"], false).await.spawn() {
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
        know(machine);
        tell.send(machine.clone()).await.ok()?;
        if !std::mem::replace(&mut was_up, true) {
            came_up();
        }
    }
    let mut said = Vec::new();
    // Without its words the exit code still says what happened.
    let _ = error.take(SSH_SAID_BYTES_MAX).read_to_end(&mut said).await;
    let code = child.wait().await.ok().and_then(|status| status.code());
    let is_final = !was_up && matches!(code, Some(2 | 126 | 127));
    Some(LinkEnd { why: ssh::explained(host, code, &lines(&said)), was_up, is_final })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Digest;
    use crate::model::event::Verdict;

    /// Whoever changes their mind while the link stalls does not find the first decision done.
    #[test]
    fn on_one_action_only_one_decision_is_under_way_or_waits() {
        let mut state = State::default();
        let session = SessionId::new("s1");
        let decide = |action: &str, verdict| Decide::new(ActionId::new(action), Digest::of(b"x"), verdict);
        let (approve, deny) = (decide("a1", Verdict::Approve), decide("a1", Verdict::Deny));
        assert_eq!(state.note("box", &session, &approve), Ok(Stage::First));
        assert!(state.note("box", &session, &deny).is_err_and(|why| why.contains("approved s1 a1")));
        assert_eq!(state.note("box", &session, &decide("a2", Verdict::Deny)), Ok(Stage::First));
        for one in &mut state.waiting {
            (one.stage, one.may_have_arrived) = (Stage::Waits, true);
        }
        assert_eq!(state.note("box", &session, &deny), Ok(Stage::First));
        let on_it: Vec<_> = state.waiting.iter().filter(|one| one.decide.action == deny.action).collect();
        assert_eq!(on_it.len(), 1, "{on_it:?}");
        assert_eq!((on_it[0].decide.verdict, on_it[0].may_have_arrived), (Verdict::Deny, true));
        state.machines.insert("box".to_owned(), Machine { lost_at: Some(SystemClock.now()), ..Machine::default() });
        assert_eq!(state.note("box", &session, &decide("a3", Verdict::Approve)), Ok(Stage::Waits));
    }
}
