//! What the watcher saw: whose change it was, and what it voids.

use super::super::merge;
use super::Actor;
use crate::base::limits::ACTION_BODIES_KEPT_MAX;
use crate::base::{ActionId, RelPath};
use crate::host::limits::{AGENT_COMMAND_SETTLE_MS, IGNORED_SETTLE_MS, UNSUPERVISED_AFTER_TURN_MS};
use crate::model::action::Executor;
use crate::model::decide::{Input, Reply, Ruling};
use crate::model::event::{ChangedBy, Event, FileOutcome, LapseWhy, Observed, Told, Watching};
use crate::model::session::{ActionState, Phase};
use crate::model::{Action, FileChange, Kind, Node};
use crate::policy::guarded::guarded;
use crate::port::{Changed, Notice};

impl Actor {
    pub(super) fn noticed(&mut self, notice: Notice) {
        match notice {
            Notice::State { state, why } => self.record(Event::Watching(Watching { state, why })),
            Notice::Changed(changed) => self.changed(*changed),
        }
    }

    fn changed(&mut self, changed: Changed) {
        let by = self.whose(&changed);
        let (by, unsure) = self.or_neighbor(by, &changed);
        if !self.is_left(&by, &changed) && !changed.ignored {
            self.tree = None;
        }
        let is_unsupervised = by == ChangedBy::Unsupervised;
        let Changed { path, rel, change, before, after, before_node, after_node, ignored, about } = changed;
        // Of a directory that is watched as a whole there may be news all the time: one alarm a turn is enough.
        let is_first = rel.is_some() || self.alarmed_about.insert(path.clone());
        let alarm = (is_unsupervised && is_first).then(|| unsupervised(&path, about.as_deref()));
        self.record(Event::Observed(Observed {
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
        }));
        if let Some(text) = alarm {
            self.alarm("unsupervised", text);
        }
        if let Some(path) = rel {
            self.quietly(Input::BaseChanged { path, now: after });
        }
    }

    /// Whether this is exactly what the action that it is told of left, so that the tree recorded after it has it already.
    pub(super) fn is_left(&self, by: &ChangedBy, changed: &Changed) -> bool {
        let (ChangedBy::Action(id) | ChangedBy::During(id)) = by else { return false };
        let state = self.book.session.actions.get(id);
        changed.rel.as_ref().zip(state).is_some_and(|(path, state)| leaves(state, path, changed))
    }

    /// An edit's own after-image is the edit's. What changes while a command or an agent's own edit runs is told as that and
    /// no more. The rest is the user's, unless an agent that can write by itself is at work.
    fn whose(&self, changed: &Changed) -> ChangedBy {
        let path = changed.rel.as_ref();
        let newest = || self.book.session.actions.iter().rev().take(ACTION_BODIES_KEPT_MAX);
        if let Some(path) = path
            && let Some(state) = newest().find(|s| leaves(s, path, changed))
        {
            return left_by(state, path);
        }
        if let Some(path) = path
            && let Some((id, files)) = &self.running.last_checks
            && files.iter().any(|f| &f.path == path && f.after == changed.after)
        {
            return ChangedBy::During(id.clone());
        }
        let runs = |s: &&ActionState| s.phase == Phase::Running;
        let is_command = |s: &&ActionState| s.action.kind == Kind::Command && s.action.trial.is_none();
        // The watcher's word on what an agent's own command did may come after the agent has said that it is done.
        let now = self.book.now();
        // On what is ignored it comes later still, but never on what is guarded.
        let is_late = changed.ignored && guarded(&changed.path).is_none();
        let settle_ms = if is_late { IGNORED_SETTLE_MS } else { AGENT_COMMAND_SETTLE_MS };
        let just_ran = |s: &&ActionState| {
            (s.action.executor == Executor::Agent || is_late)
                && s.finished_at.is_some_and(|at| now.since(at) < settle_ms)
        };
        if let Some(state) = newest().filter(|s| runs(s) || just_ran(s)).find(is_command) {
            return ChangedBy::During(state.action.id.clone());
        }
        let own = |s: &&ActionState| {
            s.action.executor == Executor::Agent && path.is_some_and(|p| s.action.touches().any(|t| t == p))
        };
        if let Some(state) = newest().filter(runs).find(own) {
            return ChangedBy::During(state.action.id.clone());
        }
        // The watcher's word comes a little late: what an agent did at the very end of its turn is still its own.
        let at_work = self.book.session.turn.is_some()
            || self.turn_ended_at.is_some_and(|at| self.book.now().since(at) < UNSUPERVISED_AFTER_TURN_MS);
        if self.maker.is_embedded() || !self.agent.is_up() || !at_work {
            ChangedBy::Human
        } else {
            ChangedBy::Unsupervised
        }
    }

