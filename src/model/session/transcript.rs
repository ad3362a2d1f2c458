//! The messages, thoughts, answers and notes of the session, newest last, bounded.

use crate::base::{ActionId, Seq, UnixMs};
use crate::model::PromptPart;
use crate::model::event::Said;
use crate::model::limits::{AGENT_LOG_LINES_KEPT_MAX, TRANSCRIPT_BYTES_KEPT_MAX, TRANSCRIPT_ENTRIES_KEPT_MAX};
use crate::model::open::SpokenBy;
use std::collections::VecDeque;

/// The beginning of a note that gives the time an answer has been awaited.
const WAITING: &str = "waiting: ";

/// The author of an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Speaker {
    /// The agent or one of its specialists, by name.
    Agent(String),
    /// The agent's thinking.
    Thought(String),
    Human,
    /// A message from us to the agent.
    Told(Option<ActionId>),
    /// Our own remark.
    Note,
}

impl Speaker {
    /// An agent's own messages and thoughts.
    fn is_agent(&self) -> bool {
        matches!(self, Self::Agent(_) | Self::Thought(_))
    }
}

/// One stretch of text by one speaker; foreign text unless the speaker is `Note`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub seq: Seq,
    pub at: UnixMs,
    pub speaker: Speaker,
    pub text: String,
    /// What a user's message with objects in it consists of.
    pub parts: Vec<PromptPart>,
    /// More of the same message may follow.
    pub open: bool,
}

/// See the module.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Transcript {
    entries: VecDeque<Entry>,
    bytes: usize,
    /// Entries that were forgotten.
    pub cut: u64,
    /// The standard error of the agent's program, remarks on its protocol, and what it calls its session: not part of the
    /// conversation.
    log: VecDeque<Entry>,
}

