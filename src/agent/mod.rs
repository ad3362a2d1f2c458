//! The proposers: external agents, the built-in loop, the repair agent and scripts.

pub mod acp;
pub mod catalog;
pub mod llm;
pub mod repair;
pub mod script;
