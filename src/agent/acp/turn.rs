//! One prompt and everything until the agent is idle again: the queue before it, the cancel inside it, and the prompts
//! that follow from what the user decided. For the host all of this is one turn.

use super::client::{Called, Client, Effect, Timer};
use super::message::RpcError;
use super::peek;
use super::place::Disk;
use super::speak;
use crate::agent::acp::limits::{
    ACP_CANCEL_WAIT_MS, ACP_FOLLOW_UPS_MAX, ACP_PROMPTS_QUEUED_MAX, ACP_REASON_BYTES_MAX, ACP_SETTLE_WAIT_MS,
};
use crate::agent::catalog::Level;
use crate::base::ActionId;
use crate::model::When;
use crate::model::event::{LapseWhy, TurnEnd};
use crate::port::FromAgent;
use serde_json::Value;
use std::collections::VecDeque;
use std::time::Duration;

/// Where the agent stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum State {
    #[default]
    Idle,
    /// A prompt with this request number is being worked on.
    Running { request: u64 },
    /// A cancel was sent; its confirmation is awaited for a moment.
    Cancelling { request: u64 },
    /// The prompt was answered; something of the turn is still to be executed or looked at.
    Ending { reason: TurnEnd, text: Option<String>, abandoned: Option<u64> },
    /// The turn is over for us, but the agent has never said so.
    Abandoned { request: u64 },
}

/// Something the agent must hear as soon as it listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FollowUp {
    pub action: Option<ActionId>,
    pub text: String,
}

/// See the module.
#[derive(Debug, Default)]
pub struct Turn {
    pub state: State,
    queue: VecDeque<String>,
    /// Words for the boundary before the agent's next action.
    boundary: Vec<String>,
    /// The prompt is being ended for the sake of those words; the turn continues with them.
    turning: bool,
    follow_ups: Vec<FollowUp>,
    sent_by_ourselves: u32,
    /// A reject was sent in this prompt, and nothing of the agent came since.
    pub rejected: bool,
    /// What a rule refused last; told only if the refusal ended the turn, because most agents find their own way on.
    pub refused_by_rule: Option<FollowUp>,
    /// The agent's latest words, bounded: its reason for what it asks next.
    words: String,
    words_are_thought: bool,
    /// A tool call has ended since: the next words begin a new reason.
    acted: bool,
    /// A command ran without being asked for; said once a turn.
    pub unasked_command: bool,
    /// Changes of the private copy were found that nobody was asked about; said once a turn.
    pub unasked_edit: bool,
    /// An edit that could not be shown was let into the private copy in this turn.
    pub let_through: bool,
    /// The candidate is being looked at for the last time in this turn.
    pub looking: bool,
}

impl Turn {
    pub fn is_running(&self) -> bool {
        matches!(self.state, State::Running { .. } | State::Cancelling { .. })
    }

    /// Questions of the agent are answered with "cancelled" without asking anyone.
    pub fn refuses_questions(&self) -> bool {
        matches!(self.state, State::Cancelling { .. } | State::Abandoned { .. } | State::Ending { .. })
    }

    /// Keeps the end of what the agent said or thought last. A thought and a message are paragraphs of their own.
    pub fn heard(&mut self, words: &str, is_thought: bool) {
        if std::mem::take(&mut self.acted) {
            self.words.clear();
        }
        if self.words_are_thought != is_thought && !self.words.is_empty() {
            self.words.push_str("\n\n");
        }
        self.words_are_thought = is_thought;
        self.words.push_str(words);
        if self.words.len() > 2 * ACP_REASON_BYTES_MAX {
            let from = self.words.len() - ACP_REASON_BYTES_MAX;
            let cut = (from..=self.words.len()).find(|at| self.words.is_char_boundary(*at)).unwrap_or(0);
            self.words.drain(..cut);
        }
    }

    /// A tool call has ended.
    pub fn acted(&mut self) {
        self.acted = true;
    }

    /// What the agent said since its last action.
    pub fn reason(&mut self) -> String {
        std::mem::take(&mut self.words).trim().to_owned()
    }

    pub fn follow_up(&mut self, action: Option<ActionId>, text: impl Into<String>) {
        let follow_up = FollowUp { action, text: text.into() };
        if !follow_up.text.trim().is_empty() && self.follow_ups.len() < ACP_PROMPTS_QUEUED_MAX {
            self.follow_ups.push(follow_up);
        }
    }
}

