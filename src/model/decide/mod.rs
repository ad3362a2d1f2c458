//! Deciding: what follows from an input, as events to append and effects to execute once they are on disk. Nothing is
//! changed here; the caller appends first and applies the events to the session.

mod answer;
mod comment;
mod gate;
mod plan;
mod propose;

pub use comment::{CommentChange, open_on};
pub use plan::{BEFORE_PLAN, DRIFT, EARLY, REPLAN, changes_nothing, drift};
pub use propose::FROZEN;

use crate::base::{ActionId, ClientId, LeaseId, RelPath, UnixMs};
use crate::base::{Digest, StepId};
use crate::model::action::{Action, Command, FileEdit};
use crate::model::comment::Anchor;
use crate::model::event::{
    Alarm, Event, LapseWhy, LeaseGranted, Mode, Network, OutcomeWord, Ruled, RulingWord, Verdict,
};
use crate::model::form::FormAnswer;
use crate::model::open::Rail;
use crate::model::plan::{PlanDocument, PlanEdit, Step};
use crate::model::session::Session;
use std::collections::BTreeSet;

/// The verdict of policy on one action, as data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ruling {
    pub word: RulingWord,
    pub rule: String,
    pub reason: String,
    /// The word a user must type, where one is asked for. No lease and no step key covers such an action.
    pub confirm: Option<String>,
    /// The guard rail that the action is at, with or without a word: it is decided alone.
    pub rail: Option<Rail>,
}

impl Ruling {
    pub fn ask(rule: &str, reason: &str) -> Self {
        Self { word: RulingWord::Ask, rule: rule.to_owned(), reason: reason.to_owned(), confirm: None, rail: None }
    }

    fn event(&self, action: &ActionId) -> Ruled {
        Ruled {
            action: action.clone(),
            ruling: self.word,
            rule: self.rule.as_str().into(),
            reason: self.reason.clone(),
        }
    }
}

/// An input to the gate.
#[derive(Clone, Debug)]
pub enum Input {
    /// A proposal, resolved on the disk, with policy's word on it.
    File {
        action: Box<Action>,
        ruling: Ruling,
        /// Alarms about the proposal; recorded before the decision.
        alarms: Vec<Alarm>,
        now: UnixMs,
    },
    /// Policy's word again on what was held only because the gate was frozen.
    Reconsider {
        action: ActionId,
        ruling: Ruling,
        now: UnixMs,
    },
    /// A user at an attached client that holds control.
    Answer(Box<Answering>),
    /// A new revision, merged with the disk or changed by its agent: denied by policy or asked again, never allowed
    /// unasked.
    Revise {
        action: Box<Action>,
        ruling: Ruling,
        alarms: Vec<Alarm>,
    },
    /// A user's own action, such as an undo: consent and proposal in one.
    Own {
        action: Box<Action>,
        by: ClientId,
    },
    /// The agent withdrew it, or it was lost.
    Lapse {
        action: ActionId,
        why: LapseWhy,
        detail: Option<String>,
    },
    /// A file that held actions rest on has changed to this (`None` = gone).
    BaseChanged {
        path: RelPath,
        now: Option<Digest>,
    },
    /// The agent's whole plan.
    Replan {
        by: String,
        steps: Vec<Step>,
    },
    /// A text of the plan that the agent does not ask about; with `review` we do.
    WritePlan {
        by: String,
        document: Box<PlanDocument>,
        review: bool,
    },
    /// The user drops the plan; `digest` names its newest text.
    DropPlan {
        digest: Digest,
        reason: Option<String>,
        by: ClientId,
    },
    /// The user's comment on the text with this digest.
    Comment {
        digest: Option<Digest>,
        change: CommentChange,
        /// The place of a new one on a file or an output.
        anchor: Option<Box<Anchor>>,
        by: ClientId,
    },
    /// A step that the user wants to see the end of is over: this is its summary.
    EndStep {
        step: StepId,
        summary: Box<PlanDocument>,
    },
    /// What the agent objects to in the role that the step belongs to.
    Object {
        step: StepId,
        role: String,
        texts: Vec<String>,
    },
    /// The tree of an approved text.
    Adopt {
        by: String,
        steps: Vec<Step>,
    },
    EditPlan {
        revision: u32,
        edits: Vec<PlanEdit>,
        by: ClientId,
    },
    SetMode {
        mode: Mode,
    },
    Freeze {
        why: String,
    },
    Resume,
    /// Let exactly the oldest held action through.
    Step {
        by: ClientId,
    },
    GrantLease {
        step: Option<StepId>,
        paths: Vec<String>,
        commands: Vec<String>,
        until: UnixMs,
        actions_max: u32,
        /// Micro-dollars that the agent may cost meanwhile.
        cost_micros_max: Option<u64>,
        by: ClientId,
    },
    RevokeLease {
        lease: LeaseId,
    },
    /// Everything that is open lapses, but for what is ending; before a stop or after the agent was lost.
    LapseAll {
        why: LapseWhy,
        ending: BTreeSet<ActionId>,
    },
    /// An action that ran has ended.
    Finish {
        action: ActionId,
        finished: Box<crate::model::event::Finished>,
    },
}

