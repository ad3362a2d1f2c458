//! The pipeline ledger of a session: the same entries as on the screen, as a report or as JSON lines.

use super::story::{self, Entry as Told, Part};
use super::{failed, redact};
use crate::base::Seq;
use crate::diff::{FileDiff, unified};
use crate::journal::{Reader, Result};
use crate::model::{Content, Session};
use crate::policy::pipeline::{Change, Ledger};
use std::io::Write;

/// Folds the journal; returns the ledger and the time of the first event.
fn fold(reader: &Reader) -> Result<(Ledger, u64)> {
    let (mut session, mut ledger, mut opened) = (Session::default(), Ledger::default(), None);
    for record in reader.iter(Seq(1)) {
        let envelope = record?.envelope();
        opened.get_or_insert(envelope.at.0);
        session.apply(&envelope);
        ledger.apply(&envelope, &session);
    }
    Ok((ledger, opened.unwrap_or_default()))
}

/// Passes on every entry in words, in order.
pub(super) fn each(reader: &Reader, redacting: bool, mut pass: impl FnMut(Told) -> Result<()>) -> Result<()> {
    let (ledger, opened) = fold(reader)?;
    if ledger.cut() > 0 {
        tracing::warn!(cut = ledger.cut(), "the oldest entries of the pipeline ledger are left out");
    }
    for entry in ledger.entries() {
        let facts = entry.facts().into_iter();
        let mut parts: Vec<Part> =
            facts.map(|fact| Part::Text(story::clean(&format!("{}: {}", fact.label, fact.text), redacting))).collect();
        parts.extend(entry.changes.iter().map(|change| diff(reader, change, redacting)));
        let heading = story::clean(&format!("{} ({})", entry.title(), entry.fate()), redacting);
        pass(Told { after_ms: entry.at.0.saturating_sub(opened), seq: entry.seq.0, heading, parts })?;
    }
    Ok(())
}

fn diff(reader: &Reader, change: &Change, redacting: bool) -> Part {
    let path = story::clean(&change.words(), redacting);
    let text = |content: &Option<Content>| {
        story::content(content, redacting, &|digest, bytes| super::blob(reader, digest, bytes))
    };
    Part::Change { path, before: text(&change.before), after: text(&change.after) }
}

/// One JSON object a line, each with the diff of its files.
pub(super) fn lines(reader: &Reader, redacting: bool, out: &mut dyn Write) -> Result<()> {
    let (ledger, _) = fold(reader)?;
    for entry in ledger.entries() {
        let mut value = serde_json::to_value(entry).unwrap_or_default();
        let diffs = entry.changes.iter().map(|change| {
            let sides = text(change.before.as_ref()).zip(text(change.after.as_ref()));
            sides.map(|(before, after)| {
                unified::hunks_text(&FileDiff::new(before.to_owned(), after.to_owned()), usize::MAX)
            })
        });
        if let Some(object) = value.as_object_mut() {
            object.insert("fate".to_owned(), entry.fate().into());
            object.insert("diffs".to_owned(), serde_json::to_value(diffs.collect::<Vec<_>>()).unwrap_or_default());
        }
        let line = value.to_string();
        let clean = redacting.then(|| redact::redact_json(&line)).flatten();
        writeln!(out, "{}", clean.unwrap_or(line)).map_err(failed)?;
    }
    out.flush().map_err(failed)
}

/// The text of one side; `None` where the event does not hold it.
fn text(content: Option<&Content>) -> Option<&str> {
    content.map_or(Some(""), Content::text)
}
