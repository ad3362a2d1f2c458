//! The terminal client: state, update, view. Never names host, agent, workspace or journal.

pub mod app;
pub mod commands;
mod entry;
pub mod keymap;
pub mod layout;
mod list;
pub mod look;
mod overlays;
mod panes;
pub mod terminal;
pub mod theme;
mod view;
pub mod workers;

pub use view::view;
