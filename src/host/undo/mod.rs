//! Taking effects back: an undo is an action of the user's own, with a diff, a decision and a permit like any other.
//! So it is journaled, attributed, and can itself be undone.

mod back;
mod choice;

use super::actor;
use super::clients::Responder;
use super::gate::Gate;
use super::resolve::Resolved;
use crate::base::{ActionId, ClientId, Digest, RelPath, Seq};
use crate::model::Moment;
use crate::model::action::Author;
use crate::model::decide::Input;
use crate::model::event::{ChangedBy, Checkpointed, Event, FileOutcome, OutcomeWord, Reverted};
use crate::model::session::{ActionState, Phase};
use crate::model::{Action, Body, Proposal};
use crate::port::TreeChange;
use crate::wire::{self, Answer, Code, OwnAction, Revertible, Rewind, RewindFile, Rewound, RpcError};
use back::{Side, is_in_place, take_back, take_back_outcome};
use choice::{Listing, revertible_outcome, revertible_since};
use std::collections::{BTreeMap, BTreeSet};
use tokio::sync::mpsc;

/// An undo under way.
#[derive(Debug)]
pub struct Reverting {
    /// The actions whose whole effect it reverts, or restores with `again`.
    actions: Vec<ActionId>,
    again: bool,
    /// For a rewind: the tree that it restores.
    tree: Option<Digest>,
}

/// A message from a task of an undo.
#[derive(Debug)]
pub enum Msg {
    /// The tree is recorded as it is now.
    Rewind { client: ClientId, target: Digest, rewind: Box<Rewind>, now: Result<Digest, String>, reply: Responder },
}

/// Undoes that are under way.
pub struct Undo {
    to_actor: mpsc::Sender<actor::Msg>,
    reverting: BTreeMap<ActionId, Reverting>,
}

impl Undo {
    pub fn new(to_actor: mpsc::Sender<actor::Msg>) -> Self {
        Self { to_actor, reverting: BTreeMap::new() }
    }

    pub fn take(&mut self, gate: &mut Gate, message: Msg) {
        let Msg::Rewind { client, target, rewind, now, reply } = message;
        // A client that is gone needs no answer.
        let _ = reply.send(self.rewind_to(gate, &client, target, *rewind, now).map(Answer::Rewind));
    }

    /// Forgets what is under way: it was aborted.
    pub fn abort(&mut self) {
        self.reverting.clear();
    }

    pub fn undo(&mut self, gate: &mut Gate, client: &ClientId, undo: wire::Undo) -> Result<OwnAction, RpcError> {
        let id = &undo.action;
        let state =
            gate.session().actions.get(id).ok_or_else(|| RpcError::invalid(format!("there is no action {id}")))?;
        if !matches!(state.phase, Phase::Finished(OutcomeWord::Ok | OutcomeWord::Recovered | OutcomeWord::Failed)) {
            return Err(RpcError::invalid(format!("{id} has nothing to undo: it is {}", state.phase.words())));
        }
        if state.reverted {
            return Err(RpcError::invalid(format!(
                "{id} is already undone; to restore it, undo the action that undid it"
            )));
        }
        if state.action.checks {
            return Err(RpcError::invalid(format!(
                "{id} is a test run and owns no changes; rewind to choose among all changes since"
            )));
        }
        let mut files = state.finished.as_ref().and_then(|f| f.files.clone()).unwrap_or_default();
        if files.is_empty() {
            return Err(RpcError::invalid(format!("{id} changed no files")));
        }
        files.retain(|file| is_in_place(gate, file));
        if files.is_empty() {
            return Err(RpcError::invalid("nothing to undo: the files already have that content"));
        }
        let changes: Vec<Revertible> = files.iter().map(|file| revertible_outcome(gate, state, file)).collect();
        let chosen = Listing { what: format!("undo of {id}"), changes: &changes, tree: None }.chosen(undo.files)?;
        let takes_back = state.reverts.clone();
        let targets = match (files.iter().all(|file| chosen.contains(&file.path)), takes_back.is_empty()) {
            (false, _) => Vec::new(),
            (true, true) => vec![id.clone()],
            (true, false) => takes_back.clone(),
        };
        files.retain(|file| chosen.contains(&file.path));
        if files.is_empty() {
            return Ok(OwnAction::default());
        }
        let mut resolved = Resolved::default();
        for file in &files {
            take_back_outcome(gate, &mut resolved, file).map_err(RpcError::invalid)?;
        }
        self.own_edit(
            gate,
            client,
            format!("undo {id}"),
            resolved,
            Reverting { actions: targets, again: !takes_back.is_empty(), tree: None },
        )
    }

