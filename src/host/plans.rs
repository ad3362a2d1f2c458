//! The plan as the host follows it: a text becomes the tree when it is approved, what waited for it is ruled again, and
//! a step that is over is put to the user with what was done for it.

use super::gate::Gate;
use super::limits::{OBJECTION_CHARS_MAX, OBJECTIONS_OF_STEP_MAX};
use crate::base::{ClientId, Digest, RelPath, StepId};
use crate::markdown;
use crate::model::decide::{BEFORE_PLAN, DRIFT, Input};
use crate::model::event::{Isolation, Mode, Verdict};
use crate::model::plan::{Plan, PlanDocument, PlanOrigin, PlanVerdict};
use crate::model::session::{ActionState, Phase, PlanVersion, Speaker};
use crate::model::{Action, AlarmKind, Kind, Session};
use crate::port::{AGENT_CANDIDATE, Blobs};
use crate::wire::{Decide, PlanDecide, PlanDecided, PlanWrite, RpcError};
use std::path::Path;

/// The approved text becomes the tree; the steps of the present one keep their names where their titles are the same.
/// Returns whether the user wrote it.
pub fn adopt(gate: &mut Gate) -> bool {
    let version = gate.session().plans.latest().filter(|latest| Some(latest.digest) == gate.session().plans.approved);
    let Some(version) = version else {
        settle(gate);
        return false;
    };
    let by_user = version.document.origin == PlanOrigin::Human;
    let (document, by) = (&version.document, version.by.clone());
    let steps = if document.steps.is_empty() {
        markdown::plan::steps(&document.text)
    } else {
        markdown::plan::declared(document.steps.clone())
    };
    if !steps.is_empty() {
        gate.quietly(Input::Adopt { by, steps });
    }
    settle(gate);
    by_user
}

/// What waited only for the plan is ruled again.
pub fn settle(gate: &mut Gate) {
    let waits = |state: &&ActionState| {
        state.ruled.as_ref().is_some_and(|ruled| matches!(ruled.rule.as_str(), BEFORE_PLAN | DRIFT))
    };
    let held = gate.session().actions.held().filter(waits);
    let ruled = held.map(|state| (state.action.id.clone(), gate.rule(&state.action))).collect();
    gate.reconsider(ruled);
}

/// A plan that the former agent asked about is asked about by us.
pub fn ask_again(gate: &mut Gate) {
    let session = gate.session();
    let lapsed = |latest: &&PlanVersion| {
        let asked = latest.action.as_ref().and_then(|action| session.actions.get(action));
        latest.verdict.is_none() && asked.is_some_and(|state| matches!(state.phase, Phase::Lapsed(_)))
    };
    let Some(latest) = session.plans.latest().filter(lapsed) else { return };
    let (by, document) = (latest.by.clone(), Box::new(latest.document.clone()));
    gate.quietly(Input::WritePlan { by, document, review: true });
}

/// The words that an agent goes on with.
pub fn next_words(session: &Session) -> String {
    let open = session.plans.approved.and_then(|_| session.plan.active().or_else(|| session.plan.next_open()));
    open.map_or_else(
        || "Continue where the session stands.".to_owned(),
        |step| format!("Continue with step {}: {}", step.id, step.title),
    )
}

/// The agent's list of steps; steps that ended with it are put to the user where the plan says so.
pub fn follow(gate: &mut Gate, by: String, steps: Vec<crate::model::Step>) {
    object(gate);
    let before = gate.session().plan.clone();
    gate.quietly(Input::Replan { by, steps });
    let session = gate.session();
    let Some(step) = ended(session, &before) else { return };
    let summary = Box::new(PlanDocument::new(&summary(session, &step), PlanOrigin::Steps));
    gate.quietly(Input::EndStep { step, summary });
}

/// What the agent objects to in the role of the present step becomes a question of its own.
pub fn object(gate: &mut Gate) {
    let session = gate.session();
    let (Some(role), Some(step)) = (gate.role(), session.plan.active()) else { return };
    let begun = session.plans.cost_of_leaf(&step.id).map(|cost| cost.begun).unwrap_or_default();
    let newest = session.transcript.iter().rev().take_while(|entry| entry.seq >= begun);
    let said = newest.filter(|entry| matches!(entry.speaker, Speaker::Agent(_)));
    let mut texts: Vec<String> = said.flat_map(|entry| entry.text.lines().rev()).filter_map(objection).collect();
    texts.reverse();
    texts.truncate(OBJECTIONS_OF_STEP_MAX);
    if !texts.is_empty() {
        let (role, step) = (role.role.clone(), step.id.clone());
        gate.quietly(Input::Object { step, role, texts });
    }
}

