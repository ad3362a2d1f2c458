//! A proposal arrives: filed, ruled, then denied, let through or held.

use super::plan::{self, BEFORE_PLAN};
use super::{Effect, Outcome, Refusal, Reply, Ruling};
use crate::base::{ActionId, ClientId, UnixMs};
use crate::model::AlarmKind;
use crate::model::action::{Action, Executor, Kind};
use crate::model::event::{Alarm, Decided, Decider, Event, Held, Mode, Proposed, Ruled, RulingWord, Started, Verdict};
use crate::model::offer;
use crate::model::session::{Phase, Session};

/// The rule of actions that wait only because the gate is frozen.
pub const FROZEN: &str = "frozen";

/// The rule by which what policy allows asks as well, and its reason. After a drill that failed, mode `plan` stays, with
/// what it holds, and asks as `step` does.
fn asks_always(session: &Session) -> Option<(&'static str, &'static str)> {
    match session.mode {
        Mode::Step => Some(("mode-step", "the mode is step: every action asks")),
        Mode::Plan if session.stops.is_doubtful() => {
            Some(("stop-drill", "the stop drill failed: every action asks in mode plan"))
        }
        Mode::Plan | Mode::Guarded | Mode::Observe => None,
    }
}

/// Policy's word with the mode, the gate and the leases taken in. Only ever tighter than policy, but for a lease, which
/// a user gave.
fn effective(session: &Session, action: &Action, ruling: Ruling, now: UnixMs) -> (Ruling, Option<Decider>) {
    if ruling.word == RulingWord::Deny {
        return (ruling, None);
    }
    let changes_nothing = matches!(action.kind(), Kind::Read | Kind::Plan);
    if session.mode == Mode::Observe && !changes_nothing {
        let reason = "the mode is observe: nothing but reading".to_owned();
        return (
            Ruling { word: RulingWord::Deny, rule: "mode-observe".into(), reason, confirm: None, rail: None },
            None,
        );
    }
    if let Some(why) = &session.frozen {
        let reason = format!("the gate is frozen: {why}");
        return (Ruling { word: RulingWord::Ask, rule: FROZEN.into(), reason, ..ruling }, None);
    }
    if let Some(ruling) = plan::holds(session, action, &ruling) {
        return (ruling, None);
    }
    if offer::needs_choice(&action.options) {
        let reason = "the agent offers options that differ: one of them must be chosen".to_owned();
        return (Ruling { word: RulingWord::Ask, rule: "options".into(), reason, ..ruling }, None);
    }
    let leased = || session.leases.covering(action, now).map(|l| Decider::Lease(l.granted.lease.clone()));
    match (ruling.word, asks_always(session)) {
        (RulingWord::Allow, Some((rule, reason))) => match leased() {
            Some(by) => (ruling, Some(by)),
            None => (Ruling { word: RulingWord::Ask, rule: rule.into(), reason: reason.into(), ..ruling }, None),
        },
        (RulingWord::Allow, None) => {
            let by = Decider::Rule(ruling.rule.as_str().into());
            (ruling, Some(by))
        }
        (RulingWord::Ask, _) if ruling.confirm.is_none() && ruling.rail.is_none() => {
            let by = leased();
            (ruling, by)
        }
        (RulingWord::Ask | RulingWord::Deny, _) => (ruling, None),
    }
}

pub(super) fn file(session: &Session, action: Action, ruling: Ruling, alarms: Vec<Alarm>, now: UnixMs) -> Outcome {
    let (ruling, by) = effective(session, &action, ruling, now);
    let mut out = Outcome::default();
    if let Some(document) = action.document() {
        plan::supersede(session, &document.subject, &mut out);
    }
    out.events.push(Event::Proposed(Proposed { action: action.clone() }));
    out.events.extend(alarms.into_iter().map(Event::Alarm));
    out.events.push(Event::Ruled(ruling.event(&action.id)));
    if !settle(&mut out, &action, &ruling, by) {
        hold(&mut out, &action, &ruling);
    }
    out
}

/// The gate moves again: what policy allows, denies or a lease covers is decided now, everything else stays held.
pub(super) fn reconsider(session: &Session, id: &ActionId, ruling: Ruling, now: UnixMs) -> Result<Outcome, Refusal> {
    let state = session.actions.get(id).ok_or_else(|| Refusal::NoAction(id.clone()))?;
    if state.phase != Phase::Held {
        return Err(Refusal::NotHeld { action: id.clone(), state: state.phase.words().to_owned() });
    }
    let (ruling, by) = effective(session, &state.action, ruling, now);
    let mut out = Outcome::default();
    out.events.push(Event::Ruled(ruling.event(id)));
    let was = state.held.as_ref().map(|held| (&held.confirm, &held.rail));
    if !settle(&mut out, &state.action, &ruling, by) && was != Some((&ruling.confirm, &ruling.rail)) {
        // Another word, or none, is asked for now.
        out.events.push(held(&state.action, &ruling));
    }
    Ok(out)
}

