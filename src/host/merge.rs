//! The three-way merge of a held action with the disk after its base has changed: offered as a new revision, never
//! applied automatically.

use super::resolve::{self, Resolved};
use crate::base::Digest;
use crate::diff;
use crate::model::action::Author;
use crate::model::{Action, FileChange, NodeKind};
use crate::port::{Blobs, Workspace};

/// A merged revision with the bytes it needs.
pub struct Merged {
    pub action: Action,
    pub blobs: Blobs,
    /// In words for the user and the agent.
    pub words: String,
}

/// Lays the proposal over what the disk holds now. `None` when there is nothing sensible to offer: the file is gone,
/// not text, or already as proposed.
pub fn merged(action: &Action, workspace: &dyn Workspace, blob: impl Fn(&Digest) -> Option<Vec<u8>>) -> Option<Merged> {
    let mut resolved = Resolved::default();
    let (mut conflicts, mut names) = (0, Vec::new());
    for file in action.files() {
        let base = file.before.as_ref().and_then(|c| resolve::bytes_of(c, &blob));
        let theirs = file.after.as_ref().and_then(|c| resolve::bytes_of(c, &blob));
        let kinds = [file.before_node, file.after_node].map(|node| node.map(|node| node.kind));
        let is_exact = kinds != [None, None];
        let found = if is_exact { workspace.node(file.source()) } else { workspace.image(file.source()) }.ok()?;
        let is_kind = !is_exact || found.as_ref().map(|image| image.node.kind) == kinds[0];
        let disk = found.filter(|image| image.content().is_some()).map(|image| image.bytes);
        if disk == base && is_kind {
            let edit = resolved.edit(file.path.clone(), file.change, file.from.clone(), base, theirs);
            resolved.files.push(edit.of_nodes(file.before_node, file.after_node));
            continue;
        }
        names.push(file.source().to_string());
        if disk == theirs && file.from.is_none() && !is_exact {
            continue;
        }
        // Only texts have lines to merge.
        if kinds.iter().flatten().any(|kind| *kind != NodeKind::File) || !is_kind {
            return None;
        }
        let (after, found) = three_way(base.as_deref(), disk.as_deref(), theirs.as_deref())?;
        conflicts += found;
        let change = if disk.is_none() { FileChange::Create } else { file.change };
        let edit = resolved.edit(file.path.clone(), change, file.from.clone(), disk, after);
        resolved.files.push(edit.of_nodes(file.before_node, file.after_node));
    }
    if resolved.files.is_empty() {
        return None;
    }
    let mut next = action.revised(Author::Merge, |body| body.replace_files(resolved.files));
    next.conflicted = conflicts > 0;
    let outcome = match conflicts {
        0 => "the proposal was merged with it without conflict".to_owned(),
        n => format!("the merge left {n} conflicts, marked in the text: edit the file before approving"),
    };
    let words = format!("{} changed after {} was proposed; {outcome}", names.join(", "), action.id);
    Some(Merged { action: next, blobs: resolved.blobs, words })
}

/// The merged bytes (`None` = deleted) and the number of conflicts.
fn three_way(base: Option<&[u8]>, disk: Option<&[u8]>, theirs: Option<&[u8]>) -> Option<(Option<Vec<u8>>, usize)> {
    match (base, disk, theirs) {
        // A deletion of what has changed since is not repeated blindly; nor is an edit of what is gone.
        (_, Some(_), None) | (Some(_), None, Some(_)) => None,
        (_, None, theirs) => Some((theirs.map(<[u8]>::to_vec), 0)),
        (base, Some(disk), Some(theirs)) => {
            let own = |bytes: &[u8]| bytes.to_vec();
            let merge = diff::merge(own(base.unwrap_or_default()), own(disk), own(theirs)).ok()?;
            let labels = diff::Labels { ours: "on the disk now", base: "when it was proposed", theirs: "proposed" };
            Some((Some(merge.marked(labels).to_vec()), merge.conflicts()))
        }
    }
}
