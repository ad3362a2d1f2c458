//! Letting the session continue, holding it, stopping it, taking back what it did.

use super::{BASE, Command, needs_control};
use crate::base::ActionId;
use crate::model::event::Mode;
use crate::model::session::Phase;
use crate::ui::app::record::{Walk, walk};
use crate::ui::app::toast::Toast;
use crate::ui::app::{App, Request};
use crate::ui::limits::UI_STOP_AGAIN_MS_MAX;
use crate::ui::overlays::{Choice, Overlay, Prompt, Purpose, Rules, unsupervised_paths};
use crate::wire;

const GROUP: &str = "gate";

pub(super) const COMMANDS: &[Command] = &[
    Command {
        name: "step",
        label: "step",
        description: "Allow exactly one action: the oldest pending one, once viewed; in a record: next event",
        group: GROUP,
        consents: true,
        why_disabled: needs_open,
        run: |app| if app.scene.record.is_some() { walk(app, &Walk::Next) } else { super::decide::step(app) },
        ..BASE
    },
    Command {
        name: "continue",
        label: "continue",
        description: "Continue to the end of the plan step under a lease; in a record: go to its end",
        group: GROUP,
        consents: true,
        why_disabled: needs_open,
        run: |app| {
            if app.scene.record.is_some() {
                return walk(app, &Walk::End);
            }
            let session = &app.scene.session;
            let step = app.scene.target().and_then(|state| state.action.step.clone());
            let step = step.or_else(|| session.plan.active().map(|step| step.id.clone()));
            if step.is_none() {
                app.say(Toast::warning("no active plan step to continue: s allows one action"));
                return Vec::new();
            }
            app.overlay = Some(Overlay::Prompt(Prompt::new(
                Purpose::Lease(wire::LeaseGrant { step, ..wire::LeaseGrant::default() }),
                "",
            )));
            Vec::new()
        },
        ..BASE
    },
    Command {
        name: "pause",
        label: "pause",
        description: "Freeze the session, or resume it",
        group: GROUP,
        why_disabled: needs_control,
        run: |app| {
            vec![if app.scene.session.frozen.is_some() { Request::Host(wire::Request::Resume) } else { freeze() }]
        },
        ..BASE
    },
    Command {
        name: "stop",
        label: "stop",
        description: "Freeze everything now; again within two seconds: kill all processes and count what is left",
        group: GROUP,
        why_disabled: needs_control,
        run: stop,
        ..BASE
    },
    Command {
        name: "mode",
        label: "mode",
        description: "Choose the mode: observe, step, plan, guarded",
        group: GROUP,
        why_disabled: needs_control,
        run: |app| {
            let current = app.scene.session.mode;
            let modes = [Mode::Observe, Mode::Step, Mode::Plan, Mode::Guarded];
            app.overlay = Some(Overlay::Choose(Choice::modes(&modes, current)));
            Vec::new()
        },
        ..BASE
    },
    Command {
        name: "undo",
        label: "undo",
        description: "Undo the action under review, or the last one that changed files; again: undo the undo",
        group: GROUP,
        why_disabled: needs_control,
        run: undo,
        ..BASE
    },
    Command {
        name: "rewind",
        label: "rewind",
        description: "Choose a checkpoint to rewind the workspace to",
        group: GROUP,
        why_disabled: |app| {
            needs_control(app).or_else(|| app.scene.session.disk.checkpoints.is_empty().then_some("no checkpoint yet"))
        },
        run: |app| {
            app.overlay = Some(Overlay::Choose(Choice::checkpoints(&app.scene)));
            Vec::new()
        },
        ..BASE
    },
    Command {
        name: "rules",
        label: "rules",
        description: "List the rules and leases with their uses, and revoke them",
        group: GROUP,
        run: |app| {
            app.overlay = Some(Overlay::Rules(Rules::default()));
            vec![Request::Host(wire::Request::Rules)]
        },
        ..BASE
    },
    Command {
        name: "take-back",
        label: "revert",
        description: "Revert an unsupervised change: choose the file to restore",
        group: GROUP,
        why_disabled: |app| {
            needs_control(app)
                .or_else(|| unsupervised_paths(&app.scene).is_empty().then_some("no unsupervised change was observed"))
        },
        run: |app| {
            app.overlay = Some(Overlay::Choose(Choice::unsupervised(&app.scene)));
            Vec::new()
        },
        ..BASE
    },
];

fn needs_open(app: &App) -> Option<&'static str> {
    if app.scene.record.is_some() {
        return None;
    }
    needs_control(app)
        .or_else(|| app.scene.session.ended.is_some().then_some("the agent has finished: nothing to control"))
}

fn stop(app: &mut App) -> Vec<Request> {
    let now = app.scene.now_ms;
    let again = app.stop_armed_at_ms.is_some_and(|at| now.saturating_sub(at) <= UI_STOP_AGAIN_MS_MAX);
    if again {
        app.stop_armed_at_ms = None;
        app.say(Toast::warning("stopping: killing all processes, then counting what is left"));
        return vec![Request::Host(wire::Request::Stop)];
    }
    app.stop_armed_at_ms = Some(now);
    app.say(Toast::warning("frozen; press again within 2 s to kill all processes, p resumes"));
    vec![freeze()]
}

fn freeze() -> Request {
    Request::Host(wire::Request::Freeze(wire::Freeze { why: Some("paused by the user".to_owned()) }))
}

fn undo(app: &mut App) -> Vec<Request> {
    if app.scene.comparison.is_some() {
        app.say(Toast::warning("nothing was undone: a comparison is shown, Esc leads back to the item"));
        return Vec::new();
    }
    let session = &app.scene.session;
    let mine = app.scene.target.as_ref().and_then(|id| session.actions.get(id));
    if mine.is_some_and(|state| state.phase == Phase::Running) {
        // Never undo another action instead.
        app.say(Toast::warning("this action is still running: undo it after it finishes, or stop it"));
        return Vec::new();
    }
    let undoable = |id: &ActionId| session.actions.undoable().any(|state| state.action.id == *id);
    // What was undone comes back by undoing whatever undid it last.
    let undoing = |id: &ActionId| session.actions.iter().rfind(|state| state.reverts.contains(id));
    let target = match mine {
        Some(state) if state.reverted => undoing(&state.action.id).map(|state| state.action.id.clone()),
        Some(state) => Some(state.action.id.clone()).filter(undoable),
        None => None,
    };
    let Some(id) = target.or_else(|| session.actions.undoable().next_back().map(|state| state.action.id.clone()))
    else {
        app.say(Toast::plain("no action has changed a file yet"));
        return Vec::new();
    };
    app.say(Toast::plain(format!("undoing {id}; the undo can be undone too")));
    vec![Request::Host(wire::Request::Undo(wire::Undo { action: id, files: None }))]
}
