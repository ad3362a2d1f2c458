//! The line to the agent: its task, its tickets, what it says and what it is told.

use super::super::{claims, encoding, resolve, tampering, words};
use super::effects::{TrialOrder, TrialRecord};
use super::risk::{Size, risk};
use super::{Actor, PutError};
use crate::base::ActionId;
use crate::base::limits::AGENT_LINK_MESSAGES_MAX;
use crate::host::limits::{AGENT_END_MS_MAX, AGENT_OUTPUT_WAITING_BYTES_MAX};
use crate::model::action::Executor;
use crate::model::decide::{Input, Refusal, Reply, Ruling};
use crate::model::event::{
    AgentLost, Alarm, Event, Finished, LapseWhy, OutcomeWord, Output, RulingWord, Said, SessionEnded, Told, TurnEnd,
    TurnEnded, TurnStarted,
};
use crate::model::session::Phase;
use crate::model::{Action, Body, Content, FileEdit, Kind, Proposal};
use crate::port::{AgentLink, AgentSeat, Answer, Blobs, FromAgent, Ticket, ToAgent, When};
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// The host's end of the two channels. Messages to the agent wait here while its channel is full: each answers
/// something that the agent asked, so their number is bounded by what it asked.
pub struct Line {
    pub from: mpsc::Receiver<FromAgent>,
    to: Option<mpsc::Sender<ToAgent>>,
    waiting: VecDeque<ToAgent>,
    task: Option<JoinHandle<()>>,
    tickets: BTreeMap<ActionId, Ticket>,
    actions: BTreeMap<Ticket, ActionId>,
    /// Holds the silent channel open while there is no agent.
    _keep: Option<mpsc::Sender<FromAgent>>,
}

impl Default for Line {
    fn default() -> Self {
        // A channel that stays open and silent while there is no agent.
        let (keep, from) = mpsc::channel(1);
        Self {
            from,
            to: None,
            waiting: VecDeque::new(),
            task: None,
            tickets: BTreeMap::new(),
            actions: BTreeMap::new(),
            _keep: Some(keep),
        }
    }
}

impl Line {
    pub fn is_up(&self) -> bool {
        self.to.is_some()
    }

    pub fn ticket(&self, action: &ActionId) -> Option<Ticket> {
        self.tickets.get(action).copied()
    }

    pub fn action(&self, ticket: Ticket) -> Option<&ActionId> {
        self.actions.get(&ticket)
    }

    /// From now on the action is answered under another ticket.
    pub fn renew(&mut self, ticket: Ticket, next: Ticket) {
        if let Some(action) = self.actions.remove(&ticket) {
            self.tickets.insert(action.clone(), next);
            self.actions.insert(next, action);
        }
    }

    /// Sends in order; what does not fit now goes with the next message.
    pub fn send(&mut self, message: ToAgent) {
        if self.to.is_some() {
            self.waiting.push_back(message);
            self.flush();
        }
    }

    /// Output is no answer: what waits of one action's is merged, and of a flood only the end.
    pub fn send_output(&mut self, ticket: Ticket, mut more: Vec<u8>) {
        let same = |message: &&mut ToAgent| matches!(message, ToAgent::Output { ticket: t, .. } if *t == ticket);
        let Some(ToAgent::Output { bytes, .. }) = self.waiting.iter_mut().rev().find(same) else {
            return self.send(ToAgent::Output { ticket, bytes: more });
        };
        bytes.append(&mut more);
        let from = bytes.len().saturating_sub(AGENT_OUTPUT_WAITING_BYTES_MAX);
        bytes.drain(..from);
        self.flush();
    }

    pub fn flush(&mut self) {
        let Some(to) = &self.to else { return };
        while let Some(message) = self.waiting.pop_front() {
            match to.try_send(message) {
                Ok(()) => {}
                Err(mpsc::error::TrySendError::Full(message)) => {
                    self.waiting.push_front(message);
                    return;
                }
                Err(mpsc::error::TrySendError::Closed(_)) => {
                    self.waiting.clear();
                    return;
                }
            }
        }
    }

    fn drop_link(&mut self) {
        *self = Self { task: self.task.take(), ..Self::default() };
        if let Some(task) = self.task.take() {
            task.abort();
        }
    }

    /// Asks the agent to end and gives it a moment.
    pub async fn end(&mut self) {
        self.send(ToAgent::Shutdown);
        self.to = None;
        self.from.close();
        if let Some(task) = self.task.take() {
            let abort = task.abort_handle();
            if tokio::time::timeout(Duration::from_millis(AGENT_END_MS_MAX), task).await.is_err() {
                abort.abort();
            }
        }
    }
}

