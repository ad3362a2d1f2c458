//! One action from proposal to its end, and back.

use crate::seat::{Room, Seat, assert_verifies, until};
use serde_json::{Value, json};

const TEXT: &str = "one\ntwo\nthree\nfour\nfive\nsix\nseven\neight\nnine\nten\n";

fn two_hunks() -> String {
    TEXT.replace("one", "ONE").replace("ten", "TEN")
}

#[test]
fn an_approved_edit_is_on_disk_byte_for_byte_and_attributed() {
    let room = Room::with(&[("a.txt", "one\r\ntwo")]);
    let script = room.script(&[json!({"edit": {"path": "a.txt", "old": "two", "new": "2", "why": "digits"}})]);
    let mut seat = Seat::start(&room, &["--agent", &script]);
    let held = seat.held();
    assert_eq!(room.read("a.txt"), "one\r\ntwo", "nothing happens before the decision");
    seat.approve(&held);
    let finished = seat.finished(&held["action"]);
    assert_eq!(finished["outcome"], "ok");
    assert_eq!(room.read("a.txt"), "one\r\n2");
    let observed = seat.ever("the watcher's word", |e| e["kind"] == "observed");
    assert_eq!(observed["by"], json!({"action": held["action"]}));
    seat.wait_kind("session_ended");
    let session = seat.session.clone();
    assert_eq!(seat.close().0, 0);
    assert_verifies(&room, &session);
}

#[test]
fn a_hunk_can_be_approved_without_the_other() {
    let room = Room::with(&[("a.txt", TEXT)]);
    let script = room.script(&[json!({"edit": {"path": "a.txt", "after": two_hunks()}}), json!({"told": "TEN"})]);
    let mut seat = Seat::start(&room, &["--agent", &script]);
    let held = seat.held();
    // Naming one hunk twice is not naming both.
    let answer = seat.decide(&held, "approve", json!({"hunks": [0, 0]})).unwrap();
    assert_eq!(answer["verdict"], "approve_edited");
    assert_eq!(seat.finished(&held["action"])["outcome"], "ok");
    assert_eq!(room.read("a.txt"), TEXT.replace("one", "ONE"));
    let ended = seat.wait_kind("session_ended");
    assert_eq!(ended["outcome"], "done", "the agent was told what was left out: {ended}");
}

/// Read only, and a tree: a process names whose child it is.
#[test]
fn what_runs_for_a_session_is_listed() {
    let room = Room::with(&[]);
    let script = room.script(&[json!({"run": {"command": "sleep 300"}})]);
    let mut seat = Seat::start(&room, &["--agent", &script]);
    let held = seat.held();
    seat.approve(&held);
    seat.wait_kind("started");
    let sleeps = |answer: &Value| {
        let all = answer["processes"].as_array().cloned().unwrap_or_default();
        all.iter()
            .any(|one| one["argv"].as_str().is_some_and(|argv| argv.starts_with("sleep 300")) && one["parent"].is_i64())
    };
    let end = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while !sleeps(&seat.ask("session/processes", json!({}))) {
        assert!(std::time::Instant::now() < end, "the command was never listed");
    }
    seat.ask("gate/stop", json!({}));
    assert!(!sleeps(&seat.ask("session/processes", json!({}))), "it was ended");
}

/// One answer: the human's version of the file, and of that not every hunk.
#[test]
fn an_edited_version_is_taken_by_hunks() {
    let room = Room::with(&[("a.txt", TEXT)]);
    let script = room.script(&[json!({"edit": {"path": "a.txt", "after": two_hunks()}}), json!({"told": r"\+Mine"})]);
    let mut seat = Seat::start(&room, &["--agent", &script]);
    let held = seat.held();
    let mine = two_hunks().replace("ONE", "Mine");
    let choice = |hunks: Value| json!({"edited": {"files": [{"path": "a.txt", "after": mine}]}, "hunks": hunks});
    let refused = seat.decide(&held, "approve_edited", choice(json!([7]))).unwrap_err();
    assert!(refused["message"].as_str().unwrap().contains("only 2 hunks"), "{refused}");
    let refused = seat.decide(&held, "approve_edited", choice(json!([]))).unwrap_err();
    assert!(refused["message"].as_str().unwrap().contains("the edit is empty"), "{refused}");
    let answer = seat.decide(&held, "approve_edited", choice(json!([0]))).unwrap();
    assert_eq!(answer["verdict"], "approve_edited");
    assert_eq!(seat.finished(&held["action"])["outcome"], "ok");
    assert_eq!(room.read("a.txt"), TEXT.replace("one", "Mine"));
    let ended = seat.wait_kind("session_ended");
    assert_eq!(ended["outcome"], "done", "{ended}");
}

