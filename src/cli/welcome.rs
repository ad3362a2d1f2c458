//! The start screen's half in the command line: the agents, models and isolation that there are here, the session that
//! is begun from them, and the small file that remembers unsent text and who has seen the introduction.

use super::agents::{Here, badges};
use super::args::Shared;
use super::limits::{START_DRAFTS_MAX, START_FILE_BYTES_MAX};
use super::options::SessionOptions;
use super::place::{Places, SessionPlace, private_file};
use super::screen::Then;
use super::{Fail, attach, branch, daemon, past, screen, settings, start};
use crate::agent::catalog::{AgentSpec, Found, Through};
use crate::config::{IsolationChoice, Resolved};
use crate::policy::claims;
use crate::ui::run::Opening;
use crate::ui::welcome::{AgentItem, BranchWish, HERE, Item, Kept, NEW_BRANCH, Offers, Wish};
use clap::ValueEnum as _;
use futures::FutureExt as _;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

/// Opens the start screen, and then the session in the same client. `preferred` is the agent to begin with, and why.
pub fn open(
    shared: &Shared,
    workspace: PathBuf,
    resolved: &Resolved,
    here: &Here,
    preferred: (String, String),
) -> Result<Then, Fail> {
    screen::check(shared)?;
    let places = Places::open(shared.state_dir())?;
    let memory = Memory { file: places.state.join("start.json"), directory: workspace.display().to_string() };
    let mut offers = offers(resolved, here, &preferred.0, &memory, &past::models(&places));
    if let Some(name) = &shared.branch {
        offers.prefer_branch(name);
    }
    let left_in: Arc<OnceLock<SessionPlace>> = Arc::default();
    let begun_in = Arc::clone(&left_in);
    let (asked, initial) = (Shared { branch: None, ..shared.clone() }, offers.isolation.clone());
    let begin = move |wish: Wish| {
        let (asked, workspace, places, preferred) =
            (asked.clone(), workspace.clone(), places.clone(), preferred.clone());
        let (begun_in, initial) = (Arc::clone(&begun_in), initial.clone());
        let ready = move || {
            let workspace = match &wish.branch {
                BranchWish::Here => workspace,
                BranchWish::New => branch::worktree(&workspace, &branch::named_after(&workspace, &wish.goal))?,
                BranchWish::Of(name) => branch::worktree(&workspace, name)?,
            };
            let options = options(&asked, workspace, &wish, &preferred, &initial)?;
            let place = places.create(&options.workspace, &options)?;
            daemon::spawn(&places, &place)?;
            let socket = place.socket();
            // Set once: after a success the start screen is gone.
            let _ = begun_in.set(place);
            Ok(socket)
        };
        attach::connected(ready).boxed()
    };
    let mut client = screen::options(shared, "", None)?;
    let keep = move |kept: Kept| memory.keep(&kept);
    client.opening = Some(Opening { offers, begin: Arc::new(begin), keep: Arc::new(keep) });
    let left = || match left_in.get() {
        Some(place) => attach::continues(place),
        None => "no session was started; `rightseat` shows what you typed here again".to_owned(),
    };
    let runtime = daemon::runtime()?;
    let done = screen::run(&runtime, client, futures::future::pending(), left);
    runtime.shutdown_background();
    done
}

/// The options of the session that the user described, checked as those of the command line are.
fn options(
    asked: &Shared,
    workspace: PathBuf,
    wish: &Wish,
    preferred: &(String, String),
    initial_isolation: &str,
) -> Result<SessionOptions, Fail> {
    if wish.agent == "repair" && !wish.is_picked && !claims::is_about_passing(&wish.goal) {
        return Err(Fail::usage(
            "no coding agent is installed, and the embedded repair agent only makes failing tests pass: Tab shows what \
             to install; choose repair there to use it anyway"
                .to_owned(),
        ));
    }
    let (agent, model) = agent_and_model(&wish.agent);
    let isolation = IsolationChoice::from_str(&wish.isolation, true).map_err(Fail::usage)?;
    let is_changed = asked.isolation.is_some() || wish.isolation != initial_isolation;
    let shared = Shared {
        agent: Some(agent.to_owned()),
        mode: Some(wish.mode),
        isolation: is_changed.then_some(isolation),
        ..asked.clone()
    };
    let resolved = settings::resolved(&shared, &workspace)?;
    let why = if wish.is_picked || agent != preferred.0 { "chosen on the start screen" } else { &preferred.1 };
    let agent = (agent.to_owned(), why.to_owned());
    let options = SessionOptions::of(&shared, workspace, std::slice::from_ref(&wish.goal), agent, resolved.settings)?;
    let options = SessionOptions { model: model.filter(|model| *model != ITS_OWN).map(str::to_owned), ..options };
    // The start screen has shown what a preference for isolation comes to.
    start::check(&shared, &options)?;
    Ok(options)
}

