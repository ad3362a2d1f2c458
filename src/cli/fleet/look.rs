//! The user's part: the machines of the fleet for the home screen and the inbox, and decisions that go to them. What comes
//! from there is foreign: bounded, and told from what this machine knows by its names.

use super::limits::{
    FLEET_ANSWER_MS_MAX, FLEET_CONNECT_MS_MAX, FLEET_HEAD_BYTES_MAX, FLEET_LOOK_MS_MAX, FLEET_MACHINES_MAX,
    FLEET_SESSIONS_MAX, FLEET_SHOWN_BYTES_MAX,
};
use super::{Link, LinkState, Outcome, orders, parts};
use crate::base::text::Untrusted;
use crate::base::{ActionId, SessionId, UnixMs};
use crate::cli::args::Shared;
use crate::cli::compose::SystemClock;
use crate::cli::far::{self, AskError, Followed};
use crate::cli::place::Places;
use crate::cli::settings;
use crate::journal::Signer;
use crate::port::Clock as _;
use crate::ui::home::Told;
use crate::wire::{Decide, FleetNotice, Head, Machine, OrderAnswer, Overview, Shown};
use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, push};
use futures::{FutureExt as _, StreamExt as _};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;

/// What the name of a machine begins with that is reached over NATS; what follows is its name in the fleet.
const NATS: &str = "nats:";

/// The link itself, which may be down.
fn way(trouble: Option<String>) -> Machine {
    let host = NATS.trim_end_matches(':').to_owned();
    Machine { host: Some(host), trouble, is_way: true, ..Machine::default() }
}

/// The name in the fleet, if this machine is reached over NATS.
pub fn machine_of(host: &str) -> Option<&str> {
    host.strip_prefix(NATS)
}

/// The link of this process, and the file of the key that signs.
#[derive(Clone)]
struct Desk {
    link: Link,
    key: PathBuf,
}

static DESK: LazyLock<Mutex<Option<Desk>>> = LazyLock::new(Mutex::default);

fn present() -> Option<Desk> {
    let desk = DESK.lock().unwrap_or_else(PoisonError::into_inner).clone();
    // A link goes with the runtime that it was opened in.
    desk.filter(|desk| desk.link.state.has_changed().is_ok())
}

async fn desk(shared: &Shared) -> Outcome<Desk> {
    if let Some(desk) = present() {
        return Ok(desk);
    }
    let settings = settings::fleet(shared).map_err(|fail| fail.text)?;
    let key = Places::open(shared.state_dir()).map_err(|fail| fail.text)?.deciding_key();
    let desk = Desk { link: Link::open(&settings).await?, key };
    *DESK.lock().unwrap_or_else(PoisonError::into_inner) = Some(desk.clone());
    Ok(desk)
}

/// The same when its link is up.
async fn connected(shared: &Shared) -> Outcome<Desk> {
    let desk = desk(shared).await?;
    let mut state = desk.link.state.clone();
    let up = timeout(Duration::from_millis(FLEET_CONNECT_MS_MAX), state.wait_for(|state| state.is_up)).await;
    match up {
        Ok(Ok(_)) => Ok(desk),
        Ok(Err(_)) | Err(_) => {
            let why = desk.link.state.borrow().trouble.clone();
            Err(format!("the NATS server does not answer: {}", why.unwrap_or_else(|| "no connection".to_owned())))
        }
    }
}

/// The sessions of the fleet as they were told last.
#[derive(Default)]
struct Heads {
    machines: BTreeMap<String, BTreeMap<SessionId, Overview>>,
    sessions: usize,
    /// Names that are seen otherwise: this machine's own, and those of `[hosts]`.
    passed_over: BTreeSet<String>,
}

impl Heads {
    fn new(link: &Link, shared: &Shared) -> Self {
        let hosts = settings::hosts(shared).into_iter().map(|(name, _)| name);
        Self { passed_over: hosts.chain([link.own.clone()]).collect(), ..Self::default() }
    }

    /// Takes in a head; the machine that it is of.
    fn take(&mut self, link: &Link, subject: &str, payload: &[u8]) -> Option<String> {
        let (machine, session) = parts(link, "head", subject)?;
        if payload.len() > 2 * FLEET_HEAD_BYTES_MAX || self.passed_over.contains(machine) {
            return None;
        }
        let head: Head = serde_json::from_slice(payload).ok()?;
        // What a machine says of the name is not what the server let it publish under.
        if head.overview.session != session {
            return None;
        }
        if !self.machines.contains_key(machine) && self.machines.len() >= FLEET_MACHINES_MAX {
            return None;
        }
        let sessions = self.machines.entry(machine.to_owned()).or_default();
        if !sessions.contains_key(&session) {
            if self.sessions >= FLEET_SESSIONS_MAX {
                return None;
            }
            self.sessions += 1;
        }
        sessions.insert(session, head.overview);
        Some(machine.to_owned())
    }

