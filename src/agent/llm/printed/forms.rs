//! The forms in which models print calls, from the unmistakable to the likely; the first that occurs counts.

use super::{Printed, is_name, object, read, tool};
use crate::agent::llm::limits;
use crate::agent::llm::loose;
use crate::agent::llm::request::ToolSpec;
use serde_json::Value;

/// A call and the byte where it begins.
type Placed = (usize, Printed);

/// A way to look for calls.
type Form = fn(&str, &[ToolSpec]) -> Vec<Placed>;

pub(super) fn find(text: &str, tools: &[ToolSpec]) -> Vec<Placed> {
    // The first are marks that nothing else uses; a mention of them in a fence or in ticks is a mention. The last are
    // also how people write examples.
    const CERTAIN: [Form; 7] = [kimi, deepseek, glm, tags, functions, elements, steps];
    const LIKELY: [Form; 3] = [fences, lines, alone];
    let certain = CERTAIN.iter().map(|form| form(text, tools)).find(|found| !found.is_empty());
    if let Some(found) = certain {
        return found.into_iter().filter(|(at, _)| !is_quoted(text, *at) || !is_example(text, *at)).collect();
    }
    let likely = LIKELY.iter().map(|form| form(text, tools)).find(|found| !found.is_empty()).unwrap_or_default();
    likely.into_iter().filter(|(at, _)| !is_example(text, *at)).collect()
}

/// A stretch of text between two marks.
struct Stretch<'a> {
    /// Position of the opening mark.
    at: usize,
    inside: &'a str,
    closed: bool,
}

/// Every stretch between `open` and `close`; one that never closes reaches to the end.
fn between<'a>(text: &'a str, open: &str, close: &str) -> Vec<Stretch<'a>> {
    let mut out = Vec::new();
    let mut from = 0;
    while let Some(found) = text.get(from..).and_then(|rest| rest.find(open)) {
        let at = from + found;
        let after = text.get(at + open.len()..).unwrap_or_default();
        let end = after.find(close);
        let inside = after.get(..end.unwrap_or(after.len())).unwrap_or_default();
        out.push(Stretch { at, inside, closed: end.is_some() });
        let Some(end) = end else { break };
        from = at + open.len() + end + close.len();
    }
    out
}

/// Kimi K2: `<|tool_call_begin|>functions.read:0<|tool_call_argument_begin|>{…}<|tool_call_end|>`.
fn kimi(text: &str, tools: &[ToolSpec]) -> Vec<Placed> {
    let parts = between(text, "<|tool_call_begin|>", "<|tool_call_end|>");
    let call = |part: &Stretch<'_>| {
        let (name, args) = part.inside.split_once("<|tool_call_argument_begin|>")?;
        let name = name.trim();
        let name = name.strip_prefix("functions.").unwrap_or(name);
        let name = name.rsplit_once(':').map_or(name, |(name, _)| name);
        marked(part.at, name, args, tools)
    };
    parts.iter().filter_map(call).collect()
}

/// DeepSeek: `<｜tool▁call▁begin｜>function<｜tool▁sep｜>read`, a fence of JSON and `<｜tool▁call▁end｜>`, or since V3.1 the
/// name before the separator and the JSON behind it.
fn deepseek(text: &str, tools: &[ToolSpec]) -> Vec<Placed> {
    let parts = between(text, "<｜tool▁call▁begin｜>", "<｜tool▁call▁end｜>");
    let call = |part: &Stretch<'_>| {
        let (before, after) = part.inside.split_once("<｜tool▁sep｜>")?;
        match after.split_once('\n') {
            Some((name, args)) if before.trim() == "function" => marked(part.at, name.trim(), args, tools),
            Some(_) | None => marked(part.at, before.trim(), after, tools),
        }
    };
    parts.iter().filter_map(call).collect()
}

