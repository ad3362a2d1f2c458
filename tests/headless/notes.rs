//! Notes in git on which lines of a commit came from which action; nothing else of the repository changes, and nothing of
//! it runs.

use crate::seat::{Room, Seat, until};
use serde_json::json;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::Command;

fn git(room: &Room, args: &[&str]) -> String {
    let own = ["-c", "user.name=t", "-c", "user.email=t@t", "-c", "core.hooksPath=/dev/null"];
    let output = Command::new("git").args(own).args(args).current_dir(room.workspace()).output().unwrap();
    assert!(output.status.success(), "git {args:?}: {output:?}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// A repository with a commit, and hooks that leave a trace.
fn repository() -> (Room, PathBuf) {
    let room = Room::with(&[("a.txt", "one\n"), ("b.txt", "bee\n")]).without_layers();
    git(&room, &["init", "-q"]);
    git(&room, &["add", "."]);
    git(&room, &["commit", "-qm", "first"]);
    let ran = room.dir.path().join("ran");
    for hook in ["reference-transaction", "post-commit", "pre-commit", "post-rewrite"] {
        let hook = room.workspace().join(".git/hooks").join(hook);
        std::fs::write(&hook, format!("#!/bin/sh\ntouch {}\n", ran.display())).unwrap();
        std::fs::set_permissions(&hook, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    (room, ran)
}

#[test]
fn the_lines_of_the_users_own_commit_are_noted_when_they_ask_for_it() {
    let (room, ran) = repository();
    let script = room.script(&[json!({"edit": {"path": "a.txt", "after": "one\ntwo\n", "why": "two is missing"}})]);
    let mut seat = Seat::start(&room, &["--agent", &script]);
    let held = seat.held();
    seat.approve(&held);
    seat.wait_kind("session_ended");
    let session = seat.session.clone();
    seat.close();
    git(&room, &["commit", "-qam", "second"]);
    let by_hand = "a note by hand";
    git(&room, &["notes", "--ref=rightseat-lines", "add", "-m", by_hand]);
    let head = git(&room, &["rev-parse", "HEAD"]);
    let (code, out, err) = room.run(&["note", &session, "HEAD"]);
    assert_eq!(code, 0, "{out} {err}");
    let note = git(&room, &["notes", "--ref=rightseat-lines", "show", "HEAD"]);
    assert!(note.contains("a.txt\n  2         a1\n"), "only the agent's line is its own: {note}");
    assert!(note.starts_with(by_hand), "{note}");
    assert!(note.contains("two is missing") && note.contains("approve"), "{note}");
    assert_eq!(git(&room, &["rev-parse", "HEAD"]), head);
    let refs = git(&room, &["for-each-ref", "--format=%(refname)"]);
    assert_eq!(
        refs.lines().filter(|name| !name.starts_with("refs/heads/")).collect::<Vec<_>>(),
        ["refs/notes/rightseat-lines"]
    );
    assert!(!ran.exists(), "a hook of the repository ran");
    let (code, out, _) = room.run(&["note", &session, "HEAD^"]);
    assert!(code == 1 && out.contains("no line"), "{out}");
    assert_eq!(room.run(&["note", &session, "nowhere"]).0, 2);
    assert_eq!(room.run(&["note", &session, "HEAD"]).0, 0);
    assert_eq!(git(&room, &["notes", "--ref=rightseat-lines", "show", "HEAD"]), note, "once more is the same");
    // Of a version that no action left, nothing is said: the next commit is the user's, and its lines may be too.
    room.write("a.txt", "zero\none\ntwo\n");
    git(&room, &["commit", "-qam", "third"]);
    let (code, out, _) = room.run(&["note", &session, "HEAD"]);
    assert!(code == 1 && out.contains("no line"), "{out}");
    // A configured hook would run whatever core.hooksPath says (from Git 2.54 on).
    git(&room, &["config", "hook.any.command", "true"]);
    let (code, out, err) = room.run(&["note", &session, "HEAD^"]);
    assert!(code == 2 && err.contains("hook.any.command"), "{out} {err}");
}

#[test]
fn a_commit_that_a_command_makes_is_noted_where_the_user_wants_it() {
    let (room, ran) = repository();
    room.configure("[layer]\ncommands = \"never\"\n[git]\nnotes = true\n");
    // More commits than are noted at a time; the oldest has the agent's line.
    let git_as = "git -c user.name=t -c user.email=t@t -c core.hooksPath=/dev/null";
    let commit =
        format!("{git_as} commit -qam second && for n in $(seq 45); do {git_as} commit -q --allow-empty -m $n; done");
    let script = room.script(&[
        json!({"edit": {"path": "b.txt", "after": "bee\nwasp\n"}}),
        json!({"run": {"command": commit}}),
        json!({"wait_ms": 600_000}),
    ]);
    let mut seat = Seat::start(&room, &["--agent", &script]);
    for _ in 0..2 {
        let held = seat.held();
        seat.approve(&held);
    }
    let is_noted = || {
        let list = ["notes", "--ref=rightseat-lines", "list", "HEAD~45"];
        Command::new("git").args(list).current_dir(room.workspace()).output().is_ok_and(|said| said.status.success())
    };
    until("the oldest of the commits is noted", is_noted);
    let note = git(&room, &["notes", "--ref=rightseat-lines", "show", "HEAD~45"]);
    assert!(note.contains("b.txt\n  2         a1\n"), "{note}");
    assert!(!ran.exists(), "a hook of the repository ran");
}
