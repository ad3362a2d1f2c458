//! Running actions: commands and edits in tasks of their own, runs of checks, trials in candidates.

mod carry;
mod covered;
mod egress;
mod feed;
mod originals;
mod preview;
pub mod rerun;
mod result;
mod search;
pub mod sides;
mod trials;

use super::actor;
use super::gate::{Due, Gate, RulesNow};
use crate::base::{ActionId, Digest, RelPath, StepId};
use crate::host::limits::{COMMANDS_AT_ONCE_MAX, OUTPUT_EVENT_BYTES_MAX};
use crate::journal::Permit;
use crate::model::action::Executor;
use crate::model::decide::{Input, Reply};
use crate::model::event::{
    AgentNoted, Alarm, Checkpointed, Event, FileOutcome, Finished, InLayer, Network, Output, Stream,
};
use crate::model::plan::{Plan, StepStatus};
use crate::model::session::Phase;
use crate::model::{Action, AlarmKind, FileChange, FileEdit, Kind, Moment, NoteKind, TrialOutput};
use crate::policy::{Class, weakened};
use crate::port::{Apart, Connect, Performed, Progress, Ticket, Work};
use carry::LayerEnd;
use egress::Connections;
use feed::Feed;
use originals::Waiting;
use rerun::Rerun;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::task::AbortHandle;
use tokio_util::sync::CancellationToken;
use trials::finish_feed;
pub use trials::{CandidateOrder, TrialOrder, TrialRecord};

/// Returns whether executing it changes files.
fn changes_files(action: &Action) -> bool {
    matches!(action.kind(), Kind::Edit | Kind::Command) && action.trial().is_none()
}

/// A message from a task that executes something.
#[derive(Debug)]
pub enum Msg {
    Progress {
        action: ActionId,
        progress: Progress,
    },
    Checkpoint {
        action: Option<ActionId>,
        step: Option<StepId>,
        when: Moment,
        /// None: it could not be recorded.
        tree: Option<Digest>,
    },
    /// A command that should run in a layer is about to run without one.
    NotApart {
        action: ActionId,
        why: String,
        known: oneshot::Sender<()>,
    },
    /// The layer of a command is about to be promoted: these files become so, unless the rules hold them back.
    Promoting {
        action: ActionId,
        files: Vec<FileOutcome>,
        known: oneshot::Sender<RulesNow>,
    },
    Performed {
        action: ActionId,
        performed: Box<Performed>,
    },
    /// What makes a run of checks due may have come to rest.
    Settled,
    /// The candidate for an action's trials is open, or could not be made.
    TrialsOpen {
        action: ActionId,
        runs: Result<mpsc::Sender<TrialOrder>, String>,
    },
    TrialDone {
        ticket: Option<Ticket>,
        action: ActionId,
        record: Box<TrialRecord>,
        output: Result<Box<TrialOutput>, String>,
    },
}

/// The dry run of a pending action.
struct Trying {
    target: ActionId,
    /// Its tool may run code of the workspace.
    needs_layer: bool,
}

/// One of [`COMMANDS_AT_ONCE_MAX`].
enum Slot {
    Free(OwnedSemaphorePermit),
    Next(Arc<Semaphore>),
}

