//! The layers of the live workspace: when a command gets one, what it left there, and its way into the workspace.

use super::{locked, read, store_error};
use crate::base::{ActionId, Digest, RelPath};
use crate::config::{LayerSettings, LayerUse};
use crate::model::event::{Network, OutcomeWord};
use crate::port::{AgentLayer, Apart, Effect, HeldFile, Performed, Promotion, ResultNode, WorkspaceError};
use crate::workspace::candidate;
use crate::workspace::checkpoint::compare;
use crate::workspace::egress::Endpoints;
use crate::workspace::layer::{
    Bind, BuildFolders, Change, Changes, Layer, LeftOver, Others, Promoted, Tree, available, programs,
};
use crate::workspace::limits;
use crate::workspace::listing::Listing;
use crate::workspace::root::Root;
use crate::workspace::tree::Rules;
use globset::{Glob, GlobSet, GlobSetBuilder};
use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};
use tokio_util::sync::CancellationToken;

/// See the module.
#[derive(Debug, Clone)]
pub struct Layers {
    commands: LayerUse,
    network: Network,
    /// It is not opened for want of a layer.
    is_network_chosen: bool,
    /// Of agents.
    agent_network: Network,
    /// The paths that are promoted without a question; `None` = all.
    declared: Option<GlobSet>,
    hidden: Arc<Vec<PathBuf>>,
    launcher: PathBuf,
    state: PathBuf,
    /// Why there are none, in words. Unset until it was tried.
    refusal: Arc<OnceLock<Option<String>>>,
    /// The layers of commands that ended, with what was read from them.
    held: Arc<Mutex<HashMap<ActionId, (Layer, Changes)>>>,
}

impl Layers {
    /// None.
    pub fn none() -> Self {
        let settings = LayerSettings { commands: LayerUse::Never, network: Network::On, ..LayerSettings::default() };
        Self::new(&settings, Vec::new(), PathBuf::new(), PathBuf::new())
    }

    /// `launcher` is the rightseat binary, `state` the session's own directory.
    pub fn new(settings: &LayerSettings, hidden: Vec<PathBuf>, launcher: PathBuf, state: PathBuf) -> Self {
        let &LayerSettings {
            commands, network, network_is_chosen: is_network_chosen, agent_network, ref promote, ..
        } = settings;
        let (refusal, held) = (Arc::default(), Arc::default());
        let declared = promote.as_ref().map(|globs| set_of(globs));
        let hidden = Arc::new(hidden);
        Self { commands, network, is_network_chosen, agent_network, declared, hidden, launcher, state, refusal, held }
    }

    /// Finds in the background whether they work here.
    pub fn try_out(&self, root: &Arc<Root>, rules: &Rules) {
        if self.are_wanted() {
            let (layers, root, rules) = (self.clone(), root.clone(), rules.clone());
            std::thread::spawn(move || layers.refusal((&root, &rules)).is_some());
        }
    }

    /// Whether some command of the session may get one, or an agent has.
    pub fn are_used(&self) -> bool {
        self.commands != LayerUse::Never || self.refusal.get().is_some()
    }

    fn refusal(&self, workspace: (&Root, &Rules)) -> Option<&String> {
        let attempt = || available(&self.launcher, &self.state, workspace, &self.hidden).err().map(|no| no.to_string());
        self.refusal.get_or_init(attempt).as_ref()
    }

    /// Why there are none, in words, after trying.
    pub fn why_none(&self, workspace: (&Root, &Rules)) -> Option<String> {
        self.refusal(workspace).cloned()
    }

    /// The network of a command, by what was decided about it. A preview has none, unless it names one.
    pub fn network(&self, decided: Option<Network>, is_preview: bool) -> Network {
        decided.unwrap_or(if is_preview { Network::Off } else { self.network })
    }

    /// The network of a command for which there is no layer. That of the machine is only for machines that have no layers at
    /// all: otherwise whoever can make one layer fail would open it.
    pub fn network_without(&self, decided: Option<Network>, is_preview: bool, workspace: (&Root, &Rules)) -> Network {
        let is_by_default =
            decided.is_none() && !is_preview && !self.is_network_chosen && self.refusal(workspace).is_some();
        if is_by_default { Network::On } else { self.network(decided, is_preview) }
    }

