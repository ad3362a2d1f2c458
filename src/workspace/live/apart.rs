//! The layers of the live workspace: when a command gets one, what it left there, and its way into the workspace.

use super::{locked, store_error};
use crate::base::{ActionId, Digest};
use crate::config::LayerUse;
use crate::port::{Apart, Effect, WorkspaceError};
use crate::workspace::checkpoint::compare;
use crate::workspace::layer::{Changes, Layer, Others, Promoted, available};
use crate::workspace::listing::Listing;
use crate::workspace::root::Root;
use crate::workspace::tree::Rules;
use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};

/// See the module.
#[derive(Debug, Clone)]
pub struct Layers {
    commands: LayerUse,
    network: bool,
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
        Self::new(LayerUse::Never, false, Vec::new(), PathBuf::new(), PathBuf::new())
    }

    /// `launcher` is the rightseat binary, `state` the session's own directory.
    pub fn new(commands: LayerUse, network: bool, hidden: Vec<PathBuf>, launcher: PathBuf, state: PathBuf) -> Self {
        let (refusal, held) = (Arc::default(), Arc::default());
        Self { commands, network, hidden: Arc::new(hidden), launcher, state, refusal, held }
    }

    /// Finds in the background whether they work here.
    pub fn try_out(&self, root: &Arc<Root>, rules: &Rules) {
        if self.commands != LayerUse::Never {
            let (layers, root, rules) = (self.clone(), root.clone(), rules.clone());
            std::thread::spawn(move || layers.refusal((&root, &rules)).is_some());
        }
    }

    fn refusal(&self, workspace: (&Root, &Rules)) -> Option<&String> {
        let attempt = || available(&self.launcher, &self.state, workspace, &self.hidden).err().map(|no| no.to_string());
        self.refusal.get_or_init(attempt).as_ref()
    }

    /// Returns whether this command should get a layer.
    pub fn keeps_apart(&self, command: Apart) -> bool {
        match (self.commands, command) {
            (_, Apart::Preview) | (LayerUse::Always, _) | (LayerUse::Writes, Apart::Writes) => true,
            (LayerUse::Never, _) | (LayerUse::Writes, Apart::OnlyReads | Apart::Outside) => false,
        }
    }

    /// A layer for this action, after the attempt has shown that they work here. A preview has no network.
    ///
    /// # Errors
    /// In words, why there is none.
    pub fn make(
        &self,
        action: &ActionId,
        (root, rules): (&Root, &Rules),
        line: &str,
        is_preview: bool,
    ) -> Result<Layer, String> {
        if !self.state.is_dir() {
            return Err(format!("the session's state {} is gone", self.state.display()));
        }
        if let Some(why) = self.refusal((root, rules)) {
            return Err(why.clone());
        }
        let network = self.network && !is_preview;
        let made = Layer::make((&self.state, action.as_str()), (root, rules), (line, network), &self.hidden);
        made.map_err(|no| no.to_string())
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
    pub fn effect(
        &self,
        action: &ActionId,
        root: &Root,
        listing: &Listing,
        before: Option<Digest>,
    ) -> Result<Effect, WorkspaceError> {
        let held = locked(&self.held).remove(action);
        let (layer, _) = held.ok_or_else(|| WorkspaceError::Refused(format!("{action} has no layer")))?;
        let paths = match before {
            Some(before) => {
                let now = listing.take().map_err(store_error)?;
                let others = compare(listing.store(), Some(&before), Some(&now.digest)).map_err(store_error)?;
                Some(others.into_iter().map(|difference| difference.path).collect::<BTreeSet<PathBuf>>())
            }
            None => None,
        };
        let others = paths.map(|paths| Others { paths, rules: listing.rules() });
        let read = layer.changes(root, others.as_ref());
        let changes = read.map_err(|source| WorkspaceError::Io { what: format!("the layer of {action}"), source })?;
        let files = changes.outcomes(listing.rules());
        let others = changes.list.iter().filter(|change| !change.in_conflict).count().saturating_sub(files.len());
        let conflict = |path: &Path| format!("{} was changed by somebody else meanwhile", path.display());
        let conflicts = changes.list.iter().filter(|change| change.in_conflict).map(|change| conflict(&change.path));
        let left = conflicts.chain(changes.left.iter().cloned()).collect();
        locked(&self.held).insert(action.clone(), (layer, changes));
        Ok(Effect { files, others, left })
    }

    /// Carries over what was read.
    pub fn promote(&self, action: &ActionId, root: &Root, rules: &Rules) -> Effect {
        let held = locked(&self.held).remove(action);
        let Some((layer, changes)) = held else { return Effect::default() };
        let Promoted { files, others, kept } = layer.promote(root, rules, &changes);
        Effect { files, others, left: kept }
    }
}
