//! The seams between host, agents and workspace: what the host needs, nothing more.
//!
//! An agent talks over an [`AgentLink`]: bounded channels of [`FromAgent`] and [`ToAgent`]. A pending question is data
//! in the journal; what an adapter keeps for itself is the [`Ticket`] it chose for a proposal. Agents that work step by
//! step use a [`Desk`], which turns the two channels into calls that wait.

mod desk;
mod neighbors;
mod prompt;
mod workspace;

pub use desk::{Desk, Interrupted, Settled, TrialError};
pub use neighbors::{Mention, Neighbor, Neighbors, Past};
pub use prompt::{PromptBlock, PromptBlocks, fence_for, place_words};
pub use workspace::{
    AGENT_CANDIDATE, AgentChild, AgentLayer, AgentSpawn, AgentWays, Apart, Blobs, Candidate, CandidateChange,
    CandidateChanges, Changed, Connect, Effect, HeldFile, Image, NotApart, NotOpened, Notice, Performed, Progress,
    Promotion, ResultNode, TreeChange, Trials, Work, Workspace, WorkspaceError, is_plan_file,
};

use crate::base::{ActionId, SessionId, UnixMs};
use crate::model::event::{
    AgentNoted, AgentReady, LapseWhy, Mode, OutcomeWord, SessionOutcome, Stream, TurnEnd, Usage,
};
use crate::model::plan::PlanDocument;
use crate::model::{AlarmKind, FormAnswer, Keeping, Proposal, Step, Trial, TrialOutput, When};
use futures::future::BoxFuture;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::sync::mpsc;

/// Something that proposes. It runs as one task of the host until the link closes; dropping the task must end
/// everything it started.
pub trait Agent: Send {
    fn run(self: Box<Self>, link: AgentLink) -> BoxFuture<'static, ()>;
}

/// Milliseconds since 1970; a trait so that simulations own the time.
pub trait Clock: Send + Sync {
    fn now(&self) -> UnixMs;
}

/// Everything an agent is given when it starts.
#[derive(Clone)]
pub struct AgentSeat {
    pub session: SessionId,
    /// The workspace as the agent should see it (the candidate's root under `copy`, else the real one).
    pub root: PathBuf,
    /// The goal the session was opened with; prompts follow as [`ToAgent::Prompt`].
    pub goal: Option<String>,
    pub mode: Mode,
    /// Spawns the agent's own process, keeps private candidates. Never used to act in the workspace.
    pub workspace: Arc<dyn Workspace>,
    /// Set when a host takes over a session that already had turns: a text about its state.
    pub resume: Option<String>,
    /// The agent's own name of its session, as it reported it to a former host or process.
    pub agent_session: Option<String>,
}

/// The agent's end of the two channels.
#[derive(Debug)]
pub struct AgentLink {
    pub to_host: mpsc::Sender<FromAgent>,
    pub from_host: mpsc::Receiver<ToAgent>,
}

/// Chosen by the adapter, unique within its life, names one proposal or trial in the other direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub u64);

