//! Tool descriptions and JSON schemas, by role and edit format.

use super::super::catalog::EditFormat;
use super::super::crew::Role;
use super::super::request::ToolSpec;
use crate::agent::llm::limits;
use serde_json::{Map, Value, json};

/// The amount of text that the tools take in a prompt. On a processor every thousand tokens of them are some twenty
/// seconds before a small model's first word, and they leave a small context no room for work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wording {
    /// Everything.
    Full,
    /// Arguments unexplained, the optional ones about the reasons left out.
    Lean,
    /// Only the tools that a fix needs, with the arguments they need. The others are understood all the same.
    Least,
}

impl Wording {
    /// Returns the wording that fits a context of so many tokens.
    pub fn for_context(tokens: u64) -> Wording {
        if tokens < u64::from(limits::LEAST_CONTEXT_TOKENS) {
            Wording::Least
        } else if tokens < u64::from(limits::LEAN_CONTEXT_TOKENS) {
            Wording::Lean
        } else {
            Wording::Full
        }
    }
}

/// The tools of a role, in a fixed order so that the prompt's prefix stays the same.
pub fn specs(role: Role, format: EditFormat, wording: Wording) -> Vec<ToolSpec> {
    let specs = names(role, format).into_iter().map(spec);
    match wording {
        Wording::Full => specs.collect(),
        Wording::Lean => specs.map(leaner).collect(),
        Wording::Least => {
            let spared = ["list", "more", "delete", "move", "explain", "ask"];
            specs.filter(|spec| !spared.contains(&spec.name.as_str())).map(leanest).collect()
        }
    }
}

fn leaner(mut spec: ToolSpec) -> ToolSpec {
    if let Some(properties) = spec.schema.get_mut("properties").and_then(Value::as_object_mut) {
        properties
            .retain(|name, _| !matches!(name.as_str(), "expect" | "evidence" | "step" | "timeout_s" | "ignore_case"));
        for property in properties.values_mut() {
            property.as_object_mut().map(|property| property.remove("description"));
        }
    }
    // Small models go ever deeper where they may (seen with 0.5 billion parameters).
    if let Some(step) = spec.schema.pointer_mut("/properties/steps/items/properties").and_then(Value::as_object_mut) {
        step.retain(|name, _| matches!(name.as_str(), "title" | "status"));
        step.insert("title".into(), json!({"type": "string"}));
    }
    spec
}

fn leanest(spec: ToolSpec) -> ToolSpec {
    let mut spec = leaner(spec);
    let required = spec.schema.get("required").cloned().unwrap_or_default();
    let needs = |name: &str| required.as_array().is_some_and(|list| list.iter().any(|entry| entry == name));
    if let Some(properties) = spec.schema.get_mut("properties").and_then(Value::as_object_mut) {
        properties.retain(|name, _| needs(name));
        if let Some(steps) = properties.get_mut("steps") {
            *steps = json!({"type": "array", "items": {"type": "string"}});
        }
    }
    spec
}

/// The names of a role's tools.
pub fn names(role: Role, format: EditFormat) -> Vec<&'static str> {
    let look = ["read", "list", "search", "more"];
    let edit: &[&str] = match format {
        EditFormat::Replace => &["edit", "write"],
        EditFormat::Patch => &["patch", "write"],
        EditFormat::Whole => &["write"],
    };
    let mut out: Vec<&str> = match role {
        // A tester can only run.
        Role::Tester => vec!["read", "more", "test"],
        Role::Solo | Role::Planner | Role::Coder | Role::Reviewer => look.to_vec(),
    };
    match role {
        Role::Solo => {
            out.extend(edit);
            out.extend(["delete", "move", "run", "test", "plan", "explain", "ask"]);
        }
        Role::Coder => {
            out.extend(edit);
            out.extend(["delete", "move", "run", "test", "explain", "ask"]);
        }
        Role::Planner => out.extend(["plan", "explain", "ask"]),
        Role::Reviewer => out.extend(["test", "object"]),
        Role::Tester => {}
    }
    out.push("finish");
    out
}