/// The model of an agent that has been seen before, when it is to start with its own.
const ITS_OWN: &str = "its-own";

/// An external agent and its model; every other agent is named as a whole.
fn agent_and_model(wish: &str) -> (&str, Option<&str>) {
    match wish.split_once('/') {
        Some((agent, model)) if !agent.contains(':') => (agent, Some(model)),
        Some(_) | None => (wish, None),
    }
}

/// What there is here, the best first.
fn offers(
    resolved: &Resolved,
    here: &Here,
    preferred: &str,
    memory: &Memory,
    models: &BTreeMap<String, Vec<(String, String)>>,
) -> Offers {
    let settings = &resolved.settings;
    let mut agents = items(here);
    for (spec, _) in &here.external {
        let agent = agents.iter_mut().find(|agent| agent.item.value == spec.name);
        let Some((agent, known)) = agent.zip(models.get(spec.shown_name())) else { continue };
        let item = |(value, name): &(String, String)| Item::new(value, name.as_str());
        agent.models =
            std::iter::once(Item::new(ITS_OWN, "the one that it starts with")).chain(known.iter().map(item)).collect();
    }
    let (agent, model) = position(&mut agents, preferred);
    let (drafts, is_introduced) = memory.read().map_or_else(Default::default, |kept| (kept.drafts, kept.introduced));
    let draft = drafts.into_iter().find(|(directory, _)| *directory == memory.directory);
    Offers {
        directory: memory.directory.clone(),
        agents,
        agent,
        model,
        mode: settings.mode,
        isolation: settings.isolation.word().to_owned(),
        branches: branches(Path::new(&memory.directory)),
        branch: 0,
        draft: draft.map(|(_, text)| text).unwrap_or_default(),
        introduces: !is_introduced,
    }
}

/// Where the session can work: in the directory, on a branch of its own, or on one that there is.
fn branches(directory: &Path) -> Vec<Item> {
    let here = |about: String| Item::new(HERE, about);
    let Some(branch::Branches { current, others }) = branch::branches(directory) else {
        return vec![here("in this directory, which is in no git repository with a commit".to_owned())];
    };
    let current = current.map(|name| format!(", on {name}")).unwrap_or_default();
    let new = Item::new(NEW_BRANCH, "a worktree beside this repository, on a new branch named after the goal");
    let others = others.iter().map(|name| Item::new(name, "in its worktree, which is made where it has none"));
    [here(format!("in this directory{current}")), new].into_iter().chain(others).collect()
}

/// The agents, those that can be used first.
pub(super) fn items(here: &Here) -> Vec<AgentItem> {
    let mut agents: Vec<AgentItem> = here.external.iter().map(|(spec, found)| external(spec, found.as_ref())).collect();
    agents.extend(here.models.iter().map(|model| {
        let about = format!("{}: {}", model.title, model.why);
        let why_not = if !model.usable {
            Some(model.why.clone())
        } else if model.models.is_empty() {
            Some(format!("its models are not known; use --agent llm:{}/MODEL", model.provider))
        } else {
            None
        };
        let item = Item::new(&format!("llm:{}", model.provider), about).unless(why_not);
        AgentItem { models: model.models.iter().map(|name| Item::new(name, "")).collect(), ..of_our_own(item) }
    }));
    agents.push(AgentItem {
        own_goal: Some(start::REPAIR_GOAL.to_owned()),
        model_note: "none; it works without a model".to_owned(),
        ..of_our_own(Item::new("repair", "embedded: makes failing tests pass; no key, no network"))
    });
    agents.sort_by_key(|agent| agent.item.why_not.is_some());
    agents
}