    /// Returns whether there may be layers. A network that was closed needs them.
    fn are_wanted(&self) -> bool {
        self.commands != LayerUse::Never || self.is_network_chosen && self.network != Network::On
    }

    /// Returns whether this command should get a layer.
    pub fn keeps_apart(&self, command: Apart) -> bool {
        match (self.commands, command) {
            (_, Apart::Preview | Apart::Closed) | (LayerUse::Always, _) | (LayerUse::Writes, Apart::Writes) => true,
            (LayerUse::Never, Apart::Writes) => self.are_wanted(),
            (LayerUse::Never, _) | (LayerUse::Writes, Apart::OnlyReads | Apart::Outside) => false,
        }
    }

    /// A layer for this action, after the attempt has shown that they work here.
    ///
    /// # Errors
    /// In words, why there is none.
    pub fn make(
        &self,
        action: &ActionId,
        (root, rules): (&Root, &Rules),
        line: &str,
        (network, is_preview): (Network, bool),
    ) -> Result<Layer, String> {
        if !self.state.is_dir() {
            return Err(format!("the session's state {} is gone", self.state.display()));
        }
        if let Some(why) = self.refusal((root, rules)) {
            return Err(why.clone());
        }
        let folders = if is_preview { BuildFolders::Covered } else { BuildFolders::Shared };
        let made = Layer::make((&self.state, action.as_str()), (root, rules), (line, folders, network), &self.hidden);
        made.map_err(|no| no.to_string())
    }

    /// A layer for an agent that works in this candidate, after the attempt has shown that layers work here, and where it
    /// goes without a question, unless its network is this machine's. `program` is the agent's.
    ///
    /// # Errors
    /// In words, why there is none.
    pub fn for_agent(
        &self,
        (root, rules): (&Root, &Rules),
        of: &AgentLayer,
        program: Option<&Path>,
    ) -> Result<(Layer, Option<Endpoints>), String> {
        if let Some(why) = self.refusal((root, rules)) {
            return Err(why.clone());
        }
        let fail = |error: std::io::Error| format!("{}: {error}", of.candidate.display());
        let mut binds = match of.is_layered {
            true => Vec::new(),
            false => candidate::binds(root.path(), rules, &of.candidate).map_err(fail)?,
        };
        binds.extend(programs(root.path(), &self.state));
        let own = of.own.iter().filter_map(|path| path.canonicalize().ok());
        let is_apart = |path: &PathBuf| !path.starts_with(root.path()) && !root.path().starts_with(path);
        binds.extend(own.filter(is_apart).map(|path| Bind { from: path.clone(), at: path, writable: true }));
        let endpoints = match self.agent_network {
            Network::On => None,
            network @ (Network::Ask | Network::Off) => {
                let place = (program, root.path());
                let own = Endpoints::new(&of.hosts, of.endpoints.clone(), network == Network::Off, place);
                Some(own.map_err(|why| format!("`hosts` of the agent: {why}"))?)
            }
        };
        let ports = endpoints.as_ref().map(|own| own.here().iter().map(|address| address.port).collect());
        let tree = if of.is_layered { Tree::Overlay(&of.candidate) } else { Tree::Copy(&of.candidate) };
        let made = Layer::for_agent((&self.state, "agent"), (root, tree), (binds, ports), &self.hidden);
        made.map(|layer| (layer, endpoints)).map_err(|no| no.to_string())
    }

    /// What trials in this candidate have mounted beside it; none where commands have no layers either.
    ///
    /// # Errors
    /// In words, why there is no layer although there should be one.
    pub fn binds_of_trials(&self, (root, rules): (&Root, &Rules), copy: &Path) -> Result<Option<Vec<Bind>>, String> {
        if !self.are_wanted() {
            return Ok(None);
        }
        if let Some(why) = self.refusal((root, rules)) {
            return Err(why.clone());
        }
        let binds = candidate::binds(root.path(), rules, copy);
        binds.map(Some).map_err(|error| format!("{}: {error}", copy.display()))
    }

    /// A layer for one trial in a candidate, with the configured network, but without questions.
    ///
    /// # Errors
    /// In words, why there is none.
    pub fn for_trial(&self, root: &Root, (name, copy): (&str, &Path), binds: Vec<Bind>) -> Result<Layer, String> {
        let made = Layer::for_agent((&self.state, name), (root, Tree::Copy(copy)), (binds, None), &self.hidden);
        let layer = made.map_err(|no| no.to_string())?;
        Ok(if self.network == Network::On { layer } else { layer.without_network() })
    }

