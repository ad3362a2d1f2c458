//! What each step of the plan took: tokens and money, time, actions, and the tests before and after. From events alone;
//! a step begins when it becomes active, or with its first action where no step is active.

use super::{Actions, Checks};
use crate::base::{Seq, StepId, UnixMs};
use crate::model::action::{Action, Kind};
use crate::model::check::Tree;
use crate::model::decide::DRIFT;
use crate::model::event::{Envelope, Event, Ruled, Usage};
use crate::model::limits::STEP_COSTS_KEPT_MAX;
use crate::model::plan::Plan;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Passed and failed cases of a run on the workspace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TestCount {
    pub passed: u32,
    pub failed: u32,
}

/// What one step took so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StepCost {
    pub begun: Seq,
    pub tokens: u64,
    /// Micro-dollars.
    pub micros: u64,
    /// While it was the active step.
    pub ms: u64,
    pub actions: u32,
    /// Actions beyond what it declares.
    pub drifts: u32,
    pub before: Option<TestCount>,
    /// Of the last run since it began.
    pub after: Option<TestCount>,
}

/// See the module.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Costs {
    steps: BTreeMap<StepId, StepCost>,
    /// The step that is worked on, or was last: a bill may come after its end.
    current: Option<StepId>,
    /// Since when it is active.
    since: Option<UnixMs>,
    /// The last event.
    at: UnixMs,
    /// The totals that the agent named last.
    billed: (u64, u64),
    tests: Option<TestCount>,
}

impl StepCost {
    fn add(&mut self, other: &Self) {
        if self.begun == Seq(0) || other.begun < self.begun {
            (self.begun, self.before) = (other.begun, other.before.or(self.before));
        }
        self.tokens += other.tokens;
        self.micros += other.micros;
        self.ms += other.ms;
        self.actions += other.actions;
        self.drifts += other.drifts;
        self.after = other.after.or(self.after);
    }

    /// Tokens, money and time, as far as there are any.
    pub fn words(&self) -> String {
        let mut parts = Vec::new();
        if self.tokens > 0 {
            parts.push(tokens(self.tokens));
        }
        if self.micros > 0 {
            parts.push(dollars(self.micros));
        }
        if self.ms >= 1_000 {
            parts.push(duration(self.ms));
        }
        parts.join(" · ")
    }

    /// How the tests stood before and after it.
    pub fn tests_words(&self) -> String {
        let words = |count: TestCount| format!("{} passed, {} failed", count.passed, count.failed);
        match (self.before, self.after) {
            (Some(before), Some(after)) => format!("Tests before: {}; after: {}", words(before), words(after)),
            (None, Some(after)) => format!("Tests: {}", words(after)),
            (Some(before), None) => format!("Tests before: {}; none were run since.", words(before)),
            (None, None) => "No test run was observed.".to_owned(),
        }
    }
}

/// A number of tokens, short.
pub fn tokens(count: u64) -> String {
    if count >= 10_000 { format!("{}k tok", count / 1000) } else { format!("{count} tok") }
}

/// In cents; what is less than one is not nothing.
pub fn dollars(micros: u64) -> String {
    match micros {
        1..10_000 => format!("$0.{:04}", micros / 100),
        _ => format!("${}.{:02}", micros / 1_000_000, micros % 1_000_000 / 10_000),
    }
}

fn duration(ms: u64) -> String {
    match ms / 1000 {
        s @ 0..=119 => format!("{s} s"),
        s @ 120..=7_199 => format!("{} min", s / 60),
        s => format!("{} h {} min", s / 3600, s / 60 % 60),
    }
}

impl Costs {
    /// What a step took with everything below it, up to the last event; `None` before anything happened.
    pub fn of(&self, plan: &Plan, step: &StepId) -> Option<StepCost> {
        let mut sum = StepCost::default();
        for (id, cost) in self.steps.iter().filter(|(id, _)| *id == step || plan.is_within(id, step)) {
            sum.add(&StepCost { ms: self.ms(id, cost), ..cost.clone() });
        }
        (sum.begun > Seq(0)).then_some(sum)
    }

