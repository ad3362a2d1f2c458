//! Commands that change how things are shown; nothing here reaches the session.

use super::{BASE, Command, Scope};
use crate::ui::app::toast::Toast;
use crate::ui::app::{App, Request, alternates};
use crate::ui::layout::PaneId;
use crate::ui::overlays::{Choice, Overlay, Pipeline, Prompt, Purpose};
use crate::ui::panes::diff::has_lines;

const GROUP: &str = "look";

pub(super) const COMMANDS: &[Command] = &[
    showing(
        "diff-view",
        "view",
        "Unified, split or structural diff; a plan's document, changes or source; in Talk, rendered or as written",
        |app| {
            if app.focus == PaneId::Talk {
                let name = app.panes.talk.toggle_raw();
                app.say(Toast::plain(format!("messages: {name}")));
                app.scene.touched.transcript = true;
                return Vec::new();
            }
            let name = app.panes.diff.next_view();
            app.say(Toast::plain(name));
            app.scene.touched.target = true;
            Vec::new()
        },
    ),
    showing("whitespace", "whitespace", "Show white space, mark it, or leave changes of it alone out", |app| {
        let words = app.panes.diff.next_blanks();
        app.say(Toast::plain(words));
        app.scene.touched.target = true;
        app.compute_pictures()
    }),
    showing("more-context", "more", "More lines around each hunk, up to the whole file", |app| context(app, true)),
    showing("less-context", "less", "Fewer lines around each hunk", |app| context(app, false)),
    showing(
        "pipeline",
        "pipeline",
        "List every change to what builds, trains, deploys, or instructs: who, when, why, tests, verdict and diff",
        |app| {
            app.overlay = Some(Overlay::Pipeline(Pipeline::open(&app.scene)));
            Vec::new()
        },
    ),
    showing("thoughts", "thoughts", "Show or hide the agent's raw thoughts", |app| {
        app.panes.why.thoughts_open = !app.panes.why.thoughts_open;
        app.scene.touched.target = true;
        Vec::new()
    }),
    showing("swap", "swap", "Swap the item under review and the conversation", |app| {
        alternates::swap(app);
        Vec::new()
    }),
    showing("agent-log", "log", "Show the agent's log, or the command output again", |app| {
        // The focus may be newer than the layout, when both keys came at once.
        if app.focus == PaneId::Output || app.layout.shows(PaneId::Output) {
            app.panes.output.next_view();
        } else {
            app.panes.output.show_log();
            app.focus_on(PaneId::Output);
        }
        app.scene.touched.transcript = true;
        Vec::new()
    }),
    Command {
        name: "select-lines",
        label: "lines",
        description: "Start selecting lines; Space excludes or includes them, a comment is on them",
        group: GROUP,
        scope: Scope::In(PaneId::Diff),
        why_disabled: |app| (!has_lines(&app.panes.diff)).then_some("there are no lines to select here"),
        run: |app| {
            let cursor = app.panes.diff.cursor();
            let review = &mut app.scene.review;
            review.selecting_from = if review.selecting_from.is_some() { None } else { Some(cursor) };
            app.say(Toast::plain(if app.scene.review.selecting_from.is_some() {
                "selecting lines: move, then Space excludes or includes them, ; comments on them; Esc clears"
            } else {
                "selection cleared"
            }));
            Vec::new()
        },
        ..BASE
    },
    Command {
        scope: Scope::In(PaneId::Output),
        ..showing("select-output", "lines", "Start selecting lines of the output, for a comment on them", |app| {
            let selects = app.panes.output.select(true);
            app.say(Toast::plain(if selects {
                "selecting lines: move, then ; comments on them"
            } else {
                "selection cleared"
            }));
            Vec::new()
        })
    },
    Command {
        scope: Scope::In(PaneId::Diff),
        ..showing(
            "viewed",
            "viewed",
            "Mark the file at the cursor as viewed, which folds it, or take that back",
            |app| {
                let words = app.panes.diff.toggle_viewed(&mut app.scene.review);
                app.say(Toast::plain(words));
                app.scene.touched.target = true;
                Vec::new()
            },
        )
    },
    showing(
        "scope",
        "scope",
        "Compare: this step, the session, a checkpoint or the last commit with the files now",
        |app| {
            app.overlay = Some(Overlay::Choose(Choice::scopes(&app.scene)));
            Vec::new()
        },
    ),
    showing("files", "files", "List the files of the change under review", |app| {
        app.overlay = Some(Overlay::Choose(Choice::files(&app.panes.diff.files(), &app.scene.look)));
        Vec::new()
    }),
    Command {
        name: "fold",
        label: "fold",
        description: "Fold or unfold what the agent did or thought",
        group: GROUP,
        scope: Scope::In(PaneId::Talk),
        run: |app| {
            if !app.panes.talk.toggle_fold() {
                app.say(Toast::plain("nothing to fold here"));
            }
            app.scene.touched.transcript = true;
            Vec::new()
        },
        ..BASE
    },
    showing("search", "search", "Search in the focused pane", |app| {
        app.overlay = Some(Overlay::Prompt(Prompt::new(Purpose::Search, "")));
        Vec::new()
    }),
    showing("yank", "copy", "Copy the item under the cursor to the clipboard (OSC 52)", |app| {
        let pane = app.panes.get(app.focus);
        let text = pane.yank(&app.scene).unwrap_or_default();
        if text.is_empty() {
            app.say(Toast::plain("nothing to copy here"));
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
    let words = app.panes.diff.change_context(more);
    app.say(Toast::plain(words));
    app.scene.touched.target = true;
    app.compute_pictures()
}
