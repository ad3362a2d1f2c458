//! The pure domain: events, the session fold, the life of an action, and `decide`. No IO, clock, async or randomness.
//!
//! [`Envelope`]s are facts in order; [`Session::apply`] folds them and never fails; [`decide()`] turns an
//! input into the events and effects that follow from it and changes nothing.

pub mod action;
mod action_json;
mod address;
mod agent;
pub mod check;
pub mod comment;
mod consent;
pub mod decide;
pub mod draft;
pub mod event;
pub mod form;
pub mod limits;
pub mod node;
pub mod offer;
mod open;
pub mod plan;
mod prompt;
pub mod risk;
pub mod role;
pub mod session;
mod trial;

pub use action::{
    Action, ActionBody, Author, Body, Command, Content, Evidence, Executor, FileChange, FileEdit, Kind, Proposal,
    Rationale, Risk, TrialBudget,
};
pub use address::{Address, Area, Host};
pub use agent::{Keeping, When};
pub use decide::{Effect, Input, Outcome, Refusal, decide};
pub use draft::{After, Draft};
pub use event::{Envelope, Event};
pub use form::{Form, FormAnswer};
pub use node::{FileMode, Node, NodeKind};
pub use offer::{OptionEffect, RequestOption};
pub use open::{
    AgentLevel, AgentState, AlarmKind, ClientChange, DrillResult, EvidenceKind, Moment, NoteKind, Rail, Rung, SpokenBy,
    WatchState,
};
pub use plan::{Plan, PlanEdit, Step, StepStatus};
pub use prompt::{PromptPart, image_mime, prompt_text};
pub use role::{May, Role};
pub use session::Session;
pub use trial::{Trial, TrialOutput};
