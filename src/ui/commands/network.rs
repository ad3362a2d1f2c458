//! The network of commands in layers: of the pending one, else of all that follow in the session.

use super::needs_control;
use crate::model::event::Network;
use crate::model::session::ActionState;
use crate::ui::app::toast::Toast;
use crate::ui::app::{App, Request};
use crate::wire;

/// Why it cannot be chosen now.
pub(super) fn why_not(app: &App) -> Option<&'static str> {
    let is_ours = |state: &ActionState| state.action.command().is_some() && state.action.trial().is_none();
    let is_other = app.scene.held_target().is_some() && !app.scene.target().is_some_and(is_ours);
    needs_control(app).or_else(|| is_other.then_some("only a command has a network of its own"))
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
