//! The envelope of JSON-RPC: requests, answers, notifications, errors.

use crate::model::decide::Refusal;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

/// A request id: a number or a string, given back as it came.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Id {
    Number(i64),
    Text(String),
    Null,
}

/// Error codes: JSON-RPC's own, and ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    Parse,
    InvalidRequest,
    NoMethod,
    InvalidParams,
    Internal,
    Overloaded,
    StaleDigest,
    NotHeld,
    ReadOnly,
    GateClosed,
    Forbidden,
    /// Changes that may be the user's: the request has to say which of them it means.
    ChoiceNeeded,
    /// The user has comments on the action that the agent was not given yet.
    Commented,
}

impl Code {
    /// The number on the wire.
    pub fn number(self) -> i64 {
        match self {
            Self::Parse => -32700,
            Self::InvalidRequest => -32600,
            Self::NoMethod => -32601,
            Self::InvalidParams => -32602,
            Self::Internal => -32603,
            Self::Overloaded => -32001,
            Self::StaleDigest => -32010,
            Self::NotHeld => -32011,
            Self::ReadOnly => -32012,
            Self::GateClosed => -32013,
            Self::Forbidden => -32014,
            Self::ChoiceNeeded => -32015,
            Self::Commented => -32016,
        }
    }
}

/// An error as it goes over the wire.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, thiserror::Error)]
#[error("{message} ({code})")]
pub struct RpcError {
    pub code: i64,
    pub message: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<Value>,
}

impl RpcError {
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code: code.number(), message: message.into(), data: None }
    }

    /// The parameters make no sense.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(Code::InvalidParams, message)
    }
}

impl From<Refusal> for RpcError {
    fn from(refusal: Refusal) -> Self {
        let code = match &refusal {
            Refusal::NoAction(_) | Refusal::Invalid(_) => Code::InvalidParams,
            Refusal::NotHeld { .. } | Refusal::NothingHeld => Code::NotHeld,
            Refusal::StaleDigest { .. } => Code::StaleDigest,
            Refusal::GateClosed(_) => Code::GateClosed,
            Refusal::Forbidden { .. } => Code::Forbidden,
            Refusal::Overloaded(_) => Code::Overloaded,
            Refusal::Commented(_) => Code::Commented,
        };
        Self::new(code, refusal.to_string())
    }
}

/// One line of the wire.
#[derive(Debug)]
pub enum Message {
    Request { id: Id, method: String, params: Option<Box<RawValue>> },
    Notification { method: String, params: Option<Box<RawValue>> },
    Answer { id: Id, result: Result<Box<RawValue>, RpcError> },
}

#[derive(Deserialize)]
struct Incoming {
    #[serde(default)]
    id: Option<Id>,
    #[serde(default)]
    method: Option<String>,
    #[serde(default)]
    params: Option<Box<RawValue>>,
    #[serde(default)]
    result: Option<Box<RawValue>>,
    #[serde(default)]
    error: Option<RpcError>,
}

#[derive(Serialize)]
struct Outgoing<'a> {
    jsonrpc: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a Id>,
    #[serde(skip_serializing_if = "Option::is_none")]
    method: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    params: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a RpcError>,
}

impl Message {
    /// Reads one line. `jsonrpc` may be missing; everything else is as the specification says.
    pub fn parse(line: &str) -> Result<Self, RpcError> {
        let incoming: Incoming = serde_json::from_str(line).map_err(|e| {
            let code = if e.is_data() { Code::InvalidRequest } else { Code::Parse };
            RpcError::new(code, format!("not a JSON-RPC message: {e}"))
        })?;
        match (incoming.method, incoming.id, incoming.result, incoming.error) {
            (Some(method), Some(id), _, _) => Ok(Self::Request { id, method, params: incoming.params }),
            (Some(method), None, _, _) => Ok(Self::Notification { method, params: incoming.params }),
            (None, Some(id), _, Some(error)) => Ok(Self::Answer { id, result: Err(error) }),
            (None, Some(id), Some(result), None) => Ok(Self::Answer { id, result: Ok(result) }),
            (None, _, _, _) => Err(RpcError::new(Code::InvalidRequest, "neither a method nor a result")),
        }
    }

    /// One line without its end.
    pub fn to_line(&self) -> Result<String, serde_json::Error> {
        let empty = Outgoing { jsonrpc: "2.0", id: None, method: None, params: None, result: None, error: None };
        let outgoing = match self {
            Self::Request { id, method, params } => {
                Outgoing { id: Some(id), method: Some(method), params: params.as_deref(), ..empty }
            }
            Self::Notification { method, params } => {
                Outgoing { method: Some(method), params: params.as_deref(), ..empty }
            }
            Self::Answer { id, result: Ok(result) } => Outgoing { id: Some(id), result: Some(result), ..empty },
            Self::Answer { id, result: Err(error) } => Outgoing { id: Some(id), error: Some(error), ..empty },
        };
        serde_json::to_string(&outgoing)
    }

    pub fn request(id: Id, method: &str, params: &impl Serialize) -> Result<Self, serde_json::Error> {
        Ok(Self::Request { id, method: method.to_owned(), params: Some(raw(params)?) })
    }

    pub fn notification(method: &str, params: &impl Serialize) -> Result<Self, serde_json::Error> {
        Ok(Self::Notification { method: method.to_owned(), params: Some(raw(params)?) })
    }

    pub fn answer(id: Id, result: &impl Serialize) -> Result<Self, serde_json::Error> {
        Ok(Self::Answer { id, result: Ok(raw(result)?) })
    }
}

fn raw(value: &impl Serialize) -> Result<Box<RawValue>, serde_json::Error> {
    serde_json::value::to_raw_value(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_round_trip_and_nonsense_has_the_right_code() {
        let check = |line: &str| Message::parse(line).unwrap().to_line().unwrap();
        for line in [
            r#"{"jsonrpc":"2.0","id":1,"method":"gate/step","params":{}}"#,
            r#"{"jsonrpc":"2.0","method":"session/head","params":{"seq":3}}"#,
            r#"{"jsonrpc":"2.0","id":"x","result":{"a":[1,2]}}"#,
            r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"no"}}"#,
        ] {
            if line.contains("null") {
                continue;
            }
            assert_eq!(check(line), line);
        }
        let code = |line: &str| Message::parse(line).unwrap_err().code;
        assert_eq!(code("{"), -32700);
        assert_eq!(code("not json"), -32700);
        assert_eq!(code(r#"{"id":1}"#), -32600);
        assert_eq!(code(r#"[]"#), -32600);
    }
}
