//! Deciding: approve, refuse with a reason, hunk by hunk, and what no key may do by itself.

use crate::screen::{Hosts, Screen};
use crate::seat::{Room, assert_verifies, only_session};
use serde_json::json;
use std::time::Duration;

const TEXT: &str = "one\ntwo\nthree\nfour\nfive\nsix\nseven\neight\nnine\nten\n";

at_every_size!(
    an_edit_is_looked_at_and_approved,
    refusals_carry_what_was_typed,
    a_hunk_is_left_out,
    hunks_are_taken_edited_and_left_out_at_once,
    a_denial_becomes_a_rule_of_the_user,
    a_long_file_is_decided_on_by_hunks,
    a_proposal_is_rewritten_before_it_is_approved,
    a_guard_rail_wants_a_word_and_a_reason,
    no_stray_key_approves,
    a_key_held_down_approves_nothing,
);

fn an_edit_is_looked_at_and_approved(size: (u16, u16)) {
    let room = Room::with(&[("a.txt", TEXT)]);
    let hosts = Hosts(&room);
    let script = room.script(&[json!({"edit": {"path": "a.txt", "old": "two", "new": "TWO", "why": "louder"}})]);
    let mut screen = Screen::open(&room, &["--agent", &script], size);
    screen.wait("the question is shown", |text| text.contains("edit a.txt") && text.contains("TWO"));
    assert_eq!(room.read("a.txt"), TEXT, "nothing happens before the decision");
    screen.approve("the file is changed", |_| room.read("a.txt") != TEXT);
    assert_eq!(room.read("a.txt"), TEXT.replace("two", "TWO"));
    screen.wait_idle();
    screen.quit();
    hosts.wait_for_none();
    assert_verifies(&room, &only_session(&room));
}

fn refusals_carry_what_was_typed(size: (u16, u16)) {
    let room = Room::with(&[("a.txt", TEXT)]);
    let hosts = Hosts(&room);
    let script = room.script(&[
        json!({"edit": {"path": "a.txt", "after": "first\n"}}),
        json!({"told": "too short, keep the lines"}),
        json!({"edit": {"path": "a.txt", "after": "second\n"}}),
        json!({"told": "use b.txt"}),
        json!({"edit": {"path": "b.txt", "after": "third\n"}}),
    ]);
    let mut screen = Screen::open(&room, &["--agent", &script], size);
    screen.wait_for("edit a.txt");
    screen.command("deny");
    screen.wait_for("Deny: why?");
    screen.type_text("too short, keep the lines");
    screen.wait_for("too short, keep the lines");
    screen.press("enter");
    screen.wait("the next question is shown", |text| text.contains("second"));
    screen.command("redirect");
    screen.wait_for("Redirect: what should the agent do instead?");
    screen.press("enter");
    screen.wait_for("say what the agent should do instead");
    screen.command("redirect");
    screen.wait_for("Redirect: what should the agent do instead?");
    screen.type_text("use b.txt");
    screen.press("enter");
    screen.wait("the better proposal is shown", |text| text.contains("b.txt") && text.contains("third"));
    assert_eq!(room.read("a.txt"), TEXT);
    screen.approve("the better file is there", |_| room.exists("b.txt"));
    screen.wait_idle();
    screen.quit();
    assert_eq!(hosts.outcome(), "done", "the script was told what was typed");
}

fn a_hunk_is_left_out(size: (u16, u16)) {
    let room = Room::with(&[("a.txt", TEXT)]);
    let _hosts = Hosts(&room);
    let after = TEXT.replace("one", "ONE").replace("ten", "TEN");
    let script = room.script(&[json!({"edit": {"path": "a.txt", "after": after}})]);
    let mut screen = Screen::open(&room, &["--agent", &script], size);
    screen.wait("both hunks are shown", |text| text.contains("ONE") && text.contains("TEN"));
    screen.command("focus-diff");
    screen.command("bottom");
    screen.wait_for("hunk 2/2");
    screen.command("toggle-hunk");
    screen.consent("approve", "the file is changed", |_| room.read("a.txt") != TEXT);
    assert_eq!(room.read("a.txt"), TEXT.replace("one", "ONE"));
    screen.wait_idle();
    screen.quit();
}

fn hunks_are_taken_edited_and_left_out_at_once(size: (u16, u16)) {
    let before: String = (1..=60).map(|n| format!("line {n}\n")).collect();
    let room = Room::with(&[("a.txt", before.as_str())]);
    let hosts = Hosts(&room);
    let after = ["line 5\n", "line 30\n", "line 55\n"]
        .iter()
        .fold(before.clone(), |text, line| text.replace(line, &line.replace("line", "their")));
    let script = room.script(&[
        json!({"edit": {"path": "a.txt", "after": after}}),
        json!({"told": r"(?s)-their 30.*\+my 30.*-their 55.*\+line 55"}),
    ]);
    let mut screen = Screen::open(&room, &["--agent", &script], size);
    screen.wait("the first hunk is shown", |text| text.contains("their 5"));
    screen.command("focus-diff");
    screen.command("bottom");
    screen.wait_for("hunk 3/3");
    screen.command("toggle-hunk");
    screen.wait_for("hunk 3/3 excluded");
    screen.command("edit");
    screen.wait_for("Edit a1");
    for _ in 0..29 {
        screen.press("down");
    }
    for _ in 0.."their".len() {
        screen.press("delete");
    }
    screen.type_text("my");
    screen.wait_for("my 30");
    screen.press("C-x");
    screen.wait_for("this is now your version");
    screen.command("bottom");
    screen.wait("the third hunk is still there to be taken", |text| text.contains("their 55"));
    screen.command("top");
    screen.approve("the file is changed", |_| room.read("a.txt") != before);
    assert_eq!(room.read("a.txt"), before.replace("line 5\n", "their 5\n").replace("line 30\n", "my 30\n"));
    screen.wait_idle();
    screen.quit();
    assert_eq!(hosts.outcome(), "done", "the agent is told all of it");
}

