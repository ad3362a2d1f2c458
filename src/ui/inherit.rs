//! TOML files that inherit from one another, the user's own before the bundled ones: how themes and keymaps are found
//! and read. The meaning of their parts does not matter here.

use crate::ui::limits::{UI_FILE_BYTES_MAX, UI_FILE_INHERITS_MAX};
use serde::de::DeserializeOwned;
use std::path::Path;

/// One kind of file: what it is called in errors, and the files that come with the program, by name.
#[derive(Debug, Clone, Copy)]
pub struct Shelf {
    pub what: &'static str,
    pub bundled: &'static [(&'static str, &'static str)],
}

/// A kind of file that can inherit from another.
pub trait Inherits: DeserializeOwned {
    fn inherits(&self) -> Option<&str>;
}

/// The reason that a file or one that it inherits from cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    #[error("there is no {what} `{name}`; known: {known}")]
    Unknown { what: &'static str, name: String, known: String },
    #[error("{place}: {why}")]
    Read { place: String, why: String },
    #[error("{place}: not a {what}: {why}")]
    Syntax { place: String, what: &'static str, why: String },
    #[error("{place}: {what}s inherit from each other in a cycle or more than {UI_FILE_INHERITS_MAX} levels deep")]
    Circle { place: String, what: &'static str },
}

impl Shelf {
    /// The bundled names, in the order in which they are offered.
    pub fn names(&self) -> impl Iterator<Item = &'static str> + use<> {
        self.bundled.iter().map(|(name, _)| *name)
    }

    /// The file and what it inherits from, top first, each with its place for errors. A user's file may inherit from
    /// the bundled one of its own name.
    ///
    /// # Errors
    /// Says which file is wrong, where, and what was expected.
    pub fn chain<F: Inherits>(&self, name: &str, user_dir: Option<&Path>) -> Result<Vec<(String, F)>, FileError> {
        let what = self.what;
        let mut chain: Vec<(String, F)> = Vec::new();
        let mut wanted = Some(name.to_owned());
        let mut dir = user_dir;
        while let Some(name) = wanted {
            if chain.len() >= UI_FILE_INHERITS_MAX {
                return Err(FileError::Circle { place: name, what });
            }
            let (place, text) = self.read(&name, dir)?;
            let file: F = toml::from_str(&text).map_err(|error| FileError::Syntax {
                place: place.clone(),
                what,
                why: error.to_string().trim().to_owned(),
            })?;
            wanted = file.inherits().map(str::to_owned);
            if wanted.as_ref() == Some(&name) && dir.take().is_none_or(|_| self.bundled_text(&name).is_none()) {
                return Err(FileError::Circle { place, what });
            }
            chain.push((place, file));
        }
        Ok(chain)
    }

    fn bundled_text(&self, name: &str) -> Option<&'static str> {
        self.bundled.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
    }

    fn read(&self, name: &str, dir: Option<&Path>) -> Result<(String, String), FileError> {
        let plain = name.chars().all(|c| c.is_alphanumeric() || c == '-' || c == '_');
        let own = dir.filter(|_| plain).map(|dir| dir.join(format!("{name}.toml"))).filter(|path| path.is_file());
        if let Some(path) = own {
            let place = path.display().to_string();
            let failed = |why: String| FileError::Read { place: place.clone(), why };
            let size = path.metadata().map_err(|error| failed(error.to_string()))?.len();
            if size > UI_FILE_BYTES_MAX {
                let why =
                    format!("a {} of {size} bytes is too large; the limit is {UI_FILE_BYTES_MAX} bytes", self.what);
                return Err(failed(why));
            }
            let text = std::fs::read_to_string(&path).map_err(|error| failed(error.to_string()))?;
            return Ok((place, text));
        }
        let text = self.bundled_text(name).ok_or_else(|| FileError::Unknown {
            what: self.what,
            name: name.to_owned(),
            known: self.names().collect::<Vec<_>>().join(", "),
        })?;
        Ok((format!("{name}.toml (bundled)"), text.to_owned()))
    }
}
