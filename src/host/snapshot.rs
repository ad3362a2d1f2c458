//! The open items of a session, for a client that does not want its whole past: one JSON value in the words of the
//! envelopes. Clients that fold do without it.

use crate::base::Seq;
use crate::host::limits::{CLIENT_BEHIND_EVENTS_MAX, SNAPSHOT_ACTIONS_BYTES_MAX, SNAPSHOT_COMMENTS_MAX};
use crate::model::Session;
use crate::model::session::ActionState;
use crate::wire::{Attach, AttachedAs};
use serde_json::{Value, json};

/// The snapshot that this attach asks for: always without `from`, else when `from` is far behind.
pub fn wanted(session: &Session, attach: &Attach) -> Option<Value> {
    let is_far = attach.from.is_none_or(|from| session.head.0.saturating_sub(from.0) >= CLIENT_BEHIND_EVENTS_MAX);
    (attach.snapshot && is_far).then(|| of(session))
}

/// Returns the first event to send to a client after this answer to its attach.
pub fn first_event(attach: &Attach, attached: &AttachedAs) -> Seq {
    match attached.snapshot {
        Some(_) => attached.head.next(),
        None => attach.from.unwrap_or(Seq(1)),
    }
}

fn of(session: &Session) -> Value {
    let opened = session.opened.as_ref();
    let mut room = SNAPSHOT_ACTIONS_BYTES_MAX;
    let mut left_out = 0u64;
    let mut actions = Vec::new();
    for state in session.actions.open() {
        let value = action(state);
        let bytes = value.to_string().len();
        // Whole ones or none: half a question cannot be answered.
        if bytes > room {
            left_out += 1;
            continue;
        }
        room -= bytes;
        actions.push(value);
    }
    json!({
        "seq": session.head,
        "workspace": opened.map(|o| &o.workspace),
        "agent": opened.map(|_| &session.agent.ready.agent),
        "goal": opened.and_then(|o| o.goal.as_ref()),
        "mode": session.mode,
        "frozen": session.frozen,
        "turn": session.turns.current,
        "plan": { "revision": session.plan.revision, "steps": session.plan.steps, "own": session.plans.own() },
        "actions": actions,
        "actions_left_out": left_out,
        "commands": session.agent.ready.commands,
        "draft": session.prompts.draft.as_ref().map(|draft| &draft.parts),
        "queue": session.prompts.queue,
        "comments": session.plans.open_comments().take(SNAPSHOT_COMMENTS_MAX).collect::<Vec<_>>(),
        "leases": session.leases.open(session.at).map(|l| &l.granted).collect::<Vec<_>>(),
        "check": session.checks.latest_workspace().and_then(|run| run.finished.as_ref()),
        "alarms": session.alarms.total,
        "control": session.clients.control,
        "ended": session.ended,
    })
}

fn action(state: &ActionState) -> Value {
    json!({ "action": state.action, "ruled": state.ruled, "held": state.held, "decided": state.decided })
}
