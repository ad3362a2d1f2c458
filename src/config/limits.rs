//! Bounds that only `config` keeps, unit in the name. Those that several modules share are in `base::limits`.

/// Largest configuration or policy file in bytes.
pub const CONFIG_FILE_BYTES_MAX: u64 = 1024 * 1024;
/// Shortest time in milliseconds that an item must have been on screen before it can be approved; may be set longer.
pub const APPROVAL_ARM_MS_MIN: u64 = 300;
/// Longest such time: a seat where nothing can be approved is useless.
pub const APPROVAL_ARM_MS_MAX: u64 = 10_000;
/// Shortest and longest pause between two looks of a polling watcher, in milliseconds.
pub const WATCH_POLL_MS_MIN: u64 = 200;
pub const WATCH_POLL_MS_MAX: u64 = 60_000;
/// Longest time-out that a run of checks can be given, in seconds.
pub const CHECK_TIMEOUT_S_MAX: u64 = 24 * 60 * 60;
/// Most days, and MiB of state, that a limit can be set to.
pub const KEEP_DAYS_MAX: u64 = 36_500;
pub const KEEP_MIB_MAX: u64 = 1024 * 1024 * 1024;
/// Weight of a factor of the risk, in percent.
pub const RISK_PERCENT_MAX: u64 = 1_000;
