//! Sessions of the real binary, headless: the life of an action on a real disk.
#![allow(
    dead_code,
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::too_many_lines,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "a test stops where its expectation fails; shared support is not used whole by every test"
)]

#[path = "../support/everybody.rs"]
mod everybody;
#[cfg(feature = "nats")]
#[path = "../support/nats.rs"]
mod nats;
#[path = "../support/rounds.rs"]
mod rounds;
#[path = "../support/seat.rs"]
mod seat;

mod agent_layer;
mod agent_network;
mod agents;
mod always;
mod anchor;
mod attribution;
mod branch;
mod broker;
mod candidate;
mod comments;
mod compare;
mod crash;
mod dependents;
mod doubt;
mod drill;
mod egress;
#[cfg(feature = "nats")]
mod fleet;
mod gate;
mod layer;
mod life;
mod lists;
mod notes;
#[cfg(feature = "otlp")]
mod otlp;
mod plan;
mod prompts;
mod rails;
mod repair;
mod restore;
mod search;
mod seats;
mod stop;
mod surroundings;
mod verdict;
mod wire;
