//! Our side of one connection as a pure machine: inputs in, effects out. It knows no clock, no process and no file but
//! through the read-only [`Disk`] it is handed; every request the agent sends is answered exactly once.

use super::asks::Asks;
use super::conduct::Conduct;
use super::copying::Copying;
use super::handshake::Handshake;
use super::message::{self, Id, Message, RpcError};
use super::outline::Outline;
use super::peek;
use super::place::{Disk, Place};
use super::plans::Plans;
use super::settings::Settings;
use super::speak;
use super::terminals::Terminals;
use super::tools::Tools;
use super::turn::Turn;
use crate::agent::acp::limits::{ACP_NOTE_BYTES_MAX, ACP_OPEN_REQUESTS_BYTES_MAX, ACP_OPEN_REQUESTS_MAX};
use crate::agent::catalog::AgentSpec;
use crate::base::{ActionId, RelPath};
use crate::model::Keeping;
use crate::model::event::{AgentNoted, Isolation, Usage};
use crate::port::{CandidateChanges, FromAgent, Ticket, ToAgent};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// What can happen to the client.
#[derive(Debug)]
pub enum Input {
    /// The process runs; begin.
    Start,
    /// One JSON message of the agent.
    Message(Value),
    /// A line of its stdout that is no message.
    Noise(String),
    /// A line beyond the cap; only its beginning is left.
    TooLong {
        head: String,
        bytes: u64,
        asks: Option<(Id, bool)>,
    },
    /// A line of its stderr.
    Stderr(String),
    Host(ToAgent),
    /// What the private candidate holds that the workspace does not.
    Changes(Result<CandidateChanges, String>),
    Elapsed(Timer),
    /// The process or its streams are gone.
    Gone {
        why: String,
        exit: Option<i32>,
    },
}

/// What the client wants done.
#[derive(Debug)]
pub enum Effect {
    Send(Value),
    Tell(FromAgent),
    Arm(Timer, Duration),
    Disarm(Timer),
    /// Compare the candidate with the workspace; the answer is [`Input::Changes`].
    LookAtCandidate,
    /// Put these files of the candidate back to what the workspace has, then take over the rest.
    Reset(Vec<RelPath>),
    /// End the process; nothing more follows.
    Finish,
}

/// Waits that end by themselves. Arming one again replaces it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Timer {
    /// The agent must have started.
    Start,
    /// Time to say that it still starts.
    StartNote,
    /// The cancelled turn counts as ended.
    Cancel,
    /// The agent that never confirmed a cancel is prompted anyway.
    Settle,
    /// Look at the candidate while the agent works in it.
    Candidate,
    /// A changed request has paused changing.
    Changed,
}

/// What one of our own requests was about.
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

/// What the client is made of besides its states.
#[derive(Clone, Debug)]
pub struct Setup {
    pub spec: AgentSpec,
    pub place: Place,
    pub isolation: Isolation,
    /// Where the session stood, when a host takes it over.
    pub resume: Option<String>,
    /// The agent's own id of the session to continue with.
    pub load: Option<String>,
    /// Names of the variables that the agent's process is given.
    pub env_names: BTreeSet<String>,
}

#[cfg(test)]
impl Setup {
    /// Gated, in `/w`, of an agent without peculiarities.
    pub(super) fn plain() -> Self {
        Self {
            spec: AgentSpec::default(),
            place: Place::new("/w", "/w"),
            isolation: Isolation::Gated,
            resume: None,
            load: None,
            env_names: BTreeSet::new(),
        }
    }
}

/// See the module.
pub struct Client {
    pub(super) setup: Setup,
    pub(super) session: Option<String>,
    pub(super) handshake: Handshake,
    pub(super) turn: Turn,
    pub(super) tools: Tools,
    pub(super) asks: Asks,
    pub(super) terminals: Terminals,
    pub(super) plans: Plans,
    pub(super) settings: Settings,
    pub(super) conduct: Conduct,
    pub(super) copying: Copying,
    pub(super) usage: Usage,
    calls: BTreeMap<u64, Called>,
    next_call: u64,
    /// Requests of the agent that have not been answered, with what they hold.
    open: BTreeMap<Id, usize>,
    answered: BTreeSet<Id>,
    out: Vec<Effect>,
    finished: bool,
}

