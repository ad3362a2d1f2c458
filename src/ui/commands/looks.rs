//! How things are shown; nothing here reaches the session.

use super::{BASE, Command, Scope};
use crate::ui::app::toast::Toast;
use crate::ui::app::{App, Request};
use crate::ui::layout::PaneId;
use crate::ui::overlays::{Overlay, Prompt, Purpose};

const GROUP: &str = "look";

pub(super) const COMMANDS: &[Command] = &[
    showing("diff-view", "view", "Unified, split or structural diff", |app| {
        let name = app.panes.diff.next_view();
        app.say(Toast::plain(format!("diff: {name}")));
        app.scene.touched.target = true;
        Vec::new()
    }),
    showing("whitespace", "whitespace", "Show blanks, or not", |app| {
        app.panes.diff.marks_blanks = !app.panes.diff.marks_blanks;
        app.scene.touched.target = true;
        app.compute_pictures()
    }),
    showing("more-context", "more", "More lines around each hunk", |app| context(app, true)),
    showing("less-context", "less", "Fewer lines around each hunk", |app| context(app, false)),
    showing("thoughts", "thoughts", "Unfold the agent's raw thoughts, or fold them", |app| {
        app.panes.why.thoughts_open = !app.panes.why.thoughts_open;
        app.scene.touched.target = true;
        Vec::new()
    }),
    showing("transcript", "transcript", "The transcript, then the agent's log, then the command's output", |app| {
        // The focus may be newer than the layout, when both keys came at once.
        if app.focus == PaneId::Output || app.layout.shows(PaneId::Output) {
            app.panes.output.next_view(&app.scene);
        } else {
            app.panes.output.show_transcript();
            app.focus_on(PaneId::Output);
        }
        app.scene.touched.transcript = true;
        Vec::new()
    }),
    Command {
        name: "select-lines",
        label: "lines",
        description: "Begin a selection of lines; Space leaves them out or takes them in",
        group: GROUP,
        scope: Scope::Diff,
        why_disabled: super::decide::needs_hunks,
        run: |app| {
            let cursor = app.panes.diff.cursor();
            let review = &mut app.scene.review;
            review.selecting_from = if review.selecting_from.is_some() { None } else { Some(cursor) };
            app.say(Toast::plain(if app.scene.review.selecting_from.is_some() {
                "selecting lines: move, then Space leaves them out or takes them in; Esc drops the selection"
            } else {
                "the selection is dropped"
            }));
            Vec::new()
        },
        ..BASE
    },
    showing("search", "search", "Search in the focused pane", |app| {
        app.overlay = Some(Overlay::Prompt(Prompt::new(Purpose::Search, "")));
        Vec::new()
    }),
    showing("yank", "copy", "Copy what is under the cursor to the clipboard of the terminal (OSC 52)", |app| {
        let pane = app.panes.get(app.focus);
        let text = pane.yank(&app.scene).unwrap_or_default();
        if text.is_empty() {
            app.say(Toast::plain("there is nothing to copy here"));
            return Vec::new();
        }
        app.say(Toast::plain(format!("copied {} bytes", text.len())));
        vec![Request::Copy(text)]
    }),
];

const fn showing(
    name: &'static str,
    label: &'static str,
    description: &'static str,
    run: fn(&mut App) -> Vec<Request>,
) -> Command {
    Command { name, label, description, group: GROUP, run, ..BASE }
}

fn context(app: &mut App, more: bool) -> Vec<Request> {
    let lines = app.panes.diff.change_context(more);
    app.say(Toast::plain(format!("{lines} lines of context")));
    app.scene.touched.target = true;
    Vec::new()
}
