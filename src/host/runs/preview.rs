//! What a previewed command would change, with its lines.

use crate::base::RelPath;
use crate::diff::{FileDiff, LineKind, hunks_text};
use crate::host::limits::{EFFECT_FILES_SHOWN_MAX, EFFECT_HUNKS_BYTES_MAX};
use crate::model::event::WouldChange;
use crate::port::{Effect, HeldFile};
use std::collections::BTreeMap;

/// Returns the first changes with their lines, and the number of the others. `shown` are both sides of files.
pub fn would(effect: &Effect, shown: &[HeldFile]) -> (Vec<WouldChange>, u64) {
    let shown: BTreeMap<&RelPath, &HeldFile> = shown.iter().map(|file| (&file.path, file)).collect();
    let mut room = EFFECT_HUNKS_BYTES_MAX;
    let first = effect.files.iter().take(EFFECT_FILES_SHOWN_MAX).map(|file| {
        let mut change =
            WouldChange { path: file.path.clone(), change: file.change, added: 0, removed: 0, hunks: String::new() };
        if let Some(held) = shown.get(&file.path) {
            lines(&mut change, held, room);
            room = room.saturating_sub(change.hunks.len());
        }
        change
    });
    let first: Vec<_> = first.collect();
    let more = (effect.files.len() + effect.others).saturating_sub(first.len());
    (first, more as u64)
}

fn lines(change: &mut WouldChange, held: &HeldFile, room: usize) {
    let bytes = |image: &Option<crate::port::Image>| image.as_ref().map(|i| i.bytes.clone()).unwrap_or_default();
    let diff = FileDiff::new(bytes(&held.before), bytes(&held.after));
    let count = |kind: LineKind| {
        let all = diff.hunks.iter().flat_map(|hunk| &hunk.lines);
        all.filter(|line| line.kind == kind).count() as u64
    };
    (change.added, change.removed) = (count(LineKind::Added), count(LineKind::Removed));
    if room > 0 && !diff.is_same() {
        change.hunks = hunks_text(&diff, room);
    }
}
