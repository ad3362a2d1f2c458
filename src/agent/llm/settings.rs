//! The settings of the built-in agent: models, crew, budget, habits.

use super::budget::Limits;
use super::catalog::{Catalog, CatalogError, Choice};
use super::crew::Role;
use super::http::Patience;
use crate::model::Command;
use serde::Deserialize;
use std::collections::BTreeMap;

/// The `[llm]` table of the configuration.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct LlmConfig {
    /// Changes wait for an approved plan (default true).
    pub plan_first: Option<bool>,
    /// Models of specialists by role (`planner`, `coder`, `tester`, `reviewer`), as `PROVIDER/MODEL`; with a coder
    /// named, they work in turn instead of one model alone.
    pub crew: BTreeMap<String, String>,
    /// Most tokens of a session; 0 = no limit.
    pub budget_tokens: Option<u64>,
    /// Most US dollars of a session; 0 = no limit.
    pub budget_usd: Option<f64>,
    /// Most minutes of models and commands; 0 = no limit.
    pub budget_minutes: Option<u64>,
    /// Most calls of models; 0 = no limit.
    pub budget_turns: Option<u64>,
    /// Most actions; 0 = no limit.
    pub budget_actions: Option<u64>,
    /// Longest wait for the first byte of an answer, seconds (default 300, at least 120).
    pub first_byte_s: Option<u64>,
}

/// Everything the agent is made from. Keys are not in it: they are fetched when the first call is made.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The model that works alone, and the default for roles that name none.
    pub choice: Choice,
    /// Specialists; empty = one model alone.
    pub crew: BTreeMap<Role, Choice>,
    /// The limits of the budget.
    pub limits: Limits,
    /// Changes wait for an approved plan.
    pub plan_first: bool,
    /// The project's tests, when the caller knows them better than detection.
    pub test_command: Option<Command>,
    /// Waits.
    pub patience: Patience,
}

/// An error in the settings.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// A model or provider.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// A role.
    #[error("[llm.crew] accepts planner, coder, tester and reviewer, not `{0}`")]
    NoRole(String),
    /// A crew without a coder.
    #[error("[llm.crew] has no coder; a crew needs one")]
    NoCoder,
    /// A number.
    #[error("[llm] {0}")]
    Number(String),
}

/// Least time to wait for the first byte, seconds: cold local models need 40 and more.
const FIRST_BYTE_S_MIN: u64 = 120;

impl Settings {
    /// The settings for `PROVIDER/MODEL` with the configuration's `[llm]` table.
    pub fn new(catalog: &Catalog, spec: &str, config: &LlmConfig) -> Result<Settings, SettingsError> {
        let mut crew = BTreeMap::new();
        for (name, spec) in &config.crew {
            let role = Role::ALL.into_iter().find(|role| *role != Role::Solo && role.speaker() == name);
            let role = role.ok_or_else(|| SettingsError::NoRole(name.clone()))?;
            crew.insert(role, catalog.choose(spec)?);
        }
        if !crew.is_empty() && !crew.contains_key(&Role::Coder) {
            return Err(SettingsError::NoCoder);
        }
        let mut patience = Patience::default();
        if let Some(seconds) = config.first_byte_s {
            if seconds < FIRST_BYTE_S_MIN {
                return Err(SettingsError::Number(format!("first_byte_s must be at least {FIRST_BYTE_S_MIN}")));
            }
            patience.first_byte = std::time::Duration::from_secs(seconds);
        }
        Ok(Settings {
            choice: catalog.choose(spec)?,
            crew,
            limits: limits(config)?,
            plan_first: config.plan_first.unwrap_or(true),
            test_command: None,
            patience,
        })
    }

    /// Returns the members of the crew, in order.
    pub fn members(&self) -> Vec<Role> {
        self.crew.keys().copied().collect()
    }

    /// The model of a role.
    pub fn choice_of(&self, role: Role) -> &Choice {
        self.crew.get(&role).unwrap_or(&self.choice)
    }
}

fn limits(config: &LlmConfig) -> Result<Limits, SettingsError> {
    let default = Limits::default();
    // Zero means "no limit": TOML has no null.
    let or = |given: Option<u64>, default: Option<u64>| match given {
        None => default,
        Some(0) => None,
        Some(limit) => Some(limit),
    };
    let cost_micros = match config.budget_usd {
        None => default.cost_micros,
        Some(usd) if !usd.is_finite() || usd < 0.0 => {
            return Err(SettingsError::Number("budget_usd must not be negative".to_owned()));
        }
        Some(usd) => or(Some((usd * 1e6).round() as u64), None),
    };
    Ok(Limits {
        tokens: or(config.budget_tokens, default.tokens),
        cost_micros,
        wall_ms: or(config.budget_minutes.map(|minutes| minutes.saturating_mul(60_000)), default.wall_ms),
        turns: or(config.budget_turns, default.turns),
        actions: or(config.budget_actions, default.actions),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(toml: &str) -> Result<Settings, SettingsError> {
        let config: LlmConfig = toml::from_str(toml).unwrap();
        Settings::new(&Catalog::built_in().unwrap(), "ollama/qwen", &config)
    }

    #[test]
    fn the_table_is_read() {
        let read =
            settings("budget_usd = 1.5\nbudget_turns = 0\n[crew]\ncoder = \"openai/gpt-5\"\ntester = \"ollama/q\"")
                .unwrap();
        assert_eq!((read.limits.cost_micros, read.limits.turns), (Some(1_500_000), None));
        assert_eq!(read.members(), [Role::Coder, Role::Tester]);
        assert_eq!(read.choice_of(Role::Coder).model.name, "gpt-5");
        assert_eq!(read.choice_of(Role::Solo).model.name, "qwen");
    }

    #[test]
    fn mistakes_are_named() {
        let fails = |toml: &str| settings(toml).unwrap_err().to_string();
        assert!(fails("[crew]\nboss = \"openai/gpt-5\"").contains("not `boss`"));
        assert!(fails("[crew]\ntester = \"openai/gpt-5\"").contains("no coder"));
        assert!(fails("[crew]\ncoder = \"nobody/x\"").contains("no provider `nobody`"));
        assert!(fails("first_byte_s = 5").contains("at least 120"));
        assert!(fails("budget_usd = -1.0").contains("negative"));
    }
}
