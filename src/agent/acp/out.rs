//! Our end of the connection, which every machine receives: its effects, the requests that are open in either
//! direction, and the place the agent works in. Every request of the agent is answered exactly once.

use super::message::{self, Id, RpcError};
use super::peek;
use super::place::Roots;
use super::preview::Expected;
use super::speak;
use crate::agent::acp::limits::{ACP_NOTE_BYTES_MAX, ACP_OPEN_REQUESTS_BYTES_MAX, ACP_OPEN_REQUESTS_MAX};
use crate::base::ActionId;
use crate::model::Keeping;
use crate::model::event::AgentNoted;
use crate::port::{FromAgent, Ticket};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// An effect requested by the client.
#[derive(Debug)]
pub enum Effect {
    Send(Value),
    Report(FromAgent),
    Arm(Timer, Duration),
    Disarm(Timer),
    /// Compare the candidate with the workspace; the answer is [`super::client::Input::Changes`].
    LookAtCandidate,
    /// Put these files of the candidate, decided on in these states, back to what the workspace has, then take over the
    /// rest.
    Reset(Expected),
    /// End the process; nothing more follows.
    Finish,
}

/// Timers. Arming one again replaces it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Timer {
    /// The agent must have started.
    Start,
    /// Time to say that it still starts.
    StartNote,
    /// The canceled turn counts as ended.
    Cancel,
    /// The agent that never confirmed a cancel is prompted anyway.
    Settle,
    /// Look at the candidate while the agent works in it.
    Candidate,
    /// A changed request has paused changing.
    Changed,
}

/// The subject of one of our own requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Called {
    Initialize,
    Authenticate,
    Open { resumed: bool },
    Sessions,
    Prompt,
    Steering { action: Option<ActionId>, text: String },
    Set { what: String, at_start: bool },
    Keep(Keeping),
    Close,
}

/// See the module.
pub struct Out {
    place: Arc<Roots>,
    /// The agent's id of the session.
    session: Option<String>,
    effects: Vec<Effect>,
    /// Our own requests that have not been answered.
    calls: BTreeMap<u64, Called>,
    next_call: u64,
    /// Requests of the agent that have not been answered, with what they hold.
    open: BTreeMap<Id, usize>,
    answered: BTreeSet<Id>,
    finished: bool,
}

impl Out {
    pub fn new(place: Arc<Roots>) -> Self {
        Self {
            place,
            session: None,
            effects: Vec::new(),
            calls: BTreeMap::new(),
            next_call: 1,
            open: BTreeMap::new(),
            answered: BTreeSet::new(),
            finished: false,
        }
    }

