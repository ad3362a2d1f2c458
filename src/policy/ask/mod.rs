//! Questions about a policy that run nothing: what it says, why, and what it would have said.

pub mod check;
pub mod dry_run;
mod explain;

pub use explain::explain;
