//! Taking effects back: an undo is an action of the user's own, with a diff, a decision and a permit like any other.
//! So it is journaled, attributed, and can itself be undone.

use super::super::clients::Reply;
use super::super::resolve::Resolved;
use super::choosing::chosen;
use super::{Actor, Msg};
use crate::base::{ActionId, ClientId, Digest, RelPath};
use crate::diff;
use crate::model::action::Author;
use crate::model::decide::Input;
use crate::model::event::{ChangedBy, Event, FileOutcome, OutcomeWord, Reverted};
use crate::model::session::{ActionState, Phase};
use crate::model::{Action, Body, FileChange, FileMode, Node, NodeKind, Proposal};
use crate::port::{Image, TreeChange};
use crate::wire::{Code, Revertible, Rewind, RpcError, Undo};
use serde_json::json;
use std::collections::BTreeSet;
use tokio::sync::oneshot;

/// An undo under way.
#[derive(Debug)]
pub struct Reverting {
    /// Whose whole effect it reverts, or with `again` brings back.
    actions: Vec<ActionId>,
    again: bool,
    /// For a rewind: the tree that it restores.
    tree: Option<Digest>,
}

type Answer = Result<serde_json::Value, RpcError>;

fn bad(text: impl Into<String>) -> RpcError {
    RpcError::new(Code::InvalidParams, text)
}

impl Actor {
    pub(super) fn undo(&mut self, client: &ClientId, undo: Undo) -> Answer {
        let id = &undo.action;
        let state = self.book.session.actions.get(id).ok_or_else(|| bad(format!("there is no action {id}")))?;
        if !matches!(state.phase, Phase::Finished(OutcomeWord::Ok | OutcomeWord::Recovered | OutcomeWord::Failed)) {
            return Err(bad(format!("{id} has nothing to undo: it is {}", state.phase.words())));
        }
        if state.reverted {
            return Err(bad(format!("{id} is already undone; to restore it, undo the action that undid it")));
        }
        if state.action.checks {
            return Err(bad(format!(
                "{id} is a test run and owns no changes; rewind to choose among all changes since"
            )));
        }
        let mut files = state.finished.as_ref().and_then(|f| f.files.clone()).unwrap_or_default();
        if files.is_empty() {
            return Err(bad(format!("{id} changed no files")));
        }
        files.retain(|file| self.is_in_place(file));
        if files.is_empty() {
            return Err(bad("nothing to undo: the files already have that content"));
        }
        let changes: Vec<Revertible> = files.iter().map(|file| self.revertible_outcome(state, file)).collect();
        let chosen = chosen(&format!("undo of {id}"), &changes, undo.files)?;
        let takes_back = state.reverts.clone();
        let targets = match (files.iter().all(|file| chosen.contains(&file.path)), takes_back.is_empty()) {
            (false, _) => Vec::new(),
            (true, true) => vec![id.clone()],
            (true, false) => takes_back.clone(),
        };
        files.retain(|file| chosen.contains(&file.path));
        if files.is_empty() {
            return Ok(json!({ "action": null }));
        }
        let mut resolved = Resolved::default();
        for file in &files {
            self.take_back_outcome(&mut resolved, file).map_err(bad)?;
        }
        self.own_edit(
            client,
            format!("undo {id}"),
            resolved,
            Reverting { actions: targets, again: !takes_back.is_empty(), tree: None },
        )
    }

    /// Whether there is still something to revert of it, or something in the way.
    fn is_in_place(&self, file: &FileOutcome) -> bool {
        let mut resolved = Resolved::default();
        self.take_back_outcome(&mut resolved, file).is_err() || !resolved.files.is_empty()
    }

    /// A change that nobody answered for, back to what the file was before the first such change in a row.
    pub(super) fn restore(&mut self, client: &ClientId, path: &RelPath) -> Answer {
        let changes = self.book.session.changes.iter().rev().map(|(_, o)| o).filter(|o| o.path == path.as_str());
        let row: Vec<_> = changes.take_while(|o| o.by == ChangedBy::Unsupervised).collect();
        let (Some(newest), Some(oldest)) = (row.first(), row.last()) else {
            return Err(bad(format!("{path} has no unsupervised change to revert")));
        };
        if row.iter().any(|o| o.about.is_some()) {
            return Err(bad(format!(
                "{path} is ignored and was not recorded file by file: its earlier content is unknown"
            )));
        }
        let mut resolved = Resolved::default();
        let is = Side { digest: newest.after, node: newest.after_node };
        let was = Side { digest: oldest.before, node: oldest.before_node };
        self.take_back(&mut resolved, path, is, was).map_err(bad)?;
        let reverting = Reverting { actions: Vec::new(), again: false, tree: None };
        self.own_edit(client, format!("revert the unsupervised change of {path}"), resolved, reverting)
    }

