//! Talking to the agent, finding commands, leaving.

use super::{BASE, Command, Scope};
use crate::ui::app::toast::Toast;
use crate::ui::app::{App, Leave, Link, Request};
use crate::ui::app::{home, seat};
use crate::ui::home::Act;
use crate::ui::layout::PaneId;
use crate::ui::overlays::queue::QueueList;
use crate::ui::overlays::{Overlay, Prompt, Purpose, help::Help, palette::Palette};
use crate::wire::{self, ControlWish};

const GROUP: &str = "session";

pub(super) const COMMANDS: &[Command] = &[
    general("compose", "write", "Write to the agent", |app| {
        app.composer.open = true;
        let session = &app.scene.session;
        let resume = app.keymap.shown("pause").unwrap_or_default();
        if session.frozen.is_some() {
            let words =
                format!("the session is paused: a message is queued until {resume} resumes it (Esc, then {resume})");
            app.say(Toast::warning(words));
        } else if session.ended.is_some() {
            app.say(Toast::plain("the agent has finished: a message asks it for another turn"));
        }
        Vec::new()
    }),
    Command {
        scope: Scope::In(PaneId::Talk),
        why_disabled: |app| {
            let none = "the cursor is not on an action";
            super::needs_control(app).or_else(|| app.panes.talk.action().is_none().then_some(none))
        },
        ..general("mention", "mention", "Write to the agent about the action under the cursor, and its output", |app| {
            if let Some(action) = app.panes.talk.action().cloned() {
                app.composer.mention_action(action);
            }
            Vec::new()
        })
    },
    Command {
        why_disabled: |app| app.scene.session.prompts.queue.is_empty().then_some("nothing is queued"),
        ..general("queue", "queue", "The queued prompts: reorder, edit, withdraw", |app| {
            app.overlay = Some(Overlay::Queue(QueueList::default()));
            Vec::new()
        })
    },
    Command {
        why_disabled: super::needs_control,
        ..general("attach", "attach", "Attach an image of this machine to the message", |app| {
            app.overlay = Some(Overlay::Prompt(Prompt::new(Purpose::Attach, "")));
            Vec::new()
        })
    },
    general("leave", "leave", "Close the dialog, selection or search; never decides anything", |app| {
        app.leave_one();
        Vec::new()
    }),
    general("palette", "commands", "Find a command by name", |app| {
        app.overlay = Some(Overlay::Palette(Palette::new()));
        Vec::new()
    }),
    general("help", "help", "All keys, those of the focused pane first", |app| {
        app.overlay = Some(Overlay::Help(Help::of(app.focus)));
        Vec::new()
    }),
    Command {
        why_disabled: |app| app.way.door.is_none().then_some("a record has no other sessions"),
        ..general("home", "home", "All sessions, and one inbox of what is pending in them", home::open)
    },
    Command {
        why_disabled: |app| app.way.door.is_none().then_some("a record has no other sessions"),
        ..general(
            "next-session",
            "next session",
            "Switch to the next session that waits; this one keeps its place",
            |_| vec![Request::Home(Act::Next)],
        )
    },
    general("detach", "detach", "Detach this client; the session continues", |_| vec![Request::Leave(Leave::Detach)]),
    general("quit", "quit", "Quit; a session with nothing pending ends, any other continues", |app| {
        // A user who has lost the host learns the name by which to find the session again.
        if matches!(app.scene.link, Link::Lost(_)) {
            return vec![Request::Leave(Leave::Detach)];
        }
        let nothing_open = app.scene.has_control() && !app.scene.session.is_busy();
        let close = wire::Close { why: Some("quit by the user".to_owned()) };
        let close = nothing_open.then_some(Request::Host(wire::Request::Close(close)));
        close.into_iter().chain([Request::Leave(Leave::Quit)]).collect()
    }),
    general("interrupt", "leave", "Detach this client immediately, like an interrupt; the session continues", |_| {
        vec![Request::Leave(Leave::Interrupt)]
    }),
    Command {
        why_disabled: |app| match app.scene.link {
            Link::Attached { .. } if app.reads_only => Some("this client is read-only"),
            Link::Attached { control: true } if seat::is_alone(app) => Some("this client already has control"),
            Link::Attached { .. } => None,
            Link::Connecting | Link::Lost(_) => Some("not connected"),
        },
        ..general(
            "take-control",
            "ask for control",
            "Ask for control; again: take it unanswered; with it: give it",
            seat::pass_control,
        )
    },
    Command {
        why_disabled: |app| seat::asked_by(app).is_none().then_some("nobody asks this client for control"),
        ..general("refuse-control", "refuse", "Keep control when another client asks for it", |_| {
            vec![seat::control(ControlWish::Refuse(None))]
        })
    },
    Command {
        why_disabled: |app| match app.scene.link {
            Link::Attached { control: true } => Some("this client has control: the others can follow it"),
            Link::Attached { control: false } => None,
            Link::Connecting | Link::Lost(_) => Some("not connected"),
        },
        ..general("follow", "follow", "Show what the client with control shows, or no longer", seat::toggle_follow)
    },
    general("suspend", "suspend", "Suspend to the shell; fg returns", |_| vec![Request::Suspend]),
    general("redraw", "redraw", "Redraw the screen", |_| vec![Request::Redraw]),
];

const fn general(
    name: &'static str,
    label: &'static str,
    description: &'static str,
    run: fn(&mut App) -> Vec<Request>,
) -> Command {
    Command { name, label, description, group: GROUP, run, ..BASE }
}
