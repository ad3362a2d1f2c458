//! A new session, here: choose the agent, make the place, start the host, attach.

use super::agents::Here;
use super::args::Shared;
use super::options::{self, SessionOptions};
use super::place::Places;
use super::screen::Then;
use super::{
    DONE, Done, Fail, agents, attach, daemon, headless, home, maker, screen, settings, ssh, undecided, welcome,
};
use crate::config::{Layer, Resolved};
use crate::policy::claims;

/// The goal of the repair agent when none is given.
pub const REPAIR_GOAL: &str = "Make the failing tests pass.";

/// `rightseat [GOAL]`.
pub fn session(shared: &Shared, goal: &[String]) -> Done {
    if let Some(host) = &shared.ssh {
        return ssh::start(shared, host, goal);
    }
    let is_described = welcome::is_wanted(shared, goal);
    // Until Enter is pressed on the start screen, nothing is made: no worktree either.
    let branch = shared.branch.clone().filter(|_| !is_described);
    let workspace = options::workspace(&Shared { branch, ..shared.clone() })?;
    let resolved = settings::resolved(shared, &workspace)?;
    resolved.warnings.iter().for_each(|warning| super::complain(warning));
    if is_described {
        if let Some(then) = home::instead(shared, &workspace) {
            return home::follow(shared, then);
        }
        let here = agents::look(shared, &workspace)?;
        let agent = configured(&resolved).unwrap_or_else(|| found(&here, goal));
        let then = welcome::open(shared, workspace, &resolved, &here, agent)?;
        return home::follow(shared, then);
    }
    let agent = match configured(&resolved) {
        Some(agent) => agent,
        None => found(&agents::look(shared, &workspace)?, goal),
    };
    let options = SessionOptions::of(shared, workspace, goal, agent, resolved.settings)?;
    begin(shared, options)
}

/// The start screen, whatever the command line says.
pub fn described(shared: &Shared) -> Result<Then, Fail> {
    let shared =
        Shared { agent: None, mode: None, isolation: None, record: None, plan: None, branch: None, ..shared.clone() };
    let workspace = options::workspace(&shared)?;
    let resolved = settings::resolved(&shared, &workspace)?;
    let here = agents::look(&shared, &workspace)?;
    let agent = configured(&resolved).unwrap_or_else(|| found(&here, &[]));
    welcome::open(&shared, workspace, &resolved, &here, agent)
}

/// `rightseat demo`.
pub fn demo(shared: &Shared) -> Done {
    let places = Places::open(shared.state_dir())?;
    let root = places.playground()?;
    for (path, text) in crate::repair::PLAYGROUND {
        let file = root.join(path);
        if let Some(folder) = file.parent() {
            std::fs::create_dir_all(folder).map_err(Fail::at(folder))?;
        }
        std::fs::write(&file, text).map_err(|e| Fail::usage(format!("{}: {e}", file.display())))?;
    }
    let agent = match &shared.agent {
        Some(spec) => (spec.clone(), "named on the command line".into()),
        None => ("repair".into(), "the demo uses the embedded repair agent".into()),
    };
    let root = root.canonicalize().map_err(Fail::at(&root))?;
    let settings = settings::resolved(shared, &root)?.settings;
    let mut options = SessionOptions::of(shared, root, &[], agent, settings)?;
    options.demo = true;
    begin(shared, options)
}

/// The agent that is named, with the place in words.
fn configured(resolved: &Resolved) -> Option<(String, String)> {
    let spec = resolved.settings.agent.as_ref()?;
    let is_flag = resolved.sources.get("agent") == Some(&Layer::Flag);
    let place = if is_flag { "on the command line" } else { "in the configuration" };
    Some((spec.clone(), format!("named {place}")))
}

/// The first agent that is found here, else the embedded one where it can do what is asked; with the reason in words.
fn found(here: &Here, goal: &[String]) -> (String, String) {
    let what_it_can = goal.is_empty() || claims::is_about_passing(&goal.join(" "));
    let embedded = || match what_it_can {
        true => ("repair".to_owned(), "no other agent was found, so the embedded repair agent is used".to_owned()),
        false => {
            (undecided::SPEC.to_owned(), "no agent was found that can do this, so the session waits for one".to_owned())
        }
    };
    here.best().unwrap_or_else(embedded)
}

/// Checks what is wrong with the options, before anything is made; returns what does not apply.
pub fn check(shared: &Shared, options: &SessionOptions) -> Result<Option<String>, Fail> {
    maker::maker(options, None)?;
    maker::available(options)?;
    match maker::isolation_unused(options)? {
        Some(why) if shared.isolation.is_some() => Err(Fail::usage(why)),
        // A preference in the configuration is for the agents that have a choice.
        unused => Ok(unused),
    }
}

fn begin(shared: &Shared, mut options: SessionOptions) -> Done {
    if options.agent == "repair" && options.goal.is_none() {
        options.goal = Some(REPAIR_GOAL.into());
    }
    // What is wrong is said before the screen opens.
    if let Some(why) = check(shared, &options)? {
        super::complain(&why);
    }
    if !shared.headless && !shared.detached {
        screen::check(shared)?;
        screen::options(shared, "", None)?;
    }
    let places = Places::open(shared.state_dir())?;
    let place = places.create(&options.workspace, &options)?;
    if shared.headless {
        return headless::run(&place, &options);
    }
    if shared.detached {
        daemon::spawn(&places, &place)?;
        return super::print(&format!("{}{}", ssh::STARTED, place.id)).map(|()| DONE);
    }
    let spawned = place.clone();
    home::follow(shared, attach::here(shared, &place, false, None, move || daemon::spawn(&places, &spawned))?)
}
