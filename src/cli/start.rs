//! A new session, here: choose the agent, make the place, start the host, attach.

use super::args::Global;
use super::options::{self, SessionOptions};
use super::place::Places;
use super::{Done, Fail, agents, attach, daemon, headless, maker, screen, settings, undecided};
use crate::agent::llm::is_about_passing;
use crate::config::{Layer, Resolved};
use std::path::Path;

/// `rightseat [GOAL]`.
pub fn session(global: &Global, goal: &[String]) -> Done {
    let workspace = options::workspace(global)?;
    let resolved = settings::resolved(global, &workspace)?;
    resolved.warnings.iter().for_each(|warning| super::complain(warning));
    let agent = choose(global, &workspace, &resolved, goal)?;
    let options = SessionOptions::of(global, workspace, goal, agent, resolved.settings)?;
    begin(global, options)
}

/// `rightseat demo`.
pub fn demo(global: &Global) -> Done {
    let places = Places::open(global.state_dir())?;
    let root = places.playground()?;
    for (path, text) in crate::agent::repair::playground::PLAYGROUND {
        let file = root.join(path);
        if let Some(folder) = file.parent() {
            std::fs::create_dir_all(folder).map_err(Fail::at(folder))?;
        }
        std::fs::write(&file, text).map_err(|e| Fail::usage(format!("{}: {e}", file.display())))?;
    }
    let agent = match &global.agent {
        Some(spec) => (spec.clone(), "named on the command line".into()),
        None => ("repair".into(), "the demo plays with the embedded repair agent".into()),
    };
    let root = root.canonicalize().map_err(Fail::at(&root))?;
    let settings = settings::resolved(global, &root)?.settings;
    let mut options = SessionOptions::of(global, root, &[], agent, settings)?;
    options.demo = true;
    begin(global, options)
}

/// The agent named, else what the configuration says, else the first that is found here, else the embedded one where it can
/// do what is asked; with the reason in words.
fn choose(global: &Global, workspace: &Path, resolved: &Resolved, goal: &[String]) -> Result<(String, String), Fail> {
    if let Some(spec) = &resolved.settings.agent {
        let named = if resolved.sources.get("agent") == Some(&Layer::Flag) {
            "on the command line"
        } else {
            "in the configuration"
        };
        return Ok((spec.clone(), format!("named {named}")));
    }
    let here = agents::look(global, workspace)?;
    let what_it_can = goal.is_empty() || is_about_passing(&goal.join(" "));
    let embedded = || match what_it_can {
        true => ("repair".to_owned(), "no other agent was found: the embedded repair agent".to_owned()),
        false => {
            (undecided::SPEC.to_owned(), "no agent was found that can do this: the session waits for one".to_owned())
        }
    };
    Ok(here.best().unwrap_or_else(embedded))
}

fn begin(global: &Global, mut options: SessionOptions) -> Done {
    if options.agent == "repair" && options.goal.is_none() {
        options.goal = Some("Make the failing tests pass.".into());
    }
    // What is wrong is said before anything is made, and before the screen opens.
    maker::maker(&options, None)?;
    maker::available(&options)?;
    if let Some(why) = maker::isolation_unused(&options)? {
        if global.isolation.is_some() {
            return Err(Fail::usage(why));
        }
        // A preference in the configuration is for the agents that have a choice.
        super::complain(&why);
    }
    if !global.headless {
        screen::check(global)?;
        screen::options(global, "", None)?;
    }
    let places = Places::open(global.state_dir())?;
    let place = places.create(&options.workspace, &options)?;
    if global.headless {
        return headless::run(&place, &options);
    }
    let spawned = place.clone();
    attach::here(global, &place, false, move || daemon::spawn(&places, &spawned))
}