#[test]
fn a_human_rewrites_a_proposal_and_the_agent_is_told_how() {
    let room = Room::with(&[("a.txt", TEXT)]);
    let script = room.script(&[
        json!({"edit": {"path": "a.txt", "after": "agent\n"}}),
        json!({"told": r"(?s)-agent.*\+human"}),
        json!({"run": {"command": "echo agent > made.txt"}}),
        json!({"told": "echo human"}),
    ]);
    let mut seat = Seat::start(&room, &["--agent", &script]);
    let held = seat.held();
    let edited = json!({"edited": {"files": [{"path": "a.txt", "after": "human\n"}]}});
    seat.decide(&held, "approve_edited", edited).unwrap();
    seat.finished(&held["action"]);
    assert_eq!(room.read("a.txt"), "human\n");
    let held = seat.held();
    let edited = json!({"edited": {"command": {"shell": "echo human > made.txt"}}});
    seat.decide(&held, "approve_edited", edited).unwrap();
    let finished = seat.finished(&held["action"]);
    assert_eq!(finished["files"][0]["path"], "made.txt");
    assert_eq!(room.read("made.txt"), "human\n");
    assert_eq!(seat.wait_kind("session_ended")["outcome"], "done");
}

#[test]
fn denials_and_redirects_change_nothing_and_are_told() {
    let room = Room::with(&[("a.txt", TEXT)]);
    let script = room.script(&[
        json!({"edit": {"path": "a.txt", "after": "x"}}),
        json!({"told": "too short"}),
        json!({"edit": {"path": "a.txt", "after": "y"}}),
        json!({"told": "use b.txt"}),
        json!({"edit": {"path": "b.txt", "after": "z"}}),
    ]);
    let mut seat = Seat::start(&room, &["--agent", &script]);
    let held = seat.held();
    seat.decide(&held, "deny", json!({"reason": "too short"})).unwrap();
    let held = seat.held();
    seat.decide(&held, "redirect", json!({"reason": "use b.txt"})).unwrap();
    let held = seat.held();
    assert_eq!(room.read("a.txt"), TEXT);
    seat.approve(&held);
    assert_eq!(seat.wait_kind("session_ended")["outcome"], "done");
    assert_eq!(room.read("b.txt"), "z");
}

#[test]
fn an_undo_can_be_undone_and_out_of_order_undo_merges() {
    let room = Room::with(&[("a.txt", TEXT)]);
    let script = room.script(&[
        json!({"edit": {"path": "a.txt", "old": "one", "new": "ONE"}}),
        json!({"edit": {"path": "a.txt", "old": "ten", "new": "TEN"}}),
    ]);
    let mut seat = Seat::start(&room, &["--agent", &script]);
    let mut actions = Vec::new();
    for _ in 0..2 {
        let held = seat.held();
        seat.approve(&held);
        seat.finished(&held["action"]);
        actions.push(held["action"].clone());
    }
    assert_eq!(room.read("a.txt"), two_hunks());
    let undo = seat.ask("checkpoint/undo", json!({"action": actions[0]}))["action"].clone();
    seat.wait_kind("reverted");
    assert_eq!(room.read("a.txt"), TEXT.replace("ten", "TEN"), "only the first action is taken back");
    assert!(seat.try_ask("checkpoint/undo", json!({"action": actions[0]})).is_err(), "not twice");
    seat.ask("checkpoint/undo", json!({"action": undo}));
    let again = seat.wait_kind("reverted");
    assert_eq!(again["again"], true);
    assert_eq!(room.read("a.txt"), two_hunks());
    let answer = seat.ask("checkpoint/rewind", json!({"action": actions[0], "preview": true}));
    assert_eq!(answer["files"][0]["path"], "a.txt");
    seat.ask("checkpoint/rewind", json!({"action": actions[0]}));
    seat.wait_kind("reverted");
    assert_eq!(room.read("a.txt"), TEXT);
}

