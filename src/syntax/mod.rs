//! Grammars and queries: highlighting, symbols, structural diff. Pure over bytes.
