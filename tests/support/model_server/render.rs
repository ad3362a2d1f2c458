//! One neutral turn written as each provider writes it: streamed events or one JSON body.

use super::http::Received;
use super::script::Turn;
use serde_json::{Value, json};

/// The protocol a request speaks, read from its path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Api {
    Responses,
    Chat,
    Anthropic,
    Gemini,
}

impl Api {
    pub const ALL: [Api; 4] = [Api::Responses, Api::Chat, Api::Anthropic, Api::Gemini];

    /// `None` for a path that no protocol owns.
    pub fn of_path(path: &str) -> Option<Api> {
        let bare = path.split('?').next().unwrap_or(path);
        if bare.ends_with("/responses") {
            Some(Api::Responses)
        } else if bare.ends_with("/chat/completions") {
            Some(Api::Chat)
        } else if bare.ends_with("/messages") {
            Some(Api::Anthropic)
        } else if bare.contains(":streamGenerateContent") || bare.contains(":generateContent") {
            Some(Api::Gemini)
        } else {
            None
        }
    }
}

/// Whether the request offers tools to the model.
pub fn offers_tools(body: &Value) -> bool {
    body.get("tools").and_then(Value::as_array).is_some_and(|tools| !tools.is_empty())
}

/// Whether the request asks for an event stream.
pub fn wants_stream(api: Api, request: &Received) -> bool {
    match api {
        Api::Gemini => request.path.contains(":streamGenerateContent"),
        Api::Responses | Api::Chat | Api::Anthropic => {
            request.body.get("stream").and_then(Value::as_bool).unwrap_or(false)
        }
    }
}

/// The model list in the shape that the path suggests (Ollama, Gemini or OpenAI).
pub fn model_list(path: &str, model: &str, context: u64) -> Value {
    if path.ends_with("/api/tags") {
        json!({"models": [{"name": model, "model": model}]})
    } else if path.contains("v1beta") {
        json!({"models": [{"name": format!("models/{model}"), "inputTokenLimit": 100_000, "outputTokenLimit": 8_192}]})
    } else {
        let mut entry = json!({"id": model, "object": "model"});
        if context > 0 {
            entry["meta"] = json!({"n_ctx": context});
        }
        json!({"object": "list", "data": [entry]})
    }
}

/// An HTTP error body as the provider words it.
pub fn error_body(api: Api, status: u16) -> Value {
    let message = format!("scripted failure {status}");
    match api {
        Api::Anthropic => json!({"type": "error", "error": {"type": "overloaded_error", "message": message}}),
        Api::Gemini => json!({"error": {"code": status, "message": message, "status": "UNAVAILABLE"}}),
        Api::Responses | Api::Chat => {
            json!({"error": {"message": message, "type": "server_error", "code": null}})
        }
    }
}

/// The 400 that says the prompt does not fit.
pub fn overflow_body(api: Api) -> Value {
    match api {
        Api::Anthropic => json!({"type": "error", "error": {"type": "invalid_request_error",
            "message": "prompt is too long: 210000 tokens > 200000 maximum"}}),
        Api::Gemini => json!({"error": {"code": 400, "status": "INVALID_ARGUMENT",
            "message": "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576)."}}),
        Api::Responses => json!({"error": {"code": "context_length_exceeded", "type": "invalid_request_error",
            "message": "Your input exceeds the context window of this model."}}),
        Api::Chat => json!({"error": {"code": 400, "type": "exceed_context_size_error",
            "message": "the request exceeds the available context size", "n_prompt_tokens": 20000, "n_ctx": 16384}}),
    }
}

/// The most that a call can use: a token for every byte of text in the request, and the longest answer.
pub fn most_usage(body: &Value) -> (u64, u64) {
    fn bytes(value: &Value) -> u64 {
        match value {
            Value::String(text) => text.len() as u64,
            Value::Array(list) => list.iter().map(bytes).sum(),
            Value::Object(object) => object.values().map(bytes).sum(),
            Value::Null | Value::Bool(_) | Value::Number(_) => 0,
        }
    }
    let longest = ["/max_tokens", "/max_completion_tokens", "/max_output_tokens", "/generationConfig/maxOutputTokens"];
    (bytes(body), longest.iter().find_map(|at| body.pointer(at)?.as_u64()).unwrap_or(0))
}

/// What a server that is overloaded sends as event number `at` of a stream that had begun well.
pub fn failure(api: Api, at: usize) -> String {
    let message = "scripted overload";
    match api {
        Api::Anthropic => named(&json!({"type": "error", "error": {"type": "overloaded_error", "message": message}})),
        Api::Gemini => data(&json!({"error": {"code": 503, "message": message, "status": "UNAVAILABLE"}})),
        Api::Chat => data(&json!({"error": {"code": 503, "message": message, "type": "server_error"}})),
        Api::Responses => named(&json!({"type": "response.failed", "sequence_number": at, "response":
            {"status": "failed", "error": {"code": "server_error", "message": message}}})),
    }
}

