//! Comments on lines of a change, on files and on outputs: recorded, sent with verdicts, and bound to what was shown.

use crate::seat::{Room, Seat, assert_verifies, only_session};
use serde_json::{Value, json};

const TEXT: &str = "one\ntwo\nthree\nfour\nfive\n";

fn on_file(seat: &Seat, held: &Value, more: Value) -> Value {
    let proposal = seat.proposal(&held["action"]);
    let path = &proposal["files"][0]["path"];
    let mut request =
        json!({"op": "add", "digest": held["digest"], "on": {"file": {"path": path, "action": held["action"]}}});
    for (key, value) in more.as_object().unwrap() {
        request[key] = value.clone();
    }
    request
}

#[test]
fn comments_on_lines_go_as_one_redirect_and_are_in_the_record() {
    let room = Room::with(&[("a.txt", TEXT)]);
    let told = r"(?s)Both, please.*Comments on your work:\n1\. a\.txt, line 2 with your change:\n   > TWO\n   not so loud\n2\. a\.txt, the whole file with your change:\n   Leave this out: as a file.*Questions about your work.*3\. a\.txt, lines 1-2 before your change:\n   > one\n   > two\n   why";
    let script = room.script(&[
        json!({"edit": {"path": "a.txt", "old": "two", "new": "TWO"}}),
        json!({"told": told}),
        json!({"edit": {"path": "a.txt", "old": "two", "new": "2"}}),
    ]);
    let mut seat = Seat::start(&room, &["--agent", &script]);
    let held = seat.held();
    let ask = |seat: &mut Seat, more: Value| {
        let request = on_file(seat, &held, more);
        seat.try_ask("session/comment", request)
    };
    assert_eq!(ask(&mut seat, json!({"line": 2, "text": "not so loud"})).unwrap()["comment"], "k1");
    ask(&mut seat, json!({"kind": "drop", "text": "as a file"})).unwrap();
    let old = json!({"file": {"path": "a.txt", "action": held["action"], "side": "old"}});
    ask(&mut seat, json!({"on": old, "line": 1, "lines": 2, "kind": "question", "text": "why"})).unwrap();
    for wrong in [
        json!({"line": 99, "text": "x"}),
        json!({"line": 1, "text": " "}),
        json!({"line": 1, "text": "x", "digest": "b3:0000000000000000000000000000000000000000000000000000000000000000"}),
        json!({"line": 1, "text": "x", "on": {"file": {"path": "b.txt", "action": held["action"]}}}),
        json!({"line": 1, "text": "x", "on": {"file": {"path": "../a.txt"}}}),
        json!({"line": 1, "text": "x", "on": {"output": {"action": "a9"}}}),
    ] {
        assert!(ask(&mut seat, wrong.clone()).is_err(), "{wrong}");
    }
    assert!(seat.try_ask("gate/step", json!({})).is_err(), "an action with open comments is not stepped over");
    seat.decide(&held, "redirect", json!({"reason": "Both, please."})).unwrap();
    let again = seat.held();
    let sent = |e: &Value| e["kind"] == "commented" && e["comment"]["state"] == "sent";
    let first = seat.ever("a comment that was sent", sent)["comment"].clone();
    assert_eq!((first["id"].clone(), first["anchor"]["quote"].clone()), (json!("k1"), json!("TWO")));
    seat.ask("session/comment", json!({"op": "resolve", "comment": "k1"}));
    seat.approve(&again);
    seat.wait_kind("session_ended");
    drop(seat);
    let session = only_session(&room);
    let (_, report, _) = room.run(&["export", &session, "--format", "md"]);
    assert!(
        report.contains("Comment k1 on a\\.txt line 2") || report.contains("Comment k1 on a.txt line 2"),
        "{report}"
    );
    assert!(report.contains("not so loud") && report.contains("k1 on a.txt line 2, resolved"), "{report}");
    assert_verifies(&room, &session);
}

