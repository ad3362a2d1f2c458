//! The features that a server has refused, and how the same request is sent without them. Pure.
//!
//! Servers that call themselves compatible refuse different things: tools (llama.cpp without templates, Ollama for many
//! models), `stream_options`, one of the two names for the longest answer, thinking, cache marks, a system message,
//! tool results between user and model. Each refusal is learned once and the request is simplified; with nothing
//! left to leave out, the refusal stands.

use super::fault::Fault;
use super::request::{Message, Part, Request, Role, ToolSpec};
use crate::agent::llm::limits;
use serde_json::json;

/// The features to leave out or to express differently.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dialect {
    /// Tools are described in the instructions, and calls are printed as text.
    pub text_tools: bool,
    /// No `stream_options`.
    pub no_stream_options: bool,
    /// The other name for the longest answer.
    pub other_longest: bool,
    /// Nothing about thinking.
    pub no_thinking: bool,
    /// No cache marks or keys.
    pub no_cache: bool,
    /// The instructions are at the head of the first user message.
    pub system_in_user: bool,
}

impl Dialect {
    /// Returns the change to make after a refusal, also in words; `None` when the refusal is about something else.
    pub fn learn(self, fault: &Fault, request: &Request) -> Option<(Dialect, &'static str)> {
        let words = match fault {
            Fault::Refused { message, .. } | Fault::NotFound { message } => message.to_lowercase(),
            Fault::ToolsUnseen { .. } => return Some((Dialect { text_tools: true, ..self }, AS_TEXT)),
            Fault::Overflow { .. }
            | Fault::RateLimited { .. }
            | Fault::Unavailable { .. }
            | Fault::Auth { .. }
            | Fault::Quota { .. }
            | Fault::Unreachable { .. }
            | Fault::FirstByteLate { .. }
            | Fault::Stalled { .. }
            | Fault::Cut { .. }
            | Fault::Repeats { .. }
            | Fault::OverTime
            | Fault::Malformed { .. }
            | Fault::WrongType { .. }
            | Fault::Compressed { .. }
            | Fault::Redirected { .. }
            | Fault::Moved { .. }
            | Fault::TooLarge { .. } => return None,
        };
        let says = |list: &[&str]| list.iter().any(|word| words.contains(word));
        let text_tools = !self.text_tools && !request.tools.is_empty();
        let system_in_user = !self.system_in_user && !request.system.is_empty();
        if says(&["stream_options", "include_usage"]) && !self.no_stream_options {
            return Some((Dialect { no_stream_options: true, ..self }, "without `stream_options`"));
        }
        if says(&["max_tokens", "max_completion_tokens"]) && !self.other_longest {
            return Some((Dialect { other_longest: true, ..self }, "with the other parameter for the output limit"));
        }
        if says(&["reasoning", "thinking"]) && !self.no_thinking && request.thinking.tokens().is_some() {
            return Some((Dialect { no_thinking: true, ..self }, "without asking for thinking"));
        }
        if says(&["cache_control", "prompt_cache_key"]) && !self.no_cache {
            return Some((Dialect { no_cache: true, ..self }, "without cache markers"));
        }
        if says(&["system role", "role system", "system message", "role 'system'", "system instruction"])
            && system_in_user
        {
            return Some((
                Dialect { system_in_user: true, no_cache: true, ..self },
                "with the instructions as a user message",
            ));
        }
        if text_tools && says(&TOOL_WORDS) {
            return Some((Dialect { text_tools: true, ..self }, AS_TEXT));
        }
        if says(&["alternat", "roles must", "system", "template"]) && system_in_user {
            return Some((
                Dialect { system_in_user: true, no_cache: true, ..self },
                "with the instructions as a user message",
            ));
        }
        None
    }

    /// Returns what a server silently left out of a request, by the tokens it counted; `None` when nothing was, or when
    /// it may be something other than the tools.
    ///
    /// Servers give messages and tools to a template of the model. One that was written before tools prints the
    /// messages alone, and the model cannot know what it may call.
    pub fn overlooked(self, request: &Request, prompt: Option<u64>) -> Option<Fault> {
        let prompt = prompt.filter(|prompt| *prompt > 0 && !self.text_tools && !request.tools.is_empty())?;
        let tools: usize = request.tools.iter().map(ToolSpec::bytes).sum();
        let talk = request.system.len() + request.messages.iter().map(Message::bytes).sum::<usize>();
        let least = talk as u64 / limits::TALK_BYTES_PER_TOKEN_MAX + tools as u64 / limits::TOOL_BYTES_PER_TOKEN_MAX;
        (prompt < least).then_some(Fault::ToolsUnseen { prompt, bytes: talk + tools })
    }

