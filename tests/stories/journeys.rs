//! The journeys of a human through the product, from the first key to the verified journal.

use crate::screen::{Hosts, Screen};
use crate::seat::{Room, assert_verifies, only_session, until};
use rustix::process::Signal;
use serde_json::json;
use std::time::Duration;

/// The demo compiles and runs a Rust project many times.
const COMPILING: Duration = Duration::from_secs(240);
const TEXT: &str = "one\ntwo\nthree\nfour\nfive\nsix\nseven\neight\nnine\nten\n";

at_every_size!(
    a_session_is_stepped_through,
    a_dangerous_command_is_redirected,
    the_action_that_broke_a_test_is_taken_back,
    a_question_outlives_its_client,
    a_file_edited_by_hand_voids_the_approval,
    a_stop_ends_everything_and_counts,
    attaching_takes_control_only_when_asked_to,
    a_watcher_follows_the_view_of_the_one_with_control,
    a_host_that_does_not_answer_is_reported,
);

fn python_project() -> Room {
    Room::with(&[
        ("sums.py", "def add(a, b):\n    return a - b\n\n\ndef twice(a):\n    return a + a\n"),
        (
            "test_sums.py",
            "import unittest\nfrom sums import add, twice\n\n\nclass Sums(unittest.TestCase):\n    def test_add(self):\n        self.assertEqual(add(2, 3), 5)\n\n    def test_twice(self):\n        self.assertEqual(twice(2), 4)\n\n\nif __name__ == '__main__':\n    unittest.main()\n",
        ),
    ])
}

/// Journey 1: no key, no network: the agent explains and proposes three repairs in three files; one hunk is taken, one
/// rewritten, one left out, and the human's version is tested before it is approved. At one size only: it compiles the
/// playground many times. The same at every size, without a compiler: `hunks_are_taken_edited_and_left_out_at_once`.
#[test]
fn a_demo_is_repaired_with_a_human() {
    let room = Room::with(&[]);
    let hosts = Hosts(&room);
    let mut screen = Screen::open(&room, &["demo"], (120, 40));
    screen
        .wait_within(COMPILING, "a repair of three files is proposed", |text| text.contains("edit src/eval.rs and 2"));
    let games = std::fs::read_dir(room.state().join("playgrounds")).expect("the playgrounds");
    let game = games.flatten().next().expect("a playground").path().join("calculator/src");
    let read = |file: &str| std::fs::read_to_string(game.join(file)).unwrap_or_default();
    // The lock file that the first run of the tests made is part of that run.
    screen.wait("what the tests say of it is shown, of the files as they are", |text| {
        text.contains("27✓ 4✗") && text.contains("fixed") && !text.contains("stale")
    });
    let show_before = read("show.rs");
    screen.command("focus-diff");
    screen.command("bottom");
    screen.wait_for("hunk 3/3");
    screen.command("toggle-hunk");
    screen.wait_for("hunk 3/3 excluded");
    screen.command("top");
    screen.command("next-file");
    screen.command("edit");
    screen.wait_for("Edit a4  parse.rs");
    screen.type_text("// looked at by a human");
    screen.press("enter");
    screen.press("C-x");
    screen.wait("the diff shows it", |text| text.contains("+ // looked at by a human"));
    screen.command("test");
    screen.wait_within(COMPILING, "the human's version is tested", |text| text.contains("30✓ 1✗"));
    screen.approve("the human's version is on the disk", |_| read("parse.rs").starts_with("// looked at by a human"));
    assert!(read("parse.rs").contains("Box::new(base), Box::new(exponent)"), "{}", read("parse.rs"));
    assert!(read("eval.rs").contains("values[0]"), "{}", read("eval.rs"));
    assert_eq!(read("show.rs"), show_before, "what was left out is as it was");
    screen.command("stop");
    screen.wait_for("frozen");
    screen.command("stop");
    screen.wait("the census is shown", |text| text.contains("0 survivors"));
    screen.press("q");
    assert_eq!(screen.gone("quit").exit_code(), 0);
    screen.assert_restored();
    hosts.wait_for_none();
    assert_verifies(&room, &only_session(&room));
}

