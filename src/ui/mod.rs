//! The terminal client: state, update, view. Never names host, agent, workspace or journal.
