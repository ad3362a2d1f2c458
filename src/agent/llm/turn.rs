//! One model at work on one task, as a state machine: events in, effects out, no IO and no clock.
//!
//! Owns the order of things: a call of the model, then its tool calls one after the other through the gate, then
//! the next call. Every answer is settled against the budget, every call judged by [`Watch`], every result goes
//! back in words. Exactly one of the effects of a step is awaited (see [`Effect::is_awaited`]); its outcome is
//! the next event.

use std::collections::{BTreeSet, VecDeque};

use super::budget::{Budget, Exhausted};
use super::catalog::Choice;
use super::crew::Role;
use super::delta::Stop;
use super::fault::Fault;
use super::plan::PlanState;
use super::printed;
use super::reply::Closed;
use super::request::{Message, Part, Request, ToolCall, ToolSpec};
use super::talk::{Shelf, Talk};
use super::tools::{self, Act, Intent};
use super::watch::{Finding, Watch};
use crate::base::ActionId;
use crate::base::limits::llm as limits;
use crate::model::Step;
use crate::model::event::{TurnEnd, Usage};

/// What does not change during a task.
#[derive(Clone, Debug)]
pub struct Setup {
    /// Which part of the crew.
    pub role: Role,
    /// Which model.
    pub choice: Choice,
    /// Standing instructions.
    pub system: String,
    /// Groups the session's requests for the provider's cache.
    pub cache_key: Option<String>,
    /// Whether changes wait for an approved plan.
    pub plan_first: bool,
}

/// What happened.
#[derive(Debug)]
pub enum Event {
    /// A task begins, with untrusted context (project map, instructions files) that may be empty.
    Begin {
        /// The task in the supervisor's words.
        task: String,
        /// Untrusted context.
        context: String,
    },
    /// The model's answer is complete, or broke.
    Answered {
        /// What came.
        closed: Box<Closed>,
        /// How long it took.
        ms: u64,
    },
    /// An act came to its end.
    Acted(Acted),
    /// The supervisor steers at a boundary.
    Steered(String),
    /// The supervisor changed the plan.
    PlanEdited {
        /// The plan now.
        steps: Vec<Step>,
        /// How, in words.
        told: String,
    },
    /// The supervisor interrupts.
    Cancelled,
}

/// How an act ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acted {
    /// What became of it.
    pub verdict: Verdict,
    /// What the model reads.
    pub text: String,
    /// Files that changed.
    pub changed: bool,
    /// A run of tests that was observed.
    pub tests: Option<TestsSeen>,
    /// For a plan: the steps as approved.
    pub plan: Option<Vec<Step>>,
    /// Time it took, without waiting for the decision.
    pub ms: u64,
    /// The action it became, if it reached the gate.
    pub action: Option<ActionId>,
}

/// What became of an act.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Done, maybe with the supervisor's changes.
    Done,
    /// Approved, but it failed.
    Failed,
    /// The supervisor or a rule said no.
    Denied,
    /// The supervisor wants something else.
    Redirected,
    /// It lapsed (base changed, frozen, stopped).
    Lapsed,
    /// It was no valid proposal.
    Refused,
    /// It would have changed nothing.
    NoChange,
}

/// Totals of an observed run of tests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestsSeen {
    /// Everything passed, something ran, the command agrees.
    pub green: bool,
    /// Cases that failed.
    pub failed: u32,
    /// What failed, in few words.
    pub failures: String,
}

/// What to do.
#[derive(Debug)]
pub enum Effect {
    /// Call the model. Awaited: [`Event::Answered`].
    Ask(Box<Request>),
    /// Bring this to the gate. Awaited: [`Event::Acted`].
    Act(Box<Doing>),
    /// The task is over. Awaited: nothing follows.
    Over(Over),
    /// The plan changed in status only.
    ShowPlan(Vec<Step>),
    /// The model explains something.
    Say(String),
    /// The exact text that goes to the model, about an action or on its own.
    Told {
        /// The action it answers.
        action: Option<ActionId>,
        /// The text.
        text: String,
    },
    /// Something the supervisor should see.
    Alarm {
        /// Its kind.
        what: &'static str,
        /// In words.
        text: String,
    },
    /// Totals so far.
    Usage(Usage),
}

