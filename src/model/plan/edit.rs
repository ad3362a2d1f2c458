//! The user's edits of the plan: each is made whole or not at all.

use super::{Plan, Step, StepStatus};
use crate::base::StepId;
use serde::{Deserialize, Serialize};

/// One change that a user asks for, with the wire's names: `{"op": "add", "title": …}`. The form
/// `{"add": {"title": …}}` is read as well.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case", remote = "Self")]
pub enum PlanEdit {
    /// Adds a step after `after` (or last), below `parent`.
    Add {
        title: String,
        #[serde(default)]
        parent: Option<StepId>,
        #[serde(default)]
        after: Option<StepId>,
        #[serde(default)]
        id: Option<StepId>,
    },
    /// Removes a step with everything below it.
    Remove {
        #[serde(alias = "id")]
        step: StepId,
    },
    /// Moves a step (with everything below it) behind `after`, or to the front of `parent` when `after` is absent.
    Move {
        step: StepId,
        #[serde(default)]
        parent: Option<StepId>,
        #[serde(default)]
        after: Option<StepId>,
    },
    Reword {
        step: StepId,
        title: String,
    },
    Pin {
        step: StepId,
        #[serde(default = "yes")]
        pinned: bool,
    },
    Status {
        step: StepId,
        status: StepStatus,
    },
    /// The step becomes the first of these titles; the others follow it.
    Split {
        step: StepId,
        titles: Vec<String>,
    },
    /// The step becomes a part of another one.
    Merge {
        step: StepId,
        into: StepId,
    },
    /// A few words beside the title; none takes them away.
    Note {
        step: StepId,
        #[serde(default)]
        note: Option<String>,
    },
    /// What the step is about; what is absent stays.
    Declare {
        step: StepId,
        #[serde(default)]
        files: Option<Vec<String>>,
        #[serde(default)]
        commands: Option<Vec<String>>,
        #[serde(default)]
        checks: Option<Vec<String>>,
    },
    /// Nothing goes on after the step without the user.
    Stop {
        step: StepId,
        #[serde(default = "yes")]
        stop: bool,
    },
    /// The state of the files is kept when the step begins and when it ends.
    Checkpoint {
        step: StepId,
        #[serde(default = "yes")]
        checkpoint: bool,
    },
    /// Who does it: the agent, a specialist, the user.
    Assign {
        step: StepId,
        #[serde(default)]
        owner: Option<String>,
    },
}

impl PlanEdit {
    /// The step that it changes; none for a new one.
    pub fn step(&self) -> Option<&StepId> {
        match self {
            Self::Add { .. } => None,
            Self::Remove { step }
            | Self::Move { step, .. }
            | Self::Reword { step, .. }
            | Self::Pin { step, .. }
            | Self::Status { step, .. }
            | Self::Split { step, .. }
            | Self::Merge { step, .. }
            | Self::Note { step, .. }
            | Self::Declare { step, .. }
            | Self::Stop { step, .. }
            | Self::Checkpoint { step, .. }
            | Self::Assign { step, .. } => Some(step),
        }
    }
}

impl Serialize for PlanEdit {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        Self::serialize(self, to)
    }
}

impl<'de> Deserialize<'de> for PlanEdit {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let mut object = serde_json::Map::deserialize(from)?;
        if !object.contains_key("op") && object.len() == 1 {
            let (op, body) = object.into_iter().next().unwrap_or_default();
            object = body.as_object().cloned().unwrap_or_default();
            object.insert("op".to_owned(), op.into());
        }
        Self::deserialize(serde_json::Value::Object(object)).map_err(serde::de::Error::custom)
    }
}

fn yes() -> bool {
    true
}

/// The reason that a plan edit is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    #[error("the plan has no step {0}")]
    NoStep(StepId),
    #[error("step {0} cannot be moved below itself")]
    Cycle(StepId),
    #[error("step {0} already exists")]
    Taken(StepId),
    #[error("a step needs a title")]
    NoTitle,
    #[error("the plan is at revision {now}, but the edit is based on revision {seen}")]
    Stale { now: u32, seen: u32 },
    #[error("the plan already has {0} steps, which is the limit")]
    Full(usize),
}

