//! Bounds that only `syntax` keeps, unit in the name. Those that several modules share are in `base::limits`.

/// Largest source that is parsed; larger ones are shown as plain text.
pub const SYNTAX_PARSE_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Progress reports of the parser (one each 100 operations) that any source may cost.
pub const SYNTAX_PARSE_REPORTS_BASE: usize = 20_000;
/// Further progress reports allowed for each KiB of source.
pub const SYNTAX_PARSE_REPORTS_PER_KIB: usize = 100;
/// Definitions listed for one file.
pub const SYMBOLS_PER_FILE_MAX: usize = 20_000;
/// Bytes kept of one definition's name.
pub const SYMBOL_NAME_BYTES_MAX: usize = 200;
/// Different indentations a Python source may have to be parsed (its scanner overflows near 383).
pub const SYNTAX_INDENTATIONS_MAX: usize = 250;
/// Bytes of here-document words that may be open in a Ruby source (its scanner overflows near 1020).
pub const SYNTAX_HERE_DOCUMENT_BYTES_MAX: usize = 800;
/// Bytes of the shortest name whose uses are looked for: shorter ones could be anything.
pub const REFERENCE_NAME_BYTES_MIN: usize = 3;
/// Nodes of a tree that are walked before it is asked whether to stop.
pub const REFERENCE_NODES_PER_POLL_MAX: usize = 4_096;
/// Lines for which colors are given at one time.
pub const HIGHLIGHT_WINDOW_LINES_MAX: usize = 10_000;
/// Bytes for which colors are given at one time.
pub const HIGHLIGHT_WINDOW_BYTES_MAX: usize = 512 * 1024;
/// Query matches that may be open at one place; further ones are dropped.
pub const HIGHLIGHT_MATCHES_MAX: u32 = 256;
/// Progress reports of a query (one each 100 operations) that a window may cost.
pub const HIGHLIGHT_REPORTS_MAX: usize = 200_000;
/// Pieces of other languages colored inside one file.
pub const HIGHLIGHT_LAYERS_MAX: usize = 256;
/// Largest file colored without a grammar.
pub const FALLBACK_BYTES_MAX: usize = 512 * 1024;
/// Longest line colored without a grammar.
pub const FALLBACK_LINE_BYTES_MAX: usize = 4 * 1024;
/// Definitions in a version above which definitions are not compared.
pub const STRUCTURE_COMPARED_MAX: usize = 5_000;
