//! From a model's call to an [`Act`]: lenient about names and types, strict about what is missing.

use super::{Act, Intent, PlannedStep};
use crate::agent::llm::edits::Swap;
use crate::agent::llm::limits;
use crate::model::StepStatus;
use crate::model::plan::without_list_mark;
use serde_json::Value;

/// A mistake in a call, in words for the model.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ToolMistake {
    /// No such tool.
    #[error("there is no tool `{name}`. The tools are: {known}. Call one of them")]
    Invented {
        /// The name in the call.
        name: String,
        /// The known names.
        known: String,
    },
    /// An argument is missing.
    #[error("`{tool}` needs `{argument}`; call it again with it")]
    Missing {
        /// The tool.
        tool: String,
        /// The argument.
        argument: String,
    },
}

/// The names that models use for our tools, from the programs they were trained with.
const NAMES: [(&str, &[&str]); 13] = [
    ("read", &["read_file", "view", "view_file", "open_file", "cat", "get_file"]),
    ("list", &["list_files", "list_dir", "list_directory", "ls"]),
    ("search", &["grep", "search_files", "find", "search_code"]),
    ("edit", &["edit_file", "str_replace", "replace", "str_replace_editor", "replace_in_file", "update_file"]),
    ("write", &["write_file", "create_file", "write_to_file", "create", "save_file"]),
    ("delete", &["delete_file", "remove", "remove_file", "rm"]),
    ("move", &["move_file", "rename", "rename_file", "mv"]),
    ("run", &["run_command", "execute_command", "execute", "bash", "shell", "exec", "terminal", "run_shell_command"]),
    ("test", &["run_tests", "run_test", "tests", "pytest", "unittest"]),
    ("plan", &["update_plan", "make_plan", "create_plan", "todo_write"]),
    ("explain", &["think", "say", "comment"]),
    ("ask", &["ask_supervisor", "ask_user", "question", "ask_followup_question"]),
    ("finish", &["done", "complete", "attempt_completion", "submit", "final_answer", "end"]),
];

/// The tool that is meant by a name: our own word for it, or the name as it is.
pub fn meant(name: &str) -> &str {
    // Some models put the namespace of their training before the name.
    let plain = name.rsplit(['.', ':', '/']).next().unwrap_or(name);
    let is = |word: &&str| word.eq_ignore_ascii_case(plain);
    let ours = NAMES.iter().find(|(tool, others)| is(tool) || others.iter().any(is));
    ours.map_or(plain, |(tool, _)| tool)
}

/// Reads a call; `known` are the tools offered.
pub fn read_call(name: &str, args: &Value, known: &[&str]) -> Result<(Act, Intent), ToolMistake> {
    let meant = meant(name);
    let Some(tool) = known.iter().copied().find(|tool| *tool == meant) else {
        return Err(ToolMistake::Invented { name: name.chars().take(80).collect(), known: known.join(", ") });
    };
    let args = Args { tool, args };
    let act = match tool {
        "read" => Act::Read {
            path: args.text(PATH)?,
            from_line: args.number(&["from_line", "offset", "start_line", "start"]).unwrap_or(1).max(1),
            lines: args.number(&["lines", "limit", "count"]).unwrap_or(0),
        },
        "list" => Act::List { path: args.text(PATH).unwrap_or_else(|_| ".".to_owned()) },
        "search" => Act::Search {
            pattern: args.text(&["pattern", "query", "regex", "text"])?,
            path: args.text(PATH).unwrap_or_else(|_| ".".to_owned()),
            ignore_case: args.flag(&["ignore_case", "case_insensitive"]),
        },
        "more" => Act::More {
            reference: args.text(&["ref", "reference", "id"])?,
            from: args.number(&["from", "offset"]).unwrap_or(0),
        },
        "edit" => Act::Edit { path: args.text(PATH)?, swaps: args.swaps()? },
        "patch" => Act::Patch { patch: args.text(&["patch", "diff", "input"])? },
        "write" => Act::Write { path: args.text(PATH)?, content: args.text(&["content", "contents", "text", "body"])? },
        "delete" => Act::Delete { path: args.text(PATH)? },
        "move" => Act::Move {
            from: args.text(&["from", "source", "old_path", "path"])?,
            to: args.text(&["to", "destination", "new_path", "target"])?,
        },
        "run" => Act::Run {
            command: args.command()?,
            cwd: args.text(&["cwd", "workdir", "directory"]).unwrap_or_else(|_| ".".to_owned()),
            timeout_s: args.number(&["timeout_s", "timeout"]).map_or(0, |n| n as u64),
        },
        "test" => Act::Test { command: args.command().ok().filter(|command| !command.trim().is_empty()) },
        "plan" => Act::Plan { steps: args.steps()? },
        "explain" => Act::Explain { text: args.text(&["text", "message", "explanation"])? },
        "ask" => Act::Ask { question: args.text(&["question", "text", "message"])? },
        "object" => Act::Object { text: args.text(&["text", "objection", "reason"])? },
        _ => Act::Finish {
            report: args.text(&["report", "summary", "message", "text", "result"]).unwrap_or_default(),
            done: args.maybe_flag(&["done", "success", "completed"]).unwrap_or(true),
        },
    };
    Ok((act, args.intent()))
}

