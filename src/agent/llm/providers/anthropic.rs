//! Anthropic Messages, version 2023-06-01.
//!
//! Format: <https://docs.anthropic.com/en/api/messages-streaming>. Thinking blocks must come back
//! with their signature when they precede a tool call; `cache_control` marks end the cached prefix.

use super::super::delta::{Delta, Stop, Usage};
use super::super::fault;
use super::super::request::{Message, Part, Request, Role, Seal};
use super::{
    Api, Decode, Encoded, KeyHeader, Wire, count_at, cut, filled_at, parse_event, put, slot_at, text_at, versioned,
};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The wire.
pub const WIRE: Wire = Wire {
    name: "anthropic",
    key_header: KeyHeader::Plain("x-api-key"),
    version: "v1",
    encode,
    decoder: || Box::new(Decoder::default()),
    whole,
    #[cfg(test)]
    fixtures: FIXTURES,
};

/// The request as Messages JSON.
fn encode(base_url: &str, request: &Request) -> Encoded {
    // Without marks the plain form: not every compatible server knows the other one.
    let system = match request.cache {
        true => json!([{"type": "text", "text": request.system, "cache_control": {"type": "ephemeral"}}]),
        false => json!(request.system),
    };
    let mut messages: Vec<Value> = request.messages.iter().map(message).collect();
    if request.cache {
        mark_last(&mut messages);
    }
    let mut body = json!({
        "model": request.model,
        "max_tokens": request.output_tokens_max,
        "stream": true,
        "messages": messages,
    });
    if !request.system.is_empty() {
        put(&mut body, "system", system);
    }
    if !request.tools.is_empty() {
        let tools = request
            .tools
            .iter()
            .map(|tool| json!({"name": tool.name, "description": tool.description, "input_schema": tool.schema}));
        put(&mut body, "tools", tools.collect());
    }
    if let Some(tokens) = request.thinking.tokens() {
        // The budget counts within max_tokens and must stay below it; 1024 is the least allowed.
        let tokens = tokens.min(request.output_tokens_max.saturating_sub(1_024)).max(1_024);
        if tokens < request.output_tokens_max {
            put(&mut body, "thinking", json!({"type": "enabled", "budget_tokens": tokens}));
        }
    }
    Encoded {
        url: format!("{}/messages", versioned(base_url, "v1")),
        headers: vec![("anthropic-version", "2023-06-01".to_owned())],
        body,
    }
}

fn message(message: &Message) -> Value {
    let role = match message.role {
        Role::User => "user",
        Role::Assistant => "assistant",
    };
    let content: Vec<Value> = message.parts.iter().filter_map(block).collect();
    json!({"role": role, "content": content})
}

fn block(part: &Part) -> Option<Value> {
    match part {
        // Empty text blocks are refused by the server.
        Part::Text(text) => (!text.trim().is_empty()).then(|| json!({"type": "text", "text": text})),
        Part::Thinking { text, seal } => {
            let seal = Seal::for_api(seal.as_ref(), Api::Anthropic)?;
            match seal.get("redacted") {
                Some(redacted) => Some(json!({"type": "redacted_thinking", "data": redacted})),
                None => Some(json!({"type": "thinking", "thinking": text, "signature": seal.get("signature")?})),
            }
        }
        Part::Call(call) => Some(json!({"type": "tool_use", "id": call.id, "name": call.name, "input": call.args})),
        Part::Result { id, text, failed, .. } => {
            Some(json!({"type": "tool_result", "tool_use_id": id, "content": text, "is_error": failed}))
        }
    }
}

/// Lets the cache reach to the end of the conversation so far.
fn mark_last(messages: &mut [Value]) {
    let last = messages.last_mut().and_then(|m| m.get_mut("content")).and_then(Value::as_array_mut);
    if let Some(Value::Object(block)) = last.and_then(|blocks| blocks.last_mut()) {
        block.insert("cache_control".to_owned(), json!({"type": "ephemeral"}));
    }
}

/// Decodes `message_start` … `message_stop`.
#[derive(Debug, Default)]
struct Decoder {
    blocks: BTreeMap<u32, Block>,
    stop: Option<Stop>,
    ended: bool,
}

