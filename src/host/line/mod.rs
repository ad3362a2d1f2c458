//! The line to the agent: its messages and proposals, our messages to it, and the prompts that wait for it.

mod amend;
mod inherited;
mod link;
mod message;
mod queue;

use super::gate::Gate;
use super::report::report;
use super::runs::Runs;
use super::{AgentMaker, gate, handover, plans, words};
use crate::base::{ActionId, UnixMs};
use crate::host::limits::{AGENT_BATCH_MESSAGES_MAX, PROMPT_PARTS_MAX, UNSUPERVISED_AFTER_TURN_MS};
use crate::model::action::Executor;
use crate::model::decide::{Input, Refusal, Reply};
use crate::model::event::{
    AgentLost, Alarm, Event, Finished, Isolation, LapseWhy, Mode, QueueChanged, QueuedPrompt, Said, SessionEnded, Told,
    TurnEnd, TurnEnded, TurnStarted,
};
use crate::model::{AlarmKind, PromptPart, Proposal, Session, SpokenBy, When};
use crate::policy::claims;
use crate::port::{AgentSeat, Answer, FromAgent, Performed, Ticket, ToAgent};
use crate::wire::{Prompt, QueueEdit};
use inherited::{Heir, Inherited};
use link::Link;
use queue::Queue;
use std::sync::Arc;

pub struct AgentLine {
    maker: Arc<dyn AgentMaker>,
    goal: Option<String>,
    link: Link,
    /// Prompts that wait for the turn to end.
    prompts: Queue,
    /// The end of the last turn, as far as this host knows.
    turn_ended_at: Option<UnixMs>,
    /// The former agent ends; until then no other one starts.
    is_changing: bool,
    inherited: Inherited,
}

impl AgentLine {
    /// `session` is as a former host left it.
    pub fn new(maker: Arc<dyn AgentMaker>, goal: Option<String>, session: &Session) -> Self {
        let (prompts, inherited) = (Queue::of(&session.prompts.queue), Inherited::of(session));
        Self { maker, goal, link: Link::default(), prompts, turn_ended_at: None, is_changing: false, inherited }
    }

    pub fn is_up(&self) -> bool {
        self.link.is_up()
    }

    /// Acts outside the gate while its turn lasts, and a little longer as the watcher's word comes late.
    pub fn may_write(&self, gate: &Gate) -> bool {
        let at_work = gate.session().turns.current.is_some()
            || self.turn_ended_at.is_some_and(|at| gate.now().since(at) < UNSUPERVISED_AFTER_TURN_MS);
        // In its layer it has no way into the workspace.
        let is_walled = gate.session().agent.ready.agent.isolation == Isolation::Overlay;
        !self.maker.is_embedded() && !is_walled && self.is_up() && at_work
    }

    /// Its next message; `None` when its task has ended.
    pub async fn next(&mut self) -> Option<FromAgent> {
        self.link.next().await
    }

    pub fn try_next(&mut self) -> Option<FromAgent> {
        self.link.try_next()
    }

    /// The channels, to be closed elsewhere; the line is down from now on.
    pub fn hang_up(&mut self) -> Link {
        self.is_changing = false;
        std::mem::take(&mut self.link)
    }

    /// The agent leaves for another one: its turn is over, and what it asked lapses. The channels are to be closed
    /// elsewhere.
    pub fn part(&mut self, gate: &mut Gate, runs: &mut Runs) -> Link {
        lapse_unfinished(gate, runs, LapseWhy::Canceled, Some("the agent was changed"));
        self.turn_ended(gate, runs, TurnEnd::Canceled, Some("the agent is changed".to_owned()));
        let link = self.hang_up();
        self.is_changing = true;
        link
    }

    pub fn is_changing(&self) -> bool {
        self.is_changing
    }

    /// The next prompt starts this agent.
    pub fn take_on(&mut self, maker: Arc<dyn AgentMaker>) {
        self.maker = maker;
        self.is_changing = false;
    }

