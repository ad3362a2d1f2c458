//! The agents that can be started: the bundled `agents.toml`, the user's own over it, and what `--agent acp:COMMAND
//! LINE` names. Finding them on this machine is [`discover`]'s part.

mod discover;
pub mod limits;

pub use discover::{Found, FoundIn, Surroundings, discover};

use crate::agent::catalog::limits::{ACP_START_TIMEOUT_S_MIN, CATALOG_FILE_BYTES_MAX};
use crate::config::ConfigError;
use crate::model::Role;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::Path;

/// The catalog that every build carries.
pub const BUNDLED: &str = include_str!("../../../assets/agents.toml");

/// The level at which an agent can be gated, as far as it is known. Source of the levels: thirteen agents driven
/// against a scripted model on 2026-11-22.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize, schemars::JsonSchema)]
pub enum Level {
    /// Nothing was observed yet.
    #[default]
    #[serde(rename = "L?")]
    Unknown,
    /// Watch and cancel only.
    L0,
    /// Allow or deny, but a deny ends the turn.
    L1,
    /// Allow or deny each edit and command; a deny lets the turn continue.
    L2,
    /// Allow, deny and rewrite: what it does comes through the client.
    L3,
}

impl Level {
    pub fn word(self) -> &'static str {
        match self {
            Self::Unknown => "L?",
            Self::L0 => "L0",
            Self::L1 => "L1",
            Self::L2 => "L2",
            Self::L3 => "L3",
        }
    }
}

/// The side that carries out allowed edits or commands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Through {
    /// The agent's own process.
    #[default]
    Agent,
    /// Our file or terminal methods, so that we do it.
    Client,
}

/// A value of a session config option.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(untagged)]
pub enum OptionValue {
    Switch(bool),
    Choice(String),
}

impl OptionValue {
    pub fn text(&self) -> String {
        match self {
            Self::Switch(on) => on.to_string(),
            Self::Choice(value) => value.clone(),
        }
    }
}

/// One entry of `agents.toml`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AgentSpec {
    /// The name for `--agent`.
    pub name: String,
    #[serde(default)]
    pub title: String,
    /// argv; the first word is looked for on PATH unless it is absolute.
    pub command: Vec<String>,
    /// Set for the agent.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// Names taken over from the user's environment.
    #[serde(default)]
    pub pass_env: Vec<String>,
    /// Files and directories that it may write under isolation `overlay`, beside its copy of the workspace.
    #[serde(default)]
    pub own: Vec<String>,
    /// Hosts that the agent itself may connect to under isolation `overlay`, as in rules; others are a question.
    #[serde(default)]
    pub hosts: Vec<String>,
    /// Session mode to set after the start, if the agent offers it.
    #[serde(default)]
    pub mode: Option<String>,
    /// Session config options to set after the start.
    #[serde(default)]
    pub options: BTreeMap<String, OptionValue>,
    /// Seconds; never less than 60.
    #[serde(default)]
    pub start_timeout_s: u64,
    /// One line for the user.
    #[serde(default)]
    pub install: Option<String>,
    /// `npm:NAME` or `pypi:NAME`.
    #[serde(default)]
    pub package: Option<String>,
    #[serde(default)]
    pub level: Level,
    #[serde(default)]
    pub edits: Through,
    #[serde(default)]
    pub commands: Through,
    /// The choices of its questions may be answered with any other text.
    #[serde(default)]
    pub free_choices: bool,
    /// Login method to use when the agent demands one.
    #[serde(default)]
    pub auth: Option<String>,
    #[serde(default)]
    pub note: Option<String>,
}

impl AgentSpec {
    /// Returns the name for users.
    pub fn shown_name(&self) -> &str {
        if self.title.is_empty() { &self.name } else { &self.title }
    }

    /// Returns the time limit of its start, seconds.
    pub fn start_timeout_s(&self) -> u64 {
        self.start_timeout_s.max(ACP_START_TIMEOUT_S_MIN)
    }
}