/// The position of an agent and its model; what is not in the list is put first.
fn position(agents: &mut Vec<AgentItem>, spec: &str) -> (usize, usize) {
    let named = spec.starts_with("llm:").then(|| spec.split_once('/')).flatten();
    let name = named.map_or(spec, |(agent, _)| agent);
    let Some(at) = agents.iter().position(|agent| agent.item.value == name) else {
        let item = Item::new(spec, "from the configuration");
        let model_note = "as configured".to_owned();
        let isolations = isolations(None);
        agents.insert(0, AgentItem { item, models: Vec::new(), model_note, isolations, own_goal: None });
        return (0, 0);
    };
    let (Some((_, model)), Some(agent)) = (named, agents.get_mut(at)) else { return (at, 0) };
    let known = agent.models.iter().position(|item| item.value == model);
    let model = known.unwrap_or_else(|| {
        agent.models.insert(0, Item::new(model, "from the configuration"));
        0
    });
    (at, model)
}

fn external(spec: &AgentSpec, found: Option<&Found>) -> AgentItem {
    let title = spec.shown_name();
    let about = match found {
        Some(found) => format!("{title}, {} · {}", found.program.display(), badges(spec)),
        None => title.to_owned(),
    };
    let how = spec.install.as_deref().unwrap_or("see its documentation");
    let why_not = found.is_none().then(|| format!("not installed: {how}"));
    AgentItem {
        item: Item::new(&spec.name, about).unless(why_not),
        models: Vec::new(),
        model_note: "its own; :model changes it once it runs, if it offers that".to_owned(),
        isolations: isolations(Some(spec.edits)),
        own_goal: None,
    }
}

/// An agent without a process: it writes only through the gate.
fn of_our_own(item: Item) -> AgentItem {
    let why_not = "it has no process of its own and writes only through the gate";
    let words = [IsolationChoice::Overlay, IsolationChoice::Copy, IsolationChoice::Watched].map(IsolationChoice::word);
    let mut isolations =
        vec![Item::new("auto", "gated: it writes only through the gate"), Item::new("gated", "the same")];
    isolations.extend(words.map(|word| Item::new(word, "").unless(Some(why_not.to_owned()))));
    AgentItem { item, models: Vec::new(), model_note: String::new(), isolations, own_goal: None }
}

/// The levels for an agent with a process of its own.
fn isolations(edits: Option<Through>) -> Vec<Item> {
    let auto = match edits {
        Some(Through::Client) => "gated for this agent: it edits through rightseat",
        Some(Through::Agent) => "copy for this agent: it edits files itself; gated if no copy can be made",
        None => "copy, or gated if it edits through rightseat",
    };
    vec![
        Item::new("auto", auto),
        Item::new("copy", "a private copy; what it writes there becomes proposals"),
        Item::new("gated", "your files; its actions ask as far as the agent can be gated"),
        Item::new("watched", "your files; every change is found afterwards and can be undone"),
        Item::new("overlay", "").unless(Some("not implemented yet; copy is the strongest level".to_owned())),
    ]
}

/// The file that remembers across sessions.
struct Memory {
    file: PathBuf,
    directory: String,
}

#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
struct Remembered {
    introduced: bool,
    /// Directories with their unsent texts, newest first.
    drafts: Vec<(String, String)>,
}

impl Memory {
    /// `None` where there is no such file, or none that can be used: nothing depends on it.
    fn read(&self) -> Option<Remembered> {
        let mut text = String::new();
        let file = std::fs::File::open(&self.file).ok()?;
        file.take(START_FILE_BYTES_MAX).read_to_string(&mut text).ok()?;
        serde_json::from_str(&text).ok()
    }

    fn keep(&self, kept: &Kept) {
        let mut all = self.read().unwrap_or_default();
        all.introduced |= kept.is_introduced;
        all.drafts.retain(|(directory, _)| *directory != self.directory);
        if !kept.draft.trim().is_empty() {
            all.drafts.insert(0, (self.directory.clone(), kept.draft.clone()));
        }
        all.drafts.truncate(START_DRAFTS_MAX);
        if let Err(error) = self.write(&all) {
            super::complain(&format!("{}: {error}; what was typed on the start screen is lost", self.file.display()));
        }
    }

