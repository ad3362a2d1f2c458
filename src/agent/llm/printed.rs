//! Tool calls that a model printed as text instead of calling them.
//!
//! Small models answer with a ```` ```json ```` fence, with `<tool_call>` tags, or with the bare JSON, and leave the
//! protocol's own field empty. What is unmistakably a call of a known tool is taken for one and marked as
//! repaired; anything else stays text.

use serde_json::{Map, Value};

use crate::base::limits::llm as limits;

/// A call found in text.
#[derive(Clone, Debug, PartialEq)]
pub struct Printed {
    /// A known tool's name.
    pub name: String,
    /// Its arguments, an object.
    pub args: Value,
}

/// Finds calls of tools that `known` accepts. At most a handful: text that holds more is a list, not an intent.
pub fn find(text: &str, known: impl Fn(&str) -> bool) -> Vec<Printed> {
    let mut found = Vec::new();
    for candidate in candidates(text) {
        if let Some(call) = candidate.read(&known) {
            found.extend(call);
        }
        if found.len() > limits::PRINTED_CALLS_MAX {
            return Vec::new();
        }
    }
    found
}

/// A piece of text that may be a call.
enum Candidate<'a> {
    /// JSON with the name inside.
    Json(&'a str),
    /// `<function=NAME> … </function>`: JSON or `<parameter=KEY>` tags inside.
    Function { name: &'a str, body: &'a str },
}

fn candidates(text: &str) -> Vec<Candidate<'_>> {
    let mut out = Vec::new();
    for (open, close) in [("<tool_call>", "</tool_call>"), ("<|tool_call|>", "<|/tool_call|>")] {
        out.extend(between(text, open, close).into_iter().map(Candidate::Json));
    }
    for body in between(text, "<function=", "</function>") {
        if let Some((name, body)) = body.split_once('>') {
            out.push(Candidate::Function { name: name.trim(), body });
        }
    }
    if out.is_empty() {
        out.extend(text.split_once("[TOOL_CALLS]").map(|(_, rest)| Candidate::Json(rest)));
    }
    if out.is_empty() {
        // Fences, with or without a language.
        for fence in between(text, "```", "```") {
            let body = fence.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || c == '_');
            out.push(Candidate::Json(body));
        }
    }
    if out.is_empty() {
        out.push(Candidate::Json(text));
    }
    out
}

/// Every stretch between `open` and `close`; one that never closes reaches to the end.
fn between<'a>(text: &'a str, open: &str, close: &str) -> Vec<&'a str> {
    let mut out = Vec::new();
    let mut rest = text;
    while let Some((_, after)) = rest.split_once(open) {
        let (inside, next) = after.split_once(close).unwrap_or((after, ""));
        out.push(inside);
        rest = next;
    }
    out
}

impl Candidate<'_> {
    fn read(&self, known: &impl Fn(&str) -> bool) -> Option<Vec<Printed>> {
        match self {
            Candidate::Json(text) => {
                let text = text.trim();
                // Only whole JSON counts: prose around it means the model talks about a call.
                let value: Value = serde_json::from_str(text).ok()?;
                let calls = if let Value::Array(list) = value { list } else { vec![value] };
                let calls: Vec<Printed> = calls.into_iter().filter_map(|call| named(call, known)).collect();
                (!calls.is_empty()).then_some(calls)
            }
            Candidate::Function { name, body } if known(name) => {
                let args = serde_json::from_str::<Value>(body.trim()).ok().filter(Value::is_object);
                let args = args.unwrap_or_else(|| parameters(body));
                Some(vec![Printed { name: (*name).to_owned(), args }])
            }
            Candidate::Function { .. } => None,
        }
    }
}

