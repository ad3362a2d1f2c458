//! The plan as a contract: nothing changes before it is approved, its steps are left one by one, what the agent changes
//! in it is asked about, and what the user remarks reaches the agent.

use super::propose::hold;
use super::{Effect, Outcome, Refusal, Ruling, comment};
use crate::base::{ClientId, Digest, StepId};
use crate::model::action::{Action, ActionBody, Body, Kind, Proposal};
use crate::model::comment::{Anchor, Comment, CommentState};
use crate::model::event::{
    Decided, Event, LapseWhy, Lapsed, Mode, PlanDecided, PlanListed, PlanRevised, PlanWritten, Proposed, RulingWord,
    Verdict,
};
use crate::model::plan::{
    Plan, PlanChange, PlanDocument, PlanEdit, PlanError, PlanOrigin, PlanSubject, PlanVerdict, Remark, Step, StepStatus,
};
use crate::model::session::{ActionState, Phase, Session};

/// The rule of what is held because no plan is approved, or a step waits to be looked at.
pub const BEFORE_PLAN: &str = "before-plan";
/// The rule of what a step does beyond what it declares.
pub const DRIFT: &str = "drift";
/// The rule of changes of the approved plan.
pub const REPLAN: &str = "replan";
/// The rule of what an agent objects to in its role.
const OBJECTION: &str = "objection";
/// The word that approves an action before the plan.
pub const EARLY: &str = "early";
/// The rule of the policy for what only reads.
const READS: &str = "read-inside";

/// A question, a read, or a command that the rules know to read only.
pub fn changes_nothing(action: &Action, ruling: &Ruling) -> bool {
    let only_reads = ruling.word == RulingWord::Allow && ruling.rule.split('+').all(|rule| rule.trim() == READS);
    matches!(action.body, ActionBody::Read(_) | ActionBody::Plan(_) | ActionBody::Form(_)) || only_reads
}

/// Asks about what would be allowed, where the plan comes first or the step does not say so.
pub(super) fn holds(session: &Session, action: &Action, ruling: &Ruling) -> Option<Ruling> {
    if changes_nothing(action, ruling) {
        return None;
    }
    let required = session.mode == Mode::Plan;
    let waiting = session.actions.held().find_map(|state| match &state.action.document()?.subject {
        PlanSubject::StepEnd { step } => Some(format!("step {step} is over and waits for your word")),
        PlanSubject::Plan | PlanSubject::Replan | PlanSubject::Objection { .. } => None,
    });
    if let Some(why) = session.plans.holds(required).or(waiting) {
        // A guard rail keeps its own word.
        let confirm = ruling.confirm.clone().or_else(|| Some(EARLY.to_owned()));
        return Some(Ruling {
            word: RulingWord::Ask,
            rule: BEFORE_PLAN.into(),
            reason: why,
            confirm,
            rail: ruling.rail.clone(),
        });
    }
    if !required {
        return None;
    }
    let reason = drift(&session.plan, action)?;
    Some(Ruling { word: RulingWord::Ask, rule: DRIFT.into(), reason, ..ruling.clone() })
}

/// What an action does beyond what its step declares, in words.
pub fn drift(plan: &Plan, action: &Action) -> Option<String> {
    let step = plan.step(action.step.as_ref()?)?;
    match action.kind() {
        Kind::Edit if !step.files.is_empty() => {
            let declared = |path: &str| step.files.iter().any(|pattern| covers(pattern, path));
            let outside: Vec<&str> =
                action.touches().map(|path| path.as_str()).filter(|path| !declared(path)).collect();
            (!outside.is_empty()).then(|| format!("step {} does not declare {}", step.id, outside.join(", ")))
        }
        Kind::Command if !step.commands.is_empty() || !step.checks.is_empty() => {
            let line = action.command()?.line();
            let declared = step.commands.iter().chain(&step.checks).any(|command| command.trim() == line.trim());
            (!declared).then(|| format!("step {} does not declare the command {line}", step.id))
        }
        Kind::Edit | Kind::Command | Kind::Read | Kind::Network | Kind::Plan | Kind::Other => None,
    }
}