/// From an agent to the host.
#[derive(Debug)]
pub enum FromAgent {
    Ready(Box<AgentReady>),
    /// `by` is `agent` or the specialist's name.
    Said {
        by: String,
        text: String,
        more: bool,
    },
    Thought {
        by: String,
        text: String,
        more: bool,
    },
    Noted(AgentNoted),
    /// The agent has shortened what it remembers: what binds it must be told again.
    Compacted,
    /// The whole plan as the agent sees it now; merged into the supervisor's, see `Plan::replanned`.
    Plan {
        by: String,
        steps: Vec<Step>,
    },
    /// The plan as a text, beside a request for its approval.
    PlanWritten {
        by: String,
        document: Box<PlanDocument>,
    },
    Propose {
        ticket: Ticket,
        proposal: Box<Proposal>,
    },
    /// The agent changed its request `ticket` before it received a decision: consent to it is void. The
    /// changed request follows under `next`.
    Reopen {
        ticket: Ticket,
        next: Ticket,
        why: String,
    },
    /// The changed request that a [`Self::Reopen`] announced.
    Revise {
        ticket: Ticket,
        proposal: Box<Proposal>,
    },
    /// The agent no longer wants it.
    Withdraw {
        ticket: Ticket,
        why: LapseWhy,
    },
    /// Of an action with `Executor::Agent`: output so far.
    Output {
        ticket: Ticket,
        stream: Stream,
        bytes: Vec<u8>,
    },
    /// Of an action with `Executor::Agent`: it is done.
    Performed {
        ticket: Ticket,
        outcome: OutcomeWord,
        exit: Option<i32>,
        detail: Option<String>,
    },
    /// One run in a private candidate under the approved trial action `action`.
    Trial {
        ticket: Ticket,
        action: ActionId,
        trial: Box<Trial>,
    },
    /// Exactly what the agent received about an action, or on its own.
    Told {
        action: Option<ActionId>,
        text: String,
    },
    Usage(Usage),
    /// Its process in a layer waits for a decision about its network.
    Connects(Connect),
    Alarm {
        what: AlarmKind,
        ticket: Option<Ticket>,
        text: String,
    },
    TurnEnded {
        reason: TurnEnd,
        text: Option<String>,
    },
    /// Nothing more will come: the work is done or given up.
    Ended {
        outcome: SessionOutcome,
        report: String,
    },
    /// The agent's process or connection is gone.
    Lost {
        why: String,
        exit: Option<i32>,
    },
}

/// The result of a proposal. `message` is the host's message to the agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// As proposed, or with the user's changes: then `edited` is a unified diff (or the new command line) against
    /// what was proposed.
    Approved {
        edited: Option<String>,
        /// The supervisor's note to the approval; also part of `message`.
        note: Option<String>,
        /// The agent's own option that was chosen by its id.
        option: Option<String>,
        /// The answer to a form.
        form: Option<FormAnswer>,
        message: String,
    },
    /// `by_rule` when policy said so without asking.
    Denied {
        reason: String,
        by_rule: Option<String>,
        option: Option<String>,
        form: Option<FormAnswer>,
        message: String,
    },
    Redirected {
        reason: String,
        option: Option<String>,
        message: String,
    },
    Lapsed {
        why: LapseWhy,
        message: String,
    },
    /// It was no valid proposal: old text not on disk, path outside, too large.
    Refused {
        message: String,
    },
}

impl Answer {
    /// The words sent to the agent.
    pub fn message(&self) -> &str {
        match self {
            Self::Approved { message, .. }
            | Self::Denied { message, .. }
            | Self::Redirected { message, .. }
            | Self::Lapsed { message, .. }
            | Self::Refused { message } => message,
        }
    }
}

/// From the host to an agent.
#[derive(Debug)]
pub enum ToAgent {
    Prompt {
        prompt: PromptBlocks,
        when: When,
    },
    /// A question of the supervisor about a pending action; the work continues.
    Question(String),
    /// What the agent must know while it goes on: into the running turn where it takes that, else with the next prompt.
    Reminder(String),
    /// The proposal has become this action; its answer may take for ever.
    Filed {
        ticket: Ticket,
        action: ActionId,
    },
    Answered {
        ticket: Ticket,
        answer: Answer,
    },
    /// Of a command that the host carries out: output as it comes.
    Output {
        ticket: Ticket,
        bytes: Vec<u8>,
    },
    /// Of an action that the host carried out.
    Performed {
        ticket: Ticket,
        performed: Box<Performed>,
    },
    TrialDone {
        ticket: Ticket,
        output: Result<Box<TrialOutput>, String>,
    },
    /// The user changed the plan; `message` says how.
    PlanEdited {
        steps: Vec<Step>,
        message: String,
    },
    Mode(Mode),
    /// A choice of the agent's own options, by id.
    SetOption {
        id: String,
        value: String,
    },
    /// Something about the sessions that the agent keeps for itself.
    Keeping(Keeping),
    /// End the present turn as soon as possible.
    Cancel,
    /// End.
    Shutdown,
}
