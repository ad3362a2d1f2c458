//! The agent itself: how far it can be held, its own modes and options, its login.

use super::{BASE, Command, needs_control};
use crate::ui::app::{App, Request};
use crate::ui::overlays::{AgentSetting, Choice, Overlay};
use crate::wire;

const GROUP: &str = "agent";

pub(super) const COMMANDS: &[Command] = &[
    Command {
        name: "agent",
        label: "agent",
        description: "Show how far the agent can be controlled, and change its modes and options",
        group: GROUP,
        why_disabled: needs_control,
        run: |app| {
            app.overlay = Some(Overlay::Choose(Choice::agent(&app.scene)));
            Vec::new()
        },
        ..BASE
    },
    Command {
        name: "agent-change",
        label: "another agent",
        description: "Give the session to another agent, which is told the plan, what fails and your decisions",
        run: |app| {
            app.overlay = Some(Overlay::Choose(Choice::agents_to_come()));
            vec![Request::Host(wire::Request::AgentList)]
        },
        ..SETTING
    },
    Command {
        name: "model",
        label: "model",
        description: "Choose the agent's model, where it offers that",
        run: |app| choose(app, AgentSetting::Model),
        ..SETTING
    },
    Command {
        name: "effort",
        label: "effort",
        description: "Choose how much the agent thinks, where it offers that",
        run: |app| choose(app, AgentSetting::Effort),
        ..SETTING
    },
    Command {
        name: "agent-mode",
        label: "agent's mode",
        description: "Choose the agent's own mode, where it offers that",
        run: |app| choose(app, AgentSetting::Mode),
        ..SETTING
    },
    Command {
        name: "sign-in",
        label: "sign in",
        description: "List the ways to sign in to the agent, and run its login in this terminal",
        run: |app| {
            app.overlay = Some(Overlay::Choose(Choice::logins(&app.scene)));
            Vec::new()
        },
        ..SETTING
    },
];

const SETTING: Command = Command { group: GROUP, why_disabled: needs_control, ..BASE };

fn choose(app: &mut App, setting: AgentSetting) -> Vec<Request> {
    app.overlay = Some(Overlay::Choose(Choice::agent_setting(&app.scene, setting)));
    Vec::new()
}
