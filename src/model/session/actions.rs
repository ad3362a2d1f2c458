//! Every action of a session and its phase.

use crate::base::limits::ACTION_BODIES_KEPT_MAX;
use crate::base::{ActionId, Digest, Seq, UnixMs};
use crate::model::FormAnswer;
use crate::model::action::{Action, Content, Executor, FileChange, Kind};
use crate::model::event::{
    Alarm, Decided, Dependents, DependentsFound, Explained, FileOutcome, Finished, Held, LapseWhy, Lapsed, OutcomeWord,
    Output, Reverted, Ruled, Started, Told, Verdict,
};
use crate::model::limits::{ACTION_TAIL_BYTES_MAX, ACTION_TOLD_MAX, ACTIONS_RECENT_MAX};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// The phase of an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Filed; policy has not ruled yet.
    Proposed,
    /// Waits for a user.
    Held,
    /// Decided for, not started.
    Approved,
    Denied,
    Redirected,
    Running,
    Finished(OutcomeWord),
    Lapsed(LapseWhy),
}

impl Phase {
    /// For people.
    pub fn words(self) -> &'static str {
        match self {
            Self::Proposed => "proposed",
            Self::Held => "pending",
            Self::Approved => "approved",
            Self::Denied => "denied",
            Self::Redirected => "redirected",
            Self::Running => "running",
            Self::Finished(outcome) => outcome.words(),
            Self::Lapsed(why) => why.words(),
        }
    }

    /// Returns whether something will still happen to it, with or without a decision.
    pub fn is_open(self) -> bool {
        matches!(self, Self::Proposed | Self::Held | Self::Approved | Self::Running)
    }
}

/// The times of the events of an action, by sequence number and by the clock.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Times {
    pub proposed_seq: Seq,
    pub proposed_at: UnixMs,
    pub held_at: Option<UnixMs>,
    pub decided_seq: Option<Seq>,
    pub started_at: Option<UnixMs>,
    pub finished_at: Option<UnixMs>,
    pub finished_seq: Option<Seq>,
}

/// The output of an action.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OutputSoFar {
    /// The end of it, bounded; foreign text.
    pub tail: String,
    /// Bytes that were there before the tail.
    pub cut_bytes: u64,
    /// Blobs of it in order.
    pub blobs: Vec<Digest>,
}

impl OutputSoFar {
    fn add(&mut self, body: &Output) {
        self.blobs.push(body.digest);
        self.tail.push_str(&body.tail);
        let over = self.tail.len().saturating_sub(ACTION_TAIL_BYTES_MAX);
        if over > 0 {
            let cut = (over..=self.tail.len()).find(|i| self.tail.is_char_boundary(*i)).unwrap_or(self.tail.len());
            self.tail.drain(..cut);
            self.cut_bytes += cut as u64;
        }
    }
}

/// One action with everything that happened to it.
#[derive(Clone, Debug, PartialEq)]
pub struct ActionState {
    /// The newest revision.
    pub action: Action,
    /// The agent's own revision, when the newest is not.
    pub original: Option<Box<Action>>,
    pub phase: Phase,
    pub times: Times,
    pub ruled: Option<Ruled>,
    /// The state of the wait, while it is held.
    pub held: Option<Held>,
    pub decided: Option<Decided>,
    pub finished: Option<Finished>,
    pub lapsed: Option<Lapsed>,
    /// The messages sent to the agent about it, newest last, bounded.
    pub told: VecDeque<String>,
    pub output: OutputSoFar,
    pub explained: Option<String>,
    /// Who uses what it changes, once that was searched for.
    pub dependents: Option<Box<Dependents>>,
    pub alarms: Vec<String>,
    /// A run of checks that came after it was green.
    pub verified: bool,
    /// Its effect has been undone.
    pub reverted: bool,
    /// For an undo: what it took back.
    pub reverts: Vec<ActionId>,
}

/// The actions in order of proposal.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Actions {
    states: Vec<ActionState>,
    /// Places in `states`.
    by_id: BTreeMap<ActionId, usize>,
    /// Positions of the open actions, so that a query for pending ones does not walk a long past.
    open: BTreeSet<usize>,
    /// Places of what an undo could revert.
    undoable: BTreeSet<usize>,
    /// Number of `states` whose contents were replaced by digests.
    compacted: usize,
}

