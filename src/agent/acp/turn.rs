//! One prompt and everything until the agent is idle again: the queue before it, the cancel inside it, and the prompts
//! that follow from what the user decided. For the host all of this is one turn.

use super::blocks;
use super::conduct::Conduct;
use super::message::RpcError;
use super::out::{Called, Out, Timer};
use super::peek;
use super::speak;
use super::words::Words;
use crate::agent::acp::limits::{
    ACP_CANCEL_WAIT_MS, ACP_CANDIDATE_POLL_MS, ACP_FOLLOW_UPS_MAX, ACP_PROMPTS_QUEUED_MAX, ACP_SETTLE_WAIT_MS,
};
use crate::agent::catalog::Level;
use crate::base::ActionId;
use crate::model::When;
use crate::model::event::TurnEnd;
use crate::port::{FromAgent, PromptBlock, PromptBlocks};
use serde_json::Value;
use std::collections::{BTreeSet, VecDeque};

/// The state of the agent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Idle,
    /// A prompt with this request number is being worked on.
    Running { request: u64 },
    /// The prompt is being ended for the sake of the words for the boundary; the turn continues with them.
    Turning { request: u64 },
    /// A cancel was sent; its confirmation is awaited for a moment.
    Canceling { request: u64 },
    /// The prompt was answered; something of the turn is still to be executed or compared.
    Ending { reason: TurnEnd, text: Option<String>, abandoned: Option<u64> },
    /// The turn is over for us, but the agent has never said so.
    Abandoned { request: u64 },
}

/// A message to the agent, sent as soon as it accepts one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FollowUp {
    pub action: Option<ActionId>,
    pub text: String,
}

/// A reject that was sent.
#[derive(Debug)]
struct Rejection {
    /// A rule's words about it, sent only if it ended the turn, because most agents find their own way on.
    by_rule: Option<FollowUp>,
    /// Whether the request said that it ends the turn.
    ends: Option<bool>,
}

/// A message that is sent once per prompt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Once {
    /// A command ran without being asked for.
    UnaskedCommand,
    /// Changes of the private copy were found that nobody was asked about.
    UnaskedEdit,
}

/// See the module.
#[derive(Debug, Default)]
pub struct Turn {
    state: State,
    queue: VecDeque<PromptBlocks>,
    /// Words for the boundary before the agent's next action.
    boundary: Vec<FollowUp>,
    follow_ups: Vec<FollowUp>,
    /// Goes with the next prompt, and begins none.
    reminder: Option<String>,
    /// The present prompt is the agent's command that shortens what it remembers.
    compacts: bool,
    sent_by_ourselves: u32,
    /// The last reject of this prompt, until something of the agent comes.
    rejected: Option<Rejection>,
    reported: BTreeSet<Once>,
    pub words: Words,
}

impl Turn {
    pub fn is_idle(&self) -> bool {
        self.state == State::Idle
    }

    pub fn is_running(&self) -> bool {
        matches!(self.state, State::Running { .. } | State::Turning { .. } | State::Canceling { .. })
    }

    /// Questions of the agent are answered with "canceled" without asking anyone.
    pub fn refuses_questions(&self) -> bool {
        match self.state {
            State::Turning { .. } | State::Canceling { .. } | State::Abandoned { .. } | State::Ending { .. } => true,
            State::Idle | State::Running { .. } => false,
        }
    }

    /// True the first time in this prompt.
    pub fn first(&mut self, what: Once) -> bool {
        self.reported.insert(what)
    }

    /// Takes a prompt in. True when the running one must be canceled for it.
    pub fn prompted(&mut self, prompt: PromptBlocks, when: When, conduct: &Conduct, out: &mut Out) -> bool {
        if self.queue.len() >= ACP_PROMPTS_QUEUED_MAX {
            out.note("protocol", "too many prompts are queued; this one was dropped");
            return false;
        }
        self.sent_by_ourselves = 0;
        let works = matches!(self.state, State::Running { .. });
        match when {
            When::Boundary if works && conduct.can_be_steered() => steer(None, prompt.text(), out),
            When::Boundary if works => self.boundary.push(FollowUp { action: None, text: prompt.text() }),
            When::Interrupt if self.is_running() => {
                self.queue.push_front(prompt);
                return true;
            }
            When::Interrupt => {
                self.queue.push_front(prompt);
                self.next_prompt(conduct, out);
            }
            When::Queue | When::Boundary => {
                self.queue.push_back(prompt);
                self.next_prompt(conduct, out);
            }
        }
        false
    }

