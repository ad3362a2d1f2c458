//! Messages on their way to the host. Neighboring chunks of text, output and notes become one message; while the host
//! is busy everything waits here, and the agent's stdout is left alone when it is too much.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "only the few kinds that can grow are looked at; the rest is whole"
)]

use crate::agent::acp::limits::{
    ACP_MERGED_TEXT_AGE_MS, ACP_MERGED_TEXT_BYTES_MAX, ACP_OUTBOX_BYTES_MAX, ACP_OUTBOX_MESSAGES_MAX,
};
use crate::model::action::Body;
use crate::model::draft::After;
use crate::port::FromAgent;
use std::collections::VecDeque;
use std::time::Duration;
use tokio::time::Instant;

/// See the module.
#[derive(Debug, Default)]
pub struct Outbox {
    queue: VecDeque<FromAgent>,
    /// Size of the large messages in it.
    bytes: usize,
    /// Time at which the last message was begun.
    begun: Option<Instant>,
    /// A text was sent that said it continues: whose, and whether it is a thought.
    open: Option<(String, bool)>,
}

impl Outbox {
    /// Adds a message, into the last one if that continues the same text.
    pub fn push(&mut self, message: FromAgent, now: Instant) {
        self.bytes += weight(&message);
        let message = match self.queue.back_mut() {
            Some(last) => match merged(last, message) {
                None => return,
                Some(message) => message,
            },
            None => message,
        };
        self.close_text(&message);
        self.queue.push_back(message);
        self.begun = Some(now);
    }

    /// The message before this one was its voice's last, unless this one continues with it.
    fn close_text(&mut self, next: &FromAgent) {
        let next = voice(next);
        match self.queue.back_mut() {
            Some(FromAgent::Said { by, more, .. }) if next != Some((by, false)) => *more = false,
            Some(FromAgent::Thought { by, more, .. }) if next != Some((by, true)) => *more = false,
            Some(_) => {}
            None => {
                let Some((by, thought)) = self.open.take() else { return };
                if next == Some((&by, thought)) {
                    return;
                }
                let text = String::new();
                let end = if thought {
                    FromAgent::Thought { by, text, more: false }
                } else {
                    FromAgent::Said { by, text, more: false }
                };
                self.queue.push_back(end);
            }
        }
    }

    /// Returns whether the first message may be sent now. A lone text waits a moment for more of itself.
    pub fn is_ready(&self, now: Instant) -> bool {
        match self.queue.front() {
            None => false,
            Some(_) if self.queue.len() > 1 => true,
            Some(first) => {
                size(first).is_none_or(|bytes| bytes >= ACP_MERGED_TEXT_BYTES_MAX)
                    || self.due().is_none_or(|due| due <= now)
            }
        }
    }

    /// Returns the time at which a lone text has waited long enough.
    pub fn due(&self) -> Option<Instant> {
        (!self.queue.is_empty()).then_some(self.begun? + Duration::from_millis(ACP_MERGED_TEXT_AGE_MS))
    }

    pub fn pop(&mut self) -> Option<FromAgent> {
        let message = self.queue.pop_front()?;
        self.bytes = self.bytes.saturating_sub(weight(&message));
        self.open = match &message {
            FromAgent::Said { by, more: true, .. } => Some((by.clone(), false)),
            FromAgent::Thought { by, more: true, .. } => Some((by.clone(), true)),
            _ => None,
        };
        Some(message)
    }

    pub fn is_full(&self) -> bool {
        self.queue.len() >= ACP_OUTBOX_MESSAGES_MAX || self.bytes >= ACP_OUTBOX_BYTES_MAX
    }
}

fn voice(message: &FromAgent) -> Option<(&String, bool)> {
    match message {
        FromAgent::Said { by, .. } => Some((by, false)),
        FromAgent::Thought { by, .. } => Some((by, true)),
        _ => None,
    }
}

