//! A desk turns the two channels of an agent into calls that wait, for agents that do one thing after the other.

use super::{AgentLink, Answer, FromAgent, Performed, Ticket, ToAgent};
use crate::base::ActionId;
use crate::base::limits::DESK_PROMPTS_MAX;
use crate::model::event::{OutcomeWord, SessionOutcome, TurnEnd};
use crate::model::{Executor, Proposal, Step, Trial, TrialOutput, When};
use std::collections::VecDeque;

/// The agent must drop what it is doing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Interrupted {
    #[error("the turn was canceled")]
    Canceled,
    #[error("the session is closing")]
    Closed,
}

/// The reason that a trial has no result.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TrialError {
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
    /// The candidate refused or failed: the budget is spent, a program is missing.
    #[error("{0}")]
    Refused(String),
}

/// The final result of a proposal.
#[derive(Clone, Debug)]
pub struct Settled {
    pub action: Option<ActionId>,
    pub answer: Answer,
    /// Set when it was approved and the host carried it out.
    pub performed: Option<Performed>,
}

impl Settled {
    /// Approved and executed without trouble.
    pub fn is_done(&self) -> bool {
        self.performed.as_ref().is_some_and(|p| p.outcome == crate::model::event::OutcomeWord::Ok)
    }
}

/// The agent's immediate answer when the user sets an option, also while it waits for something else.
pub type OnOption = Box<dyn FnMut(&str, &str) -> Vec<FromAgent> + Send>;

/// See the module.
pub struct Desk {
    link: AgentLink,
    next_ticket: u64,
    prompts: VecDeque<(String, When)>,
    plan_edits: VecDeque<(Vec<Step>, String)>,
    /// Id, value, and whether they have been answered.
    options: VecDeque<(String, String, bool)>,
    on_option: Option<OnOption>,
}

#[expect(clippy::wildcard_enum_match_arm, reason = "what is not waited for is kept, whatever it is")]
impl Desk {
    pub fn new(link: AgentLink) -> Self {
        Self {
            link,
            next_ticket: 1,
            prompts: VecDeque::new(),
            plan_edits: VecDeque::new(),
            options: VecDeque::new(),
            on_option: None,
        }
    }

    /// Sends one message, waiting while the host is busy.
    pub async fn send(&mut self, message: FromAgent) -> Result<(), Interrupted> {
        self.link.to_host.send(message).await.map_err(|_| Interrupted::Closed)
    }

    pub async fn say(&mut self, text: impl Into<String>) -> Result<(), Interrupted> {
        self.send(FromAgent::Said { by: "agent".into(), text: text.into(), more: false }).await
    }

    pub async fn think(&mut self, text: impl Into<String>) -> Result<(), Interrupted> {
        self.send(FromAgent::Thought { by: "agent".into(), text: text.into(), more: false }).await
    }

    pub async fn plan(&mut self, steps: Vec<Step>) -> Result<(), Interrupted> {
        self.send(FromAgent::Plan { by: "agent".into(), steps }).await
    }

    pub async fn end_turn(&mut self, reason: TurnEnd) -> Result<(), Interrupted> {
        self.send(FromAgent::TurnEnded { reason, text: None }).await
    }

    pub async fn end(&mut self, outcome: SessionOutcome, report: impl Into<String>) -> Result<(), Interrupted> {
        self.send(FromAgent::Ended { outcome, report: report.into() }).await
    }

    /// Proposes and waits for the decision and, if it was approved, for the end of it. Prompts and plan edits that
    /// arrive meanwhile are kept for [`Self::next_prompt`] and [`Self::plan_edit`].
    pub async fn propose(&mut self, proposal: Proposal) -> Result<Settled, Interrupted> {
        self.settle(proposal, true).await
    }

    /// The same for agents that record the messages to them themselves, together with the result of the action.
    pub async fn propose_unrecorded(&mut self, proposal: Proposal) -> Result<Settled, Interrupted> {
        self.settle(proposal, false).await
    }

    async fn settle(&mut self, proposal: Proposal, is_recorded: bool) -> Result<Settled, Interrupted> {
        let ticket = self.ticket();
        self.send(FromAgent::Propose { ticket, proposal: Box::new(proposal) }).await?;
        let mut action = None;
        let answer = loop {
            match self.receive().await? {
                ToAgent::Filed { ticket: t, action: a } if t == ticket => action = Some(a),
                ToAgent::Answered { ticket: t, answer } if t == ticket => break answer,
                other => self.keep(other)?,
            }
        };
        let mut settled = Settled { action, answer, performed: None };
        if is_recorded {
            let message = settled.answer.message().to_owned();
            self.send(FromAgent::Told { action: settled.action.clone(), text: message }).await?;
        }
        if matches!(settled.answer, Answer::Approved { .. }) {
            settled.performed = Some(loop {
                match self.receive().await? {
                    ToAgent::Performed { ticket: t, performed } if t == ticket => break *performed,
                    other => self.keep(other)?,
                }
            });
        }
        Ok(settled)
    }

    /// Asks for consent to something that needs no carrying out: a plan, a question, an objection. Once approved it
    /// is reported as done.
    pub async fn consent(&mut self, mut proposal: Proposal) -> Result<Settled, Interrupted> {
        proposal.executor = Executor::Agent;
        let ticket = self.ticket();
        self.send(FromAgent::Propose { ticket, proposal: Box::new(proposal) }).await?;
        let mut action = None;
        let answer = loop {
            match self.receive().await? {
                ToAgent::Filed { ticket: t, action: a } if t == ticket => action = Some(a),
                ToAgent::Answered { ticket: t, answer } if t == ticket => break answer,
                other => self.keep(other)?,
            }
        };
        let settled = Settled { action, answer, performed: None };
        if matches!(settled.answer, Answer::Approved { .. }) {
            let outcome = OutcomeWord::Ok;
            self.send(FromAgent::Performed { ticket, outcome, exit: None, detail: None }).await?;
        }
        Ok(settled)
    }