/// A declared path, the directory above it, or a pattern.
fn covers(pattern: &str, path: &str) -> bool {
    let pattern = pattern.trim_start_matches("./");
    let directory = pattern.trim_end_matches('/');
    path == pattern
        || path.strip_prefix(directory).is_some_and(|rest| rest.starts_with('/'))
        || globset::Glob::new(pattern).is_ok_and(|glob| glob.compile_matcher().is_match(path))
}

/// The agent's whole tree. Before a plan is approved it is merged; afterwards its statuses are, and changes are asked
/// about.
pub(super) fn replan(session: &Session, by: String, steps: Vec<Step>) -> Outcome {
    let mut out = Outcome::default();
    if session.plans.approved.is_none() {
        let next = session.plan.replanned(steps);
        if next.steps != session.plan.steps {
            out.events.push(Event::PlanRevised(PlanRevised { revision: next.revision, by, steps: next.steps.clone() }));
        }
        if session.mode == Mode::Plan {
            propose_tree(session, &next, &mut out);
        }
        return out;
    }
    let is_other = session.plan.is_another_list(&steps);
    let own = if is_other { steps.clone() } else { Vec::new() };
    if own != session.plans.own() {
        out.events.push(Event::PlanListed(PlanListed { by: by.clone(), steps: own }));
    }
    if is_other {
        supersede(session, &PlanSubject::Replan, &mut out);
        return out;
    }
    let (mut next, changes) = session.plan.compared(&steps);
    // A step that the supervisor let begin goes on, whatever the agent's list calls it before its own work on it.
    let begun = session.plan.active().filter(|_| session.mode == Mode::Plan && next.active().is_none());
    for own in next.steps.iter_mut().filter(|own| begun.is_some_and(|begun| begun.id == own.id)) {
        own.status = if own.status == StepStatus::Pending { StepStatus::Active } else { own.status };
    }
    if next.steps != session.plan.steps {
        let revised = PlanRevised { revision: next.revision, by, steps: next.steps.clone() };
        out.events.push(Event::PlanRevised(revised));
    }
    if changes.is_empty() || session.plan.is_being_listed(&steps) {
        // The agent does not want a change any more.
        supersede(session, &PlanSubject::Replan, &mut out);
    } else {
        propose_changes(session, &next, steps, &changes, &mut out);
    }
    out
}

/// An approved text becomes the tree; where steps are gone through one by one, the first one begins.
pub(super) fn adopt(session: &Session, by: String, steps: Vec<Step>) -> Outcome {
    let mut next = session.plan.replanned(steps);
    if session.mode == Mode::Plan && next.active().is_none() {
        let first = next.next_open().map(|step| step.id.clone());
        for step in next.steps.iter_mut().filter(|step| Some(&step.id) == first.as_ref()) {
            step.status = StepStatus::Active;
        }
    }
    if next.steps == session.plan.steps {
        return Outcome::default();
    }
    let revised = PlanRevised { revision: next.revision, by, steps: next.steps };
    Outcome { events: vec![Event::PlanRevised(revised)], effects: Vec::new() }
}

/// The tree itself is what there is to approve, where the agent has no other text.
fn propose_tree(session: &Session, plan: &Plan, out: &mut Outcome) {
    let text = plan.outline();
    let latest = session.plans.latest();
    let is_known = latest.is_some_and(|latest| latest.document.text == text);
    let has_other = latest.is_some_and(|latest| latest.action.is_some() && latest.document.origin != PlanOrigin::Steps);
    if is_known || has_other || plan.steps.is_empty() {
        return;
    }
    let document = PlanDocument { steps: plan.steps.clone(), ..PlanDocument::new(&text, PlanOrigin::Steps) };
    let count = plan.steps.len();
    let title = format!("approve the plan of {count} step{}", if count == 1 { "" } else { "s" });
    ask(session, &title, document, "plan", "the mode is plan: the plan comes first", None, out);
}

