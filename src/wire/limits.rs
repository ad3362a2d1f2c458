//! Bounds that only `wire` keeps, unit in the name. Those that several modules share are in `base::limits`.

/// The longest line in either direction: an edited approval of a large file fits, a flood does not.
pub const WIRE_LINE_BYTES_MAX: usize = 16 * 1024 * 1024;
