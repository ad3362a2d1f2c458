//! OpenAI Chat Completions and its many relatives: llama.cpp, Ollama, vLLM, LM Studio, OpenRouter.
//!
//! Format: <https://platform.openai.com/docs/api-reference/chat-streaming>. The relatives differ:
//! some leave out `index` or `id`, some send a whole call in one chunk, some repeat the id with
//! every piece, some never send `[DONE]`; each is read for what it must mean.

use super::super::delta::{Delta, Stop, Usage};
use super::super::fault;
use super::super::request::{Message, Part, Request, Role};
use super::{
    Decode, Encoded, KeyHeader, Wire, count_at, cut, filled_at, parse_event, put, slot_at, stop_or_calls, text_at,
    versioned,
};
use serde_json::{Value, json};

/// The wire.
pub const WIRE: Wire = Wire {
    name: "openai-chat",
    key_header: KeyHeader::Bearer,
    version: "v1",
    encode,
    decoder: || Box::new(Decoder::default()),
    whole,
    #[cfg(test)]
    fixtures: FIXTURES,
};

/// The request as Chat Completions JSON.
fn encode(base_url: &str, request: &Request) -> Encoded {
    let mut messages = Vec::new();
    if !request.system.is_empty() {
        messages.push(json!({"role": "system", "content": request.system}));
    }
    for message in &request.messages {
        push_message(&mut messages, message);
    }
    let mut body = json!({
        "model": request.model,
        "stream": true,
        "messages": messages,
    });
    if !request.dialect.no_stream_options {
        put(&mut body, "stream_options", json!({"include_usage": true}));
    }
    // OpenAI's own newer models refuse `max_tokens`; its relatives know nothing else.
    let newer = base_url.contains("api.openai.com") != request.dialect.other_longest;
    let longest = if newer { "max_completion_tokens" } else { "max_tokens" };
    put(&mut body, longest, json!(request.output_tokens_max));
    if !request.tools.is_empty() {
        let tools = request.tools.iter().map(|tool| {
            json!({"type": "function", "function":
                {"name": tool.name, "description": tool.description, "parameters": tool.schema}})
        });
        put(&mut body, "tools", tools.collect());
    }
    if let Some(effort) = request.thinking.effort() {
        put(&mut body, "reasoning_effort", json!(effort));
    }
    Encoded { url: format!("{}/chat/completions", versioned(base_url, "v1")), headers: Vec::new(), body }
}

fn push_message(messages: &mut Vec<Value>, message: &Message) {
    let mut text = String::new();
    let mut calls = Vec::new();
    for part in &message.parts {
        match part {
            Part::Text(piece) => {
                if !text.is_empty() {
                    text.push_str("\n\n");
                }
                text.push_str(piece);
            }
            Part::Thinking { .. } => {}
            Part::Call(call) => calls.push(json!({"id": call.id, "type": "function",
                "function": {"name": call.name, "arguments": call.args.to_string()}})),
            Part::Result { id, text, .. } => {
                messages.push(json!({"role": "tool", "tool_call_id": id, "content": text}));
            }
        }
    }
    match message.role {
        Role::User if !text.is_empty() => messages.push(json!({"role": "user", "content": text})),
        Role::User => {}
        Role::Assistant => {
            let mut answer = json!({"role": "assistant", "content": text});
            if !calls.is_empty() {
                put(&mut answer, "tool_calls", Value::Array(calls));
            }
            messages.push(answer);
        }
    }
}

/// Decodes `chat.completion.chunk`s up to `[DONE]`.
#[derive(Debug, Default)]
struct Decoder {
    calls: Vec<Open>,
    refused: bool,
    stop: Option<Stop>,
    ended: bool,
}

#[derive(Debug)]
struct Open {
    index: Option<u32>,
    id: String,
    args: String,
}

