//! What the tests pane can do: run some cases again, show some of them, and lead to their sources.

use super::decide::test;
use super::{BASE, Command, Scope};
use crate::model::event::RunAfter;
use crate::ui::app::toast::Toast;
use crate::ui::app::{App, EditorOf, Request};
use crate::ui::layout::PaneId;
use crate::ui::overlays::{Overlay, Prompt, Purpose};
use crate::ui::panes::tests_pane::TestsPane;
use crate::wire;

const GROUP: &str = "tests";

pub(super) const COMMANDS: &[Command] = &[
    Command {
        why_disabled: super::needs_control,
        ..testing("test-selected", "rerun", "Run the test case or suite at the cursor again", |app| {
            let cases = app.panes.tests.selected();
            rerun(app, cases, "no case is selected: t runs all tests")
        })
    },
    Command {
        why_disabled: super::needs_control,
        ..testing("test-failed", "failed", "Run the failing test cases again", |app| {
            let cases = TestsPane::failing(&app.scene);
            rerun(app, cases, "no test case fails: t runs all tests")
        })
    },
    Command {
        why_disabled: super::needs_control,
        ..testing(
            "test-bisect",
            "who broke it",
            "Find the action that broke the failing test case at the cursor: it is run on the files after each half of them",
            |app| search(app, wire::CaseSearch::Bisect),
        )
    },
    Command {
        why_disabled: super::needs_control,
        ..testing(
            "test-repeat",
            "stable?",
            "Run the test case at the cursor several times on the same files, to see whether it is stable",
            |app| search(app, wire::CaseSearch::Repeat),
        )
    },
    Command {
        why_disabled: super::needs_control,
        ..testing(
            "test-after",
            "run after",
            "Choose when the tests run by themselves in this session: after approved edits, after every change, never, or as configured",
            |app| {
                let run_after = match app.scene.session.rules.run_after() {
                    None => Some(RunAfter::Edits),
                    Some(RunAfter::Edits) => Some(RunAfter::Changes),
                    Some(RunAfter::Changes) => Some(RunAfter::Never),
                    Some(RunAfter::Never) => None,
                };
                app.say(Toast::plain(format!("tests run {}", run_after.map_or("as configured", RunAfter::words))));
                vec![Request::Host(wire::Request::Checks(wire::SetChecks { run_after }))]
            },
        )
    },
    testing("test-filter", "filter", "Show all tests, those that fail, or those that changed", |app| {
        let name = app.panes.tests.next_filter();
        app.say(Toast::plain(format!("showing {name}")));
        app.scene.touched.checks = true;
        Vec::new()
    }),
    testing("test-find", "find", "Show only the tests with these words in their name", |app| {
        app.overlay = Some(Overlay::Prompt(Prompt::new(Purpose::Tests, "")));
        Vec::new()
    }),
    testing("test-source", "source", "Open the source of the test case at the cursor in $EDITOR", |app| {
        let Some((name, line)) = app.panes.tests.source(&app.scene) else {
            app.say(Toast::plain("its runner does not say where this case is"));
            return Vec::new();
        };
        vec![Request::Editor { of: EditorOf::Source { line }, name, text: String::new() }]
    }),
];

const fn testing(
    name: &'static str,
    label: &'static str,
    description: &'static str,
    run: fn(&mut App) -> Vec<Request>,
) -> Command {
    Command { name, label, description, group: GROUP, scope: Scope::In(PaneId::Tests), run, ..BASE }
}

fn search(app: &mut App, search: wire::CaseSearch) -> Vec<Request> {
    let cases = app.panes.tests.selected();
    if cases.len() != 1 {
        app.say(Toast::plain("choose one test case for this"));
        return Vec::new();
    }
    app.say(Toast::plain(format!("running {} in a private copy; the answer is a note", cases.join(""))));
    let test = wire::CandidateTest { cases, search: Some(search), ..wire::CandidateTest::default() };
    vec![Request::Host(wire::Request::CandidateTest(test))]
}

fn rerun(app: &mut App, cases: Vec<String>, none: &'static str) -> Vec<Request> {
    if cases.is_empty() {
        app.say(Toast::plain(none));
        return Vec::new();
    }
    test(app, cases)
}
