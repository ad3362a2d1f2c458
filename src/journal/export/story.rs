//! The journal for people: its events in words that are safe to show. The other modules here write the formats.

use crate::base::text::{Untrusted, foreign};
use crate::base::{Digest, Seq};
use crate::diff::{FileDiff, unified};
use crate::journal::{Reader, Result};
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

/// Passes on every entry of a journal, in order. A message that came in pieces is one entry, where it began; what secrets
/// look like is seen in the whole of it.
pub(super) fn each(reader: &Reader, redacting: bool, mut pass: impl FnMut(Entry) -> Result<()>) -> Result<()> {
    let blobs = |digest: &Digest, bytes: u64| super::blob(reader, digest, bytes);
    let mut opened = None;
    let mut message: Option<Envelope> = None;
    for record in reader.iter(Seq(1)) {
        let envelope = record?.envelope();
        let opened = *opened.get_or_insert(envelope.at.0);
        let Some(envelope) = joined(&mut message, envelope) else { continue };
        let earlier = message.take();
        // The end of a message waits for what comes after it.
        message = matches!(&envelope.event, Event::Said(_)).then(|| envelope.clone());
        let now = message.is_none().then_some(envelope);
        for envelope in earlier.into_iter().chain(now) {
            tell(&envelope, opened, redacting, &blobs).map_or(Ok(()), &mut pass)?;
        }
    }
    let last = message.and_then(|envelope| tell(&envelope, opened.unwrap_or_default(), redacting, &blobs));
    last.map_or(Ok(()), pass)
}

/// Adds a piece to the message that it continues; else it is given back. What is not told does not end a message.
fn joined(message: &mut Option<Envelope>, envelope: Envelope) -> Option<Envelope> {
    let Some(Event::Said(open)) = message.as_mut().map(|message| &mut message.event) else { return Some(envelope) };
    if let Event::Said(piece) = &envelope.event
        && open.more
        && piece.by == open.by
    {
        open.text.push_str(&piece.text);
        open.more = piece.more;
        return None;
    }
    matches!(envelope.event.shown(), Shown::Report | Shown::Both).then_some(envelope)
}

/// Tells one event; `None` for those that only a machine needs.
pub(super) fn tell(e: &Envelope, opened_ms: u64, redacting: bool, blobs: Blobs<'_>) -> Option<Entry> {
    if !matches!(e.event.shown(), Shown::Report | Shown::Both) {
        return None;
    }
    if matches!(&e.event, Event::Said(said) if said.text.trim().is_empty()) {
        return None;
    }
    let words = e.event.words()?;
    let detail = words.detail.iter().map(|detail| match detail {
        Detail::Text(text) => Part::Text(verbatim(text, redacting)),
        Detail::Lines(text) => Part::Verbatim(verbatim(text, redacting)),
    });
    let mut parts: Vec<Part> = detail.collect();
    if let Event::Proposed(p) = &e.event {
        parts.extend(p.action.files().iter().map(|file| change(file, redacting, blobs)));
    }
    Some(Entry {
        after_ms: e.at.0.saturating_sub(opened_ms),
        seq: e.seq.0,
        heading: clean(&words.heading, redacting),
        parts,
    })
}

fn safe(text: &str, redacting: bool) -> Untrusted {
    let text = if redacting { super::redact(text) } else { None }.unwrap_or_else(|| text.to_owned());
    Untrusted::new(text)
}

/// One line that is safe to show.
pub(super) fn clean(text: &str, redacting: bool) -> String {
    safe(text, redacting).visible().into_owned()
}

/// The bytes of a content that is not in its envelope, by digest and length, where they can be had.
pub(super) type Blobs<'a> = &'a dyn Fn(&Digest, u64) -> Option<Vec<u8>>;

fn change(file: &FileEdit, redacting: bool, blobs: Blobs<'_>) -> Part {
    let path = clean(&format!("{} {}", file.change.words(), file.path), redacting);
    let shown = |side: &Option<Content>| content(side, redacting, blobs);
    Part::Change { path, before: shown(&file.before), after: shown(&file.after) }
}

/// Lines that are safe to show.
fn verbatim(text: &str, redacting: bool) -> String {
    safe(text, redacting).visible_lines().collect::<Vec<_>>().join("\n")
}

/// One side of a change, safe to show: its text, or what is known of it.
pub(super) fn content(content: &Option<Content>, redacting: bool, blobs: Blobs<'_>) -> String {
    // Cleaning takes the last line end away, and whether there is one is part of a change.
    let whole = |text: &str| {
        let end = if text.ends_with('\n') { "\n" } else { "" };
        format!("{}{end}", verbatim(text, redacting))
    };
    match content {
        None => String::new(),
        Some(Content::Text(text)) => whole(text),
        Some(Content::Blob { digest, bytes }) => match blobs(digest, *bytes) {
            Some(content) if !foreign::is_binary(&content) => whole(&foreign::readable(&content)),
            Some(_) | None if *bytes == 0 => format!("(not in the record, {})", digest.short()),
            Some(_) | None => format!("({bytes} bytes, {})", digest.short()),
        },
    }
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