/// Journey 2: edit the plan, let single actions through, rewrite a hunk, test the candidate, read the report.
fn a_session_is_stepped_through(size: (u16, u16)) {
    let room = python_project();
    let hosts = Hosts(&room);
    let script = room.script(&[
        json!({"plan": [{"title": "look at the sums", "status": "active"}, {"title": "fix them"}]}),
        json!({"read": {"path": "sums.py"}}),
        json!({"run": {"command": "echo looked > looked.txt", "why": "to show that a command asks"}}),
        json!({"plan": [{"title": "look at the sums", "status": "done"}, {"title": "fix them", "status": "active"}]}),
        json!({"edit": {"path": "sums.py", "old": "return a - b", "new": "return a * b", "why": "a sum is no difference"}}),
        json!({"tests": {}}),
        json!({"say": "all done"}),
    ]);
    let mut screen = Screen::open(&room, &["--mode", "step", "--agent", &script], size);
    screen.wait_for("read sums.py");
    screen.command("focus-plan");
    screen.wait_for("fix them");
    screen.press("j");
    screen.command("plan-add");
    screen.wait_for("New step after this one");
    screen.type_text("write it down");
    screen.press("enter");
    screen.wait("the step is in the plan", |text| {
        !text.contains("New step after this one") && text.contains("write it down")
    });
    screen.command("focus-diff");
    screen.consent("step", "the read went through", |text| text.contains("run echo looked"));
    screen.consent("step", "the command went through", |_| room.exists("looked.txt"));
    screen.wait("the edit is shown", |text| text.contains("a * b"));
    screen.command("focus-plan");
    screen.wait("the human's step is still there", |text| text.contains("write it down"));
    screen.command("test");
    screen.command("focus-tests");
    screen.wait_within(COMPILING, "the candidate's tests fail", |text| {
        text.contains("1✓ 1✗") && text.contains("test_add")
    });
    assert!(room.read("sums.py").contains("a - b"), "testing a candidate changes nothing");
    screen.command("focus-diff");
    screen.command("edit");
    screen.wait_for("Edit a3");
    screen.press("down end left left backspace");
    screen.type_text("+");
    screen.wait_for("return a + b");
    screen.press("C-x");
    screen.wait_for("this is now your version");
    screen.approve("the file is changed", |_| room.read("sums.py").contains("a + b"));
    screen.wait("the tests are asked about", |text| text.contains("run python3 -m"));
    screen.approve("the tests run", |text| !text.contains("1 pending"));
    screen.command("focus-tests");
    screen.wait_within(COMPILING, "all tests pass", |text| text.contains("2✓ 0✗"));
    screen.wait_idle();
    screen.quit();
    assert_eq!(hosts.outcome(), "done");
    assert_verifies(&room, &only_session(&room));
}

/// Journey 4: the client dies, another one somewhere else is asked the same question.
fn a_question_outlives_its_client(size: (u16, u16)) {
    let room = Room::with(&[("a.txt", TEXT)]);
    let hosts = Hosts(&room);
    let script = room.script(&[json!({"edit": {"path": "a.txt", "old": "two", "new": "TWO"}})]);
    let mut screen = Screen::open(&room, &["--agent", &script], size);
    screen.wait_for("TWO");
    screen.signal(Signal::KILL);
    screen.gone("kill -9");
    assert_eq!(hosts.running().len(), 1, "the host goes on");
    let (code, inbox, err) = room.run(&["inbox", "--json"]);
    assert_eq!(code, 0, "{err}");
    assert!(inbox.contains("a.txt"), "{inbox}");
    let mut again = Screen::open(&room, &["attach"], (size.1 * 2, size.0 / 3));
    again.wait("the same question", |text| text.contains("a1 edit a.txt") && text.contains("TWO"));
    assert_eq!(room.read("a.txt"), TEXT);
    again.approve("the file is changed", |_| room.read("a.txt") != TEXT);
    again.wait_idle();
    again.quit();
    assert_eq!(room.read("a.txt"), TEXT.replace("two", "TWO"));
    assert_eq!(hosts.outcome(), "done");
}

/// A second client reads along; control moves when it is taken, and both see where it is.
fn attaching_takes_control_only_when_asked_to(size: (u16, u16)) {
    let room = Room::with(&[("a.txt", TEXT)]);
    let _hosts = Hosts(&room);
    let script = room.script(&[json!({"edit": {"path": "a.txt", "old": "two", "new": "TWO"}})]);
    let mut first = Screen::open(&room, &["--agent", &script], size);
    first.wait_for("TWO");
    let mut second = Screen::open(&room, &["attach"], size);
    second.wait("it reads along", |text| text.contains("no control") && text.contains("TWO"));
    second.press("a");
    second.wait_for("does not have control");
    assert!(!first.text().contains("no control"), "{}", first.text());
    second.command("take-control");
    first.wait("the wish is seen", |text| text.contains(" asks") && text.contains("give control"));
    second.wait_for("asked c");
    first.command("refuse-control");
    second.wait_for("control was refused");
    first.wait_gone(" asks");
    second.command("take-control");
    first.wait_for(" asks");
    first.command("take-control");
    second.wait_gone("no control");
    first.wait_for("no control");
    second.approve("the file is changed", |_| room.read("a.txt") != TEXT);
    // Whoever has control leaves; nobody has to be asked then.
    second.command("detach");
    second.gone("the second client is gone");
    first.command("take-control");
    first.wait_gone("no control");
}

