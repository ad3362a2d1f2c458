//! The Agent Client Protocol.

mod choice;
mod lines;
mod message;
mod patch;
mod peek;
mod place;
mod plans;
mod preview;
mod settings;
mod speak;
mod tools;
