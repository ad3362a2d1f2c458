//! "And always": a rule made from a pending command, at the prompt.

use crate::screen::{Hosts, Screen};
use crate::seat::{Room, assert_verifies, only_session};
use serde_json::json;

at_every_size!(a_command_is_approved_and_allowed_from_then_on);

fn a_command_is_approved_and_allowed_from_then_on(size: (u16, u16)) {
    let room = Room::with(&[]);
    let hosts = Hosts(&room);
    let run = |line: &str| json!({"run": {"command": line}});
    let lines = [run("touch one"), run("touch two"), run("touch three"), run("mkdir sub")];
    let script = room.script(&lines);
    let mut screen = Screen::open(&room, &["--agent", &script], size);
    screen.wait_for("touch one");
    screen.command("deny");
    screen.wait_for("Deny: why?");
    screen.press("enter");
    screen.wait_for("touch two");
    screen.wait_gone("Deny: why?");
    screen.command("always");
    screen.wait("the exact rule", |text| {
        text.contains("make a rule") && text.contains("nearest that still asks: touch one")
    });
    screen.press("left");
    screen.wait("the wider rule", |text| text.contains("touch *") && text.contains("you refused 1 of them: a1"));
    screen.press("tab");
    screen.wait_for("kept in your policy.toml");
    screen.press("tab");
    screen.press("tab");
    screen.wait_for("in this session");
    screen.consent("approve", "the commands run, the next of them unasked", |_| {
        room.exists("two") && room.exists("three")
    });
    assert!(!room.exists("one"));
    screen.wait_for("mkdir sub");
    screen.command("rules");
    screen.wait("the rule and its use", |text| text.contains("allow touch *") && text.contains("1 uses"));
    screen.press("X");
    screen.wait_for("no rules of your own");
    screen.press("esc");
    screen.wait_gone("no rules of your own");
    screen.command("deny");
    screen.wait_for("Deny: why?");
    screen.press("enter");
    screen.wait_gone("Deny: why?");
    screen.wait_idle();
    screen.quit();
    hosts.wait_for_none();
    assert_verifies(&room, &only_session(&room));
}
