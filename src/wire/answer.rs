//! The answers of a host: one type for each request, named in the table of requests.

use crate::base::{ActionId, ClientId, CommentId, Digest, LeaseId, RelPath, RuleId, Seq, SessionId, StepId, UnixMs};
use crate::model::event::{ChangedBy, RuleScope, RulingWord, Survivor, Verdict};
use crate::model::{FileChange, Role};
use serde::{Deserialize, Serialize};

/// The request was carried out; its events end here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    pub seq: Seq,
}

/// The answer to an attach.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttachedAs {
    pub protocol: u32,
    pub session: SessionId,
    pub head: Seq,
    /// The name this client has in decisions.
    pub client: ClientId,
    pub control: bool,
    /// The host's clock, so that ages can be shown without trusting the client's.
    pub now: UnixMs,
    /// The open items at `head`, in words of the envelopes; the events before it are not sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<serde_json::Value>,
    /// The events up to `head` come with gaps: only those that the first screen needs.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub recent: bool,
    /// Everything after this line is packed so; set by the remote end of an ssh link.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pack: Option<String>,
}

/// The client that has control now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Controlled {
    pub control: Option<ClientId>,
    pub seq: Seq,
}

/// Older events: one envelope a line, in order and without gaps.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PastEvents {
    pub lines: String,
    /// The event after them.
    pub next: Seq,
}

/// Prompts that wait for the turn to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Queued {
    pub queued: usize,
}

/// The action as it was decided. `verdict` is `approve_edited` where hunks or an edit made a new revision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    pub action: ActionId,
    pub revision: u32,
    pub digest: Digest,
    pub verdict: Option<Verdict>,
    pub seq: Seq,
}

/// The number of the plan's newest revision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanRevision {
    pub revision: u32,
    /// The comments that the operations became, of a plan that is not approved yet.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub comments: Vec<CommentId>,
}

/// A comment on the plan, by its name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Commented {
    pub comment: CommentId,
    pub seq: Seq,
}

/// The newest text of the plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanDecided {
    pub version: u32,
    pub digest: Digest,
    pub seq: Seq,
}

/// The action that was let through.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stepped {
    pub action: Option<ActionId>,
    pub seq: Seq,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeaseGranted {
    pub lease: Option<LeaseId>,
}

/// The rules in force now, and the held actions that they denied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tightened {
    pub policy_digest: Digest,
    pub denied: Vec<ActionId>,
    pub seq: Seq,
}

/// What a rule made from a pending action covers; without `preview` it counts now, and the action is approved.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Allowed {
    /// The name of the rule; absent in a preview.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<RuleId>,
    /// The reason that the rule would not allow even the action it was made from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
    /// Earlier commands, or edits, of this session that were compared with it, newest first, bounded.
    pub compared: usize,
    /// Those that asked and that it would have allowed.
    pub covers: Vec<ActionId>,
    /// Those among them that a user denied or redirected.
    pub refused: Vec<ActionId>,
    /// The most similar earlier one that it would not allow, as text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nearest: Option<String>,
    /// In a preview.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub past: Option<PastAllowed>,
    pub seq: Seq,
}

/// The same for past sessions of this workspace: what a user was asked about in them, as numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PastAllowed {
    /// Those that had something to compare.
    pub sessions: usize,
    pub compared: usize,
    pub covers: usize,
    pub refused: usize,
}

/// A rule as the list shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleRow {
    pub rule: RuleId,
    pub ruling: RulingWord,
    /// What it is about, in the words of the file.
    pub text: String,
    /// For a rule that was made from a pending action in this session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<RuleScope>,
    /// The only workspace in which it counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workspace: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<StepId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<UnixMs>,
    /// Actions of this session that it decided.
    pub uses: usize,
    /// `policy/revoke` takes it away.
    pub revocable: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleList {
    pub rules: Vec<RuleRow>,
    /// The number of those that are left out.
    #[serde(default)]
    pub left_out: usize,
}

/// An action of the user's own: an undo, a rewind, a test. `None` where nothing was left to do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnAction {
    pub action: Option<ActionId>,
    /// Files that could not be restored, as text.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left: Vec<String>,
}

impl OwnAction {
    pub fn of(action: ActionId) -> Self {
        Self { action: Some(action), left: Vec::new() }
    }
}

/// A rewind that was begun, or what it would change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Rewound {
    Preview { tree: Digest, listed: Digest, files: Vec<RewindFile> },
    Done(OwnAction),
}

/// A file that a rewind would change, from `before` (now) to `after`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RewindFile {
    pub path: RelPath,
    pub before: Option<Digest>,
    pub after: Option<Digest>,
    pub change: FileChange,
    pub by: Option<ChangedBy>,
    pub certain: bool,
}

/// An agent that the session could have.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentRow {
    /// As `agent/change` takes it.
    pub agent: String,
    pub about: String,
    /// The reason that it cannot be used here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why_not: Option<String>,
    /// The models to choose from before it runs, preferred first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub models: Vec<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentList {
    pub agents: Vec<AgentRow>,
    /// The roles of agents.toml.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<Role>,
}

/// The processes of the session that run now.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Processes {
    pub processes: Vec<Survivor>,
}

/// One change that an undo or a rewind would revert.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revertible {
    pub path: RelPath,
    pub change: FileChange,
    /// The author of the change, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<ChangedBy>,
    /// The event that observed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seq: Option<Seq>,
    /// False: it may be the user's.
    pub certain: bool,
}

impl Revertible {
    /// Describes the change of the file and, if certain, its author.
    pub fn words(&self) -> String {
        let what = self.change.words();
        match (&self.by, self.certain) {
            (Some(ChangedBy::Action(id) | ChangedBy::During(id)), true) => format!("{what} by {id}"),
            (Some(ChangedBy::Action(id) | ChangedBy::During(id)), false) => format!("{what} while {id} ran"),
            (Some(ChangedBy::Session(id)), _) => format!("{what} by session {id}"),
            (Some(ChangedBy::Human), _) => format!("{what} by you"),
            (Some(ChangedBy::Unsupervised), _) => format!("{what} without a decision"),
            (None, _) => what.to_owned(),
        }
    }
}

/// The data of the error that asks for a choice.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChoiceNeeded {
    pub changes: Vec<Revertible>,
    /// Changes beyond those that are listed.
    #[serde(default)]
    pub left_out: usize,
    /// Of a rewind: the workspace's tree now, to send with the choice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub listed: Option<Digest>,
}

/// Files of the workspace that match, best first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    pub paths: Vec<RelPath>,
    /// False: the workspace has more files than were looked at.
    pub complete: bool,
}

/// A picture that the host keeps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageKept {
    pub digest: Digest,
    pub mime: String,
    pub bytes: u64,
}

/// Part of a blob; `data` is base64.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlobPart {
    pub digest: Digest,
    pub offset: u64,
    pub bytes: u64,
    pub data: String,
}
