//! Undo and rewind restore nodes whole, and delete nothing that they do not know.

use crate::seat::{Room, Seat};
use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

fn chmod(room: &Room, path: &str, mode: u32) {
    std::fs::set_permissions(room.workspace().join(path), std::fs::Permissions::from_mode(mode)).unwrap();
}

fn mode(room: &Room, path: &str) -> Option<u32> {
    room.workspace().join(path).symlink_metadata().ok().map(|about| about.permissions().mode() & 0o7777)
}

fn do_all(seat: &mut Seat, count: usize) -> Vec<Value> {
    let mut actions = Vec::new();
    for _ in 0..count {
        let held = seat.held();
        seat.approve(&held);
        seat.finished(&held["action"]);
        actions.push(held["action"].clone());
    }
    actions
}

fn undo(seat: &mut Seat, action: &Value) {
    seat.ask("checkpoint/undo", json!({"action": action}));
    seat.wait_kind("reverted");
}

#[test]
fn an_undo_restores_bits_names_and_content_of_edits() {
    let files = [("del.sh", "d\n"), ("key.txt", "k\n"), ("mv.sh", "m\n"), ("both.sh", "1\n")];
    let room = Room::with(&files);
    for (path, bits) in [("del.sh", 0o755), ("key.txt", 0o600), ("mv.sh", 0o750), ("both.sh", 0o700)] {
        chmod(&room, path, bits);
    }
    let script = room.script(&[
        json!({"edit": {"path": "del.sh", "change": "delete"}}),
        json!({"edit": {"path": "key.txt", "change": "delete"}}),
        json!({"edit": {"path": "mv.sh", "change": "rename", "to": "bin/mv.sh"}}),
        json!({"edit": {"path": "both.sh", "after": "2\n"}}),
    ]);
    let mut seat = Seat::start(&room, &["--agent", &script]);
    let actions = do_all(&mut seat, 4);
    assert_eq!(mode(&room, "bin/mv.sh"), Some(0o750));
    for action in &actions {
        undo(&mut seat, action);
    }
    for (path, bits) in [("del.sh", 0o755), ("key.txt", 0o600), ("mv.sh", 0o750), ("both.sh", 0o700)] {
        assert_eq!(mode(&room, path), Some(bits), "{path}");
        let (_, text) = files.iter().find(|(name, _)| *name == path).unwrap();
        assert_eq!(room.read(path), *text);
    }
    assert!(!room.exists("bin/mv.sh"));
    // The undo of the rename is an action like any other.
    let reverted = seat.ever("the rename's undo", |e| e["kind"] == "reverted" && e["actions"] == json!([actions[2]]));
    undo(&mut seat, &reverted["action"]);
    assert_eq!((mode(&room, "mv.sh"), mode(&room, "bin/mv.sh")), (None, Some(0o750)));
}

