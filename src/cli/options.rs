//! What a session is started with; kept beside its journal so that it can be taken up again.

use super::Fail;
use super::args::{Global, IsolationArg, ModeArg};
use crate::model::event::Mode;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// See the module.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SessionOptions {
    /// Absolute.
    pub workspace: PathBuf,
    /// As `--agent` takes it.
    pub agent: String,
    /// How the agent was chosen, in words, for the header.
    pub chosen: String,
    pub mode: Mode,
    pub isolation: String,
    pub goal: Option<String>,
    pub config: Option<PathBuf>,
    pub record: Option<PathBuf>,
    /// The workspace is a throw-away copy that goes with the session.
    #[serde(default)]
    pub demo: bool,
}

impl SessionOptions {
    /// From the command line; `workspace` must be a directory that can be read.
    pub fn of(global: &Global, goal: &[String], agent: (String, String)) -> Result<Self, Fail> {
        let dir = global.dir.clone().unwrap_or_else(|| PathBuf::from("."));
        let workspace = dir
            .canonicalize()
            .map_err(|e| Fail::usage(format!("{}: {e}; give a directory with --dir", dir.display())))?;
        if !workspace.is_dir() {
            return Err(Fail::usage(format!("{} is not a directory; a session works in one", workspace.display())));
        }
        std::fs::read_dir(&workspace).map_err(|e| Fail::usage(format!("{}: {e}", workspace.display())))?;
        let goal = goal.join(" ");
        Ok(Self {
            workspace,
            agent: agent.0,
            chosen: agent.1,
            mode: mode(global.mode),
            isolation: isolation(global.isolation).to_owned(),
            goal: (!goal.trim().is_empty()).then_some(goal),
            config: global.config.clone(),
            record: global.record.clone(),
            demo: false,
        })
    }
}

fn mode(arg: Option<ModeArg>) -> Mode {
    match arg {
        Some(ModeArg::Observe) => Mode::Observe,
        Some(ModeArg::Step) => Mode::Step,
        Some(ModeArg::Plan) => Mode::Plan,
        Some(ModeArg::Guarded) | None => Mode::Guarded,
    }
}

fn isolation(arg: Option<IsolationArg>) -> &'static str {
    match arg {
        Some(IsolationArg::Overlay) => "overlay",
        Some(IsolationArg::Copy) => "copy",
        Some(IsolationArg::Gated) => "gated",
        Some(IsolationArg::Watched) => "watched",
        Some(IsolationArg::Auto) | None => "auto",
    }
}