    /// The new agent goes on, unless something waits that it is to go on with.
    pub fn go_on(&mut self, text: String) {
        if self.prompts.is_empty()
            && let Err(refusal) = self.prompts.push(text, Vec::new(), true)
        {
            tracing::error!(%refusal, "the agent was not told to go on");
        }
    }

    /// A new session: the agent starts, with the goal as its first prompt.
    pub fn set_off(&mut self, gate: &mut Gate) {
        if let Some(goal) = self.goal.clone()
            && let Err(refusal) = self.prompts.push(goal, Vec::new(), false)
        {
            tracing::error!(%refusal, "the goal was not sent");
        }
        self.start(gate, None);
        if self.is_up() && self.maker.starts_itself() && self.prompts.is_empty() {
            begin_turn(gate);
        }
        self.next_prompt(gate);
    }

    /// Starts the agent (again). `resume` describes the state of a former one.
    fn start(&mut self, gate: &mut Gate, resume: Option<String>) {
        let session = gate.session();
        let Some(opened) = session.opened.clone() else { return };
        let seat = AgentSeat {
            session: opened.session,
            root: gate.workspace().root().to_owned(),
            goal: self.goal.clone(),
            mode: session.mode,
            workspace: gate.workspace().clone(),
            resume,
            agent_session: session.agent.session.clone(),
        };
        match self.maker.make(seat) {
            Ok(agent) => self.link = Link::start(agent),
            Err(why) => gate.record(Event::AgentLost(AgentLost { why, exit: None })),
        }
    }

    /// One batch of the agent's messages: neighboring chunks of text become one event, and what is only told is
    /// written down together, so that a flood does not wait for the disk at every word.
    pub fn take(&mut self, gate: &mut Gate, runs: &mut Runs, first: Option<FromAgent>) {
        let Some(first) = first else {
            return self.gone(gate, runs, "the agent's task ended without a message", None);
        };
        let mut batch = vec![first];
        while batch.len() < AGENT_BATCH_MESSAGES_MAX
            && let Some(more) = self.link.try_next()
        {
            batch.push(more);
        }
        self.link.flush();
        let mut events = Vec::new();
        for message in coalesce(batch) {
            match message {
                FromAgent::Said { by, text, more } => events.extend(message_events(gate, by, text, more)),
                FromAgent::Thought { by, text, more } => {
                    events.push(Event::Thought(Said { by: by.into(), text, more, parts: Vec::new() }))
                }
                FromAgent::Noted(note) => events.push(Event::AgentNoted(note)),
                FromAgent::Usage(usage) => events.push(Event::Usage(usage)),
                message @ (FromAgent::Ready(_)
                | FromAgent::Compacted
                | FromAgent::Plan { .. }
                | FromAgent::PlanWritten { .. }
                | FromAgent::Propose { .. }
                | FromAgent::Reopen { .. }
                | FromAgent::Revise { .. }
                | FromAgent::Withdraw { .. }
                | FromAgent::Output { .. }
                | FromAgent::Performed { .. }
                | FromAgent::Trial { .. }
                | FromAgent::Told { .. }
                | FromAgent::Connects(_)
                | FromAgent::Alarm { .. }
                | FromAgent::TurnEnded { .. }
                | FromAgent::Ended { .. }
                | FromAgent::Lost { .. }) => {
                    gate.record_all(std::mem::take(&mut events));
                    self.take_one(gate, runs, message);
                }
            }
        }
        gate.record_all(events);
    }

