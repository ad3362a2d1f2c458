//! Gemini `streamGenerateContent` with `alt=sse`.
//!
//! Format: <https://ai.google.dev/api/generate-content>. Function calls arrive whole and often
//! without an id; `thoughtSignature` belongs to the part it came with and must return with it.

use super::super::delta::{Delta, Stop, Usage};
use super::super::fault;
use super::super::request::{Message, Part, Request, Role, Seal};
use super::{
    Api, Decode, Encoded, KeyHeader, Wire, count_at, cut, filled_at, parse_event, put, stop_or_calls, text_at,
    versioned,
};
use crate::agent::llm::limits;
use serde_json::{Value, json};

/// The wire.
pub const WIRE: Wire = Wire {
    name: "gemini",
    key_header: KeyHeader::Plain("x-goog-api-key"),
    version: "v1beta",
    encode,
    decoder: || Box::new(Decoder::default()),
    whole,
    #[cfg(test)]
    fixtures: FIXTURES,
};

/// The request as `generateContent` JSON.
fn encode(base_url: &str, request: &Request) -> Encoded {
    let contents: Vec<Value> = request.messages.iter().map(content).collect();
    let mut config = json!({"maxOutputTokens": request.output_tokens_max});
    if let Some(tokens) = request.thinking.tokens() {
        put(&mut config, "thinkingConfig", json!({"includeThoughts": true, "thinkingBudget": tokens}));
    }
    let mut body = json!({
        "contents": contents,
        "generationConfig": config,
    });
    if !request.system.is_empty() {
        put(&mut body, "systemInstruction", json!({"parts": [{"text": request.system}]}));
    }
    if !request.tools.is_empty() {
        let declarations: Vec<Value> = request
            .tools
            .iter()
            .map(|tool| json!({"name": tool.name, "description": tool.description, "parameters": subset(&tool.schema)}))
            .collect();
        put(&mut body, "tools", json!([{"functionDeclarations": declarations}]));
    }
    let base = versioned(base_url, "v1beta");
    let model = request.model.trim_start_matches("models/");
    Encoded { url: format!("{base}/models/{model}:streamGenerateContent?alt=sse"), headers: Vec::new(), body }
}

/// Gemini knows an OpenAPI subset and refuses the other keywords.
fn subset(schema: &Value) -> Value {
    match schema {
        Value::Object(object) => object
            .iter()
            .filter(|(key, _)| !matches!(key.as_str(), "additionalProperties" | "$schema" | "default" | "title"))
            .map(|(key, value)| (key.clone(), subset(value)))
            .collect::<serde_json::Map<_, _>>()
            .into(),
        Value::Array(list) => list.iter().map(subset).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => schema.clone(),
    }
}

fn content(message: &Message) -> Value {
    let role = match message.role {
        Role::User => "user",
        Role::Assistant => "model",
    };
    let parts: Vec<Value> = message.parts.iter().filter_map(part).collect();
    json!({"role": role, "parts": parts})
}

fn part(part: &Part) -> Option<Value> {
    match part {
        Part::Text(text) => (!text.is_empty()).then(|| json!({"text": text})),
        Part::Thinking { seal, .. } => {
            let seal = Seal::for_api(seal.as_ref(), Api::Gemini)?;
            Some(json!({"text": "", "thoughtSignature": seal}))
        }
        Part::Call(call) => {
            let mut part = json!({"functionCall": {"name": call.name, "args": call.args}});
            if let Some(seal) = Seal::for_api(call.seal.as_ref(), Api::Gemini) {
                put(&mut part, "thoughtSignature", seal.clone());
            }
            Some(part)
        }
        Part::Result { name, text, failed, .. } => {
            let key = if *failed { "error" } else { "output" };
            let mut response = serde_json::Map::new();
            response.insert(key.to_owned(), json!(text));
            Some(json!({"functionResponse": {"name": name, "response": response}}))
        }
    }
}

/// Decodes `GenerateContentResponse` chunks up to a `finishReason`.
#[derive(Debug, Default)]
struct Decoder {
    calls: u32,
    last_call_chunk: String,
    stop: Option<Stop>,
    ended: bool,
}

impl Decode for Decoder {
    fn feed(&mut self, _name: &str, data: &str) -> Vec<Delta> {
        if self.ended {
            return Vec::new();
        }
        let chunk = match parse_event(data) {
            Ok(chunk) => chunk,
            Err(fault) => {
                self.ended = true;
                return fault;
            }
        };
        if let Some(error) = chunk.get("error") {
            self.ended = true;
            return vec![Delta::Fault(fault::from_stream(error))];
        }
        let mut out = Vec::new();
        if self.stop.is_none() {
            self.candidate(&chunk, data, &mut out);
        }
        out.extend(chunk.get("usageMetadata").map(usage_of));
        if let Some(reason) = filled_at(&chunk, "/promptFeedback/blockReason") {
            out.push(Delta::Text(format!("[the prompt was blocked: {reason}]")));
            self.stop = Some(Stop::Refusal);
        }
        out
    }

