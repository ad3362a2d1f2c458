//! `rightseat agents`: who can be supervised here, how far, and what to do about those who cannot.

use super::args::Shared;
use super::{DONE, Done, Fail, daemon, llm, maker, print, screen, settings};
use crate::agent::catalog::{self, AgentSpec, Catalog, FoundIn, Through};
use crate::agent::llm::Found as Model;
use crate::base::text::Untrusted;
use crate::config::Paths;
use serde_json::{Value, json};
use std::path::Path;

/// Everything that was found.
pub struct Here {
    pub external: Vec<(AgentSpec, Option<catalog::Found>)>,
    pub models: Vec<Model>,
}

/// Looks for agents and model servers. Programs are looked for by name and nothing is started; only servers on this
/// machine are asked anything.
pub fn look(shared: &Shared, workspace: &Path) -> Result<Here, Fail> {
    let runtime = daemon::runtime()?;
    let here = runtime.block_on(look_around(shared.config.as_deref(), workspace));
    runtime.shutdown_background();
    here
}

/// The same, for those who are in a runtime already.
pub async fn look_around(config: Option<&Path>, workspace: &Path) -> Result<Here, Fail> {
    let file = Paths::dir_of(config)?.join("agents.toml");
    let catalog = Catalog::load(Some(&file)).map_err(|e| Fail::usage(e.to_string()))?;
    let around = maker::surroundings(workspace);
    let external = catalog.agents().iter().map(|spec| (spec.clone(), catalog::discover(spec, &around))).collect();
    let models = llm::catalog(config)?;
    let models = crate::agent::llm::discover(&models, screen::env).await;
    Ok(Here { external, models })
}

impl Here {
    /// The first agent that can be used and was installed by the user, else the first model, with the reason in words.
    pub fn best(&self) -> Option<(String, String)> {
        let external = self.external.iter().find_map(|(spec, found)| {
            let found = found.as_ref().filter(|f| f.is_trusted())?;
            Some((spec.name.clone(), format!("found at {}", found.program.display())))
        });
        let model = || {
            let usable = self.models.iter().filter(|m| m.usable);
            usable.into_iter().find_map(|m| Some((format!("llm:{}/{}", m.provider, m.models.first()?), m.why.clone())))
        };
        external.or_else(model)
    }
}

/// The bundled agents and the user's own.
pub fn catalog(shared: &Shared) -> Result<Catalog, Fail> {
    let file = settings::paths(shared)?.agents;
    Catalog::load(Some(&file)).map_err(|e| Fail::usage(e.to_string()))
}

fn place(found: &catalog::Found) -> &'static str {
    match found.place {
        FoundIn::Path => "PATH",
        FoundIn::Installer => "installer directory",
        FoundIn::Npx => "npx cache",
        FoundIn::Uvx => "uvx or pipx",
        FoundIn::Workspace => "workspace, never selected automatically",
    }
}

/// Describes how far an agent can be supervised, in our words.
pub fn badges(spec: &AgentSpec) -> String {
    let level = match spec.level {
        catalog::Level::Unknown => "L? not observed yet",
        catalog::Level::L0 => "L0 watch and cancel only: it never asks",
        catalog::Level::L1 => "L1 allow or deny; a denial ends its turn",
        catalog::Level::L2 => "L2 allow or deny each edit and command",
        catalog::Level::L3 => "L3 allow, deny and rewrite",
    };
    let through = |what: &str, by: Through| match by {
        Through::Agent => format!("{what} done by the agent"),
        Through::Client => format!("{what} done by rightseat"),
    };
    format!("{level} · {} · {}", through("edits", spec.edits), through("commands", spec.commands))
}

/// `rightseat agents`.
pub fn list(shared: &Shared, as_json: bool) -> Done {
    let here = look(shared, &settings::workspace(shared)?)?;
    if as_json {
        print(&Value::Array(rows(&here)).to_string())?;
        return Ok(DONE);
    }
    print("built in")?;
    print(
        "  repair               ready     full control: every edit and command goes through the gate; no key, no network",
    )?;
    for model in &here.models {
        let state = if model.usable { "ready" } else { "not ready" };
        let names = model.models.iter().take(3).map(|m| Untrusted::new(m.as_str()).visible().into_owned());
        let names: Vec<String> = names.collect();
        let why = Untrusted::new(model.why.as_str());
        let spec = format!("llm:{}", model.provider);
        let names = if names.is_empty() { String::new() } else { format!(" · {}", names.join(", ")) };
        print(&format!("  {spec:<20} {state:<9} {}{names}", why.visible()))?;
    }
    print("external, over the Agent Client Protocol")?;
    for (spec, found) in &here.external {
        let state = if found.is_some() { "found" } else { "not found" };
        let name = Untrusted::new(spec.name.as_str());
        print(&format!("  {:<20} {state:<9} {}", name.visible(), badges(spec)))?;
        let detail = match (found, &spec.install) {
            (Some(found), _) => format!("{} ({})", found.program.display(), place(found)),
            (None, Some(install)) => format!("install: {install}"),
            (None, None) => continue,
        };
        print(&format!("  {:<20} {:<9} {}", "", "", Untrusted::new(detail).visible()))?;
    }
    print("anything else: --agent 'acp:COMMAND LINE', or a file of steps: --agent script:FILE")?;
    Ok(DONE)
}

/// One object an agent.
pub fn rows(here: &Here) -> Vec<Value> {
    let mut rows = vec![json!({
        "name": "repair", "kind": "repair", "usable": true, "level": "full",
        "why": "embedded; no key, no network",
    })];
    rows.extend(here.models.iter().map(|m| {
        json!({
            "name": format!("llm:{}", m.provider), "kind": "llm", "title": m.title, "usable": m.usable, "level": "full",
            "why": m.why, "models": m.models,
        })
    }));
    rows.extend(here.external.iter().map(|(spec, found)| {
        json!({
            "name": spec.name, "kind": "acp", "title": spec.shown_name(), "usable": found.is_some(),
            "level": spec.level.word(), "edits": through(spec.edits), "commands": through(spec.commands),
            "program": found.as_ref().map(|f| f.program.display().to_string()),
            "place": found.as_ref().map(place), "trusted": found.as_ref().map(catalog::Found::is_trusted),
            "command": spec.command, "install": spec.install, "note": spec.note,
        })
    }));
    rows
}

fn through(by: Through) -> &'static str {
    match by {
        Through::Agent => "agent",
        Through::Client => "client",
    }
}
