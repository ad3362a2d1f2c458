//! Candidates of the live workspace: made, named, shared, counted.

use futures::future::BoxFuture;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use tokio::sync::OwnedSemaphorePermit;

use super::{LiveWorkspace, blocking, candidate_error, locked};
use crate::base::{RelPath, limits};
use crate::model::FileChange;
use crate::port::{self, CandidateChange, WorkspaceError};
use crate::workspace::candidate::PrivateCopy;
use crate::workspace::checkpoint::{Entry, EntryKind, Snapshots};

/// Where candidates are, below the session's state directory.
fn home(state: &Path) -> PathBuf {
    state.join("candidates")
}

/// Removes what earlier removals did not finish, and copies that nobody can take over.
pub fn clear_left_over(state: &Path) {
    let Ok(entries) = std::fs::read_dir(home(state)) else { return };
    let left: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    let doomed = left.iter().filter(|path| path.is_dir() && !path.with_extension("base").exists()).cloned();
    let doomed: Vec<PathBuf> = doomed.collect();
    std::thread::spawn(move || doomed.iter().for_each(|path| drop(std::fs::remove_dir_all(path))));
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
    copy: Arc<Mutex<PrivateCopy>>,
    snapshots: Arc<Mutex<Snapshots>>,
    _slot: OwnedSemaphorePermit,
}

impl LiveWorkspace {
    /// A fresh private copy and the slot it takes.
    pub(super) async fn private_copy(&self, name: &str) -> Result<(PrivateCopy, OwnedSemaphorePermit), WorkspaceError> {
        let slot = self.slot()?;
        let place = home(&self.state).join(file_name(name));
        let (snapshots, source) = (self.snapshots.clone(), self.root.path().to_owned());
        let copy =
            blocking(move || PrivateCopy::make(&mut locked(&snapshots), &source, place).map_err(candidate_error))
                .await?;
        Ok((copy, slot))
    }

    fn slot(&self) -> Result<OwnedSemaphorePermit, WorkspaceError> {
        let full = format!("{} candidates exist already; wait for one to end", limits::CANDIDATES_MAX);
        self.candidates.clone().try_acquire_owned().map_err(|_| WorkspaceError::Refused(full))
    }

    /// The copy of this name: as a killed host left it, else a fresh one.
    pub(super) async fn named_copy(&self, name: &str) -> Result<Box<dyn port::Candidate>, WorkspaceError> {
        let slot = self.slot()?;
        let place = home(&self.state).join(file_name(name));
        let (snapshots, source) = (self.snapshots.clone(), self.root.path().to_owned());
        let copy = blocking(move || {
            let mut live = locked(&snapshots);
            match PrivateCopy::reopen(&live, &source, &place) {
                Some(copy) => Ok(copy),
                None => {
                    let made = PrivateCopy::make(&mut live, &source, place).map_err(candidate_error);
                    made.map(PrivateCopy::with_repository)
                }
            }
        })
        .await?;
        let root = copy.root().to_owned();
        let candidate =
            LiveCandidate { root, copy: Arc::new(Mutex::new(copy)), snapshots: self.snapshots.clone(), _slot: slot };
        Ok(Box::new(candidate))
    }
}

fn too_much() -> WorkspaceError {
    WorkspaceError::Refused(format!(
        "the candidate changed more than {} files or {} bytes; ignore what is built, or take over fewer files",
        limits::CANDIDATE_CHANGES_MAX,
        limits::CANDIDATE_CHANGES_BYTES_MAX
    ))
}

fn kind(before: Option<&Entry>, after: Option<&Entry>) -> FileChange {
    match (before, after) {
        (None, _) => FileChange::Create,
        (Some(_), None) => FileChange::Delete,
        (Some(_), Some(_)) => FileChange::Modify,
    }
}

impl port::Candidate for LiveCandidate {
    fn root(&self) -> &Path {
        &self.root
    }

    fn notes(&self) -> Vec<String> {
        locked(&self.copy).notes().to_vec()
    }

    fn changes(&self) -> BoxFuture<'_, Result<Vec<CandidateChange>, WorkspaceError>> {
        let copy = self.copy.clone();
        Box::pin(blocking(move || {
            let mut copy = locked(&copy);
            let changes = copy.changes();
            let mut told = Vec::new();
            let mut room = limits::CANDIDATE_CHANGES_BYTES_MAX;
            for changed in changes {
                let Ok(path) = RelPath::from_path(&changed.path) else { continue };
                // A link has no content that could be promoted by hunk; it stays in the candidate.
                if [changed.before, changed.after].iter().flatten().any(|entry| entry.kind == EntryKind::Link) {
                    continue;
                }
                let change = kind(changed.before.as_ref(), changed.after.as_ref());
                let before = match changed.before {
                    Some(entry) => copy.content(&entry.digest).map_err(candidate_error)?,
                    None => None,
                };
                let after =
                    if changed.after.is_some() { copy.read(&changed.path).map_err(candidate_error)? } else { None };
                let bytes = [&before, &after].into_iter().flatten().map(|bytes| bytes.len() as u64).sum();
                room = room.checked_sub(bytes).ok_or_else(too_much)?;
                if told.len() >= limits::CANDIDATE_CHANGES_MAX {
                    return Err(too_much());
                }
                told.push(CandidateChange { path, change, before, after });
            }
            Ok(told)
        }))
    }

    fn refresh(&self) -> BoxFuture<'_, Result<Vec<RelPath>, WorkspaceError>> {
        let (copy, snapshots) = (self.copy.clone(), self.snapshots.clone());
        Box::pin(blocking(move || {
            let both = locked(&copy).refresh(&mut locked(&snapshots)).map_err(candidate_error)?;
            Ok(both.iter().filter_map(|path| RelPath::from_path(path).ok()).collect())
        }))
    }

    fn reset(&self, path: RelPath) -> BoxFuture<'_, Result<(), WorkspaceError>> {
        let (copy, snapshots) = (self.copy.clone(), self.snapshots.clone());
        Box::pin(blocking(move || {
            locked(&copy).reset(&mut locked(&snapshots), Path::new(path.as_str())).map_err(candidate_error)
        }))
    }
}