/// An error in a catalog or an agent's name.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    #[error("{path}: {source}; fix or remove it")]
    Read { path: String, source: std::io::Error },
    #[error("{path} has {bytes} bytes; the limit is {CATALOG_FILE_BYTES_MAX}")]
    TooLarge { path: String, bytes: u64 },
    #[error(transparent)]
    Syntax(ConfigError),
    #[error("{path}: “{name}” cannot be the name of a role; choose another")]
    RoleName { path: String, name: String },
    #[error("{path}: agent “{name}” has no command")]
    NoCommand { path: String, name: String },
    #[error(
        "there is no agent “{name}”; known agents: {known}. You can also use repair, llm:PROVIDER/MODEL, script:FILE, and acp:'COMMAND LINE' for any other program"
    )]
    Unknown { name: String, known: String },
    #[error("“{0}” is not a command line: {1}")]
    CommandLine(String, String),
}

/// All entries, bundled first, the user's own over them by name.
#[derive(Clone, Debug, Default)]
pub struct Catalog {
    agents: Vec<AgentSpec>,
    roles: Vec<Role>,
}

impl Catalog {
    /// The bundled entries and, if the file exists, the user's.
    pub fn load(user: Option<&Path>) -> Result<Self, CatalogError> {
        let mut catalog = Self::default();
        catalog.read("the bundled agents.toml", BUNDLED)?;
        let Some(path) = user else { return Ok(catalog) };
        let shown = path.display().to_string();
        let size = match std::fs::metadata(path) {
            Ok(meta) => meta.len(),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(catalog),
            Err(source) => return Err(CatalogError::Read { path: shown, source }),
        };
        if size > CATALOG_FILE_BYTES_MAX {
            return Err(CatalogError::TooLarge { path: shown, bytes: size });
        }
        let text =
            std::fs::read_to_string(path).map_err(|source| CatalogError::Read { path: shown.clone(), source })?;
        catalog.read(&shown, &text)?;
        Ok(catalog)
    }

    /// Adds the entries of one file; an entry of the same name is replaced whole.
    pub fn read(&mut self, path: &str, text: &str) -> Result<(), CatalogError> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct File {
            #[serde(default)]
            agent: Vec<AgentSpec>,
            #[serde(default)]
            roles: BTreeMap<String, Role>,
        }
        let file: File = toml::from_str(text).map_err(|e| CatalogError::Syntax(ConfigError::toml(path, text, &e)))?;
        for spec in file.agent {
            if spec.command.is_empty() {
                return Err(CatalogError::NoCommand { path: path.to_owned(), name: spec.name });
            }
            match self.agents.iter_mut().find(|old| old.name == spec.name) {
                Some(old) => *old = spec,
                None => self.agents.push(spec),
            }
        }
        for (name, role) in file.roles {
            if name.trim().is_empty() || matches!(name.as_str(), "agent" | "human") {
                return Err(CatalogError::RoleName { path: path.to_owned(), name });
            }
            self.roles.retain(|old| old.role != name);
            self.roles.push(Role { role: name, ..role });
        }
        Ok(())
    }

    /// The roles that steps of a plan can be bound to.
    pub fn roles(&self) -> &[Role] {
        &self.roles
    }

    pub fn agents(&self) -> &[AgentSpec] {
        &self.agents
    }

    /// The entry of this name.
    pub fn named(&self, name: &str) -> Result<&AgentSpec, CatalogError> {
        self.agents.iter().find(|spec| spec.name == name).ok_or_else(|| CatalogError::Unknown {
            name: name.to_owned(),
            known: self.agents.iter().map(|spec| spec.name.as_str()).collect::<Vec<_>>().join(", "),
        })
    }

    /// An entry for `acp:COMMAND LINE`. What is known of a program of the same name is taken over: how far it can be
    /// gated and which variables it needs, never what it is started with.
    pub fn command_line(&self, line: &str) -> Result<AgentSpec, CatalogError> {
        let mut words =
            shell_words::split(line).map_err(|e| CatalogError::CommandLine(line.to_owned(), e.to_string()))?;
        let mut env = BTreeMap::new();
        while let Some((name, value)) = words.first().and_then(|word| assignment(word)) {
            env.insert(name, value);
            words.remove(0);
        }
        let Some(program) = words.first() else {
            return Err(CatalogError::CommandLine(line.to_owned(), "it is empty".to_owned()));
        };
        let name = program.rsplit('/').next().unwrap_or(program).to_owned();
        let known = self.agents.iter().find(|spec| {
            let program = spec.command.first().map_or("", String::as_str);
            program.rsplit('/').next() == Some(&name) && spec.command.iter().skip(1).all(|word| words.contains(word))
        });
        let mut spec = match known {
            Some(spec) => {
                let mut all = spec.env.clone();
                all.extend(env);
                AgentSpec { env: all, ..spec.clone() }
            }
            None => AgentSpec { name, env, ..AgentSpec::default() },
        };
        spec.command = words;
        Ok(spec)
    }
}

