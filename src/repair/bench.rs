//! The interface between the search and whatever runs a private candidate.

use super::engine::Step;
use crate::model::{Trial, TrialOutput};
use std::future::Future;

/// Runs trials one after the other in a private copy of the project.
pub trait Bench: Send {
    /// The reason that a trial has no result; it ends the search.
    type Error: Send;

    /// One run with these whole-file contents applied to the candidate for its duration.
    fn run(&mut self, trial: Trial) -> impl Future<Output = Result<TrialOutput, Self::Error>> + Send;

    /// Receives each step of the search; an error ends it.
    fn report(&mut self, _step: Step) -> impl Future<Output = Result<(), Self::Error>> + Send {
        std::future::ready(Ok(()))
    }
}
