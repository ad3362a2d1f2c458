//! The embedded repair agent: finds small bugs by trying typed changes against the tests, offline.

#![allow(clippy::collapsible_if, reason = "operators ask one question about a node after the other")]

pub mod agent;
pub mod bench;
pub mod engine;
pub mod harness;
pub mod hints;
pub mod limits;
pub mod localise;
pub mod operators;
pub mod plan;
pub mod playground;
pub mod project;
pub mod report;
pub mod runner;
pub mod scope;
pub mod search;
pub mod source;
pub mod steer;

pub use agent::Repair;