/// `{name, arguments}` in its many spellings.
fn named(call: Value, known: &impl Fn(&str) -> bool) -> Option<Printed> {
    let Value::Object(mut call) = call else { return None };
    // OpenAI's own shape, printed.
    if let Some(Value::Object(inner)) = call.remove("function") {
        call = inner;
    }
    let name = ["name", "tool", "tool_name", "function_name"]
        .iter()
        .find_map(|key| call.get(*key).and_then(Value::as_str))
        .filter(|name| known(name))?
        .to_owned();
    let args = ["arguments", "args", "parameters", "input", "params"].iter().find_map(|key| call.remove(*key));
    let args = match args {
        Some(Value::Object(args)) => Value::Object(args),
        // Arguments as text within JSON.
        Some(Value::String(text)) => serde_json::from_str(&text).ok().filter(Value::is_object)?,
        None | Some(Value::Null) => Value::Object(Map::new()),
        Some(Value::Bool(_) | Value::Number(_) | Value::Array(_)) => return None,
    };
    Some(Printed { name, args })
}

/// `<parameter=KEY>VALUE</parameter>` pairs.
fn parameters(body: &str) -> Value {
    let pairs = between(body, "<parameter=", "</parameter>");
    let pair = |pair: &str| {
        let (key, value) = pair.split_once('>')?;
        // One line end on each side belongs to the markup.
        let value = value.strip_prefix('\n').unwrap_or(value);
        let value = value.strip_suffix('\n').unwrap_or(value);
        Some((key.trim().to_owned(), Value::String(value.to_owned())))
    };
    pairs.into_iter().filter_map(pair).collect::<Map<_, _>>().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(text: &str, expect: &[(&str, Value)]) {
        let found = find(text, |name| ["read", "run", "edit"].contains(&name));
        let found: Vec<(&str, Value)> = found.iter().map(|call| (call.name.as_str(), call.args.clone())).collect();
        assert_eq!(found, expect, "{text}");
    }

    #[test]
    fn every_way_of_printing_a_call_is_read() {
        let read = || ("read", json!({"path": "a"}));
        check("I will read it.\n```json\n{\"name\": \"read\", \"arguments\": {\"path\": \"a\"}}\n```", &[read()]);
        check("```\n{\"tool\": \"read\", \"args\": {\"path\": \"a\"}}\n```\ndone", &[read()]);
        check("{\"name\":\"read\",\"parameters\":{\"path\":\"a\"}}", &[read()]);
        check("<tool_call>\n{\"name\": \"read\", \"arguments\": {\"path\": \"a\"}}\n</tool_call>", &[read()]);
        check("<tool_call>{\"name\": \"read\", \"arguments\": \"{\\\"path\\\": \\\"a\\\"}\"}", &[read()]);
        check("[TOOL_CALLS][{\"name\": \"read\", \"arguments\": {\"path\": \"a\"}}]", &[read()]);
        check("{\"type\":\"function\",\"function\":{\"name\":\"read\",\"arguments\":{\"path\":\"a\"}}}", &[read()]);
        check("<function=read>{\"path\": \"a\"}</function>", &[read()]);
        let lines =
            "<function=edit>\n<parameter=old>\n  x\n</parameter>\n<parameter=new>\n  y\n</parameter>\n</function>";
        check(lines, &[("edit", json!({"old": "  x", "new": "  y"}))]);
        check(
            "```json\n{\"name\":\"run\"}\n```\n```json\n{\"name\":\"read\",\"arguments\":{\"path\":\"a\"}}\n```",
            &[("run", json!({})), read()],
        );
    }

    #[test]
    fn text_about_calls_stays_text() {
        check("Call read with {\"path\": \"a\"} please", &[]);
        check("```json\n{\"name\": \"rightseat\", \"version\": 1}\n```", &[]);
        check("```rust\nfn read() {}\n```", &[]);
        check("{\"name\": \"read\", \"arguments\": 7}", &[]);
        check("", &[]);
        check(&"```json\n{\"name\":\"run\"}\n```\n".repeat(30), &[]);
    }

    proptest::proptest! {
        #[test]
        fn no_text_panics(text in "\\PC{0,120}") {
            find(&text, |_| true);
        }
    }
}
