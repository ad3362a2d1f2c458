//! Bounds that only `markdown` keeps, unit in the name.

/// A block longer than this is cut at a line end and goes on as another, so that what streams in is never laid out as a
/// whole again.
pub const BLOCK_BYTES_MAX: usize = 32 * 1024;
/// Rows of one table that are laid out; the rest is counted.
pub const TABLE_ROWS_MAX: usize = 200;
/// Columns below which a cell of a table is not narrowed; narrower tables become cards.
pub const TABLE_CELL_COLUMNS_MIN: usize = 8;
/// Lists and quotes inside each other that still indent.
pub const NESTED_LEVELS_MAX: usize = 8;
/// Link definitions of one text that are kept.
pub const DEFINITIONS_MAX: usize = 1_000;
