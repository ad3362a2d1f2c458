//! Events around the session: observed changes and their authors, and other sessions on the same files.

use super::gate::Gate;
use super::line::AgentLine;
use super::runs::{Runs, expected, rerun, sides};
use crate::base::limits::ACTION_BODIES_KEPT_MAX;
use crate::base::{ActionId, Digest, RelPath, SessionId};
use crate::host::limits::{AGENT_COMMAND_SETTLE_MS, IGNORED_SETTLE_MS, SIDES_OBSERVED_TURN_BYTES_MAX};
use crate::model::AlarmKind;
use crate::model::action::Executor;
use crate::model::decide::Input;
use crate::model::event::{ChangedBy, Event, FileOutcome, Isolation, Observed, Watching};
use crate::model::session::{ActionState, Phase};
use crate::model::{FileChange, Kind, Node};
use crate::policy::guarded::guarded;
use crate::port::{Changed, Neighbors, Notice};
use std::collections::BTreeSet;
use std::sync::Arc;

pub struct Surroundings {
    neighbors: Arc<dyn Neighbors>,
    /// Sessions that were reported to the user.
    met: BTreeSet<SessionId>,
    /// Directories with an alarm in this turn, which its number identifies.
    alarmed_about: (u64, BTreeSet<String>),
    /// Bytes of guarded files' contents that may still be recorded in this turn, which its number identifies.
    sides_room: (u64, usize),
    /// The session's agent writes nothing on its own.
    embedded: bool,
}

impl Surroundings {
    /// Another agent has the session.
    pub fn serve(&mut self, embedded: bool) {
        self.embedded = embedded;
    }

    pub fn new(neighbors: Arc<dyn Neighbors>, embedded: bool) -> Self {
        let (alarmed_about, sides_room) = ((0, BTreeSet::new()), (0, SIDES_OBSERVED_TURN_BYTES_MAX));
        Self { neighbors, met: BTreeSet::new(), alarmed_about, sides_room, embedded }
    }

    pub fn noticed(&mut self, gate: &mut Gate, line: &AgentLine, runs: &mut Runs, notice: Notice) {
        match notice {
            Notice::State { state, why } => gate.record(Event::Watching(Watching { state, why })),
            Notice::Changed(changed) => self.changed(gate, line, runs, *changed),
        }
    }

    fn changed(&mut self, gate: &mut Gate, line: &AgentLine, runs: &mut Runs, changed: Changed) {
        let by = author(gate, line, runs, &changed);
        let (by, unsure) = self.or_neighbor(gate, by, &changed);
        if !is_left(gate, &by, &changed) && !changed.ignored {
            runs.tree_changed();
        }
        let is_unsupervised = by == ChangedBy::Unsupervised;
        let is_of_others = matches!(by, ChangedBy::Human | ChangedBy::Unsupervised | ChangedBy::Session(_));
        if is_of_others && !changed.ignored {
            rerun::changed(runs, gate, &changed.path);
        }
        let room = self.sides_room(gate.session().turns.count);
        let sides = is_of_others.then(|| sides::observed(gate, &changed, room)).flatten();
        let Changed { path, rel, change, before, after, before_node, after_node, ignored, about } = changed;
        let is_first = rel.is_some() || self.is_first_alarm(gate.session().turns.count, &path);
        let alarm = (is_unsupervised && is_first).then(|| unsupervised(&path, about.as_deref()));
        gate.record(Event::Observed(Observed {
            path,
            change,
            by,
            unsure,
            before,
            after,
            before_node,
            after_node,
            ignored,
            about,
            sides,
        }));
        if let Some(text) = alarm {
            gate.alarm(AlarmKind::Unsupervised, text);
        }
        if let Some(path) = rel {
            gate.quietly(Input::BaseChanged { path, now: after });
        }
    }

    fn sides_room(&mut self, turn: u64) -> &mut usize {
        if self.sides_room.0 != turn {
            self.sides_room = (turn, SIDES_OBSERVED_TURN_BYTES_MAX);
        }
        &mut self.sides_room.1
    }

