//! Candidates of the live workspace: made, named, shared, counted.

use super::promoted::Changes;
use super::{LiveWorkspace, blocking, candidate_error, locked, read};
use crate::base::limits::EDIT_FILE_BYTES_MAX;
use crate::base::{ActionId, Digest, RelPath};
use crate::model::{FileMode, Node};
use crate::port::{self, CandidateChanges, Image, WorkspaceError};
use crate::workspace::candidate::{AgentCopy, LayeredCopy, PrivateCopy, Within, read_as_seen, upper_of};
use crate::workspace::layer;
use crate::workspace::limits;
use crate::workspace::listing::Listing;
use crate::workspace::root::Root;
use futures::future::BoxFuture;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use tokio::sync::OwnedSemaphorePermit;

/// Returns the directory of the candidates, below the session's state directory.
fn home(state: &Path) -> PathBuf {
    state.join("candidates")
}

/// The directory of the candidate with this name.
pub fn place(state: &Path, name: &str) -> PathBuf {
    home(state).join(file_name(name))
}

/// The end of the names of directories with the changes of an agent in a layer.
const LAYER_END: &str = "-layer";

/// The directory of the changes of an agent in a layer.
pub fn place_in_layer(state: &Path, name: &str) -> PathBuf {
    home(state).join(format!("{}{LAYER_END}", file_name(name)))
}

/// Removes what earlier removals did not finish, and copies that cannot be taken over. The changes of an agent in a layer
/// stay until the next one opens them: without a record they are kept elsewhere.
pub fn clear_left_over(state: &Path) {
    let Ok(entries) = std::fs::read_dir(home(state)) else { return };
    let left: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    let is_in_layer = |path: &Path| path.file_name().is_some_and(|name| name.to_string_lossy().ends_with(LAYER_END));
    // Only what was moved aside has an extension.
    let is_lost =
        |path: &Path| path.extension().is_some() || !path.with_extension("base").exists() && !is_in_layer(path);
    let doomed: Vec<PathBuf> = left.into_iter().filter(|path| path.is_dir() && is_lost(path)).collect();
    std::thread::spawn(move || doomed.iter().for_each(|path| drop(layer::remove(path))));
}

/// How an agent works in a candidate. One session may have left both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opened {
    Copy,
    Layer,
}

/// A file as the agent has it that works in the candidate of this name. Before it is opened, what is there counts.
pub fn image((state, name, opened): (&Path, &str, Option<Opened>), source: &Root, path: &Path) -> Option<Image> {
    let max = EDIT_FILE_BYTES_MAX as u64;
    let place = place_in_layer(state, name);
    let is_layered = opened.map_or_else(|| upper_of(&place).is_dir(), |opened| opened == Opened::Layer);
    if !is_layered {
        let root = Root::open(&self::place(state, name)).ok()?;
        return read::image(&root, path, max).ok().flatten();
    }
    let bytes = read_as_seen(&place, source, path, max).ok()??;
    Some(Image { digest: Digest::of(&bytes), bytes, node: Node::file(FileMode::new(0o644)) })
}

/// A file name for any text.
fn file_name(name: &str) -> String {
    let plain = |letter: char| if letter.is_ascii_alphanumeric() || letter == '-' { letter } else { '_' };
    let name: String = name.chars().map(plain).collect();
    if name.is_empty() { "candidate".to_owned() } else { name }
}

/// A candidate that the host and an agent share.
pub struct LiveCandidate {
    root: PathBuf,
    copy: Arc<Mutex<dyn AgentCopy>>,
    source: Arc<Root>,
    listing: Arc<Listing>,
    is_layered: bool,
    _slot: OwnedSemaphorePermit,
}

impl LiveWorkspace {
    /// A fresh private copy and the slot it takes.
    pub(super) async fn private_copy(&self, name: &str) -> Result<(PrivateCopy, OwnedSemaphorePermit), WorkspaceError> {
        let slot = self.slot()?;
        let place = place(&self.state, name);
        let listing = self.listing.clone();
        let copy = blocking(move || PrivateCopy::make(&listing, place).map_err(candidate_error)).await?;
        Ok((copy, slot))
    }

    /// Layers for the runs in a candidate, if commands have them here.
    ///
    /// # Errors
    /// In words, why there are none although there should be.
    pub(super) async fn layers_of_trials(&self, action: &ActionId, copy: &Path) -> Result<Option<Within>, String> {
        let (layers, root, rules) = (self.layers.clone(), self.root.clone(), self.listing.rules().clone());
        let (name, copy) = (format!("trials-{action}"), copy.to_owned());
        let prepare = move || {
            let binds = layers.binds_of_trials((&root, &rules), &copy).map_err(WorkspaceError::Refused)?;
            let Some(binds) = binds else { return Ok(None) };
            let (mounted, at) = (binds.clone(), root.path().to_owned());
            let make = Box::new(move || layers.for_trial(&root, (&name, &copy), mounted.clone()));
            Ok(Some(Within { root: at, binds, make }))
        };
        blocking(prepare).await.map_err(|why| why.to_string())
    }

