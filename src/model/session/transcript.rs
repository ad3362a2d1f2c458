//! What was said, thought, told and noted, newest last, bounded.

use crate::base::limits::{TRANSCRIPT_BYTES_KEPT_MAX, TRANSCRIPT_ENTRIES_KEPT_MAX};
use crate::base::{ActionId, Seq, UnixMs};
use crate::model::event::Said;
use std::collections::VecDeque;

/// How a note begins that says for how long an answer has been awaited.
const WAITING: &str = "waiting: ";

/// Who speaks in an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Speaker {
    /// The agent or one of its specialists, by name.
    Agent(String),
    /// The agent's thinking.
    Thought(String),
    Human,
    /// What we told the agent.
    Told(Option<ActionId>),
    /// Our own remark.
    Note,
}

/// One stretch of text by one speaker; foreign text unless the speaker is `Note`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub seq: Seq,
    pub at: UnixMs,
    pub speaker: Speaker,
    pub text: String,
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
}

impl Transcript {
    /// Oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Entry> + ExactSizeIterator {
        self.entries.iter()
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

    /// What an agent's message that is not over holds so far.
    pub fn open_words(&self, by: &str) -> &str {
        let last = self.entries.back().filter(|last| last.open);
        last.filter(|last| matches!(&last.speaker, Speaker::Agent(who) if who == by)).map_or("", |last| &last.text)
    }

    pub(super) fn say(&mut self, seq: Seq, at: UnixMs, body: &Said, thought: bool) {
        let speaker = match (body.by.as_str(), thought) {
            ("human", _) => Speaker::Human,
            (by, true) => Speaker::Thought(by.to_owned()),
            (by, false) => Speaker::Agent(by.to_owned()),
        };
        match self.entries.back_mut() {
            Some(last) if last.open && last.speaker == speaker => {
                last.text.push_str(&body.text);
                last.open = body.more;
                self.bytes += body.text.len();
                self.bound();
            }
            Some(_) | None => self.push(Entry { seq, at, speaker, text: body.text.clone(), open: body.more }),
        }
    }

    pub(super) fn tell(&mut self, seq: Seq, at: UnixMs, action: Option<ActionId>, text: &str) {
        self.push(Entry { seq, at, speaker: Speaker::Told(action), text: text.to_owned(), open: false });
    }

    pub(super) fn note(&mut self, seq: Seq, at: UnixMs, text: String) {
        self.push(Entry { seq, at, speaker: Speaker::Note, text, open: false });
    }

    /// Takes the place of the note before it that said the same with less patience.
    pub(super) fn wait(&mut self, seq: Seq, at: UnixMs, text: &str) {
        if self.waiting().is_some()
            && let Some(before) = self.entries.pop_back()
        {
            self.bytes = self.bytes.saturating_sub(before.text.len());
        }
        self.note(seq, at, format!("{WAITING}{text}"));
    }

    /// What is waited for, while nothing else has come since.
    pub fn waiting(&self) -> Option<&str> {
        let last = self.entries.back().filter(|last| last.speaker == Speaker::Note)?;
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
