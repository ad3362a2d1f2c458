//! The session actor: one task that takes one message after the other and hands it to the part that it is for. It waits
//! for nothing but the disk; whatever takes time runs elsewhere and comes back as a message.

mod recover;
mod requests;

use super::book::Published;
use super::clients::{Asked, Responder};
use super::countdown::Countdown;
use super::dependents::{self, Dependents};
use super::drill;
use super::find::Finder;
use super::follow::Following;
use super::gate::{Due, Gate, rules};
use super::line::{AgentLine, cancel_turn};
use super::past::PastSessions;
use super::plans;
use super::report::{outcome, report};
use super::runs::{self, Runs};
use super::seats::Seats;
use super::successor::{self, Change, Successor};
use super::surroundings::Surroundings;
use super::undo::{self, Undo};
use super::{Ending, HostError, Setup};
use crate::base::{ActionId, ClientId};
use crate::host::limits::PROMOTION_WAIT_MS_MAX;
use crate::model::AlarmKind;
use crate::model::decide::{Input, Reply};
use crate::model::event::{
    Census, DrilledRung, Event, LapseWhy, Mode, OutcomeWord, SessionEnded, SessionOpened, Stopped, TurnEnd, TurnEnded,
    Verdict,
};
use crate::model::session::Phase;
use crate::port::{FromAgent, Notice, Performed};
use crate::wire::{Answer, Decide, Freeze, SetMode};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};

/// A message to the actor from any source but the agent and the watcher.
#[derive(Debug)]
pub enum Msg {
    /// A new connection asks for its name; `None` when there are too many.
    Connect(oneshot::Sender<Option<ClientId>>),
    ClientGone(ClientId),
    Asked(Asked),
    Runs(runs::Msg),
    Undo(undo::Msg),
    Dependents(dependents::Searched),
    Stopped {
        census: Census,
        reply: Responder,
    },
    /// The present agent has ended for another one.
    Parted {
        change: Box<Change>,
        reply: Option<Responder>,
    },
    /// The agent's process has ended; it starts again elsewhere.
    Moved,
    Close(String),
    /// The drill of the stop has ended.
    Drilled(Vec<DrilledRung>),
    /// Something that the user must see came to pass outside of the actor.
    Alarm(AlarmKind, String),
    /// A decision with a signature that was checked.
    Ordered {
        by: ClientId,
        decide: Decide,
        reply: Responder,
    },
    /// The process is asked to go; the session is not over.
    Leave,
}

impl From<runs::Msg> for Msg {
    fn from(message: runs::Msg) -> Self {
        Self::Runs(message)
    }
}

pub struct Actor {
    gate: Gate,
    line: AgentLine,
    successor: Successor,
    runs: Runs,
    undo: Undo,
    dependents: Dependents,
    seats: Seats,
    finder: Finder,
    past: PastSessions,
    surroundings: Surroundings,
    unattended: Countdown,
    idle: Countdown,
    to_self: mpsc::Sender<Msg>,
    closing: bool,
}

impl Actor {
    /// Takes the journal over: a new session is opened, a former one recovered.
    pub fn open(setup: Setup, to_self: mpsc::Sender<Msg>) -> Result<Self, HostError> {
        let gate = {
            let roles = setup.agents.roles();
            Gate::open(setup.journal, setup.clock, setup.judge, setup.workspace, setup.checks, roles)?
        };
        let is_new = gate.session().opened.is_none();
        let (badge, embedded) = (setup.agent.badge(), setup.agent.is_embedded());
        let line = AgentLine::new(setup.agent, setup.goal.clone(), gate.session());
        let mut actor = Self {
            seats: Seats::new(gate.session().clients.total, setup.is_detached),
            gate,
            line,
            successor: Successor::new(setup.agents, to_self.clone()),
            finder: Finder::default(),
            past: PastSessions::new(setup.neighbors.clone()),
            runs: Runs::new(to_self.clone()),
            undo: Undo::new(to_self.clone()),
            dependents: Dependents::new(to_self.clone(), setup.journal_path),
            surroundings: Surroundings::new(setup.neighbors, embedded),
            unattended: Countdown::new(setup.unattended_freeze),
            idle: Countdown::new(setup.idle_exit),
            to_self,
            closing: false,
        };
        if is_new {
            let opened = SessionOpened {
                session: setup.session,
                workspace: actor.gate.workspace().root().display().to_string(),
                agent: badge,
                mode: setup.mode,
                policy_digest: actor.gate.judge().digest(),
                version: env!("CARGO_PKG_VERSION").to_owned(),
                goal: setup.goal,
            };
            actor.gate.append(vec![Event::SessionOpened(opened)]).map_err(|t| HostError::Trouble(t.0))?;
        }
        if let Some(text) = setup.plan.filter(|_| is_new) {
            plans::begin_with(&mut actor.gate, &text);
        }
        actor.recover(is_new).map_err(|t| HostError::Trouble(t.0))?;
        successor::warn_of_tree(&mut actor.gate, &actor.line);
        for warning in setup.warnings {
            actor.gate.alarm(AlarmKind::Policy, warning);
        }
        Ok(actor)
    }