impl Decode for Decoder {
    fn feed(&mut self, name: &str, data: &str) -> Vec<Delta> {
        if self.ended {
            return Vec::new();
        }
        if data.trim() == "[DONE]" {
            return self.finish();
        }
        let chunk = match parse_event(data) {
            Ok(chunk) => chunk,
            Err(fault) => {
                self.ended = true;
                return fault;
            }
        };
        if let Some(error) = chunk.get("error").filter(|error| !error.is_null()) {
            self.ended = true;
            return vec![Delta::Fault(fault::from_stream(error))];
        }
        // vLLM names the kind within, others name the event.
        if name == "error" || text_at(&chunk, "/object") == Some("error") {
            self.ended = true;
            return vec![Delta::Fault(fault::from_stream(&chunk))];
        }
        let mut out = Vec::new();
        // Only the first choice is asked for.
        if let Some(choice) = chunk.pointer("/choices/0") {
            // After the finish reason only usage may follow; anything else is a repetition.
            if self.stop.is_none() {
                self.choice(choice, &mut out);
            }
        }
        if let Some(usage) = chunk.get("usage").filter(|usage| usage.is_object()) {
            out.push(usage_of(usage));
        }
        out
    }

    fn end(&mut self) -> Vec<Delta> {
        if self.ended {
            return Vec::new();
        }
        // A finish reason is an end mark too: not every relative sends `[DONE]`.
        if self.stop.is_some() {
            return self.finish();
        }
        self.ended = true;
        cut()
    }
}

impl Decoder {
    fn choice(&mut self, choice: &Value, out: &mut Vec<Delta>) {
        // Reasoning has two names among the relatives.
        for pointer in ["/delta/reasoning_content", "/delta/reasoning"] {
            if let Some(text) = filled_at(choice, pointer) {
                out.push(Delta::Thinking(text.to_owned()));
                break;
            }
        }
        for pointer in ["/delta/content", "/delta/refusal"] {
            if let Some(text) = filled_at(choice, pointer) {
                out.push(Delta::Text(text.to_owned()));
                self.refused |= pointer.ends_with("refusal");
            }
        }
        let calls = choice.pointer("/delta/tool_calls").and_then(Value::as_array);
        for call in calls.into_iter().flatten() {
            self.call(call, out);
        }
        if let Some(word) = filled_at(choice, "/finish_reason") {
            let stop = stop_or_calls(stop_of(word), !self.calls.is_empty());
            // The finish reason of a refusal is an ordinary one.
            self.stop = Some(if self.refused && stop == Stop::EndTurn { Stop::Refusal } else { stop });
        }
    }

    fn call(&mut self, call: &Value, out: &mut Vec<Delta>) {
        let index = slot_at(call, "/index");
        let id = text_at(call, "/id").unwrap_or_default();
        let name = text_at(call, "/function/name").unwrap_or_default();
        // Some relatives send the arguments as an object instead of text.
        let args = match call.pointer("/function/arguments") {
            Some(Value::String(text)) => text.clone(),
            Some(Value::Object(object)) => Value::Object(object.clone()).to_string(),
            _ => String::new(),
        };
        let known = self.position(index, id, name);
        let at = match known {
            Some(at) => at,
            None if name.is_empty() && args.is_empty() => return,
            None => {
                let slot = u32::try_from(self.calls.len()).unwrap_or(u32::MAX);
                self.calls.push(Open { index, id: id.to_owned(), args: String::new() });
                out.push(Delta::ToolStart { slot, id: id.to_owned(), name: name.to_owned() });
                self.calls.len() - 1
            }
        };
        let slot = u32::try_from(at).unwrap_or(u32::MAX);
        let Some(open) = self.calls.get_mut(at) else { return };
        if known.is_some() && !name.is_empty() && args.is_empty() {
            let why = "the server sent the start of this call twice".to_owned();
            out.push(Delta::ToolDoubt { slot, why });
            return;
        }
        // A whole call sent again: its text is what we already hold.
        let repeated = known.is_some() && !name.is_empty() && args == open.args && complete(&args);
        if !args.is_empty() && !repeated {
            open.args.push_str(&args);
            out.push(Delta::ToolArgs { slot, text: args });
        }
    }

