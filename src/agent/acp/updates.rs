//! `session/update` in all its kinds, known and unknown.

use super::client::Client;
use super::peek;
use super::place::Disk;
use super::tools::ToolCall;
use crate::agent::acp::limits::ACP_NOTE_BYTES_MAX;
use crate::agent::catalog::{Level, Through};
use crate::base::{Digest, RelPath};
use crate::model::event::{OutcomeWord, Stream};
use crate::port::{FromAgent, Ticket};
use serde_json::Value;

impl Client {
    pub(super) fn updated(&mut self, params: &Value, disk: &dyn Disk) {
        let update = params.get("update").unwrap_or(params);
        if self.handshake.replaying {
            return self.replayed(update);
        }
        let by = self.speaker(params);
        let kind = peek::first_text(update, &["sessionUpdate", "type"]).unwrap_or("");
        // What another session of its process plans, costs or is set to is not ours.
        let is_ours = by == "agent";
        match kind {
            "agent_message_chunk" => {
                let text = self.chunk(update);
                self.turn_goes_on();
                self.turn.heard(&text, false);
                self.tell(FromAgent::Said { by, text, more: true });
            }
            "agent_thought_chunk" => {
                let text = self.chunk(update);
                self.turn.heard(&text, true);
                self.tell(FromAgent::Thought { by, text, more: true });
            }
            // What the user said is in the journal already.
            "user_message_chunk" | "available_commands_update" => {}
            "tool_call" => self.call_updated(update, true, disk),
            "tool_call_update" => self.call_updated(update, false, disk),
            "plan" | "plan_update" if is_ours => {
                if let Some(steps) = self.plans.of_update(update) {
                    self.tell(FromAgent::Plan { by, steps });
                }
            }
            "current_mode_update" if is_ours => {
                if let Some(mode) = peek::first_text(update, &["currentModeId", "modeId"]) {
                    self.mode_reported(mode);
                }
            }
            "config_option_update" | "config_options_update" if is_ours => self.options_reported(update),
            "session_info_update" => {
                if let Some(title) = peek::text(update, "title") {
                    self.note("session_title", title);
                }
            }
            "usage_update" if is_ours => self.usage_reported(update),
            "notice" => {
                let severity = peek::text(update, "severity").unwrap_or("info");
                let (title, more) =
                    (peek::text(update, "title").unwrap_or(""), peek::text(update, "description").unwrap_or(""));
                self.note("notice", format!("{severity}: {title} {more}").trim_end());
            }
            "compaction_update" => {
                let text = format!("context compaction: {}", peek::text(update, "status").unwrap_or("started"));
                self.note("notice", &text);
            }
            "compaction_summary_chunk" => {}
            _ if is_ours => self.note("protocol", &update.to_string()),
            _ => self.note("protocol", &format!("{by}: {update}")),
        }
    }

    /// While a session is loaded only what is not in the journal counts: plan, usage and settings.
    fn replayed(&mut self, update: &Value) {
        match peek::text(update, "sessionUpdate") {
            Some("config_option_update") => {
                self.settings.merge(update);
            }
            Some("current_mode_update") => {
                if let Some(mode) = peek::text(update, "currentModeId") {
                    self.settings.mode_is(mode);
                }
            }
            Some("usage_update") => self.usage_reported(update),
            Some(_) | None => {}
        }
    }

    /// `agent`, or a name for another session of the same process: a specialist it started.
    fn speaker(&self, params: &Value) -> String {
        match (peek::text(params, "sessionId"), &self.session) {
            (Some(id), Some(own)) if id != own => format!("agent/{}", id.chars().take(12).collect::<String>()),
            _ => "agent".to_owned(),
        }
    }

    fn chunk(&self, update: &Value) -> String {
        let content = update.get("content").unwrap_or(&Value::Null);
        let text = match content.as_array() {
            Some(blocks) => blocks.iter().map(peek::block_text).collect(),
            None => peek::block_text(content),
        };
        self.setup.place.shown(&text)
    }

    fn options_reported(&mut self, update: &Value) {
        let before = self.settings.mode().map(str::to_owned);
        let news = self.settings.merge(update);
        let now = self.settings.mode().map(str::to_owned);
        if let Some(mode) = now.filter(|now| Some(now) != before.as_ref()) {
            if let Some(before) = before {
                self.settings.mode_is(&before);
            }
            return self.mode_reported(&mode);
        }
        if news && self.handshake.is_ready() {
            self.tell_ready("ready");
        }
    }

