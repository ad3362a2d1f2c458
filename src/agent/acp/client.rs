//! The client as a pure machine: inputs in, effects out. It knows no clock, no process and no file but through the
//! read-only [`super::place::Disk`] of its place. Here every input finds the machine that it is for.

use super::asks::Asks;
use super::conduct::Conduct;
use super::context::Context;
use super::copying::Copying;
use super::files::{self, Writing};
use super::forms;
use super::handshake::Handshake;
use super::keeping::{self, Change};
use super::message::{Id, Message, RpcError};
use super::outline::Outline;
use super::permission;
use super::place::Roots;
use super::speak::{self, method};
use super::terminals::{Terminals, command_of};
use super::tools::Tools;
use super::turn::Turn;
use super::updates::Updates;
use crate::agent::catalog::AgentSpec;
use crate::model::event::{Isolation, LapseWhy};
use crate::port::{CandidateChanges, FromAgent, ToAgent};
use serde_json::Value;
use std::collections::BTreeSet;
use std::sync::Arc;

pub use super::out::{Called, Effect, Out, Timer};

/// An event for the client.
#[derive(Debug)]
pub enum Input {
    /// The process runs; begin.
    Start,
    /// One JSON message of the agent.
    Message(Value),
    /// A line of its stdout that is not a message.
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
    /// The changes in the private candidate.
    Changes(Result<CandidateChanges, String>),
    Elapsed(Timer),
    /// The process or its streams are gone.
    Gone {
        why: String,
        exit: Option<i32>,
    },
}

/// The configuration of the client besides its states.
pub struct Setup {
    pub spec: AgentSpec,
    pub place: Roots,
    pub isolation: Isolation,
    /// The state of the session, when a host takes it over.
    pub resume: Option<String>,
    /// The agent's own id of the session to continue with.
    pub load: Option<String>,
    /// Names of the variables that the agent's process is given.
    pub env_names: BTreeSet<String>,
}

impl Setup {
    /// Gated, of an agent without peculiarities.
    pub fn plain(place: Roots) -> Self {
        Self {
            spec: AgentSpec::default(),
            place,
            isolation: Isolation::Gated,
            resume: None,
            load: None,
            env_names: BTreeSet::new(),
        }
    }
}

/// See the module.
pub struct Client {
    handshake: Handshake,
    updates: Updates,
    asks: Asks,
    terminals: Terminals,
    copying: Copying,
    cx: Context,
}

impl Client {
    pub fn new(setup: Setup) -> Self {
        let cx = Context {
            tools: Tools::default(),
            turn: Turn::default(),
            conduct: Conduct::of(setup.spec, setup.isolation),
            out: Out::new(Arc::new(setup.place)),
        };
        Self {
            handshake: Handshake::new(setup.load, setup.resume, setup.env_names),
            updates: Updates::default(),
            asks: Asks::default(),
            terminals: Terminals::default(),
            copying: Copying::default(),
            cx,
        }
    }

    /// Processes one input and returns the effects, in order.
    pub fn on(&mut self, input: Input) -> Vec<Effect> {
        if self.cx.out.is_finished() {
            return Vec::new();
        }
        let out = &mut self.cx.out;
        match input {
            Input::Start => self.handshake.begin(&self.cx.conduct, out),
            Input::Message(value) => self.receive(value),
            Input::Noise(text) => {
                out.note("protocol", &format!("not a message: {text}"));
                self.unreadable(
                    Outline::of(&text),
                    "it cannot be parsed: invalid, too deeply nested, or with a number out of range",
                );
            }
            Input::TooLong { head, bytes, asks } => {
                out.note("protocol", &format!("a line of {bytes} bytes was dropped; it began: {head}"));
                self.unreadable(asks, &format!("a message of {bytes} bytes is too long"));
            }
            Input::Stderr(line) => out.report_note("stderr", line),
            Input::Host(message) => self.on_host_message(message),
            Input::Changes(changes) => {
                self.copying.changed(changes, &mut self.asks, &mut self.cx);
                self.try_end(false);
            }
            Input::Elapsed(timer) => self.elapsed(timer),
            Input::Gone { why, exit } => {
                // What it was allowed to do it may have done before it died: the disk says.
                self.asks.verify(None, out);
                self.lost(why, exit);
            }
        }
        self.cx.out.take()
    }

