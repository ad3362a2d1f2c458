//! Taking back: undo, undo of the undo, out of order, and the rewind picker.

use crate::screen::{Hosts, Screen};
use crate::seat::{Room, assert_verifies, only_session};
use serde_json::json;

const TEXT: &str = "one\ntwo\nthree\nfour\nfive\nsix\nseven\neight\nnine\nten\n";

at_every_size!(an_undo_is_undone, the_workspace_is_rewound, only_what_is_checked_is_reverted);

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

/// The user works while a command runs without a layer; the undo of the command lists everything and takes only its own file.
fn only_what_is_checked_is_reverted(size: (u16, u16)) {
    let room = Room::with(&[("a.txt", "one\n")]).without_layers();
    let _hosts = Hosts(&room);
    let line = "echo made > made.txt && while [ ! -e ../go ]; do sleep 0.1; done";
    let script = room.script(&[json!({"run": {"command": line}}), json!({"wait_ms": 600_000})]);
    let mut screen = Screen::open(&room, &["--agent", &script], size);
    screen.wait_for("made.txt");
    screen.approve("the command runs", |_| room.exists("made.txt"));
    screen.wait_for("now    run echo");
    room.write("mine.md", "mine\n");
    std::fs::write(room.dir.path().join("go"), "").unwrap();
    screen.wait_gone("now    run echo");
    screen.command("undo");
    screen.wait_for("Undo a1: choose what to revert");
    let text = screen.text();
    for row in ["[ ] made.txt", "[ ] mine.md", "created while a1 ran; may be yours", "Enter reverts 0 of 2"] {
        assert!(text.contains(row), "{row}: {text}");
    }
    screen.press("enter");
    screen.wait_for("nothing selected");
    screen.press("space");
    screen.wait_for("[x] made.txt");
    screen.press("enter");
    screen.wait("the command's file is gone", |_| !room.exists("made.txt"));
    assert_eq!(room.read("mine.md"), "mine\n");
    screen.quit();
}