/// GLM: `<tool_call>read`, then `<arg_key>path</arg_key>` and `<arg_value>a</arg_value>` for each argument.
fn glm(text: &str, tools: &[ToolSpec]) -> Vec<Placed> {
    let parts = between(text, "<tool_call>", "</tool_call>");
    let call = |part: &Stretch<'_>| {
        let name = part.inside.split(['<', '\n']).find(|word| !word.trim().is_empty())?.trim();
        let spec = tool(tools, name)?;
        let (keys, values) =
            (between(part.inside, "<arg_key>", "</arg_key>"), between(part.inside, "<arg_value>", "</arg_value>"));
        let whole = part.closed && keys.len() == values.len() && values.iter().all(|value| value.closed);
        let takes_any = spec.schema.get("required").and_then(Value::as_array).is_none_or(Vec::is_empty);
        if !whole || (keys.is_empty() && !takes_any) {
            return None;
        }
        let pairs = keys.iter().zip(&values).map(|(key, value)| {
            let key = key.inside.trim().to_owned();
            let value = typed(spec, &key, without_edges(value.inside));
            (key, value)
        });
        Some((part.at, Printed { name: name.to_owned(), args: Value::Object(pairs.collect()) }))
    };
    parts.iter().filter_map(call).collect()
}

/// A value in markup: text where the tool wants text, else JSON where it is.
fn typed(spec: &ToolSpec, key: &str, value: &str) -> Value {
    let kind = spec.schema.get("properties").and_then(|all| all.get(key)).and_then(|one| one.get("type"));
    match serde_json::from_str::<Value>(value.trim()) {
        Ok(json) if kind.and_then(Value::as_str) != Some("string") => json,
        Ok(_) | Err(_) => Value::String(value.to_owned()),
    }
}

/// A call by a mark that nothing else uses: an invented name is answered as one, arguments that are not whole are none.
fn marked(at: usize, name: &str, args: &str, tools: &[ToolSpec]) -> Option<Placed> {
    let args = args.trim();
    let args = args.strip_prefix("```json").or_else(|| args.strip_prefix("```")).unwrap_or(args).trim();
    let args = loose::value(args).map(|(args, _)| args).filter(Value::is_object)?;
    (tool(tools, name).is_some() || is_name(name)).then(|| (at, Printed { name: name.to_owned(), args }))
}

/// Returns whether this place is in a fence or in ticks.
fn is_quoted(text: &str, at: usize) -> bool {
    let before = text.get(..at).unwrap_or_default();
    let fences = before.lines().filter(|line| line.trim_start().starts_with("```")).count();
    let line = before.rsplit('\n').next().unwrap_or_default();
    fences % 2 == 1 || (line.matches('`').count() % 2 == 1 && !line.contains("```"))
}

/// Returns whether the words around a call say that it is only an example.
fn is_example(text: &str, at: usize) -> bool {
    const SHOWN: [&str; 24] = [
        "example",
        "e.g.",
        "for instance",
        "such as",
        "would ",
        "could ",
        "you can",
        "you may",
        "you might",
        "like this",
        "looks like",
        "look like",
        "format",
        "syntax",
        "instead of",
        "don't",
        "do not",
        "never ",
        "avoid",
        "must not",
        "should not",
        "not run",
        "equivalent",
        "usage",
    ];
    let shows = |line: &str| SHOWN.iter().any(|words| line.contains(words));
    let before = text.get(..at).unwrap_or_default();
    let last = before.lines().rev().map(str::trim).find(|line| !line.is_empty() && !line.starts_with("```"));
    // What the sentence before the call says; an earlier one is about something else.
    let sentence =
        last.unwrap_or_default().trim_end_matches([':', '.']).rsplit(['.', ';', '!']).next().unwrap_or_default();
    let after = text.get(at..).unwrap_or_default();
    let behind = match after.strip_prefix("```") {
        Some(fence) => fence.split_once("```").map(|(_, behind)| behind),
        None => None,
    };
    let next =
        behind.and_then(|behind| behind.lines().map(str::trim).find(|line| !line.is_empty())).unwrap_or_default();
    let hypothetical =
        |line: &str| ["would ", "for example", "is an example", "is only an example"].iter().any(|w| line.contains(w));
    let (sentence, next) = (format!("{} ", sentence.to_lowercase()), next.to_lowercase());
    // "I could", "I would" is how some models announce what they do.
    let announces = [" i will", " i'll", "let me", "let's", "i am going", "now i"]
        .iter()
        .any(|w| format!(" {sentence}").contains(w));
    (shows(&sentence) && !announces) || hypothetical(&next)
}

