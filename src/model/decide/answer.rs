//! A user answers a held action. The answer carries the digest of what was seen; anything else is refused.

use super::{Answering, Edited, Effect, Outcome, Refusal, Reply, comment, plan, propose};
use crate::base::limits::{LEASE_ACTIONS_DEFAULT, LEASE_MINUTES_DEFAULT};
use crate::base::{ClientId, UnixMs};
use crate::model::AlarmKind;
use crate::model::FormAnswer;
use crate::model::action::{Author, Executor, Kind};
use crate::model::event::{
    Alarm, Decided, Decider, Event, Held, LeaseGranted, Mode, Network, Proposed, RulingWord, Verdict,
};
use crate::model::offer;
use crate::model::plan::{PlanDocument, PlanOrigin};
use crate::model::session::{ActionState, Phase, Session};

/// The held action, if it is still the one that was seen.
fn seen<'a>(session: &'a Session, answering: &Answering) -> Result<&'a ActionState, Refusal> {
    let id = &answering.action;
    let state = session.actions.get(id).ok_or_else(|| Refusal::NoAction(id.clone()))?;
    let Some(held) = state.held.as_ref().filter(|_| state.phase == Phase::Held) else {
        return Err(Refusal::NotHeld { action: id.clone(), state: state.phase.words().to_owned() });
    };
    if held.digest != answering.digest {
        let (revision, now) = (held.revision, held.digest);
        return Err(Refusal::StaleDigest { action: id.clone(), revision, now });
    }
    Ok(state)
}

pub(super) fn answer(session: &Session, answering: Answering) -> Result<Outcome, Refusal> {
    let state = seen(session, &answering)?;
    match answering.verdict {
        Verdict::Deny | Verdict::Redirect => refuse(session, state, answering),
        Verdict::Approve | Verdict::ApproveEdited => approve(session, state, answering),
    }
}

fn refuse(session: &Session, state: &ActionState, answering: Answering) -> Result<Outcome, Refusal> {
    let option = option_of(state, &answering)?;
    let form = refusal_of(state, answering.form)?;
    let answer = form.clone();
    let redirects = answering.verdict == Verdict::Redirect;
    let said = answering.reason.unwrap_or_default();
    let (reason, mut events) = comment::with_comments(session, state, &said, (false, redirects));
    if answering.verdict == Verdict::Redirect && reason.trim().is_empty() {
        return Err(Refusal::Invalid("a redirect needs a reason: say what the agent should do instead".into()));
    }
    let reply = if answering.verdict == Verdict::Redirect {
        Reply::Redirected { reason: reason.clone(), option: option.clone() }
    } else {
        Reply::Denied { reason: reason.clone(), by_rule: None, option: option.clone(), form }
    };
    let decided = Decided {
        action: state.action.id.clone(),
        revision: state.action.revision,
        digest: state.action.digest,
        verdict: answering.verdict,
        by: Decider::Human(answering.by),
        reason: (!reason.is_empty()).then_some(reason),
        confirmed: None,
        option,
        answer,
        network: None,
    };
    let effects = vec![Effect::Reply { action: decided.action.clone(), reply }];
    events.push(Event::Decided(decided));
    let mut out = Outcome { events, effects };
    plan::refused(session, &state.action, &mut out);
    Ok(out)
}

fn approve(session: &Session, state: &ActionState, mut answering: Answering) -> Result<Outcome, Refusal> {
    if let Some(why) = &session.frozen {
        return Err(Refusal::GateClosed(why.clone()));
    }
    if answering.unless_commented {
        comment::none_open(session, state)?;
    }
    let option = option_of(state, &answering)?;
    let form = acceptance_of(state, answering.form.as_ref())?;
    let confirmed = confirmed(state, answering.confirm.as_deref())?;
    let network = network_of(state, &answering)?;
    let said = answering.reason.take().unwrap_or_default();
    let (notes, sent) = comment::with_comments(session, state, &said, (true, false));
    answering.reason = (!notes.is_empty()).then_some(notes);
    let mut out = approved(session, state, answering)?;
    out.events.splice(0..0, sent);
    for event in &mut out.events {
        if let Event::Decided(decided) = event {
            decided.network = network;
            decided.option.clone_from(&option);
            decided.answer = form.as_ref().zip(state.action.form()).map(|(answer, form)| form.masked(answer));
        }
    }
    for effect in &mut out.effects {
        if let Effect::Reply { reply: Reply::Approved { option: chosen, form: answer, .. }, .. } = effect {
            chosen.clone_from(&option);
            answer.clone_from(&form);
        }
    }
    if let Some(confirmed) = confirmed {
        out.events.iter_mut().for_each(|event| {
            if let Event::Decided(decided) = event {
                decided.confirmed = Some(confirmed);
            }
        });
    }
    if confirmed == Some(false) {
        let text = format!("{} was approved without typing the word that guards it", state.action.id);
        let action = Some(state.action.id.clone());
        out.events.push(Event::Alarm(Alarm { what: AlarmKind::GuardRail, action, text }));
    }
    Ok(out)
}