/// What the agent wants to change in the approved plan. Changes that were answered are not asked about again, neither
/// all of them nor those that were left out of an approval.
fn propose_changes(session: &Session, plan: &Plan, steps: Vec<Step>, changes: &[PlanChange], out: &mut Outcome) {
    let lines: Vec<String> = changes.iter().map(|change| format!("- {}\n", change.words())).collect();
    let text = format!("The agent wants to change the plan:\n\n{}", lines.concat());
    // What was answered about a former plan says nothing about this one.
    let plan_of = session.plans.approved.and_then(|digest| session.plans.of(digest)?.action.clone());
    let since = || session.actions.iter().rev().take_while(|state| plan_of.as_ref() != Some(&state.action.id));
    let replans = || since().filter(|state| is_replan(state));
    let asks = |state: &ActionState| state.action.document().is_some_and(|document| document.text == text);
    if replans().any(|state| state.phase == Phase::Held && asks(state)) {
        return;
    }
    let answered = replans().find(|state| state.decided.is_some()).and_then(|state| state.action.document());
    let answered = answered.map_or("", |document| document.text.as_str());
    if lines.iter().all(|line| answered.split_inclusive('\n').any(|known| known == line)) {
        supersede(session, &PlanSubject::Replan, out);
        return;
    }
    let document = PlanDocument { steps, subject: PlanSubject::Replan, ..PlanDocument::new(&text, PlanOrigin::Steps) };
    let count = changes.len();
    let title = format!("change the plan: {count} change{}", if count == 1 { "" } else { "s" });
    let step = plan.active().map(|step| step.id.clone());
    ask(session, &title, document, REPLAN, "the plan was approved as it was", step, out);
}

fn is_replan(state: &ActionState) -> bool {
    state.action.document().is_some_and(|document| document.subject == PlanSubject::Replan)
}

/// Puts a question of our own about the plan; an older one of its kind lapses.
fn ask(
    session: &Session,
    title: &str,
    document: PlanDocument,
    rule: &str,
    reason: &str,
    step: Option<StepId>,
    out: &mut Outcome,
) {
    // Each objection is one of its own.
    if !matches!(document.subject, PlanSubject::Objection { .. }) {
        supersede(session, &document.subject, out);
    }
    let mut proposal = Proposal::new(title, Body::Plan(Some(Box::new(document))));
    proposal.step = step;
    let filed = out.events.iter().filter(|event| matches!(event, Event::Proposed(_))).count();
    let action = Action::file(session.actions.next_ids().nth(filed).unwrap_or_default(), proposal, None);
    let ruling = Ruling::ask(rule, reason);
    out.events.push(Event::Proposed(Proposed { action: action.clone() }));
    out.events.push(Event::Ruled(ruling.event(&action.id)));
    hold(out, &action, &ruling);
}

/// A question of our own about the plan lapses: another one takes its place.
pub(super) fn supersede(session: &Session, subject: &PlanSubject, out: &mut Outcome) {
    let own = |state: &&ActionState| {
        state.action.executor == crate::model::Executor::Host
            && state.action.document().is_some_and(|other| other.subject.word() == subject.word())
    };
    for state in session.actions.held().filter(own) {
        out.events.push(Event::Lapsed(Lapsed {
            action: state.action.id.clone(),
            why: LapseWhy::Superseded,
            revision: Some(state.action.revision),
            detail: None,
        }));
    }
}

fn approves(decided: &Decided) -> bool {
    matches!(decided.verdict, Verdict::Approve | Verdict::ApproveEdited)
}

/// The user does not let a step end: it is being worked on again.
pub(super) fn refused(session: &Session, action: &Action, out: &mut Outcome) {
    let Some(PlanSubject::StepEnd { step }) = action.document().map(|document| &document.subject) else { return };
    let mut next = Plan { revision: session.plan.revision + 1, steps: session.plan.steps.clone() };
    for own in next.steps.iter_mut().filter(|own| &own.id == step) {
        own.status = StepStatus::Active;
    }
    let revised = PlanRevised { revision: next.revision, by: "human".into(), steps: next.steps };
    out.events.push(Event::PlanRevised(revised));
    out.effects.push(Effect::PlanSettled);
}