    /// The same of a step that has none below it.
    pub fn of_leaf(&self, step: &StepId) -> Option<StepCost> {
        let cost = self.steps.get(step).filter(|cost| cost.begun > Seq(0))?;
        Some(StepCost { ms: self.ms(step, cost), ..cost.clone() })
    }

    fn ms(&self, step: &StepId, cost: &StepCost) -> u64 {
        let running = self.since.filter(|_| self.current.as_ref() == Some(step));
        cost.ms + running.map_or(0, |since| self.at.since(since))
    }

    /// Takes in an event that the rest of the session has taken in.
    pub(super) fn apply(&mut self, envelope: &Envelope, plan: &Plan, checks: &Checks, actions: &Actions) {
        let last = std::mem::replace(&mut self.at, envelope.at);
        let seq = envelope.seq;
        if let Event::PlanRevised(_) = &envelope.event {
            self.follow(envelope, plan);
        } else if let Event::Proposed(body) = &envelope.event {
            self.acted(seq, &body.action);
        } else if let Event::Ruled(Ruled { action, rule, .. }) = &envelope.event {
            let step = actions.get(action).and_then(|state| state.action.step.clone());
            if let Some(step) = step.filter(|_| rule.as_str() == DRIFT) {
                self.change(seq, &step, |cost| cost.drifts += 1);
            }
        } else if let Event::CheckFinished(body) = &envelope.event {
            if checks.get(&body.run).is_some_and(|run| run.started.tree == Tree::Workspace && run.is_whole()) {
                self.tested(seq, TestCount { passed: body.passed, failed: body.failed });
            }
        } else if let Event::Usage(body) = &envelope.event {
            self.bill(seq, body);
        } else if let Event::AgentChanged(_) = &envelope.event {
            // Another agent counts from zero.
            self.billed = (0, 0);
        } else if let Event::HostStarted(_) = &envelope.event {
            // Nobody worked while there was no host.
            self.charge(last);
            self.since = self.since.map(|_| envelope.at);
        }
    }

    /// A first revision: later ones are the same action.
    fn acted(&mut self, seq: Seq, action: &Action) {
        let Some(step) = action.step.as_ref().filter(|_| action.revision == 1 && action.kind() != Kind::Plan) else {
            return;
        };
        if self.since.is_none() && self.current.as_ref() != Some(step) {
            self.begin(seq, step);
        }
        self.change(seq, step, |cost| cost.actions += 1);
    }

    fn change(&mut self, seq: Seq, step: &StepId, with: impl FnOnce(&mut StepCost)) {
        if self.steps.len() < STEP_COSTS_KEPT_MAX || self.steps.contains_key(step) {
            let before = self.tests;
            let new = || StepCost { begun: seq, before, ..StepCost::default() };
            with(self.steps.entry(step.clone()).or_insert_with(new));
        }
    }

    fn begin(&mut self, seq: Seq, step: &StepId) {
        self.current = Some(step.clone());
        self.change(seq, step, |_| {});
    }

    /// Adds the time until now to the active step.
    fn charge(&mut self, now: UnixMs) {
        if let (Some(since), Some(step)) = (self.since, self.current.clone())
            && let Some(cost) = self.steps.get_mut(&step)
        {
            cost.ms += now.since(since);
        }
    }

    fn follow(&mut self, envelope: &Envelope, plan: &Plan) {
        let active = plan.active().map(|step| step.id.clone());
        if active == self.current && self.since.is_some() {
            return;
        }
        self.charge(envelope.at);
        self.since = active.as_ref().map(|_| envelope.at);
        if let Some(step) = active {
            self.begin(envelope.seq, &step);
        }
    }

    fn tested(&mut self, seq: Seq, count: TestCount) {
        self.tests = Some(count);
        if let Some(step) = self.current.clone() {
            self.change(seq, &step, |cost| cost.after = Some(count));
        }
    }