/// Bytes of what has no bound of its own.
fn weight(message: &FromAgent) -> usize {
    match message {
        FromAgent::Output { bytes, .. } => bytes.len(),
        FromAgent::Propose { proposal, .. } => match &proposal.body {
            Body::Edit(drafts) => drafts.iter().map(|draft| after_bytes(&draft.after)).sum(),
            _ => 0,
        },
        _ => 0,
    }
}

fn after_bytes(after: &After) -> usize {
    match after {
        After::Whole(bytes) | After::Exactly(Some((_, bytes))) => bytes.len(),
        After::Replace { old, new, .. } => old.len() + new.len(),
        After::Delete | After::Exactly(None) | After::RenameTo(_) => 0,
    }
}

/// Bytes of a message that may grow; `None` for those that are whole.
fn size(message: &FromAgent) -> Option<usize> {
    match message {
        FromAgent::Said { text, more: true, .. } | FromAgent::Thought { text, more: true, .. } => Some(text.len()),
        FromAgent::Output { bytes, .. } => Some(bytes.len()),
        FromAgent::Noted(note) => Some(note.text.len()),
        FromAgent::Usage(_) => Some(0),
        _ => None,
    }
}

/// Puts a message into the one before it, or gives it back.
fn merged(last: &mut FromAgent, message: FromAgent) -> Option<FromAgent> {
    if size(last).is_none_or(|bytes| bytes >= ACP_MERGED_TEXT_BYTES_MAX) {
        return Some(message);
    }
    match (last, message) {
        (FromAgent::Said { by, text, more }, FromAgent::Said { by: b, text: t, more: m })
        | (FromAgent::Thought { by, text, more }, FromAgent::Thought { by: b, text: t, more: m })
            if *by == b =>
        {
            text.push_str(&t);
            *more = m;
            None
        }
        (FromAgent::Output { ticket, stream, bytes }, FromAgent::Output { ticket: t, stream: s, bytes: more })
            if *ticket == t && *stream == s =>
        {
            bytes.extend(more);
            None
        }
        (FromAgent::Noted(note), FromAgent::Noted(more)) if note.what == more.what => {
            note.text.push('\n');
            note.text.push_str(&more.text);
            None
        }
        (FromAgent::Usage(usage), FromAgent::Usage(newer)) => {
            *usage = newer;
            None
        }
        (_, message) => Some(message),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::event::TurnEnd;

    fn message(text: &str) -> FromAgent {
        FromAgent::Said { by: "agent".into(), text: text.into(), more: true }
    }

    fn drained(outbox: &mut Outbox) -> Vec<String> {
        std::iter::from_fn(|| outbox.pop()).map(|m| format!("{m:?}")).collect()
    }

    #[test]
    fn a_hundred_thousand_chunks_are_a_few_messages() {
        let mut outbox = Outbox::default();
        let now = Instant::now();
        for _ in 0..100_000 {
            outbox.push(message("tok "), now);
        }
        assert!(outbox.queue.len() <= 100_000 * 4 / ACP_MERGED_TEXT_BYTES_MAX + 1);
    }

    #[test]
    fn a_text_waits_a_moment_and_is_closed_by_what_follows() {
        let mut outbox = Outbox::default();
        let now = Instant::now();
        outbox.push(message("a"), now);
        assert!(!outbox.is_ready(now) && outbox.is_ready(now + Duration::from_millis(ACP_MERGED_TEXT_AGE_MS)));
        outbox.push(message("b"), now);
        outbox.push(FromAgent::TurnEnded { reason: TurnEnd::EndTurn, text: None }, now);
        assert!(outbox.is_ready(now));
        let all = drained(&mut outbox);
        assert!(all[0].contains("\"ab\", more: false"), "{all:?}");
        assert_eq!(all.len(), 2);
    }

    #[test]
    fn a_text_that_was_sent_open_is_closed_later() {
        let mut outbox = Outbox::default();
        outbox.push(message("a"), Instant::now());
        outbox.pop();
        outbox.push(FromAgent::TurnEnded { reason: TurnEnd::EndTurn, text: None }, Instant::now());
        let all = drained(&mut outbox);
        assert!(all[0].contains("text: \"\", more: false"), "{all:?}");
    }
}