impl Plan {
    pub(super) fn fresh_id(&self) -> StepId {
        let taken =
            self.steps.iter().filter_map(|s| s.id.as_str().strip_prefix('s')?.parse::<u64>().ok()).max().unwrap_or(0);
        StepId::new(format!("s{}", taken + 1))
    }

    /// The next revision after these edits, or the first reason why not; nothing is half done.
    pub fn edited(&self, seen: u32, edits: &[PlanEdit], owner: &str) -> Result<Self, PlanError> {
        if seen != self.revision {
            return Err(PlanError::Stale { now: self.revision, seen });
        }
        let mut next = Self { revision: self.revision + 1, steps: self.steps.clone() };
        for edit in edits {
            next.edit(edit, owner)?;
        }
        Ok(next)
    }

    fn edit(&mut self, edit: &PlanEdit, owner: &str) -> Result<(), PlanError> {
        match edit {
            PlanEdit::Add { title, parent, after, id } => {
                self.add(title, parent.as_ref(), after.as_ref(), id.as_ref(), owner)
            }
            PlanEdit::Remove { step } => {
                self.known(step)?;
                let gone: Vec<StepId> =
                    self.steps.iter().filter(|s| self.is_within(&s.id, step)).map(|s| s.id.clone()).collect();
                self.steps.retain(|s| !gone.contains(&s.id));
                Ok(())
            }
            PlanEdit::Move { step, parent, after } => self.shift(step, parent.as_ref(), after.as_ref()),
            PlanEdit::Reword { step, title } => {
                if title.trim().is_empty() {
                    return Err(PlanError::NoTitle);
                }
                self.change(step, |s| s.title.clone_from(title))
            }
            PlanEdit::Pin { step, pinned } => self.change(step, |s| s.pinned = *pinned),
            PlanEdit::Status { step, status } => self.change(step, |s| s.status = *status),
            PlanEdit::Split { step, titles } => self.split(step, titles, owner),
            PlanEdit::Merge { step, into } => self.merge(step, into),
            PlanEdit::Note { step, note } => {
                self.change(step, |s| s.note = note.clone().filter(|note| !note.trim().is_empty()))
            }
            PlanEdit::Declare { step, files, commands, checks } => self.change(step, |s| {
                let set = |own: &mut Vec<String>, new: &Option<Vec<String>>| {
                    if let Some(new) = new {
                        own.clone_from(new);
                    }
                };
                set(&mut s.files, files);
                set(&mut s.commands, commands);
                set(&mut s.checks, checks);
            }),
            PlanEdit::Stop { step, stop } => self.change(step, |s| s.stop = *stop),
            PlanEdit::Checkpoint { step, checkpoint } => self.change(step, |s| s.checkpoint = *checkpoint),
            PlanEdit::Assign { step, owner } => {
                self.change(step, |s| s.owner = owner.clone().filter(|owner| !owner.trim().is_empty()))
            }
        }
    }

    fn known(&self, id: &StepId) -> Result<(), PlanError> {
        self.step(id).map(|_| ()).ok_or_else(|| PlanError::NoStep(id.clone()))
    }

    fn change(&mut self, id: &StepId, with: impl FnOnce(&mut Step)) -> Result<(), PlanError> {
        let step = self.steps.iter_mut().find(|s| &s.id == id).ok_or_else(|| PlanError::NoStep(id.clone()))?;
        with(step);
        Ok(())
    }

    fn add(
        &mut self,
        title: &str,
        parent: Option<&StepId>,
        after: Option<&StepId>,
        id: Option<&StepId>,
        owner: &str,
    ) -> Result<(), PlanError> {
        if title.trim().is_empty() {
            return Err(PlanError::NoTitle);
        }
        if self.steps.len() >= crate::base::limits::PLAN_STEPS_MAX {
            return Err(PlanError::Full(self.steps.len()));
        }
        parent.map(|p| self.known(p)).transpose()?;
        let id = match id {
            Some(id) if self.step(id).is_some() => return Err(PlanError::Taken(id.clone())),
            Some(id) => id.clone(),
            None => self.fresh_id(),
        };
        let at = match after {
            Some(after) => self.end_of(after)?,
            None => parent.map_or(Ok(self.steps.len()), |p| self.end_of(p))?,
        };
        let parent = parent.cloned().or_else(|| after.and_then(|a| self.step(a)).and_then(|s| s.parent.clone()));
        let step = Step { id, parent, title: title.to_owned(), owner: Some(owner.to_owned()), ..Step::default() };
        self.steps.insert(at.min(self.steps.len()), step);
        Ok(())
    }