    fn bill(&mut self, seq: Seq, usage: &Usage) {
        let tokens = usage.tokens_in.unwrap_or(0).saturating_add(usage.tokens_out.unwrap_or(0));
        let now = (tokens, usage.cost_micros.unwrap_or(0));
        // An agent that was started again may count from zero.
        let more = |now: u64, before: u64| now.checked_sub(before).unwrap_or(now);
        let (tokens, micros) = (more(now.0, self.billed.0), more(now.1, self.billed.1));
        self.billed = now;
        if let Some(step) = self.current.clone() {
            self.change(seq, &step, |cost| {
                cost.tokens += tokens;
                cost.micros += micros;
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Session;

    /// Plays events given as their kind and body, a second apart.
    fn play(facts: &[(&str, &str)]) -> Session {
        let envelopes = (1..).zip(facts).map(|(seq, (kind, body))| {
            let event = Event::from_parts(kind, body);
            assert!(!matches!(event, Event::Unknown { .. }), "{kind} {body}");
            Envelope { seq: Seq(seq), at: UnixMs(seq * 1000), event }
        });
        Session::replay(&envelopes.collect::<Vec<_>>())
    }

    const FIRST: (&str, &str) = (
        "plan_revised",
        r#"{"revision":1,"by":"a","steps":[{"id":"g","title":"g"},{"id":"s1","parent":"g","title":"a","status":"active"},{"id":"s2","parent":"g","title":"b"}]}"#,
    );
    const SECOND: (&str, &str) = (
        "plan_revised",
        r#"{"revision":2,"by":"a","steps":[{"id":"g","title":"g"},{"id":"s1","parent":"g","title":"a","status":"done"},{"id":"s2","parent":"g","title":"b","status":"active"}]}"#,
    );

    fn cost(session: &Session, step: &str) -> StepCost {
        session.plans.cost_of(&session.plan, &step.into()).unwrap_or_default()
    }

    #[test]
    fn tokens_money_and_time_go_to_the_step_that_is_active() {
        let session = play(&[
            ("usage", r#"{"tokens_in":100,"tokens_out":10,"cost_micros":5000}"#),
            FIRST,
            ("usage", r#"{"tokens_in":300,"tokens_out":20,"cost_micros":15000}"#),
            ("usage", r#"{"tokens_in":400,"tokens_out":20,"cost_micros":20000}"#),
            SECOND,
            ("usage", r#"{"tokens_in":50,"cost_micros":1000}"#),
        ]);
        let first = cost(&session, "s1");
        assert_eq!((first.tokens, first.micros, first.ms), (310, 15_000, 3_000));
        let second = cost(&session, "s2");
        assert_eq!((second.tokens, second.micros, second.ms), (50, 1_000, 1_000), "the agent counts from zero again");
        let both = cost(&session, "g");
        assert_eq!((both.tokens, both.ms, both.begun), (360, 4_000, Seq(2)));
        assert_eq!(first.words(), "310 tok · $0.01 · 3 s");
    }

    #[test]
    fn time_without_a_host_is_nobodys() {
        let host = ("host_started", r#"{"pid":1,"fence":2,"version":"1"}"#);
        let session = play(&[FIRST, ("resumed", "{}"), host, ("resumed", "{}")]);
        assert_eq!(cost(&session, "s1").ms, 2_000);
    }

    #[test]
    fn tests_are_those_before_the_step_and_the_last_ones_in_it() {
        let digest = crate::base::Digest::of(b"");
        let begin =
            |run: &str, tree: &str| format!(r#"{{"run":"{run}","command":"t","tree":"{tree}","digest":"{digest}"}}"#);
        let end = |run: &str, passed: u32, failed: u32| {
            format!(r#"{{"run":"{run}","passed":{passed},"failed":{failed},"skipped":0,"exit":1}}"#)
        };
        let texts: Vec<(&str, String)> = vec![
            ("check_started", begin("r1", "workspace")),
            ("check_finished", end("r1", 1, 2)),
            (FIRST.0, FIRST.1.to_owned()),
            ("check_started", begin("r2", "candidate")),
            ("check_finished", end("r2", 9, 9)),
            ("check_started", begin("r3", "workspace")),
            ("check_finished", end("r3", 3, 0)),
        ];
        let facts: Vec<(&str, &str)> = texts.iter().map(|(kind, body)| (*kind, body.as_str())).collect();
        let words = cost(&play(&facts), "s1").tests_words();
        assert_eq!(words, "Tests before: 1 passed, 2 failed; after: 3 passed, 0 failed");
    }
}
