//! Bounds that only `agent::catalog` keeps, unit in the name. Those that several modules share are in `base::limits`.

/// Shortest time limit of a start; `agents.toml` can only raise it. Python agents take 20–30 s.
pub const ACP_START_TIMEOUT_S_MIN: u64 = 60;
/// Size of a file or of an option's text in `agents.toml`.
pub const CATALOG_FILE_BYTES_MAX: u64 = 1024 * 1024;