/// The agent's option that the answer names, if it fits. A plain approval of options that differ is refused: it would
/// be consent by position. What the supervisor rewrote is ours to execute and needs none of them.
fn option_of(state: &ActionState, answering: &Answering) -> Result<Option<String>, Refusal> {
    let allows = matches!(answering.verdict, Verdict::Approve | Verdict::ApproveEdited);
    let named = answering.option.as_deref();
    if named.is_none() && answering.edited.is_some() && state.action.kind() != Kind::Plan {
        return Ok(None);
    }
    let options = &state.action.options;
    // One word is asked for at a time: the guard rail's own covers the option too.
    let guard = state.held.as_ref().and_then(|held| held.confirm.as_deref());
    let own_word = options.iter().find(|o| Some(o.id.as_str()) == named).and_then(|o| o.confirm.as_deref());
    let given = answering.confirm.as_deref().map(str::trim);
    let confirm = if guard.is_some() && given == guard { own_word } else { given };
    let chosen = offer::selected(options, allows, named, confirm).map_err(Refusal::Invalid)?;
    Ok(named.and(chosen).map(|option| option.id.clone()))
}

/// The network that a command is given in its layer.
fn network_of(state: &ActionState, answering: &Answering) -> Result<Option<Network>, Refusal> {
    let is_ours = state.action.kind() == Kind::Command && state.action.trial().is_none();
    let is_ours = is_ours && (state.action.executor == Executor::Host || answering.edited.is_some());
    if answering.network.is_some() && !is_ours {
        return Err(Refusal::Invalid("`network` is for a command that rightseat runs".into()));
    }
    Ok(answering.network)
}

/// The answer of an approval to a form: the given one, or the defaults, if they fit.
fn acceptance_of(state: &ActionState, given: Option<&FormAnswer>) -> Result<Option<FormAnswer>, Refusal> {
    let invalid = |text: &str| Err(Refusal::Invalid(text.to_owned()));
    match (state.action.form(), given) {
        (None, None) => Ok(None),
        (None, Some(_)) => invalid("`answer` is for a form, and this action has none"),
        (Some(_), Some(FormAnswer::Decline | FormAnswer::Cancel)) => {
            invalid("an approval accepts the form: send `deny` with this answer")
        }
        (Some(form), given) => {
            let content = match given {
                Some(FormAnswer::Accept { content }) => content.clone(),
                _ => form.defaults(),
            };
            form.check(&content).map_err(|misfit| Refusal::Invalid(format!("nothing was sent: {misfit}")))?;
            Ok(Some(FormAnswer::Accept { content }))
        }
    }
}

/// The answer of a denial or redirect to a form.
fn refusal_of(state: &ActionState, given: Option<FormAnswer>) -> Result<Option<FormAnswer>, Refusal> {
    match (state.action.form(), given) {
        (None, None) => Ok(None),
        (None, Some(_)) => Err(Refusal::Invalid("`answer` is for a form, and this action has none".into())),
        (Some(_), Some(FormAnswer::Accept { .. })) => {
            Err(Refusal::Invalid("a denial does not accept the form: send `approve` with this answer".into()))
        }
        (Some(_), given) => Ok(Some(given.unwrap_or(FormAnswer::Decline))),
    }
}

/// For a guard-rail action: whether its word was given. A wrong word refuses; an absent one is a client that does not
/// know of it, and is recorded.
fn confirmed(state: &ActionState, given: Option<&str>) -> Result<Option<bool>, Refusal> {
    let Some(word) = state.held.as_ref().and_then(|held| held.confirm.as_deref()) else { return Ok(None) };
    match given {
        Some(given) if given.trim() != word => Err(Refusal::Invalid(format!(
            "{} is a guard-rail action: `confirm` must be the word {word:?}, not {given:?}",
            state.action.id
        ))),
        None if word == plan::EARLY => Err(Refusal::Invalid(format!(
            "{} comes before the plan is approved: approve the plan first, or give the word {word:?} as `confirm`",
            state.action.id
        ))),
        given => Ok(Some(given.is_some())),
    }
}

