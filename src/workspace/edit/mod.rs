//! Guarded writes: a set of file changes reaches the disk whole, or not at all, and only on top of
//! the contents that the decision was made about.
//!
//! Order of work: every path is resolved and every pre-image digested (all conflicts are found
//! together); every new content is written to a temporary file beside its target and synced (a
//! full disk is met here, before anything visible has changed); then the names are exchanged one
//! by one, each exchange checked against the pre-image again; on any failure the exchanges are
//! reverted. A crash leaves each file old or new, never torn.

mod commit;
mod stage;
mod temp;

#[cfg(test)]
mod tests;

use super::content;
use super::root::{PathRefusal, Root, Standing};
use crate::base::Digest;
use crate::model::Node;
use crate::workspace::limits;
use std::io;
use std::path::{Path, PathBuf};

pub(in crate::workspace) use temp::{TempName, create as create_temp};
pub use temp::{is_temp_name, sweep};

/// One wanted change of one node. Paths are relative to the workspace root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileChange {
    /// Makes the file hold `content`. `base` is the digest of what it must hold before; `None`
    /// means that it must not exist. A link that stays inside is followed. `mode` of `None` keeps the permission bits
    /// (or takes the umask's).
    Write { path: PathBuf, base: Option<Digest>, content: Vec<u8>, mode: Option<u32> },
    /// Makes exactly this path a file or a link, never following one, on top of `base`.
    Put { path: PathBuf, base: Option<Base>, body: Body },
    /// Removes the file or link, which must be `base`.
    Delete { path: PathBuf, base: Base },
    /// Moves the file, which must hold `base`, to a name that must be free; `content` replaces its
    /// bytes on the way, `mode` its permission bits.
    Rename { from: PathBuf, to: PathBuf, base: Digest, content: Option<Vec<u8>>, mode: Option<u32> },
    /// Sets the permission bits of a file that holds `base`, or of a directory (`None`).
    Mode { path: PathBuf, base: Option<Digest>, mode: u32 },
    /// Makes a directory, with these bits; one that is there is taken as it is, but for the bits.
    MakeDirectory { path: PathBuf, mode: Option<u32> },
    /// Removes a directory if it is empty by then. Files that were added to it stay.
    RemoveDirectory { path: PathBuf },
}

/// The required state of a path before an exact change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Base {
    pub digest: Digest,
    /// A link: the digest is of its target's text.
    pub is_link: bool,
}

/// The new state of a path after an exact change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    File { content: Vec<u8>, mode: Option<u32> },
    Link(Vec<u8>),
}

impl FileChange {
    /// The paths that this change touches.
    pub fn paths(&self) -> Vec<&Path> {
        match self {
            Self::Write { path, .. }
            | Self::Put { path, .. }
            | Self::Delete { path, .. }
            | Self::Mode { path, .. }
            | Self::MakeDirectory { path, .. }
            | Self::RemoveDirectory { path } => vec![path],
            Self::Rename { from, to, .. } => vec![from, to],
        }
    }

    /// Directories come before what is in them, outermost first, and go after it, innermost first; bits may close a
    /// directory, so they come late.
    fn turn(&self) -> (u8, usize) {
        match self {
            Self::MakeDirectory { path, .. } => (0, path.iter().count()),
            Self::Write { .. } | Self::Put { .. } | Self::Delete { .. } | Self::Rename { .. } => (1, 0),
            Self::Mode { .. } => (2, 0),
            Self::RemoveDirectory { path } => (3, usize::MAX - path.iter().count()),
        }
    }
}

/// The states of one path before and after an applied edit set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    pub path: PathBuf,
    pub before: Option<Digest>,
    pub after: Option<Digest>,
    pub before_node: Option<Node>,
    pub after_node: Option<Node>,
}

/// A file that does not hold what the change was made for: the three sides of a merge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    pub path: PathBuf,
    /// The content that the change is based on; its bytes are with the proposer.
    pub expected: Option<Digest>,
    /// The content found instead.
    pub found: Option<Digest>,
    /// The bytes that are there, `None` if the file is absent or beyond
    /// [`limits::WORKSPACE_CONTENT_BYTES_MAX`].
    pub current: Option<Vec<u8>>,
    /// The content to write, `None` for a removal.
    pub wanted: Option<Vec<u8>>,
}

/// The reason that an edit set was not applied. In every case but `Torn` the workspace is as it was.
#[derive(Debug, thiserror::Error)]
pub enum EditError {
    #[error(transparent)]
    Refused(#[from] PathRefusal),
    #[error("{0:?} occurs twice in one edit set")]
    Twice(PathBuf),
    #[error("an edit set of {0} files; the limit is {max}", max = limits::WORKSPACE_EDIT_FILES_MAX)]
    TooMany(usize),
    #[error("{} changed since it was proposed", list(.0))]
    Conflict(Vec<Conflict>),
    #[error("{path:?} could not be written: {error}; nothing was changed")]
    Io { path: PathBuf, error: io::Error },
    #[error("{path:?} failed: {error}; these could not be restored: {left:?}")]
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
pub fn apply(root: &Root, mut changes: Vec<FileChange>) -> Result<Vec<Written>, EditError> {
    if changes.len() > limits::WORKSPACE_EDIT_FILES_MAX {
        return Err(EditError::TooMany(changes.len()));
    }
    changes.sort_by_key(FileChange::turn);
    let checked = stage::check(root, changes)?;
    let staged = stage::write(root, checked)?;
    commit::commit(root, staged)
}

/// The bytes of a file, `None` when there is none. Links that stay inside are followed.
///
/// # Errors
/// Paths that leave the workspace, special files, unreadable files, files beyond `bytes_max`.
pub fn read(root: &Root, path: &Path, bytes_max: u64) -> Result<Option<Vec<u8>>, PathRefusal> {
    let place = root.place_through(path)?;
    if place.standing()? == Standing::Absent {
        return Ok(None);
    }
    let Some((mut file, _)) = place.open()? else { return Ok(None) };
    content::read(&mut file, bytes_max).map(Some).map_err(|error| PathRefusal::Io { path: path.to_owned(), error })
}