    pub fn follow(&self) -> watch::Receiver<Published> {
        self.gate.follow()
    }

    /// Where the users of the clients are, for those who follow one.
    pub fn followed(&self) -> watch::Receiver<Following> {
        self.seats.followed()
    }

    /// Runs until the session is closed.
    pub async fn run(mut self, mut inbox: mpsc::Receiver<Msg>) -> Ending {
        let mut notices = self.gate.workspace().notices();
        self.runs.first_checkpoint(&self.gate);
        drill::begin(&self.gate, &self.to_self);
        let (arrives, mut arrival) = mpsc::channel(1);
        // One waiting arrival is enough: all present sessions are checked then.
        self.surroundings.watch(Box::new(move || {
            let _ = arrives.try_send(());
        }));
        self.surroundings.meet_neighbors(&mut self.gate);
        let (changes, mut rules_changed) = mpsc::channel(1);
        self.gate.judge().watch(Box::new(move || {
            let _ = changes.try_send(());
        }));
        self.dependents.resume(&self.gate);
        self.carry_out();
        while !self.closing {
            let notice = async {
                match notices.as_mut() {
                    Some(notices) => notices.recv().await,
                    None => std::future::pending().await,
                }
            };
            // Before any message: a flood of them must not keep it from its time.
            self.freeze_unattended();
            if self.is_done_idling() {
                break;
            }
            // The user comes first, whatever the agent floods us with.
            tokio::select! {
                biased;
                message = inbox.recv() => match message {
                    Some(message) => {
                        let is_output = matches!(message, Msg::Runs(runs::Msg::Progress { .. }));
                        self.take(message);
                        // The output of a command comes the same way as the user, and may never cease.
                        if is_output && let Some(first) = self.line.try_next() {
                            self.take_agent(Some(first));
                        }
                        if is_output && let Some(Ok(notice)) = notices.as_mut().map(mpsc::Receiver::try_recv) {
                            self.take_notice(notice);
                        }
                    }
                    None => break,
                },
                first = self.line.next() => self.take_agent(first),
                notice = notice => match notice {
                    Some(notice) => self.take_notice(notice),
                    None => notices = None,
                },
                // The next pass looks.
                () = self.unattended.is_due() => {}
                () = self.idle.is_due() => {}
                Some(()) = arrival.recv() => self.surroundings.meet_neighbors(&mut self.gate),
                Some(()) = rules_changed.recv() => rules::freshen(&mut self.gate),
            }
            if !self.closing {
                self.line.next_prompt(&mut self.gate);
            }
            self.carry_out();
        }
        self.end(inbox).await
    }

    fn take(&mut self, message: Msg) {
        match message {
            // A connection that is gone needs no name.
            Msg::Connect(reply) => drop(reply.send(self.seats.welcome())),
            Msg::ClientGone(client) => self.gone(&client),
            Msg::Asked(asked) => self.asked(asked),
            Msg::Runs(runs::Msg::Performed { action, performed }) => self.performed(action, performed),
            Msg::Runs(message) => self.runs.take(&mut self.gate, message),
            Msg::Undo(message) => self.undo.take(&mut self.gate, message),
            Msg::Dependents(searched) => self.dependents.take(&mut self.gate, searched),
            Msg::Stopped { census, reply } => self.stopped(census, reply),
            Msg::Parted { change, reply } => {
                let (line, surroundings) = (&mut self.line, &mut self.surroundings);
                self.successor.parted(&mut self.gate, line, surroundings, *change, reply);
            }
            Msg::Moved => self.line.is_moved(),
            Msg::Drilled(rungs) => self.drilled(rungs),
            Msg::Close(why) => self.close(&why),
            // Who asked may be gone.
            Msg::Ordered { by, decide, reply } => drop(reply.send(self.ordered(&by, decide))),
            Msg::Leave => self.closing = true,
            Msg::Alarm(what, text) => self.gate.alarm(what, text),
        }
        self.carry_out();
    }