/// Neighbouring chunks of one message become one.
pub fn coalesce(batch: Vec<FromAgent>) -> Vec<FromAgent> {
    let mut out: Vec<FromAgent> = Vec::with_capacity(batch.len());
    for message in batch {
        match (out.last_mut(), message) {
            (
                Some(FromAgent::Said { by: last_by, text: last, more: last_more @ true }),
                FromAgent::Said { by, text, more },
            ) if *last_by == by => {
                last.push_str(&text);
                *last_more = more;
            }
            (
                Some(FromAgent::Thought { by: last_by, text: last, more: last_more @ true }),
                FromAgent::Thought { by, text, more },
            ) if *last_by == by => {
                last.push_str(&text);
                *last_more = more;
            }
            (_, message) => out.push(message),
        }
    }
    out
}

impl Actor {
    /// Starts the agent (again). `resume` tells it where a former one stood.
    pub(super) fn start_agent(&mut self, resume: Option<String>) {
        let Some(opened) = self.book.session.opened.clone() else { return };
        let seat = AgentSeat {
            session: opened.session,
            root: self.workspace.root().to_owned(),
            goal: self.goal.clone(),
            mode: self.book.session.mode,
            workspace: self.workspace.clone(),
            resume,
            agent_session: self.book.session.agent_session.clone(),
        };
        match self.maker.make(seat) {
            Ok(agent) => {
                let (to_host, from) = mpsc::channel(AGENT_LINK_MESSAGES_MAX);
                let (to, from_host) = mpsc::channel(AGENT_LINK_MESSAGES_MAX);
                let task = tokio::spawn(agent.run(AgentLink { to_host, from_host }));
                self.agent = Line { from, to: Some(to), task: Some(task), _keep: None, ..Line::default() };
            }
            Err(why) => self.record(Event::AgentLost(AgentLost { why, exit: None })),
        }
    }

    /// What the agent tells without asking for anything: the events it comes to. The rest comes back.
    pub(super) fn merely_told(&self, message: FromAgent) -> Result<Vec<Event>, Box<FromAgent>> {
        match message {
            FromAgent::Said { by, text, more } => Ok(self.said(by, text, more)),
            FromAgent::Thought { by, text, more } => Ok(vec![Event::Thought(Said { by, text, more })]),
            FromAgent::Noted(note) => Ok(vec![Event::AgentNoted(note)]),
            FromAgent::Usage(usage) => Ok(vec![Event::Usage(usage)]),
            FromAgent::Ready(_)
            | FromAgent::Plan { .. }
            | FromAgent::Propose { .. }
            | FromAgent::Reopen { .. }
            | FromAgent::Revise { .. }
            | FromAgent::Withdraw { .. }
            | FromAgent::Output { .. }
            | FromAgent::Performed { .. }
            | FromAgent::Trial { .. }
            | FromAgent::Told { .. }
            | FromAgent::Alarm { .. }
            | FromAgent::TurnEnded { .. }
            | FromAgent::Ended { .. }
            | FromAgent::Lost { .. } => Err(Box::new(message)),
        }
    }

    pub(super) fn take_message(&mut self, message: FromAgent) {
        self.agent.flush();
        match message {
            FromAgent::Ready(ready) => self.record(Event::AgentReady(ready)),
            FromAgent::Plan { by, steps } => self.quietly(Input::Replan { by, steps }),
            FromAgent::Propose { ticket, proposal } => self.propose(ticket, *proposal),
            FromAgent::Reopen { ticket, next, why } => self.reopened(ticket, next, why),
            FromAgent::Revise { ticket, proposal } => self.revised(ticket, *proposal),
            FromAgent::Withdraw { ticket, why } => {
                if let Some(action) = self.agent.actions.get(&ticket).cloned() {
                    self.end_command(&action);
                    self.quietly(Input::Lapse { action, why, detail: None });
                }
            }
            FromAgent::Output { ticket, stream, bytes } => {
                if let Some(action) = self.agent.actions.get(&ticket).cloned() {
                    self.output(&action, stream, bytes);
                }
            }
            FromAgent::Performed { ticket, outcome, exit, detail } => {
                self.agent_performed(ticket, outcome, exit, detail)
            }
            FromAgent::Trial { ticket, action, trial } => self.trial(ticket, action, *trial),
            FromAgent::Told { action, text } => self.record(Event::Told(Told { action, text })),
            FromAgent::Alarm { what, ticket, text } => {
                let action = ticket.and_then(|t| self.agent.actions.get(&t).cloned());
                self.record(Event::Alarm(Alarm { what, action, text }));
            }
            FromAgent::TurnEnded { reason, text } => self.turn_ended(reason, text),
            FromAgent::Ended { outcome, report } => {
                self.turn_ended(TurnEnd::EndTurn, None);
                let report = self.report(&report);
                self.record(Event::SessionEnded(SessionEnded { outcome, report }));
                // All have left; whoever comes back wakes the session again. The first one may be on its way still.
                self.closing |= self.clients.is_empty() && self.clients_total > 0;
            }
            FromAgent::Lost { why, exit } => self.agent_gone(&why, exit),
            // Written down with their neighbours.
            FromAgent::Said { .. } | FromAgent::Thought { .. } | FromAgent::Noted(_) | FromAgent::Usage(_) => {}
        }
    }

