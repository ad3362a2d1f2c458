//! The repair agent through the real product: the detected runner, the gate, the tests that pass in the end.

use crate::seat::{Room, Seat};
use std::process::Command;

const FACTORS: &str = "def factors(n):\n    if n == 1:\n        return []\n    for i in range(2, n):\n        if n % i == 0:\n            return [i] + factors(n // i)\n    return [n]\n\n\ndef largest(n):\n    return min(factors(n))\n";
const BY_FUNCTIONS: &str = "from factors import factors, largest\n\n\ndef test_factors():\n    assert factors(12) == [2, 2, 3]\n\n\ndef test_largest():\n    assert largest(20) == 5\n";
const BY_CASES: &str = "import unittest\nfrom factors import factors, largest\n\n\nclass FactorsTest(unittest.TestCase):\n    def test_factors(self):\n        self.assertEqual(factors(12), [2, 2, 3])\n\n    def test_largest(self):\n        self.assertEqual(largest(20), 5)\n";
const HALF_OPEN: &str = "exports.range = (from, to) => {\n  const out = [];\n  for (let n = from; n <= to; n++) out.push(n);\n  return out;\n};\n";
const OF_RANGE: &str = "const test = require('node:test');\nconst assert = require('node:assert');\nconst { range } = require('../src/range');\ntest('none', () => assert.deepStrictEqual(range(4, 3), []));\ntest('half open', () => assert.deepStrictEqual(range(0, 3), [0, 1, 2]));\n";

fn is_here(program: &str, args: &[&str]) -> bool {
    Command::new(program).args(args).output().is_ok_and(|o| o.status.success())
}

/// Approves what is proposed until the session ends; the texts of the files that changed.
fn repaired(files: &[(&str, &str)], wrong: &str, right: &str) {
    let room = Room::with(files);
    let mut seat = Seat::start(&room, &["--agent", "repair"]);
    let held = seat.held();
    let proposed = seat.ever("the proposal", |e| e["kind"] == "proposed" && e["action"]["id"] == held["action"]);
    assert_eq!(proposed["action"]["kind"], "edit", "{proposed}");
    for file in proposed["action"]["files"].as_array().unwrap() {
        assert!(!file["path"].as_str().unwrap().contains("test"), "tests are never edited: {file}");
    }
    seat.approve(&held);
    let ended = seat.wait_kind("session_ended");
    assert_eq!(ended["outcome"], "done", "{ended}");
    assert_eq!(seat.close().0, 0);
    let path = files.first().unwrap().0;
    assert!(room.read(path).contains(right) && !room.read(path).contains(wrong), "{}", room.read(path));
}

#[test]
fn a_python_project_is_repaired_with_the_runner_that_is_there() {
    if is_here("python3", &["--version"]) {
        let tests = if is_here("python3", &["-c", "import pytest"]) { BY_FUNCTIONS } else { BY_CASES };
        repaired(&[("factors.py", FACTORS), ("test_factors.py", tests)], "min(", "max(");
    }
}

#[test]
fn a_node_project_is_repaired_by_its_test_script() {
    if is_here("node", &["--version"]) {
        let package = r#"{"name": "range", "scripts": {"test": "node --test test/*.js"}}"#;
        let files = [("src/range.js", HALF_OPEN), ("test/range.js", OF_RANGE), ("package.json", package)];
        repaired(&files, "n <= to", "n < to");
    }
}

/// Its list of steps is what there is to approve; nothing runs before, and no step is left unseen.
#[test]
fn in_mode_plan_its_steps_are_approved_first_and_left_one_by_one() {
    if !is_here("python3", &["--version"]) {
        return;
    }
    let room = Room::with(&[("factors.py", FACTORS), ("test_factors.py", BY_CASES)]);
    let mut seat = Seat::start(&room, &["--agent", "repair", "--mode", "plan"]);
    let (mut approved, mut ends) = (false, 0);
    loop {
        let next = seat.wait("a question or the end", |e| e["kind"] == "held" || e["kind"] == "session_ended");
        if next["kind"] == "session_ended" {
            assert_eq!(next["outcome"], "done", "{next}");
            break;
        }
        let action = seat.proposal(&next["action"]);
        if action["kind"] == "plan" {
            let is_plan = action["document"]["subject"].is_null();
            assert_eq!(is_plan, !approved, "{action}");
            assert!(!is_plan || action["document"]["steps"].as_array().unwrap().len() > 2, "{action}");
            ends += usize::from(!is_plan);
            seat.approve(&next);
            approved = true;
        } else if next["confirm"].is_null() {
            assert!(approved, "{action}");
            seat.approve(&next);
        }
        assert!(approved || (seat.count("started") == 0 && room.read("factors.py") == FACTORS), "{action}");
    }
    assert!(approved && ends > 0, "{ends}");
    assert!(room.read("factors.py").contains("max("));
}

#[test]
fn a_goal_that_is_not_reached_ends_with_what_was_tried() {
    if is_here("python3", &["--version"]) {
        let source = "def answer():\n    return 1\n";
        let tests = "import unittest\nfrom answer import answer\n\n\nclass AnswerTest(unittest.TestCase):\n    def test_answer(self):\n        self.assertEqual(answer(), 'forty-two')\n";
        let room = Room::with(&[("answer.py", source), ("test_answer.py", tests)]);
        let mut seat = Seat::start(&room, &["--agent", "repair"]);
        let ended = seat.wait_kind("session_ended");
        assert_eq!(ended["outcome"], "failed", "{ended}");
        let report = ended["report"].as_str().unwrap();
        assert!(report.contains("I found no repair") && report.contains("changes tried"), "{report}");
        assert_eq!(seat.close().0, 1);
        assert_eq!(room.read("answer.py"), source);
    }
}

/// Where nothing can be written, the agent proposes one repair, reports why it failed, and stops asking.
#[test]
fn a_workspace_that_cannot_be_written_is_asked_about_once() {
    let mount = "mount --bind . . && mount -o remount,ro,bind .";
    let mounts = |place: &std::path::Path| {
        let mut command = Command::new("unshare");
        command.args(["-m", "sh", "-c", &format!("{mount} && cd \"$PWD\" && exec \"$@\""), "sh"]).current_dir(place);
        command
    };
    let room = Room::with(&[("factors.py", FACTORS), ("test_factors.py", BY_CASES)]);
    let can_mount = mounts(&room.workspace()).arg("true").stderr(std::process::Stdio::null()).status();
    if !is_here("python3", &["--version"]) || !can_mount.is_ok_and(|s| s.success()) {
        eprintln!("NOT TESTED: needs python3 and the right to mount");
        return;
    }
    let inner = room.command(&["--headless", "--agent", "repair"]);
    let mut outer = mounts(&room.workspace());
    outer.arg(inner.get_program()).args(inner.get_args());
    for (key, value) in inner.get_envs() {
        match value {
            Some(value) => outer.env(key, value),
            None => outer.env_remove(key),
        };
    }
    let mut seat = Seat::start_by(outer);
    let held = seat.held();
    seat.approve(&held);
    let ended = seat.wait_kind("session_ended");
    assert_eq!(ended["outcome"], "failed", "{ended}");
    let said: Vec<_> = seat.events.iter().filter(|e| e["kind"] == "said").map(|e| e["text"].to_string()).collect();
    assert!(said.iter().any(|text| text.contains("Read-only file system")), "{said:?}");
    assert_eq!(seat.count("held"), 1);
}