/// Actions that are being carried out.
pub struct Runs {
    to_actor: mpsc::Sender<actor::Msg>,
    /// The newest recorded tree, while nothing has changed since.
    tree: Option<Digest>,
    slots: Arc<Semaphore>,
    tasks: BTreeMap<ActionId, AbortHandle>,
    /// Ends a command early, by its action.
    stops: BTreeMap<ActionId, CancellationToken>,
    feeds: BTreeMap<ActionId, Feed>,
    trials: BTreeMap<ActionId, mpsc::Sender<TrialOrder>>,
    /// The last run of checks on the workspace that finished, and what changed while it ran.
    last_checks: Option<(ActionId, Vec<FileOutcome>)>,
    /// Started by the client: the runs that are still to be made in a candidate with a proposal's files in it.
    tests: BTreeMap<ActionId, VecDeque<CandidateOrder>>,
    originals: Waiting,
    /// Runs of some cases on the workspace that have not begun: what was asked for.
    parts: BTreeMap<ActionId, Vec<String>>,
    /// Commands that run in a layer; once that is being promoted, with the content that it leaves.
    apart: BTreeMap<ActionId, Option<Vec<FileOutcome>>>,
    /// Own actions that only show what a pending command would do, with that command.
    previews: BTreeMap<ActionId, ActionId>,
    /// The same for dry runs of infrastructure actions.
    dry_runs: BTreeMap<ActionId, Trying>,
    told_no_layer: bool,
    connections: Connections,
    /// One step at a time is recorded: an agent that turns steps on and off must not pile them up.
    step_slot: Arc<Semaphore>,
    /// The plan whose steps were looked at last.
    seen_plan: Option<Plan>,
    rerun: Rerun,
}

impl Runs {
    pub fn new(to_actor: mpsc::Sender<actor::Msg>) -> Self {
        Self {
            to_actor,
            tree: None,
            slots: Arc::new(Semaphore::new(COMMANDS_AT_ONCE_MAX)),
            tasks: BTreeMap::new(),
            stops: BTreeMap::new(),
            feeds: BTreeMap::new(),
            trials: BTreeMap::new(),
            last_checks: None,
            tests: BTreeMap::new(),
            originals: Waiting::default(),
            parts: BTreeMap::new(),
            apart: BTreeMap::new(),
            previews: BTreeMap::new(),
            dry_runs: BTreeMap::new(),
            told_no_layer: false,
            connections: Connections::default(),
            step_slot: Arc::new(Semaphore::new(1)),
            seen_plan: None,
            rerun: Rerun::default(),
        }
    }

    pub fn take(&mut self, gate: &mut Gate, message: Msg) {
        match message {
            Msg::Progress { action, progress } => self.progress(gate, &action, progress),
            Msg::Checkpoint { action, step, when, tree } => {
                // A run of checks is recorded also where the tree it ran on is not known; it equals no other tree then.
                let unknown = || Digest::of(format!("no checkpoint before {action:?}").as_bytes());
                let made = Checkpointed { tree: tree.unwrap_or_else(unknown), action, step, when };
                self.checkpointed(gate, made, tree.is_some());
            }
            Msg::NotApart { action, why, known } => {
                self.not_apart(gate, &action, &why);
                let _ = known.send(());
            }
            Msg::Promoting { action, files, known } => {
                self.apart.insert(action, Some(files));
                // A task that is gone promotes nothing.
                let _ = known.send(gate.rules());
            }
            Msg::Performed { action, performed } => self.performed(gate, &action, *performed),
            Msg::Settled => rerun::settled(self, gate),
            Msg::TrialsOpen { action, runs } => self.trials_open(gate, &action, runs),
            Msg::TrialDone { ticket, action, record, output } => {
                self.trial_done(gate, ticket, &action, &record, output);
            }
        }
    }

    /// Ends everything that runs and forgets it, but for the promotions that have begun: those end soon, and are given
    /// back. Dropped tasks take their processes along.
    pub fn abort(&mut self) -> BTreeSet<ActionId> {
        let ending = self.promoting();
        let (tasks, aborted): (BTreeMap<_, _>, BTreeMap<_, _>) =
            std::mem::take(&mut self.tasks).into_iter().partition(|(id, _)| ending.contains(id));
        aborted.values().for_each(AbortHandle::abort);
        let kept = |id: &ActionId| ending.contains(id);
        self.apart.retain(|id, _| kept(id));
        self.feeds.retain(|id, _| kept(id));
        let (apart, feeds) = (std::mem::take(&mut self.apart), std::mem::take(&mut self.feeds));
        let seen_plan = self.seen_plan.take();
        *self = Self { tree: self.tree, seen_plan, tasks, apart, feeds, ..Self::new(self.to_actor.clone()) };
        ending
    }

