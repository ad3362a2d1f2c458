//! What follows an infrastructure action that has run: its result is verified, or it is rolled back, by a command of the
//! user's own that goes through the gate.

use super::{BASE, Command, needs_control};
use crate::model::Author;
use crate::model::session::{ActionState, Phase};
use crate::policy::infra::{self, Follow, Infra};
use crate::ui::app::toast::Toast;
use crate::ui::app::{App, Request};
use crate::wire;

const GROUP: &str = "decide";

pub(super) const COMMANDS: &[Command] = &[
    Command {
        name: "verify",
        label: "verify",
        description: "Propose the command that verifies the last infrastructure action, which has run",
        group: GROUP,
        why_disabled: |app| needs_ended(app, |infra| infra.verify, "no command is known that verifies it"),
        run: |app| propose(app, |infra| infra.verify),
        ..BASE
    },
    Command {
        name: "roll-back",
        label: "roll back",
        description: "Propose the command that rolls the last infrastructure action back",
        group: GROUP,
        why_disabled: |app| needs_ended(app, |infra| infra.roll_back, "no command is known that rolls it back"),
        run: |app| propose(app, |infra| infra.roll_back),
        ..BASE
    },
];

/// The infrastructure action under review, or else the agent's last command, if it is one, and has run.
pub fn ended_infrastructure(app: &App) -> Option<(&ActionState, Infra)> {
    let is_command = |state: &&ActionState| {
        let is_agents = state.action.author != Author::Human && state.action.command().is_some();
        is_agents && matches!(state.phase, Phase::Finished(_))
    };
    let last = || app.scene.session.actions.recent().find(is_command);
    let state = app.scene.target().filter(is_command).or_else(last)?;
    Some((state, state.action.command().and_then(infra::of)?))
}

fn needs_ended(app: &App, words: fn(&Infra) -> Option<&'static str>, none: &'static str) -> Option<&'static str> {
    let why = match ended_infrastructure(app) {
        None => Some("the last command that has run is no infrastructure action"),
        Some((_, infra)) => words(&infra).is_none().then_some(none),
    };
    needs_control(app).or(why)
}

fn propose(app: &mut App, words: fn(&Infra) -> Option<&'static str>) -> Vec<Request> {
    let found = ended_infrastructure(app).and_then(|(state, infra)| {
        let cwd = state.action.command().map(|command| command.cwd.clone()).unwrap_or_default();
        Some((words(&infra)?, cwd))
    });
    let Some((words, cwd)) = found else { return Vec::new() };
    match Follow::of(words) {
        Follow::Runs => {
            app.say(Toast::plain(format!("proposed: {words}")));
            let command = crate::model::Command { cwd, ..crate::model::Command::shell(words) };
            vec![Request::Host(wire::Request::Run(wire::RunCommand { command, ask: true }))]
        }
        Follow::FillIn => {
            let prefix = if cwd == "." { String::new() } else { format!("cd {} && ", shell_words::quote(&cwd)) };
            app.composer.give_back(&format!("!{prefix}{words}"), &[]);
            app.composer.open = true;
            app.say(Toast::plain("fill in the words in capitals; Enter runs it"));
            Vec::new()
        }
        Follow::Says => {
            app.say(Toast::plain(format!("no command for it is known: {words}")));
            Vec::new()
        }
    }
}
