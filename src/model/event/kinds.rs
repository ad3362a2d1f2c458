//! The kinds of facts: a row each, with what it is about, which parts of the picture it touches and its words, and a
//! struct each, with the names and shapes of the wire.

use super::agents::AgentChanged;
use super::evidence::{DependentsFound, Explained, ReadFile};
use super::layers::{InLayer, Sides};
use super::plans::{Commented, PlanDecided, PlanListed, PlanRevised, PlanWritten};
use super::rules::{
    ChecksChanged, LeaseGranted, LeaseRevoked, NetworkChanged, PolicyAllowed, PolicyReloaded, PolicyRevoked,
    PolicyTightened, Ruled,
};
use super::stops::{self, Drilled, Stopped};
use super::vocabulary::{
    AgentCommand, AgentLogin, AgentOffer, ChangedBy, Decider, Isolation, LapseWhy, Mode, Network, OutcomeWord,
    QueuedPrompt, RunAfter, SessionOutcome, Stream, TurnEnd, Verdict,
};
use super::words::{self, Words};
use super::{Envelope, Part, Shown, ask};
use crate::base::{ActionId, ClientId, Digest, PublicKey, RelPath, Seq, SessionId, StepId, TurnId, UnixMs};
use crate::model::FormAnswer;
use crate::model::action::{Action, FileChange};
use crate::model::check::{CheckFinished, CheckReported, CheckStarted};
use crate::model::node::Node;
use crate::model::open::{
    AgentLevel, AgentState, AlarmKind, ClientChange, Moment, NoteKind, Rail, SpokenBy, WatchState,
};
use crate::model::prompt::PromptPart;
use serde::{Deserialize, Serialize, Serializer};

