//! Faults between us and a model server, typed by the possible reaction.

use super::dialect::says_unsupported;
use crate::agent::llm::limits;
use serde_json::{Value, json};
use std::time::Duration;

/// The reason that a completion failed or ended early. Messages hold no key: the caller scrubs them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The prompt does not fit the model's context.
    #[error("the conversation is larger than the model's context: {message}")]
    Overflow {
        /// The server's words.
        message: String,
        /// The context in tokens, if the server reports it.
        context: Option<u64>,
        /// The prompt in tokens, if the server reports it.
        prompt: Option<u64>,
    },
    /// Too many requests; the status is 429 or, within a stream, means the same.
    #[error("the server asks to slow down (HTTP 429){}: {message}", asking(*retry_after))]
    RateLimited {
        /// The server's `Retry-After`.
        retry_after: Option<Duration>,
        /// The server's words.
        message: String,
    },
    /// The server failed or is overloaded.
    #[error("the server failed{}{}: {message}", in_http(*status), asking(*retry_after))]
    Unavailable {
        /// HTTP status, 0 when told inside the stream.
        status: u16,
        /// The server's `Retry-After`.
        retry_after: Option<Duration>,
        /// The server's words.
        message: String,
    },
    /// The key is missing, wrong or not allowed.
    #[error(
        "the key was rejected{}: {message}; check the provider's key in models.toml or the environment", in_http(*status)
    )]
    Auth {
        /// HTTP status, 0 when no server was asked.
        status: u16,
        /// The server's words.
        message: String,
    },
    /// The account has no credit left.
    #[error("the account's quota is used up: {message}")]
    Quota {
        /// The server's words.
        message: String,
    },
    /// The address or the model does not exist.
    #[error("not found: {message}; check base_url and the model's name")]
    NotFound {
        /// The server's words.
        message: String,
    },
    /// Any other refusal.
    #[error("the request was rejected{}: {message}", in_http(*status))]
    Refused {
        /// HTTP status, 0 when told inside the stream.
        status: u16,
        /// The server's words.
        message: String,
    },
    /// No connection.
    #[error("cannot reach {origin}: {message}; is the server running?")]
    Unreachable {
        /// Scheme, host and port.
        origin: String,
        /// The cause.
        message: String,
    },
    /// Not one byte of the answer in time.
    #[error("no first byte after {waited_s} s")]
    FirstByteLate {
        /// Seconds waited.
        waited_s: u64,
    },
    /// The answer stopped coming.
    #[error("the answer stalled for {idle_s} s")]
    Stalled {
        /// Seconds without a byte.
        idle_s: u64,
    },
    /// The answer ended before its end mark.
    #[error("the answer was cut off: {why}")]
    Cut {
        /// The cause.
        why: String,
    },
    /// The model said the same over and over; we stopped listening.
    #[error("the model repeats itself endlessly: {what}")]
    Repeats {
        /// The repeated text, shortened.
        what: String,
    },
    /// The server did not show the model its tools.
    #[error(
        "the server counted {prompt} tokens for a request of {bytes} bytes, so it did not show the model all of it: its \
         template for this model knows no tools, or its context is too small"
    )]
    ToolsUnseen {
        /// Tokens that it counted.
        prompt: u64,
        /// Size of the request.
        bytes: usize,
    },
    /// The time budget ran out while it answered.
    #[error("the time budget ran out during the answer")]
    OverTime,
    /// The answer is not what the protocol says.
    #[error("the answer is malformed: {why}")]
    Malformed {
        /// The cause.
        why: String,
    },
    /// Something else answered.
    #[error("expected an event stream, got `{got}`: {start}; is base_url right?")]
    WrongType {
        /// The content type.
        got: String,
        /// The first characters of the body.
        start: String,
    },
    /// The answer is compressed though we asked for none.
    #[error("the answer is compressed ({encoding}), which was not requested; rejected unread")]
    Compressed {
        /// The content encoding.
        encoding: String,
    },
    /// The server sends us elsewhere.
    #[error(
        "the server redirects to another origin, {to}; the key was not sent there. If you trust it, set it as base_url"
    )]
    Redirected {
        /// Origin of the target.
        to: String,
    },
    /// The server sends us elsewhere on its own origin, in a way that is not followed.
    #[error(
        "the server redirects to {to} with status {status}, which is not followed for a request with a body; set base_url to the final address"
    )]
    Moved {
        /// The whole target.
        to: String,
        status: u16,
    },
    /// A bound was passed.
    #[error("the answer is too large: {what} over {bytes_max} bytes")]
    TooLarge {
        /// The part that was too large.
        what: &'static str,
        /// The bound.
        bytes_max: usize,
    },
}

