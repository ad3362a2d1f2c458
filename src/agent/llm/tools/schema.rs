//! Tool descriptions and JSON schemas, by role and edit format.

use super::super::catalog::EditFormat;
use super::super::crew::Role;
use super::super::request::ToolSpec;
use crate::agent::llm::limits;
use crate::model::StepStatus;
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
    let tool = |name| TOOLS.iter().find(|tool| tool.name == name);
    let specs = names(role, format).into_iter().filter_map(tool).map(Tool::spec);
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

/// A tool as its specification is made from it.
struct Tool {
    name: &'static str,
    description: &'static str,
    fields: &'static [(&'static str, Field)],
    reasons: Reasons,
    required: &'static [&'static str],
}

/// An argument, with its description, which may be empty.
enum Field {
    Text(&'static str),
    Whole(&'static str),
    Flag(&'static str),
    /// Steps of a plan, which may have steps.
    Steps(&'static str),
}

/// The arguments that explain a call. The instructions describe them once.
#[derive(PartialEq)]
enum Reasons {
    None,
    Why,
    All,
}

use Field::{Flag, Steps, Text, Whole};

const TOOLS: &[Tool] = &[
    Tool {
        name: "read",
        description: "Show a file with line numbers, or a part of it. Read a file before you edit it.",
        fields: &[
            ("path", Text("Path relative to the workspace.")),
            ("from_line", Whole("First line to show, from 1.")),
            ("lines", Whole("How many lines.")),
        ],
        reasons: Reasons::Why,
        required: &["path"],
    },
    Tool {
        name: "list",
        description: "Name the files below a directory.",
        fields: &[("path", Text("Directory; `.` for all."))],
        reasons: Reasons::Why,
        required: &["path"],
    },
    Tool {
        name: "search",
        description: "Find a regular expression in the files below a directory.",
        fields: &[
            ("pattern", Text("Regular expression.")),
            ("path", Text("Directory or file; `.` for all.")),
            ("ignore_case", Flag("")),
        ],
        reasons: Reasons::Why,
        required: &["pattern"],
    },
    Tool {
        name: "more",
        description: "Show more of a long output that was shortened.",
        fields: &[("ref", Text("The reference, such as r3.")), ("from", Whole("First byte to show."))],
        reasons: Reasons::None,
        required: &["ref"],
    },
    Tool {
        name: "edit",
        description: "Replace text in a file. `old` must be copied exactly from the file and occur there once.",
        fields: &[
            ("path", Text("Path.")),
            ("old", Text("The text that is there now, with lines around it.")),
            ("new", Text("The text to put in its place.")),
            ("all", Flag("Replace every place.")),
        ],
        reasons: Reasons::All,
        required: &["path", "old", "new", "why"],
    },
    Tool {
        name: "patch",
        description: "Change files by a unified diff (`--- a/PATH`, `+++ b/PATH`, `@@`, lines with ` `, `-`, `+`).",
        fields: &[("patch", Text("The diff."))],
        reasons: Reasons::All,
        required: &["patch", "why"],
    },
    Tool {
        name: "write",
        description: "Write a whole file, new or old.",
        fields: &[("path", Text("Path.")), ("content", Text("The complete content."))],
        reasons: Reasons::All,
        required: &["path", "content", "why"],
    },
    Tool {
        name: "delete",
        description: "Delete a file.",
        fields: &[("path", Text("Path."))],
        reasons: Reasons::All,
        required: &["path", "why"],
    },
    Tool {
        name: "move",
        description: "Rename a file.",
        fields: &[("from", Text("Old path.")), ("to", Text("New path."))],
        reasons: Reasons::All,
        required: &["from", "to", "why"],
    },
    Tool {
        name: "run",
        description: "Run a shell command in the workspace.",
        fields: &[
            ("command", Text("The command line.")),
            ("cwd", Text("Directory, `.` by default.")),
            ("timeout_s", Whole("Seconds it may take.")),
        ],
        reasons: Reasons::All,
        required: &["command", "why"],
    },
    Tool {
        name: "test",
        description: "Run the project's tests. Leave `command` out to run all of them.",
        fields: &[("command", Text("Another test command line."))],
        reasons: Reasons::Why,
        required: &[],
    },
    Tool {
        name: "plan",
        description: "Propose the plan, or replace it: a list of steps. The supervisor edits and approves it.",
        fields: &[("steps", Steps("Steps in order."))],
        reasons: Reasons::None,
        required: &["steps"],
    },
    Tool {
        name: "explain",
        description: "Tell the supervisor what you found or think.",
        fields: &[("text", Text("The text."))],
        reasons: Reasons::None,
        required: &["text"],
    },
    Tool {
        name: "ask",
        description: "Ask the supervisor a question and wait.",
        fields: &[("question", Text("The question."))],
        reasons: Reasons::None,
        required: &["question"],
    },
    Tool {
        name: "object",
        description: "Object to the work: name what is wrong and where.",
        fields: &[("text", Text("The objection."))],
        reasons: Reasons::None,
        required: &["text"],
    },
    Tool {
        name: "finish",
        description: "End the work with a report.",
        fields: &[
            ("report", Text("What was done, what was found, what is left.")),
            ("done", Flag("True when the goal is reached.")),
        ],
        reasons: Reasons::None,
        required: &["report", "done"],
    },
];

impl Tool {
    fn spec(&self) -> ToolSpec {
        let own = self.fields.iter().map(|(name, field)| ((*name).to_owned(), field.schema()));
        let mut properties: Map<String, Value> = own.collect();
        if self.reasons != Reasons::None {
            properties.insert("why".into(), json!({"type": "string"}));
        }
        if self.reasons == Reasons::All {
            properties.insert("expect".into(), json!({"type": "string"}));
            properties.insert("evidence".into(), json!({"type": "array", "items": {"type": "string"}}));
            properties.insert("step".into(), json!({"type": "string"}));
        }
        let schema = json!({"type": "object", "properties": properties, "required": self.required});
        ToolSpec { name: self.name.to_owned(), description: self.description.to_owned(), schema }
    }
}

impl Field {
    fn schema(&self) -> Value {
        match self {
            Text(description) => json!({"type": "string", "description": description}),
            Whole(description) => json!({"type": "integer", "description": description}),
            Flag("") => json!({"type": "boolean"}),
            Flag(description) => json!({"type": "boolean", "description": description}),
            Steps(description) => {
                let step = json!({"type": "object", "properties": {
                    "title": Text("What is to be done, one line.").schema(),
                    "status": {"type": "string", "enum": StepStatus::words().collect::<Vec<_>>()},
                    "id": Text("Id of an existing step.").schema(),
                    "steps": {"type": "array", "items": {"type": "object", "properties": {"title": {"type": "string"}}}}},
                    "required": ["title"]});
                json!({"type": "array", "description": description, "items": step})
            }
        }
    }
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
    fn every_name_is_a_tool() {
        for format in [EditFormat::Replace, EditFormat::Patch, EditFormat::Whole] {
            for role in Role::ALL {
                assert_eq!(specs(role, format, Wording::Full).len(), names(role, format).len(), "{role:?} {format:?}");
            }
        }
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
