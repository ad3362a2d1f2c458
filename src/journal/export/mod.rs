//! A portable record of a session: JSON lines that can be verified, Markdown and HTML that can be read.

mod html;
mod lines;
mod markdown;
mod redact;
mod story;

use std::io::Write;

pub(super) use lines::Frame;
pub use redact::redact;

use super::{Error, Reader, Result};

/// Shape of an export.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// One envelope a line, with its place in the chain.
    Jsonl,
    /// A report for people, as Markdown.
    Markdown,
    /// The same as one self-contained page without scripts.
    Html,
}

/// Writes the whole journal to `out`. With `redacting`, whatever looks like a secret is left out.
pub fn export(reader: &Reader, format: Format, redacting: bool, out: &mut dyn Write) -> Result<()> {
    match format {
        Format::Jsonl => lines::write(reader, redacting, out),
        Format::Markdown => markdown::write(reader, redacting, out),
        Format::Html => html::write(reader, redacting, out),
    }
}

/// A failed write of the export itself.
fn failed(e: std::io::Error) -> Error {
    Error::Io { doing: "writing", path: "the export".into(), source: e }
}