    /// The commands whose results are being promoted.
    pub fn promoting(&self) -> BTreeSet<ActionId> {
        let begun = self.apart.iter().filter(|(id, files)| files.is_some() && self.tasks.contains_key(*id));
        begun.map(|(id, _)| id.clone()).collect()
    }

    /// The word on an action; a command may wait for it.
    pub fn answered(&mut self, action: &ActionId, reply: &Reply) {
        self.connections.answered(action, reply);
    }

    pub fn is_running(&self, action: &ActionId) -> bool {
        self.tasks.contains_key(action)
    }

    /// The recorded tree no longer matches the workspace.
    pub fn tree_changed(&mut self) {
        self.tree = None;
    }

    /// The last run of checks during which this file became so.
    pub fn checks_that_left(&self, path: &RelPath, after: Option<Digest>) -> Option<&ActionId> {
        let (id, files) = self.last_checks.as_ref()?;
        files.iter().any(|f| &f.path == path && f.after == after).then_some(id)
    }

    /// Returns whether a change in the workspace cannot be this command's: it runs in a layer. What it leaves beside the
    /// content comes with the promotion.
    pub fn is_apart(&self, action: &ActionId, ignored: bool) -> bool {
        self.apart.get(action).is_some_and(|promoting| promoting.is_none() || !ignored)
    }

    /// The command whose layer is being promoted and leaves this file so.
    pub fn promotes(&self, path: &RelPath, after: Option<Digest>) -> Option<&ActionId> {
        let leaves = |files: &Option<Vec<FileOutcome>>| {
            files.iter().flatten().any(|file| &file.path == path && file.after == after)
        };
        self.apart.iter().find(|(_, files)| leaves(files)).map(|(id, _)| id)
    }

    /// Whether this action should run in a layer, and what becomes of it.
    fn layer_of(&self, gate: &Gate, action: &Action) -> Option<LayerEnd> {
        if action.kind() != Kind::Command || action.executor != Executor::Host {
            return None;
        }
        if let Some(&Trying { needs_layer, .. }) = self.dry_runs.get(&action.id) {
            return gate.workspace().keeps_apart(Apart::Preview).then_some(LayerEnd::DryRun { needs_layer });
        }
        let is_preview = self.previews.contains_key(&action.id);
        let decided = gate.session().actions.get(&action.id).and_then(|state| state.decided.as_ref());
        let closes = |network: Option<Network>| network.is_some_and(|network| network != Network::On);
        let decided = decided.and_then(|decided| decided.network);
        let is_closed = closes(decided);
        let by_session = decided.is_none() && closes(gate.session().rules.network());
        let class = || match gate.judge().judged(action).class {
            Class::Read => Apart::OnlyReads,
            Class::Network | Class::WriteOutside | Class::Privilege => Apart::Outside,
            Class::WriteInside | Class::Unknown | Class::Destructive if by_session => Apart::Closed,
            Class::WriteInside | Class::Unknown | Class::Destructive => Apart::Writes,
        };
        let (command, end) = match (is_preview, action.checks) {
            (true, _) => (Apart::Preview, LayerEnd::Preview),
            (false, true) if is_closed || by_session => (Apart::Closed, LayerEnd::Dropped),
            (false, true) => (Apart::Writes, LayerEnd::Dropped),
            (false, false) if is_closed => (Apart::Closed, LayerEnd::Promoted),
            (false, false) => (class(), LayerEnd::Promoted),
        };
        gate.workspace().keeps_apart(command).then_some(end)
    }

    /// The network of a command, where it is not the configured one.
    fn network_of(&self, gate: &Gate, id: &ActionId) -> Option<Network> {
        if self.dry_runs.contains_key(id) {
            // What shows the effect of an infrastructure action needs the same network as the action.
            return Some(Network::On);
        }
        if self.previews.contains_key(id) {
            return None;
        }
        let decided = gate.session().actions.get(id).and_then(|state| state.decided.as_ref());
        decided.and_then(|decided| decided.network).or_else(|| gate.session().rules.network())
    }

