//! JSON-RPC 2.0 messages and frames over any byte stream: one message a line, the same on the unix socket, on
//! `attach --stdio` and with `--headless`.

mod answer;
mod frame;
pub mod limits;
mod message;
mod request;

pub use crate::diff::HunkChoice;
pub use answer::{
    AttachedAs, BlobPart, ChoiceNeeded, Decision, LeaseGranted, OwnAction, PlanRevision, Processes, Queued, Revertible,
    RewindFile, Rewound, Seen, Stepped, Tightened,
};
pub use frame::{FrameError, Reader, Writer, pair};
pub use message::{Code, Id, Message, RpcError};
pub use request::{
    Answer, Attach, BlobGet, CandidateTest, Close, Decide, EditedBody, EditedFile, Explain, Freeze, LeaseGrant,
    LeaseRevoke, PlanEditing, Prompt, ProtocolRange, Request, Restore, Rewind, SetMode, SetOption, Tighten, Undo,
};

/// The protocol version of this program.
pub const PROTOCOL: u32 = 1;
