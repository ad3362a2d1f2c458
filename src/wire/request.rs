//! The requests of a client: method names, parameters, and the type of each answer.

use super::Id;
use super::answer::{
    AgentList, Allowed, AttachedAs, BlobPart, Commented, Controlled, Decision, Found, ImageKept, LeaseGranted,
    OwnAction, PastEvents, PlanDecided, PlanRevision, Processes, Queued, Rewound, RuleList, Seen, Stepped, Tightened,
};
use super::compare::{Compare, Compared};
use super::message::{Code, Message, RpcError};
use super::search::{Search, SearchFound};
use super::seat::{Attach, Follow, Past, SeatView, SetControl};
use super::tree::{CandidateTest, Restore, Rewind, Undo};
use crate::base::{ActionId, Digest, LeaseId, RelPath, RuleId, Seq, StepId};
use crate::diff::HunkChoice;
use crate::model::FormAnswer;
use crate::model::decide::CommentChange;
use crate::model::event::{Census, Mode, Network, RuleScope, RunAfter, Verdict};
use crate::model::plan::PlanVerdict;
use crate::model::{Command, Keeping, PlanEdit, PromptPart, When, prompt_text};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// `rule` is TOML in the form of `policy.toml`; it may hold several rules and none that allows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tighten {
    pub rule: String,
}

/// Approves a pending command or edit and allows what its patterns or globs cover from now on. `preview` only tells
/// what that would be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Allow {
    pub action: ActionId,
    /// Of what the user saw.
    pub digest: Digest,
    /// Patterns as in `policy.toml`, made from the action: words may be replaced by `*`, where that is not dangerous.
    #[serde(default)]
    pub patterns: Vec<String>,
    /// For an edit: globs made from its files.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub globs: Vec<String>,
    /// For a connection: hosts made from its address.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hosts: Vec<String>,
    pub scope: RuleScope,
    /// Absent: until the session ends, or for the scope `user` until it is revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minutes: Option<u32>,
    /// As in [`Decide`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub option: Option<String>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub preview: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleRevoke {
    pub rule: RuleId,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prompt {
    pub text: String,
    #[serde(default)]
    pub when: When,
    /// The same message with its objects, in order; absent where it is text alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<PromptPart>,
}

impl Prompt {
    /// A message by its parts.
    pub fn of(parts: Vec<PromptPart>, when: When) -> Self {
        let text = prompt_text(&parts);
        let is_text = parts.iter().all(|part| matches!(part, PromptPart::Text { .. }));
        Self { text, when, parts: if is_text { Vec::new() } else { parts } }
    }
}

/// The message that is being written, so that it survives this client; an empty one ends it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetDraft {
    pub parts: Vec<PromptPart>,
}

/// A change of what waits in the queue of prompts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueEdit {
    pub prompt: u64,
    pub change: QueueChange,
}

/// What happens to a queued prompt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum QueueChange {
    /// Towards the end, or with a negative number to the front.
    Move {
        by: i32,
    },
    /// It is being edited: it is not sent until it is replaced.
    Park,
    Replace {
        text: String,
        #[serde(default)]
        parts: Vec<PromptPart>,
    },
    Withdraw,
}

/// Looks for files of the workspace by a few letters of their paths.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Find {
    pub query: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
    /// Looks among the ignored files instead.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub ignored: bool,
    /// Files that come first where others match as well, the most likely one first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub prefer: Vec<RelPath>,
}

/// A command of the user's own, for the workspace's shell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunCommand {
    pub command: Command,
    /// It is only proposed: the rules judge it, and it may be pending.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub ask: bool,
}

/// The bytes of a picture for a prompt; `data` is base64.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PutImage {
    pub name: String,
    pub data: String,
}

/// The whole new content of a file in an edited approval; `null` deletes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EditedFile {
    pub path: RelPath,
    pub after: Option<String>,
}

/// The user's edit of a proposal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EditedBody {
    Files(Vec<EditedFile>),
    Command(Command),
    /// The text of a plan.
    Plan(String),
}

/// A verdict on a pending action. Whatever narrows it is part of the consent, so an unknown field is refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Decide {
    pub action: ActionId,
    pub digest: Digest,
    pub verdict: Verdict,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// For a guard-rail action: the word that its `held` asks for, as the user typed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirm: Option<String>,
    /// One of the action's `options` by its id: the answer that the agent is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub option: Option<String>,
    /// The answer to the action's `form`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<Box<FormAnswer>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edited: Option<EditedBody>,
    /// Only these hunks, numbered through all files of the action in order; with `edited`, of the edited version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hunks: Option<Vec<HunkChoice>>,
    /// For a command: its network in the layer, instead of the configured one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<Network>,
    /// Of a script or an inbox: approve although the user has open comments on it, which go along as notes.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub despite_comments: bool,
}