/// The words after `Objection:`, in a list or in bold too.
fn objection(line: &str) -> Option<String> {
    const MARK: &str = "objection:";
    let words = crate::model::plan::without_list_mark(line).trim_start_matches(['*', '_', '>', ' ']);
    let head = words.get(..MARK.len()).filter(|head| head.eq_ignore_ascii_case(MARK))?;
    let text = words.get(head.len()..)?.trim_matches(['*', '_', ' ']);
    (!text.is_empty()).then(|| text.chars().take(OBJECTION_CHARS_MAX).collect())
}

/// The last step that was open before and is over now, and that nothing may follow unseen.
fn ended(session: &Session, before: &Plan) -> Option<StepId> {
    let plan = &session.plan;
    let each = session.mode == Mode::Plan && session.plans.approved.is_some();
    let is_leaf = |id: &StepId| !plan.steps.iter().any(|step| step.parent.as_ref() == Some(id));
    let is_over = |id: &StepId| {
        let leaves = plan.steps.iter().filter(|step| is_leaf(&step.id) && plan.is_within(&step.id, id));
        leaves.into_iter().all(|step| step.status.is_over())
    };
    let was_over = |id: &StepId| before.step(id).is_none_or(|step| step.status.is_over());
    let mut news = plan.steps.iter().filter(|step| is_leaf(&step.id) && step.status.is_over() && !was_over(&step.id));
    let last = news.next_back()?;
    let stops = |step: &&crate::model::Step| step.stop && plan.is_within(&last.id, &step.id) && is_over(&step.id);
    if each { Some(last.id.clone()) } else { plan.steps.iter().find(stops).map(|step| step.id.clone()) }
}

/// What was done for a step, in CommonMark.
fn summary(session: &Session, id: &StepId) -> String {
    let Some(step) = session.plan.step(id) else { return String::new() };
    let own = |state: &&ActionState| {
        state.action.step.as_ref().is_some_and(|of| session.plan.is_within(of, id)) && state.action.kind() != Kind::Plan
    };
    let actions: Vec<&ActionState> = session.actions.iter().filter(own).collect();
    let mut out = format!("# {}\n\n", step.title);
    if actions.is_empty() {
        out.push_str("Nothing was done for it through the gate.\n");
    }
    for state in &actions {
        out.push_str(&format!("- {} {}: {}\n", state.action.id, state.action.title, state.phase.words()));
    }
    let mut files: Vec<&str> = actions
        .iter()
        .filter_map(|state| state.finished.as_ref()?.files.as_ref())
        .flatten()
        .map(|file| file.path.as_str())
        .collect();
    files.sort_unstable();
    files.dedup();
    if !files.is_empty() {
        out.push_str(&format!(
            "\nChanged: {}\n",
            files.iter().map(|f| format!("`{f}`")).collect::<Vec<_>>().join(", ")
        ));
    }
    let drifted: Vec<&str> = actions
        .iter()
        .filter(|state| state.ruled.as_ref().is_some_and(|ruled| ruled.rule.as_str() == DRIFT))
        .map(|state| state.action.id.as_str())
        .collect();
    if !drifted.is_empty() {
        out.push_str(&format!("\nBeyond what the step declares: {}\n", drifted.join(", ")));
    }
    let open = actions.iter().filter(|state| state.phase == Phase::Held).count();
    if open > 0 {
        out.push_str(&format!("\nStill pending: {open}\n"));
    }
    let cost = session.plans.cost_of(&session.plan, id).unwrap_or_default();
    let words = cost.words();
    if !words.is_empty() {
        out.push_str(&format!("\nTaken: {words}\n"));
    }
    out.push_str(&format!("\n{}\n", cost.tests_words()));
    out
}

/// A text of the agent that it does not ask about.
pub fn written(gate: &mut Gate, by: String, document: PlanDocument) {
    let review = gate.session().mode == Mode::Plan;
    if document.cut_bytes > 0 {
        gate.alarm(AlarmKind::Cut, format!("the plan is cut: {} bytes at its end are not shown", document.cut_bytes));
    }
    gate.quietly(Input::WritePlan { by, document: Box::new(document), review });
}

