//! Requests to the agent itself: when a prompt may reach it, and what to do with the sessions it keeps.

use serde::{Deserialize, Serialize};

/// The time at which a prompt may reach the agent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum When {
    /// After the present turn.
    #[default]
    Queue,
    /// At the next point where the agent listens: before its next action.
    Boundary,
    /// Now: the present turn is canceled first.
    Interrupt,
}

impl When {
    /// As on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Queue => "queue",
            Self::Boundary => "boundary",
            Self::Interrupt => "interrupt",
        }
    }

    /// The next choice, in a circle.
    #[must_use]
    pub fn next(self) -> Self {
        match self {
            Self::Queue => Self::Boundary,
            Self::Boundary => Self::Interrupt,
            Self::Interrupt => Self::Queue,
        }
    }
}

/// A request about what an agent keeps beyond our session: list it or delete it. The answer comes as a note.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum Keeping {
    /// Names the sessions it has kept of this directory.
    List,
    /// Begins another one; the present one is kept.
    New,
    /// Goes on with one of them, in the present one's place.
    Resume { session: String },
    /// Goes on in a copy of one of them; that one is kept as it is.
    Fork { session: String },
    /// Drops one of them for good.
    Delete { session: String },
    /// Forgets who is logged in.
    Logout,
}
