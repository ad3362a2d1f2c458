//! The tests pane: some cases again, some of them shown, which action broke one, and its source.

use crate::screen::Screen;
use crate::seat::{Room, assert_verifies, only_session};
use serde_json::json;

const SUMS: &str = "def add(a, b):\n    return a + b\n\n\ndef twice(a):\n    return a + a\n";
const TESTS: &str = "import unittest\nfrom sums import add, twice\n\n\nclass Sums(unittest.TestCase):\n    def test_add(self):\n        self.assertEqual(add(2, 3), 5)\n\n    def test_twice(self):\n        self.assertEqual(twice(2), 4)\n\n\nclass More(unittest.TestCase):\n    def test_zero(self):\n        self.assertEqual(add(0, 0), 0)\n";

at_every_size!(a_broken_test_is_traced_and_run_again);

fn a_broken_test_is_traced_and_run_again(size: (u16, u16)) {
    let room = Room::with(&[("sums.py", SUMS), ("test_sums.py", TESTS)]);
    let script = room.script(&[
        json!({"tests": {}}),
        json!({"edit": {"path": "sums.py", "old": "a + a", "new": "a * a + 1", "why": "faster"}}),
        json!({"say": "all done"}),
    ]);
    let args = ["--mode", "step", "--agent", script.as_str()];
    let editor = [("EDITOR", "sh -c 'echo \"$@\" > opened.txt' sh")];
    let mut screen = Screen::open_in(&room, &room.workspace(), &args, size, &editor);
    screen.wait_for("run python3 -m");
    screen.approve("the tests are run and the edit is asked about", |text| text.contains("a * a + 1"));
    screen.approve("the file is changed", |_| room.read("sums.py").contains("a * a + 1"));
    screen.wait_idle();
    screen.command("focus-tests");
    screen.command("test");
    screen.wait("one case is broken and comes first", |text| text.contains("2✓ 1✗") && text.contains("broken"));
    screen.command("test-filter");
    // Its message comes at the end of the run.
    let is_told = |text: &str| text.contains("1 of 3 shown") && text.contains("       AssertionError: 5 != 4");
    screen.wait("only what fails is shown", is_told);
    screen.command("bottom");
    screen.press("k enter");
    screen.wait("the action is named", |text| {
        let words: Vec<&str> = text.split_whitespace().filter(|word| !word.starts_with(['│', '╮', '╭'])).collect();
        words.join(" ").contains("passed in r1, fails since r2: broken by a2")
    });
    screen.command("test-source");
    screen.wait("the editor has its line", |_| room.exists("opened.txt") && !room.read("opened.txt").is_empty());
    let opened = room.read("opened.txt");
    assert!(opened.starts_with("+10 ") && opened.trim_end().ends_with("/test_sums.py"), "{opened}");
    screen.wait("the screen is back", |text| text.contains("test_twice"));
    std::fs::write(room.workspace().join("sums.py"), SUMS).expect("the user repairs it");
    screen.wait_for("stale");
    screen.command("test-failed");
    screen.wait("only that case ran, and it passes", |text| text.contains("1✓ 0✗") && text.contains("0 of 3 shown"));
    screen.command("test-filter");
    screen.wait_for("fixed");
    screen.command("test-filter");
    screen.command("test-find");
    screen.wait_for("Show the tests with these words");
    screen.type_text("ZERO");
    screen.press("enter");
    screen.wait("only what was typed is shown", |text| text.contains("1 of 3 shown"));
    screen.command("quit");
    assert_eq!(screen.gone("quit").exit_code(), 0);
    screen.assert_settings("afterwards");
    assert_verifies(&room, &only_session(&room));
}