#[test]
fn bytes_that_are_not_text_are_approved_whole_and_undone_exactly() {
    let room = Room::with(&[]);
    std::fs::write(room.workspace().join("b.bin"), [0, 159, 146, 150]).unwrap();
    let script = room.script(&[json!({"edit": {"path": "b.bin", "change": "delete"}})]);
    let mut seat = Seat::start(&room, &["--agent", &script]);
    let held = seat.held();
    assert_eq!(seat.proposal(&held["action"])["files"][0]["before"]["bytes"], 4);
    seat.approve(&held);
    seat.finished(&held["action"]);
    assert!(!room.exists("b.bin"));
    seat.ask("checkpoint/undo", json!({"action": held["action"]}));
    seat.wait_kind("reverted");
    assert_eq!(std::fs::read(room.workspace().join("b.bin")).unwrap(), [0, 159, 146, 150]);
}

#[test]
fn what_an_agent_states_is_held_against_the_disk() {
    let room = Room::with(&[("a.txt", "one\n")]);
    let outside = room.dir.path().join("outside.txt");
    std::os::unix::fs::symlink(&outside, room.workspace().join("link")).unwrap();
    let script = room.script(&[
        json!({"edit": {"path": "a.txt", "old": "absent", "new": "x"}}),
        json!({"told": "not in the file"}),
        json!({"edit": {"path": "../up.txt", "after": "x"}}),
        json!({"told": "leaves the workspace"}),
        json!({"edit": {"path": "/etc/made", "after": "x"}}),
        json!({"told": "outside"}),
        json!({"edit": {"path": "link", "after": "x"}}),
        json!({"told": "outside|link"}),
    ]);
    let mut seat = Seat::start(&room, &["--agent", &script]);
    let ended = seat.wait_kind("session_ended");
    assert_eq!(ended["outcome"], "done", "{ended}");
    assert_eq!(seat.count("held"), 0);
    assert!(!outside.exists());
}

#[test]
fn a_test_changed_beside_its_code_is_said_out_loud() {
    let check = |lines: &[serde_json::Value], expect: usize| {
        let room = Room::with(&[("sums.py", "one\n"), ("test_sums.py", "two\n")]);
        let script = room.script(lines);
        let mut seat = Seat::start(&room, &["--agent", &script]);
        for _ in lines {
            let held = seat.held();
            seat.approve(&held);
            seat.finished(&held["action"]);
        }
        seat.wait_kind("session_ended");
        let said = seat.events.iter().filter(|e| e["kind"] == "alarm" && e["what"] == "test_tampering").count();
        assert_eq!(said, expect, "{lines:?}");
    };
    let code = json!({"edit": {"path": "sums.py", "after": "ONE\n"}});
    let test = json!({"edit": {"path": "test_sums.py", "after": "TWO\n"}});
    let new_test = json!({"edit": {"path": "test_more.py", "after": "three\n"}});
    check(&[code.clone(), test.clone()], 1);
    check(&[test.clone(), code.clone()], 1);
    check(&[new_test, code], 0);
    check(&[test], 0);
}

