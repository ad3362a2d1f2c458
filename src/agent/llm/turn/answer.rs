//! Before a call of the model: notes, the plan's reminder, room in the context, the reservation. After it: settling it,
//! what is whole of a broken answer, printed calls, mere words.

use super::{Ask, Asked, Counted, Effect, PlanNudge, State, Turn};
use crate::agent::llm::delta::{Stop, Usage as Tokens};
use crate::agent::llm::dialect::{self, Dialect};
use crate::agent::llm::fault::Fault;
use crate::agent::llm::limits;
use crate::agent::llm::printed;
use crate::agent::llm::reply::Closed;
use crate::agent::llm::request::{Message, Part, Request, ToolCall, ToolSpec};
use crate::agent::llm::tools::{self, Wording};
use crate::agent::llm::watch::Watch;
use crate::model::AlarmKind;
use crate::model::event::TurnEnd;

impl Turn {
    pub(super) fn ask(&mut self, out: &mut Vec<Effect>) {
        let parts = std::mem::take(&mut self.replies.results);
        self.talk.user(parts);
        out.extend(self.replies.unsent.drain(..).map(|text| Effect::Told { action: None, text }));
        self.steered = false;
        if self.planning.due || self.planning.asks_since >= limits::PLAN_REMINDER_ASKS {
            self.replies.notes.extend(self.plan.text());
            (self.planning.due, self.planning.asks_since) = (false, 0);
        }
        for note in std::mem::take(&mut self.replies.notes) {
            out.push(Effect::Told { action: None, text: note.clone() });
            self.talk.add(note);
        }
        self.planning.asks_since += 1;
        let answer =
            self.setup.choice.model.answer_tokens().min(u32::try_from(self.room.tokens / 3).unwrap_or(u32::MAX));
        let room = self.room.tokens.saturating_sub(u64::from(answer)) * 9 / 10;
        if self.talk.tokens(self.fixed_bytes()) > room {
            self.compact(room, out);
        }
        let estimated = self.talk.tokens(self.fixed_bytes());
        let bytes = self.request_bytes();
        match self.budget.reserve(&self.setup.choice.model, self.tokens_most(bytes), answer) {
            Err(stop) => self.exhausted(&stop, out),
            Ok(reserved) => {
                self.state = State::Asking(Asked { estimated, answer: reserved.answer_tokens });
                let request = Request {
                    model: self.setup.choice.model.name.clone(),
                    system: self.setup.system.clone(),
                    messages: self.talk.messages().to_vec(),
                    tools: self.tools.clone(),
                    output_tokens_max: reserved.answer_tokens,
                    thinking: self.setup.choice.model.thinking,
                    cache: true,
                    cache_key: self.setup.cache_key.clone(),
                    dialect: Dialect::default(),
                };
                let (role, choice) = (self.setup.role, self.setup.choice.clone());
                let wall_used_ms = self.budget.wall_used_ms();
                out.push(Effect::Ask(Box::new(Ask { role, choice, request, tokens: estimated, wall_used_ms })));
            }
        }
    }

    /// The most tokens that a prompt of so many bytes can have: a budget must hold even where an estimate would be
    /// wrong. A conversation grows at its end, so what a server has counted stays counted, and only the rest is bounded
    /// by its bytes.
    fn tokens_most(&self, bytes: u64) -> u64 {
        match self.room.counted {
            Some(counted) if bytes >= counted.bytes => counted.tokens + (bytes - counted.bytes),
            Some(_) | None => bytes,
        }
    }

    /// The size of the next request, bytes.
    pub(super) fn request_bytes(&self) -> u64 {
        (self.fixed_bytes() + self.talk.bytes()) as u64
    }

