//! What the agent keeps beyond our session: the sessions of this directory and a login. It is asked for nothing that it
//! did not announce.

use super::client::{Called, Client};
use super::message::RpcError;
use super::peek;
use super::speak;
use crate::base::limits::ACP_SESSIONS_SHOWN_MAX;
use crate::port::Keeping;
use serde_json::Value;

impl Client {
    pub(super) fn keep(&mut self, keeping: Keeping) {
        let (word, announced): (&str, &[&str]) = match &keeping {
            Keeping::List => ("list its sessions", &["agentCapabilities", "sessionCapabilities", "list"]),
            Keeping::Delete { .. } => ("delete a session", &["agentCapabilities", "sessionCapabilities", "delete"]),
            Keeping::Logout => ("log out", &["agentCapabilities", "auth", "logout"]),
        };
        if !self.handshake.is_ready() || !peek::offers(self.handshake.answer(), announced) {
            let name = self.setup.spec.shown_name().to_owned();
            return self.note("sessions", &format!("{name} does not offer to {word}"));
        }
        let (method, params) = match &keeping {
            Keeping::List => (speak::TO_AGENT.session_list, speak::list_sessions(self.setup.place.seen())),
            Keeping::Delete { session } if self.session.as_ref() == Some(session) => {
                return self.note("sessions", "this is the session that runs; it is not deleted");
            }
            Keeping::Delete { session } => (speak::TO_AGENT.session_delete, speak::delete_session(session)),
            Keeping::Logout => (speak::TO_AGENT.logout, speak::logout()),
        };
        self.call(method, params, Called::Keep(keeping));
    }

    pub(super) fn kept(&mut self, keeping: &Keeping, outcome: Result<Value, RpcError>) {
        let text = match (keeping, outcome) {
            (_, Err(error)) => format!("the agent refused: {}", error.words()),
            (Keeping::List, Ok(answer)) => listed(peek::list(&answer, "sessions")),
            (Keeping::Delete { session }, Ok(_)) => format!("{session} is deleted"),
            (Keeping::Logout, Ok(_)) => "logged out; the next session must log in again".to_owned(),
        };
        self.note("sessions", &text);
    }
}

/// One line a session: id, when it was used last, title.
fn listed(sessions: &[Value]) -> String {
    let line = |session: &Value| {
        let field = |key: &str| peek::text(session, key).unwrap_or("");
        format!("{} {} {}", field("sessionId"), field("updatedAt"), field("title")).trim_end().to_owned()
    };
    let mut lines: Vec<String> = sessions.iter().take(ACP_SESSIONS_SHOWN_MAX).map(line).collect();
    if sessions.len() > lines.len() {
        lines.push(format!("and {} more", sessions.len() - lines.len()));
    }
    if lines.is_empty() { "it keeps no sessions of this directory".to_owned() } else { lines.join("\n") }
}