/// `NAME=value` before a command.
fn assignment(word: &str) -> Option<(String, String)> {
    let (name, value) = word.split_once('=')?;
    let fits = !name.is_empty()
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    fits.then(|| (name.to_owned(), value.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::May;

    #[test]
    fn the_bundled_catalog_is_complete_and_honest() {
        let catalog = Catalog::load(None).unwrap();
        let names: Vec<&str> = catalog.agents().iter().map(|a| a.name.as_str()).collect();
        assert_eq!(
            names,
            [
                "claude",
                "codex",
                "gemini",
                "opencode",
                "qwen",
                "kimi",
                "copilot",
                "vibe",
                "openhands",
                "fast-agent",
                "cline",
                "pi"
            ]
        );
        for spec in catalog.agents() {
            assert!(spec.install.is_some() && spec.package.is_some(), "{}", spec.name);
            assert_ne!(spec.level, Level::Unknown, "{}", spec.name);
            assert_eq!(spec.edits == Through::Client, spec.level == Level::L3, "{}", spec.name);
            assert!(spec.start_timeout_s() >= 60);
        }
    }

    #[test]
    fn the_user_adds_and_overrides_by_name() {
        let mut catalog = Catalog::load(None).unwrap();
        catalog
            .read("mine", "[[agent]]\nname = \"codex\"\ncommand = [\"/opt/codex\"]\noptions = { allow_all = false, effort = \"low\" }\n[[agent]]\nname = \"own\"\ncommand = [\"own\"]\n")
            .unwrap();
        let codex = catalog.named("codex").unwrap();
        assert_eq!((codex.command.as_slice(), codex.env.len()), (["/opt/codex".to_owned()].as_slice(), 0));
        assert_eq!(codex.options["allow_all"].text(), "false");
        assert!(catalog.named("own").is_ok());
        let unknown = catalog.named("nobody").unwrap_err().to_string();
        assert!(unknown.contains("codex") && unknown.contains("acp:"), "{unknown}");
    }

    #[test]
    fn a_broken_file_is_named_with_its_line() {
        let mut catalog = Catalog::default();
        let error = catalog.read("x/agents.toml", "[[agent]]\nname = 1\n").unwrap_err().to_string();
        assert!(error.starts_with("x/agents.toml:2:8: "), "{error}");
        let error = catalog.read("y", "[[agent]]\nname = \"a\"\ncommand = []\n").unwrap_err().to_string();
        assert!(error.contains("no command"), "{error}");
    }

    #[test]
    fn roles_are_named_and_their_limits_are_words() {
        let mut catalog = Catalog::default();
        let text = "[roles.tester]\nmay = \"tests\"\nbrief = \"Run them.\"\n[roles.coder]\nagent = \"codex\"\n";
        catalog.read("x", text).unwrap();
        let roles: Vec<_> = catalog.roles().iter().map(|role| (role.role.as_str(), role.may)).collect();
        assert_eq!(roles, [("coder", May::All), ("tester", May::Tests)]);
        for bad in ["[roles.a]\nmay = \"fly\"\n", "[roles.human]\n", "[roles.a]\nmust = 1\n"] {
            assert!(Catalog::default().read("x", bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_command_line_knows_what_is_known_of_its_program() {
        let catalog = Catalog::load(None).unwrap();
        let spec = catalog.command_line("A=1 /opt/bin/gemini --acp --model 'x y'").unwrap();
        assert_eq!((spec.level, spec.edits), (Level::L3, Through::Client));
        assert_eq!(spec.command, ["/opt/bin/gemini", "--acp", "--model", "x y"]);
        assert_eq!(spec.env["A"], "1");
        let spec = catalog.command_line("./fake --lie").unwrap();
        assert_eq!((spec.name.as_str(), spec.level), ("fake", Level::Unknown));
        assert!(catalog.command_line(" ").is_err() && catalog.command_line("'x").is_err());
    }
}
