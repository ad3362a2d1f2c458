//! Paths inside a workspace: relative, `/`-separated, without tricks.

use serde::{Deserialize, Deserializer, Serialize};
use std::fmt;
use std::path::{Component, Path, PathBuf};

/// A path below the workspace root. Never absolute, never with `.`, `..`, empty components or NUL.
/// It says nothing about symlinks: only the kernel's own resolution, in `workspace`, does.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct RelPath(String);

/// The reason that a text is not a path below the workspace root.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    #[error("the path is empty")]
    Empty,
    #[error("{0:?} is absolute; give it relative to the workspace")]
    Absolute(String),
    #[error("{0:?} leaves the workspace or contains `.`, `..` or empty components")]
    Component(String),
    #[error("{0:?} holds a NUL byte")]
    Nul(String),
    #[error("{0:?} is not UTF-8; such names can be watched but not edited")]
    NotUtf8(PathBuf),
}

impl RelPath {
    /// Checks a text; a leading `./` is ignored.
    pub fn new(text: &str) -> Result<Self, PathError> {
        let mut text = text;
        while let Some(rest) = text.strip_prefix("./") {
            text = rest;
        }
        if text.is_empty() {
            return Err(PathError::Empty);
        }
        if text.contains('\0') {
            return Err(PathError::Nul(text.to_owned()));
        }
        if text.starts_with('/') {
            return Err(PathError::Absolute(text.to_owned()));
        }
        if text.split('/').any(|part| part.is_empty() || part == "." || part == "..") {
            return Err(PathError::Component(text.to_owned()));
        }
        Ok(Self(text.to_owned()))
    }

    /// From a path as the file system gives it, already relative to the root.
    pub fn from_path(path: &Path) -> Result<Self, PathError> {
        let mut parts = Vec::new();
        for component in path.components() {
            match component {
                Component::Normal(part) => {
                    parts.push(part.to_str().ok_or_else(|| PathError::NotUtf8(path.to_owned()))?);
                }
                Component::CurDir => {}
                Component::RootDir | Component::Prefix(_) => {
                    return Err(PathError::Absolute(path.display().to_string()));
                }
                Component::ParentDir => return Err(PathError::Component(path.display().to_string())),
            }
        }
        Self::new(&parts.join("/"))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The last component.
    pub fn name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or(&self.0)
    }

    /// The absolute path below `root`, not resolved.
    pub fn under(&self, root: &Path) -> PathBuf {
        root.join(&self.0)
    }
}

impl fmt::Display for RelPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for RelPath {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(from)?;
        Self::new(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_relative_paths_pass() {
        for good in ["a", "a/b.rs", "./a", ".git/config", "a b", "…"] {
            assert!(RelPath::new(good).is_ok(), "{good}");
        }
        for bad in ["", "/etc/passwd", "..", "a/../b", "a//b", "a/.", "a\0b", "./", "a/"] {
            assert!(RelPath::new(bad).is_err(), "{bad:?}");
        }
    }
}