#[derive(Debug, PartialEq, Eq)]
enum Block {
    Text,
    Thinking {
        signature: String,
    },
    Tool {
        begun: bool,
    },
    /// A call without a byte of arguments: that it has none is known when the answer has ended normally.
    Bare,
    Closed,
}

impl Decode for Decoder {
    fn feed(&mut self, _name: &str, data: &str) -> Vec<Delta> {
        if self.ended {
            return Vec::new();
        }
        let event = match parse_event(data) {
            Ok(event) => event,
            Err(fault) => {
                self.ended = true;
                return fault;
            }
        };
        match text_at(&event, "/type").unwrap_or_default() {
            "message_start" => usage(event.pointer("/message/usage")),
            "content_block_start" => self.open(&event),
            "content_block_delta" => self.extend(&event),
            "content_block_stop" => self.close(&event),
            "message_delta" => {
                self.stop = filled_at(&event, "/delta/stop_reason").map(stop_of).or(self.stop.take());
                let mut out = self.bare_calls();
                out.extend(usage(event.get("usage")));
                out
            }
            "message_stop" => {
                self.ended = true;
                vec![Delta::Stop(self.stop.take().unwrap_or(Stop::EndTurn))]
            }
            "error" => {
                self.ended = true;
                vec![Delta::Fault(fault::from_stream(event.get("error").unwrap_or(&event)))]
            }
            _ => Vec::new(),
        }
    }

    fn end(&mut self) -> Vec<Delta> {
        if std::mem::replace(&mut self.ended, true) {
            return Vec::new();
        }
        match self.stop.take() {
            // Some compatible servers leave out message_stop.
            Some(stop) if self.blocks.values().all(|block| matches!(block, Block::Bare | Block::Closed)) => {
                vec![Delta::Stop(stop)]
            }
            _ => cut(),
        }
    }
}

impl Decoder {
    fn open(&mut self, event: &Value) -> Vec<Delta> {
        let Some(slot) = slot_at(event, "/index") else { return Vec::new() };
        match self.blocks.get(&slot) {
            // A repeated opening may mean repeated pieces, which could spell other arguments.
            Some(Block::Tool { .. }) => {
                let why = "the server sent the start of this call twice".to_owned();
                return vec![Delta::ToolDoubt { slot, why }];
            }
            Some(Block::Text | Block::Thinking { .. } | Block::Bare | Block::Closed) => return Vec::new(),
            None => {}
        }
        let (block, out) = match text_at(event, "/content_block/type").unwrap_or_default() {
            "tool_use" => {
                let text = |pointer| text_at(event, pointer).unwrap_or_default().to_owned();
                let start = Delta::ToolStart { slot, id: text("/content_block/id"), name: text("/content_block/name") };
                let mut out = vec![start];
                // Compatible servers may put the whole input into the opening.
                let whole = event
                    .pointer("/content_block/input")
                    .filter(|input| input.as_object().is_some_and(|object| !object.is_empty()));
                if let Some(input) = whole {
                    out.push(Delta::ToolArgs { slot, text: input.to_string() });
                }
                (Block::Tool { begun: whole.is_some() }, out)
            }
            "thinking" => {
                let signature = text_at(event, "/content_block/signature").unwrap_or_default().to_owned();
                (Block::Thinking { signature }, text_delta(event, "/content_block/thinking", Delta::Thinking))
            }
            "redacted_thinking" => {
                let seal = json!({"redacted": event.pointer("/content_block/data")});
                (Block::Closed, vec![Delta::Seal(seal)])
            }
            _ => (Block::Text, text_delta(event, "/content_block/text", Delta::Text)),
        };
        self.blocks.insert(slot, block);
        out
    }

    fn extend(&mut self, event: &Value) -> Vec<Delta> {
        let Some(slot) = slot_at(event, "/index") else { return Vec::new() };
        let Some(block) = self.blocks.get_mut(&slot) else { return Vec::new() };
        match block {
            Block::Text => text_delta(event, "/delta/text", Delta::Text),
            Block::Thinking { signature } => {
                signature.push_str(text_at(event, "/delta/signature").unwrap_or_default());
                text_delta(event, "/delta/thinking", Delta::Thinking)
            }
            Block::Tool { begun } => {
                let Some(text) = filled_at(event, "/delta/partial_json") else { return Vec::new() };
                *begun = true;
                vec![Delta::ToolArgs { slot, text: text.to_owned() }]
            }
            Block::Bare | Block::Closed => Vec::new(),
        }
    }