/// A third client follows the view of the one that has control, and nothing of it is recorded.
fn a_watcher_follows_the_view_of_the_one_with_control(size: (u16, u16)) {
    let room = Room::with(&[("a.txt", TEXT)]);
    let _hosts = Hosts(&room);
    let script = room.script(&[json!({"edit": {"path": "a.txt", "old": "two", "new": "TWO"}})]);
    let mut first = Screen::open(&room, &["--agent", &script], size);
    first.wait_for("TWO");
    let mut others = [Screen::open(&room, &["attach"], (80, 24)), Screen::open(&room, &["attach"], (80, 24))];
    for other in &mut others {
        other.wait("it reads along", |text| text.contains("no control") && text.contains("TWO"));
    }
    let [second, third] = &mut others;
    second.command("follow");
    second.wait_for("follows c");
    first.press("1");
    second.wait("the plan is in front", |text| text.contains("╭ 1 Plan"));
    first.press("5");
    second.wait("so is the reason", |text| text.contains("╭ 5 Why"));
    assert!(third.text().contains("╭ 3 Diff"), "the third does not follow\n{}", third.text());
    second.command("follow");
    second.wait_gone("follows c");
    first.press("1");
    second.press("3");
    second.wait_for("╭ 3 Diff");
    let session = crate::seat::only_session(&room);
    let (_, out, _) = room.run(&["export", &session, "--jsonl"]);
    assert!(!out.contains("\"pane\""), "{out}");
}

/// A stopped host: a new client says so instead of "connecting" for ever, and goes on when it is woken.
fn a_host_that_does_not_answer_is_reported(size: (u16, u16)) {
    let room = Room::with(&[("a.txt", TEXT)]);
    let hosts = Hosts(&room);
    let script = room.script(&[json!({"edit": {"path": "a.txt", "old": "two", "new": "TWO"}})]);
    let mut first = Screen::open(&room, &["--agent", &script], size);
    first.wait_for("TWO");
    let host = rustix::process::Pid::from_raw(hosts.running()[0]).unwrap();
    rustix::process::kill_process(host, Signal::STOP).unwrap();
    first.command("pause");
    let mut second = Screen::open(&room, &["attach"], size);
    for screen in [&mut first, &mut second] {
        screen.wait("the silence is reported", |text| text.contains("is not responding"));
    }
    rustix::process::kill_process(host, Signal::CONT).unwrap();
    for screen in [&mut first, &mut second] {
        screen.wait("it answers", |text| text.contains("TWO") && !text.contains("host silent"));
    }
}

/// Journey 5: what a command would delete is shown, and the agent is told what to do instead.
fn a_dangerous_command_is_redirected(size: (u16, u16)) {
    let room = Room::with(&[("build/old.log", "x\n"), ("build/keep.txt", "keep\n"), ("a.txt", TEXT)]);
    let hosts = Hosts(&room);
    let script = room.script(&[
        json!({"run": {"command": "rm -rf build", "why": "the logs are old"}}),
        json!({"told": "only the log"}),
        json!({"run": {"command": ["rm", "build/old.log"], "why": "only the log"}}),
    ]);
    let mut screen = Screen::open(&room, &["--agent", &script], size);
    screen.wait_for("run rm -rf build");
    screen.command("focus-diff");
    screen.wait("the words and what they would touch are shown", |text| {
        ["rm", "-rf", "build", "keep.txt", "old.log"].iter().all(|word| text.contains(word))
    });
    screen.command("redirect");
    screen.wait_for("Redirect: what should the agent do instead?");
    screen.type_text("only the log");
    screen.press("enter");
    screen.wait("a safer command is asked about", |text| text.contains("rm build/old.log"));
    assert!(room.exists("build/old.log") && room.exists("build/keep.txt"), "nothing was deleted");
    screen.approve("the log is gone", |_| !room.exists("build/old.log"));
    screen.wait_idle();
    assert_eq!(room.read("build/keep.txt"), "keep\n");
    screen.quit();
    assert_eq!(hosts.outcome(), "done", "the agent was told what was typed");
    assert_verifies(&room, &only_session(&room));
}

