//! The embedded repair agent: finds small bugs by trying typed changes against the tests, offline.

pub mod operators;
pub mod scope;
pub mod source;