    /// Holds the layer of a command that has ended.
    pub fn keep(&self, action: ActionId, layer: Layer) {
        locked(&self.held).insert(action, (layer, Changes::default()));
    }

    pub fn forget(&self, action: &ActionId) {
        // The lock is let go first: a layer takes a moment to remove.
        let held = locked(&self.held).remove(action);
        drop(held);
    }

    /// Reads a layer, against what the trees before it and now tell of others.
    ///
    /// # Errors
    /// When it cannot be read: then all of it is kept beside the session, unless this was stopped.
    pub fn effect(
        &self,
        action: &ActionId,
        (root, listing): (&Root, &Listing),
        before: Option<Digest>,
        stop: &CancellationToken,
    ) -> Result<Effect, WorkspaceError> {
        let held = locked(&self.held).remove(action);
        let (layer, _) = held.ok_or_else(|| WorkspaceError::Refused(format!("{action} has no layer")))?;
        match self.read(action, &layer, (root, listing), before, stop) {
            Ok((effect, changes)) => {
                locked(&self.held).insert(action.clone(), (layer, changes));
                Ok(effect)
            }
            Err(error) if stop.is_cancelled() => Err(error),
            Err(error) => match layer.keep_whole() {
                Some(kept) => Err(WorkspaceError::Refused(format!("{error}; {kept}"))),
                None => Err(error),
            },
        }
    }

    fn read(
        &self,
        action: &ActionId,
        layer: &Layer,
        (root, listing): (&Root, &Listing),
        before: Option<Digest>,
        stop: &CancellationToken,
    ) -> Result<(Effect, Changes), WorkspaceError> {
        let paths = match before {
            Some(before) => {
                let now = listing.take().map_err(store_error)?;
                let others = compare(listing.store(), Some(&before), Some(&now.digest)).map_err(store_error)?;
                Some(others.into_iter().map(|difference| difference.path).collect::<BTreeSet<PathBuf>>())
            }
            None => None,
        };
        let others = paths.map(|paths| Others { paths, rules: listing.rules() });
        let read = layer.changes_until(stop, root, others.as_ref());
        let changes = read.map_err(|source| WorkspaceError::Io { what: format!("the layer of {action}"), source })?;
        let files = changes.outcomes(listing.rules());
        let nodes = self.nodes(&changes, listing.rules());
        let others = changes.list.iter().filter(|change| !change.in_conflict).count().saturating_sub(files.len());
        let conflict = |path: &Path| format!("{} was changed by somebody else meanwhile", path.display());
        let conflicts = changes.list.iter().filter(|change| change.in_conflict).map(|change| conflict(&change.path));
        let unnamed = unnamed(&changes, listing.rules()).map(|change| format!("{}: {UNNAMED}", change.path.display()));
        let left = conflicts.chain(unnamed).chain(changes.left.iter().cloned()).collect();
        Ok((Effect { files, others, left, nodes }, changes))
    }

    fn nodes(&self, changes: &Changes, rules: &Rules) -> Vec<ResultNode> {
        let node = |change: &Change| {
            let is_declared = self.declared.as_ref().is_none_or(|globs| globs.is_match(&change.path));
            let (path, change) = (RelPath::from_path(&change.path).ok()?, change.kind()?);
            Some(ResultNode { path, change, is_declared })
        };
        let is_judged = |change: &&Change| !change.in_conflict && change.is_judged(rules);
        changes.list.iter().filter(is_judged).filter_map(node).collect()
    }

    /// Both sides of these paths, as far as they can be read.
    pub fn files(&self, action: &ActionId, root: &Root, paths: &[RelPath]) -> Vec<HeldFile> {
        let held = locked(&self.held);
        let Some((layer, changes)) = held.get(action) else { return Vec::new() };
        let is_asked = |change: &&Change| paths.iter().any(|path| Path::new(path.as_str()) == change.path);
        let read = |change: &Change| held_file(layer, root, change, limits::RESULT_SHOWN_BYTES_MAX);
        changes.list.iter().filter(is_asked).take(limits::RESULT_SHOWN_FILES_MAX).filter_map(read).collect()
    }