    /// Returns the size of what every request contains: instructions and tools.
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
        if !self.record.decisions.is_empty() {
            summary.push_str("\nDecisions and results so far, oldest first:\n");
            self.record.decisions.iter().for_each(|line| summary.push_str(&format!("- {line}\n")));
        }
        if let Some(tests) = self.record.tests.as_ref().filter(|tests| !tests.green) {
            summary.push_str(&format!("\nStill failing:\n{}\n", tests.failures));
        }
        let fixed = self.fixed_bytes();
        self.room.counted = None;
        if self.talk.fit(room, fixed, || summary.clone()) {
            out.push(Effect::Told { action: None, text: summary });
        }
    }

    pub(super) fn answered(&mut self, mut closed: Closed, ms: u64, out: &mut Vec<Effect>) {
        let State::Asking(asked) = self.state else { return };
        self.state = State::Idle;
        closed.refuse_repeated(&mut self.seen_ids);
        if self.planning.nudge == PlanNudge::InAnswer {
            self.planning.nudge = PlanNudge::Before;
        }
        self.settle(&closed, asked, ms, out);
        if let Some(fault) = closed.fault.take() {
            return self.broke(&fault, closed, asked.estimated, out);
        }
        self.room.overflows = 0;
        // llama.cpp says `completed` in Responses when the longest length ended it (seen 2026-11).
        if closed.stop == Some(Stop::EndTurn) && closed.usage.output >= Some(u64::from(asked.answer)) {
            closed.stop = Some(Stop::MaxTokens);
        }
        let text = closed.text();
        let mut calls: Vec<(ToolCall, bool)> = closed.calls().cloned().map(|call| (call, false)).collect();
        if calls.is_empty() && closed.broken.is_empty() {
            calls = self.repair(&text, &mut closed.message, out);
        }
        let words = printed::prose(&text);
        let has_text = !words.is_empty();
        self.talk.assistant(closed.message);
        for broken in closed.broken {
            let words = format!("Your call of `{}` was not executed: {}.", broken.name, broken.why);
            if !self.judge(Watch::mistake, words, None, out) {
                return;
            }
        }
        if calls.is_empty() && self.replies.notes.is_empty() {
            return self.only_words(words, has_text, closed.stop.as_ref(), out);
        }
        self.queue.extend(calls);
        self.advance(out);
    }

    pub(super) fn settle(&mut self, closed: &Closed, asked: Asked, ms: u64, out: &mut Vec<Effect>) {
        let estimated = asked.estimated;
        let model = &self.setup.choice.model;
        let answer: usize = closed.text().len() + closed.calls().map(|call| call.args.to_string().len()).sum::<usize>();
        // A refused request used nothing; a broken one used what it sent, also when we waited for its first word no
        // longer.
        let left = matches!(closed.fault, Some(Fault::OverTime | Fault::Stalled { .. } | Fault::FirstByteLate { .. }));
        let spent = closed.fault.is_none() || left || answer > 0 || closed.usage != Tokens::default();
        if spent {
            let estimated_answer = answer as u64 / 3;
            let mut usage = closed.usage;
            // The text shown of an answer before it broke was its beginning.
            if closed.fault.is_some() {
                usage.output = usage.output.map(|counted| counted.max(estimated_answer));
            }
            self.budget.settle(model, &usage, (estimated, estimated_answer), ms);
        } else {
            self.budget.spend_ms(ms);
        }
        if let Some(real) = closed.usage.prompt() {
            // What was not shown says nothing about the size of what was.
            if !matches!(closed.fault, Some(Fault::ToolsUnseen { .. })) && !self.was_cut(real, out) {
                self.talk.learn(self.talk.tokens(self.fixed_bytes()), real);
            }
            self.room.used = real + closed.usage.output.unwrap_or(0);
        } else {
            self.room.used = estimated;
        }
        out.push(Effect::Usage(self.usage()));
    }

    /// Returns whether the server counted fewer tokens than the request can have: some silently drop the beginning of
    /// what does not fit (Ollama at `num_ctx`). Says so and keeps the conversation within what was counted.
    fn was_cut(&mut self, real: u64, out: &mut Vec<Effect>) -> bool {
        if self.talk.holds_sealed_thinking() {
            return false;
        }
        // As it was finally sent: a refusal may have made text of the tools.
        let bytes = self.request_bytes();
        let real_before = self.room.counted.map_or(0, |counted| counted.tokens);
        let least = match self.room.counted.map(|counted| bytes.saturating_sub(counted.bytes)) {
            None => bytes / limits::BYTES_PER_TOKEN_MAX,
            Some(grown) if grown >= limits::GROWTH_BYTES_MIN => real_before + grown / limits::TOOL_BYTES_PER_TOKEN_MAX,
            // The rest is within what templates do.
            Some(_) => 0,
        };
        if real >= least {
            self.room.counted = Some(Counted { bytes, tokens: real });
            return false;
        }
        let largest = real.max(real_before);
        self.room.tokens = self.room.tokens.min(largest).max(u64::from(limits::CONTEXT_TOKENS_MIN) / 2);
        let text = format!(
            "The server counted {real} tokens where at least {least} were sent: it leaves out what does not fit into its \
             context. Using at most {} tokens from now on; start it with a larger context (Ollama: num_ctx) or set the \
             context down in models.toml",
            self.room.tokens
        );
        out.push(Effect::Alarm { what: AlarmKind::CutPrompt, text });
        true
    }

    /// The answer broke. What was complete before the break is kept and executed; the rest is asked for again.
    pub(super) fn broke(&mut self, fault: &Fault, closed: Closed, estimated: u64, out: &mut Vec<Effect>) {
        match fault {
            Fault::Overflow { context, prompt, .. } => self.overflowed(fault, (*context, *prompt), estimated, out),
            Fault::OverTime => {
                self.talk.assistant(closed.message);
                match self.budget.check_wall() {
                    Err(stop) => self.exhausted(&stop, out),
                    // The limit was raised in the last moment.
                    Ok(()) => self.ask(out),
                }
            }
            // The caller has said so and learned to put it otherwise; what was answered answers something else.
            Fault::ToolsUnseen { .. } => self.ask(out),
            Fault::Repeats { .. } => {
                // None of it is worth keeping: the model would continue where it stopped.
                self.talk.assistant(Message::assistant(Vec::new()));
                out.push(Effect::Alarm { what: AlarmKind::Loop, text: fault.to_string() });
                let finding = self.watch.fault(&fault.to_string());
                if self.apply(finding, None, out) {
                    self.ask(out);
                }
            }
            Fault::Cut { .. } | Fault::Stalled { .. } | Fault::Malformed { .. } | Fault::TooLarge { .. } => {
                let calls: Vec<(ToolCall, bool)> = closed.calls().cloned().map(|call| (call, false)).collect();
                self.talk.assistant(closed.message);
                out.push(Effect::Alarm { what: AlarmKind::Cut, text: fault.to_string() });
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
            | Fault::Redirected { .. }
            | Fault::Moved { .. } => self.over(TurnEnd::Error, fault.to_string(), out),
        }
    }

    /// The context is smaller than thought, or a token shorter. What the server tells about sizes is believed.
    fn overflowed(&mut self, fault: &Fault, sizes: (Option<u64>, Option<u64>), estimated: u64, out: &mut Vec<Effect>) {
        self.room.overflows += 1;
        if self.room.overflows > limits::OVERFLOWS_MAX {
            return self.over(TurnEnd::Error, fault.to_string(), out);
        }
        let least = u64::from(limits::CONTEXT_TOKENS_MIN) / 2;
        match sizes {
            (Some(context), Some(prompt)) => {
                self.talk.learn(estimated, prompt);
                self.room.tokens = context.max(least);
            }
            (Some(context), None) => self.room.tokens = self.room.tokens.min(context).max(least),
            (None, _) => self.room.tokens = (self.room.tokens.min(estimated.max(1)) * 2 / 3).max(least),
        }
        out.push(Effect::Alarm { what: AlarmKind::Overflow, text: format!("{fault}. Shortening the conversation.") });
        self.fit_tools();
        if self.fixed_tokens() > self.room.tokens * 3 / 4 {
            let text = format!(
                "{fault}. The instructions alone take about {} tokens; start the server with a larger context",
                self.fixed_tokens()
            );
            return self.over(TurnEnd::Error, text, out);
        }
        self.compact(self.room.tokens / 2, out);
        self.ask(out);
    }

    /// Returns the tokens of what every request contains: instructions and tools.
    fn fixed_tokens(&self) -> u64 {
        self.talk.tokens_of(self.fixed_bytes())
    }

    /// Fewer words for the tools when they would take half of the context.
    fn fit_tools(&mut self) {
        for wording in [Wording::Lean, Wording::Least] {
            if self.fixed_tokens() > self.room.tokens / 2 {
                self.tools = tools::specs(self.setup.role, self.setup.choice.model.edit_format, wording);
            }
        }
    }

    /// Takes printed calls for calls.
    pub(super) fn repair(&mut self, text: &str, message: &mut Message, out: &mut Vec<Effect>) -> Vec<(ToolCall, bool)> {
        let found = printed::find(text, &self.tools);
        if found.calls.is_empty() {
            return Vec::new();
        }
        let marked = !self.agreed_as_text;
        if marked {
            // A model that prints one call prints them all: once is news, and every action is marked.
            if !std::mem::replace(&mut self.sent_once.repaired, true) {
                let text = "The model prints its calls as text. They are accepted as calls and marked.".to_owned();
                out.push(Effect::Alarm { what: AlarmKind::Repaired, text });
            }
            // The model should see the call in the agreed form, and only once.
            message.parts.retain(|part| !matches!(part, Part::Text(_)));
            if !found.prose.is_empty() {
                message.parts.push(Part::Text(found.prose));
            }
        }
        if found.made_up {
            out.push(Effect::Alarm {
                what: AlarmKind::MadeUp,
                text: "The model wrote the result of its own call; it was removed.".to_owned(),
            });
            self.replies.notes.push(
                "You wrote a result yourself. Results come from the supervisor only; here is the real one.".to_owned(),
            );
        }
        let mut calls = Vec::new();
        for printed in found.calls {
            let id = format!("printed-{}-{}", self.budget.turns(), calls.len());
            self.seen_ids.insert(id.clone());
            let call = ToolCall { id, name: printed.name, args: printed.args, seal: None };
            message.parts.push(Part::Call(call.clone()));
            calls.push((call, marked));
        }
        calls
    }

    pub(super) fn only_words(&mut self, text: String, has_text: bool, stop: Option<&Stop>, out: &mut Vec<Effect>) {
        if stop == Some(&Stop::Refusal) {
            return self.over(TurnEnd::Refusal, text, out);
        }
        if !has_text {
            let finding = self.watch.silence();
            if self.apply(finding, None, out) {
                self.ask(out);
            }
            return;
        }
        if stop == Some(&Stop::MaxTokens) {
            let text = "The model's answer reached the length limit before it called a tool.".to_owned();
            out.push(Effect::Alarm { what: AlarmKind::Cut, text });
            let finding = self.watch.fault("it reached the length limit; make smaller steps");
            if self.apply(finding, None, out) {
                self.ask(out);
            }
            return;
        }
        if let Some(name) = printed::broken(&text, &self.tools) {
            let words = format!(
                "Your answer looks like a call of `{name}`, but its JSON cannot be read (a quotation mark within a text \
                 needs a backslash, or a bracket is missing). Nothing was done; call it again."
            );
            if self.judge(Watch::mistake, words, None, out) {
                self.ask(out);
            }
            return;
        }
        match self.watch.idle_words() {
            Some(words) => {
                let failing = self.still_failing().filter(|_| !std::mem::replace(&mut self.sent_once.what_fails, true));
                self.replies.notes.push(failing.map_or(words.clone(), |failing| format!("{failing}\n{words}")));
                self.ask(out);
            }
            None => self.over(TurnEnd::EndTurn, text, out),
        }
    }
}
