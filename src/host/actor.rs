//! The session actor: one task that owns the book and decides everything, one input after the other. It waits for
//! nothing but the disk; whatever takes time runs elsewhere and comes back as a message.

mod agent;
mod amend;
mod asked;
mod body;
mod checks;
mod choosing;
mod effects;
mod neighbors;
mod observe;
mod recover;
mod risk;
mod undo;

use super::book::{Book, Published, Trouble};
use super::clients::Asked;
use super::runs::Feed;
use super::{AgentMaker, ChecksSetup, Ending, HostError, Judge, Setup, client_name};
use crate::base::{ActionId, ClientId, Digest};
use crate::host::limits::{AGENT_BATCH_MESSAGES_MAX, CLIENTS_MAX};
use crate::journal::Permit;
use crate::model::decide::{Effect, Input, Outcome, Refusal, decide};
use crate::model::event::{
    Census, ClientChanged, Decider, Event, FileOutcome, SessionEnded, SessionOpened, SessionOutcome, TurnEnd, Verdict,
};
use crate::port::{Blobs, FromAgent, Neighbors, Notice, Performed, Progress, Ticket, TrialOutput, Workspace};
use crate::wire::Rewind;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::AbortHandle;

/// What comes to the actor from everywhere but the agent and the watcher.
#[derive(Debug)]
pub enum Msg {
    /// A new connection asks for its name; none when the house is full.
    Connect(oneshot::Sender<Option<ClientId>>),
    ClientGone(ClientId),
    Asked(Asked),
    Progress {
        action: ActionId,
        progress: Progress,
    },
    Checkpoint {
        action: Option<ActionId>,
        when: &'static str,
        /// None: it could not be recorded.
        tree: Option<Digest>,
    },
    Performed {
        action: ActionId,
        performed: Box<Performed>,
    },
    /// The candidate for an action's trials is open, or could not be made.
    TrialsOpen {
        action: ActionId,
        runs: Result<mpsc::Sender<effects::TrialOrder>, String>,
    },
    TrialDone {
        ticket: Option<Ticket>,
        action: ActionId,
        record: effects::TrialRecord,
        output: Result<Box<TrialOutput>, String>,
    },
    Rewind {
        client: ClientId,
        target: Digest,
        rewind: Box<Rewind>,
        now: Result<Digest, String>,
        reply: oneshot::Sender<super::clients::Reply>,
    },
    Stopped {
        census: Census,
        reply: Option<oneshot::Sender<super::clients::Reply>>,
    },
    Close(String),
    /// The process is asked to go; the session is not over.
    Leave,
}

/// Actions that are being executed.
#[derive(Default)]
struct Running {
    slots: effects::Slots,
    tasks: BTreeMap<ActionId, AbortHandle>,
    feeds: BTreeMap<ActionId, Feed>,
    trials: BTreeMap<ActionId, mpsc::Sender<effects::TrialOrder>>,
    reverting: BTreeMap<ActionId, undo::Reverting>,
    /// The last run of checks on the workspace that finished, and what changed while it ran.
    last_checks: Option<(ActionId, Vec<FileOutcome>)>,
    /// Started by the client: a test of a candidate with this proposal's files in it.
    tests: BTreeMap<ActionId, effects::CandidateOrder>,
}

/// Prompts that wait.
#[derive(Default)]
struct Prompts {
    queue: VecDeque<String>,
}

pub struct Actor {
    book: Book,
    workspace: Arc<dyn Workspace>,
    judge: Arc<dyn Judge>,
    maker: Arc<dyn AgentMaker>,
    checks: Option<ChecksSetup>,
    goal: Option<String>,
    /// The newest recorded tree, while nothing has changed since.
    tree: Option<Digest>,
    agent: agent::Line,
    prompts: Prompts,
    running: Running,
    clients_total: u64,
    clients: BTreeMap<ClientId, bool>,
    to_self: mpsc::Sender<Msg>,
    closing: bool,
    /// Directories that an alarm was raised about in this turn.
    alarmed_about: BTreeSet<String>,
    /// When the last turn ended, as far as this host knows.
    turn_ended_at: Option<crate::base::UnixMs>,
    neighbors: Arc<dyn Neighbors>,
    /// Sessions that the user was told of.
    met: BTreeSet<crate::base::SessionId>,
}