fn a_denial_becomes_a_rule_of_the_user(size: (u16, u16)) {
    let room = Room::with(&[]);
    let hosts = Hosts(&room);
    let install = || json!({"run": {"command": "make install"}});
    let script = room.script(&[install(), json!({"run": {"command": "touch x"}}), install()]);
    let mut screen = Screen::open(&room, &["--agent", &script], size);
    screen.wait_for("run make install");
    screen.command("deny-with-rule");
    screen.wait_for("Deny and make a rule: why?");
    screen.type_text("never from here");
    screen.press("enter");
    screen.wait("the rule is drafted", |text| text.contains("command = \"make install\""));
    let policy = room.dir.path().join("config/rightseat/policy.toml");
    assert!(!policy.exists(), "nothing is written before it is confirmed");
    screen.press("C-x");
    screen.wait("the rule is kept", |_| policy.exists());
    let text = std::fs::read_to_string(&policy).expect("the policy");
    assert!(text.contains("ruling = \"deny\"") && text.contains("never from here"), "{text}");
    screen.wait_for("the rule is active now");
    screen.wait_for("run touch x");
    screen.approve("the rest goes on", |_| room.exists("x"));
    screen.wait_idle();
    screen.quit();
    assert_eq!(hosts.outcome(), "done", "the second time the rule denies it, nobody is asked");
    let (_, out, err) = room.run(&["policy", "explain", "make install"]);
    assert!(out.contains("deny"), "{out}{err}");
}

/// Content above 64 KiB is no part of the proposal's event and is fetched.
fn a_long_file_is_decided_on_by_hunks(size: (u16, u16)) {
    let before: String = (1..=9_000).map(|n| format!("line number {n}\n")).collect();
    let room = Room::with(&[("a.txt", before.as_str())]);
    let _hosts = Hosts(&room);
    let after = before.replace("number 40\n", "number forty\n").replace("number 8000\n", "number many\n");
    let script = room.script(&[json!({"edit": {"path": "a.txt", "after": after}})]);
    let mut screen = Screen::open(&room, &["--agent", &script], size);
    screen.wait("both hunks are there", |text| text.contains("number forty") && text.contains("/2"));
    screen.command("focus-diff");
    screen.command("bottom");
    screen.wait_for("hunk 2/2");
    screen.command("toggle-hunk");
    screen.consent("approve", "the file is changed", |_| room.read("a.txt") != before);
    assert_eq!(room.read("a.txt"), before.replace("number 40\n", "number forty\n"));
    screen.wait_idle();
    screen.quit();
}

fn a_proposal_is_rewritten_before_it_is_approved(size: (u16, u16)) {
    let room = Room::with(&[("a.txt", "one\n")]);
    let hosts = Hosts(&room);
    let script = room.script(&[
        json!({"edit": {"path": "a.txt", "after": "agent\n"}}),
        json!({"told": r"(?s)-agent.*\+my agent"}),
        json!({"run": {"command": "echo theirs > made.txt"}}),
        json!({"told": "echo mine"}),
    ]);
    let mut screen = Screen::open(&room, &["--agent", &script], size);
    screen.wait("the question is shown", |text| text.contains("agent") && text.contains("edit a.txt"));
    screen.command("edit");
    screen.wait_for("Edit a1");
    screen.type_text("my ");
    screen.wait_for("my agent");
    screen.press("C-x");
    screen.wait_for("this is now your version");
    assert_eq!(room.read("a.txt"), "one\n", "keeping it approves nothing");
    screen.approve("the file is changed", |_| room.read("a.txt") != "one\n");
    assert_eq!(room.read("a.txt"), "my agent\n");
    screen.wait("the command is shown", |text| text.contains("run echo theirs"));
    screen.command("edit");
    screen.wait_for("Edit a2");
    screen.press("end");
    for _ in 0.."theirs > made.txt".len() {
        screen.press("backspace");
    }
    screen.type_text("mine > made.txt");
    screen.wait_for("echo mine > made.txt");
    screen.press("C-x");
    screen.wait_for("this is now your version");
    screen.approve("the command has run", |_| room.exists("made.txt"));
    screen.wait_idle();
    screen.quit();
    assert_eq!(room.read("made.txt"), "mine\n");
    assert_eq!(hosts.outcome(), "done", "the agent is told how");
}