    fn receive(&mut self, value: Value) {
        match Message::of(value) {
            Message::Request { id, method, params } => self.asked(id, &method, &params),
            Message::Notification { method, params } => self.notified(&method, &params),
            Message::Response { id, outcome } => match self.cx.out.called(&id) {
                Some((number, called)) => self.answered(number, called, outcome),
                None => self.cx.out.note("protocol", &format!("an answer without a request: id {id}")),
            },
            Message::Strange(value) => self.cx.out.note("protocol", &format!("not JSON-RPC: {value}")),
        }
    }

    fn asked(&mut self, id: Id, method: &str, params: &Value) {
        if self.cx.out.is_open(&id) {
            return self.id_used_twice(&id, method);
        }
        if !self.cx.out.admit(&id, params) {
            return;
        }
        let method = method.strip_prefix('_').filter(|plain| *plain == method::ELICITATION_CREATE).unwrap_or(method);
        let out = &mut self.cx.out;
        match method {
            method::SESSION_REQUEST_PERMISSION => self.permission_asked(id, params),
            method::FS_READ_TEXT_FILE => files::read_asked(id, params, &mut self.asks, &mut self.cx),
            method::FS_WRITE_TEXT_FILE => self.write_asked(id, params),
            method::TERMINAL_CREATE => self.terminal_asked(id, params),
            method::TERMINAL_OUTPUT => self.terminals.output_asked(&id, params, out),
            method::TERMINAL_WAIT_FOR_EXIT => self.terminals.exit_asked(id, params, out),
            method::TERMINAL_KILL => self.terminals.kill_asked(&id, params, out),
            method::TERMINAL_RELEASE => self.terminals.release_asked(&id, params, out),
            method::ELICITATION_CREATE => forms::asked(id, params, &mut self.asks, &mut self.cx),
            // A notification with an id is processed all the same.
            method::SESSION_UPDATE => {
                self.updated(params);
                self.cx.out.reply(&id, Ok(Value::Null));
            }
            other => {
                out.note("protocol", &format!("unknown method {other}: {params}"));
                out.refuse(&id, RpcError::METHOD_NOT_FOUND, format!("Method not found: {other}"));
            }
        }
    }

    /// Returns whether the request must be set aside: the agent must first receive a message, or its turn has been
    /// stopped. Then it is not asked about.
    fn sets_aside(&mut self, what: &str) -> bool {
        let turns = self.cx.turn.turns_at_boundary(what, &mut self.cx.out);
        if turns {
            self.stop_prompt();
        }
        turns || self.cx.turn.refuses_questions()
    }

    fn permission_asked(&mut self, id: Id, params: &Value) {
        let Some(call) = params.get("toolCall").filter(|call| call.is_object()) else {
            self.cx.out.refuse(&id, RpcError::INVALID_PARAMS, "the request contains no tool call");
            return;
        };
        if self.sets_aside(permission::subject(params)) {
            self.cx.out.reply(&id, Ok(speak::permission_canceled()));
            return;
        }
        self.updates.find_plan(&mut self.cx);
        permission::asked(id, call, params, &mut self.asks, &mut self.cx);
    }

    fn write_asked(&mut self, id: Id, params: &Value) {
        let writing = match Writing::of(params) {
            Ok(writing) => writing,
            Err(error) => {
                self.cx.out.reply(&id, Err(error));
                return;
            }
        };
        if writing.is_kept(&id, &self.asks, &mut self.cx) {
            return;
        }
        let what = format!("the write of {}", self.cx.out.place().named(writing.path));
        let is_news = !writing.is_granted(&self.asks, &self.cx);
        if self.cx.turn.refuses_questions() || (is_news && self.sets_aside(&what)) {
            self.cx.out.refuse(&id, RpcError::CANCELED, "the turn was canceled");
            return;
        }
        writing.asked(id, &mut self.asks, &mut self.cx);
    }