    /// Carries over what was read, but for the `held` paths.
    pub fn promote(&self, action: &ActionId, (root, rules): (&Root, &Rules), held: &[RelPath]) -> Promotion {
        let Some((layer, changes)) = locked(&self.held).remove(action) else { return Promotion::default() };
        let mut held: BTreeSet<PathBuf> = held.iter().map(|path| PathBuf::from(path.as_str())).collect();
        held.extend(unnamed(&changes, rules).map(|change| change.path.clone()));
        let promoted = layer.promote(root, rules, &changes, &held);
        promotion(root, LeftOver { layer, changes, held, promoted })
    }
}

/// Finishes the promotions that a former host began.
pub fn finish_left_over(state: &Path, (root, rules): (&Root, &Rules)) -> HashMap<ActionId, Promotion> {
    let all = Layer::finish_left_over(state, root, rules).into_iter();
    all.map(|left_over| (left_over.layer.name().as_str().into(), promotion(root, left_over))).collect()
}

/// The end of a promotion, with what is held back; what of it cannot be pending is kept beside the session.
fn promotion(root: &Root, ended: LeftOver) -> Promotion {
    let LeftOver { layer, changes, held, promoted: Promoted { files, kept, failed, .. } } = ended;
    let mut promotion = Promotion { files, left: kept, held: Vec::new(), failed };
    if failed {
        return promotion;
    }
    let mut room = limits::RESULT_HELD_BYTES_MAX;
    for change in changes.list.iter().filter(|change| held.contains(&change.path)) {
        let file = (promotion.held.len() < limits::RESULT_HELD_FILES_MAX)
            .then(|| held_file(&layer, root, change, room))
            .flatten();
        match file {
            Some(file) => {
                room = room.saturating_sub(file.after.as_ref().map_or(0, |image| image.bytes.len() as u64));
                promotion.held.push(file);
            }
            None => promotion.left.push(layer.keep_held(change)),
        }
    }
    promotion.left.extend(layer.keep_left_out(&changes));
    promotion
}

/// Notes the network that a command had, and where it failed that this may be why.
pub fn note_network(performed: &mut Performed, network: Network) {
    let why = match network {
        Network::On => return,
        Network::Ask => "it reached only hosts that a rule or the user allowed, and no service of this machine",
        Network::Off => "it reached nothing but itself",
    };
    performed.layer.network = Some(network);
    if performed.outcome != OutcomeWord::Ok || performed.timed_out || performed.exit.is_some_and(|code| code != 0) {
        let word = network.word();
        let note =
            format!("its network was closed ({word}: {why}); the user can open it (`network`, or `[layer] network`)");
        performed.detail = Some(performed.detail.take().map_or(note.clone(), |detail| format!("{detail}; {note}")));
    }
}

/// Why a change is held back that no rule can be asked about.
const UNNAMED: &str = "its name is not UTF-8, so no rule can judge it";

/// The changes that rules may have a word on, but whose names they cannot read.
fn unnamed<'a>(changes: &'a Changes, rules: &'a Rules) -> impl Iterator<Item = &'a Change> {
    let is_unnamed = |change: &&Change| RelPath::from_path(&change.path).is_err();
    changes.list.iter().filter(is_unnamed).filter(|change| !change.in_conflict && change.is_judged(rules))
}

/// `None` where it is too large, or cannot be read.
fn held_file(layer: &Layer, root: &Root, change: &Change, room: u64) -> Option<HeldFile> {
    let max = room.min(crate::base::limits::EDIT_FILE_BYTES_MAX as u64);
    let before = read::node(root, &change.path, max).ok()?;
    let after = match change.after {
        Some(_) => Some(read::node(&layer.own_tree().ok()?, &change.path, max).ok()??),
        None => None,
    };
    Some(HeldFile { path: RelPath::from_path(&change.path).ok()?, change: change.kind()?, before, after })
}

/// A glob that is wrong was reported with the configuration.
fn set_of(globs: &[String]) -> GlobSet {
    let mut set = GlobSetBuilder::new();
    for glob in globs {
        if let Ok(glob) = Glob::new(glob) {
            set.add(glob);
        }
    }
    set.build().unwrap_or_default()
}