impl Actor {
    /// Takes the journal over: a new session is opened, a former one recovered.
    pub fn open(setup: Setup, to_self: mpsc::Sender<Msg>) -> Result<Self, HostError> {
        let book = Book::open(setup.journal, setup.clock)?;
        let is_new = book.session.opened.is_none();
        let mut actor = Self {
            clients_total: book.session.clients_total,
            book,
            workspace: setup.workspace,
            judge: setup.judge,
            maker: setup.agent,
            checks: setup.checks,
            goal: setup.goal,
            tree: None,
            agent: agent::Line::default(),
            prompts: Prompts::default(),
            running: Running::default(),
            clients: BTreeMap::new(),
            to_self,
            closing: false,
            alarmed_about: BTreeSet::new(),
            turn_ended_at: None,
            neighbors: setup.neighbors,
            met: BTreeSet::new(),
        };
        if is_new {
            let opened = SessionOpened {
                session: setup.session,
                workspace: actor.workspace.root().display().to_string(),
                agent: actor.maker.badge(),
                mode: setup.mode,
                policy_digest: actor.judge.digest(),
                version: env!("CARGO_PKG_VERSION").to_owned(),
                goal: actor.goal.clone(),
            };
            actor.append(vec![Event::SessionOpened(opened)]).map_err(|t| HostError::Trouble(t.0))?;
        }
        actor.recover(is_new).map_err(|t| HostError::Trouble(t.0))?;
        for warning in setup.warnings {
            actor.alarm("policy", warning);
        }
        Ok(actor)
    }

    pub fn follow(&self) -> watch::Receiver<Published> {
        self.book.follow()
    }

    /// Runs until the session is closed.
    pub async fn run(mut self, mut inbox: mpsc::Receiver<Msg>) -> Ending {
        let mut notices = self.workspace.notices();
        self.first_checkpoint();
        let (arrives, mut arrival) = mpsc::channel(1);
        // One arrival waiting is enough: all who are present are looked at then.
        self.neighbors.watch(Box::new(move || {
            let _ = arrives.try_send(());
        }));
        self.meet_neighbors();
        while !self.closing {
            let notice = async {
                match notices.as_mut() {
                    Some(notices) => notices.recv().await,
                    None => std::future::pending().await,
                }
            };
            // The user comes first, whatever the agent floods us with.
            tokio::select! {
                biased;
                message = inbox.recv() => match message {
                    Some(message) => {
                        let is_output = matches!(message, Msg::Progress { .. });
                        self.take(message);
                        // The output of a command comes the same way as the user, and may never cease.
                        if is_output && let Ok(first) = self.agent.from.try_recv() {
                            self.take_agent(Some(first));
                        }
                        if is_output && let Some(Ok(notice)) = notices.as_mut().map(mpsc::Receiver::try_recv) {
                            self.take_notice(notice);
                        }
                    }
                    None => break,
                },
                first = self.agent.from.recv() => self.take_agent(first),
                notice = notice => match notice {
                    Some(notice) => self.take_notice(notice),
                    None => notices = None,
                },
                Some(()) = arrival.recv() => self.meet_neighbors(),
            }
            self.next_prompt();
        }
        self.end().await
    }