    /// Waits until the agent must drop what it is doing; prompts and plan edits that arrive meanwhile are kept. To be
    /// awaited beside long work of the agent's own; dropping it loses nothing.
    pub async fn interrupted(&mut self) -> Interrupted {
        loop {
            let kept = match self.receive().await {
                Ok(message) => self.keep(message),
                Err(closed) => Err(closed),
            };
            if let Err(why) = kept {
                return why;
            }
        }
    }

    /// Options are answered so from now on, as soon as they are set; they are kept for [`Self::option`] all the same.
    pub fn answer_options(&mut self, on_option: OnOption) {
        self.on_option = Some(on_option);
    }

    /// A choice of an option that the user made since the last call, without waiting: id, value, and whether it has
    /// been answered already.
    pub fn option(&mut self) -> Result<Option<(String, String, bool)>, Interrupted> {
        self.drain()?;
        Ok(self.options.pop_front())
    }

    /// A sender of one's own, for messages that stream while the desk waits.
    pub fn sender(&self) -> tokio::sync::mpsc::Sender<FromAgent> {
        self.link.to_host.clone()
    }

    /// One run in a candidate under an approved trial action.
    pub async fn trial(&mut self, action: &ActionId, trial: Trial) -> Result<TrialOutput, TrialError> {
        let ticket = self.ticket();
        self.send(FromAgent::Trial { ticket, action: action.clone(), trial: Box::new(trial) }).await?;
        loop {
            match self.receive().await? {
                ToAgent::TrialDone { ticket: t, output } if t == ticket => {
                    return output.map(|o| *o).map_err(TrialError::Refused);
                }
                other => self.keep(other)?,
            }
        }
    }

    /// The next prompt; waits until there is one.
    pub async fn next_prompt(&mut self) -> Result<String, Interrupted> {
        loop {
            if let Some((text, _)) = self.prompts.pop_front() {
                return Ok(text);
            }
            let message = self.receive().await?;
            match self.keep(message) {
                Ok(()) | Err(Interrupted::Canceled) => {}
                Err(Interrupted::Closed) => return Err(Interrupted::Closed),
            }
        }
    }

    /// A prompt that may be taken at a boundary inside a turn, without waiting.
    pub fn boundary_prompt(&mut self) -> Result<Option<String>, Interrupted> {
        self.drain()?;
        let at = self.prompts.iter().position(|(_, when)| *when != When::Queue);
        Ok(at.and_then(|i| self.prompts.remove(i)).map(|(text, _)| text))
    }

    /// An edit of the plan that the user made since the last call, without waiting.
    pub fn plan_edit(&mut self) -> Result<Option<(Vec<Step>, String)>, Interrupted> {
        self.drain()?;
        Ok(self.plan_edits.pop_front())
    }

    /// The next raw message; for agents that need more than calls.
    pub async fn receive(&mut self) -> Result<ToAgent, Interrupted> {
        loop {
            match (self.link.from_host.recv().await.ok_or(Interrupted::Closed)?, &mut self.on_option) {
                (ToAgent::SetOption { id, value }, Some(on_option)) if self.options.len() < DESK_PROMPTS_MAX => {
                    for answer in on_option(&id, &value) {
                        // The host may be waiting for us meanwhile: what does not fit is included in the next usage.
                        drop(self.link.to_host.try_send(answer));
                    }
                    self.options.push_back((id, value, true));
                }
                (message, _) => return Ok(message),
            }
        }
    }

    fn ticket(&mut self) -> Ticket {
        let ticket = Ticket(self.next_ticket);
        self.next_ticket += 1;
        ticket
    }

    fn drain(&mut self) -> Result<(), Interrupted> {
        while let Ok(message) = self.link.from_host.try_recv() {
            self.keep(message)?;
        }
        Ok(())
    }

    /// Keeps what is not for the present call; an interruption is an error so that `?` unwinds to the turn's start.
    fn keep(&mut self, message: ToAgent) -> Result<(), Interrupted> {
        match message {
            ToAgent::Question(text) | ToAgent::Reminder(text) => {
                self.keep(ToAgent::Prompt { prompt: text.into(), when: When::Boundary })
            }
            ToAgent::Prompt { prompt, when } => {
                if self.prompts.len() < DESK_PROMPTS_MAX {
                    self.prompts.push_back((prompt.text(), when));
                }
                if when == When::Interrupt { Err(Interrupted::Canceled) } else { Ok(()) }
            }
            ToAgent::PlanEdited { steps, message } => {
                self.plan_edits.clear();
                self.plan_edits.push_back((steps, message));
                Ok(())
            }
            ToAgent::Cancel => Err(Interrupted::Canceled),
            ToAgent::Shutdown => Err(Interrupted::Closed),
            ToAgent::SetOption { id, value } => {
                if self.options.len() < DESK_PROMPTS_MAX {
                    self.options.push_back((id, value, false));
                }
                Ok(())
            }
            ToAgent::Filed { .. }
            | ToAgent::Answered { .. }
            | ToAgent::Output { .. }
            | ToAgent::Performed { .. }
            | ToAgent::TrialDone { .. }
            | ToAgent::Keeping(_)
            | ToAgent::Mode(_) => Ok(()),
        }
    }
}
