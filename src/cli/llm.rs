//! The built-in agent from the command line's `llm:PROVIDER/MODEL`, models.toml and the `[llm]` table of the configuration.

use super::Fail;
use crate::agent::llm::{Catalog, LlmAgent, LlmConfig, Settings};
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
    /// From a SPEC; `config` is the file given with `--config`.
    pub fn new(spec: &str, tests: Option<Command>, config: Option<&Path>) -> Result<LlmMaker, Fail> {
        let catalog = catalog(config)?;
        let written = written(config)?;
        let settings = Settings::new(&catalog, spec, &written).map_err(|e| Fail::usage(e.to_string()))?;
        Ok(LlmMaker { settings: Settings { test_command: tests, ..settings } })
    }
}

/// Every provider: the bundled table with the user's models.toml over it.
pub fn catalog(config: Option<&Path>) -> Result<Catalog, Fail> {
    let file = folder(config).map(|folder| folder.join("models.toml"));
    Catalog::load(file.as_deref()).map_err(|e| Fail::usage(e.to_string()))
}

/// Where the user's files are: beside the configuration that was named, else where the platform keeps them.
fn folder(config: Option<&Path>) -> Option<PathBuf> {
    match config {
        Some(file) => Some(file.parent().map_or_else(PathBuf::new, Path::to_owned)),
        None => directories::ProjectDirs::from("", "", "rightseat").map(|dirs| dirs.config_dir().to_owned()),
    }
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
