//! The agent's own options for the action under review, and the one that the next verdict sends: the option the user
//! chose from the list, else the default. Never one by its position (`model::offer` marks the defaults).

use super::{Scene, form};
use crate::base::text::{Show, escape, width};
use crate::model::RequestOption;
use crate::model::offer::default_option;
use crate::model::plan::PlanSubject;

/// Columns of an option's name in a list.
const NAME_COLUMNS_MAX: usize = 34;

/// Columns of an option's name in a line of keys on a screen of this width: two of them and the other keys fit.
#[must_use]
pub fn name_columns(screen: u16) -> usize {
    usize::from(screen.saturating_sub(50) / 2).clamp(12, NAME_COLUMNS_MAX)
}

/// The options of the action under review, as long as it is pending.
#[must_use]
pub fn of(scene: &Scene) -> &[RequestOption] {
    scene.held_target().map_or(&[], |(state, _)| &state.action.options)
}

/// The option that was chosen from the list for this verdict.
#[must_use]
pub fn chosen(scene: &Scene, allows: bool) -> Option<&RequestOption> {
    let id = scene.review.option.as_deref()?;
    of(scene).iter().find(|option| option.id == id && option.allows == allows)
}

/// The option that this verdict sends now.
#[must_use]
pub fn next(scene: &Scene, allows: bool) -> Option<&RequestOption> {
    chosen(scene, allows).or_else(|| default_option(of(scene), allows))
}

/// There is something to list: options, or the ways not to answer a form.
#[must_use]
pub fn exist(scene: &Scene) -> bool {
    !of(scene).is_empty() || form::of(scene).is_some()
}

/// An approval must choose first: the options differ and none is the plain one. A file or command that the user rewrote
/// needs none; a plan goes on with the agent.
#[must_use]
pub fn must_choose(scene: &Scene) -> bool {
    let is_plan = scene.target().is_some_and(|state| state.action.document().is_some());
    (scene.review.edited.is_empty() || is_plan) && !of(scene).is_empty() && next(scene, true).is_none()
}

/// An option's name as the agent wrote it, in quotation marks and short enough for a line of keys.
#[must_use]
pub fn quoted(option: &RequestOption) -> String {
    cut(option, NAME_COLUMNS_MAX)
}

fn cut(option: &RequestOption, columns: usize) -> String {
    let name = escape::show(&option.name, &Show::default());
    format!("“{}”", width::cut_end(&name, columns))
}

/// Names what `approve` or `deny` sends, for the line of keys, in names of so many columns; `None` where the agent
/// offers no options.
#[must_use]
pub fn label(scene: &Scene, command: &str, columns: usize) -> Option<String> {
    if let Some(form) = form::of(scene) {
        return match command {
            "approve" if form.url.is_some() => Some("tell the agent that you agree".to_owned()),
            "approve" => {
                let answered = form.answered(&scene.review.form.content(form));
                Some(format!("send {answered} of {} answers", form.fields.len()))
            }
            "deny" => Some("decline".to_owned()),
            "redirect" => Some("answer in words".to_owned()),
            "options" => Some("more".to_owned()),
            _ => None,
        };
    }
    if let Some(label) = plan_label(scene, command) {
        return Some(label);
    }
    let options = of(scene);
    if options.is_empty() {
        return None;
    }
    match command {
        "approve" if !scene.review.edited.is_empty() => None,
        "approve" => Some(match next(scene, true) {
            Some(option) => match &option.confirm {
                Some(word) => format!("{} by typing {word}", cut(option, columns)),
                None => cut(option, columns),
            },
            None => "choose an option".to_owned(),
        }),
        "deny" => Some(
            next(scene, false).map_or_else(|| "deny: cancels the request".to_owned(), |option| cut(option, columns)),
        ),
        "options" => Some(format!("{} options", options.len())),
        _ => None,
    }
}

/// What the keys do on a plan, or on a question about its progress.
fn plan_label(scene: &Scene, command: &str) -> Option<String> {
    let document = scene.held_target().and_then(|(state, _)| state.action.document())?;
    let next = || scene.session.plan.next_open().map(|step| step.id.clone());
    match (command, &document.subject) {
        ("redirect", PlanSubject::Plan) => Some("ask for changes".to_owned()),
        ("diff-view", PlanSubject::Plan) => Some("compare".to_owned()),
        ("approve", PlanSubject::StepEnd { .. }) => {
            Some(next().map_or_else(|| "finish the plan".to_owned(), |step| format!("continue to step {step}")))
        }
        ("redirect", PlanSubject::StepEnd { .. }) => Some("not done yet".to_owned()),
        ("approve", PlanSubject::Replan) => Some("take the changes".to_owned()),
        ("deny", PlanSubject::Replan) => Some("keep the plan".to_owned()),
        ("approve", PlanSubject::Objection { .. }) => Some("make it a step".to_owned()),
        ("deny", PlanSubject::Objection { .. }) => Some("dismiss it".to_owned()),
        _ => None,
    }
}