/// A step is over: its summary is asked about, once.
pub(super) fn end_step(session: &Session, step: StepId, summary: PlanDocument) -> Outcome {
    let mut out = Outcome::default();
    let subject = PlanSubject::StepEnd { step: step.clone() };
    // A step that was sent back ends again.
    let settled = |state: &ActionState| state.phase == Phase::Held || state.decided.as_ref().is_some_and(approves);
    let about = |state: &ActionState| state.action.document().is_some_and(|d| d.subject == subject);
    let known = session.actions.iter().any(|state| about(state) && settled(state));
    let Some(over) = session.plan.step(&step).filter(|_| !known) else { return out };
    let title = match session.plan.next_open() {
        Some(next) => format!("step {step} is over; continue to step {}: {}", next.id, next.title),
        None => format!("step {step} is over, the last one: {}", over.title),
    };
    let document = PlanDocument { subject, ..summary };
    ask(session, &title, document, "step-end", "a step ends here", Some(step), &mut out);
    out
}

/// What the agent objects to in a role: each is asked about, once.
pub(super) fn object(session: &Session, step: StepId, role: &str, texts: Vec<String>) -> Outcome {
    let mut out = Outcome::default();
    for text in texts {
        let subject = PlanSubject::Objection { step: step.clone() };
        let is_it = |document: &PlanDocument| document.subject == subject && document.text == text;
        if session.actions.iter().any(|state| state.action.document().is_some_and(is_it)) {
            continue;
        }
        let title = format!("{role} objects: {text}");
        let document = PlanDocument { subject, ..PlanDocument::new(&text, PlanOrigin::Message) };
        let reason = format!("the role {role} objects to what was done");
        ask(session, &title, document, OBJECTION, &reason, Some(step.clone()), &mut out);
    }
    out
}

/// A text of the plan: kept, and with `review` put to the user.
pub(super) fn write(session: &Session, by: String, document: PlanDocument, review: bool) -> Outcome {
    let mut out = Outcome::default();
    // An agent that repeats a plan may end it in another way.
    let is_same = |text: &str| text == document.text || (by == "agent" && text.trim() == document.text.trim());
    let known = session.plans.latest().filter(|latest| is_same(&latest.document.text));
    let is_settled = by == "agent" && known.is_some_and(|known| known.verdict == Some(PlanVerdict::Approved));
    let is_pending =
        session.actions.held().any(|state| known.is_some_and(|known| known.action.as_ref() == Some(&state.action.id)));
    if document.text.trim().is_empty() || is_pending || is_settled || (known.is_some() && !review) {
        return out;
    }
    if review {
        let reason = if by == "agent" { "the plan comes first" } else { "you made this the plan" };
        ask(session, "approve the plan", document, "plan", reason, None, &mut out);
    } else {
        out.events.push(Event::PlanWritten(PlanWritten { by, document }));
    }
    out
}

/// There is no plan any more: what asks about it lapses, and the gate works as without one.
pub(super) fn drop_plan(
    session: &Session,
    digest: Digest,
    reason: Option<String>,
    by: ClientId,
) -> Result<Outcome, Refusal> {
    let mut out = Outcome::default();
    let about_it = |state: &&ActionState| state.action.document().is_some_and(PlanDocument::is_plan);
    for state in session.actions.held().filter(about_it) {
        let (action, revision) = (state.action.id.clone(), Some(state.action.revision));
        let detail = Some("the plan was dropped".to_owned());
        out.events.push(Event::Lapsed(Lapsed { action: action.clone(), why: LapseWhy::Superseded, revision, detail }));
        out.effects.push(Effect::Reply { action, reply: super::Reply::Lapsed { why: LapseWhy::Superseded } });
    }
    out.events.push(Event::PlanDecided(PlanDecided { digest, verdict: PlanVerdict::Dropped, by, reason }));
    out.effects.push(Effect::PlanSettled);
    Ok(out)
}