/// An act on its way to the gate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Doing {
    /// What.
    pub act: Act,
    /// Why.
    pub intent: Intent,
    /// The call was printed as text and repaired.
    pub repaired: bool,
    /// Failing tests of the last run, if it failed: edits to tests are flagged then.
    pub tests_failing: Option<u32>,
}

/// How a task ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Over {
    /// The turn's reason.
    pub reason: TurnEnd,
    /// Ended by `finish`.
    pub finished: bool,
    /// The model says that the goal is reached, and nothing observed contradicts it.
    pub done: bool,
    /// The last words.
    pub report: String,
}

impl Effect {
    /// Whether the machine waits for this effect's outcome.
    pub fn is_awaited(&self) -> bool {
        matches!(self, Effect::Ask(_) | Effect::Act(_) | Effect::Over(_))
    }
}

#[derive(Debug, PartialEq)]
enum State {
    Idle,
    Asking { estimated: u64 },
    Acting { call: ToolCall },
    Over,
}

/// See the module.
#[derive(Debug)]
pub struct Turn {
    setup: Setup,
    tools: Vec<ToolSpec>,
    names: Vec<&'static str>,
    /// What may be used up; shared with the other specialists by moving it.
    pub budget: Budget,
    /// The plan; shared likewise.
    pub plan: PlanState,
    talk: Talk,
    shelf: Shelf,
    watch: Watch,
    state: State,
    seen_ids: BTreeSet<String>,
    queue: VecDeque<(ToolCall, bool)>,
    results: Vec<Part>,
    notes: Vec<String>,
    /// Objections made by a reviewer that were let through.
    pub objections: Vec<String>,
    task: String,
    decisions: VecDeque<String>,
    last_tests: Option<TestsSeen>,
    changed_since_tests: bool,
    finish_refused: bool,
    plan_nudged: bool,
    plan_due: bool,
    asks_since_plan: u32,
    overflows: u32,
    context_tokens: u64,
    context_used: u64,
    acted: bool,
    steered: bool,
}

impl Turn {
    /// A machine at rest.
    pub fn new(setup: Setup, budget: Budget, plan: PlanState) -> Turn {
        let format = setup.choice.model.edit_format;
        Turn {
            tools: tools::specs(setup.role, format),
            names: tools::names(setup.role, format),
            context_tokens: u64::from(setup.choice.model.context_tokens()),
            shelf: Shelf::for_context(setup.choice.model.context_tokens()),
            setup,
            budget,
            plan,
            talk: Talk::default(),
            watch: Watch::default(),
            state: State::Idle,
            seen_ids: BTreeSet::new(),
            queue: VecDeque::new(),
            results: Vec::new(),
            notes: Vec::new(),
            objections: Vec::new(),
            task: String::new(),
            decisions: VecDeque::new(),
            last_tests: None,
            changed_since_tests: false,
            finish_refused: false,
            plan_nudged: false,
            plan_due: false,
            asks_since_plan: 0,
            overflows: 0,
            context_used: 0,
            acted: false,
            steered: false,
        }
    }

    /// The model that works here.
    pub fn choice(&self) -> &Choice {
        &self.setup.choice
    }

    /// Who works here.
    pub fn role(&self) -> Role {
        self.setup.role
    }

    /// Ids of calls made so far; the driver closes answers against them.
    pub fn seen_ids(&mut self) -> &mut BTreeSet<String> {
        &mut self.seen_ids
    }

    /// Takes one event; see the module for what comes back.
    pub fn step(&mut self, event: Event) -> Vec<Effect> {
        let mut out = Vec::new();
        match event {
            Event::Begin { task, context } => self.begin(task, context, &mut out),
            Event::Answered { closed, ms } => self.answered(*closed, ms, &mut out),
            Event::Acted(acted) => self.acted(acted, &mut out),
            Event::Steered(text) => {
                self.steered = true;
                self.notes.push(format!("The supervisor says:\n{text}"));
            }
            Event::PlanEdited { steps, told } => {
                self.plan.approve(steps);
                self.plan_due = true;
                self.steered = true;
                self.remember(&told);
                self.notes.push(told);
            }
            Event::Cancelled => {
                self.drop_calls("The supervisor interrupted; this was not done.");
                self.over(TurnEnd::Cancelled, false, String::new(), &mut out);
            }
        }
        out
    }

