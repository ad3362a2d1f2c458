//! Who takes part: the clients and which of them has control, and the agent.

use crate::base::ClientId;
use crate::model::event::{AgentLost, AgentReady, AgentSession, ClientChanged, Usage};
use crate::model::open::ClientChange;

/// The clients that are attached.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Clients {
    pub here: Vec<ClientId>,
    /// Every client there was.
    pub total: u64,
    pub control: Option<ClientId>,
}

impl Clients {
    pub(super) fn change(&mut self, body: &ClientChanged) {
        match &body.what {
            ClientChange::Joined => {
                self.total += 1;
                self.here.push(body.client.clone());
            }
            ClientChange::Left => {
                self.here.retain(|c| c != &body.client);
                if self.control.as_ref() == Some(&body.client) {
                    self.control = None;
                }
            }
            ClientChange::TookControl => self.control = Some(body.client.clone()),
            ClientChange::LostControl | ClientChange::Other(_) => {}
        }
    }

    pub(super) fn all_left(&mut self) {
        self.here.clear();
        self.control = None;
    }
}

/// The agent, as far as it told of itself.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AgentFacts {
    pub ready: AgentReady,
    pub lost: Option<AgentLost>,
    /// Its own name of its session, to continue with after it was lost.
    pub session: Option<String>,
    /// The sessions that it said it keeps, when it was asked last.
    pub keeps: Option<Vec<AgentSession>>,
    pub usage: Usage,
}

impl AgentFacts {
    pub(super) fn ready(&mut self, body: &AgentReady) {
        self.lost = None;
        self.ready = body.clone();
        if body.session.is_some() {
            self.session.clone_from(&body.session);
        }
    }
}
