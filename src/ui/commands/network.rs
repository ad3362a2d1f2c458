//! The network of commands in layers: of the pending one, else of all that follow in the session.

use super::needs_control;
use crate::model::Executor;
use crate::model::event::Network;
use crate::model::session::ActionState;
use crate::ui::app::toast::Toast;
use crate::ui::app::{App, Request};
use crate::wire;

/// Why it cannot be chosen now.
pub(super) fn why_not(app: &App) -> Option<&'static str> {
    let has_none = |state: &ActionState| {
        if state.action.command().is_none() || state.action.trial().is_some() {
            Some("only a command has a network of its own")
        } else if state.action.executor == Executor::Agent && app.scene.review.edited.is_empty() {
            Some("the agent runs this command itself, in its own network; e edits it, then rightseat runs it")
        } else {
            None
        }
    };
    let of_held = app.scene.held_target().and(app.scene.target()).and_then(has_none);
    needs_control(app).or(of_held)
}

/// The next network of the command under review, or of the session.
pub(super) fn choose(app: &mut App) -> Vec<Request> {
    let after = |network| match network {
        None => Some(Network::Ask),
        Some(Network::Ask) => Some(Network::Off),
        Some(Network::Off) => Some(Network::On),
        Some(Network::On) => None,
    };
    let word = |network: Option<Network>| network.map_or("as configured", Network::word);
    if app.scene.held_target().is_some() {
        let next = after(app.scene.review.network);
        app.scene.review.network = next;
        app.scene.touched.target = true;
        app.say(Toast::plain(format!("network of this command: {}", word(next))));
        return Vec::new();
    }
    let network = after(app.scene.session.rules.network());
    app.say(Toast::plain(format!("network of commands in this session: {}", word(network))));
    vec![Request::Host(wire::Request::Network(wire::SetNetwork { network }))]
}
