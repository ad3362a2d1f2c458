//! Pending edits that a former host left and that came out of the agent's candidate. The next agent finds the same changes
//! there: they are the same question, and not another one.

use crate::base::{ActionId, Digest, RelPath};
use crate::model::action::{Action, Content};
use crate::model::event::OutcomeWord;
use crate::model::session::{ActionState, Phase};
use crate::model::{Node, Session};
use std::collections::{BTreeMap, BTreeSet};

/// The edits that no agent of this host has proposed again.
#[derive(Debug, Default)]
pub struct Inherited(BTreeSet<ActionId>);

/// What an edit out of a candidate is to the edits that a former host left.
#[derive(Debug, PartialEq, Eq)]
pub enum Heir {
    /// The same question, which is pending.
    Pending(ActionId),
    /// The same question, which was answered while no agent could be told: in words for it.
    Answered(String),
    /// Another question, which takes the place of these.
    New(Vec<ActionId>),
}

impl Inherited {
    /// The pending ones of a session that is taken over.
    pub fn of(session: &Session) -> Self {
        Self(
            session
                .actions
                .held()
                .filter(|state| state.action.candidate)
                .map(|state| state.action.id.clone())
                .collect(),
        )
    }

    /// Looks a proposal up. Whatever was left about any of its files is settled by it.
    pub fn settle(&mut self, session: &Session, proposed: &Action) -> Heir {
        let mut replaced = Vec::new();
        if !proposed.candidate || self.0.is_empty() {
            return Heir::New(replaced);
        }
        let paths: BTreeSet<&RelPath> = proposed.touches().collect();
        let is_about = |id: &&ActionId| {
            let state = session.actions.get(id);
            state.is_some_and(|state| own(state).touches().any(|path| paths.contains(path)))
        };
        let about: Vec<ActionId> = self.0.iter().filter(is_about).cloned().collect();
        for id in about {
            self.0.remove(&id);
            let Some(state) = session.actions.get(&id) else { continue };
            let is_same = results(own(state)) == results(proposed);
            match (state.phase, is_same) {
                (Phase::Held, true) => return Heir::Pending(id),
                (Phase::Held, false) => replaced.push(id),
                (phase, true) => {
                    if let Some(words) = words(phase, state) {
                        return Heir::Answered(words);
                    }
                }
                (_, false) => {}
            }
        }
        Heir::New(replaced)
    }
}

/// The agent's own revision.
fn own(state: &ActionState) -> &Action {
    state.original.as_deref().unwrap_or(&state.action)
}

/// What the agent wants its files to be, whatever they are now.
fn results(action: &Action) -> BTreeMap<&RelPath, (Option<Digest>, Option<Node>)> {
    let files = action.files().iter();
    files.map(|file| (&file.path, (file.after.as_ref().map(Content::digest), file.after_node))).collect()
}

fn words(phase: Phase, state: &ActionState) -> Option<String> {
    let reason = state.decided.as_ref().and_then(|decided| decided.reason.as_deref()).map_or("", str::trim);
    let gap = if reason.is_empty() { "" } else { ": " };
    let title = &state.action.title;
    match phase {
        Phase::Denied | Phase::Redirected => {
            Some(format!("The supervisor refused this change while you were not running ({title}){gap}{reason}"))
        }
        Phase::Finished(OutcomeWord::Ok | OutcomeWord::Recovered) => Some(format!(
            "The supervisor applied their own version of this change while you were not running ({title}){gap}{reason}"
        )),
        Phase::Proposed | Phase::Held | Phase::Approved | Phase::Running | Phase::Finished(_) | Phase::Lapsed(_) => {
            None
        }
    }
}