    /// A command that nobody wants any more is ended: its dropped task takes its processes along.
    fn end_command(&mut self, action: &ActionId) {
        let runs = self.book.session.actions.get(action).is_some_and(|state| {
            state.action.kind == Kind::Command && state.action.trial.is_none() && state.phase == Phase::Running
        });
        if !runs {
            return;
        }
        if let Some(task) = self.running.tasks.remove(action) {
            task.abort();
        }
        if let Some(feed) = self.running.feeds.remove(action) {
            self.finish_feed(feed, None);
        }
    }

    /// What the agent says of tests is held against what was observed.
    fn said(&self, by: String, text: String, more: bool) -> Vec<Event> {
        // A claim comes in pieces: only the whole message can be held against anything.
        let whole = (!more).then(|| format!("{}{text}", self.book.session.transcript.open_words(&by)));
        let claim = whole.and_then(|whole| claims::of_green_tests(&whole, &self.book.session));
        let alarm = |text| Event::Alarm(Alarm { what: "claim_without_run".into(), action: None, text });
        std::iter::once(Event::Said(Said { by, text, more })).chain(claim.map(alarm)).collect()
    }

    /// Puts an input that nobody waits for an answer to.
    pub(super) fn quietly(&mut self, input: Input) {
        match self.put(input, Blobs::new()) {
            Ok(()) => {}
            Err(PutError::Refused(refusal)) => tracing::debug!(%refusal, "nothing to do"),
            Err(PutError::Trouble(trouble)) => tracing::error!(%trouble, "lost"),
        }
    }

    pub(super) fn propose(&mut self, ticket: Ticket, proposal: Proposal) {
        if self.agent.actions.contains_key(&ticket) {
            let told = "This request is already being handled and is not accepted twice.".to_owned();
            self.agent.send(ToAgent::Answered { ticket, answer: Answer::Refused { told } });
            return;
        }
        let (action, blobs) = match self.resolve(proposal) {
            Ok(resolved) => resolved,
            Err(told) => return self.agent.send(ToAgent::Answered { ticket, answer: Answer::Refused { told } }),
        };
        let id = action.id.clone();
        self.agent.tickets.insert(id.clone(), ticket);
        self.agent.actions.insert(ticket, id.clone());
        self.agent.send(ToAgent::Filed { ticket, action: id });
        let ruling = self.judge.rule(&action);
        self.put_proposal(ticket, action, ruling, blobs, false);
    }

    /// Files a proposal, first or changed, with what is wrong with it; the agent hears when that fails.
    pub(super) fn put_proposal(
        &mut self,
        ticket: Ticket,
        action: Action,
        ruling: Ruling,
        blobs: Blobs,
        is_revision: bool,
    ) {
        let id = action.id.clone();
        let alarm = |what: &str, text| Alarm { what: what.into(), action: Some(id.clone()), text };
        let tampering = tampering::found(&self.book.session, self.judge.as_ref(), &action);
        let encoding = encoding::found(&action, &blobs);
        let ruling = match &encoding {
            Some(text) if ruling.word == RulingWord::Allow => Ruling::ask("encoding", text),
            Some(_) | None => ruling,
        };
        let alarms = tampering.map(|text| alarm("test_tampering", text));
        let alarms = alarms.into_iter().chain(encoding.map(|text| alarm("encoding", text))).collect();
        let (action, now) = (Box::new(action), self.book.now());
        let input = if is_revision {
            Input::Revise { action, ruling, alarms }
        } else {
            Input::File { action, ruling, alarms, now }
        };
        if let Err(error) = self.put(input, blobs) {
            let told = format!("The proposal could not be recorded: {error}");
            self.agent.send(ToAgent::Answered { ticket, answer: Answer::Refused { told } });
        }
    }

