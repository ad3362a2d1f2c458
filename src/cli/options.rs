//! The options a session was started with; stored beside its journal so that it can be resumed.

use super::Fail;
use super::args::Shared;
use crate::config::{IsolationChoice, Settings};
use crate::model::event::{Isolation, Mode};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// See the module.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SessionOptions {
    /// Absolute.
    pub workspace: PathBuf,
    /// As `--agent` takes it.
    pub agent: String,
    /// The reason for the choice of the agent, in words, for the header.
    pub chosen: String,
    /// The model that an external agent is set to, where it offers that.
    #[serde(default)]
    pub model: Option<String>,
    pub mode: Mode,
    pub isolation: IsolationChoice,
    pub goal: Option<String>,
    pub config: Option<PathBuf>,
    pub record: Option<PathBuf>,
    /// The settings from configuration, command line and project when the session was started.
    #[serde(default)]
    pub settings: Settings,
    /// The text of a plan that is under review from the start.
    #[serde(default)]
    pub plan: Option<String>,
    /// The workspace is a throw-away copy that goes with the session.
    #[serde(default)]
    pub demo: bool,
    /// It was started without a client.
    #[serde(default)]
    pub detached: bool,
}

impl SessionOptions {
    /// From the command line; `workspace` must be a directory that can be read.
    pub fn of(
        shared: &Shared,
        workspace: PathBuf,
        goal: &[String],
        agent: (String, String),
        settings: Settings,
    ) -> Result<Self, Fail> {
        let goal = goal.join(" ");
        // The host works from another directory.
        let absolute = |path: &PathBuf| std::path::absolute(path);
        let spec = match agent.0.strip_prefix("script:") {
            Some("") => return Err(Fail::usage("--agent script: needs a file: script:FILE".into())),
            Some(file) => format!("script:{}", absolute(&file.into())?.display()),
            None => agent.0,
        };
        Ok(Self {
            workspace,
            agent: spec,
            chosen: agent.1,
            model: None,
            mode: settings.mode,
            isolation: isolation(&settings),
            goal: (!goal.trim().is_empty()).then_some(goal),
            config: shared.config.as_ref().map(absolute).transpose()?,
            record: shared.record.as_ref().map(absolute).transpose()?,
            settings,
            plan: super::plans::text(shared)?,
            demo: false,
            detached: shared.detached,
        })
    }
}

/// The directory to work in: it must be one, and readable. With `--branch` it is in a worktree, which is made.
pub fn workspace(shared: &Shared) -> Result<PathBuf, Fail> {
    let workspace = super::settings::workspace(shared)?;
    if !workspace.is_dir() {
        return Err(Fail::usage(format!("{} is not a directory; choose one for the session", workspace.display())));
    }
    let unreadable = |e| Fail::usage(format!("{}: {e}; a session needs a directory it can read", workspace.display()));
    std::fs::read_dir(&workspace).map_err(unreadable)?;
    match &shared.branch {
        Some(branch) => super::branch::worktree(&workspace, branch),
        None => Ok(workspace),
    }
}

/// Returns the level asked for; with `auto`, the weakest that the project accepts.
fn isolation(settings: &Settings) -> IsolationChoice {
    match (settings.isolation, settings.isolation_min) {
        (IsolationChoice::Auto, Some(least)) => match least {
            Isolation::Overlay => IsolationChoice::Overlay,
            Isolation::Copy => IsolationChoice::Copy,
            Isolation::Gated => IsolationChoice::Gated,
            // Every level is at least this one.
            Isolation::Watched => IsolationChoice::Auto,
        },
        (chosen, _) => chosen,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sessions are resumed from what earlier versions wrote.
    #[test]
    fn the_options_of_a_released_session_are_read() {
        for (word, isolation) in [("auto", IsolationChoice::Auto), ("copy", IsolationChoice::Copy)] {
            let text = format!(
                r#"{{"workspace": "/w", "agent": "repair", "chosen": "x", "mode": "guarded", "isolation": "{word}",
                    "goal": null, "config": null, "record": null}}"#
            );
            let options: SessionOptions = serde_json::from_str(&text).unwrap();
            assert_eq!(options.isolation, isolation);
            assert!(serde_json::to_string(&options).unwrap().contains(&format!(r#""isolation":"{word}""#)));
        }
    }

    #[test]
    fn auto_is_what_the_project_asks_for_at_least() {
        let check = |chosen, least, expect| {
            let settings = Settings { isolation: chosen, isolation_min: least, ..Settings::default() };
            assert_eq!(isolation(&settings), expect);
        };
        check(IsolationChoice::Auto, None, IsolationChoice::Auto);
        check(IsolationChoice::Auto, Some(Isolation::Copy), IsolationChoice::Copy);
        check(IsolationChoice::Auto, Some(Isolation::Watched), IsolationChoice::Auto);
        check(IsolationChoice::Watched, Some(Isolation::Gated), IsolationChoice::Watched);
    }
}
