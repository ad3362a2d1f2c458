//! A request of the loop to a model, in words that belong to no provider.
//!
//! Providers translate these shapes to their own JSON and back; nothing provider-specific may
//! appear here except [`Seal`], which is opaque and only returned to where it came from.

use super::dialect::Dialect;
use super::providers::Api;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One completion asked for. Everything but the last messages is stable between calls, so that
/// the provider's prompt cache can serve it.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// The model's name as the provider knows it.
    pub model: String,
    /// Standing instructions; never contains untrusted text.
    pub system: String,
    /// The conversation, oldest first; starts with a user message.
    pub messages: Vec<Message>,
    /// Tools the model may call, in a fixed order.
    pub tools: Vec<ToolSpec>,
    /// Longest answer, thinking included, in tokens.
    pub output_tokens_max: u32,
    /// The amount of thinking before the answer.
    pub thinking: Thinking,
    /// Mark the stable prefix for the provider's prompt cache, where it wants marks.
    pub cache: bool,
    /// Groups requests of one session for providers that route by it (OpenAI).
    pub cache_key: Option<String>,
    /// The features the server is known to refuse.
    pub dialect: Dialect,
}

/// One message of the conversation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Message {
    /// The author.
    pub role: Role,
    /// The content, in order.
    pub parts: Vec<Part>,
}

/// The author of a [`Message`]. Tool results are the user's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// The supervisor, or rightseat for the supervisor.
    User,
    /// The model.
    Assistant,
}

/// A piece of a message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// Plain text.
    Text(String),
    /// The model's thinking; sent back only with its seal.
    Thinking {
        /// Readable summary, may be empty.
        text: String,
        /// Data to return to the provider.
        seal: Option<Seal>,
    },
    /// A tool call the model made.
    Call(ToolCall),
    /// The answer to a call.
    Result {
        /// Id of the call answered.
        id: String,
        /// Name of the tool, which Gemini wants repeated.
        name: String,
        /// The text for the model.
        text: String,
        /// The call failed or was refused.
        failed: bool,
    },
}

/// A complete tool call: the arguments are a parsed JSON object.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ToolCall {
    /// Unique in the conversation.
    pub id: String,
    /// The tool's name as the model wrote it; may be invented.
    pub name: String,
    /// The arguments.
    pub args: Value,
    /// Data to return to the provider with the call.
    pub seal: Option<Seal>,
}

/// Bytes only the provider understands: a signature, encrypted reasoning.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Seal {
    /// The protocol it came from; it is sent back over that one only.
    pub api: Api,
    /// The provider's own JSON.
    pub value: Value,
}

/// A tool offered to the model.
#[derive(Clone, Debug, PartialEq)]
pub struct ToolSpec {
    /// Letters, digits, `_`.
    pub name: String,
    /// Its purpose and when to use it.
    pub description: String,
    /// JSON schema of the arguments: `type: object`, `properties`, `required`.
    pub schema: Value,
}

/// The amount of thinking.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Thinking {
    /// Say nothing about thinking; the provider's default holds.
    #[default]
    Unset,
    /// About 1 000–4 000 tokens.
    Low,
    /// About 8 000 tokens.
    Medium,
    /// About 24 000 tokens.
    High,
}

impl Thinking {
    /// Tokens for providers that want a number; `None` when unset.
    pub fn tokens(self) -> Option<u32> {
        match self {
            Thinking::Unset => None,
            Thinking::Low => Some(2_048),
            Thinking::Medium => Some(8_192),
            Thinking::High => Some(24_576),
        }
    }

    /// The word for providers that want one; `None` when unset.
    pub fn effort(self) -> Option<&'static str> {
        match self {
            Thinking::Unset => None,
            Thinking::Low => Some("low"),
            Thinking::Medium => Some("medium"),
            Thinking::High => Some("high"),
        }
    }
}

impl ToolSpec {
    /// Returns its size in a prompt, bytes of JSON.
    pub fn bytes(&self) -> usize {
        self.name.len() + self.description.len() + self.schema.to_string().len() + 16
    }
}

impl Message {
    /// Returns its size in a prompt, bytes.
    pub fn bytes(&self) -> usize {
        let part = |part: &Part| match part {
            Part::Text(text) => text.len(),
            Part::Thinking { text, seal } => text.len() + seal.as_ref().map_or(0, |seal| seal.value.to_string().len()),
            Part::Call(call) => call.name.len() + call.id.len() + call.args.to_string().len() + 32,
            Part::Result { id, text, .. } => id.len() + text.len() + 32,
        };
        16 + self.parts.iter().map(part).sum::<usize>()
    }

    /// A user message of one text.
    pub fn user(text: impl Into<String>) -> Message {
        Message { role: Role::User, parts: vec![Part::Text(text.into())] }
    }

    /// A model's message.
    pub fn assistant(parts: Vec<Part>) -> Message {
        Message { role: Role::Assistant, parts }
    }
}

impl Seal {
    /// The value, if it came over this protocol.
    pub fn for_api(seal: Option<&Seal>, api: Api) -> Option<&Value> {
        seal.filter(|seal| seal.api == api).map(|seal| &seal.value)
    }
}
