//! What changes while a command or a test run goes on without a layer may be the user's: nothing of it is reverted
//! without a choice.

use crate::seat::{Room, Seat};
use serde_json::{Value, json};

/// A command that waits for the user's edits and changes one file itself.
fn with_a_slow_command(line: &str) -> (Room, Seat, Value) {
    let room = Room::with(&[("a.txt", "one\n"), ("b.txt", "b\n"), ("c.txt", "c\n")]).without_layers();
    let script = room.script(&[
        json!({"edit": {"path": "c.txt", "after": "approved\n"}}),
        json!({"run": {"command": format!("{line} && while [ ! -e ../go ]; do sleep 0.1; done")}}),
        json!({"wait_ms": 600_000}),
    ]);
    let mut seat = Seat::start(&room, &["--agent", &script]);
    let edit = seat.held();
    seat.approve(&edit);
    seat.finished(&edit["action"]);
    let held = seat.held();
    seat.approve(&held);
    let id = held["action"].clone();
    seat.ever("the checkpoint before it", |e| {
        e["kind"] == "checkpointed" && e["action"] == id && e["when"] == "before"
    });
    // The user at work meanwhile.
    room.write("a.txt", "one\nmine\n");
    room.write("mine.md", "mine\n");
    std::fs::remove_file(room.workspace().join("b.txt")).unwrap();
    for path in ["a.txt", "mine.md", "b.txt"] {
        let seen = seat.ever(path, |e| e["kind"] == "observed" && e["path"] == path);
        assert_eq!(seen["by"], json!({"during": id}), "{path}");
    }
    std::fs::write(room.dir.path().join("go"), "").unwrap();
    seat.finished(&id);
    (room, seat, id)
}

fn is_as_the_user_left_it(room: &Room) {
    assert_eq!((room.read("a.txt"), room.read("mine.md")), ("one\nmine\n".into(), "mine\n".into()));
    assert!(!room.exists("b.txt"));
}

fn listed(refusal: &Value) -> Vec<(&str, &str, bool)> {
    let changes = refusal["data"]["changes"].as_array().unwrap();
    let one = |c: &Value| {
        (c["path"].as_str().unwrap().to_owned(), c["change"].as_str().unwrap().to_owned(), c["certain"] == true)
    };
    let mut all: Vec<_> = changes.iter().map(one).collect();
    all.sort();
    all.into_iter().map(|(path, change, certain)| (&*path.leak(), &*change.leak(), certain)).collect()
}

#[test]
fn an_undo_of_a_command_reverts_only_what_was_chosen() {
    let (room, mut seat, id) = with_a_slow_command("echo made > made.txt");
    let finished = seat.ever("its end", |e| e["kind"] == "finished" && e["action"] == id);
    assert!(finished["files"].as_array().unwrap().iter().all(|f| f["during"] == true), "{finished}");
    let refusal = seat.try_ask("checkpoint/undo", json!({"action": id})).unwrap_err();
    assert_eq!(refusal["code"], -32015, "{refusal}");
    let expected = [
        ("a.txt", "modify", false),
        ("b.txt", "delete", false),
        ("made.txt", "create", false),
        ("mine.md", "create", false),
    ];
    assert_eq!(listed(&refusal), expected);
    for path in ["a.txt", "b.txt", "made.txt", "mine.md"] {
        assert!(refusal["message"].as_str().unwrap().contains(path), "{refusal}");
    }
    assert_eq!(seat.ask("checkpoint/undo", json!({"action": id, "files": []}))["action"], Value::Null);
    assert!(
        seat.try_ask("checkpoint/undo", json!({"action": id, "files": ["c.txt"]})).is_err(),
        "not among its changes"
    );
    is_as_the_user_left_it(&room);
    assert!(room.exists("made.txt"));
    seat.ask("checkpoint/undo", json!({"action": id, "files": ["made.txt"]}));
    seat.wait_kind("reverted");
    assert!(!room.exists("made.txt"));
    is_as_the_user_left_it(&room);
    // The rest can still be chosen, and is still not reverted unasked.
    let refusal = seat.try_ask("checkpoint/undo", json!({"action": id})).unwrap_err();
    assert_eq!(listed(&refusal).len(), 3, "{refusal}");
    is_as_the_user_left_it(&room);
}