/// The user's word on the newest text of the plan; where an action asks about it, that is decided.
pub fn decide(gate: &mut Gate, client: &ClientId, decide: PlanDecide) -> Result<PlanDecided, RpcError> {
    let PlanDecide { digest, verdict, reason } = decide;
    let Some(latest) = gate.session().plans.latest() else {
        return Err(RpcError::invalid("there is no plan to decide on"));
    };
    if latest.digest != digest {
        return Err(RpcError::invalid(format!("the plan is at version {} now: review it again", latest.number)));
    }
    let verdict = match verdict {
        PlanVerdict::Approved => Verdict::Approve,
        PlanVerdict::Revise => Verdict::Redirect,
        PlanVerdict::Dropped => {
            gate.put(Input::DropPlan { digest, reason, by: client.clone() }, Blobs::new())?;
            return self::latest(gate);
        }
    };
    let asks = |state: &&ActionState| Some(&state.action.id) == latest.action.as_ref();
    let held = gate.session().actions.held().find(asks).map(|state| (state.action.id.clone(), state.action.digest));
    let Some((action, seen)) = held else {
        return Err(RpcError::invalid("nothing asks about the plan now: `plan/write` puts a text under review"));
    };
    gate.decide((client, true), Decide { reason, ..Decide::new(action, seen, verdict) })?;
    self::latest(gate)
}

/// Says that the file of the plan is not what it was when the agent asked. Its text was read, and its digest is compared
/// again before an approval of it.
pub fn file_changed(gate: &Gate, action: &Action) -> Option<String> {
    let document = action.document()?;
    let (path, was) = (document.path.as_deref()?, document.file?);
    let workspace = gate.workspace();
    let works_in_copy = matches!(gate.session().agent.ready.agent.isolation, Isolation::Copy | Isolation::Overlay);
    let inside = match Path::new(path).is_absolute() {
        true => workspace.locate(Path::new(path)),
        false => RelPath::new(path).ok(),
    };
    let now = match inside {
        // The agent reads and writes it in its own copy.
        Some(inside) if works_in_copy => workspace.candidate_image(AGENT_CANDIDATE, &inside).map(|image| image.digest),
        Some(inside) => workspace.image(&inside).ok().flatten().map(|image| image.digest),
        None => workspace.plan_file(Path::new(path)).map(|text| Digest::of(text.as_bytes())),
    };
    (now != Some(was)).then(|| format!("the plan file {path} changed while the plan was under review"))
}

/// A new session has the user's text under review.
pub fn begin_with(gate: &mut Gate, text: &str) {
    let document = Box::new(PlanDocument::new(text, PlanOrigin::Human));
    gate.quietly(Input::WritePlan { by: "human".to_owned(), document, review: true });
}

/// The user makes a text, a file or a message the plan.
pub fn write(gate: &mut Gate, write: PlanWrite) -> Result<PlanDecided, RpcError> {
    let (text, origin, path) = match (write.text, write.path, write.message) {
        (Some(text), None, None) => (text, PlanOrigin::Human, None),
        (None, Some(path), None) => {
            let image = gate.workspace().image(&path).map_err(|why| RpcError::invalid(why.to_string()))?;
            let Some(image) = image else { return Err(RpcError::invalid(format!("there is no file {path}"))) };
            let text = String::from_utf8(image.bytes);
            let text = text.map_err(|_| RpcError::invalid(format!("{path} is not text")))?;
            (text, PlanOrigin::File, Some(path.to_string()))
        }
        (None, None, message) => {
            let said = |entry: &&crate::model::session::Entry| {
                matches!(entry.speaker, Speaker::Agent(_)) && message.is_none_or(|seq| entry.seq == seq)
            };
            let found = gate.session().transcript.iter().rev().find(said);
            let Some(entry) = found else { return Err(RpcError::invalid("the agent has not said that")) };
            (entry.text.clone(), PlanOrigin::Message, None)
        }
        _ => return Err(RpcError::invalid("give one of `text`, `path` and `message`")),
    };
    if text.trim().is_empty() {
        return Err(RpcError::invalid("the plan is empty"));
    }
    let by = if origin == PlanOrigin::Message { "agent" } else { "human" };
    let document = PlanDocument { path, ..PlanDocument::new(&text, origin) };
    gate.put(Input::WritePlan { by: by.to_owned(), document: Box::new(document), review: true }, Blobs::new())?;
    latest(gate)
}

fn latest(gate: &Gate) -> Result<PlanDecided, RpcError> {
    let latest = gate.session().plans.latest();
    let latest = latest.ok_or_else(|| RpcError::invalid("there is no plan"))?;
    Ok(PlanDecided { version: latest.number, digest: latest.digest, seq: gate.session().head })
}
