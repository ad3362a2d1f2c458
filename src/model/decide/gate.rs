//! The gate itself: modes, freezing, leases, lapses, ends, and the user's edits of the plan.

use super::{Effect, Outcome, Refusal, Reply, wants_merge};
use crate::base::{ActionId, Digest, LeaseId, RelPath};
use crate::model::event::{
    Event, Finished, Frozen, LapseWhy, Lapsed, LeaseGranted, LeaseRevoked, Mode, ModeChanged, Resumed,
};
use crate::model::limits::{LEASE_ACTIONS_MAX, LEASE_PATHS_MAX};
use crate::model::session::{ActionState, Phase, Session};
use std::collections::BTreeSet;

fn lapsed(state: &ActionState, why: LapseWhy, detail: Option<String>) -> Event {
    Event::Lapsed(Lapsed { action: state.action.id.clone(), why, revision: Some(state.action.revision), detail })
}

pub(super) fn lapse(
    session: &Session,
    id: &ActionId,
    why: LapseWhy,
    detail: Option<String>,
) -> Result<Outcome, Refusal> {
    let state = session.actions.get(id).ok_or_else(|| Refusal::NoAction(id.clone()))?;
    if !state.phase.is_open() {
        return Err(Refusal::NotHeld { action: id.clone(), state: state.phase.words().to_owned() });
    }
    Ok(Outcome {
        events: vec![lapsed(state, why, detail)],
        effects: vec![Effect::Reply { action: id.clone(), reply: Reply::Lapsed { why } }],
    })
}

pub(super) fn lapse_all(session: &Session, why: LapseWhy, ending: &BTreeSet<ActionId>) -> Outcome {
    let mut out = Outcome::default();
    for state in session.actions.open().filter(|state| !ending.contains(&state.action.id)) {
        out.events.push(lapsed(state, why, None));
        out.effects.push(Effect::Reply { action: state.action.id.clone(), reply: Reply::Lapsed { why } });
    }
    out
}

/// Consent, and the question itself, are void for every held action that rests on what the file no longer is. No reply
/// goes to the agent yet: a merge is tried first.
pub(super) fn base_changed(session: &Session, path: &RelPath, now: Option<Digest>) -> Outcome {
    let mut out = Outcome::default();
    for state in session.actions.held() {
        let rests_on_other = state.action.base().any(|(p, was)| p == path && was != now);
        if rests_on_other {
            let detail = Some(format!("{path} changed after it was proposed"));
            out.events.push(lapsed(state, LapseWhy::Voided, detail));
            out.effects.push(Effect::Merge(state.action.id.clone()));
        }
    }
    out
}

pub(super) fn finish(session: &Session, id: &ActionId, finished: Finished) -> Result<Outcome, Refusal> {
    let state = session.actions.get(id).ok_or_else(|| Refusal::NoAction(id.clone()))?;
    if state.phase != Phase::Running {
        return Err(Refusal::NotHeld { action: id.clone(), state: state.phase.words().to_owned() });
    }
    let effects = if wants_merge(finished.outcome) { vec![Effect::Merge(id.clone())] } else { Vec::new() };
    Ok(Outcome { events: vec![Event::Finished(finished)], effects })
}

pub(super) fn set_mode(session: &Session, mode: Mode) -> Outcome {
    if session.mode == mode {
        return Outcome::default();
    }
    // What waited for a plan waits no longer, or waits from now on.
    Outcome { events: vec![Event::ModeChanged(ModeChanged { mode })], effects: vec![Effect::PlanSettled] }
}

pub(super) fn freeze(session: &Session, why: String) -> Outcome {
    if session.frozen.is_some() {
        return Outcome::default();
    }
    Outcome { events: vec![Event::Frozen(Frozen { why })], effects: Vec::new() }
}

pub(super) fn resume(session: &Session) -> Outcome {
    if session.frozen.is_none() {
        return Outcome::default();
    }
    Outcome { events: vec![Event::Resumed(Resumed {})], effects: Vec::new() }
}

pub(super) fn grant(session: &Session, granted: LeaseGranted) -> Result<Outcome, Refusal> {
    if let Some(step) = &granted.step
        && session.plan.step(step).is_none()
    {
        return Err(Refusal::Invalid(format!("the plan has no step {step}")));
    }
    let named = granted.paths.len() + granted.commands.len();
    if granted.actions_max == 0 || granted.actions_max > LEASE_ACTIONS_MAX || named > LEASE_PATHS_MAX {
        return Err(Refusal::Invalid(format!(
            "a lease covers 1 to {LEASE_ACTIONS_MAX} actions and {LEASE_PATHS_MAX} paths"
        )));
    }
    if let Some(bad) = granted.paths.iter().find(|p| globset::Glob::new(p).is_err()) {
        return Err(Refusal::Invalid(format!("{bad:?} is not a path pattern")));
    }
    if granted.cost_micros_max == Some(0) {
        return Err(Refusal::Invalid("a lease that may cost nothing covers nothing".into()));
    }
    // It would never end the lease.
    if granted.cost_micros_max.is_some() && session.agent.usage.cost_micros.is_none() {
        let text = "the agent has not reported what it costs: bound the lease by `actions_max` or `minutes` instead";
        return Err(Refusal::Invalid(text.into()));
    }
    Ok(Outcome { events: vec![Event::LeaseGranted(granted)], effects: Vec::new() })
}

pub(super) fn revoke(session: &Session, lease: &LeaseId) -> Result<Outcome, Refusal> {
    if !session.leases.iter().any(|l| &l.granted.lease == lease && l.revoked.is_none()) {
        return Err(Refusal::Invalid(format!("no lease {lease} to revoke")));
    }
    let revoked = LeaseRevoked { lease: lease.clone(), why: "revoked by the user".into() };
    Ok(Outcome { events: vec![Event::LeaseRevoked(revoked)], effects: Vec::new() })
}