    /// There are no layers here, which is said once: what changes may be the command's.
    fn not_apart(&mut self, gate: &mut Gate, action: &ActionId, why: &str) {
        self.apart.remove(action);
        if !std::mem::replace(&mut self.told_no_layer, true) {
            let text = format!(
                "commands run directly in the workspace with the network of this machine, not in a layer: {why}"
            );
            gate.record(Event::AgentNoted(AgentNoted::new(NoteKind::Waiting, text)));
        }
    }

    pub fn perform(&mut self, gate: &mut Gate, id: &ActionId, permit: Permit) {
        if self.connections.opened(gate, id) {
            return;
        }
        let Some(state) = gate.session().actions.get(id) else { return };
        let (action, network) = (state.action.clone(), self.network_of(gate, id));
        let workspace = gate.workspace().clone();
        let to_actor = self.to_actor.clone();
        let task = if action.trial().is_some() {
            tokio::spawn(carry::run_trials(workspace, permit, action, to_actor))
        } else {
            let blobs = gate.blobs_of(&action);
            if action.kind() == Kind::Edit {
                let files = action.files();
                workspace.expect(id, &expected(files));
            }
            let apart = self.layer_of(gate, &action);
            if apart.is_some() {
                self.apart.insert(id.clone(), None);
            }
            let slot = (action.kind() == Kind::Command).then(|| self.slot(gate, id));
            let stop = CancellationToken::new();
            self.stops.insert(id.clone(), stop.clone());
            let work = Work { action, blobs, stop: stop.clone(), network };
            let failures = if slot.is_some() { weakened::failures(gate.session()) } else { Vec::new() };
            let failures = failures.into_iter().map(str::to_owned).collect();
            let work = carry::carry_out(workspace, permit, (work, apart, failures), self.tree, to_actor);
            tokio::spawn(async move {
                let _slot = match slot {
                    Some(Slot::Free(slot)) => Some(slot),
                    // One that is stopped while it waits needs no turn: it is not started any more.
                    Some(Slot::Next(slots)) => {
                        stop.run_until_cancelled(slots.acquire_owned()).await.and_then(Result::ok)
                    }
                    None => None,
                };
                work.await;
            })
        };
        self.tasks.insert(id.clone(), task.abort_handle());
    }

    /// A command's turn, or where it waits for one, which is said.
    fn slot(&self, gate: &mut Gate, id: &ActionId) -> Slot {
        let slots = Arc::clone(&self.slots);
        if let Ok(slot) = Arc::clone(&slots).try_acquire_owned() {
            return Slot::Free(slot);
        }
        let text =
            format!("{id} starts when another command ends: {COMMANDS_AT_ONCE_MAX} are running, which is the limit");
        gate.record(Event::AgentNoted(AgentNoted::new(NoteKind::Waiting, text)));
        Slot::Next(slots)
    }

    /// Records the tree as the session finds it.
    pub fn first_checkpoint(&self, gate: &Gate) {
        self.checkpoint(gate, None, Moment::Start);
    }

    fn checkpoint(&self, gate: &Gate, step: Option<StepId>, when: Moment) {
        let (workspace, to_actor) = (gate.workspace().clone(), self.to_actor.clone());
        let slot = step.as_ref().map(|_| self.step_slot.clone().try_acquire_owned());
        if matches!(slot, Some(Err(_))) {
            tracing::warn!("a step is not recorded: another one is being recorded");
            return;
        }
        tokio::spawn(async move {
            let _slot = slot;
            match workspace.snapshot().await {
                Ok(tree) => {
                    let message = Msg::Checkpoint { action: None, step, when, tree: Some(tree) };
                    drop(to_actor.send(message.into()).await);
                }
                Err(error) => tracing::warn!(%error, "the tree could not be recorded"),
            }
        });
    }

