//! The verdicts a policy would have given on the actions of past sessions. Pure: it reads envelopes and runs nothing.

use crate::base::{ActionId, Seq};
use crate::model::event::{Envelope, Event, RulingWord};
use crate::policy::{Judged, Place, Policy};
use std::collections::HashMap;

/// One past action under the policy that is tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tried {
    /// The event of the proposal.
    pub seq: Seq,
    pub action: ActionId,
    pub title: String,
    /// The verdict at that time, if recorded.
    pub was: Option<RulingWord>,
    pub now: Judged,
}

impl Tried {
    /// Returns whether the word differs.
    pub fn changes(&self) -> bool {
        self.was != Some(self.now.word)
    }
}

/// Rules again on everything that was proposed. Links are not followed: the files may be gone.
pub fn dry_run<'a>(policy: &Policy, envelopes: impl IntoIterator<Item = &'a Envelope>) -> Vec<Tried> {
    let mut out: Vec<Tried> = Vec::new();
    let mut open: HashMap<ActionId, usize> = HashMap::new();
    let mut place = Place::of("/");
    for envelope in envelopes {
        #[expect(clippy::wildcard_enum_match_arm, reason = "three of many kinds matter here")]
        match &envelope.event {
            Event::SessionOpened(opened) => place = Place::of(&opened.workspace),
            Event::Proposed(proposed) => {
                let action = &proposed.action;
                open.insert(action.id.clone(), out.len());
                let now = policy.rule(action, &place);
                out.push(Tried {
                    seq: envelope.seq,
                    action: action.id.clone(),
                    title: action.title.clone(),
                    was: None,
                    now,
                });
            }
            Event::Ruled(ruled) => {
                if let Some(tried) = open.get(&ruled.action).and_then(|at| out.get_mut(*at)) {
                    tried.was = Some(ruled.ruling);
                }
            }
            _ => {}
        }
    }
    out
}
