//! Commands in a layer: tried before they are approved, and their results promoted by choice.

use crate::screen::{Hosts, Screen};
use crate::seat::Room;
use serde_json::json;

at_every_size!(a_command_is_previewed_before_it_is_approved, a_guard_rail_in_a_result_is_an_item_of_its_own);

fn a_command_is_previewed_before_it_is_approved(size: (u16, u16)) {
    let room = Room::with(&[("a.txt", "one\n"), (".gitignore", "target\n"), ("target/x", "")]);
    if !room.is_layered() {
        return;
    }
    let _hosts = Hosts(&room);
    let line = "printf 'wr%s\\n' ote; echo two >> a.txt; echo new > new.txt";
    let script = room.script(&[json!({"run": {"command": line}}), json!({"wait_ms": 600_000})]);
    let mut screen = Screen::open(&room, &["--agent", &script], size);
    screen.wait_for("echo two");
    screen.command("focus-diff");
    screen.consent("test", "the effect", |text| text.contains("preview a2"));
    screen.command("bottom");
    screen.wait("the output", |text| text.contains("wrote"));
    for row in ["would create  new.txt  +1 −0", "+new"] {
        screen.wait_for(row);
    }
    assert!(room.read("a.txt") == "one\n" && !room.exists("new.txt"), "nothing of it is kept");
    screen.approve("the command has run", |_| room.exists("new.txt"));
    assert_eq!(room.read("a.txt"), "one\ntwo\n");
    screen.quit();
}

fn a_guard_rail_in_a_result_is_an_item_of_its_own(size: (u16, u16)) {
    let room = Room::with(&[("a.txt", "one\n")]);
    if !room.is_layered() {
        return;
    }
    let _hosts = Hosts(&room);
    let line = "echo two >> a.txt; echo rules > $(echo AGENTS).md";
    let script = room.script(&[json!({"run": {"command": line}}), json!({"wait_ms": 600_000})]);
    let mut screen = Screen::open(&room, &["--agent", &script], size);
    screen.wait_for("echo two");
    screen.approve("the command has run", |_| room.read("a.txt") == "one\ntwo\n");
    screen.wait("the rest of its result is shown", |text| text.contains("a2") && text.contains("+ rules"));
    assert!(!room.exists("AGENTS.md"), "a guard rail is not promoted by itself");
    screen.approve("a word is asked for", |text| text.contains("and Enter to continue"));
    screen.type_text("AGENTS.md");
    screen.press("enter");
    screen.wait_for("say why, then Enter approves it");
    screen.type_text("we want these rules");
    screen.press("enter");
    screen.wait("the file is there", |_| room.exists("AGENTS.md"));
    screen.quit();
}
