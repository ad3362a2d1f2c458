//! The channels to the agent's task, and the action of each of the agent's tickets.

use crate::base::ActionId;
use crate::base::limits::AGENT_LINK_MESSAGES_MAX;
use crate::host::limits::{AGENT_END_MS_MAX, AGENT_OUTPUT_WAITING_BYTES_MAX};
use crate::port::{Agent, AgentLink, FromAgent, Ticket, ToAgent};
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// The host's end of the two channels. Messages to the agent wait here while its channel is full: each answers
/// something that the agent asked, so their number is bounded by what it asked.
pub struct Link {
    from: mpsc::Receiver<FromAgent>,
    to: Option<mpsc::Sender<ToAgent>>,
    waiting: VecDeque<ToAgent>,
    task: Option<JoinHandle<()>>,
    tickets: BTreeMap<ActionId, Ticket>,
    actions: BTreeMap<Ticket, ActionId>,
    /// Holds the silent channel open while there is no agent.
    _keep: Option<mpsc::Sender<FromAgent>>,
}

impl Default for Link {
    fn default() -> Self {
        // A channel that stays open and silent while there is no agent.
        let (keep, from) = mpsc::channel(1);
        Self {
            from,
            to: None,
            waiting: VecDeque::new(),
            task: None,
            tickets: BTreeMap::new(),
            actions: BTreeMap::new(),
            _keep: Some(keep),
        }
    }
}

impl Link {
    /// A running agent's end of the channels, and its task.
    pub fn start(agent: Box<dyn Agent>) -> Self {
        let (to_host, from) = mpsc::channel(AGENT_LINK_MESSAGES_MAX);
        let (to, from_host) = mpsc::channel(AGENT_LINK_MESSAGES_MAX);
        let task = tokio::spawn(agent.run(AgentLink { to_host, from_host }));
        Self { from, to: Some(to), task: Some(task), _keep: None, ..Self::default() }
    }

    /// `None`: the agent's task has ended. Waits for ever while there is no agent.
    pub async fn next(&mut self) -> Option<FromAgent> {
        self.from.recv().await
    }

    pub fn try_next(&mut self) -> Option<FromAgent> {
        self.from.try_recv().ok()
    }

    /// The agent's proposal has become this action.
    pub fn filed(&mut self, ticket: Ticket, action: ActionId) {
        self.tickets.insert(action.clone(), ticket);
        self.actions.insert(ticket, action);
    }

    pub fn is_up(&self) -> bool {
        self.to.is_some()
    }

    pub fn ticket(&self, action: &ActionId) -> Option<Ticket> {
        self.tickets.get(action).copied()
    }

    pub fn action(&self, ticket: Ticket) -> Option<&ActionId> {
        self.actions.get(&ticket)
    }

    /// From now on the action is answered under another ticket.
    pub fn renew(&mut self, ticket: Ticket, next: Ticket) {
        if let Some(action) = self.actions.remove(&ticket) {
            self.tickets.insert(action.clone(), next);
            self.actions.insert(next, action);
        }
    }

    /// Sends in order; what does not fit now goes with the next message.
    pub fn send(&mut self, message: ToAgent) {
        if self.to.is_some() {
            self.waiting.push_back(message);
            self.flush();
        }
    }

    /// Output is not an answer: that of one action is merged while it waits, and of a flood only the end is kept.
    pub fn send_output(&mut self, ticket: Ticket, mut more: Vec<u8>) {
        let same = |message: &&mut ToAgent| matches!(message, ToAgent::Output { ticket: t, .. } if *t == ticket);
        let Some(ToAgent::Output { bytes, .. }) = self.waiting.iter_mut().rev().find(same) else {
            return self.send(ToAgent::Output { ticket, bytes: more });
        };
        bytes.append(&mut more);
        let from = bytes.len().saturating_sub(AGENT_OUTPUT_WAITING_BYTES_MAX);
        bytes.drain(..from);
        self.flush();
    }

    pub fn flush(&mut self) {
        let Some(to) = &self.to else { return };
        while let Some(message) = self.waiting.pop_front() {
            match to.try_send(message) {
                Ok(()) => {}
                Err(mpsc::error::TrySendError::Full(message)) => {
                    self.waiting.push_front(message);
                    return;
                }
                Err(mpsc::error::TrySendError::Closed(_)) => {
                    self.waiting.clear();
                    return;
                }
            }
        }
    }

    pub fn drop_link(&mut self) {
        *self = Self { task: self.task.take(), ..Self::default() };
        if let Some(task) = self.task.take() {
            task.abort();
        }
    }

    /// Asks the agent to end and gives it a moment.
    pub async fn end(&mut self) {
        self.send(ToAgent::Shutdown);
        self.to = None;
        self.from.close();
        if let Some(task) = self.task.take() {
            let abort = task.abort_handle();
            if tokio::time::timeout(Duration::from_millis(AGENT_END_MS_MAX), task).await.is_err() {
                abort.abort();
            }
        }
    }
}
