//! What goes over NATS between the machines of a fleet: the sessions of a machine, signed decisions on what is pending in
//! them, the answers to those, and notices. Everything is one JSON text a message.

use super::{Overview, RpcError};
use crate::base::{ActionId, Digest, SessionId, Signed, UnixMs};
use crate::model::event::Verdict;
use serde::{Deserialize, Serialize};

/// One session of a machine, as it was then.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Head {
    /// By that machine's clock.
    pub at: UnixMs,
    pub overview: Overview,
}

/// A decision on one pending action. Whatever it does not know limits a consent, so an unknown field is refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Order {
    /// The machine's name in the fleet.
    pub machine: String,
    pub session: SessionId,
    pub action: ActionId,
    /// Of what was shown.
    pub digest: Digest,
    pub verdict: Verdict,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirm: Option<String>,
    /// As with [`super::Decide`].
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub despite_comments: bool,
    /// Differs from order to order: none is accepted twice.
    pub nonce: String,
    pub expires: UnixMs,
}

/// An order as it is sent: exactly this text is signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedOrder {
    /// An [`Order`] as JSON.
    pub order: String,
    #[serde(flatten)]
    pub signed: Signed,
}

/// What became of an order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OrderAnswer {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<RpcError>,
}

/// Something that the user should know at once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FleetNotice {
    pub at: UnixMs,
    /// In words; foreign text in it is escaped when it is shown.
    pub text: String,
    /// It is an alarm, or the agent was lost.
    pub urgent: bool,
}