/// ` (HTTP 503)`, and nothing for what no status came with.
fn in_http(status: u16) -> String {
    if status == 0 { String::new() } else { format!(" (HTTP {status})") }
}

/// A wait that is too long to be waited: then it is the reason why nothing is tried again.
fn asking(retry_after: Option<Duration>) -> String {
    match retry_after.filter(|asked| asked.as_millis() > u128::from(limits::RETRY_AFTER_MS_MAX)) {
        Some(asked) => {
            let most_s = limits::RETRY_AFTER_MS_MAX / 1_000;
            format!("; it asks us to retry after {} s, and the limit is {most_s} s", asked.as_secs())
        }
        None => String::new(),
    }
}

impl Fault {
    /// The HTTP status that came with it, or that it means.
    pub fn status(&self) -> Option<u16> {
        match self {
            Fault::RateLimited { .. } => Some(429),
            Fault::Unavailable { status, .. } | Fault::Auth { status, .. } | Fault::Refused { status, .. } => {
                Some(*status).filter(|status| *status != 0)
            }
            Fault::NotFound { .. } => Some(404),
            Fault::Overflow { .. }
            | Fault::Quota { .. }
            | Fault::Unreachable { .. }
            | Fault::FirstByteLate { .. }
            | Fault::Stalled { .. }
            | Fault::Cut { .. }
            | Fault::Repeats { .. }
            | Fault::ToolsUnseen { .. }
            | Fault::OverTime
            | Fault::Malformed { .. }
            | Fault::WrongType { .. }
            | Fault::Compressed { .. }
            | Fault::Redirected { .. }
            | Fault::Moved { .. }
            | Fault::TooLarge { .. } => None,
        }
    }

    /// Returns whether the same request may be sent again. Only asked before any byte of a completion was consumed;
    /// afterwards nothing is retried, since the completion has been paid for.
    pub fn retryable(&self) -> bool {
        match self {
            Fault::RateLimited { .. } | Fault::Unavailable { .. } | Fault::Unreachable { .. } => true,
            // A server that closed before the first byte has produced nothing.
            Fault::Cut { .. } => true,
            Fault::Overflow { .. }
            | Fault::Auth { .. }
            | Fault::Quota { .. }
            | Fault::NotFound { .. }
            | Fault::Refused { .. }
            | Fault::FirstByteLate { .. }
            | Fault::Stalled { .. }
            | Fault::Repeats { .. }
            | Fault::ToolsUnseen { .. }
            | Fault::OverTime
            | Fault::Malformed { .. }
            | Fault::WrongType { .. }
            | Fault::Compressed { .. }
            | Fault::Redirected { .. }
            | Fault::Moved { .. }
            | Fault::TooLarge { .. } => false,
        }
    }

    /// The same fault with every text that came from outside changed.
    pub fn map_words(self, clean: impl Fn(String) -> String) -> Fault {
        match self {
            Fault::Overflow { message, context, prompt } => {
                Fault::Overflow { message: clean(message), context, prompt }
            }
            Fault::RateLimited { retry_after, message } => Fault::RateLimited { retry_after, message: clean(message) },
            Fault::Unavailable { status, retry_after, message } => {
                Fault::Unavailable { status, retry_after, message: clean(message) }
            }
            Fault::Auth { status, message } => Fault::Auth { status, message: clean(message) },
            Fault::Quota { message } => Fault::Quota { message: clean(message) },
            Fault::NotFound { message } => Fault::NotFound { message: clean(message) },
            Fault::Refused { status, message } => Fault::Refused { status, message: clean(message) },
            Fault::WrongType { got, start } => Fault::WrongType { got: clean(got), start: clean(start) },
            Fault::Redirected { to } => Fault::Redirected { to: clean(to) },
            Fault::Moved { to, status } => Fault::Moved { to: clean(to), status },
            Fault::Malformed { why } => Fault::Malformed { why: clean(why) },
            Fault::Cut { why } => Fault::Cut { why: clean(why) },
            Fault::Repeats { what } => Fault::Repeats { what: clean(what) },
            same @ (Fault::Unreachable { .. }
            | Fault::FirstByteLate { .. }
            | Fault::Stalled { .. }
            | Fault::ToolsUnseen { .. }
            | Fault::OverTime
            | Fault::Compressed { .. }
            | Fault::TooLarge { .. }) => same,
        }
    }

