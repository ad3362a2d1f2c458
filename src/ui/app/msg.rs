//! The messages to the client and its requests to the world around it.

use crate::base::{ActionId, ClientId, Digest, Seq, UnixMs};
use crate::model::event::{AgentLogin, Survivor};
use crate::model::{Envelope, PromptPart};
use crate::ui::home::{Act, Item, Told};
use crate::ui::terminal::Input;
use crate::ui::welcome::Wish;
use crate::ui::workers::{Job, Product};
use crate::wire::{self, ChoiceNeeded};

/// Everything that can happen to a client. Time comes along with it, on the client's own clock.
#[derive(Debug)]
pub enum Msg {
    Input(Input),
    /// Facts from the host, in order; with the wall clock at their arrival.
    Events(Vec<Envelope>, UnixMs),
    /// The host answered something that was asked.
    Answered {
        asked: Box<wire::Request>,
        outcome: Result<AnswerData, String>,
    },
    /// The host took this client in. What happens to control after `head` comes as events.
    Linked {
        client: ClientId,
        control: bool,
        head: Seq,
        /// Events up to `head` come with gaps.
        recent: bool,
    },
    /// The same after the link to another machine dropped: the client has another name there now.
    LinkedAgain(Again),
    LinkLost(String),
    /// The host has not answered for a while, with the number of its process where that is known.
    Silent(Option<i32>),
    /// It answers again.
    Speaks,
    /// The state of the connection to a host on another machine.
    LinkState(RemoteLink),
    /// Somebody follows this client, or the one that it follows has moved.
    Seat(SeatNews),
    /// The host reports a problem and continues as well as it can.
    Trouble(String),
    Computed(Product),
    /// The external editor came back.
    Edited {
        of: EditorOf,
        outcome: Result<String, String>,
    },
    /// The agent's login has ended, or could not run.
    SignedIn(Result<(), String>),
    /// A drafted rule was kept, and where, or why not.
    RuleKept {
        rule: String,
        kept: Result<String, String>,
    },
    /// An address was opened, by this program, or why not.
    Browsed {
        address: String,
        opened: Result<String, String>,
    },
    /// The messages of the project's former sessions, oldest first.
    History(Vec<Vec<PromptPart>>),
    /// The bytes of a picture on this machine, by its name.
    Attached {
        name: String,
        bytes: Result<Vec<u8>, String>,
    },
    /// The displayed ages of pending actions have changed.
    AgesDue,
    /// The message that is being written should be kept.
    DraftDue,
    /// The file that a plan was saved in, or what is wrong.
    PlanSaved(Result<String, String>),
    /// The plans that are kept, with their texts.
    Plans(Result<Vec<(String, String)>, String>),
    /// Something for the home screen.
    Home(Told),
    /// A frame went out.
    Drawn,
}

/// The connection to another machine, as the relay reports it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
pub struct RemoteLink {
    pub host: String,
    /// Between a request and its answer, milliseconds.
    #[serde(default)]
    pub latency_ms: Option<u64>,
    /// The reason that it is down at the moment; it is tried again.
    #[serde(default)]
    pub down: Option<String>,
}

/// What the host says of a client that comes back on another link.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
pub struct Again {
    pub client: ClientId,
    /// What happens to it after `head` comes as events.
    pub control: bool,
    pub head: Seq,
}

/// What the host says of the clients' users: of whom this client follows, or how many follow it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
#[serde(untagged)]
pub enum SeatNews {
    View {
        client: ClientId,
        #[serde(flatten)]
        view: wire::SeatView,
    },
    Followed {
        followers: usize,
    },
}

/// The content of an answer beyond "done".
#[derive(Debug, Clone, PartialEq)]
pub enum AnswerData {
    Done,
    /// Bytes from an offset of a content with this many in all.
    Blob {
        offset: u64,
        total: u64,
        bytes: Vec<u8>,
    },
    Processes(Vec<Survivor>),
    Found(wire::Found),
    Compared(Box<wire::Compared>),
    Searched(Box<wire::SearchFound>),
    /// An action of the user's own.
    Own(Option<ActionId>),
    Image(Box<wire::ImageKept>),
    /// What a rule covers.
    Allowed(wire::Allowed),
    Rules(wire::RuleList),
    Past(wire::PastEvents),
    Agents(wire::AgentList),
    /// A refusal that lists changes which may be the user's, to choose from.
    Choose(ChoiceNeeded),
}

/// The part of an action that is edited.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    File(usize),
    /// The whole of it: a command line, or a plan.
    Text,
}

impl Part {
    /// Its key among the review's edits.
    #[must_use]
    pub fn key(&self) -> Option<usize> {
        match self {
            Self::File(at) => Some(*at),
            Self::Text => None,
        }
    }
}

/// The text that the external editor is opened on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EditorOf {
    Action {
        action: ActionId,
        digest: Digest,
        part: Part,
    },
    /// The text that is being typed: the composer's message, or the answer to an open question.
    Typing,
    /// A file of the workspace itself, at a line; nothing comes back.
    Source {
        line: u32,
    },
}

/// A request of the client to its loop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    Host(wire::Request),
    Compute(Job),
    /// Opens `$VISUAL` or `$EDITOR` on this text; for a file of the workspace, on the file with this name.
    Editor {
        of: EditorOf,
        name: String,
        text: String,
    },
    Copy(String),
    /// Opens an address on this machine; `Msg::Browsed` follows.
    Browse(String),
    /// Reads the messages that were sent in former sessions of a project.
    LoadHistory(String),
    /// Remembers a message of a project.
    Remember {
        workspace: String,
        parts: Vec<PromptPart>,
    },
    /// The picture in a file of this machine, or on its clipboard; `Msg::Attached` follows.
    Attach(Option<String>),
    /// Adds a rule to the user's own policy.
    KeepRule(String),
    /// Keeps a plan under a name, to begin with again; `Msg::PlanSaved` follows.
    SavePlan {
        name: String,
        text: String,
    },
    /// Reads the plans that are kept; `Msg::Plans` follows.
    ListPlans,
    /// Calls the user, in the ways they asked for.
    Notify(Notice),
    /// Runs the agent's login on the user's terminal.
    SignIn(AgentLogin),
    /// Starts the session that the start screen describes.
    Begin(Wish),
    /// Something that the home screen wants done; `Msg::Home` follows.
    Home(Act),
    Suspend,
    Redraw,
    Leave(Leave),
}

/// A notification for a user who is looking elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notice {
    Waits,
    Ended,
}

/// The way a client ends; the session stays unless it was stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Leave {
    /// Another session is opened.
    Open(Item),
    /// A new session is described.
    New,
    Detach,
    Quit,
    /// As a signal from the keyboard would end it; the session continues.
    Interrupt,
}