    /// A change that nobody answered for, back to what the file was before the first such change in a row.
    pub fn restore(&mut self, gate: &mut Gate, client: &ClientId, path: &RelPath) -> Result<OwnAction, RpcError> {
        let changes = gate.session().disk.changes.iter().rev().map(|(_, o)| o).filter(|o| o.path == path.as_str());
        let row: Vec<_> = changes.take_while(|o| o.by == ChangedBy::Unsupervised).collect();
        let (Some(newest), Some(oldest)) = (row.first(), row.last()) else {
            return Err(RpcError::invalid(format!("{path} has no unsupervised change to revert")));
        };
        if row.iter().any(|o| o.about.is_some()) {
            return Err(RpcError::invalid(format!(
                "{path} is ignored and was not recorded file by file: its earlier content is unknown"
            )));
        }
        let mut resolved = Resolved::default();
        let is = Side { digest: newest.after, node: newest.after_node };
        let was = Side { digest: oldest.before, node: oldest.before_node };
        take_back(gate, &mut resolved, path, is, was).map_err(RpcError::invalid)?;
        let reverting = Reverting { actions: Vec::new(), again: false, tree: None };
        self.own_edit(gate, client, format!("revert the unsupervised change of {path}"), resolved, reverting)
    }

    fn own_edit(
        &mut self,
        gate: &mut Gate,
        client: &ClientId,
        title: String,
        resolved: Resolved,
        reverting: Reverting,
    ) -> Result<OwnAction, RpcError> {
        if resolved.files.is_empty() {
            return Err(RpcError::invalid("nothing to undo: the files already have that content"));
        }
        let id = gate.session().actions.next_id();
        let mut action = Action::file(id.clone(), Proposal::new(title, Body::Edit(Vec::new())), Some(resolved.files));
        action.author = Author::Human;
        self.reverting.insert(id.clone(), reverting);
        if let Err(error) = gate.put(Input::Own { action: Box::new(action), by: client.clone() }, resolved.blobs) {
            self.reverting.remove(&id);
            return Err(error.into());
        }
        Ok(OwnAction::of(id))
    }

    /// An undo has been executed (or not).
    pub fn performed(&mut self, gate: &mut Gate, id: &ActionId, is_ok: bool, files: &[FileOutcome]) {
        let Some(Reverting { actions, again, tree }) = self.reverting.remove(id) else { return };
        let by = gate.session().actions.get(id).and_then(|s| s.decided.as_ref()).map(|d| d.by.clone());
        if let (true, Some(by)) = (is_ok, by) {
            let action = Some(id.clone());
            gate.record(Event::Reverted(Reverted { action, actions, again, by, files: files.to_vec(), tree }));
        }
    }

