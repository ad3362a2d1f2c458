//! Tool calls that a model printed as text instead of calling them.
//!
//! Small models answer with a fence of JSON, with tags of the family they were trained in, with the JSON alone, or with
//! something that looks like Python, and leave the protocol's own field empty; some continue to invent the result. What
//! is unmistakably a call is taken for one and marked as repaired; anything else stays text.

mod forms;
#[cfg(test)]
mod tests;

use super::loose;
use super::request::ToolSpec;
use super::tools::meant;
use crate::agent::llm::limits;
use serde_json::{Map, Value};

/// A call found in text.
#[derive(Clone, Debug, PartialEq)]
pub struct Printed {
    /// The tool's name; an invented one only where nothing else than a call can be meant.
    pub name: String,
    /// Its arguments, an object.
    pub args: Value,
}

/// The calls found in an answer's text.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Found {
    /// Calls in order, at most a handful: text that holds more is a list, not an intent.
    pub calls: Vec<Printed>,
    /// The words before the first call, or all of them when there is none; thinking in tags is left out.
    pub prose: String,
    /// The model went on to write the result of its own call.
    pub made_up: bool,
}

/// The marks at which models begin to invent a tool's answer.
const MADE_UP: [&str; 9] = [
    "<tool_response>",
    "<|im_start|>",
    "<|tool_response|>",
    "<function_results>",
    "[TOOL_RESULTS]",
    "\nObservation:",
    "\nTool result:",
    "\nTool Result:",
    "\nYour call of `",
];

/// Finds printed calls of `tools`.
pub fn find(text: &str, tools: &[ToolSpec]) -> Found {
    let text = without_stray_tags(&without_thinking(text));
    if text.len() > limits::PRINTED_TEXT_BYTES_MAX {
        return Found { prose: text, ..Found::default() };
    }
    let cut = MADE_UP.iter().filter_map(|mark| text.find(mark)).min();
    let own = text.get(..cut.unwrap_or(text.len())).unwrap_or_default();
    let mut found = forms::find(own, tools);
    found.sort_by_key(|(at, _)| *at);
    let first = found.first().map_or(own.len(), |(at, _)| *at);
    let mut calls: Vec<Printed> = Vec::new();
    for (_, call) in found {
        // Said twice in a row is meant once.
        if calls.last() != Some(&call) {
            calls.push(call);
        }
    }
    if calls.len() > limits::PRINTED_CALLS_MAX {
        calls.clear();
    }
    let prose = if calls.is_empty() { text.as_str() } else { own.get(..first).unwrap_or_default() };
    Found { prose: prose.trim().to_owned(), made_up: cut.is_some() && !calls.is_empty(), calls }
}

/// The words of a text without thinking and stray tags.
pub fn prose(text: &str) -> String {
    without_stray_tags(&without_thinking(text)).trim().to_owned()
}

/// The tool that a text seems to call by JSON that cannot be read. Such a call is never executed, but it is no mere
/// talk either.
pub fn broken(text: &str, tools: &[ToolSpec]) -> Option<String> {
    let (_, rest) = text.split_once("\"name\"")?;
    let (name, rest) = rest.trim_start_matches([':', ' ', '"']).split_once('"')?;
    (rest.contains("\"arguments\"") && tool(tools, name).is_some()).then(|| name.to_owned())
}

/// The text without `<think>` passages; one that never ends reaches to the end.
fn without_thinking(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    // Some templates open the passage for the model, so only its end is there.
    if let Some((thought, after)) = rest.split_once("</think>")
        && !thought.contains("<think>")
    {
        rest = after;
    }
    while let Some((before, after)) = rest.split_once("<think>") {
        out.push_str(before);
        rest = after.split_once("</think>").map_or("", |(_, after)| after);
    }
    out.push_str(rest);
    out
}