#[test]
fn an_undo_restores_links_directories_and_bits_that_a_command_changed() {
    let room = Room::with(&[("x.sh", "x\n"), ("private/key", "k\n"), ("a", "a\n"), ("b", "b\n"), ("c", "c\n")])
        .without_layers();
    chmod(&room, "x.sh", 0o755);
    chmod(&room, "private/key", 0o400);
    chmod(&room, "private", 0o700);
    let work = room.workspace();
    std::fs::create_dir_all(work.join("empty/inner")).unwrap();
    std::os::unix::fs::symlink("x.sh", work.join("link")).unwrap();
    std::os::unix::fs::symlink("a", work.join("turned")).unwrap();
    let line = "rm -f x.sh link && rm -rf private && rmdir empty/inner && chmod 755 a && rm b && ln -s a b \
                && rm turned && echo file > turned && mkdir made && ln -s nowhere fresh && ln -sfn c moved";
    let script = room.script(&[json!({"run": {"command": line}})]);
    let mut seat = Seat::start(&room, &["--agent", &script]);
    let held = seat.held();
    seat.approve(&held);
    let finished = seat.finished(&held["action"]);
    let told: Vec<&str> = finished["files"].as_array().unwrap().iter().map(|f| f["path"].as_str().unwrap()).collect();
    for path in ["a", "b", "empty/inner", "fresh", "link", "made", "moved", "private", "private/key", "turned", "x.sh"]
    {
        assert!(told.contains(&path), "{path} in {told:?}");
    }
    let refusal = seat.try_ask("checkpoint/undo", json!({"action": held["action"]})).unwrap_err();
    assert_eq!(refusal["code"], -32015, "{refusal}");
    let ask = json!({"action": held["action"], "files": told});
    seat.ask("checkpoint/undo", ask);
    seat.wait_kind("reverted");
    let target = |path: &str| std::fs::read_link(work.join(path)).ok();
    assert_eq!((mode(&room, "x.sh"), mode(&room, "a")), (Some(0o755), Some(0o644)));
    assert_eq!((mode(&room, "private"), mode(&room, "private/key")), (Some(0o700), Some(0o400)));
    assert_eq!(
        (target("link").as_deref(), target("turned").as_deref()),
        (Some(Path::new("x.sh")), Some(Path::new("a")))
    );
    assert!(work.join("empty/inner").is_dir());
    assert_eq!((target("b"), room.read("b")), (None, "b\n".to_owned()));
    for gone in ["made", "fresh", "moved"] {
        assert!(work.join(gone).symlink_metadata().is_err(), "{gone} is still there");
    }
}

#[test]
fn a_rewind_never_deletes_what_a_checkpoint_did_not_list() {
    let room = Room::with(&[(".env", "K=1\n"), ("src/a.rs", "a\n"), (".gitignore", "local\n"), ("local", "l\n")]);
    let script = room.script(&[
        json!({"edit": {"path": ".gitignore", "after": ".env\nlocal\n"}}),
        json!({"edit": {"path": "src/a.rs", "after": "b\n"}}),
    ]);
    let mut seat = Seat::start(&room, &["--agent", &script]);
    let actions = do_all(&mut seat, 2);
    let last = seat.ever("the last checkpoint", |e| {
        e["kind"] == "checkpointed" && e["action"] == actions[1] && e["when"] == "after"
    });
    seat.ask("checkpoint/rewind", json!({"action": actions[0]}));
    seat.wait_kind("reverted");
    assert_eq!((room.read(".gitignore"), room.read("src/a.rs")), ("local\n".to_owned(), "a\n".to_owned()));
    seat.ask("checkpoint/rewind", json!({"tree": last["tree"]}));
    seat.wait_kind("reverted");
    assert_eq!(
        (room.read(".env"), room.read("local"), room.read("src/a.rs")),
        ("K=1\n".into(), "l\n".into(), "b\n".into())
    );
    let (_, events) = seat.close();
    let false_deletes = events.iter().filter(|e| e["kind"] == "observed" && e["change"] == "delete");
    assert_eq!(false_deletes.count(), 0, "nothing was deleted, so nothing may say so");
}

#[test]
fn what_changes_in_ignored_places_while_a_command_runs_raises_no_alarm() {
    let room = Room::with(&[(".gitignore", "/build\n"), ("a", "a\n")]);
    let script = room.script(&[
        json!({"run": {"command": "mkdir -p build && echo x > build/out && mkdir -p src/__pycache__ && echo y > src/__pycache__/a.pyc"}}),
    ]);
    let mut seat = Seat::start(&room, &["--agent", &script]);
    let held = seat.held();
    seat.approve(&held);
    let finished = seat.finished(&held["action"]);
    assert_eq!(finished["files"], Value::Null, "what is ignored is no content");
    for path in ["build/out", "src/__pycache__/a.pyc"] {
        let seen = seat.ever(path, |e| e["kind"] == "observed" && e["path"] == path);
        assert_eq!((&seen["by"]["during"], &seen["ignored"]), (&held["action"], &json!(true)), "{path}");
    }
    assert_eq!(seat.count("alarm"), 0);
}