/// In the journal before it is in force, for what waits as well, and for the next host of the session.
#[test]
fn an_added_rule_counts_at_once_and_after_a_restart() {
    let room = Room::with(&[]);
    let touch = |name: &str| json!({"run": {"command": format!("touch {name}")}});
    let script = room.script(&[touch("a"), touch("b"), json!({"wait_ms": 600_000})]);
    let mut seat = Seat::start(&room, &["--mode", "step", "--agent", &script]);
    let held = seat.held();
    let rule = |text: &str| json!({ "rule": text });
    let tighten = |seat: &mut Seat, text: &str| seat.try_ask("policy/tighten", rule(text));
    assert!(tighten(&mut seat, "[[rule]]\nruling = \"allow\"\ncommand = \"touch *\"").is_err(), "it never loosens");
    assert!(tighten(&mut seat, "no rule").is_err());
    let answer = tighten(&mut seat, "[[rule]]\nruling = \"deny\"\ncommand = \"touch *\"").expect("the rule is taken");
    assert_eq!(answer["denied"], json!([held["action"]]));
    let denied = seat.ever("the second is denied unasked", |e| e["kind"] == "decided" && e["action"] == "a2");
    assert_eq!((&denied["verdict"], &denied["by"]["rule"]), (&json!("deny"), &json!("added:1")));
    assert_eq!(seat.count("policy_tightened"), 1);
    let session = seat.session.clone();
    seat.kill();
    assert_verifies(&room, &session);
    let mut again = Seat::attach(&room, &session);
    again.ask("session/prompt", json!({"text": "once more"}));
    let denied = again.ever("it is still in force", |e| e["kind"] == "decided" && e["action"] == "a3");
    assert_eq!(denied["by"]["rule"], "added:1");
    again.ask("session/close", json!({}));
}

/// Nothing runs to know it.
#[test]
fn a_dangerous_command_says_what_it_would_touch() {
    let room = Room::with(&[("build/1.o", "1"), ("build/sub/2.o", "2"), ("kept", "k")]);
    let script = room.script(&[
        json!({"run": {"command": "rm -rf build"}}),
        json!({"run": {"command": "make clean"}}),
        json!({"run": {"command": "rm -rf $WHAT"}}),
        json!({"run": {"command": "touch kept"}}),
    ]);
    let mut seat = Seat::start(&room, &["--mode", "step", "--agent", &script]);
    let mut touches = || {
        let held = seat.held();
        let touches = seat.proposal(&held["action"])["touches"].clone();
        seat.decide(&held, "deny", json!({})).expect("it is denied");
        touches
    };
    assert_eq!(touches(), json!({"files": 2, "first": ["build/1.o", "build/sub/2.o"]}));
    assert_eq!(touches(), json!({"files": 0, "first": [], "unknown": ["make can change anything"]}));
    assert_eq!(touches()["unknown"], json!(["a name known only to the shell"]));
    assert_eq!(touches(), json!({"files": 1, "first": ["kept"]}));
    assert!(room.exists("build/1.o"));
}

/// The patch of a session makes of the tree before it the tree after it.
#[test]
fn what_a_session_changed_is_a_patch() {
    let files = [("a.txt", "one\ntwo\nthree\n"), ("b/gone.txt", "away\n"), ("same.txt", "same\n")];
    let (room, other) = (Room::with(&files).without_layers(), Room::with(&files));
    let script = room.script(&[
        json!({"edit": {"path": "a.txt", "old": "two", "new": "2"}}),
        json!({"edit": {"path": "same.txt", "old": "same", "new": "other"}}),
        json!({"edit": {"path": "a.txt", "old": "three", "new": "3"}}),
        json!({"edit": {"path": "new.txt", "after": "new, without an end"}}),
        json!({"edit": {"path": "same.txt", "old": "other", "new": "same"}}),
        json!({"run": {"command": "rm b/gone.txt && echo made > made.txt"}}),
    ]);
    let mut seat = Seat::start(&room, &["--agent", &script]);
    for _ in 0..6 {
        let held = seat.held();
        seat.approve(&held);
        seat.finished(&held["action"]);
    }
    let session = crate::seat::only_session(&room);
    seat.close();
    let (code, patch, err) = room.run(&["export", &session, "--format", "patch"]);
    assert_eq!(code, 0);
    assert!(err.contains("2 changed files are not in the patch"), "{err}");
    let named: Vec<&str> = patch.lines().filter(|line| line.starts_with("# not in this patch")).collect();
    assert_eq!(
        named,
        [
            "# not in this patch, its content is not in the record: b/gone.txt",
            "# not in this patch, its content is not in the record: made.txt"
        ],
        "{patch}"
    );
    assert!(!patch.contains("same.txt"), "what was changed and changed back is no change: {patch}");
    std::fs::write(other.workspace().join("p"), &patch).unwrap();
    let applied =
        std::process::Command::new("git").args(["apply", "p"]).current_dir(other.workspace()).status().unwrap();
    assert!(applied.success(), "{patch}");
    for name in ["a.txt", "new.txt", "same.txt"] {
        assert_eq!(other.read(name), room.read(name), "{name}");
    }
}