    /// Returns the call a piece belongs to; `None` when it begins a new one.
    fn position(&self, index: Option<u32>, id: &str, name: &str) -> Option<usize> {
        if !id.is_empty() {
            if let Some(at) = self.calls.iter().position(|open| open.id == id) {
                return Some(at);
            }
            // The same index with another id is another call (seen from Ollama: index 0 for all).
            if !name.is_empty() {
                return None;
            }
        }
        match index {
            Some(_) => self.calls.iter().rposition(|open| open.index == index),
            None if name.is_empty() => self.calls.len().checked_sub(1),
            None => None,
        }
    }

    fn finish(&mut self) -> Vec<Delta> {
        self.ended = true;
        let Some(stop) = self.stop.take() else {
            return if self.calls.is_empty() { vec![Delta::Stop(Stop::EndTurn)] } else { cut() };
        };
        let mut out = Vec::new();
        // The last call of an answer that did not end normally is not complete.
        let by_itself = matches!(stop, Stop::EndTurn | Stop::ToolUse);
        let whole = if by_itself { self.calls.len() } else { self.calls.len().saturating_sub(1) };
        for (slot, open) in self.calls.iter().enumerate().take(whole) {
            let slot = u32::try_from(slot).unwrap_or(u32::MAX);
            let args = open.args.trim().is_empty().then(|| "{}".to_owned());
            out.push(Delta::ToolEnd { slot, args });
        }
        out.push(Delta::Stop(stop));
        out
    }
}

fn complete(args: &str) -> bool {
    serde_json::from_str::<Value>(args).is_ok()
}

fn usage_of(usage: &Value) -> Delta {
    let cached = count_at(usage, "/prompt_tokens_details/cached_tokens");
    Delta::Usage(Usage {
        input: count_at(usage, "/prompt_tokens").map(|all| all.saturating_sub(cached.unwrap_or(0))),
        cache_read: cached,
        cache_write: None,
        output: count_at(usage, "/completion_tokens"),
    })
}

fn stop_of(word: &str) -> Stop {
    match word {
        "stop" | "eos" | "eos_token" | "stop_sequence" | "end_turn" => Stop::EndTurn,
        "tool_calls" | "function_call" | "tool_use" => Stop::ToolUse,
        "length" => Stop::MaxTokens,
        "content_filter" => Stop::Refusal,
        other => Stop::Other(other.to_owned()),
    }
}

/// The events that an answer in one piece would have been.
fn whole(body: &Value) -> Vec<Value> {
    let Some(choice) = body.pointer("/choices/0") else { return Vec::new() };
    let finish = choice.get("finish_reason").filter(|reason| reason.is_string()).cloned().unwrap_or(json!("stop"));
    let choice = json!({"index": 0, "delta": choice.get("message"), "finish_reason": finish});
    vec![json!({"choices": [choice]}), json!({"choices": [], "usage": body.get("usage")})]
}

#[cfg(test)]
const FIXTURES: &[(&str, &str)] = &[
    ("chat-refusal", "text(I cannot help with that.) tokens(11 0 7) Refusal"),
    ("chat-vllm-error", "text(Half a) the server failed (HTTP 500): the engine died"),
    ("chat-filtered", "broken(delete the answer ended before its arguments were complete) Refusal"),
    (
        "chat-openai",
        "text(Reading two files ✓) call(call_a read {\"path\":\"ä.rs\"}) call(call_b list {}) tokens(300 256 40) ToolUse",
    ),
    ("chat-ollama", "think(hm -) call(call_1 read {\"path\":\"a\"}) call(call_2 read {\"path\":\"b\"}) ToolUse"),
    ("chat-openrouter", "text(Hallo) the server failed (HTTP 502): Provider disconnected"),
    ("chat-repeated-names", "call(t1 run {\"command\":\"make\"}) ToolUse"),
    (
        "chat-length",
        "text(Writing.) broken(write the answer ended before its arguments were complete) tokens(9 0 64) MaxTokens",
    ),
];
