//! The way from the home screen to whoever reads the sessions: given by the caller, as everything outside of the client.

use super::Ended;
use crate::base::ActionId;
use crate::ui::app::place::Place;
use crate::ui::app::{App, Leave};
use crate::ui::home::{Act, Told};
use tokio::sync::mpsc;

/// Where a client begins, and whether home can be reached from it.
#[derive(Debug, Clone, Default)]
pub struct Way {
    /// Absent where there are no other sessions.
    pub door: Option<HomeDoor>,
    pub first: HomeFirst,
    /// The action of the session to show first.
    pub at: Option<ActionId>,
    /// Where the user was when they left this session for another one.
    pub place: Option<Place>,
    pub keep: Option<KeepPlace>,
}

/// Takes the place of a user who leaves the session for another one.
#[derive(Clone)]
pub struct KeepPlace(pub std::sync::Arc<dyn Fn(Place) + Send + Sync>);

impl std::fmt::Debug for KeepPlace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("KeepPlace")
    }
}

/// Whether the home screen is what a client begins with.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum HomeFirst {
    #[default]
    No,
    Yes,
    /// Where nothing is pending, it gives way to the start screen.
    IfPending,
}

/// Does what the home screen wants done, and tells it what follows.
#[derive(Clone)]
pub struct HomeDoor(pub std::sync::Arc<dyn Fn(Act, mpsc::Sender<Told>) + Send + Sync>);

impl std::fmt::Debug for HomeDoor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("HomeDoor")
    }
}

/// What a client wants done from its beginning.
pub(super) fn first_acts(way: &Way) -> Vec<Act> {
    let watch = (way.first != HomeFirst::No).then_some(Act::Watch);
    watch.into_iter().chain([Act::Send]).collect()
}

/// The user may come back to this session in this process.
pub(super) fn keep_place(way: &Way, app: &App, ended: &Ended) {
    if let (Ended::Left(Leave::Open(_) | Leave::New), Some(KeepPlace(keep))) = (ended, &way.keep) {
        keep(Place::of(app));
    }
}