#[test]
fn a_rewind_reverts_only_what_was_chosen() {
    let (room, mut seat, _) = with_a_slow_command("true");
    let start = seat.ever("the first edit", |e| e["kind"] == "checkpointed" && e["when"] == "before");
    for target in [json!({"tree": start["tree"]}), json!({"action": start["action"]})] {
        let refusal = seat.try_ask("checkpoint/rewind", target).unwrap_err();
        assert_eq!(refusal["code"], -32015, "{refusal}");
        let expected = [
            ("a.txt", "modify", false),
            ("b.txt", "delete", false),
            ("c.txt", "modify", true),
            ("mine.md", "create", false),
        ];
        assert_eq!(listed(&refusal), expected);
    }
    is_as_the_user_left_it(&room);
    seat.ask("checkpoint/rewind", json!({"tree": start["tree"], "files": ["c.txt"]}));
    let reverted = seat.wait_kind("reverted");
    assert_eq!((&reverted["tree"], &reverted["actions"]), (&Value::Null, &json!([start["action"]])));
    assert_eq!(room.read("c.txt"), "c\n");
    is_as_the_user_left_it(&room);
}

#[test]
fn a_file_that_changed_after_the_list_is_not_overwritten_by_a_rewind() {
    let (room, mut seat, _) = with_a_slow_command("true");
    let start = seat.ever("the first edit", |e| e["kind"] == "checkpointed" && e["when"] == "before");
    let tree = &start["tree"];
    let list = seat.try_ask("checkpoint/rewind", json!({"tree": tree})).unwrap_err()["data"]["listed"].clone();
    room.write("a.txt", "the user's newest\n");
    let chosen = json!({"tree": tree, "files": ["a.txt", "c.txt"], "listed": list});
    let refusal = seat.try_ask("checkpoint/rewind", chosen).unwrap_err();
    assert_eq!(refusal["code"], -32015, "{refusal}");
    assert!(refusal["message"].as_str().unwrap().starts_with("a.txt has changed since the list"), "{refusal}");
    assert_eq!(room.read("a.txt"), "the user's newest\n");
    // What did not change can still be chosen from the old list, and everything from the new one.
    seat.ask("checkpoint/rewind", json!({"tree": tree, "files": ["c.txt"], "listed": list}));
    seat.wait_kind("reverted");
    let chosen = json!({"tree": tree, "files": ["a.txt"], "listed": refusal["data"]["listed"]});
    seat.ask("checkpoint/rewind", chosen);
    seat.wait_kind("reverted");
    assert_eq!((room.read("a.txt"), room.read("c.txt")), ("one\n".to_owned(), "c\n".to_owned()));
}

#[test]
fn a_file_that_the_command_named_and_removed_comes_back_without_a_choice() {
    let room = Room::with(&[("x.sh", "x\n"), ("y", "y\n")]);
    let script = room.script(&[json!({"run": {"command": "rm x.sh"}})]);
    let mut seat = Seat::start(&room, &["--agent", &script]);
    let held = seat.held();
    seat.approve(&held);
    seat.finished(&held["action"]);
    seat.ask("checkpoint/undo", json!({"action": held["action"]}));
    seat.wait_kind("reverted");
    assert_eq!(room.read("x.sh"), "x\n");
}

#[test]
fn a_test_run_owns_no_changes() {
    let test = "import os, time\ndef test_s():\n    while not os.path.exists('../go'): time.sleep(0.1)\n";
    let room = Room::with(&[("a.txt", "one\n"), ("conftest.py", ""), ("test_s.py", test)]).without_layers();
    let script = room.script(&[json!({"tests": {}}), json!({"wait_ms": 600_000})]);
    let mut seat = Seat::start(&room, &["--agent", &script]);
    let id = seat.wait_kind("check_started")["action"].clone();
    room.write("a.txt", "one\nmine\n");
    room.write("mine.md", "mine\n");
    let seen = seat.ever("the edit", |e| e["kind"] == "observed" && e["path"] == "a.txt");
    assert_eq!(seen["by"], json!({"during": id}));
    std::fs::write(room.dir.path().join("go"), "").unwrap();
    assert_eq!(seat.finished(&id)["files"], Value::Null);
    let refusal = seat.try_ask("checkpoint/undo", json!({"action": id})).unwrap_err();
    assert!(refusal["message"].as_str().unwrap().contains("test run"), "{refusal}");
    assert!(seat.try_ask("checkpoint/undo", json!({"action": id, "files": ["mine.md"]})).is_err());
    assert_eq!((room.read("a.txt"), room.read("mine.md")), ("one\nmine\n".into(), "mine\n".into()));
}