    fn take_back_outcome(&self, into: &mut Resolved, file: &FileOutcome) -> Result<(), String> {
        let is = Side { digest: file.after, node: file.after_node };
        let was = Side { digest: file.before, node: file.before_node };
        match &file.from {
            Some(from) => self.move_back(into, from, &file.path, is, was),
            None => self.take_back(into, &file.path, is, was),
        }
    }

    /// A rename the other way around, with the bytes and the bits that the file had.
    fn move_back(
        &self,
        into: &mut Resolved,
        from: &RelPath,
        path: &RelPath,
        is: Side,
        was: Side,
    ) -> Result<(), String> {
        let now = self.workspace.node(path).map_err(|e| e.to_string())?;
        let Some(now) = now.filter(|now| Some(now.digest) == is.digest) else {
            return Err(format!("{path} was changed or moved later; undo that first"));
        };
        if self.workspace.node(from).map_err(|e| e.to_string())?.is_some() {
            return Err(format!("{path} cannot be moved back: there is a new {from}"));
        }
        let after = if was.digest == is.digest { Some(now.bytes.clone()) } else { self.stored(path, was.digest)? };
        let mode = was.node.and_then(|node| node.mode).or(now.node.mode);
        let edit = into.edit(from.clone(), FileChange::Rename, Some(path.clone()), Some(now.bytes), after);
        into.files.push(edit.of_nodes(Some(now.node), Some(Node { mode, ..now.node })));
        Ok(())
    }

    fn stored(&self, path: &RelPath, digest: Option<Digest>) -> Result<Option<Vec<u8>>, String> {
        let Some(digest) = digest else { return Ok(None) };
        self.blob(&digest).map(Some).ok_or_else(|| format!("{path}: its earlier content is no longer stored"))
    }

