//! The participants: the clients, the one that has control, and the agent.

use crate::base::{ClientId, UnixMs};
use crate::model::event::{AgentChanged, AgentLost, AgentReady, AgentSession, ClientChanged, Usage};
use crate::model::open::ClientChange;

/// The clients that are attached.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Clients {
    pub here: Vec<ClientId>,
    /// Every client there was.
    pub total: u64,
    pub control: Option<ClientId>,
    /// Those that ask for control, and since when, the first one first.
    pub asking: Vec<(ClientId, UnixMs)>,
}

impl Clients {
    pub(super) fn change(&mut self, at: UnixMs, body: &ClientChanged) {
        if !matches!(body.what, ClientChange::Joined | ClientChange::Other(_)) {
            self.asking.retain(|(client, _)| *client != body.client);
        }
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
            ClientChange::TookControl => {
                self.control = Some(body.client.clone());
                // This one was not asked yet: a wish that another one left unanswered is none of its own.
                self.asking.clear();
            }
            ClientChange::AskedControl => self.asking.push((body.client.clone(), at)),
            ClientChange::LostControl | ClientChange::RefusedControl | ClientChange::Other(_) => {}
        }
    }

    pub(super) fn all_left(&mut self) {
        self.here.clear();
        self.asking.clear();
        self.control = None;
    }
}

/// The agent, as it describes itself.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AgentFacts {
    pub ready: AgentReady,
    pub lost: Option<AgentLost>,
    /// Its own name of its session, to continue with after it was lost.
    pub session: Option<String>,
    /// The sessions that it said it keeps, when it was asked last.
    pub keeps: Option<Vec<AgentSession>>,
    pub usage: Usage,
    /// The change that made it the agent, where the session was opened with another one.
    pub changed: Option<AgentChanged>,
    /// The agent and model that the session goes back to after a step with an agent of its own, where it is not the
    /// first one.
    pub home: Option<(String, Option<String>)>,
    /// It has not worked in a turn since.
    pub is_new: bool,
}

impl AgentFacts {
    pub(super) fn ready(&mut self, body: &AgentReady) {
        self.lost = None;
        self.ready = body.clone();
        if body.session.is_some() {
            self.session.clone_from(&body.session);
        }
    }

    /// What the former agent said of itself is not true of this one.
    pub(super) fn change(&mut self, body: &AgentChanged) {
        let ready = AgentReady { agent: body.to.clone(), ..AgentReady::default() };
        let home = match body.step {
            Some(_) => self.home.take(),
            None => Some((body.agent.clone(), body.model.clone())),
        };
        *self = Self { ready, changed: Some(body.clone()), is_new: true, home, ..Self::default() };
    }
}

#[cfg(test)]
mod tests {
    use crate::base::{Seq, UnixMs};
    use crate::model::{Envelope, Event, Session};

    /// Whoever has control now was not asked by those who asked its predecessor.
    #[test]
    fn wishes_for_control_end_when_it_passes() {
        let changes =
            [("c2", "asked_control"), ("c3", "asked_control"), ("c1", "lost_control"), ("c2", "took_control")];
        let envelopes = (1..).zip(changes).map(|(seq, (client, what))| {
            let event = Event::from_parts("client_changed", &format!(r#"{{"client":"{client}","what":"{what}"}}"#));
            Envelope { seq: Seq(seq), at: UnixMs(seq), event }
        });
        let envelopes: Vec<_> = envelopes.collect();
        let asking = |count: usize| Session::replay(&envelopes[..count]).clients.asking.len();
        assert_eq!((asking(2), asking(3), asking(4)), (2, 2, 0));
    }

    /// Journals from before `agent_ready` named the agent's session have it in a note.
    #[test]
    fn the_session_of_the_agent_is_known_from_new_and_old_journals() {
        let check = |facts: &[(&str, &str)], expect: Option<&str>| {
            let envelopes = (1..).zip(facts).map(|(seq, (kind, body))| {
                let event = Event::from_parts(kind, body);
                assert!(!matches!(event, Event::Unknown { .. }), "{kind} {body}");
                Envelope { seq: Seq(seq), at: UnixMs(seq), event }
            });
            let session = Session::replay(&envelopes.collect::<Vec<_>>());
            assert_eq!(session.agent.session.as_deref(), expect, "{facts:?}");
        };
        let ready = r#"{"agent":{"name":"a","level":"L2","isolation":"gated"},"state":"ready"}"#;
        let named = r#"{"agent":{"name":"a","level":"L2","isolation":"gated"},"state":"ready","session":"new-1"}"#;
        let noted = r#"{"what":"session","text":"old-1"}"#;
        check(&[("agent_ready", ready)], None);
        check(&[("agent_noted", noted), ("agent_ready", ready)], Some("old-1"));
        check(&[("agent_ready", named), ("agent_ready", ready)], Some("new-1"));
        check(&[("agent_noted", noted), ("agent_ready", named)], Some("new-1"));
    }
}