fn spec(name: &str) -> ToolSpec {
    let (description, fields, required): (&str, Value, &[&str]) = match name {
        "read" => (
            "Show a file with line numbers, or a part of it. Read a file before you edit it.",
            json!({"path": text("Path relative to the workspace."),
                "from_line": whole("First line to show, from 1."), "lines": whole("How many lines.")}),
            &["path"],
        ),
        "list" => ("Name the files below a directory.", json!({"path": text("Directory; `.` for all.")}), &["path"]),
        "search" => (
            "Find a regular expression in the files below a directory.",
            json!({"pattern": text("Regular expression."), "path": text("Directory or file; `.` for all."),
                "ignore_case": {"type": "boolean"}}),
            &["pattern"],
        ),
        "more" => (
            "Show more of a long output that was shortened.",
            json!({"ref": text("The reference, such as r3."), "from": whole("First byte to show.")}),
            &["ref"],
        ),
        "edit" => (
            "Replace text in a file. `old` must be copied exactly from the file and occur there once.",
            json!({"path": text("Path."), "old": text("The text that is there now, with lines around it."),
                "new": text("The text to put in its place."), "all": {"type": "boolean", "description": "Replace every place."}}),
            &["path", "old", "new", "why"],
        ),
        "patch" => (
            "Change files by a unified diff (`--- a/PATH`, `+++ b/PATH`, `@@`, lines with ` `, `-`, `+`).",
            json!({"patch": text("The diff.")}),
            &["patch", "why"],
        ),
        "write" => (
            "Write a whole file, new or old.",
            json!({"path": text("Path."), "content": text("The complete content.")}),
            &["path", "content", "why"],
        ),
        "delete" => ("Delete a file.", json!({"path": text("Path.")}), &["path", "why"]),
        "move" => {
            ("Rename a file.", json!({"from": text("Old path."), "to": text("New path.")}), &["from", "to", "why"])
        }
        "run" => (
            "Run a shell command in the workspace.",
            json!({"command": text("The command line."), "cwd": text("Directory, `.` by default."),
                "timeout_s": whole("Seconds it may take.")}),
            &["command", "why"],
        ),
        "test" => (
            "Run the project's tests. Leave `command` out to run all of them.",
            json!({"command": text("Another test command line.")}),
            &[],
        ),
        "plan" => (
            "Propose the plan, or replace it: a list of steps. The supervisor edits and approves it.",
            json!({"steps": {"type": "array", "description": "Steps in order.", "items": {"type": "object", "properties": {
                "title": text("What is to be done, one line."),
                "status": {"type": "string", "enum": ["pending", "active", "done", "failed", "skipped"]},
                "id": text("Id of an existing step."),
                "steps": {"type": "array", "items": {"type": "object", "properties": {"title": {"type": "string"}}}}},
                "required": ["title"]}}}),
            &["steps"],
        ),
        "explain" => ("Tell the supervisor what you found or think.", json!({"text": text("The text.")}), &["text"]),
        "ask" => ("Ask the supervisor a question and wait.", json!({"question": text("The question.")}), &["question"]),
        "object" => {
            ("Object to the work: name what is wrong and where.", json!({"text": text("The objection.")}), &["text"])
        }
        _ => (
            "End the work with a report.",
            json!({"report": text("What was done, what was found, what is left."),
                "done": {"type": "boolean", "description": "True when the goal is reached."}}),
            &["report", "done"],
        ),
    };
    ToolSpec { name: name.to_owned(), description: description.to_owned(), schema: object(name, fields, required) }
}

fn text(description: &str) -> Value {
    json!({"type": "string", "description": description})
}

fn whole(description: &str) -> Value {
    json!({"type": "integer", "description": description})
}

fn object(name: &str, fields: Value, required: &[&str]) -> Value {
    let mut properties: Map<String, Value> = match fields {
        Value::Object(fields) => fields,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => Map::new(),
    };
    if !matches!(name, "more" | "explain" | "ask" | "object" | "finish" | "plan") {
        // The instructions explain these once.
        properties.insert("why".into(), json!({"type": "string"}));
    }
    if matches!(name, "edit" | "patch" | "write" | "delete" | "move" | "run") {
        properties.insert("expect".into(), json!({"type": "string"}));
        properties.insert("evidence".into(), json!({"type": "array", "items": {"type": "string"}}));
        properties.insert("step".into(), json!({"type": "string"}));
    }
    json!({"type": "object", "properties": properties, "required": required})
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(wording: Wording) -> usize {
        let specs = specs(Role::Solo, EditFormat::Replace, wording);
        // Four bytes a token, as counted with the tokenizer of Qwen2.5.
        specs.iter().map(ToolSpec::bytes).sum::<usize>() / 4
    }

    #[test]
    fn the_tools_leave_room_in_every_context() {
        assert!(tokens(Wording::Full) < 1_600, "{}", tokens(Wording::Full));
        assert!(tokens(Wording::Lean) < 1_050, "{}", tokens(Wording::Lean));
        assert!(tokens(Wording::Least) < 450, "{}", tokens(Wording::Least));
        assert_eq!(Wording::for_context(2_048), Wording::Least);
        assert_eq!(Wording::for_context(8_192), Wording::Lean);
        assert_eq!(Wording::for_context(32_768), Wording::Full);
    }

    #[test]
    fn the_fewest_tools_are_those_of_a_fix() {
        let specs = specs(Role::Solo, EditFormat::Replace, Wording::Least);
        let names: Vec<&str> = specs.iter().map(|spec| spec.name.as_str()).collect();
        assert_eq!(names, ["read", "search", "edit", "write", "run", "test", "plan", "finish"]);
        let edit = specs.iter().find(|spec| spec.name == "edit").map(|spec| spec.schema["properties"].clone());
        let arguments: Vec<String> = edit.unwrap().as_object().unwrap().keys().cloned().collect();
        assert_eq!(arguments, ["path", "old", "new", "why"]);
    }
}
