//! What each fact says: one struct a kind, with the names and shapes of the wire.

use crate::base::{ActionId, ClientId, Digest, LeaseId, RelPath, RuleId, SessionId, StepId, TurnId, UnixMs};
use crate::model::action::{Action, FileChange};
use crate::model::node::Node;
use crate::model::plan::Step;
use serde::{Deserialize, Serialize};

/// How much rules decide; always visible.
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

/// How far an agent can be kept from the real tree, best first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Isolation {
    Overlay,
    Copy,
    #[default]
    Gated,
    Watched,
}

/// The agent as the header shows it. `level` is `L0`–`L3` for external agents, `full` for our own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentBadge {
    pub name: String,
    pub level: String,
    pub isolation: Isolation,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionOpened {
    pub session: SessionId,
    /// Absolute path of the workspace root.
    pub workspace: String,
    pub agent: AgentBadge,
    pub mode: Mode,
    pub policy_digest: Digest,
    pub version: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub goal: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TurnStarted {
    pub turn: TurnId,
}

/// Why a turn ended, in ACP's words where they exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TurnEnd {
    EndTurn,
    Cancelled,
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
            Self::Cancelled => "cancelled",
            Self::MaxTokens => "the answer reached its limit",
            Self::Refusal => "the model refused",
            Self::Error => "an error",
            Self::Budget => "the budget is used up",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TurnEnded {
    pub turn: TurnId,
    pub reason: TurnEnd,
    /// For `error`: what happened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

/// Text of the agent, the user or a specialist (`by` names it); coalesced chunks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Said {
    pub by: String,
    pub text: String,
    /// The message continues in the next event of the same kind and speaker.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub more: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanRevised {
    pub revision: u32,
    pub by: String,
    pub steps: Vec<Step>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proposed {
    pub action: Action,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RulingWord {
    Allow,
    Ask,
    Deny,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ruled {
    pub action: ActionId,
    pub ruling: RulingWord,
    pub rule: RuleId,
    pub reason: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    pub action: ActionId,
    pub revision: u32,
    pub digest: Digest,
    /// Set for guard-rail actions: the word the user must type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirm: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    Approve,
    ApproveEdited,
    Deny,
    Redirect,
}

/// Who decided: `{"human": client}`, `{"rule": id}` or `{"lease": id}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decider {
    Human(ClientId),
    Rule(RuleId),
    Lease(LeaseId),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decided {
    pub action: ActionId,
    pub revision: u32,
    pub digest: Digest,
    pub verdict: Verdict,
    pub by: Decider,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Of an approved guard-rail action: whether the word that guards it was typed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirmed: Option<bool>,
    /// The agent's own option that the supervisor chose by its id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub option: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Started {
    pub action: ActionId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<Digest>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stream {
    Stdout,
    Stderr,
    Pty,
}

/// Output of a running command: `tail` is the new text (lossy UTF-8, bounded), `digest` the blob of the bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Output {
    pub action: ActionId,
    pub stream: Stream,
    pub digest: Digest,
    pub tail: String,
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

/// What a file was and is, after an action finished.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileOutcome {
    pub path: RelPath,
    pub change: FileChange,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Digest>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Digest>,
    /// For `rename`: the old path. `before` is then what the old path held.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<RelPath>,
    /// Kind and permission bits, as far as they were recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before_node: Option<Node>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after_node: Option<Node>,
    /// The file changed while the action ran; whether the action or somebody else changed it is not certain.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub during: bool,
}

impl FileOutcome {
    /// Of bytes alone.
    pub fn of(path: RelPath, change: FileChange, before: Option<Digest>, after: Option<Digest>) -> Self {
        Self { path, change, before, after, from: None, before_node: None, after_node: None, during: false }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finished {
    pub action: ActionId,
    pub outcome: OutcomeWord,
    /// Exit code of a command, 128 + signal when a signal ended it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit: Option<i32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub files: Option<Vec<FileOutcome>>,
    /// In words, when the outcome is not `ok`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LapseWhy {
    Voided,
    Cancelled,
    AgentLost,
    Killed,
    Superseded,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lapsed {
    pub action: ActionId,
    pub why: LapseWhy,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<ActionId>,
    pub text: String,
}

/// Whose change it was: `{"action": id}`, `{"during": id}`, `{"session": id}` of another supervised session, `"human"` or
/// `"unsupervised"`.
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

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observed {
    /// Relative to the workspace; bytes that are not UTF-8 are shown as `\xNN`.
    pub path: String,
    pub change: FileChange,
    pub by: ChangedBy,
    /// With another session: it was at work, and may not have done this.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unsure: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Digest>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Digest>,
    /// Kind and permission bits, as far as they are known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before_node: Option<Node>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after_node: Option<Node>,
    /// Not content: ignored, or a hook or setting of version control. It is in no checkpoint, and makes no run of checks
    /// stale.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub ignored: bool,
    /// In words, when the path is ignored and not watched file by file: what of it changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModeChanged {
    pub mode: Mode,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Frozen {
    pub why: String,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resumed {}

/// A process that still exists.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Survivor {
    pub pid: i32,
    pub argv: String,
    /// Whose child it was when it was seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<i32>,
}

/// The proof after a stop. `unknown` is what could not be looked at, and is never counted as gone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Census {
    /// From the request to the end of the check.
    pub checked_ms: u64,
    /// From the request until nothing moved, and until the last one that was found was killed; absent where nothing was
    /// there, or where it did not come so far.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frozen_ms: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub killed_ms: Option<u64>,
    pub survivors: Vec<Survivor>,
    pub unknown: Vec<String>,
    /// Processes that were found and ended.
    #[serde(default)]
    pub ended: Vec<Survivor>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stopped {
    pub census: Census,
}

/// `what` is one of guard_rail, unsupervised, test_tampering, loop, budget, claim_without_run, … (more may follow).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alarm {
    pub what: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<ActionId>,
    pub text: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentLost {
    pub why: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit: Option<i32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SessionOutcome {
    Done,
    Failed,
    Stopped,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionEnded {
    pub outcome: SessionOutcome,
    pub report: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpointed {
    /// Names the tree: the digest of its manifest.
    pub tree: Digest,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<ActionId>,
    /// `before` or `after` the action, or `start`.
    pub when: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reverted {
    /// The action that did it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<ActionId>,
    /// The actions whose effect is gone (or, with `again`, is back).
    pub actions: Vec<ActionId>,
    /// True when this undoes an undo.
    #[serde(default)]
    pub again: bool,
    pub by: Decider,
    #[serde(default)]
    pub files: Vec<FileOutcome>,
    /// For a rewind: the tree that was restored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tree: Option<Digest>,
}

/// A bounded standing approval.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeaseGranted {
    pub lease: LeaseId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<StepId>,
    /// Globs relative to the workspace; empty = any path inside that no guard rail protects.
    #[serde(default)]
    pub paths: Vec<String>,
    /// Edits only, unless commands are named here by exact line.
    #[serde(default)]
    pub commands: Vec<String>,
    /// Ends at this time.
    pub until: UnixMs,
    pub actions_max: u32,
    pub by: ClientId,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeaseRevoked {
    pub lease: LeaseId,
    pub why: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyTightened {
    /// The rule as TOML, in the form of `policy.toml`.
    pub rule: String,
    /// Of the policy with it.
    pub policy_digest: Digest,
    pub by: ClientId,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientChanged {
    pub client: ClientId,
    /// `joined`, `left`, `took_control`, `lost_control`.
    pub what: String,
}

/// Totals of the session so far; `None` = unknown.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Usage {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens_in: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens_out: Option<u64>,
    /// Micro-dollars.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost_micros: Option<u64>,
    /// Tokens in the context window now, and its size.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context_used: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context_size: Option<u64>,
    /// What is left of the budget that runs out first, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget_left: Option<String>,
    /// What was used of each budget that is set, in words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub budgets: Vec<String>,
}

/// A choice the agent offers: its own session modes or config options.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentOption {
    pub id: String,
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    #[serde(default)]
    pub choices: Vec<(String, String)>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentReady {
    pub agent: AgentBadge,
    /// Its own name and version, as foreign text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// One line per thing that can or cannot be enforced on it.
    #[serde(default)]
    pub badges: Vec<String>,
    #[serde(default)]
    pub options: Vec<AgentOption>,
    /// What can be asked of the sessions it keeps and of its login: words of [`AgentOffer`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub offers: Vec<AgentOffer>,
    /// `starting` with progress text, or `ready`.
    #[serde(default)]
    pub state: String,
}

/// What an agent can do with what it keeps beyond our session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AgentOffer {
    /// Begin another session of its own.
    New,
    List,
    /// Go on with one of them.
    Resume,
    Delete,
    Logout,
    #[serde(other)]
    Unknown,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentNoted {
    /// `stderr`, `protocol`, `trial`, `sessions` and more.
    pub what: String,
    pub text: String,
    /// With `sessions`: those that the agent keeps of this directory, when it was asked for them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sessions: Option<Vec<AgentSession>>,
}

impl AgentNoted {
    pub fn new(what: impl Into<String>, text: impl Into<String>) -> Self {
        Self { what: what.into(), text: text.into(), sessions: None }
    }
}

/// One session that an agent keeps for itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentSession {
    /// The agent's own name for it.
    pub id: String,
    #[serde(default)]
    pub title: String,
    /// When it was used last, in the agent's words.
    #[serde(default)]
    pub used: String,
    /// It is the one that runs.
    #[serde(default)]
    pub runs: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostStarted {
    pub pid: u32,
    /// Grows with every host of this session.
    pub fence: u64,
    pub version: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Explained {
    pub action: ActionId,
    pub text: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watching {
    /// `watching`, `polling` or `blind`.
    pub state: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}
