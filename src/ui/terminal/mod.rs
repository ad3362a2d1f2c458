//! Everything between a picture in memory and the bytes a terminal gets: the screen, its painter, the last
//! filter, the modes we set and how they are given back. Nothing here knows what is drawn.

pub mod filter;
pub mod input;
pub mod links;
pub mod modes;
pub mod outlet;
mod paint;
mod pen;
pub mod screen;
mod scroll;

pub use input::{Input, Key};
pub use modes::{Modes, TerminalError};
pub use screen::{Frame, Screen};