impl Client {
    /// What the agent has said so far may hold its plan; looked at when it has finished speaking.
    pub(super) fn hear_plan(&mut self) {
        if let Some(steps) = self.plans.of_words(&self.turn.words) {
            self.tell(FromAgent::Plan { by: "agent".to_owned(), steps });
        }
    }

    /// After the start. Where the session stood reaches a new agent with the first prompt; one that loaded its own
    /// session knows it.
    pub(super) fn first_prompt(&mut self) {
        if let Some(stood) = self.setup.resume.take() {
            self.turn.follow_up(None, stood);
        }
        self.next_prompt();
    }

    pub(super) fn prompted(&mut self, text: String, when: When) {
        if self.turn.queue.len() >= ACP_PROMPTS_QUEUED_MAX {
            return self.note("protocol", "too many prompts are queued; this one was dropped");
        }
        self.turn.sent_by_ourselves = 0;
        match when {
            When::Boundary if self.conduct.steering && matches!(self.turn.state, State::Running { .. }) => {
                self.steer(None, text)
            }
            When::Boundary if matches!(self.turn.state, State::Running { .. }) => self.turn.boundary.push(text),
            When::Queue | When::Boundary => {
                self.turn.queue.push_back(text);
                self.next_prompt();
            }
            When::Interrupt => {
                self.turn.queue.push_front(text);
                if self.turn.is_running() { self.cancel() } else { self.next_prompt() }
            }
        }
    }

    /// The agent is about to act and there is something it must hear first. It listens only to prompts: the present one is
    /// ended, and the next one begins with the words. Gives whether it is so; then the action is not asked about.
    pub(super) fn turns_at_boundary(&mut self, what: &str) -> bool {
        let State::Running { request } = self.turn.state else { return false };
        if self.turn.boundary.is_empty() {
            return false;
        }
        self.note("boundary", &format!("{what} was set aside: the supervisor's message comes first"));
        self.turn.turning = true;
        self.stop_prompt(request);
        true
    }

    /// A question of the user's about something that waits: it disturbs nothing, and is put when the agent listens.
    pub(super) fn questioned(&mut self, text: String) {
        if self.conduct.steering && matches!(self.turn.state, State::Running { .. }) {
            self.steer(None, text);
        } else {
            self.prompted(text, When::Queue);
        }
    }

    fn steer(&mut self, action: Option<ActionId>, text: String) {
        let params = speak::steering(&self.session_id(), &text);
        self.call(speak::STEERING, params, Called::Steering { action, text });
    }

    /// Words about a decision: into the running turn where a reject does not end it (it is lost then, as on codex), else
    /// as the next prompt.
    pub(super) fn tell_later(&mut self, action: Option<ActionId>, text: &str) {
        let listens = self.conduct.steering && !self.conduct.deny_ends_turn && self.conduct.level >= Level::L2;
        if listens && matches!(self.turn.state, State::Running { .. }) && !text.trim().is_empty() {
            self.steer(action, text.to_owned());
        } else {
            self.turn.follow_up(action, text);
        }
    }

    /// Words that come with an approval: into the running turn where the agent can be steered, else as the next prompt.
    pub(super) fn tell_beside(&mut self, action: Option<ActionId>, text: String) {
        if self.conduct.steering && matches!(self.turn.state, State::Running { .. }) {
            self.steer(action, text);
        } else {
            self.turn.follow_up(action, text);
        }
    }

    /// Only an answer that says so counts as delivered: some agents answer unknown methods with success.
    pub(super) fn steered(&mut self, action: Option<ActionId>, text: String, outcome: Result<Value, RpcError>) {
        let word = outcome.ok().and_then(|answer| peek::text(&answer, "outcome").map(str::to_owned));
        match word.as_deref() {
            Some("injected" | "startedNewTurn") => self.tell(FromAgent::Told { action, text }),
            Some(_) | None if action.is_some() => {
                self.turn.follow_up(action, text);
                if self.turn.state == State::Idle {
                    self.send_prompt(None);
                }
            }
            Some(_) | None if matches!(self.turn.state, State::Running { .. }) => self.turn.boundary.push(text),
            Some(_) | None => {
                self.turn.queue.push_front(text);
                self.next_prompt();
            }
        }
    }

