//! Where a session has to live: a pid namespace, a full disk, an environment with next to nothing in it.

use crate::seat::{Room, Seat, assert_verifies, until};
use serde_json::{Value, json};
use std::process::{Command, Stdio};

/// Says loudly what was not tested here.
fn not_here(why: &str) {
    eprintln!("NOT TESTED: {why}");
}

/// The leader of this session is outside the namespace: its number there is 0. A host once stopped at that.
#[test]
fn a_session_below_a_pid_namespace() {
    let room = Room::with(&[("a.txt", "one\n")]);
    let wrap = ["-pf", "--mount-proc"];
    if !Command::new("unshare").args(wrap).arg("true").stderr(Stdio::null()).status().is_ok_and(|s| s.success()) {
        return not_here("a pid namespace cannot be made by this user");
    }
    let script = room.script(&[
        json!({"edit": {"path": "a.txt", "after": "two\n"}}),
        json!({"run": {"command": "echo made > b.txt"}}),
        json!({"run": {"command": "setsid sleep 600 & sleep 600"}}),
    ]);
    let inner = room.command(&["--headless", "--agent", &script]);
    let mut outer = Command::new("unshare");
    outer.args(wrap).arg(inner.get_program()).args(inner.get_args()).current_dir(room.workspace());
    for (key, value) in inner.get_envs() {
        match value {
            Some(value) => outer.env(key, value),
            None => outer.env_remove(key),
        };
    }
    let mut seat = Seat::start_by(outer);
    for _ in 0..2 {
        let held = seat.held();
        seat.approve(&held);
        assert_eq!(seat.finished(&held["action"])["outcome"], "ok");
    }
    let held = seat.held();
    seat.approve(&held);
    seat.wait("the sleepers run", |e| e["kind"] == "checkpointed" && e["when"] == "before");
    let census = seat.ask("gate/stop", json!({}));
    assert_eq!((&census["survivors"], &census["unknown"]), (&json!([]), &json!([])), "{census}");
    assert_eq!((room.read("a.txt"), room.read("b.txt")), ("two\n".into(), "made\n".into()));
}

/// What the host reports about itself can be found afterwards; `RIGHTSEAT_LOG` says how much.
#[test]
fn the_host_keeps_a_log() {
    let room = Room::with(&[("a.txt", "one\n")]);
    let script = room.script(&[json!({"say": "hello"})]);
    let log_of = |level: Option<&str>| {
        let mut command = room.command(&["--headless", "--agent", &script]);
        if let Some(level) = level {
            command.env("RIGHTSEAT_LOG", level);
        }
        let mut seat = Seat::start_by(command);
        seat.wait_kind("session_ended");
        let path = room.state().join("sessions").join(&seat.session).join("host.log");
        seat.close();
        std::fs::read_to_string(path).unwrap_or_default()
    };
    let log = log_of(None);
    assert!(log.contains("host started") && log.contains("no checks"), "{log}");
    assert_eq!(log_of(Some("off")), "");
    let log = log_of(Some("no such=level="));
    assert!(log.contains("RIGHTSEAT_LOG cannot be read") && log.contains("host started"), "{log}");
}

/// A run of checks is recorded also where the tree it runs on cannot be.
#[test]
fn a_test_run_without_a_checkpoint_is_recorded() {
    let test = "import unittest\n\n\nclass T(unittest.TestCase):\n    def test_a(self):\n        pass\n";
    // Without the store there is no layer either, and what should have one is not run.
    let room = Room::with(&[("test_u.py", test)]).without_layers();
    let script = room.script(&[json!({"edit": {"path": "a.txt", "after": "one\n"}}), json!({"tests": {}})]);
    let mut seat = Seat::start(&room, &["--agent", &script]);
    let held = seat.held();
    seat.ever("the first checkpoint", |e| e["kind"] == "checkpointed");
    let store = room.state().join("sessions").join(&seat.session).join("store");
    std::fs::remove_dir_all(&store).unwrap();
    std::fs::write(&store, "no directory").unwrap();
    seat.decide(&held, "deny", json!({})).unwrap();
    let finished = seat.wait_kind("check_finished");
    assert_eq!(finished["passed"], 1, "{finished}");
}