    /// The proposal as an action on what the disk holds now.
    pub(super) fn resolve(&self, mut proposal: Proposal) -> Result<(Action, Blobs), String> {
        let id = self.book.session.actions.next_id();
        if proposal.step.is_none() {
            proposal.step = self.book.session.plan.active().map(|s| s.id.clone());
        }
        let resolved = match &mut proposal.body {
            Body::Edit(drafts) => resolve::drafts(self.workspace.as_ref(), std::mem::take(drafts))?,
            Body::Command(command) => {
                // The project's own test command is a run of checks, whoever asks for it, where we run it: what an
                // agent reports of a run of its own is its word only.
                let is_checks = |c: &super::ChecksSetup| c.command.spawn_argv() == command.spawn_argv();
                proposal.checks |= self.checks.as_ref().is_some_and(is_checks);
                proposal.checks &= proposal.executor == Executor::Host;
                if command.spawn_argv().iter().all(|w| w.trim().is_empty()) {
                    return Err("The command is empty.".into());
                }
                resolve::Resolved::default()
            }
            Body::Read(_) | Body::Network(_) | Body::Plan | Body::Other => resolve::Resolved::default(),
        };
        let files = (!resolved.files.is_empty()).then_some(resolved.files);
        let mut action = Action::file(id, proposal, files);
        // A run of checks and a search in private copies are what they are.
        let alone = action.command.as_ref().filter(|_| !action.checks && action.trial.is_none());
        action.touches = alone.and_then(|c| self.judge.reach(c)).map(|reach| Box::new(self.workspace.touched(&reach)));
        let size = self.size_of(action.files.iter().flatten(), &resolved.blobs);
        action.risk = Some(risk(&action, self.judge.as_ref(), size, action.touches.as_deref()));
        Ok((action, resolved.blobs))
    }

