//! Taking effects back: an undo is an action of the human's own, with a diff, a decision and a permit like any other.
//! So it is journalled, attributed, and can itself be undone.

use super::super::clients::Reply;
use super::super::resolve::Resolved;
use super::{Actor, Msg};
use crate::base::{ActionId, ClientId, Digest, RelPath};
use crate::diff;
use crate::model::action::Author;
use crate::model::decide::Input;
use crate::model::event::{ChangedBy, Event, FileOutcome, OutcomeWord, Reverted};
use crate::model::session::Phase;
use crate::model::{Action, Body, FileChange, Proposal};
use crate::wire::{Code, Rewind, RpcError};
use serde_json::json;
use tokio::sync::oneshot;

/// An undo under way.
#[derive(Debug)]
pub struct Reverting {
    /// Whose effect it takes back, or with `again` brings back.
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
    pub(super) fn undo(&mut self, client: &ClientId, id: &ActionId) -> Answer {
        let state = self.book.session.actions.get(id).ok_or_else(|| bad(format!("there is no action {id}")))?;
        if !matches!(state.phase, Phase::Finished(OutcomeWord::Ok | OutcomeWord::Recovered | OutcomeWord::Failed)) {
            return Err(bad(format!("{id} has left nothing to undo: it is {}", state.phase.words())));
        }
        if state.reverted {
            return Err(bad(format!("{id} is undone already; undo the action that undid it to bring it back")));
        }
        let files = state.finished.as_ref().and_then(|f| f.files.clone()).unwrap_or_default();
        if files.is_empty() {
            return Err(bad(format!("{id} changed no files")));
        }
        let takes_back = state.reverts.clone();
        let mut resolved = Resolved::default();
        for file in &files {
            self.take_back(&mut resolved, &file.path, file.after, file.before).map_err(bad)?;
        }
        let targets = if takes_back.is_empty() { vec![id.clone()] } else { takes_back.clone() };
        self.own_edit(
            client,
            format!("undo {id}"),
            resolved,
            Reverting { actions: targets, again: !takes_back.is_empty(), tree: None },
        )
    }

    /// A change that nobody answered for, back to what the file was before the first such change in a row.
    pub(super) fn restore(&mut self, client: &ClientId, path: &RelPath) -> Answer {
        let changes = self.book.session.changes.iter().rev().map(|(_, o)| o).filter(|o| o.path == path.as_str());
        let row: Vec<_> = changes.take_while(|o| o.by == ChangedBy::Unsupervised).collect();
        let (Some(newest), Some(oldest)) = (row.first(), row.last()) else {
            return Err(bad(format!("{path} has no unsupervised change to take back")));
        };
        let mut resolved = Resolved::default();
        self.take_back(&mut resolved, path, newest.after, oldest.before).map_err(bad)?;
        let reverting = Reverting { actions: Vec::new(), again: false, tree: None };
        self.own_edit(client, format!("take back the unsupervised change of {path}"), resolved, reverting)
    }

    /// One file from `is` back to `was`: directly if it still is so, else by a three-way merge that must be clean.
    fn take_back(
        &self,
        into: &mut Resolved,
        path: &RelPath,
        is: Option<Digest>,
        was: Option<Digest>,
    ) -> Result<(), String> {
        let stored = |d: Option<Digest>| match d {
            None => Ok(None),
            Some(d) => {
                self.blob(&d).map(Some).ok_or_else(|| format!("{path}: its former content is not kept any more"))
            }
        };
        let disk = self.workspace.image(path).map_err(|e| e.to_string())?;
        let now = disk.as_ref().map(|i| i.digest);
        if now == was {
            return Ok(());
        }
        let target = stored(was)?;
        let after = if now == is {
            target
        } else {
            let (Some(now), Some(is), Some(was)) = (disk.as_ref(), stored(is)?, target) else {
                return Err(format!("{path} was created or deleted since; undo that first"));
            };
            let merge = diff::merge(is, now.bytes.clone(), was).map_err(|e| format!("{path}: {e}"))?;
            let clean =
                merge.clean().ok_or_else(|| format!("{path} was changed since in the same lines; undo that first"))?;
            Some(clean.to_vec())
        };
        let before = disk.map(|i| i.bytes);
        let change = match (&before, &after) {
            (None, _) => FileChange::Create,
            (Some(_), None) => FileChange::Delete,
            (Some(_), Some(_)) => FileChange::Modify,
        };
        let edit = into.edit(path.clone(), change, None, before, after);
        into.files.push(edit);
        Ok(())
    }

    fn own_edit(&mut self, client: &ClientId, title: String, resolved: Resolved, reverting: Reverting) -> Answer {
        if resolved.files.is_empty() {
            return Err(bad("the files are so already; there is nothing to undo"));
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

    /// An undo has been carried out (or not).
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
                .respond(reply, Err(bad("there is no such checkpoint: give the `tree` or the `action` of one")));
        };
        let (workspace, to_self, client) = (self.workspace.clone(), self.to_self.clone(), client.clone());
        tokio::spawn(async move {
            let now = workspace.snapshot().await.map_err(|e| e.to_string());
            drop(to_self.send(Msg::Rewind { client, target, preview: rewind.preview, now, reply }).await);
        });
    }

    pub(super) fn rewind_to(
        &mut self,
        client: &ClientId,
        target: Digest,
        preview: bool,
        now: Result<Digest, String>,
    ) -> Answer {
        let now = now.map_err(|e| RpcError::new(Code::Internal, e))?;
        let changes = self.workspace.tree_changes(now, target).map_err(|e| bad(e.to_string()))?;
        if preview {
            let files: Vec<_> =
                changes.iter().map(|c| json!({ "path": c.path, "before": c.before, "after": c.after })).collect();
            return Ok(json!({ "tree": target, "files": files }));
        }
        let mut resolved = Resolved::default();
        for change in &changes {
            self.take_back(&mut resolved, &change.path, change.before, change.after).map_err(bad)?;
        }
        let at = self.book.session.checkpoints.iter().position(|c| c.3 == target).unwrap_or(0);
        let from = self.book.session.checkpoints.get(at).map(|c| c.0).unwrap_or_default();
        let undone = self
            .book
            .session
            .actions
            .undoable()
            .filter(|a| a.decided_seq.is_some_and(|s| s > from))
            .map(|a| a.action.id.clone())
            .collect();
        self.own_edit(
            client,
            format!("rewind to {}", target.short()),
            resolved,
            Reverting { actions: undone, again: false, tree: Some(target) },
        )
    }
}
