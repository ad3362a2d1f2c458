//! Bounds that only the repair agent's desk keeps, unit in the name. Those of the search are in `repair::limits`.

/// The repair agent's first run of the tests in the workspace, in milliseconds.
pub const REPAIR_FIRST_RUN_MS_MAX: u64 = 20_000;
/// The same where the tests are built before they run.
pub const REPAIR_FIRST_RUN_COMPILED_MS_MAX: u64 = 40_000;
/// Proposals of one turn before the agent gives up on an agreement.
pub const REPAIR_PROPOSALS_MAX: usize = 8;
/// Bytes of a source file that is read for repairs.
pub const REPAIR_FILE_BYTES_MAX: usize = 512 * 1024;
/// Runs that one trial permission asks for.
pub const REPAIR_TRIALS_MAX: u32 = 600;
/// Milliseconds of runs that one trial permission asks for.
pub const REPAIR_TRIALS_MS_MAX: u64 = 900_000;
