//! The terminal is given back, whatever ends the client; the session goes on.

use crate::screen::{GONE_WITHIN, Hosts, Screen};
use crate::seat::{Room, assert_verifies, only_session, until};
use rustix::process::Signal;
use serde_json::json;

at_every_size!(
    a_signal_ends_the_client_and_gives_the_terminal_back,
    a_suspended_client_gives_the_terminal_back_and_redraws,
    a_client_detaches_and_the_session_goes_on,
);

fn asking(room: &Room, size: (u16, u16)) -> Screen {
    let script = room.script(&[json!({"edit": {"path": "a.txt", "after": "two\n"}})]);
    let mut screen = Screen::open(room, &["--agent", &script], size);
    screen.wait("the question is shown", |text| text.contains("edit a.txt") && text.contains("- one"));
    screen
}

fn a_signal_ends_the_client_and_gives_the_terminal_back(size: (u16, u16)) {
    for (signal, code) in [(Signal::TERM, 143), (Signal::INT, 130), (Signal::HUP, 129), (Signal::QUIT, 131)] {
        let room = Room::with(&[("a.txt", "one\n")]);
        let hosts = Hosts(&room);
        let mut screen = asking(&room, size);
        screen.signal(signal);
        let status = screen.gone("a signal");
        assert_eq!(status.exit_code(), code, "{signal:?}: {status:?}");
        screen.assert_restored();
        assert_eq!(hosts.running().len(), 1, "the session goes on after {signal:?}");
    }
}

#[test]
fn a_client_whose_terminal_is_gone_ends() {
    let room = Room::with(&[("a.txt", "one\n")]);
    let hosts = Hosts(&room);
    let mut screen = asking(&room, (80, 24));
    screen.hang_up();
    screen.gone("the terminal hung up");
    assert_eq!(hosts.running().len(), 1, "the session goes on");
}

/// Whichever the client finds first, it must not forget the other.
#[test]
fn a_key_that_comes_together_with_a_new_size_is_taken() {
    let room = Room::with(&[("a.txt", "one\n")]);
    let _hosts = Hosts(&room);
    let mut screen = asking(&room, (80, 24));
    let is_help = |text: &str| text.contains("Esc closes");
    for round in 0..100 {
        let shown = round % 2 == 0;
        screen.resize(if shown { (100, 30) } else { (80, 24) });
        screen.press(if shown { "?" } else { "esc" });
        screen.wait_within(GONE_WITHIN, &format!("round {round}"), |text| is_help(text) == shown);
    }
}

/// Ctrl-Z, and what a shell's `kill -TSTP` does.
fn a_suspended_client_gives_the_terminal_back_and_redraws(size: (u16, u16)) {
    let room = Room::with(&[("a.txt", "one\n")]);
    let _hosts = Hosts(&room);
    let mut screen = asking(&room, size);
    let before = screen.text();
    for by_key in [true, false] {
        if by_key {
            screen.command("suspend")
        } else {
            screen.signal(Signal::TSTP)
        }
        screen.wait_stopped();
        screen.assert_settings("while it is stopped");
        screen.scribble("a shell was here\r\n");
        screen.signal(Signal::CONT);
        screen.wait("the whole picture is back", |text| {
            text.contains("edit a.txt") && !text.contains("a shell was here")
        });
    }
    assert_eq!(screen.text().lines().nth(2), before.lines().nth(2));
    screen.command("quit");
    assert_eq!(screen.gone("quit").exit_code(), 0);
    screen.assert_settings("afterwards");
}

fn a_client_detaches_and_the_session_goes_on(size: (u16, u16)) {
    let room = Room::with(&[("a.txt", "one\n")]);
    let hosts = Hosts(&room);
    let mut screen = asking(&room, size);
    screen.command("detach");
    let status = screen.gone("detach");
    assert_eq!(status.exit_code(), 0, "{status:?}");
    screen.assert_restored();
    assert!(screen.text().contains("rightseat attach"), "it says how to come back: {}", screen.picture());
    assert_eq!(hosts.running().len(), 1, "the host goes on");
    let mut again = Screen::open(&room, &["attach"], size);
    again.wait_for("edit a.txt");
    again.approve("the file is changed", |_| room.read("a.txt") == "two\n");
    again.wait_idle();
    again.quit();
    until("the host has ended with its session", || hosts.running().is_empty());
}

/// In raw mode Ctrl-C is a key: it ends the client as the signal would, and the question stays open.
#[test]
fn an_interrupt_from_the_keyboard_leaves_at_once() {
    let room = Room::with(&[("a.txt", "one\n")]);
    let hosts = Hosts(&room);
    let mut screen = asking(&room, (80, 24));
    screen.press("C-c");
    assert_eq!(screen.gone("Ctrl-C").exit_code(), 130);
    screen.assert_restored();
    assert_eq!(hosts.running().len(), 1, "the session goes on");
}

/// With nobody attached the host calls the user by their own command, and a script answers.
#[test]
fn the_host_notifies_by_a_command_while_nobody_is_attached() {
    let room = Room::with(&[("a.txt", "one\n")]);
    let hosts = Hosts(&room);
    let notes = room.workspace().join("../notes.jsonl");
    let config = room.workspace().join("../config/rightseat");
    std::fs::create_dir_all(&config).unwrap();
    let command = format!("[notifications]\ncommand = [\"sh\", \"-c\", \"cat >> {}\"]\n", notes.display());
    std::fs::write(config.join("config.toml"), command).unwrap();
    let script = room.script(&[
        json!({"edit": {"path": "a.txt", "old": "one", "new": "two"}}),
        json!({"edit": {"path": "a.txt", "old": "two", "new": "three"}}),
    ]);
    let mut screen = Screen::open(&room, &["--agent", &script], (80, 24));
    screen.wait_for("edit a.txt");
    screen.command("detach");
    assert_eq!(screen.gone("detached").exit_code(), 0);
    let session = only_session(&room);
    let digest = || {
        let rows: serde_json::Value = serde_json::from_str(&room.run(&["inbox", "--json"]).1).unwrap();
        rows[0]["action"]["digest"].as_str().unwrap().to_owned()
    };
    assert_eq!(room.run(&["approve", &session, "a1", "--digest", &digest()]).0, 0);
    let told = || std::fs::read_to_string(&notes).unwrap_or_default();
    until("the second edit is told", || told().contains("a2 needs your decision"));
    let told = told();
    let note: serde_json::Value = serde_json::from_str(told.lines().last().unwrap()).unwrap();
    assert_eq!((&note["session"], &note["again"]), (&json!(session), &json!(false)), "{note}");
    assert_eq!(
        (&note["pending"][0]["action"], &note["pending"][0]["digest"]),
        (&json!("a2"), &json!(digest())),
        "{note}"
    );
    assert!(!told.contains("a1 needs"), "what was seen on the screen is not told at once: {told}");
    assert_eq!(room.run(&["deny", &session, "a2", "--digest", &digest(), "--reason", "no"]).0, 0);
    assert_verifies(&room, &session);
    drop(hosts);
}
