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

/// Checkpoints of a session that has ended go; those of one that can be continued stay, and so do all records.
#[test]
fn what_no_open_session_needs_is_removed_and_records_stay() {
    let room = Room::with(&[("a.txt", "one\n")]);
    let script = room.script(&[json!({"edit": {"path": "a.txt", "after": "two\n"}})]);
    let mut seat = Seat::start(&room, &["--agent", &script]);
    let ended = seat.session.clone();
    let held = seat.held();
    let (_, out, _) = room.run(&["prune", "--days", "0"]);
    assert!(out.contains("nothing to remove"), "it runs: {out}");
    seat.approve(&held);
    seat.wait_kind("session_ended");
    seat.close();
    let script = room.script(&[json!({"edit": {"path": "a.txt", "after": "three\n"}})]);
    let mut open = Seat::start(&room, &["--agent", &script]);
    open.held();
    open.kill();
    let store = |session: &str| room.state().join("sessions").join(session).join("store/objects");
    std::fs::create_dir_all(room.state().join("sessions").join(&ended).join("store/candidates/left")).unwrap();
    let (code, out, _) = room.run(&["prune"]);
    assert!(
        code == 0 && out.contains(&format!("private copies of {ended}")) && out.contains("Nothing was removed"),
        "{out}"
    );
    assert!(!out.contains("checkpoints"), "without a limit they stay: {out}");
    assert!(store(&ended).exists());
    let (_, out, _) = room.run(&["prune", "--days", "1"]);
    assert!(!out.contains("checkpoints"), "it ended today: {out}");
    let (code, out, err) = room.run(&["prune", "--days", "0", "--yes"]);
    assert!(code == 0 && out.contains("are free"), "{out}{err}");
    assert!(!store(&ended).exists() && store(&open.session).exists());
    assert_eq!(room.run(&["prune", "--days", "0"]).1.lines().count(), 1, "nothing is left to remove");
    for session in [&ended, &open.session] {
        let (code, out, err) = room.run(&["verify", session]);
        assert_eq!(code, 0, "{out}{err}");
    }
    let mut again = Seat::attach(&room, &open.session);
    let held = again.held();
    again.approve(&held);
    again.finished(&held["action"]);
    assert_eq!(room.read("a.txt"), "three\n", "the session that was open goes on");
    again.kill();
}

/// Above the limit, the sessions that ended first lose their checkpoints at the end of the next host.
#[test]
fn a_limit_is_kept_at_the_end_of_a_host() {
    let room = Room::with(&[]);
    // Text that hardly packs.
    let mut number = 1u64;
    for name in 0..12 {
        let text = |_| {
            number = number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            format!("{number:016x}")
        };
        room.write(&format!("{name}.txt"), &(0..16_384).map(text).collect::<String>());
    }
    let run = || {
        let script = room.script(&[json!({"say": "hello"})]);
        let mut seat = Seat::start(&room, &["--agent", &script]);
        seat.ever("the first checkpoint", |e| e["kind"] == "checkpointed");
        seat.ever("the end", |e| e["kind"] == "session_ended");
        let session = seat.session.clone();
        seat.close();
        session
    };
    let first = run();
    let objects = room.state().join("sessions").join(&first).join("store/objects");
    assert!(objects.exists());
    room.configure("[state]\nmib_max = 1\n");
    let second = run();
    assert!(!objects.exists(), "the first one ended first");
    assert!(room.run(&["prune"]).1.contains("nothing to remove"));
    assert_eq!(room.run(&["verify", &first]).0, 0);
    assert_eq!(room.run(&["verify", &second]).0, 0);
}
