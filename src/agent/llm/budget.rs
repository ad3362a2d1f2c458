//! The budget of a run: tokens, money, time, calls of the model, actions. Pure.
//!
//! Every call is reserved at its worst before it is made, so that the run stops before a limit and not after
//! it; what it really used is booked afterwards. Limits can be changed while the run continues.

use super::catalog::Model;
use super::delta::Usage;
use crate::agent::llm::limits;
use crate::model;
use serde::{Deserialize, Serialize};

/// Limits; `None` = none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Prompt and answer tokens together.
    pub tokens: Option<u64>,
    /// Millionths of a dollar.
    pub cost_micros: Option<u64>,
    /// Milliseconds that models and commands took; waiting for the supervisor does not count.
    pub wall_ms: Option<u64>,
    /// Calls of a model.
    pub turns: Option<u64>,
    /// Actions that a model asked for; a read that an edit needs belongs to the edit.
    pub actions: Option<u64>,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            tokens: Some(crate::base::limits::MODEL_BUDGET_TOKENS),
            cost_micros: Some(crate::base::limits::MODEL_BUDGET_COST_MICROS),
            wall_ms: Some(crate::base::limits::MODEL_BUDGET_WALL_MS),
            turns: Some(crate::base::limits::MODEL_BUDGET_TURNS),
            actions: Some(crate::base::limits::MODEL_BUDGET_ACTIONS),
        }
    }
}

/// Limits and what has been used.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Budget {
    /// The limits.
    pub limits: Limits,
    tokens_in: u64,
    tokens_out: u64,
    cost_micros: u64,
    /// A call whose price is unknown has been made.
    cost_unknown: bool,
    wall_ms: u64,
    turns: u64,
    actions: u64,
}

/// A call that has been allowed: how long its answer may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reserved {
    /// Longest answer, tokens; may be less than asked for.
    pub answer_tokens: u32,
}

/// The reason that a run stops here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the {what} budget is used up: {used} of {limit}{why}; raise it to continue")]
pub struct Exhausted {
    /// `token`, `money`, `time`, `turn` or `action`.
    pub what: &'static str,
    /// In words.
    pub used: String,
    /// In words.
    pub limit: String,
    /// The need of the next call, or an empty text.
    pub why: String,
}

impl Budget {
    /// Nothing used yet.
    pub fn new(limits: Limits) -> Budget {
        Budget { limits, ..Budget::default() }
    }

    /// Reserves a call of the model with a prompt of so many tokens, or says which limit it would pass.
    pub fn reserve(&mut self, model: &Model, prompt: u64, answer: u32) -> Result<Reserved, Exhausted> {
        let plain = |what, used: u64, limit: u64| Exhausted {
            what,
            used: used.to_string(),
            limit: limit.to_string(),
            why: String::new(),
        };
        if let Some(limit) = self.limits.turns.filter(|limit| self.turns >= *limit) {
            return Err(plain("turn", self.turns, limit));
        }
        self.check_wall()?;
        let mut answer = answer;
        if let Some(limit) = self.limits.tokens {
            let used = self.tokens_in + self.tokens_out;
            let room = limit.saturating_sub(used).saturating_sub(prompt);
            answer = answer.min(u32::try_from(room).unwrap_or(u32::MAX));
            if answer < limits::ANSWER_TOKENS_MIN {
                let why = format!(", and the next call may need {}", prompt + u64::from(limits::ANSWER_TOKENS_MIN));
                return Err(Exhausted { why, ..plain("token", used, limit) });
            }
        }
        if let Some(limit) = self.limits.cost_micros {
            let room = limit.saturating_sub(self.cost_micros);
            if let Some(affordable) = model.answer_tokens_within(prompt, room) {
                answer = answer.min(u32::try_from(affordable).unwrap_or(u32::MAX));
            }
            if answer < limits::ANSWER_TOKENS_MIN {
                let why = ", and the next call might exceed it".to_owned();
                return Err(Exhausted { what: "money", used: money(self.cost_micros), limit: money(limit), why });
            }
        }
        self.turns += 1;
        Ok(Reserved { answer_tokens: answer })
    }