    /// After the start. Where the session stood reaches a new agent with the first prompt; one that loaded its own
    /// session knows it.
    pub fn first_prompt(&mut self, stood: Option<String>, conduct: &Conduct, out: &mut Out) {
        if let Some(stood) = stood {
            self.follow_up(None, stood);
        }
        self.next_prompt(conduct, out);
    }

    /// The agent is about to act and there is a message it must receive first. It accepts only prompts: the present one
    /// is ended, and the next one begins with the words. True if so; then the action is not asked about.
    pub fn turns_at_boundary(&mut self, what: &str, out: &mut Out) -> bool {
        let State::Running { request } = self.state else { return false };
        if self.boundary.is_empty() {
            return false;
        }
        out.note("boundary", &format!("{what} was set aside: the supervisor's message comes first"));
        self.state = State::Turning { request };
        true
    }

    /// A question of the user about a pending action: it interrupts nothing, and is sent when the agent accepts a
    /// prompt.
    pub fn questioned(&mut self, text: String, conduct: &Conduct, out: &mut Out) {
        if self.can_be_steered(conduct) {
            steer(None, text, out);
        } else {
            self.prompted(text.into(), When::Queue, conduct, out);
        }
    }

    /// What the agent must know while it goes on.
    pub fn reminded(&mut self, text: String, conduct: &Conduct, out: &mut Out) {
        if self.can_be_steered(conduct) {
            steer(None, text, out);
        } else {
            self.reminder = Some(text);
        }
    }

    fn can_be_steered(&self, conduct: &Conduct) -> bool {
        conduct.can_be_steered() && matches!(self.state, State::Running { .. })
    }

    pub fn follow_up(&mut self, action: Option<ActionId>, text: impl Into<String>) {
        let follow_up = FollowUp { action, text: text.into() };
        if !follow_up.text.trim().is_empty() && self.follow_ups.len() < ACP_PROMPTS_QUEUED_MAX {
            self.follow_ups.push(follow_up);
        }
    }

    /// Words about a decision: into the running turn where a reject does not end it (it is lost then, as on codex),
    /// else as the next prompt.
    pub fn send_later(&mut self, action: Option<ActionId>, text: &str, conduct: &Conduct, out: &mut Out) {
        let said = self.rejected.as_ref().and_then(|rejection| rejection.ends);
        let goes_on = said.map_or_else(|| conduct.survives_denial(), |ends| !ends);
        if self.can_be_steered(conduct) && goes_on && !text.trim().is_empty() {
            steer(action, text.to_owned(), out);
        } else {
            self.follow_up(action, text);
        }
    }

    /// Words that come with an approval: into the running turn where the agent can be steered, else as the next prompt.
    pub fn send_beside(&mut self, action: Option<ActionId>, text: String, conduct: &Conduct, out: &mut Out) {
        if self.can_be_steered(conduct) {
            steer(action, text, out);
        } else {
            self.follow_up(action, text);
        }
    }

    /// Words that come with the approval of a plan: before the agent carries out anything of it.
    pub fn send_before_acting(&mut self, action: Option<ActionId>, text: String, conduct: &Conduct, out: &mut Out) {
        if self.can_be_steered(conduct) {
            steer(action, text, out);
        } else if matches!(self.state, State::Running { .. }) {
            self.boundary.push(FollowUp { action, text });
        } else {
            self.follow_up(action, text);
        }
    }

    /// A plan was sent back: the agent does not go on before it has heard why. Its prompt is ended for that where
    /// nothing can be put into it.
    pub fn hears_first(&mut self, conduct: &Conduct) {
        if let State::Running { request } = self.state
            && !self.follow_ups.is_empty()
            && !self.can_be_steered(conduct)
        {
            self.state = State::Turning { request };
        }
    }

    pub fn is_turning(&self) -> bool {
        matches!(self.state, State::Turning { .. })
    }

    /// The user's edits of the plan reach the agent with the next prompt, or at once where it can be steered.
    pub fn plan_was_edited(&mut self, message: String, conduct: &Conduct, out: &mut Out) {
        if self.can_be_steered(conduct) && conduct.level() >= Level::L2 {
            steer(None, message, out);
        } else {
            self.follow_up(None, message);
        }
    }

    /// Only an answer that says so counts as delivered: some agents answer unknown methods with success.
    pub fn steered(
        &mut self,
        (action, text): (Option<ActionId>, String),
        outcome: Result<Value, RpcError>,
        conduct: &Conduct,
        out: &mut Out,
    ) {
        let word = outcome.ok().and_then(|answer| peek::text(&answer, "outcome").map(str::to_owned));
        match word.as_deref() {
            Some("injected" | "startedNewTurn") => out.received(action, text),
            Some(_) | None if action.is_some() => {
                self.follow_up(action, text);
                if self.is_idle() {
                    self.send_prompt(None, conduct, out);
                }
            }
            Some(_) | None if matches!(self.state, State::Running { .. }) => {
                self.boundary.push(FollowUp { action, text });
            }
            Some(_) | None => {
                self.queue.push_front(text.into());
                self.next_prompt(conduct, out);
            }
        }
    }

