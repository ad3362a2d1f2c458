//! The drill of the stop at the start of a session: recorded once; a failed one raises an alarm and ends
//! the leases. One that proved nothing is a note in the record.

use super::actor::Msg;
use super::gate::Gate;
use crate::host::limits::DRILL_AFTER_MS;
use crate::model::AlarmKind;
use crate::model::event::{Drilled, DrilledRung, Event, LeaseRevoked};
use std::time::Duration;
use tokio::sync::mpsc;

/// Starts the drill when the first screen is drawn and the agent is starting: nobody waits for it.
pub fn begin(gate: &Gate, to_actor: &mpsc::Sender<Msg>) {
    let (workspace, to_actor) = (gate.workspace().clone(), to_actor.clone());
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(DRILL_AFTER_MS)).await;
        let rungs = workspace.drill().await;
        if !rungs.is_empty() {
            drop(to_actor.send(Msg::Drilled(rungs)).await);
        }
    });
}

/// Records a drill. True when it failed: a stop cannot be relied on, and no lease approves any more.
pub fn record(gate: &mut Gate, rungs: Vec<DrilledRung>) -> bool {
    let drilled = Drilled { rungs };
    let failed: Vec<String> = drilled.failed().map(DrilledRung::line).collect();
    let mut events = vec![Event::Drilled(drilled)];
    if failed.is_empty() {
        gate.record_all(events);
        return false;
    }
    let why = "the drill of the stop failed".to_owned();
    let leases = gate.session().leases.iter().filter(|lease| lease.revoked.is_none());
    let revoked = leases.map(|lease| LeaseRevoked { lease: lease.granted.lease.clone(), why: why.clone() });
    events.extend(revoked.map(Event::LeaseRevoked));
    gate.record_all(events);
    let text = format!("a stop may leave processes running ({}); every action asks from now on", failed.join("; "));
    gate.alarm(AlarmKind::Drill, text);
    true
}