impl Actions {
    pub fn get(&self, id: &ActionId) -> Option<&ActionState> {
        self.by_id.get(id).and_then(|at| self.states.get(*at))
    }

    pub fn len(&self) -> usize {
        self.states.len()
    }

    pub fn is_empty(&self) -> bool {
        self.states.is_empty()
    }

    /// All of them; takes as long as the session is old.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &ActionState> {
        self.states.iter()
    }

    /// The newest first, as far back as a question about the present needs to look.
    pub fn recent(&self) -> impl Iterator<Item = &ActionState> {
        self.states.iter().rev().take(ACTIONS_RECENT_MAX)
    }

    /// Returns the recent actions that ended between two events and left changed files behind, oldest first. Runs of
    /// checks are not among them.
    pub fn changed_between(&self, since: Seq, until: Seq) -> Vec<&ActionId> {
        let is_within = |state: &ActionState| state.times.finished_seq.is_some_and(|seq| since < seq && seq <= until);
        let changed = |state: &ActionState| state.finished.as_ref()?.files.as_ref().map(|files| !files.is_empty());
        let found =
            self.recent().filter(|state| !state.action.checks && is_within(state) && changed(state) == Some(true));
        let mut found: Vec<&ActionId> = found.map(|state| &state.action.id).collect();
        found.reverse();
        found
    }

    /// Those that were proposed before this one, newest first; all of them when it is not there.
    pub fn before(&self, id: &ActionId) -> impl Iterator<Item = &ActionState> {
        let end = self.by_id.get(id).copied().unwrap_or(self.states.len());
        self.states.get(..end).unwrap_or_default().iter().rev()
    }

    /// Returns the actions that are not over, oldest first.
    pub fn open(&self) -> impl DoubleEndedIterator<Item = &ActionState> {
        self.open.iter().filter_map(|at| self.states.get(*at))
    }

    /// Returns the actions that wait for a user, oldest first.
    pub fn held(&self) -> impl DoubleEndedIterator<Item = &ActionState> {
        self.open().filter(|a| a.phase == Phase::Held)
    }

    /// Finished actions whose effect on files is in place, oldest first.
    pub fn undoable(&self) -> impl DoubleEndedIterator<Item = &ActionState> {
        self.undoable.iter().filter_map(|at| self.states.get(*at))
    }

    /// The id that the next proposal gets.
    pub fn next_id(&self) -> ActionId {
        ActionId::new(format!("a{}", self.states.len() + 1))
    }

    /// The ids of the next proposals, in order.
    pub fn next_ids(&self) -> impl Iterator<Item = ActionId> {
        (self.states.len() + 1..).map(|number| ActionId::new(format!("a{number}")))
    }

    fn known(&mut self, id: &ActionId) -> Result<&mut ActionState, String> {
        self.state_mut(id).ok_or_else(|| format!("no action {id}"))
    }

    fn state_mut(&mut self, id: &ActionId) -> Option<&mut ActionState> {
        self.by_id.get(id).and_then(|at| self.states.get_mut(*at))
    }

    /// Brings the indexes up to date with an action that has just changed.
    fn index(&mut self, id: &ActionId) {
        let Some(at) = self.by_id.get(id) else { return };
        let Some(state) = self.states.get(*at) else { return };
        for (index, belongs) in [(&mut self.open, state.phase.is_open()), (&mut self.undoable, state.is_undoable())] {
            if belongs {
                index.insert(*at);
            } else {
                index.remove(at);
            }
        }
    }

    pub(super) fn propose(&mut self, seq: Seq, at: UnixMs, action: &Action) -> Result<(), String> {
        let at_end = self.states.len();
        let place = *self.by_id.get(&action.id).unwrap_or(&at_end);
        if let Some(state) = self.states.get_mut(place) {
            if action.revision <= state.action.revision {
                return Err(format!("{} was proposed twice at revision {}", action.id, action.revision));
            }
            let previous = std::mem::replace(&mut state.action, action.clone());
            state.original.get_or_insert_with(|| Box::new(previous));
            state.phase = Phase::Proposed;
            state.held = None;
            state.lapsed = None;
            state.dependents = None;
            self.index(&action.id);
            return Ok(());
        }
        self.states.push(ActionState::new(seq, at, action));
        self.by_id.insert(action.id.clone(), place);
        self.index(&action.id);
        self.compact();
        Ok(())
    }

    /// Old actions that are over keep digests instead of contents; a view that shows them requests the blob.
    fn compact(&mut self) {
        while self.states.len().saturating_sub(self.compacted) > ACTION_BODIES_KEPT_MAX {
            let Some(state) = self.states.get_mut(self.compacted) else { break };
            if state.phase.is_open() {
                break;
            }
            let revisions = std::iter::once(&mut state.action).chain(state.original.as_deref_mut());
            for file in revisions.flat_map(|a| a.body.files_mut()) {
                for content in [&mut file.before, &mut file.after].into_iter().flatten() {
                    *content = Content::Blob { digest: content.digest(), bytes: content.len() };
                }
            }
            self.compacted += 1;
        }
    }

    pub(super) fn rule(&mut self, body: &Ruled) -> Result<(), String> {
        self.known(&body.action)?.ruled = Some(body.clone());
        Ok(())
    }

    pub(super) fn hold(&mut self, at: UnixMs, body: &Held) -> Result<(), String> {
        let state = self.known(&body.action)?;
        // Held again: another word is asked for, or none.
        if !matches!(state.phase, Phase::Proposed | Phase::Held) {
            return Err(format!("{} was held while {}", body.action, state.phase.words()));
        }
        if state.phase == Phase::Proposed {
            state.times.held_at = Some(at);
        }
        state.phase = Phase::Held;
        state.held = Some(body.clone());
        Ok(())
    }

    pub(super) fn decide(&mut self, seq: Seq, body: &Decided) -> Result<(), String> {
        let state = self.known(&body.action)?;
        if !matches!(state.phase, Phase::Proposed | Phase::Held) {
            return Err(format!("{} was decided while {}", body.action, state.phase.words()));
        }
        if body.digest != state.action.digest || body.revision != state.action.revision {
            return Err(format!("{} was decided for another revision", body.action));
        }
        state.phase = match body.verdict {
            Verdict::Approve | Verdict::ApproveEdited => Phase::Approved,
            Verdict::Deny => Phase::Denied,
            Verdict::Redirect => Phase::Redirected,
        };
        state.held = None;
        state.decided = Some(body.clone());
        state.times.decided_seq = Some(seq);
        self.index(&body.action);
        Ok(())
    }

    pub(super) fn start(&mut self, at: UnixMs, body: &Started) -> Result<(), String> {
        let state = self.known(&body.action)?;
        if state.phase != Phase::Approved {
            return Err(format!("{} was started while {}", body.action, state.phase.words()));
        }
        state.phase = Phase::Running;
        state.times.started_at = Some(at);
        Ok(())
    }

    pub(super) fn output(&mut self, body: &Output) -> Result<(), String> {
        self.known(&body.action)?.output.add(body);
        Ok(())
    }

    pub(super) fn finish(&mut self, seq: Seq, at: UnixMs, body: &Finished) -> Result<(), String> {
        let state = self.known(&body.action)?;
        let may_follow = matches!(state.phase, Phase::Running)
            || (body.outcome == OutcomeWord::Recovered && state.phase == Phase::Finished(OutcomeWord::Unknown));
        if !may_follow {
            return Err(format!("{} finished while {}", body.action, state.phase.words()));
        }
        state.phase = Phase::Finished(body.outcome);
        state.finished = Some(body.clone());
        state.times.finished_at = Some(at);
        state.times.finished_seq = Some(seq);
        self.index(&body.action);
        Ok(())
    }

    pub(super) fn lapse(&mut self, body: &Lapsed) -> Result<(), String> {
        let state = self.known(&body.action)?;
        if !state.phase.is_open() {
            return Err(format!("{} lapsed while {}", body.action, state.phase.words()));
        }
        state.phase = Phase::Lapsed(body.why);
        state.held = None;
        state.lapsed = Some(body.clone());
        self.index(&body.action);
        Ok(())
    }

    pub(super) fn tell(&mut self, body: &Told) {
        if let Some(state) = body.action.as_ref().and_then(|id| self.state_mut(id)) {
            super::push_bounded(&mut state.told, body.text.clone(), ACTION_TOLD_MAX);
        }
    }

    pub(super) fn explain(&mut self, body: &Explained) -> Result<(), String> {
        self.known(&body.action)?.explained = Some(body.text.clone());
        Ok(())
    }

    /// What was found of a revision says nothing of the next.
    pub(super) fn depend(&mut self, body: &DependentsFound) -> Result<(), String> {
        let state = self.known(&body.action)?;
        if state.action.digest == body.digest {
            state.action.risk = Some(body.risk.clone());
            state.dependents = Some(Box::new(body.found.clone()));
        }
        Ok(())
    }

    pub(super) fn alarm(&mut self, body: &Alarm) {
        if let Some(state) = body.action.as_ref().and_then(|id| self.state_mut(id))
            && state.alarms.len() < ACTION_TOLD_MAX
        {
            state.alarms.push(format!("{}: {}", body.what.as_str().replace('_', " "), body.text));
        }
    }

    pub(super) fn verify(&mut self) {
        for state in &mut self.states {
            if state.phase == Phase::Finished(OutcomeWord::Ok) && state.action.kind() == Kind::Edit && !state.reverted {
                state.verified = true;
            }
        }
    }

    pub(super) fn revert(&mut self, body: &Reverted) {
        if let Some(own) = body.action.as_ref().and_then(|id| self.state_mut(id))
            && !body.again
        {
            own.reverts.clone_from(&body.actions);
        }
        for id in &body.actions {
            if let Some(state) = self.state_mut(id) {
                state.reverted = !body.again;
                state.verified = false;
            }
            self.index(id);
        }
    }
}

