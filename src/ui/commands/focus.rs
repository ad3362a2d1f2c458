//! Going from pane to pane and from one waiting action to the next.

use super::{BASE, Command};
use crate::base::ActionId;
use crate::ui::app::App;
use crate::ui::app::toast::Toast;
use crate::ui::layout::{PaneId, panes};

const GROUP: &str = "focus";

macro_rules! focus_commands {
    ($($pane:ident $name:literal $label:literal $description:literal;)+) => {
        /// One command for each pane.
        pub(super) const PANES: &[Command] = &[$(pane($name, $label, $description, |app| go(app, PaneId::$pane))),+];
    };
}
panes!(focus_commands);

pub(super) const COMMANDS: &[Command] = &[
    pane("next-pane", "next", "Focus the next pane", |app| cycle(app, 1)),
    pane("previous-pane", "previous", "Focus the previous pane", |app| cycle(app, PaneId::ALL.len() - 1)),
    pane("zoom", "zoom", "Show the focused pane full screen, or restore the layout", |app| {
        app.zoom = !app.zoom;
        Vec::new()
    }),
    pane("next-pending", "next pending", "Go to the next pending action", |app| {
        aim_next(app, true);
        Vec::new()
    }),
    pane("previous-pending", "previous pending", "Go to the previous pending action", |app| {
        aim_next(app, false);
        Vec::new()
    }),
];

const fn pane(
    name: &'static str,
    label: &'static str,
    description: &'static str,
    run: fn(&mut App) -> Vec<crate::ui::app::Request>,
) -> Command {
    Command { name, label, description, group: GROUP, run, ..BASE }
}

fn go(app: &mut App, pane: PaneId) -> Vec<crate::ui::app::Request> {
    app.focus_on(pane);
    Vec::new()
}

fn cycle(app: &mut App, by: usize) -> Vec<crate::ui::app::Request> {
    let next = (app.focus as usize + by) % PaneId::ALL.len();
    if let Some(pane) = PaneId::ALL.get(next) {
        app.focus_on(*pane);
    }
    Vec::new()
}

/// Looks at the next (or previous) waiting action in the inbox's order.
pub fn aim_next(app: &mut App, forward: bool) {
    let waiting: Vec<ActionId> = app.panes.inbox.waiting().cloned().collect();
    let at = waiting.iter().position(|id| Some(id) == app.scene.target.as_ref());
    let next = match at {
        _ if waiting.is_empty() => {
            app.say(Toast::plain("no action is pending"));
            return;
        }
        None => 0,
        Some(at) if forward => (at + 1) % waiting.len(),
        Some(at) => (at + waiting.len() - 1) % waiting.len(),
    };
    app.scene.set_target(waiting.get(next).cloned());
    app.focus_on(PaneId::Diff);
}
