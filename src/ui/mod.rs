//! The terminal client: state, update, view. Never names host, agent, workspace or journal.

pub mod app;
pub mod commands;
mod composer;
mod entry;
pub mod home;
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
pub mod terminal;
#[cfg(test)]
mod tests;
pub mod theme;
mod view;
pub mod welcome;
pub mod workers;

pub use panes::inbox::action_words;
pub use view::view;
