//! The place of the user in a session: kept when another session is opened in this process, and taken up again when this
//! one is.

use super::{App, Request, past};
use crate::base::ActionId;
use crate::model::PromptPart;
use crate::model::event::Drafted;
use crate::ui::layout::PaneId;
use crate::ui::list::List;
use crate::ui::terminal::Input;

/// See the module.
#[derive(Debug, Clone)]
pub struct Place {
    focus: PaneId,
    large: PaneId,
    lower: PaneId,
    zoom: bool,
    target: Option<ActionId>,
    lists: Vec<(PaneId, List)>,
    /// The message that is being written, also where no host could keep it.
    draft: Vec<PromptPart>,
    is_taken_up: bool,
}

impl Place {
    /// Returns the place of this client's user.
    #[must_use]
    pub fn of(app: &App) -> Self {
        Self {
            focus: app.focus,
            large: app.alternates.large,
            lower: app.alternates.lower,
            zoom: app.zoom,
            target: app.scene.target.clone(),
            lists: PaneId::ALL.iter().map(|id| (*id, *app.panes.get(*id).list())).collect(),
            draft: app.composer.entry.parts(),
            is_taken_up: false,
        }
    }
}

/// Takes the place up again once the session is as far as it was when this client attached. An action that the client was
/// opened for comes first, if the user was at another one.
pub(super) fn restore(app: &mut App) {
    let is_there = app.scene.seat.head().is_some_and(|head| app.scene.session.head >= head);
    let Some(kept) = app.way.place.as_mut().filter(|place| is_there && !place.is_taken_up) else { return };
    kept.is_taken_up = true;
    let place = kept.clone();
    if app.way.at.is_some() && app.way.at != place.target {
        app.way.place = None;
    } else {
        app.way.at = None;
        (app.focus, app.zoom) = (place.focus, place.zoom);
        (app.alternates.large, app.alternates.lower) = (place.large, place.lower);
        app.alternates.reading = place.large == PaneId::Diff;
        if let Some(target) = place.target.filter(|id| app.scene.session.actions.get(id).is_some()) {
            app.scene.set_target(Some(target));
        }
        for (id, list) in place.lists {
            *app.panes.get_mut(id).list_mut() = list;
        }
    }
    if app.composer.entry.is_empty() {
        app.composer.restore(&Drafted { by: "".into(), parts: place.draft });
    }
}

/// A picture of what is under review is here: until the user does something, the place in it is the one that was kept.
pub(super) fn pictured(app: &mut App) {
    if let Some(place) = &app.way.place
        && place.is_taken_up
        && place.target == app.scene.target
        && let Some((id, list)) = place.lists.iter().find(|(id, _)| *id == PaneId::Diff)
    {
        *app.panes.get_mut(*id).list_mut() = *list;
    }
}

/// Takes something of the user in, and asks for what they now want to see.
pub(super) fn input(app: &mut App, input: Input) -> Vec<Request> {
    if matches!(input, Input::Key { .. } | Input::Wheel { .. } | Input::Click(_)) && app.scene.session.opened.is_some()
    {
        app.way.place = None;
    }
    let mut requests = app.input(input);
    past::asked(app, &requests);
    requests.extend(past::viewed(app));
    requests
}
