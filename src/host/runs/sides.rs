//! What guarded files held before and after a command: the ledger shows their diffs. The trees around the command have it.

use crate::base::Digest;
use crate::host::limits::{SIDES_BYTES_MAX, SIDES_FILES_MAX};
use crate::model::Content;
use crate::model::event::{FileOutcome, Sides};
use crate::policy::guarded::{guarded, holds_secrets};
use crate::port::Workspace;
use std::sync::Arc;

/// Returns both sides of the guarded files, as text within the limits. Files that may hold secrets are left out.
pub async fn of(workspace: &Arc<dyn Workspace>, files: &[FileOutcome]) -> Vec<Sides> {
    let is_told = |file: &&FileOutcome| {
        let names = || std::iter::once(&file.path).chain(&file.from);
        names().any(|path| guarded(path.as_str()).is_some()) && !names().any(|path| holds_secrets(path.as_str()))
    };
    let told: Vec<FileOutcome> = files.iter().filter(is_told).take(SIDES_FILES_MAX).cloned().collect();
    if told.is_empty() {
        return Vec::new();
    }
    let workspace = Arc::clone(workspace);
    let reading = move || {
        let mut room = SIDES_BYTES_MAX;
        let mut side = |digest: Option<Digest>| -> Option<Content> {
            let content = Content::of(&workspace.stored(digest?).ok()??);
            let text = content.text()?;
            room = room.checked_sub(text.len())?;
            Some(content)
        };
        let sides = |file: FileOutcome| Sides { before: side(file.before), after: side(file.after), path: file.path };
        told.into_iter().map(sides).filter(|sides| sides.before.is_some() || sides.after.is_some()).collect()
    };
    tokio::task::spawn_blocking(reading).await.unwrap_or_default()
}