impl Decide {
    /// A bare verdict on the action as proposed.
    pub fn new(action: ActionId, digest: Digest, verdict: Verdict) -> Self {
        Self {
            action,
            digest,
            verdict,
            reason: None,
            confirm: None,
            option: None,
            answer: None,
            edited: None,
            hunks: None,
            network: None,
            despite_comments: false,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanEditing {
    pub revision: u32,
    pub operations: Vec<PlanEdit>,
}

/// A comment on the plan. `digest` is of the text that the user saw; a line of another one is refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Commenting {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<Digest>,
    #[serde(flatten)]
    pub change: CommentChange,
}

/// A verdict on the newest text of the plan: on the action that asks about it, or its end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanDecide {
    pub digest: Digest,
    pub verdict: PlanVerdict,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// A text of the user's own, or a message of the agent, as the plan. It waits for the user's word like any other.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanWrite {
    /// Exactly one of these: the text itself,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// a file of the workspace,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<RelPath>,
    /// or the agent's message that ends at this event; absent with the others: its newest message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<Seq>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetMode {
    pub mode: Mode,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetNetwork {
    /// Absent: as configured.
    #[serde(default)]
    pub network: Option<Network>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetChecks {
    /// Absent: as configured.
    #[serde(default)]
    pub run_after: Option<RunAfter>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Freeze {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// A bounded standing approval. Bounds that are absent are the built-in ones: 20 actions, 30 minutes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LeaseGrant {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<StepId>,
    #[serde(default)]
    pub paths: Vec<String>,
    #[serde(default)]
    pub commands: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minutes: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actions_max: Option<u32>,
    /// A lease that ends with this one: it was narrowed or extended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaces: Option<LeaseId>,
    /// Micro-dollars that the agent may cost meanwhile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost_micros_max: Option<u64>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeaseRevoke {
    pub lease: LeaseId,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlobGet {
    pub digest: Digest,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offset: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub length: Option<u64>,
}

/// Asks the agent why; the action stays held.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Explain {
    pub action: ActionId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetOption {
    pub id: String,
    pub value: String,
}

/// Another agent for this session. The present turn is canceled and the present agent ends first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AgentChange {
    /// As `--agent` takes it.
    pub agent: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
}

/// Ends the session: what is open lapses, the agent ends, the host goes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Close {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

macro_rules! requests {
    ($($(#[$doc:meta])* $method:literal $name:ident $(($params:ty))? -> $answer:ty, $words:literal;)+) => {
        /// Everything a client can ask.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub enum Request {
            $($(#[$doc])* $name $(($params))?,)+
        }

        /// The answer to each of them.
        #[derive(Clone, Debug, PartialEq, Eq, Serialize)]
        #[serde(untagged)]
        pub enum Answer {
            $($name($answer),)+
        }

        impl Request {
            /// Every method, for help and tests.
            pub const METHODS: &'static [&'static str] = &[$($method),+];

            pub fn method(&self) -> &'static str {
                match self { $(requests!(@pattern $name $($params)?) => $method,)+ }
            }

            /// Names the request, for a message about it.
            pub fn words(&self) -> &'static str {
                match self { $(requests!(@pattern $name $($params)?) => $words,)+ }
            }

            /// From a method and its parameters. Unknown fields are ignored, except where a field could narrow a
            /// consent or spare a file: there they are an error.
            pub fn parse(method: &str, params: Option<&RawValue>) -> Result<Self, RpcError> {
                let text = params.map_or("{}", RawValue::get);
                match method {
                    $($method => requests!(@parse text $name $($params)?),)+
                    _ => Err(RpcError::new(Code::NoMethod, format!("there is no method {method:?}"))),
                }
            }

            /// The message that asks this.
            pub fn message(&self, id: Id) -> Result<Message, serde_json::Error> {
                match self { $(requests!(@bind $name params $($params)?) => Message::request(id, $method, requests!(@value params $($params)?)),)+ }
            }
        }
    };
    (@pattern $name:ident $params:ty) => { Self::$name(_) };
    (@pattern $name:ident) => { Self::$name };
    (@bind $name:ident $p:ident $params:ty) => { Self::$name($p) };
    (@bind $name:ident $p:ident) => { Self::$name };
    (@value $p:ident $params:ty) => { $p };
    (@value $p:ident) => { &serde_json::Map::new() };
    (@parse $text:ident $name:ident $params:ty) => { parsed::<$params>($text).map(Self::$name) };
    (@parse $text:ident $name:ident) => { Ok(Self::$name) };
}

fn parsed<T: for<'de> Deserialize<'de>>(text: &str) -> Result<T, RpcError> {
    serde_json::from_str(text).map_err(|e| RpcError::new(Code::InvalidParams, e.to_string()))
}

requests! {
    "session/attach" Attach(Attach) -> AttachedAs, "control";
    "session/prompt" Prompt(Prompt) -> Queued, "your message";
    "session/draft" Draft(SetDraft) -> Seen, "the draft";
    /// Changes what waits in the queue of prompts.
    "session/queue" Queue(QueueEdit) -> Seen, "the queue";
    /// Keeps a picture for a prompt.
    "session/image" Image(PutImage) -> ImageKept, "the image";
    /// The network of commands in layers from now on.
    "session/network" Network(SetNetwork) -> SetNetwork, "the network";
    /// When the checks run by themselves from now on.
    "session/checks" Checks(SetChecks) -> SetChecks, "the tests";
    /// Ends the present turn.
    "session/cancel" Cancel -> Seen, "cancel";
    "session/close" Close(Close) -> Seen, "the end of the session";
    /// The processes that run for the session now.
    "session/processes" Processes -> Processes, "the list of processes";
    "action/decide" Decide(Decide) -> Decision, "your decision";
    "action/explain" Explain(Explain) -> Seen, "explain";
    "plan/edit" PlanEdit(PlanEditing) -> PlanRevision, "the plan edit";
    /// Writes, changes or ends a comment on the plan.
    "plan/comment" PlanComment(Commenting) -> Commented, "the comment";
    /// The same for comments on files and outputs; sends open ones.
    "session/comment" Comment(Commenting) -> Commented, "the comment";
    "plan/decide" PlanDecide(PlanDecide) -> PlanDecided, "your word on the plan";
    /// Makes a text the plan under review.
    "plan/write" PlanWrite(PlanWrite) -> PlanDecided, "the plan";
    "gate/mode" Mode(SetMode) -> SetMode, "the mode";
    "gate/step" Step -> Stepped, "step";
    "gate/freeze" Freeze(Freeze) -> Seen, "pause";
    "gate/resume" Resume -> Seen, "resume";
    "gate/stop" Stop -> Census, "stop";
    "lease/grant" LeaseGrant(LeaseGrant) -> LeaseGranted, "the lease";
    "lease/revoke" LeaseRevoke(LeaseRevoke) -> Seen, "the end of the lease";
    /// A rule that asks or denies counts from now on.
    "policy/tighten" Tighten(Tighten) -> Tightened, "the rule is not active in this session";
    "policy/allow" Allow(Allow) -> Allowed, "the rule";
    "policy/revoke" RuleRevoke(RuleRevoke) -> Seen, "the end of the rule";
    /// The rules of the user and the project, with the number of their uses in this session.
    "policy/rules" Rules -> RuleList, "the list of rules";
    "checkpoint/undo" Undo(Undo) -> OwnAction, "undo";
    "checkpoint/restore" Restore(Restore) -> OwnAction, "revert";
    "checkpoint/rewind" Rewind(Rewind) -> Rewound, "rewind";
    "candidate/test" CandidateTest(CandidateTest) -> OwnAction, "the test of the candidate";
    /// The agents that the session could have.
    "agent/list" AgentList -> AgentList, "the list of agents";
    /// Gives the session to another agent.
    "agent/change" AgentChange(AgentChange) -> Seen, "the change of the agent";
    "agent/option" SetOption(SetOption) -> Seen, "the agent's option";
    /// A request about what the agent keeps itself; its answer follows as `agent_noted`.
    "agent/session" Keeping(Keeping) -> Seen, "the agent's sessions";
    "workspace/find" Find(Find) -> Found, "the search for files";
    /// What changed since an earlier state.
    "workspace/compare" Compare(Compare) -> Compared, "the comparison";
    /// Looks for words in this session and in earlier ones.
    "session/search" Search(Search) -> SearchFound, "the search";
    "workspace/run" Run(RunCommand) -> OwnAction, "your command";
    /// Asks for control, gives, refuses or takes it.
    "seat/control" Control(SetControl) -> Controlled, "control";
    "seat/follow" Follow(Follow) -> Controlled, "following";
    "seat/show" Show(SeatView) -> Seen, "the view";
    /// Reads older events, for a client that began with the recent ones.
    "session/past" Past(Past) -> PastEvents, "the older events";
    "blob/get" BlobGet(BlobGet) -> BlobPart, "content";
}

impl Answer {
    pub fn to_raw(&self) -> Result<Box<RawValue>, RpcError> {
        serde_json::value::to_raw_value(self).map_err(|e| RpcError::new(Code::Internal, e.to_string()))
    }
}

impl Request {
    /// Reading only; allowed without control.
    pub fn is_reading(&self) -> bool {
        match self {
            Self::Attach(_)
            | Self::BlobGet(_)
            | Self::Past(_)
            | Self::Control(_)
            | Self::Follow(_)
            | Self::Show(_)
            | Self::Compare(_)
            | Self::Find(_)
            | Self::Search(_)
            | Self::Processes
            | Self::Rules
            | Self::AgentList => true,
            Self::Allow(allow) => allow.preview,
            Self::Rewind(rewind) => rewind.preview,
            Self::Prompt(_)
            | Self::Draft(_)
            | Self::Queue(_)
            | Self::Image(_)
            | Self::Run(_)
            | Self::Cancel
            | Self::Close(_)
            | Self::Decide(_)
            | Self::Explain(_)
            | Self::PlanEdit(_)
            | Self::PlanComment(_)
            | Self::Comment(_)
            | Self::PlanDecide(_)
            | Self::PlanWrite(_)
            | Self::Mode(_)
            | Self::Network(_)
            | Self::Checks(_)
            | Self::Step
            | Self::Freeze(_)
            | Self::Resume
            | Self::Stop
            | Self::LeaseGrant(_)
            | Self::LeaseRevoke(_)
            | Self::Undo(_)
            | Self::Restore(_)
            | Self::CandidateTest(_)
            | Self::SetOption(_)
            | Self::AgentChange(_)
            | Self::Keeping(_)
            | Self::RuleRevoke(_)
            | Self::Tighten(_) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(method: &str, params: &str) -> Result<Request, RpcError> {
        Request::parse(method, Some(&RawValue::from_string(params.to_owned()).unwrap()))
    }

    #[test]
    fn a_decision_reads_hunks_and_edits() {
        let digest = Digest::of(b"");
        let text = format!(
            r#"{{"action":"a1","digest":"{digest}","verdict":"approve","hunks":[0,{{"hunk":1,"lines":[2,3]}}]}}"#
        );
        let Request::Decide(decide) = parse("action/decide", &text).unwrap() else { panic!("not a decision") };
        assert_eq!(decide.hunks, Some(vec![HunkChoice::Whole(0), HunkChoice::Lines { hunk: 1, lines: vec![2, 3] }]));
        let text = format!(
            r#"{{"action":"a1","digest":"{digest}","verdict":"approve_edited","edited":{{"command":{{"shell":"ls"}}}}}}"#
        );
        let Request::Decide(decide) = parse("action/decide", &text).unwrap() else { panic!("not a decision") };
        assert_eq!(decide.edited, Some(EditedBody::Command(Command::shell("ls"))));
    }

    /// A bound that this host does not know cannot be kept, so what it bounds must not happen.
    #[test]
    fn an_unknown_bound_is_refused_and_named() {
        let digest = Digest::of(b"");
        let decide = format!(r#"{{"action":"a1","digest":"{digest}","verdict":"approve","only":["a.txt"]}}"#);
        let line = decide.replace(r#""only":["a.txt"]"#, r#""hunks":[{"hunk":0,"lines":[1],"upto":3}]"#);
        for (method, params, named) in [
            ("lease/grant", r#"{"minutes":5,"cost_usd":1}"#, "cost_usd"),
            ("action/decide", decide.as_str(), "only"),
            ("action/decide", line.as_str(), ""),
            ("checkpoint/undo", r#"{"action":"a1","lines":[1]}"#, "lines"),
            ("checkpoint/restore", r#"{"path":"a","lines":[1]}"#, "lines"),
            ("checkpoint/rewind", r#"{"action":"a1","keep":["a"]}"#, "keep"),
            ("candidate/test", r#"{"action":"a1","only":["t"]}"#, "only"),
            ("policy/allow", r#"{"action":"a1","paths":["t"]}"#, "paths"),
        ] {
            let error = parse(method, params).expect_err(params);
            assert!(error.code == Code::InvalidParams.number() && error.message.contains(named), "{error}");
        }
        assert!(parse("session/attach", r#"{"later":1}"#).is_ok(), "a new field that bounds nothing");
    }

    #[test]
    fn every_method_parses_or_names_what_is_missing() {
        for method in Request::METHODS {
            match parse(method, "{}") {
                Ok(request) => assert_eq!(request.method(), *method),
                Err(error) => assert_eq!(error.code, Code::InvalidParams.number(), "{method}: {error}"),
            }
        }
        assert_eq!(parse("no/such", "{}").unwrap_err().code, Code::NoMethod.number());
    }

    #[test]
    fn plan_operations_have_their_names() {
        let text = r#"{"revision":1,"operations":[{"op":"add","title":"x"},{"op":"pin","step":"s1"}]}"#;
        assert!(matches!(parse("plan/edit", text), Ok(Request::PlanEdit(e)) if e.operations.len() == 2));
    }
}