fn approved(session: &Session, state: &ActionState, answering: Answering) -> Result<Outcome, Refusal> {
    let by = Decider::Human(answering.by);
    let mut out = Outcome::default();
    let Some(edited) = answering.edited else {
        if answering.verdict == Verdict::ApproveEdited {
            return Err(Refusal::Invalid("approve_edited needs `edited` or `hunks`".into()));
        }
        if state.action.conflicted {
            return Err(Refusal::Invalid("the merge left conflict markers: edit it before you approve it".into()));
        }
        propose::let_through(&mut out, &state.action, by.clone(), Verdict::Approve, answering.reason);
        out.events.extend(step_lease(session, state, by));
        plan::approved(session, &state.action, None, &mut out);
        return Ok(out);
    };
    if let Some(ruling) = answering.edited_ruling.filter(|r| r.word == RulingWord::Deny) {
        return Err(Refusal::Forbidden { rule: ruling.rule, reason: ruling.reason });
    }
    let next = match (edited, state.action.kind()) {
        (Edited::Changes(changes), Kind::Plan) => {
            propose::let_through(&mut out, &state.action, by, Verdict::Approve, answering.reason);
            plan::approved(session, &state.action, Some(&changes), &mut out);
            return Ok(out);
        }
        (Edited::Plan(text), Kind::Plan) => {
            let Some(document) = state.action.document().filter(|document| document.is_plan()) else {
                return Err(Refusal::Invalid("only the text of a plan can be edited".into()));
            };
            if text.trim().is_empty() {
                return Err(Refusal::Invalid("the edited plan is empty: deny it instead".into()));
            }
            let path = document.path.clone();
            let document = PlanDocument { path, ..PlanDocument::new(&text, PlanOrigin::Human) };
            state.action.revised(Author::Human, |body| body.replace_document(document))
        }
        (Edited::Files(files), Kind::Edit) => {
            if files.is_empty() {
                return Err(Refusal::Invalid("the edit is empty after excluding these hunks: deny it instead".into()));
            }
            state.action.revised(Author::Human, |body| body.replace_files(files))
        }
        (Edited::Command(command), Kind::Command) => {
            state.action.revised(Author::Human, |body| body.replace_command(command))
        }
        (Edited::Files(_) | Edited::Command(_) | Edited::Plan(_) | Edited::Changes(_), kind) => {
            return Err(Refusal::Invalid(format!("the edit does not fit an action of kind {kind:?}")));
        }
    };
    if next.digest == state.action.digest {
        propose::let_through(&mut out, &state.action, by, Verdict::Approve, answering.reason);
        plan::approved(session, &state.action, None, &mut out);
        return Ok(out);
    }
    out.events.push(Event::Proposed(Proposed { action: next.clone() }));
    propose::let_through(&mut out, &next, by, Verdict::ApproveEdited, answering.reason);
    plan::approved(session, &next, None, &mut out);
    Ok(out)
}

/// In mode `plan` the first edit of a step that a user approves as it is opens a lease for the rest of that step, unless
/// the drill of the stop failed.
fn step_lease(session: &Session, state: &ActionState, by: Decider) -> Option<Event> {
    let Decider::Human(by) = by else { return None };
    let step = state.action.step.clone().filter(|_| session.mode == Mode::Plan && state.action.kind() == Kind::Edit)?;
    let guarded = state.held.as_ref().is_some_and(Held::is_guarded);
    let has_one = session.leases.open(session.at).any(|l| l.granted.step.as_ref() == Some(&step));
    if guarded || has_one || session.stops.is_doubtful() {
        return None;
    }
    let until = UnixMs(session.at.0.saturating_add(u64::from(LEASE_MINUTES_DEFAULT) * 60_000));
    let (lease, actions_max) = (session.leases.next_id(), LEASE_ACTIONS_DEFAULT);
    // What the step declares bounds it; a step that declares nothing is bounded by number and time alone.
    let (paths, commands) =
        session.plan.step(&step).map_or_else(Default::default, |step| (step.files.clone(), step.commands.clone()));
    Some(Event::LeaseGranted(LeaseGranted {
        lease,
        step: Some(step),
        paths,
        commands,
        until,
        actions_max,
        cost_micros_max: None,
        by,
    }))
}

/// The step key: exactly the oldest held action, but never a guard-rail one or a plan, which is read first.
pub(super) fn step(session: &Session, by: ClientId) -> Result<Outcome, Refusal> {
    let state = session.actions.held().next().ok_or(Refusal::NothingHeld)?;
    let held = state.held.as_ref().ok_or(Refusal::NothingHeld)?;
    if held.is_guarded() {
        let text = format!("{} is a guard-rail action: approve it individually", state.action.id);
        return Err(Refusal::Invalid(text));
    }
    if state.action.document().is_some_and(PlanDocument::is_plan) {
        let text = format!("{} is a plan: read it and approve it individually", state.action.id);
        return Err(Refusal::Invalid(text));
    }
    let answering = Answering {
        action: state.action.id.clone(),
        digest: held.digest,
        verdict: Verdict::Approve,
        reason: None,
        confirm: None,
        option: None,
        form: None,
        by,
        network: None,
        edited: None,
        edited_ruling: None,
        unless_commented: true,
    };
    answer(session, answering)
}