    /// Checks that there is time left.
    pub fn check_wall(&self) -> Result<(), Exhausted> {
        match self.limits.wall_ms.filter(|limit| self.wall_ms >= *limit) {
            None => Ok(()),
            Some(limit) => {
                let (used, limit) = (seconds(self.wall_ms), seconds(limit));
                Err(Exhausted { what: "time", used, limit, why: String::new() })
            }
        }
    }

    /// Time that a call or a command may still take; `None` without a limit.
    pub fn wall_left_ms(&self) -> Option<u64> {
        self.limits.wall_ms.map(|limit| limit.saturating_sub(self.wall_ms))
    }

    /// Time used so far, milliseconds.
    pub fn wall_used_ms(&self) -> u64 {
        self.wall_ms
    }

    /// Books what a call used. What the server did not tell is booked as estimated.
    pub fn settle(&mut self, model: &Model, usage: &Usage, estimated: (u64, u64), wall_ms: u64) {
        let is_counted = usage.prompt().is_some() && usage.output.is_some();
        self.tokens_in += usage.prompt().unwrap_or(estimated.0);
        self.tokens_out += usage.output.unwrap_or(estimated.1);
        let cost = if is_counted { model.cost_micros(usage) } else { model.cost_micros_max(estimated.0, estimated.1) };
        match cost {
            Some(cost) => self.cost_micros += cost,
            None => self.cost_unknown = true,
        }
        self.wall_ms += wall_ms;
    }

    /// Reserves one action.
    pub fn reserve_action(&mut self) -> Result<(), Exhausted> {
        if let Some(limit) = self.limits.actions.filter(|limit| self.actions >= *limit) {
            let (used, limit) = (self.actions.to_string(), limit.to_string());
            return Err(Exhausted { what: "action", used, limit, why: String::new() });
        }
        self.actions += 1;
        Ok(())
    }

    /// Books the time that a command took.
    pub fn spend_ms(&mut self, ms: u64) {
        self.wall_ms += ms;
    }

    /// Changes one limit: `budget.tokens`, `budget.cost_usd`, `budget.minutes`, `budget.turns`, `budget.actions`;
    /// the value is a number or `none`. False when the name or the number is not understood.
    pub fn adjust(&mut self, name: &str, value: &str) -> bool {
        let value = value.trim();
        let number: Option<f64> = match value.parse::<f64>() {
            Ok(number) if number.is_finite() && number >= 0.0 => Some(number),
            Ok(_) => return false,
            Err(_) if value == "none" => None,
            Err(_) => return false,
        };
        let scaled = |factor: f64| number.map(|number| (number * factor).round() as u64);
        match name {
            "budget.tokens" => self.limits.tokens = scaled(1.0),
            "budget.cost_usd" => self.limits.cost_micros = scaled(1e6),
            "budget.minutes" => self.limits.wall_ms = scaled(60_000.0),
            "budget.turns" => self.limits.turns = scaled(1.0),
            "budget.actions" => self.limits.actions = scaled(1.0),
            _ => return false,
        }
        true
    }

    /// The limits as options: id, name, value.
    pub fn options(&self) -> Vec<(String, String, String)> {
        let whole = |value: Option<u64>| value.map_or("none".to_owned(), |value| value.to_string());
        let entry = |id: &str, name: &str, value: String| (format!("budget.{id}"), format!("Budget: {name}"), value);
        let usd = self.limits.cost_micros.map_or("none".to_owned(), |micros| format!("{:.2}", micros as f64 / 1e6));
        vec![
            entry("tokens", "tokens", whole(self.limits.tokens)),
            entry("cost_usd", "US dollars", usd),
            entry("minutes", "minutes", whole(self.limits.wall_ms.map(|ms| ms / 60_000))),
            entry("turns", "model calls", whole(self.limits.turns)),
            entry("actions", "actions", whole(self.limits.actions)),
        ]
    }

