//! Tests of a candidate against tests after the fact: the verdict on an edit before it is approved is the verdict after,
//! whatever runs the tests. A runner that is not installed is left out, and its test says so.

use crate::seat::{Room, Seat};
use serde_json::{Value, json};
use std::process::{Command, Stdio};

/// A small project with three cases. Each edit of its code is made against what the edit before it left.
struct Project {
    /// A command that succeeds where the runner is installed.
    needs: &'static [&'static str],
    code: &'static str,
    files: &'static [(&'static str, &'static str)],
    edits: &'static [(&'static str, &'static str)],
    /// The edits after which not all cases pass, from 0.
    bad: &'static [usize],
}

const UNITTEST: Project = Project {
    needs: &["python3", "--version"],
    code: "calc.py",
    files: &[
        (
            "calc.py",
            "def add(a, b):\n    return a + b\n\n\ndef neg(a):\n    return -a\n\n\ndef top(all):\n    best = all[0]\n    for one in all:\n        if one > best:\n            best = one\n    return best\n",
        ),
        (
            "test_calc.py",
            "import unittest, calc\n\n\nclass Calc(unittest.TestCase):\n    def test_add(self):\n        self.assertEqual(calc.add(2, 3), 5)\n\n    def test_neg(self):\n        self.assertEqual(calc.neg(4), -4)\n\n    def test_top(self):\n        self.assertEqual(calc.top([3, 9, 4]), 9)\n",
        ),
    ],
    edits: &[
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
    ],
    bad: &[1, 3, 4, 5, 7, 9],
};

const PYTEST: Project = Project {
    needs: &["python3", "-m", "pytest", "--version"],
    code: "calc.py",
    files: &[
        ("calc.py", "def add(a, b):\n    return a + b\n\n\ndef neg(a):\n    return -a\n"),
        (
            "test_calc.py",
            "import pytest\nfrom calc import add, neg\n\n\n@pytest.mark.parametrize('b', [3, 5])\ndef test_add(b):\n    assert add(2, b) == 2 + b\n\n\ndef test_neg():\n    assert neg(4) == -4\n",
        ),
    ],
    edits: &[
        ("a + b", "a - b"),
        ("a - b", "b + a"),
        ("return -a", "return (a"),
        ("return (a", "return 0 - a"),
        ("def neg", "def negated"),
        ("def negated", "def neg"),
    ],
    bad: &[0, 2, 4],
};

const NODE: Project = Project {
    needs: &["node", "--test", "--version"],
    code: "calc.js",
    files: &[
        ("package.json", "{\"name\": \"calc\", \"scripts\": {\"test\": \"node --test\"}}\n"),
        (
            "calc.js",
            "exports.add = (a, b) => a + b;\nexports.neg = (a) => -a;\nexports.top = (all) => Math.max(...all);\n",
        ),
        (
            "calc.test.js",
            "const test = require('node:test');\nconst assert = require('node:assert');\nconst calc = require('./calc.js');\n\ntest('adds', () => assert.strictEqual(calc.add(2, 3), 5));\ntest('negates', () => assert.strictEqual(calc.neg(4), -4));\ntest('finds the top', () => assert.strictEqual(calc.top([3, 9, 4]), 9));\n",
        ),
    ],
    edits: &[
        ("a + b", "a - b"),
        ("a - b", "b + a"),
        ("=> -a", "=> (-a"),
        ("=> (-a", "=> 0 - a"),
        ("exports.top", "exports.most"),
        ("exports.most", "exports.top"),
    ],
    bad: &[0, 2, 4],
};

