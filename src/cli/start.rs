//! A new session, here: choose the agent, make the place, start the host, attach.

use super::args::Global;
use super::options::SessionOptions;
use super::place::Places;
use super::{Done, Fail, attach, daemon, headless, maker};
use std::io::IsTerminal as _;

/// `rightseat [GOAL]`.
pub fn session(global: &Global, goal: &[String]) -> Done {
    let options = SessionOptions::of(global, goal, choose(global))?;
    begin(global, options)
}

/// `rightseat demo`.
pub fn demo(global: &Global) -> Done {
    let places = Places::open(global.state_dir.as_deref())?;
    let root = places.playground()?;
    for (path, text) in crate::agent::repair::playground::PLAYGROUND {
        let file = root.join(path);
        if let Some(folder) = file.parent() {
            std::fs::create_dir_all(folder)?;
        }
        std::fs::write(&file, text).map_err(|e| Fail::usage(format!("{}: {e}", file.display())))?;
    }
    let agent = match &global.agent {
        Some(spec) => (spec.clone(), "named on the command line".into()),
        None => ("repair".into(), "the demo plays with the embedded repair agent".into()),
    };
    let mut options = SessionOptions::of(global, &[], agent)?;
    options.workspace = root.canonicalize()?;
    options.demo = true;
    begin(global, options)
}

/// The agent named, else what the configuration says, else the embedded one; with the reason in words.
fn choose(global: &Global) -> (String, String) {
    match &global.agent {
        Some(spec) => (spec.clone(), "named on the command line".into()),
        None => ("repair".into(), "no other agent is named: the embedded repair agent".into()),
    }
}

fn begin(global: &Global, mut options: SessionOptions) -> Done {
    if options.agent == "repair" && options.goal.is_none() {
        options.goal = Some("Make the failing tests pass.".into());
    }
    if let Some(file) = options.agent.strip_prefix("script:") {
        maker::read_script(std::path::Path::new(file)).map_err(Fail::usage)?;
    }
    if !global.headless && !std::io::stdout().is_terminal() {
        return Err(Fail::usage("stdout is no terminal; use --headless to drive a session by JSON-RPC lines".into()));
    }
    let places = Places::open(global.state_dir.as_deref())?;
    let place = places.create(&options.workspace, &options)?;
    if global.headless {
        return headless::run(&places, &place, &options);
    }
    let spawned = place.clone();
    attach::here(global, &place, false, move || daemon::spawn(&places, &spawned))
}
