//! A session at a glance, and one pending action as text: the rows of `ls --json` and `inbox --json`, what `show --json`
//! prints, and what the home screen shows of this machine and of others.
//!
//! Another machine may run another release: fields that it does not send have their defaults.

use crate::base::{ActionId, Digest, Seq, SessionId, UnixMs};
use crate::model::Kind;
use crate::model::event::{AgentBadge, Mode, SessionEnded, Usage, Verdict};
use crate::model::session::TestCount;
use serde::{Deserialize, Serialize};

/// The state of a session in lists.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SessionState {
    /// The agent waits for a decision.
    Waits,
    Works,
    Idle,
    /// It has ended, and its host still runs.
    #[serde(rename = "ended, open")]
    EndedOpen,
    /// No host runs; attaching starts one.
    Resumable,
    #[default]
    Ended,
}

impl SessionState {
    pub fn words(self) -> &'static str {
        match self {
            Self::Waits => "waits",
            Self::Works => "works",
            Self::Idle => "idle",
            Self::EndedOpen => "ended, open",
            Self::Resumable => "resumable",
            Self::Ended => "ended",
        }
    }
}

/// What the user calls a session, and whether it is put away; kept beside its journal.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Label {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    pub archived: bool,
}

/// Steps of the plan that are done, of all that are not skipped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    pub done: usize,
    pub total: usize,
}

/// One session.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Overview {
    pub session: SessionId,
    pub state: SessionState,
    pub running: bool,
    /// Absolute.
    pub workspace: Option<String>,
    pub agent: Option<AgentBadge>,
    pub mode: Mode,
    pub goal: Option<String>,
    /// Number of pending actions.
    pub held: usize,
    pub actions: usize,
    pub alarms: u64,
    pub head: Seq,
    /// Time of the last event.
    pub at: UnixMs,
    pub ended: Option<SessionEnded>,
    #[serde(flatten)]
    pub label: Label,
    /// Of git, in the workspace.
    pub branch: Option<String>,
    pub plan: Option<Progress>,
    /// Of the last run in the workspace.
    pub tests: Option<TestCount>,
    pub usage: Usage,
    /// The agent's last message, shortened; foreign text.
    pub last: Option<String>,
    pub pending: Vec<Pending>,
}

/// One pending action.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pending {
    pub action: ActionId,
    pub digest: Digest,
    pub kind: Kind,
    /// In our words; names in it are escaped.
    pub words: String,
    /// 0 to 100.
    pub risk: u8,
    #[serde(default)]
    pub held_at: Option<UnixMs>,
    /// The word that a guard rail asks for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirm: Option<String>,
    /// At a guard rail, with or without a word: it is decided alone.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub guarded: bool,
    /// More than yes or no must be answered: a form, a plan, or a choice among options. Only the session shows that whole.
    #[serde(default)]
    pub opens: bool,
    /// Open comments of the user's, each in a line: an approval that does not say that it knows them is refused.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub comments: Vec<String>,
}

impl Pending {
    /// At a guard rail; other releases tell of the word alone.
    pub fn is_guarded(&self) -> bool {
        self.guarded || self.confirm.is_some()
    }
}

/// The sessions of one machine.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Machine {
    /// As for ssh; this machine without one.
    pub host: Option<String>,
    pub sessions: Vec<Overview>,
    /// The reason that it cannot be asked, or that something is missing.
    pub trouble: Option<String>,
    /// The link to it dropped then, and is tried again: the sessions are as they were.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lost_at: Option<UnixMs>,
    /// Decisions that wait for the link.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unsent: Vec<Unsent>,
    /// No machine of its own, but what leads to others.
    #[serde(skip)]
    pub is_way: bool,
}

/// A decision that was made here and has not reached its session yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unsent {
    pub session: SessionId,
    pub action: ActionId,
    pub verdict: Verdict,
}

/// The role of a line in the text of an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LineRole {
    Heading,
    Text,
    Removed,
    Added,
}

/// One action as text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shown {
    pub session: SessionId,
    pub action: ActionId,
    /// A decision on exactly this text names it.
    pub digest: Digest,
    /// In words.
    pub phase: String,
    /// Foreign text, escaped when it is drawn or printed.
    pub lines: Vec<(LineRole, String)>,
    /// False: there is more than can be shown here, and the session itself shows it.
    pub complete: bool,
}