/// Without an agent that can do what was asked, the session says what to choose from, waits, and goes on with whatever
/// was installed meanwhile.
#[test]
fn a_newcomer_without_an_agent_is_told_the_choices_and_the_session_waits() {
    let room = Room::with(&[("calc.py", "def add(a, b):\n    return a + b\n")]);
    let bin = room.dir.path().join("bin");
    std::fs::create_dir(&bin).unwrap();
    let start = |goal: &str| {
        let mut command = room.command(&["--headless", goal]);
        command.env("PATH", format!("{}:/usr/bin:/bin", bin.display())).env("HOME", room.dir.path());
        for key in ["ANTHROPIC_API_KEY", "OPENAI_API_KEY", "GEMINI_API_KEY", "GOOGLE_API_KEY"] {
            command.env_remove(key);
        }
        Seat::start_by(command)
    };
    let mut seat = start("add a subtract function");
    let said = seat.wait("the choices", |e| e["kind"] == "said" && e["by"] == "rightseat");
    let text = said["text"].as_str().unwrap();
    for choice in ["add a subtract function", "npm install", "ANTHROPIC_API_KEY", "Ollama", "--agent repair"] {
        assert!(text.contains(choice), "{choice}: {text}");
    }
    assert_eq!(seat.wait_kind("turn_ended")["reason"], "refusal");
    assert_eq!((seat.count("session_ended"), seat.count("proposed")), (0, 0), "it waits");
    // An agent is installed in another terminal: the same session goes on with it.
    let program = bin.join("claude-agent-acp");
    std::fs::write(&program, "#!/bin/sh\necho out of order >&2\nexit 3\n").unwrap();
    std::fs::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    seat.ask("session/prompt", json!({"text": "add a subtract function", "when": "queue"}));
    let lost = seat.wait_kind("agent_lost");
    assert!(lost["why"].as_str().unwrap().contains("out of order"), "{lost}");
    seat.close();
    std::fs::remove_file(program).unwrap();
    // What the embedded agent is for, it does.
    let mut seat = start("make the failing tests pass");
    assert_eq!(seat.ever("the opening", |e| e["kind"] == "session_opened")["agent"]["name"], "repair");
    seat.close();
}

/// The path that the user typed may lead through links, to the workspace or into it: what it names is inside.
#[test]
fn a_path_that_a_link_leads_into_the_workspace_is_inside() {
    let room = Room::with(&[("a.txt", "x\n"), ("sub/b.txt", "x\n")]);
    let dir = room.dir.path();
    std::os::unix::fs::symlink(room.workspace(), dir.join("lnk")).unwrap();
    std::os::unix::fs::symlink(room.workspace().join("sub"), dir.join("into")).unwrap();
    std::fs::create_dir(dir.join("other")).unwrap();
    std::fs::write(dir.join("other/a.txt"), "x\n").unwrap();
    let edit = |path: std::path::PathBuf| json!({"edit": {"path": path, "old": "x", "new": "y"}});
    let script = room.script(&[
        edit(dir.join("other/a.txt")),
        json!({"told": "outside the workspace"}),
        edit(dir.join("lnk/a.txt")),
        edit(dir.join("into/b.txt")),
    ]);
    let mut seat = Seat::start(&room, &["--agent", &script, "--dir", dir.join("lnk").to_str().unwrap()]);
    for path in ["a.txt", "sub/b.txt"] {
        let held = seat.held();
        assert_eq!(seat.proposal(&held["action"])["files"][0]["path"], path);
        seat.approve(&held);
        assert_eq!(seat.finished(&held["action"])["outcome"], "ok");
    }
    assert_eq!((room.read("a.txt"), room.read("sub/b.txt")), ("y\n".into(), "y\n".into()));
    assert_eq!(std::fs::read_to_string(dir.join("other/a.txt")).unwrap(), "x\n");
}