    /// The request without what is refused.
    pub fn put(self, request: &Request) -> Request {
        let mut put = Request { dialect: self, ..request.clone() };
        put.cache &= !self.no_cache;
        if self.no_thinking {
            put.thinking = super::request::Thinking::Unset;
        }
        if self.text_tools {
            put.system.push_str(&described(&put.tools));
            put.tools.clear();
            put.messages = put.messages.into_iter().map(as_text).collect();
        }
        if self.system_in_user {
            let head = std::mem::take(&mut put.system);
            match put.messages.first_mut() {
                Some(first) if first.role == Role::User => first.parts.insert(0, Part::Text(head)),
                Some(_) | None => put.messages.insert(0, Message::user(head)),
            }
        }
        put
    }
}

const AS_TEXT: &str = "with the tools described in the instructions and calls as text";

/// Words of a refusal that a request without tools would not meet.
const TOOL_WORDS: [&str; 7] = ["tool", "function", "jinja", "alternat", "roles must", "template", "grammar"];

/// Returns whether a server's words mean that it does not know a requested feature, whatever status it gives them.
pub fn says_unsupported(message: &str) -> bool {
    let words = message.to_lowercase();
    let about = ["tool", "function call", "jinja", "stream_options", "conversation roles", "system role", "template"];
    let how = [
        "support",
        "require",
        "jinja",
        "must alternate",
        "not allowed",
        "unknown",
        "unrecognized",
        "unexpected",
        "not permitted",
        "invalid",
        "not enabled",
        "cannot be used",
        "only",
    ];
    about.iter().any(|word| words.contains(word)) && how.iter().any(|word| words.contains(word))
}

/// The tools as a model reads them that knows no protocol for them.
pub fn described(tools: &[ToolSpec]) -> String {
    let mut out = String::from(
        "\nThis server knows no tool calls, so write each call as text: one fenced block of JSON, then stop and wait for its result.\n\
         ```json\n{\"name\": \"TOOL\", \"arguments\": {…}}\n```\nThe tools:\n",
    );
    for tool in tools {
        let fields = tool.schema.get("properties").and_then(serde_json::Value::as_object);
        let required = tool.schema.get("required").and_then(serde_json::Value::as_array);
        let is_required = |name: &str| required.is_some_and(|list| list.iter().any(|entry| entry == name));
        let fields: Vec<String> = fields
            .into_iter()
            .flatten()
            .map(|(name, _)| if is_required(name) { name.clone() } else { format!("{name}?") })
            .collect();
        out.push_str(&format!("- {}({}): {}\n", tool.name, fields.join(", "), tool.description));
    }
    out
}

/// A message whose calls and results are text.
fn as_text(message: Message) -> Message {
    let printed = message.parts.iter().any(|part| matches!(part, Part::Text(text) if text.contains("\"name\"")));
    let parts = message.parts.into_iter().filter_map(|part| match part {
        Part::Text(_) => Some(part),
        Part::Thinking { .. } => None,
        // A call that the model printed is in its text already.
        Part::Call(_) if printed => None,
        Part::Call(call) => {
            let call = json!({"name": call.name, "arguments": call.args});
            Some(Part::Text(format!("```json\n{call}\n```")))
        }
        Part::Result { name, text, failed, .. } => {
            let how = if failed { "failed or was refused" } else { "gave" };
            Some(Part::Text(format!("Your call of `{name}` {how}:\n{text}")))
        }
    });
    Message { role: message.role, parts: parts.collect() }
}

#[cfg(test)]
mod tests {
    use super::super::request::{Thinking, ToolCall};
    use super::*;