const CARGO: Project = Project {
    needs: &["cargo", "--version"],
    code: "src/lib.rs",
    files: &[
        (".gitignore", "/target\n"),
        (
            "Cargo.toml",
            "[package]\nname = \"calc\"\nversion = \"0.1.0\"\nedition = \"2021\"\n\n[lib]\ndoctest = false\n",
        ),
        ("Cargo.lock", "version = 3\n\n[[package]]\nname = \"calc\"\nversion = \"0.1.0\"\n"),
        ("src/lib.rs", "pub fn add(a: i32, b: i32) -> i32 {\n    a + b\n}\n\npub fn neg(a: i32) -> i32 {\n    -a\n}\n"),
        (
            "tests/calc.rs",
            "#[test]\nfn adds() {\n    assert_eq!(calc::add(2, 3), 5);\n}\n\n#[test]\nfn negates() {\n    assert_eq!(calc::neg(4), -4);\n}\n\n#[test]\nfn negates_nothing() {\n    assert_eq!(calc::neg(0), 0);\n}\n",
        ),
    ],
    edits: &[
        ("a + b", "a - b"),
        ("a - b", "b + a"),
        ("    -a", "    -a +"),
        ("    -a +", "    0 - a"),
        ("pub fn neg", "fn neg"),
        ("fn neg", "pub fn neg"),
    ],
    bad: &[0, 2, 4],
};

const RSPEC: Project = Project {
    needs: &["rspec", "--version"],
    code: "lib/calc.rb",
    files: &[
        (
            "lib/calc.rb",
            "module Calc\n  def self.add(a, b) = a + b\n  def self.neg(a) = -a\n  def self.top(all) = all.max\nend\n",
        ),
        (
            "spec/calc_spec.rb",
            "require 'calc'\n\nRSpec.describe Calc do\n  it('adds') { expect(Calc.add(2, 3)).to eq(5) }\n  it('negates') { expect(Calc.neg(4)).to eq(-4) }\n  it('finds the top') { expect(Calc.top([3, 9, 4])).to eq(9) }\nend\n",
        ),
    ],
    edits: &[
        ("a + b", "a - b"),
        ("a - b", "b + a"),
        ("= -a", "= (-a"),
        ("= (-a", "= 0 - a"),
        ("self.top", "self.most"),
        ("self.most", "self.top"),
    ],
    bad: &[0, 2, 4],
};

const PHPUNIT: Project = Project {
    needs: &["phpunit", "--version"],
    code: "src/calc.php",
    files: &[
        (
            "src/calc.php",
            "<?php\nfunction add($a, $b) { return $a + $b; }\nfunction neg($a) { return -$a; }\nfunction top($all) { return max($all); }\n",
        ),
        (
            "tests/CalcTest.php",
            "<?php\nrequire_once __DIR__ . '/../src/calc.php';\n\nfinal class CalcTest extends PHPUnit\\Framework\\TestCase\n{\n    public function testAdd(): void { $this->assertSame(5, add(2, 3)); }\n    public function testNeg(): void { $this->assertSame(-4, neg(4)); }\n    public function testTop(): void { $this->assertSame(9, top([3, 9, 4])); }\n}\n",
        ),
    ],
    edits: &[
        ("$a + $b", "$a - $b"),
        ("$a - $b", "$b + $a"),
        ("return -$a;", "return (-$a;"),
        ("return (-$a;", "return 0 - $a;"),
        ("function top", "function most"),
        ("function most", "function top"),
    ],
    bad: &[0, 2, 4],
};

const BATS: Project = Project {
    needs: &["bats", "--version"],
    code: "calc.sh",
    files: &[
        ("calc.sh", "add() { echo $(($1 + $2)); }\nneg() { echo $((-$1)); }\nfirst() { echo \"$1\"; }\n"),
        (
            "calc.bats",
            "setup() { source \"$BATS_TEST_DIRNAME/calc.sh\"; }\n\n@test \"adds\" { [ \"$(add 2 3)\" = 5 ]; }\n@test \"negates\" { [ \"$(neg 4)\" = -4 ]; }\n@test \"gives the first\" { [ \"$(first a b)\" = a ]; }\n",
        ),
    ],
    edits: &[
        ("$1 + $2", "$1 - $2"),
        ("$1 - $2", "$2 + $1"),
        ("$((-$1)); }", "$((-$1)); ) }"),
        ("$((-$1)); ) }", "$((0 - $1)); }"),
        ("first()", "last()"),
        ("last()", "first()"),
    ],
    bad: &[0, 2, 4],
};

