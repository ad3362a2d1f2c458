//! `--branch`: sessions on one repository that share no files.

use crate::seat::{Room, Seat, assert_verifies};
use serde_json::json;
use std::path::Path;
use std::process::Command;

fn git(dir: &Path, args: &[&str]) -> String {
    let identity = ["-c", "user.name=T", "-c", "user.email=t@example.org"];
    let output = Command::new("git").args(identity).args(args).current_dir(dir).output().expect("git runs");
    assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// A repository with a commit, and a hook that would leave a trace.
fn repository() -> Room {
    let room = Room::with(&[("a.txt", "one\n"), ("sub/b.txt", "b\n")]);
    let ws = room.workspace();
    git(&ws, &["init", "--quiet", "--initial-branch=main"]);
    git(&ws, &["add", "."]);
    git(&ws, &["commit", "--quiet", "-m", "first"]);
    let hook = ws.join(".git/hooks/post-checkout");
    std::fs::create_dir_all(hook.parent().expect("a parent")).expect("a directory");
    std::fs::write(&hook, format!("#!/bin/sh\ntouch {}\n", room.dir.path().join("hooked").display())).expect("a hook");
    std::fs::set_permissions(&hook, std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("a mode");
    room
}

#[test]
fn a_session_on_a_branch_of_its_own_changes_no_file_of_another() {
    let room = repository();
    for (branch, after) in [("feature/x", "x\n"), ("y", "y\n"), ("feature/x", "again\n")] {
        let script = room.script(&[json!({"edit": {"path": "a.txt", "after": after}})]);
        let mut seat = Seat::start(&room, &["--branch", branch, "--agent", &script]);
        let held = seat.held();
        seat.approve(&held);
        assert_eq!(seat.finished(&held["action"])["outcome"], "ok");
        let session = seat.session.clone();
        seat.close();
        assert_verifies(&room, &session);
        let worktree = room.dir.path().join(format!("ws.{}", branch.replace('/', "-")));
        assert_eq!(std::fs::read_to_string(worktree.join("a.txt")).expect("the file"), after);
        assert_eq!(git(&worktree, &["branch", "--show-current"]), branch);
    }
    assert_eq!(room.read("a.txt"), "one\n");
    assert_eq!(git(&room.workspace(), &["status", "--porcelain"]), "");
    assert!(!room.dir.path().join("hooked").exists(), "a hook of the repository ran");
}

#[test]
fn a_branch_that_cannot_be_had_is_refused_with_what_to_do() {
    let room = repository();
    for (branch, words) in [
        ("main", "choose another branch"),
        ("-b", "not a name for a branch"),
        ("a..b", "not a name for a branch"),
        ("@{-1}", "not a name for a branch"),
    ] {
        let (code, _, said) = room.run(&["--detached", &format!("--branch={branch}"), "--agent", "repair", "fix"]);
        assert!(code == 2 && said.contains(words), "{branch}: {code} {said}");
    }
    let none = Room::with(&[("a.txt", "one\n")]);
    let (code, _, said) = none.run(&["--detached", "--branch=x", "--agent", "repair", "fix"]);
    assert!(code == 2 && said.contains("needs a git repository"), "{code} {said}");
    assert_eq!(git(&room.workspace(), &["branch", "--list"]), "* main");
}