events! {
    "session_opened" SessionOpened { touches [Actions], Report words::opened }
    "turn_started" TurnStarted { touches [] }
    "turn_ended" TurnEnded {
        touches [Transcript], Both |body| format!("Turn {} ended: {}", body.turn, body.reason.words())
    }
    "said" Said {
        touches [Transcript], Report |body| Words::new(format!("{} said", body.by)).text(&body.text)
    }
    "thought" Thought(Said) { touches [Transcript] }
    "plan_revised" PlanRevised { touches [Plan], Both words::planned }
    /// The agent's own list of steps beside the approved plan.
    "plan_listed" PlanListed { touches [Plan] }
    /// A text of the plan, beside those that an action asks about.
    "plan_written" PlanWritten { touches [Plan], Report words::plan_written }
    /// The plan was dropped.
    "plan_decided" PlanDecided { touches [Plan Actions], Both words::plan_decided }
    /// A comment on the plan, as it is now.
    "plan_commented" PlanCommented(Commented) { touches [Plan], Report words::commented }
    /// A comment on a file or an output, as it is now.
    "commented" Commented { touches [Plan Actions], Report words::commented }
    "proposed" Proposed { about |body| Some(&body.action.id), touches [Actions], Report words::proposed }
    "ruled" Ruled {
        about |body| Some(&body.action), touches [Actions],
        Report |body| {
            let heading = format!("Policy on {}: {} ({})", body.action, body.ruling.word(), body.rule);
            Words::new(heading).text(&body.reason)
        }
    }
    "held" Held {
        about |body| Some(&body.action), touches [Actions], Walk |body| format!("{} pending", body.action)
    }
    "decided" Decided {
        about |body| Some(&body.action), touches [Actions],
        Both |body| {
            Words::new(format!("{} {} by {}", body.action, body.verdict.words(), body.by.words())).texts(&body.reason)
        }
    }
    "started" Started { about |body| Some(&body.action), touches [Actions] }
    "output" Output {
        about |body| Some(&body.action), touches [Actions],
        Report |body| Words::new(format!("Output of {}", body.action)).lines(&body.tail)
    }
    "finished" Finished { about |body| Some(&body.action), touches [Actions], Both words::finished }
    "lapsed" Lapsed {
        about |body| Some(&body.action), touches [Actions],
        Both |body| Words::new(format!("{} {}", body.action, body.why.words())).texts(&body.detail)
    }
    "told" Told {
        about |body| body.action.as_ref(), touches [Transcript Actions],
        Report |body| Words::new("Sent to the agent").lines(&body.text)
    }
    "observed" Observed { touches [Actions], Report words::observed }
    "check_started" CheckStarted { touches [Checks] }
    "check_reported" CheckReported { touches [Checks] }
    "check_finished" CheckFinished { touches [Checks], Both words::checked }
    "mode_changed" ModeChanged { touches [Actions], Report |body| format!("Mode {}", body.mode.word()) }
    "network_changed" NetworkChanged {
        touches [Actions],
        Report |body| format!("Network of commands: {}", body.network.map_or("as configured", Network::word))
    }
    "checks_changed" ChecksChanged {
        touches [Checks],
        Report |body| format!("Tests run {}", body.run_after.map_or("as configured", RunAfter::words))
    }
    "frozen" Frozen { touches [Actions], Both |body| Words::new("Frozen").text(&body.why) }
    "resumed" Resumed { touches [Actions], Report |_| "Resumed" }
    "stopped" Stopped { touches [Actions], Both words::stopped }
    "drilled" Drilled { touches [Actions], Report stops::drilled }
    "alarm" Alarm {
        about |body| body.action.as_ref(), touches [Actions],
        Both |body| Words::new(format!("Alarm: {}", body.what.as_str().replace('_', " "))).text(&body.text)
    }
    "agent_lost" AgentLost { touches [Transcript], Both |body| Words::new("The agent was lost").text(&body.why) }
    "session_ended" SessionEnded {
        touches [Actions],
        Both |body| Words::new(format!("Session ended: {}", body.outcome.word())).text(&body.report)
    }
    /// A checkpoint of the workspace exists.
    "checkpointed" Checkpointed { touches [Actions] }
    /// Actions were undone, an undo undone, or the workspace rewound.
    "reverted" Reverted { about |body| body.actions.first(), touches [Actions], Both words::reverted }
    "lease_granted" LeaseGranted {
        touches [Actions], Report |body| format!("Lease {} granted for {} actions", body.lease, body.actions_max)
    }
    "lease_revoked" LeaseRevoked {
        touches [Actions], Report |body| Words::new(format!("Lease {} ended", body.lease)).text(&body.why)
    }
    /// A user added a rule that asks or denies; it counts from here on.
    "policy_tightened" PolicyTightened {
        touches [Actions], Report |body| Words::new(format!("A rule was added by {}", body.by)).text(&body.rule)
    }
    /// A user made a rule from a pending action: what it covers is allowed from here on.
    "policy_allowed" PolicyAllowed {
        about |body| body.action.as_ref(), touches [Actions],
        Report |body| {
            let heading = format!("Rule {} ({}) was added by {}", body.rule, body.scope.word(), body.by);
            let about: Vec<_> = [&body.patterns, &body.paths, &body.hosts].into_iter().flatten().cloned().collect();
            Words::new(heading).text(about.join(" · "))
        }
    }
    "policy_revoked" PolicyRevoked {
        touches [Actions], Report |body| format!("Rule {} was revoked by {}", body.rule, body.by)
    }
    /// A policy file was changed while the session ran.
    "policy_reloaded" PolicyReloaded {
        touches [Actions], Both |body| Words::new("The policy files were read again").texts(&body.fault)
    }
    /// The attached clients and the one that has control.
    "client_changed" ClientChanged { touches [Actions] }
    /// The cost of the turn so far.
    "usage" Usage { touches [] }
    /// The agent's name, abilities and options: sent once it has started, and whenever they change.
    "agent_ready" AgentReady { touches [Actions] }
    /// Another agent has the session.
    "agent_changed" AgentChanged { touches [Transcript Actions], Both words::agent_changed }
    /// A line the agent's process wrote to its error stream, or protocol text shown raw.
    "agent_noted" AgentNoted { touches [Transcript] }
    /// A host took the session over (again).
    "host_started" HostStarted {
        touches [Actions], Report |body| format!("Host {} took the session, number {}", body.pid, body.fence)
    }
    /// The user asked why, or the action is being explained; it stays held.
    "dependents_found" DependentsFound { about |body| Some(&body.action), touches [Actions] }
    "explained" Explained {
        about |body| Some(&body.action), touches [Actions],
        Report |body| Words::new(format!("Explained {}", body.action)).text(&body.text)
    }
    /// The message that the user is writing; only the newest counts.
    "drafted" Drafted { touches [] }
    /// A picture for a message of the user; its bytes are a blob.
    "image_kept" ImageKept { touches [] }
    /// The messages that wait for the turn to end, all of them.
    "queue_changed" QueueChanged { touches [] }
    /// How accurate the recorded picture of the disk is.
    "watching" Watching { touches [] }
}

