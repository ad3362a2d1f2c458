//! What an agent is told of a session that it did not see, or no longer remembers: the plan and its state, what fails,
//! and what was decided.

use super::limits::{HANDOVER_DECISIONS_MAX, HANDOVER_FAILURES_MAX, HANDOVER_LINE_CHARS_MAX};
use crate::model::event::{Decider, Verdict};
use crate::model::plan::PlanVerdict;
use crate::model::session::{ActionState, Phase};
use crate::model::{Role, Session};

/// For an agent that takes the session over from another one.
pub fn taken_over(session: &Session, role: Option<&Role>) -> String {
    let from = session.agent.changed.as_ref().map_or("another agent", |changed| changed.from.name.as_str());
    let mut out = format!("You take over a session that {} began. You see the same workspace.\n", line(from));
    if let Some(goal) = session.opened.as_ref().and_then(|opened| opened.goal.as_deref()) {
        out.push_str(&format!("Its goal: {}\n", goal.trim()));
    }
    if let (Some(role), Some(step)) = (role, session.plan.active()) {
        out.push_str(&format!("\n{}\n", role.words(&step.id)));
    }
    out.push_str(&plan(session));
    out.push_str(&failures(session));
    out.push_str(&comments(session));
    out.push_str(&decisions(session));
    out
}

/// For an agent that was started again: what binds it, if anything does.
pub fn started_again(session: &Session) -> Option<String> {
    session.plans.approved?;
    Some(format!("The session continues after its agent was started again.\n{}", plan(session)))
}

/// For an agent that has shortened what it remembers: the approved plan again. Its text is the one that was approved, by
/// its digest.
pub fn compacted(session: &Session) -> Option<String> {
    let digest = session.plans.approved?;
    let version = session.plans.of(digest).filter(|version| version.document.digest() == digest)?;
    (!version.document.text.is_empty())
        .then(|| format!("Your context was shortened. What binds you has not changed.\n{}", plan(session)))
}

/// The plan's text with its digest, and its tree.
fn plan(session: &Session) -> String {
    let mut out = String::new();
    let approved = session.plans.approved.and_then(|digest| session.plans.of(digest));
    if let Some(version) = approved {
        let (digest, text) = (version.digest, version.document.text.trim_end());
        out.push_str(&format!("\nThe supervisor approved this plan (digest {digest}). It is binding:\n\n{text}\n"));
    }
    let latest = session.plans.latest().filter(|latest| Some(latest.digest) != session.plans.approved);
    if let Some(latest) = latest.filter(|latest| latest.verdict != Some(PlanVerdict::Dropped)) {
        let state = latest.verdict.map_or("waits for approval; change nothing before that", PlanVerdict::words);
        let (number, text) = (latest.number, latest.document.text.trim_end());
        out.push_str(&format!("\nVersion {number} of the plan ({state}):\n\n{text}\n"));
    }
    if !session.plan.steps.is_empty() {
        out.push_str("\nIts steps as they stand:\n");
        for step in &session.plan.steps {
            let indent = "  ".repeat(session.plan.depth(step));
            let note = step.note.as_ref().map(|note| format!(" ({})", line(note))).unwrap_or_default();
            out.push_str(&format!("{indent}- [{}] {}: {}{note}\n", step.status.word(), step.id, line(&step.title)));
        }
    }
    out
}

fn failures(session: &Session) -> String {
    let Some(run) = session.checks.latest_workspace() else { return String::new() };
    let Some(finished) = &run.finished else { return String::new() };
    let stale = if session.is_stale(run) { "; files have changed since" } else { "" };
    let mut out = format!("\nThe last test run: {} passed, {} failed{stale}.\n", finished.passed, finished.failed);
    let failed: Vec<_> = run.cases.iter().filter(|case| case.status.is_bad()).collect();
    for case in failed.iter().take(HANDOVER_FAILURES_MAX) {
        let why = case.message.as_deref().map(|why| format!(": {}", line(why))).unwrap_or_default();
        out.push_str(&format!("- {}{why}\n", line(&case.case)));
    }
    out.push_str(&left_out(failed.len(), HANDOVER_FAILURES_MAX));
    out
}

fn comments(session: &Session) -> String {
    let open = session.plans.open_comments().map(|comment| {
        let quote = comment.anchor.quote.lines().next().unwrap_or_default();
        format!("- on \"{}\": {} {}\n", line(quote), comment.kind.sign(), line(&comment.text))
    });
    let open: String = open.collect();
    if open.is_empty() { open } else { format!("\nOpen comments of the supervisor on the plan:\n{open}") }
}

/// The user's decisions, oldest first, the newest of them.
fn decisions(session: &Session) -> String {
    let decided: Vec<&ActionState> =
        session.actions.iter().filter(|state| state.phase != Phase::Held && is_of_user(state)).collect();
    if decided.is_empty() {
        return String::new();
    }
    let mut out = String::from("\nWhat the supervisor decided so far:\n");
    out.push_str(&left_out(decided.len(), HANDOVER_DECISIONS_MAX));
    for state in decided.iter().skip(decided.len().saturating_sub(HANDOVER_DECISIONS_MAX)) {
        let Some(one) = &state.decided else { continue };
        let reason = one.reason.as_deref().map(|reason| format!(" ({})", line(reason))).unwrap_or_default();
        let done = match one.verdict {
            Verdict::Approve | Verdict::ApproveEdited => format!(", {}", state.phase.words()),
            Verdict::Deny | Verdict::Redirect => String::new(),
        };
        let (id, title, verdict) = (&state.action.id, line(&state.action.title), one.verdict.words());
        out.push_str(&format!("- {id} {title}: {verdict}{reason}{done}\n"));
    }
    out
}

fn is_of_user(state: &ActionState) -> bool {
    state.decided.as_ref().is_some_and(|decided| matches!(decided.by, Decider::Human(_)))
}

fn left_out(count: usize, max: usize) -> String {
    if count > max { format!("- … {} more\n", count - max) } else { String::new() }
}

/// One line of foreign text, cut.
fn line(text: &str) -> String {
    text.lines().next().unwrap_or_default().chars().take(HANDOVER_LINE_CHARS_MAX).collect()
}