    /// Records the tree where a step that is marked for it begins or ends.
    pub fn follow_steps(&mut self, gate: &Gate) {
        let plan = &gate.session().plan;
        if self.seen_plan.as_ref().is_some_and(|seen| seen.revision == plan.revision) {
            return;
        }
        let before = self.seen_plan.replace(plan.clone()).unwrap_or_default();
        for step in plan.steps.iter().filter(|step| step.checkpoint) {
            let was = before.step(&step.id).map_or(StepStatus::Pending, |step| step.status);
            let when = match (was, step.status) {
                (was, now) if was == now => continue,
                (_, StepStatus::Active) => Moment::StepBegins,
                (_, StepStatus::Done | StepStatus::Failed | StepStatus::Skipped) => Moment::StepEnds,
                (_, StepStatus::Pending) => continue,
            };
            self.checkpoint(gate, Some(step.id.clone()), when);
        }
    }

    /// The plan as a former host left it: what has begun there does not begin now.
    pub fn take_up_plan(&mut self, gate: &Gate) {
        self.seen_plan = Some(gate.session().plan.clone());
    }

    fn checkpointed(&mut self, gate: &mut Gate, made: Checkpointed, is_known: bool) {
        if is_known {
            // That of a step comes when it is done: the tree may have changed since.
            if made.step.is_none() {
                self.tree = Some(made.tree);
            }
            let is_same = gate.session().disk.checkpoints.last().is_some_and(|(_, last)| last.tree == made.tree);
            if !(is_same && made.when == Moment::Start) {
                gate.record(Event::Checkpointed(made.clone()));
            }
        } else {
            self.tree = None;
        }
        if let Some(action) = made.action.filter(|_| made.when == Moment::Before) {
            self.start_feed(gate, &action, made.tree);
        }
    }

    fn progress(&mut self, gate: &mut Gate, action: &ActionId, progress: Progress) {
        match progress {
            Progress::Output { stream, bytes } => {
                for chunk in bytes.chunks(OUTPUT_EVENT_BYTES_MAX) {
                    self.output(gate, action, stream, chunk.to_vec());
                }
                gate.then(Due::Output { action: action.clone(), bytes });
            }
            // The process list is asked for when it is shown; it is not a fact to keep.
            Progress::Processes(_) => {}
            Progress::Connects(connect) => self.connections.asked(gate, Some(action), connect),
        }
    }

    /// The agent's process in a layer asks for a connection.
    pub fn agent_connects(&mut self, gate: &mut Gate, connect: Connect) {
        self.connections.asked(gate, None, connect);
    }

    /// Output of an action, to the journal and to its run of checks.
    pub fn output(&mut self, gate: &mut Gate, action: &ActionId, stream: Stream, bytes: Vec<u8>) {
        let mut events = self.feeds.get_mut(action).map(|feed| feed.feed(stream, &bytes)).unwrap_or_default();
        let tail = String::from_utf8_lossy(&bytes).into_owned();
        events.insert(0, Event::Output(Output { action: action.clone(), stream, digest: Digest::of(&bytes), tail }));
        if let Err(trouble) = gate.append_with(events, bytes) {
            tracing::error!(%trouble, "output is lost");
        }
    }