/// The turn as streamed events.
pub fn frames(api: Api, number: usize, turn: &Turn) -> Vec<String> {
    match api {
        Api::Responses => responses(number, turn),
        Api::Chat => chat(number, turn),
        Api::Anthropic => anthropic(number, turn),
        Api::Gemini => gemini(number, turn).iter().map(data).collect(),
    }
}

/// The turn as one JSON body, for clients that do not stream.
pub fn whole(api: Api, number: usize, turn: &Turn) -> Value {
    match api {
        Api::Responses => responses_object(number, turn, "completed"),
        Api::Chat => json!({"id": format!("chat_{number}"), "object": "chat.completion", "model": "scripted",
            "choices": [{"index": 0, "finish_reason": chat_stop(turn), "message": {
                "role": "assistant", "content": turn.text, "tool_calls": chat_calls(number, turn)}}],
            "usage": chat_usage(turn)}),
        Api::Anthropic => json!({"id": format!("msg_{number}"), "type": "message", "role": "assistant",
            "model": "scripted", "content": anthropic_blocks(number, turn),
            "stop_reason": anthropic_stop(turn), "usage": anthropic_usage(turn)}),
        Api::Gemini => gemini(number, turn).into_iter().next_back().map_or(Value::Null, |mut last| {
            last["candidates"][0]["content"]["parts"] = gemini_parts(number, turn);
            last
        }),
    }
}

fn usage(turn: &Turn) -> (u64, u64) {
    turn.usage
}

/// Text in pieces of about twelve bytes, as tokens arrive.
fn pieces(text: &str) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    for c in text.chars() {
        match out.last_mut() {
            Some(last) if last.len() < 12 => last.push(c),
            _ => out.push(c.to_string()),
        }
    }
    out
}

fn data(value: &Value) -> String {
    format!("data: {value}\n\n")
}

fn named(value: &Value) -> String {
    format!("event: {}\ndata: {value}\n\n", value["type"].as_str().unwrap_or("message"))
}

// ---- OpenAI Responses ------------------------------------------------------------------------

fn responses_items(number: usize, turn: &Turn) -> Vec<Value> {
    let mut items = Vec::new();
    if !turn.thinking.is_empty() {
        items.push(json!({"type": "reasoning", "id": format!("rs_{number}"),
            "summary": [{"type": "summary_text", "text": turn.thinking}],
            "encrypted_content": format!("sealed-{number}")}));
    }
    if !turn.text.is_empty() {
        items.push(json!({"type": "message", "id": format!("msg_{number}"), "role": "assistant",
            "status": "completed", "content": [{"type": "output_text", "text": turn.text, "annotations": []}]}));
    }
    for (index, call) in turn.calls.iter().enumerate() {
        items.push(json!({"type": "function_call", "id": format!("fc_{number}_{index}"), "status": "completed",
            "call_id": call.wire_id(number, index), "name": call.name, "arguments": call.wire_args()}));
    }
    items
}

fn responses_object(number: usize, turn: &Turn, status: &str) -> Value {
    let (input, output) = usage(turn);
    let mut object = json!({"id": format!("resp_{number}"), "object": "response", "model": "scripted",
        "created_at": 0, "status": status, "output": responses_items(number, turn),
        "usage": {"input_tokens": input, "output_tokens": output, "total_tokens": input + output,
            "input_tokens_details": {"cached_tokens": 0}, "output_tokens_details": {"reasoning_tokens": 0}}});
    if status == "incomplete" {
        object["incomplete_details"] = json!({"reason": "max_output_tokens"});
    }
    object
}

