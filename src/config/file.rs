//! The shape of `config.toml`: every key optional, unknown ones an error. This is also the JSON schema.

use super::broker::Brokered;
use super::layers::{IsolationChoice, Polling, Signs};
use super::{
    AnchorFile, Checks, ConfigError, GitFile, HostFile, LayerFile, NatsFile, OtlpFile, Quiet, RiskFile, StateFile,
    StopFile,
};
use crate::model::event::Mode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A configuration file.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(title = "rightseat configuration")]
pub struct File {
    /// Agent of a new session: a name from `rightseat agents`, `acp:COMMAND LINE`, `llm:PROVIDER/MODEL`, `repair` or
    /// `script:FILE`; unset, the first that is found.
    pub agent: Option<String>,
    /// Actions that need your decision: every action (`step`), each step of the plan (`plan`), or what no rule decides
    /// (`guarded`); with `observe`, the agent can only read.
    pub mode: Option<Mode>,
    /// Isolation of the agent from your files; `auto` is `overlay`, or `copy` where there can be no layer, or `gated`
    /// if the agent edits through rightseat and the mode is not `plan`.
    pub isolation: Option<IsolationChoice>,
    /// Name of a theme; `rightseat themes` lists them.
    pub theme: Option<String>,
    /// Name of a keymap: `default`, `vim`, `emacs`, or your own.
    pub keymap: Option<String>,
    /// Editor for proposals and plans, with its arguments as a shell splits them; unset, `VISUAL` or `EDITOR`.
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
    pub layer: LayerFile,
    /// Hosts whose keys commands use without having them.
    pub broker: BTreeMap<String, Brokered>,
    /// Other machines whose sessions the home screen shows: a name of your own, and the machine as for ssh.
    pub hosts: BTreeMap<String, String>,
    pub stop: StopFile,
    pub anchor: AnchorFile,
    pub git: GitFile,
    pub otlp: OtlpFile,
    pub nats: NatsFile,
    pub host: HostFile,
    pub state: StateFile,
    /// Settings of the built-in agent, see below.
    pub llm: serde_json::Map<String, serde_json::Value>,
}

/// The budget of a session. A missing key means no such limit beyond the built-in one.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct FileBudget {
    /// Most tokens that the built-in agent uses in a session, input and output together.
    pub tokens: Option<u64>,
    /// Most US dollars that it spends.
    pub money_usd: Option<f64>,
    /// Most seconds that it works.
    pub wall_s: Option<u64>,
    /// Most calls of a model.
    pub turns: Option<u64>,
    /// Most actions that it proposes.
    pub actions: Option<u64>,
}

/// Settings of the terminal client.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Ui {
    /// Milliseconds that an item must be on screen before it can be approved.
    pub approval_arm_ms: Option<u64>,
    /// Use clicks and the wheel of the mouse.
    pub mouse: Option<bool>,
    /// Make web addresses links that the terminal opens (OSC 8), unless it is known not to support them.
    pub links: Option<bool>,
    /// Characters for borders and symbols; ASCII is also chosen when the locale is not UTF-8.
    pub signs: Option<Signs>,
}

/// Settings of the watcher of the workspace.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Watch {
    /// Polling of the workspace: `auto` polls file systems that do not report changes made on other machines, `always`
    /// polls everywhere, `never` polls only if the kernel sends no notices at all.
    pub poll: Option<Polling>,
    /// Milliseconds between two polls.
    pub poll_ms: Option<u64>,
}

/// The environment of child processes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Env {
    /// Environment variables that commands inherit in addition to the built-in list.
    pub pass: Option<Vec<String>>,
}

/// Settings of policy; rules are in `policy.toml`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PolicySettings {
    /// Globs, relative to the workspace, of additional files whose change always asks.
    pub guarded: Option<Vec<String>>,
    pub risk: RiskFile,
}

/// One role of the built-in agent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Specialist {
    /// Model for this role (`planner`, `coder`, `tester`, `reviewer`), as `PROVIDER/MODEL`.
    pub model: String,
}

/// Events at which the terminal calls you.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Notifications {
    /// Ring the terminal's bell when something is pending and its window is not in front.
    pub bell: Option<bool>,
    /// Send a desktop notification through the terminal (OSC 9, 99 or 777) at the same moments.
    pub desktop: Option<bool>,
    /// Do the same also when the session has ended.
    pub on_end: Option<bool>,
    /// Command that the session's host runs while no client is attached, with what happened as JSON on its input.
    pub command: Option<Vec<String>>,
    /// Risk, 0 to 100, from which a pending action is worth that command.
    pub risk_min: Option<u64>,
    /// Local time in which that command waits, such as `22:00-07:00`.
    pub quiet: Option<Quiet>,
}

/// Reads a configuration; `name` is for errors. Besides the shape, bounds and formats are checked.
pub fn parse(name: &str, text: &str) -> Result<File, ConfigError> {
    let file: File = toml::from_str(text).map_err(|e| ConfigError::toml(name, text, &e))?;
    match super::faults::first_fault(&file) {
        None => Ok(file),
        Some((key, what)) => Err(ConfigError::at(name, text, place_of(text, key), format!("{key}: {what}"))),
    }
}

/// Returns the byte offset at which a dotted key is set; 0 when it cannot be found.
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