    fn performed(&mut self, gate: &mut Gate, id: &ActionId, mut performed: Performed) {
        self.tasks.remove(id);
        self.stops.remove(id);
        self.apart.remove(id);
        let dry_run = self.dry_runs.remove(id);
        performed.layer.dry_run = dry_run.is_some();
        performed.layer.previews = self.previews.remove(id).or(dry_run.map(|dry_run| dry_run.target));
        self.connections.ended(gate, id);
        if let Some(feed) = self.feeds.remove(id) {
            let exit = if performed.timed_out { None } else { performed.exit };
            performed.report = finish_feed(gate, feed, exit);
        }
        // A run of checks owns no changes; what the watcher still reports of them is known as having happened
        // meanwhile.
        let checks = gate.session().actions.get(id).is_some_and(|state| state.action.checks);
        if checks {
            self.last_checks = Some((id.clone(), performed.files.clone()));
        }
        let finished = Finished {
            action: id.clone(),
            outcome: performed.outcome,
            exit: performed.exit,
            files: (!checks && !performed.files.is_empty()).then(|| performed.files.clone()),
            detail: performed.detail.clone(),
            apart: performed.apart,
            layer: (performed.layer != InLayer::default()).then(|| Box::new(performed.layer.clone())),
            sides: if checks { Vec::new() } else { std::mem::take(&mut performed.sides) },
            reads: result::reads(gate, id, &performed.read),
        };
        gate.quietly(Input::Finish { action: id.clone(), finished: Box::new(finished) });
        for file in &performed.files {
            gate.quietly(Input::BaseChanged { path: file.path.clone(), now: file.after });
            if let Some(from) = file.from.clone() {
                gate.quietly(Input::BaseChanged { path: from, now: None });
            }
        }
        if let Some(text) = performed.weakened.take().filter(|_| !checks) {
            gate.record(Event::Alarm(Alarm { what: AlarmKind::WeakenedTest, action: Some(id.clone()), text }));
        }
        let held = std::mem::take(&mut performed.held);
        gate.then(Due::Performed { action: id.clone(), performed: Box::new(performed) });
        if !held.is_empty() {
            gate.file_result(id, held);
        }
        gate.ask_verification(id);
        rerun::ended(self, gate, id);
    }

    /// An action that the agent carried out itself has ended; its files are what the disk holds.
    pub fn performed_by_agent(&mut self, gate: &mut Gate, mut finished: Finished) {
        finished.files = outcome_on_disk(gate, &finished.action);
        if let Some(feed) = self.feeds.remove(&finished.action) {
            finish_feed(gate, feed, finished.exit);
        }
        let id = finished.action.clone();
        gate.quietly(Input::Finish { action: id.clone(), finished: Box::new(finished) });
        gate.ask_verification(&id);
        rerun::ended(self, gate, &id);
    }

    /// A command that is no longer needed is ended; what it wrote before, and its end, are still reported to the
    /// agent.
    pub fn end_command(&mut self, gate: &mut Gate, action: &ActionId) {
        let runs = gate.session().actions.get(action).is_some_and(|state| {
            state.action.kind() == Kind::Command && state.action.trial().is_none() && state.phase == Phase::Running
        });
        if !runs {
            return;
        }
        if let Some(stop) = self.stops.remove(action) {
            stop.cancel();
        }
        if let Some(feed) = self.feeds.remove(action) {
            finish_feed(gate, feed, None);
        }
    }
}

/// Freezes or resumes the processes of the session.
pub fn freeze_processes(gate: &Gate, freeze: bool) {
    let workspace = gate.workspace().clone();
    tokio::spawn(async move {
        let done = if freeze { workspace.freeze().await } else { workspace.resume().await };
        if let Err(error) = done {
            tracing::warn!(%error, freeze, "not every process could be frozen or resumed");
        }
    });
}

/// Reads the outcome of an edit that the agent executed itself from the disk.
fn outcome_on_disk(gate: &Gate, id: &ActionId) -> Option<Vec<FileOutcome>> {
    let action: &Action = &gate.session().actions.get(id)?.action;
    let files: Vec<FileOutcome> = action
        .files()
        .iter()
        .map(|f| {
            let now = gate.workspace().image(&f.path).ok().flatten();
            let (before, after) = (f.before.as_ref().map(|c| c.digest()), now.as_ref().map(|i| i.digest));
            let outcome = FileOutcome::of(f.path.clone(), f.change, before, after);
            let after_node = now.map(|image| image.node);
            let during = after != f.after.as_ref().map(|c| c.digest());
            FileOutcome { from: f.from.clone(), before_node: f.before_node, after_node, during, ..outcome }
        })
        .collect();
    (!files.is_empty()).then_some(files)
}

/// Returns the outcome that an edit should have on the disk.
pub fn expected(files: &[FileEdit]) -> Vec<FileOutcome> {
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
