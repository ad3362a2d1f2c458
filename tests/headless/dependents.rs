//! Who depends on a pending edit is found by the names that it changes, and counts for its risk.

use crate::seat::{Room, Seat, assert_verifies, only_session};
use serde_json::json;

const CART: &str = "RATE = 2\n\n\ndef total(items):\n    return sum(items) * RATE\n";

fn room() -> Room {
    Room::with(&[
        ("cart.py", CART),
        (
            "shop/pay.py",
            "from cart import total\n\n\ndef pay(items):\n    # total is what is due\n    return total(items)\n",
        ),
        ("notes.md", "total\n"),
        ("other.py", "def total():\n    return 1\n\n\nprint(total())\n"),
        ("report.js", "console.log(total(1));\n"),
    ])
}

#[test]
fn who_uses_what_an_edit_changes_is_found_and_weighs() {
    let room = room();
    let script = room
        .script(&[json!({"edit": {"path": "cart.py", "old": "def total(items):", "new": "def total(items, rate):"}})]);
    let mut seat = Seat::start(&room, &["--agent", &script]);
    let held = seat.held();
    let before = seat.proposal(&held["action"])["risk"].clone();
    let found = seat.wait_kind("dependents_found");
    assert_eq!((&found["action"], &found["digest"]), (&held["action"], &held["digest"]));
    assert_eq!((&found["names"], &found["broken"]), (&json!(["total"]), &json!(true)));
    assert_eq!((&found["places"], &found["files"], &found["more"]), (&json!(2), &json!(1), &json!(null)));
    let first = json!([
        {"path": "shop/pay.py", "line": 1, "name": "total"},
        {"path": "shop/pay.py", "line": 6, "name": "total", "within": "pay"},
    ]);
    assert_eq!(found["first"], first);
    assert!(found["risk"]["score"].as_u64() > before["score"].as_u64(), "{before} {found}");
    let factor = json!("total is used in 2 places in 1 file");
    assert!(found["risk"]["factors"].as_array().unwrap().contains(&factor), "{found}");
    seat.approve(&held);
    seat.wait_kind("session_ended");
    drop(seat);
    assert_verifies(&room, &only_session(&room));
}

#[test]
fn an_edit_that_changes_no_definition_is_not_searched_for() {
    let room = room();
    let script = room.script(&[
        json!({"edit": {"path": "notes.md", "old": "total", "new": "sum"}}),
        json!({"edit": {"path": "cart.py", "old": "RATE = 2\n", "new": "RATE = 2\n\n\ndef fresh():\n    return 1\n"}}),
    ]);
    let mut seat = Seat::start(&room, &["--agent", &script]);
    for _ in 0..2 {
        let held = seat.held();
        seat.approve(&held);
    }
    seat.wait_kind("session_ended");
    assert_eq!(seat.count("dependents_found"), 0);
}

/// The lines of what an edit leaves are not those on the disk: such a place counts, and is not told.
#[test]
fn uses_in_the_edited_file_itself_count_without_a_place() {
    let own = "def total(items):\n    return sum(items)\n\n\nprint(total([1]))\n";
    let room = Room::with(&[("cart.py", own), ("pay.py", "from cart import total\n")]);
    let new = "# first\ndef total(items, rate):";
    let script = room.script(&[json!({"edit": {"path": "cart.py", "old": "def total(items):", "new": new}})]);
    let mut seat = Seat::start(&room, &["--agent", &script]);
    seat.held();
    let found = seat.wait_kind("dependents_found");
    assert_eq!((&found["places"], &found["files"], &found["more"]), (&json!(2), &json!(2), &json!(null)));
    assert_eq!(found["first"], json!([{"path": "pay.py", "line": 1, "name": "total"}]));
}

/// A merge is another edit: its risk once kept what depended on the one before, and nothing was searched for again.
#[test]
fn a_merge_is_searched_for_again_and_weighed_once() {
    let room = room();
    let script = room
        .script(&[json!({"edit": {"path": "cart.py", "old": "def total(items):", "new": "def total(items, rate):"}})]);
    let mut seat = Seat::start(&room, &["--agent", &script]);
    seat.held();
    let found = seat.wait_kind("dependents_found");
    room.write("cart.py", &CART.replace("RATE = 2", "RATE = 3"));
    let again = seat.held();
    assert_eq!(again["revision"], 2);
    let told = |risk: &serde_json::Value| {
        let factors = risk["factors"].as_array().unwrap();
        factors.iter().filter(|factor| factor.as_str().unwrap().starts_with("total is used")).count()
    };
    assert_eq!(told(&seat.proposal(&again["action"])["risk"]), 0);
    let merged = seat.wait_kind("dependents_found");
    assert_eq!((&merged["digest"], told(&merged["risk"])), (&again["digest"], 1));
    assert_eq!(merged["risk"], found["risk"]);
}

/// The host is killed before it has searched: the one that takes over does.
#[test]
fn an_edit_that_a_former_host_held_is_searched_for() {
    let room = room();
    // The search takes longer than it takes to kill its host.
    let uses: String = (0..2_000).map(|n| format!("def use_{n}(items):\n    return total(items)\n\n\n")).collect();
    (0..150).for_each(|n| room.write(&format!("many/m{n}.py"), &uses));
    let script = room
        .script(&[json!({"edit": {"path": "cart.py", "old": "def total(items):", "new": "def total(items, rate):"}})]);
    let mut seat = Seat::start(&room, &["--agent", &script]);
    let held = seat.held();
    let session = seat.session.clone();
    seat.kill();
    assert_eq!(seat.count("dependents_found"), 0, "the host was killed too late for this test");
    let mut again = Seat::attach(&room, &session);
    let found = again.wait_kind("dependents_found");
    assert_eq!((&found["action"], &found["digest"]), (&held["action"], &held["digest"]));
    again.ask("session/close", json!({}));
}