    fn usage_reported(&mut self, update: &Value) {
        let number = |key: &str| update.get(key).and_then(Value::as_u64);
        self.usage.context_used = number("used").or(self.usage.context_used);
        self.usage.context_size = number("size").or(self.usage.context_size);
        if let Some(cost) = update.get("cost").filter(|c| peek::text(c, "currency").is_none_or(|c| c == "USD")) {
            let micros = cost.get("amount").and_then(Value::as_f64).filter(|a| a.is_finite() && *a >= 0.0 && *a < 1e9);
            self.usage.cost_micros = micros.map(|amount| (amount * 1e6).round() as u64).or(self.usage.cost_micros);
        }
        self.tell(FromAgent::Usage(self.usage.clone()));
    }

    /// The tokens of one turn, from the unstable field of the prompt's answer or from where gemini keeps them.
    pub(super) fn used_by_turn(&mut self, answer: &Value) {
        let quota = answer.get("_meta").and_then(|m| m.get("quota")).and_then(|q| q.get("token_count"));
        let Some(usage) = answer.get("usage").filter(|u| u.is_object()).or(quota) else { return };
        let number = |keys: [&str; 2]| keys.iter().find_map(|k| usage.get(*k).and_then(Value::as_u64));
        let add = |total: &mut Option<u64>, more: Option<u64>| {
            if let Some(more) = more {
                *total = Some(total.unwrap_or(0).saturating_add(more));
            }
        };
        add(&mut self.usage.tokens_in, number(["inputTokens", "input_tokens"]));
        add(&mut self.usage.tokens_out, number(["outputTokens", "output_tokens"]));
        self.tell(FromAgent::Usage(self.usage.clone()));
    }

    fn call_updated(&mut self, update: &Value, announced: bool, disk: &dyn Disk) {
        let Some(id) = peek::first_text(update, &["toolCallId", "id"]).map(str::to_owned) else {
            return self.note("protocol", &update.to_string());
        };
        self.turn_goes_on();
        let changed = self.tools.merge(&id, update, announced);
        if changed.first_seen {
            self.hear_plan();
        }
        let Some(call) = self.tools.get(&id).cloned() else { return };
        // Words continue while a call is streamed; what is said after its end is about the next one.
        if call.is_done() {
            self.turn.acted();
        }
        if let Some(steps) = self.plans.of_call(&call) {
            self.tell(FromAgent::Plan { by: "agent".to_owned(), steps });
        }
        self.hold_to_its_words(&call, changed, disk);
        self.output_told(&call, update);
        if call.is_done() && !call.closed {
            self.close_call(&id, disk);
        }
    }

    /// Output of a command, from the call's content or from what agents carry in `_meta`.
    fn output_told(&mut self, call: &ToolCall, update: &Value) {
        let meta = update.get("_meta").unwrap_or(&Value::Null);
        if let Some(exit) = meta.get("terminal_exit").and_then(|e| e.get("exit_code")).and_then(Value::as_i64)
            && let Some(call) = self.tools.get_mut(&call.id)
        {
            call.exit = i32::try_from(exit).ok();
        }
        let carried = ["terminal_output_delta", "terminal_output"].iter().find_map(|key| {
            let output = meta.get(*key)?;
            output.as_str().or_else(|| peek::first_text(output, &["data", "output", "text"])).map(str::to_owned)
        });
        let mut text = carried.unwrap_or_default();
        if text.is_empty()
            && call.kind() == "execute"
            && call.words().len() > call.words_told
            && (call.is_done() || call.ticket.is_some())
        {
            text = call.words().get(call.words_told..).unwrap_or("").to_owned();
            if let Some(call) = self.tools.get_mut(&call.id) {
                call.words_told = call.words().len();
            }
        }
        if text.is_empty() {
            return;
        }
        let text = self.setup.place.shown(&text);
        match call.ticket.filter(|ticket| self.asks.get(*ticket).is_some()) {
            Some(ticket) => self.tell(FromAgent::Output { ticket, stream: Stream::Stdout, bytes: text.into_bytes() }),
            None => self.tell_note("output", peek::bounded_tail(&text, ACP_NOTE_BYTES_MAX)),
        }
    }

    /// The end of a call, reported by the agent or by the end of the turn.
    pub(super) fn close_call(&mut self, id: &str, disk: &dyn Disk) {
        let Some(call) = self.tools.get_mut(id) else { return };
        if std::mem::replace(&mut call.closed, true) {
            return;
        }
        let call = call.clone();
        let tickets = self.asks.by_agent(Some(id));
        for ticket in &tickets {
            self.verify(*ticket, Some(&call), disk);
        }
        if tickets.is_empty() {
            self.show_ungated(&call);
        }
        let unwritten = self.asks.ungrant(id);
        if call.failed() && !unwritten.is_empty() {
            let paths: Vec<&str> = unwritten.iter().map(RelPath::as_str).collect();
            let paths = paths.join(", ");
            let text =
                format!("Your edit of {paths} was applied by the supervisor although your tool reported a failure.");
            self.turn.follow_up(None, text);
        }
        self.reset_candidate(unwritten);
        self.look_at_candidate_after(&call);
    }

