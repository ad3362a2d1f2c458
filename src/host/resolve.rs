//! From what an agent states to what the disk says: drafts become file edits whose `before` was read just now.

use crate::base::limits::EDIT_FILE_BYTES_MAX;
use crate::base::{Digest, RelPath};
use crate::host::limits::EDIT_FILES_MAX;
use crate::model::{After, Content, Draft, FileChange, FileEdit, Node, NodeKind};
use crate::port::{Blobs, Image, Workspace};
use std::collections::BTreeMap;
use std::path::Path;

/// File edits with the bytes that their contents point to.
#[derive(Debug, Default)]
pub struct Resolved {
    pub files: Vec<FileEdit>,
    pub blobs: Blobs,
}

/// The resulting state of one path while drafts are applied in order.
struct Pending {
    before: Option<Vec<u8>>,
    now: Option<Vec<u8>>,
    from: Option<RelPath>,
}

/// A path as an agent writes it, relative to the workspace or absolute inside it.
pub fn inside(workspace: &dyn Workspace, path: &str) -> Result<RelPath, String> {
    let given = Path::new(path);
    if given.is_absolute() {
        let outside = || format!("{path} is outside the workspace {}", workspace.root().display());
        return workspace.locate(given).ok_or_else(outside);
    }
    RelPath::from_path(given).map_err(|e| e.to_string())
}

/// Resolves all drafts of one proposal; drafts on the same file are applied in order. The error is for
/// the agent: it says which draft does not fit the disk and what to do.
pub fn drafts(workspace: &dyn Workspace, drafts: Vec<Draft>) -> Result<Resolved, String> {
    if drafts.is_empty() {
        return Err("The edit is empty: include at least one file.".into());
    }
    if drafts.len() > EDIT_FILES_MAX {
        return Err(format!("The edit has {} files; the limit is {EDIT_FILES_MAX} per edit.", drafts.len()));
    }
    let mut order: Vec<RelPath> = Vec::new();
    let mut pending: BTreeMap<RelPath, Pending> = BTreeMap::new();
    let mut resolved = Resolved::default();
    for draft in drafts {
        let path = inside(workspace, &draft.path)?;
        if let After::Exactly(after) = draft.after {
            let before = workspace.node(&path).map_err(|e| e.to_string())?;
            resolved.add_exactly(path, before, after)?;
            continue;
        }
        if !pending.contains_key(&path) {
            let before = read(workspace, &path)?;
            pending.insert(path.clone(), Pending { now: before.clone(), before, from: None });
            order.push(path.clone());
        }
        if let After::RenameTo(target) = &draft.after {
            let target = inside(workspace, target)?;
            rename(workspace, &mut pending, &mut order, path, target)?;
        } else if let Some(slot) = pending.get_mut(&path) {
            slot.now = lay_over(&path, slot.now.take(), draft.after)?;
        }
    }
    for path in order {
        if let Some(slot) = pending.remove(&path) {
            resolved.add(path, slot)?;
        }
    }
    if resolved.files.is_empty() {
        return Err("The edit changes nothing: the files already have this content.".into());
    }
    Ok(resolved)
}

fn read(workspace: &dyn Workspace, path: &RelPath) -> Result<Option<Vec<u8>>, String> {
    workspace.image(path).map(|image| image.map(|i| i.bytes)).map_err(|e| e.to_string())
}

fn rename(
    workspace: &dyn Workspace,
    pending: &mut BTreeMap<RelPath, Pending>,
    order: &mut Vec<RelPath>,
    path: RelPath,
    target: RelPath,
) -> Result<(), String> {
    if pending.contains_key(&target) || read(workspace, &target)?.is_some() {
        return Err(format!("{path} cannot be renamed to {target}: that exists already."));
    }
    let Some(moved) = pending.remove(&path) else { return Ok(()) };
    if moved.now.is_none() {
        return Err(format!("{path} cannot be renamed: it does not exist."));
    }
    order.retain(|p| p != &path);
    order.push(target.clone());
    let from = moved.from.clone().or(Some(path));
    pending.insert(target, Pending { from, ..moved });
    Ok(())
}

fn lay_over(path: &RelPath, now: Option<Vec<u8>>, after: After) -> Result<Option<Vec<u8>>, String> {
    match after {
        After::Whole(bytes) => Ok(Some(bytes)),
        After::Delete if now.is_none() => Err(format!("{path} cannot be deleted: it does not exist.")),
        After::Delete => Ok(None),
        After::Replace { old, new, all } => {
            let bytes = now.ok_or_else(|| format!("{path} does not exist, so no text can be replaced in it."))?;
            replace(path, &bytes, &old, &new, all).map(Some)
        }
        After::RenameTo(_) | After::Exactly(_) => Ok(now),
    }
}

