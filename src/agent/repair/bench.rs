//! Where changes are tried: the seam between the search and whatever runs a private candidate.

use std::future::Future;

use super::engine::Step;
use crate::port::{Interrupted, Trial, TrialOutput};

/// Why a trial gave nothing.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
    /// The user said something that changes the search.
    #[error("told while searching: {0}")]
    Steered(String),
    /// The candidate refused or failed: the budget is spent, a program is missing.
    #[error("{0}")]
    Refused(String),
}

/// Runs trials one after the other in a private copy of the project.
pub trait Bench: Send {
    /// One run with these whole-file contents laid over the candidate for its duration.
    fn run(&mut self, trial: Trial) -> impl Future<Output = Result<TrialOutput, BenchError>> + Send;

    /// Hears of each step of the search; an error ends it.
    fn tell(&mut self, _step: Step) -> impl Future<Output = Result<(), BenchError>> + Send {
        std::future::ready(Ok(()))
    }
}
