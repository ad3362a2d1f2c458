//! Commands in a layer: what they change is exactly theirs, what the user changes meanwhile stays the user's.

use crate::seat::{Room, Seat, assert_verifies, only_session, until};
use serde_json::{Value, json};

fn files(finished: &Value) -> Vec<(&str, &str, bool)> {
    let one = |f: &'_ Value| {
        (f["path"].as_str().unwrap().to_owned(), f["change"].as_str().unwrap().to_owned(), f["during"] == true)
    };
    let mut all: Vec<_> = finished["files"].as_array().map(|all| all.iter().map(one).collect()).unwrap_or_default();
    all.sort();
    all.into_iter().map(|(path, change, during)| (&*path.leak(), &*change.leak(), during)).collect()
}

#[test]
fn what_a_command_in_a_layer_changes_is_its_own_and_the_rest_is_the_users() {
    let room = Room::with(&[("a.txt", "one\n"), ("b.txt", "b\n"), ("c.txt", "c\n"), ("signal", "")]);
    if !room.is_layered() {
        return;
    }
    let line =
        "echo made > made.txt; rm c.txt; chmod 755 b.txt; mkdir empty; while [ ! -s signal ]; do sleep 0.05; done";
    let script = room.script(&[json!({"run": {"command": line}}), json!({"wait_ms": 600_000})]);
    let mut seat = Seat::start(&room, &["--agent", &script]);
    let held = seat.held();
    seat.approve(&held);
    let id = held["action"].clone();
    seat.ever("the checkpoint before it", |e| {
        e["kind"] == "checkpointed" && e["action"] == id && e["when"] == "before"
    });
    room.write("a.txt", "one\nmine\n");
    room.write("mine.md", "mine\n");
    for path in ["a.txt", "mine.md"] {
        let seen = seat.ever(path, |e| e["kind"] == "observed" && e["path"] == path);
        assert_eq!(seen["by"], json!("human"), "{path}");
    }
    assert!(!room.exists("made.txt") && room.exists("c.txt"), "nothing comes through before its end");
    // A change in place shows through at once.
    room.write("signal", "go\n");
    let finished = seat.finished(&id);
    assert_eq!(finished["apart"], true, "{finished}");
    let expected = [
        ("b.txt", "modify", false),
        ("c.txt", "delete", false),
        ("empty", "create", false),
        ("made.txt", "create", false),
    ];
    assert_eq!(files(&finished), expected);
    assert!(room.exists("made.txt") && room.exists("empty") && !room.exists("c.txt"));
    let seen = seat.ever("made.txt", |e| e["kind"] == "observed" && e["path"] == "made.txt");
    assert_eq!(seen["by"], json!({"action": id}));
    // No choice is needed: an undo takes back what is the command's, and nothing else.
    seat.ask("checkpoint/undo", json!({"action": id}));
    seat.wait_kind("reverted");
    assert!(!room.exists("made.txt") && !room.exists("empty"));
    assert_eq!(
        (room.read("c.txt"), room.read("a.txt"), room.read("mine.md")),
        ("c\n".into(), "one\nmine\n".into(), "mine\n".into())
    );
}

/// Where a layer cannot work a command runs as before: what changes meanwhile may be its own, and undo asks.
#[test]
fn without_a_layer_a_command_runs_directly_and_the_reason_is_told_once() {
    let mut room = Room::with(&[("a.txt", "one\n"), (".gitignore", ".state\n")]);
    room.keep_state_in(room.workspace().join(".state"));
    let run = |line: &str| json!({"run": {"command": line}});
    let script = room.script(&[run("echo 1 > one.txt"), run("echo 2 > two.txt"), json!({"wait_ms": 600_000})]);
    let mut seat = Seat::start(&room, &["--agent", &script]);
    for name in ["one.txt", "two.txt"] {
        let held = seat.held();
        seat.approve(&held);
        let finished = seat.finished(&held["action"]);
        assert_eq!((&finished["outcome"], &finished["apart"]), (&json!("ok"), &Value::Null), "{finished}");
        assert_eq!(files(&finished), [(name, "create", true)]);
    }
    let told = |e: &&Value| e["text"].as_str().is_some_and(|text| text.contains("not in a layer: the session's state"));
    let notes: Vec<&Value> = seat.events.iter().filter(told).collect();
    assert_eq!(notes.len(), 1, "{notes:?}");
    assert!(notes[0]["text"].as_str().unwrap().ends_with("choose another --state-dir, outside of the workspace"));
}