impl Transcript {
    /// Oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Entry> + ExactSizeIterator {
        self.entries.iter()
    }

    /// The agent's log, oldest first.
    pub fn log(&self) -> impl DoubleEndedIterator<Item = &Entry> + ExactSizeIterator {
        self.log.iter()
    }

    pub fn get(&self, at: usize) -> Option<&Entry> {
        self.entries.get(at)
    }

    pub fn len(&self) -> usize {
        self.entries.len()
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Returns the words so far of an agent's unfinished message.
    pub fn open_words(&self, by: &str) -> &str {
        let last = self.entries.back().filter(|last| last.open);
        last.filter(|last| matches!(&last.speaker, Speaker::Agent(who) if who == by)).map_or("", |last| &last.text)
    }

    pub(super) fn say(&mut self, seq: Seq, at: UnixMs, body: &Said, thought: bool) {
        let speaker = match (&body.by, thought) {
            (SpokenBy::Human, _) => Speaker::Human,
            (by, true) => Speaker::Thought(by.to_string()),
            (by, false) => Speaker::Agent(by.to_string()),
        };
        match self.entries.back_mut() {
            Some(last) if last.open && last.speaker == speaker => {
                last.text.push_str(&body.text);
                last.open = body.more;
                self.bytes += body.text.len();
                self.bound();
            }
            Some(_) | None => {
                let (text, parts) = (body.text.clone(), body.parts.clone());
                self.push(Entry { seq, at, speaker, text, parts, open: body.more });
            }
        }
    }

    pub(super) fn tell(&mut self, seq: Seq, at: UnixMs, action: Option<ActionId>, text: &str) {
        self.push(Entry {
            seq,
            at,
            speaker: Speaker::Told(action),
            text: text.to_owned(),
            parts: Vec::new(),
            open: false,
        });
    }

    /// A note never splits a message that continues: it is placed before it.
    pub(super) fn note(&mut self, seq: Seq, at: UnixMs, text: String) {
        self.bytes += text.len();
        self.entries.insert(
            self.place_of_notes(),
            Entry { seq, at, speaker: Speaker::Note, text, parts: Vec::new(), open: false },
        );
        self.bound();
    }

    /// A line of the agent's log.
    pub(super) fn log_line(&mut self, seq: Seq, at: UnixMs, text: String) {
        self.log.push_back(Entry { seq, at, speaker: Speaker::Note, text, parts: Vec::new(), open: false });
        if self.log.len() > AGENT_LOG_LINES_KEPT_MAX {
            self.log.pop_front();
        }
    }

    /// The end, or the place before a message that continues.
    fn place_of_notes(&self) -> usize {
        let goes_on = self.entries.back().is_some_and(|last| last.open && last.speaker.is_agent());
        self.entries.len() - usize::from(goes_on)
    }

    /// Takes the place of the note before it that said the same with less patience.
    pub(super) fn wait(&mut self, seq: Seq, at: UnixMs, text: &str) {
        if self.waiting().is_some()
            && let Some(before) = self.entries.remove(self.place_of_notes() - 1)
        {
            self.bytes = self.bytes.saturating_sub(before.text.len());
        }
        self.note(seq, at, format!("{WAITING}{text}"));
    }

    /// Returns the current wait, if nothing came after its note.
    pub fn waiting(&self) -> Option<&str> {
        let before = self.place_of_notes().checked_sub(1)?;
        let last = self.entries.get(before).filter(|last| last.speaker == Speaker::Note)?;
        last.text.strip_prefix(WAITING)
    }

    fn push(&mut self, entry: Entry) {
        self.bytes += entry.text.len();
        self.entries.push_back(entry);
        self.bound();
    }

    fn bound(&mut self) {
        while self.entries.len() > 1
            && (self.entries.len() > TRANSCRIPT_ENTRIES_KEPT_MAX || self.bytes > TRANSCRIPT_BYTES_KEPT_MAX)
        {
            if let Some(old) = self.entries.pop_front() {
                self.bytes = self.bytes.saturating_sub(old.text.len());
                self.cut += 1;
            }
        }
        // One endless entry: keep its end.
        if self.bytes > TRANSCRIPT_BYTES_KEPT_MAX
            && let Some(only) = self.entries.back_mut()
        {
            let over = only.text.len().saturating_sub(TRANSCRIPT_BYTES_KEPT_MAX / 2);
            let cut = (over..=only.text.len()).find(|i| only.text.is_char_boundary(*i)).unwrap_or(0);
            only.text.drain(..cut);
            self.bytes = only.text.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(transcript: &mut Transcript, text: &str, more: bool) {
        let body = Said { by: "agent".into(), text: text.into(), more, parts: Vec::new() };
        transcript.say(Seq(1), UnixMs(0), &body, false);
    }

    fn texts(transcript: &Transcript) -> Vec<&str> {
        transcript.iter().map(|entry| entry.text.as_str()).collect()
    }

    #[test]
    fn a_note_does_not_split_a_sentence() {
        let mut transcript = Transcript::default();
        said(&mut transcript, "add() sub", true);
        transcript.note(Seq(2), UnixMs(0), "mode: ask".into());
        transcript.log_line(Seq(3), UnixMs(0), "stderr: warning".into());
        said(&mut transcript, "tracts", false);
        transcript.note(Seq(5), UnixMs(0), "turn ended".into());
        assert_eq!(texts(&transcript), ["mode: ask", "add() subtracts", "turn ended"]);
        assert_eq!(transcript.log().count(), 1);
    }

    #[test]
    fn a_wait_is_told_once_beside_a_message_that_goes_on() {
        let mut transcript = Transcript::default();
        said(&mut transcript, "one", true);
        transcript.wait(Seq(2), UnixMs(0), "3 s");
        transcript.wait(Seq(3), UnixMs(0), "6 s");
        assert_eq!(texts(&transcript), ["waiting: 6 s", "one"]);
        assert_eq!(transcript.waiting(), Some("6 s"));
    }

    #[test]
    fn the_log_is_bounded() {
        let mut transcript = Transcript::default();
        for n in 0..=AGENT_LOG_LINES_KEPT_MAX as u64 {
            transcript.log_line(Seq(n), UnixMs(0), format!("line {n}"));
        }
        assert_eq!(transcript.log().len(), AGENT_LOG_LINES_KEPT_MAX);
        assert_eq!(transcript.log().next().unwrap().text, "line 1");
    }
}
