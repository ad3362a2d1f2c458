//! The words that facts are made of: closed lists, as they are on the wire and for people.

use crate::base::{ActionId, ClientId, LeaseId, RuleId, SessionId};
use crate::model::prompt::PromptPart;
use serde::{Deserialize, Serialize};

/// The mode: how much rules decide; always visible.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Read only.
    Observe,
    /// Every action asks.
    Step,
    /// A lease per plan step.
    Plan,
    /// Rules decide, the rest asks.
    #[default]
    Guarded,
}

impl Mode {
    /// As it is on the wire.
    pub fn word(self) -> &'static str {
        match self {
            Self::Observe => "observe",
            Self::Step => "step",
            Self::Plan => "plan",
            Self::Guarded => "guarded",
        }
    }
}

/// The separation of an agent from the real tree, best first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Isolation {
    Overlay,
    Copy,
    #[default]
    Gated,
    Watched,
}

impl Isolation {
    /// As it is on the wire.
    pub fn word(self) -> &'static str {
        match self {
            Self::Overlay => "overlay",
            Self::Copy => "copy",
            Self::Gated => "gated",
            Self::Watched => "watched",
        }
    }
}

/// The reason that a turn ended, in ACP's words where they exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TurnEnd {
    EndTurn,
    #[serde(rename = "cancelled")]
    Canceled,
    MaxTokens,
    Refusal,
    Error,
    Budget,
}

impl TurnEnd {
    /// For people.
    pub fn words(self) -> &'static str {
        match self {
            Self::EndTurn => "done",
            Self::Canceled => "canceled",
            Self::MaxTokens => "the answer reached its limit",
            Self::Refusal => "the model refused",
            Self::Error => "an error",
            Self::Budget => "the budget is used up",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RulingWord {
    Allow,
    Ask,
    Deny,
}

impl RulingWord {
    /// As it is on the wire.
    pub fn word(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Ask => "ask",
            Self::Deny => "deny",
        }
    }
}

/// Where a rule counts that was made from a pending action.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RuleScope {
    /// In the plan step of the action.
    Step,
    #[default]
    Session,
    /// In every session in this workspace; kept in the user's own policy.
    Project,
    /// In every session of the user.
    User,
}

impl RuleScope {
    /// As it is on the wire.
    pub fn word(self) -> &'static str {
        match self {
            Self::Step => "step",
            Self::Session => "session",
            Self::Project => "project",
            Self::User => "user",
        }
    }

    /// The rule is in the user's policy file, and outlives the session.
    pub fn is_kept(self) -> bool {
        matches!(self, Self::Project | Self::User)
    }
}

/// The network of a command in a layer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Network {
    /// That of the machine.
    #[default]
    On,
    /// A proxy that asks about every host that no rule allows.
    Ask,
    /// None.
    Off,
}

impl Network {
    /// As it is on the wire.
    pub fn word(self) -> &'static str {
        match self {
            Self::On => "on",
            Self::Ask => "ask",
            Self::Off => "off",
        }
    }
}

/// What makes the checks run by themselves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RunAfter {
    #[default]
    Never,
    /// Approved edits.
    Edits,
    /// Every change of the workspace, also the user's own.
    Changes,
}

impl RunAfter {
    /// For people.
    pub fn words(self) -> &'static str {
        match self {
            Self::Never => "only when asked",
            Self::Edits => "after approved edits",
            Self::Changes => "after every change",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    Approve,
    ApproveEdited,
    Deny,
    Redirect,
}

impl Verdict {
    /// As something that was done.
    pub fn words(self) -> &'static str {
        match self {
            Self::Approve => "approved",
            Self::ApproveEdited => "approved with changes",
            Self::Deny => "denied",
            Self::Redirect => "redirected",
        }
    }
}

impl super::Held {
    /// Returns whether it must be decided alone.
    pub fn is_guarded(&self) -> bool {
        self.confirm.is_some() || self.rail.is_some()
    }
}

/// The decider: `{"human": client}`, `{"rule": id}` or `{"lease": id}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decider {
    Human(ClientId),
    Rule(RuleId),
    Lease(LeaseId),
}

impl Decider {
    /// Names the decider for a report.
    pub fn words(&self) -> String {
        match self {
            Self::Human(client) => match client.key() {
                Some((key, _)) => format!("a key of the user ({key}) from another machine"),
                None if client.is_script() => format!("a script of the user ({client})"),
                None => format!("the user ({client})"),
            },
            Self::Rule(rule) => format!("rule {rule}"),
            Self::Lease(lease) => format!("lease {lease}"),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stream {
    Stdout,
    Stderr,
    Pty,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutcomeWord {
    Ok,
    Failed,
    Conflict,
    Unknown,
    Recovered,
}

impl OutcomeWord {
    /// Describes the outcome of the action.
    pub fn words(self) -> &'static str {
        match self {
            Self::Ok => "done",
            Self::Failed => "failed",
            Self::Conflict => "conflict: the file changed in the meantime",
            Self::Unknown => "unknown: its end was not observed",
            Self::Recovered => "recovered after a crash",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LapseWhy {
    Voided,
    #[serde(rename = "cancelled")]
    Canceled,
    AgentLost,
    Killed,
    Superseded,
}

impl LapseWhy {
    /// Describes why the action lapsed.
    pub fn words(self) -> &'static str {
        match self {
            Self::Voided => "void: the file it was based on changed",
            Self::Canceled => "canceled",
            Self::AgentLost => "lapsed: the agent exited",
            Self::Killed => "killed",
            Self::Superseded => "superseded",
        }
    }
}

/// The author of a change: `{"action": id}`, `{"during": id}`, `{"session": id}` of another supervised session,
/// `"human"` or `"unsupervised"`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangedBy {
    Action(ActionId),
    /// It happened while this action ran; who did it is not certain.
    During(ActionId),
    Session(SessionId),
    Human,
    Unsupervised,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SessionOutcome {
    Done,
    Failed,
    Stopped,
}

impl SessionOutcome {
    /// As it is on the wire.
    pub fn word(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Stopped => "stopped",
        }
    }
}

/// A request the agent supports about what it keeps beyond our session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AgentOffer {
    /// Begin another session of its own.
    New,
    List,
    /// Go on with one of them.
    Resume,
    /// Go on in a copy of one of them.
    Fork,
    Delete,
    Logout,
    #[serde(other)]
    Unknown,
}

/// A command that the agent offers, as foreign text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentCommand {
    /// Without the `/`; some have blanks in them.
    pub name: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// What may follow the name, when anything may.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

/// A message that waits for the turn to end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueuedPrompt {
    /// Its name in requests about the queue.
    pub id: u64,
    pub text: String,
    /// The same with its objects; absent where it is text alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<PromptPart>,
    /// It is being edited and is not sent meanwhile.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub parked: bool,
}

/// A way to sign in: by a command in the user's terminal, by variables in the environment, or in the agent's own way.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentLogin {
    /// The agent's own name for it.
    pub id: String,
    pub name: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
    /// The whole command to run in a terminal.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub command: Vec<String>,
    /// Set for the command.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub env: Vec<(String, String)>,
    /// Names of the variables that it reads instead.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub variables: Vec<String>,
}

impl AgentLogin {
    /// Returns the command as it is typed in a shell, with what is set for it; empty without one.
    pub fn command_line(&self) -> String {
        let set = self.env.iter().map(|(name, value)| format!("{name}={}", shell_words::quote(value)));
        let words = self.command.iter().map(|word| shell_words::quote(word).into_owned());
        if self.command.is_empty() { String::new() } else { set.chain(words).collect::<Vec<_>>().join(" ") }
    }
}