    /// Of a directory that is watched as a whole there may be news all the time: one alarm a turn is enough.
    fn is_first_alarm(&mut self, turn: u64, path: &str) -> bool {
        if self.alarmed_about.0 != turn {
            self.alarmed_about = (turn, BTreeSet::new());
        }
        self.alarmed_about.1.insert(path.to_owned())
    }

    /// Calls back when another session arrives.
    pub fn watch(&self, arrived: Box<dyn Fn() + Send + Sync>) {
        self.neighbors.watch(arrived);
    }

    /// Says which other sessions are here, each once.
    pub fn meet_neighbors(&mut self, gate: &mut Gate) {
        for session in self.neighbors.present() {
            if self.met.insert(session.clone()) {
                let text = format!("session {session} is working on the same files: its changes are shown as its own");
                gate.alarm(AlarmKind::SharedWorkspace, text);
            }
        }
    }

    /// These files are about to be left so, or were.
    pub fn report_files(&self, gate: &Gate, files: &[FileOutcome]) {
        let files: Vec<(RelPath, Option<Digest>)> = files.iter().map(|f| (f.path.clone(), f.after)).collect();
        if !files.is_empty() {
            self.neighbors.leaves(&files, gate.now());
        }
    }

    /// Something of this session may change files without naming them: a command, or an agent that writes on its own.
    pub fn report_work(&self, gate: &Gate) {
        let session = gate.session();
        let is_apart = matches!(session.agent.ready.agent.isolation, Isolation::Copy | Isolation::Overlay);
        let works = session.turns.current.is_some() && !self.embedded && !is_apart;
        let mut open = session.actions.open();
        let runs =
            open.any(|s| s.phase == Phase::Running && s.action.kind() == Kind::Command && s.action.trial().is_none());
        self.neighbors.at_work(works || runs, gate.now());
    }

    /// The agent may carry this edit out now.
    pub fn report_release(&self, gate: &Gate, action: &ActionId) {
        let files = gate.session().actions.get(action).map_or(&[][..], |state| state.action.files());
        self.report_files(gate, &expected(files));
    }

    /// The change with what the other sessions say taken in, and whether it is not certain that it is theirs. What this
    /// session itself wrote stays its own; the user's is only what no session can have done.
    fn or_neighbor(&self, gate: &Gate, by: ChangedBy, changed: &Changed) -> (ChangedBy, bool) {
        let (path, after) = (changed.rel.as_ref(), changed.after);
        if is_left(gate, &by, changed) {
            return (by, false);
        }
        match self.neighbors.author(path, after, gate.now()) {
            Some(other) if other.certain => (ChangedBy::Session(other.session), false),
            Some(other) if by == ChangedBy::Human => (ChangedBy::Session(other.session), true),
            Some(_) | None => (by, false),
        }
    }
}

/// Returns whether this is exactly the content that the attributed action left, so that the tree recorded after it
/// already has it.
fn is_left(gate: &Gate, by: &ChangedBy, changed: &Changed) -> bool {
    let (ChangedBy::Action(id) | ChangedBy::During(id)) = by else { return false };
    let state = gate.session().actions.get(id);
    changed.rel.as_ref().zip(state).is_some_and(|(path, state)| leaves(state, path, changed))
}

