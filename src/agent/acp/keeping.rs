//! Requests about what the agent keeps beyond our session: the sessions of this directory and a login. It is asked for
//! nothing that it did not announce.

use super::context::Context;
use super::message::RpcError;
use super::out::{Called, Out};
use super::peek;
use super::speak;
use crate::agent::acp::limits::{
    ACP_ID_BYTES_MAX, ACP_NOTE_BYTES_MAX, ACP_SESSION_TITLE_BYTES_MAX, ACP_SESSIONS_SHOWN_MAX,
};
use crate::model::Keeping;
use crate::model::event::{AgentNoted, AgentOffer, AgentSession};
use crate::port::FromAgent;
use serde_json::Value;

/// The session to change to.
pub enum Change {
    New,
    Resume(String),
    /// A copy that the agent has opened, with its answer.
    Forked(Value),
}

/// Asks for it, where that is possible now.
pub fn asked(keeping: Keeping, cx: &mut Context) -> Option<Change> {
    let (word, offer) = match &keeping {
        Keeping::List => ("list its sessions", AgentOffer::List),
        Keeping::New => ("start a new session", AgentOffer::New),
        Keeping::Resume { .. } => ("resume another session", AgentOffer::Resume),
        Keeping::Fork { .. } => ("fork a session", AgentOffer::Fork),
        Keeping::Delete { .. } => ("delete a session", AgentOffer::Delete),
        Keeping::Logout => ("log out", AgentOffer::Logout),
    };
    let Context { conduct, turn, out, .. } = cx;
    if !conduct.is_ready() || !conduct.offers().contains(&offer) {
        out.note("sessions", &format!("{} does not support this: {word}", conduct.spec().shown_name()));
        return None;
    }
    let runs = |session: &String| session == out.session();
    match &keeping {
        Keeping::Delete { session } if runs(session) => {
            out.note("sessions", "this is the running session; it was not deleted");
        }
        Keeping::Resume { session } if runs(session) => out.note("sessions", "this session is already running"),
        Keeping::New | Keeping::Resume { .. } | Keeping::Fork { .. } if !turn.is_idle() => out.note("sessions", BUSY),
        Keeping::New => return Some(Change::New),
        Keeping::Resume { session } => return Some(Change::Resume(session.clone())),
        Keeping::List => {
            let params = speak::list_sessions(out.place().seen());
            out.call(speak::method::SESSION_LIST, params, Called::Keep(keeping));
        }
        Keeping::Fork { session } => {
            let params = speak::fork_session(session, out.place().seen());
            out.call(speak::SESSION_FORK, params, Called::Keep(keeping));
        }
        Keeping::Delete { session } => {
            let params = speak::delete_session(session);
            out.call(speak::method::SESSION_DELETE, params, Called::Keep(keeping));
        }
        Keeping::Logout => {
            out.call(speak::method::LOGOUT, speak::logout(), Called::Keep(keeping));
        }
    }
    None
}

/// The agent's answer; a copy that it has opened is the session to change to.
pub fn answered(keeping: &Keeping, outcome: Result<Value, RpcError>, cx: &mut Context) -> Option<Change> {
    let Context { turn, out, .. } = cx;
    match (keeping, outcome) {
        (_, Err(error)) => out.note("sessions", &format!("the agent rejected it: {}", error.words())),
        (Keeping::List, Ok(answer)) => {
            let sessions = listed(&answer, out);
            let more = peek::text(&answer, "nextCursor").is_some();
            let left_out = more || peek::list(&answer, "sessions").len() > sessions.len();
            let text = peek::bounded(&in_words(&sessions, left_out), ACP_NOTE_BYTES_MAX);
            let note = AgentNoted { sessions: Some(sessions), ..AgentNoted::new("sessions", text) };
            out.report(FromAgent::Noted(note));
        }
        (Keeping::Delete { session }, Ok(_)) => {
            out.note("sessions", &format!("{session} was deleted"));
            return asked(Keeping::List, cx);
        }
        (Keeping::Logout, Ok(_)) => out.note("sessions", "logged out; the next session must log in again"),
        (Keeping::Fork { .. }, Ok(_)) if !turn.is_idle() => {
            out.note("sessions", "the copy was made and is among its sessions; the agent works in the former one");
        }
        (Keeping::Fork { .. }, Ok(answer)) if peek::text(&answer, "sessionId").is_some() => {
            return Some(Change::Forked(answer));
        }
        (Keeping::Fork { .. }, Ok(_)) => out.note("sessions", "the agent made a copy without an id"),
        (Keeping::New | Keeping::Resume { .. }, Ok(_)) => {}
    }
    None
}

const BUSY: &str = "the agent is working in its session: cancel the turn first";

fn listed(answer: &Value, out: &Out) -> Vec<AgentSession> {
    let place = out.place();
    let of = |session: &Value| {
        let field = |key: &str| peek::bounded(peek::text(session, key).unwrap_or(""), ACP_SESSION_TITLE_BYTES_MAX);
        let id = peek::text(session, "sessionId").filter(|id| id.len() <= ACP_ID_BYTES_MAX)?.to_owned();
        let runs = id == out.session();
        Some(AgentSession { id, title: place.shown(&field("title")), used: field("updatedAt"), runs })
    };
    peek::list(answer, "sessions").iter().filter_map(of).take(ACP_SESSIONS_SHOWN_MAX).collect()
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