    /// Actions that were allowed and whose end nobody reported.
    pub(super) fn close_running(&mut self, disk: &dyn Disk) {
        for ticket in self.asks.by_agent(None) {
            self.verify(ticket, None, disk);
        }
    }

    /// Compares the disk with what was approved; the agent's word for it is not enough.
    fn verify(&mut self, ticket: Ticket, call: Option<&ToolCall>, disk: &dyn Disk) {
        let Some(super::asks::Subject::Permission { expected, before, .. }) =
            self.asks.get(ticket).map(|a| a.subject.clone())
        else {
            return;
        };
        let now = |path: &_| disk.read(path).map(|bytes| bytes.map(|b| Digest::of(&b)));
        let off: Vec<String> =
            expected.iter().filter(|(p, d)| now(p).as_ref() != Ok(*d)).map(|(p, _)| p.to_string()).collect();
        let was = |path: &_| before.get(path).map(|bytes| Digest::of(bytes));
        let untouched = expected.keys().all(|path| now(path) == Ok(was(path)));
        let failed = call.is_some_and(ToolCall::failed);
        let exit = call.and_then(|call| call.exit.or_else(|| exit_in(call)));
        let unclosed = call.is_none_or(|call| !call.is_done());
        let (outcome, detail) = if !expected.is_empty() && off.is_empty() {
            (OutcomeWord::Ok, None)
        } else if !expected.is_empty() && untouched {
            (OutcomeWord::Failed, Some("the agent was approved but changed nothing".to_owned()))
        } else if !expected.is_empty() {
            let text = format!("the agent wrote something other than what was approved: {}", off.join(", "));
            self.alarm("unsupervised", Some(ticket), text.clone());
            (OutcomeWord::Unknown, Some(text))
        } else if failed || exit.is_some_and(|code| code != 0) {
            (OutcomeWord::Failed, None)
        } else if unclosed {
            (OutcomeWord::Unknown, Some("the agent never reported the outcome".to_owned()))
        } else {
            (OutcomeWord::Ok, None)
        };
        self.end_ask(ticket, outcome, exit, detail);
    }

    /// A call that nobody was asked about: shown, and an alarm when it changes things.
    fn show_ungated(&mut self, call: &ToolCall) {
        let ours = call.gated || (call.ticket.is_some());
        let title = if call.title().is_empty() { &call.id } else { call.title() };
        let title = peek::bounded(&self.setup.place.shown(title), 300);
        let ended = if call.failed() { "failed" } else { "done" };
        if ours || !call.is_done() || self.plans.is_todo(call) {
            return;
        }
        let private = self.setup.place.is_private();
        match call.kind() {
            // It says that it came to nothing; what it left on the disk all the same is found by the watcher.
            "execute" if call.failed() && call.exit.or_else(|| exit_in(call)).is_none() => {}
            "execute" if !self.turn.unasked_command => {
                self.turn.unasked_command = true;
                self.conduct.acted_unasked = true;
                self.alarm("unsupervised", None, format!("the agent ran a command without asking: {title}"));
            }
            "edit" | "delete" | "move" if !private && !call.failed() => {
                self.conduct.acted_unasked = true;
                let paths: Vec<String> = call.paths().iter().map(|p| self.setup.place.named(p)).collect();
                let text = format!("the agent changed files without asking: {title} {}", paths.join(", "));
                self.alarm("unsupervised", None, text.trim_end().to_owned());
            }
            _ => {}
        }
        if self.conduct.level == Level::Unknown && self.conduct.acted_unasked && self.conduct.edits == Through::Agent {
            self.level_seen(Level::L0);
        }
        self.tell_note("tool", format!("{ended} without asking ({}): {title}", call.kind()));
    }
}

/// The exit code in a tool's raw output, where agents put it.
fn exit_in(call: &ToolCall) -> Option<i32> {
    let raw = call.raw_output();
    let found = ["exit_code", "exitCode", "exit"].iter().find_map(|key| raw.get(*key).and_then(Value::as_i64));
    let nested =
        raw.get("metadata").and_then(|m| ["exit", "exit_code", "exitCode"].iter().find_map(|k| m.get(*k)?.as_i64()));
    found.or(nested).and_then(|code| i32::try_from(code).ok())
}
