//! Grammars and queries: highlighting, symbols, structural diff. Pure over bytes.
//!
//! Everything here may be called from any thread; the only global state is the lazily built
//! grammar queries and syntax set. Callers key results by the digest of the bytes. All texts that
//! come out are foreign: show them through [`crate::base::text`].

mod definition;
mod fallback;
pub mod highlight;
pub mod language;
pub mod limits;
pub mod parse;
mod query;
pub mod references;
pub mod scope;
pub mod structure;
pub mod symbols;

pub use highlight::{Colouring, Highlights, Span, fence_path};
pub use language::Language;
pub use parse::{parse, parse_unless};
pub use scope::Scope;
pub use structure::{Fate, Structure, SymbolChange, structure};
pub use symbols::{Symbol, SymbolKind, Symbols, has_symbols, symbols, symbols_in, symbols_unless};