    fn take_agent(&mut self, first: Option<FromAgent>) {
        let was_open = self.gate.session().ended.is_none();
        self.line.take(&mut self.gate, &mut self.runs, first);
        // It says that its work is done. Whoever comes back later wakes the session again.
        self.closing |= was_open && self.gate.session().ended.is_some() && self.seats.all_left();
        self.carry_out();
    }

    fn take_notice(&mut self, notice: Notice) {
        // It may be about the project's own rules.
        rules::freshen(&mut self.gate);
        self.surroundings.noticed(&mut self.gate, &self.line, &mut self.runs, notice);
        self.carry_out();
    }

    fn performed(&mut self, action: ActionId, performed: Box<Performed>) {
        self.surroundings.report_files(&self.gate, &performed.files);
        let (is_ok, files) = (performed.outcome == OutcomeWord::Ok, performed.files.clone());
        self.runs.take(&mut self.gate, runs::Msg::Performed { action: action.clone(), performed });
        self.undo.performed(&mut self.gate, &action, is_ok, &files);
    }

    /// Carries out what is due, in order, until nothing is.
    fn carry_out(&mut self) {
        loop {
            self.surroundings.report_work(&self.gate);
            self.successor.follow(&mut self.gate, &mut self.line, &mut self.runs);
            self.runs.follow_steps(&self.gate);
            self.successor.isolate(&mut self.gate, &mut self.line, &mut self.runs);
            let Some(due) = self.gate.next_due() else { return };
            match due {
                Due::Perform(action, permit) => {
                    self.surroundings.report_release(&self.gate, &action);
                    self.runs.perform(&mut self.gate, &action, permit);
                }
                Due::Release(action) => self.surroundings.report_release(&self.gate, &action),
                Due::Answer { action, reply } => {
                    self.runs.answered(&action, &reply);
                    let is_plain = matches!(reply, Reply::Approved { edited: false, note: None, .. });
                    if let Some(text) = self.line.answer(&self.gate, &action, &reply) {
                        self.line.tell(&mut self.gate, &self.runs, text, !is_plain);
                    }
                }
                Due::PlanApproved => {
                    let by_user = plans::adopt(&mut self.gate);
                    if by_user && self.line.takes_steps() {
                        self.line.send(self.gate.plan_message());
                    }
                }
                Due::PlanSettled => plans::settle(&mut self.gate),
                Due::Tell(text) => self.line.tell(&mut self.gate, &self.runs, text, false),
                Due::Merge(action) => self.gate.offer_merge(&action),
                Due::Dependents(action) => self.dependents.search(&self.gate, action),
                Due::Send(message) => self.line.send(message),
                Due::Output { action, bytes } => self.line.output(&action, bytes),
                Due::Performed { action, performed } => self.line.performed(&action, performed),
            }
        }
    }

    fn gone(&mut self, client: &ClientId) {
        self.seats.left(&mut self.gate, client);
        // A journal in trouble is recovered by the next host, which compares the disk with what was recorded.
        self.closing |= self.seats.is_empty() && (self.gate.session().ended.is_some() || self.gate.trouble().is_some());
    }

    /// Closes the session at the user's word or when nothing is left to do.
    fn close(&mut self, why: &str) {
        if self.gate.session().ended.is_none() {
            self.lapse_all(LapseWhy::Canceled);
            let session = self.gate.session();
            let ended = SessionEnded { outcome: outcome(session), report: report(session, why) };
            self.gate.record(Event::SessionEnded(ended));
        }
        self.closing = true;
    }

    fn lapse_all(&mut self, why: LapseWhy) {
        let ending = self.runs.abort();
        self.undo.abort();
        self.gate.quietly(Input::LapseAll { why, ending });
    }

