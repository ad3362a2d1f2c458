//! The built-in agent: a bare model made into a supervised one.
//!
//! Every action it wants goes through the port's gate; this module never writes a file and never
//! starts a command on its own. Pure cores: `providers` (wire formats), `reply`, `turn`; effects:
//! `http`. Provider words end in `providers`, keys are a `Secret`.

mod agent;
mod budget;
mod calling;
mod catalog;
mod crew;
mod delta;
mod dialect;
mod discover;
mod edits;
mod fault;
mod http;
mod keys;
mod limits;
mod loose;
mod map;
mod perform;
mod plan;
mod printed;
mod prompt;
mod providers;
mod repeats;
mod reply;
mod request;
mod settings;
mod shown;
mod slash;
mod talk;
mod tools;
mod turn;
mod watch;

pub use agent::LlmAgent;
pub use catalog::Catalog;
pub use discover::{Found, discover};
pub use settings::{LlmConfig, Settings};
// One completion over the wire: `tests/llm` plays it against a server.
pub use fault::Fault;
pub use http::{Endpoint, Patience, Progress, complete};
pub use providers::Api;
pub use reply::{Closed, Reply};
pub use request::{Message, Request, Thinking, ToolSpec};
