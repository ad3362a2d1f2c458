//! The pieces of a model's answer, in words that belong to no provider.

use super::fault::Fault;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One piece of a streamed completion.
#[derive(Clone, Debug, PartialEq)]
pub enum Delta {
    /// More text.
    Text(String),
    /// More readable thinking.
    Thinking(String),
    /// The provider's opaque value that closes the current thinking.
    Seal(Value),
    /// A tool call begins.
    ToolStart {
        /// Tells calls of one completion apart.
        slot: u32,
        /// The provider's id; empty when it gives none.
        id: String,
        /// The tool's name.
        name: String,
    },
    /// More argument text.
    ToolArgs {
        /// The slot of the call.
        slot: u32,
        /// A piece of JSON text.
        text: String,
    },
    /// The provider's opaque value that belongs to a call.
    ToolSeal {
        /// The slot of the call.
        slot: u32,
        /// The provider's own JSON.
        value: Value,
    },
    /// The stream contradicts itself about a call: it must not run.
    ToolDoubt {
        /// The slot of the call.
        slot: u32,
        /// The reason.
        why: String,
    },
    /// A call's arguments are complete.
    ToolEnd {
        /// The slot of the call.
        slot: u32,
        /// The whole argument text, where the provider repeats it.
        args: Option<String>,
    },
    /// Tokens used so far; later values replace earlier ones.
    Usage(Usage),
    /// The model is done.
    Stop(Stop),
    /// The completion failed here; nothing follows.
    Fault(Fault),
}

impl Delta {
    /// Returns whether it is a part of the model's content, and not about the completion.
    pub fn is_content(&self) -> bool {
        match self {
            Delta::Text(_)
            | Delta::Thinking(_)
            | Delta::Seal(_)
            | Delta::ToolStart { .. }
            | Delta::ToolArgs { .. }
            | Delta::ToolSeal { .. }
            | Delta::ToolDoubt { .. }
            | Delta::ToolEnd { .. } => true,
            Delta::Usage(_) | Delta::Stop(_) | Delta::Fault(_) => false,
        }
    }
}

/// Tokens of one completion. `None` is unknown, which is not zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Prompt tokens billed at the full price.
    pub input: Option<u64>,
    /// Prompt tokens read from the provider's cache.
    pub cache_read: Option<u64>,
    /// Prompt tokens written to the provider's cache.
    pub cache_write: Option<u64>,
    /// Answer tokens, thinking included.
    pub output: Option<u64>,
}

impl Usage {
    /// Takes over every value that `later` knows.
    pub fn update(&mut self, later: Usage) {
        self.input = later.input.or(self.input);
        self.cache_read = later.cache_read.or(self.cache_read);
        self.cache_write = later.cache_write.or(self.cache_write);
        self.output = later.output.or(self.output);
    }

    /// All prompt tokens, cached or not.
    pub fn prompt(&self) -> Option<u64> {
        let known = [self.input, self.cache_read, self.cache_write];
        known.iter().any(Option::is_some).then(|| known.iter().flatten().sum())
    }

    /// Prompt and answer together.
    pub fn total(&self) -> Option<u64> {
        match (self.prompt(), self.output) {
            (None, None) => None,
            (prompt, output) => Some(prompt.unwrap_or(0).saturating_add(output.unwrap_or(0))),
        }
    }
}

/// The reason that the model stopped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stop {
    /// It had nothing more to say.
    EndTurn,
    /// It waits for tool results.
    ToolUse,
    /// The answer reached its longest length.
    MaxTokens,
    /// The provider or the model refuses.
    Refusal,
    /// A word we do not know.
    Other(String),
}
