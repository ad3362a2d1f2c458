//! Walking through a record: `step` and `continue` go forward in it, these go everywhere else.

use super::{BASE, Command};
use crate::ui::app::App;
use crate::ui::app::record::{Walk, walk};
use crate::ui::overlays::{Choice, Overlay, Prompt, Purpose};

const GROUP: &str = "record";

pub(super) const COMMANDS: &[Command] = &[
    Command {
        name: "step-back",
        label: "back",
        description: "In a record: go to the previous event",
        group: GROUP,
        why_disabled: needs_record,
        run: |app| walk(app, &Walk::Back),
        ..BASE
    },
    Command {
        name: "from-start",
        label: "to its start",
        description: "In a record: go to the start",
        group: GROUP,
        why_disabled: needs_record,
        run: |app| walk(app, &Walk::Start),
        ..BASE
    },
    Command {
        name: "events",
        label: "list",
        description: "List what has happened, and go there; in a record, to that moment",
        group: GROUP,
        run: |app| {
            let list = Choice::events(&app.scene).unwrap_or_else(|| Choice::timeline(&app.scene));
            app.overlay = Some(Overlay::Choose(list));
            Vec::new()
        },
        ..BASE
    },
    Command {
        name: "jump",
        label: "jump",
        description: "In a record: go to an event by number, or to an action by id",
        group: GROUP,
        why_disabled: needs_record,
        run: |app| {
            app.overlay = Some(Overlay::Prompt(Prompt::new(Purpose::Jump, "")));
            Vec::new()
        },
        ..BASE
    },
];

fn needs_record(app: &App) -> Option<&'static str> {
    app.scene.record.is_none().then_some("this is a live session: open a record with `rightseat replay`")
}
