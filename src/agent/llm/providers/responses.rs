//! OpenAI Responses, stateless (`store: false`) with encrypted reasoning carried by us.
//!
//! Format: <https://platform.openai.com/docs/api-reference/responses-streaming>. Every event has a
//! `sequence_number`, so a repeated event is recognized and dropped.

use super::super::delta::{Delta, Stop, Usage};
use super::super::fault;
use super::super::request::{Message, Part, Request, Role, Seal};
use super::{
    Api, Decode, Encoded, KeyHeader, Wire, count_at, cut, filled_at, parse_event, put, slot_at, stop_or_calls, text_at,
    versioned,
};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The wire.
pub const WIRE: Wire = Wire {
    name: "openai-responses",
    key_header: KeyHeader::Bearer,
    version: "v1",
    encode,
    decoder: || Box::new(Decoder::default()),
    whole,
    #[cfg(test)]
    fixtures: FIXTURES,
};

/// The request as Responses JSON.
fn encode(base_url: &str, request: &Request) -> Encoded {
    let mut input = Vec::new();
    for message in &request.messages {
        push_items(&mut input, message);
    }
    let mut body = json!({
        "model": request.model,
        "stream": true,
        "store": false,
        "max_output_tokens": request.output_tokens_max,
        "input": input,
    });
    if !request.system.is_empty() {
        put(&mut body, "instructions", json!(request.system));
    }
    if !request.tools.is_empty() {
        let tools = request.tools.iter().map(|tool| {
            json!({"type": "function", "name": tool.name, "description": tool.description,
                "parameters": tool.schema, "strict": false})
        });
        put(&mut body, "tools", tools.collect());
    }
    if let Some(effort) = request.thinking.effort() {
        put(&mut body, "reasoning", json!({"effort": effort, "summary": "auto"}));
        put(&mut body, "include", json!(["reasoning.encrypted_content"]));
    }
    if request.cache
        && let Some(key) = &request.cache_key
    {
        put(&mut body, "prompt_cache_key", json!(key));
    }
    Encoded { url: format!("{}/responses", versioned(base_url, "v1")), headers: Vec::new(), body }
}

fn push_items(input: &mut Vec<Value>, message: &Message) {
    let (role, kind) = match message.role {
        Role::User => ("user", "input_text"),
        Role::Assistant => ("assistant", "output_text"),
    };
    for part in &message.parts {
        match part {
            Part::Text(text) if text.is_empty() => {}
            Part::Text(text) => input.push(json!({"type": "message", "role": role,
                "content": [{"type": kind, "text": text}]})),
            Part::Thinking { seal, .. } => {
                if let Some(item) = Seal::for_api(seal.as_ref(), Api::Responses) {
                    input.push(item.clone());
                }
            }
            Part::Call(call) => input.push(json!({"type": "function_call", "call_id": call.id,
                "name": call.name, "arguments": call.args.to_string()})),
            Part::Result { id, text, .. } => {
                input.push(json!({"type": "function_call_output", "call_id": id, "output": text}));
            }
        }
    }
}

/// Decodes `response.*` events up to `response.completed`.
#[derive(Debug, Default)]
struct Decoder {
    sequence: Option<u64>,
    calls: BTreeMap<u32, Progress>,
    /// Names of items from servers that number none (llama.cpp): each call's slot is where its names are.
    names: Vec<Vec<String>>,
    refused: bool,
    ended: bool,
}

/// The places where an event names its item.
const NAMES: [&str; 3] = ["/item_id", "/item/id", "/item/call_id"];

/// The progress of a call.
#[derive(Debug, PartialEq, Eq)]
enum Progress {
    Open,
    Done,
}

impl Decode for Decoder {
    fn feed(&mut self, name: &str, data: &str) -> Vec<Delta> {
        if self.ended || data.trim() == "[DONE]" {
            return Vec::new();
        }
        let event = match parse_event(data) {
            Ok(event) => event,
            Err(fault) => {
                self.ended = true;
                return fault;
            }
        };
        if let Some(number) = count_at(&event, "/sequence_number") {
            if self.sequence.is_some_and(|last| number <= last) {
                return Vec::new();
            }
            self.sequence = Some(number);
        }
        let text_delta = |make: fn(String) -> Delta| -> Vec<Delta> {
            filled_at(&event, "/delta").map(|text| make(text.to_owned())).into_iter().collect()
        };
        let kind = text_at(&event, "/type").unwrap_or(name);
        self.refused |= kind == "response.refusal.delta";
        match kind {
            "response.output_text.delta" | "response.refusal.delta" => text_delta(Delta::Text),
            "response.reasoning_summary_text.delta" | "response.reasoning_text.delta" => text_delta(Delta::Thinking),
            "response.reasoning_summary_part.added" if count_at(&event, "/summary_index").unwrap_or(0) > 0 => {
                vec![Delta::Thinking("\n\n".to_owned())]
            }
            "response.output_item.added" => self.open(&event),
            "response.function_call_arguments.delta" => self.extend(&event),
            "response.output_item.done" => self.close(&event),
            "response.completed" | "response.incomplete" => self.finish(&event),
            "response.failed" => {
                self.ended = true;
                let error = event.pointer("/response/error").unwrap_or(&event);
                vec![Delta::Fault(fault::from_stream(error))]
            }
            "error" => {
                self.ended = true;
                vec![Delta::Fault(fault::from_stream(event.get("error").unwrap_or(&event)))]
            }
            _ => Vec::new(),
        }
    }

    fn end(&mut self) -> Vec<Delta> {
        if std::mem::replace(&mut self.ended, true) { Vec::new() } else { cut() }
    }
}