/// A case that fails with the proposed tests too is not what they hide.
#[test]
fn what_fails_anyway_is_not_laid_to_a_change_of_the_tests() {
    let code = "def add(a, b):\n    return a - b\n\n\ndef div(a, b):\n    return a / b\n";
    let head = "import unittest\nfrom calc import add, div\n\n\nclass Calc(unittest.TestCase):\n";
    let case = |name: &str, check: &str| format!("    def test_{name}(self):\n        {check}\n\n");
    let add = case("add", "self.assertEqual(add(2, 3), 5)");
    let test = format!("{head}{add}{}", case("div", "self.assertEqual(div(6, 3), 2)"));
    let reworded = format!("{head}{add}{}", case("div", "self.assertEqual(div(8, 4), 2)"));
    let room = Room::with(&[("calc.py", code), ("test_calc.py", &test)]);
    let script = room.script(&[json!({"edit": {"path": "test_calc.py", "after": reworded}})]);
    let mut seat = Seat::start(&room, &["--mode", "step", "--agent", &script]);
    let held = seat.held();
    let own = seat.ask("candidate/test", json!({"action": held["action"], "digest": held["digest"]}));
    seat.finished(&own["action"]);
    let runs = seat.events.iter().filter(|event| event["kind"] == "check_finished").count();
    assert_eq!(runs, 2, "with the original tests and with the proposed ones");
    let said = |words: &str| seat.events.iter().any(|event| event["text"].as_str().is_some_and(|t| t.contains(words)));
    assert!(said("no other tests fail than with the proposed ones"), "{:?}", seat.events);
    assert!(!seat.events.iter().any(|event| event["what"] == "test_tampering"), "{:?}", seat.events);
}

/// What an edit of a test checks less is said before the decision, and a test of the candidate runs the original tests first.
#[test]
fn a_weakened_test_is_said_and_the_original_tests_are_run() {
    let code = "def add(a, b):\n    return a - b\n";
    let test = "import unittest\nfrom calc import add\n\n\nclass Calc(unittest.TestCase):\n    def test_add(self):\n        self.assertEqual(add(2, 3), 5)\n";
    let weak = test.replace("5)", "-1)");
    let room = Room::with(&[("calc.py", code), ("test_calc.py", test)]);
    let script = room.script(&[json!({"tests": {}}), json!({"edit": {"path": "test_calc.py", "after": weak}})]);
    let mut seat = Seat::start(&room, &["--mode", "step", "--agent", &script]);
    let held = seat.held();
    seat.approve(&held);
    seat.finished(&held["action"]);
    let held = seat.held();
    let said = |seat: &Seat, what: &str| {
        let alarms = seat.events.iter().filter(|e| e["kind"] == "alarm" && e["what"] == what);
        alarms.map(|e| e["text"].as_str().unwrap_or_default().to_owned()).collect::<Vec<_>>()
    };
    let weakened = seat.ever("the weakened test", |e| e["what"] == "weakened_test");
    let action = held["action"].as_str().unwrap();
    assert_eq!(
        weakened["text"],
        format!("{action} weakens tests: test_calc.py:7: expects what the failing run gave: `5` became `-1`")
    );
    let own = seat.ask("candidate/test", json!({"action": held["action"], "digest": held["digest"]}));
    seat.finished(&own["action"]);
    let original = said(&seat, "test_tampering");
    let last = original.last().unwrap();
    assert!(last.starts_with(&format!("with the original test_calc.py and {action}, 1 test fails: ")), "{original:?}");
    let runs: Vec<_> =
        seat.events.iter().filter(|e| e["kind"] == "check_finished").map(|e| e["failed"].clone()).collect();
    assert_eq!(runs, [json!(1), json!(1), json!(0)], "the workspace, the original tests, the tests as proposed");
}