    fn terminal_asked(&mut self, id: Id, params: &Value) {
        let Some(command) = command_of(params) else {
            self.cx.out.refuse(&id, RpcError::INVALID_PARAMS, "a command is required");
            return;
        };
        if self.sets_aside(&format!("the command {}", command.line())) {
            self.cx.out.refuse(&id, RpcError::CANCELED, "the turn was canceled");
            return;
        }
        self.terminals.asked(id, params, command, &mut self.asks, &mut self.cx);
    }

    /// One answer would serve two questions: neither gets a yes.
    fn id_used_twice(&mut self, id: &Id, method: &str) {
        let text = format!(
            "request id {id} is used for a second request ({method}) while the first is open; both are rejected"
        );
        let (ticket, out) = (self.asks.of_request(id), &mut self.cx.out);
        out.alarm("protocol", ticket, text.clone());
        if let Some(ticket) = ticket {
            self.asks.void(ticket, LapseWhy::Voided, out);
        }
        out.refuse(id, RpcError::INVALID_REQUEST, text.clone());
        out.refuse_unopened(id, &text);
    }

    fn notified(&mut self, method: &str, params: &Value) {
        let out = &mut self.cx.out;
        if method == method::SESSION_UPDATE {
            self.updated(params);
        } else if method == speak::CANCEL_REQUEST {
            // The agent takes one of its own questions back.
            let Some(id) = params.get("requestId").or_else(|| params.get("id")).map(Id::of) else { return };
            if let Some(ticket) = self.asks.of_request(&id) {
                self.asks.void(ticket, LapseWhy::Canceled, out);
            }
            out.refuse(&id, RpcError::CANCELED, "Request canceled");
        } else if method == method::ELICITATION_COMPLETE {
            out.note("notice", "the step that the agent asked you to do on a web page is done");
        } else {
            out.note("protocol", &format!("{method} {params}"));
        }
    }

    fn updated(&mut self, params: &Value) {
        if self.handshake.is_replaying() {
            self.updates.replayed(params, &mut self.cx);
        } else {
            self.updates.take(params, &mut self.asks, &mut self.cx);
        }
    }

    /// The agent's answer to one of our requests.
    fn answered(&mut self, number: u64, called: Called, outcome: Result<Value, RpcError>) {
        let Context { conduct, turn, out, .. } = &mut self.cx;
        let started = match called {
            Called::Initialize => self.handshake.initialized(outcome, conduct, out),
            Called::Authenticate => self.handshake.authenticated(outcome, conduct, out),
            Called::Sessions => {
                self.handshake.sessions_listed(outcome, conduct, out);
                Ok(())
            }
            Called::Open { resumed } => self.handshake.opened(resumed, outcome, conduct, out),
            Called::Set { what, at_start } => {
                conduct.set(out, |settings, out| settings.sent(&what, at_start, outcome, out));
                if at_start {
                    self.handshake.was_set(conduct, out);
                }
                Ok(())
            }
            Called::Prompt => return self.prompt_answered(number, outcome),
            Called::Steering { action, text } => return turn.steered((action, text), outcome, conduct, out),
            Called::Keep(keeping) => {
                let change = keeping::answered(&keeping, outcome, &mut self.cx);
                return self.change_session(change);
            }
            Called::Close => return,
        };
        match started {
            Ok(()) if conduct.is_ready() => turn.first_prompt(self.handshake.take_resume(), conduct, out),
            Ok(()) => {}
            Err(why) => self.lost(why, None),
        }
    }

    fn prompt_answered(&mut self, number: u64, outcome: Result<Value, RpcError>) {
        if !self.cx.turn.is_answered_by(number, &self.cx.conduct, &mut self.cx.out) {
            return;
        }
        self.updates.find_plan(&mut self.cx);
        let Context { conduct, turn, out, .. } = &mut self.cx;
        if let Ok(answer) = &outcome {
            self.updates.turn_used(answer, out);
        }
        let stopped = turn.prompt_ended(outcome, conduct, out);
        self.end_turn(stopped);
    }

