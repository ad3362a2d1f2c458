//! rightseat: supervise a coding agent from the right-hand seat.
//!
//! The journal is the session: every fact is an envelope in an append-only log and
//! [`model`]'s session is a pure fold over it. Layers import inward only; see
//! `docs/ARCHITECTURE.md` and `tests/design/` for the table that holds them.

pub mod agent;
pub mod base;
pub mod checks;
pub mod cli;
pub mod config;
pub mod diff;
pub mod host;
pub mod journal;
pub mod markdown;
pub mod model;
pub mod policy;
pub mod port;
pub mod repair;
pub mod syntax;
pub mod ui;
pub mod wire;
pub mod workspace;
