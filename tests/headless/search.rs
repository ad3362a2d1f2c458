//! Search over this session and those before it.

use crate::seat::{Room, Seat, only_session};
use serde_json::json;

#[test]
fn words_are_found_in_this_session_and_in_earlier_ones() {
    let room = Room::with(&[("a.txt", "one\n")]);
    let edit = |why: &str| json!({"edit": {"path": "a.txt", "old": "one", "new": "two", "why": why}});
    let first = room.script_as("first.jsonl", &[edit("the zebra is striped"), json!({"say": "no zebra today"})]);
    let mut seat = Seat::start(&room, &["--agent", &first]);
    let held = seat.held();
    seat.decide(&held, "deny", json!({"reason": "zebras are out"})).unwrap();
    seat.wait_kind("session_ended");
    seat.close();
    let earlier = only_session(&room);
    let second = room.script_as("second.jsonl", &[edit("another zebra"), json!({"prompt": "."})]);
    let mut seat = Seat::start(&room, &["--agent", &second]);
    let held = seat.held();
    let found = seat.ask("session/search", json!({"query": "zebra"}));
    let hits = found["hits"].as_array().unwrap();
    let own = hits.iter().filter(|hit| hit["session"] != earlier.as_str()).count();
    assert!(own >= 1 && hits.len() - own >= 2 && found["complete"] == true, "{found}");
    assert_eq!((hits[0]["action"].clone(), hits[0]["session"] == earlier.as_str()), (held["action"].clone(), false));
    assert!(hits.iter().any(|hit| hit["text"].as_str().unwrap().contains("no zebra today")), "{found}");
    let unfinished = seat.ask("session/search", json!({"query": "stri"}));
    assert_eq!(unfinished["hits"][0]["session"], earlier.as_str());
    assert_eq!(seat.ask("session/search", json!({"query": "\" OR NEAR( * x"}))["hits"], json!([]));
    let digest = held["digest"].clone();
    let on = json!({"file": {"path": "a.txt", "action": held["action"]}});
    seat.ask(
        "session/comment",
        json!({"op": "add", "on": on, "line": 1, "digest": digest, "text": "why not a giraffe"}),
    );
    let comments = seat.ask("session/search", json!({"query": "giraffe"}));
    assert_eq!(comments["hits"].as_array().unwrap().len(), 1, "what was commented is found: {comments}");
}
