//! Guarded writes: a set of file changes reaches the disk whole, or not at all, and only on top of
//! the contents that the decision was made about.
//!
//! Order of work: every path is resolved and every pre-image digested (all conflicts are found
//! together); every new content is written to a temporary file beside its target and synced (a
//! full disk is met here, before anything visible has changed); then the names are exchanged one
//! by one, each exchange checked against the pre-image again; on any failure the exchanges are
//! taken back. A crash leaves each file old or new, never torn.

mod commit;
mod stage;
mod temp;

#[cfg(test)]
mod tests;

use std::io;
use std::path::{Path, PathBuf};

use super::content;
use super::root::{PathRefusal, Root, Standing};
use crate::base::{Digest, limits};

pub use temp::{is_temp_name, sweep};

/// One wanted change of one file. Paths are relative to the workspace root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileChange {
    /// Makes the file hold `content`. `base` is the digest of what it must hold before; `None`
    /// means that it must not exist. `executable` of `None` keeps the mode (or takes the umask's).
    Write { path: PathBuf, base: Option<Digest>, content: Vec<u8>, executable: Option<bool> },
    /// Removes the file, which must hold `base`.
    Delete { path: PathBuf, base: Digest },
    /// Moves the file, which must hold `base`, to a name that must be free; `content` replaces its
    /// bytes on the way.
    Rename { from: PathBuf, to: PathBuf, base: Digest, content: Option<Vec<u8>> },
}

impl FileChange {
    /// The paths that this change touches.
    pub fn paths(&self) -> Vec<&Path> {
        match self {
            Self::Write { path, .. } | Self::Delete { path, .. } => vec![path],
            Self::Rename { from, to, .. } => vec![from, to],
        }
    }
}

/// What one path holds after an applied edit set, and held before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    pub path: PathBuf,
    pub before: Option<Digest>,
    pub after: Option<Digest>,
}

/// A file that does not hold what the change was made for: the three sides of a merge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    pub path: PathBuf,
    /// What the change rests on; its bytes are with whoever proposed the change.
    pub expected: Option<Digest>,
    /// What is there.
    pub found: Option<Digest>,
    /// The bytes that are there, `None` if the file is absent or beyond
    /// [`limits::WORKSPACE_CONTENT_BYTES_MAX`].
    pub current: Option<Vec<u8>>,
    /// What the change wanted to write, `None` for a removal.
    pub wanted: Option<Vec<u8>>,
}

/// Why an edit set was not applied. In every case but `Torn` the workspace is as it was.
#[derive(Debug, thiserror::Error)]
pub enum EditError {
    #[error(transparent)]
    Refused(#[from] PathRefusal),
    #[error("{0:?} is named twice in one edit set")]
    Twice(PathBuf),
    #[error("an edit set of {0} files; at most {max} are applied together", max = limits::WORKSPACE_EDIT_FILES_MAX)]
    TooMany(usize),
    #[error("{} changed since it was proposed", list(.0))]
    Conflict(Vec<Conflict>),
    #[error("{path:?} could not be written: {error}; nothing was changed")]
    Io { path: PathBuf, error: io::Error },
    #[error("{path:?} failed: {error}; and these could not be put back: {left:?}")]
    Torn { path: PathBuf, error: io::Error, left: Vec<PathBuf> },
}

fn list(conflicts: &[Conflict]) -> String {
    let names: Vec<String> = conflicts.iter().map(|conflict| format!("{:?}", conflict.path)).collect();
    names.join(", ")
}

/// Applies the whole set or nothing.
///
/// # Errors
/// See [`EditError`].
pub fn apply(root: &Root, changes: Vec<FileChange>) -> Result<Vec<Written>, EditError> {
    if changes.len() > limits::WORKSPACE_EDIT_FILES_MAX {
        return Err(EditError::TooMany(changes.len()));
    }
    let checked = stage::check(root, changes)?;
    let staged = stage::write(root, checked)?;
    commit::commit(root, staged)
}

/// What a file holds now; `None` when there is none. Links that stay inside are followed.
///
/// # Errors
/// Paths that leave the workspace, special files, unreadable files.
pub fn digest_of(root: &Root, path: &Path) -> Result<Option<Digest>, PathRefusal> {
    let place = root.place_through(path)?;
    let Some((file, _)) = place.open()? else { return Ok(None) };
    content::digest(file).map(Some).map_err(|error| PathRefusal::Io { path: path.to_owned(), error })
}

/// The bytes of a file, `None` when there is none. Links that stay inside are followed.
///
/// # Errors
/// As [`digest_of`]; files beyond `bytes_max`.
pub fn read(root: &Root, path: &Path, bytes_max: u64) -> Result<Option<Vec<u8>>, PathRefusal> {
    let place = root.place_through(path)?;
    if place.standing()? == Standing::Absent {
        return Ok(None);
    }
    let Some((mut file, _)) = place.open()? else { return Ok(None) };
    content::read(&mut file, bytes_max).map(Some).map_err(|error| PathRefusal::Io { path: path.to_owned(), error })
}
