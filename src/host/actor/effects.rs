//! Carrying out what was decided: each action in a task of its own, with a recorded tree before and after.

use super::super::clients::Reply;
use super::{Actor, Msg};
use crate::base::limits::AGENT_LINK_MESSAGES_MAX;
use crate::base::{ActionId, Digest, RelPath};
use crate::host::limits::{COMMANDS_AT_ONCE_MAX, OUTPUT_EVENT_BYTES_MAX};
use crate::journal::Permit;
use crate::model::decide::Input;
use crate::model::event::{
    AgentNoted, Census, Checkpointed, Event, FileOutcome, Finished, LapseWhy, OutcomeWord, Stopped, Stream, TurnEnd,
    TurnEnded,
};
use crate::model::{Action, FileChange, FileEdit, Kind};
use crate::port::{Performed, Progress, Ticket, ToAgent, TreeChange, Trial, Work, Workspace};
use std::sync::Arc;
use tokio::sync::{Semaphore, mpsc, oneshot};

/// One run in an open candidate.
#[derive(Debug)]
pub struct TrialOrder {
    /// None when a client asked for it.
    pub ticket: Option<Ticket>,
    pub record: TrialRecord,
    pub trial: Trial,
}

/// What the journal says about a run.
#[derive(Clone, Debug)]
pub struct TrialRecord {
    pub what: String,
    pub command: usize,
    pub cases: bool,
}

impl TrialRecord {
    pub fn of(trial: &Trial) -> Self {
        Self { what: trial.what.clone(), command: trial.command, cases: trial.record_cases }
    }
}

/// The files that a client wants tested in a candidate.
#[derive(Debug)]
pub struct CandidateOrder {
    pub what: String,
    pub edits: Vec<(crate::base::RelPath, Option<Vec<u8>>)>,
}

/// One permit for each command that may run at the same time.
#[derive(Debug)]
pub(super) struct Slots(Arc<Semaphore>);

impl Default for Slots {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(COMMANDS_AT_ONCE_MAX)))
    }
}

/// Does carrying it out change files?
fn changes_files(action: &Action) -> bool {
    matches!(action.kind, Kind::Edit | Kind::Command) && action.trial.is_none()
}

impl Actor {
    pub(super) fn perform(&mut self, id: &ActionId, permit: Permit) {
        let Some(action) = self.book.session.actions.get(id).map(|s| s.action.clone()) else { return };
        let workspace = self.workspace.clone();
        let to_self = self.to_self.clone();
        let task = if action.trial.is_some() {
            tokio::spawn(run_trials(workspace, permit, action, to_self))
        } else {
            let blobs = self.blobs_of(&action);
            if let Some(files) = action.files.as_ref().filter(|_| action.kind == Kind::Edit) {
                workspace.expect(id, &expected(files));
            }
            self.tell_release(id);
            let slots = (action.kind == Kind::Command).then(|| self.slots(id));
            let work = carry_out(workspace, permit, Work { action, blobs }, self.tree, to_self);
            tokio::spawn(async move {
                let _slot = match slots {
                    Some(slots) => slots.acquire_owned().await.ok(),
                    None => None,
                };
                work.await;
            })
        };
        self.running.tasks.insert(id.clone(), task.abort_handle());
    }

    /// Where a command waits for its turn, which is said when it has to.
    fn slots(&mut self, id: &ActionId) -> Arc<Semaphore> {
        let slots = Arc::clone(&self.running.slots.0);
        if slots.available_permits() == 0 {
            let text = format!(
                "{id} starts when another command ends: {COMMANDS_AT_ONCE_MAX} are running, which is the limit"
            );
            self.record(Event::AgentNoted(AgentNoted { what: "waiting".to_owned(), text, sessions: None }));
        }
        slots
    }

    /// Records the tree as the session finds it.
    pub(super) fn first_checkpoint(&self) {
        let (workspace, to_self) = (self.workspace.clone(), self.to_self.clone());
        tokio::spawn(async move {
            match workspace.snapshot().await {
                Ok(tree) => drop(to_self.send(Msg::Checkpoint { action: None, when: "start", tree: Some(tree) }).await),
                Err(error) => tracing::warn!(%error, "the tree could not be recorded"),
            }
        });
    }

