//! The embedded repair agent: finds small bugs by trying typed changes against the tests, offline.

pub mod bench;
pub mod engine;
pub mod harness;
pub mod localise;
pub mod operators;
pub mod project;
pub mod scope;
pub mod search;
pub mod source;
pub mod steer;