#[test]
fn an_approval_sends_the_comments_about_its_action_alone_as_notes() {
    let room = Room::with(&[("a.txt", TEXT), ("b.txt", TEXT)]);
    let script = room.script(&[
        json!({"edit": {"path": "a.txt", "old": "two", "new": "TWO"}}),
        json!({"edit": {"path": "b.txt", "old": "two", "new": "TWO"}}),
        json!({"told": r"(?s)Approved as proposed\..*Notes on your work:\n1\. b\.txt, line 1 with your change:\n   > one\n   next time the first"}),
    ]);
    let mut seat = Seat::start(&room, &["--agent", &script]);
    let first = seat.held();
    seat.approve(&first);
    seat.finished(&first["action"]);
    let second = seat.held();
    let late = on_file(&seat, &first, json!({"line": 3, "text": "on what is done"}));
    seat.ask("session/comment", late);
    let now = on_file(&seat, &second, json!({"line": 1, "text": "next time the first"}));
    seat.ask("session/comment", now);
    seat.approve(&second);
    assert_eq!(seat.wait_kind("session_ended")["outcome"], "done", "the script was told the one note");
    let sent = |e: &Value| e["kind"] == "commented" && e["comment"]["state"] == "sent";
    assert_eq!(seat.ever("the note", sent)["comment"]["id"], "k2");
}

#[test]
fn comments_on_an_output_and_on_a_file_as_it_is_are_sent_without_a_verdict() {
    let run = "printf 'ok\\n\\033[31mFAILED here\\033[0m\\n'\n";
    let room = Room::with(&[("a.txt", TEXT), ("run.sh", run)]);
    let sent = r"(?s)^Two things\.\n\nComments on your work:\n1\. In the output of `sh run.sh`:\n   > FAILED here\n   look at this\n2\. a\.txt, line 4 as it is now:\n   > four\n   and at this$";
    let script = room.script(&[json!({"run": {"command": "sh run.sh"}}), json!({"prompt": sent})]);
    let mut seat = Seat::start(&room, &["--agent", &script]);
    let held = seat.held();
    seat.approve(&held);
    seat.finished(&held["action"]);
    let on = json!({"output": {"action": held["action"]}});
    seat.ask("session/comment", json!({"op": "add", "on": on, "line": 2, "text": "look at this"}));
    let digest = seat.ever("the comment", |e| e["kind"] == "commented")["comment"]["anchor"].clone();
    assert_eq!(digest["quote"], "FAILED here", "without colors");
    let on = json!({"file": {"path": "a.txt"}});
    seat.ask("session/comment", json!({"op": "add", "on": on, "line": 4, "text": "and at this"}));
    seat.ask("session/comment", json!({"op": "send", "text": "Two things."}));
    assert!(seat.try_ask("session/comment", json!({"op": "send"})).is_err(), "none is open any more");
    assert_eq!(seat.wait_kind("session_ended")["outcome"], "done", "the script was sent both");
}

#[test]
fn comments_outlive_the_host_and_are_in_the_snapshot() {
    let room = Room::with(&[("a.txt", TEXT)]);
    let script = room.script(&[json!({"edit": {"path": "a.txt", "old": "two", "new": "TWO"}})]);
    let mut seat = Seat::start(&room, &["--agent", &script]);
    let held = seat.held();
    let request = on_file(&seat, &held, json!({"line": 2, "text": "not so loud"}));
    seat.ask("session/comment", request);
    let snapshot =
        seat.ask("session/attach", json!({"protocol": {"min": 1, "max": 1}, "snapshot": true}))["snapshot"].clone();
    assert_eq!(snapshot["comments"][0]["text"], "not so loud", "{snapshot}");
    seat.kill();
    drop(seat);
    let session = only_session(&room);
    let mut seat = Seat::attach(&room, &session);
    let comment = seat.wait_kind("commented")["comment"].clone();
    assert_eq!((comment["state"].clone(), comment["anchor"]["line"].clone()), (json!("open"), json!(2)));
}
