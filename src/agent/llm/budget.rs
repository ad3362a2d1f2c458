//! What a run may use up: tokens, money, time, calls of the model, actions. Pure.
//!
//! Every call is reserved at its worst before it is made, so that the run stops before a limit and not after
//! it; what it really used is booked afterwards. Limits can be changed while the run goes on.

use serde::{Deserialize, Serialize};

use super::catalog::Model;
use super::delta::Usage;
use crate::base::limits::llm as limits;

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
    /// Actions proposed.
    pub actions: Option<u64>,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            tokens: Some(limits::BUDGET_TOKENS),
            cost_micros: Some(limits::BUDGET_COST_MICROS),
            wall_ms: Some(limits::BUDGET_WALL_MS),
            turns: Some(limits::BUDGET_TURNS),
            actions: Some(limits::BUDGET_ACTIONS),
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

/// Why a run stops here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the {what} budget is used up: {used} of {limit}{why}; raise it to go on")]
pub struct Exhausted {
    /// `token`, `money`, `time`, `turn` or `action`.
    pub what: &'static str,
    /// In words.
    pub used: String,
    /// In words.
    pub limit: String,
    /// What the next call would have needed, or nothing.
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
                let why = format!(", and the next call needs {}", prompt + u64::from(limits::ANSWER_TOKENS_MIN));
                return Err(Exhausted { why, ..plain("token", used, limit) });
            }
        }
        if let Some(limit) = self.limits.cost_micros {
            let room = limit.saturating_sub(self.cost_micros);
            let fits = |answer: u32| model.cost_micros_max(prompt, u64::from(answer)).is_none_or(|cost| cost <= room);
            // Halving finds an answer length that fits without solving for the price.
            while answer >= limits::ANSWER_TOKENS_MIN && !fits(answer) {
                answer /= 2;
            }
            if answer < limits::ANSWER_TOKENS_MIN {
                let why = ", and the next call would pass it".to_owned();
                return Err(Exhausted { what: "money", used: money(self.cost_micros), limit: money(limit), why });
            }
        }
        self.turns += 1;
        Ok(Reserved { answer_tokens: answer })
    }

    /// Whether there is time left.
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

    /// Books what a call used. What the server did not tell is booked as estimated.
    pub fn settle(&mut self, model: &Model, usage: &Usage, estimated: (u64, u64), wall_ms: u64) {
        let told = usage.prompt().is_some() && usage.output.is_some();
        self.tokens_in += usage.prompt().unwrap_or(estimated.0);
        self.tokens_out += usage.output.unwrap_or(estimated.1);
        let cost = if told { model.cost_micros(usage) } else { model.cost_micros_max(estimated.0, estimated.1) };
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

    /// Prompt and answer tokens so far.
    pub fn tokens(&self) -> (u64, u64) {
        (self.tokens_in, self.tokens_out)
    }

    /// Cost so far; `None` once a call of unknown price was made.
    pub fn cost_micros(&self) -> Option<u64> {
        (!self.cost_unknown).then_some(self.cost_micros)
    }

    /// Calls of the model so far.
    pub fn turns(&self) -> u64 {
        self.turns
    }

    /// Actions so far.
    pub fn actions(&self) -> u64 {
        self.actions
    }

    /// What is left of the tightest limit, in words.
    pub fn left(&self) -> Option<String> {
        let share = |used: u64, limit: Option<u64>| limit.map(|limit| (used as f64 / limit.max(1) as f64, limit));
        let left = |limit: u64, used: u64| limit.saturating_sub(used);
        let tokens = self.tokens_in + self.tokens_out;
        let all = [
            share(tokens, self.limits.tokens).map(|(s, l)| (s, format!("{} tokens", left(l, tokens)))),
            share(self.cost_micros, self.limits.cost_micros).map(|(s, l)| (s, money(left(l, self.cost_micros)))),
            share(self.wall_ms, self.limits.wall_ms).map(|(s, l)| (s, seconds(left(l, self.wall_ms)))),
            share(self.turns, self.limits.turns).map(|(s, l)| (s, format!("{} calls", left(l, self.turns)))),
            share(self.actions, self.limits.actions).map(|(s, l)| (s, format!("{} actions", left(l, self.actions)))),
        ];
        all.into_iter().flatten().max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, words)| words)
    }
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
        let (tokens_in, tokens_out) = budget.tokens();
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
    fn limits_change_while_the_run_goes_on() {
        let mut budget = Budget::new(Limits { turns: Some(1), ..none() });
        assert!(budget.reserve(&model(), 1, 500).is_ok());
        let stopped = budget.reserve(&model(), 1, 500).unwrap_err();
        assert_eq!(stopped.to_string(), "the turn budget is used up: 1 of 1; raise it to go on");
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
        assert_eq!(budget.tokens(), (10, 10));
    }
}
