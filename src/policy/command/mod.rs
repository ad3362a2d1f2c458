//! The effect of a command line, as far as its words tell: how a shell reads it, which programs it starts and where,
//! what they read, write and reach. Nothing here rules on anything.

pub(super) mod class;
pub(super) mod course;
pub(super) mod named;
pub(super) mod options;
pub(super) mod programs;
pub(super) mod reach;
pub(super) mod reading;
pub(super) mod repository;
pub mod shell;
pub(super) mod spelling;
pub(super) mod tokens;