const CTEST: Project = Project {
    needs: &["ctest", "--version"],
    code: "calc.c",
    files: &[
        (".gitignore", "build/\n"),
        (
            "CMakeLists.txt",
            "cmake_minimum_required(VERSION 3.10)\nproject(calc C)\nenable_testing()\nadd_executable(check check.c calc.c)\nforeach(one add neg top)\n  add_test(NAME ${one} COMMAND check ${one})\nendforeach()\n",
        ),
        (
            "calc.c",
            "int add(int a, int b) { return a + b; }\nint neg(int a) { return -a; }\nint top(int a, int b) { return a > b ? a : b; }\n",
        ),
        (
            "check.c",
            "int add(int, int);\nint neg(int);\nint top(int, int);\n\nint main(int count, char **words) {\n  switch (words[count - 1][0]) {\n    case 'a': return add(2, 3) != 5;\n    case 'n': return neg(4) != -4;\n    default: return top(3, 9) != 9;\n  }\n}\n",
        ),
    ],
    edits: &[
        ("a + b", "a - b"),
        ("a - b", "b + a"),
        ("return -a;", "return -a"),
        ("return -a }", "return 0 - a; }"),
        ("int top", "int most"),
        ("int most", "int top"),
    ],
    bad: &[0, 2, 4],
};

/// The cases and how each ended.
fn verdict(finished: &Value) -> (Value, Value, Value, Value) {
    let of = |name: &str| finished[name].clone();
    (of("passed"), of("failed"), of("skipped"), of("exit"))
}

/// Runs the tests on each edit as a candidate, approves it, and runs them again as the agent asks.
fn candidates_are_judged_as_what_is_applied(project: &Project) {
    let (program, args) = project.needs.split_first().expect("a command");
    let found = Command::new(program).args(args).stdout(Stdio::null()).stderr(Stdio::null()).status();
    if !found.is_ok_and(|status| status.success()) {
        eprintln!("left out: `{}` does not run here", project.needs.join(" "));
        return;
    }
    let room = Room::with(project.files);
    let mut lines = Vec::new();
    for (old, new) in project.edits {
        lines.push(json!({"edit": {"path": project.code, "old": old, "new": new}}));
        lines.push(json!({"tests": {}}));
    }
    lines.push(json!({"wait_ms": 600_000}));
    let script = room.script(&lines);
    let mut seat = Seat::start(&room, &["--agent", &script]);
    let mut bad = Vec::new();
    for (at, (old, new)) in project.edits.iter().enumerate() {
        let held = seat.held();
        let own = seat.ask("candidate/test", json!({"action": held["action"], "digest": held["digest"]}));
        let before = seat.wait("the run of the candidate", |e| e["kind"] == "check_finished");
        seat.finished(&own["action"]);
        let text = room.read(project.code);
        assert!(text.contains(old), "the candidate is not the workspace: {text}");
        seat.approve(&held);
        seat.finished(&held["action"]);
        assert!(room.read(project.code).contains(new));
        let after = seat.wait("the run afterwards", |e| e["kind"] == "check_finished");
        assert_eq!(verdict(&before), verdict(&after), "{old} -> {new}\n{before}\n{after}");
        if after["passed"] != 3 || after["exit"] != 0 {
            bad.push(at);
        }
    }
    assert_eq!(bad, project.bad, "some edits are bad and some are good");
}

#[test]
fn the_verdict_of_a_candidate_is_the_verdict_after_applying() {
    candidates_are_judged_as_what_is_applied(&UNITTEST);
}

#[test]
fn pytest_judges_a_candidate_as_what_is_applied() {
    candidates_are_judged_as_what_is_applied(&PYTEST);
}

#[test]
fn node_judges_a_candidate_as_what_is_applied() {
    candidates_are_judged_as_what_is_applied(&NODE);
}

#[test]
fn cargo_judges_a_candidate_as_what_is_applied() {
    candidates_are_judged_as_what_is_applied(&CARGO);
}

#[test]
fn rspec_judges_a_candidate_as_what_is_applied() {
    candidates_are_judged_as_what_is_applied(&RSPEC);
}

#[test]
fn phpunit_judges_a_candidate_as_what_is_applied() {
    candidates_are_judged_as_what_is_applied(&PHPUNIT);
}

#[test]
fn bats_judges_a_candidate_as_what_is_applied() {
    candidates_are_judged_as_what_is_applied(&BATS);
}

#[test]
fn ctest_judges_a_candidate_as_what_is_applied() {
    candidates_are_judged_as_what_is_applied(&CTEST);
}
