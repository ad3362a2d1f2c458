//! Settings of what a session leaves outside its journal: anchors of its head, and notes in git.

use super::NatsSettings;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// The places to which the signed head of the record is written, at the end of each turn and at each decision on a guarded
/// file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AnchorFile {
    /// File that gets a line, by its absolute path; best on a disk that agents cannot write.
    pub file: Option<PathBuf>,
    /// Add a line to the git note of `HEAD` in `refs/notes/rightseat` of the workspace.
    pub git_note: Option<bool>,
    /// Command that is run with the line on its input, without a shell.
    pub command: Option<Vec<String>>,
}

/// What a session leaves in the git repository of its workspace.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct GitFile {
    /// After each command, note for commits that are new on `HEAD` which lines came from which action, in
    /// `refs/notes/rightseat-lines`; nothing is pushed.
    pub notes: Option<bool>,
}

/// The same with a value for each.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AnchorSettings {
    pub file: Option<PathBuf>,
    pub git_note: bool,
    pub command: Vec<String>,
}

impl AnchorSettings {
    pub(super) fn apply(&mut self, file: &AnchorFile) {
        self.file = file.file.clone().or_else(|| self.file.take());
        self.git_note = file.git_note.unwrap_or(self.git_note);
        if let Some(command) = &file.command {
            self.command.clone_from(command);
        }
    }

    /// Whether there is a place.
    pub fn is_set(&self) -> bool {
        self.file.is_some() || self.git_note || !self.command.is_empty()
    }
}

/// Where facts of a session go beside its record.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Outward {
    pub anchor: AnchorSettings,
    /// Notes in git on the commits that commands make.
    pub git_notes: bool,
    /// The collector of spans.
    pub otlp_endpoint: Option<String>,
    /// The fleet.
    pub nats: NatsSettings,
}

/// What is wrong with the path of the file.
pub(super) fn fault(file: &AnchorFile) -> Option<String> {
    let path = file.file.as_ref().filter(|path| !path.is_absolute())?;
    Some(format!("{} is not an absolute path", path.display()))
}
