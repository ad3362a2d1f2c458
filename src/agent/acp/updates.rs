//! `session/update` in all its kinds, known and unknown: what the agent says, plans, uses and does, from the first word
//! about a call to its end.

use super::asks::Asks;
use super::commands;
use super::context::Context;
use super::dialects::{self, Word};
use super::out::Out;
use super::peek;
use super::place::Roots;
use super::plans::Plans;
use super::tools::ToolCall;
use super::turn::Once;
use crate::agent::acp::limits::ACP_NOTE_BYTES_MAX;
use crate::base::RelPath;
use crate::model::Step;
use crate::model::event::{Stream, Usage};
use crate::port::FromAgent;
use serde_json::Value;

/// See the module.
#[derive(Debug, Default)]
pub struct Updates {
    plans: Plans,
    usage: Usage,
}

impl Updates {
    pub fn take(&mut self, params: &Value, asks: &mut Asks, cx: &mut Context) {
        let update = params.get("update").unwrap_or(params);
        let by = speaker(params, &cx.out);
        // What another session of its process plans, costs or is set to is not ours.
        let is_ours = by == "agent";
        match dialects::text(update, Word::UpdateKind).unwrap_or("") {
            "agent_message_chunk" => {
                let text = chunk(update, &cx.out.place());
                cx.goes_on();
                cx.turn.words.add(&text, false);
                cx.out.report(FromAgent::Said { by, text, more: true });
            }
            "agent_thought_chunk" => {
                let text = chunk(update, &cx.out.place());
                cx.turn.words.add(&text, true);
                cx.out.report(FromAgent::Thought { by, text, more: true });
            }
            // What the user said is in the journal already.
            "user_message_chunk" => {}
            "available_commands_update" if is_ours => {
                cx.conduct.offers_commands(commands::of_update(update), &mut cx.out);
            }
            "tool_call" => self.call_updated(update, true, asks, cx),
            "tool_call_update" => self.call_updated(update, false, asks, cx),
            "plan" | "plan_update" if is_ours => {
                self.plans.text_of_update(update, &cx.out.place());
                report_plan(self.plans.of_update(update), &mut cx.out);
            }
            "plan_removed" if is_ours => {}
            "current_mode_update" if is_ours => {
                if let Some(mode) = dialects::text(update, Word::ModeId) {
                    cx.conduct.set(&mut cx.out, |settings, out| settings.mode_reported(mode, out));
                }
            }
            "config_option_update" | "config_options_update" if is_ours => {
                cx.conduct.set(&mut cx.out, |settings, out| settings.reported(update, out));
            }
            "session_info_update" => {
                if let Some(title) = peek::text(update, "title") {
                    cx.out.note("session_title", title);
                }
            }
            "usage_update" if is_ours => self.usage_reported(update, &mut cx.out),
            "notice" => {
                let severity = peek::text(update, "severity").unwrap_or("info");
                let (title, more) =
                    (peek::text(update, "title").unwrap_or(""), peek::text(update, "description").unwrap_or(""));
                cx.out.note("notice", format!("{severity}: {title} {more}").trim_end());
            }
            "compaction_update" => {
                let text = format!("context compaction: {}", peek::text(update, "status").unwrap_or("started"));
                cx.out.note("notice", &text);
                if is_ours && peek::text(update, "status").is_some_and(|status| status.starts_with("complete")) {
                    cx.out.report(FromAgent::Compacted);
                }
            }
            "compaction_summary_chunk" => {}
            _ if is_ours => cx.out.note("protocol", &update.to_string()),
            _ => cx.out.note("protocol", &format!("{by}: {update}")),
        }
    }

    /// While a session is loaded only what is not in the journal counts: usage and settings.
    pub fn replayed(&mut self, params: &Value, cx: &mut Context) {
        let update = params.get("update").unwrap_or(params);
        match peek::text(update, "sessionUpdate") {
            Some("config_option_update") => cx.conduct.set(&mut cx.out, |settings, _| settings.merge(update)),
            Some("current_mode_update") => {
                if let Some(mode) = peek::text(update, "currentModeId") {
                    cx.conduct.set(&mut cx.out, |settings, _| settings.mode_is(mode));
                }
            }
            Some("available_commands_update") => {
                cx.conduct.offers_commands(commands::of_update(update), &mut cx.out);
            }
            Some("usage_update") => self.usage_reported(update, &mut cx.out),
            Some(_) | None => {}
        }
    }

