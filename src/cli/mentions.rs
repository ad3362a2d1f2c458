//! Where words are in the journals of a machine: this session's first, then the newest ones.

use super::limits::{MENTION_CHARS_MAX, MENTION_LEAD_CHARS_MAX, MENTIONS_MAX, MENTIONS_SESSIONS_MAX};
use super::place::{Places, SessionPlace};
use crate::base::SessionId;
use crate::journal::{Journal, Reader, search};
use crate::model::event::{Detail, Event};
use crate::port::Mention;
use std::path::Path;

/// The newest mentions of these words, and whether these are all.
pub fn of(state: &Path, own: &SessionId, query: &str) -> (Vec<Mention>, bool) {
    let mut all = Places { state: state.to_owned() }.all();
    all.sort_by_key(|place| place.id != *own);
    let mut complete = all.len() <= MENTIONS_SESSIONS_MAX;
    let mut found = Vec::new();
    for place in all.into_iter().take(MENTIONS_SESSIONS_MAX) {
        let more = in_session(&place, query, MENTIONS_MAX - found.len());
        let (more, is_all) = more.unwrap_or_else(|error| {
            tracing::info!(session = %place.id, %error, "not searched");
            (Vec::new(), true)
        });
        found.extend(more);
        complete &= is_all;
        if found.len() >= MENTIONS_MAX {
            return (found, false);
        }
    }
    (found, complete)
}

fn in_session(place: &SessionPlace, query: &str, most: usize) -> Result<(Vec<Mention>, bool), crate::journal::Error> {
    if !Journal::is_begun(&place.journal()) {
        return Ok((Vec::new(), true));
    }
    let reader = Reader::open(&place.journal())?;
    let places = search(&reader, query)?;
    let is_all = places.len() <= most;
    let mut found = Vec::new();
    for seq in places.into_iter().rev().take(most) {
        let Some(envelope) = reader.read(seq, 1)?.first().map(crate::journal::Record::envelope) else { continue };
        found.push(Mention {
            session: place.id.clone(),
            seq: envelope.seq,
            at: envelope.at,
            action: envelope.event.subject().cloned(),
            text: around(&told(&envelope.event), query),
        });
    }
    Ok((found, is_all))
}

/// An event in one line.
fn told(event: &Event) -> String {
    let of_speaker = |speaker: &str, text: &str| format!("{speaker}: {text}").replace(['\n', '\r'], " ");
    #[expect(clippy::wildcard_enum_match_arm, reason = "the others have words of their own")]
    match event {
        Event::Thought(said) => return of_speaker("thought", &said.text),
        Event::Said(said) if said.by.as_str() == "human" => return of_speaker("you", &said.text),
        Event::Said(said) => return of_speaker(said.by.as_str(), &said.text),
        _ => {}
    }
    let Some(words) = event.words() else { return event.kind().to_owned() };
    let detail = words.detail.into_iter().map(|detail| match detail {
        Detail::Text(text) | Detail::Lines(text) => text,
    });
    std::iter::once(words.heading).chain(detail).collect::<Vec<_>>().join("  ").replace(['\n', '\r'], " ")
}

/// The part of a text around the first word that is looked for.
fn around(text: &str, query: &str) -> String {
    let first = query.split_whitespace().next().unwrap_or_default().to_lowercase();
    let at = text.to_lowercase().find(&first).unwrap_or(0);
    let before = text.get(..at).map_or(0, |before| before.chars().count());
    let skipped = before.saturating_sub(MENTION_LEAD_CHARS_MAX);
    let part: String = text.chars().skip(skipped).take(MENTION_CHARS_MAX).collect();
    if skipped == 0 {
        return part;
    }
    // It begins with a whole word, if there is one before what is looked for.
    let words = part.char_indices().take(MENTION_LEAD_CHARS_MAX).find(|(_, c)| c.is_whitespace());
    let begin = words.map_or(0, |(at, c)| at + c.len_utf8());
    format!("… {}", part.get(begin..).unwrap_or(&part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_are_in_what_is_shown_of_a_long_text() {
        let text = format!("{} needle {}", "x ".repeat(300), "y ".repeat(300));
        let shown = around(&text, "Needle y");
        assert!(shown.contains("needle") && shown.chars().count() <= MENTION_CHARS_MAX + 2, "{shown}");
        assert_eq!(around("a needle", "needle"), "a needle");
        let lead = "w".repeat(MENTION_LEAD_CHARS_MAX - 6);
        assert_eq!(around(&format!("one {lead} two needle"), "needle"), format!("… {lead} two needle"));
        assert_eq!(around("ß İ needle", "gone"), "ß İ needle");
    }
}