    fn begin(&mut self, task: String, context: String, out: &mut Vec<Effect>) {
        // A task after an interrupted one: whatever was open has been closed by `drop_calls`.
        self.task.clone_from(&task);
        self.watch = Watch::default();
        self.finish_refused = false;
        let mut text = task;
        if !context.is_empty() {
            text = format!("{context}\n\nThe task:\n{text}");
        }
        self.talk.tell(text);
        self.plan_due = self.plan.is_approved();
        self.ask(out);
    }

    // ---- asking -----------------------------------------------------------------------------

    fn ask(&mut self, out: &mut Vec<Effect>) {
        let parts = std::mem::take(&mut self.results);
        self.talk.user(parts);
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
        if self.talk.tokens(&self.setup.system, &self.tools) > room {
            self.compact(room, out);
        }
        let estimated = self.talk.tokens(&self.setup.system, &self.tools);
        match self.budget.reserve(&self.setup.choice.model, estimated, answer) {
            Err(stop) => self.exhausted(&stop, out),
            Ok(reserved) => {
                self.state = State::Asking { estimated };
                out.push(Effect::Ask(Box::new(Request {
                    model: self.setup.choice.model.name.clone(),
                    system: self.setup.system.clone(),
                    messages: self.talk.messages().to_vec(),
                    tools: self.tools.clone(),
                    output_tokens_max: reserved.answer_tokens,
                    thinking: self.setup.choice.model.thinking,
                    cache: true,
                    cache_key: self.setup.cache_key.clone(),
                })));
            }
        }
    }

    fn compact(&mut self, room: u64, out: &mut Vec<Effect>) {
        let mut summary = format!("The task:\n{}\n\nEarlier messages were left out to save room.\n", self.task);
        summary.extend(self.plan.text().map(|plan| format!("\n{plan}")));
        if !self.decisions.is_empty() {
            summary.push_str("\nDecisions and results so far, oldest first:\n");
            self.decisions.iter().for_each(|line| summary.push_str(&format!("- {line}\n")));
        }
        if let Some(tests) = self.last_tests.as_ref().filter(|tests| !tests.green) {
            summary.push_str(&format!("\nStill failing:\n{}\n", tests.failures));
        }
        let system = self.setup.system.clone();
        if self.talk.fit(room, &system, &self.tools, || summary.clone()) {
            out.push(Effect::Told { action: None, text: summary });
        }
    }

    // ---- answers ----------------------------------------------------------------------------