    fn on_host_message(&mut self, message: ToAgent) {
        let Context { conduct, turn, out, .. } = &mut self.cx;
        match message {
            ToAgent::Prompt { prompt, when } => {
                if turn.prompted(prompt, when, conduct, out) {
                    self.cancel();
                }
            }
            ToAgent::Question(text) => turn.questioned(text, conduct, out),
            ToAgent::Reminder(text) => turn.reminded(text, conduct, out),
            ToAgent::Filed { ticket, action } => self.asks.filed(ticket, action),
            ToAgent::Answered { ticket, answer } => {
                let was_turning = turn.is_turning();
                if let Some(opening) = self.asks.decided(ticket, answer, &mut self.cx) {
                    self.terminals.start(ticket, opening, &mut self.cx.out);
                }
                if self.cx.turn.is_turning() && !was_turning {
                    self.stop_prompt();
                }
                self.try_end(false);
            }
            ToAgent::Output { ticket, bytes } => self.terminals.wrote(ticket, &bytes),
            ToAgent::Performed { ticket, performed } => {
                if !self.terminals.ended(ticket, &performed, out) {
                    self.asks.performed(ticket, &performed, &mut self.cx);
                }
                self.try_end(false);
            }
            ToAgent::TrialDone { .. } | ToAgent::Mode(_) => {}
            ToAgent::PlanEdited { message, .. } => turn.plan_was_edited(message, conduct, out),
            ToAgent::SetOption { id, value } => conduct.set(out, |settings, out| {
                settings.send(&id, &value, false, out);
                false
            }),
            ToAgent::Keeping(keeping) => {
                let change = keeping::asked(keeping, &mut self.cx);
                self.change_session(change);
            }
            ToAgent::Cancel => self.cancel(),
            ToAgent::Shutdown => self.shut_down(),
        }
    }

    /// Another session of the same process.
    fn change_session(&mut self, change: Option<Change>) {
        let Some(change) = change else { return };
        self.updates.start_again();
        let Context { conduct, out, .. } = &mut self.cx;
        out.disarm(Timer::Candidate);
        self.handshake.change(change, conduct, out);
    }

    fn elapsed(&mut self, timer: Timer) {
        let Context { conduct, turn, out, .. } = &mut self.cx;
        match timer {
            Timer::Start => {
                if let Err(why) = self.handshake.timed_out(conduct) {
                    self.lost(why, None);
                }
            }
            Timer::StartNote => self.handshake.note_slow_start(conduct, out),
            Timer::Cancel => {
                if turn.cancel_timed_out() {
                    self.end_turn(true);
                }
            }
            Timer::Settle => turn.settled(conduct, out),
            Timer::Candidate => turn.look_again(out),
            Timer::Changed => permission::ask_again(&mut self.asks, &mut self.cx),
        }
    }

    /// Even what cannot be read is answered when it asks, and counts as the answer when it answers.
    fn unreadable(&mut self, asks: Option<(Id, bool)>, why: &str) {
        let Some((id, is_request)) = asks else { return };
        if is_request && self.cx.out.is_open(&id) {
            self.id_used_twice(&id, "one that cannot be read");
        } else if is_request {
            self.cx.out.refuse_unopened(&id, why);
        } else if let Some((number, called)) = self.cx.out.called(&id) {
            self.answered(number, called, Err(RpcError::new(RpcError::INVALID_REQUEST, why)));
        }
    }

    /// Takes everything back that can be: unanswered questions, and commands that run for the agent.
    fn withdraw(&mut self, why: LapseWhy) {
        self.void_unanswered(why);
        self.terminals.stop_all(why, &mut self.cx.out);
    }

    fn void_unanswered(&mut self, why: LapseWhy) {
        for ticket in self.asks.unanswered() {
            self.asks.void(ticket, why, &mut self.cx.out);
        }
    }

    fn cancel(&mut self) {
        if self.cx.turn.cancel(&mut self.cx.out) {
            self.stop_prompt();
        }
        self.try_end(true);
    }

