//! The conversation with one model: messages, their size, and how it is kept within the context. Pure.
//!
//! When it grows too large, old tool results are shortened first; then the oldest exchanges give way to a summary
//! that keeps the goal, the decisions and the open failures. A call and its result never part.

use super::request::{Message, Part, Role};
use crate::agent::llm::limits;
use std::collections::VecDeque;

/// See the module.
#[derive(Clone, Debug)]
pub struct Talk {
    messages: Vec<Message>,
    /// Tokens for each byte, learned from what servers tell.
    tokens_per_byte: f64,
}

impl Default for Talk {
    fn default() -> Self {
        // English and code have about four bytes a token; three errs to the safe side.
        Talk { messages: Vec::new(), tokens_per_byte: 1.0 / 3.0 }
    }
}

impl Talk {
    /// The messages, oldest first.
    pub fn messages(&self) -> &[Message] {
        &self.messages
    }

    /// Adds a user's text; joins it to a user message that is already last.
    pub fn add(&mut self, text: impl Into<String>) {
        self.user(vec![Part::Text(text.into())]);
    }

    /// Adds parts of the user's side.
    pub fn user(&mut self, parts: Vec<Part>) {
        if parts.is_empty() {
            return;
        }
        match self.messages.last_mut().filter(|last| last.role == Role::User) {
            Some(last) => last.parts.extend(parts),
            None => self.messages.push(Message { role: Role::User, parts }),
        }
    }

    /// Adds a model's message. Servers refuse empty ones.
    pub fn assistant(&mut self, mut message: Message) {
        let says = message.parts.iter().any(|part| match part {
            Part::Text(text) => !text.trim().is_empty(),
            Part::Call(_) => true,
            Part::Thinking { .. } | Part::Result { .. } => false,
        });
        if !says {
            message.parts.push(Part::Text("(nothing)".to_owned()));
        }
        self.messages.push(message);
    }

    /// The size of the next request, tokens, estimated to the safe side; `fixed` are the bytes of what every request
    /// holds.
    pub fn tokens(&self, fixed: usize) -> u64 {
        self.tokens_of(fixed + self.bytes())
    }

    /// So many bytes in tokens, estimated to the safe side.
    pub fn tokens_of(&self, bytes: usize) -> u64 {
        (bytes as f64 * self.tokens_per_byte).ceil() as u64
    }

    /// The size of the messages, bytes.
    pub fn bytes(&self) -> usize {
        self.messages.iter().map(Message::bytes).sum()
    }

    /// Returns whether thinking is sent back; servers count it and keep what they please.
    pub fn holds_sealed_thinking(&self) -> bool {
        let sealed = |part: &Part| matches!(part, Part::Thinking { seal: Some(_), .. });
        self.messages.iter().any(|message| message.parts.iter().any(sealed))
    }

    /// Calibrates the estimate by the number of tokens a server counted.
    pub fn learn(&mut self, estimated: u64, real: u64) {
        if estimated == 0 || real == 0 {
            return;
        }
        let ratio = (real as f64 / estimated as f64).clamp(0.5, 4.0);
        // Upwards at once, downwards slowly: passing the context costs more than wasting some of it.
        let weight = if ratio > 1.0 { 1.0 } else { 0.2 };
        self.tokens_per_byte *= 1.0 + (ratio - 1.0) * weight;
        self.tokens_per_byte = self.tokens_per_byte.clamp(0.1, 1.5);
    }

    /// Forgets what only the model that wrote it can read: another one gets words, calls and results.
    pub fn unseal(&mut self) {
        for message in &mut self.messages {
            message.parts.retain(|part| !matches!(part, Part::Thinking { .. }));
            for part in &mut message.parts {
                if let Part::Call(call) = part {
                    call.seal = None;
                }
            }
            if message.parts.is_empty() {
                message.parts.push(Part::Text("(nothing)".to_owned()));
            }
        }
    }

