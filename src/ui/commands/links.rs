//! Following what items relate to, the session in time, and searching all of it.

use super::{BASE, Command};
use crate::ui::app::links::{self, back};
use crate::ui::app::{App, Request};
use crate::ui::overlays::{Choice, Overlay, Prompt, Purpose};

pub(super) const COMMANDS: &[Command] = &[
    Command {
        why_disabled: |app| (!links::has_subject(app)).then_some("there is no item to follow from"),
        ..linking("related", "related", "List what the row or item relates to, and follow one", related)
    },
    linking("back", "back", "Go back to where the last link was followed from", back),
    Command {
        why_disabled: |app| app.scene.record.is_some().then_some("a record is searched with `/`, and by g l"),
        ..linking("find", "find", "Search what was said, why, decided and commented, in all sessions", |app| {
            app.overlay = Some(Overlay::Prompt(Prompt::new(Purpose::Find, "")));
            Vec::new()
        })
    },
];

const fn linking(
    name: &'static str,
    label: &'static str,
    description: &'static str,
    run: fn(&mut App) -> Vec<Request>,
) -> Command {
    Command { name, label, description, group: "links", run, ..BASE }
}

pub(super) fn related(app: &mut App) -> Vec<Request> {
    app.overlay = Choice::related(app).map(Overlay::Choose);
    Vec::new()
}
