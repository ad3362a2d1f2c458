//! The gate: the book and the rules. An input is decided, recorded, and only then returned as things to do, which the
//! actor takes in order.

mod decisions;
mod proposals;
mod roles;
pub mod rules;

pub use decisions::{difference, user_version};

use super::book::{Book, Published, Trouble};
use super::{ChecksSetup, HostError, Judge};
use crate::base::{ActionId, Digest, PublicKey, Signed, UnixMs};
use crate::journal::{Journal, Permit};
use crate::model::AlarmKind;
use crate::model::decide::{Effect, Input, Refusal, Reply, Ruling, decide};
use crate::model::event::{Alarm, Census, Event};
use crate::model::role::{self, Role};
use crate::model::{Action, Content, Session};
use crate::port::{Blobs, Clock, Performed, ToAgent, Workspace};
use crate::wire::{Code, RpcError};
use std::collections::VecDeque;
use std::sync::Arc;
use tokio::sync::watch;

/// A pending step whose reason is already on disk.
pub enum Due {
    Perform(ActionId, Permit),
    /// The agent itself carries it out.
    Release(ActionId),
    /// Send the agent the result of its proposal.
    Answer {
        action: ActionId,
        reply: Reply,
    },
    /// This is held: who depends on it is searched for, if it is an edit.
    Dependents(ActionId),
    /// The files of this action changed: a merge is offered.
    Merge(ActionId),
    Send(ToAgent),
    /// A text was approved: it becomes the tree.
    PlanApproved,
    /// What waited for the plan is ruled again.
    PlanSettled,
    /// Words for the agent, as a prompt where it does not work.
    Tell(String),
    /// Output of an action, for the agent that proposed it.
    Output {
        action: ActionId,
        bytes: Vec<u8>,
    },
    /// The result of an action, for the agent that proposed it.
    Performed {
        action: ActionId,
        performed: Box<Performed>,
    },
}

/// The rules at one moment.
pub struct RulesNow(Arc<dyn Judge>);

impl std::ops::Deref for RulesNow {
    type Target = dyn Judge;

    fn deref(&self) -> &Self::Target {
        self.0.as_ref()
    }
}

impl std::fmt::Debug for RulesNow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("RulesNow").field(&self.0.digest()).finish()
    }
}

pub struct Gate {
    book: Book,
    judge: Arc<dyn Judge>,
    workspace: Arc<dyn Workspace>,
    checks: Option<ChecksSetup>,
    roles: Vec<Role>,
    due: VecDeque<Due>,
}

impl Gate {
    pub fn open(
        journal: Journal,
        clock: Arc<dyn Clock>,
        judge: Arc<dyn Judge>,
        workspace: Arc<dyn Workspace>,
        checks: Option<ChecksSetup>,
        roles: Vec<Role>,
    ) -> Result<Self, HostError> {
        Ok(Self { book: Book::open(journal, clock)?, judge, workspace, checks, roles, due: VecDeque::new() })
    }

    pub fn session(&self) -> &Session {
        &self.book.session
    }

    pub fn workspace(&self) -> &Arc<dyn Workspace> {
        &self.workspace
    }

    pub fn judge(&self) -> &dyn Judge {
        self.judge.as_ref()
    }

    /// The rules as they are now, for a task.
    pub fn rules(&self) -> RulesNow {
        RulesNow(self.judge.clone())
    }

    /// The rules' word on an action, with the limits of the role that it is done in.
    pub fn rule(&self, action: &Action) -> Ruling {
        roles::bounded(self, action, self.judge.rule(action))
    }

    /// The role of the step that is worked on.
    pub fn role(&self) -> Option<&Role> {
        let plan = &self.book.session.plan;
        role::of_step(&self.roles, plan, &plan.active()?.id)
    }

    pub fn roles(&self) -> &[Role] {
        &self.roles
    }

    /// Returns how to run the project's tests, if that is known.
    pub fn checks(&self) -> Option<&ChecksSetup> {
        self.checks.as_ref()
    }

    pub fn now(&self) -> UnixMs {
        self.book.now()
    }

    pub fn follow(&self) -> watch::Receiver<Published> {
        self.book.follow()
    }

    /// Returns the reason that nothing can be written any more.
    pub fn trouble(&self) -> Option<String> {
        self.book.trouble()
    }

    /// The number of this host among all that had the session.
    pub fn fence(&self) -> u64 {
        self.book.fence()
    }

    /// The key that the record is signed with.
    pub fn key(&self) -> Option<PublicKey> {
        self.book.journal().key()
    }

    /// The signature of the census of a stop.
    pub fn sign_census(&self, census: &Census) -> Option<Signed> {
        self.book.journal().sign_census(census)
    }

    /// Tells every client that the host ends, and seals the journal.
    pub fn close(self) {
        self.book.close();
    }

