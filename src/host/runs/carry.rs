//! The tasks: one action carried out, with a recorded tree before and after, or trials run in a candidate.

use super::preview;
use super::result::{held_back, judged_by_content};
use super::{Msg, TrialOrder, changes_files, sides};
use crate::base::limits::AGENT_LINK_MESSAGES_MAX;
use crate::base::{ActionId, Digest, RelPath};
use crate::host::actor;
use crate::host::limits::{EFFECT_FILES_NAMED_MAX, EFFECT_FILES_SHOWN_MAX};
use crate::journal::Permit;
use crate::model::Moment;
use crate::model::event::{FileOutcome, Network, OutcomeWord};
use crate::model::{Action, FileChange, Kind};
use crate::port::{
    Effect, HeldFile, NotApart, Performed, Progress, Promotion, TreeChange, Work, Workspace, WorkspaceError,
};
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

/// What becomes of the layer of a command when it has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LayerEnd {
    /// Everything that nobody else changed is carried over.
    Promoted,
    /// A run of checks leaves nothing behind.
    Dropped,
    /// It is told and dropped.
    Preview,
    /// As a preview, with network.
    DryRun {
        /// Without a layer it must not run.
        needs_layer: bool,
    },
}

impl LayerEnd {
    /// Returns whether nothing of it is kept but what is told.
    fn is_preview(self) -> bool {
        matches!(self, Self::Preview | Self::DryRun { .. })
    }
}

pub async fn carry_out(
    workspace: Arc<dyn Workspace>,
    permit: Permit,
    (work, apart, failures): (Work, Option<LayerEnd>, Vec<String>),
    known: Option<Digest>,
    to_actor: mpsc::Sender<actor::Msg>,
) {
    let (id, stop) = (work.action.id.clone(), work.stop.clone());
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
    let performing = async {
        match apart {
            None => workspace.perform(permit, work, progress).await,
            Some(end) => perform_apart(&workspace, (permit, work, progress), end, &to_actor).await,
        }
    };
    let (mut performed, ()) = tokio::join!(performing, forward);
    if let Some(end) = apart.filter(|_| performed.apart) {
        settle(&workspace, (&id, before, end), (&mut performed, &stop), &to_actor).await;
    }
    // Without a tree before it there is nothing to compare, and an edit does not wait twice for the first walk.
    if records && (is_command || before.is_some()) {
        let after = record(&workspace, (None, paths), &id, Moment::After, &to_actor).await;
        let is_open = is_command && !performed.apart && performed.files.is_empty();
        if let (true, Some(before), Some(after)) = (is_open, before, after) {
            performed.files =
                workspace.tree_changes(before, after).unwrap_or_default().into_iter().map(outcome).collect();
        }
    }
    if is_command {
        performed.sides = sides::of(&workspace, &performed.files).await;
        performed.weakened = sides::weakened(&workspace, &id, &performed.files, failures).await;
    }
    drop(to_actor.send(Msg::Performed { action: id, performed: Box::new(performed) }.into()).await);
}

/// Runs a command in a layer, or directly where there can be none. The actor learns of that before the command starts:
/// what changes from then on may be its own. A preview without a layer does nothing, nor does a dry run that needs one.
async fn perform_apart(
    workspace: &Arc<dyn Workspace>,
    (permit, work, progress): (Permit, Work, mpsc::Sender<Progress>),
    end: LayerEnd,
    to_actor: &mpsc::Sender<actor::Msg>,
) -> Performed {
    let not_apart = match workspace.perform_apart(permit, work, progress, end.is_preview()).await {
        Ok(performed) => return performed,
        Err(not_apart) => *not_apart,
    };
    let NotApart { why, network, permit, work, progress } = not_apart;
    if matches!(end, LayerEnd::Preview | LayerEnd::DryRun { needs_layer: true }) {
        let what = if end == LayerEnd::Preview { "a preview" } else { "a dry run that may run code of the workspace" };
        return Performed::of(
            OutcomeWord::Failed,
            Some(format!("nothing was run: there is no layer for {what}: {why}")),
        );
    }
    if network != Network::On {
        let why = format!(
            "nothing was run: its network cannot be closed without a layer: {why}; to run it all the same, approve it with the network `on`"
        );
        return Performed::of(OutcomeWord::Failed, Some(why));
    }
    let (known, knows) = oneshot::channel();
    let message = Msg::NotApart { action: work.action.id.clone(), why, known };
    if to_actor.send(message.into()).await.is_ok() {
        let _ = knows.await;
    }
    workspace.perform(permit, work, progress).await
}