    /// One node from `is` back to `was`: directly if it still is so, else by a three-way merge that must be clean.
    fn take_back(&self, into: &mut Resolved, path: &RelPath, is: Side, was: Side) -> Result<(), String> {
        if is.kind().is_none() && was.kind().is_none() {
            return Ok(());
        }
        let exact = self.workspace.node(path).map_err(|e| e.to_string())?;
        // An edit that went through a link changed what the link leads to.
        let is_through = exact.as_ref().is_some_and(|now| now.node.kind == NodeKind::Link)
            && ![is, was].iter().any(|side| side.kind() == Some(NodeKind::Link));
        let disk = if is_through { self.workspace.image(path).map_err(|e| e.to_string())? } else { exact };
        let now = disk.as_ref().map_or(Side::default(), |now| Side { digest: now.content(), node: Some(now.node) });
        let mode = if is.mode() == was.mode() { now.mode().or(was.mode()) } else { was.mode().or(now.mode()) };
        if now.is_same(&was) && mode == now.mode() {
            return Ok(());
        }
        if [now, was].iter().any(|side| side.kind() == Some(NodeKind::Directory)) {
            return directory(into, path, now, was, mode);
        }
        let after = if now.is_same(&is) {
            self.stored(path, was.digest)?
        } else if now.digest == was.digest {
            disk.as_ref().map(|now| now.bytes.clone())
        } else {
            Some(self.merged(path, disk.as_ref(), is, was)?)
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

    fn merged(&self, path: &RelPath, disk: Option<&Image>, is: Side, was: Side) -> Result<Vec<u8>, String> {
        let is_file = |side: &Side| side.kind().is_none_or(|kind| kind == NodeKind::File);
        let contents = (disk, self.stored(path, is.digest)?, self.stored(path, was.digest)?);
        let (Some(now), Some(one), Some(two)) = contents else {
            return Err(format!("{path} was created or deleted later; undo that first"));
        };
        if ![is, was].iter().all(is_file) || now.node.kind != NodeKind::File {
            return Err(format!("{path} has become another kind of file; undo that first"));
        }
        let merge = diff::merge(one, now.bytes.clone(), two).map_err(|e| format!("{path}: {e}"))?;
        let clean =
            merge.clean().ok_or_else(|| format!("the same lines of {path} were changed later; undo that first"))?;
        Ok(clean.to_vec())
    }

    fn own_edit(&mut self, client: &ClientId, title: String, resolved: Resolved, reverting: Reverting) -> Answer {
        if resolved.files.is_empty() {
            return Err(bad("nothing to undo: the files already have that content"));
        }
        let id = self.book.session.actions.next_id();
        let mut action = Action::file(id.clone(), Proposal::new(title, Body::Edit(Vec::new())), Some(resolved.files));
        action.author = Author::Human;
        self.running.reverting.insert(id.clone(), reverting);
        if let Err(error) = self.put(Input::Own { action: Box::new(action), by: client.clone() }, resolved.blobs) {
            self.running.reverting.remove(&id);
            return Err(error.into());
        }
        Ok(json!({ "action": id }))
    }

    /// An undo has been executed (or not).
    pub(super) fn reverted(&mut self, id: &ActionId, is_ok: bool, files: &[FileOutcome]) {
        let Some(Reverting { actions, again, tree }) = self.running.reverting.remove(id) else { return };
        let by = self.book.session.actions.get(id).and_then(|s| s.decided.as_ref()).map(|d| d.by.clone());
        if let (true, Some(by)) = (is_ok, by) {
            let action = Some(id.clone());
            self.record(Event::Reverted(Reverted { action, actions, again, by, files: files.to_vec(), tree }));
        }
    }

    /// The tree must be recorded as it is now before it can be compared, which takes a moment.
    pub(super) fn rewind(&mut self, client: &ClientId, rewind: Rewind, reply: oneshot::Sender<Reply>) {
        let checkpoints = &self.book.session.checkpoints;
        let of_action = rewind.action.as_ref().and_then(|id| {
            checkpoints.iter().find(|(_, action, when, _)| action.as_ref() == Some(id) && when == "before").map(|c| c.3)
        });
        let target = rewind.tree.filter(|t| checkpoints.iter().any(|c| c.3 == *t)).or(of_action);
        let Some(target) = target else {
            return self
                .respond(reply, Err(bad("no such checkpoint: pass the `tree` or the `action` of a checkpoint")));
        };
        let (workspace, to_self, client) = (self.workspace.clone(), self.to_self.clone(), client.clone());
        tokio::spawn(async move {
            let now = workspace.snapshot().await.map_err(|e| e.to_string());
            drop(to_self.send(Msg::Rewind { client, target, rewind: Box::new(rewind), now, reply }).await);
        });
    }

    pub(super) fn rewind_to(
        &mut self,
        client: &ClientId,
        target: Digest,
        rewind: Rewind,
        now: Result<Digest, String>,
    ) -> Answer {
        let now = now.map_err(|e| RpcError::new(Code::Internal, e))?;
        let mut changes = self.workspace.tree_changes(now, target).map_err(|e| bad(e.to_string()))?;
        let checkpoints = &self.book.session.checkpoints;
        let newest = checkpoints.iter().rfind(|c| c.3 == target).map(|c| c.0).unwrap_or_default();
        let listed = self.revertible_since(newest, &changes);
        if rewind.preview {
            let file = |(c, r): (&TreeChange, &Revertible)| json!({ "path": c.path, "before": c.before, "after": c.after, "change": r.change, "by": r.by, "certain": r.certain });
            let files: Vec<_> = changes.iter().zip(&listed).map(file).collect();
            return Ok(json!({ "tree": target, "files": files }));
        }
        let chosen = chosen(&format!("rewind to {}", target.short()), &listed, rewind.files)?;
        let is_whole = changes.iter().all(|change| chosen.contains(&change.path));
        changes.retain(|change| chosen.contains(&change.path));
        if changes.is_empty() && !is_whole {
            return Ok(json!({ "action": null }));
        }
        let (mut resolved, mut left) = (Resolved::default(), Vec::new());
        for change in &changes {
            let is = Side { digest: change.before, node: change.before_node };
            let was = Side { digest: change.after, node: change.after_node };
            // One file that cannot be restored keeps no other back; it is named.
            left.extend(self.take_back(&mut resolved, &change.path, is, was).err());
        }
        if resolved.files.is_empty() && !left.is_empty() {
            return Err(bad(left.join("; ")));
        }
        let at = self.book.session.checkpoints.iter().position(|c| c.3 == target).unwrap_or(0);
        let from = self.book.session.checkpoints.get(at).map(|c| c.0).unwrap_or_default();
        let undone = self
            .book
            .session
            .actions
            .undoable()
            .filter(|a| a.decided_seq.is_some_and(|s| s > from))
            .filter(|a| is_whole || is_within(a, &chosen))
            .map(|a| a.action.id.clone())
            .collect();
        let reverting = Reverting { actions: undone, again: false, tree: is_whole.then_some(target) };
        let mut answer = self.own_edit(client, format!("rewind to {}", target.short()), resolved, reverting)?;
        if let Some(answer) = answer.as_object_mut().filter(|_| !left.is_empty()) {
            answer.insert("left".to_owned(), json!(left));
        }
        Ok(answer)
    }
}

/// Whether every file that the action left is among these.
fn is_within(state: &ActionState, paths: &BTreeSet<RelPath>) -> bool {
    let mut files = state.finished.iter().flat_map(|f| f.files.iter().flatten());
    files.all(|file| paths.contains(&file.path) && file.from.as_ref().is_none_or(|from| paths.contains(from)))
}

/// A node on one side of a change: what an event tells of it. Nothing at all where nothing was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Side {
    digest: Option<Digest>,
    node: Option<Node>,
}

impl Side {
    /// What it was, as far as it was there.
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

/// A directory made, removed or given its bits again. What somebody put into it meanwhile stays.
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