    fn take(&mut self, message: Msg) {
        match message {
            Msg::Connect(reply) => self.welcome(reply),
            Msg::ClientGone(client) => self.gone(&client),
            Msg::Asked(asked) => self.asked(asked),
            Msg::Progress { action, progress } => self.progress(&action, progress),
            Msg::Checkpoint { action, when, tree } => self.checkpointed(action, when, tree),
            Msg::Performed { action, performed } => self.performed(&action, *performed),
            Msg::TrialsOpen { action, runs } => self.trials_open(action, runs),
            Msg::TrialDone { ticket, action, record, output } => self.trial_done(ticket, &action, record, output),
            Msg::Rewind { client, target, rewind, now, reply } => {
                let answer = self.rewind_to(&client, target, *rewind, now);
                self.respond(reply, answer);
            }
            Msg::Stopped { census, reply } => self.stopped(census, reply),
            Msg::Close(why) => self.close(&why),
            Msg::Leave => self.closing = true,
        }
    }

    /// One batch of the agent's messages: neighbouring chunks of text become one event, and what is only told is
    /// written down together, so that a flood does not wait for the disk at every word.
    fn take_agent(&mut self, first: Option<FromAgent>) {
        let Some(first) = first else {
            self.agent_gone("the agent's task ended without a message", None);
            return;
        };
        let mut batch = vec![first];
        while batch.len() < AGENT_BATCH_MESSAGES_MAX
            && let Ok(more) = self.agent.from.try_recv()
        {
            batch.push(more);
        }
        self.agent.flush();
        let mut told = Vec::new();
        for message in agent::coalesce(batch) {
            match self.merely_told(message) {
                Ok(events) => told.extend(events),
                Err(message) => {
                    self.record_all(std::mem::take(&mut told));
                    self.take_message(*message);
                }
            }
        }
        self.record_all(told);
    }

    fn take_notice(&mut self, notice: Notice) {
        self.noticed(notice);
    }

    /// Decides, appends, executes. A refusal or a journal that cannot be written changes nothing.
    fn put(&mut self, input: Input, blobs: Blobs) -> Result<(), PutError> {
        let outcome = decide(&self.book.session, input)?;
        self.commit(outcome, blobs)?;
        Ok(())
    }

    fn commit(&mut self, outcome: Outcome, blobs: Blobs) -> Result<(), Trouble> {
        let permits = self.book.append(outcome.events, blobs.into_values().collect())?;
        self.carry_out(outcome.effects, permits);
        Ok(())
    }

    fn append(&mut self, events: Vec<Event>) -> Result<(), Trouble> {
        self.book.append(events, Vec::new()).map(|_| ())
    }

    /// Appends what nobody waits for; a journal in trouble has told every client already.
    fn record(&mut self, event: Event) {
        self.record_all(vec![event]);
    }

    /// One append for all of them; when one is refused (too long), the others are not lost with it.
    fn record_all(&mut self, events: Vec<Event>) {
        if events.len() > 1 && self.append(events.clone()).is_ok() {
            return;
        }
        for event in events {
            if let Err(trouble) = self.append(vec![event]) {
                tracing::error!(%trouble, "an event is lost to a journal that cannot be written");
            }
        }
    }

    fn carry_out(&mut self, effects: Vec<Effect>, mut permits: BTreeMap<ActionId, Permit>) {
        for effect in effects {
            match effect {
                Effect::Perform(action) => {
                    if let Some(permit) = permits.remove(&action) {
                        self.perform(&action, permit);
                    }
                }
                // The permit is for our own executor; the agent acts on its own and is watched.
                Effect::Release(action) => {
                    self.tell_release(&action);
                    drop(permits.remove(&action));
                }
                Effect::Reply { action, reply } => self.reply(&action, &reply),
                Effect::PlanTold => self.plan_told(),
                Effect::Merge(action) => self.offer_merge(&action),
            }
        }
    }

    fn welcome(&mut self, reply: oneshot::Sender<Option<ClientId>>) {
        if self.clients.len() >= CLIENTS_MAX {
            let _ = reply.send(None);
            return;
        }
        self.clients_total += 1;
        let name = client_name(self.clients_total);
        self.clients.insert(name.clone(), false);
        let _ = reply.send(Some(name));
    }

