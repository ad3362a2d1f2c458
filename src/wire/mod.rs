//! JSON-RPC 2.0 messages and frames over any byte stream: one message a line, the same on the unix socket, on
//! `attach --stdio` and with `--headless`.

mod frame;
pub mod limits;
mod message;
mod request;

pub use crate::diff::HunkChoice;
pub use frame::{FrameError, Reader, Writer, pair};
pub use message::{Code, Id, Message, RpcError};
pub use request::{
    Attach, AttachedAs, BlobGet, BlobPart, CandidateTest, ChoiceNeeded, Close, Decide, EditedBody, EditedFile, Explain,
    Freeze, LeaseGrant, LeaseRevoke, PlanEditing, Prompt, ProtocolRange, Request, Restore, Revertible, Rewind, SetMode,
    SetOption, Tighten, Undo,
};

/// The protocol version that this program speaks.
pub const PROTOCOL: u32 = 1;