impl Decoder {
    /// Returns the slot of the call an event is about: by its number, or by an earlier name.
    fn slot(&self, event: &Value) -> Option<u32> {
        let known = || {
            let named: Vec<&str> = NAMES.iter().filter_map(|at| filled_at(event, at)).collect();
            self.names.iter().position(|names| names.iter().any(|name| named.contains(&name.as_str())))
        };
        slot_at(event, "/output_index").or_else(|| known().and_then(|at| u32::try_from(at).ok()))
    }

    /// A slot for an item that has only names.
    fn name(&mut self, event: &Value) -> u32 {
        self.names.push(NAMES.iter().filter_map(|at| filled_at(event, at)).map(str::to_owned).collect());
        u32::try_from(self.names.len() - 1).unwrap_or(u32::MAX)
    }

    fn open(&mut self, event: &Value) -> Vec<Delta> {
        if text_at(event, "/item/type") != Some("function_call") {
            return Vec::new();
        }
        let slot = self.slot(event).unwrap_or_else(|| self.name(event));
        if self.calls.contains_key(&slot) {
            return vec![Delta::ToolDoubt { slot, why: "the server sent the start of this call twice".to_owned() }];
        }
        self.calls.insert(slot, Progress::Open);
        let text = |pointer| text_at(event, pointer).unwrap_or_default().to_owned();
        vec![Delta::ToolStart { slot, id: text("/item/call_id"), name: text("/item/name") }]
    }

    fn extend(&mut self, event: &Value) -> Vec<Delta> {
        let slot = self.slot(event);
        let open = slot.filter(|slot| self.calls.get(slot) == Some(&Progress::Open));
        match (open, filled_at(event, "/delta")) {
            (Some(slot), Some(text)) => vec![Delta::ToolArgs { slot, text: text.to_owned() }],
            _ => Vec::new(),
        }
    }

    fn close(&mut self, event: &Value) -> Vec<Delta> {
        match text_at(event, "/item/type") {
            Some("reasoning") => {
                // Only encrypted reasoning means something to the server when it stores nothing.
                let sealed = event.get("item").filter(|item| filled_at(item, "/encrypted_content").is_some());
                sealed.map(|item| Delta::Seal(item.clone())).into_iter().collect()
            }
            Some("function_call") => {
                let slot = self.slot(event).unwrap_or_else(|| self.name(event));
                let mut out = Vec::new();
                // Compatible servers may send only the finished item.
                if !self.calls.contains_key(&slot) {
                    out = self.open(event);
                }
                // Cut off by its length: the arguments are what had come by then, perhaps none.
                if text_at(event, "/item/status") == Some("incomplete") {
                    let why = "the answer ended before its arguments were complete".to_owned();
                    out.push(Delta::ToolDoubt { slot, why });
                }
                if self.calls.insert(slot, Progress::Done) == Some(Progress::Open) {
                    let args = filled_at(event, "/item/arguments").unwrap_or("{}").to_owned();
                    out.push(Delta::ToolEnd { slot, args: Some(args) });
                }
                out
            }
            _ => Vec::new(),
        }
    }

    fn finish(&mut self, event: &Value) -> Vec<Delta> {
        self.ended = true;
        let mut out = Vec::new();
        if let Some(usage) = event.pointer("/response/usage").filter(|usage| usage.is_object()) {
            let cached = count_at(usage, "/input_tokens_details/cached_tokens");
            out.push(Delta::Usage(Usage {
                input: count_at(usage, "/input_tokens").map(|all| all.saturating_sub(cached.unwrap_or(0))),
                cache_read: cached,
                cache_write: None,
                output: count_at(usage, "/output_tokens"),
            }));
        }
        let stop = match text_at(event, "/response/incomplete_details/reason") {
            Some("max_output_tokens") => Stop::MaxTokens,
            Some("content_filter") => Stop::Refusal,
            Some(other) => Stop::Other(other.to_owned()),
            None if self.refused => Stop::Refusal,
            None => stop_or_calls(Stop::EndTurn, !self.calls.is_empty()),
        };
        out.push(Delta::Stop(stop));
        out
    }
}

/// The events that an answer in one piece would have been.
fn whole(body: &Value) -> Vec<Value> {
    let Some(items) = body.get("output").and_then(Value::as_array) else { return Vec::new() };
    let mut events = Vec::new();
    for (index, item) in items.iter().enumerate() {
        let texts = item.get("content").and_then(Value::as_array).into_iter().flatten();
        for text in texts.filter_map(|part| part.get("text").or_else(|| part.get("refusal"))) {
            events.push(json!({"type": "response.output_text.delta", "output_index": index, "delta": text}));
        }
        events.push(json!({"type": "response.output_item.done", "output_index": index, "item": item}));
    }
    events.push(json!({"type": "response.completed", "response": body}));
    events
}

#[cfg(test)]
const FIXTURES: &[(&str, &str)] = &[
    (
        "responses-incomplete",
        "broken(delete the answer ended before its arguments were complete) tokens(20 0 16) MaxTokens",
    ),
    ("responses-refusal", "text(I cannot do that.) tokens(20 0 16) Refusal"),
    ("responses-error", "the server asks to slow down (HTTP 429): slow down, please"),
    (
        "responses-tools",
        "think(Check the löop \"gAAA\") text(On it.) call(call_x read {\"path\":\"a.rs\"}) tokens(500 128 60) ToolUse",
    ),
    (
        "responses-llamacpp",
        "text(Ich lese ✓) call(fc_a read {\"path\":\"a.rs\"}) call(fc_b test {}) tokens(390 389 20) ToolUse",
    ),
    ("responses-llamacpp-length", "text(One day, in a small) tokens(35 24 6) EndTurn"),
    (
        "responses-failed",
        "the conversation is larger than the model's context: Your input exceeds the context window of this model.",
    ),
];