    fn machine(&self, name: &str) -> Machine {
        let sessions = self.machines.get(name).into_iter().flat_map(BTreeMap::values).cloned().collect();
        Machine { host: Some(format!("{NATS}{name}")), sessions, ..Machine::default() }
    }
}

/// The machines of the fleet now; an empty list if no fleet is configured.
pub async fn found(shared: &Shared) -> Outcome<Vec<Machine>> {
    if settings::fleet(shared).map_err(|fail| fail.text)?.url.is_none() {
        return Ok(Vec::new());
    }
    let link = connected(shared).await?.link;
    let read = async {
        let stream = link.state_stream().await?;
        let consumer = stream.create_consumer(heads(&link)).await.map_err(|error| error.to_string())?;
        let mut pending = consumer.cached_info().num_pending;
        let mut messages = consumer.messages().await.map_err(|error| error.to_string())?;
        let mut found = Heads::new(&link, shared);
        while pending > 0 {
            let Some(Ok(message)) = messages.next().await else { return Err("the stream ended".to_owned()) };
            found.take(&link, &message.subject, &message.payload);
            pending = message.info().map(|info| info.pending).map_err(|error| error.to_string())?;
        }
        Ok(found.machines.keys().map(|name| found.machine(name)).collect())
    };
    let late = |_| Err("the NATS server did not answer in time".to_owned());
    timeout(Duration::from_millis(FLEET_LOOK_MS_MAX), read).await.unwrap_or_else(late)
}

/// The newest head of each session, and then what is new.
fn heads(link: &Link) -> push::Config {
    push::Config {
        deliver_subject: link.client.new_inbox(),
        filter_subject: format!("{}.head.*.*", link.prefix),
        deliver_policy: DeliverPolicy::LastPerSubject,
        ack_policy: AckPolicy::None,
        ..push::Config::default()
    }
}

fn notices(link: &Link) -> push::Config {
    push::Config {
        filter_subject: format!("{}.notice.*.*", link.prefix),
        deliver_policy: DeliverPolicy::New,
        ..heads(link)
    }
}

/// Tells the machines of the fleet, now and when something changes, until the screen is gone.
pub async fn watch(shared: Shared, tell: mpsc::Sender<Machine>, done: mpsc::Sender<Told>) {
    let configured = settings::fleet(&shared).is_ok_and(|settings| settings.url.is_some());
    if !configured {
        return;
    }
    let link = match desk(&shared).await {
        Ok(desk) => desk.link,
        // The screen is gone when nobody receives it.
        Err(why) => return drop(tell.send(way(Some(why))).await),
    };
    let mut screen = Screen { known: Heads::new(&link, &shared), tell, done, followed: BTreeMap::new() };
    let mut state = link.state.clone();
    loop {
        let now = state.borrow_and_update().clone();
        let why =
            if now.is_up { screen.follow(&link, &mut state, &now).await } else { Some("no connection".to_owned()) };
        let Some(why) = why else { return };
        let said = state.borrow().trouble.clone();
        if !screen.lost(&said.unwrap_or(why)).await {
            return;
        }
        tokio::select! {
            changed = state.changed() => if changed.is_err() { return },
            () = screen.tell.closed() => return,
        }
    }
}

/// The home screen that is told.
struct Screen {
    known: Heads,
    tell: mpsc::Sender<Machine>,
    done: mpsc::Sender<Told>,
    followed: BTreeMap<String, Followed>,
}

impl Screen {
    /// Tells what comes while the link stays up; the reason that it does not, or `None` when the screen is gone.
    async fn follow(
        &mut self,
        link: &Link,
        state: &mut watch::Receiver<LinkState>,
        began: &LinkState,
    ) -> Option<String> {
        let begun = async {
            let heads = link.follow(&link.state_stream().await?, heads(link)).await?;
            let notices = link.follow(&link.flow_stream().await?, notices(link)).await?;
            Ok::<_, String>((heads, notices))
        };
        let (mut heads, mut notices) = match begun.await {
            Ok(both) => both,
            Err(why) => return Some(why),
        };
        self.tell.send(way(None)).await.ok()?;
        let names: Vec<String> = self.known.machines.keys().cloned().collect();
        for name in names {
            self.told(&name).await?;
        }
        far::came_up();
        loop {
            tokio::select! {
                head = heads.next() => {
                    let mut changed = BTreeSet::new();
                    let mut next = head;
                    // What is here already is told at once.
                    loop {
                        let Some(Ok(message)) = next else { return Some("the stream ended".to_owned()) };
                        changed.extend(self.known.take(link, &message.subject, &message.payload));
                        match heads.next().now_or_never() {
                            Some(more) => next = more,
                            None => break,
                        }
                    }
                    for name in changed {
                        self.told(&name).await?;
                    }
                }
                notice = notices.next() => {
                    let Some(Ok(message)) = notice else { return Some("the stream ended".to_owned()) };
                    if let Some(words) = self.notice(link, &message.subject, &message.payload) {
                        self.done.send(Told::Done(words)).await.ok()?;
                    }
                }
                Ok(()) = state.changed() => {
                    let now = state.borrow().clone();
                    if !now.is_up || now.times_up != began.times_up {
                        return Some("the link was lost".to_owned());
                    }
                }
                () = self.tell.closed() => return None,
            }
        }
    }