    /// Every open question is answered "canceled" first, as the protocol wants it; the turn ends within a second.
    fn stop_prompt(&mut self) {
        self.withdraw(LapseWhy::Canceled);
        self.cx.turn.send_cancel(&mut self.cx.out);
    }

    /// Closes what the agent left open and waits for what we still do ourselves.
    fn end_turn(&mut self, canceled: bool) {
        self.void_unanswered(LapseWhy::Canceled);
        self.updates.close_all(&mut self.asks, &mut self.cx);
        self.cx.out.reset_copy(self.asks.grants.end(None));
        self.copying.look_last(canceled, &mut self.cx.out);
        self.try_end(canceled);
    }

    fn try_end(&mut self, canceled: bool) {
        let is_busy = self.copying.is_looking() || self.asks.carrying_out() || self.terminals.is_stopping();
        self.cx.turn.try_end(canceled, is_busy, &self.cx.conduct, &mut self.cx.out);
    }

    fn lost(&mut self, why: String, exit: Option<i32>) {
        self.withdraw(LapseWhy::AgentLost);
        self.cx.out.report(FromAgent::Lost { why, exit });
        self.cx.out.finish();
    }

    /// Ends: politely where the agent knows how, then by its process group.
    fn shut_down(&mut self) {
        self.withdraw(LapseWhy::Canceled);
        let Context { conduct, turn, out, .. } = &mut self.cx;
        if turn.is_running() {
            out.notify(method::SESSION_CANCEL, speak::cancel(out.session()));
        }
        if conduct.has(&["sessionCapabilities", "close"]) && !out.session().is_empty() {
            out.call(method::SESSION_CLOSE, speak::close_session(out.session()), Called::Close);
        }
        out.finish();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::acp::limits::{ACP_OPEN_REQUESTS_BYTES_MAX, ACP_OPEN_REQUESTS_MAX};
    use crate::agent::acp::place::NoFiles;
    use crate::model::event::OutcomeWord;
    use crate::port::{Answer, Performed};
    use serde_json::json;
    use std::collections::BTreeMap;

    fn approved() -> Answer {
        Answer::Approved { edited: None, note: None, option: None, form: None, message: String::new() }
    }

    fn client() -> Client {
        Client::new(Setup::plain(Roots::new("/w", "/w", Arc::new(NoFiles))))
    }

    #[test]
    fn what_is_open_at_once_is_bounded_and_all_is_answered() {
        let mut client = client();
        let size = 6 << 20;
        let (mut proposed, mut held, mut answers) = (0, 0, BTreeMap::new());
        for id in 0..600_usize {
            let content = "x".repeat(if id < 20 { size } else { 1 });
            let params = json!({"path": "/w/a.txt", "content": content});
            let line = json!({"id": id, "method": "fs/write_text_file", "params": params});
            for effect in client.on(Input::Message(line)) {
                if matches!(effect, Effect::Report(FromAgent::Propose { .. })) {
                    proposed += 1;
                    held += if id < 20 { size } else { 1 };
                }
                if let Effect::Send(answer) = effect {
                    *answers.entry(answer["id"].to_string()).or_insert(0) += 1;
                }
            }
        }
        assert_eq!(answers.len() + proposed, 600);
        assert!(held <= ACP_OPEN_REQUESTS_BYTES_MAX);
        assert_eq!(proposed, ACP_OPEN_REQUESTS_MAX);
        assert!((1..20).all(|id| (id * size < ACP_OPEN_REQUESTS_BYTES_MAX) || answers.contains_key(&id.to_string())));
        let last = client.on(Input::Gone { why: "dead".to_owned(), exit: None });
        let ended = last.iter().filter(|effect| matches!(effect, Effect::Send(answer) if answer["error"].is_object()));
        assert_eq!(ended.count(), ACP_OPEN_REQUESTS_MAX, "{last:?}");
    }

    /// The approval of the old words was on its way while the agent changed them.
    #[test]
    fn an_answer_to_the_request_as_it_was_is_not_passed_on() {
        let mut client = client();
        let ask = json!({"id": 1, "method": "session/request_permission", "params": {
            "toolCall": {"toolCallId": "t", "kind": "execute", "rawInput": {"command": "make"}},
            "options": [{"optionId": "yes", "name": "Allow", "kind": "allow_once"}]}});
        client.on(Input::Message(ask));
        let swap = json!({"method": "session/update", "params": {"update": {"sessionUpdate": "tool_call_update",
            "toolCallId": "t", "rawInput": {"command": "make evil"}}}});
        let effects = client.on(Input::Message(swap));
        let reopened = effects.iter().find_map(|effect| {
            if let Effect::Report(FromAgent::Reopen { ticket, next, .. }) = effect {
                Some((*ticket, *next))
            } else {
                None
            }
        });
        let (old, next) = reopened.unwrap();
        let approve = |ticket| {
            let answer = approved();
            Input::Host(ToAgent::Answered { ticket, answer })
        };
        let says_yes = |effects: &[Effect]| {
            effects.iter().any(|e| matches!(e, Effect::Send(Value::Object(m)) if m.contains_key("result")))
        };
        for ticket in [old, next] {
            assert!(!says_yes(&client.on(approve(ticket))), "it is not asked again yet");
        }
        let effects = client.on(Input::Elapsed(Timer::Changed));
        assert!(
            effects.iter().any(|e| matches!(e, Effect::Report(FromAgent::Revise { ticket, .. }) if *ticket == next))
        );
        assert!(says_yes(&client.on(approve(next))));
    }

    /// The output of a killed command is kept, and its end is reported once it has really ended.
    #[test]
    fn a_killed_command_keeps_what_it_wrote_until_its_end() {
        let mut client = client();
        let ask = |id: u64, method: &str, params: Value| {
            Input::Message(json!({"id": id, "method": format!("terminal/{method}"), "params": params}))
        };
        let of_it = || json!({"terminalId": "term-1"});
        let answer = |effects: &[Effect], id: u64| {
            let mut sent =
                effects.iter().filter_map(|e| if let Effect::Send(answer) = e { Some(answer) } else { None });
            sent.find(|answer| answer["id"] == id).map(|answer| answer["result"].clone())
        };
        let mut effects = client.on(ask(1, "create", json!({"command": "make"}))).into_iter();
        let ticket = effects.find_map(|effect| {
            if let Effect::Report(FromAgent::Propose { ticket, .. }) = effect { Some(ticket) } else { None }
        });
        let ticket = ticket.unwrap();
        let started = client.on(Input::Host(ToAgent::Answered { ticket, answer: approved() }));
        assert_eq!(answer(&started, 1).unwrap()["terminalId"], "term-1");
        client.on(Input::Host(ToAgent::Output { ticket, bytes: b"one\n".to_vec() }));
        assert_eq!(answer(&client.on(ask(2, "wait_for_exit", of_it())), 2), None);
        let killed = client.on(ask(3, "kill", of_it()));
        assert!(answer(&killed, 3).is_some() && answer(&killed, 2).is_none(), "{killed:?}");
        let withdrawn = |effect: &Effect| matches!(effect, Effect::Report(FromAgent::Withdraw { ticket: t, why }) if (*t, *why) == (ticket, LapseWhy::Killed));
        assert!(killed.iter().any(withdrawn), "{killed:?}");
        client.on(Input::Host(ToAgent::Output { ticket, bytes: b"two\n".to_vec() }));
        let running = answer(&client.on(ask(4, "output", of_it())), 4).unwrap();
        assert_eq!((&running["output"], &running["exitStatus"]), (&json!("one\ntwo\n"), &Value::Null));
        let mut performed = Performed::of(OutcomeWord::Failed, None);
        performed.exit = Some(128 + 9);
        let ended = client.on(Input::Host(ToAgent::Performed { ticket, performed: Box::new(performed) }));
        assert_eq!(answer(&ended, 2).unwrap()["signal"], "SIGKILL");
        let last = answer(&client.on(ask(5, "output", of_it())), 5).unwrap();
        assert_eq!((&last["output"], &last["exitStatus"]["signal"]), (&json!("one\ntwo\n"), &json!("SIGKILL")));
    }
}