    /// Sends the next prompt if the agent is idle and there is one.
    fn next_prompt(&mut self, conduct: &Conduct, out: &mut Out) {
        if !conduct.is_ready() || !self.is_idle() {
            return;
        }
        let Some(prompt) = self.queue.pop_front() else { return };
        self.sent_by_ourselves = 0;
        self.send_prompt(Some(prompt), conduct, out);
    }

    /// Follow-ups first, each a block of its own so that it can be journaled as it was sent, then the user's message.
    /// One that begins with a command begins the prompt: agents look for commands only there.
    fn send_prompt(&mut self, prompt: Option<PromptBlocks>, conduct: &Conduct, out: &mut Out) {
        let mut parts = Vec::new();
        if let Some(text) = self.reminder.take() {
            parts.push(speak::text_block(&text));
            out.received(None, text);
        }
        for FollowUp { action, text } in std::mem::take(&mut self.follow_ups) {
            parts.push(speak::text_block(&text));
            out.received(action, text);
        }
        if let Some(prompt) = prompt {
            let message = blocks::of(&prompt, conduct, &out.place());
            if let Some(text) = blocks::not_as_pictures(&prompt, conduct) {
                out.note("fallback", &text);
            }
            let is_command = matches!(prompt.0.first(), Some(PromptBlock::Text(text)) if conduct.is_command(text));
            let at = if is_command { 0 } else { parts.len() };
            parts.splice(at..at, message);
            self.compacts = is_command && shortens(&prompt.text());
        }
        // What the user changed between the turns. The prompt leaves when this is done.
        out.refresh_copy();
        let params = speak::prompt(out.session(), &parts);
        let request = out.call(speak::method::SESSION_PROMPT, params, Called::Prompt);
        self.state = State::Running { request };
        self.rejected = None;
        self.reported.clear();
        self.words.clear();
        watch_copy(out);
    }

    /// The poll of the private copy while the agent works.
    pub fn look_again(&self, out: &mut Out) {
        if self.is_running() {
            out.look_at_copy();
            watch_copy(out);
        }
    }

    /// Returns whether this is the answer that the present prompt waits for. That of an abandoned one ends the wait for
    /// it.
    pub fn is_answered_by(&mut self, number: u64, conduct: &Conduct, out: &mut Out) -> bool {
        match self.state {
            State::Running { request } | State::Turning { request } | State::Canceling { request } => request == number,
            State::Abandoned { request } if request == number => {
                out.note("protocol", "it has now ended the canceled turn");
                self.settled(conduct, out);
                false
            }
            State::Idle | State::Ending { .. } | State::Abandoned { .. } => false,
        }
    }

    /// The prompt was answered. True when the user stopped it.
    pub fn prompt_ended(&mut self, outcome: Result<Value, RpcError>, conduct: &mut Conduct, out: &mut Out) -> bool {
        let asked_to_stop = matches!(self.state, State::Turning { .. } | State::Canceling { .. });
        if std::mem::take(&mut self.compacts) && outcome.is_ok() {
            out.report(FromAgent::Compacted);
        }
        let stopped = matches!(self.state, State::Canceling { .. });
        out.disarm(Timer::Cancel);
        let (reason, text) = match outcome {
            Ok(answer) => {
                if let Some(Rejection { by_rule, ends }) = self.rejected.take() {
                    self.follow_ups.extend(by_rule);
                    if ends != Some(true) && !asked_to_stop {
                        conduct.denial_ended_turn(out);
                    }
                }
                end_of(&answer)
            }
            Err(error) => (TurnEnd::Error, Some(error.words())),
        };
        if !stopped {
            for FollowUp { action, text } in std::mem::take(&mut self.boundary) {
                self.follow_up(action, text);
            }
        }
        let reason = if asked_to_stop { TurnEnd::Canceled } else { reason };
        self.state = State::Ending { reason, text, abandoned: None };
        stopped
    }