    /// Decides and appends; what follows is due. A refusal or a journal that cannot be written changes nothing.
    pub fn put(&mut self, input: Input, blobs: Blobs) -> Result<(), PutError> {
        let outcome = decide(&self.book.session, input)?;
        let held = |event: &Event| if let Event::Held(held) = event { Some(held.action.clone()) } else { None };
        let held: Vec<ActionId> = outcome.events.iter().filter_map(held).collect();
        let mut permits = self.book.append(outcome.events, blobs.into_values().collect())?;
        for effect in outcome.effects {
            let due = match effect {
                Effect::Perform(action) => permits.remove(&action).map(|permit| Due::Perform(action, permit)),
                // The permit is for our own executor; the agent acts on its own and is watched.
                Effect::Release(action) => Some(Due::Release(action)),
                Effect::Reply { action, reply } => Some(Due::Answer { action, reply }),
                Effect::PlanChanged => Some(Due::Send(self.plan_message())),
                Effect::PlanApproved => Some(Due::PlanApproved),
                Effect::PlanSettled => Some(Due::PlanSettled),
                Effect::Tell(text) => Some(Due::Tell(text)),
                Effect::Merge(action) => Some(Due::Merge(action)),
            };
            self.due.extend(due);
        }
        self.due.extend(held.into_iter().map(Due::Dependents));
        Ok(())
    }

    /// Processes an input without an answer.
    pub fn quietly(&mut self, input: Input) {
        match self.put(input, Blobs::new()) {
            Ok(()) => {}
            Err(PutError::Refused(refusal)) => tracing::debug!(%refusal, "nothing to do"),
            Err(PutError::Trouble(trouble)) => tracing::error!(%trouble, "an event is lost"),
        }
    }

    pub fn append(&mut self, events: Vec<Event>) -> Result<(), Trouble> {
        self.book.append(events, Vec::new()).map(|_| ())
    }

    /// Appends these events with the bytes that the first of them names.
    pub fn append_with(&mut self, events: Vec<Event>, bytes: Vec<u8>) -> Result<(), Trouble> {
        self.book.append(events, vec![bytes]).map(|_| ())
    }

    /// Appends events that nobody waits for; a journal in trouble has already been reported to every client.
    pub fn record(&mut self, event: Event) {
        self.record_all(vec![event]);
    }

    /// One append for all of them; when one is refused (too long), the others are not lost with it.
    pub fn record_all(&mut self, events: Vec<Event>) {
        if events.len() > 1 && self.append(events.clone()).is_ok() {
            return;
        }
        for event in events {
            if let Err(trouble) = self.append(vec![event]) {
                tracing::error!(%trouble, "an event is lost to a journal that cannot be written");
            }
        }
    }

    /// Raises an alarm that is about no action.
    pub fn alarm(&mut self, what: AlarmKind, text: String) {
        self.record(Event::Alarm(Alarm { what, action: None, text }));
    }

    pub fn then(&mut self, due: Due) {
        self.due.push_back(due);
    }

    pub fn send(&mut self, message: ToAgent) {
        self.then(Due::Send(message));
    }

    pub fn next_due(&mut self) -> Option<Due> {
        self.due.pop_front()
    }

    /// Takes up rules that were added before the host was restarted.
    pub fn take_up(&mut self, judge: Arc<dyn Judge>) {
        self.judge = judge;
    }

    pub fn blob(&self, digest: &Digest) -> Option<Vec<u8>> {
        let length = crate::base::limits::EDIT_FILE_BYTES_MAX;
        self.book.blob(digest, 0, length).ok().or_else(|| self.workspace.stored(*digest).ok().flatten())
    }

    /// As [`Self::blob`], if it has at most so many bytes; a longer one is not read.
    pub fn blob_within(&self, digest: &Digest, bytes_max: usize) -> Option<Vec<u8>> {
        let stored = || {
            self.workspace.stored_bytes(*digest).filter(|bytes| *bytes <= bytes_max as u64)?;
            self.workspace.stored(*digest).ok().flatten()
        };
        // One byte more tells a longer one.
        let recorded = self.book.blob(digest, 0, bytes_max.saturating_add(1)).ok();
        recorded.or_else(stored).filter(|bytes| bytes.len() <= bytes_max)
    }

    /// The bytes of a content: inline, in the journal, or in the workspace's store.
    pub fn bytes_of(&self, content: &Content) -> Option<Vec<u8>> {
        super::resolve::bytes_of(content, |digest| self.blob(digest))
    }

    /// Every content of an action that is not inline.
    pub fn blobs_of(&self, action: &Action) -> Blobs {
        let contents = action.files().iter().flat_map(|f| f.before.iter().chain(&f.after));
        contents.filter_map(|c| Some((c.digest(), self.bytes_of(c)?))).collect()
    }

    pub fn plan_message(&self) -> ToAgent {
        let plan = &self.book.session.plan;
        let mut message = String::from("The supervisor changed the plan. It now reads:\n");
        for step in &plan.steps {
            let indent = "  ".repeat(plan.depth(step));
            message.push_str(&format!("{indent}- [{}] {}\n", step.status.word(), step.title));
        }
        ToAgent::PlanEdited { steps: plan.steps.clone(), message }
    }
}

/// The reason that an input had no effect.
#[derive(Debug, thiserror::Error)]
pub enum PutError {
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error(transparent)]
    Trouble(#[from] Trouble),
}

impl From<PutError> for RpcError {
    fn from(error: PutError) -> Self {
        match error {
            PutError::Refused(refusal) => refusal.into(),
            PutError::Trouble(trouble) => trouble.into(),
        }
    }
}

impl From<Trouble> for RpcError {
    fn from(trouble: Trouble) -> Self {
        Self::new(Code::GateClosed, trouble.to_string())
    }
}