const PATH: &[&str] = &["path", "file", "file_path", "filename", "filepath", "directory", "dir"];

struct Args<'a> {
    tool: &'a str,
    args: &'a Value,
}

impl Args<'_> {
    fn find(&self, names: &[&str]) -> Option<&Value> {
        names.iter().find_map(|name| self.args.get(*name)).filter(|value| !value.is_null())
    }

    /// Text; numbers are accepted.
    fn text(&self, names: &[&str]) -> Result<String, ToolMistake> {
        let missing = || ToolMistake::Missing {
            tool: self.tool.to_owned(),
            argument: names.first().copied().unwrap_or_default().to_owned(),
        };
        match self.find(names) {
            Some(Value::String(text)) => Ok(text.clone()),
            Some(Value::Number(number)) => Ok(number.to_string()),
            // Whole files as lists of lines.
            Some(Value::Array(list)) if list.iter().all(Value::is_string) && !list.is_empty() => {
                Ok(list.iter().filter_map(Value::as_str).collect::<Vec<_>>().join("\n"))
            }
            Some(Value::Bool(_) | Value::Array(_) | Value::Object(_) | Value::Null) | None => Err(missing()),
        }
    }

    fn number(&self, names: &[&str]) -> Option<usize> {
        let value = self.find(names)?;
        let number = value.as_u64().or_else(|| value.as_str().and_then(|text| text.trim().parse().ok()));
        number.and_then(|number| usize::try_from(number).ok())
    }

    fn maybe_flag(&self, names: &[&str]) -> Option<bool> {
        let value = self.find(names)?;
        value.as_bool().or_else(|| value.as_str().map(|text| text.eq_ignore_ascii_case("true")))
    }

    fn flag(&self, names: &[&str]) -> bool {
        self.maybe_flag(names).unwrap_or(false)
    }

    /// A command line; argv lists are quoted into one.
    fn command(&self) -> Result<String, ToolMistake> {
        match self.find(&["command", "cmd", "argv"]) {
            Some(Value::Array(words)) if words.iter().all(Value::is_string) && !words.is_empty() => {
                Ok(shell_words::join(words.iter().filter_map(Value::as_str)))
            }
            _ => self.text(&["command", "cmd", "argv"]),
        }
    }

    fn swaps(&self) -> Result<Vec<Swap>, ToolMistake> {
        let one = |args: &Args<'_>| -> Result<Swap, ToolMistake> {
            Ok(Swap {
                old: args.text(&["old", "old_string", "old_text", "old_str", "search", "find"])?,
                new: args.text(&["new", "new_string", "new_text", "new_str", "replace", "replacement"])?,
                all: args.flag(&["all", "replace_all"]),
                near_line: args.number(&["line", "near_line"]),
            })
        };
        match self.find(&["edits", "changes"]) {
            Some(Value::Array(list)) if !list.is_empty() => {
                list.iter().take(limits::SWAPS_PER_EDIT_MAX).map(|args| one(&Args { tool: self.tool, args })).collect()
            }
            _ => Ok(vec![one(self)?]),
        }
    }

    fn steps(&self) -> Result<Vec<PlannedStep>, ToolMistake> {
        let mut out = Vec::new();
        match self.find(&["steps", "plan", "todos", "items"]) {
            Some(Value::Array(list)) => push_steps(&mut out, list, 0),
            // A plan as lines of text.
            Some(Value::String(text)) => {
                let lines: Vec<Value> =
                    text.lines().filter(|line| !line.trim().is_empty()).map(|line| line.trim().into()).collect();
                push_steps(&mut out, &lines, 0);
            }
            _ => {}
        }
        if out.is_empty() {
            return Err(ToolMistake::Missing { tool: self.tool.to_owned(), argument: "steps".to_owned() });
        }
        Ok(out)
    }

    fn intent(&self) -> Intent {
        let line = |names: &[&str]| -> String {
            let text = self.text(names).unwrap_or_default();
            text.chars().take(limits::INTENT_CHARS_MAX).collect()
        };
        let evidence = match self.find(&["evidence", "because"]) {
            Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
            Some(Value::String(text)) => vec![text.clone()],
            _ => Vec::new(),
        };
        Intent {
            why: line(&["why", "reason", "rationale", "intent"]),
            expect: line(&["expect", "expected", "expected_effect"]),
            evidence: evidence
                .into_iter()
                .filter(|text: &String| !text.trim().is_empty())
                .map(|text| text.chars().take(limits::INTENT_CHARS_MAX).collect())
                .take(limits::EVIDENCE_MAX)
                .collect(),
            step: self.text(&["step", "step_id"]).ok().filter(|step| !step.trim().is_empty()),
        }
    }
}

