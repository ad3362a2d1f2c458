//! Anchors of a session in a file, in git notes and by a command, and what they tell of a rewritten record.

use crate::seat::{Room, Seat};
use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;

fn git(room: &Room, args: &[&str]) -> String {
    let output = Command::new("git")
        .args(["-c", "user.name=t", "-c", "user.email=t@t"])
        .args(args)
        .current_dir(room.workspace())
        .output()
        .unwrap();
    assert!(output.status.success(), "git {args:?}: {output:?}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn configure(room: &Room, text: &str) {
    let config = room.dir.path().join("config/rightseat");
    std::fs::create_dir_all(&config).unwrap();
    std::fs::write(config.join("config.toml"), text).unwrap();
}

/// Everything after the anchored event goes, and with it the head file: what is left is right in itself.
fn cut(journal: &Path, events: u64) {
    let db = rusqlite::Connection::open(journal).unwrap();
    db.execute_batch(&format!("DELETE FROM events WHERE seq > {events}")).unwrap();
    drop(db);
    std::fs::remove_file(journal.with_file_name("journal.db.head")).unwrap();
}

fn play(room: &Room) -> String {
    let script = room.script(&[json!({"edit": {"path": "a.txt", "after": "2\n"}})]);
    let mut seat = Seat::start(room, &["--agent", &script]);
    let held = seat.held();
    seat.approve(&held);
    seat.wait_kind("session_ended");
    let session = seat.session.clone();
    seat.close();
    session
}

#[test]
fn a_record_that_was_cut_fails_by_its_anchors() {
    let room = Room::with(&[("a.txt", "1\n")]);
    let (file, seen) = (room.dir.path().join("anchors"), room.dir.path().join("seen"));
    let command = format!("cat >>{}", seen.display());
    configure(
        &room,
        &format!(
            "[anchor]\nfile = {:?}\ngit_note = true\ncommand = [\"sh\", \"-c\", {command:?}]\n",
            file.display().to_string()
        ),
    );
    git(&room, &["init", "-q"]);
    git(&room, &["add", "."]);
    git(&room, &["commit", "-qm", "first"]);
    // What the repository would run is not run.
    let hook = room.workspace().join(".git/hooks/reference-transaction");
    let ran = room.dir.path().join("ran");
    for place in [&hook, &room.dir.path().join("monitor")] {
        std::fs::write(place, format!("#!/bin/sh\ntouch {}\n", ran.display())).unwrap();
        std::fs::set_permissions(place, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    }
    let session = play(&room);
    assert!(!ran.exists(), "a hook of the repository ran");
    let lines = std::fs::read_to_string(&file).unwrap();
    let last: Value = serde_json::from_str(lines.lines().last().unwrap()).unwrap();
    assert_eq!(last["session"], json!(session));
    for field in ["seq", "hash", "at", "key", "signature"] {
        assert!(!last[field].is_null(), "{field}: {last}");
    }
    assert!(std::fs::read_to_string(&seen).unwrap().lines().count() >= lines.lines().count().min(1));
    assert!(git(&room, &["notes", "--ref=rightseat", "show", "HEAD"]).contains(&session));
    let (code, text, _) = room.run(&["verify", &session]);
    assert!(code == 0 && text.contains("signed by key") && text.contains("compared with"), "{text}");
    let (_, text, _) = room.run(&["verify", &session, "--json"]);
    let report: Value = serde_json::from_str(&text).unwrap();
    assert!(report["key"].is_string() && report["anchors"].as_u64() >= Some(2), "{report}");
    // An agent that can write there adds what it likes: an unsigned line, and one with a key of its own.
    let rest = std::fs::read_to_string(&file).unwrap();
    let mut planted = last.clone();
    (planted["seq"], planted["hash"]) = (json!(2), json!("0".repeat(64)));
    let wrong = planted.to_string();
    for field in ["key", "signature"] {
        planted.as_object_mut().unwrap().remove(field);
    }
    std::fs::write(&file, format!("{planted}\n{wrong}\n{rest}")).unwrap();
    git(&room, &["notes", "--ref=rightseat", "append", "-m", &planted.to_string(), "HEAD"]);
    let (code, text, _) = room.run(&["verify", &session]);
    assert!(code == 0 && text.contains("3 lines beside them are not signed with its key"), "{text}");
    // Without its anchors: the record says that a turn has ended.
    std::fs::write(&file, format!("{planted}\n")).unwrap();
    let (code, text, _) = room.run(&["verify", &session]);
    assert!(code == 1 && text.contains("no anchor of this session is left in the anchor file"), "{text}");
    std::fs::remove_file(&file).unwrap();
    let (code, text, _) = room.run(&["verify", &session]);
    assert!(code == 1 && text.contains("no anchor of this session is left in the anchor file"), "{text}");
    std::fs::write(&file, rest).unwrap();
    let journal = room.state().join("sessions").join(&session).join("journal.db");
    cut(&journal, 4);
    let (code, text, _) = room.run(&["verify", &session]);
    assert!(code == 1 && text.contains("event 5 is missing") && text.contains("the head file is missing"), "{text}");
    // Each place alone is enough, and a copy that is named.
    let copy = room.dir.path().join("copy");
    std::fs::rename(&file, &copy).unwrap();
    let (code, text, _) = room.run(&["verify", &session]);
    assert!(code == 1 && text.contains("the git note is at"), "{text}");
    git(&room, &["update-ref", "-d", "refs/notes/rightseat"]);
    let (code, text, _) = room.run(&["verify", &session]);
    assert!(code == 1 && text.contains("the head file is missing") && !text.contains("event 5"), "{text}");
    let (code, text, _) = room.run(&["verify", &session, "--anchor", copy.to_str().unwrap()]);
    assert!(code == 1 && text.contains("the anchor is at"), "{text}");
}

#[test]
fn an_anchor_that_cannot_be_written_is_an_alarm_and_blocks_nothing() {
    let room = Room::with(&[("a.txt", "1\n")]);
    configure(&room, "[anchor]\nfile = \"/nowhere/at/all\"\ncommand = [\"false\"]\n");
    let script = room.script(&[
        json!({"edit": {"path": "a.txt", "after": "2\n"}}),
        json!({"edit": {"path": ".github/workflows/ci.yml", "after": "x\n"}}),
        json!({"edit": {"path": "a.txt", "after": "3\n"}}),
    ]);
    let mut seat = Seat::start(&room, &["--agent", &script]);
    let held = seat.held();
    seat.approve(&held);
    let guarded = seat.held();
    let word = guarded["confirm"].clone();
    assert!(word.is_string(), "{guarded}");
    seat.decide(&guarded, "approve", json!({"confirm": word})).unwrap();
    for place in ["anchor.file", "anchor.command"] {
        let alarm = seat.wait_kind("alarm");
        assert!(alarm["what"] == "anchor" && alarm["text"].as_str().unwrap().contains(place), "{alarm}");
    }
    let held = seat.held();
    seat.approve(&held);
    assert_eq!(seat.wait_kind("session_ended")["outcome"], "done");
    assert_eq!(room.read("a.txt"), "3\n");
    let session = seat.session.clone();
    seat.close();
    // The record says itself that there are none.
    let (code, text, _) = room.run(&["verify", &session]);
    assert!(code == 0 && text.contains("no anchor outside the record was found"), "{text}");
}
