//! The clients that are connected, and which of them has control.

use super::follow::{Followed, Following};
use super::gate::Gate;
use super::{client_name, recent, snapshot};
use crate::base::{ClientId, UnixMs};
use crate::host::limits::{CLIENTS_MAX, CONTROL_ASK_MS, CONTROL_AT_WORK_MS};
use crate::model::ClientChange;
use crate::model::event::{ClientChanged, Event};
use crate::wire::{Attach, AttachedAs, Code, ControlWish, Controlled, PROTOCOL, RpcError, SeatView, Seen};
use std::collections::BTreeMap;
use tokio::sync::watch;

pub struct Seats {
    total: u64,
    /// The client that started the session is on its way.
    first_is_coming: bool,
    clients: BTreeMap<ClientId, Seat>,
    followed: Followed,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// It is connected and has not attached.
    Empty,
    Taken,
    /// Attached to read only: it never has control.
    Reader,
    /// Attached by a script, which decides without control.
    Script,
    /// Attached by an inbox over several sessions, in which the user decides.
    Inbox,
}

#[derive(Clone, Copy)]
struct Seat {
    kind: Kind,
    /// A person looks at it.
    person: bool,
    /// It attached to have control, whatever became of that: it may stop the session.
    wants_control: bool,
    /// When its user did something last.
    used_at: UnixMs,
}

impl Seat {
    const EMPTY: Self = Self { kind: Kind::Empty, person: false, wants_control: false, used_at: UnixMs(0) };

    fn is_at_work(&self, now: UnixMs) -> bool {
        self.person && now.since(self.used_at) < CONTROL_AT_WORK_MS
    }
}

impl Seats {
    /// `total` clients had the session before.
    pub fn new(total: u64, is_detached: bool) -> Self {
        Self {
            total,
            first_is_coming: total == 0 && !is_detached,
            clients: BTreeMap::new(),
            followed: Followed::default(),
        }
    }

    /// What those who follow and those who are followed are told.
    pub fn followed(&self) -> watch::Receiver<Following> {
        self.followed.told()
    }

    /// The name of a new connection; `None` when [`CLIENTS_MAX`] are connected.
    pub fn welcome(&mut self) -> Option<ClientId> {
        if self.clients.len() >= CLIENTS_MAX {
            return None;
        }
        self.total += 1;
        self.first_is_coming = false;
        let name = client_name(self.total);
        self.clients.insert(name.clone(), Seat::EMPTY);
        Some(name)
    }

    pub fn left(&mut self, gate: &mut Gate, client: &ClientId) {
        self.followed.follow(client, false);
        if self.clients.remove(client).is_some_and(|seat| seat.kind != Kind::Empty) {
            gate.record(changed(client, ClientChange::Left));
        }
    }

    /// The user of this client is there.
    pub fn used(&mut self, client: &ClientId, now: UnixMs) {
        if let Some(seat) = self.clients.get_mut(client) {
            seat.used_at = now;
        }
    }

    pub fn is_empty(&self) -> bool {
        self.clients.is_empty()
    }

    /// Whether somebody can see what goes on: a script that decides does not.
    pub fn is_attended(&self) -> bool {
        self.clients.values().any(|seat| matches!(seat.kind, Kind::Taken | Kind::Reader))
    }

    /// Whether this client may stop the session without control: it wanted control for that, and somebody has it.
    pub fn may_stop(&self, client: &ClientId) -> bool {
        self.clients.get(client).is_some_and(|seat| seat.wants_control)
    }

    /// No client is here, and none is on its way.
    pub fn all_left(&self) -> bool {
        self.clients.is_empty() && !self.first_is_coming
    }