    /// Cost so far; `None` once a call of unknown price was made.
    pub fn cost_micros(&self) -> Option<u64> {
        (!self.cost_unknown).then_some(self.cost_micros)
    }

    /// Calls of the model so far.
    pub fn turns(&self) -> u64 {
        self.turns
    }

    /// Returns the rest of the limit that runs out first, in words that name it.
    pub fn left(&self) -> Option<String> {
        let all = self.each().into_iter().filter_map(|(used, limit, words)| Some((used?, limit?, words)));
        let share = |used: u64, limit: u64| used as f64 / limit.max(1) as f64;
        let first = all.max_by(|a, b| share(a.0, a.1).total_cmp(&share(b.0, b.1)))?;
        let (used, limit, words) = first;
        Some(words(limit.saturating_sub(used)))
    }

    /// Returns the used and the remaining budget, of a model whose context is filled by so many tokens.
    pub fn usage(&self, model: &Model, context_tokens: u64) -> model::event::Usage {
        model::event::Usage {
            tokens_in: Some(self.tokens_in),
            tokens_out: Some(self.tokens_out),
            cost_micros: self.cost_micros(),
            context_used: Some(context_tokens),
            context_size: model.context.map(u64::from),
            budget_left: self.left(),
            budgets: self.words(),
        }
    }

    /// Every limit that is set: what was used of it.
    pub fn words(&self) -> Vec<String> {
        let each = self.each().into_iter();
        each.filter_map(|(used, limit, words)| {
            let used = used.map_or("unknown".to_owned(), words);
            Some(format!("{used} of {}", words(limit?)))
        })
        .collect()
    }

    /// Of each kind: what was used, `None` when unknown; the limit; how an amount is said.
    fn each(&self) -> [(Option<u64>, Option<u64>, Say); 5] {
        let Limits { tokens, cost_micros, wall_ms, turns, actions } = self.limits;
        [
            (Some(self.tokens_in + self.tokens_out), tokens, |n| format!("{} tokens", thousands(n))),
            (self.cost_micros(), cost_micros, money),
            (Some(self.wall_ms), wall_ms, time),
            (Some(self.turns), turns, |n| format!("{n} calls")),
            (Some(self.actions), actions, |n| format!("{n} actions")),
        ]
    }
}

type Say = fn(u64) -> String;

fn thousands(n: u64) -> String {
    if n < 100_000 { n.to_string() } else { format!("{}k", n / 1_000) }
}

fn time(ms: u64) -> String {
    if ms < 600_000 { format!("{} s of time", ms / 1_000) } else { format!("{} min of time", ms / 60_000) }
}

fn money(micros: u64) -> String {
    format!("${:.4}", micros as f64 / 1e6)
}