/// Decides what needs no user; returns false when the user must be asked.
fn settle(out: &mut Outcome, action: &Action, ruling: &Ruling, by: Option<Decider>) -> bool {
    let id = action.id.clone();
    match (ruling.word, by) {
        (RulingWord::Deny, _) => {
            let by_rule = Some(ruling.rule.clone());
            out.events.push(Event::Decided(Decided {
                action: id.clone(),
                revision: action.revision,
                digest: action.digest,
                verdict: Verdict::Deny,
                by: Decider::Rule(ruling.rule.as_str().into()),
                reason: Some(ruling.reason.clone()),
                confirmed: None,
                option: None,
                answer: None,
                network: None,
            }));
            let reason = ruling.reason.clone();
            out.effects
                .push(Effect::Reply { action: id, reply: Reply::Denied { reason, by_rule, option: None, form: None } });
        }
        (RulingWord::Allow | RulingWord::Ask, Some(by)) => let_through(out, action, by, Verdict::Approve, None),
        (RulingWord::Allow | RulingWord::Ask, None) => return false,
    }
    true
}

pub(super) fn hold(out: &mut Outcome, action: &Action, ruling: &Ruling) {
    if ruling.confirm.is_some() || ruling.rail.is_some() {
        let what = if ruling.rule == BEFORE_PLAN { AlarmKind::BeforePlan } else { AlarmKind::GuardRail };
        let text = format!("{}: {}", action.title, ruling.reason);
        out.events.push(Event::Alarm(Alarm { what, action: Some(action.id.clone()), text }));
    }
    out.events.push(held(action, ruling));
}

fn held(action: &Action, ruling: &Ruling) -> Event {
    Event::Held(Held {
        action: action.id.clone(),
        revision: action.revision,
        digest: action.digest,
        confirm: ruling.confirm.clone(),
        rail: ruling.rail.clone(),
    })
}

/// Decided for and started, in one batch: the permit comes from its append.
pub(super) fn let_through(out: &mut Outcome, action: &Action, by: Decider, verdict: Verdict, note: Option<String>) {
    let (id, revision, digest) = (action.id.clone(), action.revision, action.digest);
    out.events.push(Event::Decided(Decided {
        action: id.clone(),
        revision,
        digest,
        verdict,
        by,
        reason: note.clone(),
        confirmed: None,
        option: None,
        answer: None,
        network: None,
    }));
    out.events.push(Event::Started(Started { action: id.clone(), revision: Some(revision), digest: Some(digest) }));
    let edited = verdict == Verdict::ApproveEdited;
    out.effects
        .push(Effect::Reply { action: id.clone(), reply: Reply::Approved { edited, note, option: None, form: None } });
    // What a user rewrote is ours to execute: an agent would execute its own version.
    out.effects.push(if action.executor == Executor::Agent && (!edited || action.kind() == Kind::Plan) {
        Effect::Release(id)
    } else {
        Effect::Perform(id)
    });
}

pub(super) fn revise(
    session: &Session,
    action: Action,
    ruling: Ruling,
    alarms: Vec<Alarm>,
) -> Result<Outcome, Refusal> {
    let state = session.actions.get(&action.id).ok_or_else(|| Refusal::NoAction(action.id.clone()))?;
    if state.phase.is_open() && state.phase != Phase::Held {
        return Err(Refusal::NotHeld { action: action.id.clone(), state: state.phase.words().to_owned() });
    }
    let mut out = Outcome::default();
    out.events.push(Event::Proposed(Proposed { action: action.clone() }));
    out.events.extend(alarms.into_iter().map(Event::Alarm));
    out.events.push(Event::Ruled(ruling.event(&action.id)));
    if ruling.word == RulingWord::Deny {
        settle(&mut out, &action, &ruling, None);
    } else {
        hold(&mut out, &action, &ruling);
    }
    Ok(out)
}

pub(super) fn own(session: &Session, action: Action, by: ClientId) -> Result<Outcome, Refusal> {
    if let Some(why) = &session.frozen {
        return Err(Refusal::GateClosed(why.clone()));
    }
    let mut out = Outcome::default();
    out.events.push(Event::Proposed(Proposed { action: action.clone() }));
    out.events.push(Event::Ruled(Ruled {
        action: action.id.clone(),
        ruling: RulingWord::Ask,
        rule: "own".into(),
        reason: "requested by the user".into(),
    }));
    let_through(&mut out, &action, Decider::Human(by), Verdict::Approve, None);
    out.effects.retain(|e| matches!(e, Effect::Perform(_)));
    Ok(out)
}