    pub(super) fn checkpointed(&mut self, action: Option<ActionId>, when: &'static str, tree: Option<Digest>) {
        self.tree = tree;
        if let Some(tree) = tree {
            let is_known = self.book.session.checkpoints.last().is_some_and(|(_, _, _, last)| *last == tree);
            if !(is_known && when == "start") {
                self.record(Event::Checkpointed(Checkpointed { tree, action: action.clone(), when: when.into() }));
            }
        }
        // A run of checks is recorded also where the tree it ran on is not known; it equals no other tree then.
        let unknown = || Digest::of(format!("no checkpoint before {action:?}").as_bytes());
        let tree = tree.unwrap_or_else(unknown);
        if let Some(action) = action.filter(|_| when == "before") {
            self.start_feed(&action, tree);
        }
    }

    pub(super) fn progress(&mut self, action: &ActionId, progress: Progress) {
        match progress {
            Progress::Output { stream, bytes } => {
                for chunk in bytes.chunks(OUTPUT_EVENT_BYTES_MAX) {
                    self.output(action, stream, chunk.to_vec());
                }
                if let Some(ticket) = self.agent.ticket(action) {
                    self.agent.send_output(ticket, bytes);
                }
            }
            // The process list is asked for when it is shown; it is not a fact to keep.
            Progress::Processes(_) => {}
        }
    }

    pub(super) fn performed(&mut self, id: &ActionId, mut performed: Performed) {
        self.running.tasks.remove(id);
        self.tell_neighbors(&performed.files);
        if let Some(feed) = self.running.feeds.remove(id) {
            let exit = if performed.timed_out { None } else { performed.exit };
            performed.report = self.finish_feed(feed, exit);
        }
        // A run of checks owns no changes; what the watcher still reports of them is known as having happened meanwhile.
        let checks = self.book.session.actions.get(id).is_some_and(|state| state.action.checks);
        if checks {
            self.running.last_checks = Some((id.clone(), performed.files.clone()));
        }
        let finished = Finished {
            action: id.clone(),
            outcome: performed.outcome,
            exit: performed.exit,
            files: (!checks && !performed.files.is_empty()).then(|| performed.files.clone()),
            detail: performed.detail.clone(),
        };
        let is_ok = performed.outcome == OutcomeWord::Ok;
        self.quietly(Input::Finish { action: id.clone(), finished: Box::new(finished) });
        self.tell_work();
        self.reverted(id, is_ok, &performed.files);
        for file in &performed.files {
            self.quietly(Input::BaseChanged { path: file.path.clone(), now: file.after });
            if let Some(from) = file.from.clone() {
                self.quietly(Input::BaseChanged { path: from, now: None });
            }
        }
        if let Some(ticket) = self.agent.ticket(id) {
            self.agent.send(ToAgent::Performed { ticket, performed: Box::new(performed) });
        }
    }

    pub(super) fn freeze_processes(&self, freeze: bool) {
        let workspace = self.workspace.clone();
        tokio::spawn(async move {
            let done = if freeze { workspace.freeze().await } else { workspace.resume().await };
            if let Err(error) = done {
                tracing::warn!(%error, freeze, "not every process could be frozen or resumed");
            }
        });
    }

    /// Ends everything; the census is the answer.
    pub(super) fn stop(&mut self, reply: oneshot::Sender<Reply>) {
        self.lapse_all(LapseWhy::Killed);
        let line = std::mem::take(&mut self.agent);
        let (workspace, to_self) = (self.workspace.clone(), self.to_self.clone());
        tokio::spawn(async move {
            let mut line = line;
            let census = workspace.stop().await;
            line.end().await;
            drop(to_self.send(Msg::Stopped { census, reply: Some(reply) }).await);
        });
    }

    pub(super) fn stopped(&mut self, census: Census, reply: Option<oneshot::Sender<Reply>>) {
        if let Some(turn) = self.book.session.turn.clone() {
            let text = Some("stopped by the user".to_owned());
            self.record(Event::TurnEnded(TurnEnded { turn, reason: TurnEnd::Cancelled, text }));
        }
        self.record(Event::Stopped(Stopped { census: census.clone() }));
        if let Some(reply) = reply {
            let answer = serde_json::to_value(&census)
                .map_err(|e| crate::wire::RpcError::new(crate::wire::Code::Internal, e.to_string()));
            self.respond(reply, answer);
        }
    }
}