    fn take_one(&mut self, gate: &mut Gate, runs: &mut Runs, message: FromAgent) {
        match message {
            FromAgent::Ready(ready) => gate.record(Event::AgentReady(*ready)),
            FromAgent::Compacted => {
                if let Some(text) = handover::compacted(gate.session()) {
                    gate.send(ToAgent::Reminder(text));
                }
            }
            FromAgent::Plan { by, steps } => plans::follow(gate, by, steps),
            FromAgent::PlanWritten { by, document } => plans::written(gate, by, *document),
            FromAgent::Propose { ticket, proposal } => self.propose(gate, ticket, *proposal),
            FromAgent::Reopen { ticket, next, why } => self.reopened(gate, ticket, next, why),
            FromAgent::Revise { ticket, proposal } => self.revised(gate, ticket, *proposal),
            FromAgent::Withdraw { ticket, why } => {
                if let Some(action) = self.link.action(ticket).cloned() {
                    runs.end_command(gate, &action);
                    gate.quietly(Input::Lapse { action, why, detail: None });
                }
            }
            FromAgent::Output { ticket, stream, bytes } => {
                if let Some(action) = self.link.action(ticket) {
                    runs.output(gate, action, stream, bytes);
                }
            }
            FromAgent::Performed { ticket, outcome, exit, detail } => {
                if let Some(action) = self.link.action(ticket).cloned() {
                    runs.performed_by_agent(gate, Finished { exit, ..Finished::of(action, outcome, detail) });
                }
            }
            FromAgent::Trial { ticket, action, trial } => runs.trial(gate, ticket, &action, *trial),
            FromAgent::Connects(connect) => runs.agent_connects(gate, connect),
            FromAgent::Told { action, text } => gate.record(Event::Told(Told { action, text })),
            FromAgent::Alarm { what, ticket, text } => {
                let action = ticket.and_then(|t| self.link.action(t).cloned());
                gate.record(Event::Alarm(Alarm { what, action, text }));
            }
            FromAgent::TurnEnded { reason, text } => self.turn_ended(gate, runs, reason, text),
            FromAgent::Ended { outcome, report: why } => {
                self.turn_ended(gate, runs, TurnEnd::EndTurn, None);
                let report = report(gate.session(), &why);
                gate.record(Event::SessionEnded(SessionEnded { outcome, report }));
            }
            FromAgent::Lost { why, exit } => self.gone(gate, runs, &why, exit),
            // Written down with their neighbors.
            FromAgent::Said { .. } | FromAgent::Thought { .. } | FromAgent::Noted(_) | FromAgent::Usage(_) => {}
        }
    }

    fn propose(&mut self, gate: &mut Gate, ticket: Ticket, proposal: Proposal) {
        let refused = |message: String| ToAgent::Answered { ticket, answer: Answer::Refused { message } };
        if self.link.action(ticket).is_some() {
            return gate.send(refused("This request is already being handled and is not accepted twice.".to_owned()));
        }
        let (action, blobs, ruling) = match gate.resolve(proposal) {
            Ok(resolved) => resolved,
            Err(message) => return gate.send(refused(message)),
        };
        let replaced = match self.inherited.settle(gate.session(), &action) {
            Heir::Pending(action) => {
                self.link.filed(ticket, action.clone());
                return gate.send(ToAgent::Filed { ticket, action });
            }
            Heir::Answered(words) => return gate.send(refused(words)),
            Heir::New(replaced) => replaced,
        };
        for action in replaced {
            gate.quietly(Input::Lapse { action, why: LapseWhy::Superseded, detail: None });
        }
        self.link.filed(ticket, action.id.clone());
        gate.send(ToAgent::Filed { ticket, action: action.id.clone() });
        gate.file(ticket, action, ruling, blobs, false);
    }

    /// Sends in order; what does not fit now goes with the next message.
    pub fn send(&mut self, message: ToAgent) {
        self.link.send(message);
    }

    /// Sends the agent the result of its proposal.
    /// Answers the agent's proposal. Gives the words that it must be told instead where the question was ours.
    pub fn answer(&mut self, gate: &Gate, action: &ActionId, reply: &Reply) -> Option<String> {
        let Some(ticket) = self.link.ticket(action) else {
            return words::about_plan(gate.session().actions.get(action)?, reply);
        };
        let edited = match reply {
            Reply::Approved { edited: true, .. } => Some(gate::difference(gate, action)),
            Reply::Approved { .. } | Reply::Denied { .. } | Reply::Redirected { .. } | Reply::Lapsed { .. } => None,
        };
        self.link.send(ToAgent::Answered { ticket, answer: words::answer(reply, edited) });
        None
    }

