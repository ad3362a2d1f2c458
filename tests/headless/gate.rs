//! The gate: stale answers, voids and merges, modes, leases, freezing, stopping, clients.

use crate::seat::{Room, Seat, until};
use serde_json::json;

#[test]
fn a_stale_or_second_answer_is_refused_with_its_code() {
    let room = Room::with(&[("a.txt", "one\n")]);
    let script = room.script(&[json!({"edit": {"path": "a.txt", "after": "two\n"}})]);
    let mut seat = Seat::start(&room, &["--agent", &script]);
    let held = seat.held();
    let mut stale = held.clone();
    stale["digest"] = json!("0".repeat(64));
    assert_eq!(seat.decide(&stale, "approve", json!({})).unwrap_err()["code"], -32010);
    seat.approve(&held);
    assert_eq!(seat.decide(&held, "approve", json!({})).unwrap_err()["code"], -32011);
    assert_eq!(seat.decide(&held, "deny", json!({})).unwrap_err()["code"], -32011);
}

#[test]
fn a_changed_base_voids_the_question_and_offers_a_clean_merge() {
    let text = "one\ntwo\nthree\nfour\nfive\nsix\n";
    let room = Room::with(&[("a.txt", text)]);
    let script = room.script(&[json!({"edit": {"path": "a.txt", "old": "six", "new": "SIX"}})]);
    let mut seat = Seat::start(&room, &["--agent", &script]);
    let held = seat.held();
    room.write("a.txt", &text.replace("one", "mine"));
    let observed = seat.wait_kind("observed");
    assert_eq!(observed["by"], "human");
    let lapsed = seat.wait_kind("lapsed");
    assert_eq!((lapsed["action"].clone(), lapsed["why"].clone()), (held["action"].clone(), json!("voided")));
    let again = seat.held();
    assert_eq!(again["revision"], 2);
    assert_eq!(seat.decide(&held, "approve", json!({})).unwrap_err()["code"], -32010);
    seat.approve(&again);
    assert_eq!(seat.finished(&held["action"])["outcome"], "ok");
    assert_eq!(room.read("a.txt"), text.replace("one", "mine").replace("six", "SIX"));
}

#[test]
fn a_conflicting_merge_must_be_edited_before_it_is_approved() {
    let room = Room::with(&[("a.txt", "one\ntwo\nthree\n")]);
    let script = room.script(&[json!({"edit": {"path": "a.txt", "old": "two", "new": "agent"}})]);
    let mut seat = Seat::start(&room, &["--agent", &script]);
    seat.held();
    room.write("a.txt", "one\nmine\nthree\n");
    seat.wait_kind("lapsed");
    let again = seat.held();
    assert_eq!(seat.proposal(&again["action"])["conflicted"], true);
    assert!(seat.decide(&again, "approve", json!({})).is_err());
    let edited = json!({"edited": {"files": [{"path": "a.txt", "after": "one\nboth\nthree\n"}]}});
    seat.decide(&again, "approve_edited", edited).unwrap();
    seat.finished(&again["action"]);
    assert_eq!(room.read("a.txt"), "one\nboth\nthree\n");
}

#[test]
fn modes_tighten_what_rules_allow() {
    let room = Room::with(&[("a.txt", "one\n")]);
    let script = room.script(&[json!({"read": {"path": "a.txt"}}), json!({"edit": {"path": "a.txt", "after": "x"}})]);
    let mut seat = Seat::start(&room, &["--agent", &script, "--mode", "step"]);
    let held = seat.held();
    assert_eq!(seat.proposal(&held["action"])["kind"], "read");
    seat.ask("gate/mode", json!({"mode": "observe"}));
    seat.approve(&held);
    let decided = seat.wait("the edit's denial", |e| e["kind"] == "decided" && e["verdict"] == "deny");
    assert_eq!(decided["by"], json!({"rule": "mode-observe"}));
    assert_eq!(room.read("a.txt"), "one\n");
}