/// An edit's own after-image is the edit's. What changes while a command or an agent's own edit runs is reported as
/// that and no more. The rest is the user's, unless an agent that can write on its own is at work.
fn author(gate: &Gate, line: &AgentLine, runs: &Runs, changed: &Changed) -> ChangedBy {
    let path = changed.rel.as_ref();
    let newest = || gate.session().actions.iter().rev().take(ACTION_BODIES_KEPT_MAX);
    if let Some(path) = path
        && let Some(state) = newest().find(|s| leaves(s, path, changed) && !is_past(gate, s, path))
    {
        return left_by(state, path);
    }
    if let Some(path) = path
        && let Some(id) = runs.promotes(path, changed.after)
    {
        return ChangedBy::Action(id.clone());
    }
    if let Some(path) = path
        && let Some(id) = runs.checks_that_left(path, changed.after)
    {
        return ChangedBy::During(id.clone());
    }
    let is_running = |s: &&ActionState| s.phase == Phase::Running;
    let is_command = |s: &&ActionState| s.action.kind() == Kind::Command && s.action.trial().is_none();
    // The watcher's word on what an agent's own command did may come after the agent has said that it is done.
    let now = gate.now();
    // On what is ignored it comes later still, but never on what is guarded.
    let is_late = changed.ignored && guarded(&changed.path).is_none();
    let settle_ms = if is_late { IGNORED_SETTLE_MS } else { AGENT_COMMAND_SETTLE_MS };
    let just_ran = |s: &&ActionState| {
        (s.action.executor == Executor::Agent || is_late)
            && s.times.finished_at.is_some_and(|at| now.since(at) < settle_ms)
    };
    let may_be = |s: &&ActionState| (is_running(s) && !runs.is_apart(&s.action.id, changed.ignored)) || just_ran(s);
    if let Some(state) = newest().filter(may_be).find(is_command) {
        return ChangedBy::During(state.action.id.clone());
    }
    let own = |s: &&ActionState| {
        s.action.executor == Executor::Agent && path.is_some_and(|p| s.action.touches().any(|t| t == p))
    };
    if let Some(state) = newest().filter(is_running).find(own) {
        return ChangedBy::During(state.action.id.clone());
    }
    if line.may_write(gate) { ChangedBy::Unsupervised } else { ChangedBy::Human }
}

/// Returns whether this action's change of the path is recorded already, and others have changed it since: what has the same
/// result now is not that change.
fn is_past(gate: &Gate, state: &ActionState, path: &RelPath) -> bool {
    let id = &state.action.id;
    let is_own = |by: &ChangedBy| matches!(by, ChangedBy::Action(own) | ChangedBy::During(own) if own == id);
    let mut seen = gate.session().disk.changes.iter().rev().filter(|(_, o)| o.path == path.as_str());
    let Some((_, newest)) = seen.next() else { return false };
    if !is_own(&newest.by) {
        return seen.any(|(_, o)| is_own(&o.by));
    }
    let is_later = |other: &&ActionState| other.times.finished_seq > state.times.finished_seq;
    let of_path = |other: &ActionState| {
        let mut files = other.finished.iter().flat_map(|f| f.files.iter().flatten());
        files.any(|f| &f.path == path || f.from.as_ref() == Some(path))
    };
    gate.session().actions.recent().take_while(|other| other.action.id != *id).filter(is_later).any(of_path)
}

/// Returns the author of a change whose content this action left.
fn left_by(state: &ActionState, path: &RelPath) -> ChangedBy {
    let id = state.action.id.clone();
    let mut files = state.finished.iter().flat_map(|f| f.files.iter().flatten());
    let is_apart = state.finished.as_ref().is_some_and(|finished| finished.apart);
    let is_open = state.action.kind() == Kind::Command && !is_apart;
    let is_doubtful = is_open || files.any(|f| &f.path == path && f.during);
    if is_doubtful { ChangedBy::During(id) } else { ChangedBy::Action(id) }
}

/// Returns whether this action left the path as it is now. The same bytes with other permission bits are not what it
/// left.
fn leaves(state: &ActionState, path: &RelPath, changed: &Changed) -> bool {
    let is_node = |node: Option<Node>| node.is_none() || changed.after_node.is_none() || node == changed.after_node;
    let mut finished = state.finished.iter().flat_map(|f| f.files.iter().flatten());
    if finished.any(|f| {
        (&f.path == path && f.after == changed.after && is_node(f.after_node))
            || (f.from.as_ref() == Some(path) && changed.change == FileChange::Delete)
    }) {
        return true;
    }
    state.phase == Phase::Running
        && state.action.files().iter().any(|f| {
            (&f.path == path && f.after.as_ref().map(|c| c.digest()) == changed.after && is_node(f.after_node))
                || (f.from.as_ref() == Some(path) && changed.after.is_none())
        })
}

/// Returns an alarm's words. Files that run code automatically or steer an agent are named as such.
fn unsupervised(path: &str, about: Option<&str>) -> String {
    let guard = guarded(path).map(|guard| format!("; it is {}", guard.what)).unwrap_or_default();
    let about = about.map(|about| format!(" ({about})")).unwrap_or_default();
    format!("{path} changed{about} without a decision{guard}")
}