    fn request() -> Request {
        let call = ToolCall { id: "c".into(), name: "read".into(), args: json!({"path": "a"}), seal: None };
        let result = Part::Result { id: "c".into(), name: "read".into(), text: "1|x".into(), failed: false };
        Request {
            model: "m".into(),
            system: "Be good.".into(),
            messages: vec![
                Message::user("hi"),
                Message::assistant(vec![Part::Call(call)]),
                Message { role: Role::User, parts: vec![result] },
            ],
            tools: vec![ToolSpec {
                name: "read".into(),
                description: "Reads.".into(),
                schema: json!({"properties": {"path": {}, "lines": {}}, "required": ["path"]}),
            }],
            output_tokens_max: 10,
            thinking: Thinking::Low,
            cache: true,
            cache_key: None,
            dialect: Dialect::default(),
        }
    }

    /// Learns one refusal after the other, as real servers word them.
    fn learn(messages: &[&str]) -> Option<Dialect> {
        messages.iter().try_fold(Dialect::default(), |dialect, message| {
            let fault = Fault::Refused { status: 400, message: (*message).to_owned() };
            dialect.learn(&fault, &request()).map(|(dialect, _)| dialect)
        })
    }

    #[test]
    fn refusals_of_real_servers_are_understood() {
        let text = Some(Dialect { text_tools: true, ..Dialect::default() });
        for words in [
            "tools param requires --jinja flag",
            "registry.ollama.ai/library/gemma:2b does not support tools",
            "\"auto\" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set",
            "No endpoints found that support tool use",
            "Conversation roles must alternate user/assistant/user/assistant/...",
        ] {
            assert_eq!(learn(&[words]), text, "{words}");
        }
        assert!(learn(&["Unrecognized request argument supplied: stream_options"]).unwrap().no_stream_options);
        let longest = "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.";
        assert!(learn(&[longest]).unwrap().other_longest);
        assert!(learn(&["System role not supported"]).unwrap().system_in_user);
        assert!(learn(&["unknown field: reasoning_effort"]).unwrap().no_thinking);
        let both = learn(&["Conversation roles must alternate", "Conversation roles must alternate"]).unwrap();
        assert!(both.text_tools && both.system_in_user);
        assert_eq!(learn(&["the moon is full"]), None);
        assert_eq!(learn(&[longest, longest]), None);
    }

    #[test]
    fn tools_that_no_model_was_shown_are_noticed_by_their_tokens() {
        let tool = |n: usize| ToolSpec {
            name: format!("tool{n}"),
            description: "Does something with a file of the project.".into(),
            schema: json!({"type": "object", "properties": {"path": {"type": "string", "description": "x".repeat(300)}}}),
        };
        let mut all = Request { tools: (0..14).map(tool).collect(), system: "s".repeat(1_100), ..request() };
        let noticed = |request: &Request, prompt| Dialect::default().overlooked(request, prompt).is_some();
        // SmolLM2-135M behind llama.cpp: its template has no place for tools.
        assert!(noticed(&all, Some(247)));
        assert!(!noticed(&all, Some(1_900)) && !noticed(&all, Some(1_000)));
        assert!(!noticed(&all, None) && !noticed(&all, Some(0)));
        assert!(Dialect { text_tools: true, ..Dialect::default() }.overlooked(&all, Some(247)).is_none());
        // A conversation of its own size does not hide it.
        all.messages = vec![Message::user("word and word ".repeat(700))];
        assert!(noticed(&all, Some(2_450)) && !noticed(&all, Some(4_000)));
        let fault = Dialect::default().overlooked(&all, Some(247)).unwrap();
        assert!(Dialect::default().learn(&fault, &all).unwrap().0.text_tools);
    }

    #[test]
    fn a_plain_request_holds_everything_as_text() {
        let put = Dialect { text_tools: true, system_in_user: true, ..Dialect::default() }.put(&request());
        assert!(put.system.is_empty() && put.tools.is_empty());
        let texts: Vec<String> = put
            .messages
            .iter()
            .map(|message| {
                let texts = message.parts.iter().filter_map(|part| match part {
                    Part::Text(text) => Some(text.as_str()),
                    Part::Thinking { .. } | Part::Call(_) | Part::Result { .. } => None,
                });
                texts.collect::<Vec<_>>().join("|")
            })
            .collect();
        assert!(
            texts[0].starts_with("Be good.")
                && texts[0].contains("- read(path, lines?): Reads.")
                && texts[0].ends_with("|hi")
        );
        assert_eq!(texts[1], "```json\n{\"name\":\"read\",\"arguments\":{\"path\":\"a\"}}\n```");
        assert_eq!(texts[2], "Your call of `read` gave:\n1|x");
    }
}