    fn end(&mut self) -> Vec<Delta> {
        if std::mem::replace(&mut self.ended, true) {
            return Vec::new();
        }
        // Usage may follow the finish reason, so the stop is reported at the end.
        match self.stop.take() {
            Some(stop) => vec![Delta::Stop(stop)],
            None => cut(),
        }
    }
}

impl Decoder {
    fn candidate(&mut self, chunk: &Value, data: &str, out: &mut Vec<Delta>) {
        let parts = chunk.pointer("/candidates/0/content/parts").and_then(Value::as_array);
        let parts = parts.map(Vec::as_slice).unwrap_or_default();
        // Calls carry no id: the same chunk again is a repetition, not a second call.
        let has_call = parts.iter().any(|part| part.get("functionCall").is_some());
        if has_call {
            if self.last_call_chunk == data {
                return;
            }
            self.last_call_chunk = data.to_owned();
        }
        for part in parts {
            self.part(part, out);
        }
        if let Some(word) = filled_at(chunk, "/candidates/0/finishReason") {
            if matches!(word, "MALFORMED_FUNCTION_CALL" | "UNEXPECTED_TOOL_CALL" | "MALFORMED_RESPONSE") {
                self.unreadable(text_at(chunk, "/candidates/0/finishMessage").unwrap_or(word), out);
            }
            self.stop = Some(stop_or_calls(stop_of(word), self.calls > 0));
        }
    }

    /// The model wrote a malformed call; only the message describes it.
    fn unreadable(&mut self, message: &str, out: &mut Vec<Delta>) {
        let slot = self.calls;
        self.calls += 1;
        let message: String = message.chars().take(limits::ERROR_MESSAGE_CHARS_MAX).collect();
        out.push(Delta::ToolStart { slot, id: String::new(), name: "?".to_owned() });
        out.push(Delta::ToolDoubt { slot, why: format!("the server could not read it: {message}") });
    }

    fn part(&mut self, part: &Value, out: &mut Vec<Delta>) {
        let signature = part.get("thoughtSignature").filter(|value| value.is_string()).cloned();
        if let Some(call) = part.get("functionCall") {
            let slot = self.calls;
            self.calls += 1;
            let text = |pointer| text_at(call, pointer).unwrap_or_default().to_owned();
            out.push(Delta::ToolStart { slot, id: text("/id"), name: text("/name") });
            let args = call.get("args").filter(|args| !args.is_null()).map_or("{}".to_owned(), Value::to_string);
            out.push(Delta::ToolArgs { slot, text: args.clone() });
            out.extend(signature.map(|value| Delta::ToolSeal { slot, value }));
            out.push(Delta::ToolEnd { slot, args: Some(args) });
            return;
        }
        if let Some(text) = filled_at(part, "/text") {
            let thought = part.get("thought").and_then(Value::as_bool).unwrap_or(false);
            out.push(if thought { Delta::Thinking(text.to_owned()) } else { Delta::Text(text.to_owned()) });
        }
        out.extend(signature.map(Delta::Seal));
    }
}

fn usage_of(usage: &Value) -> Delta {
    let cached = count_at(usage, "/cachedContentTokenCount");
    let output = [count_at(usage, "/candidatesTokenCount"), count_at(usage, "/thoughtsTokenCount")];
    Delta::Usage(Usage {
        input: count_at(usage, "/promptTokenCount").map(|all| all.saturating_sub(cached.unwrap_or(0))),
        cache_read: cached,
        cache_write: None,
        output: output.iter().any(Option::is_some).then(|| output.iter().flatten().sum()),
    })
}

fn stop_of(word: &str) -> Stop {
    match word {
        "STOP" => Stop::EndTurn,
        "MAX_TOKENS" => Stop::MaxTokens,
        "SAFETY" | "RECITATION" | "LANGUAGE" | "BLOCKLIST" | "PROHIBITED_CONTENT" | "SPII" | "MODEL_ARMOR" => {
            Stop::Refusal
        }
        other => Stop::Other(other.to_owned()),
    }
}

/// The events that an answer in one piece would have been.
fn whole(body: &Value) -> Vec<Value> {
    match body {
        // Without `alt=sse` the chunks come as one list.
        Value::Array(chunks) => chunks.clone(),
        Value::Object(_) => vec![body.clone()],
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    }
}

#[cfg(test)]
const FIXTURES: &[(&str, &str)] = &[
    (
        "gemini-malformed-call",
        "broken(? the server could not read it: Malformed function call: call default_api.read(path='a) Other(\"MALFORMED_FUNCTION_CALL\")",
    ),
    (
        "gemini-parallel",
        "think(Two  -) call(f1 read {\"path\":\"a\"} \"U2ln\") call(f2 read {\"path\":\"b\"}) tokens(50 0 15) ToolUse",
    ),
    ("gemini-safety", "text(Half) tokens(50 0 9) Refusal"),
    (
        "gemini-tools",
        "think(**Looking** for it -) text(I look at it ✓) call(t1-0 read {\"path\":\"x.py\"} \"Ci4B\") call(t1-1 test {}) tokens(210 200 42) ToolUse",
    ),
    ("gemini-blocked", "text([the prompt was blocked: PROHIBITED_CONTENT]) Refusal"),
];