    /// Returns the effects since the last call, in order.
    pub fn take(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.effects)
    }

    pub fn is_finished(&self) -> bool {
        self.finished
    }

    pub fn place(&self) -> Arc<Roots> {
        Arc::clone(&self.place)
    }

    /// The agent's id of the session; empty before there is one, which agents answer with an error.
    pub fn session(&self) -> &str {
        self.session.as_deref().unwrap_or_default()
    }

    /// Another session of the agent, or none until it has named it.
    pub fn enter(&mut self, session: Option<String>) {
        self.session = session;
    }

    /// Takes a request of the agent in; false when it was refused, because too much is open.
    pub fn admit(&mut self, id: &Id, params: &Value) -> bool {
        let bytes = peek::weight(params);
        let open_bytes = self.open.values().fold(bytes, |sum, more| sum.saturating_add(*more));
        if self.open.len() >= ACP_OPEN_REQUESTS_MAX || open_bytes > ACP_OPEN_REQUESTS_BYTES_MAX || id.is_too_long() {
            self.refuse_unopened(id, "too many open requests, or too large");
            return false;
        }
        if !self.answered.insert(id.clone()) {
            self.note("protocol", &format!("request id {id} was used before"));
        }
        if self.answered.len() > 4 * ACP_OPEN_REQUESTS_MAX {
            self.answered.clear();
        }
        self.open.insert(id.clone(), bytes);
        true
    }

    pub fn is_open(&self, id: &Id) -> bool {
        self.open.contains_key(id)
    }

    /// Answers a request of the agent, unless it was answered before.
    pub fn reply(&mut self, id: &Id, outcome: Result<Value, RpcError>) -> bool {
        let open = self.open.remove(id).is_some();
        if open {
            self.send(message::response(id, outcome));
        }
        open
    }

    /// Answers with an error.
    pub fn refuse(&mut self, id: &Id, code: i64, why: impl Into<String>) -> bool {
        self.reply(id, Err(RpcError::new(code, why)))
    }

    /// Answers a request that was not taken in.
    pub fn refuse_unopened(&mut self, id: &Id, why: &str) {
        self.send(message::response(id, Err(RpcError::new(RpcError::INVALID_REQUEST, why))));
    }

    /// Sends one of our requests; its number names the answer.
    pub fn call(&mut self, method: &str, params: Value, called: Called) -> u64 {
        let number = self.next_call;
        self.next_call += 1;
        self.calls.insert(number, called);
        self.send(message::request(number, method, params));
        number
    }

    /// Returns which of our requests an answer is for.
    pub fn called(&mut self, id: &Id) -> Option<(u64, Called)> {
        let number = id.number()?;
        Some((number, self.calls.remove(&number)?))
    }

    pub fn notify(&mut self, method: &str, params: Value) {
        self.send(message::notification(method, params));
    }

    fn send(&mut self, message: Value) {
        self.effects.push(Effect::Send(message));
    }

    pub fn arm(&mut self, timer: Timer, ms: u64) {
        self.effects.push(Effect::Arm(timer, Duration::from_millis(ms)));
    }

    pub fn disarm(&mut self, timer: Timer) {
        self.effects.push(Effect::Disarm(timer));
    }

    /// Compares the private copy, where there is one.
    pub fn look_at_copy(&mut self) {
        if self.place.is_private() {
            self.effects.push(Effect::LookAtCandidate);
        }
    }

    /// After the host wrote in the workspace the copy must have it too.
    pub fn refresh_copy(&mut self) {
        if self.place.is_private() {
            self.effects.push(Effect::Reset(Expected::new()));
        }
    }

    /// Files that were decided on are in the workspace; the copy takes them over, so that they are not a change of
    /// its own. What the agent has changed further stays.
    pub fn reset_copy(&mut self, decided: Expected) {
        if self.place.is_private() && !decided.is_empty() {
            self.effects.push(Effect::Reset(decided));
        }
    }

    pub fn report(&mut self, message: FromAgent) {
        self.effects.push(Effect::Report(message));
    }

    /// Records what the agent has received about an action.
    pub fn received(&mut self, action: Option<ActionId>, text: impl Into<String>) {
        self.report(FromAgent::Told { action, text: text.into() });
    }

    /// Raw or odd things the agent's side showed; bounded.
    pub fn note(&mut self, what: &str, text: &str) {
        let text = peek::bounded(&self.place.shown(text), ACP_NOTE_BYTES_MAX);
        self.report_note(what, text);
    }

    pub fn report_note(&mut self, what: &str, text: String) {
        self.report(FromAgent::Noted(AgentNoted::new(what, text)));
    }

    pub fn alarm(&mut self, what: &str, ticket: Option<Ticket>, text: impl Into<String>) {
        self.report(FromAgent::Alarm { what: what.into(), ticket, text: text.into() });
    }

    /// Nothing that the agent asked stays unanswered, and it need not answer any more itself.
    pub fn finish(&mut self) {
        for id in std::mem::take(&mut self.open).into_keys() {
            self.send(message::response(&id, Err(RpcError::new(RpcError::CANCELED, "the session is over"))));
        }
        for (number, called) in std::mem::take(&mut self.calls) {
            if called != Called::Close {
                self.notify(speak::CANCEL_REQUEST, speak::cancel_request(number));
            }
        }
        self.effects.push(Effect::Finish);
        self.finished = true;
    }
}
