//! What guarded files held before and after a change: the ledger shows their diffs. The trees around a command have it; of
//! what was observed, the last tree and the disk. What may be a secret stays out of the record: by the name of its file, or
//! by its looks. Tests that a command changed are compared as those of an edit are.

use crate::base::{ActionId, Digest, RelPath};
use crate::host::gate::Gate;
use crate::host::limits::{SIDES_BYTES_MAX, SIDES_FILES_MAX};
use crate::journal::export::redact;
use crate::model::Content;
use crate::model::event::{FileOutcome, Sides};
use crate::model::limits::CONTENT_INLINE_BYTES_MAX;
use crate::policy::guarded::{guarded, holds_secrets, may_hold_secrets};
use crate::policy::limits::{WEAKENED_CHANGE_BYTES_MAX, WEAKENED_FILE_BYTES_MAX};
use crate::policy::{Side, weakened as tests};
use crate::port::{Changed, Workspace};
use std::sync::Arc;

/// A content as it may be recorded.
fn told(bytes: &[u8]) -> Option<Content> {
    let content = Content::of(bytes);
    content.text().is_some_and(|text| redact(text).is_none()).then_some(content)
}

fn keeps_out(path: &str) -> bool {
    holds_secrets(path) || may_hold_secrets(path)
}

/// Returns both sides of a guarded file that somebody else changed, while there is `room` for their bytes. No more is
/// read than may be recorded.
pub fn observed(gate: &Gate, changed: &Changed, room: &mut usize) -> Option<Box<Sides>> {
    let path = changed.rel.clone().filter(|path| guarded(path.as_str()).is_some() && !keeps_out(path.as_str()))?;
    let mut side = |digest: Option<Digest>, read: &dyn Fn(Digest, usize) -> Option<Vec<u8>>| {
        let bytes = read(digest?, CONTENT_INLINE_BYTES_MAX.min(*room))?;
        // What turns out to hold a secret has been read all the same.
        *room = room.saturating_sub(bytes.len());
        told(&bytes)
    };
    let before = side(changed.before, &|digest, bytes_max| gate.blob_within(&digest, bytes_max));
    let after = side(changed.after, &|digest, bytes_max| {
        let now = gate.workspace().image_within(&path, bytes_max as u64).ok()?;
        now.filter(|image| image.digest == digest).map(|image| image.bytes)
    });
    (before.is_some() || after.is_some()).then(|| Box::new(Sides { path, before, after }))
}

/// Returns both sides of the guarded files, as text within the limits. What may be a secret is left out.
pub async fn of(workspace: &Arc<dyn Workspace>, files: &[FileOutcome]) -> Vec<Sides> {
    let is_told = |file: &&FileOutcome| {
        let names = || std::iter::once(&file.path).chain(&file.from);
        names().any(|path| guarded(path.as_str()).is_some()) && !names().any(|path| keeps_out(path.as_str()))
    };
    let files: Vec<FileOutcome> = files.iter().filter(is_told).take(SIDES_FILES_MAX).cloned().collect();
    if files.is_empty() {
        return Vec::new();
    }
    let workspace = Arc::clone(workspace);
    let reading = move || {
        let mut room = SIDES_BYTES_MAX;
        let mut side = |digest: Option<Digest>| -> Option<Content> {
            let digest = digest?;
            let bytes = workspace.stored_bytes(digest).and_then(|bytes| usize::try_from(bytes).ok())?;
            if bytes > CONTENT_INLINE_BYTES_MAX.min(room) {
                return None;
            }
            let content = told(&workspace.stored(digest).ok()??)?;
            room = room.checked_sub(content.text()?.len())?;
            Some(content)
        };
        let sides = |file: FileOutcome| Sides { before: side(file.before), after: side(file.after), path: file.path };
        files.into_iter().map(sides).filter(|sides| sides.before.is_some() || sides.after.is_some()).collect()
    };
    tokio::task::spawn_blocking(reading).await.unwrap_or_default()
}

/// Both texts of a file, as far as it is there.
type Texts = (RelPath, Option<Vec<u8>>, Option<Vec<u8>>);

/// In words, what tests check less after this command. Most commands change no test, and cost nothing here.
pub async fn weakened(
    workspace: &Arc<dyn Workspace>,
    action: &ActionId,
    files: &[FileOutcome],
    failures: Vec<String>,
) -> Option<String> {
    if files.is_empty() {
        return None;
    }
    let (workspace, action, files) = (Arc::clone(workspace), action.clone(), files.to_vec());
    let comparing = move || {
        let mut room = WEAKENED_CHANGE_BYTES_MAX as u64;
        let mut read = |digest: Option<Digest>| -> Option<Option<Vec<u8>>> {
            let Some(digest) = digest else { return Some(None) };
            let bytes = workspace.stored_bytes(digest).filter(|bytes| *bytes <= WEAKENED_FILE_BYTES_MAX as u64)?;
            room = room.checked_sub(bytes)?;
            workspace.stored(digest).ok()?.map(Some)
        };
        let may_hold_tests = |file: &FileOutcome| file.before.is_some() && tests::may_be_in(&file.path);
        // What cannot be read is not compared with nothing.
        let texts: Vec<Texts> = files
            .iter()
            .filter(|file| may_hold_tests(file))
            .filter_map(|file| Some((file.path.clone(), read(file.before)?, read(file.after)?)))
            .collect();
        let both = texts.iter();
        let sides: Vec<Side<'_>> = both
            .map(|(path, before, after)| Side { path, before: before.as_deref(), after: after.as_deref() })
            .collect();
        let failures: Vec<&str> = failures.iter().map(String::as_str).collect();
        tests::words(action.as_str(), &tests::found(&sides, &failures))
    };
    tokio::task::spawn_blocking(comparing).await.unwrap_or_default()
}
