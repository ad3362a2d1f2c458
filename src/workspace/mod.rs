//! The only writer and spawner: guarded edits, commands and their process trees, the census, the
//! watcher, checkpoints and candidates. It decides nothing; it executes what it is permitted.

pub mod candidate;
pub mod census;
pub mod checkpoint;
pub mod content;
pub mod drill;
pub mod edit;
pub mod egress;
mod head;
pub mod launch;
pub mod layer;
pub mod limits;
pub mod listing;
pub mod live;
pub mod root;
pub mod run;
pub mod touched;
pub mod tree;
pub mod watch;

pub use live::{LiveWorkspace, Settings};
