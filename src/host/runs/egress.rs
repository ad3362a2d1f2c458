//! Connections that commands or an agent in a layer wait for: each is an action of its own, asked for the command and
//! opened by the decision. It covers that address for that command, or for the process of the agent; a connection that
//! nobody waits for any more opens nothing.

use crate::base::ActionId;
use crate::host::gate::Gate;
use crate::host::limits::CONNECTIONS_PENDING_MAX;
use crate::model::Address;
use crate::model::decide::{Input, Reply};
use crate::model::event::{Finished, LapseWhy, OutcomeWord};
use crate::port::{Connect, NotOpened};
use std::collections::BTreeMap;
use tokio::sync::oneshot;

/// What a command, or the agent, waits for.
#[derive(Debug)]
struct Waiting {
    command: Option<ActionId>,
    address: Address,
    reply: oneshot::Sender<Result<(), NotOpened>>,
}

/// See the module. They are known by their own actions.
#[derive(Debug, Default)]
pub struct Connections {
    waiting: BTreeMap<ActionId, Waiting>,
}

impl Connections {
    /// Files the connection that a command asks for, or the agent.
    pub fn asked(&mut self, gate: &mut Gate, command: Option<&ActionId>, connect: Connect) {
        let Connect { address, process, reply } = connect;
        if self.waiting.len() >= CONNECTIONS_PENDING_MAX {
            let why =
                format!("{address} was not asked about: {CONNECTIONS_PENDING_MAX} connections are pending already");
            // Whoever no longer waits needs no answer, here and below.
            let _ = reply.send(Err(NotOpened::Busy(why)));
            return;
        }
        if let Some(id) = gate.file_connection(command, &address, process.as_deref()) {
            self.waiting.insert(id, Waiting { command: command.cloned(), address, reply });
        }
    }

    /// Opens the connection that was let through; false when this is none.
    pub fn opened(&mut self, gate: &mut Gate, id: &ActionId) -> bool {
        let Some(Waiting { reply, command, .. }) = self.waiting.remove(id) else { return false };
        let finished = match reply.send(Ok(())) {
            Ok(()) => Finished::of(id.clone(), OutcomeWord::Ok, None),
            Err(_) => {
                let who = command.map_or_else(|| "the agent".to_owned(), |command| command.to_string());
                let why = format!("{who} does not wait for it any more");
                Finished::of(id.clone(), OutcomeWord::Failed, Some(why))
            }
        };
        gate.quietly(Input::Finish { action: id.clone(), finished: Box::new(finished) });
        true
    }

    /// Passes on the word against a connection.
    pub fn answered(&mut self, id: &ActionId, said: &Reply) {
        let why = match said {
            Reply::Approved { .. } => return,
            Reply::Denied { reason, by_rule: Some(rule), .. } => format!("was denied by the rule {rule}: {reason}"),
            Reply::Denied { reason, .. } | Reply::Redirected { reason, .. } if !reason.is_empty() => {
                format!("was denied by the supervisor: {reason}")
            }
            Reply::Denied { .. } | Reply::Redirected { .. } => "was denied by the supervisor".to_owned(),
            Reply::Lapsed { .. } => "was not decided".to_owned(),
        };
        if let Some(Waiting { address, reply, .. }) = self.waiting.remove(id) {
            let why = format!("{address} {why}");
            // What nobody decided is asked about again: the agent lives on after a canceled turn.
            let is_lapsed = matches!(said, Reply::Lapsed { .. });
            let not = if is_lapsed { NotOpened::Busy(why) } else { NotOpened::Denied(why) };
            let _ = reply.send(Err(not));
        }
    }

    /// The command has ended: what it waited for is void.
    pub fn ended(&mut self, gate: &mut Gate, command: &ActionId) {
        let over: Vec<ActionId> = self
            .waiting
            .iter()
            .filter(|(_, one)| one.command.as_ref() == Some(command))
            .map(|(id, _)| id.clone())
            .collect();
        for id in over {
            self.waiting.remove(&id);
            let detail = Some(format!("{command} has ended"));
            gate.quietly(Input::Lapse { action: id, why: LapseWhy::Canceled, detail });
        }
    }
}
