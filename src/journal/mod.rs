//! The append-only, hash-chained log of a session, and the only birthplace of a permit.

mod permit;

pub use permit::Permit;