    /// Ends the turn once nothing of it is left, or continues with the message to the agent.
    pub fn try_end(&mut self, canceled: bool, is_busy: bool, conduct: &Conduct, out: &mut Out) {
        let State::Ending { reason, text, abandoned } = self.state.clone() else { return };
        if !canceled && is_busy {
            return;
        }
        out.disarm(Timer::Candidate);
        let stopped = canceled || abandoned.is_some();
        if !stopped && !self.follow_ups.is_empty() && self.sent_by_ourselves < ACP_FOLLOW_UPS_MAX {
            self.sent_by_ourselves += 1;
            return self.send_prompt(None, conduct, out);
        }
        if !stopped && let Some(prompt) = self.queue.pop_front() {
            // It came for this turn; for the host it is one.
            return self.send_prompt(Some(prompt), conduct, out);
        }
        let left = std::mem::take(&mut self.boundary);
        self.queue.extend(left.into_iter().map(|FollowUp { text, .. }| PromptBlocks::from(text)));
        out.report(FromAgent::TurnEnded { reason, text });
        match abandoned {
            Some(request) => {
                self.state = State::Abandoned { request };
                out.arm(Timer::Settle, ACP_SETTLE_WAIT_MS);
            }
            None => {
                self.state = State::Idle;
                self.next_prompt(conduct, out);
            }
        }
    }

    /// The user stops the turn. True when a prompt runs that must be ended.
    pub fn cancel(&mut self, out: &mut Out) -> bool {
        match self.state {
            State::Running { request } => {
                self.state = State::Canceling { request };
                return true;
            }
            State::Turning { request } => {
                self.state = State::Canceling { request };
                self.boundary.clear();
            }
            // The prompt still waits here: for the agent to start, or to confirm the last cancel.
            State::Idle | State::Abandoned { .. } if !self.queue.is_empty() => {
                self.queue.clear();
                out.report(FromAgent::TurnEnded { reason: TurnEnd::Canceled, text: None });
            }
            State::Idle | State::Canceling { .. } | State::Ending { .. } | State::Abandoned { .. } => {}
        }
        false
    }

    /// Asks the agent to end its prompt, once its open questions are answered.
    pub fn send_cancel(&self, out: &mut Out) {
        out.notify(speak::method::SESSION_CANCEL, speak::cancel(out.session()));
        out.arm(Timer::Cancel, ACP_CANCEL_WAIT_MS);
    }

    /// The agent did not confirm in time. True when it had to.
    pub fn cancel_timed_out(&mut self) -> bool {
        let (State::Turning { request } | State::Canceling { request }) = self.state else { return false };
        let text = Some("the agent has not confirmed the cancel; it is still being watched".to_owned());
        self.state = State::Ending { reason: TurnEnd::Canceled, text, abandoned: Some(request) };
        true
    }

    /// The canceled turn is really over, or has been waited for long enough.
    pub fn settled(&mut self, conduct: &Conduct, out: &mut Out) {
        if matches!(self.state, State::Abandoned { .. }) {
            out.disarm(Timer::Settle);
            self.state = State::Idle;
            self.next_prompt(conduct, out);
        }
    }

    /// The agent was rejected in this prompt, with a rule's words about it. `ends` is what the request says of the turn.
    pub fn rejected(&mut self, by_rule: Option<FollowUp>, ends: Option<bool>) {
        self.rejected = Some(Rejection { by_rule, ends });
    }

    /// Something came from the agent: after a reject it shows that the turn continues. That of a refusal which says so
    /// shows nothing of its others.
    pub fn goes_on(&mut self, conduct: &mut Conduct, out: &mut Out) {
        if self.rejected.take().is_some_and(|rejection| rejection.ends.is_none()) {
            conduct.went_on_after_denial(out);
        }
    }
}

/// A command after which an agent remembers less, whether or not it reports that.
fn shortens(text: &str) -> bool {
    let word = text.split_whitespace().next().unwrap_or_default();
    matches!(word, "/compact" | "/compress" | "/summarize" | "/clear")
}

/// Puts text into the running turn.
fn steer(action: Option<ActionId>, text: String, out: &mut Out) {
    let params = speak::steering(out.session(), &text);
    out.call(speak::STEERING, params, Called::Steering { action, text });
}

fn watch_copy(out: &mut Out) {
    if out.place().is_private() {
        out.arm(Timer::Candidate, ACP_CANDIDATE_POLL_MS);
    }
}

/// Returns the reason that a prompt ended. Words of other versions end the turn too.
fn end_of(answer: &Value) -> (TurnEnd, Option<String>) {
    match peek::text(answer, "stopReason") {
        Some("end_turn") => (TurnEnd::EndTurn, None),
        Some("cancelled" | "canceled") => (TurnEnd::Canceled, None),
        Some("max_tokens") => (TurnEnd::MaxTokens, None),
        Some("max_turn_requests") => (TurnEnd::Budget, Some("the agent's own limit of requests per turn".to_owned())),
        Some("refusal") => (TurnEnd::Refusal, None),
        Some(other) => (TurnEnd::EndTurn, Some(format!("stop reason “{other}”"))),
        None => (TurnEnd::EndTurn, None),
    }
}
