//! The tasks: one action carried out, with a recorded tree before and after, or trials run in a candidate.

use super::{Msg, TrialOrder, changes_files};
use crate::base::limits::AGENT_LINK_MESSAGES_MAX;
use crate::base::{ActionId, Digest, RelPath};
use crate::host::actor;
use crate::journal::Permit;
use crate::model::Moment;
use crate::model::event::FileOutcome;
use crate::model::{Action, FileChange, Kind};
use crate::port::{TreeChange, Work, Workspace};
use std::sync::Arc;
use tokio::sync::mpsc;

pub async fn carry_out(
    workspace: Arc<dyn Workspace>,
    permit: Permit,
    work: Work,
    known: Option<Digest>,
    to_actor: mpsc::Sender<actor::Msg>,
) {
    let id = work.action.id.clone();
    let is_command = work.action.kind() == Kind::Command;
    let records = changes_files(&work.action);
    // What an edit changes is known, so it waits for no walk of the tree.
    let paths: Option<Vec<RelPath>> = (!is_command).then(|| work.action.touches().cloned().collect());
    let before =
        if records { record(&workspace, (known, paths.clone()), &id, Moment::Before, &to_actor).await } else { None };
    let (progress, mut coming) = mpsc::channel(AGENT_LINK_MESSAGES_MAX);
    let forward = {
        let (to_actor, action) = (to_actor.clone(), id.clone());
        async move {
            while let Some(progress) = coming.recv().await {
                if to_actor.send(Msg::Progress { action: action.clone(), progress }.into()).await.is_err() {
                    return;
                }
            }
        }
    };
    let (mut performed, ()) = tokio::join!(workspace.perform(permit, work, progress), forward);
    // Without a tree before it there is nothing to compare, and an edit does not wait twice for the first walk.
    if records && (is_command || before.is_some()) {
        let after = record(&workspace, (None, paths), &id, Moment::After, &to_actor).await;
        if let (true, Some(before), Some(after)) = (is_command && performed.files.is_empty(), before, after) {
            performed.files =
                workspace.tree_changes(before, after).unwrap_or_default().into_iter().map(outcome).collect();
        }
    }
    drop(to_actor.send(Msg::Performed { action: id, performed: Box::new(performed) }.into()).await);
}

/// Records the tree, unless it is known: all of it, or what is known of it after a check of some paths.
async fn record(
    workspace: &Arc<dyn Workspace>,
    (known, paths): (Option<Digest>, Option<Vec<RelPath>>),
    action: &ActionId,
    when: Moment,
    to_actor: &mpsc::Sender<actor::Msg>,
) -> Option<Digest> {
    let taken = match (known, paths) {
        (Some(tree), _) => Ok(Some(tree)),
        (None, None) => workspace.snapshot().await.map(Some),
        (None, Some(paths)) => workspace.snapshot_with(paths).await,
    };
    // `None`: the session has just begun and the tree was not seen as a whole yet.
    let tree = taken.inspect_err(|error| tracing::warn!(%error, "the tree could not be recorded")).ok().flatten();
    drop(to_actor.send(Msg::Checkpoint { action: Some(action.clone()), step: None, when, tree }.into()).await);
    let tree = tree?;
    Some(tree)
}

/// Converts a change observed while a command ran, whoever made it.
fn outcome(change: TreeChange) -> FileOutcome {
    let what = match change.sides() {
        (false, _) => FileChange::Create,
        (true, false) => FileChange::Delete,
        (true, true) => FileChange::Modify,
    };
    let outcome = FileOutcome::of(change.path, what, change.before, change.after);
    FileOutcome { before_node: change.before_node, after_node: change.after_node, during: true, ..outcome }
}

/// Opens the candidate and runs what is ordered until the actor lets go of the channel.
pub async fn run_trials(
    workspace: Arc<dyn Workspace>,
    permit: Permit,
    action: Action,
    to_actor: mpsc::Sender<actor::Msg>,
) {
    let id = action.id.clone();
    let mut trials = match workspace.open_trials(permit, &action).await {
        Ok(trials) => trials,
        Err(error) => {
            drop(to_actor.send(Msg::TrialsOpen { action: id, runs: Err(error.to_string()) }.into()).await);
            return;
        }
    };
    let (orders, mut coming) = mpsc::channel::<TrialOrder>(1);
    if to_actor.send(Msg::TrialsOpen { action: id.clone(), runs: Ok(orders) }.into()).await.is_err() {
        return;
    }
    while let Some(TrialOrder { ticket, record, trial }) = coming.recv().await {
        let output = trials.run(trial).await.map(Box::new).map_err(|e| e.to_string());
        if to_actor.send(Msg::TrialDone { ticket, action: id.clone(), record, output }.into()).await.is_err() {
            return;
        }
    }
}