    /// Words of the supervisor's decisions: at the agent's next step while it works, else as a prompt. Where nothing
    /// depends on them, the running prompt of an agent that takes none in between is not ended for them.
    pub fn tell(&mut self, gate: &mut Gate, runs: &Runs, text: String, is_urgent: bool) {
        if !is_urgent && gate.session().turns.current.is_some() && !self.takes_steps() {
            gate.record(Event::Said(Said { by: SpokenBy::Human, text: text.clone(), more: false, parts: Vec::new() }));
            return self.send(ToAgent::Question(text));
        }
        let prompt = Prompt { text, when: When::Boundary, parts: Vec::new() };
        if let Err(refusal) = self.prompt(gate, runs, prompt) {
            tracing::error!(%refusal, "the agent was not told");
        }
    }

    /// Where the agent works when it starts in this mode.
    pub fn isolation(&self, mode: Mode) -> Isolation {
        self.maker.isolation(mode)
    }

    /// The agent has ended and starts again with the next prompt.
    pub fn is_moved(&mut self) {
        self.is_changing = false;
    }

    /// One of our own agents, which takes a changed plan as steps.
    pub fn takes_steps(&self) -> bool {
        self.maker.is_embedded()
    }

    pub fn output(&mut self, action: &ActionId, bytes: Vec<u8>) {
        if let Some(ticket) = self.link.ticket(action) {
            self.link.send_output(ticket, bytes);
        }
    }

    pub fn performed(&mut self, action: &ActionId, performed: Box<Performed>) {
        if let Some(ticket) = self.link.ticket(action) {
            self.link.send(ToAgent::Performed { ticket, performed });
        }
    }

    fn turn_ended(&mut self, gate: &mut Gate, runs: &mut Runs, reason: TurnEnd, text: Option<String>) {
        runs.close_trials(gate);
        let Some(turn) = gate.session().turns.current.clone() else { return };
        self.turn_ended_at = Some(gate.now());
        gate.workspace().look_over();
        gate.workspace().turn_ended();
        gate.record(Event::TurnEnded(TurnEnded { turn, reason, text }));
        plans::object(gate);
    }

    fn gone(&mut self, gate: &mut Gate, runs: &mut Runs, why: &str, exit: Option<i32>) {
        self.link.drop_link();
        // An agent that ends after its last message is not lost.
        if gate.session().ended.is_some() {
            return;
        }
        gate.record(Event::AgentLost(AgentLost { why: why.to_owned(), exit }));
        lapse_unfinished(gate, runs, LapseWhy::AgentLost, None);
        self.turn_ended(gate, runs, TurnEnd::Error, Some(why.to_owned()));
    }

    /// A prompt of the user; gives how many wait now.
    pub fn prompt(&mut self, gate: &mut Gate, runs: &Runs, prompt: Prompt) -> Result<usize, Refusal> {
        let Prompt { text, when, parts } = prompt;
        if parts.len() > PROMPT_PARTS_MAX || parts.contains(&PromptPart::Unknown) {
            return Err(Refusal::Invalid("the prompt has too many parts, or one of a kind that is not known".into()));
        }
        let works = gate.session().turns.current.is_some();
        // A picture is sent only with a prompt of its own.
        let pictures = parts.iter().any(|part| matches!(part, PromptPart::Image { .. }));
        match when {
            When::Boundary if works && !pictures => {
                let prompt = message::blocks(gate, &text, &parts);
                gate.record(Event::Said(Said { by: SpokenBy::Human, text, more: false, parts }));
                gate.send(ToAgent::Prompt { prompt, when });
            }
            When::Interrupt => {
                self.prompts.push(text, parts, true)?;
                if works {
                    cancel_turn(gate, runs);
                }
            }
            When::Queue | When::Boundary => self.prompts.push(text, parts, false)?,
        }
        self.next_prompt(gate);
        Ok(self.prompts.len())
    }

    /// The user changes what waits.
    pub fn change_queue(&mut self, gate: &mut Gate, edit: QueueEdit) -> Result<(), Refusal> {
        self.prompts.change(edit.prompt, edit.change)?;
        self.next_prompt(gate);
        Ok(())
    }