    /// Makes the conversation with `fixed` further bytes fit into `target` tokens; true when something was left out.
    pub fn fit(&mut self, target: u64, fixed: usize, summary: impl Fn() -> String) -> bool {
        let mut changed = false;
        // Results first, oldest first: their whole text stays on the shelf.
        let last = self.messages.len().saturating_sub(2);
        for at in 0..last {
            if self.tokens(fixed) <= target {
                return changed;
            }
            if let Some(message) = self.messages.get_mut(at) {
                changed |= shorten(message, limits::OLD_RESULT_CHARS_MAX, false);
            }
        }
        // Then the oldest exchanges, until half of the room is free again.
        let goal = target / 2;
        let mut dropped = 0;
        while self.tokens(fixed) > goal && self.messages.len() > dropped + 3 {
            dropped = self.next_exchange(dropped);
            let rest = Talk { messages: self.messages.get(dropped..).unwrap_or_default().to_vec(), ..self.clone() };
            if rest.tokens(fixed) <= goal {
                break;
            }
        }
        if dropped > 0 && dropped < self.messages.len() {
            self.messages.drain(..dropped);
            self.messages.insert(0, Message::user(summary()));
            changed = true;
        }
        // What is left may still hold something huge. The first message, which holds the task, comes last.
        for at in (1..self.messages.len()).chain([0]) {
            if self.tokens(fixed) <= target {
                break;
            }
            if let Some(message) = self.messages.get_mut(at) {
                changed |= shorten(message, limits::OLD_RESULT_CHARS_MAX, true);
            }
        }
        changed
    }

    /// Returns the start of the exchange after message `from`: at a model's message, so that the summary is followed by
    /// one.
    fn next_exchange(&self, from: usize) -> usize {
        let later = self.messages.iter().enumerate().skip(from + 1);
        later
            .filter(|(_, message)| message.role == Role::Assistant)
            .map(|(at, _)| at)
            .next()
            .unwrap_or(self.messages.len())
    }
}

/// Shortens long results, and with `texts` long texts as well.
fn shorten(message: &mut Message, chars_max: usize, texts: bool) -> bool {
    let mut changed = false;
    for part in &mut message.parts {
        let text = match part {
            Part::Result { text, .. } => text,
            Part::Text(text) if texts => text,
            Part::Text(_) | Part::Thinking { .. } | Part::Call(_) => continue,
        };
        if text.chars().count() > chars_max + 80 {
            let head: String = text.chars().take(chars_max).collect();
            *text = format!("{head}\n[shortened to save room; read it again if you need it]");
            changed = true;
        }
    }
    changed
}

/// Long outputs by reference: the model sees the beginning and the end and may ask for more.
#[derive(Clone, Debug)]
pub struct Shelf {
    entries: VecDeque<(String, String)>,
    next: u32,
    bytes_max: usize,
}

impl Shelf {
    /// A shelf that shows at most an eighth of the context at once.
    pub fn for_context(tokens: u32) -> Shelf {
        let bytes = tokens as usize * 3 / 8;
        Shelf {
            entries: VecDeque::new(),
            next: 0,
            bytes_max: bytes.clamp(limits::RESULT_BYTES_MIN, limits::RESULT_BYTES_MAX),
        }
    }

    /// The text itself when it is short, else its ends and a reference.
    pub fn place(&mut self, text: String) -> String {
        if text.len() <= self.bytes_max {
            return text;
        }
        self.next += 1;
        let reference = format!("r{}", self.next);
        let head = cut(&text, 0, self.bytes_max * 2 / 3);
        let tail_from = floor(&text, text.len() - self.bytes_max / 3);
        let tail = text.get(tail_from..).unwrap_or_default();
        let shown = format!(
            "{head}\n[… {} of {} bytes left out: `more` {{\"ref\": \"{reference}\", \"from\": {}}} …]\n{tail}",
            tail_from - head.len(),
            text.len(),
            head.len()
        );
        self.entries.push_back((reference, text));
        while self.entries.len() > limits::SHELF_ENTRIES_MAX {
            self.entries.pop_front();
        }
        shown
    }

    /// A further piece of a text, or what to do instead.
    pub fn more(&self, reference: &str, from: usize) -> Result<String, String> {
        let Some((_, text)) = self.entries.iter().find(|(name, _)| name == reference) else {
            let known: Vec<&str> = self.entries.iter().map(|(name, _)| name.as_str()).collect();
            return Err(format!("there is nothing under `{reference}`; available: {}", known.join(", ")));
        };
        if from >= text.len() {
            return Err(format!("`{reference}` has {} bytes; use a smaller offset", text.len()));
        }
        let piece = cut(text, from, self.bytes_max);
        let end = floor(text, from) + piece.len();
        let rest = text.len().saturating_sub(end);
        Ok(if rest == 0 {
            piece.to_owned()
        } else {
            format!("{piece}\n[{rest} bytes follow: `more` {{\"ref\": \"{reference}\", \"from\": {end}}}]")
        })
    }
}