    fn slot(&self) -> Result<OwnedSemaphorePermit, WorkspaceError> {
        let full = format!("{} candidates already exist; wait for one to end", limits::CANDIDATES_MAX);
        self.candidates.clone().try_acquire_owned().map_err(|_| WorkspaceError::Refused(full))
    }

    /// The copy of this name: as a killed host left it, else a fresh one.
    pub(super) async fn named_copy(&self, name: &str) -> Result<Box<dyn port::Candidate>, WorkspaceError> {
        let slot = self.slot()?;
        let place = place(&self.state, name);
        let listing = self.listing.clone();
        let copy = blocking(move || match PrivateCopy::reopen(&listing, &place) {
            Some(copy) => Ok(copy),
            None => PrivateCopy::make(&listing, place).map(PrivateCopy::with_repository).map_err(candidate_error),
        })
        .await?;
        let root = copy.root().to_owned();
        locked(&self.opened).insert(name.to_owned(), Opened::Copy);
        Ok(self.live_candidate(root, Arc::new(Mutex::new(copy)), slot, false))
    }

    /// The changes of an agent in a layer: as an earlier one left them, else none.
    ///
    /// # Errors
    /// When an overlay cannot serve this workspace, in words.
    pub(super) async fn layered_copy(&self, name: &str) -> Result<Box<dyn port::Candidate>, WorkspaceError> {
        let slot = self.slot()?;
        let (place, listing, view) = (place_in_layer(&self.state, name), self.listing.clone(), self.view.clone());
        let copy = blocking(move || {
            no_overlay(listing.root()).map_or(Ok(()), |why| Err(WorkspaceError::Refused(why)))?;
            // A layer that has ended must not keep its mount.
            view.close();
            LayeredCopy::open(&listing, place, view).map_err(candidate_error)
        })
        .await?;
        let root = copy.root().to_owned();
        locked(&self.opened).insert(name.to_owned(), Opened::Layer);
        Ok(self.live_candidate(root, Arc::new(Mutex::new(copy)), slot, true))
    }

    fn live_candidate(
        &self,
        root: PathBuf,
        copy: Arc<Mutex<dyn AgentCopy>>,
        slot: OwnedSemaphorePermit,
        is_layered: bool,
    ) -> Box<dyn port::Candidate> {
        let (source, listing) = (self.root.clone(), self.listing.clone());
        Box::new(LiveCandidate { root, copy, source, listing, is_layered, _slot: slot })
    }
}

/// Why an overlay cannot serve an agent in this workspace although layers work; then it gets a copy.
fn no_overlay(root: &Path) -> Option<String> {
    let git = root.join(".git");
    let is_elsewhere = git.symlink_metadata().is_ok_and(|about| !about.is_dir());
    is_elsewhere.then(|| "the repository is outside of the workspace, where an agent could not commit".to_owned())
}

impl port::Candidate for LiveCandidate {
    fn root(&self) -> &Path {
        &self.root
    }

    fn notes(&self) -> Vec<String> {
        locked(&self.copy).notes().to_vec()
    }

    fn is_layered(&self) -> bool {
        self.is_layered
    }

    fn read(&self, path: &RelPath, bytes_max: u64) -> Result<Option<Vec<u8>>, WorkspaceError> {
        let inside = Path::new(path.as_str());
        if self.is_layered {
            let read = read_as_seen(&self.root, &self.source, inside, bytes_max);
            return read.map_err(|source| WorkspaceError::Io { what: path.to_string(), source });
        }
        let copy = Root::open(&self.root).map_err(|source| WorkspaceError::Io { what: path.to_string(), source })?;
        Ok(read::image(&copy, inside, bytes_max)?.map(|image| image.bytes))
    }

    fn changes(&self) -> BoxFuture<'_, Result<CandidateChanges, WorkspaceError>> {
        let (copy, source) = (self.copy.clone(), self.source.clone());
        Box::pin(blocking(move || Changes::of(&mut *locked(&copy), &source)))
    }

    fn refresh(&self) -> BoxFuture<'_, Result<Vec<RelPath>, WorkspaceError>> {
        let (copy, listing) = (self.copy.clone(), self.listing.clone());
        Box::pin(blocking(move || {
            let both = locked(&copy).refresh(&listing).map_err(candidate_error)?;
            Ok(both.iter().filter_map(|path| RelPath::from_path(path).ok()).collect())
        }))
    }

    fn reset(&self, path: RelPath, decided: Option<Digest>) -> BoxFuture<'_, Result<(), WorkspaceError>> {
        let (copy, listing) = (self.copy.clone(), self.listing.clone());
        let reset = move || locked(&copy).reset(&listing, Path::new(path.as_str()), decided).map_err(candidate_error);
        Box::pin(blocking(reset))
    }
}
