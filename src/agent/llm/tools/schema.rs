//! Tool descriptions and JSON schemas, by role and edit format.

use serde_json::{Map, Value, json};

use super::super::catalog::EditFormat;
use super::super::crew::Role;
use super::super::request::ToolSpec;

/// The tools of a role, in a fixed order so that the prompt's prefix stays the same. `lean`: for small contexts, with
/// arguments that need no explanation unexplained and optional ones about the reasons left out.
pub fn specs(role: Role, format: EditFormat, lean: bool) -> Vec<ToolSpec> {
    let specs = names(role, format).into_iter().map(spec);
    if lean { specs.map(leaner).collect() } else { specs.collect() }
}

fn leaner(mut spec: ToolSpec) -> ToolSpec {
    if let Some(properties) = spec.schema.get_mut("properties").and_then(Value::as_object_mut) {
        properties
            .retain(|name, _| !matches!(name.as_str(), "expect" | "evidence" | "step" | "timeout_s" | "ignore_case"));
        for property in properties.values_mut() {
            property.as_object_mut().map(|property| property.remove("description"));
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
            "Replace text in a file. `old` must be copied exactly from the file and stand there once.",
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
        properties.insert("why".into(), text("Why you want this, one sentence."));
    }
    if matches!(name, "edit" | "patch" | "write" | "delete" | "move" | "run") {
        properties.insert("expect".into(), text("What should be different afterwards."));
        let evidence = "What it rests on: path:line, a failing test's name.";
        properties
            .insert("evidence".into(), json!({"type": "array", "items": {"type": "string"}, "description": evidence}));
        properties.insert("step".into(), text("Id of the plan step."));
    }
    json!({"type": "object", "properties": properties, "required": required})
}
