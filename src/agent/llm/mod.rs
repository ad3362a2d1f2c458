//! The built-in agent: a bare model made into a supervised one.
//!
//! Every action it wants goes through the port's gate; this module never writes a file and never
//! starts a command on its own. Pure cores: `providers` (wire formats), `reply`, `turn`; effects:
//! `http`. Provider words end in `providers`, keys end in `secret`.

pub mod agent;
pub mod budget;
pub mod calling;
pub mod catalog;
pub mod crew;
pub mod delta;
pub mod dialect;
pub mod discover;
pub mod edits;
pub mod fault;
pub mod http;
pub mod keys;
pub mod limits;
pub mod loose;
pub mod map;
pub mod perform;
pub mod plan;
pub mod printed;
pub mod prompt;
pub mod providers;
pub mod repeats;
pub mod reply;
pub mod request;
pub mod secret;
pub mod settings;
pub mod talk;
pub mod tools;
pub mod turn;
pub mod watch;

pub use agent::LlmAgent;
pub use catalog::{Catalog, CatalogError};
pub use discover::{Found, discover};
pub use settings::{LlmConfig, Settings, SettingsError};