/// What was approved was approved for the place where it was shown.
#[test]
fn nothing_is_done_in_a_workspace_that_was_renamed() {
    let room = Room::with(&[("a.txt", "one\n")]);
    let edit = json!({"edit": {"path": "a.txt", "after": "two\n"}});
    let script = room.script(&[edit.clone(), json!({"run": {"command": "echo made > b.txt"}}), edit]);
    let mut seat = Seat::start(&room, &["--agent", &script]);
    let held = seat.held();
    let (here, away) = (room.workspace(), room.dir.path().join("away"));
    std::fs::rename(&here, &away).unwrap();
    std::fs::create_dir(&here).unwrap();
    seat.approve(&held);
    let finished = seat.finished(&held["action"]);
    assert_eq!(finished["outcome"], "failed", "{finished}");
    assert!(finished["detail"].as_str().unwrap().contains("was moved, renamed or replaced"), "{finished}");
    let held = seat.held();
    seat.approve(&held);
    assert_eq!(seat.finished(&held["action"])["outcome"], "failed");
    assert_eq!(std::fs::read_to_string(away.join("a.txt")).unwrap(), "one\n");
    assert!(!away.join("b.txt").exists() && !here.join("b.txt").exists());
    std::fs::remove_dir(&here).unwrap();
    std::fs::rename(&away, &here).unwrap();
    let held = seat.held();
    seat.approve(&held);
    assert_eq!(seat.finished(&held["action"])["outcome"], "ok");
    assert_eq!(room.read("a.txt"), "two\n");
}

/// A host that nobody can find any more ends, and its agent and commands with it.
#[test]
fn a_host_whose_directory_is_deleted_ends_and_says_why() {
    for moved in [false, true] {
        let room = Room::with(&[("a.txt", "one\n")]);
        let script = room.script(&[json!({"run": {"command": "sleep 600"}})]);
        let mut seat = Seat::start(&room, &["--agent", &script]);
        let held = seat.held();
        seat.approve(&held);
        seat.wait_kind("started");
        let state = room.state();
        if moved {
            std::fs::rename(state.join("sessions"), state.join("elsewhere")).unwrap();
        } else {
            // Whether layers work is found out in it at this moment.
            until("the state is deleted", || std::fs::remove_dir_all(&state).is_ok() || !state.exists());
        }
        let ended = seat.wait_kind("session_ended");
        assert!(ended["report"].as_str().unwrap().contains("was deleted or moved"), "{ended}");
        assert_eq!(seat.close().0, 2);
    }
}

/// No home, no terminal, no language, no locale: what a CI runner gives.
#[test]
fn a_session_with_an_empty_environment() {
    let room = Room::with(&[("a.txt", "one\n")]);
    let script = room.script(&[json!({"edit": {"path": "a.txt", "after": "two\n"}})]);
    let state = room.state().display().to_string();
    let mut command = room.command(&["--headless", "--agent", &script, "--state-dir", &state]);
    let path = std::env::var_os("PATH").unwrap_or_default();
    command.env_clear().env("PATH", path).env("RIGHTSEAT_STATE_DIR", "");
    let mut seat = Seat::start_by(command);
    let held = seat.held();
    seat.approve(&held);
    assert_eq!(seat.finished(&held["action"])["outcome"], "ok");
}

/// Without the program that runs the tests the repair agent says so and looks no further.
#[test]
fn a_missing_test_runner_is_named() {
    let room = Room::with(&[]);
    let state = room.state().display().to_string();
    let mut command = room.command(&["demo", "--headless", "--state-dir", &state]);
    command.env("PATH", room.dir.path());
    let mut seat = Seat::start_by(command);
    let ended = seat.wait("the end", |e| e["kind"] == "session_ended");
    assert_eq!(ended["outcome"], "failed");
    let report = ended["report"].as_str().unwrap();
    assert!(report.contains("the tests could not be run: the program cargo was not found"), "{report}");
}

