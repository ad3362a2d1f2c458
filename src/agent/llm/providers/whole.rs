//! An answer that came in one piece, as the events it would have streamed. Pure.
//!
//! Some gateways and test servers do not stream although they were asked to; what they send holds the same content.

use super::Api;
use serde_json::{Value, json};

/// The events; what is not an answer of this protocol gives none, which the decoder takes for a cut.
pub fn events(api: Api, body: &Value) -> Vec<Value> {
    match api {
        Api::Chat => chat(body),
        Api::Anthropic => anthropic(body),
        Api::Responses => responses(body),
        Api::Gemini => match body {
            // Without `alt=sse` the chunks come as one list.
            Value::Array(chunks) => chunks.clone(),
            Value::Object(_) => vec![body.clone()],
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
        },
    }
}

fn chat(body: &Value) -> Vec<Value> {
    let Some(choice) = body.pointer("/choices/0") else { return Vec::new() };
    let finish = choice.get("finish_reason").filter(|reason| reason.is_string()).cloned().unwrap_or(json!("stop"));
    let choice = json!({"index": 0, "delta": choice.get("message"), "finish_reason": finish});
    vec![json!({"choices": [choice]}), json!({"choices": [], "usage": body.get("usage")})]
}

fn anthropic(body: &Value) -> Vec<Value> {
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

fn responses(body: &Value) -> Vec<Value> {
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
