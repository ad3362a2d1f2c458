//! The agent itself: how far it can be held, its own modes and options, its login.

use super::{BASE, Command, needs_control};
use crate::ui::overlays::{Choice, Overlay};

const GROUP: &str = "agent";

pub(super) const COMMANDS: &[Command] = &[Command {
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
}];
