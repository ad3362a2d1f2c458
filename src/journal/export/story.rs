//! The journal for people: its events in words that are safe to show. The other modules here write the formats.

use crate::base::Digest;
use crate::base::text::{Untrusted, foreign};
use crate::diff::{FileDiff, unified};
use crate::model::action::{Content, FileEdit};
use crate::model::event::{Detail, Envelope, Event, Shown};

/// One entry of a report. All text is safe to show but not yet escaped for a format.
pub(super) struct Entry {
    /// Milliseconds since the first event.
    pub after_ms: u64,
    pub seq: u64,
    pub heading: String,
    pub parts: Vec<Part>,
}

/// A piece of an entry.
pub(super) enum Part {
    /// Prose.
    Text(String),
    /// Verbatim lines.
    Verbatim(String),
    /// A change of a file.
    Change { path: String, before: String, after: String },
}

/// Tells one event; `None` for those that only a machine needs.
pub(super) fn tell(e: &Envelope, opened_ms: u64, redacting: bool, blobs: Blobs<'_>) -> Option<Entry> {
    if !matches!(e.event.shown(), Shown::Report | Shown::Both) {
        return None;
    }
    let safe = |text: &str| {
        let text = if redacting { super::redact(text) } else { None }.unwrap_or_else(|| text.to_owned());
        Untrusted::new(text)
    };
    let clean = |text: &str| safe(text).visible().into_owned();
    let verbatim = |text: &str| safe(text).visible_lines().collect::<Vec<_>>().join("\n");
    let words = e.event.words()?;
    let detail = words.detail.iter().map(|detail| match detail {
        Detail::Text(text) => Part::Text(verbatim(text)),
        Detail::Lines(text) => Part::Verbatim(verbatim(text)),
    });
    let mut parts: Vec<Part> = detail.collect();
    if let Event::Proposed(p) = &e.event {
        parts.extend(p.action.files().iter().map(|file| change(file, &clean, &verbatim, blobs)));
    }
    Some(Entry { after_ms: e.at.0.saturating_sub(opened_ms), seq: e.seq.0, heading: clean(&words.heading), parts })
}

/// The bytes of a content that is not in its envelope, by digest and length, where they can be had.
pub(super) type Blobs<'a> = &'a dyn Fn(&Digest, u64) -> Option<Vec<u8>>;

fn change(
    file: &FileEdit,
    clean: &dyn Fn(&str) -> String,
    verbatim: &dyn Fn(&str) -> String,
    blobs: Blobs<'_>,
) -> Part {
    // Cleaning takes the last line end away, and whether there is one is part of a change.
    let whole = |text: &str| {
        let end = if text.ends_with('\n') { "\n" } else { "" };
        format!("{}{end}", verbatim(text))
    };
    let shown = |content: &Option<Content>| match content {
        None => String::new(),
        Some(Content::Text(text)) => whole(text),
        Some(Content::Blob { digest, bytes }) => match blobs(digest, *bytes) {
            Some(content) if !foreign::is_binary(&content) => whole(&foreign::readable(&content)),
            Some(_) | None => format!("({bytes} bytes, {})", digest.short()),
        },
    };
    let path = clean(&format!("{} {}", file.change.words(), file.path));
    Part::Change { path, before: shown(&file.before), after: shown(&file.after) }
}

/// The lines of a change, marked as unified diffs mark them, with a little context.
pub(super) fn diff_lines(before: &str, after: &str) -> Vec<String> {
    let diff = FileDiff::new(before.to_owned(), after.to_owned());
    unified::hunks_text(&diff, usize::MAX).lines().map(str::to_owned).collect()
}

/// `1h02m03s` since the session began.
pub(super) fn clock(ms: u64) -> String {
    let s = ms / 1000;
    format!("{}h{:02}m{:02}s", s / 3600, s / 60 % 60, s % 60)
}
