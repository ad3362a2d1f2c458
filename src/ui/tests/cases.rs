//! Test cases that were run again: what the tests pane shows of them.

use super::stage::Stage;
use crate::ui::panes::tests_pane::TestsPane;
use crate::wire::Request;
use serde_json::{Value, json};

/// A run of checks: the cases that were asked for, and what was reported.
fn run(stage: &mut Stage, name: &str, asked: &[&str], reports: &[(&str, &str)]) {
    let digest = crate::base::Digest::of(name.as_bytes()).to_string();
    let mut events: Vec<Value> = vec![
        json!({"kind": "check_started", "run": name, "command": "t", "tree": "workspace", "digest": digest, "cases": asked}),
    ];
    events.extend(reports.iter().map(
        |(case, status)| json!({"kind": "check_reported", "run": name, "case": case, "suite": ["s"], "status": status}),
    ));
    let count = |word: &str| reports.iter().filter(|(_, status)| *status == word).count();
    events.push(json!({
        "kind": "check_finished", "run": name, "passed": count("passed"), "failed": count("failed"),
        "skipped": count("skipped"), "exit": 0,
    }));
    let first = stage.app.scene.session.head.0 + 1;
    let line = |(at, mut event): (u64, Value)| {
        event["seq"] = json!(first + at);
        event["at"] = json!(1_764_000_200_000_u64);
        event.to_string()
    };
    let lines: Vec<String> = (0..).zip(events).map(line).collect();
    stage.receive(&lines.join("\n"));
    stage.draw();
}

#[test]
fn cases_that_run_again_stand_over_the_last_whole_run_and_hide_nothing() {
    let mut stage = Stage::set(120, 40, "dark");
    run(&mut stage, "r90", &[], &[("s::alpha", "failed"), ("s::beta", "failed"), ("s::gamma", "failed")]);
    // As jest does: what was not asked for is reported as skipped.
    run(&mut stage, "r91", &["s::alpha"], &[("s::alpha", "passed"), ("s::beta", "skipped"), ("s::gamma", "skipped")]);
    run(&mut stage, "r92", &["s::beta"], &[("s::alpha", "skipped"), ("s::beta", "passed"), ("s::gamma", "skipped")]);
    stage.command("focus-tests");
    assert_eq!(TestsPane::failing(&stage.app.scene), ["s::gamma"], "{}", stage.text());
    assert_eq!(stage.text().matches("fixed").count(), 2, "{}", stage.text());
    stage.command("test-failed");
    let tests = stage.asked.iter().filter_map(|request| {
        let Request::CandidateTest(test) = request else { return None };
        Some(test.cases.clone())
    });
    assert_eq!(tests.collect::<Vec<_>>(), [["s::gamma".to_owned()]]);
}