/// The gate closes, everyone is told, and once there is space again the session goes on where the record ends.
#[test]
fn a_full_disk_closes_the_gate_and_loses_nothing() {
    let mut room = Room::with(&[("a.txt", "one\n")]);
    let small = room.dir.path().join("small");
    std::fs::create_dir(&small).unwrap();
    let mount = Command::new("mount").args(["-t", "tmpfs", "-o", "size=700k", "none"]).arg(&small).output();
    if !mount.is_ok_and(|m| m.status.success()) {
        return not_here("a small file system cannot be mounted by this user");
    }
    let mounted = Mounted(small.clone());
    room.keep_state_in(small.join("state"));
    // Noise, so that compression does not help.
    let noise: String = (0..40_000u64).map(|n| format!("{:x}", n.wrapping_mul(0x9e37_79b9_7f4a_7c15))).collect();
    let script = room.script(&[
        json!({"edit": {"path": "a.txt", "after": "two\n"}}),
        json!({"say": noise}),
        json!({"say": noise}),
        json!({"edit": {"path": "a.txt", "after": "three\n"}}),
    ]);
    let mut seat = Seat::start(&room, &["--agent", &script]);
    let held = seat.held();
    seat.approve(&held);
    seat.finished(&held["action"]);
    let trouble = seat.told("host/trouble");
    assert!(trouble["text"].as_str().unwrap().contains("no space left"), "{trouble}");
    let refused = seat.try_ask("gate/mode", json!({"mode": "step"})).unwrap_err();
    assert_eq!(refused["code"], -32013, "{refused}");
    let session = seat.session.clone();
    assert_eq!(seat.close().0, 2, "a host that cannot write does not stay");
    let grown = Command::new("mount").args(["-o", "remount,size=32m"]).arg(&small).status();
    assert!(grown.is_ok_and(|s| s.success()));
    let mut again = Seat::attach(&room, &session);
    assert_eq!(again.ask("gate/mode", json!({"mode": "step"}))["mode"], "step");
    let is_decision = |e: &Value| e["kind"] == "decided" && e["action"] == held["action"];
    again.ever("the decision", is_decision);
    let decided = again.events.iter().filter(|e| is_decision(e)).count();
    assert_eq!((decided, room.read("a.txt").as_str()), (1, "two\n"));
    again.ask("session/close", json!({}));
    again.close();
    assert_verifies(&room, &session);
    drop(mounted);
}

struct Mounted(std::path::PathBuf);

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

/// Both users are told once; an edit of the other session is the other session's, and the user's stays the user's.
#[test]
fn two_sessions_in_one_workspace_tell_their_changes_apart() {
    let room = Room::with(&[("a.txt", "one\n"), ("b.txt", "one\n")]);
    let first = room.script(&[json!({"edit": {"path": "a.txt", "after": "two\n"}}), json!({"wait_ms": 60_000})]);
    let mut one = Seat::start(&room, &["--agent", &first]);
    let held = one.held();
    let path = room.workspace().parent().unwrap().join("second.jsonl");
    std::fs::write(&path, "{\"say\": \"here\"}\n{\"wait_ms\": 60000}\n").unwrap();
    let mut two = Seat::start(&room, &["--agent", &format!("script:{}", path.display())]);
    let told = two.ever("the other session", |e| e["kind"] == "alarm" && e["what"] == "shared_workspace");
    two.ever("its watcher", |e| e["kind"] == "said");
    one.approve(&held);
    one.finished(&held["action"]);
    let seen = two.wait("the edit of the other", |e| e["kind"] == "observed" && e["path"] == "a.txt");
    let session = seen["by"]["session"].as_str().unwrap().to_owned();
    assert!(told["text"].as_str().unwrap().contains(&session), "{told}");
    assert!(seen["unsure"].is_null(), "{seen}");
    room.write("b.txt", "mine\n");
    let seen = two.wait("the user's own", |e| e["kind"] == "observed" && e["path"] == "b.txt");
    assert_eq!(seen["by"], "human");
    one.ever("the first is told too", |e| e["kind"] == "alarm" && e["what"] == "shared_workspace");
    assert_eq!(two.count("alarm"), 1, "once");
}

/// `watch.poll` and `watch.poll_ms` of the user's configuration reach the watcher.
#[test]
fn the_configuration_selects_polling() {
    let room = Room::with(&[("a.txt", "one\n")]);
    let config = room.state().with_file_name("config").join("rightseat");
    std::fs::create_dir_all(&config).unwrap();
    std::fs::write(config.join("config.toml"), "[watch]\npoll = \"always\"\npoll_ms = 200\n").unwrap();
    let script = room.script(&[json!({"say": "hello"})]);
    let mut seat = Seat::start_by(room.command(&["--headless", "--agent", &script]));
    let state = seat.wait_kind("watching");
    assert_eq!((&state["state"], &state["why"]), (&json!("polling"), &json!("requested")), "{state}");
    room.write("a.txt", "two\n");
    assert_eq!(seat.wait_kind("observed")["path"], "a.txt");
}
