//! The terminal client: state, update, view. Never names host, agent, workspace or journal.

pub mod app;
pub mod commands;
mod entry;
mod inherit;
pub mod keymap;
pub mod layout;
pub mod limits;
mod linear;
mod list;
pub mod look;
mod overlays;
mod panes;
pub mod run;
#[cfg(test)]
mod snapshots;
#[cfg(test)]
mod stage;
pub mod terminal;
pub mod theme;
mod view;
pub mod workers;

pub use view::view;
#[cfg(test)]
mod budgets;
#[cfg(test)]
mod hands;
#[cfg(test)]
mod hands_seat;