#[test]
fn a_lease_lets_just_so_many_through() {
    let room = Room::with(&[("a.txt", "0\n")]);
    let edits: Vec<_> = (1..=3).map(|n| json!({"edit": {"path": "a.txt", "after": format!("{n}\n")}})).collect();
    let script = room.script(&edits);
    let mut seat = Seat::start(&room, &["--agent", &script]);
    let first = seat.held();
    seat.ask("lease/grant", json!({"paths": ["a.txt"], "actions_max": 1}));
    seat.approve(&first);
    seat.wait("the lease's approval", |e| e["kind"] == "decided" && e["by"].get("lease").is_some());
    let third = seat.held();
    assert_eq!(third["action"], "a3");
    seat.ask("gate/step", json!({}));
    seat.finished(&json!("a3"));
    assert_eq!(room.read("a.txt"), "3\n");
}

#[test]
fn a_frozen_gate_refuses_and_a_resumed_one_goes_on() {
    let room = Room::with(&[("a.txt", "one\n")]);
    let script = room.script(&[json!({"edit": {"path": "a.txt", "after": "two\n"}})]);
    let mut seat = Seat::start(&room, &["--agent", &script]);
    let held = seat.held();
    seat.ask("gate/freeze", json!({"why": "coffee"}));
    assert_eq!(seat.decide(&held, "approve", json!({})).unwrap_err()["code"], -32013);
    seat.ask("gate/resume", json!({}));
    seat.approve(&held);
    assert_eq!(seat.finished(&held["action"])["outcome"], "ok");
}

#[test]
fn a_stop_ends_stubborn_children_and_says_so() {
    // Its children tell their numbers in the workspace while they run.
    let room = Room::with(&[]).without_layers();
    // One that left its session, one that was disowned, one that ignores TERM.
    let stubborn = "trap '' TERM; setsid sh -c 'trap \"\" TERM; echo $$ > left.pid; while :; do sleep 1; done' & \
                    (sh -c 'echo $$ > orphan.pid; while :; do sleep 1; done' &) ; while :; do sleep 1; done";
    let script = room.script(&[json!({"run": {"command": stubborn}})]);
    let mut seat = Seat::start(&room, &["--agent", &script]);
    let held = seat.held();
    seat.approve(&held);
    until("both children run", || room.exists("left.pid") && room.exists("orphan.pid"));
    until("their pids are written", || !room.read("left.pid").is_empty() && !room.read("orphan.pid").is_empty());
    let census = seat.ask("gate/stop", json!({}));
    assert_eq!(census["survivors"], json!([]), "{census}");
    let lapsed = seat.wait_kind("lapsed");
    assert_eq!(lapsed["why"], "killed");
    let stopped = seat.wait_kind("stopped");
    assert_eq!(stopped["census"]["survivors"], json!([]));
}

#[test]
fn control_is_one_and_visible_and_readers_only_read() {
    let room = Room::with(&[("a.txt", "one\n")]);
    let script = room.script(&[json!({"edit": {"path": "a.txt", "after": "two\n"}})]);
    let mut first = Seat::start(&room, &["--agent", &script]);
    let held = first.held();
    let mut second = Seat::attach(&room, &first.session.clone());
    let same = second.held();
    assert_eq!(same["digest"], held["digest"], "the same question");
    assert_eq!(first.decide(&held, "approve", json!({})).unwrap_err()["code"], -32012);
    second.approve(&same);
    first.finished(&held["action"]);
    assert_eq!(room.read("a.txt"), "two\n");
}

#[test]
fn requests_are_answered_once_and_nonsense_with_its_code() {
    let room = Room::with(&[]);
    let script = room.script(&[json!({"wait_ms": 600_000})]);
    let mut seat = Seat::start(&room, &["--agent", &script]);
    assert_eq!(seat.try_ask("no/such", json!({})).unwrap_err()["code"], -32601);
    assert_eq!(seat.try_ask("action/decide", json!({})).unwrap_err()["code"], -32602);
    let plan = seat.ask("plan/edit", json!({"revision": 0, "operations": [{"op": "add", "title": "mine"}]}));
    assert_eq!(plan["revision"], 1);
    assert!(seat.try_ask("plan/edit", json!({"revision": 0, "operations": []})).is_err(), "a stale revision");
}

