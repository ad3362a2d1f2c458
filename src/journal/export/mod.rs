//! A portable record of a session: JSON lines that can be verified, Markdown and HTML that can be read, a
//! patch that can be applied, and where each line came from.

mod html;
mod lines;
mod markdown;
mod origins;
mod patch;
mod pipeline;
mod redact;
mod story;

use std::io::Write;

pub(super) use lines::Frame;
pub use origins::{Committed, merged, of_commits};
pub use redact::redact;

use super::{Error, Reader, Result};
use crate::base::{Digest, UnixMs};
use crate::journal::limits::EXPORT_CONTENT_BYTES_MAX;
use crate::model::Envelope;

/// Shape of an export.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// One envelope a line, with its place in the chain.
    Jsonl,
    /// A report for people, as Markdown.
    Markdown,
    /// The same as one self-contained page without scripts.
    Html,
    /// What its actions changed, for `git apply`.
    Patch,
    /// Which lines came from which action, for `git notes`.
    Origins,
}

/// The part of a session that is exported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    Whole,
    /// The changes to what builds, trains, deploys, or instructs. A patch has no such part and is whole.
    Pipeline,
}

impl Extent {
    /// The words before the session's name.
    fn title(self) -> &'static str {
        match self {
            Self::Whole => "Session",
            Self::Pipeline => "Pipeline ledger of session",
        }
    }
}

/// Writes the journal to `out`. With `redacting`, whatever looks like a secret is left out, except from a patch.
/// Gives the number of changed files that a patch leaves out, 0 for the other formats.
pub fn export(
    reader: &Reader,
    (format, extent): (Format, Extent),
    redacting: bool,
    out: &mut dyn Write,
) -> Result<usize> {
    match format {
        Format::Patch => return patch::write(reader, out),
        Format::Jsonl if extent == Extent::Pipeline => pipeline::lines(reader, redacting, out),
        Format::Jsonl => lines::write(reader, redacting, out),
        Format::Markdown => markdown::write(reader, extent, redacting, out),
        Format::Html => html::write(reader, extent, redacting, out),
        Format::Origins => origins::write(reader, redacting, out),
    }?;
    Ok(0)
}

/// Passes on the entries of a report in order.
fn each(reader: &Reader, extent: Extent, redacting: bool, pass: impl FnMut(story::Entry) -> Result<()>) -> Result<()> {
    match extent {
        Extent::Whole => story::each(reader, redacting, pass),
        Extent::Pipeline => pipeline::each(reader, redacting, pass),
    }
}

/// One event as plain lines, safe to show: when and what, and below it, indented, what belongs to it. Empty for an event
/// that only machines need.
pub fn told(envelope: &Envelope, opened: UnixMs) -> Vec<String> {
    let Some(entry) = story::tell(envelope, opened.0, false, &|_, _| None) else { return Vec::new() };
    let mut lines = vec![format!("{} {}", story::clock(entry.after_ms), entry.heading)];
    for part in entry.parts {
        match part {
            story::Part::Text(text) | story::Part::Verbatim(text) => {
                lines.extend(text.lines().map(|line| format!("    {line}")));
            }
            story::Part::Change { path, before, after } => {
                lines.push(format!("    {path}"));
                lines.extend(story::diff_lines(&before, &after).into_iter().map(|line| format!("    {line}")));
            }
        }
    }
    lines
}

/// The bytes of a content from the journal, if they are few enough to be shown.
fn blob(reader: &Reader, digest: &Digest, bytes: u64) -> Option<Vec<u8>> {
    let length = usize::try_from(bytes).ok().filter(|length| *length <= EXPORT_CONTENT_BYTES_MAX)?;
    reader.blob(digest, 0, length).ok().filter(|found| found.len() == length)
}

/// A failed write of the export itself.
fn failed(e: std::io::Error) -> Error {
    Error::Io { doing: "writing", path: "the export".into(), source: e }
}
