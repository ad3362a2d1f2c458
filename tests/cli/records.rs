//! A session's record after it: replayed, reviewed, ruled on again.

use super::seat::{Room, Seat};
use super::{room, said};
use serde_json::json;

/// A finished session that said something, and its name.
fn recorded(room: &Room) -> String {
    let script = room.script(&[json!({"say": "hello there"})]);
    let mut seat = Seat::start(room, &["--agent", &script]);
    seat.wait_kind("session_ended");
    let session = seat.session.clone();
    seat.close();
    session
}

#[test]
fn a_finished_session_is_replayed_and_its_export_reviewed_alike() {
    let room = room();
    let session = recorded(&room);
    let replayed = said(&room, &["replay", &session, "--linear"]);
    assert!(replayed.starts_with("1. ") && replayed.contains("hello there"), "{replayed}");
    let exported = said(&room, &["export", &session, "--format", "jsonl", "--no-redact"]);
    room.write("out.jsonl", &exported);
    assert_eq!(said(&room, &["review", "out.jsonl"]), replayed);
}

#[test]
fn rules_are_tried_on_a_past_session() {
    let room = room();
    let session = recorded(&room);
    room.write("rules.toml", "[[rule]]\nruling = \"deny\"\ncommand = \"curl *\"\n");
    let out = said(&room, &["policy", "dry-run", "rules.toml", "--session", &session]);
    assert!(out.contains("0 would be decided differently"), "{out}");
    room.write("broken.toml", "[[rule]]\n");
    super::refused(&room, &["policy", "dry-run", "broken.toml", "--session", &session], &["broken.toml:1:"]);
}
