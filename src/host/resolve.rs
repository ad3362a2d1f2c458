//! From what an agent states to what the disk says: drafts become file edits whose `before` was read just now.

use crate::base::limits::EDIT_FILE_BYTES_MAX;
use crate::base::{Digest, RelPath};
use crate::host::limits::EDIT_FILES_MAX;
use crate::model::{After, Content, Draft, FileChange, FileEdit, FileMode, Node};
use crate::port::{Blobs, Workspace};
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
    /// The bits that it has, and those that a draft gives it.
    mode: Option<FileMode>,
    mode_after: Option<FileMode>,
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
    for draft in drafts {
        let path = inside(workspace, &draft.path)?;
        if !pending.contains_key(&path) {
            let image = workspace.image(&path).map_err(|e| e.to_string())?;
            let (mode, before) = image.map_or((None, None), |image| (image.node.mode, Some(image.bytes)));
            let slot = Pending { mode, mode_after: None, now: before.clone(), before, from: None };
            pending.insert(path.clone(), slot);
            order.push(path.clone());
        }
        if let After::RenameTo(target) = &draft.after {
            let target = inside(workspace, target)?;
            rename(workspace, &mut pending, &mut order, path, target)?;
        } else if let Some(slot) = pending.get_mut(&path) {
            if let After::WholeWith { mode, .. } = &draft.after {
                slot.mode_after = Some(*mode);
            }
            slot.now = lay_over(&path, slot.now.take(), draft.after)?;
        }
    }
    let mut resolved = Resolved::default();
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
        After::Whole(bytes) | After::WholeWith { bytes, .. } => Ok(Some(bytes)),
        After::Delete if now.is_none() => Err(format!("{path} cannot be deleted: it does not exist.")),
        After::Delete => Ok(None),
        After::Replace { old, new, all } => {
            let bytes = now.ok_or_else(|| format!("{path} does not exist, so no text can be replaced in it."))?;
            replace(path, &bytes, &old, &new, all).map(Some)
        }
        After::RenameTo(_) => Ok(now),
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
        let Pending { mode, mode_after, before, now, from } = slot;
        let mode_after = mode_after.filter(|after| Some(*after) != mode && now.is_some());
        if from.is_none() && before == now && mode_after.is_none() {
            return Ok(());
        }
        let largest = before.iter().chain(&now).map(Vec::len).max().unwrap_or(0);
        if largest > EDIT_FILE_BYTES_MAX {
            return Err(format!("{path} has {largest} bytes; the limit for edits is {EDIT_FILE_BYTES_MAX}."));
        }
        let change = match (&from, &before, &now) {
            (Some(_), _, _) => FileChange::Rename,
            (None, None, _) => FileChange::Create,
            (None, Some(_), None) => FileChange::Delete,
            (None, Some(_), Some(_)) => FileChange::Modify,
        };
        let edit = self.edit(path, change, from, before, now);
        self.files.push(match mode_after {
            Some(after) => edit.of_nodes(mode.map(Node::file), Some(Node::file(after))),
            None => edit,
        });
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

/// The bytes of a content, from the content itself or from where blobs are kept.
pub fn bytes_of(content: &Content, blob: impl FnOnce(&Digest) -> Option<Vec<u8>>) -> Option<Vec<u8>> {
    match content {
        Content::Text(text) => Some(text.clone().into_bytes()),
        Content::Blob { digest, .. } => blob(digest),
    }
}
