//! The built-in agent from the command line's `llm:PROVIDER/MODEL`, models.toml and the `[llm]` table of the
//! configuration.

use super::Fail;
use crate::agent::llm::{Catalog, LlmAgent, LlmConfig, Settings};
use crate::config;
use crate::host::AgentMaker;
use crate::model::Command;
use crate::model::event::AgentBadge;
use crate::port::{Agent, AgentSeat};
use std::path::{Path, PathBuf};

/// Makes the agent, again after it was lost.
pub struct LlmMaker {
    settings: Settings,
}

impl LlmMaker {
    /// From a SPEC; `config` is the file given with `--config`, `general` what its layers came to.
    pub fn new(
        spec: &str,
        tests: Option<Command>,
        config: Option<&Path>,
        general: &crate::config::Settings,
    ) -> Result<LlmMaker, Fail> {
        let catalog = catalog(config)?;
        let written = within(written(config)?, general);
        let settings = Settings::new(&catalog, spec, &written).map_err(|e| Fail::usage(e.to_string()))?;
        Ok(LlmMaker { settings: Settings { test_command: tests, ..settings } })
    }
}

/// The agent's own settings inside the general ones: the smaller budget counts, and specialists named there are the
/// crew unless `[llm.crew]` names one.
fn within(mut written: LlmConfig, general: &config::Settings) -> LlmConfig {
    let (set, unset) = (&general.budget, config::Settings::default().budget);
    let smaller = |own: Option<u64>, set: u64, unset: u64| match own {
        _ if set == unset => own,
        // 0 means no limit.
        Some(own) if own > 0 => Some(own.min(set)),
        Some(_) | None => Some(set),
    };
    written.budget_tokens = smaller(written.budget_tokens, set.tokens, unset.tokens);
    written.budget_turns = smaller(written.budget_turns, set.turns, unset.turns);
    written.budget_actions = smaller(written.budget_actions, set.actions, unset.actions);
    // A minute that has begun counts as one.
    let minutes = |ms: u64| ms.div_ceil(60_000);
    written.budget_minutes = smaller(written.budget_minutes, minutes(set.wall_ms), minutes(unset.wall_ms));
    if set.money_micros != unset.money_micros {
        let usd = set.money_micros as f64 / 1e6;
        written.budget_usd = Some(written.budget_usd.filter(|own| *own > 0.0).map_or(usd, |own| own.min(usd)));
    }
    if written.crew.is_empty() {
        written.crew = general.specialists.iter().map(|(role, s)| (role.clone(), s.model.clone())).collect();
    }
    written
}

/// Every provider: the bundled table with the user's models.toml over it.
pub fn catalog(config: Option<&Path>) -> Result<Catalog, Fail> {
    let file = folder(config).map(|folder| folder.join("models.toml"));
    Catalog::load(file.as_deref()).map_err(|e| Fail::usage(e.to_string()))
}

/// Returns the directory of the user's files: that of the given configuration, else the platform's.
fn folder(config: Option<&Path>) -> Option<PathBuf> {
    config::Paths::dir_of(config).ok()
}

fn written(config: Option<&Path>) -> Result<LlmConfig, Fail> {
    let file = match config {
        Some(file) => Some(file.to_owned()),
        None => folder(None).map(|folder| folder.join("config.toml")),
    };
    let Some(file) = file else { return Ok(LlmConfig::default()) };
    let text = match std::fs::read_to_string(&file) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(LlmConfig::default()),
        Err(error) => return Err(Fail::usage(format!("{}: {error}", file.display()))),
    };
    let bad = |error: toml::de::Error| Fail::usage(format!("{}: {error}", file.display()));
    let mut table: toml::Table = toml::from_str(&text).map_err(bad)?;
    match table.remove("llm") {
        Some(llm) => llm.try_into().map_err(bad),
        None => Ok(LlmConfig::default()),
    }
}

impl AgentMaker for LlmMaker {
    fn make(&self, seat: AgentSeat) -> Result<Box<dyn Agent>, String> {
        Ok(Box::new(LlmAgent::new(seat, self.settings.clone())))
    }

    fn badge(&self) -> AgentBadge {
        LlmAgent::badge(&self.settings)
    }

    fn starts_itself(&self) -> bool {
        false
    }

    fn is_embedded(&self) -> bool {
        true
    }
}