    fn write(&self, all: &Remembered) -> std::io::Result<()> {
        let text = serde_json::to_string(all)?;
        let new = self.file.with_extension("new");
        private_file(&new)?.write_all(text.as_bytes())?;
        std::fs::rename(new, &self.file)
    }
}

/// Returns whether the start screen is wanted: a session of one's own on a screen, and nothing said about it yet.
pub fn is_wanted(shared: &Shared, goal: &[String]) -> bool {
    let is_scripted = shared.headless || shared.linear || shared.record.is_some();
    goal.is_empty() && shared.agent.is_none() && !is_scripted
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn memory(dir: &Path, directory: &str) -> Memory {
        Memory { file: dir.join("start.json"), directory: directory.to_owned() }
    }

    #[test]
    fn only_an_external_agent_has_its_model_beside_it() {
        assert_eq!(agent_and_model("opencode/big/one"), ("opencode", Some("big/one")));
        assert_eq!(agent_and_model("opencode"), ("opencode", None));
        assert_eq!(agent_and_model("llm:local/small"), ("llm:local/small", None));
        assert_eq!(agent_and_model("script:/a/b.jsonl"), ("script:/a/b.jsonl", None));
    }

    #[test]
    fn drafts_are_kept_by_directory_and_the_oldest_go() {
        let dir = tempfile::tempdir().unwrap();
        let kept = |draft: &str| Kept { draft: draft.into(), is_introduced: true };
        for at in 0..START_DRAFTS_MAX + 2 {
            memory(dir.path(), &format!("/{at}")).keep(&kept(&format!("draft {at}")));
        }
        let all = memory(dir.path(), "/").read().unwrap();
        assert!(all.introduced && all.drafts.len() == START_DRAFTS_MAX);
        assert_eq!(all.drafts[0].1, format!("draft {}", START_DRAFTS_MAX + 1));
        let last = memory(dir.path(), &all.drafts[0].0);
        last.keep(&kept(" \n"));
        assert_eq!(last.read().unwrap().drafts.len(), START_DRAFTS_MAX - 1);
    }

    #[test]
    fn a_broken_file_is_as_good_as_none() {
        let dir = tempfile::tempdir().unwrap();
        let memory = memory(dir.path(), "/a");
        std::fs::write(&memory.file, "{").unwrap();
        assert_eq!(memory.read(), None);
        memory.keep(&Kept { draft: "x".into(), is_introduced: false });
        assert_eq!(memory.read().unwrap(), Remembered { introduced: false, drafts: vec![("/a".into(), "x".into())] });
    }

    #[test]
    fn a_configured_agent_is_found_in_the_list_or_put_into_it() {
        let model = |name: &str| Item::new(name, "");
        let own = || AgentItem { models: vec![model("a"), model("b")], ..of_our_own(Item::new("llm:test", "")) };
        let check = |spec: &str, place, agents, models| {
            let mut list = vec![external(&AgentSpec { name: "claude".into(), ..AgentSpec::default() }, None), own()];
            assert_eq!(position(&mut list, spec), place, "{spec}");
            assert_eq!((list.len(), list[place.0].models.len()), (agents, models), "{spec}");
        };
        check("claude", (0, 0), 2, 0);
        check("llm:test/b", (1, 1), 2, 2);
        check("llm:test/x/y", (1, 0), 2, 3);
        check("acp:./fake --acp", (0, 0), 3, 0);
    }

    #[test]
    fn the_start_screen_is_only_for_a_bare_start_on_a_screen() {
        let bare = Shared::default();
        assert!(is_wanted(&bare, &[]));
        assert!(!is_wanted(&bare, &["fix it".into()]));
        assert!(!is_wanted(&Shared { agent: Some("repair".into()), ..Shared::default() }, &[]));
        for scripted in [
            Shared { headless: true, ..Shared::default() },
            Shared { linear: true, ..Shared::default() },
            Shared { record: Some("x".into()), ..Shared::default() },
        ] {
            assert!(!is_wanted(&scripted, &[]));
        }
        assert!(is_wanted(&Shared { mode: Some(crate::model::event::Mode::Step), ..Shared::default() }, &[]));
    }
}
