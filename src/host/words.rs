//! The exact words sent to an agent about its proposals. They are journaled as `told`, so the user can read them.

use crate::model::decide::Reply;
use crate::model::event::LapseWhy;
use crate::model::plan::PlanSubject;
use crate::model::session::ActionState;
use crate::port::Answer;

/// Returns the result of a proposal in words. `edited` is what the user changed, as a diff or a command line.
pub fn answer(reply: &Reply, edited: Option<String>) -> Answer {
    match reply {
        Reply::Approved { edited: is_edited, note, option, form } => {
            let edited = is_edited.then(|| edited.unwrap_or_default());
            let mut message = match &edited {
                None => "Approved as proposed.".to_owned(),
                // A plan is given whole, not by its differences.
                Some(change) if change.starts_with("The supervisor's version of the plan") => {
                    format!("Approved with changes. {change}")
                }
                Some(change) => {
                    format!("Approved with changes by the supervisor. Differences from your proposal:\n{change}")
                }
            };
            let note = note.as_deref().map(str::trim).filter(|note| !note.is_empty()).map(str::to_owned);
            if let Some(note) = &note {
                let gap = if message.ends_with('\n') { "" } else { "\n" };
                message.push_str(&format!("{gap}The supervisor's note: {note}"));
            }
            Answer::Approved { edited, note, option: option.clone(), form: form.clone(), message }
        }
        Reply::Denied { reason, by_rule: Some(rule), option, form } => Answer::Denied {
            message: format!("Denied by policy (rule {rule}): {reason}"),
            reason: reason.clone(),
            by_rule: Some(rule.clone()),
            option: option.clone(),
            form: form.clone(),
        },
        Reply::Denied { reason, by_rule: None, option, form } => {
            let message = match reason.as_str() {
                "" => "Denied by the supervisor.".to_owned(),
                reason => format!("Denied by the supervisor: {reason}"),
            };
            Answer::Denied {
                reason: reason.clone(),
                by_rule: None,
                option: option.clone(),
                form: form.clone(),
                message,
            }
        }
        Reply::Redirected { reason, option } => Answer::Redirected {
            option: option.clone(),
            message: format!("Not this way. The supervisor redirects you: {reason}\nPropose again accordingly."),
            reason: reason.clone(),
        },
        Reply::Lapsed { why } => Answer::Lapsed { why: *why, message: lapsed(*why).into() },
    }
}

/// What the agent is told about the answer to a question of our own on its plan.
pub fn about_plan(state: &ActionState, reply: &Reply) -> Option<String> {
    let document = state.action.document()?;
    let (reason, refused) = match reply {
        Reply::Redirected { reason, .. } | Reply::Denied { reason, .. } => (reason.trim(), true),
        Reply::Approved { note, .. } => (note.as_deref().map_or("", str::trim), false),
        Reply::Lapsed { .. } => return None,
    };
    let gap = if reason.is_empty() { "" } else { ": " };
    match (&document.subject, refused) {
        (PlanSubject::Plan, false) => {
            let text = &document.text;
            Some(format!("The supervisor approved this plan. It is binding; carry it out.\n\n{text}\n{reason}"))
        }
        (PlanSubject::Plan, true) => Some(format!("The supervisor sends the plan back{gap}{reason}")),
        (PlanSubject::Replan, true) => Some(format!(
            "The supervisor does not want the plan changed like this{gap}{reason}\nFollow the approved plan."
        )),
        (PlanSubject::StepEnd { step }, true) => Some(format!("Step {step} is not done yet{gap}{reason}")),
        (PlanSubject::Objection { .. }, true) => {
            Some(format!("The supervisor does not share the objection \"{}\"{gap}{reason}", document.text.trim()))
        }
        // The plan as it is, or the next step, is told anyway.
        (PlanSubject::Replan | PlanSubject::StepEnd { .. } | PlanSubject::Objection { .. }, false) => {
            (!reason.is_empty()).then(|| reason.to_owned())
        }
    }
}

fn lapsed(why: LapseWhy) -> &'static str {
    match why {
        LapseWhy::Voided => {
            "Void: a file that this proposal is based on changed while it was pending. Read the file again and propose again."
        }
        LapseWhy::Canceled => "Canceled: the turn ended before it was decided.",
        LapseWhy::AgentLost => "Lapsed: the agent was lost.",
        LapseWhy::Killed => "Stopped by the supervisor.",
        LapseWhy::Superseded => "Superseded by a later proposal.",
    }
}