fn responses(number: usize, turn: &Turn) -> Vec<String> {
    let mut events = vec![json!({"type": "response.created", "response":
        {"id": format!("resp_{number}"), "object": "response", "status": "in_progress", "output": []}})];
    for (index, item) in responses_items(number, turn).into_iter().enumerate() {
        let id = item["id"].clone();
        let mut opened = item.clone();
        let (kind, text, done) = match item["type"].as_str() {
            Some("reasoning") => {
                opened["summary"] = json!([]);
                ("response.reasoning_summary_text.delta", turn.thinking.clone(), "response.reasoning_summary_text.done")
            }
            Some("message") => {
                opened["content"] = json!([]);
                ("response.output_text.delta", turn.text.clone(), "response.output_text.done")
            }
            _ => {
                opened["arguments"] = json!("");
                let arguments = item["arguments"].as_str().unwrap_or_default().to_owned();
                ("response.function_call_arguments.delta", arguments, "response.function_call_arguments.done")
            }
        };
        events.push(json!({"type": "response.output_item.added", "output_index": index, "item": opened}));
        if item["type"] == "message" {
            events.push(json!({"type": "response.content_part.added", "item_id": id, "output_index": index,
                "content_index": 0, "part": {"type": "output_text", "text": "", "annotations": []}}));
        }
        for piece in pieces(&text) {
            events.push(json!({"type": kind, "item_id": id, "output_index": index, "content_index": 0,
                "summary_index": 0, "delta": piece}));
        }
        events.push(json!({"type": done, "item_id": id, "output_index": index, "content_index": 0,
            "summary_index": 0, "text": text, "arguments": text, "name": item["name"]}));
        events.push(json!({"type": "response.output_item.done", "output_index": index, "item": item}));
    }
    let (last, status) = match turn.stop.as_str() {
        "max_tokens" => ("response.incomplete", "incomplete"),
        _ => ("response.completed", "completed"),
    };
    events.push(json!({"type": last, "response": responses_object(number, turn, status)}));
    for (sequence, event) in events.iter_mut().enumerate() {
        event["sequence_number"] = json!(sequence);
    }
    events.iter().map(named).collect()
}

// ---- OpenAI Chat Completions -----------------------------------------------------------------

fn chat_stop(turn: &Turn) -> &'static str {
    match turn.stop.as_str() {
        "max_tokens" => "length",
        "refusal" => "content_filter",
        _ if turn.calls.is_empty() => "stop",
        _ => "tool_calls",
    }
}

fn chat_usage(turn: &Turn) -> Value {
    let (input, output) = usage(turn);
    json!({"prompt_tokens": input, "completion_tokens": output, "total_tokens": input + output})
}

fn chat_calls(number: usize, turn: &Turn) -> Value {
    let calls = turn.calls.iter().enumerate().map(|(index, call)| {
        json!({"index": index, "id": call.wire_id(number, index), "type": "function",
            "function": {"name": call.name, "arguments": call.wire_args()}})
    });
    Value::Array(calls.collect())
}

fn chat(number: usize, turn: &Turn) -> Vec<String> {
    let chunk = |delta: Value, finish: Value| {
        json!({"id": format!("chat_{number}"), "object": "chat.completion.chunk", "created": 0,
            "model": "scripted", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]})
    };
    let mut events = vec![chunk(json!({"role": "assistant", "content": ""}), Value::Null)];
    for piece in pieces(&turn.thinking) {
        events.push(chunk(json!({"reasoning_content": piece}), Value::Null));
    }
    for piece in pieces(&turn.text) {
        events.push(chunk(json!({"content": piece}), Value::Null));
    }
    for (index, call) in turn.calls.iter().enumerate() {
        events.push(chunk(
            json!({"tool_calls": [{"index": index, "id": call.wire_id(number, index), "type": "function",
                "function": {"name": call.name, "arguments": ""}}]}),
            Value::Null,
        ));
        for piece in pieces(&call.wire_args()) {
            events
                .push(chunk(json!({"tool_calls": [{"index": index, "function": {"arguments": piece}}]}), Value::Null));
        }
    }
    events.push(chunk(json!({}), json!(chat_stop(turn))));
    events.push(json!({"id": format!("chat_{number}"), "object": "chat.completion.chunk", "created": 0,
        "model": "scripted", "choices": [], "usage": chat_usage(turn)}));
    let mut frames: Vec<String> = events.iter().map(data).collect();
    frames.push("data: [DONE]\n\n".to_owned());
    frames
}

// ---- Anthropic Messages ----------------------------------------------------------------------

fn anthropic_stop(turn: &Turn) -> &'static str {
    match turn.stop.as_str() {
        "max_tokens" => "max_tokens",
        "refusal" => "refusal",
        _ if turn.calls.is_empty() => "end_turn",
        _ => "tool_use",
    }
}

