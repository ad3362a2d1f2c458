//! Typed settings in layers; a project may only tighten.
//!
//! Built-in values, then the user's `config.toml`, then the flags of this start, then the project's
//! `.rightseat/config.toml`. The last comes from the workspace, where agents write: it can make the mode stricter, the
//! isolation stronger, the budgets smaller and the list of guarded paths longer, and nothing else.

mod anchor;
mod broker;
mod checks;
mod error;
mod faults;
mod file;
mod keeping;
mod layer;
mod layers;
pub mod limits;
mod load;
mod nats;
mod otlp;
mod paths;
mod quiet;
mod risk;
mod rows;
mod stop;

pub use anchor::{AnchorFile, AnchorSettings, GitFile, Outward};
pub use broker::Brokered;
pub use checks::{CheckSettings, Checks};
pub use error::ConfigError;
pub use file::{File, Notifications, Specialist, Ui, Watch, parse, schema};
pub use keeping::{HostFile, Keeping, StateFile};
pub use layer::{LayerFile, LayerSettings, LayerUse};
pub use layers::{Budget, Calls, IsolationChoice, Layer, Polling, Resolved, Settings, Signs, TestCommand, resolve};
pub use load::{load, read_beside};
pub use nats::{NatsFile, NatsSettings, is_subject_word};
pub use otlp::OtlpFile;
pub use paths::{Paths, Places};
pub use quiet::Quiet;
pub use risk::RiskFile;
pub use stop::{StopFile, StopSettings};
