//! Who has control: it is asked for, given, refused and taken, and all of it is in the record.

use crate::seat::{Room, Seat, assert_verifies};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// A client that attaches without asking for control.
fn watcher(room: &Room, session: &str) -> Seat {
    let mut seat = Seat::over(room.command(&["attach", session, "--stdio"]));
    let attached = seat.ask("session/attach", json!({"protocol": {"min": 1, "max": 1}, "person": true}));
    assert_eq!(attached["control"], json!(false), "{attached}");
    seat.client = attached["client"].as_str().unwrap().to_owned();
    seat
}

fn wish(seat: &mut Seat, wish: Value) -> Result<Value, Value> {
    seat.try_ask("seat/control", json!({ "wish": wish }))
}

fn started(room: &Room) -> Seat {
    let script = room.script(&[json!({"edit": {"path": "a.txt", "after": "two\n"}})]);
    let mut first = Seat::start(room, &["--agent", &script]);
    first.held();
    first
}

#[test]
fn control_is_asked_for_refused_and_given() {
    let room = Room::with(&[("a.txt", "one\n")]);
    let mut first = started(&room);
    let session = first.session.clone();
    let mut second = watcher(&room, &session);
    let change = |what: &'static str, client: &str| {
        let client = client.to_owned();
        move |e: &Value| e["kind"] == "client_changed" && e["what"] == what && e["client"] == client.as_str()
    };
    wish(&mut second, json!("ask")).unwrap();
    wish(&mut second, json!("ask")).unwrap();
    first.wait("the wish", change("asked_control", &second.client));
    let error = wish(&mut second, json!({"give": null})).unwrap_err();
    assert_eq!(error["code"], json!(-32012), "only the one that has it gives it: {error}");
    let error = wish(&mut second, json!("take")).unwrap_err();
    assert_eq!(error["code"], json!(-32012), "{error}");
    wish(&mut first, json!({"refuse": null})).unwrap();
    second.wait("the refusal", change("refused_control", &second.client.clone()));
    wish(&mut second, json!("ask")).unwrap();
    let given = wish(&mut first, json!({"give": null})).unwrap();
    assert_eq!(given["control"], json!(second.client));
    second.wait("control", change("took_control", &second.client.clone()));
    let held = second.ever("what is held", |e| e["kind"] == "held");
    assert_eq!(first.decide(&held, "approve", json!({})).unwrap_err()["code"], json!(-32012));
    second.approve(&held);
    second.finished(&held["action"]);
    assert_eq!(room.read("a.txt"), "two\n");
    let asked = first.events.iter().filter(|e| e["what"] == "asked_control").count();
    assert_eq!(asked, 2, "a wish that is repeated is recorded once");
    second.ask("session/close", json!({}));
    first.close();
    assert_verifies(&room, &session);
}

#[test]
fn control_is_taken_when_nobody_answers_or_nobody_has_it() {
    let room = Room::with(&[("a.txt", "one\n")]);
    let first = started(&room);
    let session = first.session.clone();
    let (mut second, mut third) = (watcher(&room, &session), watcher(&room, &session));
    wish(&mut second, json!("ask")).unwrap();
    let asked = Instant::now();
    while let Err(error) = wish(&mut second, json!("take")) {
        assert_eq!(error["code"], json!(-32012), "{error}");
        assert!(asked.elapsed() < Duration::from_secs(30), "never: {error}");
        std::thread::park_timeout(Duration::from_millis(200));
    }
    assert!(asked.elapsed() >= Duration::from_secs(9), "too early: {:?}", asked.elapsed());
    // A person at work keeps it, whatever an attach asks for.
    let mut fourth = Seat::over(room.command(&["attach", &session, "--stdio"]));
    let attached = fourth.ask("session/attach", json!({"protocol": {"min": 1, "max": 1}, "control": true}));
    assert_eq!(attached["control"], json!(false), "{attached}");
    let held = fourth.ever("what is held", |e| e["kind"] == "held");
    assert_eq!(fourth.decide(&held, "approve", json!({})).unwrap_err()["code"], json!(-32012));
    second.kill();
    let left = second.client.clone();
    third.wait("it is gone", move |e| e["what"] == "left" && e["client"] == left.as_str());
    assert_eq!(wish(&mut third, json!("ask")).unwrap()["control"], json!(third.client), "nobody had it");
    third.ask("session/close", json!({}));
    first.close();
    assert_verifies(&room, &session);
}

#[test]
fn a_client_that_comes_back_gets_what_is_still_its_own() {
    let room = Room::with(&[("a.txt", "one\n")]);
    let first = started(&room);
    let session = first.session.clone();
    let mut second = watcher(&room, &session);
    let again = |resume: &str| {
        let mut seat = Seat::over(room.command(&["attach", &session, "--stdio"]));
        let params = json!({"protocol": {"min": 1, "max": 1}, "control": true, "resume": resume});
        let attached = seat.ask("session/attach", params);
        (attached["control"] == json!(true), seat)
    };
    let (has, _keep) = again(&second.client);
    assert!(!has, "it had no control before");
    let (has, _back) = again(&first.client);
    assert!(has, "the host has not noticed that the first link is gone");
    second.wait("control has moved", |e| e["what"] == "lost_control");
    second.kill();
}

#[test]
fn a_follower_is_told_where_the_one_with_control_is() {
    let room = Room::with(&[("a.txt", "one\n")]);
    let mut first = started(&room);
    let session = first.session.clone();
    let mut second = watcher(&room, &session);
    first.ask("seat/show", json!({"pane": "Plan"}));
    second.ask("seat/follow", json!({"follow": true}));
    assert_eq!(first.told("seat/followed"), json!({"followers": 1}));
    first.ask("seat/show", json!({"pane": "Why", "action": "a1"}));
    let view = second.told("seat/view");
    assert_eq!(view, json!({"client": first.client, "pane": "Why", "action": "a1"}), "what was before is not told");
    second.ask("seat/show", json!({"pane": "Talk"}));
    second.kill();
    first.ask("session/close", json!({}));
}
