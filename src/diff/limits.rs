//! Bounds that only `diff` keeps, unit in the name. Those that several modules share are in `base::limits`.

/// Lines between first and last change, old and new together, above which pairing is not tried.
pub const DIFF_FINE_LINES_MAX: usize = 1_000_000;
/// Lines between first and last change, old and new together, above which the faster engine is taken.
pub const DIFF_READABLE_LINES_MAX: usize = 5_000;
/// Bytes of a changed line above which its words are not compared.
pub const INTRALINE_LINE_BYTES_MAX: usize = 2000;
/// Lines of a changed block above which unequal sides are not paired.
pub const INTRALINE_BLOCK_LINES_MAX: usize = 64;
/// Share of a line that must be unchanged for its changed words to be marked.
pub const INTRALINE_COMMON_PERCENT_MIN: usize = 30;
/// Largest version of a file that is merged.
pub const MERGE_BYTES_MAX: usize = 32 * 1024 * 1024;
