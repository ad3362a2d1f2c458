//! Before a call of the model: notes, the plan's reminder, room in the context, the reservation.

use super::{Asked, Effect, State, Turn};
use crate::agent::llm::dialect::{self, Dialect};
use crate::agent::llm::limits;
use crate::agent::llm::request::{Request, ToolSpec};

impl Turn {
    pub(super) fn ask(&mut self, out: &mut Vec<Effect>) {
        let parts = std::mem::take(&mut self.results);
        self.talk.user(parts);
        out.extend(self.untold.drain(..).map(|text| Effect::Told { action: None, text }));
        self.steered = false;
        if self.plan_due || self.asks_since_plan >= limits::PLAN_REMINDER_ASKS {
            self.notes.extend(self.plan.text());
            (self.plan_due, self.asks_since_plan) = (false, 0);
        }
        for note in std::mem::take(&mut self.notes) {
            out.push(Effect::Told { action: None, text: note.clone() });
            self.talk.tell(note);
        }
        self.asks_since_plan += 1;
        let answer =
            self.setup.choice.model.answer_tokens().min(u32::try_from(self.context_tokens / 3).unwrap_or(u32::MAX));
        let room = self.context_tokens.saturating_sub(u64::from(answer)) * 9 / 10;
        if self.talk.tokens(self.fixed_bytes()) > room {
            self.compact(room, out);
        }
        let estimated = self.talk.tokens(self.fixed_bytes());
        let bytes = self.request_bytes();
        match self.budget.reserve(&self.setup.choice.model, self.tokens_most(bytes), answer) {
            Err(stop) => self.exhausted(&stop, out),
            Ok(reserved) => {
                self.state = State::Asking(Asked { estimated, answer: reserved.answer_tokens });
                out.push(Effect::Ask(Box::new(Request {
                    model: self.setup.choice.model.name.clone(),
                    system: self.setup.system.clone(),
                    messages: self.talk.messages().to_vec(),
                    tools: self.tools.clone(),
                    output_tokens_max: reserved.answer_tokens,
                    thinking: self.setup.choice.model.thinking,
                    cache: true,
                    cache_key: self.setup.cache_key.clone(),
                    dialect: Dialect::default(),
                })));
            }
        }
    }

    /// The most tokens that a prompt of so many bytes can have: a budget must hold even where an estimate would be wrong.
    /// A conversation grows at its end, so what a server has counted stays counted, and only the rest is bounded by its bytes.
    fn tokens_most(&self, bytes: u64) -> u64 {
        match self.counted {
            Some(counted) if bytes >= counted.bytes => counted.tokens + (bytes - counted.bytes),
            Some(_) | None => bytes,
        }
    }

    /// The size of the next request, bytes.
    pub(super) fn request_bytes(&self) -> u64 {
        (self.fixed_bytes() + self.talk.bytes()) as u64
    }

    /// What every request holds whatever was said: instructions and tools.
    pub(super) fn fixed_bytes(&self) -> usize {
        let tools = if self.agreed_as_text {
            dialect::described(&self.tools).len()
        } else {
            self.tools.iter().map(ToolSpec::bytes).sum()
        };
        self.setup.system.len() + tools
    }

    pub(super) fn compact(&mut self, room: u64, out: &mut Vec<Effect>) {
        let mut summary = format!("The task:\n{}\n\nEarlier messages were left out to save room.\n", self.task);
        summary.extend(self.plan.text().map(|plan| format!("\n{plan}")));
        if !self.decisions.is_empty() {
            summary.push_str("\nDecisions and results so far, oldest first:\n");
            self.decisions.iter().for_each(|line| summary.push_str(&format!("- {line}\n")));
        }
        if let Some(tests) = self.last_tests.as_ref().filter(|tests| !tests.green) {
            summary.push_str(&format!("\nStill failing:\n{}\n", tests.failures));
        }
        let fixed = self.fixed_bytes();
        self.counted = None;
        if self.talk.fit(room, fixed, || summary.clone()) {
            out.push(Effect::Told { action: None, text: summary });
        }
    }
}