fn seconds(ms: u64) -> String {
    format!("{} s", ms / 1_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model() -> Model {
        Model { price_in: Some(1.0), price_out: Some(10.0), ..Model::default() }
    }

    fn none() -> Limits {
        Limits { tokens: None, cost_micros: None, wall_ms: None, turns: None, actions: None }
    }

    #[test]
    fn turns_and_actions_stop_exactly_at_their_limit() {
        let mut budget = Budget::new(Limits { turns: Some(3), actions: Some(2), ..none() });
        let allowed = (0..10).filter(|_| budget.reserve(&model(), 10, 1_000).is_ok()).count();
        assert_eq!(allowed, 3);
        assert_eq!((0..10).filter(|_| budget.reserve_action().is_ok()).count(), 2);
    }

    #[test]
    fn tokens_and_money_stop_before_the_limit() {
        let mut budget = Budget::new(Limits { tokens: Some(10_000), ..none() });
        let usage = |input, output| Usage { input: Some(input), output: Some(output), ..Usage::default() };
        while let Ok(reserved) = budget.reserve(&model(), 1_000, 2_000) {
            // The worst a server may do with what it was given.
            budget.settle(&model(), &usage(1_000, u64::from(reserved.answer_tokens)), (0, 0), 5);
        }
        let (tokens_in, tokens_out) = (budget.tokens_in, budget.tokens_out);
        // 1000 are left: the prompt alone would take them.
        assert_eq!(tokens_in + tokens_out, 9_000);
        let mut budget = Budget::new(Limits { cost_micros: Some(50_000), ..none() });
        while let Ok(reserved) = budget.reserve(&model(), 1_000, 2_000) {
            budget.settle(&model(), &usage(1_000, u64::from(reserved.answer_tokens)), (0, 0), 5);
        }
        assert!(budget.cost_micros().unwrap() <= 50_000 && budget.cost_micros().unwrap() > 40_000);
        assert!(budget.left().unwrap().starts_with("$0.0"));
    }

    #[test]
    fn an_answer_may_cost_what_is_left_and_not_a_token_more() {
        // 50 000 millionths buy a prompt of 1 000 at 1 and an answer of 4 900 at 10.
        let room = |cost| Budget::new(Limits { cost_micros: Some(cost), ..none() }).reserve(&model(), 1_000, 9_000);
        assert_eq!(room(50_000).map(|reserved| reserved.answer_tokens), Ok(4_900));
        assert_eq!(room(2_280).map(|reserved| reserved.answer_tokens), Ok(128));
        let refused = room(2_279).unwrap_err().to_string();
        assert!(
            refused.contains("money budget is used up: $0.0000 of $0.0023, and the next call might exceed it"),
            "{refused}"
        );
        assert!(room(999).is_err());
    }

    #[test]
    fn what_runs_out_first_is_named_and_all_can_be_seen() {
        let mut budget = Budget::new(Limits::default());
        assert_eq!(budget.words().len(), 5);
        budget.settle(&model(), &Usage { input: Some(400_000), output: Some(10), ..Usage::default() }, (0, 0), 90_000);
        assert_eq!(budget.left().unwrap(), "3599k tokens");
        let all = ["400k tokens of 4000k tokens", "$0.4001 of $5.0000", "90 s of time of 120 min of time"];
        assert_eq!(&budget.words()[..3], all);
        assert!(budget.adjust("budget.minutes", "2"));
        assert_eq!(budget.left().unwrap(), "30 s of time");
        // Money whose use is unknown cannot be what runs out first.
        budget.settle(&Model::default(), &Usage::default(), (10, 10), 0);
        assert!(budget.adjust("budget.cost_usd", "0") && budget.adjust("budget.minutes", "none"));
        assert_eq!(
            (budget.left().unwrap().as_str(), budget.words()[1].as_str()),
            ("3599k tokens", "unknown of $0.0000")
        );
    }

    #[test]
    fn limits_change_while_the_run_goes_on() {
        let mut budget = Budget::new(Limits { turns: Some(1), ..none() });
        assert!(budget.reserve(&model(), 1, 500).is_ok());
        let stopped = budget.reserve(&model(), 1, 500).unwrap_err();
        assert_eq!(stopped.to_string(), "the turn budget is used up: 1 of 1; raise it to continue");
        assert!(budget.adjust("budget.turns", "2") && budget.reserve(&model(), 1, 500).is_ok());
        assert!(budget.adjust("budget.turns", "none") && budget.reserve(&model(), 1, 500).is_ok());
        for (name, value) in
            [("budget.turns", "-1"), ("budget.turns", "many"), ("budget.luck", "3"), ("budget.tokens", "NaN")]
        {
            assert!(!budget.adjust(name, value), "{name} {value}");
        }
        assert!(budget.adjust("budget.cost_usd", "1.5"));
        assert_eq!(budget.limits.cost_micros, Some(1_500_000));
    }

    #[test]
    fn an_unknown_price_makes_the_cost_unknown_and_never_zero() {
        let mut budget = Budget::new(none());
        budget.settle(&Model::default(), &Usage::default(), (10, 10), 0);
        assert_eq!(budget.cost_micros(), None);
        assert_eq!((budget.tokens_in, budget.tokens_out), (10, 10));
    }
}
