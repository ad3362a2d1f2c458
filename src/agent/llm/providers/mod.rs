//! The four protocols: neutral request → JSON, streamed events → neutral pieces.
//!
//! Encoders and decoders are pure; bytes, time and retries live in [`super::http`]. Each protocol is one file here
//! with one [`Wire`], and a row in `apis!`.

mod anthropic;
mod chat;
mod gemini;
mod responses;
#[cfg(test)]
mod tests;

use super::delta::{Delta, Stop};
use super::fault::Fault;
use super::request::Request;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

macro_rules! apis {
    ($($(#[$doc:meta])* $api:ident = $wire:path),+ $(,)?) => {
        /// The protocol of a server; the names are those of `models.toml`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Api {
            $($(#[$doc])* $api,)+
        }

        impl Api {
            /// Every protocol.
            pub const ALL: [Api; NAMES.len()] = [$(Api::$api),+];

            fn wire(self) -> &'static Wire {
                match self {
                    $(Api::$api => &$wire,)+
                }
            }
        }

        const NAMES: &[&str] = &[$($wire.name),+];
    };
}

apis! {
    /// OpenAI Responses.
    Responses = responses::WIRE,
    /// OpenAI Chat Completions and everything compatible with it.
    Chat = chat::WIRE,
    /// Anthropic Messages.
    Anthropic = anthropic::WIRE,
    /// Gemini `streamGenerateContent`.
    Gemini = gemini::WIRE,
}

/// One protocol, all of it.
struct Wire {
    /// In `models.toml`.
    name: &'static str,
    key_header: KeyHeader,
    /// The segment of the version in addresses.
    version: &'static str,
    encode: fn(&str, &Request) -> Encoded,
    /// Makes a decoder for one completion.
    decoder: fn() -> Box<dyn Decode>,
    /// The events that an answer in one piece would have been: some gateways and test servers do not stream although
    /// they were asked to, and what they send holds the same content. What is not an answer of this protocol gives
    /// none, which the decoder takes for a cut.
    whole: fn(&Value) -> Vec<Value>,
    /// The streams in `tests/fixtures/llm`, with their meaning.
    #[cfg(test)]
    fixtures: &'static [(&'static str, &'static str)],
}

/// A request ready to be sent, all but the key.
#[derive(Clone, Debug, PartialEq)]
pub struct Encoded {
    /// The whole address.
    pub url: String,
    /// Headers beside the key's and the content type.
    pub headers: Vec<(&'static str, String)>,
    /// The JSON body.
    pub body: Value,
}

/// The header that carries the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyHeader {
    /// `authorization: Bearer KEY`
    Bearer,
    /// The key alone in the named header.
    Plain(&'static str),
}

/// A protocol's stream decoder: events in, pieces out, no IO.
///
/// After a [`Delta::Fault`] or [`Delta::Stop`] that ends the stream it answers with nothing more
/// than late usage; it never panics, whatever it is fed.
pub trait Decode: Send {
    /// Takes one server-sent event: its name (empty if none) and its data.
    fn feed(&mut self, name: &str, data: &str) -> Vec<Delta>;
    /// The stream has ended; a stream without its end mark was cut.
    fn end(&mut self) -> Vec<Delta>;
}

impl Api {
    /// The name in `models.toml`.
    pub fn name(self) -> &'static str {
        self.wire().name
    }

    /// The JSON and address for a request.
    pub fn encode(self, base_url: &str, request: &Request) -> Encoded {
        (self.wire().encode)(base_url, request)
    }

    /// A fresh decoder for one completion.
    pub fn decoder(self) -> Box<dyn Decode> {
        (self.wire().decoder)()
    }

    /// The events that an answer in one piece would have been.
    pub fn whole(self, body: &Value) -> Vec<Value> {
        (self.wire().whole)(body)
    }

    /// Returns the header for the key.
    pub fn key_header(self) -> KeyHeader {
        self.wire().key_header
    }

    /// Returns the address of the server's list of models.
    pub fn models_url(self, base_url: &str) -> String {
        format!("{}/models", versioned(base_url, self.wire().version))
    }
}

impl Serialize for Api {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Api {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let word = String::deserialize(from)?;
        let api = Api::ALL.into_iter().find(|api| api.name() == word);
        api.ok_or_else(|| serde::de::Error::unknown_variant(&word, NAMES))
    }
}

/// `base_url` with the version segment, which people write or leave out.
///
/// An address that already has a path other than the version is taken as it is: gateways put
/// their own segments there.
fn versioned(base_url: &str, version: &str) -> String {
    let base = base_url.trim_end_matches('/');
    let path = base.split_once("://").map_or(base, |(_, rest)| rest).split_once('/');
    match path {
        None => format!("{base}/{version}"),
        Some(_) => base.to_owned(),
    }
}

/// Sets a key of an object.
fn put(object: &mut Value, key: &str, value: Value) {
    if let Value::Object(object) = object {
        object.insert(key.to_owned(), value);
    }
}

/// The JSON of an event, or the fault that ends the stream.
///
/// One event that does not parse poisons the completion: the lost piece may have been part of a
/// call's arguments.
fn parse_event(data: &str) -> Result<Value, Vec<Delta>> {
    serde_json::from_str(data)
        .map_err(|error| vec![Delta::Fault(Fault::Malformed { why: format!("an event is not JSON: {error}") })])
}

/// A string at a JSON pointer.
fn text_at<'a>(value: &'a Value, pointer: &str) -> Option<&'a str> {
    value.pointer(pointer).and_then(Value::as_str)
}

/// A non-empty string at a JSON pointer.
fn filled_at<'a>(value: &'a Value, pointer: &str) -> Option<&'a str> {
    text_at(value, pointer).filter(|text| !text.is_empty())
}

/// A count at a JSON pointer.
fn count_at(value: &Value, pointer: &str) -> Option<u64> {
    value.pointer(pointer).and_then(Value::as_u64)
}

/// A slot number at a JSON pointer.
fn slot_at(value: &Value, pointer: &str) -> Option<u32> {
    count_at(value, pointer).and_then(|n| u32::try_from(n).ok())
}

/// Returns the deltas for a stream that ended without its end mark.
fn cut() -> Vec<Delta> {
    vec![Delta::Fault(Fault::Cut { why: "the stream ended without its end mark".to_owned() })]
}

/// The stop that an answer means when the provider only says "stop".
fn stop_or_calls(stop: Stop, calls: bool) -> Stop {
    if calls && stop == Stop::EndTurn { Stop::ToolUse } else { stop }
}
