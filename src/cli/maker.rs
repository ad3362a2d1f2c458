//! Agents by their SPEC: a name from agents.toml, `acp:COMMAND LINE`, `llm:PROVIDER/MODEL`, `repair`, `script:FILE`.

use super::Fail;
use super::llm::LlmMaker;
use super::options::SessionOptions;
use super::undecided::{self, Undecided};
use crate::agent::acp::{AcpAgent, AcpConfig};
use crate::agent::catalog::{AgentSpec, Catalog, OptionValue, Through};
use crate::agent::catalog::{Surroundings, discover};
use crate::agent::repair::Repair;
use crate::agent::script;
use crate::config::IsolationChoice;
use crate::host::AgentMaker;
use crate::model::Command;
use crate::model::event::{AgentBadge, Isolation, Mode};
use crate::port::{Agent, AgentSeat};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The maker for what the options name; the error says which words there are.
pub fn maker(options: &SessionOptions, tests: Option<Command>) -> Result<Arc<dyn AgentMaker>, Fail> {
    let spec = options.agent.as_str();
    if let Some(file) = spec.strip_prefix("script:") {
        return Ok(Arc::new(ScriptMaker { file: PathBuf::from(file), tests }));
    }
    if let Some(model) = spec.strip_prefix("llm:") {
        return Ok(Arc::new(LlmMaker::new(model, tests, options.config.as_deref(), &options.settings)?));
    }
    if spec == undecided::SPEC {
        return Ok(Arc::new(Undecided::new(options.clone(), tests)));
    }
    let Some(mut spec) = external(options)? else { return Ok(Arc::new(RepairMaker { tests })) };
    let model = options.model.iter().map(|model| ("model".to_owned(), OptionValue::Choice(model.clone())));
    spec.options.extend(model);
    let found = discover(&spec, &surroundings(&options.workspace));
    let program = found.map(|f| f.program);
    let (isolation, mode) = (options.isolation, options.mode);
    Ok(Arc::new(AcpMaker { spec, program, isolation, mode, record: options.record.clone() }))
}

/// The external agent that is named, if it is one.
fn external(options: &SessionOptions) -> Result<Option<AgentSpec>, Fail> {
    let spec = options.agent.as_str();
    if spec == "repair" || spec == undecided::SPEC || spec.starts_with("script:") || spec.starts_with("llm:") {
        return Ok(None);
    }
    let file = crate::config::Paths::dir_of(options.config.as_deref())?.join("agents.toml");
    let fail = |e: &dyn std::fmt::Display| Fail::usage(e.to_string());
    let catalog = Catalog::load(Some(&file)).map_err(|e| fail(&e))?;
    let found = match spec.strip_prefix("acp:") {
        Some(line) => catalog.command_line(line).map_err(|e| fail(&e))?,
        None => catalog.named(spec).map_err(|e| fail(&e))?.clone(),
    };
    Ok(Some(found))
}

/// Checks that the isolation and the agent named are available, before a session is created for them.
pub fn available(options: &SessionOptions) -> Result<(), Fail> {
    if let Some(file) = options.agent.strip_prefix("script:") {
        read_script(Path::new(file)).map_err(Fail::usage)?;
    }
    let Some(spec) = external(options)? else { return Ok(()) };
    let program = spec.command.first().map(String::as_str).unwrap_or_default();
    let is_beside = program.contains('/') && options.workspace.join(program).is_file();
    if is_beside || discover(&spec, &surroundings(&options.workspace)).is_some() {
        return Ok(());
    }
    let how = spec.install.as_ref().map_or_else(|| "install it".to_owned(), |how| format!("install it with `{how}`"));
    let name = spec.shown_name();
    Err(Fail::usage(format!(
        "{name} is not installed: `{program}` was not found on PATH; {how}, or choose another with --agent"
    )))
}

/// Returns the places to search for external agents.
pub fn surroundings(workspace: &Path) -> Surroundings {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let npm = std::env::var_os("npm_config_prefix").map(|prefix| PathBuf::from(prefix).join("bin"));
    let tools = ["PIPX_BIN_DIR", "UV_TOOL_BIN_DIR"].into_iter().filter_map(std::env::var_os).map(PathBuf::from);
    Surroundings {
        path: std::env::split_paths(&path).collect(),
        home: std::env::var_os("HOME").map(PathBuf::from),
        extra: npm.into_iter().chain(tools).collect(),
        workspace: Some(workspace.to_owned()),
    }
}