/// The agent as the header shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentBadge {
    pub name: String,
    pub level: AgentLevel,
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

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TurnEnded {
    pub turn: TurnId,
    pub reason: TurnEnd,
    /// For `error`: what happened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

/// Text of the agent, the user or a specialist; coalesced chunks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Said {
    pub by: SpokenBy,
    pub text: String,
    /// The message continues in the next event of the same kind and speaker.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub more: bool,
    /// Of a user's message with objects in it: what it consists of. `text` is all of it in words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<PromptPart>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proposed {
    pub action: Action,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    pub action: ActionId,
    pub revision: u32,
    pub digest: Digest,
    /// Set for guard-rail actions: the word the user must type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirm: Option<String>,
    /// The guard rail that it is at: it is decided alone, with or without a word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rail: Option<Rail>,
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
    /// The answer to a form, without secrets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<FormAnswer>,
    /// Of a command: the network that the supervisor gave it in its layer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<Network>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Started {
    pub action: ActionId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<Digest>,
}

/// Output of a running command: `tail` is the new text (lossy UTF-8, bounded), `digest` the blob of the bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Output {
    pub action: ActionId,
    pub stream: Stream,
    pub digest: Digest,
    pub tail: String,
}

/// The states of a file before and after a finished action.
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
    /// The command ran in a layer: its files are its own, whoever else was at work.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub apart: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layer: Option<Box<InLayer>>,
    /// Of a command: what the guarded files among its files held, as far as that is known and may be recorded.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sides: Vec<Sides>,
    /// Of a read: the files, bounded.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reads: Vec<ReadFile>,
}

impl Finished {
    /// An end with nothing to tell.
    pub fn of(action: ActionId, outcome: OutcomeWord, detail: Option<String>) -> Self {
        let (sides, reads) = (Vec::new(), Vec::new());
        Self { action, outcome, exit: None, files: None, detail, apart: false, layer: None, sides, reads }
    }
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

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observed {
    /// Relative to the workspace; bytes that are not UTF-8 are shown as `\xNN`.
    pub path: String,
    pub change: FileChange,
    pub by: ChangedBy,
    /// With another session: it was at work, but perhaps did not do this.
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
    /// Not content: ignored, or a hook or setting of version control. It is in no checkpoint, and makes no run of
    /// checks stale.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub ignored: bool,
    /// In words, when the path is ignored and not watched file by file: what of it changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<String>,
    /// What a guarded file held, as far as that is known and may be recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sides: Option<Box<Sides>>,
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

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alarm {
    pub what: AlarmKind,
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
    /// Of a step that begins or ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<StepId>,
    pub when: Moment,
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

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientChanged {
    pub client: ClientId,
    pub what: ClientChange,
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
    /// The rest of the budget that runs out first, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget_left: Option<String>,
    /// The use of each budget that is set, in words.
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
    /// The kind of option in the agent's own word, such as `mode`, `model` or `thought_level`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
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
    /// The supported requests about its stored sessions and login: words of [`AgentOffer`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub offers: Vec<AgentOffer>,
    /// Its commands, which a prompt that begins with `/` and the name gives; the whole list, replaced as a whole.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub commands: Vec<AgentCommand>,
    /// It takes pictures in prompts.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub images: bool,
    /// Its own mode, where that does not ask before everything it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loose_mode: Option<String>,
    #[serde(default)]
    pub state: AgentState,
    /// The ways to sign in that it announces.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub logins: Vec<AgentLogin>,
    /// The agent's own id of its session, to continue with after it was lost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentNoted {
    pub what: NoteKind,
    pub text: String,
    /// With `sessions`: those that the agent keeps of this directory, when it was asked for them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sessions: Option<Vec<AgentSession>>,
}

impl AgentNoted {
    pub fn new(what: impl Into<NoteKind>, text: impl Into<String>) -> Self {
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
    /// Time of its last use, in the agent's words.
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
    /// The key that it signs the head of the record with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<PublicKey>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drafted {
    pub by: ClientId,
    /// Empty: nothing is being written any more.
    #[serde(default)]
    pub parts: Vec<PromptPart>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageKept {
    pub by: ClientId,
    pub name: String,
    pub mime: String,
    pub digest: Digest,
    pub bytes: u64,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueChanged {
    pub prompts: Vec<QueuedPrompt>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watching {
    pub state: WatchState,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}