    /// The user's edits of the plan reach the agent with the next prompt, or at once where it can be steered.
    pub(super) fn plan_was_edited(&mut self, told: String) {
        if self.conduct.steering && self.conduct.level >= Level::L2 && matches!(self.turn.state, State::Running { .. })
        {
            self.steer(None, told);
        } else {
            self.turn.follow_up(None, told);
        }
    }

    /// Sends the next prompt if the agent is idle and there is one.
    pub(super) fn next_prompt(&mut self) {
        if !self.handshake.is_ready() || self.turn.state != State::Idle {
            return;
        }
        let Some(text) = self.turn.queue.pop_front() else { return };
        self.turn.sent_by_ourselves = 0;
        self.send_prompt(Some(text));
    }

    /// Follow-ups first, each a block of its own, then the user's text.
    fn send_prompt(&mut self, text: Option<String>) {
        let mut parts = Vec::new();
        for FollowUp { action, text } in std::mem::take(&mut self.turn.follow_ups) {
            parts.push(text.clone());
            self.tell(FromAgent::Told { action, text });
        }
        parts.extend(text);
        let params = speak::prompt(&self.session_id(), &parts);
        let request = self.call(speak::TO_AGENT.session_prompt, params, Called::Prompt);
        self.turn.state = State::Running { request };
        self.turn.rejected = false;
        self.turn.refused_by_rule = None;
        self.turn.unasked_command = false;
        self.turn.unasked_edit = false;
        self.turn.let_through = false;
        self.turn.words.clear();
        self.turn.turning = false;
        self.watch_candidate();
    }

    pub(super) fn prompt_answered(&mut self, number: u64, outcome: Result<Value, RpcError>, disk: &dyn Disk) {
        match self.turn.state {
            State::Running { request } | State::Cancelling { request } if request == number => {}
            State::Abandoned { request } if request == number => {
                self.note("protocol", "it has now ended the canceled turn");
                return self.settled();
            }
            State::Idle
            | State::Running { .. }
            | State::Cancelling { .. }
            | State::Ending { .. }
            | State::Abandoned { .. } => {
                return;
            }
        }
        let asked_to_stop = matches!(self.turn.state, State::Cancelling { .. });
        self.hear_plan();
        self.effect(Effect::Disarm(Timer::Cancel));
        let (reason, text) = match outcome {
            Ok(answer) => {
                self.used_by_turn(&answer);
                if self.turn.rejected {
                    let reason = self.turn.refused_by_rule.take();
                    self.turn.follow_ups.extend(reason);
                    self.conduct.deny_ends_turn = true;
                    self.level_seen(Level::L1);
                }
                end_of(&answer)
            }
            Err(error) if asked_to_stop => (TurnEnd::Cancelled, Some(error.words())),
            Err(error) => (TurnEnd::Error, Some(error.words())),
        };
        let reason = if asked_to_stop { TurnEnd::Cancelled } else { reason };
        let stopped = asked_to_stop && !self.turn.turning;
        if !stopped {
            for text in std::mem::take(&mut self.turn.boundary) {
                self.turn.follow_up(None, text);
            }
        }
        self.end_turn(reason, text, None, stopped, disk);
    }

    /// Closes what the agent left open and waits for what we still do ourselves.
    fn end_turn(
        &mut self,
        reason: TurnEnd,
        text: Option<String>,
        abandoned: Option<u64>,
        cancelled: bool,
        disk: &dyn Disk,
    ) {
        for ticket in self.asks.unanswered() {
            self.void(ticket, LapseWhy::Cancelled);
        }
        for id in self.tools.open() {
            self.close_call(&id, disk);
        }
        self.close_running(disk);
        let unwritten = self.asks.forget_grants();
        self.reset_candidate(unwritten);
        self.turn.state = State::Ending { reason, text, abandoned };
        self.turn.looking = self.setup.place.is_private() && !cancelled;
        if self.turn.looking {
            self.effect(Effect::LookAtCandidate);
        }
        self.try_end(cancelled);
    }