/// The tests run by themselves where that is set: after an approved edit, and after a change of the user's own; a run that
/// changes nothing makes no other one due.
#[test]
fn tests_run_by_themselves_after_edits_and_after_changes() {
    let test = "import unittest\nfrom calc import add\n\n\nclass Calc(unittest.TestCase):\n    def test_add(self):\n        self.assertEqual(add(2, 3), 5)\n";
    let (wrong, right) = ("def add(a, b):\n    return a - b\n", "def add(a, b):\n    return a + b\n");
    let room = Room::with(&[("calc.py", wrong), ("test_calc.py", test)]);
    let script = room.script(&[
        json!({"edit": {"path": "calc.py", "after": right}}),
        json!({"edit": {"path": "notes.txt", "after": "one\n"}}),
        json!({"wait_ms": 600_000}),
    ]);
    let mut seat = Seat::start(&room, &["--agent", &script]);
    let held = seat.held();
    let set = |seat: &mut Seat, after: &str| seat.ask("session/checks", json!({ "run_after": after }));
    assert_eq!(set(&mut seat, "edits")["run_after"], "edits");
    seat.approve(&held);
    assert_eq!(seat.wait_kind("check_finished")["passed"], 1);
    assert_eq!(set(&mut seat, "changes")["run_after"], "changes");
    room.write("calc.py", wrong);
    let finished = seat.wait_kind("check_finished");
    assert_eq!((&finished["failed"], finished["broken"].as_array().map(Vec::len)), (&json!(1), Some(1)), "{finished}");
    assert_eq!(set(&mut seat, "never")["run_after"], "never");
    let held = seat.ever("the second edit", |e| e["kind"] == "held" && e["action"] != held["action"]);
    seat.approve(&held);
    seat.finished(&held["action"]);
    seat.ask("session/close", json!({}));
    seat.wait_kind("session_ended");
    assert_eq!(seat.count("check_started"), 2);
    let by: Vec<_> = seat.events.iter().filter(|e| e["kind"] == "decided").map(|e| e["by"].clone()).collect();
    assert!(by.iter().any(|by| by.to_string().contains("test-command")), "the rule for tests let it through: {by:?}");
}

/// What an agent says of its action is held against the action and against what was read.
#[test]
fn a_reason_that_does_not_fit_the_action_is_said() {
    let room = Room::with(&[("calc.py", "def add(a, b):\n    return a - b\n"), ("util.py", "x = 1\n")]);
    let script = room.script(&[
        json!({"read": {"path": "calc.py"}}),
        json!({"edit": {
            "path": "calc.py", "after": "def add(a, b):\n    return a + b\n", "why": "This only reformats the file.",
            "evidence": [{"kind": "read", "text": "util.py says so", "ref": "util.py"}]
        }}),
    ]);
    let mut seat = Seat::start(&room, &["--agent", &script]);
    let held = seat.held();
    let mut said = Vec::new();
    for _ in 0..2 {
        said.push(seat.ever("a contradiction", |e| e["what"] == "contradiction" && !said.contains(e)));
    }
    assert!(said.iter().all(|alarm| alarm["action"] == held["action"]));
    let read = seat.ever("the read", |e| e["kind"] == "finished" && e["reads"].is_array())["reads"][0].clone();
    let before = seat.proposal(&held["action"])["files"][0]["before"].clone();
    assert_eq!(read["path"], "calc.py");
    assert_eq!(before.as_str(), Some("def add(a, b):\n    return a - b\n"));
    assert!(read["digest"].is_string(), "the version that was read is on record: {read}");
    let texts: Vec<_> = said.iter().map(|alarm| alarm["text"].as_str().unwrap()).collect();
    assert!(texts.iter().any(|text| text.contains("changes by more than only formatting")), "{texts:?}");
    assert!(texts.iter().any(|text| text.contains("cites util.py, which it was not seen to read")), "{texts:?}");
}