/// With and without a guard rail's word, and with an edit: the words that reach the agent hold the note.
#[test]
fn a_note_on_an_approval_is_told_to_the_agent() {
    let room = Room::with(&[("a.txt", "one\n"), (".github/workflows/release.yml", "on: push\n")]);
    let lines = [
        json!({"edit": {"path": "a.txt", "after": "two\n"}}),
        json!({"told": "as proposed(.|\\n)*keep the header"}),
        json!({"edit": {"path": ".github/workflows/release.yml", "after": "on: [push]\n"}}),
        json!({"told": "as proposed(.|\\n)*only this once"}),
        json!({"edit": {"path": "a.txt", "after": "three\n"}}),
        json!({"told": "with changes(.|\\n)*mine is shorter"}),
        json!({"exit": 0}),
    ];
    let script = room.script(&lines);
    let mut seat = Seat::start(&room, &["--agent", &script]);
    let held = seat.held();
    seat.decide(&held, "approve", json!({"reason": "keep the header"})).unwrap();
    let guarded = seat.held();
    let word = guarded["confirm"].as_str().unwrap().to_owned();
    seat.decide(&guarded, "approve", json!({"reason": "only this once", "confirm": word})).unwrap();
    let held = seat.held();
    let edited = json!({"reason": "mine is shorter", "edited": {"files": [{"path": "a.txt", "after": "3\n"}]}});
    seat.decide(&held, "approve_edited", edited).unwrap();
    seat.finished(&held["action"]);
    let ended = seat.wait_kind("session_ended");
    assert_eq!(ended["outcome"], "done", "{ended}");
    assert_eq!(room.read("a.txt"), "3\n");
}

/// An edit of one line keeps the bytes of the others. Writing over them asks, even where a rule allows edits.
#[test]
fn a_file_that_is_not_utf_8_is_edited_byte_by_byte_and_written_over_only_with_a_word_about_it() {
    let room = Room::with(&[]);
    let bytes = b"n = 1\ncaf\xe9\n";
    std::fs::write(room.workspace().join("menu.php"), bytes).unwrap();
    let script = room.script(&[
        json!({"edit": {"path": "menu.php", "old": "n = 1", "new": "n = 2"}}),
        json!({"edit": {"path": "menu.php", "after": "n = 3\ncafe\n"}}),
    ]);
    let mut seat = Seat::start(&room, &["--agent", &script]);
    let held = seat.held();
    let alarm = seat.ever("an alarm", |e| e["kind"] == "alarm" && e["what"] == "encoding");
    assert!(alarm["text"].as_str().unwrap().contains("keeps"), "{alarm}");
    seat.approve(&held);
    seat.finished(&held["action"]);
    assert_eq!(std::fs::read(room.workspace().join("menu.php")).unwrap(), b"n = 2\ncaf\xe9\n");
    let held = seat.held();
    let lost = |e: &serde_json::Value| e["kind"] == "alarm" && e["text"].as_str().is_some_and(|t| t.contains("loses"));
    let alarm = seat.ever("an alarm of a loss", lost);
    assert_eq!(alarm["action"], held["action"]);
    seat.decide(&held, "deny", json!({"reason": "keep the bytes"})).unwrap();
    let session = crate::seat::only_session(&room);
    seat.close();
    let (_, report, _) = room.run(&["export", &session, "--format", "md"]);
    assert!(report.contains("-caf\\xE9") && report.contains("+cafe"), "{report}");
}

#[test]
fn an_edit_is_tested_only_as_it_was_seen() {
    let room = Room::with(&[("a.txt", "one\n")]);
    let script = room.script(&[json!({"edit": {"path": "a.txt", "after": "two\n"}}), json!({"wait_ms": 600_000})]);
    let mut seat = Seat::start(&room, &["--agent", &script]);
    let held = seat.held();
    for digest in [json!(null), json!("0".repeat(64))] {
        let refused = seat.try_ask("candidate/test", json!({"action": held["action"], "digest": digest})).unwrap_err();
        assert_eq!(refused["code"], -32010, "{refused}");
    }
    let refused = seat.try_ask("candidate/test", json!({"action": "a99", "digest": held["digest"]})).unwrap_err();
    assert!(refused["message"].as_str().unwrap().contains("a99"), "{refused}");
    // As it was seen, it gets as far as the runner, which this project does not have.
    let refused =
        seat.try_ask("candidate/test", json!({"action": held["action"], "digest": held["digest"]})).unwrap_err();
    assert!(refused["message"].as_str().unwrap().contains("no test runner"), "{refused}");
}
