//! The plan: editing its tree, which the user owns, and reviewing its text.

use super::{BASE, Command, Scope, comment, needs_control};
use crate::base::{RelPath, StepId};
use crate::model::decide::CommentChange;
use crate::model::plan::{PlanVerdict, Remark};
use crate::model::{Plan, PlanEdit, Step, StepStatus};
use crate::ui::app::links::{Place, follow};
use crate::ui::app::toast::Toast;
use crate::ui::app::{App, Request};
use crate::ui::layout::PaneId;
use crate::ui::overlays::{Choice, Overlay, Prompt, Purpose};
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
    editing("plan-skip", "skip", "Skip this step, or take it up again", |app| {
        let Some(step) = current(app) else { return Vec::new() };
        let status = if step.status.is_over() { StepStatus::Pending } else { StepStatus::Skipped };
        edit(app, PlanEdit::Status { step: step.id, status })
    }),
    editing(
        "plan-role",
        "who does it",
        "Give this step to a role: planner, coder, tester, reviewer, or your own",
        |app| {
            let Some(step) = current(app) else { return Vec::new() };
            app.overlay = Some(Overlay::Choose(Choice::roles_to_come(&step)));
            vec![Request::Host(wire::Request::AgentList)]
        },
    ),
    editing(
        "plan-checkpoint",
        "checkpoint",
        "Turn checkpoints at the start and the end of this step on or off",
        |app| {
            current(app).map_or_else(Vec::new, |step| {
                edit(app, PlanEdit::Checkpoint { checkpoint: !step.checkpoint, step: step.id })
            })
        },
    ),
    editing("plan-stop", "stop here", "Let nothing go on after this step without you, or let it", |app| {
        current(app).map_or_else(Vec::new, |step| edit(app, PlanEdit::Stop { stop: !step.stop, step: step.id }))
    }),
    editing("plan-split", "split", "Split this step into several", |app| {
        if let Some(step) = current(app) {
            app.overlay = Some(Overlay::Prompt(Prompt::new(Purpose::SplitStep(step.id.clone()), &step.title)));
        }
        Vec::new()
    }),
    editing("plan-merge", "merge", "Merge this step into the one before it", merge_up),
    editing("plan-note", "note", "Write a note beside this step", |app| {
        if let Some(step) = current(app) {
            let note = step.note.clone().unwrap_or_default();
            app.overlay = Some(Overlay::Prompt(Prompt::new(Purpose::NoteStep(step.id), &note)));
        }
        Vec::new()
    }),
    Command {
        why_disabled: |app| current(app).is_none().then_some("no plan step under the cursor"),
        ..editing("step-actions", "done for it", "List everything that was done for this step", |app| {
            if let Some(step) = current(app) {
                app.overlay = Some(Overlay::Choose(Choice::actions_of(&app.scene, &step)));
            }
            Vec::new()
        })
    },
    Command {
        name: "action-step",
        label: "step",
        description: "Go to the plan step of the action under review",
        group: GROUP,
        why_disabled: |app| {
            let step = app.scene.target().and_then(|state| state.action.step.as_ref());
            step.is_none().then_some("this action belongs to no step")
        },
        run: |app| {
            let step = app.scene.target().and_then(|state| state.action.step.clone());
            step.map_or_else(Vec::new, |step| follow(app, Place::Step(step)))
        },
        ..BASE
    },
    editing("plan-pin", "pin", "Pin this step so that no replan drops it, or unpin it", |app| {
        current(app).map_or_else(Vec::new, |step| edit(app, PlanEdit::Pin { pinned: !step.pinned, step: step.id }))
    }),
    Command {
        why_disabled: |app| app.scene.session.plans.latest().is_none().then_some("there is no plan to read yet"),
        ..reviewing("plan-document", "the plan", "Show the newest text of the plan", |app| {
            show_plan(app);
            app.compute_pictures()
        })
    },
    Command {
        why_disabled: needs_control,
        ..reviewing(
            "plan-from-message",
            "plan from message",
            "Put the agent's last message under review as the plan",
            |_| put_plan(wire::PlanWrite::default()),
        )
    },
    Command {
        why_disabled: needs_control,
        ..reviewing("plan-from-file", "plan from file", "Put a file of the workspace under review as the plan", |app| {
            app.overlay = Some(Overlay::Prompt(Prompt::new(Purpose::PlanFile, "")));
            Vec::new()
        })
    },
    Command {
        why_disabled: needs_control,
        ..reviewing("plan-from-steps", "plan from steps", "Put the steps of the tree under review as the plan", |app| {
            write_plan(&app.scene.session.plan.outline())
        })
    },
    Command {
        why_disabled: |app| app.scene.session.plans.latest().is_none().then_some("there is no plan to save yet"),
        ..reviewing(
            "plan-save",
            "save plan",
            "Save the newest text of the plan under a name, to begin with again",
            |app| {
                if let Some(latest) = app.scene.session.plans.latest() {
                    let purpose = Purpose::PlanName(latest.document.text.clone());
                    app.overlay = Some(Overlay::Prompt(Prompt::new(purpose, "")));
                }
                Vec::new()
            },
        )
    },
    Command {
        why_disabled: needs_control,
        ..reviewing("plan-template", "saved plans", "Fill in a saved plan and put it under review", |_| {
            vec![Request::ListPlans]
        })
    },
    Command {
        why_disabled: |app| {
            needs_control(app)
                .or_else(|| app.scene.session.plans.latest().is_none().then_some("there is no plan to drop"))
        },
        ..reviewing("plan-drop", "drop plan", "Drop the plan under review; the gate then works as without one", |app| {
            let digest = app.scene.session.plans.latest().map(|latest| latest.digest);
            let drop = |digest| wire::PlanDecide { digest, verdict: PlanVerdict::Dropped, reason: None };
            digest.map(drop).map(wire::Request::PlanDecide).map(Request::Host).into_iter().collect()
        })
    },
];

