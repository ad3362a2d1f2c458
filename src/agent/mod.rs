//! The proposers: external agents, the built-in loop, the repair agent and scripts.

pub mod acp;
pub mod catalog;
#[expect(clippy::too_many_lines, reason = "the table of tools is one function")]
pub mod llm;
pub mod repair;
pub mod script;