/// What is no guard rail is promoted with the command; the rest is an item of its own, with the typed word.
#[test]
fn guard_rails_in_a_result_are_pending_on_their_own() {
    let room = Room::with(&[("a.txt", "one\n"), (".github/workflows/ci.yml", "old\n")]);
    if !room.is_layered() {
        return;
    }
    let line = "f=$(echo .git)hub/workflows; echo two >> a.txt; echo evil >> $f/ci.yml; echo new > $f/new.yml; chmod 755 $f/new.yml";
    let script = room.script(&[json!({"run": {"command": line}}), json!({"wait_ms": 600_000})]);
    let mut seat = Seat::start(&room, &["--agent", &script]);
    let command = seat.held();
    seat.approve(&command);
    let finished = seat.finished(&command["action"]);
    assert_eq!(files(&finished), [("a.txt", "modify", false)]);
    let detail = finished["detail"].as_str().unwrap();
    assert_eq!(detail, "its changes of .github/workflows/ci.yml, .github/workflows/new.yml are pending");
    assert_eq!((room.read("a.txt").as_str(), room.read(".github/workflows/ci.yml").as_str()), ("one\ntwo\n", "old\n"));
    let held = seat.held();
    let result = seat.proposal(&held["action"]);
    assert_eq!(result["title"], json!(format!("promote the result of {}", command["action"].as_str().unwrap())));
    assert!(
        seat.events.iter().any(|e| e["kind"] == "alarm" && e["what"] == "guard_rail" && e["action"] == held["action"])
    );
    let word = held["confirm"].as_str().unwrap().to_owned();
    assert!(seat.decide(&held, "approve", json!({"confirm": "yes", "reason": "x"})).is_err(), "another word");
    seat.decide(&held, "approve", json!({"confirm": word, "reason": "a new job"})).unwrap();
    let promoted = seat.finished(&held["action"]);
    assert_eq!(promoted["outcome"], "ok", "{promoted}");
    assert_eq!(room.read(".github/workflows/ci.yml"), "old\nevil\n");
    let mode = std::fs::metadata(room.workspace().join(".github/workflows/new.yml")).unwrap();
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&mode.permissions()) & 0o777, 0o755);
}

/// Outside of the declared paths everything is promoted by choice: whole, in part, or not at all.
#[test]
fn a_result_outside_of_the_declared_paths_is_promoted_by_hunk() {
    let long: String = (0..40).map(|n| format!("line {n}\n")).collect();
    let room = Room::with(&[("a.txt", &long), ("gone.txt", "gone\n"), ("src/a.rs", "old\n")]);
    if !room.is_layered() {
        return;
    }
    let config = room.dir.path().join("config/rightseat");
    std::fs::create_dir_all(&config).unwrap();
    std::fs::write(config.join("config.toml"), "[layer]\npromote = [\"src/**\"]\n").unwrap();
    let change = |word: &str| {
        format!("sed -i 's/^line 3$/{word} 3/;s/^line 30$/{word} 30/' a.txt; rm -f gone.txt; echo {word} > src/a.rs")
    };
    let run = |word: &str| json!({"run": {"command": change(word)}});
    let script = room.script(&[run("one"), run("two"), json!({"wait_ms": 600_000})]);
    let mut seat = Seat::start(&room, &["--agent", &script]);
    let command = seat.held();
    seat.approve(&command);
    let finished = seat.finished(&command["action"]);
    assert_eq!(files(&finished), [("src/a.rs", "modify", false)]);
    assert_eq!(room.read("a.txt"), long);
    let is_pending = |e: &Value| e["kind"] == "held" && e["action"] != command["action"];
    let pending = seat.ever("its result", is_pending);
    let result = seat.proposal(&pending["action"]);
    assert_eq!(result["kind"], "edit", "{result}");
    assert_eq!(pending["confirm"], Value::Null, "{pending}");
    // The first hunk of the text, and not the deletion.
    seat.decide(&pending, "approve", json!({"hunks": [0]})).unwrap();
    let promoted = seat.ever("its promotion", |e| e["kind"] == "finished" && e["action"] == pending["action"]);
    assert_eq!(promoted["outcome"], "ok", "{promoted}");
    assert_eq!(room.read("a.txt"), long.replace("line 3\n", "one 3\n"));
    assert!(room.exists("gone.txt"));
    // Not at all.
    let second = seat.ever("the second command", |e| {
        e["kind"] == "held" && e["action"] != pending["action"] && e["action"] != command["action"]
    });
    seat.approve(&second);
    seat.ever("its end", |e| e["kind"] == "finished" && e["action"] == second["action"]);
    let known = [&command["action"], &pending["action"], &second["action"]].map(Value::clone);
    let last = seat.ever("its result", |e| e["kind"] == "held" && !known.contains(&e["action"]));
    seat.decide(&last, "deny", json!({"reason": "no"})).unwrap();
    assert_eq!((room.read("src/a.rs").as_str(), room.exists("gone.txt")), ("two\n", true));
    assert_eq!(room.read("a.txt"), long.replace("line 3\n", "one 3\n"));
}