impl Client {
    pub fn new(setup: Setup) -> Self {
        Self {
            conduct: Conduct::of(&setup.spec),
            tools: Tools::at(setup.place.clone()),
            setup,
            session: None,
            handshake: Handshake::default(),
            turn: Turn::default(),
            asks: Asks::default(),
            terminals: Terminals::default(),
            plans: Plans::default(),
            settings: Settings::default(),
            copying: Copying::default(),
            usage: Usage::default(),
            calls: BTreeMap::new(),
            next_call: 1,
            open: BTreeMap::new(),
            answered: BTreeSet::new(),
            out: Vec::new(),
            finished: false,
        }
    }

    /// Takes one input and gives what is to be done about it, in order.
    pub fn on(&mut self, input: Input, disk: &dyn Disk) -> Vec<Effect> {
        if self.finished {
            return Vec::new();
        }
        match input {
            Input::Start => self.begin(),
            Input::Message(value) => self.hear(value, disk),
            Input::Noise(text) => {
                self.note("protocol", &format!("not a message: {text}"));
                self.unreadable(
                    Outline::of(&text),
                    "it cannot be parsed: invalid, too deeply nested, or with a number out of range",
                );
            }
            Input::TooLong { head, bytes, asks } => {
                self.note("protocol", &format!("a line of {bytes} bytes was dropped; it began: {head}"));
                self.unreadable(asks, &format!("a message of {bytes} bytes is too long"));
            }
            Input::Stderr(line) => self.tell_note("stderr", line),
            Input::Host(message) => self.hear_host(message, disk),
            Input::Changes(changes) => self.candidate_changed(changes, disk),
            Input::Elapsed(timer) => self.elapsed(timer, disk),
            Input::Gone { why, exit } => {
                // What it was allowed to do it may have done before it died: the disk says.
                self.close_running(disk);
                self.lost(why, exit);
            }
        }
        std::mem::take(&mut self.out)
    }

    fn hear(&mut self, value: Value, disk: &dyn Disk) {
        match Message::of(value) {
            Message::Request { id, method, params } => self.asked(id, &method, &params, disk),
            Message::Notification { method, params } => self.notified(&method, &params, disk),
            Message::Response { id, outcome } => {
                let called = id.number().and_then(|n| self.calls.remove(&n).map(|called| (n, called)));
                match called {
                    Some((number, called)) => self.answered_us(number, called, outcome, disk),
                    None => self.note("protocol", &format!("an answer without a request: id {id}")),
                }
            }
            Message::Strange(value) => self.note("protocol", &format!("not JSON-RPC: {value}")),
        }
    }

    fn asked(&mut self, id: Id, method: &str, params: &Value, disk: &dyn Disk) {
        if self.open.contains_key(&id) {
            return self.id_used_twice(&id, method);
        }
        let bytes = peek::weight(params);
        let open_bytes = self.open.values().fold(bytes, |sum, more| sum.saturating_add(*more));
        if self.open.len() >= ACP_OPEN_REQUESTS_MAX || open_bytes > ACP_OPEN_REQUESTS_BYTES_MAX || id.is_too_long() {
            let error = RpcError::new(RpcError::INVALID_REQUEST, "too many open requests, or too large");
            return self.send(message::response(&id, Err(error)));
        }
        if !self.answered.insert(id.clone()) {
            self.note("protocol", &format!("request id {id} was used before"));
        }
        if self.answered.len() > 4 * ACP_OPEN_REQUESTS_MAX {
            self.answered.clear();
        }
        self.open.insert(id.clone(), bytes);
        let known = &speak::FROM_AGENT;
        let method = method.strip_prefix('_').filter(|plain| *plain == known.elicitation_create).unwrap_or(method);
        match method {
            m if m == known.session_request_permission => self.permission_asked(id, params, disk),
            m if m == known.fs_read_text_file => self.read_asked(id, params, disk),
            m if m == known.fs_write_text_file => self.write_asked(id, params, disk),
            m if m == known.terminal_create => self.terminal_asked(id, params),
            m if m == known.terminal_output => self.terminal_output_asked(&id, params),
            m if m == known.terminal_wait_for_exit => self.terminal_exit_asked(id, params),
            m if m == known.terminal_kill => self.terminal_kill_asked(&id, params),
            m if m == known.terminal_release => self.terminal_release_asked(&id, params),
            m if m == known.elicitation_create => self.form_asked(id, params),
            // A notification that came with an id is heard all the same.
            m if m == known.session_update => {
                self.updated(params, disk);
                self.reply(&id, Ok(Value::Null));
            }
            other => {
                self.note("protocol", &format!("unknown method {other}: {params}"));
                let error = RpcError::new(RpcError::METHOD_NOT_FOUND, format!("Method not found: {other}"));
                self.reply(&id, Err(error));
            }
        }
    }

