//! The shape of `config.toml`: every key optional, unknown ones an error. This is also the JSON schema.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ConfigError;
use super::layers::{IsolationChoice, Polling, Signs, TestCommand};
use crate::model::check::ParserKind;
use crate::model::event::Mode;

/// A configuration file.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(title = "rightseat configuration")]
pub struct File {
    /// Who proposes unless `--agent` says otherwise: a name from `agents.toml`, `acp:COMMAND`, `llm:PROVIDER/MODEL`, `repair` or `script:FILE`.
    pub agent: Option<String>,
    /// How much rules decide.
    pub mode: Option<Mode>,
    /// How far an agent is kept from the real tree.
    pub isolation: Option<IsolationChoice>,
    /// A theme's name.
    pub theme: Option<String>,
    /// A keymap's name.
    pub keymap: Option<String>,
    /// The editor for `E`, with arguments, as a shell would split it; else `VISUAL` or `EDITOR`.
    pub editor: Option<String>,
    pub checks: Checks,
    pub budget: FileBudget,
    pub ui: Ui,
    pub watch: Watch,
    pub env: Env,
    pub policy: PolicySettings,
    /// Roles of the built-in agent, each with a model of its own.
    pub specialists: BTreeMap<String, Specialist>,
    pub notifications: Notifications,
    /// Habits of the built-in agent, which reads and checks them itself.
    pub llm: serde_json::Map<String, serde_json::Value>,
}

/// How checks are run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Checks {
    /// The test command instead of the detected one: argv, or one line that a shell reads.
    pub command: Option<TestCommand>,
    /// The format of its output; without it, the format is told from the command, else from the output.
    pub format: Option<ParserKind>,
    /// Seconds until a run of checks is stopped.
    pub timeout_s: Option<u64>,
}

/// What a session may use up. A missing key means no such limit beyond the built-in one.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct FileBudget {
    /// Tokens in and out together.
    pub tokens: Option<u64>,
    /// US dollars.
    pub money_usd: Option<f64>,
    /// Seconds of work.
    pub wall_s: Option<u64>,
    /// Calls of a model.
    pub turns: Option<u64>,
    /// Actions proposed.
    pub actions: Option<u64>,
}

/// How the terminal client behaves.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Ui {
    /// Milliseconds an item must have been on screen before it can be approved.
    pub approval_arm_ms: Option<u64>,
    /// Whether clicks and the wheel are used.
    pub mouse: Option<bool>,
    /// Which signs are drawn.
    pub signs: Option<Signs>,
}

/// How the workspace is watched.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Watch {
    /// Whether to poll instead of relying on the kernel's notices.
    pub poll: Option<Polling>,
    /// Milliseconds between two looks when polling.
    pub poll_ms: Option<u64>,
}

/// What children inherit.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Env {
    /// Names of variables passed on beside the built-in short list.
    pub pass: Option<Vec<String>>,
}

/// What policy takes from the configuration; rules are in `policy.toml`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PolicySettings {
    /// Globs, relative to the workspace, of further files whose change always asks.
    pub guarded: Option<Vec<String>>,
}

/// One role of the built-in agent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Specialist {
    /// `PROVIDER/MODEL`.
    pub model: String,
}

/// When the terminal is asked to call you.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Notifications {
    /// Ring the bell when something waits.
    pub bell: Option<bool>,
    /// Send a desktop notice through the terminal (OSC 9) when something waits.
    pub desktop: Option<bool>,
    /// Also when the session has ended.
    pub on_end: Option<bool>,
}

/// Reads a configuration; `name` is for errors. Besides the shape, bounds and formats are checked.
pub fn parse(name: &str, text: &str) -> Result<File, ConfigError> {
    let file: File = toml::from_str(text).map_err(|e| ConfigError::toml(name, text, &e))?;
    match super::layers::first_fault(&file) {
        None => Ok(file),
        Some((key, what)) => Err(ConfigError::at(name, text, place_of(text, key), format!("{key}: {what}"))),
    }
}

/// Where a dotted key is set; 0 when it cannot be found.
fn place_of(text: &str, key: &str) -> usize {
    let Ok(document) = toml_edit::Document::parse(text) else { return 0 };
    let mut item = document.as_item();
    for part in key.split('.') {
        match item.get(part) {
            Some(inner) => item = inner,
            None => return 0,
        }
    }
    item.span().map_or(0, |s| s.start)
}

/// The JSON schema of a configuration file.
pub fn schema() -> schemars::Schema {
    schemars::schema_for!(File)
}
