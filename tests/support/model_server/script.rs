//! The neutral script: what the model says in each turn, and how the line misbehaves.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// A whole script. One request consumes one turn.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Script {
    /// The model name that `GET …/models` announces.
    pub model: String,
    /// The context it announces with it, tokens; zero: none.
    pub context: u64,
    pub turns: Vec<Turn>,
    /// Turns by a word of the prompt: the play whose name stands last in a request goes on, and repeats its last turn.
    /// Needed where how many requests a prompt takes is the agent's affair.
    pub plays: BTreeMap<String, Vec<Turn>>,
    /// After the last turn: play it again (true), or say that the script has ended (false).
    pub repeat_last: bool,
    /// Requests that are refused, as servers do that know less than they are asked for.
    pub refuse: Vec<Refusal>,
    /// Instead of turns: a small model with this seed (see `dumb`).
    pub dumb: Option<u64>,
    /// Every answer counts a token for each byte of text in its request, and is as long as was allowed.
    pub greedy: bool,
    /// Answer to requests that offer no tools (titles, summaries); they consume no turn.
    pub side: Option<Turn>,
}

/// A refusal of every request of a kind.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Refusal {
    /// A JSON pointer that such a request has, or `roles`: anything but user and assistant in turn.
    pub has: String,
    pub status: u16,
    pub message: String,
}

/// One completion.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Turn {
    pub thinking: String,
    pub text: String,
    pub calls: Vec<Call>,
    /// Neutral stop reason: empty (derived from the calls), `max_tokens` or `refusal`.
    pub stop: String,
    pub fault: Option<Fault>,
    /// Wait before the first byte of the answer.
    pub first_byte_ms: u64,
    /// Wait after each streamed event.
    pub frame_ms: u64,
    /// Tokens announced as used: prompt, completion. Zero: a quarter of the request's bytes, and 20.
    pub usage: (u64, u64),
}

/// One tool call.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Call {
    pub name: String,
    /// Sent as JSON; a string is sent as the raw argument text, whatever it is. In the plays, `{{REGEX}}` in a text is
    /// replaced by what it matches last in the request: agents tell their model names that nobody knows before.
    pub args: Value,
    /// Empty: `call_TURN_INDEX`.
    pub id: String,
}

/// What goes wrong while a turn is delivered.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Fault {
    /// An HTTP error; `retry_after` is sent as the header, seconds.
    Status { status: u16, retry_after: Option<u64> },
    /// An HTTP error with these header lines.
    Busy { status: u16, headers: Vec<String> },
    /// So many events of the answer, then the protocol's own event for a server that is overloaded.
    Failing { after_frames: usize },
    /// HTTP 400: the prompt is larger than the context.
    Overflow,
    /// The connection dies after so many bytes of the event stream.
    Cut { after_bytes: usize },
    /// Headers, then so many events, then nothing.
    Stall { after_frames: usize },
    /// Headers and not one event.
    Silence,
    /// One byte a chunk, so many milliseconds apart.
    Drip { ms: u64 },
    /// A broken line and broken JSON in the middle.
    Malformed,
    /// Every event twice.
    Duplicate,
    /// The answer as one JSON document, as servers that do not stream.
    Whole,
    /// An HTML page with status 200.
    WrongType,
    /// A compressed body that would unpack to so many mebibytes.
    GzipBomb { mebibytes: usize },
    /// So many mebibytes of comments before the answer.
    Flood { mebibytes: usize },
    /// A redirect to another address.
    Redirect { to: String, status: Option<u16> },
}

impl Turn {
    /// A turn that only speaks.
    pub fn text(text: &str) -> Turn {
        Turn { text: text.to_owned(), ..Turn::default() }
    }

    /// A turn that calls one tool.
    pub fn call(name: &str, args: Value) -> Turn {
        Turn::default().with_call(name, args)
    }

    /// Adds one more call.
    pub fn with_call(mut self, name: &str, args: Value) -> Turn {
        self.calls.push(Call { name: name.to_owned(), args, id: String::new() });
        self
    }

    /// The turn with what it takes over from its request.
    pub fn filled(mut self, request: &str) -> Turn {
        self.calls.iter_mut().for_each(|call| fill(&mut call.args, request));
        self
    }

    /// A turn that only fails.
    pub fn fault(fault: Fault) -> Turn {
        Turn { fault: Some(fault), ..Turn::text("after the fault") }
    }

    /// The same turn, delivered with a fault.
    pub fn with_fault(mut self, fault: Fault) -> Turn {
        self.fault = Some(fault);
        self
    }
}

impl Refusal {
    /// Refuses requests that have something at a JSON pointer.
    pub fn of(has: &str, status: u16, message: &str) -> Refusal {
        Refusal { has: has.to_owned(), status, message: message.to_owned() }
    }

    /// Whether a request is of that kind.
    pub fn meets(&self, body: &Value) -> bool {
        if self.has != "roles" {
            return body.pointer(&self.has).is_some();
        }
        let messages = body.get("messages").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let expect = ["user", "assistant"].into_iter().cycle();
        !messages
            .iter()
            .map(|message| message["role"].as_str().unwrap_or_default())
            .zip(expect)
            .all(|(is, be)| is == be)
    }
}

impl Script {
    /// Plays by their names.
    pub fn plays<const N: usize>(plays: [(&str, Vec<Turn>); N]) -> Script {
        let plays = plays.into_iter().map(|(name, turns)| (name.to_owned(), turns)).collect();
        Script { plays, ..Script::of([]) }
    }

    /// Plays these turns in order.
    pub fn of(turns: impl IntoIterator<Item = Turn>) -> Script {
        Script { model: "scripted".to_owned(), turns: turns.into_iter().collect(), ..Script::default() }
    }
}

impl Call {
    /// The id on the wire.
    pub fn wire_id(&self, turn: usize, index: usize) -> String {
        if self.id.is_empty() { format!("call_{turn}_{index}") } else { self.id.clone() }
    }

    /// The argument text on the wire.
    pub fn wire_args(&self) -> String {
        match &self.args {
            Value::String(raw) => raw.clone(),
            Value::Null => "{}".to_owned(),
            other @ (Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => other.to_string(),
        }
    }
}

fn fill(args: &mut Value, request: &str) {
    match args {
        Value::String(text) => {
            while let (Some(from), Some(to)) = (text.find("{{"), text.find("}}")) {
                let pattern = regex::Regex::new(&text[from + 2..to]).expect("a pattern between the braces");
                let found = pattern.find_iter(request).last().map_or("not-found", |found| found.as_str());
                text.replace_range(from..to + 2, found);
            }
        }
        Value::Array(list) => list.iter_mut().for_each(|value| fill(value, request)),
        Value::Object(map) => map.values_mut().for_each(|value| fill(value, request)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
