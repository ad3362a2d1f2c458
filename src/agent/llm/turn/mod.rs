//! One model at work on one task, as a state machine: events in, effects out, no IO and no clock.
//!
//! Owns the order of things: a call of the model, then its tool calls one after the other through the gate, then
//! the next call. Every answer is settled against the budget, every call judged by [`Watch`], every result goes
//! back in words. [`Turn::step`] is the only way in. An event that begins a task or ends a wait leads to exactly one
//! effect that is awaited (see [`Effect::is_awaited`]), and its outcome is the next such event; an event from the
//! supervisor leads to none.

mod answer;
mod calls;
mod speech;
#[cfg(test)]
mod tests;

pub use speech::{Acted, Ask, Doing, Effect, Event, Over, Setup, TestsSeen, Verdict};

use super::budget::{Budget, Exhausted};
use super::catalog::Choice;
use super::plan::PlanState;
use super::request::{Part, ToolCall, ToolSpec};
use super::talk::{Shelf, Talk};
use super::tools::{self, Wording};
use super::watch::{Finding, Watch};
use crate::agent::llm::limits;
use crate::model::AlarmKind;
use crate::model::event::{TurnEnd, Usage};
use std::collections::{BTreeSet, VecDeque};

/// The tokens that a server counted in a prompt of so many bytes. What is added later can only be bounded.
#[derive(Clone, Copy, Debug)]
struct Counted {
    bytes: u64,
    tokens: u64,
}

/// The context as far as it is known.
#[derive(Clone, Copy, Debug)]
struct Room {
    tokens: u64,
    used: u64,
    counted: Option<Counted>,
    /// Refusals in a row because a prompt was too long.
    overflows: u32,
}

/// The messages to send to the model next.
#[derive(Debug, Default)]
struct Replies {
    results: Vec<Part>,
    notes: Vec<String>,
    /// Results that are not recorded as sent yet.
    unsent: Vec<String>,
}

/// The results of the task so far.
#[derive(Debug, Default)]
struct Record {
    decisions: VecDeque<String>,
    tests: Option<TestsSeen>,
    /// Something was changed since they ran.
    changed_since: bool,
    /// The remarks that the last report must include.
    caveats: Vec<String>,
}

/// The messages that are sent once: that it must run tests before it ends, what fails when it ends, that calls are
/// repaired.
#[derive(Debug, Default)]
struct SentOnce {
    run_tests: bool,
    what_fails: bool,
    repaired: bool,
}

/// The times at which the model is reminded of its plan, or asked for one.
#[derive(Debug, Default)]
struct Planning {
    nudge: PlanNudge,
    due: bool,
    asks_since: u32,
}

/// The state of the request for a plan before the model's first change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum PlanNudge {
    #[default]
    None,
    /// In this answer: nothing else of it changes anything, unless a plan in it is approved.
    InAnswer,
    /// In an earlier one; it may continue without.
    Before,
}

#[derive(Debug, PartialEq)]
enum State {
    Idle,
    Asking(Asked),
    Acting { call: ToolCall },
    Over,
}

/// A request on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Asked {
    /// Its size, tokens, to the safe side.
    estimated: u64,
    /// The longest answer asked for, tokens.
    answer: u32,
}

/// See the module.
#[derive(Debug)]
pub struct Turn {
    setup: Setup,
    tools: Vec<ToolSpec>,
    names: Vec<&'static str>,
    budget: Budget,
    plan: PlanState,
    talk: Talk,
    shelf: Shelf,
    watch: Watch,
    state: State,
    seen_ids: BTreeSet<String>,
    queue: VecDeque<(ToolCall, bool)>,
    replies: Replies,
    /// Objections made by a reviewer that were let through.
    objections: Vec<String>,
    task: String,
    record: Record,
    sent_once: SentOnce,
    planning: Planning,
    room: Room,
    /// Calls are to be printed as text, because the server supports no other way.
    agreed_as_text: bool,
    steered: bool,
}

impl Turn {
    /// A machine at rest.
    pub fn new(setup: Setup) -> Turn {
        let format = setup.choice.model.edit_format;
        let context = setup.choice.model.context_tokens();
        Turn {
            tools: tools::specs(setup.role, format, Wording::for_context(u64::from(context))),
            names: tools::names(setup.role, format),
            shelf: Shelf::for_context(context),
            setup,
            budget: Budget::default(),
            plan: PlanState::default(),
            talk: Talk::default(),
            watch: Watch::default(),
            state: State::Idle,
            seen_ids: BTreeSet::new(),
            queue: VecDeque::new(),
            replies: Replies::default(),
            objections: Vec::new(),
            task: String::new(),
            record: Record::default(),
            sent_once: SentOnce::default(),
            planning: Planning::default(),
            room: Room { tokens: u64::from(context), used: 0, counted: None, overflows: 0 },
            agreed_as_text: false,
            steered: false,
        }
    }

    /// The supervisor wants a shorter conversation: half of its size at most.
    pub fn shorten(&mut self) -> Vec<Effect> {
        let mut out = Vec::new();
        let room = self.talk.tokens(self.fixed_bytes()) / 2;
        self.compact(room, &mut out);
        out
    }

    /// The conversation goes on with another model, as far as that one can read it.
    pub fn change_model(&mut self, choice: Choice, system: String) {
        let (format, context) = (choice.model.edit_format, choice.model.context_tokens());
        self.tools = tools::specs(self.setup.role, format, Wording::for_context(u64::from(context)));
        self.names = tools::names(self.setup.role, format);
        self.room = Room { tokens: u64::from(context), used: 0, counted: None, overflows: 0 };
        (self.setup.choice, self.setup.system) = (choice, system);
        self.agreed_as_text = false;
        self.talk.unseal();
    }

