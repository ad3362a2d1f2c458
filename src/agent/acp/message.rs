//! JSON-RPC 2.0 as agents really send it: ids of any type, params that are missing, answers without a version.

use super::peek;
use crate::agent::acp::limits::ACP_ID_BYTES_MAX;
use serde_json::{Value, json};
use std::fmt;

/// A request id as the other side wrote it; 0, strings and null included. Compared by its JSON text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id(String);

impl Id {
    pub fn of(value: &Value) -> Self {
        Self(value.to_string())
    }

    /// Longer than anything that is kept.
    pub fn is_too_long(&self) -> bool {
        self.0.len() > ACP_ID_BYTES_MAX
    }

    /// As it must be echoed.
    pub fn value(&self) -> Value {
        serde_json::from_str(&self.0).unwrap_or(Value::Null)
    }

    /// The number of one of our own requests; some agents return it as a text.
    pub fn number(&self) -> Option<u64> {
        self.0.trim_matches('"').parse().ok()
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A JSON-RPC error object.
#[derive(Clone, Debug, PartialEq)]
pub struct RpcError {
    pub code: i64,
    pub message: String,
    pub data: Value,
}

/// Source of the codes: JSON-RPC 2.0 §5.1 and the protocol's own `-32000` (log in first) and `-32002` (no such resource).
impl RpcError {
    pub const METHOD_NOT_FOUND: i64 = -32601;
    pub const INVALID_REQUEST: i64 = -32600;
    pub const INVALID_PARAMS: i64 = -32602;
    pub const AUTH_REQUIRED: i64 = -32000;
    pub const NOT_FOUND: i64 = -32002;
    pub const CANCELED: i64 = -32800;
    /// Our own, for what the user or a rule refused.
    pub const REFUSED: i64 = -32014;

    pub fn new(code: i64, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), data: Value::Null }
    }

    fn of(value: &Value) -> Self {
        Self {
            code: value.get("code").and_then(Value::as_i64).unwrap_or(0),
            message: peek::text(value, "message").map_or_else(|| peek::bounded(&value.to_string(), 400), str::to_owned),
            data: value.get("data").cloned().unwrap_or(Value::Null),
        }
    }

    /// Message and, where it says more, the data: many agents put the only useful words there.
    pub fn words(&self) -> String {
        let detail =
            self.data.as_str().map(str::to_owned).or_else(|| {
                peek::first_text(&self.data, &["details", "message", "error", "reason"]).map(str::to_owned)
            });
        // Some say what is wrong in a shape of their own.
        let detail = detail.or_else(|| match &self.data {
            Value::Object(fields) if !fields.is_empty() => Some(self.data.to_string()),
            Value::Array(list) if !list.is_empty() => Some(self.data.to_string()),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) | Value::Object(_) => {
                None
            }
        });
        match detail {
            Some(detail) if !self.message.contains(&detail) => {
                format!("{} ({})", self.message, peek::bounded(&detail, 2000))
            }
            Some(_) | None => self.message.clone(),
        }
    }
}

/// One message, raw first: nothing in it has been believed yet.
#[derive(Clone, Debug, PartialEq)]
pub enum Message {
    Request {
        id: Id,
        method: String,
        params: Value,
    },
    Notification {
        method: String,
        params: Value,
    },
    Response {
        id: Id,
        outcome: Result<Value, RpcError>,
    },
    /// JSON, but nothing that JSON-RPC knows.
    Strange(Value),
}

impl Message {
    pub fn of(mut value: Value) -> Self {
        let method = peek::text(&value, "method").map(str::to_owned);
        let id = value.get("id").map(Id::of);
        match (method, id) {
            (Some(method), Some(id)) => Self::Request { id, method, params: take(&mut value, "params") },
            (Some(method), None) => Self::Notification { method, params: take(&mut value, "params") },
            (None, Some(id)) if value.get("error").is_some_and(|e| !e.is_null()) => {
                let error = value.get("error").map_or_else(|| RpcError::new(0, ""), RpcError::of);
                Self::Response { id, outcome: Err(error) }
            }
            (None, Some(id)) => Self::Response { id, outcome: Ok(take(&mut value, "result")) },
            (None, None) => Self::Strange(value),
        }
    }
}

fn take(value: &mut Value, key: &str) -> Value {
    value.get_mut(key).map_or(Value::Null, Value::take)
}

/// A request line's JSON.
pub fn request(id: u64, method: &str, params: Value) -> Value {
    json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params})
}

/// A notification line's JSON.
pub fn notification(method: &str, params: Value) -> Value {
    json!({"jsonrpc": "2.0", "method": method, "params": params})
}

/// An answer line's JSON.
pub fn response(id: &Id, outcome: Result<Value, RpcError>) -> Value {
    match outcome {
        Ok(result) => json!({"jsonrpc": "2.0", "id": id.value(), "result": result}),
        Err(error) => {
            let mut body = json!({"code": error.code, "message": error.message});
            if let (false, Some(fields)) = (error.data.is_null(), body.as_object_mut()) {
                fields.insert("data".to_owned(), error.data);
            }
            json!({"jsonrpc": "2.0", "id": id.value(), "error": body})
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_every_type_are_echoed_as_they_came() {
        for id in [json!(0), json!("a-1"), json!(null), json!(1.5)] {
            let Message::Request { id: seen, .. } = Message::of(json!({"id": id, "method": "x"})) else { panic!() };
            assert_eq!(response(&seen, Ok(json!({})))["id"], id);
        }
    }

    #[test]
    fn our_numbers_may_come_back_as_text() {
        let Message::Response { id, outcome } = Message::of(json!({"id": "7", "result": null})) else { panic!() };
        assert_eq!((id.number(), outcome), (Some(7), Ok(Value::Null)));
    }

    #[test]
    fn an_error_is_told_with_its_data() {
        let Message::Response { outcome: Err(e), .. } = Message::of(
            json!({"id": 1, "error": {"code": -32603, "message": "Internal error", "data": {"details": "no key"}}}),
        ) else {
            panic!()
        };
        assert_eq!(e.words(), "Internal error (no key)");
        let own =
            RpcError { data: json!({"model": {"_errors": ["Too small"]}}), ..RpcError::new(-32602, "Invalid params") };
        assert!(own.words().contains("Too small"), "{}", own.words());
    }
}