/// Journey 9: of three actions the tests name the one that broke a case; it is taken back out of order, and the undo too.
fn the_action_that_broke_a_test_is_taken_back(size: (u16, u16)) {
    let room = python_project();
    room.write("sums.py", "def add(a, b):\n    return a + b\n\n\ndef twice(a):\n    return a + a\n");
    let _hosts = Hosts(&room);
    let edit = |path: &str, old: &str, new: &str| json!({"edit": {"path": path, "old": old, "new": new}});
    let script = room.script(&[
        json!({"edit": {"path": "one.txt", "after": "1\n"}}),
        json!({"tests": {}}),
        edit("sums.py", "a + a", "a * a + 1"),
        json!({"tests": {}}),
        edit("sums.py", "def add(a, b):", "def add(a, b=0):"),
        json!({"say": "all done"}),
    ]);
    let mut screen = Screen::open(&room, &["--agent", &script], size);
    for (path, words) in [("one.txt", "1"), ("sums.py", "a * a + 1"), ("sums.py", "b=0")] {
        let shown = if path == "one.txt" { path } else { words };
        screen.wait_within(COMPILING, "the next edit is asked about", |text| text.contains(shown));
        screen.approve("the edit is on the disk", |_| room.exists(path) && room.read(path).contains(words));
    }
    screen.wait_idle();
    let all = room.read("sums.py");
    screen.command("focus-tests");
    screen.command("bottom");
    screen.wait("the case and the action that broke it are shown", |text| text.contains("test_twice"));
    screen.command("test-failed");
    screen.wait_within(COMPILING, "it still fails", |text| text.contains("0✓ 1✗"));
    screen.command("test-filter");
    screen.wait_for("1 of 2 shown");
    screen.command("bottom");
    screen.command("related");
    screen.wait_for("since then bad");
    screen.press("j");
    screen.wait_for("▸ since then bad");
    screen.press("enter");
    screen.wait("the way leads to the action", |text| text.contains("a * a + 1"));
    screen.command("undo");
    screen.wait("only that action is taken back", |_| {
        let now = room.read("sums.py");
        now.contains("a + a") && now.contains("b=0")
    });
    // Whoever came by a link stays at the action, which says that it was taken back.
    screen.command("focus-why");
    screen.command("bottom");
    screen.wait_for("later undone");
    screen.command("undo");
    screen.wait("the undo is undone", |_| room.read("sums.py") == all);
    screen.wait_idle();
    screen.quit();
    assert_verifies(&room, &only_session(&room));
}

/// Journey 7: the same file is edited in another window.
fn a_file_edited_by_hand_voids_the_approval(size: (u16, u16)) {
    let room = Room::with(&[("a.txt", TEXT)]);
    let hosts = Hosts(&room);
    let script = room.script(&[json!({"edit": {"path": "a.txt", "old": "nine", "new": "NINE"}})]);
    let mut screen = Screen::open(&room, &["--agent", &script], size);
    screen.wait_for("NINE");
    room.write("a.txt", &TEXT.replace("seven", "mine"));
    screen.wait("the merge is shown on what is on the disk", |text| text.contains("mine") && text.contains("NINE"));
    assert_eq!(room.read("a.txt"), TEXT.replace("seven", "mine"), "nothing is written over");
    screen.approve("the merge is on the disk", |_| room.read("a.txt").contains("NINE"));
    assert_eq!(room.read("a.txt"), TEXT.replace("seven", "mine").replace("nine", "NINE"));
    screen.wait_idle();
    screen.quit();
    assert_eq!(hosts.outcome(), "done");
}

/// Journey 8: Ctrl-\ freezes, again it kills, the census counts.
fn a_stop_ends_everything_and_counts(size: (u16, u16)) {
    // Directly in the workspace, where the children can be seen. The headless tests stop what runs in a layer.
    let room = Room::with(&[]).without_layers();
    let _hosts = Hosts(&room);
    // One that left its session, one that was disowned, all ignore TERM.
    let stubborn = "trap '' TERM; setsid sh -c 'trap \"\" TERM; echo $$ > left.pid; while :; do sleep 1; done' & \
                    (sh -c 'echo $$ > orphan.pid; while :; do sleep 1; done' &) ; while :; do sleep 1; done";
    let script = room.script(&[json!({"run": {"command": stubborn}})]);
    let mut screen = Screen::open(&room, &["--agent", &script], size);
    screen.wait_for("setsid");
    screen.approve("the children run", |_| room.exists("left.pid") && room.exists("orphan.pid"));
    until("their pids are written", || !room.read("left.pid").is_empty() && !room.read("orphan.pid").is_empty());
    screen.command("compose");
    screen.wait_for("Enter send");
    screen.command("stop");
    screen.wait("everything is frozen, also while typing", |text| text.contains("frozen"));
    screen.command("stop");
    screen.wait("the census is shown", |text| text.contains("Stopped") && text.contains("0 survivors"));
    screen.press("esc");
    screen.wait("the composer is still open", |text| !text.contains("0 survivors") && text.contains("Enter send"));
    screen.press("esc");
    screen.wait_gone("Enter send");
    screen.command("quit");
    assert_eq!(screen.gone("quit").exit_code(), 0);
    screen.assert_restored();
}
