//! The built-in agent against a scripted model server, over real sockets.
#![allow(
    clippy::unwrap_used,
    clippy::too_many_lines,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    reason = "tests may stop at the first surprise"
)]

#[path = "../support/model_server/mod.rs"]
mod model_server;

mod budgets;
mod keys;
mod plan;
mod server;
mod session;
mod small;
mod stages;
mod story;
mod wire;
