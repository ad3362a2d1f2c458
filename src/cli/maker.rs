//! Agents by their SPEC: a name from agents.toml, `acp:COMMAND LINE`, `llm:PROVIDER/MODEL`, `repair`, `script:FILE`.

use super::Fail;
use crate::agent::script;
use crate::host::AgentMaker;
use crate::model::Command;
use crate::model::event::{AgentBadge, Isolation};
use crate::port::{Agent, AgentSeat};
use std::path::PathBuf;
use std::sync::Arc;

/// The maker for a SPEC; the error says which words there are.
pub fn maker(spec: &str, tests: Option<Command>, config: Option<&std::path::Path>) -> Result<Arc<dyn AgentMaker>, Fail> {
    if let Some(file) = spec.strip_prefix("script:") {
        return Ok(Arc::new(ScriptMaker { file: PathBuf::from(file), tests }));
    }
    if spec.starts_with("llm:") {
        return Ok(Arc::new(super::llm::LlmMaker::new(spec, tests, config)?));
    }
    Err(Fail::usage(format!(
        "{spec:?} is no agent: give a name from `rightseat agents`, acp:COMMAND LINE, llm:PROVIDER/MODEL, repair or script:FILE"
    )))
}

/// Plays a file. The file is read when the agent starts and checked before a session is made of it.
struct ScriptMaker {
    file: PathBuf,
    tests: Option<Command>,
}

/// Reads and checks a script.
pub fn read_script(file: &std::path::Path) -> Result<Vec<script::ScriptLine>, String> {
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
