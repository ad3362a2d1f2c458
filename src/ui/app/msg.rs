//! What reaches the client and what it asks of the world around it.

use crate::base::{ActionId, Digest, RelPath, StepId, UnixMs};
use crate::model::event::Mode;
use crate::model::{Command, Envelope, PlanEdit};
use crate::ui::terminal::Input;
use crate::ui::workers::{Job, Product};

/// Everything that can happen to a client. Time comes along with it, on the client's own clock.
#[derive(Debug)]
pub enum Msg {
    Input(Input),
    /// Facts from the host, in order; with the wall clock at their arrival.
    Events(Vec<Envelope>, UnixMs),
    /// The host answered something that was asked.
    Answered {
        asked: Ask,
        outcome: Result<Answer, String>,
    },
    Linked {
        client: String,
        control: bool,
    },
    LinkLost(String),
    /// How the connection to a host on another machine fares.
    LinkState(Far),
    /// The host is in trouble and says with what; it goes on as well as it can.
    Trouble(String),
    Computed(Product),
    /// The external editor came back.
    Edited {
        action: ActionId,
        digest: Digest,
        part: Part,
        outcome: Result<String, String>,
    },
    /// A frame went out.
    Drawn,
}

/// The connection to another machine, as the relay tells it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
pub struct Far {
    pub host: String,
    /// Between a request and its answer, milliseconds.
    #[serde(default)]
    pub latency_ms: Option<u64>,
    /// Why it is down at the moment; it is tried again.
    #[serde(default)]
    pub down: Option<String>,
}

/// What an answer carries beyond "done".
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    Done,
    Blob { digest: Digest, bytes: Vec<u8> },
}

/// Which piece of an action is edited.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    File(usize),
    Command,
}

/// When the agent gets what the human wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    Queue,
    Boundary,
    Interrupt,
}

impl When {
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Queue => "queue",
            Self::Boundary => "boundary",
            Self::Interrupt => "interrupt",
        }
    }

    #[must_use]
    pub fn next(self) -> Self {
        match self {
            Self::Queue => Self::Boundary,
            Self::Boundary => Self::Interrupt,
            Self::Interrupt => Self::Queue,
        }
    }
}

/// A verdict with what belongs to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    Approve,
    /// Only these hunks, or lines of hunks; indices count over the whole action.
    ApproveHunks(Vec<HunkChoice>),
    /// Whole new content by path.
    ApproveFiles(Vec<(String, String)>),
    ApproveCommand(Command),
    Deny {
        make_rule: bool,
    },
    Redirect,
}

/// A hunk, or some of its lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HunkChoice {
    Whole(usize),
    Lines(usize, Vec<usize>),
}

/// A request to the host, in the words of the session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ask {
    Prompt {
        text: String,
        when: When,
    },
    Decide {
        action: ActionId,
        digest: Digest,
        verdict: Verdict,
        reason: Option<String>,
        confirm: Option<String>,
    },
    PlanEdit {
        revision: u32,
        operations: Vec<PlanEdit>,
    },
    Mode(Mode),
    Step,
    Freeze,
    Resume,
    Stop,
    Lease {
        step: Option<StepId>,
    },
    Undo(ActionId),
    Rewind(Digest),
    /// Takes back a change of this file that no decision stands behind.
    Restore(RelPath),
    /// Checks on a candidate with these hunks of the action, or on the workspace as it is.
    Test {
        action: Option<ActionId>,
        hunks: Option<Vec<HunkChoice>>,
    },
    Explain(ActionId),
    Blob(Digest),
    /// Ends the session.
    Close,
}

/// What the loop does for the client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    Host(Ask),
    Compute(Job),
    /// Opens `$VISUAL` or `$EDITOR` on this text.
    Editor {
        action: ActionId,
        digest: Digest,
        part: Part,
        name: String,
        text: String,
    },
    Copy(String),
    Suspend,
    Redraw,
    Leave(Leave),
}

/// How a client goes; the session stays unless it was stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leave {
    Detach,
    Quit,
}