fn push_steps(out: &mut Vec<PlannedStep>, list: &[Value], depth: usize) {
    for entry in list {
        if out.len() >= crate::base::limits::PLAN_STEPS_MAX || depth > limits::PLAN_DEPTH_MAX {
            return;
        }
        let word = |names: &[&str]| names.iter().find_map(|name| entry.get(*name)).and_then(Value::as_str);
        let title = entry.as_str().or_else(|| word(&["title", "content", "step", "text", "description", "task"]));
        let title = without_list_mark(title.unwrap_or_default());
        if title.is_empty() {
            continue;
        }
        out.push(PlannedStep {
            id: word(&["id"]).filter(|id| !id.is_empty()).map(str::to_owned),
            title: title.lines().next().unwrap_or_default().chars().take(limits::STEP_TITLE_CHARS_MAX).collect(),
            status: word(&["status", "state"]).map_or(StepStatus::Pending, StepStatus::of),
            depth,
        });
        if let Some(Value::Array(below)) = entry.get("steps").or_else(|| entry.get("children")) {
            push_steps(out, below, depth + 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::catalog::EditFormat;
    use super::super::super::crew::Role;
    use super::super::{Wording, names, specs};
    use super::*;
    use serde_json::json;

    fn read(name: &str, args: Value) -> Result<(Act, Intent), ToolMistake> {
        let mut known = names(Role::Solo, EditFormat::Replace);
        known.push("patch");
        read_call(name, &args, &known)
    }

    #[test]
    fn models_have_their_own_names_for_things() {
        let act = |name: &str, args: Value| read(name, args).unwrap().0;
        let expect = Act::Read { path: "a".into(), from_line: 3, lines: 0 };
        assert_eq!(act("read_file", json!({"path": "a", "from_line": 3})), expect);
        assert_eq!(act("functions.Read", json!({"file_path": "a", "offset": "3"})), expect);
        let swap = Swap { old: "x".into(), new: "y".into(), all: true, near_line: None };
        let edit = json!({"file": "a", "old_string": "x", "new_string": "y", "replace_all": "true"});
        assert_eq!(act("edit", edit), Act::Edit { path: "a".into(), swaps: vec![swap] });
        let run = act("run", json!({"cmd": ["ls", "a b"]}));
        assert_eq!(run, Act::Run { command: "ls 'a b'".into(), cwd: ".".into(), timeout_s: 0 });
        assert_eq!(act("test", json!({})), Act::Test { command: None });
        let Act::Plan { steps } =
            act("plan", json!({"steps": ["1. Read", {"title": "Fix", "status": "in_progress", "steps": ["deep"]}]}))
        else {
            panic!()
        };
        let steps: Vec<(&str, StepStatus, usize)> =
            steps.iter().map(|s| (s.title.as_str(), s.status, s.depth)).collect();
        assert_eq!(
            steps,
            [("Read", StepStatus::Pending, 0), ("Fix", StepStatus::Active, 0), ("deep", StepStatus::Pending, 1)]
        );
    }

    #[test]
    fn what_is_missing_is_named() {
        let error = |name: &str, args: Value| read(name, args).unwrap_err().to_string();
        assert_eq!(error("edit", json!({"path": "a"})), "`edit` needs `old`; call it again with it");
        assert!(
            error("open_editor", json!({})).starts_with("there is no tool `open_editor`. The tools are: read, list")
        );
        assert_eq!(error("plan", json!({"steps": []})), "`plan` needs `steps`; call it again with it");
    }

    #[test]
    fn intent_is_kept() {
        let (_, intent) =
            read("run", json!({"command": "make", "why": "to build", "evidence": "a.rs:3", "step": "p1"})).unwrap();
        assert_eq!((intent.why.as_str(), intent.evidence.len(), intent.step.as_deref()), ("to build", 1, Some("p1")));
    }

    #[test]
    fn every_tool_of_every_role_has_a_schema_and_is_read() {
        for role in Role::ALL {
            for format in [EditFormat::Replace, EditFormat::Patch, EditFormat::Whole] {
                let known = names(role, format);
                for spec in specs(role, format, Wording::Full) {
                    assert!(jsonschema::validator_for(&spec.schema).is_ok(), "{}", spec.name);
                    let required = spec.schema["required"].as_array().unwrap();
                    let properties = spec.schema["properties"].as_object().unwrap();
                    assert!(
                        required.iter().all(|name| properties.contains_key(name.as_str().unwrap())),
                        "{}",
                        spec.name
                    );
                    let missing = read_call(&spec.name, &json!({}), &known);
                    assert!(!matches!(missing, Err(ToolMistake::Invented { .. })), "{}", spec.name);
                }
            }
        }
        assert_eq!(names(Role::Tester, EditFormat::Replace), ["read", "more", "test", "finish"]);
    }
}