    fn cancel(&mut self) {
        cancel_turn(&mut self.gate, &self.runs);
    }

    /// Ends everything; the census is the answer.
    fn stop(&mut self, reply: Responder) {
        self.lapse_all(LapseWhy::Killed);
        self.carry_out();
        let mut link = self.line.hang_up();
        let (workspace, to_self) = (self.gate.workspace().clone(), self.to_self.clone());
        tokio::spawn(async move {
            let census = workspace.stop().await;
            link.end().await;
            drop(to_self.send(Msg::Stopped { census, reply }).await);
        });
    }

    /// Freezes a session that works while nobody is attached, when it is time. The alarm calls the user, and is what they
    /// see first when they come back.
    fn freeze_unattended(&mut self) {
        let session = self.gate.session();
        let runs = session.actions.open().any(|state| state.phase == Phase::Running);
        let works = session.turns.current.is_some() || runs;
        self.unattended.follow(works && !self.seats.is_attended() && session.frozen.is_none());
        if !self.unattended.fires() {
            return;
        }
        let why = format!("no client was attached for {} minutes", self.unattended.minutes());
        if self.freeze(Freeze { why: Some(why.clone()) }).is_ok() {
            self.gate.alarm(AlarmKind::Unattended, format!("the session was frozen: {why}"));
        }
    }

    /// Whether the host has had nothing to do for so long that it exits. The session is not over: attaching starts a host again.
    fn is_done_idling(&mut self) -> bool {
        let session = self.gate.session();
        let is_idle = self.seats.is_empty()
            && session.turns.current.is_none()
            && session.actions.open().next().is_none()
            && session.prompts.queue.is_empty();
        self.idle.follow(is_idle);
        let fires = self.idle.fires();
        if fires {
            tracing::info!("nothing was to do for {} minutes: the host exits", self.idle.minutes());
        }
        fires
    }

    /// Where a stop cannot be relied on, nothing runs without a question. Mode `plan` then asks as well, and stays: it holds
    /// what comes before its plan is approved.
    fn drilled(&mut self, rungs: Vec<DrilledRung>) {
        let asks = matches!(self.gate.session().mode, Mode::Step | Mode::Observe | Mode::Plan);
        if drill::record(&mut self.gate, rungs) && !asks {
            // A journal in trouble has closed the gate.
            let _ = self.mode(SetMode { mode: Mode::Step });
        }
    }

    fn stopped(&mut self, census: Census, reply: Responder) {
        if let Some(turn) = self.gate.session().turns.current.clone() {
            let text = Some("stopped by the user".to_owned());
            self.gate.record(Event::TurnEnded(TurnEnded { turn, reason: TurnEnd::Canceled, text }));
        }
        let signed = self.gate.sign_census(&census);
        self.gate.record(Event::Stopped(Stopped { census: census.clone(), signed }));
        let _ = reply.send(Ok(Answer::Stop(census)));
    }

    /// Waits until the promotions that have begun are recorded; what takes longer is recorded by the next host.
    async fn settle(&mut self, mut inbox: mpsc::Receiver<Msg>) {
        let max = tokio::time::sleep(Duration::from_millis(PROMOTION_WAIT_MS_MAX));
        tokio::pin!(max);
        while !self.runs.promoting().is_empty() {
            tokio::select! {
                message = inbox.recv() => match message {
                    Some(Msg::Runs(runs::Msg::Performed { action, performed })) => self.performed(action, performed),
                    Some(_) => {}
                    None => return,
                },
                () = &mut max => return,
            }
        }
    }

    async fn end(mut self, inbox: mpsc::Receiver<Msg>) -> Ending {
        self.line.hang_up().end().await;
        self.runs.abort();
        self.settle(inbox).await;
        let census = self.gate.workspace().stop().await;
        if !census.survivors.is_empty() {
            tracing::error!(?census, "processes survived the end of the session");
        }
        let session = self.gate.session();
        let last_human = session.actions.iter().rev().find_map(|a| a.decided.as_ref());
        let denied = last_human.is_some_and(|d| d.verdict == Verdict::Deny);
        let ending = Ending { ended: session.ended.clone(), denied, trouble: self.gate.trouble() };
        self.gate.close();
        ending
    }
}