    /// Returns the delay that the server requests.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Fault::RateLimited { retry_after, .. } | Fault::Unavailable { retry_after, .. } => *retry_after,
            Fault::Overflow { .. }
            | Fault::Auth { .. }
            | Fault::Quota { .. }
            | Fault::NotFound { .. }
            | Fault::Refused { .. }
            | Fault::Unreachable { .. }
            | Fault::FirstByteLate { .. }
            | Fault::Stalled { .. }
            | Fault::Cut { .. }
            | Fault::Repeats { .. }
            | Fault::ToolsUnseen { .. }
            | Fault::OverTime
            | Fault::Malformed { .. }
            | Fault::WrongType { .. }
            | Fault::Compressed { .. }
            | Fault::Redirected { .. }
            | Fault::Moved { .. }
            | Fault::TooLarge { .. } => None,
        }
    }
}

/// Types an error answer by status and body.
///
/// Bodies: OpenAI `{error: {message, type, code}}`, Anthropic `{error: {type, message}}`, Gemini
/// `{error: {code, message, status}}`, llama.cpp `{error: {code, message, type}}`, Ollama
/// `{error: "text"}`.
pub fn from_answer(status: u16, retry_after: Option<Duration>, body: &str) -> Fault {
    let (message, kinds) = error_words(body);
    let parsed = serde_json::from_str(body).unwrap_or(Value::Null);
    let retry_after = retry_after.or_else(|| delay_within(&parsed));
    with_sizes(from_words(status, retry_after, message, &kinds), &parsed)
}

/// Gemini tells the wait in the body: a `google.rpc.RetryInfo` with `retryDelay: "34.07s"`.
fn delay_within(body: &Value) -> Option<Duration> {
    let body = body.as_array().and_then(|list| list.first()).unwrap_or(body);
    let details = body.pointer("/error/details")?.as_array()?;
    let delay = details.iter().find_map(|detail| detail.get("retryDelay")?.as_str())?;
    Duration::try_from_secs_f64(delay.strip_suffix('s')?.parse().ok()?).ok()
}

/// Types an error reported inside a stream (status 0) by its JSON.
pub fn from_stream(error: &Value) -> Fault {
    let (message, kinds) = error_words(&error.to_string());
    let status = if error.get("code").is_some_and(Value::is_u64) {
        error.get("code").and_then(Value::as_u64).and_then(|code| u16::try_from(code).ok()).unwrap_or(0)
    } else {
        0
    };
    let retry_after = delay_within(&json!({"error": error}));
    with_sizes(from_words(status, retry_after, message, &kinds), error)
}

/// Reads how large the context is and how large the prompt was, where the server tells: llama.cpp in fields of their
/// own, the others within the sentence.
fn with_sizes(fault: Fault, body: &Value) -> Fault {
    let Fault::Overflow { message, .. } = fault else { return fault };
    let field = |name: &str| body.pointer("/error").unwrap_or(body).get(name).and_then(Value::as_u64);
    let numbers = |text: &str| -> Vec<u64> {
        let digits = text.split(|c: char| !c.is_ascii_digit()).filter_map(|digits| digits.parse().ok());
        digits.filter(|number| *number >= u64::from(limits::CONTEXT_TOKENS_MIN) / 8).collect()
    };
    let named = message.to_lowercase().split_once("maximum context length").map(|(_, rest)| numbers(rest));
    let all = numbers(&message);
    let context = field("n_ctx").or_else(|| match &named {
        Some(numbers) => numbers.first().copied(),
        // "X tokens > Y maximum": the smaller one is what fits.
        None if all.len() > 1 => all.iter().min().copied(),
        None => None,
    });
    let larger = |least: u64| all.iter().copied().filter(|number| *number > least).max();
    let prompt = field("n_prompt_tokens").or_else(|| larger(context?));
    Fault::Overflow { message, context, prompt }
}