    /// Another session begins; what was known of the former one is not true of it.
    pub fn start_again(&mut self) {
        self.plans = Plans::default();
        (self.usage.context_used, self.usage.context_size) = (None, None);
    }

    /// Finds a plan in the agent's words so far; called when it has finished speaking.
    pub fn find_plan(&mut self, cx: &mut Context) {
        if let Some(document) = self.plans.text() {
            cx.out.report(FromAgent::PlanWritten { by: "agent".to_owned(), document: Box::new(document) });
        }
        report_plan(self.plans.of_words(cx.turn.words.text()), &mut cx.out);
    }

    fn usage_reported(&mut self, update: &Value, out: &mut Out) {
        let number = |key: &str| update.get(key).and_then(Value::as_u64);
        self.usage.context_used = number("used").or(self.usage.context_used);
        self.usage.context_size = number("size").or(self.usage.context_size);
        if let Some(cost) = update.get("cost").filter(|c| peek::text(c, "currency").is_none_or(|c| c == "USD")) {
            let micros = cost.get("amount").and_then(Value::as_f64).filter(|a| a.is_finite() && *a >= 0.0 && *a < 1e9);
            self.usage.cost_micros = micros.map(|amount| (amount * 1e6).round() as u64).or(self.usage.cost_micros);
        }
        out.report(FromAgent::Usage(self.usage.clone()));
    }

    /// The tokens of one turn.
    pub fn turn_used(&mut self, answer: &Value, out: &mut Out) {
        let Some([tokens_in, tokens_out]) = dialects::tokens(answer) else { return };
        let add = |total: &mut Option<u64>, more: Option<u64>| {
            if let Some(more) = more {
                *total = Some(total.unwrap_or(0).saturating_add(more));
            }
        };
        add(&mut self.usage.tokens_in, tokens_in);
        add(&mut self.usage.tokens_out, tokens_out);
        out.report(FromAgent::Usage(self.usage.clone()));
    }

    fn call_updated(&mut self, update: &Value, announced: bool, asks: &mut Asks, cx: &mut Context) {
        let Some(id) = dialects::text(update, Word::CallId) else {
            return cx.out.note("protocol", &update.to_string());
        };
        cx.goes_on();
        let changed = cx.tools.merge(id, update, announced, &cx.out.place());
        if changed.first_seen {
            self.find_plan(cx);
        }
        let Some(call) = cx.tools.get(id).cloned() else { return };
        // Words continue while a call is streamed; what is said after its end is about the next one.
        if call.is_done() {
            cx.turn.words.acted();
        }
        report_plan(self.plans.of_call(&call), &mut cx.out);
        asks.hold_to_its_words(&call, changed, cx);
        let ends = call.is_done() && !call.closed;
        // What nobody was asked about is named before its output.
        let is_named_first = ends && call.ticket.is_none();
        if is_named_first {
            self.close_call(id, asks, cx);
        }
        report_output(&call, update, asks, cx);
        if ends && !is_named_first {
            self.close_call(id, asks, cx);
        }
    }

    /// The turn is over: every call ends, whether or not the agent reported that.
    pub fn close_all(&self, asks: &mut Asks, cx: &mut Context) {
        for id in cx.tools.open() {
            self.close_call(&id, asks, cx);
        }
        asks.verify(None, &mut cx.out);
    }

    /// The end of a call, reported by the agent or by the end of the turn.
    fn close_call(&self, id: &str, asks: &mut Asks, cx: &mut Context) {
        let Some(call) = cx.tools.close(id) else { return };
        if !asks.verify(Some(&call), &mut cx.out) {
            self.show_ungated(&call, cx);
        }
        let unwritten = asks.grants.end(Some(id));
        if call.failed() && !unwritten.is_empty() {
            let paths: Vec<&str> = unwritten.keys().map(RelPath::as_str).collect();
            let paths = paths.join(", ");
            let text =
                format!("Your edit of {paths} was applied by the supervisor although your tool reported a failure.");
            cx.turn.follow_up(None, text);
        }
        cx.out.reset_copy(unwritten);
        if !matches!(call.kind(), "read" | "search" | "think" | "fetch") {
            cx.out.look_at_copy();
        }
    }