/// The text without closing tags of calls that were never opened, as some templates leave them, and with DeepSeek's
/// `｜DSML｜` tags as plain ones.
fn without_stray_tags(text: &str) -> String {
    const TAGS: [(&str, &str); 4] = [
        ("<tool_call>", "</tool_call>"),
        ("<function_call>", "</function_call>"),
        ("<tool_use>", "</tool_use>"),
        ("<|tool_calls_section_begin|>", "<|tool_calls_section_end|>"),
    ];
    let mut text = text.replace("｜DSML｜", "");
    for (open, close) in TAGS {
        let mut out = String::with_capacity(text.len());
        let (mut rest, mut depth) = (text.as_str(), 0_usize);
        while let Some(at) = [rest.find(open), rest.find(close)].into_iter().flatten().min() {
            let (before, tag) = rest.split_at(at);
            out.push_str(before);
            let mark = if tag.starts_with(open) { open } else { close };
            let keeps = mark == open || depth > 0;
            depth = if mark == open { depth + 1 } else { depth.saturating_sub(1) };
            out.push_str(if keeps { mark } else { "" });
            rest = tag.get(mark.len()..).unwrap_or_default();
        }
        out.push_str(rest);
        text = out;
    }
    text
}

/// A JSON value as calls: one, or a list. `certain`: the place itself says that it is a call.
fn read(value: Value, tools: &[ToolSpec], certain: bool) -> Vec<Printed> {
    let list = if let Value::Array(list) = value { list } else { vec![value] };
    list.into_iter().filter_map(|call| named(call, tools, certain)).collect()
}

/// `{name, arguments}` in its many spellings.
fn named(call: Value, tools: &[ToolSpec], certain: bool) -> Option<Printed> {
    let Value::Object(mut call) = call else { return None };
    // OpenAI's own shape, printed.
    match call.remove("function") {
        Some(Value::Object(inner)) => call = inner,
        Some(Value::String(name)) => drop(call.insert("name".to_owned(), Value::String(name))),
        Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_)) | None => {}
    }
    // `{"read": {"path": "a"}}`
    if call.len() == 1
        && let Some((name, Value::Object(args))) = call.iter().next()
        && tool(tools, name).is_some()
    {
        return Some(Printed { name: name.clone(), args: Value::Object(args.clone()) });
    }
    let key = ["name", "tool", "tool_name", "function_name", "action"]
        .into_iter()
        .find(|key| call.get(*key).is_some_and(Value::is_string))?;
    let name = call.remove(key)?.as_str().unwrap_or_default().to_owned();
    call.remove("type");
    // Nothing but a call has its `arguments` in an object of their own; then a sentence may be its invented name.
    let is_call = call.get("arguments").is_some_and(Value::is_object);
    let args = ["arguments", "args", "parameters", "input", "params", "action_input", "tool_input"]
        .iter()
        .find_map(|key| call.remove(*key));
    let known = tool(tools, &name);
    let given = args.as_ref().is_some_and(|args| !args.is_null());
    let args = match args {
        Some(Value::Object(args)) => Value::Object(args),
        // Arguments as text within JSON.
        Some(Value::String(text)) => loose::value(text.trim()).map(|(args, _)| args).filter(Value::is_object)?,
        Some(Value::Bool(_) | Value::Number(_) | Value::Array(_)) => return None,
        // Arguments beside the name; anything that no argument is called makes it something else.
        None | Some(Value::Null) => {
            let properties = known?.schema.get("properties")?;
            if !call.keys().all(|key| properties.get(key).is_some()) {
                return None;
            }
            Value::Object(call)
        }
    };
    // An invented name is answered as one, where nothing else can be meant.
    (known.is_some() || certain && given && (is_name(&name) || is_call)).then_some(Printed { name, args })
}

fn tool<'a>(tools: &'a [ToolSpec], name: &str) -> Option<&'a ToolSpec> {
    tools.iter().find(|tool| tool.name == meant(name))
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.len() <= 64 && name.chars().all(|c| c.is_alphanumeric() || "_.-".contains(c))
}

/// Pairs of texts as an object.
fn object(pairs: impl IntoIterator<Item = (String, String)>) -> Value {
    let pairs = pairs.into_iter().map(|(key, value)| (key, Value::String(value)));
    Value::Object(pairs.collect::<Map<_, _>>())
}