    /// The budget as it is now; the next specialist begins with it.
    pub fn budget(&self) -> &Budget {
        &self.budget
    }

    /// The plan as it is now; likewise.
    pub fn plan(&self) -> &PlanState {
        &self.plan
    }

    /// Returns the used and the remaining budget.
    pub fn usage(&self) -> Usage {
        self.budget.usage(&self.setup.choice.model, self.room.used)
    }

    /// Takes one event; see the module for what comes back.
    pub fn step(&mut self, event: Event) -> Vec<Effect> {
        let mut out = Vec::new();
        match event {
            Event::Begin { task, context, budget, plan } => {
                (self.budget, self.plan) = (*budget, plan);
                self.begin(task, context, &mut out);
            }
            Event::Answered { closed, as_text, ms } => {
                self.agreed_as_text = as_text;
                self.answered(*closed, ms, &mut out);
            }
            Event::Acted(acted) => self.acted(acted, &mut out),
            Event::Steered(text) => {
                self.steered = true;
                self.replies.notes.push(format!("The supervisor says:\n{text}"));
            }
            Event::PlanEdited { steps, message } => {
                self.plan.approve(steps);
                self.planning.due = true;
                self.steered = true;
                self.remember(&message);
                self.replies.notes.push(message);
            }
            Event::Limited(limits) => {
                self.budget.limits = limits;
                out.push(Effect::Usage(self.usage()));
            }
            Event::Canceled => {
                self.drop_calls("The supervisor interrupted; this was not done.");
                self.over(TurnEnd::Canceled, String::new(), &mut out);
            }
        }
        out
    }

    fn begin(&mut self, task: String, context: String, out: &mut Vec<Effect>) {
        // A task after an interrupted one: whatever was open has been closed by `drop_calls`.
        self.task.clone_from(&task);
        self.watch = Watch::default();
        self.objections.clear();
        (self.sent_once.run_tests, self.sent_once.what_fails) = (false, false);
        // Two parts: when room is short, the context may go and the task must stay.
        if !context.is_empty() {
            self.talk.add(context);
        }
        self.talk.add(format!("The task:\n{task}"));
        self.planning.due = self.plan.is_approved();
        // Limits are visible from the start.
        out.push(Effect::Usage(self.usage()));
        self.ask(out);
    }

    fn answer(&mut self, call: &ToolCall, text: String, failed: bool) {
        let text = self.shelf.place(text);
        self.replies.unsent.push(text.clone());
        self.replies.results.push(Part::Result { id: call.id.clone(), name: call.name.clone(), text, failed });
    }

    /// Asks the watch about something and applies its finding; false when the task is over.
    fn judge(
        &mut self,
        count: fn(&mut Watch, String) -> Finding,
        words: String,
        call: Option<&ToolCall>,
        out: &mut Vec<Effect>,
    ) -> bool {
        let finding = count(&mut self.watch, words);
        self.apply(finding, call, out)
    }

    /// False when the task is over.
    fn apply(&mut self, finding: Finding, call: Option<&ToolCall>, out: &mut Vec<Effect>) -> bool {
        let (alarm, text, end) = match finding {
            Finding::Fine => return true,
            Finding::Warn { alarm, text } => (alarm, text, false),
            Finding::End { alarm, text } => (alarm, text, true),
        };
        if let Some(what) = alarm {
            let shown = if end { text.clone() } else { format!("The model was told: {text}") };
            out.push(Effect::Alarm { what, text: shown });
        }
        match call {
            Some(call) => self.answer(call, text.clone(), true),
            None if !end => self.replies.notes.push(text.clone()),
            None => {}
        }
        if end {
            self.drop_calls("Not done: the run was ended.");
            self.over(TurnEnd::Error, text, out);
        }
        !end
    }

    /// Gives every call that waits a result, since servers refuse calls without one.
    fn drop_calls(&mut self, why: &str) {
        if let State::Acting { call } = std::mem::replace(&mut self.state, State::Idle) {
            self.answer(&call, why.to_owned(), true);
        }
        for (call, _) in std::mem::take(&mut self.queue) {
            self.answer(&call, why.to_owned(), true);
        }
    }

    fn exhausted(&mut self, stop: &Exhausted, out: &mut Vec<Effect>) {
        self.drop_calls("Not done: the budget is used up.");
        out.push(Effect::Alarm { what: AlarmKind::Budget, text: stop.to_string() });
        self.over(TurnEnd::Budget, stop.to_string(), out);
    }

    /// Ends the task in another way than by `finish`.
    fn over(&mut self, reason: TurnEnd, report: String, out: &mut Vec<Effect>) {
        self.end(Over { reason, finished: false, done: false, report, objections: Vec::new() }, out);
    }

    fn end(&mut self, over: Over, out: &mut Vec<Effect>) {
        let parts = std::mem::take(&mut self.replies.results);
        self.talk.user(parts);
        self.state = State::Over;
        out.push(Effect::Over(Over { objections: std::mem::take(&mut self.objections), ..over }));
    }

    fn remember(&mut self, line: &str) {
        let line: String = line.chars().take(limits::DECISION_CHARS_MAX).collect();
        self.record.decisions.push_back(line);
        while self.record.decisions.len() > limits::DECISIONS_MAX {
            self.record.decisions.pop_front();
        }
    }
}
