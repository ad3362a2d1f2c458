//! Test runners: detection, and parsers from output bytes to check events.