    fn answered(&mut self, mut closed: Closed, ms: u64, out: &mut Vec<Effect>) {
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

    fn settle(&mut self, closed: &Closed, estimated: u64, ms: u64, out: &mut Vec<Effect>) {
        let model = &self.setup.choice.model;
        let answer: usize = closed.text().len() + closed.calls().map(|call| call.args.to_string().len()).sum::<usize>();
        // A refused request used nothing; a broken one used what it sent.
        let spent = closed.fault.is_none() || answer > 0 || closed.usage != Default::default();
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
    fn broke(&mut self, fault: &Fault, closed: Closed, out: &mut Vec<Effect>) {
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
            other => self.over(TurnEnd::Error, false, other.to_string(), out),
        }
    }

    /// Takes printed calls for calls.
    fn repair(&mut self, text: &str, message: &mut Message, out: &mut Vec<Effect>) -> Vec<(ToolCall, bool)> {
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

    fn only_words(&mut self, text: String, said: bool, stop: Option<&Stop>, out: &mut Vec<Effect>) {
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

    // ---- calls ------------------------------------------------------------------------------

    /// Works off the queue until something must be awaited.
    fn advance(&mut self, out: &mut Vec<Effect>) {
        if std::mem::take(&mut self.steered) {
            self.drop_calls("Not done: the supervisor has spoken meanwhile. Read that first.");
        }
        while let Some((call, repaired)) = self.queue.pop_front() {
            let (act, intent) = match tools::read_call(&call.name, &call.args, &self.names) {
                Ok(read) => read,
                Err(mistake) => {
                    if !self.judge(Watch::mistake, mistake.to_string(), Some(&call), out) {
                        return;
                    }
                    continue;
                }
            };
            let finding = self.watch.call(&call);
            if finding != Finding::Fine {
                if !self.apply(finding, Some(&call), out) {
                    return;
                }
                continue;
            }
            if self.carry_out(call, act, intent, repaired, out) {
                return;
            }
        }
        self.ask(out);
    }

    /// True when something is awaited now.
    fn carry_out(&mut self, call: ToolCall, act: Act, intent: Intent, repaired: bool, out: &mut Vec<Effect>) -> bool {
        match &act {
            Act::Explain { text } => {
                out.push(Effect::Say(text.clone()));
                self.answer(&call, "The supervisor has read it.".to_owned(), false);
                return false;
            }
            Act::More { reference, from } => {
                let (text, failed) = match self.shelf.more(reference, *from) {
                    Ok(text) => (text, false),
                    Err(text) => (text, true),
                };
                self.answer(&call, text, failed);
                return false;
            }
            Act::Finish { report, done } => return self.finish(&call, report.clone(), *done, out),
            Act::Plan { steps } => {
                let steps = self.plan.propose(steps);
                if self.plan.is_approved() && !self.plan.is_new(&steps) {
                    self.plan.update(steps.clone());
                    out.push(Effect::ShowPlan(steps));
                    self.answer(&call, "The plan's status is updated.".to_owned(), false);
                    return false;
                }
            }
            Act::Read { .. }
            | Act::List { .. }
            | Act::Search { .. }
            | Act::Edit { .. }
            | Act::Patch { .. }
            | Act::Write { .. }
            | Act::Delete { .. }
            | Act::Move { .. }
            | Act::Run { .. }
            | Act::Test { .. }
            | Act::Ask { .. }
            | Act::Object { .. } => {}
        }
        if act.changes_things() && self.setup.plan_first && !self.plan.is_approved() && !self.plan_nudged {
            self.plan_nudged = true;
            let text =
                "Not done yet: first propose a plan with `plan`, so that the supervisor can change and approve it.";
            self.answer(&call, text.to_owned(), true);
            return false;
        }
        if let Err(stop) = self.budget.reserve_action() {
            self.queue.push_front((call, repaired));
            self.exhausted(&stop, out);
            return true;
        }
        let tests_failing = self.last_tests.as_ref().filter(|tests| !tests.green).map(|tests| tests.failed.max(1));
        self.state = State::Acting { call };
        out.push(Effect::Act(Box::new(Doing { act, intent, repaired, tests_failing })));
        true
    }

    fn acted(&mut self, acted: Acted, out: &mut Vec<Effect>) {
        let State::Acting { call } = std::mem::replace(&mut self.state, State::Idle) else { return };
        self.acted = true;
        self.budget.spend_ms(acted.ms);
        if let Some(steps) = acted.plan {
            self.plan.approve(steps);
            self.plan_due = true;
        }
        if acted.changed {
            self.changed_since_tests = true;
        }
        if let Some(tests) = acted.tests {
            self.last_tests = Some(tests);
            self.changed_since_tests = false;
        }
        let first = acted.text.lines().next().unwrap_or_default();
        self.remember(&format!("{}: {first}", describe(&call)));
        if call.name == "object" && acted.verdict == Verdict::Done {
            self.objections.extend(call.args.get("text").and_then(serde_json::Value::as_str).map(str::to_owned));
        }
        let action = acted.action;
        match acted.verdict {
            Verdict::NoChange => {
                if !self.judge(Watch::no_change, acted.text, Some(&call), out) {
                    return;
                }
            }
            Verdict::Refused => {
                if !self.judge(Watch::mistake, acted.text, Some(&call), out) {
                    return;
                }
            }
            Verdict::Done => {
                self.watch.success();
                self.answer(&call, acted.text, false);
            }
            Verdict::Failed | Verdict::Lapsed => self.answer(&call, acted.text, true),
            Verdict::Denied | Verdict::Redirected => {
                self.answer(&call, acted.text, true);
                // The supervisor wants something else: what was meant to follow no longer holds.
                self.drop_calls("Not done: the supervisor decided differently on an earlier call. Think again.");
            }
        }
        let own = self.results.iter().find_map(|part| match part {
            Part::Result { id, text, .. } if *id == call.id => Some(text.clone()),
            Part::Result { .. } | Part::Text(_) | Part::Thinking { .. } | Part::Call(_) => None,
        });
        if let (Some(_), Some(text)) = (&action, own) {
            out.push(Effect::Told { action, text });
        }
        self.advance(out);
    }

    /// True when the task is over.
    fn finish(&mut self, call: &ToolCall, report: String, done: bool, out: &mut Vec<Effect>) -> bool {
        let red = self.last_tests.as_ref().is_some_and(|tests| !tests.green);
        let untested = self.changed_since_tests && self.names.contains(&"test");
        if done && (untested || red) && !self.finish_refused {
            self.finish_refused = true;
            let text = if untested {
                "Not ended: no tests were run since your last change. Run `test` first; or call `finish` again to end without."
            } else {
                "Not ended: the last test run failed. Go on; or call `finish` with done=false and say what is left."
            };
            self.answer(call, text.to_owned(), true);
            return false;
        }
        let mut report = report;
        if done && untested {
            let text = "The report claims success, but no tests were run since the last change.";
            out.push(Effect::Alarm { what: "claim_without_run", text: text.to_owned() });
            report.push_str("\n\n[rightseat: no test run was observed after the last change]");
        } else if done && red {
            let text = "The report claims success, but the last observed test run failed.";
            out.push(Effect::Alarm { what: "claim_without_run", text: text.to_owned() });
            report.push_str("\n\n[rightseat: the last observed test run failed]");
        }
        self.answer(call, "The work has ended.".to_owned(), false);
        self.drop_calls("Not done: the work has ended.");
        let parts = std::mem::take(&mut self.results);
        self.talk.user(parts);
        self.state = State::Over;
        out.push(Effect::Over(Over { reason: TurnEnd::EndTurn, finished: true, done: done && !red, report }));
        true
    }

    // ---- words ------------------------------------------------------------------------------

    fn answer(&mut self, call: &ToolCall, text: String, failed: bool) {
        let text = self.shelf.place(text);
        self.results.push(Part::Result { id: call.id.clone(), name: call.name.clone(), text, failed });
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
            Finding::Tell { alarm, text } => (alarm, text, false),
            Finding::End { alarm, text } => (alarm, text, true),
        };
        if !alarm.is_empty() {
            out.push(Effect::Alarm { what: alarm, text: text.clone() });
        }
        match call {
            Some(call) => self.answer(call, text.clone(), true),
            None if !end => self.notes.push(text.clone()),
            None => {}
        }
        if end {
            self.drop_calls("Not done: the run was ended.");
            self.over(TurnEnd::Error, false, text, out);
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
        out.push(Effect::Alarm { what: "budget", text: stop.to_string() });
        self.over(TurnEnd::Budget, false, stop.to_string(), out);
    }

    fn over(&mut self, reason: TurnEnd, done: bool, report: String, out: &mut Vec<Effect>) {
        let parts = std::mem::take(&mut self.results);
        self.talk.user(parts);
        self.state = State::Over;
        out.push(Effect::Over(Over { reason, finished: false, done, report }));
    }

    fn remember(&mut self, line: &str) {
        let line: String = line.chars().take(limits::DECISION_CHARS_MAX).collect();
        self.decisions.push_back(line);
        while self.decisions.len() > limits::DECISIONS_MAX {
            self.decisions.pop_front();
        }
    }

    /// Whether anything was brought to the gate in this conversation.
    pub fn has_acted(&self) -> bool {
        self.acted
    }
}

/// A call in few words, for the summary.
fn describe(call: &ToolCall) -> String {
    let target =
        ["path", "command", "pattern", "from", "question"].iter().find_map(|key| call.args.get(*key)?.as_str());
    format!("{} {}", call.name, target.unwrap_or_default())
}
