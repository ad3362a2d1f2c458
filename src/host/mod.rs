//! The process that owns a session: its actor, clients, effects and recovery.
//!
//! [`Host::start`] gives a running session; [`Host::connect`] serves one more client over any byte stream; the session
//! continues without clients. The host never names an agent or the workspace: both come through [`crate::port`].

mod actor;
mod book;
mod clients;
mod comments;
mod compare;
mod countdown;
mod dependents;
mod drill;
mod encoding;
mod find;
mod follow;
mod gate;
mod handover;
pub mod limits;
mod line;
mod merge;
mod past;
mod plans;
mod recent;
mod report;
mod resolve;
mod runs;
mod seats;
mod snapshot;
mod successor;
mod surroundings;
mod undo;
mod words;

use crate::base::{ClientId, Digest, RelPath, RuleId};
use crate::checks::{ParserKind, Patterns, ProjectRoot, Runner};
use crate::host::limits::HOST_QUEUE_MESSAGES_MAX;
use crate::journal::Journal;
use crate::model::check::CaseReport;
use crate::model::decide::Ruling;
use crate::model::event::{AgentBadge, Isolation, Mode, RunAfter, SessionEnded};
use crate::model::risk::RiskWeights;
use crate::model::{Action, AlarmKind, Command, Role};
use crate::policy::{Allowance, Judged, Listed, Reach};
use crate::port::{Agent, AgentSeat, Clock, Neighbors, Workspace};
use crate::wire::{AgentRow, Decide, RpcError};
use futures::future::BoxFuture;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

pub use book::Published;

/// Policy as the host asks it: pure, and never slow.
pub trait Judge: Send + Sync {
    /// Applies the rules to an action and determines how far it reaches, from its words.
    fn judged(&self, action: &Action) -> Judged;
    /// The ruling alone.
    fn rule(&self, action: &Action) -> Ruling {
        self.judged(action).ruling()
    }
    /// Returns the files a command would change, as far as its words tell; `None` when it changes none.
    fn reach(&self, command: &Command) -> Option<Reach>;
    /// The same with rules that only ask or deny, as TOML; in words what is wrong with them.
    fn tightened(&self, rules: &str) -> Result<Arc<dyn Judge>, String>;
    /// The same with a rule that allows, made from a pending action.
    fn allowing(&self, _: &Allowance) -> Result<Arc<dyn Judge>, String> {
        Err("these rules cannot be extended".to_owned())
    }
    /// Writes the rule into the user's own policy file; returns the rules with it.
    fn keeping(&self, _: &Allowance) -> Result<Arc<dyn Judge>, String> {
        Err("there is no policy file".to_owned())
    }
    /// Takes away a rule that was made from a pending action: from the file, if it is kept there.
    fn revoking(&self, rule: &RuleId) -> Result<Arc<dyn Judge>, String> {
        Err(format!("there is no rule {rule} to revoke"))
    }
    /// The rules of the user and the project, in order.
    fn listed(&self) -> Vec<Listed> {
        Vec::new()
    }
    /// The rules as the files hold them now, if these have changed, with what is wrong with them.
    fn reloaded(&self) -> Option<(Arc<dyn Judge>, Vec<String>)> {
        None
    }
    /// Calls back when a file that rules come from may have changed, as far as that is noticed.
    fn watch(&self, _changed: Box<dyn Fn() + Send + Sync>) {}
    /// The same for an agent whose trials in private copies need no consent, or do.
    fn trusting_trials(&self, _: bool) -> Option<Arc<dyn Judge>> {
        None
    }
    /// How much each factor of the risk counts.
    fn weights(&self) -> RiskWeights {
        RiskWeights::default()
    }
    /// Of everything that rulings depend on.
    fn digest(&self) -> Digest;
}

/// Makes the session's agent, again after it was lost.
pub trait AgentMaker: Send + Sync {
    fn make(&self, seat: AgentSeat) -> Result<Box<dyn Agent>, String>;
    /// Returns the badge for the header before the agent has sent anything.
    fn badge(&self) -> AgentBadge;
    /// Starts without a prompt (a script).
    fn starts_itself(&self) -> bool;
    /// Returns whether everything it does outside its own process goes through the gate, so that an unattributed change
    /// is not its own.
    fn is_embedded(&self) -> bool;
    /// Where an agent that is made in this mode works.
    fn isolation(&self, mode: Mode) -> Isolation {
        let _ = mode;
        self.badge().isolation
    }
    /// Its trials in private copies need no consent.
    fn trusts_trials(&self) -> bool {
        false
    }
}

/// The agents that a session can have.
pub trait Agents: Send + Sync {
    /// Prepares another agent for this session, by the words that a client gave; in words why it cannot be used.
    fn named(&self, agent: &str, model: Option<&str>) -> Result<Arc<dyn AgentMaker>, String>;
    /// The agent and model that the session was started with.
    fn own(&self) -> (String, Option<String>);
    /// The roles that steps can be bound to.
    fn roles(&self) -> Vec<Role>;
    /// Lists them, with the reason why one cannot be used. It may look around on the machine.
    fn offers(&self) -> BoxFuture<'static, Result<Vec<AgentRow>, String>>;
}

/// The setup for running the project's checks.
#[derive(Clone, Debug)]
pub struct ChecksSetup {
    pub command: Command,
    pub parser: ParserKind,
    pub place: ProjectRoot,
    /// Selects cases; a command of the user's own always runs all of them.
    pub runner: Option<Runner>,
    /// What makes it run by itself.
    pub run_after: RunAfter,
    /// Reads the output instead of `parser`.
    pub patterns: Option<Patterns>,
    /// Tests a candidate, and writes this report.
    pub coverage: Option<(Command, RelPath)>,
}

