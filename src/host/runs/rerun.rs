//! Runs of the checks that nobody asks for one by one: after approved edits, or after every change. One at a time; what
//! changes meanwhile is one run more.

use super::{Gate, Msg, Runs};
use crate::base::ActionId;
use crate::host::actor;
use crate::host::limits::CHECKS_SETTLE_MS;
use crate::model::Kind;
use crate::model::event::{Mode, OutcomeWord, RunAfter};
use crate::model::session::Phase;
use std::time::Duration;

/// What changed since the last run.
#[derive(Debug, Default)]
pub struct Rerun {
    /// In words why the next run is made; `None` when nothing changed.
    due: Option<String>,
    /// A moment is waited for, in which more may change.
    settles: bool,
}

fn run_after(gate: &Gate) -> RunAfter {
    let configured = gate.checks().map_or(RunAfter::Never, |checks| checks.run_after);
    // An agent that may only read has nothing run for it.
    match gate.session().mode {
        Mode::Observe => RunAfter::Never,
        Mode::Step | Mode::Plan | Mode::Guarded => gate.session().rules.run_after().unwrap_or(configured),
    }
}

/// An action has ended: an edit makes a run due, and the end of one lets the next begin.
pub fn ended(runs: &mut Runs, gate: &Gate, id: &ActionId) {
    let Some(state) = gate.session().actions.get(id) else { return };
    let is_edit = state.action.kind() == Kind::Edit && state.phase == Phase::Finished(OutcomeWord::Ok);
    let files = state.finished.as_ref().and_then(|finished| finished.files.as_ref());
    let is_command = state.action.kind() == Kind::Command && !state.action.checks && state.action.trial().is_none();
    let changes = is_command && files.is_some_and(|files| !files.is_empty());
    let is_due = match run_after(gate) {
        RunAfter::Never => false,
        RunAfter::Edits => is_edit,
        RunAfter::Changes => is_edit || changes,
    };
    if is_due {
        runs.rerun.due = Some(format!("{id} changed files"));
    }
    settle(runs);
}

/// Somebody else changed a file.
pub fn changed(runs: &mut Runs, gate: &Gate, path: &str) {
    if run_after(gate) == RunAfter::Changes {
        runs.rerun.due = Some(format!("{path} changed"));
        settle(runs);
    }
}

fn settle(runs: &mut Runs) {
    if runs.rerun.due.is_none() || std::mem::replace(&mut runs.rerun.settles, true) {
        return;
    }
    let to_actor = runs.to_actor.clone();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(CHECKS_SETTLE_MS)).await;
        let _ = to_actor.send(actor::Msg::Runs(Msg::Settled)).await;
    });
}

/// Begins the run, unless one is open: its end comes back here.
pub fn settled(runs: &mut Runs, gate: &mut Gate) {
    runs.rerun.settles = false;
    if gate.session().actions.open().any(|state| state.action.checks) || gate.session().ended.is_some() {
        return;
    }
    if let Some(why) = runs.rerun.due.take().filter(|_| run_after(gate) != RunAfter::Never) {
        gate.file_checks(&why);
    }
}