impl ActionState {
    /// The user's answers to its form, in words: title and answer.
    pub fn answers(&self) -> Vec<(&str, String)> {
        match (self.action.form(), self.decided.as_ref().and_then(|decided| decided.answer.as_ref())) {
            (Some(form), Some(FormAnswer::Accept { content })) => form.answers(content).collect(),
            _ => Vec::new(),
        }
    }

    /// Returns whether a change in its outcome is certainly its own: an edit left exactly what was approved, and what a
    /// command left in a layer is its own. What changed while any other command ran may be the user's. The exception is
    /// a file that the command named and that is gone: it was approved to remove it, and to restore the file destroys
    /// nothing.
    pub fn is_certain(&self, file: &FileOutcome) -> bool {
        let approved = || {
            let mut files = self.action.files().iter();
            files.any(|f| f.path == file.path && f.after.as_ref().map(Content::digest) == file.after)
        };
        let names = || {
            let mut named = self.action.touches.iter().flat_map(|touches| &touches.first);
            named.any(|path| path == file.path.as_str())
        };
        match self.action.kind() {
            Kind::Edit => !file.during && (self.action.executor == Executor::Host || approved()),
            Kind::Command if self.finished.as_ref().is_some_and(|finished| finished.apart) => !file.during,
            Kind::Command => file.change == FileChange::Delete && !self.action.checks && names(),
            Kind::Read | Kind::Network | Kind::Plan | Kind::Other => false,
        }
    }

    /// A run of checks owns no changes.
    fn is_undoable(&self) -> bool {
        self.phase == Phase::Finished(OutcomeWord::Ok)
            && !self.reverted
            && !self.action.checks
            && self.finished.as_ref().and_then(|f| f.files.as_ref()).is_some_and(|files| !files.is_empty())
    }

    fn new(seq: Seq, at: UnixMs, action: &Action) -> Self {
        Self {
            action: action.clone(),
            original: None,
            phase: Phase::Proposed,
            times: Times { proposed_seq: seq, proposed_at: at, ..Times::default() },
            ruled: None,
            held: None,
            decided: None,
            finished: None,
            lapsed: None,
            told: VecDeque::new(),
            output: OutputSoFar::default(),
            explained: None,
            dependents: None,
            alarms: Vec::new(),
            verified: false,
            reverted: false,
            reverts: Vec::new(),
        }
    }
}
