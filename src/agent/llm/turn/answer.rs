//! After a call of the model: settling it, what is whole of a broken answer, printed calls, mere words.

use super::{Effect, State, Turn};
use crate::agent::llm::delta::{Stop, Usage as Tokens};
use crate::agent::llm::fault::Fault;
use crate::agent::llm::printed;
use crate::agent::llm::reply::Closed;
use crate::agent::llm::request::{Message, Part, ToolCall};
use crate::agent::llm::watch::Watch;
use crate::base::limits::llm as limits;
use crate::model::event::{TurnEnd, Usage};

impl Turn {
    pub(super) fn answered(&mut self, mut closed: Closed, ms: u64, out: &mut Vec<Effect>) {
        let State::Asking { estimated } = self.state else { return };
        self.state = State::Idle;
        self.settle(&closed, estimated, ms, out);
        if let Some(fault) = closed.fault.take() {
            return self.broke(&fault, closed, out);
        }
        let text = closed.text();
        let mut calls: Vec<(ToolCall, bool)> = closed.calls().cloned().map(|call| (call, false)).collect();
        if calls.is_empty() && closed.broken.is_empty() {
            calls = self.repair(&text, &mut closed.message, out);
        }
        let said = !text.trim().is_empty();
        self.talk.assistant(closed.message);
        for broken in closed.broken {
            let words = format!("Your call of `{}` was not carried out: {}.", broken.name, broken.why);
            if !self.judge(Watch::mistake, words, None, out) {
                return;
            }
        }
        if calls.is_empty() && self.notes.is_empty() {
            return self.only_words(text, said, closed.stop.as_ref(), out);
        }
        self.queue.extend(calls);
        self.advance(out);
    }

    pub(super) fn settle(&mut self, closed: &Closed, estimated: u64, ms: u64, out: &mut Vec<Effect>) {
        let model = &self.setup.choice.model;
        let answer: usize = closed.text().len() + closed.calls().map(|call| call.args.to_string().len()).sum::<usize>();
        // A refused request used nothing; a broken one used what it sent.
        let spent = closed.fault.is_none() || answer > 0 || closed.usage != Tokens::default();
        if spent {
            self.budget.settle(model, &closed.usage, (estimated, answer as u64 / 3), ms);
        } else {
            self.budget.spend_ms(ms);
        }
        if let Some(real) = closed.usage.prompt() {
            self.talk.learn(estimated, real);
            self.context_used = real + closed.usage.output.unwrap_or(0);
        } else {
            self.context_used = estimated;
        }
        let (tokens_in, tokens_out) = self.budget.tokens();
        out.push(Effect::Usage(Usage {
            tokens_in: Some(tokens_in),
            tokens_out: Some(tokens_out),
            cost_micros: self.budget.cost_micros(),
            context_used: Some(self.context_used),
            context_size: model.context.map(u64::from),
            budget_left: self.budget.left(),
        }));
    }

    /// The answer broke. What was complete before the break is kept and carried out; the rest is asked for anew.
    pub(super) fn broke(&mut self, fault: &Fault, closed: Closed, out: &mut Vec<Effect>) {
        match fault {
            Fault::Overflow { .. } => {
                self.overflows += 1;
                if self.overflows > limits::OVERFLOWS_MAX {
                    return self.over(TurnEnd::Error, false, fault.to_string(), out);
                }
                // The context is smaller than thought, or a token shorter.
                self.context_tokens = (self.context_tokens.min(self.context_used.max(1)) * 2 / 3)
                    .max(u64::from(limits::CONTEXT_TOKENS_MIN) / 2);
                out.push(Effect::Alarm { what: "overflow", text: format!("{fault}. Shortening the conversation.") });
                self.compact(self.context_tokens / 2, out);
                self.ask(out);
            }
            Fault::Cut { .. } | Fault::Stalled { .. } | Fault::Malformed { .. } | Fault::TooLarge { .. } => {
                let calls: Vec<(ToolCall, bool)> = closed.calls().cloned().map(|call| (call, false)).collect();
                self.talk.assistant(closed.message);
                out.push(Effect::Alarm { what: "cut", text: fault.to_string() });
                let finding = self.watch.fault(&fault.to_string());
                if self.apply(finding, None, out) {
                    self.queue.extend(calls);
                    self.advance(out);
                }
            }
            Fault::RateLimited { .. }
            | Fault::Unavailable { .. }
            | Fault::Auth { .. }
            | Fault::Quota { .. }
            | Fault::NotFound { .. }
            | Fault::Refused { .. }
            | Fault::Unreachable { .. }
            | Fault::FirstByteLate { .. }
            | Fault::WrongType { .. }
            | Fault::Compressed { .. }
            | Fault::Redirected { .. } => self.over(TurnEnd::Error, false, fault.to_string(), out),
        }
    }

    /// Takes printed calls for calls.
    pub(super) fn repair(&mut self, text: &str, message: &mut Message, out: &mut Vec<Effect>) -> Vec<(ToolCall, bool)> {
        let found = printed::find(text, |name| self.names.contains(&name));
        if found.is_empty() {
            return Vec::new();
        }
        out.push(Effect::Alarm {
            what: "repaired",
            text: format!("The model printed {} tool call(s) as text; taken for calls.", found.len()),
        });
        let mut calls = Vec::new();
        for printed in found {
            let id = format!("printed-{}-{}", self.budget.turns(), calls.len());
            self.seen_ids.insert(id.clone());
            let call = ToolCall { id, name: printed.name, args: printed.args, seal: None };
            message.parts.push(Part::Call(call.clone()));
            calls.push((call, true));
        }
        calls
    }

    pub(super) fn only_words(&mut self, text: String, said: bool, stop: Option<&Stop>, out: &mut Vec<Effect>) {
        if stop == Some(&Stop::Refusal) {
            return self.over(TurnEnd::Refusal, false, text, out);
        }
        if !said {
            let finding = self.watch.silence();
            if self.apply(finding, None, out) {
                self.ask(out);
            }
            return;
        }
        if stop == Some(&Stop::MaxTokens) {
            let finding = self.watch.fault("it reached its longest length; make smaller steps");
            if self.apply(finding, None, out) {
                self.ask(out);
            }
            return;
        }
        match self.watch.idle_words() {
            Some(words) => {
                self.notes.push(words);
                self.ask(out);
            }
            None => self.over(TurnEnd::EndTurn, false, text, out),
        }
    }
}