    /// The name under which this client decides without control, if it may.
    pub fn decides_as(&self, client: &ClientId) -> Option<ClientId> {
        match self.clients.get(client)?.kind {
            Kind::Script => Some(ClientId::of_script(client)),
            Kind::Inbox => Some(client.clone()),
            Kind::Empty | Kind::Taken | Kind::Reader => None,
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
        let kind = match (attach.script, attach.inbox, attach.control) {
            (true, _, _) => Kind::Script,
            (false, true, _) => Kind::Inbox,
            (false, false, Some(false)) => Kind::Reader,
            (false, false, Some(true) | None) => Kind::Taken,
        };
        let now = gate.now();
        let wants_control = kind == Kind::Taken && attach.control == Some(true);
        let seat = Seat { kind, person: attach.person, wants_control, used_at: now };
        let is_first = self.clients.insert(client.clone(), seat).is_some_and(|seat| seat.kind == Kind::Empty);
        let holder = gate.session().clients.control.clone();
        let takes = kind == Kind::Taken && self.takes(holder.as_ref(), attach, now);
        let mut events = Vec::new();
        if is_first {
            events.push(changed(client, ClientChange::Joined));
        }
        if takes {
            events.extend(passed(holder.as_ref(), client));
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

    /// Whether an attach takes control. It gets back what it had on a link that dropped; it never takes it from a person
    /// at work, who can be asked for it.
    fn takes(&self, holder: Option<&ClientId>, attach: &Attach, now: UnixMs) -> bool {
        let Some(holder) = holder else { return true };
        if attach.resume.is_some() {
            return attach.resume.as_ref() == Some(holder);
        }
        let at_work = self.clients.get(holder).is_some_and(|seat| seat.is_at_work(now));
        attach.control == Some(true) && !at_work
    }

    /// Asks for control, gives, refuses or takes it. All of it is recorded.
    pub fn control(&self, gate: &mut Gate, client: &ClientId, wish: &ControlWish) -> Result<Controlled, RpcError> {
        let clients = &gate.session().clients;
        let (holder, now) = (clients.control.clone(), gate.now());
        let is_mine = holder.as_ref() == Some(client);
        let asked_at = clients.asking.iter().find(|(one, _)| one == client).map(|(_, at)| *at);
        let first = clients.asking.first().map(|(one, _)| one.clone());
        let is_seated = |one: &ClientId| self.clients.get(one).is_some_and(|seat| seat.kind == Kind::Taken);
        if !is_seated(client) {
            return Err(RpcError::new(Code::ReadOnly, "this client is read-only: it never has control"));
        }
        let events = match (wish, &holder) {
            (ControlWish::Ask | ControlWish::Take, _) if is_mine => Vec::new(),
            (ControlWish::Ask | ControlWish::Take, None) => passed(None, client),
            (ControlWish::Ask, Some(_)) if asked_at.is_some() => Vec::new(),
            (ControlWish::Ask, Some(_)) => vec![changed(client, ClientChange::AskedControl)],
            (ControlWish::Take, Some(holder)) => {
                let waits_ms = CONTROL_ASK_MS.saturating_sub(asked_at.map_or(0, |at| now.since(at)));
                if self.clients.contains_key(holder) && waits_ms > 0 {
                    return Err(too_early(holder, asked_at.is_some(), waits_ms));
                }
                passed(Some(holder), client)
            }
            (ControlWish::Give(_) | ControlWish::Refuse(_), _) if !is_mine => {
                return Err(RpcError::new(Code::ReadOnly, "this client does not have control"));
            }
            (ControlWish::Give(to), _) => {
                let others = || self.clients.keys().filter(|one| *one != client && is_seated(one));
                let only = others().next().filter(|_| others().count() == 1).cloned();
                let to = to.clone().or(first).or(only);
                let to = to.filter(|to| to != client && is_seated(to));
                passed(Some(client), &to.ok_or_else(|| RpcError::invalid("no other client here can have control"))?)
            }
            (ControlWish::Refuse(whom), _) => {
                let whom = whom.clone().or(first).ok_or_else(|| RpcError::invalid("nobody asks for control"))?;
                vec![changed(&whom, ClientChange::RefusedControl)]
            }
        };
        gate.append(events)?;
        let session = gate.session();
        Ok(Controlled { control: session.clients.control.clone(), seq: session.head })
    }

    /// From now on, or no longer, this client is told where the one with control is.
    pub fn follow(&self, gate: &Gate, client: &ClientId, follow: bool) -> Controlled {
        self.followed.follow(client, follow);
        let session = gate.session();
        Controlled { control: session.clients.control.clone(), seq: session.head }
    }

    /// The client with control says where its user is.
    pub fn show(&self, gate: &Gate, client: &ClientId, view: SeatView) -> Seen {
        if gate.session().clients.control.as_ref() == Some(client) {
            self.followed.show(client, view);
        }
        Seen { seq: gate.session().head }
    }
}

fn changed(client: &ClientId, what: ClientChange) -> Event {
    Event::ClientChanged(ClientChanged { client: client.clone(), what })
}

/// Control passes from one client to another.
fn passed(from: Option<&ClientId>, to: &ClientId) -> Vec<Event> {
    if from == Some(to) {
        return Vec::new();
    }
    let lost = from.map(|from| changed(from, ClientChange::LostControl));
    lost.into_iter().chain([changed(to, ClientChange::TookControl)]).collect()
}

fn too_early(holder: &ClientId, has_asked: bool, waits_ms: u64) -> RpcError {
    let seconds = waits_ms.div_ceil(1_000);
    let text = if has_asked {
        format!("{holder} has control and was asked; it can be taken in {seconds} s")
    } else {
        format!("{holder} has control: ask for it first; without an answer it can be taken after {seconds} s")
    };
    RpcError::new(Code::ReadOnly, text)
}