/// Says why the isolation asked for does not apply to this agent. An agent of our own has no process and writes only
/// through the gate: it is always `gated`.
pub fn isolation_unused(options: &SessionOptions) -> Result<Option<String>, Fail> {
    if matches!(options.isolation, IsolationChoice::Auto | IsolationChoice::Gated) || external(options)?.is_some() {
        return Ok(None);
    }
    let word = options.isolation.word();
    let agent = options.agent.split(':').next().unwrap_or_default();
    let why = "it has no process of its own and writes only through the gate";
    Ok(Some(format!("isolation `{word}` does not apply to {agent}: {why}; use `gated` or `auto`")))
}

/// By default, an agent whose writes come through us works in the workspace; one that writes itself works in a layer, or
/// in a copy where there can be none. So does every one in mode `plan`: whatever it runs without asking changes nothing
/// before the plan is approved.
fn isolation(choice: IsolationChoice, mode: Mode, edits: Through) -> Isolation {
    match choice {
        IsolationChoice::Auto if edits == Through::Client && mode != Mode::Plan => Isolation::Gated,
        IsolationChoice::Copy => Isolation::Copy,
        IsolationChoice::Gated => Isolation::Gated,
        IsolationChoice::Watched => Isolation::Watched,
        IsolationChoice::Overlay | IsolationChoice::Auto => Isolation::Overlay,
    }
}

/// An external agent.
struct AcpMaker {
    spec: AgentSpec,
    program: Option<PathBuf>,
    isolation: IsolationChoice,
    /// Of the session when this was made.
    mode: Mode,
    record: Option<PathBuf>,
}

impl AgentMaker for AcpMaker {
    fn make(&self, seat: AgentSeat) -> Result<Box<dyn Agent>, String> {
        // What the user runs to sign in is the same program.
        let mut spec = self.spec.clone();
        if let (Some(first), Some(program)) = (spec.command.first_mut(), &self.program) {
            *first = program.display().to_string();
        }
        let config = AcpConfig {
            spec,
            program: self.program.clone(),
            isolation: self.isolation(seat.mode),
            may_copy: self.isolation == IsolationChoice::Auto,
            may_fall_back: self.isolation == IsolationChoice::Auto && seat.mode != Mode::Plan,
            record: self.record.clone(),
            load: seat.agent_session.clone(),
        };
        Ok(Box::new(AcpAgent::new(config, seat)))
    }

    fn badge(&self) -> AgentBadge {
        let level = self.spec.level.word().into();
        AgentBadge { name: self.spec.shown_name().to_owned(), level, isolation: self.isolation(self.mode) }
    }

    fn isolation(&self, mode: Mode) -> Isolation {
        isolation(self.isolation, mode, self.spec.edits)
    }

    fn starts_itself(&self) -> bool {
        false
    }

    fn is_embedded(&self) -> bool {
        false
    }
}

/// The embedded repair agent.
struct RepairMaker {
    tests: Option<Command>,
}

impl AgentMaker for RepairMaker {
    fn make(&self, _seat: AgentSeat) -> Result<Box<dyn Agent>, String> {
        Ok(Box::new(Repair::new(self.tests.clone())))
    }

    fn badge(&self) -> AgentBadge {
        AgentBadge { name: "repair".into(), level: "full".into(), isolation: Isolation::Gated }
    }

    fn starts_itself(&self) -> bool {
        true
    }

    fn is_embedded(&self) -> bool {
        true
    }

    fn trusts_trials(&self) -> bool {
        true
    }
}

/// Plays a file. The file is read when the agent starts and checked before a session is made of it.
struct ScriptMaker {
    file: PathBuf,
    tests: Option<Command>,
}

/// Reads and checks a script.
pub fn read_script(file: &Path) -> Result<Vec<script::ScriptLine>, String> {
    let name = file.display().to_string();
    let text = std::fs::read_to_string(file).map_err(|e| format!("{name}: {e}"))?;
    script::parse(&name, &text).map_err(|e| e.to_string())
}

impl AgentMaker for ScriptMaker {
    fn make(&self, _seat: AgentSeat) -> Result<Box<dyn Agent>, String> {
        Ok(Box::new(script::Script::new(read_script(&self.file)?, self.tests.clone())))
    }

    fn badge(&self) -> AgentBadge {
        AgentBadge { name: "script".into(), level: "full".into(), isolation: Isolation::Gated }
    }

    fn starts_itself(&self) -> bool {
        true
    }

    fn is_embedded(&self) -> bool {
        true
    }
}