    /// Completes the calls without arguments, unless the answer was cut short.
    fn bare_calls(&mut self) -> Vec<Delta> {
        let whole = matches!(self.stop, Some(Stop::EndTurn | Stop::ToolUse));
        let mut out = Vec::new();
        for (slot, block) in &mut self.blocks {
            if *block == Block::Bare && whole {
                *block = Block::Closed;
                out.push(Delta::ToolEnd { slot: *slot, args: Some("{}".to_owned()) });
            }
        }
        out
    }

    fn close(&mut self, event: &Value) -> Vec<Delta> {
        let Some(slot) = slot_at(event, "/index") else { return Vec::new() };
        let Some(block) = self.blocks.get_mut(&slot) else { return Vec::new() };
        match std::mem::replace(block, Block::Closed) {
            Block::Tool { begun: true } => vec![Delta::ToolEnd { slot, args: None }],
            Block::Tool { begun: false } | Block::Bare => {
                *block = Block::Bare;
                Vec::new()
            }
            Block::Thinking { signature } if !signature.is_empty() => {
                vec![Delta::Seal(json!({"signature": signature}))]
            }
            Block::Thinking { .. } | Block::Text | Block::Closed => Vec::new(),
        }
    }
}

fn text_delta(event: &Value, pointer: &str, make: fn(String) -> Delta) -> Vec<Delta> {
    filled_at(event, pointer).map(|text| make(text.to_owned())).into_iter().collect()
}

fn usage(usage: Option<&Value>) -> Vec<Delta> {
    let Some(usage) = usage else { return Vec::new() };
    vec![Delta::Usage(Usage {
        input: count_at(usage, "/input_tokens"),
        cache_read: count_at(usage, "/cache_read_input_tokens"),
        cache_write: count_at(usage, "/cache_creation_input_tokens"),
        output: count_at(usage, "/output_tokens"),
    })]
}

fn stop_of(word: &str) -> Stop {
    match word {
        "end_turn" | "stop_sequence" => Stop::EndTurn,
        "tool_use" => Stop::ToolUse,
        "max_tokens" | "model_context_window_exceeded" => Stop::MaxTokens,
        "refusal" => Stop::Refusal,
        other => Stop::Other(other.to_owned()),
    }
}

/// The events that an answer in one piece would have been.
fn whole(body: &Value) -> Vec<Value> {
    let Some(blocks) = body.get("content").and_then(Value::as_array) else { return Vec::new() };
    let mut events = vec![json!({"type": "message_start", "message": {"usage": body.get("usage")}})];
    for (index, block) in blocks.iter().enumerate() {
        events.push(json!({"type": "content_block_start", "index": index, "content_block": block}));
        events.push(json!({"type": "content_block_stop", "index": index}));
    }
    events.push(
        json!({"type": "message_delta", "delta": {"stop_reason": body.get("stop_reason")}, "usage": body.get("usage")}),
    );
    events.push(json!({"type": "message_stop"}));
    events
}

#[cfg(test)]
const FIXTURES: &[(&str, &str)] = &[
    (
        "anthropic-length",
        "broken(delete the answer ended before its arguments were complete) tokens(30 0 64) MaxTokens",
    ),
    ("anthropic-refusal", "text(Well) tokens(30 0 3) Refusal"),
    (
        "anthropic-tools",
        "think(The bound is off by one – größer. \"EqQB=\") text(I will read the file ✓) call(toolu_1 read {\"path\":\"src/lib.rs\"}) call(toolu_2 test {}) tokens(2143 900 88) ToolUse",
    ),
    ("anthropic-redacted", "think( {\"redacted\":\"b64==\"}) text(Done.) tokens(10 0 5) EndTurn"),
    (
        "anthropic-error",
        "broken(write the answer ended before its arguments were complete) tokens(10 0 1) the server failed: Overloaded",
    ),
    (
        "anthropic-llamacpp-printed",
        "text(```json\n{\n  \"name\": \"read\",\n  \"arguments\": {\n    \"path\": \"src/lib.rs\"\n  }\n}\n``` \n\nThis function reads the file `src/lib.rs`) tokens(163 162 40) MaxTokens",
    ),
];