/// A user's word on a held action.
#[derive(Clone, Debug)]
pub struct Answering {
    pub action: ActionId,
    /// Of what the user saw.
    pub digest: Digest,
    pub verdict: Verdict,
    pub reason: Option<String>,
    /// The word that a user typed for a guard-rail action.
    pub confirm: Option<String>,
    /// The agent's option that is chosen, by its id.
    pub option: Option<String>,
    /// The answer to a form; absent for its defaults, or for a plain refusal.
    pub form: Option<FormAnswer>,
    /// The network of a command in its layer; as configured where it is absent.
    pub network: Option<Network>,
    pub by: ClientId,
    /// For `approve_edited` (and for a part of the hunks): the whole new body.
    pub edited: Option<Edited>,
    /// Policy's word on the edited body; a deny refuses the edit.
    pub edited_ruling: Option<Ruling>,
    /// Whoever approves does not see the comments on it: with open ones it is refused.
    pub unless_commented: bool,
}

/// A body that a user wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Edited {
    Files(Vec<FileEdit>),
    Command(Command),
    /// A plan's text.
    Plan(String),
    /// Of a replan: only these changes, counted from 0.
    Changes(Vec<usize>),
}

/// An effect to execute once the events are on disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Carry it out with the permit that the append gave.
    Perform(ActionId),
    /// The agent itself carries it out now.
    Release(ActionId),
    /// Send the agent the result of its proposal.
    Reply { action: ActionId, reply: Reply },
    /// Tell the agent that the user changed the plan.
    PlanChanged,
    /// The newest text of the plan was approved: it becomes the tree.
    PlanApproved,
    /// The plan was dropped or gone on with: what waited only for it is ruled again.
    PlanSettled,
    /// Tell the agent this: at once while it works, else as a prompt.
    Tell(String),
    /// Try a three-way merge of this action with the changed files and offer it as a new revision.
    Merge(ActionId),
}

/// The result of a proposal, without words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    Approved { edited: bool, note: Option<String>, option: Option<String>, form: Option<FormAnswer> },
    Denied { reason: String, by_rule: Option<String>, option: Option<String>, form: Option<FormAnswer> },
    Redirected { reason: String, option: Option<String> },
    Lapsed { why: LapseWhy },
}

/// Events in order, then effects in order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outcome {
    pub events: Vec<Event>,
    pub effects: Vec<Effect>,
}

/// The reason that an input changes nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("there is no action {0}")]
    NoAction(ActionId),
    #[error("{action} is no longer held: {state}")]
    NotHeld { action: ActionId, state: String },
    #[error(
        "the given digest does not match the current {action} (revision {revision}, digest {now}): review it again"
    )]
    StaleDigest { action: ActionId, revision: u32, now: Digest },
    #[error("the gate is closed: {0}")]
    GateClosed(String),
    #[error("policy forbids it: {reason} (rule {rule})")]
    Forbidden { rule: String, reason: String },
    #[error("{0}")]
    Invalid(String),
    #[error("{0}")]
    Overloaded(String),
    #[error("{0}")]
    Commented(String),
    #[error("nothing is held")]
    NothingHeld,
}

/// See the module. `Err` means: nothing happens, and the requester gets the reason.
pub fn decide(session: &Session, input: Input) -> Result<Outcome, Refusal> {
    match input {
        Input::File { action, ruling, alarms, now } => Ok(propose::file(session, *action, ruling, alarms, now)),
        Input::Reconsider { action, ruling, now } => propose::reconsider(session, &action, ruling, now),
        Input::Revise { action, ruling, alarms } => propose::revise(session, *action, ruling, alarms),
        Input::Own { action, by } => propose::own(session, *action, by),
        Input::Replan { by, steps } => Ok(plan::replan(session, by, steps)),
        Input::Adopt { by, steps } => Ok(plan::adopt(session, by, steps)),
        Input::WritePlan { by, document, review } => Ok(plan::write(session, by, *document, review)),
        Input::DropPlan { digest, reason, by } => plan::drop_plan(session, digest, reason, by),
        Input::Comment { digest, change, anchor, by } => {
            comment::change(session, digest, change, anchor.map(|anchor| *anchor), by)
        }
        Input::Object { step, role, texts } => Ok(plan::object(session, step, &role, texts)),
        Input::EndStep { step, summary } => Ok(plan::end_step(session, step, *summary)),
        Input::Answer(answering) => answer::answer(session, *answering),
        Input::Step { by } => answer::step(session, by),
        Input::Lapse { action, why, detail } => gate::lapse(session, &action, why, detail),
        Input::LapseAll { why, ending } => Ok(gate::lapse_all(session, why, &ending)),
        Input::BaseChanged { path, now } => Ok(gate::base_changed(session, &path, now)),
        Input::EditPlan { revision, edits, by } => plan::edit(session, revision, &edits, &by),
        Input::SetMode { mode } => Ok(gate::set_mode(session, mode)),
        Input::Freeze { why } => Ok(gate::freeze(session, why)),
        Input::Resume => Ok(gate::resume(session)),
        Input::GrantLease { step, paths, commands, until, actions_max, cost_micros_max, by } => {
            let lease = session.leases.next_id();
            gate::grant(session, LeaseGranted { lease, step, paths, commands, until, actions_max, cost_micros_max, by })
        }
        Input::RevokeLease { lease } => gate::revoke(session, &lease),
        Input::Finish { action, finished } => gate::finish(session, &action, *finished),
    }
}

/// `conflict` asks for a merge; everything else is over.
fn wants_merge(outcome: OutcomeWord) -> bool {
    outcome == OutcomeWord::Conflict
}

#[cfg(test)]
mod tests;
