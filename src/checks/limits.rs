//! Bounds that only `checks` keeps, unit in the name. Those that several modules share are in `base::limits`.

/// A line of runner output is read up to this many bytes; the rest of the line is dropped.
pub const CHECK_LINE_BYTES_MAX: usize = 64 * 1024;
/// The text kept with one case (headline and block).
pub const CHECK_MESSAGE_BYTES_MAX: usize = 8 * 1024;
/// What a case printed, and what all cases of a run printed, as far as it is kept.
pub const CHECK_OUTPUT_BYTES_MAX: usize = 4 * 1024;
pub const CHECK_OUTPUTS_BYTES_MAX: usize = 1024 * 1024;
/// Cases remembered by name in one run; further ones are only counted.
pub const CHECK_NAMED_MAX: usize = 100_000;
/// Blocks of failure text, pending cases and panics a parser holds at once.
pub const CHECK_HELD_MAX: usize = 2_000;
/// Ids, suites and messages one run keeps; beyond it first messages are left out, then names.
pub const CHECK_LEDGER_BYTES_MAX: usize = 48 * 1024 * 1024;
/// A report that must be read whole (JUnit XML, Jest JSON) is read up to this many bytes.
pub const CHECK_REPORT_BYTES_MAX: usize = 64 * 1024 * 1024;
/// A report that is at the end of an output is read back to this many bytes before it.
pub const CHECK_REPORT_END_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Frames taken from one failure text.
pub const CHECK_FRAMES_MAX: usize = 64;
/// Nesting of suites that is followed; deeper suites join the deepest.
pub const CHECK_SUITE_DEPTH_MAX: usize = 32;
/// Executed lines taken from one coverage report.
pub const CHECK_COVERED_LINES_MAX: usize = 1_000_000;
/// Output in an unnamed format that every parser reads before those that understood nothing are dropped, bytes.
pub const CHECK_AUTO_TRIAL_BYTES: usize = 256 * 1024;
