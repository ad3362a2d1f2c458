//! Moving inside the focused pane.

use super::{BASE, Command, links};
use crate::ui::app::links::{Place, follow};
use crate::ui::app::toast::Toast;
use crate::ui::app::{App, Request};
use crate::ui::layout::PaneId;
use crate::ui::panes::diff::Step;

pub(super) const GROUP: &str = "move";

pub(super) const COMMANDS: &[Command] = &[
    moving("down", "down", "One row down", |app| rows(app, 1)),
    moving("up", "up", "One row up", |app| rows(app, -1)),
    moving("left", "left", "Fold, or scroll left", |app| sideways(app, false)),
    moving("right", "right", "Unfold, or scroll right", |app| sideways(app, true)),
    moving("page-down", "page down", "One page down", |app| pages(app, 1)),
    moving("page-up", "page up", "One page up", |app| pages(app, -1)),
    moving("top", "top", "Go to the first row", |app| rows(app, i64::MIN)),
    moving("bottom", "bottom", "Go to the last row", |app| rows(app, i64::MAX)),
    moving("open", "open", "Open or fold the item under the cursor, or list what it relates to or rests on", open),
    moving("next-hunk", "next hunk", "Go to the next hunk, question, message or search match", |app| {
        stop_at(app, Step::Hunk, true)
    }),
    moving("previous-hunk", "previous hunk", "Go to the previous hunk, question, message or search match", |app| {
        stop_at(app, Step::Hunk, false)
    }),
    moving("next-file", "next file", "Go to the next file, or to your next message", |app| {
        stop_at(app, Step::File, true)
    }),
    moving("previous-file", "previous file", "Go to the previous file, or to your previous message", |app| {
        stop_at(app, Step::File, false)
    }),
];

const fn moving(
    name: &'static str,
    label: &'static str,
    description: &'static str,
    run: fn(&mut App) -> Vec<Request>,
) -> Command {
    Command { name, label, description, group: GROUP, run, ..BASE }
}

fn rows(app: &mut App, lines: i64) -> Vec<Request> {
    let height = usize::from(app.layout.inner(app.focus).height);
    let pane = app.panes.get_mut(app.focus);
    let len = pane.rows();
    pane.list_mut().go(lines, len, height);
    after_move(app);
    Vec::new()
}

fn pages(app: &mut App, pages: i64) -> Vec<Request> {
    let height = i64::from(app.layout.inner(app.focus).height);
    rows(app, pages * (height - 2).max(1))
}

/// The cursor of the inbox selects what the other panes show.
fn after_move(app: &mut App) {
    if app.focus == PaneId::Inbox
        && let Some(id) = app.panes.inbox.under_cursor().cloned()
    {
        app.scene.set_target(Some(id));
    }
}

fn sideways(app: &mut App, right: bool) -> Vec<Request> {
    if !app.panes.get_mut(app.focus).fold(!right) {
        let list = app.panes.get_mut(app.focus).list_mut();
        list.left = if right { list.left.saturating_add(8) } else { list.left.saturating_sub(8) };
    }
    app.scene.touched.target = true;
    Vec::new()
}

fn open(app: &mut App) -> Vec<Request> {
    let leads_to = match app.focus {
        PaneId::Inbox => {
            if let Some(place) = app.panes.inbox.leads_to() {
                return follow(app, place);
            }
            None
        }
        PaneId::Talk => app.panes.talk.action().cloned(),
        PaneId::Output => app.panes.output.action(&app.scene),
        PaneId::Plan | PaneId::Diff | PaneId::Tests | PaneId::Why => None,
    };
    if let Some(id) = leads_to {
        return follow(app, Place::Action(id));
    }
    if app.focus == PaneId::Why || !has_more(app) {
        return links::related(app);
    }
    if app.focus == PaneId::Inbox {
        app.focus_on(PaneId::Diff);
        return Vec::new();
    }
    app.panes.get_mut(app.focus).open();
    app.scene.touched = crate::ui::app::Touched { plan: true, checks: true, target: true, ..app.scene.touched };
    Vec::new()
}

/// Whether the row under the cursor opens or folds; else it leads to what it relates to.
fn has_more(app: &App) -> bool {
    let details = |case: &str| {
        let newest = app.scene.session.checks.runs().rev().find_map(|run| run.case(case));
        newest.is_some_and(|report| report.status.is_bad() || report.message.is_some() || report.output.is_some())
    };
    match app.focus {
        PaneId::Plan => app.panes.plan.under_cursor().is_none() || app.panes.plan.folds(),
        PaneId::Tests => app.panes.tests.case().is_none_or(|(case, is_below)| !is_below && details(&case)),
        PaneId::Talk => app.panes.talk.message().is_none_or(|(_, folds)| folds),
        PaneId::Inbox | PaneId::Diff | PaneId::Why | PaneId::Output => true,
    }
}

fn stop_at(app: &mut App, step: Step, forward: bool) -> Vec<Request> {
    let height = usize::from(app.layout.inner(app.focus).height);
    if app.search.is_some() {
        app.find_match(forward);
    } else if app.focus == PaneId::Diff {
        if !app.panes.diff.stop_at(step, forward, height) {
            let what = match step {
                Step::Hunk => "hunk",
                Step::File => "file",
            };
            app.say(Toast::plain(format!("no {} {what}", if forward { "further" } else { "earlier" })));
        }
    } else if app.focus == PaneId::Talk {
        app.panes.talk.stop_at(step, forward, height);
    } else {
        return rows(app, if forward { 1 } else { -1 });
    }
    Vec::new()
}
