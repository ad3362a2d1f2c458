//! Lists of sessions, their names, and single actions as text.

use crate::seat::{Room, Seat};
use serde_json::{Value, json};

#[test]
fn sessions_are_named_archived_and_deleted() {
    let room = Room::with(&[("a.txt", "one\n")]);
    let script = room.script(&[json!({"say": "hello"})]);
    let seat = Seat::start(&room, &["--agent", &script]);
    let session = seat.session.clone();
    let (code, _, err) = room.run(&["delete", "--yes", &session]);
    assert!(code == 2 && err.contains("is running"), "{err}");
    seat.close();
    assert_eq!(room.run(&["name", &session, "docs"]).0, 0);
    let (_, out, _) = room.run(&["ls", "--json"]);
    let listed: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((&listed[0]["name"], &listed[0]["archived"]), (&json!("docs"), &json!(false)));
    assert_eq!(room.run(&["verify", "docs"]).0, 0, "a name is as good as the session's own");
    assert_eq!(room.run(&["archive", "docs"]).0, 0);
    assert!(!room.run(&["ls"]).1.contains(&session) && room.run(&["ls", "--all"]).1.contains(&session));
    assert_eq!(room.run(&["unarchive", "docs"]).0, 0);
    assert!(room.run(&["ls"]).1.contains(&session));
    let (_, out, _) = room.run(&["delete", "docs"]);
    assert!(out.contains("Nothing was deleted"), "{out}");
    assert!(room.state().join("sessions").join(&session).exists());
    let (code, out, _) = room.run(&["delete", "--yes", "docs"]);
    assert!(code == 0 && out.contains("are free"), "{out}");
    assert!(!room.state().join("sessions").join(&session).exists());
}

#[test]
fn an_action_is_shown_with_its_diff_and_digest() {
    let room = Room::with(&[("a.txt", "one\n")]);
    let script = room.script(&[json!({"edit": {"path": "a.txt", "after": "two", "why": "one is wrong"}})]);
    let mut seat = Seat::start(&room, &["--agent", &script]);
    let held = seat.held();
    let (code, out, _) = room.run(&["show", &seat.session, "a1"]);
    assert_eq!(code, 0);
    for line in ["edit a.txt", "one is wrong", "-one", "+two", "\\ No newline at end of file"] {
        assert!(out.lines().any(|shown| shown == line), "{line}: {out}");
    }
    assert!(out.contains(&format!("digest {}", held["digest"].as_str().unwrap())), "{out}");
    let (code, _, err) = room.run(&["show", &seat.session, "a9"]);
    assert!(code == 1 && err.contains("no action a9"), "{err}");
    seat.kill();
}
