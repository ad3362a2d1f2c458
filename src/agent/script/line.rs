//! The lines of a script. An unknown line is an error that names file and line.

use crate::model::Evidence;
use crate::model::StepStatus;
use crate::model::event::TurnEnd;
use regex::Regex;
use serde::Deserialize;

/// One line with its number, from 1.
#[derive(Debug)]
pub struct ScriptLine {
    pub number: usize,
    pub(super) play: Play,
}

/// The effect of a line.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Play {
    Say(String),
    Think(String),
    Plan(Vec<StepLine>),
    /// The plan as a text: asks for its approval.
    Document(String),
    /// The same without asking.
    Written(String),
    Read(ReadLine),
    Edit(EditLine),
    Run(RunLine),
    Tests(Nothing),
    #[serde(deserialize_with = "pattern")]
    Told(Regex),
    /// Waits for a message, which must match.
    #[serde(deserialize_with = "pattern")]
    Prompt(Regex),
    WaitMs(u64),
    End(TurnEnd),
    Exit(i32),
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Nothing {}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StepLine {
    pub title: String,
    #[serde(default)]
    pub status: Option<StepStatus>,
    /// The id or the title of a step above.
    #[serde(default)]
    pub parent: Option<String>,
    #[serde(default)]
    pub id: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ReadLine {
    pub path: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EditLine {
    pub path: String,
    #[serde(default)]
    pub after: Option<String>,
    #[serde(default)]
    pub old: Option<String>,
    #[serde(default)]
    pub new: Option<String>,
    /// `modify`, `create`, `delete` or `rename` (then `to` is the new path).
    #[serde(default)]
    pub change: Option<String>,
    #[serde(default)]
    pub to: Option<String>,
    #[serde(default)]
    pub why: Option<String>,
    /// What it cites.
    #[serde(default)]
    pub evidence: Vec<Evidence>,
}

/// A command line for the shell, or its words.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Words {
    Line(String),
    Argv(Vec<String>),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RunLine {
    pub command: Words,
    #[serde(default)]
    pub cwd: Option<String>,
    #[serde(default)]
    pub why: Option<String>,
}

fn pattern<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Regex, D::Error> {
    let text = String::deserialize(from)?;
    Regex::new(&text).map_err(serde::de::Error::custom)
}

/// A line that cannot be played.
#[derive(Debug, thiserror::Error)]
#[error("{file}:{line}: {why}")]
pub struct ScriptError {
    pub file: String,
    pub line: usize,
    pub why: String,
}

/// Parses a whole script; blank lines are passed over. `file` is only for the error.
pub fn parse(file: &str, text: &str) -> Result<Vec<ScriptLine>, ScriptError> {
    let mut lines: Vec<ScriptLine> = Vec::new();
    let mut titles: Vec<(String, String)> = Vec::new();
    for (index, line) in text.lines().enumerate().filter(|(_, l)| !l.trim().is_empty()) {
        let number = index + 1;
        let fail = |why: String| ScriptError { file: file.to_owned(), line: number, why };
        let mut play: Play = serde_json::from_str(line).map_err(|e| fail(without_line(&e)))?;
        check(&play).map_err(fail)?;
        if let Play::Plan(steps) = &mut play {
            name_steps(steps, &mut titles).map_err(fail)?;
        }
        lines.push(ScriptLine { number, play });
    }
    Ok(lines)
}

/// Each line is parsed alone, so the parser's own line number is always 1 and would contradict ours.
fn without_line(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    match text.strip_suffix(&place) {
        Some(what) => format!("{what} (column {})", error.column()),
        None => text,
    }
}

fn check(play: &Play) -> Result<(), String> {
    let Play::Edit(edit) = play else { return Ok(()) };
    let change = edit.change.as_deref();
    if !matches!(change, None | Some("modify" | "create" | "delete" | "rename")) {
        return Err(format!("`change` is modify, create, delete or rename, not {change:?}"));
    }
    let given = (edit.after.is_some(), edit.old.is_some(), edit.new.is_some());
    match (change, given) {
        (Some("delete"), (false, false, false)) => Ok(()),
        (Some("rename"), (false, false, false)) if edit.to.is_some() => Ok(()),
        (Some("rename"), _) => Err("a rename has `to` and no content".into()),
        (Some("delete"), _) => Err("a deletion has no content".into()),
        (_, (true, false, false) | (false, true, true)) => Ok(()),
        (_, _) => Err("an edit has either `after`, or `old` and `new`".into()),
    }
}

/// Steps keep their id over later plans of the same title; a parent may be named by its title.
fn name_steps(steps: &mut [StepLine], titles: &mut Vec<(String, String)>) -> Result<(), String> {
    for step in steps.iter_mut() {
        let known = titles.iter().find(|(title, _)| *title == step.title).map(|(_, id)| id.clone());
        let id = step.id.clone().or(known).unwrap_or_else(|| format!("s{}", titles.len() + 1));
        if !titles.iter().any(|(title, _)| *title == step.title) {
            titles.push((step.title.clone(), id.clone()));
        }
        step.id = Some(id);
    }
    for step in steps.iter_mut() {
        if let Some(parent) = &step.parent {
            let id = titles.iter().find(|(title, id)| title == parent || id == parent).map(|(_, id)| id.clone());
            step.parent = Some(id.ok_or_else(|| format!("there is no step {parent:?} above"))?);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_documented_line_parses() {
        let text = r#"{"say": "hello"}
{"think": "hm"}
{"plan": [{"title": "a", "status": "active"}, {"title": "b", "status": "pending", "parent": "a"}]}
{"read": {"path": "src/a.rs"}}
{"edit": {"path": "a", "after": "x", "why": "because"}}
{"edit": {"path": "a", "old": "x", "new": "y"}}
{"edit": {"path": "a", "change": "delete"}}

{"run": {"command": "ls -l", "cwd": "src"}}
{"tests": {}}
{"told": "^Approved"}
{"prompt": "next"}
{"wait_ms": 5}
{"end": "end_turn"}
{"exit": 3}
"#;
        assert_eq!(parse("f", text).unwrap().len(), 14);
    }

    #[test]
    fn a_bad_line_is_named() {
        let check = |line: &str, expect: &str| {
            let error = parse("play.jsonl", &format!("{{\"say\":\"x\"}}\n{line}")).unwrap_err().to_string();
            assert!(error.starts_with("play.jsonl:2: ") && error.contains(expect), "{error}");
        };
        check(r#"{"sing": "la"}"#, "sing");
        check(r#"{"edit": {"path": "a"}}"#, "either");
        check(r#"{"edit": {"path": "a", "after": "x", "old": "y", "new": "z"}}"#, "either");
        check(r#"{"told": "("}"#, "regex");
        check(r#"{"plan": [{"title": "a", "parent": "nobody"}]}"#, "nobody");
        check("nonsense", "expected");
    }
}
