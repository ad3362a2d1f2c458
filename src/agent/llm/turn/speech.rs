//! The interface of the machine of [`super`]: its set-up, events and effects.

use crate::agent::llm::budget::{Budget, Limits};
use crate::agent::llm::catalog::Choice;
use crate::agent::llm::crew::Role;
use crate::agent::llm::plan::PlanState;
use crate::agent::llm::reply::Closed;
use crate::agent::llm::request::Request;
use crate::agent::llm::tools::{Act, Intent};
use crate::base::ActionId;
use crate::model::AlarmKind;
use crate::model::Step;
use crate::model::event::{TurnEnd, Usage};

/// The constants of a task.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The role in the crew.
    pub role: Role,
    /// The model.
    pub choice: Choice,
    /// Standing instructions.
    pub system: String,
    /// Groups the session's requests for the provider's cache.
    pub cache_key: Option<String>,
    /// Changes wait for an approved plan.
    pub plan_first: bool,
}

/// An event for the machine.
#[derive(Debug)]
pub enum Event {
    /// A task begins, with untrusted context (project map, instructions files) that may be empty.
    Begin {
        /// The task in the supervisor's words.
        task: String,
        /// Untrusted context.
        context: String,
        /// The budget that the session's specialists share.
        budget: Box<Budget>,
        /// The plan that they share.
        plan: PlanState,
    },
    /// The model's answer is complete, or broke.
    Answered {
        /// The answer.
        closed: Box<Closed>,
        /// Calls are printed as text, because the server supports no other way.
        as_text: bool,
        /// Duration, milliseconds.
        ms: u64,
    },
    /// An act came to its end.
    Acted(Acted),
    /// The supervisor steers at a boundary.
    Steered(String),
    /// The supervisor changed the plan.
    PlanEdited {
        /// The plan now.
        steps: Vec<Step>,
        /// The end, in words.
        message: String,
    },
    /// The supervisor changed the limits of the budget.
    Limited(Limits),
    /// The supervisor interrupts.
    Canceled,
}

/// The end of an act.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acted {
    /// The result.
    pub verdict: Verdict,
    /// The text for the model.
    pub text: String,
    /// Files that changed.
    pub changed: bool,
    /// A run of tests that was observed.
    pub tests: Option<TestsSeen>,
    /// For a plan: the steps as approved.
    pub plan: Option<Vec<Step>>,
    /// Something that the last report must not leave out.
    pub caveat: Option<String>,
    /// Time it took, without waiting for the decision.
    pub ms: u64,
    /// The action it became, if it reached the gate.
    pub action: Option<ActionId>,
}

/// The result of an act.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Done, maybe with the supervisor's changes.
    Done,
    /// Approved, but it failed.
    Failed,
    /// The supervisor or a rule said no.
    Denied,
    /// The supervisor wants something else.
    Redirected,
    /// It lapsed (base changed, frozen, stopped).
    Lapsed,
    /// It was no valid proposal.
    Refused,
    /// It would have changed nothing.
    NoChange,
}

/// Totals of an observed run of tests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestsSeen {
    /// Everything passed, something ran, the command agrees.
    pub green: bool,
    /// Cases that failed.
    pub failed: u32,
    /// The failures, in few words.
    pub failures: String,
}

/// An effect to execute.
#[derive(Debug)]
pub enum Effect {
    /// Call the model. Awaited: [`Event::Answered`].
    Ask(Box<Ask>),
    /// Bring this to the gate. Awaited: [`Event::Acted`].
    Act(Box<Doing>),
    /// The task is over. Awaited: nothing follows.
    Over(Over),
    /// The plan changed in status only.
    ShowPlan(Vec<Step>),
    /// The model explains something.
    Say(String),
    /// The exact text that goes to the model, about an action or on its own.
    Told {
        /// The action it answers.
        action: Option<ActionId>,
        /// The text.
        text: String,
    },
    /// Something the supervisor should see.
    Alarm {
        /// Its kind.
        what: AlarmKind,
        /// In words.
        text: String,
    },
    /// Totals so far.
    Usage(Usage),
}

/// A call of the model.
#[derive(Clone, Debug)]
pub struct Ask {
    /// Who asks.
    pub role: Role,
    /// The model, and its server.
    pub choice: Choice,
    /// The request.
    pub request: Request,
    /// Its size, estimated, tokens.
    pub tokens: u64,
    /// The time used before it, milliseconds.
    pub wall_used_ms: u64,
}

/// An act on its way to the gate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Doing {
    /// The act.
    pub act: Act,
    /// The reason.
    pub intent: Intent,
    /// The call was printed as text and repaired.
    pub repaired: bool,
    /// Failing tests of the last run, if it failed: edits to tests are flagged then.
    pub tests_failing: Option<u32>,
    /// For a plan: the steps it proposes.
    pub steps: Vec<Step>,
}

/// The end of a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Over {
    /// The turn's reason.
    pub reason: TurnEnd,
    /// Ended by `finish`.
    pub finished: bool,
    /// The model says that the goal is reached, and nothing observed contradicts it.
    pub done: bool,
    /// The last words.
    pub report: String,
    /// Objections of a reviewer that the supervisor accepted.
    pub objections: Vec<String>,
}

impl Effect {
    /// Returns whether the machine waits for this effect's outcome.
    pub fn is_awaited(&self) -> bool {
        matches!(self, Effect::Ask(_) | Effect::Act(_) | Effect::Over(_))
    }
}