    /// A call that nobody was asked about: shown, and an alarm when it changes things.
    fn show_ungated(&self, call: &ToolCall, cx: &mut Context) {
        if call.gated || call.ticket.is_some() || !call.is_done() || self.plans.is_todo(call) {
            return;
        }
        let place = cx.out.place();
        let title = if call.title().is_empty() { &call.id } else { call.title() };
        let title = peek::bounded(&place.shown(title), 300);
        match call.kind() {
            // It says that it came to nothing; what it left on the disk all the same is found by the watcher.
            "execute" if call.failed() && call.exit.or_else(|| dialects::exit_code(call.raw_output())).is_none() => {}
            "execute" if cx.turn.first(Once::UnaskedCommand) => {
                cx.conduct.acts_unasked();
                cx.out.alarm("unsupervised", None, format!("the agent ran a command without asking: {title}"));
            }
            // The file of its own plan is not the workspace's.
            "edit" if !call.paths().is_empty() && call.paths().iter().all(|path| place.is_plan_file(path)) => {}
            "edit" | "delete" | "move" if !place.is_private() && !call.failed() => {
                cx.conduct.acts_unasked();
                let paths: Vec<String> = call.paths().iter().map(|p| place.named(p)).collect();
                let text = format!("the agent changed files without asking: {title} {}", paths.join(", "));
                cx.out.alarm("unsupervised", None, text.trim_end());
            }
            _ => {}
        }
        cx.conduct.unasked_action_ended(&mut cx.out);
        let ended = if call.failed() { "failed" } else { "done" };
        cx.out.report_note("tool", format!("{ended} without asking ({}): {title}", call.kind()));
    }
}

/// `agent`, or a name for another session of the same process: a specialist it started.
fn speaker(params: &Value, out: &Out) -> String {
    match peek::text(params, "sessionId") {
        Some(id) if !out.session().is_empty() && id != out.session() => {
            format!("agent/{}", id.chars().take(12).collect::<String>())
        }
        Some(_) | None => "agent".to_owned(),
    }
}

fn chunk(update: &Value, place: &Roots) -> String {
    let content = update.get("content").unwrap_or(&Value::Null);
    let text = match content.as_array() {
        Some(blocks) => blocks.iter().map(peek::block_text).collect(),
        None => peek::block_text(content),
    };
    place.shown(&text)
}

fn report_plan(steps: Option<Vec<Step>>, out: &mut Out) {
    if let Some(steps) = steps {
        out.report(FromAgent::Plan { by: "agent".to_owned(), steps });
    }
}

/// Output of a command, from the call's content or carried beside it.
fn report_output(call: &ToolCall, update: &Value, asks: &Asks, cx: &mut Context) {
    if let (Some(exit), Some(call)) = (dialects::carried_exit(update), cx.tools.get_mut(&call.id)) {
        call.exit = Some(exit);
    }
    let mut text = dialects::carried_output(update).unwrap_or_default();
    if text.is_empty()
        && call.kind() == "execute"
        && call.words().len() > call.words_told
        && (call.is_done() || call.ticket.is_some())
    {
        text = call.words().get(call.words_told..).unwrap_or("");
        if let Some(call) = cx.tools.get_mut(&call.id) {
            call.words_told = call.words().len();
        }
    }
    if text.is_empty() {
        return;
    }
    let text = cx.out.place().shown(text);
    match call.ticket.filter(|ticket| asks.get(*ticket).is_some()) {
        Some(ticket) => cx.out.report(FromAgent::Output { ticket, stream: Stream::Stdout, bytes: text.into_bytes() }),
        None => cx.out.report_note("output", peek::bounded_tail(&text, ACP_NOTE_BYTES_MAX)),
    }
}