    /// Ends the turn once nothing of it is left, or continues with what the agent must hear.
    pub(super) fn try_end(&mut self, cancelled: bool) {
        let State::Ending { reason, text, abandoned } = self.turn.state.clone() else { return };
        if !cancelled && (self.turn.looking || self.asks.carrying_out()) {
            return;
        }
        self.effect(Effect::Disarm(Timer::Candidate));
        let stopped = cancelled || abandoned.is_some();
        if !stopped && !self.turn.follow_ups.is_empty() && self.turn.sent_by_ourselves < ACP_FOLLOW_UPS_MAX {
            self.turn.sent_by_ourselves += 1;
            self.turn.state = State::Idle;
            return self.send_prompt(None);
        }
        if !stopped && let Some(text) = self.turn.queue.pop_front() {
            // It came for this turn; for the host it is one.
            self.turn.state = State::Idle;
            return self.send_prompt(Some(text));
        }
        self.turn.queue.extend(std::mem::take(&mut self.turn.boundary));
        self.tell(FromAgent::TurnEnded { reason, text });
        match abandoned {
            Some(request) => {
                self.turn.state = State::Abandoned { request };
                self.effect(Effect::Arm(Timer::Settle, Duration::from_millis(ACP_SETTLE_WAIT_MS)));
            }
            None => {
                self.turn.state = State::Idle;
                self.next_prompt();
            }
        }
    }

    /// Every open question is answered "cancelled" first, as the protocol wants it; the turn ends within a second.
    pub(super) fn cancel(&mut self) {
        match self.turn.state.clone() {
            State::Running { request } => self.stop_prompt(request),
            State::Cancelling { .. } if self.turn.turning => {
                self.turn.turning = false;
                self.turn.boundary.clear();
            }
            State::Ending { .. } => self.try_end(true),
            // The prompt still waits here: for the agent to start, or to confirm the last cancel.
            State::Idle | State::Abandoned { .. } if !self.turn.queue.is_empty() => {
                self.turn.queue.clear();
                self.tell(FromAgent::TurnEnded { reason: TurnEnd::Cancelled, text: None });
            }
            State::Idle | State::Cancelling { .. } | State::Abandoned { .. } => {}
        }
    }

    fn stop_prompt(&mut self, request: u64) {
        self.turn.state = State::Cancelling { request };
        for ticket in self.asks.withdrawable() {
            self.void(ticket, LapseWhy::Cancelled);
        }
        let params = speak::cancel(&self.session_id());
        self.notify(speak::TO_AGENT.session_cancel, params);
        self.effect(Effect::Arm(Timer::Cancel, Duration::from_millis(ACP_CANCEL_WAIT_MS)));
    }

    pub(super) fn cancel_timed_out(&mut self, disk: &dyn Disk) {
        if let State::Cancelling { request } = self.turn.state {
            let text = "the agent has not confirmed the cancel; it is still being watched".to_owned();
            self.end_turn(TurnEnd::Cancelled, Some(text), Some(request), true, disk);
        }
    }

    /// The cancelled turn is really over, or has been waited for long enough.
    pub(super) fn settled(&mut self) {
        if matches!(self.turn.state, State::Abandoned { .. }) {
            self.effect(Effect::Disarm(Timer::Settle));
            self.turn.state = State::Idle;
            self.next_prompt();
        }
    }

    /// Something came from the agent: after a reject it shows that the turn continues.
    pub(super) fn turn_goes_on(&mut self) {
        if std::mem::take(&mut self.turn.rejected) {
            self.level_seen(Level::L2);
        }
    }
}

/// Why a prompt ended. Words of other versions end the turn too.
fn end_of(answer: &Value) -> (TurnEnd, Option<String>) {
    match peek::text(answer, "stopReason") {
        Some("end_turn") => (TurnEnd::EndTurn, None),
        Some("cancelled" | "canceled") => (TurnEnd::Cancelled, None),
        Some("max_tokens") => (TurnEnd::MaxTokens, None),
        Some("max_turn_requests") => (TurnEnd::Budget, Some("the agent's own limit of requests per turn".to_owned())),
        Some("refusal") => (TurnEnd::Refusal, None),
        Some(other) => (TurnEnd::EndTurn, Some(format!("stop reason “{other}”"))),
        None => (TurnEnd::EndTurn, None),
    }
}
