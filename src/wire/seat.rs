//! The seat of a client: how it attaches, which events it wants, who has control, and who follows whom.

use crate::base::{ActionId, ClientId, Seq};
use serde::{Deserialize, Serialize};

/// The versions a client supports, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProtocolRange {
    pub min: u32,
    pub max: u32,
}

impl Default for ProtocolRange {
    fn default() -> Self {
        Self { min: super::PROTOCOL, max: super::PROTOCOL }
    }
}

/// Events from `from` (default 1) onwards follow as notifications. `control`: true takes it from whoever has it, false
/// never has it, absent takes it if nobody has.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attach {
    #[serde(default)]
    pub protocol: ProtocolRange,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Seq>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub control: Option<bool>,
    /// Asks for what is open now instead of a long past: with `from` only when that is far behind. Events then follow
    /// from the head.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub snapshot: bool,
    /// A script that decides for the user: it never has control, may send `action/decide` without it, and the record
    /// says so.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub script: bool,
    /// An inbox over several sessions, in which the user decides: as a script it never has control and may send
    /// `action/decide` without it, and the record names it like any other client.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub inbox: bool,
    /// Asks for the part of a long past that the first screen needs, as events with gaps, instead of all of it; the
    /// rest is read with [`Past`]. Counts only for a client that begins at the first event.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub recent: bool,
    /// The ways of packing that the client can read. The remote end of an ssh link packs what goes to the client; a
    /// host does not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pack: Vec<String>,
    /// A person looks at it: control that they use is not taken by another attach.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub person: bool,
    /// The name that this client had on a link that dropped: it gets back what is still its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resume: Option<ClientId>,
}

/// What a client wants with control over the session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ControlWish {
    /// Of the client that has it; taken at once if nobody has.
    Ask,
    /// To this client, or to the one that asked first.
    Give(Option<ClientId>),
    /// The client that asked first, or this one, does not get it.
    Refuse(Option<ClientId>),
    /// From one that has not answered for some time, or that is gone.
    Take,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetControl {
    pub wish: ControlWish,
}

/// Whether this client wants to be told where the one with control is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Follow {
    pub follow: bool,
}

/// Where the user of a client is: for those who follow. Also the parameters of the notification `seat/view`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeatView {
    /// The pane that has the focus.
    pub pane: String,
    /// The action under review.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<ActionId>,
}

/// Asks for older events, from this one on, as many as fit into one answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Past {
    pub from: Seq,
}
