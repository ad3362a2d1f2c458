//! Messages on their way: drafts that outlive a client and a host, the queue, files that are searched, commands of the
//! user's own.

use crate::seat::{Room, Seat, assert_verifies, only_session};
use serde_json::{Value, json};

/// A session whose agent works until it is told.
fn working(room: &Room) -> Seat {
    let script = room.script(&[json!({"say": "ready"}), json!({"wait_ms": 600_000})]);
    let mut seat = Seat::start(room, &["--agent", &script]);
    seat.wait_kind("said");
    seat
}

/// The agent still works: the session is closed, not left.
fn end(mut seat: Seat) {
    seat.ask("session/close", json!({}));
    seat.close();
}

fn queue(event: &Value) -> Vec<String> {
    let prompts = event["prompts"].as_array().into_iter().flatten();
    prompts
        .map(|p| format!("{} {}{}", p["id"], p["text"].as_str().unwrap(), if p["parked"] == true { "*" } else { "" }))
        .collect()
}

#[test]
fn a_draft_outlives_the_client_that_wrote_it() {
    let room = Room::with(&[]);
    let mut seat = working(&room);
    let parts = json!([{"part": "text", "text": "half a "}, {"part": "paste", "text": "thought\n"}]);
    seat.ask("session/draft", json!({"parts": parts}));
    let drafted = seat.wait_kind("drafted");
    assert_eq!(drafted["parts"], parts);
    let session = only_session(&room);
    let mut other = Seat::over(room.command(&["attach", &session, "--stdio", "--read-only"]));
    let attached = other.ask("session/attach", json!({"protocol": {"min": 1, "max": 1}, "snapshot": true}));
    assert_eq!(attached["snapshot"]["draft"], parts);
    let refused = other.try_ask("session/draft", json!({"parts": []})).unwrap_err();
    assert_eq!(refused["code"], -32012, "only the one who has control writes");
    let long = json!({"parts": [{"part": "text", "text": "x".repeat(2_000_000)}]});
    assert_eq!(seat.try_ask("session/draft", long).unwrap_err()["code"], -32602);
    seat.ask("session/draft", json!({"parts": []}));
    end(seat);
    assert_verifies(&room, &session);
}

#[test]
fn the_queue_is_seen_reordered_edited_and_withdrawn() {
    let room = Room::with(&[("a.txt", "one\n")]);
    let script = room.script(&[json!({"edit": {"path": "a.txt", "after": "two\n"}})]);
    let mut seat = Seat::start(&room, &["--agent", &script]);
    let held = seat.held();
    for text in ["one", "two", "three"] {
        seat.ask("session/prompt", json!({"text": text}));
    }
    seat.ever("three wait", |e| queue(e) == ["1 one", "2 two", "3 three"]);
    seat.ask("session/queue", json!({"prompt": 3, "change": {"move": {"by": -2}}}));
    seat.ever("moved", |e| queue(e) == ["3 three", "1 one", "2 two"]);
    seat.ask("session/queue", json!({"prompt": 3, "change": "park"}));
    seat.ever("parked", |e| queue(e) == ["3 three*", "1 one", "2 two"]);
    seat.ask("session/queue", json!({"prompt": 1, "change": "withdraw"}));
    // The turn ends: the parked one is passed over.
    seat.approve(&held);
    seat.ever("the next one is sent", |e| e["kind"] == "said" && e["by"] == "human" && e["text"] == "two");
    seat.ever("it still waits", |e| queue(e) == ["3 three*"]);
    assert_eq!(seat.try_ask("session/queue", json!({"prompt": 2, "change": "park"})).unwrap_err()["code"], -32602);
    let session = only_session(&room);
    end(seat);
    assert_verifies(&room, &session);
}

#[test]
fn files_are_found_by_a_few_letters_and_ignored_ones_are_not() {
    let files = [("src/calc.py", "x"), ("calc/mod.rs", "x"), ("target/calc.o", "x"), (".gitignore", "target/\n")];
    let room = Room::with(&files);
    let mut seat = working(&room);
    let found = seat.ask("workspace/find", json!({"query": "calc", "limit": 10}));
    let mut paths: Vec<&str> = found["paths"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert_eq!(paths.first(), Some(&"calc"), "{found}");
    paths.sort_unstable();
    assert_eq!((paths, &found["complete"]), (vec!["calc", "calc/mod.rs", "src/calc.py"], &json!(true)));
    end(seat);
}

#[test]
fn a_command_of_the_users_own_is_run_and_journaled() {
    let room = Room::with(&[]);
    let mut seat = working(&room);
    let run = seat.ask("workspace/run", json!({"command": {"shell": "echo made > by-me.txt; echo seen"}}));
    let finished = seat.finished(&run["action"]);
    assert_eq!((&finished["outcome"], room.read("by-me.txt").as_str()), (&json!("ok"), "made\n"));
    seat.ever("its output", |e| e["kind"] == "output" && e["tail"].as_str().is_some_and(|tail| tail.contains("seen")));
    let proposed = seat.proposal(&run["action"]);
    assert_eq!(proposed["author"], "human", "{proposed}");
    assert_eq!(seat.try_ask("workspace/run", json!({"command": {"shell": " "}})).unwrap_err()["code"], -32602);
    let session = only_session(&room);
    end(seat);
    assert_verifies(&room, &session);
}

/// The record has the objects of a message, beside its words; ignored files are found where they are asked for.
#[test]
fn a_message_keeps_its_objects_and_ignored_files_are_found() {
    let room = Room::with(&[(".gitignore", "out/\n"), ("src/a.txt", "one\n"), ("out/deep/b.txt", "two\n")]);
    std::fs::create_dir_all(room.workspace().join(".git")).unwrap();
    let mut seat = Seat::start(&room, &["--agent", &room.script(&[json!({"say": "ready"})])]);
    seat.wait_kind("turn_ended");
    let find = |seat: &mut Seat, more: Value| {
        let mut params = json!({"query": "txt"});
        more.as_object().into_iter().flatten().for_each(|(key, value)| params[key] = value.clone());
        seat.ask("workspace/find", params)["paths"].clone()
    };
    assert_eq!(find(&mut seat, json!({})), json!(["src/a.txt"]));
    assert_eq!(find(&mut seat, json!({"ignored": true})), json!(["out/deep/b.txt"]));
    assert_eq!(find(&mut seat, json!({"prefer": ["src/a.txt", "gone"]})), json!(["src/a.txt"]));
    let parts = json!([{"part": "text", "text": "see "}, {"part": "file", "path": "out/deep/b.txt"}]);
    seat.ask("session/prompt", json!({"text": "see @out/deep/b.txt", "parts": parts}));
    let said = seat.ever("the message", |e| e["kind"] == "said" && e["by"] == "human" && e["parts"].is_array());
    assert_eq!((&said["text"], &said["parts"]), (&json!("see @out/deep/b.txt"), &parts));
    end(seat);
}
