//! The fleet in a build without it: no machines, and the reason.

use super::args::Shared;
use super::far::AskError;
use crate::base::{ActionId, SessionId};
use crate::ui::home::Told;
use crate::wire::{Decide, Machine, Shown};
use tokio::sync::mpsc;

const WHY: &str = "this build has no fleet: build rightseat with `--features nats`";

pub fn machine_of(_host: &str) -> Option<&str> {
    None
}

pub async fn found(_shared: &Shared) -> Result<Vec<Machine>, String> {
    Ok(Vec::new())
}

pub async fn watch(_shared: Shared, _tell: mpsc::Sender<Machine>, _done: mpsc::Sender<Told>) {}

pub async fn shown(
    _shared: &Shared,
    _machine: &str,
    _session: &SessionId,
    _action: &ActionId,
) -> Result<Shown, String> {
    Err(WHY.to_owned())
}

pub async fn ask(_machine: &str, _session: &SessionId, _decide: Decide) -> Result<(), AskError> {
    Err(AskError::Link { why: WHY.to_owned(), sent: false })
}

pub async fn connect(_shared: &Shared) {}

pub async fn decide(_shared: &Shared, machine: &str, session: &SessionId, decide: Decide) -> Result<(), AskError> {
    ask(machine, session, decide).await
}