fn anthropic_usage(turn: &Turn) -> Value {
    let (input, output) = usage(turn);
    json!({"input_tokens": input, "output_tokens": output,
        "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0})
}

fn anthropic_blocks(number: usize, turn: &Turn) -> Vec<Value> {
    let mut blocks = Vec::new();
    if !turn.thinking.is_empty() {
        blocks.push(json!({"type": "thinking", "thinking": turn.thinking, "signature": format!("sealed-{number}")}));
    }
    if !turn.text.is_empty() {
        blocks.push(json!({"type": "text", "text": turn.text}));
    }
    for (index, call) in turn.calls.iter().enumerate() {
        let input = serde_json::from_str(&call.wire_args()).unwrap_or(Value::Null);
        blocks.push(json!({"type": "tool_use", "id": call.wire_id(number, index), "name": call.name, "input": input}));
    }
    blocks
}

fn anthropic(number: usize, turn: &Turn) -> Vec<String> {
    let (input, output) = usage(turn);
    let mut events = vec![json!({"type": "message_start", "message": {"id": format!("msg_{number}"),
        "type": "message", "role": "assistant", "model": "scripted", "content": [], "stop_reason": null,
        "usage": {"input_tokens": input, "output_tokens": 1}}})];
    let raw_args: Vec<String> = turn.calls.iter().map(super::script::Call::wire_args).collect();
    let mut calls_seen = 0;
    for (index, mut block) in anthropic_blocks(number, turn).into_iter().enumerate() {
        let kind = block["type"].as_str().unwrap_or_default().to_owned();
        let deltas: Vec<Value> = match kind.as_str() {
            "thinking" => {
                block["thinking"] = json!("");
                block["signature"] = json!("");
                let mut deltas: Vec<Value> = pieces(&turn.thinking)
                    .into_iter()
                    .map(|piece| json!({"type": "thinking_delta", "thinking": piece}))
                    .collect();
                deltas.push(json!({"type": "signature_delta", "signature": format!("sealed-{number}")}));
                deltas
            }
            "text" => {
                block["text"] = json!("");
                pieces(&turn.text).into_iter().map(|piece| json!({"type": "text_delta", "text": piece})).collect()
            }
            _ => {
                block["input"] = json!({});
                let args = raw_args.get(calls_seen).cloned().unwrap_or_default();
                calls_seen += 1;
                pieces(&args)
                    .into_iter()
                    .map(|piece| json!({"type": "input_json_delta", "partial_json": piece}))
                    .collect()
            }
        };
        events.push(json!({"type": "content_block_start", "index": index, "content_block": block}));
        if index == 0 {
            events.push(json!({"type": "ping"}));
        }
        for delta in deltas {
            events.push(json!({"type": "content_block_delta", "index": index, "delta": delta}));
        }
        events.push(json!({"type": "content_block_stop", "index": index}));
    }
    events.push(json!({"type": "message_delta", "delta": {"stop_reason": anthropic_stop(turn), "stop_sequence": null},
        "usage": {"output_tokens": output}}));
    events.push(json!({"type": "message_stop"}));
    events.iter().map(named).collect()
}

// ---- Gemini ----------------------------------------------------------------------------------

fn gemini_parts(number: usize, turn: &Turn) -> Value {
    let mut parts = Vec::new();
    if !turn.thinking.is_empty() {
        parts.push(json!({"text": turn.thinking, "thought": true}));
    }
    if !turn.text.is_empty() {
        parts.push(json!({"text": turn.text}));
    }
    for call in &turn.calls {
        let args: Value = serde_json::from_str(&call.wire_args()).unwrap_or(Value::Null);
        let mut part = json!({"functionCall": {"name": call.name, "args": args}});
        if !call.id.is_empty() {
            part["functionCall"]["id"] = json!(call.id);
        }
        part["thoughtSignature"] = json!(format!("sealed-{number}"));
        parts.push(part);
    }
    Value::Array(parts)
}

fn gemini(number: usize, turn: &Turn) -> Vec<Value> {
    let (input, output) = usage(turn);
    let stop = match turn.stop.as_str() {
        "max_tokens" => "MAX_TOKENS",
        "refusal" => "SAFETY",
        _ => "STOP",
    };
    let chunk = |parts: Value| {
        json!({"responseId": format!("gem_{number}"), "modelVersion": "scripted", "candidates":
            [{"index": 0, "content": {"role": "model", "parts": parts}}],
            "usageMetadata": {"promptTokenCount": input}})
    };
    let mut chunks = Vec::new();
    for piece in pieces(&turn.thinking) {
        chunks.push(chunk(json!([{"text": piece, "thought": true}])));
    }
    for piece in pieces(&turn.text) {
        chunks.push(chunk(json!([{"text": piece}])));
    }
    if let Value::Array(parts) = gemini_parts(number, turn) {
        for part in parts.into_iter().filter(|part| part.get("functionCall").is_some()) {
            chunks.push(chunk(json!([part])));
        }
    }
    let mut last = chunk(json!([{"text": ""}]));
    last["candidates"][0]["finishReason"] = json!(stop);
    last["usageMetadata"] = json!({"promptTokenCount": input, "candidatesTokenCount": output,
        "totalTokenCount": input + output});
    chunks.push(last);
    chunks
}