    /// One answer would serve two questions: neither gets a yes.
    fn id_used_twice(&mut self, id: &Id, method: &str) {
        let text = format!(
            "request id {id} is used for a second request ({method}) while the first is open; both are rejected"
        );
        let ticket = self.asks.of_request(id);
        self.alarm("protocol", ticket, text.clone());
        if let Some(ticket) = ticket {
            self.void(ticket, crate::model::event::LapseWhy::Voided);
        }
        self.reply(id, Err(RpcError::new(RpcError::INVALID_REQUEST, text.clone())));
        self.send(message::response(id, Err(RpcError::new(RpcError::INVALID_REQUEST, text))));
    }

    fn notified(&mut self, method: &str, params: &Value, disk: &dyn Disk) {
        if method == speak::FROM_AGENT.session_update {
            return self.updated(params, disk);
        }
        if method == speak::CANCEL_REQUEST {
            let id = params.get("requestId").or_else(|| params.get("id")).map(Id::of);
            return id.map_or((), |id| self.question_cancelled(&id));
        }
        if method == speak::FROM_AGENT.elicitation_complete {
            return self.note("notice", "the step that the agent asked you to do on a web page is done");
        }
        self.note("protocol", &format!("{method} {params}"));
    }

    /// The agent takes one of its own questions back.
    fn question_cancelled(&mut self, id: &Id) {
        if let Some(ticket) = self.asks.of_request(id) {
            self.void(ticket, crate::model::event::LapseWhy::Cancelled);
        }
        self.reply(id, Err(RpcError::new(RpcError::CANCELLED, "Request cancelled")));
    }

    fn answered_us(&mut self, number: u64, called: Called, outcome: Result<Value, RpcError>, disk: &dyn Disk) {
        match called {
            Called::Initialize => self.initialized(outcome),
            Called::Authenticate => self.authenticated(outcome),
            Called::Sessions => self.sessions_listed(outcome),
            Called::Open { resumed } => self.opened(resumed, outcome),
            Called::Prompt => self.prompt_answered(number, outcome, disk),
            Called::Steering { action, text } => self.steered(action, text, outcome),
            Called::Set { what, at_start } => self.was_set(&what, at_start, outcome),
            Called::Keep(keeping) => self.kept(&keeping, outcome),
            Called::Close => {}
        }
    }

    fn hear_host(&mut self, message: ToAgent, disk: &dyn Disk) {
        match message {
            ToAgent::Prompt { text, when } => self.prompted(text, when),
            ToAgent::Question(text) => self.questioned(text),
            ToAgent::Filed { ticket, action } => self.asks.filed(ticket, action),
            ToAgent::Answered { ticket, answer } => self.decided(ticket, answer),
            ToAgent::Output { ticket, bytes } => self.terminal_wrote(ticket, &bytes),
            ToAgent::Performed { ticket, performed } => self.performed(ticket, *performed, disk),
            ToAgent::TrialDone { .. } | ToAgent::Mode(_) => {}
            ToAgent::PlanEdited { told, .. } => self.plan_was_edited(told),
            ToAgent::SetOption { id, value } => self.set_option(&id, &value, false),
            ToAgent::Keeping(keeping) => self.keep(keeping),
            ToAgent::Cancel => self.cancel(),
            ToAgent::Shutdown => self.shut_down(),
        }
    }

    fn elapsed(&mut self, timer: Timer, disk: &dyn Disk) {
        match timer {
            Timer::Start => self.start_timed_out(),
            Timer::StartNote => self.note_slow_start(),
            Timer::Cancel => self.cancel_timed_out(disk),
            Timer::Settle => self.settled(),
            Timer::Candidate => self.look_again(),
            Timer::Changed => self.ask_again(disk),
        }
    }

    /// Even what cannot be read is answered when it asks, and counts as the answer when it answers.
    fn unreadable(&mut self, asks: Option<(Id, bool)>, why: &str) {
        let Some((id, is_request)) = asks else { return };
        let error = RpcError::new(RpcError::INVALID_REQUEST, why);
        if is_request && self.open.contains_key(&id) {
            self.id_used_twice(&id, "one that cannot be read");
        } else if is_request {
            self.send(message::response(&id, Err(error)));
        } else if let Some((number, called)) = id.number().and_then(|n| Some((n, self.calls.remove(&n)?))) {
            self.answered_us(number, called, Err(error), &NoDisk);
        }
    }