#[test]
fn a_command_is_previewed_in_a_layer_that_is_thrown_away() {
    let room = Room::with(&[("a.txt", "one\n")]);
    if !room.is_layered() {
        return;
    }
    let line = "echo seen; echo two >> a.txt; echo new > new.txt";
    let script = room.script(&[json!({"run": {"command": line}}), json!({"wait_ms": 600_000})]);
    let mut seat = Seat::start(&room, &["--agent", &script]);
    let held = seat.held();
    for digest in [json!(null), json!("0".repeat(64))] {
        let refused = seat.try_ask("candidate/test", json!({"action": held["action"], "digest": digest})).unwrap_err();
        assert_eq!(refused["code"], -32010, "nothing runs that was not seen: {refused}");
    }
    let preview = seat.ask("candidate/test", json!({"action": held["action"], "digest": held["digest"]}));
    let finished = seat.finished(&preview["action"]);
    let detail = finished["detail"].as_str().unwrap();
    assert!(detail.ends_with("it would change: change a.txt, create new.txt"), "{finished}");
    assert_eq!(finished["files"], Value::Null);
    seat.ever("its output", |e| e["kind"] == "output" && e["action"] == preview["action"] && e["tail"] == "seen\n");
    assert!(!room.exists("new.txt") && room.read("a.txt") == "one\n");
    // It is still pending, and runs when it is approved.
    seat.approve(&held);
    seat.finished(&held["action"]);
    assert_eq!((room.read("a.txt"), room.read("new.txt")), ("one\ntwo\n".into(), "new\n".into()));
}

#[test]
fn a_preview_changes_no_build_folder() {
    let room = Room::with(&[("a.txt", "one\n"), (".gitignore", "target\n"), ("target/x", "built\n")]);
    if !room.is_layered() {
        return;
    }
    // A folder that the command names is not shared anyway.
    let line = "t=tar; cd ${t}get; cat x; echo evil > x; echo new > y; cat x";
    let script = room.script(&[json!({"run": {"command": line}}), json!({"wait_ms": 600_000})]);
    let mut seat = Seat::start(&room, &["--agent", &script]);
    let held = seat.held();
    let preview = seat.ask("candidate/test", json!({"action": held["action"], "digest": held["digest"]}));
    let finished = seat.finished(&preview["action"]);
    assert_eq!(finished["layer"]["shared"], Value::Null, "{finished}");
    seat.ever("its output", |e| {
        e["kind"] == "output" && e["action"] == preview["action"] && e["tail"].as_str().unwrap().ends_with("evil\n")
    });
    assert!(room.read("target/x") == "built\n" && !room.exists("target/y"));
    // When it is approved, the folder is the real one.
    seat.approve(&held);
    let finished = seat.finished(&held["action"]);
    assert_eq!(finished["layer"]["shared"], json!(["target"]), "{finished}");
    assert_eq!(room.read("target/x"), "evil\n");
}

/// No rule can be asked about it.
#[test]
fn a_name_that_is_not_utf8_is_kept_beside_the_session() {
    let room = Room::with(&[("a.txt", "one\n")]);
    if !room.is_layered() {
        return;
    }
    let line = "f=$(printf 'ci\\377.yml'); mkdir -p .github/workflows; echo x > .github/workflows/$f; echo x > b.txt";
    let script = room.script(&[json!({"run": {"command": line}}), json!({"wait_ms": 600_000})]);
    let mut seat = Seat::start(&room, &["--agent", &script]);
    let held = seat.held();
    seat.approve(&held);
    let finished = seat.finished(&held["action"]);
    assert!(room.exists("b.txt"), "{finished}");
    let detail = finished["detail"].as_str().unwrap();
    assert!(detail.contains("was not promoted; the command's version is "), "{finished}");
    let workflows = room.workspace().join(".github/workflows");
    assert_eq!(std::fs::read_dir(workflows).map_or(0, Iterator::count), 0);
}

