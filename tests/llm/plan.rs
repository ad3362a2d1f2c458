//! The built-in loop in mode `plan`: its plan is approved first, its steps run one by one, and what it changes in the
//! plan is asked about once.

use crate::model_server::Turn;
use crate::session::{Answer, Session};
use serde_json::{Value, json};

fn edit(path: &str, old: &str, new: &str) -> Turn {
    Turn::call("edit", json!({"path": path, "old": old, "new": new, "why": "add must add"}))
}

fn plan(steps: &[(&str, &str)]) -> Turn {
    let steps: Vec<Value> = steps.iter().map(|(title, status)| json!({"title": title, "status": status})).collect();
    Turn::call("plan", json!({"steps": steps}))
}

const FIX: &str = "Fix `calc.py`";
const TEST: &str = "Test it";
const NOTE: &str = "Note it in `NOTES.md`";

#[test]
fn its_plan_is_approved_and_its_steps_are_gone_through_one_by_one() {
    let right = || edit("calc.py", "return a - b", "return a + b");
    let turns = [
        right(),
        plan(&[(FIX, "pending"), (TEST, "pending")]),
        edit("AGENTS.md", "Approve", "Deny"),
        right(),
        plan(&[(FIX, "done"), (TEST, "in_progress")]),
        Turn::call("test", json!({})),
        plan(&[(FIX, "done"), (TEST, "done"), (NOTE, "pending")]),
        Turn::call("finish", json!({"report": "add adds now", "done": true})),
    ];
    let mut session = Session::of("anthropic", turns);
    session.config = String::new();
    session.extra_args = vec!["--mode", "plan"];
    let mut asked: Vec<String> = Vec::new();
    let ran = session.run(|action| {
        let subject = &action["document"]["subject"];
        let what = match action["kind"].as_str().unwrap() {
            "plan" if subject.is_null() => "plan".to_owned(),
            "plan" => subject
                .as_object()
                .map_or_else(|| subject.as_str().unwrap().to_owned(), |of| of.keys().next().unwrap().clone()),
            "edit" => action["files"][0]["path"].as_str().unwrap().to_owned(),
            other => other.to_owned(),
        };
        asked.push(what);
        if asked.last().unwrap() == "AGENTS.md" { Answer::Deny("not that file") } else { Answer::Approve }
    });
    assert_eq!(ran.file("calc.py"), "def add(a, b):\n    return a + b\n", "{asked:?}");
    let plans: Vec<&String> =
        asked.iter().filter(|what| ["plan", "replan", "step_end"].contains(&what.as_str())).collect();
    assert_eq!(plans, ["plan", "step_end", "plan"], "the changed plan is asked about once: {asked:?}");
    let edits: Vec<&String> = asked.iter().filter(|what| what.contains('.')).collect();
    assert_eq!(edits, ["AGENTS.md", "calc.py"], "nothing was asked about before the plan: {asked:?}");
    let drift = ran.kind("ruled").find(|ruled| ruled["rule"] == "drift").unwrap();
    assert!(drift["reason"].as_str().unwrap().contains("AGENTS.md"), "{drift}");
    assert!(ran.sent().contains("first propose a plan with `plan`"));
    let tree = ran.kind("plan_revised").last().unwrap();
    let titles: Vec<&str> =
        tree["steps"].as_array().unwrap().iter().map(|step| step["title"].as_str().unwrap()).collect();
    assert_eq!(titles, [FIX, TEST, NOTE]);
}