const fn reviewing(
    name: &'static str,
    label: &'static str,
    description: &'static str,
    run: fn(&mut App) -> Vec<Request>,
) -> Command {
    Command { name, label, description, group: GROUP, run, ..BASE }
}

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

pub(super) fn current(app: &App) -> Option<Step> {
    app.panes.plan.under_cursor().cloned()
}

/// The tree in the pane.
fn shown(app: &App) -> &Plan {
    app.panes.plan.draft().unwrap_or(&app.scene.session.plan)
}

/// Edits the plan. Of a version that is not approved yet the agent is asked to: the edit becomes a comment on its text.
fn edit(app: &mut App, operation: PlanEdit) -> Vec<Request> {
    if let Some(draft) = app.panes.plan.draft() {
        let placed = operation.as_remark(draft).and_then(|remark| Some((draft.step(&remark.step)?.line?, remark)));
        match placed {
            Some((line, Remark { kind, text, .. })) => {
                let digest = app.scene.session.plans.latest().map(|latest| latest.digest);
                let add = CommentChange::Add { kind, text, line: Some(line), lines: Some(1), step: None, on: None };
                app.say(Toast::plain("the plan is not approved yet: this is a comment, sent with your verdict"));
                return comment::on_plan(digest, add);
            }
            None if operation.step().is_none_or(|step| app.scene.session.plan.step(step).is_none()) => {
                app.say(Toast::plain("the plan is not approved yet: do this after its approval"));
                return Vec::new();
            }
            None => {}
        }
    }
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
pub fn add_step(app: &mut App, at: Option<StepId>, below: bool, title: String) -> Vec<Request> {
    let (parent, after) = if below { (at, None) } else { (None, at) };
    edit(app, PlanEdit::Add { title, parent, after, id: None })
}

/// The new words of a step.
pub fn reword_step(app: &mut App, step: StepId, title: String) -> Vec<Request> {
    edit(app, PlanEdit::Reword { step, title })
}

/// Moves among the siblings of the step.
fn shift(app: &mut App, down: bool) -> Vec<Request> {
    let Some(step) = current(app) else { return Vec::new() };
    let siblings: Vec<&Step> = shown(app).steps.iter().filter(|other| other.parent == step.parent).collect();
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

fn merge_up(app: &mut App) -> Vec<Request> {
    let Some(step) = current(app) else { return Vec::new() };
    let steps = &shown(app).steps;
    let before =
        steps.iter().take_while(|other| other.id != step.id).filter(|other| other.parent == step.parent).last();
    match before.map(|before| before.id.clone()) {
        Some(into) => edit(app, PlanEdit::Merge { step: step.id, into }),
        None => {
            app.say(Toast::plain("no step before this one"));
            Vec::new()
        }
    }
}

/// The role that was chosen for a step.
pub fn assign_step(app: &mut App, step: StepId, owner: Option<String>) -> Vec<Request> {
    edit(app, PlanEdit::Assign { step, owner })
}

/// The note that was typed; an empty one takes it away.
pub fn note_step(app: &mut App, step: StepId, text: &str) -> Vec<Request> {
    edit(app, PlanEdit::Note { step, note: Some(text.to_owned()) })
}

/// The titles that were typed, one a line.
pub fn split_step(app: &mut App, step: StepId, text: &str) -> Vec<Request> {
    let titles: Vec<String> = text.lines().map(str::trim).filter(|t| !t.is_empty()).map(str::to_owned).collect();
    if titles.len() < 2 {
        app.say(Toast::warning("nothing was split: write one title per line (Alt-Enter begins a line)"));
        return Vec::new();
    }
    edit(app, PlanEdit::Split { step, titles })
}

/// A text of the user becomes the plan under review.
pub fn write_plan(text: &str) -> Vec<Request> {
    put_plan(wire::PlanWrite { text: Some(text.to_owned()), ..wire::PlanWrite::default() })
}

fn put_plan(write: wire::PlanWrite) -> Vec<Request> {
    vec![Request::Host(wire::Request::PlanWrite(write))]
}

/// The file that was named becomes the plan under review.
pub fn plan_of_file(app: &mut App, path: &str) -> Vec<Request> {
    match RelPath::new(path) {
        Ok(path) => put_plan(wire::PlanWrite { path: Some(path), ..wire::PlanWrite::default() }),
        Err(why) => {
            app.say(Toast::warning(format!("{path}: {why}")));
            Vec::new()
        }
    }
}

/// Shows the newest text of the plan, where an action has it.
pub(super) fn show_plan(app: &mut App) {
    match app.scene.session.plans.latest().and_then(|latest| latest.action.clone()) {
        Some(action) => {
            app.scene.set_target(Some(action));
            app.focus_on(PaneId::Diff);
        }
        None => app.say(Toast::plain("nobody asks about this plan; :plan-from-message puts a text under review")),
    }
}