    pub(super) fn lost(&mut self, why: String, exit: Option<i32>) {
        for ticket in self.asks.withdrawable() {
            self.void(ticket, crate::model::event::LapseWhy::AgentLost);
        }
        self.tell(FromAgent::Lost { why, exit });
        self.finish();
    }

    /// Nothing that the agent asked stays unanswered, and it need not answer any more itself.
    pub(super) fn finish(&mut self) {
        for id in std::mem::take(&mut self.open).into_keys() {
            self.send(message::response(&id, Err(RpcError::new(RpcError::CANCELLED, "the session is over"))));
        }
        for (number, called) in std::mem::take(&mut self.calls) {
            if called != Called::Close {
                self.notify(speak::CANCEL_REQUEST, speak::cancel_request(number));
            }
        }
        self.out.push(Effect::Finish);
        self.finished = true;
    }

    /// Sends one of our requests; its number names the answer.
    pub(super) fn call(&mut self, method: &str, params: Value, called: Called) -> u64 {
        let number = self.next_call;
        self.next_call += 1;
        self.calls.insert(number, called);
        self.send(message::request(number, method, params));
        number
    }

    pub(super) fn notify(&mut self, method: &str, params: Value) {
        self.send(message::notification(method, params));
    }

    pub(super) fn send(&mut self, message: Value) {
        self.out.push(Effect::Send(message));
    }

    /// Answers a request of the agent, unless it was answered before.
    pub(super) fn reply(&mut self, id: &Id, outcome: Result<Value, RpcError>) -> bool {
        let open = self.open.remove(id).is_some();
        if open {
            self.send(message::response(id, outcome));
        }
        open
    }

    pub(super) fn tell(&mut self, message: FromAgent) {
        self.out.push(Effect::Tell(message));
    }

    pub(super) fn effect(&mut self, effect: Effect) {
        self.out.push(effect);
    }

    /// Raw or odd things the agent's side showed; bounded.
    pub(super) fn note(&mut self, what: &str, text: &str) {
        let text = peek::bounded(&self.setup.place.shown(text), ACP_NOTE_BYTES_MAX);
        self.tell_note(what, text);
    }

    pub(super) fn tell_note(&mut self, what: &str, text: String) {
        self.tell(FromAgent::Noted(AgentNoted::new(what, text)));
    }

    pub(super) fn alarm(&mut self, what: &str, ticket: Option<Ticket>, text: String) {
        self.tell(FromAgent::Alarm { what: what.into(), ticket, text });
    }

    /// The agent's id of the session; empty before there is one, which agents answer with an error.
    pub(super) fn session_id(&self) -> String {
        self.session.clone().unwrap_or_default()
    }
}

/// For answers that never look at files.
struct NoDisk;

impl Disk for NoDisk {
    fn read(&self, _: &RelPath) -> Result<Option<Vec<u8>>, String> {
        Err("no files can be read".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn client() -> Client {
        Client::new(Setup::plain())
    }

    #[test]
    fn what_is_open_at_once_is_bounded_and_all_is_answered() {
        let mut client = client();
        let size = 6 << 20;
        let (mut proposed, mut answers) = (0, BTreeMap::new());
        for id in 0..600_usize {
            let content = "x".repeat(if id < 20 { size } else { 1 });
            let params = json!({"path": "/w/a.txt", "content": content});
            let line = json!({"id": id, "method": "fs/write_text_file", "params": params});
            for effect in client.on(Input::Message(line), &Absent) {
                proposed += usize::from(matches!(effect, Effect::Tell(FromAgent::Propose { .. })));
                if let Effect::Send(answer) = effect {
                    *answers.entry(answer["id"].to_string()).or_insert(0) += 1;
                }
            }
        }
        assert_eq!(answers.len() + proposed, 600);
        assert!(client.open.values().sum::<usize>() <= ACP_OPEN_REQUESTS_BYTES_MAX);
        assert_eq!(client.open.len(), ACP_OPEN_REQUESTS_MAX);
        assert!((1..20).all(|id| (id * size < ACP_OPEN_REQUESTS_BYTES_MAX) || answers.contains_key(&id.to_string())));
        let last = client.on(Input::Gone { why: "dead".to_owned(), exit: None }, &Absent);
        let ended = last.iter().filter(|effect| matches!(effect, Effect::Send(answer) if answer["error"].is_object()));
        assert_eq!(ended.count(), ACP_OPEN_REQUESTS_MAX, "{last:?}");
    }

    struct Absent;

    impl Disk for Absent {
        fn read(&self, _: &RelPath) -> Result<Option<Vec<u8>>, String> {
            Ok(None)
        }
    }
}