/// The nearest character boundary at or before a byte.
fn floor(text: &str, byte: usize) -> usize {
    let mut at = byte.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

fn cut(text: &str, from: usize, bytes: usize) -> &str {
    let start = floor(text, from);
    text.get(start..floor(text, start.saturating_add(bytes))).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::super::providers::Api;
    use super::super::request::{Seal, ToolCall};
    use super::*;
    use serde_json::json;

    fn exchange(talk: &mut Talk, n: usize, bytes: usize) {
        let id = format!("c{n}");
        let call = ToolCall { id: id.clone(), name: "read".into(), args: json!({"path": n}), seal: None };
        talk.assistant(Message::assistant(vec![Part::Call(call)]));
        talk.user(vec![Part::Result { id, name: "read".into(), text: "x".repeat(bytes), failed: false }]);
    }

    fn paired(talk: &Talk) -> bool {
        let mut open: Vec<&str> = Vec::new();
        for part in talk.messages().iter().flat_map(|message| &message.parts) {
            match part {
                Part::Call(call) => open.push(&call.id),
                Part::Result { id, .. } => {
                    let Some(at) = open.iter().position(|open| open == id) else { return false };
                    open.remove(at);
                }
                Part::Text(_) | Part::Thinking { .. } => {}
            }
        }
        open.is_empty()
    }

    #[test]
    fn a_conversation_is_made_to_fit_and_calls_keep_their_results() {
        for bytes in [100, 3_000, 60_000] {
            let mut talk = Talk::default();
            talk.add("the goal");
            for n in 0..40 {
                exchange(&mut talk, n, bytes);
            }
            let before = talk.tokens(0);
            let fitted = talk.fit(1_500, 0, || "SUMMARY: the goal".into());
            assert!(fitted == (before > 1_500) && talk.tokens(0) <= 1_500, "{bytes}: {}", talk.tokens(0));
            assert!(paired(&talk), "{bytes}");
            assert_eq!(talk.messages()[0].role, Role::User);
            let roles: Vec<Role> = talk.messages().iter().map(|message| message.role).collect();
            assert!(roles.windows(2).all(|pair| pair[0] != pair[1]), "{roles:?}");
        }
    }

    #[test]
    fn another_model_gets_no_sealed_parts() {
        let seal = || Some(Seal { api: Api::ALL[0], value: json!("s") });
        let mut talk = Talk::default();
        talk.add("the goal");
        let call = ToolCall { id: "c".into(), name: "read".into(), args: json!({}), seal: seal() };
        talk.assistant(Message::assistant(vec![Part::Thinking { text: "hm".into(), seal: seal() }, Part::Call(call)]));
        assert!(talk.holds_sealed_thinking());
        talk.unseal();
        assert!(!talk.holds_sealed_thinking());
        assert!(matches!(talk.messages()[1].parts.as_slice(), [Part::Call(ToolCall { seal: None, .. })]));
    }

    #[test]
    fn estimates_learn_quickly_upwards() {
        let mut talk = Talk::default();
        talk.add("a".repeat(3_000));
        let first = talk.tokens(0);
        talk.learn(first, first * 3 / 2);
        assert!(talk.tokens(0) >= first * 3 / 2 - 2);
        talk.learn(first, first / 2);
        assert!(talk.tokens(0) > first);
    }

    #[test]
    fn long_outputs_are_paged_without_loss() {
        let mut shelf = Shelf::for_context(100_000);
        let text: String = (0..4_000).map(|n| format!("zeile {n} ä\n")).collect();
        let shown = shelf.place(text.clone());
        assert!(shown.len() < limits::RESULT_BYTES_MAX + 200 && shown.contains("\"ref\": \"r1\""));
        let mut whole = String::new();
        let mut from = 0;
        while from < text.len() {
            let piece = shelf.more("r1", from).unwrap();
            let piece = piece.split("\n[").next().unwrap().to_owned();
            from += piece.len();
            whole.push_str(&piece);
        }
        assert_eq!(whole, text);
        assert!(shelf.more("r9", 0).unwrap_err().contains("available: r1"));
        assert_eq!(shelf.place("short".into()), "short");
    }
}
