//! Finds small bugs by trying typed changes against the tests, offline: [`search`] over a [`Project`] on a [`Bench`].
//!
//! Pure but for the monotonic clock that keeps a search within its budget: whatever has to be run goes through the
//! bench, whoever talks to the user says what [`report`] gives. Sources are parsed by `syntax`, runners detected and
//! coverage read by `checks`.

mod bench;
mod engine;
mod harness;
mod hints;
pub mod limits;
mod localise;
mod operators;
mod playground;
mod project;
pub mod report;
mod runner;
mod scope;
mod search;
mod source;
mod steer;

pub use bench::Bench;
pub use engine::{Budget, Memory, Outcome, Step, search};
pub use harness::{DRIVER, commands};
pub use operators::propose;
pub use playground::PLAYGROUND;
pub use project::{Project, ProjectError};
pub use source::Source;
pub use steer::{Known, Steering};