#[test]
fn a_test_run_leaves_no_trace() {
    let test = "import unittest\n\n\nclass T(unittest.TestCase):\n    def test_s(self):\n        open('trace.txt', 'w').write('x')\n";
    let room = Room::with(&[("conftest.py", ""), ("test_s.py", test)]);
    if !room.is_layered() {
        return;
    }
    let script = room.script(&[json!({"tests": {}}), json!({"wait_ms": 600_000})]);
    let mut seat = Seat::start(&room, &["--agent", &script]);
    let id = seat.wait_kind("check_started")["action"].clone();
    let finished = seat.finished(&id);
    assert_eq!((&finished["apart"], &finished["files"]), (&json!(true), &Value::Null), "{finished}");
    assert!(!room.exists("trace.txt") && !room.exists("__pycache__"));
    assert_eq!(seat.ever("the result", |e| e["kind"] == "check_finished")["passed"], 1);
}

/// kill -9 while files are being carried over: the next host carries over the rest.
#[test]
fn a_promotion_goes_on_after_the_host_was_killed() {
    let room = Room::with(&[("a.txt", "one\n")]);
    if !room.is_layered() {
        return;
    }
    let line = "mkdir made; for n in $(seq 1500); do echo $n > made/$n; done; rm a.txt";
    let script = room.script(&[json!({"run": {"command": line}}), json!({"wait_ms": 600_000})]);
    let mut seat = Seat::start(&room, &["--agent", &script]);
    let held = seat.held();
    seat.approve(&held);
    let count = || {
        std::fs::read_dir(room.workspace().join("made")).map_or(0, |entries| {
            entries.flatten().filter(|entry| !entry.file_name().to_string_lossy().starts_with('.')).count()
        })
    };
    until("the promotion has begun", || count() > 0);
    seat.kill();
    println!("killed after {} of 1500 files", count());
    let session = only_session(&room);
    let again = Seat::attach(&room, &session);
    assert_eq!(count(), 1500);
    assert!(!room.exists("a.txt"));
    for n in [1, 750, 1500] {
        assert_eq!(room.read(&format!("made/{n}")), format!("{n}\n"));
    }
    again.close();
    assert_verifies(&room, &session);
}

/// A directory with many files, and a guarded one, whose promotion takes a moment.
const MANY: &str = "f=$(echo .git)hub/workflows; mkdir -p $f made; echo x > $f/ci.yml; for n in $(seq 4000); do echo $n > made/$n; done";

fn has_begun(room: &Room) -> bool {
    std::fs::read_dir(room.workspace().join("made")).is_ok_and(|entries| entries.count() > 0)
}

/// The journal has what a killed host promoted, and its guarded part waits as ever.
#[test]
fn a_promotion_of_a_killed_host_is_recorded_by_the_next() {
    let room = Room::with(&[("a.txt", "one\n")]);
    if !room.is_layered() {
        return;
    }
    let script = room.script(&[json!({"run": {"command": MANY}}), json!({"wait_ms": 600_000})]);
    let mut seat = Seat::start(&room, &["--agent", &script]);
    let held = seat.held();
    seat.approve(&held);
    until("the promotion has begun", || has_begun(&room));
    seat.kill();
    let session = only_session(&room);
    let mut again = Seat::attach(&room, &session);
    let finished = again.finished(&held["action"]);
    assert_eq!((&finished["outcome"], &finished["apart"]), (&json!("recovered"), &json!(true)), "{finished}");
    assert_eq!(finished["files"].as_array().map_or(0, Vec::len), 4003, "the directories, too");
    assert!(finished["detail"].as_str().unwrap().starts_with("the host died while the result was promoted"));
    let result = again.ever("its result", |e| e["kind"] == "held" && e["action"] != held["action"]);
    let word = result["confirm"].as_str().unwrap().to_owned();
    again.decide(&result, "approve", json!({"confirm": word, "reason": "a new job"})).unwrap();
    assert_eq!(again.finished(&result["action"])["outcome"], "ok");
    assert_eq!(room.read(".github/workflows/ci.yml"), "x\n");
    again.close();
    assert_verifies(&room, &session);
}

#[test]
fn a_promotion_that_a_stop_meets_is_recorded() {
    let room = Room::with(&[("a.txt", "one\n")]);
    if !room.is_layered() {
        return;
    }
    let script = room.script(&[json!({"run": {"command": MANY}}), json!({"wait_ms": 600_000})]);
    let mut seat = Seat::start(&room, &["--agent", &script]);
    let held = seat.held();
    seat.approve(&held);
    until("the promotion has begun", || has_begun(&room));
    seat.ask("gate/stop", json!({}));
    let finished = seat.finished(&held["action"]);
    assert_eq!(finished["outcome"], "ok", "{finished}");
    assert_eq!(finished["files"].as_array().map_or(0, Vec::len), 4003);
    seat.ask("session/close", json!({}));
    assert_verifies(&room, &only_session(&room));
}

