//! Bounds that only `wire` keeps, unit in the name. Those that several modules share are in `base::limits`.

/// The longest line in either direction: an edited approval of a large file fits, a flood does not.
pub const WIRE_LINE_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Window of the packed stream of an ssh link, as a power of two of bytes, and the piece that is packed at once, bytes.
pub const WIRE_PACK_WINDOW_LOG_MAX: u32 = 20;
pub const WIRE_PACK_PIECE_BYTES: usize = 16 * 1024;