impl ChecksSetup {
    /// The command whose output this parser reads; it runs only when it is asked for.
    pub fn new(command: Command, parser: ParserKind, place: ProjectRoot, runner: Option<Runner>) -> Self {
        Self { command, parser, place, runner, run_after: RunAfter::Never, patterns: None, coverage: None }
    }

    /// The command that runs these cases; without a runner that can select them, all.
    pub fn command_for(&self, cases: &[CaseReport]) -> Command {
        match &self.runner {
            Some(runner) => Command {
                env: self.command.env.clone(),
                timeout_ms: self.command.timeout_ms,
                ..Command::argv(runner.argv_for(cases))
            },
            None => self.command.clone(),
        }
    }
}

/// Everything a session is made of.
pub struct Setup {
    pub journal: Journal,
    /// Of the journal, for the clients' own read-only handles.
    pub journal_path: PathBuf,
    pub session: crate::base::SessionId,
    pub workspace: Arc<dyn Workspace>,
    pub agent: Arc<dyn AgentMaker>,
    pub agents: Arc<dyn Agents>,
    pub judge: Arc<dyn Judge>,
    pub clock: Arc<dyn Clock>,
    pub checks: Option<ChecksSetup>,
    pub mode: Mode,
    pub goal: Option<String>,
    /// The text of a plan that a new session has under review from the start.
    pub plan: Option<String>,
    /// Problems with the rules, in words: the user must see them, wherever this process writes its log.
    pub warnings: Vec<String>,
    pub neighbors: Arc<dyn Neighbors>,
    /// A session that works is frozen when no client was attached for so long; `None` for never.
    pub unattended_freeze: Option<Duration>,
    /// The host exits when it has had nothing to do for so long; `None` for never.
    pub idle_exit: Option<Duration>,
    /// No client is about to attach: a session that ends unseen takes its host with it.
    pub is_detached: bool,
}

/// A running session.
#[derive(Clone)]
pub struct Host {
    to_actor: mpsc::Sender<actor::Msg>,
    source: clients::Source,
}

/// The end of a session, for the exit code.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ending {
    pub ended: Option<SessionEnded>,
    /// Some action was denied by a user or a rule and nothing was done after it.
    pub denied: bool,
    pub trouble: Option<String>,
}

impl Host {
    /// Recovers what a former host left, opens the session if it is new, starts the agent. The second value resolves
    /// when the session is closed.
    pub async fn start(setup: Setup) -> Result<(Self, oneshot::Receiver<Ending>), HostError> {
        let (to_actor, inbox) = mpsc::channel(HOST_QUEUE_MESSAGES_MAX);
        let path = Arc::new(setup.journal_path.clone());
        let actor = actor::Actor::open(setup, to_actor.clone())?;
        let source = clients::Source { path, head: actor.follow(), followed: actor.followed() };
        let (done, ending) = oneshot::channel();
        tokio::spawn(async move {
            let ending = actor.run(inbox).await;
            let _ = done.send(ending);
        });
        Ok((Self { to_actor, source }, ending))
    }

    /// Serves a client until its connection ends. `lenient` attaches it at its first request, whatever that is.
    pub async fn connect(
        &self,
        read: impl tokio::io::AsyncRead + Send + Unpin + 'static,
        write: impl tokio::io::AsyncWrite + Send + Unpin + 'static,
        lenient: bool,
    ) {
        let (reply, name) = oneshot::channel();
        if self.to_actor.send(actor::Msg::Connect(reply)).await.is_err() {
            return;
        }
        let Ok(name) = name.await else { return };
        let (reader, writer) = crate::wire::pair(read, write);
        let Some(client) = name else { return clients::refuse(reader, writer).await };
        clients::serve(client, reader, writer, self.source.clone(), self.to_actor.clone(), lenient).await;
    }

    /// Returns the state that clients follow, for a host that must know when the session has ended.
    pub fn follow(&self) -> tokio::sync::watch::Receiver<Published> {
        self.source.head.clone()
    }

    /// The process goes and the session stays: what is held stays held for the next host.
    pub async fn leave(&self) {
        let _ = self.to_actor.send(actor::Msg::Leave).await;
    }

    /// A process of the session itself tried to attach, and was refused.
    pub async fn intruded(&self) {
        let text = "a process that the agent started tried to attach to this session; it was refused";
        self.alarm(AlarmKind::Intruder, text.to_owned()).await;
    }

    /// Records an alarm about something outside of the session.
    pub async fn alarm(&self, what: AlarmKind, text: String) {
        let _ = self.to_actor.send(actor::Msg::Alarm(what, text)).await;
    }

    /// Decides as a key of the user's whose signature was checked: without control, and otherwise as any client. `None`
    /// when the host is going.
    pub async fn decide(&self, by: ClientId, decide: Decide) -> Option<Result<(), RpcError>> {
        let (reply, answer) = oneshot::channel();
        self.to_actor.send(actor::Msg::Ordered { by, decide, reply }).await.ok()?;
        answer.await.ok().map(|answer| answer.map(drop))
    }

    /// Ends the session as `session/close` does.
    pub async fn close(&self, why: &str) {
        let _ = self.to_actor.send(actor::Msg::Close(why.to_owned())).await;
    }
}

/// The reason that a session could not be started or taken over.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    #[error(transparent)]
    Journal(#[from] crate::journal::Error),
    #[error("{0}")]
    Trouble(String),
}

/// Names the next client.
fn client_name(count: u64) -> ClientId {
    ClientId::new(format!("c{count}"))
}