#[test]
fn a_stop_ends_what_runs_in_a_layer_and_nothing_of_it_is_kept() {
    let room = Room::with(&[("a.txt", "one\n")]);
    if !room.is_layered() {
        return;
    }
    let stubborn = "echo x > left; trap '' TERM; setsid sh -c 'trap \"\" TERM; while :; do sleep 1; done' & \
                    (sh -c 'while :; do sleep 1; done' &) ; echo begun; while :; do sleep 1; done";
    let script = room.script(&[json!({"run": {"command": stubborn}})]);
    let mut seat = Seat::start(&room, &["--agent", &script]);
    let held = seat.held();
    seat.approve(&held);
    seat.ever("its output", |e| e["kind"] == "output" && e["action"] == held["action"]);
    let census = seat.ask("gate/stop", json!({}));
    assert_eq!((&census["survivors"], &census["unknown"]), (&json!([]), &json!([])), "{census}");
    assert!(census["ended"].as_array().unwrap().len() >= 3, "{census}");
    seat.wait_kind("stopped");
    assert!(!room.exists("left"));
}

/// Tools that are installed below `/tmp` are found there, although `/tmp` is new for every command.
#[test]
fn programs_on_the_path_are_found_below_the_private_tmp() {
    let room = Room::with(&[("a.txt", "one\n")]);
    if !room.is_layered() {
        return;
    }
    let tools = tempfile::tempdir_in("/tmp").unwrap();
    std::fs::write(tools.path().join("greet"), "#!/bin/sh\necho hello > greeting.txt\n").unwrap();
    std::fs::set_permissions(tools.path().join("greet"), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let script = room.script(&[json!({"run": {"command": "greet; ls /tmp > seen.txt"}})]);
    let mut command = room.command(&["--headless", "--agent", &script]);
    command.env("PATH", format!("{}:{}", tools.path().display(), std::env::var("PATH").unwrap()));
    let mut seat = Seat::start_by(command);
    let held = seat.held();
    seat.approve(&held);
    let finished = seat.finished(&held["action"]);
    assert_eq!(finished["exit"], 0, "{finished}");
    assert_eq!(room.read("greeting.txt"), "hello\n");
    let others = room.read("seen.txt").lines().count();
    assert!(others <= 3, "only what is needed is there: {}", room.read("seen.txt"));
    seat.close();
}

/// The run of a proposal's tests sees its copy at the path of the workspace, and can write nowhere else.
#[test]
fn a_test_of_a_candidate_leaves_no_trace() {
    let room = Room::with(&[("check.sh", "echo 1..1; echo 'not ok 1 - here'\n"), (".gitignore", ".venv\n")]);
    if !room.is_layered() {
        return;
    }
    room.write(".venv/pyvenv.cfg", "");
    room.write(".venv/yours", "yours\n");
    let outside = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let config = room.dir.path().join("config/rightseat");
    std::fs::create_dir_all(&config).unwrap();
    let checks = "[checks]\ncommand = [\"bash\", \"check.sh\"]\nformat = \"tap\"\n";
    std::fs::write(config.join("config.toml"), checks).unwrap();
    let root = room.workspace().canonicalize().unwrap();
    let (at, out) = (root.display(), outside.path().display());
    let check = format!(
        "echo x > trace.txt; (echo x > {out}/trace) 2>/dev/null; (echo x > .venv/trace) 2>/dev/null\n\
         echo 1..2; [ $PWD = {at} ] && echo 'ok 1 - here' || echo \"not ok 1 - $PWD\"\n\
         [ \"$(cat .venv/yours)\" = yours ] && echo 'ok 2 - env' || echo 'not ok 2 - env'\n"
    );
    let script = room.script(&[json!({"edit": {"path": "check.sh", "after": check}}), json!({"wait_ms": 600_000})]);
    let mut seat = Seat::start(&room, &["--agent", &script]);
    let held = seat.held();
    for _ in 0..2 {
        let own = seat.ask("candidate/test", json!({"action": held["action"], "digest": held["digest"]}));
        let run = seat.wait("the result", |e| e["kind"] == "check_finished");
        seat.finished(&own["action"]);
        assert_eq!((&run["passed"], &run["failed"]), (&json!(2), &json!(0)), "{run}");
    }
    assert!(!room.exists("trace.txt") && !room.exists(".venv/trace") && !outside.path().join("trace").exists());
}