/// A test of a candidate with coverage says which of the changed lines ran; patterns of the user's own read any runner.
#[test]
fn coverage_and_patterns_of_the_users_own_are_read() {
    let room = Room::with(&[
        ("calc.sh", "echo one\n"),
        (
            "check.sh",
            "echo PASS one\necho FAIL two\necho '  got 3'\nprintf 'SF:calc.sh\\nDA:1,1\\nDA:2,0\\nend_of_record\\n' >cov.info\nexit 1\n",
        ),
    ]);
    room.configure(
        "[checks]\ncommand = \"sh check.sh\"\npassed = '^PASS (?<name>\\S+)'\nfailed = '^FAIL (?<name>\\S+)'\ncoverage_command = \"sh check.sh\"\ncoverage_file = \"cov.info\"\n",
    );
    let script = room.script(&[json!({"edit": {"path": "calc.sh", "after": "echo 1\necho 2\n# three\n"}})]);
    let mut seat = Seat::start(&room, &["--agent", &script]);
    let held = seat.held();
    let own = seat.ask("candidate/test", json!({"action": held["action"], "digest": held["digest"]}));
    let finished = seat.wait_kind("check_finished");
    assert_eq!((&finished["passed"], &finished["failed"]), (&json!(1), &json!(1)), "{finished}");
    let covered = &finished["covered"][0];
    assert_eq!((&covered["path"], &covered["ran"], &covered["missed"]), (&json!("calc.sh"), &json!([1]), &json!([2])));
    assert!(covered["content"].is_string(), "the version that was tested is named: {finished}");
    seat.finished(&own["action"]);
    assert!(!room.exists("cov.info"), "the workspace has no trace of it");
}

/// Where several actions came between passing and failing, halves of them are run in a copy until one is left; the same
/// case run several times says whether it is stable.
#[test]
fn the_action_that_broke_a_case_is_found_by_halves() {
    let test = "import unittest, calc\n\n\nclass Calc(unittest.TestCase):\n    def test_add(self):\n        self.assertEqual(calc.add(2, 3), 5)\n";
    let code = |tail: &str| format!("def add(a, b):\n    return a {tail}\n");
    let room = Room::with(&[("calc.py", &code("+ b")), ("test_calc.py", test)]);
    let edit = |path: &str, after: &str| json!({"edit": {"path": path, "after": after}});
    let script = room.script(&[
        json!({"tests": {}}),
        edit("one.txt", "1\n"),
        edit("calc.py", &code("- b")),
        edit("calc.py", &code("- b  # the difference")),
        edit("two.txt", "2\n"),
        json!({"tests": {}}),
        json!({"wait_ms": 600_000}),
    ]);
    let mut seat = Seat::start(&room, &["--agent", &script]);
    let mut edits = Vec::new();
    for _ in 0..4 {
        let held = seat.held();
        seat.approve(&held);
        seat.finished(&held["action"]);
        edits.push(held["action"].clone());
    }
    let failed = seat.wait("the failing run", |e| e["kind"] == "check_finished" && e["failed"] == 1);
    let case = failed["broken"][0].clone();
    let own = seat.ask("candidate/test", json!({"cases": [case], "search": "bisect"}));
    let found =
        seat.wait("the culprit", |e| e["kind"] == "agent_noted" && e["text"].to_string().contains("was broken by"));
    assert!(found["text"].as_str().unwrap().ends_with(edits[1].as_str().unwrap()), "{found} of {edits:?}");
    seat.finished(&own["action"]);
    let own = seat.ask("candidate/test", json!({"cases": [case], "search": "repeat"}));
    let said =
        seat.wait("the verdict", |e| e["kind"] == "agent_noted" && e["text"].to_string().contains("on the same files"));
    assert!(said["text"].as_str().unwrap().contains("failed 5 times"), "{said}");
    seat.finished(&own["action"]);
    assert_eq!(room.read("calc.py"), code("- b  # the difference"), "the workspace is as it was");
}

