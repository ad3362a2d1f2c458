//! Taking back: undo, undo of the undo, out of order, and the rewind picker.

use crate::screen::{Hosts, Screen};
use crate::seat::{Room, assert_verifies, only_session};
use serde_json::json;

const TEXT: &str = "one\ntwo\nthree\nfour\nfive\nsix\nseven\neight\nnine\nten\n";

at_every_size!(an_undo_is_undone, the_workspace_is_rewound);

/// A session with two edits approved.
fn two_edits(room: &Room, size: (u16, u16)) -> Screen {
    let script = room.script(&[
        json!({"edit": {"path": "a.txt", "old": "one", "new": "ONE"}}),
        json!({"edit": {"path": "a.txt", "old": "ten", "new": "TEN"}}),
        json!({"end": "end_turn"}),
        json!({"say": "over"}),
    ]);
    let mut screen = Screen::open(room, &["--agent", &script], size);
    screen.wait_for("ONE");
    screen.approve("the first edit is done", |_| room.read("a.txt").contains("ONE"));
    screen.wait_for("a2 ");
    screen.approve("the second edit is done", |_| room.read("a.txt").contains("TEN"));
    screen.wait_idle();
    screen
}

fn an_undo_is_undone(size: (u16, u16)) {
    let room = Room::with(&[("a.txt", TEXT)]);
    let hosts = Hosts(&room);
    let mut screen = two_edits(&room, size);
    let both = room.read("a.txt");
    screen.command("focus-why");
    screen.wait("the action is done", |text| text.contains("5 Why  a2") && text.contains("now     done"));
    screen.command("undo");
    screen.wait("the last edit is taken back", |_| room.read("a.txt") == TEXT.replace("one", "ONE"));
    // The review follows to the newest edit, which is the undo.
    screen.wait("the undo is done", |text| text.contains("5 Why  a3") && text.contains("now     done"));
    screen.command("undo");
    screen.wait("the undo is undone", |_| room.read("a.txt") == both);
    screen.wait("the second undo is done", |text| text.contains("5 Why  a4") && text.contains("now     done"));
    screen.wait_idle();
    screen.quit();
    hosts.wait_for_none();
    assert_verifies(&room, &only_session(&room));
}

fn the_workspace_is_rewound(size: (u16, u16)) {
    let room = Room::with(&[("a.txt", TEXT)]);
    let _hosts = Hosts(&room);
    let mut screen = two_edits(&room, size);
    let both = room.read("a.txt");
    screen.command("rewind");
    screen.wait_for("Rewind to");
    screen.press("esc");
    screen.wait_gone("Rewind to");
    screen.command("rewind");
    screen.wait_for("Rewind to");
    // The oldest checkpoint is the last of the list.
    for _ in 0..8 {
        screen.press("j");
    }
    screen.press("enter");
    screen.wait_for("Rewind the workspace");
    screen.press("enter");
    screen.wait_for("the word does not match");
    assert_eq!(room.read("a.txt"), both, "Enter destroys nothing");
    screen.type_text("rewind");
    screen.press("enter");
    screen.wait("the files are what they were", |_| room.read("a.txt") == TEXT);
    screen.quit();
}
