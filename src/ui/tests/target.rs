//! Tests that every pane tells of the action under review, and of no other.

use super::stage::{MORE, SESSION, Stage};
use crate::ui::layout::PaneId;
use serde_json::{Value, json};

/// Events that follow what the stage has, in order.
fn follow(stage: &mut Stage, events: Vec<Value>) {
    let head = stage.app.scene.session.head.0;
    let numbered = events.into_iter().zip(head + 1..).map(|(mut event, seq)| {
        event["seq"] = json!(seq);
        event["at"] = json!(1_764_000_020_000_u64);
        event.to_string()
    });
    stage.receive(&numbered.collect::<Vec<_>>().join("\n"));
    stage.draw();
}

fn rows_of(stage: &Stage, pane: PaneId) -> String {
    let pane = stage.app.panes.get(pane);
    (0..pane.rows()).map(|row| pane.row_text(&stage.app.scene, row) + "\n").collect()
}

/// A run of the tests in a candidate of an action.
fn candidate(action: &str, passed: u32, failed: &[&str]) -> Vec<Value> {
    let mut events = vec![json!({"kind": "check_started", "run": "r77", "command": "cargo test", "tree": "candidate",
        "digest": "628b49d96dcde97a430dd4f597705899e09a968f793491e4b704cae33a40dc02", "action": "a5",
        "what": format!("{action} as proposed")})];
    events.extend(failed.iter().map(|case| {
        json!({"kind": "check_reported", "run": "r77", "case": case, "suite": ["tokens"], "status": "failed", "ms": 1})
    }));
    events.push(json!({"kind": "check_finished", "run": "r77", "passed": passed, "failed": failed.len(), "skipped": 0, "exit": 1}));
    events
}

/// The picture of the action that was under review before is never shown under the title of another.
#[test]
fn what_a_client_is_opened_for_is_shown_with_its_own_lines() {
    let mut stage = Stage::empty(120, 40, "mono");
    stage.receive(SESSION);
    stage.draw();
    assert!(rows_of(&stage, PaneId::Diff).contains("self.src.len()"));
    stage.app.way.at = Some("a9".into());
    stage.receive(MORE);
    stage.draw();
    let rows = rows_of(&stage, PaneId::Diff);
    assert_eq!(stage.app.scene.target, Some("a9".into()));
    assert!(rows.contains("write-all") && !rows.contains("self.src.len()"), "{rows}");
}

#[test]
fn a_candidate_of_another_action_is_not_shown() {
    let mut stage = Stage::set(120, 40, "mono");
    stage.receive(MORE);
    follow(&mut stage, candidate("a7", 3, &["tokens::of_a7"]));
    stage.app.scene.set_target(Some("a7".into()));
    stage.draw();
    assert!(rows_of(&stage, PaneId::Tests).contains("of_a7"), "{}", rows_of(&stage, PaneId::Tests));
    stage.app.scene.set_target(Some("a9".into()));
    stage.draw();
    let rows = rows_of(&stage, PaneId::Tests);
    assert!(!rows.contains("of_a7") && rows.contains("tokens"), "{rows}");
}

/// A runner may list the cases that fail alone: nothing is known of the others.
#[test]
fn cases_that_a_runner_does_not_list_are_not_gone() {
    let mut stage = Stage::set(120, 40, "mono");
    follow(&mut stage, candidate("a7", 40, &["tokens::new"]));
    let rows = rows_of(&stage, PaneId::Tests);
    assert!(rows.contains("1 new and failing") && !rows.contains("gone"), "{rows}");
    follow(&mut stage, candidate("a7", 0, &["tokens::new"]));
    let rows = rows_of(&stage, PaneId::Tests);
    assert!(rows.contains("gone"), "all that ran is listed: {rows}");
}

#[test]
fn why_is_read_from_its_first_line_for_each_action() {
    let mut stage = Stage::set(80, 24, "mono");
    stage.receive(MORE);
    stage.press("5 G");
    stage.draw();
    assert!(stage.app.panes.get(PaneId::Why).list().cursor > 0);
    stage.app.scene.set_target(Some("a9".into()));
    stage.draw();
    assert_eq!(stage.app.panes.get(PaneId::Why).list().cursor, 0);
}