/// Tags of model families, which contain JSON.
fn tags(text: &str, tools: &[ToolSpec]) -> Vec<Placed> {
    const TAGS: [(&str, &str); 8] = [
        ("<tool_call>", "</tool_call>"),
        ("<|tool_call|>", "<|/tool_call|>"),
        ("<function_call>", "</function_call>"),
        ("<tool_use>", "</tool_use>"),
        ("<tools>", "</tools>"),
        ("<|python_tag|>", "<|eom_id|>"),
        ("[TOOL_CALLS]", "</s>"),
        ("functools", "<|end|>"),
    ];
    let found = |(open, close): &(&str, &str)| -> Vec<Placed> {
        between(text, open, close).iter().flat_map(|part| every_json(part.at, part.inside, tools)).collect()
    };
    TAGS.iter().map(found).find(|found| !found.is_empty()).unwrap_or_default()
}

/// The JSON values that a place for calls holds one after the other.
fn every_json(at: usize, inside: &str, tools: &[ToolSpec]) -> Vec<Placed> {
    let mut out = Vec::new();
    let mut rest = inside.trim_start();
    // A fence within a tag.
    rest = rest.strip_prefix("```json").or_else(|| rest.strip_prefix("```")).unwrap_or(rest);
    while let Some((value, end)) = loose::value(rest) {
        out.extend(read(value, tools, true).into_iter().map(|call| (at, call)));
        rest = rest.get(end..).unwrap_or_default().trim_start_matches([',', ';', ' ', '\n', '\r', '\t']);
    }
    out
}

/// `<function=NAME> … </function>` and `<invoke name="NAME"> … </invoke>`: JSON or parameters inside.
fn functions(text: &str, tools: &[ToolSpec]) -> Vec<Placed> {
    const MARKS: [(&str, &str, &str); 2] =
        [("<function=", "</function>", "<parameter="), ("<invoke name=\"", "</invoke>", "<parameter name=\"")];
    let mut out = Vec::new();
    for (open, close, parameter) in MARKS {
        for part in between(text, open, close) {
            let Some((name, body)) = part.inside.split_once('>') else { continue };
            let name = name.trim().trim_matches('"');
            if tool(tools, name).is_none() {
                continue;
            }
            let json = loose::value(body.trim()).map(|(args, _)| args).filter(Value::is_object);
            let parameters = between(body, parameter, "</parameter>");
            // What has no end may lack a part.
            let whole = part.closed && parameters.iter().all(|parameter| parameter.closed);
            let pairs = parameters.iter().filter_map(|parameter| {
                let (key, value) = parameter.inside.split_once('>')?;
                // Attributes may follow the name.
                let key = key.trim().trim_start_matches('"').split('"').next().unwrap_or_default();
                Some((key.to_owned(), without_edges(value).to_owned()))
            });
            if let Some(args) = json.or_else(|| whole.then(|| object(pairs))) {
                out.push((part.at, Printed { name: name.to_owned(), args }));
            }
        }
    }
    out
}

/// One line break at either side belongs to the markup.
fn without_edges(value: &str) -> &str {
    let value = value.strip_prefix('\n').unwrap_or(value);
    value.strip_suffix('\n').unwrap_or(value)
}

/// `<read><path>a</path></read>`: elements named like the tool and its arguments.
fn elements(text: &str, tools: &[ToolSpec]) -> Vec<Placed> {
    let mut out = Vec::new();
    for tool in tools {
        let properties = tool.schema.get("properties").and_then(Value::as_object);
        for part in between(text, &format!("<{}>", tool.name), &format!("</{}>", tool.name)) {
            let inner = |name: &String| {
                let inner = between(part.inside, &format!("<{name}>"), &format!("</{name}>"));
                let inner = inner.first().filter(|inner| inner.closed)?;
                Some((name.clone(), without_edges(inner.inside).to_owned()))
            };
            let pairs: Vec<(String, String)> =
                properties.into_iter().flatten().filter_map(|(name, _)| inner(name)).collect();
            if part.closed && !pairs.is_empty() {
                out.push((part.at, Printed { name: tool.name.clone(), args: object(pairs) }));
            }
        }
    }
    out
}