    fn size_of<'a>(&self, files: impl Iterator<Item = &'a FileEdit>, blobs: &Blobs) -> Size {
        let read = |content: &Option<Content>| match content {
            Some(content) => {
                resolve::bytes_of(content, |digest| blobs.get(digest).cloned().or_else(|| self.blob(digest)))
            }
            None => Some(Vec::new()),
        };
        let mut size = Size::default();
        for file in files {
            size.add(read(&file.before).as_deref(), read(&file.after).as_deref());
        }
        size
    }

    pub(super) fn reply(&mut self, action: &ActionId, reply: &Reply) {
        let Some(ticket) = self.agent.ticket(action) else { return };
        let edited = match reply {
            Reply::Approved { edited: true, .. } => Some(self.difference(action)),
            Reply::Approved { .. } | Reply::Denied { .. } | Reply::Redirected { .. } | Reply::Lapsed { .. } => None,
        };
        self.agent.send(ToAgent::Answered { ticket, answer: words::answer(reply, edited) });
    }

    pub(super) fn plan_told(&mut self) {
        let plan = &self.book.session.plan;
        let mut told = String::from("The supervisor changed the plan. It now reads:\n");
        for step in &plan.steps {
            let indent = "  ".repeat(plan.depth(step));
            told.push_str(&format!("{indent}- [{}] {}\n", step.status.word(), step.title));
        }
        let steps = plan.steps.clone();
        self.agent.send(ToAgent::PlanEdited { steps, told });
    }

    fn agent_performed(&mut self, ticket: Ticket, outcome: OutcomeWord, exit: Option<i32>, detail: Option<String>) {
        let Some(id) = self.agent.actions.get(&ticket).cloned() else { return };
        let files = self.outcome_of_agents_edit(&id);
        if let Some(feed) = self.running.feeds.remove(&id) {
            self.finish_feed(feed, exit);
        }
        self.tell_neighbors(files.as_deref().unwrap_or_default());
        let finished = Finished { action: id.clone(), outcome, exit, files, detail };
        self.quietly(Input::Finish { action: id, finished: Box::new(finished) });
        self.tell_work();
    }

    fn trial(&mut self, ticket: Ticket, action: ActionId, trial: crate::port::Trial) {
        let order = TrialOrder { ticket: Some(ticket), record: TrialRecord::of(&trial), trial };
        let refused = match self.running.trials.get(&action) {
            None => Some("no trials are open for this action".to_owned()),
            Some(runs) => runs.try_send(order).err().map(|e| format!("the candidate is busy: {e}")),
        };
        if let Some(why) = refused {
            self.agent.send(ToAgent::TrialDone { ticket, output: Err(why) });
        }
    }

    fn turn_ended(&mut self, reason: TurnEnd, text: Option<String>) {
        self.close_trials();
        let Some(turn) = self.book.session.turn.clone() else { return };
        self.turn_ended_at = Some(self.book.now());
        self.workspace.look_over();
        self.record(Event::TurnEnded(TurnEnded { turn, reason, text }));
        self.tell_work();
    }

    pub(super) fn agent_gone(&mut self, why: &str, exit: Option<i32>) {
        self.agent.drop_link();
        // The agent's ending after its last word is no loss.
        if self.book.session.ended.is_some() || self.closing {
            return;
        }
        self.record(Event::AgentLost(AgentLost { why: why.to_owned(), exit }));
        self.lapse_unfinished(LapseWhy::AgentLost);
        self.turn_ended(TurnEnd::Error, Some(why.to_owned()));
    }

    /// What the agent had asked for and not yet begun lapses; what runs on our side runs to its end.
    fn lapse_unfinished(&mut self, why: LapseWhy) {
        let open: Vec<ActionId> = self
            .book
            .session
            .actions
            .iter()
            .filter(|a| a.phase.is_open())
            .filter(|a| a.action.executor == Executor::Agent || !self.running.tasks.contains_key(&a.action.id))
            .map(|a| a.action.id.clone())
            .collect();
        for action in open {
            self.quietly(Input::Lapse { action, why, detail: None });
        }
    }

    /// A prompt of the user.
    pub(super) fn prompt(&mut self, text: String, when: When) -> Result<(), Refusal> {
        match when {
            When::Boundary if self.book.session.turn.is_some() => {
                self.record(Event::Said(Said { by: "human".into(), text: text.clone(), more: false }));
                self.agent.send(ToAgent::Prompt { text, when });
            }
            When::Interrupt => {
                self.prompts.queue.push_front(text);
                if self.book.session.turn.is_some() {
                    self.cancel_turn();
                }
            }
            When::Queue | When::Boundary => {
                if self.prompts.queue.len() >= crate::host::limits::PROMPTS_QUEUED_MAX {
                    return Err(Refusal::Overloaded(
                        "too many prompts are queued; send it after a turn has ended".into(),
                    ));
                }
                self.prompts.queue.push_back(text);
            }
        }
        Ok(())
    }

    pub(super) fn cancel_turn(&mut self) {
        self.lapse_unfinished(LapseWhy::Cancelled);
        self.agent.send(ToAgent::Cancel);
    }

    /// Starts the next turn when the last one is over.
    pub(super) fn next_prompt(&mut self) {
        if self.book.session.turn.is_some() || self.closing || self.book.session.frozen.is_some() {
            return;
        }
        let Some(text) = self.prompts.queue.pop_front() else { return };
        if !self.agent.is_up() {
            let resume = (self.book.session.turns > 0).then(|| self.report("The session continues with a new agent."));
            self.start_agent(resume);
            if !self.agent.is_up() {
                // Why is in the journal; a turn without an agent would never end.
                self.prompts.queue.clear();
                return;
            }
        }
        self.begin_turn();
        self.record(Event::Said(Said { by: "human".into(), text: text.clone(), more: false }));
        self.agent.send(ToAgent::Prompt { text, when: When::Queue });
    }

    pub(super) fn begin_turn(&mut self) {
        // What was done before it is nobody's in this turn.
        self.workspace.look_over();
        self.alarmed_about.clear();
        let turn = crate::base::TurnId::new(format!("t{}", self.book.session.turns + 1));
        self.record(Event::TurnStarted(TurnStarted { turn }));
        self.tell_work();
    }

    /// Output of an action, to the journal and to its run of checks.
    pub(super) fn output(&mut self, action: &ActionId, stream: crate::model::event::Stream, bytes: Vec<u8>) {
        let mut events = vec![];
        if let Some(feed) = self.running.feeds.get_mut(action) {
            events = feed.feed(stream, &bytes);
        }
        let tail = String::from_utf8_lossy(&bytes).into_owned();
        let digest = crate::base::Digest::of(&bytes);
        events.insert(0, Event::Output(Output { action: action.clone(), stream, digest, tail }));
        if let Err(trouble) = self.book.append(events, vec![bytes]) {
            tracing::error!(%trouble, "output is lost");
        }
    }
}