fn a_guard_rail_wants_a_word_and_a_reason(size: (u16, u16)) {
    let path = ".github/workflows/release.yml";
    let room = Room::with(&[(path, "on: push\n")]);
    let _hosts = Hosts(&room);
    let script = room.script(&[json!({"edit": {"path": path, "after": "on: [push, schedule]\n", "why": "nightly"}})]);
    let mut screen = Screen::open(&room, &["--agent", &script], size);
    screen.wait_for("schedule");
    screen.approve("a word is asked for", |text| text.contains("and Enter to continue"));
    screen.press("enter");
    screen.wait_for("the word does not match");
    screen.type_text("yes");
    screen.press("enter");
    screen.wait("the wrong word is still there", |text| text.contains("does not match") && text.contains("yes"));
    for _ in 0..3 {
        screen.press("backspace");
    }
    screen.type_text("release.yml");
    screen.press("enter");
    screen.wait_for("say why, then Enter approves it");
    screen.press("enter");
    screen.wait_for("needs a reason");
    assert_eq!(room.read(path), "on: push\n");
    screen.type_text("we want nightly builds");
    screen.press("enter");
    screen.wait("the file is changed", |_| room.read(path) == "on: [push, schedule]\n");
    screen.wait_idle();
    screen.quit();
}

/// Enter, Esc, a paste, a click, keys typed into the composer and the palette.
fn no_stray_key_approves(size: (u16, u16)) {
    let room = Room::with(&[("a.txt", TEXT)]);
    let _hosts = Hosts(&room);
    let script = room.script(&[json!({"edit": {"path": "a.txt", "old": "two", "new": "TWO"}})]);
    let mut screen = Screen::open(&room, &["--agent", &script], size);
    screen.wait_for("TWO");
    for pane in ["focus-plan", "focus-inbox", "focus-tests", "focus-why", "focus-output", "focus-diff"] {
        screen.command(pane);
        screen.press("enter esc enter");
    }
    // A lone Esc is one only when nothing follows it at once.
    screen.wait_for("3 Diff");
    screen.paste("aaaa\na\n");
    screen.wait_for("pasted into the composer");
    screen.press("esc");
    screen.wait_gone("Enter send");
    screen.command("palette");
    screen.wait_for("Commands");
    screen.type_text("approve");
    screen.wait_for("Enter never approves");
    screen.press("enter");
    screen.wait_gone("Enter never approves");
    screen.command("compose");
    screen.wait_for("Enter send");
    screen.type_text("a d s aaa");
    screen.wait_for("a d s aaa");
    screen.press("esc");
    screen.wait_gone("Enter send");
    screen.click(size.0 / 2, size.1 / 2);
    screen.command("help");
    screen.wait_for("Keys  default");
    assert_eq!(room.read("a.txt"), TEXT);
    screen.press("esc");
    screen.wait("the question still waits", |text| !text.contains("Keys  default") && text.contains("a1 "));
    screen.approve("only its key approves", |_| room.read("a.txt") != TEXT);
    screen.wait_idle();
    screen.quit();
}

fn a_key_held_down_approves_nothing(size: (u16, u16)) {
    let room = Room::with(&[("a.txt", TEXT)]);
    let _hosts = Hosts(&room);
    let script =
        room.script(&[json!({"wait_ms": 400}), json!({"edit": {"path": "a.txt", "old": "two", "new": "TWO"}})]);
    let mut screen = Screen::open(&room, &["--agent", &script], size);
    screen.wait_for("local");
    for _ in 0..40 {
        screen.hold_down("approve", Duration::from_millis(500));
        if screen.text().contains("held down") {
            break;
        }
    }
    screen.hold_down("approve", Duration::from_millis(1500));
    screen.wait_for("held down");
    assert_eq!(room.read("a.txt"), TEXT);
    screen.approve("a deliberate key approves", |_| room.read("a.txt") != TEXT);
    screen.wait_idle();
    screen.quit();
}

/// What the editor leaves is the human's version at once; nothing is approved by that.
#[test]
fn a_proposal_is_rewritten_in_the_human_s_own_editor() {
    let room = Room::with(&[("a.txt", "one\n")]);
    let _hosts = Hosts(&room);
    let script = room.script(&[json!({"edit": {"path": "a.txt", "after": "agent\n"}})]);
    let args = ["--agent", &script];
    let editor = [("EDITOR", "sed -i s/agent/human/")];
    let mut screen = Screen::open_in(&room, &room.workspace(), &args, (80, 24), &editor);
    screen.wait("the question is shown", |text| text.contains("agent") && text.contains("edit a.txt"));
    screen.command("edit-external");
    screen.wait("the diff shows it", |text| text.contains("this is now your version") && text.contains("+ human"));
    assert_eq!(room.read("a.txt"), "one\n");
    screen.approve("the file is changed", |_| room.read("a.txt") == "human\n");
    screen.wait_idle();
    screen.command("quit");
    assert_eq!(screen.gone("quit").exit_code(), 0);
    screen.assert_settings("afterwards");
}