fn replace(path: &RelPath, bytes: &[u8], old: &str, new: &str, all: bool) -> Result<Vec<u8>, String> {
    if old.is_empty() {
        return Err(format!("{path}: the text to replace is empty."));
    }
    // Over bytes: what is around the place stays as it is, also where it is not UTF-8.
    let places: Vec<usize> = memchr::memmem::find_iter(bytes, old).collect();
    match places.len() {
        0 => {
            return Err(format!("{path}: the text to replace is not in the file on disk. Read the file again."));
        }
        n if n > 1 && !all => {
            return Err(format!(
                "{path}: the text to replace occurs {n} times; include more of the surrounding lines."
            ));
        }
        _ => {}
    }
    let mut out = Vec::with_capacity(bytes.len().saturating_add(new.len()));
    let mut from = 0;
    for at in places {
        out.extend_from_slice(bytes.get(from..at).unwrap_or_default());
        out.extend_from_slice(new.as_bytes());
        from = at.saturating_add(old.len());
    }
    out.extend_from_slice(bytes.get(from..).unwrap_or_default());
    Ok(out)
}

impl Resolved {
    fn add(&mut self, path: RelPath, slot: Pending) -> Result<(), String> {
        let Pending { before, now, from } = slot;
        if from.is_none() && before == now {
            return Ok(());
        }
        within_limit(&path, before.iter().chain(&now))?;
        let change = match &from {
            Some(_) => FileChange::Rename,
            None => change_of(before.is_some(), now.is_some()),
        };
        let edit = self.edit(path, change, from, before, now);
        self.files.push(edit);
        Ok(())
    }

    /// A change of exactly this node. Its bits are part of the edit only where they or the kind change.
    fn add_exactly(
        &mut self,
        path: RelPath,
        before: Option<Image>,
        after: Option<(Node, Vec<u8>)>,
    ) -> Result<(), String> {
        if before.is_none() && after.is_none() {
            return Err(format!("{path} cannot be deleted: it does not exist."));
        }
        let was = before.as_ref().map(|image| image.node);
        let kept = |node: Node| was.filter(|was| was.kind == node.kind).and_then(|was| was.mode);
        let is = after.as_ref().map(|(node, _)| Node { mode: node.mode.or_else(|| kept(*node)), ..*node });
        let is_directory = |node: Option<Node>| node.is_some_and(|node| node.kind == NodeKind::Directory);
        if before.is_some() && after.is_some() && is_directory(was) != is_directory(is) {
            return Err(format!(
                "{path} cannot be changed: a directory and something else do not take each other's place."
            ));
        }
        let change = change_of(was.is_some(), is.is_some());
        let bytes = |node: Option<Node>, bytes: Option<Vec<u8>>| bytes.filter(|_| !is_directory(node));
        let (before, after) = (bytes(was, before.map(|image| image.bytes)), bytes(is, after.map(|(_, bytes)| bytes)));
        if before == after && was == is {
            return Ok(());
        }
        within_limit(&path, before.iter().chain(&after))?;
        let is_plain = |node: Option<Node>| node.is_none_or(|node| node.kind == NodeKind::File);
        let is_bytes = is_plain(was) && is_plain(is);
        // The bits of a new file are the usual ones, unless it says otherwise.
        let is_moded = is.is_some_and(|is| is.mode.is_some() && is.mode != was.and_then(|was| was.mode));
        let edit = self.edit(path, change, None, before, after);
        self.files.push(if is_bytes && !is_moded { edit } else { edit.of_nodes(was, is) });
        Ok(())
    }

    /// A file edit whose bytes are kept beside it.
    pub fn edit(
        &mut self,
        path: RelPath,
        change: FileChange,
        from: Option<RelPath>,
        before: Option<Vec<u8>>,
        after: Option<Vec<u8>>,
    ) -> FileEdit {
        let (before, after) = (before.map(|b| self.keep(b)), after.map(|a| self.keep(a)));
        FileEdit { path, change, from, before, after, before_node: None, after_node: None }
    }

    fn keep(&mut self, bytes: Vec<u8>) -> Content {
        let content = Content::of(&bytes);
        self.blobs.insert(content.digest(), bytes);
        content
    }
}

fn change_of(was: bool, is: bool) -> FileChange {
    match (was, is) {
        (false, _) => FileChange::Create,
        (true, false) => FileChange::Delete,
        (true, true) => FileChange::Modify,
    }
}

fn within_limit<'a>(path: &RelPath, sides: impl Iterator<Item = &'a Vec<u8>>) -> Result<(), String> {
    let largest = sides.map(Vec::len).max().unwrap_or(0);
    if largest > EDIT_FILE_BYTES_MAX {
        return Err(format!("{path} has {largest} bytes; the limit for edits is {EDIT_FILE_BYTES_MAX}."));
    }
    Ok(())
}

/// The bytes of a content, from the content itself or from where blobs are kept.
pub fn bytes_of(content: &Content, blob: impl FnOnce(&Digest) -> Option<Vec<u8>>) -> Option<Vec<u8>> {
    match content {
        Content::Text(text) => Some(text.clone().into_bytes()),
        Content::Blob { digest, .. } => blob(digest),
    }
}