/// `Action: read` and `Action Input: {…}` on lines of their own.
fn steps(text: &str, tools: &[ToolSpec]) -> Vec<Placed> {
    let mut out = Vec::new();
    for part in between(text, "Action:", "\nAction:") {
        let Some((name, rest)) = part.inside.split_once("Action Input:") else { continue };
        let name = name.trim().trim_matches('`');
        let args = loose::value(rest.trim()).map(|(args, _)| args).filter(Value::is_object);
        if let (Some(args), Some(_)) = (args, tool(tools, name)) {
            out.push((part.at, Printed { name: name.to_owned(), args }));
        }
    }
    out
}

/// Fenced blocks: JSON, or Python that is nothing but calls.
fn fences(text: &str, tools: &[ToolSpec]) -> Vec<Placed> {
    let mut out = Vec::new();
    for fence in between(text, "```", "```") {
        let body = fence.inside.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || c == '_');
        let language = fence.inside.get(..fence.inside.len() - body.len()).unwrap_or_default();
        let json = every_json(fence.at, body, tools);
        if !json.is_empty() {
            out.extend(json);
        } else if matches!(language, "" | "python" | "py" | "tool_code" | "tool_call" | "tool") && fence.closed {
            let code = body.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
            let calls: Option<Vec<Printed>> =
                code.map(|line| python(line, tools, language.starts_with("tool"))).collect();
            out.extend(calls.into_iter().flatten().map(|call| (fence.at, call)));
        }
    }
    out
}

/// `read(path="a")`, also within `print()` or behind a namespace.
fn python(line: &str, tools: &[ToolSpec], certain: bool) -> Option<Printed> {
    let line = line.strip_prefix("print(").and_then(|inner| inner.strip_suffix(')')).unwrap_or(line);
    let (name, rest) = line.split_once('(')?;
    let name = name.rsplit(['.', ' ', '=']).next().unwrap_or(name);
    let tool = tool(tools, name)?;
    let (mut args, unnamed, end) = loose::arguments(rest)?;
    let properties = tool.schema.get("properties").and_then(Value::as_object)?;
    let whole = rest.get(end..).unwrap_or_default().trim_matches([';', ' ']).is_empty();
    if !whole || !args.keys().all(|key| properties.contains_key(key)) {
        return None;
    }
    // `test()` and `list("x")` are ordinary Python; only a place for calls makes them calls.
    if !certain && (args.is_empty() || !unnamed.is_empty()) {
        return None;
    }
    for (name, value) in properties.keys().zip(unnamed) {
        args.entry(name.clone()).or_insert(value);
    }
    Some(Printed { name: name.to_owned(), args: Value::Object(args) })
}

/// JSON that begins a line, prose around it or not; Python on a line of its own.
fn lines(text: &str, tools: &[ToolSpec]) -> Vec<Placed> {
    let mut out = Vec::new();
    let (mut at, mut tries, mut fenced) = (0, 0, false);
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty() && tries < limits::PRINTED_TRIES_MAX) {
        let line = rest.trim_start_matches([' ', '\t', '*', '-', '`']);
        let indent = rest.len() - line.len();
        let mut end = rest.find('\n').map_or(rest.len(), |end| end + 1);
        if rest.trim_start_matches([' ', '\t']).starts_with("```") {
            fenced = !fenced;
        } else if fenced {
            // The content of a fence was examined as such.
        } else if line.starts_with(['{', '[']) {
            // What is never closed is read to the end each time.
            tries += 1;
            if let Some((value, length)) = loose::value(line) {
                out.extend(read(value, tools, false).into_iter().map(|call| (at, call)));
                end = end.max(indent + length);
            }
        } else {
            let line = line.lines().next().unwrap_or_default().trim_end_matches('`').trim();
            out.extend(python(line, tools, false).map(|call| (at, call)));
        }
        at += end;
    }
    out
}

/// A single call within a sentence, when its arguments are there.
fn alone(text: &str, tools: &[ToolSpec]) -> Vec<Placed> {
    let places = text.match_indices("{\"name\"").map(|(at, _)| at).take(limits::PRINTED_TRIES_MAX);
    let calls: Vec<Placed> = places
        .filter_map(|at| {
            let (value, _) = loose::value(text.get(at..)?)?;
            value.get("arguments").or_else(|| value.get("parameters")).filter(|args| args.is_object())?;
            read(value, tools, false).into_iter().next().map(|call| (at, call))
        })
        .collect();
    if calls.len() == 1 { calls } else { Vec::new() }
}
