//! The home screen in the client: its keys, its news, and the session that is opened from it.

use super::{App, Leave, Request, place};
use crate::base::UnixMs;
use crate::base::text::Untrusted;
use crate::ui::app::toast::Toast;
use crate::ui::home::{Act, Home, HomeKey, Told};
use crate::ui::layout::PaneId;
use crate::ui::overlays::Overlay;
use crate::ui::terminal::Key;
use crate::wire::Machine;

/// Shows home over the session.
pub fn open(app: &mut App) -> Vec<Request> {
    let here = app.scene.session.opened.as_ref().map(|opened| opened.session.clone());
    app.overlay = Some(Overlay::Home(Box::new(Home::new(here))));
    vec![Request::Home(Act::Watch)]
}

/// The start screen, or home with no session below it.
pub(super) fn is_before_a_session(app: &App) -> bool {
    match &app.overlay {
        Some(Overlay::Welcome(_)) => true,
        Some(Overlay::Home(home)) => !home.is_over_a_session(),
        _ => false,
    }
}

pub(super) fn key(app: &mut App, mut home: Box<Home>, key: Key) -> Vec<Request> {
    let arming = &app.arming;
    let armed = |id: &_, digest| arming.check(id, digest).map_err(|why| why.reason().to_owned());
    let outcome = home.key(key, app.size, armed);
    let is_over = home.is_over_a_session();
    let mut requests = Vec::new();
    match outcome {
        HomeKey::Stays => {}
        HomeKey::Closes if is_over => return requests,
        HomeKey::Closes => requests.push(Request::Leave(Leave::Quit)),
        HomeKey::Opens(item) if home.is_here(&item) => {
            app.way.at = item.action;
            go_to_wanted(app);
            return app.compute_pictures();
        }
        HomeKey::Opens(item) => requests.push(Request::Leave(Leave::Open(item))),
        HomeKey::New => requests.push(Request::Leave(Leave::New)),
        HomeKey::Does(act) => {
            if matches!(act, Act::Decide { .. }) {
                app.arming.decided();
            }
            requests.push(Request::Home(act));
        }
    }
    app.overlay = Some(Overlay::Home(home));
    requests
}

/// The next session that waits, in the order of home.
fn next(app: &mut App, at: UnixMs, machines: Vec<Machine>) -> Vec<Request> {
    let here = app.scene.session.opened.as_ref().map(|opened| opened.session.clone());
    match crate::ui::home::next_waiting(here.as_ref(), at, machines) {
        Some(item) => vec![Request::Leave(Leave::Open(item))],
        None => {
            app.say(Toast::plain("no other session waits"));
            Vec::new()
        }
    }
}

pub(super) fn told(app: &mut App, told: Told) -> Vec<Request> {
    if let Told::Next { at, machines } = told {
        return next(app, at, machines);
    }
    match (&mut app.overlay, told) {
        (Some(Overlay::Home(home)), told) => {
            let wanted = home.take(told).map(Request::Home);
            let next = home.has_given_way().then_some(Request::Leave(Leave::New));
            wanted.into_iter().chain(next).collect()
        }
        // A decision of the client before.
        (_, Told::Done(outcome)) => {
            app.say(match outcome {
                Ok(words) => Toast::plain(Untrusted::new(words).visible()),
                Err(why) => Toast::warning(Untrusted::new(why).visible()),
            });
            Vec::new()
        }
        (_, Told::Machines { .. } | Told::Shown { .. } | Told::Next { .. }) => Vec::new(),
    }
}

/// A frame went out; true when home was on it. What can be approved is then on home alone.
pub(super) fn drawn(app: &mut App) -> bool {
    let Some(Overlay::Home(home)) = &mut app.overlay else { return false };
    home.drawn(app.size);
    let on_screen = home.on_screen(app.size);
    app.arming.drawn(on_screen.as_ref().map(|(id, digest)| (id, *digest)), app.scene.now_ms);
    true
}

/// Takes up the place of before, and shows the action that the client was opened for, once it is known.
pub(super) fn go_to_wanted(app: &mut App) -> Vec<Request> {
    let before = app.scene.target.clone();
    place::restore(app);
    if let Some(id) = app.way.at.take_if(|id| app.scene.session.actions.get(id).is_some()) {
        app.panes.trail.went_to(&id);
        app.scene.set_target(Some(id));
        app.focus_on(PaneId::Diff);
    }
    if app.scene.target == before { Vec::new() } else { app.compute_pictures() }
}