/// What an edit will leave on the disk.
pub(super) fn expected(files: &[FileEdit]) -> Vec<FileOutcome> {
    files
        .iter()
        .flat_map(|f| {
            let (before, after) = (f.before.as_ref().map(|c| c.digest()), f.after.as_ref().map(|c| c.digest()));
            let old = f.from.as_ref().map(|from| FileOutcome::of(from.clone(), FileChange::Delete, before, None));
            let here = FileOutcome::of(f.path.clone(), f.change, if f.from.is_some() { None } else { before }, after);
            old.into_iter().chain(std::iter::once(here))
        })
        .collect()
}

async fn carry_out(
    workspace: Arc<dyn Workspace>,
    permit: Permit,
    work: Work,
    known: Option<Digest>,
    to_self: mpsc::Sender<Msg>,
) {
    let id = work.action.id.clone();
    let is_command = work.action.kind == Kind::Command;
    let records = changes_files(&work.action);
    // What an edit changes is known, so it waits for no walk of the tree.
    let paths: Option<Vec<RelPath>> = (!is_command).then(|| work.action.touches().cloned().collect());
    let before = if records { record(&workspace, (known, paths.clone()), &id, "before", &to_self).await } else { None };
    let (progress, mut coming) = mpsc::channel(AGENT_LINK_MESSAGES_MAX);
    let forward = {
        let (to_self, action) = (to_self.clone(), id.clone());
        async move {
            while let Some(progress) = coming.recv().await {
                if to_self.send(Msg::Progress { action: action.clone(), progress }).await.is_err() {
                    return;
                }
            }
        }
    };
    let (mut performed, ()) = tokio::join!(workspace.perform(permit, work, progress), forward);
    // Without a tree before it there is nothing to compare, and an edit does not wait twice for the first walk.
    if records && (is_command || before.is_some()) {
        let after = record(&workspace, (None, paths), &id, "after", &to_self).await;
        if let (true, Some(before), Some(after)) = (is_command && performed.files.is_empty(), before, after) {
            performed.files =
                workspace.tree_changes(before, after).unwrap_or_default().into_iter().map(outcome).collect();
        }
    }
    drop(to_self.send(Msg::Performed { action: id, performed: Box::new(performed) }).await);
}

/// Records the tree, unless it is known: all of it, or what is known of it after a look at some paths.
async fn record(
    workspace: &Arc<dyn Workspace>,
    (known, paths): (Option<Digest>, Option<Vec<RelPath>>),
    action: &ActionId,
    when: &'static str,
    to_self: &mpsc::Sender<Msg>,
) -> Option<Digest> {
    let taken = match (known, paths) {
        (Some(tree), _) => Ok(Some(tree)),
        (None, None) => workspace.snapshot().await.map(Some),
        (None, Some(paths)) => workspace.snapshot_with(paths).await,
    };
    // `None`: the session has just begun and the tree was not seen as a whole yet.
    let tree = taken.inspect_err(|error| tracing::warn!(%error, "the tree could not be recorded")).ok().flatten();
    drop(to_self.send(Msg::Checkpoint { action: Some(action.clone()), when, tree }).await);
    let tree = tree?;
    Some(tree)
}

/// What changed while a command ran, whoever did it.
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
async fn run_trials(workspace: Arc<dyn Workspace>, permit: Permit, action: Action, to_self: mpsc::Sender<Msg>) {
    let id = action.id.clone();
    let mut trials = match workspace.open_trials(permit, &action).await {
        Ok(trials) => trials,
        Err(error) => {
            drop(to_self.send(Msg::TrialsOpen { action: id, runs: Err(error.to_string()) }).await);
            return;
        }
    };
    let (orders, mut coming) = mpsc::channel::<TrialOrder>(1);
    if to_self.send(Msg::TrialsOpen { action: id.clone(), runs: Ok(orders) }).await.is_err() {
        return;
    }
    while let Some(TrialOrder { ticket, record, trial }) = coming.recv().await {
        let output = trials.run(trial).await.map(Box::new).map_err(|e| e.to_string());
        if to_self.send(Msg::TrialDone { ticket, action: id.clone(), record, output }).await.is_err() {
            return;
        }
    }
}

/// A performed trial action: the bench is open.
pub(super) fn bench_open() -> Performed {
    Performed::of(OutcomeWord::Ok, None)
}

/// Both streams of a finished run, for its parser.
pub(super) fn streams(output: &crate::port::TrialOutput) -> [(Stream, &[u8]); 2] {
    [(Stream::Stderr, &output.stderr), (Stream::Stdout, &output.stdout)]
}