fn from_words(status: u16, retry_after: Option<Duration>, message: String, kinds: &str) -> Fault {
    if matches!(status, 0 | 400 | 413 | 422 | 500) && says_overflow(&message, kinds) {
        return Fault::Overflow { message, context: None, prompt: None };
    }
    // Some servers call it a failure of theirs when they do not know something. Asking again would not help.
    if status >= 400 && !matches!(status, 401..=403 | 429) && says_unsupported(&message) {
        return Fault::Refused { status, message };
    }
    let says = |words: &[&str]| words.iter().any(|word| kinds.contains(word));
    if status == 402 || says(&["insufficient_quota", "billing", "credit balance"]) {
        return Fault::Quota { message };
    }
    match status {
        401 | 403 => Fault::Auth { status, message },
        404 => Fault::NotFound { message },
        429 => Fault::RateLimited { retry_after, message },
        408 | 409 | 425 | 500..=599 => Fault::Unavailable { status, retry_after, message },
        _ if says(&["rate_limit", "resource_exhausted"]) => Fault::RateLimited { retry_after, message },
        // A refusal by its status stays one, whatever the server calls it.
        _ if !(400..500).contains(&status)
            && says(&["overloaded", "unavailable", "server_error", "api_error", "timeout_error", "internal"]) =>
        {
            Fault::Unavailable { status, retry_after, message }
        }
        _ if says(&["authentication", "permission_error", "invalid_api_key"]) => Fault::Auth { status, message },
        _ => Fault::Refused { status, message },
    }
}

/// The words by which servers say that the prompt does not fit. Sources: llama.cpp server
/// `exceed_context_size_error`, OpenAI and vLLM `context_length_exceeded` / "maximum context
/// length", Anthropic "prompt is too long", Gemini "exceeds the maximum number of tokens".
fn says_overflow(message: &str, kinds: &str) -> bool {
    const WORDS: [&str; 14] = [
        "exceed_context_size_error",
        "context_length_exceeded",
        "maximum context length",
        "prompt is too long",
        "prompt too long",
        "exceeds the maximum number of tokens",
        "exceeds the context window",
        "exceeds the available context",
        "input length exceeds",
        "larger than the context",
        "context size has been exceeded",
        "exceeds the model's context",
        "exceed context window",
        "too many tokens",
    ];
    let message = message.to_lowercase();
    WORDS.iter().any(|word| kinds.contains(word) || message.contains(word))
}

