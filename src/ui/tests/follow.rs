//! Tests of what follows an infrastructure action that has run.

use super::stage::Stage;
use crate::wire;
use serde_json::json;

const SIZES: [(u16, u16); 3] = [(80, 24), (120, 40), (200, 50)];

/// The action under review is this command, which has run.
fn ended(line: &str, size: (u16, u16)) -> Stage {
    let mut stage = Stage::pending(size, |action| {
        action.remove("files");
        action.insert("kind".to_owned(), json!("command"));
        action.insert("command".to_owned(), json!({"shell": line, "cwd": "infra"}));
        action.insert("executor".to_owned(), json!("host"));
    });
    let (head, at) = (stage.app.scene.session.head.0, 1_764_000_020_000_u64);
    let digest = stage.app.scene.session.actions.get(&"a7".into()).unwrap().action.digest;
    let lines = [
        json!({"seq": head + 1, "at": at, "kind": "decided", "action": "a7", "revision": 1, "digest": digest,
               "verdict": "approve", "by": {"human": "c1"}}),
        json!({"seq": head + 2, "at": at, "kind": "started", "action": "a7"}),
        json!({"seq": head + 3, "at": at, "kind": "finished", "action": "a7", "outcome": "ok", "exit": 0}),
    ];
    stage.receive(&lines.map(|line| line.to_string()).join("\n"));
    stage.draw();
    stage
}

fn proposed(stage: &Stage) -> Vec<(String, String, bool)> {
    let run = |request: &wire::Request| {
        let wire::Request::Run(run) = request else { return None };
        Some((run.command.line(), run.command.cwd.clone(), run.ask))
    };
    stage.asked.iter().filter_map(run).collect()
}

#[test]
fn a_command_that_verifies_is_proposed_by_one_key_where_the_action_ran() {
    for size in SIZES {
        let mut stage = ended("terraform apply -auto-approve", size);
        assert!(stage.text().contains("g V verify"), "{}", stage.text());
        stage.press("g V");
        let expect = ("terraform plan -detailed-exitcode".to_owned(), "infra".to_owned(), true);
        assert_eq!(proposed(&stage), [expect], "{}", stage.text());
        stage.press("g B");
        assert!(stage.text().contains("terraform apply of the previous commit"), "{}", stage.text());
        assert_eq!(proposed(&stage).len(), 1);
    }
}

#[test]
fn a_command_with_blanks_is_filled_in_first() {
    for size in SIZES {
        let mut stage = ended("kubectl rollout restart deployment/web", size);
        stage.press("g B");
        assert!(stage.text().contains("cd infra && kubectl rollout undo deployment/NAME"), "{}", stage.text());
        assert_eq!(proposed(&stage), []);
    }
}

#[test]
fn nothing_follows_an_ordinary_command() {
    let mut stage = ended("cargo test", (80, 24));
    assert!(!stage.text().contains("g V verify"), "{}", stage.text());
    stage.press("g V");
    assert!(stage.text().contains("the last command that has run is no infrastructure action"), "{}", stage.text());
    assert_eq!(proposed(&stage), []);
}