    /// Consent to this action is void because its base changed; offers it merged, or tells the agent that it lapsed.
    pub(super) fn offer_merge(&mut self, id: &ActionId) {
        let Some(action) = self.book.session.actions.get(id).map(|s| s.action.clone()) else { return };
        let merged = match action.executor {
            Executor::Host => merge::merged(&action, self.workspace.as_ref(), |d| self.blob(d)),
            // It would write its own version over the merge.
            Executor::Agent => None,
        };
        let offered = merged.is_some_and(|m| self.revise(m));
        if !offered {
            self.reply(id, &Reply::Lapsed { why: LapseWhy::Voided });
        }
    }

    fn revise(&mut self, merged: merge::Merged) -> bool {
        let merge::Merged { action, blobs, words } = merged;
        let told = Told { action: Some(action.id.clone()), text: words.clone() };
        let confirm = self.judge.rule(&action).confirm;
        let ruling = Ruling { confirm, ..Ruling::ask("base-changed", &words) };
        match self.put(Input::Revise { action: Box::new(action), ruling, alarms: Vec::new() }, blobs) {
            Ok(()) => {
                self.record(Event::Told(told));
                true
            }
            Err(error) => {
                tracing::warn!(%error, "a merge could not be offered");
                false
            }
        }
    }

    /// What the disk says about the files of an edit that the agent executed itself.
    pub(super) fn outcome_of_agents_edit(&self, id: &ActionId) -> Option<Vec<FileOutcome>> {
        let action: &Action = &self.book.session.actions.get(id)?.action;
        let files: Vec<FileOutcome> = action
            .files
            .iter()
            .flatten()
            .map(|f| {
                let now = self.workspace.image(&f.path).ok().flatten();
                let (before, after) = (f.before.as_ref().map(|c| c.digest()), now.as_ref().map(|i| i.digest));
                let outcome = FileOutcome::of(f.path.clone(), f.change, before, after);
                let after_node = now.map(|image| image.node);
                let during = after != f.after.as_ref().map(|c| c.digest());
                FileOutcome { from: f.from.clone(), before_node: f.before_node, after_node, during, ..outcome }
            })
            .collect();
        (!files.is_empty()).then_some(files)
    }
}

/// Whose a change is that this action left.
fn left_by(state: &ActionState, path: &RelPath) -> ChangedBy {
    let id = state.action.id.clone();
    let mut files = state.finished.iter().flat_map(|f| f.files.iter().flatten());
    let is_doubtful = state.action.kind == Kind::Command || files.any(|f| &f.path == path && f.during);
    if is_doubtful { ChangedBy::During(id) } else { ChangedBy::Action(id) }
}

/// Does this action leave the path as it is now? The same bytes with other permission bits are not what it left.
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
        && state.action.files.iter().flatten().any(|f| {
            (&f.path == path && f.after.as_ref().map(|c| c.digest()) == changed.after && is_node(f.after_node))
                || (f.from.as_ref() == Some(path) && changed.after.is_none())
        })
}

/// An alarm's words. What runs code by itself or steers an agent is named as what it is.
fn unsupervised(path: &str, about: Option<&str>) -> String {
    let guard = guarded(path).map(|guard| format!("; it is {}", guard.what)).unwrap_or_default();
    let about = about.map(|about| format!(" ({about})")).unwrap_or_default();
    format!("{path} changed{about} without a decision{guard}")
}
