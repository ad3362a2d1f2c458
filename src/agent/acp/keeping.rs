//! What the agent keeps beyond our session: the sessions of this directory and a login. It is asked for nothing that it
//! did not announce.

use super::client::{Called, Client, Effect, Timer};
use super::message::RpcError;
use super::peek;
use super::plans::Plans;
use super::settings::Settings;
use super::speak;
use super::turn::State;
use crate::agent::acp::limits::{
    ACP_ID_BYTES_MAX, ACP_NOTE_BYTES_MAX, ACP_SESSION_TITLE_BYTES_MAX, ACP_SESSIONS_SHOWN_MAX,
};
use crate::model::Keeping;
use crate::model::event::{AgentNoted, AgentOffer, AgentSession};
use crate::port::FromAgent;
use serde_json::Value;

/// What the answer to `initialize` announces.
pub fn offers(init: &Value) -> Vec<AgentOffer> {
    let has = |path: &[&str]| peek::offers(init, &[&["agentCapabilities"], path].concat());
    let resumes = has(&["loadSession"]) || has(&["sessionCapabilities", "resume"]);
    [
        (AgentOffer::New, init.is_object()),
        (AgentOffer::List, has(&["sessionCapabilities", "list"])),
        (AgentOffer::Resume, resumes),
        (AgentOffer::Delete, has(&["sessionCapabilities", "delete"])),
        (AgentOffer::Logout, has(&["auth", "logout"])),
    ]
    .into_iter()
    .filter_map(|(offer, is_there)| is_there.then_some(offer))
    .collect()
}

impl Client {
    pub(super) fn keep(&mut self, keeping: Keeping) {
        let (word, offer) = match &keeping {
            Keeping::List => ("list its sessions", AgentOffer::List),
            Keeping::New => ("start a new session", AgentOffer::New),
            Keeping::Resume { .. } => ("resume another session", AgentOffer::Resume),
            Keeping::Delete { .. } => ("delete a session", AgentOffer::Delete),
            Keeping::Logout => ("log out", AgentOffer::Logout),
        };
        if !self.handshake.is_ready() || !offers(self.handshake.answer()).contains(&offer) {
            let name = self.setup.spec.shown_name().to_owned();
            return self.note("sessions", &format!("{name} does not support this: {word}"));
        }
        let runs = |session: &String| self.session.as_ref() == Some(session);
        match &keeping {
            Keeping::Delete { session } if runs(session) => {
                self.note("sessions", "this is the running session; it was not deleted");
            }
            Keeping::Resume { session } if runs(session) => self.note("sessions", "this session is already running"),
            Keeping::New | Keeping::Resume { .. } if self.turn.state != State::Idle => {
                self.note("sessions", "the agent is working in its session: cancel the turn first");
            }
            Keeping::New => self.change_session(None),
            Keeping::Resume { session } => self.change_session(Some(session.clone())),
            Keeping::List => {
                let params = speak::list_sessions(self.setup.place.seen());
                self.call(speak::TO_AGENT.session_list, params, Called::Keep(keeping));
            }
            Keeping::Delete { session } => {
                let params = speak::delete_session(session);
                self.call(speak::TO_AGENT.session_delete, params, Called::Keep(keeping));
            }
            Keeping::Logout => {
                self.call(speak::TO_AGENT.logout, speak::logout(), Called::Keep(keeping));
            }
        }
    }

    /// Another session of the same process; what was known of the former one is not true of it.
    fn change_session(&mut self, load: Option<String>) {
        (self.plans, self.settings) = (Plans::default(), Settings::default());
        (self.usage.context_used, self.usage.context_size) = (None, None);
        self.setup.load = load;
        self.effect(Effect::Disarm(Timer::Candidate));
        self.open_again();
    }

    pub(super) fn kept(&mut self, keeping: &Keeping, outcome: Result<Value, RpcError>) {
        match (keeping, outcome) {
            (_, Err(error)) => self.note("sessions", &format!("the agent rejected it: {}", error.words())),
            (Keeping::List, Ok(answer)) => {
                let sessions = self.listed(&answer);
                let more = peek::text(&answer, "nextCursor").is_some();
                let left_out = more || peek::list(&answer, "sessions").len() > sessions.len();
                let text = peek::bounded(&in_words(&sessions, left_out), ACP_NOTE_BYTES_MAX);
                let note = AgentNoted { sessions: Some(sessions), ..AgentNoted::new("sessions", text) };
                self.tell(FromAgent::Noted(note));
            }
            (Keeping::Delete { session }, Ok(_)) => {
                self.note("sessions", &format!("{session} was deleted"));
                self.keep(Keeping::List);
            }
            (Keeping::Logout, Ok(_)) => self.note("sessions", "logged out; the next session must log in again"),
            (Keeping::New | Keeping::Resume { .. }, Ok(_)) => {}
        }
    }

    fn listed(&self, answer: &Value) -> Vec<AgentSession> {
        let of = |session: &Value| {
            let field = |key: &str| peek::bounded(peek::text(session, key).unwrap_or(""), ACP_SESSION_TITLE_BYTES_MAX);
            let id = peek::text(session, "sessionId").filter(|id| id.len() <= ACP_ID_BYTES_MAX)?.to_owned();
            let runs = self.session.as_ref() == Some(&id);
            Some(AgentSession { id, title: self.setup.place.shown(&field("title")), used: field("updatedAt"), runs })
        };
        peek::list(answer, "sessions").iter().filter_map(of).take(ACP_SESSIONS_SHOWN_MAX).collect()
    }
}

/// One line a session: id, when it was used last, title.
fn in_words(sessions: &[AgentSession], left_out: bool) -> String {
    let line = |s: &AgentSession| format!("{} {} {}", s.id, s.used, s.title).trim_end().to_owned();
    let mut lines: Vec<String> = sessions.iter().map(line).collect();
    if left_out {
        lines.push("and more".to_owned());
    }
    if lines.is_empty() { "it has no sessions for this directory".to_owned() } else { lines.join("\n") }
}
