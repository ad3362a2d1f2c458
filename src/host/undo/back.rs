//! Files taken back: from what a change left to what was before it, directly or by a merge.

use crate::base::{Digest, RelPath};
use crate::diff;
use crate::host::gate::Gate;
use crate::host::resolve::Resolved;
use crate::model::event::FileOutcome;
use crate::model::{FileChange, FileMode, Node, NodeKind};
use crate::port::Image;

/// Returns whether the change is still present, or something else is now in its place.
pub fn is_in_place(gate: &Gate, file: &FileOutcome) -> bool {
    let mut resolved = Resolved::default();
    take_back_outcome(gate, &mut resolved, file).is_err() || !resolved.files.is_empty()
}

pub fn take_back_outcome(gate: &Gate, into: &mut Resolved, file: &FileOutcome) -> Result<(), String> {
    let is = Side { digest: file.after, node: file.after_node };
    let was = Side { digest: file.before, node: file.before_node };
    match &file.from {
        Some(from) => move_back(gate, into, from, &file.path, is, was),
        None => take_back(gate, into, &file.path, is, was),
    }
}

/// A rename the other way around, with the bytes and the bits that the file had.
fn move_back(
    gate: &Gate,
    into: &mut Resolved,
    from: &RelPath,
    path: &RelPath,
    is: Side,
    was: Side,
) -> Result<(), String> {
    let now = gate.workspace().node(path).map_err(|e| e.to_string())?;
    let Some(now) = now.filter(|now| Some(now.digest) == is.digest) else {
        return Err(format!("{path} was changed or moved later; undo that first"));
    };
    if gate.workspace().node(from).map_err(|e| e.to_string())?.is_some() {
        return Err(format!("{path} cannot be moved back: there is a new {from}"));
    }
    let after = if was.digest == is.digest { Some(now.bytes.clone()) } else { stored(gate, path, was.digest)? };
    let mode = was.node.and_then(|node| node.mode).or(now.node.mode);
    let edit = into.edit(from.clone(), FileChange::Rename, Some(path.clone()), Some(now.bytes), after);
    into.files.push(edit.of_nodes(Some(now.node), Some(Node { mode, ..now.node })));
    Ok(())
}

fn stored(gate: &Gate, path: &RelPath, digest: Option<Digest>) -> Result<Option<Vec<u8>>, String> {
    let Some(digest) = digest else { return Ok(None) };
    gate.blob(&digest).map(Some).ok_or_else(|| format!("{path}: its earlier content is no longer stored"))
}

/// One node from `is` back to `was`: directly if it still is so, else by a three-way merge that must be clean.
pub fn take_back(gate: &Gate, into: &mut Resolved, path: &RelPath, is: Side, was: Side) -> Result<(), String> {
    if is.kind().is_none() && was.kind().is_none() {
        return Ok(());
    }
    let exact = gate.workspace().node(path).map_err(|e| e.to_string())?;
    // An edit that went through a link changed what the link leads to.
    let is_through = exact.as_ref().is_some_and(|now| now.node.kind == NodeKind::Link)
        && ![is, was].iter().any(|side| side.kind() == Some(NodeKind::Link));
    let disk = if is_through { gate.workspace().image(path).map_err(|e| e.to_string())? } else { exact };
    let now = disk.as_ref().map_or(Side::default(), |now| Side { digest: now.content(), node: Some(now.node) });
    let mode = if is.mode() == was.mode() { now.mode().or(was.mode()) } else { was.mode().or(now.mode()) };
    if now.is_same(&was) && mode == now.mode() {
        return Ok(());
    }
    if [now, was].iter().any(|side| side.kind() == Some(NodeKind::Directory)) {
        return directory(into, path, now, was, mode);
    }
    let after = if now.is_same(&is) {
        stored(gate, path, was.digest)?
    } else if now.digest == was.digest {
        disk.as_ref().map(|now| now.bytes.clone())
    } else {
        Some(merged(gate, path, disk.as_ref(), is, was)?)
    };
    let before = disk.map(|i| i.bytes);
    let change = match (&before, &after) {
        (None, _) => FileChange::Create,
        (Some(_), None) => FileChange::Delete,
        (Some(_), Some(_)) => FileChange::Modify,
    };
    let edit = into.edit(path.clone(), change, None, before, after);
    let is_exact = !is_through && (was.node.is_some() || now.kind() == Some(NodeKind::Link));
    let kind = was.kind().unwrap_or_default();
    let after_node =
        (change != FileChange::Delete).then_some(Node { kind, mode: mode.filter(|_| kind == NodeKind::File) });
    into.files.push(if is_exact { edit.of_nodes(now.node, after_node) } else { edit });
    Ok(())
}

fn merged(gate: &Gate, path: &RelPath, disk: Option<&Image>, is: Side, was: Side) -> Result<Vec<u8>, String> {
    let is_file = |side: &Side| side.kind().is_none_or(|kind| kind == NodeKind::File);
    let contents = (disk, stored(gate, path, is.digest)?, stored(gate, path, was.digest)?);
    let (Some(now), Some(one), Some(two)) = contents else {
        return Err(format!("{path} was created or deleted later; undo that first"));
    };
    if ![is, was].iter().all(is_file) || now.node.kind != NodeKind::File {
        return Err(format!("{path} has become another kind of file; undo that first"));
    }
    let merge = diff::merge(one, now.bytes.clone(), two).map_err(|e| format!("{path}: {e}"))?;
    let clean = merge.clean().ok_or_else(|| format!("the same lines of {path} were changed later; undo that first"))?;
    Ok(clean.to_vec())
}

/// A node on one side of a change: what an event tells of it. Nothing at all where nothing was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Side {
    pub digest: Option<Digest>,
    pub node: Option<Node>,
}

impl Side {
    /// Returns its earlier kind, if it existed.
    fn kind(&self) -> Option<NodeKind> {
        self.node.map(|node| node.kind).or(self.digest.map(|_| NodeKind::File))
    }

    fn mode(&self) -> Option<FileMode> {
        self.node.and_then(|node| node.mode)
    }

    /// The same content of the same kind; bits are compared apart.
    fn is_same(&self, other: &Self) -> bool {
        self.digest == other.digest && self.kind() == other.kind()
    }
}

/// A directory made, removed or given its bits again. Files that were added to it meanwhile stay.
fn directory(into: &mut Resolved, path: &RelPath, now: Side, was: Side, mode: Option<FileMode>) -> Result<(), String> {
    let is_directory = |side: &Side| side.kind() == Some(NodeKind::Directory);
    let change = match (now.kind(), was.kind()) {
        (None, _) => FileChange::Create,
        (Some(_), None) => FileChange::Delete,
        (Some(_), Some(_)) if is_directory(&now) && is_directory(&was) => FileChange::Modify,
        (Some(_), Some(_)) => return Err(format!("{path} has become another kind of file; undo that first")),
    };
    let edit = into.edit(path.clone(), change, None, None, None);
    let after = was.node.map(|node| Node { mode: mode.or(node.mode), ..node });
    into.files.push(edit.of_nodes(now.node, after));
    Ok(())
}