/// Reads what a command left in its layer, and carries it over or drops it. The actor learns of the files before they
/// change: the watcher may see them at once.
async fn settle(
    workspace: &Arc<dyn Workspace>,
    (action, before, end): (&ActionId, Option<Digest>, LayerEnd),
    (performed, stop): (&mut Performed, &CancellationToken),
    to_actor: &mpsc::Sender<actor::Msg>,
) {
    if end == LayerEnd::Dropped {
        return workspace.drop_layer(action);
    }
    let mut notes: Vec<String> = performed.detail.take().into_iter().collect();
    let read = until_ended(stop, workspace.effect(action, before)).await;
    let ended = || WorkspaceError::Refused("it was ended while they were read".to_owned());
    match (read.unwrap_or_else(|| Err(ended())), end) {
        (Err(error), _) => {
            workspace.drop_layer(action);
            performed.outcome = OutcomeWord::Failed;
            notes.push(format!("its changes could not be read and were not promoted: {error}"));
        }
        (Ok(effect), LayerEnd::Preview | LayerEnd::DryRun { .. }) => {
            let paths = effect.files.iter().map(|file| file.path.clone()).take(EFFECT_FILES_SHOWN_MAX).collect();
            let shown = workspace.result_files(action, paths).await;
            workspace.drop_layer(action);
            (performed.layer.would, performed.layer.more) = preview::would(&effect, &shown);
            notes.push(told(&effect, end));
        }
        (Ok(effect), LayerEnd::Promoted | LayerEnd::Dropped) => {
            let (known, knows) = oneshot::channel();
            let message = Msg::Promoting { action: action.clone(), files: effect.files, known };
            // Without an actor nobody asks, and nobody knows the rules.
            let Some(rules) = (match to_actor.send(message.into()).await {
                Ok(()) => knows.await.ok(),
                Err(_) => None,
            }) else {
                return workspace.drop_layer(action);
            };
            let (of, nodes) = (action.clone(), effect.nodes);
            let shown = workspace.result_files(action, judged_by_content(&nodes)).await;
            // There may be very many.
            let held = match tokio::task::spawn_blocking(move || held_back(&*rules, &of, &nodes, &shown)).await {
                Ok(held) => held,
                Err(_) => return workspace.drop_layer(action),
            };
            let Promotion { files, left, held, failed } = workspace.promote(action, held).await;
            notes.extend(waiting(&held));
            (performed.files, performed.held) = (files, held);
            if failed {
                performed.outcome = OutcomeWord::Failed;
            }
            notes.extend(left);
        }
    }
    performed.detail = (!notes.is_empty()).then(|| notes.join("; "));
}

/// Reads a result, unless the command is ended meanwhile. Of one that was ended while it ran, the result is read: what it
/// wrote before counts.
async fn until_ended<T>(stop: &CancellationToken, read: impl Future<Output = T>) -> Option<T> {
    if stop.is_cancelled() { Some(read.await) } else { stop.run_until_cancelled(read).await }
}

/// The part of a result that is pending, in words.
fn waiting(held: &[HeldFile]) -> Option<String> {
    let named: Vec<_> = held.iter().take(EFFECT_FILES_NAMED_MAX).map(|file| file.path.to_string()).collect();
    let more = held.len().saturating_sub(named.len());
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    (!held.is_empty()).then(|| format!("its changes of {}{more} are pending", named.join(", ")))
}

/// What a command would change, in words.
fn told(effect: &Effect, end: LayerEnd) -> String {
    let word = |change: FileChange| match change {
        FileChange::Create => "create",
        FileChange::Modify => "change",
        FileChange::Delete => "delete",
        FileChange::Rename => "rename",
    };
    let named = effect.files.iter().take(EFFECT_FILES_NAMED_MAX);
    let mut all: Vec<String> = named.map(|file| format!("{} {}", word(file.change), file.path)).collect();
    let more = effect.files.len().saturating_sub(all.len());
    all.extend((more > 0).then(|| format!("{more} more files")));
    all.extend((effect.others > 0).then(|| format!("{} files that are not content", effect.others)));
    let what = if all.is_empty() { "nothing".to_owned() } else { all.join(", ") };
    let (name, network) = if end == LayerEnd::Preview { ("preview", "without") } else { ("dry run", "with") };
    format!("{name} in a layer {network} network, nothing was kept; it would change: {what}")
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
    while let Some(TrialOrder { ticket, mut record, mut trial }) = coming.recv().await {
        let mut output = match record.prepare(&workspace, &mut trial).await {
            Ok(()) => trials.run(trial).await.map(Box::new).map_err(|e| e.to_string()),
            Err(why) => Err(why),
        };
        if let Ok(output) = &mut output {
            record.collect(output).await;
        }
        if to_actor
            .send(Msg::TrialDone { ticket, action: id.clone(), record: Box::new(record), output }.into())
            .await
            .is_err()
        {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::{pending, ready};

    #[tokio::test]
    async fn the_reading_of_a_result_ends_with_its_command() {
        let stop = CancellationToken::new();
        assert_eq!(until_ended(&stop, ready(1)).await, Some(1));
        let ends = async {
            tokio::task::yield_now().await;
            stop.cancel();
        };
        let (read, ()) = tokio::join!(until_ended(&stop, pending::<u8>()), ends);
        assert_eq!(read, None, "ended while it was read");
        assert_eq!(until_ended(&stop, ready(1)).await, Some(1), "ended while it ran: what it wrote before is read");
    }
}
