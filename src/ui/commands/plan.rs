//! Editing the plan: the user owns it.

use super::{BASE, Command, Scope, needs_control};
use crate::base::StepId;
use crate::model::{PlanEdit, Step};
use crate::ui::app::toast::Toast;
use crate::ui::app::{App, Request};
use crate::ui::layout::PaneId;
use crate::ui::overlays::{Overlay, Prompt, Purpose};
use crate::wire;

const GROUP: &str = "plan";

pub(super) const COMMANDS: &[Command] = &[
    Command {
        why_disabled: needs_control,
        ..editing("plan-add", "add step", "Add a step after this one", |app| ask_for_step(app, false))
    },
    editing("plan-add-below", "add below", "Add a step below this one", |app| ask_for_step(app, true)),
    editing("plan-reword", "reword", "Reword this step", |app| {
        if let Some(step) = current(app) {
            let purpose = Purpose::RewordStep(step.id.clone());
            app.overlay = Some(Overlay::Prompt(Prompt::new(purpose, &step.title)));
        }
        Vec::new()
    }),
    editing("plan-remove", "remove", "Remove this step and all steps below it", |app| {
        current(app).map_or_else(Vec::new, |step| edit(app, PlanEdit::Remove { step: step.id }))
    }),
    editing("plan-move-down", "move down", "Move this step after the next one", |app| shift(app, true)),
    editing("plan-move-up", "move up", "Move this step before the previous one", |app| shift(app, false)),
    editing("plan-pin", "pin", "Pin this step so that no replan drops it, or unpin it", |app| {
        current(app).map_or_else(Vec::new, |step| edit(app, PlanEdit::Pin { pinned: !step.pinned, step: step.id }))
    }),
];

const fn editing(
    name: &'static str,
    label: &'static str,
    description: &'static str,
    run: fn(&mut App) -> Vec<Request>,
) -> Command {
    Command {
        name,
        label,
        description,
        group: GROUP,
        scope: Scope::In(PaneId::Plan),
        why_disabled: needs_step,
        run,
        ..BASE
    }
}

fn needs_step(app: &App) -> Option<&'static str> {
    needs_control(app).or_else(|| current(app).is_none().then_some("no plan step under the cursor"))
}

fn current(app: &App) -> Option<Step> {
    let id = app.panes.plan.under_cursor()?;
    app.scene.session.plan.step(id).cloned()
}

fn edit(app: &App, operation: PlanEdit) -> Vec<Request> {
    let revision = app.scene.session.plan.revision;
    let editing = wire::PlanEditing { revision, operations: vec![operation] };
    vec![Request::Host(wire::Request::PlanEdit(editing))]
}

fn ask_for_step(app: &mut App, below: bool) -> Vec<Request> {
    let at = current(app).map(|step| step.id);
    app.overlay = Some(Overlay::Prompt(Prompt::new(Purpose::AddStep { at, below }, "")));
    Vec::new()
}

/// The step whose title was asked for.
pub fn add_step(app: &App, at: Option<StepId>, below: bool, title: String) -> Vec<Request> {
    let (parent, after) = if below { (at, None) } else { (None, at) };
    edit(app, PlanEdit::Add { title, parent, after, id: None })
}

/// The new words of a step.
pub fn reword_step(app: &App, step: StepId, title: String) -> Vec<Request> {
    edit(app, PlanEdit::Reword { step, title })
}

/// Moves among the siblings of the step.
fn shift(app: &mut App, down: bool) -> Vec<Request> {
    let Some(step) = current(app) else { return Vec::new() };
    let siblings: Vec<&Step> =
        app.scene.session.plan.steps.iter().filter(|other| other.parent == step.parent).collect();
    let Some(at) = siblings.iter().position(|other| other.id == step.id) else { return Vec::new() };
    let after = if down {
        let Some(next) = siblings.get(at + 1) else {
            app.say(Toast::plain("already the last step"));
            return Vec::new();
        };
        Some(next.id.clone())
    } else if at == 0 {
        app.say(Toast::plain("already the first step"));
        return Vec::new();
    } else {
        at.checked_sub(2).and_then(|at| siblings.get(at)).map(|other| other.id.clone())
    };
    edit(app, PlanEdit::Move { parent: step.parent.clone(), after, step: step.id })
}
