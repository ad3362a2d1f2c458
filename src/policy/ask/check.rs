//! `policy check --jsonl`: one question a line, one answer a line, nothing run.

use crate::model::event::RulingWord;
use crate::policy::matter::{Matter, Op};
use crate::policy::place::Place;
use crate::policy::{Class, Judged, Policy, shell, warning};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// A line of questions. Unknown fields are ignored.
#[derive(Debug, Deserialize)]
struct Asked {
    #[serde(default)]
    id: Value,
    #[serde(default)]
    kind: String,
    #[serde(default)]
    command: Option<Value>,
    #[serde(default)]
    path: Option<String>,
    #[serde(default)]
    op: Option<String>,
    #[serde(default)]
    cwd: Option<String>,
    #[serde(default)]
    shell: Option<String>,
    #[serde(default)]
    rules: Vec<String>,
}

/// A line of answers.
#[derive(Debug, Serialize)]
pub struct CheckAnswer {
    pub id: Value,
    pub ruling: RulingWord,
    pub class: Class,
    pub rule: String,
    pub reason: String,
    /// A rule of the question that covers more than it seems to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warning: Option<String>,
}

/// Directories of the system and of people: none of them is a workspace.
const SYSTEM: [&str; 17] = [
    "/bin",
    "/boot",
    "/dev",
    "/etc",
    "/lib",
    "/lib64",
    "/proc",
    "/run",
    "/sbin",
    "/sys",
    "/usr",
    "/var/lib",
    "/var/log",
    "/var/run",
    "/root/.ssh",
    "/System",
    "/Library",
];

/// Answers one line. An invalid line is answered with ask: a check never stops half way.
///
/// `place` is the workspace that questions without an absolute `cwd` are about. A question from another directory is
/// about that directory as its workspace, unless it belongs to the system.
pub fn answer(policy: &Policy, line: &str, place: &Place<'_>) -> CheckAnswer {
    match serde_json::from_str::<Asked>(line) {
        Ok(asked) => {
            let judged = judge(policy, &asked, place);
            CheckAnswer {
                id: asked.id,
                ruling: judged.word,
                class: judged.class,
                rule: judged.rule,
                reason: judged.reason,
                warning: warning(&asked.rules),
            }
        }
        Err(e) => {
            let id = serde_json::from_str::<Value>(line).ok().and_then(|v| v.get("id").cloned()).unwrap_or(Value::Null);
            let judged = unanswerable(format!("the line is not a valid request: {e}"));
            CheckAnswer {
                id,
                ruling: judged.word,
                class: judged.class,
                rule: judged.rule,
                reason: judged.reason,
                warning: None,
            }
        }
    }
}

fn unanswerable(reason: String) -> Judged {
    Judged {
        word: RulingWord::Ask,
        class: Class::Unknown,
        rule: "no-question".to_owned(),
        reason,
        confirm: None,
        rail: None,
    }
}

fn judge(policy: &Policy, asked: &Asked, place: &Place<'_>) -> Judged {
    let cwd = asked.cwd.as_deref().map_or_else(|| place.root.clone(), |c| place.root.join(c));
    let place = Place { root: root_of(&cwd, place), own: place.own.clone(), disk: place.disk, now: place.now };
    let matter = match (asked.kind.as_str(), &asked.command, &asked.path) {
        ("command", Some(Value::String(text)), _) => {
            Matter::Command { line: text.clone(), script: shell::read(text), cwd }
        }
        ("command", Some(Value::Array(words)), _) => {
            let argv: Option<Vec<String>> = words.iter().map(|w| w.as_str().map(str::to_owned)).collect();
            let Some(argv) = argv else { return unanswerable("an argument is not a string".to_owned()) };
            Matter::Command { line: shell_words::join(&argv), script: shell::exactly(&argv), cwd }
        }
        ("path", _, Some(path)) => match asked.op.as_deref().and_then(Op::parse) {
            Some(op) => Matter::Path { op, path: path.clone(), cwd, spares: None },
            None => return unanswerable("`op` must be read, write, create or delete".to_owned()),
        },
        ("command", _, _) => return unanswerable("`command` is missing".to_owned()),
        ("path", _, _) => return unanswerable("`path` is missing".to_owned()),
        (kind, _, _) => return unanswerable(format!("unknown kind {kind:?}")),
    };
    let judged = policy.with_patterns(&asked.rules).judge(&matter, &place);
    match asked.shell.as_deref().map(crate::policy::command::programs::base_name) {
        None | Some("" | "sh" | "bash" | "dash") => judged,
        Some(other) if judged.word == RulingWord::Allow => unanswerable(format!("unsupported shell: {other}")),
        Some(_) => judged,
    }
}

fn root_of(cwd: &Path, place: &Place<'_>) -> PathBuf {
    let system = cwd.components().count() < 3 || SYSTEM.iter().any(|s| cwd.starts_with(s));
    let above = place.root.starts_with(cwd);
    if cwd.starts_with(&place.root) || system || above { place.root.clone() } else { cwd.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_answered_in_kind() {
        let check = |line: &str, expect: &str| {
            let policy = Policy::builtin(Vec::new());
            let text = serde_json::to_string(&answer(&policy, line, &Place::of("/home/me/w"))).unwrap();
            assert!(text.starts_with(expect), "{line} -> {text}");
        };
        check(
            r#"{"id":"a","kind":"command","command":"ls src"}"#,
            r#"{"id":"a","ruling":"allow","class":"read","rule":"read-inside""#,
        );
        check(r#"{"id":1,"kind":"command","command":["ls","src"]}"#, r#"{"id":1,"ruling":"allow""#);
        check(
            r#"{"id":2,"kind":"command","command":"npm test","rules":["npm test*"]}"#,
            r#"{"id":2,"ruling":"allow","class":"unknown","rule":"given:1""#,
        );
        let text = serde_json::to_string(&answer(
            &Policy::builtin(Vec::new()),
            r#"{"kind":"command","command":"ls","rules":["npm test*"]}"#,
            &Place::of("/w"),
        ))
        .unwrap();
        assert!(text.contains("\"warning\":") && text.contains("npm test-evil"), "{text}");
        check(
            r#"{"id":3,"kind":"command","command":"npm test; rm x","rules":["npm test*"]}"#,
            r#"{"id":3,"ruling":"ask","class":"destructive""#,
        );
        check(r#"{"id":4,"kind":"path","path":"src/a","op":"read"}"#, r#"{"id":4,"ruling":"allow""#);
        check(
            r#"{"id":5,"kind":"path","path":"src/a","op":"write"}"#,
            r#"{"id":5,"ruling":"ask","class":"write-inside""#,
        );
        check(r#"{"id":6,"kind":"path","path":"passwd","op":"read","cwd":"/etc"}"#, r#"{"id":6,"ruling":"ask""#);
        check(r#"{"id":7,"kind":"command","command":"ls","cwd":"/srv/other"}"#, r#"{"id":7,"ruling":"allow""#);
        check(r#"{"id":8,"kind":"command","command":"ls","shell":"fish"}"#, r#"{"id":8,"ruling":"ask""#);
        check(r#"{"id":9,"kind":"dance"}"#, r#"{"id":9,"ruling":"ask""#);
        check(r#"{"id":"x","kind":7}"#, r#"{"id":"x","ruling":"ask""#);
        check("nonsense", r#"{"id":null,"ruling":"ask","class":"unknown""#);
    }
}