/// Consequences of an approved question about the plan.
pub(super) fn approved(session: &Session, action: &Action, changes: Option<&[usize]>, out: &mut Outcome) {
    let Some(document) = action.document() else { return };
    match &document.subject {
        PlanSubject::Plan => return out.effects.insert(0, Effect::PlanApproved),
        PlanSubject::Replan => {
            // The statuses of the list were taken when it came; the steps have gone on since.
            let (_, all) = session.plan.compared(&document.steps);
            let is_chosen = |at: &usize| changes.is_none_or(|chosen| chosen.contains(at));
            let chosen: Vec<&PlanChange> =
                all.iter().enumerate().filter(|(at, _)| is_chosen(at)).map(|(_, c)| c).collect();
            let next = session.plan.with_changes(&document.steps, &chosen);
            let revised = PlanRevised { revision: next.revision, by: "agent".into(), steps: next.steps };
            out.events.push(Event::PlanRevised(revised));
            out.effects.push(Effect::PlanChanged);
        }
        PlanSubject::Objection { step } => {
            let title = document.text.trim().to_owned();
            let add = PlanEdit::Add { title, parent: None, after: Some(step.clone()), id: None };
            // A step that is gone in the meantime leaves the objection at the end.
            let last = PlanEdit::Add { title: document.text.trim().to_owned(), parent: None, after: None, id: None };
            let edited = |edit| session.plan.edited(session.plan.revision, &[edit], "human");
            if let Ok(next) = edited(add).or_else(|_| edited(last)) {
                let revised = PlanRevised { revision: next.revision, by: "human".into(), steps: next.steps };
                out.events.push(Event::PlanRevised(revised));
                out.effects.push(Effect::PlanChanged);
            }
        }
        PlanSubject::StepEnd { step } => {
            let mut next = Plan { revision: session.plan.revision + 1, steps: session.plan.steps.clone() };
            for own in next.steps.iter_mut().filter(|own| &own.id == step) {
                own.status = StepStatus::Done;
            }
            let following = next.next_open().map(|next| (next.id.clone(), next.title.clone()));
            if let Some((id, _)) = &following {
                for own in next.steps.iter_mut().filter(|own| &own.id == id) {
                    own.status = StepStatus::Active;
                }
            }
            if next.steps != session.plan.steps {
                let revised = PlanRevised { revision: next.revision, by: "human".into(), steps: next.steps };
                out.events.push(Event::PlanRevised(revised));
            }
            if let Some((id, title)) = following {
                let text = format!("The supervisor has looked at step {step}. Continue with step {id}: {title}");
                out.effects.push(Effect::Tell(text));
            }
        }
    }
    out.effects.push(Effect::PlanSettled);
}

/// Edits of the tree: of a plan that is not approved yet those that the agent has to make are comments on it, the others
/// are made. All or none.
pub(super) fn edit(session: &Session, revision: u32, edits: &[PlanEdit], by: &ClientId) -> Result<Outcome, Refusal> {
    let refused = |error: PlanError| Refusal::Invalid(error.to_string());
    let mut next = session.plan.edited(revision, edits, "human").map_err(refused)?;
    let mut out = Outcome::default();
    if let Some(version) = session.plans.in_review() {
        let (remarks, own): (Vec<_>, Vec<_>) =
            edits.iter().map(|edit| (edit, edit.as_remark(&session.plan))).partition(|(_, remark)| remark.is_some());
        if remarks.len() > session.plans.comments_left() {
            return Err(comment::too_many());
        }
        let remarks = remarks.into_iter().filter_map(|(_, remark)| remark);
        for (id, Remark { step, kind, text }) in session.plans.next_comment_ids().zip(remarks) {
            let title = session.plan.step(&step).map_or("", |step| step.title.as_str());
            let anchor = Anchor::of_step(step, title);
            let (by, version) = (by.clone(), version.number);
            let comment = Comment { id, kind, text, by, version, anchor, state: CommentState::Open };
            comment::check(&comment)?;
            out.events.push(comment::event(comment));
        }
        if own.is_empty() {
            return Ok(out);
        }
        let own: Vec<PlanEdit> = own.into_iter().map(|(edit, _)| edit.clone()).collect();
        next = session.plan.edited(revision, &own, "human").map_err(refused)?;
    }
    let revised = PlanRevised { revision: next.revision, by: by.to_string(), steps: next.steps };
    out.events.push(Event::PlanRevised(revised));
    out.effects.push(Effect::PlanChanged);
    // What the agent wants to change is counted by the tree as it was.
    for state in session.actions.held().filter(|state| is_replan(state)) {
        let (why, detail) = (LapseWhy::Superseded, Some("you changed the plan".to_owned()));
        let (action, revision) = (state.action.id.clone(), Some(state.action.revision));
        out.events.push(Event::Lapsed(Lapsed { action, why, revision, detail }));
    }
    Ok(out)
}