    async fn told(&mut self, name: &str) -> Option<()> {
        let machine = self.known.machine(name);
        far::know(&machine);
        if let Some(host) = &machine.host {
            self.followed.entry(name.to_owned()).or_insert_with(|| Followed::new(host));
        }
        self.tell.send(machine).await.ok()
    }

    /// The link dropped: the sessions stay as they were. False when the screen is gone.
    async fn lost(&mut self, why: &str) -> bool {
        let (why, lost_at): (_, Option<UnixMs>) = (format!("reconnecting: {why}"), Some(SystemClock.now()));
        let names: Vec<String> = self.known.machines.keys().cloned().collect();
        for name in names {
            let machine = Machine { lost_at, ..self.known.machine(&name) };
            far::know(&machine);
            if self.tell.send(machine).await.is_err() {
                return false;
            }
        }
        self.tell.send(way(Some(why))).await.is_ok()
    }

    fn notice(&self, link: &Link, subject: &str, payload: &[u8]) -> Option<Result<String, String>> {
        let (machine, session) = parts(link, "notice", subject)?;
        if payload.len() > FLEET_HEAD_BYTES_MAX || self.known.passed_over.contains(machine) {
            return None;
        }
        let notice: FleetNotice = serde_json::from_slice(payload).ok()?;
        let words = format!("{machine}:{session}: {}", Untrusted::new(notice.text).visible());
        Some(if notice.urgent { Err(words) } else { Ok(words) })
    }
}

/// The text of a pending action, as its machine published it.
pub async fn shown(shared: &Shared, machine: &str, session: &SessionId, action: &ActionId) -> Outcome<Shown> {
    let link = connected(shared).await?.link;
    let subject = link.subject("shown", &[machine, session.as_str(), action.as_str()])?;
    let none = || format!("{machine} does not show {session} {action}: it is not pending any more");
    let read = link.state_stream().await?.get_last_raw_message_by_subject(&subject).await.map_err(|_| none())?;
    if read.payload.is_empty() {
        return Err(none());
    }
    let text = Some(&read.payload).filter(|payload| payload.len() <= 2 * FLEET_SHOWN_BYTES_MAX);
    let shown: Option<Shown> = text.and_then(|text| serde_json::from_slice(text).ok());
    let shown = shown.filter(|shown| shown.action == *action && shown.session == *session);
    shown.ok_or_else(|| format!("{machine} published an invalid text of {session} {action}"))
}

/// Sends a signed decision, and waits for its answer.
pub async fn ask(machine: &str, session: &SessionId, decide: Decide) -> Result<(), AskError> {
    let lost = |why: String| AskError::Link { why, sent: false };
    let Some(desk) = present().filter(|desk| desk.link.is_up()) else {
        return Err(lost(format!("{machine}: there is no link to the NATS server")));
    };
    let link = &desk.link;
    let signer = Signer::load_or_make(&desk.key).map_err(|error| lost(error.to_string()))?;
    let name = format!("{session} {}", decide.action);
    let made = orders::order(&signer, machine, session, decide, SystemClock.now());
    let (order, nonce) = made.ok_or_else(|| lost("the decision cannot be signed".to_owned()))?;
    let text = serde_json::to_vec(&order).map_err(|error| lost(error.to_string()))?;
    let answers = link.subject("answer", &[machine, &nonce]).map_err(lost)?;
    let subject = link.subject("order", &[machine, session.as_str()]).map_err(lost)?;
    let mut answers = link.client.subscribe(answers).await.map_err(|error| lost(error.to_string()))?;
    link.publish(subject, text).await.map_err(|why| AskError::Link { why, sent: true })?;
    match timeout(Duration::from_millis(FLEET_ANSWER_MS_MAX), answers.next()).await {
        Ok(Some(message)) => match serde_json::from_slice::<OrderAnswer>(&message.payload) {
            Ok(OrderAnswer { refused: None }) => Ok(()),
            Ok(OrderAnswer { refused: Some(error) }) => Err(AskError::Refused(error)),
            Err(_) => Err(AskError::Unanswered(format!("{machine} sent an invalid answer about {name}"))),
        },
        Ok(None) | Err(_) => Err(AskError::Unanswered(format!(
            "{name} was sent, and {machine} has not answered: it is decided when that machine is back within 10 minutes"
        ))),
    }
}

/// Connects, for a decision that waits. Why that fails is said when it is sent.
pub async fn connect(shared: &Shared) {
    drop(connected(shared).await);
}

/// Sends a decision from the command line.
pub async fn decide(shared: &Shared, machine: &str, session: &SessionId, decide: Decide) -> Result<(), AskError> {
    connected(shared).await.map_err(|why| AskError::Link { why, sent: false })?;
    ask(machine, session, decide).await
}
