//! Tests of a candidate against tests after the fact: the verdict on an edit before it is approved is the verdict after.

use crate::seat::{Room, Seat};
use serde_json::{Value, json};

const TEST: &str = "import unittest, calc\n\n\nclass Calc(unittest.TestCase):\n    def test_add(self):\n        self.assertEqual(calc.add(2, 3), 5)\n\n    def test_neg(self):\n        self.assertEqual(calc.neg(4), -4)\n\n    def test_top(self):\n        self.assertEqual(calc.top([3, 9, 4]), 9)\n";
const CODE: &str = "def add(a, b):\n    return a + b\n\n\ndef neg(a):\n    return -a\n\n\ndef top(all):\n    best = all[0]\n    for one in all:\n        if one > best:\n            best = one\n    return best\n";

/// Edits that keep, break, or fix what is tested, each against what the edit before it left.
const EDITS: [(&str, &str); 12] = [
    ("a + b", "b + a"),
    ("return -a", "return a"),
    ("return a\n\n\ndef top", "return 0 - a\n\n\ndef top"),
    ("one > best", "one < best"),
    ("b + a", "b - a"),
    ("one < best", "one >= best"),
    ("b - a", "sum([a, b])"),
    ("def neg(a):", "def negative(a):"),
    ("def negative(a):", "def neg(a):"),
    ("return best", "return best\n\n\nif True"),
    ("\n\n\nif True", ""),
    ("best = all[0]", "best = max(all)"),
];

/// The cases and how each ended.
fn verdict(finished: &Value) -> (Value, Value, Value, Value) {
    let of = |name: &str| finished[name].clone();
    (of("passed"), of("failed"), of("skipped"), of("exit"))
}

#[test]
fn the_verdict_of_a_candidate_is_the_verdict_after_applying() {
    let room = Room::with(&[("calc.py", CODE), ("test_calc.py", TEST)]);
    let mut lines = Vec::new();
    for (old, new) in EDITS {
        lines.push(json!({"edit": {"path": "calc.py", "old": old, "new": new}}));
        lines.push(json!({"tests": {}}));
    }
    lines.push(json!({"wait_ms": 600_000}));
    let script = room.script(&lines);
    let mut seat = Seat::start(&room, &["--agent", &script]);
    let mut bad = 0;
    for (old, new) in EDITS {
        let held = seat.held();
        let own = seat.ask("candidate/test", json!({"action": held["action"], "digest": held["digest"]}));
        let before = seat.wait("the run of the candidate", |e| e["kind"] == "check_finished");
        seat.finished(&own["action"]);
        let text = room.read("calc.py");
        assert!(text.contains(old), "the candidate is not the workspace: {text}");
        seat.approve(&held);
        seat.finished(&held["action"]);
        assert!(room.read("calc.py").contains(new));
        let after = seat.wait("the run afterwards", |e| e["kind"] == "check_finished");
        assert_eq!(verdict(&before), verdict(&after), "{old} -> {new}\n{before}\n{after}");
        assert!(before["passed"].is_number(), "{before}");
        bad += usize::from(after["passed"] != 3);
    }
    assert_eq!(bad, 6, "some edits are bad and some are good");
}
