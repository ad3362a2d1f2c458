//! Conformance of the Agent Client Protocol adapter: a fake agent that plays every quirk and lie, the real workspace, the
//! real host, and a client that decides.
#![allow(
    clippy::unwrap_used,
    clippy::too_many_lines,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    clippy::wildcard_enum_match_arm,
    reason = "tests fail by panicking"
)]

#[path = "../support/alone.rs"]
mod alone;
#[path = "../support/fake_agent.rs"]
mod fake_agent;
#[path = "../support/holder.rs"]
mod holder;

mod changed;
mod copy;
mod deaths;
mod drill;
mod gate;
mod hostile;
mod lies;
mod lifecycle;
mod options;
mod plan;
mod prompts;
mod seat;
mod streams;
mod terminals;
mod unseen;

/// This binary is also the fake agent: started again with a script in its environment it plays that instead.
#[test]
fn plays_the_fake_agent_when_told() {
    if std::env::var_os(fake_agent::SCRIPT).is_some() {
        fake_agent::play();
        std::process::exit(0);
    }
}