    fn gone(&mut self, client: &ClientId) {
        if self.clients.remove(client) == Some(true) {
            self.record(Event::ClientChanged(ClientChanged { client: client.clone(), what: "left".into() }));
        }
        // A journal in trouble is taken up again by the next host, which compares the disk with what was recorded.
        if self.clients.is_empty() && (self.book.session.ended.is_some() || self.book.trouble().is_some()) {
            self.closing = true;
        }
    }

    /// Closes the session at the user's word or when nothing is left to do.
    fn close(&mut self, why: &str) {
        if self.book.session.ended.is_none() {
            self.lapse_all(crate::model::event::LapseWhy::Cancelled);
            let outcome = self.outcome_so_far();
            self.record(Event::SessionEnded(SessionEnded { outcome, report: self.report(why) }));
        }
        self.closing = true;
    }

    fn outcome_so_far(&self) -> SessionOutcome {
        let session = &self.book.session;
        let refused = session.turn_ended.as_ref().is_some_and(|turn| turn.reason == TurnEnd::Refusal);
        let cancelled = session.turn_ended.as_ref().is_some_and(|turn| turn.reason == TurnEnd::Cancelled);
        if session.stopped.is_some() || cancelled {
            SessionOutcome::Stopped
        } else if session.agent_lost.is_some() || refused {
            SessionOutcome::Failed
        } else {
            SessionOutcome::Done
        }
    }

    /// A few lines for the end of a session.
    fn report(&self, why: &str) -> String {
        let session = &self.book.session;
        let by = |v: Verdict| {
            session
                .actions
                .iter()
                .filter(|a| a.decided.as_ref().is_some_and(|d| d.verdict == v && matches!(d.by, Decider::Human(_))))
                .count()
        };
        let tests = session.checks.latest_workspace().and_then(|r| r.finished.as_ref()).map_or_else(
            || "no test run was observed".to_owned(),
            |f| format!("the last test run on the workspace: {} passed, {} failed", f.passed, f.failed),
        );
        let counted = |n: usize, what: &str| format!("{n} {what}{}", if n == 1 { "" } else { "s" });
        let verdicts: Vec<String> = [
            (by(Verdict::Approve), "approved"),
            (by(Verdict::ApproveEdited), "approved with your changes"),
            (by(Verdict::Deny), "denied"),
            (by(Verdict::Redirect), "redirected"),
        ]
        .into_iter()
        .filter(|(n, _)| *n > 0)
        .map(|(n, word)| format!("{n} {word}"))
        .collect();
        let verdicts = if verdicts.is_empty() { "none decided".to_owned() } else { verdicts.join(", ") };
        format!(
            "{why}\n{}; by you: {verdicts}; {tests}; {}.",
            counted(session.actions.len(), "action"),
            counted(usize::try_from(session.alarms_total).unwrap_or(usize::MAX), "alarm"),
        )
    }

    fn lapse_all(&mut self, why: crate::model::event::LapseWhy) {
        for (_, task) in std::mem::take(&mut self.running.tasks) {
            task.abort();
        }
        self.running = Running::default();
        if let Err(error) = self.put(Input::LapseAll { why }, Blobs::new()) {
            tracing::error!(%error, "open actions could not be ended in the journal");
        }
    }

    async fn end(mut self) -> Ending {
        self.agent.end().await;
        for (_, task) in std::mem::take(&mut self.running.tasks) {
            task.abort();
        }
        let census = self.workspace.stop().await;
        if !census.survivors.is_empty() {
            tracing::error!(?census, "processes survived the end of the session");
        }
        let session = &self.book.session;
        let last_human = session.actions.iter().rev().find_map(|a| a.decided.as_ref());
        let denied = last_human.is_some_and(|d| d.verdict == Verdict::Deny);
        let ending = Ending { ended: session.ended.clone(), denied, trouble: self.book.trouble() };
        self.book.close();
        ending
    }
}

/// Why an input came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum PutError {
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error(transparent)]
    Trouble(#[from] Trouble),
}