    /// The index behind a step and everything below it.
    fn end_of(&self, id: &StepId) -> Result<usize, PlanError> {
        self.known(id)?;
        let last = self.steps.iter().enumerate().filter(|(_, s)| self.is_within(&s.id, id)).map(|(i, _)| i).max();
        Ok(last.map_or(self.steps.len(), |i| i + 1))
    }

    fn shift(&mut self, step: &StepId, parent: Option<&StepId>, after: Option<&StepId>) -> Result<(), PlanError> {
        self.known(step)?;
        for other in parent.into_iter().chain(after) {
            self.known(other)?;
            if self.is_within(other, step) {
                return Err(PlanError::Cycle(step.clone()));
            }
        }
        let inside: Vec<bool> = self.steps.iter().map(|s| self.is_within(&s.id, step)).collect();
        let (mut moved, mut rest) = (Vec::new(), Vec::new());
        for (s, inside) in std::mem::take(&mut self.steps).into_iter().zip(inside) {
            if inside { moved.push(s) } else { rest.push(s) }
        }
        self.steps = rest;
        let at = match (after, parent) {
            (Some(after), _) => self.end_of(after)?,
            (None, Some(parent)) => self.steps.iter().position(|s| &s.id == parent).map_or(0, |i| i + 1),
            (None, None) => 0,
        };
        let new_parent = parent.cloned().or_else(|| after.and_then(|a| self.step(a)).and_then(|s| s.parent.clone()));
        if let Some(first) = moved.iter_mut().find(|s| &s.id == step) {
            first.parent = new_parent;
        }
        let tail = self.steps.split_off(at.min(self.steps.len()));
        self.steps.extend(moved);
        self.steps.extend(tail);
        Ok(())
    }

    /// The step becomes the first of these titles; the others follow it as steps of their own.
    fn split(&mut self, id: &StepId, titles: &[String], owner: &str) -> Result<(), PlanError> {
        let [first, rest @ ..] = titles else { return Err(PlanError::NoTitle) };
        if titles.iter().any(|title| title.trim().is_empty()) {
            return Err(PlanError::NoTitle);
        }
        self.change(id, |s| s.title.clone_from(first))?;
        let mut after = id.clone();
        for title in rest {
            let next = self.fresh_id();
            self.add(title, None, Some(&after), Some(&next), owner)?;
            after = next;
        }
        Ok(())
    }

    /// What a step has, and what is below it, goes to another one; the step itself is gone.
    fn merge(&mut self, id: &StepId, into: &StepId) -> Result<(), PlanError> {
        self.known(into)?;
        if self.is_within(into, id) {
            return Err(PlanError::Cycle(id.clone()));
        }
        let at = self.steps.iter().position(|s| &s.id == id).ok_or_else(|| PlanError::NoStep(id.clone()))?;
        let gone = self.steps.remove(at);
        for step in self.steps.iter_mut().filter(|s| s.parent.as_ref() == Some(id)) {
            step.parent = Some(into.clone());
        }
        self.change(into, |s| {
            let add = |own: &mut Vec<String>, more: Vec<String>| {
                let news: Vec<String> = more.into_iter().filter(|one| !own.contains(one)).collect();
                own.extend(news);
            };
            add(&mut s.files, gone.files);
            add(&mut s.commands, gone.commands);
            add(&mut s.checks, gone.checks);
            s.pinned |= gone.pinned;
            s.stop |= gone.stop;
            s.checkpoint |= gone.checkpoint;
            s.title = format!("{}; {}", s.title, gone.title);
        })
    }
}
