//! A completion as it is shown while it comes: its pieces, put together so that the journal has few of them, and without
//! what the model has just said in the same words.

use super::crew::Role;
use super::delta::Delta;
use super::http::Progress;
use crate::agent::llm::limits;
use crate::model::NoteKind;
use crate::model::event::AgentNoted;
use crate::port::FromAgent;
use std::time::{Duration, Instant};

/// See the module.
pub struct Shown {
    by: &'static str,
    /// The size of the request, estimated.
    tokens: u64,
    open: Option<Kind>,
    /// The text since something was sent: a journal entry for every token would be too much.
    kept: String,
    sent: Option<Instant>,
    /// The whole text of the open message so far.
    whole: String,
    /// The last message of the model in this turn.
    last: String,
    /// The open message has the words of the last one so far: nothing of it is sent yet.
    repeats: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Thinking,
}

impl Shown {
    /// `last` is what the model said before in this turn.
    pub fn new(by: &'static str, tokens: u64, last: String) -> Shown {
        let (kept, whole) = (String::new(), String::new());
        Shown { by, tokens, open: None, kept, sent: None, whole, last, repeats: false }
    }

    /// The last message of the model.
    pub fn into_last(self) -> String {
        self.last
    }

    pub fn take(&mut self, progress: &Progress) -> Vec<FromAgent> {
        let note = |what: NoteKind, text: String| FromAgent::Noted(AgentNoted::new(what, text));
        match progress {
            Progress::Delta(Delta::Text(text)) => self.say(Kind::Text, text),
            Progress::Delta(Delta::Thinking(text)) => self.say(Kind::Thinking, text),
            Progress::Delta(Delta::ToolStart { name, .. }) => {
                let mut out = self.close();
                // Alone, the model needs no name.
                let by = if self.by == Role::Solo.speaker() { String::new() } else { format!(" by the {}", self.by) };
                out.push(note(NoteKind::Writing, format!("a call of {name}{by} …")));
                out
            }
            Progress::Delta(
                Delta::Seal(_)
                | Delta::ToolArgs { .. }
                | Delta::ToolSeal { .. }
                | Delta::ToolDoubt { .. }
                | Delta::ToolEnd { .. }
                | Delta::Usage(_)
                | Delta::Stop(_)
                | Delta::Fault(_),
            ) => Vec::new(),
            // Often enough to see that it lives, seldom enough not to fill the journal.
            Progress::Waiting { seconds, speaking } if *seconds == 5 || seconds % 15 == 0 && *seconds > 0 => {
                let text = if *speaking {
                    format!("no more output from the model for {seconds} s")
                } else {
                    format!("{seconds} s without output; the model is reading about {} tokens", self.tokens)
                };
                vec![note(NoteKind::Waiting, text)]
            }
            Progress::Waiting { .. } => Vec::new(),
            Progress::Retrying { attempt, after, fault } => {
                let code = fault.status().map_or(String::new(), |status| format!("{status}, "));
                let (next, last) = (attempt + 1, limits::RETRIES_MAX + 1);
                let wait = if after.as_secs() < 10 {
                    format!("{:.1}", after.as_secs_f64())
                } else {
                    after.as_secs().to_string()
                };
                vec![note(NoteKind::Retry, format!("retrying in {wait} s ({code}attempt {next} of {last}): {fault}"))]
            }
        }
    }

    fn say(&mut self, kind: Kind, text: &str) -> Vec<FromAgent> {
        let mut out = if self.open.is_some_and(|open| open != kind) { self.close() } else { Vec::new() };
        if self.open.is_none() {
            self.open = Some(kind);
            self.repeats = kind == Kind::Text && !self.last.is_empty();
        }
        self.kept.push_str(text);
        if kind == Kind::Text {
            self.whole.push_str(text);
            self.repeats = self.repeats && self.last.starts_with(self.whole.trim());
        }
        let is_due = self.sent.is_none_or(|sent| sent.elapsed() >= Duration::from_millis(limits::SAID_MERGED_MS));
        if is_due && !self.repeats {
            self.sent = Some(Instant::now());
            let text = std::mem::take(&mut self.kept);
            out.push(self.piece(kind, text, true));
        }
        out
    }

    /// The end of a message, if one is open. One that is the last one again is not sent.
    pub fn close(&mut self) -> Vec<FromAgent> {
        let Some(kind) = self.open.take() else { return Vec::new() };
        self.sent = None;
        let text = std::mem::take(&mut self.kept);
        let whole = std::mem::take(&mut self.whole);
        if std::mem::take(&mut self.repeats) && whole.trim() == self.last {
            return Vec::new();
        }
        if !whole.trim().is_empty() {
            whole.trim().clone_into(&mut self.last);
        }
        vec![self.piece(kind, text, false)]
    }

    fn piece(&self, kind: Kind, text: String, more: bool) -> FromAgent {
        let by = self.by.to_owned();
        match kind {
            Kind::Text => FromAgent::Said { by, text, more },
            Kind::Thinking => FromAgent::Thought { by, text, more },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is shown of these pieces after the model said `last`.
    fn shown(last: &str, pieces: &[&str]) -> String {
        let mut shown = Shown::new("agent", 1, last.to_owned());
        let deltas = pieces.iter().map(|text| Progress::Delta(Delta::Text((*text).to_owned())));
        let mut messages: Vec<FromAgent> = deltas.flat_map(|progress| shown.take(&progress)).collect();
        messages.extend(shown.close());
        let said = messages.into_iter().filter_map(|message| {
            let FromAgent::Said { text, .. } = message else { return None };
            Some(text)
        });
        said.collect()
    }

    #[test]
    fn what_was_just_said_is_not_shown_again() {
        assert_eq!(shown("", &["Fix", "ed."]), "Fixed.");
        assert_eq!(shown("Fixed.", &["Fix", "ed.", "\n"]), "");
        assert_eq!(shown("Fixed.", &["Fix", "ed. And", " more"]), "Fixed. And more");
        assert_eq!(shown("Fixed it all.", &["Fixed"]), "Fixed");
        assert_eq!(shown("Fixed.", &["Not", " Fixed."]), "Not Fixed.");
    }
}
