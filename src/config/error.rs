//! Errors of a configuration: what is wrong, where, and what was expected.

use crate::base::nearest::nearest;
use std::path::PathBuf;

/// A configuration that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// The text is not what it should be.
    #[error("{file}:{line}:{column}: {what}")]
    Text {
        file: String,
        /// From 1.
        line: usize,
        /// From 1, in characters.
        column: usize,
        what: String,
    },
    /// A file cannot be read.
    #[error("cannot read {path}: {why}")]
    Read { path: PathBuf, why: String },
    /// There is no home directory to look in.
    #[error("cannot determine the home directory; pass --config FILE and --state-dir DIR, or set HOME")]
    NoHome,
}

impl ConfigError {
    /// A fault at a byte offset of `text`.
    pub(super) fn at(file: &str, text: &str, offset: usize, what: impl Into<String>) -> Self {
        let before = text.get(..offset).unwrap_or(text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        Self::Text { file: file.to_owned(), line, column, what: what.into() }
    }

    /// Converts an error of the TOML reader, with the nearest name for an unknown one.
    pub fn toml(file: &str, text: &str, e: &toml::de::Error) -> Self {
        let offset = e.span().map_or(0, |s| s.start);
        Self::at(file, text, offset, advice(e.message()))
    }
}

/// `unknown field …, expected one of …` in our words, with a guess at what was meant.
fn advice(message: &str) -> String {
    let names: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
    let [unknown, known @ ..] = names.as_slice() else { return message.to_owned() };
    if !message.starts_with("unknown field") && !message.starts_with("unknown variant") {
        return message.to_owned();
    }
    let what = if message.starts_with("unknown field") { "key" } else { "value" };
    let near = nearest(unknown, known.iter().copied());
    let guess = near.map(|near| format!("; did you mean `{}`?", near.name)).unwrap_or_default();
    format!("unknown {what} `{unknown}`{guess} (known: {})", known.join(", "))
}