/// The readable message of an error body, and everything that may name its kind, in lower case.
fn error_words(body: &str) -> (String, String) {
    let parsed: Value = serde_json::from_str(body).unwrap_or(Value::Null);
    // Gemini wraps the object in an array when it was asked for a stream.
    let parsed = parsed.as_array().and_then(|list| list.first()).unwrap_or(&parsed);
    let error = parsed.get("error").unwrap_or(parsed);
    let message = error
        .get("message")
        .and_then(Value::as_str)
        .or_else(|| error.as_str())
        .or_else(|| parsed.get("detail").and_then(Value::as_str))
        .unwrap_or_else(|| if error.is_null() { body } else { "" });
    let message: String = message.chars().take(limits::ERROR_MESSAGE_CHARS_MAX).collect();
    let mut kinds = message.to_lowercase();
    for field in ["type", "code", "status", "reason"] {
        if let Some(word) = error.get(field).and_then(Value::as_str) {
            kinds.push(' ');
            kinds.push_str(&word.to_lowercase());
        }
    }
    (if message.trim().is_empty() { "no reason given".to_owned() } else { message }, kinds)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(status: u16, body: &str, expect: &str) {
        let fault = from_answer(status, None, body);
        let name = format!("{fault:?}");
        assert!(name.starts_with(expect), "{status} {body} became {name}");
    }

    #[test]
    fn every_servers_words_for_a_full_context_mean_overflow() {
        check(
            400,
            r#"{"error":{"code":400,"message":"the request exceeds the available context size","type":"exceed_context_size_error","n_ctx":4096}}"#,
            "Overflow",
        );
        check(
            400,
            r#"{"error":{"message":"This model's maximum context length is 8192 tokens.","type":"invalid_request_error","code":"context_length_exceeded"}}"#,
            "Overflow",
        );
        check(
            400,
            r#"{"type":"error","error":{"type":"invalid_request_error","message":"prompt is too long: 210000 tokens > 200000 maximum"}}"#,
            "Overflow",
        );
        check(
            400,
            r#"[{"error":{"code":400,"message":"The input token count (9) exceeds the maximum number of tokens allowed (1).","status":"INVALID_ARGUMENT"}}]"#,
            "Overflow",
        );
        check(500, r#"{"error":"input length exceeds the context length"}"#, "Overflow");
    }

    #[test]
    fn the_sizes_that_servers_tell_are_read() {
        let sizes = |body: &str| {
            let Fault::Overflow { context, prompt, .. } = from_answer(400, None, body) else { panic!("{body}") };
            (context, prompt)
        };
        let llama = r#"{"error":{"code":400,"message":"request (30018 tokens) exceeds the available context size (4096 tokens), try increasing it","type":"exceed_context_size_error","n_prompt_tokens":30018,"n_ctx":4096}}"#;
        assert_eq!(sizes(llama), (Some(4096), Some(30018)));
        let vllm = r#"{"error":{"message":"This model's maximum context length is 8192 tokens. However, you requested 9200 tokens (8700 in the messages, 500 in the completion)."}}"#;
        assert_eq!(sizes(vllm), (Some(8192), Some(9200)));
        let anthropic = r#"{"error":{"type":"invalid_request_error","message":"prompt is too long: 210000 tokens > 200000 maximum"}}"#;
        assert_eq!(sizes(anthropic), (Some(200_000), Some(210_000)));
        assert_eq!(sizes(r#"{"error":"input length exceeds the context length"}"#), (None, None));
    }

    #[test]
    fn statuses_are_typed_by_what_one_can_do() {
        check(401, r#"{"error":{"message":"bad key"}}"#, "Auth");
        check(404, r#"{"error":"model 'x' not found"}"#, "NotFound");
        check(429, r#"{"error":{"message":"slow down","type":"requests"}}"#, "RateLimited");
        check(429, r#"{"error":{"message":"You exceeded your current quota","code":"insufficient_quota"}}"#, "Quota");
        check(529, r#"{"error":{"type":"overloaded_error","message":"Overloaded"}}"#, "Unavailable");
        check(400, r#"{"error":{"message":"tools must not be empty"}}"#, "Refused");
        check(503, "<html>bad gateway", "Unavailable");
        check(500, r#"{"error":{"code":500,"message":"tools param requires --jinja flag"}}"#, "Refused");
    }

    #[test]
    fn a_wait_told_in_the_body_counts_and_one_that_is_too_long_is_said() {
        let body = |delay: &str| {
            format!(
                r#"[{{"error":{{"code":429,"message":"slow","status":"RESOURCE_EXHAUSTED","details":[{{"@type":"type.googleapis.com/google.rpc.Help"}},{{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"{delay}"}}]}}}}]"#
            )
        };
        let after = |delay: &str| from_answer(429, None, &body(delay)).retry_after();
        assert_eq!(after("34.5s"), Some(Duration::from_millis(34_500)));
        assert_eq!((after("soon"), after("-1s"), after("NaNs")), (None, None, None));
        assert_eq!(
            from_answer(429, Some(Duration::from_secs(2)), &body("9s")).retry_after(),
            Some(Duration::from_secs(2))
        );
        let message = from_answer(429, Some(Duration::from_secs(3_600)), &body("9s")).to_string();
        assert!(message.contains("retry after 3600 s, and the limit is 120 s"), "{message}");
    }

    #[test]
    fn an_error_told_inside_a_stream_is_typed_by_its_words() {
        let overloaded = serde_json::json!({"type": "overloaded_error", "message": "Overloaded"});
        assert!(matches!(from_stream(&overloaded), Fault::Unavailable { .. }));
        let full = serde_json::json!({"code": 400, "type": "exceed_context_size_error", "message": "x"});
        assert!(matches!(from_stream(&full), Fault::Overflow { .. }));
    }
}