    /// Starts the next turn when the last one is over, and records what still waits.
    pub fn next_prompt(&mut self, gate: &mut Gate) {
        if gate.session().turns.current.is_none() && gate.session().frozen.is_none() && !self.is_changing {
            self.send_next(gate);
        }
        // What came and went at once is no news.
        if let Some(prompts) = self.prompts.news().filter(|prompts| gate.session().prompts.queue != *prompts) {
            gate.record(Event::QueueChanged(QueueChanged { prompts }));
        }
    }

    fn send_next(&mut self, gate: &mut Gate) {
        let Some(QueuedPrompt { text, parts, .. }) = self.prompts.pop() else { return };
        let context = if self.is_up() { None } else { self.start_again(gate) };
        if !self.is_up() {
            // Why is in the journal; a turn without an agent would never end.
            self.prompts.clear();
            return;
        }
        begin_turn(gate);
        let prompt = message::blocks(gate, &text, &parts);
        gate.record(Event::Said(Said { by: SpokenBy::Human, text, more: false, parts }));
        if let Some(text) = &context {
            gate.record(Event::Told(Told { action: None, text: text.clone() }));
        }
        let prompt = context.into_iter().fold(prompt, message::with_context);
        gate.send(ToAgent::Prompt { prompt, when: When::Queue });
    }

    /// Starts the agent; returns what its first prompt must tell it of the session.
    fn start_again(&mut self, gate: &mut Gate) -> Option<String> {
        let session = gate.session();
        let (is_new, again) = (session.agent.is_new, session.turns.count > 0);
        let context = match is_new {
            true => Some(handover::taken_over(session, gate.role())),
            false => handover::started_again(session).filter(|_| again),
        };
        // One that never had this session has nothing to resume.
        let resume = (again && !is_new).then(|| report(session, "The session continues with a new agent."));
        self.start(gate, resume);
        context
    }
}

/// Lapses the agent's pending actions and tells it to end its turn.
pub fn cancel_turn(gate: &mut Gate, runs: &Runs) {
    lapse_unfinished(gate, runs, LapseWhy::Canceled, None);
    gate.send(ToAgent::Cancel);
}

/// Lapses the agent's actions that have not started; those on our side run to their end, and what we ask about the plan
/// is not the agent's.
fn lapse_unfinished(gate: &mut Gate, runs: &Runs, why: LapseWhy, detail: Option<&str>) {
    let open = gate.session().actions.open();
    let unfinished: Vec<ActionId> = open
        .filter(|a| a.action.executor == Executor::Agent || !runs.is_running(&a.action.id))
        .filter(|a| !a.action.is_about_plan())
        .map(|a| a.action.id.clone())
        .collect();
    for action in unfinished {
        gate.quietly(Input::Lapse { action, why, detail: detail.map(str::to_owned) });
    }
}

fn begin_turn(gate: &mut Gate) {
    // Changes before it belong to no one in this turn.
    gate.workspace().look_over();
    let turn = crate::base::TurnId::new(format!("t{}", gate.session().turns.count + 1));
    gate.record(Event::TurnStarted(TurnStarted { turn }));
}

/// Compares the agent's claims about tests with the observed runs.
fn message_events(gate: &Gate, by: String, text: String, more: bool) -> Vec<Event> {
    // A claim comes in pieces: only the whole message can be held against anything.
    let session = gate.session();
    let whole = (!more).then(|| format!("{}{text}", session.transcript.open_words(&by)));
    let claim = whole.and_then(|whole| claims::contradicted(&whole, session));
    let alarm = |text| Event::Alarm(Alarm { what: AlarmKind::ClaimWithoutRun, action: None, text });
    std::iter::once(Event::Said(Said { by: by.into(), text, more, parts: Vec::new() }))
        .chain(claim.map(alarm))
        .collect()
}

/// Neighboring chunks of one message become one.
fn coalesce(batch: Vec<FromAgent>) -> Vec<FromAgent> {
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
