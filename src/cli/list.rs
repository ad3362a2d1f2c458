//! Lists sessions and their pending actions, read from their journals without contacting their hosts.

use super::args::Shared;
use super::place::{Places, SessionPlace};
use super::{DONE, Done, Fail, print, socket};
use crate::base::Seq;
use crate::base::limits::CLIENT_READ_EVENTS_MAX;
use crate::base::text::Untrusted;
use crate::journal::{Journal, Reader};
use crate::model::Session;
use serde_json::{Value, json};

/// The present state of one session.
struct Seen {
    place: SessionPlace,
    session: Session,
    is_up: bool,
}

fn fold(place: &SessionPlace) -> Result<Session, Fail> {
    if !Journal::is_begun(&place.journal()) {
        return Ok(Session::default());
    }
    let reader = Reader::open(&place.journal())?;
    let mut session = Session::default();
    loop {
        let records = reader.read(session.head.next().max(Seq(1)), CLIENT_READ_EVENTS_MAX)?;
        if records.is_empty() {
            return Ok(session);
        }
        records.iter().for_each(|r| session.apply(&r.envelope()));
    }
}

/// The sessions that can be read, and how many cannot.
fn all(shared: &Shared) -> Result<(Vec<Seen>, usize), Fail> {
    let places = Places::open(shared.state_dir())?;
    let (mut seen, mut unreadable) = (Vec::new(), 0);
    for place in places.all() {
        // A journal that cannot be read must not hide the others.
        match fold(&place) {
            Ok(session) => {
                let is_up = socket::is_up(&place.socket());
                seen.push(Seen { place, session, is_up });
            }
            Err(fail) => {
                unreadable += 1;
                super::complain(&format!("{}: {}", place.id, fail.text));
            }
        }
    }
    Ok((seen, unreadable))
}

impl Seen {
    fn state(&self) -> &'static str {
        match (&self.session.ended, self.is_up) {
            (Some(_), false) => "ended",
            (Some(_), true) => "ended, open",
            (None, true) if self.session.actions.held().next().is_some() => "waits",
            (None, true) if self.session.turns.current.is_some() => "works",
            (None, true) => "idle",
            (None, false) => "resumable",
        }
    }
}

/// `rightseat ls`.
pub fn sessions(shared: &Shared, json: bool) -> Done {
    let (seen, unreadable) = all(shared)?;
    if json {
        let rows: Vec<Value> = seen
            .iter()
            .map(|s| {
                let opened = s.session.opened.as_ref();
                json!({
                    "session": s.place.id,
                    "state": s.state(),
                    "running": s.is_up,
                    "workspace": opened.map(|o| &o.workspace),
                    "agent": opened.map(|_| &s.session.agent.ready.agent),
                    "mode": s.session.mode,
                    "goal": opened.and_then(|o| o.goal.as_ref()),
                    "held": s.session.actions.held().count(),
                    "actions": s.session.actions.len(),
                    "alarms": s.session.alarms.total,
                    "head": s.session.head,
                    "at": s.session.at,
                    "ended": s.session.ended,
                })
            })
            .collect();
        print(&Value::Array(rows).to_string())?;
        return Ok(DONE);
    }
    if seen.is_empty() && unreadable == 0 {
        print("no sessions yet; start one with `rightseat` or `rightseat demo`")?;
    }
    for s in &seen {
        let opened = s.session.opened.as_ref();
        let workspace = Untrusted::new(opened.map(|o| o.workspace.as_str()).unwrap_or_default());
        let agent = Untrusted::new(s.session.agent.ready.agent.name.as_str());
        let held = s.session.actions.held().count();
        let row = format!(
            "{:<32} {:<11} {:>3} held  {:<12} {}",
            s.place.id.as_str(),
            s.state(),
            held,
            agent.visible(),
            workspace.visible()
        );
        print(&row)?;
    }
    Ok(DONE)
}

/// `rightseat inbox`.
pub fn inbox(shared: &Shared, json: bool) -> Done {
    let (seen, _) = all(shared)?;
    let mut rows = Vec::new();
    let open = || seen.iter().filter(|s| s.session.ended.is_none());
    if !json && open().all(|s| s.session.actions.held().next().is_none()) {
        print("nothing is pending")?;
    }
    for s in open() {
        for held in s.session.actions.held() {
            if json {
                rows.push(json!({
                    "session": s.place.id,
                    "running": s.is_up,
                    "action": held.action,
                    "held_at": held.times.held_at,
                    "ruled": held.ruled,
                }));
            } else {
                let risk = held.action.risk.as_ref().map_or(0, |r| r.score);
                let title = Untrusted::new(held.action.title.as_str());
                print(&format!(
                    "{:<32} {:<5} risk {risk:>3}  {}",
                    s.place.id.as_str(),
                    held.action.id.as_str(),
                    title.visible()
                ))?;
            }
        }
    }
    if json {
        print(&Value::Array(rows).to_string())?;
    }
    Ok(DONE)
}