    /// The tree must be recorded as it is now before it can be compared, which takes a moment.
    pub fn rewind(&self, gate: &Gate, client: &ClientId, rewind: Rewind, reply: Responder) {
        let checkpoints = &gate.session().disk.checkpoints;
        let of_action = rewind.action.as_ref().and_then(|id| {
            let is_before =
                |(_, made): &&(Seq, Checkpointed)| made.action.as_ref() == Some(id) && made.when == Moment::Before;
            checkpoints.iter().find(is_before).map(|(_, made)| made.tree)
        });
        let target = rewind.tree.filter(|t| checkpoints.iter().any(|(_, made)| made.tree == *t)).or(of_action);
        let Some(target) = target else {
            let why = "no such checkpoint: pass the `tree` or the `action` of a checkpoint";
            let _ = reply.send(Err(RpcError::invalid(why)));
            return;
        };
        let (workspace, to_actor, client) = (gate.workspace().clone(), self.to_actor.clone(), client.clone());
        tokio::spawn(async move {
            let now = workspace.snapshot().await.map_err(|e| e.to_string());
            let message = Msg::Rewind { client, target, rewind: Box::new(rewind), now, reply };
            drop(to_actor.send(actor::Msg::Undo(message)).await);
        });
    }

    fn rewind_to(
        &mut self,
        gate: &mut Gate,
        client: &ClientId,
        target: Digest,
        rewind: Rewind,
        now: Result<Digest, String>,
    ) -> Result<Rewound, RpcError> {
        let now = now.map_err(|e| RpcError::new(Code::Internal, e))?;
        let mut changes = gate.workspace().tree_changes(now, target).map_err(|e| RpcError::invalid(e.to_string()))?;
        let checkpoints = &gate.session().disk.checkpoints;
        let newest = checkpoints.iter().rfind(|(_, made)| made.tree == target).map(|(seq, _)| *seq).unwrap_or_default();
        let listed = revertible_since(gate, newest, &changes);
        if rewind.preview {
            let file = |(c, r): (&TreeChange, Revertible)| RewindFile {
                path: c.path.clone(),
                before: c.before,
                after: c.after,
                change: r.change,
                by: r.by,
                certain: r.certain,
            };
            let files = changes.iter().zip(listed).map(file).collect();
            return Ok(Rewound::Preview { tree: target, listed: now, files });
        }
        let listing = Listing { what: format!("rewind to {}", target.short()), changes: &listed, tree: Some(now) };
        let chosen = listing.chosen(rewind.files)?;
        if let Some(shown) = rewind.listed {
            let since = gate.workspace().tree_changes(shown, now).map_err(|e| RpcError::invalid(e.to_string()))?;
            listing.unchanged(&chosen, &since)?;
        }
        let is_whole = changes.iter().all(|change| chosen.contains(&change.path));
        changes.retain(|change| chosen.contains(&change.path));
        if changes.is_empty() && !is_whole {
            return Ok(Rewound::Done(OwnAction::default()));
        }
        let (mut resolved, mut left) = (Resolved::default(), Vec::new());
        for change in &changes {
            let is = Side { digest: change.before, node: change.before_node };
            let was = Side { digest: change.after, node: change.after_node };
            // One file that cannot be restored keeps no other back; it is named.
            left.extend(take_back(gate, &mut resolved, &change.path, is, was).err());
        }
        if resolved.files.is_empty() && !left.is_empty() {
            return Err(RpcError::invalid(left.join("; ")));
        }
        let mut made = gate.session().disk.checkpoints.iter();
        let from = made.find(|(_, made)| made.tree == target).map(|(seq, _)| *seq).unwrap_or_default();
        let undone = gate
            .session()
            .actions
            .undoable()
            .filter(|a| a.times.finished_seq.is_some_and(|s| s > from))
            .filter(|a| is_whole || is_within(a, &chosen))
            .map(|a| a.action.id.clone())
            .collect();
        let reverting = Reverting { actions: undone, again: false, tree: is_whole.then_some(target) };
        let done = self.own_edit(gate, client, format!("rewind to {}", target.short()), resolved, reverting)?;
        Ok(Rewound::Done(OwnAction { left, ..done }))
    }
}

/// Returns whether these paths include every file that the action left.
fn is_within(state: &ActionState, paths: &BTreeSet<RelPath>) -> bool {
    let mut files = state.finished.iter().flat_map(|f| f.files.iter().flatten());
    files.all(|file| paths.contains(&file.path) && file.from.as_ref().is_none_or(|from| paths.contains(from)))
}
