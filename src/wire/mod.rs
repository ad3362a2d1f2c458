//! JSON-RPC 2.0 messages and frames over any byte stream: one message a line, the same on the unix socket, on
//! `attach --stdio` and with `--headless`.

mod answer;
mod compare;
mod fleet;
mod frame;
pub mod limits;
mod message;
mod overview;
mod pack;
mod request;
mod search;
mod seat;
mod tree;

pub use crate::diff::HunkChoice;
pub use answer::*;
pub use compare::{Compare, Compared};
pub use fleet::{FleetNotice, Head, Order, OrderAnswer, SignedOrder};
pub use frame::{FrameError, FrameReader, FrameWriter, pair};
pub use message::{Code, Id, Message, RpcError};
pub use overview::*;
pub use pack::{PACK_ZSTD, Packer};
pub use request::*;
pub use search::{Search, SearchFound, SearchHit};
pub use seat::*;
pub use tree::*;

/// The protocol version of this program.
pub const PROTOCOL: u32 = 1;
