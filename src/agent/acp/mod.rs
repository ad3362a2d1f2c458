//! External agents over the Agent Client Protocol, version 1: JSON-RPC over the agent's stdio, raw JSON first and typed
//! second. [`client`] is a pure machine, split by what it must remember; the adapter around it owns process, clock and
//! disk. Nothing of the protocol leaves this module.

mod adapter;
mod asks;
mod choice;
mod client;
mod conduct;
mod copying;
mod files;
mod forms;
mod handshake;
mod lines;
mod message;
mod outbox;
mod patch;
mod peek;
mod permission;
mod place;
mod plans;
mod preview;
mod record;
mod settings;
mod speak;
mod terminals;
mod tools;
mod turn;
mod updates;

pub use adapter::{AcpAgent, AcpConfig};
pub use record::{From as RecordedFrom, read as read_record};