/// Which lines came from which action, and who let it through.
#[test]
fn the_origins_of_lines_are_exported() {
    let room = Room::with(&[("a.txt", "one\ntwo\n")]);
    let edit = |after: &str, why: &str| json!({"edit": {"path": "a.txt", "after": after, "why": why}});
    let script =
        room.script(&[edit("one\nnew\ntwo\n", "a line is missing"), edit("zero\none\nnew\ntwo\n", "begin at zero")]);
    let mut seat = Seat::start(&room, &["--agent", &script]);
    let mut ids = Vec::new();
    for _ in 0..2 {
        let held = seat.held();
        seat.approve(&held);
        seat.finished(&held["action"]);
        ids.push(held["action"].as_str().unwrap().to_owned());
    }
    seat.wait_kind("session_ended");
    let (code, out, err) = room.run(&["export", &seat.session, "--format", "origins"]);
    assert_eq!(code, 0, "{err}");
    let lines: Vec<&str> = out.lines().map(str::trim).collect();
    assert!(lines.contains(&format!("1         {}", ids[1]).as_str()), "{out}");
    assert!(lines.contains(&format!("3         {}", ids[0]).as_str()), "{out}");
    assert!(out.contains("a line is missing") && out.contains("approved by"), "{out}");
    let (code, _, err) = room.run(&["export", &seat.session, "--format", "origins", "--pipeline"]);
    assert!(code != 0 && err.contains("the others are of the whole session"), "{err}");
}

/// The old host here is a socket that accepts, says nothing and closes, as one does whose session has just ended.
#[test]
fn who_attaches_to_a_host_that_is_just_ending_gets_the_next_one() {
    let room = Room::with(&[("a.txt", "one\n")]);
    let script = room.script(&[json!({"edit": {"path": "a.txt", "after": "two\n"}})]);
    let mut seat = Seat::start(&room, &["--agent", &script]);
    seat.held();
    let session = seat.session.clone();
    seat.kill();
    let socket = room.state().join("sessions").join(&session).join("host.sock");
    std::fs::remove_file(&socket).expect("the dead host's socket");
    let listener = std::os::unix::net::UnixListener::bind(&socket).expect("a socket");
    let ending = std::thread::spawn(move || {
        // One who asks whether it lives, and the client.
        (0..2).for_each(|_| drop(listener.accept().expect("a connection")));
    });
    let mut again = Seat::attach(&room, &session);
    again.held();
    ending.join().expect("no panic");
    again.ask("session/close", json!({}));
}

/// A command that changes a test is compared as an edit is.
#[test]
fn a_test_that_a_command_weakens_is_said() {
    let test = "import calc\n\n\ndef test_add():\n    assert calc.add(2, 3) == 5\n";
    let room = Room::with(&[("calc.py", "def add(a, b):\n    return a - b\n"), ("test_calc.py", test)]);
    let room = room.without_layers();
    let command = "sed -i 's/assert calc.*/pass/' test_calc.py";
    let script = room.script(&[json!({"run": {"command": command}}), json!({"wait_ms": 600_000})]);
    let mut seat = Seat::start(&room, &["--agent", &script]);
    let held = seat.held();
    seat.approve(&held);
    let alarm = seat.ever("the alarm", |e| e["what"] == "weakened_test");
    assert_eq!(alarm["action"], held["action"], "{alarm}");
    assert!(alarm["text"].as_str().unwrap().contains("test_calc.py:4"), "{alarm}");
}

/// Nobody attaches to a session that was started without a client: its host ends with it all the same.
#[test]
fn a_session_that_nobody_sees_ends_with_its_host() {
    let room = Room::with(&[]);
    let script = room.script(&[json!({"say": "nothing to do"})]);
    let (code, out, err) = room.run(&["--detached", "--agent", &script, "go"]);
    assert_eq!(code, 0, "{err}");
    let session = out.trim().strip_prefix("started ").expect("its name").to_owned();
    let listed = || room.run(&["ls", "--json"]).1;
    until("the host has ended", || listed().contains("\"running\":false") || listed().contains("\"running\": false"));
    assert_verifies(&room, &session);
}
