//! Stories: what a human does and sees, told with the real binary on a real pseudo-terminal at three sizes.
#![allow(
    clippy::unwrap_used,
    clippy::too_many_lines,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "tests fail by panicking"
)]

#[path = "../support/audit.rs"]
mod audit;
#[path = "../support/fake_agent.rs"]
mod fake_agent;
#[path = "../support/model_server/mod.rs"]
mod model_server;
#[cfg(feature = "nats")]
#[allow(dead_code, reason = "the headless tests use the rest of it")]
#[path = "../support/nats.rs"]
mod nats;
#[path = "../support/screen.rs"]
mod screen;
#[allow(dead_code, reason = "the headless tests use the rest of it")]
#[path = "../support/seat.rs"]
mod seat;
#[path = "../support/sshd.rs"]
mod sshd;

/// Tells a story at every size, a test each.
macro_rules! at_every_size {
    ($($story:ident),+ $(,)?) => {
        mod at_80x24 { $(#[test] fn $story() { super::$story(crate::screen::SIZES[0]); })+ }
        mod at_120x40 { $(#[test] fn $story() { super::$story(crate::screen::SIZES[1]); })+ }
        mod at_200x50 { $(#[test] fn $story() { super::$story(crate::screen::SIZES[2]); })+ }
    };
}

mod always;
mod budgets;
mod chaos;
mod comments;
mod compare;
mod composer;
mod decide;
mod external;
#[cfg(feature = "nats")]
mod fleet;
mod form;
mod home;
mod hostile;
mod journeys;
mod layer;
mod links;
mod looks;
mod model;
mod multiplexers;
mod network;
mod options;
mod plan;
mod reports;
mod ssh;
mod takeback;
mod talk;
mod terminal;
mod tests_pane;
mod welcome;

/// This binary is also the fake agent: started again with a script in its environment it plays that instead.
#[test]
fn plays_the_fake_agent_when_told() {
    if std::env::var_os(fake_agent::SCRIPT).is_some() {
        fake_agent::play();
        std::process::exit(0);
    }
}
