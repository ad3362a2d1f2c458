//! The client as a whole, without a terminal: what keys do, what screens show, and what drawing costs.

mod always;
mod budgets;
mod cases;
mod files;
mod follow;
mod form;
mod hands;
mod hands_seat;
mod network;
mod options;
mod snapshots;
pub mod stage;
mod talking;
mod target;
