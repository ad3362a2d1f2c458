//! Comparisons: what a step did, and the workspace against its start, a checkpoint and the last commit.

use crate::seat::{Room, Seat};
use serde_json::{Value, json};
use std::process::Command;

const TEXT: &str = "one\ntwo\nthree\n";

/// Path, change, and the texts of both sides.
fn told(answer: &Value) -> Vec<(String, String, Value, Value)> {
    let side = |file: &Value, side: &str| file[side].clone();
    let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let files = answer["files"].as_array().unwrap().iter();
    files.map(|file| (word(&file["path"]), word(&file["change"]), side(file, "before"), side(file, "after"))).collect()
}

fn git(room: &Room, args: &[&str]) {
    let mut git = Command::new("git");
    git.args(["-c", "user.name=x", "-c", "user.email=x@x", "-c", "init.defaultBranch=main"]).args(args);
    let done = git.current_dir(room.workspace()).env("GIT_CONFIG_GLOBAL", "/dev/null").output().unwrap();
    assert!(done.status.success(), "{done:?}");
}

#[test]
fn a_step_and_the_session_are_compared_with_what_was_before() {
    let room = Room::with(&[("a.txt", TEXT), ("b.txt", "b\n"), ("mine.txt", "mine\n")]);
    let step = |title: &str, status: &str| json!({"title": title, "status": status});
    let script = room.script(&[
        json!({"plan": [step("First", "active"), step("Second", "pending")]}),
        json!({"edit": {"path": "a.txt", "old": "one", "new": "1"}}),
        json!({"edit": {"path": "a.txt", "old": "two", "new": "2"}}),
        json!({"plan": [step("First", "done"), step("Second", "active")]}),
        json!({"edit": {"path": "b.txt", "change": "rename", "to": "c.txt"}}),
        json!({"prompt": "."}),
    ]);
    let mut seat = Seat::start(&room, &["--agent", &script]);
    for _ in 0..3 {
        let held = seat.held();
        seat.approve(&held);
        seat.finished(&held["action"]);
    }
    room.write("mine.txt", "yours\n");
    let compare = |seat: &mut Seat, scope: Value| told(&seat.ask("workspace/compare", scope));
    let edit = |path: &str, change: &str, before: &str, after: &str| {
        (path.to_owned(), change.to_owned(), json!(before), json!(after))
    };
    let first = compare(&mut seat, json!({"scope": "step", "step": "s1"}));
    assert_eq!(first, [edit("a.txt", "modify", TEXT, "1\n2\nthree\n")], "both edits at once");
    let second = compare(&mut seat, json!({"scope": "step", "step": "s2"}));
    assert_eq!(second, [edit("c.txt", "rename", "b\n", "b\n")]);
    let whole = compare(&mut seat, json!({"scope": "session"}));
    let all = [
        edit("a.txt", "modify", TEXT, "1\n2\nthree\n"),
        edit("c.txt", "rename", "b\n", "b\n"),
        edit("mine.txt", "modify", "mine\n", "yours\n"),
    ];
    assert_eq!(whole, all, "with what you did");
    let before = |e: &Value| e["kind"] == "checkpointed" && e["action"] == "a2" && e["when"] == "before";
    let tree = seat.ever("the checkpoint", before)["tree"].clone();
    let since = compare(&mut seat, json!({"scope": "tree", "tree": tree}));
    assert_eq!(since[0], edit("a.txt", "modify", "1\ntwo\nthree\n", "1\n2\nthree\n"));
    for wrong in [
        json!({"scope": "step", "step": "s9"}),
        json!({"scope": "head"}),
        json!({"scope": "tree", "tree": tree.as_str().unwrap().replace(['0', '1'], "2")}),
    ] {
        assert!(seat.try_ask("workspace/compare", wrong.clone()).is_err(), "{wrong}");
    }
}

/// git runs nothing that the repository configured, whatever that is.
#[test]
fn the_workspace_is_compared_with_the_last_commit() {
    let room = Room::with(&[
        ("a.txt", TEXT),
        ("same.txt", TEXT),
        ("gone.txt", "gone\n"),
        ("sub/x.txt", "x\n"),
        (".gitignore", "out\n"),
        ("run.sh", "echo\n"),
        ("out/log", "l\n"),
    ]);
    git(&room, &["init", "-q"]);
    git(&room, &["add", "-A", "-f"]);
    git(&room, &["commit", "-q", "-m", "first"]);
    let trap = room.workspace().join("trap");
    let command = format!("touch {}", trap.display());
    for key in [
        "core.fsmonitor",
        "filter.x.clean",
        "filter.x.smudge",
        "diff.x.textconv",
        "diff.external",
        "core.pager",
        "core.sshCommand",
    ] {
        git(&room, &["config", key, &command]);
    }
    room.write(".git/info/attributes", "* filter=x diff=x\n");
    room.write("a.txt", "one\n2\nthree\n");
    room.write("new.txt", "new\n");
    room.write("same.txt", "one\ntwo\nthreE\n");
    room.write("same.txt", TEXT);
    std::fs::remove_file(room.workspace().join("gone.txt")).unwrap();
    let mut executable = std::fs::metadata(room.workspace().join("run.sh")).unwrap().permissions();
    std::os::unix::fs::PermissionsExt::set_mode(&mut executable, 0o755);
    std::fs::set_permissions(room.workspace().join("run.sh"), executable).unwrap();
    let script = room.script(&[json!({"prompt": "."})]);
    let mut seat = Seat::start(&room, &["--agent", &script]);
    let answer = seat.ask("workspace/compare", json!({"scope": "head"}));
    let files = told(&answer);
    let names: Vec<_> = files.iter().map(|(path, change, ..)| (path.as_str(), change.as_str())).collect();
    assert_eq!(names, [("a.txt", "modify"), ("gone.txt", "delete"), ("new.txt", "create"), ("run.sh", "modify")]);
    assert_eq!((files[0].2.clone(), files[0].3.clone()), (json!(TEXT), json!("one\n2\nthree\n")));
    assert_eq!(answer["files"][3]["after_node"]["mode"], "0755");
    assert!(!trap.exists(), "something of the repository was run");
}
