//! The clients that are connected, and which of them has control.

use super::gate::Gate;
use super::{client_name, recent, snapshot};
use crate::base::ClientId;
use crate::host::limits::CLIENTS_MAX;
use crate::model::ClientChange;
use crate::model::event::{ClientChanged, Event};
use crate::wire::{Attach, AttachedAs, PROTOCOL, RpcError};
use std::collections::BTreeMap;

pub struct Seats {
    total: u64,
    clients: BTreeMap<ClientId, Seat>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Seat {
    /// It is connected and has not attached.
    Empty,
    Taken,
    /// Attached by a script, which decides without control.
    Script,
    /// Attached by an inbox over several sessions, in which the user decides.
    Inbox,
}

impl Seats {
    /// `total` clients had the session before.
    pub fn new(total: u64) -> Self {
        Self { total, clients: BTreeMap::new() }
    }

    /// The name of a new connection; `None` when [`CLIENTS_MAX`] are connected.
    pub fn welcome(&mut self) -> Option<ClientId> {
        if self.clients.len() >= CLIENTS_MAX {
            return None;
        }
        self.total += 1;
        let name = client_name(self.total);
        self.clients.insert(name.clone(), Seat::Empty);
        Some(name)
    }

    pub fn left(&mut self, gate: &mut Gate, client: &ClientId) {
        if self.clients.remove(client).is_some_and(|seat| seat != Seat::Empty) {
            gate.record(Event::ClientChanged(ClientChanged { client: client.clone(), what: ClientChange::Left }));
        }
    }

    pub fn is_empty(&self) -> bool {
        self.clients.is_empty()
    }

    /// Whether somebody can see what goes on: a script that decides does not.
    pub fn is_attended(&self) -> bool {
        self.clients.values().any(|seat| *seat == Seat::Taken)
    }

    /// Some client was here, and none is now. Before that the first one may be on its way still.
    pub fn all_left(&self) -> bool {
        self.clients.is_empty() && self.total > 0
    }

    /// The name under which this client decides without control, if it may.
    pub fn decides_as(&self, client: &ClientId) -> Option<ClientId> {
        match self.clients.get(client)? {
            Seat::Script => Some(ClientId::of_script(client)),
            Seat::Inbox => Some(client.clone()),
            Seat::Empty | Seat::Taken => None,
        }
    }

    pub fn attach(&mut self, gate: &mut Gate, client: &ClientId, attach: &Attach) -> Result<AttachedAs, RpcError> {
        if PROTOCOL < attach.protocol.min || PROTOCOL > attach.protocol.max {
            let text = format!(
                "this host speaks protocol {PROTOCOL}, the client {}–{}",
                attach.protocol.min, attach.protocol.max
            );
            return Err(RpcError::invalid(text));
        }
        let seat = match (attach.script, attach.inbox) {
            (true, _) => Seat::Script,
            (false, true) => Seat::Inbox,
            (false, false) => Seat::Taken,
        };
        let is_first = self.clients.insert(client.clone(), seat) == Some(Seat::Empty);
        let holder = gate.session().clients.control.clone();
        let takes = seat == Seat::Taken && attach.control.unwrap_or(holder.is_none());
        let mut events = Vec::new();
        let mut change = |client: &ClientId, what| {
            events.push(Event::ClientChanged(ClientChanged { client: client.clone(), what }));
        };
        if is_first {
            change(client, ClientChange::Joined);
        }
        if takes && holder.as_ref() != Some(client) {
            if let Some(old) = &holder {
                change(old, ClientChange::LostControl);
            }
            change(client, ClientChange::TookControl);
        }
        // A journal in trouble must not keep a user from reading what happened.
        if let Err(trouble) = gate.append(events) {
            tracing::warn!(%trouble, "an attach is not recorded");
        }
        let session = gate.session();
        Ok(AttachedAs {
            protocol: PROTOCOL,
            session: session.opened.as_ref().map(|o| o.session.clone()).unwrap_or_default(),
            head: session.head,
            client: client.clone(),
            control: session.clients.control.as_ref() == Some(client),
            now: gate.now(),
            snapshot: snapshot::wanted(session, attach),
            recent: recent::is_wanted(session.head, attach),
            pack: None,
        })
    }
}
