//! A layer: a private overlay of the workspace, mounted at the workspace's own path, in namespaces of its own. What a
//! command does in it stays in the upper directory, which belongs to that command alone, until it is promoted.
//!
//! ```text
//! host: Layer (upper and work directories) ── launcher: separate ── init: enter, walls ── the command
//! ```
//!
//! The launcher takes user, pid, IPC and network namespaces (`separate`); its init, which is pid 1 in them, makes the
//! mounts (`enter`), gives up its capabilities and closes the rest (`walls`), and starts the command. Like the launcher,
//! all of it is safe code between two `exec`s.

mod enter;
mod kept;
mod machine;
mod mounts;
mod owners;
mod places;
mod plan;
mod probe;
mod promote;
mod read;
mod separate;
mod view;
mod walls;

pub use enter::enter;
pub use kept::{Layer, LeftOver, Tree, clear_left_over, remove};
pub use machine::Machine;
pub use places::{BuildFolders, programs};
pub use plan::{Bind, Plan};
pub use probe::{NoLayer, available};
pub use promote::Promoted;
pub use read::{Change, Changes, Covering, Marks, Others, What};
pub use separate::{map, separate};
pub use view::View;
