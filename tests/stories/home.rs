//! Home: several sessions, one inbox, and the way from one to the other.

use crate::screen::{Hosts, KEY_AGAIN, Screen};
use crate::seat::{Room, assert_verifies, until};
use crate::sshd::Server;
use serde_json::json;
use std::time::Instant;

at_every_size!(
    what_is_pending_in_two_sessions_is_decided_in_one_inbox,
    equal_actions_are_approved_together,
    one_session_is_left_for_another,
    each_session_keeps_its_place,
    home_spans_this_machine_and_two_others
);

/// A session in a directory of its own that proposes to create a file, without a screen; its name.
pub fn session(room: &Room, name: &str, text: &str) -> String {
    let dir = room.workspace().join(name);
    std::fs::create_dir_all(&dir).unwrap();
    let script = room.script_as(name, &[json!({"edit": {"path": "new.txt", "after": text, "why": "it is missing"}})]);
    let args = ["--detached", "--dir", dir.to_str().unwrap(), "--agent", &script, "make it"];
    let (code, out, err) = room.run(&args);
    assert_eq!(code, 0, "{err}");
    out.trim().strip_prefix("started ").expect("its name").to_owned()
}

/// Presses a key again as long as it comes too early.
pub fn consent(screen: &mut Screen, key: &str, name: &str, is_so: impl Fn(&str) -> bool) {
    for _ in 0..20 {
        screen.press(key);
        // A key that is pressed again at once counts as held down.
        if screen.wait_until(Instant::now() + KEY_AGAIN, &is_so).is_some() {
            return;
        }
        let refused = |text: &str| text.contains("nothing was approved");
        screen.wait(name, |text| is_so(text) || refused(text));
        if is_so(&screen.text()) {
            return;
        }
        // The next key takes the refusal away.
        screen.press("K");
        screen.wait("the refusal is gone", |text| !refused(text));
    }
    panic!("never: {name}\n{}", screen.picture());
}

/// Home shows what is pending, but whoever says how a session is to begin gets it.
#[test]
fn the_mode_of_the_command_line_is_kept_while_something_is_pending() {
    let room = Room::with(&[]);
    let hosts = Hosts(&room);
    session(&room, "one", "first\n");
    let mut screen = Screen::open(&room, &["--mode", "step"], (120, 40));
    screen.wait_for("1 of 5");
    screen.press("esc");
    screen.wait("the start screen", |text| text.contains("What should the agent do?") && text.contains("step"));
    screen.press("C-c");
    screen.gone("leaving");
    let mut screen = Screen::open(&room, &[], (120, 40));
    screen.wait_for("Inbox 1");
    screen.press("d");
    screen.wait_for("a reason, or Enter");
    screen.press("enter");
    screen.wait_for("Inbox 0");
    screen.press("C-c");
    screen.gone("leaving home");
    hosts.wait_for_none();
}

fn what_is_pending_in_two_sessions_is_decided_in_one_inbox(size: (u16, u16)) {
    let room = Room::with(&[]);
    let hosts = Hosts(&room);
    let sessions = [session(&room, "one", "first\n"), session(&room, "two", "second\n")];
    let mut screen = Screen::open(&room, &["home"], size);
    screen.wait("both are pending", |text| text.contains("Inbox 2") && text.contains("+first"));
    consent(&mut screen, "a", "the first is decided", |text| text.contains("Sessions 2") && text.contains("+second"));
    assert_eq!((room.read("one/new.txt"), room.exists("two/new.txt")), ("first\n".to_owned(), false));
    screen.press("d");
    screen.wait_for("a reason, or Enter");
    screen.type_text("not now");
    screen.press("enter");
    screen.wait_for("Inbox 0");
    assert!(!room.exists("two/new.txt"));
    screen.press("q");
    assert!(screen.gone("home is left").success());
    screen.assert_restored();
    hosts.wait_for_none();
    for (session, verdict) in sessions.iter().zip(["approve", "deny"]) {
        assert_verifies(&room, session);
        let (_, out, _) = room.run(&["export", session, "--jsonl"]);
        let decided = out.lines().find(|line| line.contains("\"kind\":\"decided\"")).expect("a decision");
        // A key at a client decided, and no script.
        let is_human = decided.contains("\"by\":{\"human\":\"c");
        assert!(decided.contains(&format!("\"verdict\":\"{verdict}\"")) && is_human, "{decided}");
    }
}

fn equal_actions_are_approved_together(size: (u16, u16)) {
    let room = Room::with(&[]);
    let hosts = Hosts(&room);
    for name in ["one", "two", "three"] {
        session(&room, name, "the same\n");
    }
    let mut screen = Screen::open(&room, &["home"], size);
    screen.wait("all are pending", |text| text.contains("Inbox 3") && text.contains("+the same"));
    consent(&mut screen, "A", "the set is listed", |text| text.contains("3 equal actions would be approved"));
    screen.type_text("all");
    screen.press("enter");
    screen.wait_for("Inbox 0");
    for name in ["one", "two", "three"] {
        assert_eq!(room.read(&format!("{name}/new.txt")), "the same\n");
    }
    screen.press("q");
    screen.gone("home is left");
    hosts.wait_for_none();
}

fn one_session_is_left_for_another(size: (u16, u16)) {
    let room = Room::with(&[]);
    let hosts = Hosts(&room);
    session(&room, "one", "first\n");
    session(&room, "two", "second\n");
    let mut screen = Screen::open(&room, &["home"], size);
    screen.wait("both are pending", |text| text.contains("Inbox 2") && text.contains("+first"));
    screen.press("enter");
    screen.wait("the first session is open", |text| text.contains("a1") && !text.contains("Sessions 2"));
    screen.approve("the first is approved", |_| room.exists("one/new.txt"));
    screen.command("home");
    screen.wait("home is over the session", |text| text.contains("Sessions 2") && text.contains("+second"));
    screen.press("esc");
    screen.wait_gone("Sessions 2");
    screen.command("home");
    screen.wait("home is there again", |text| text.contains("Sessions 2") && text.contains("+second"));
    screen.press("enter");
    screen.wait("the second session is open", |text| text.contains("a1") && !text.contains("Sessions 2"));
    screen.approve("the second is approved", |_| room.exists("two/new.txt"));
    screen.quit();
    hosts.wait_for_none();
}

/// A key goes to the next session that waits; whoever comes back is where they were, with what they were writing.
fn each_session_keeps_its_place(size: (u16, u16)) {
    let room = Room::with(&[]);
    let hosts = Hosts(&room);
    session(&room, "one", "first\n");
    session(&room, "two", "second\n");
    let mut screen = Screen::open(&room, &["home"], size);
    screen.wait("both are pending", |text| text.contains("Inbox 2") && text.contains("+first"));
    screen.press("enter");
    screen.wait("the first session is open", |text| text.contains("a1") && text.contains("first"));
    screen.command("compose");
    screen.type_text("half a thought");
    // Together with the next key it would be Alt.
    screen.press("esc");
    screen.wait_for("i continues");
    screen.command("focus-plan");
    screen.command("zoom");
    screen.wait("the plan alone is shown", |text| text.contains("half a thought") && !text.contains("+ first"));
    screen.command("next-session");
    screen.wait("the second session is open", |text| text.contains("+ second") && !text.contains("half a thought"));
    screen.command("next-session");
    screen.wait("the first is as it was left", |text| {
        text.contains("half a thought")
            && text.contains("1 Plan")
            && !text.contains("+ first")
            && !text.contains("+ second")
    });
    screen.command("zoom");
    screen.command("home");
    screen.wait("home is over the session", |text| text.contains("Sessions 2"));
    screen.press("esc");
    screen.wait_gone("Sessions 2");
    screen.approve("the first is approved", |_| room.exists("one/new.txt"));
    screen.command("next-session");
    screen.wait_for("+ second");
    screen.approve("the second is approved", |_| room.exists("two/new.txt"));
    screen.quit();
    hosts.wait_for_none();
}

/// What is pending on this machine and on two others is decided in one place.
fn home_spans_this_machine_and_two_others(size: (u16, u16)) {
    let rooms = [Room::with(&[]), Room::with(&[]), Room::with(&[])];
    let [here, one, two] = &rooms;
    let hosts = rooms.each_ref().map(Hosts);
    let (Some(first), Some(second)) = (Server::start(one), Server::start(two)) else { return };
    first.knows("near", &second);
    let texts = ["of here\n", "of one\n", "of two\n"];
    let sessions: Vec<String> = rooms.iter().zip(texts).map(|(room, text)| session(room, "dir", text)).collect();
    here.configure("[hosts]\none = \"far\"\ntwo = \"near\"\n");
    let path = first.path();
    let env = [("PATH", path.as_str())];
    let mut screen = Screen::open_in(here, &here.workspace(), &["home"], size, &env);
    screen.wait("all three are pending", |text| text.contains("Inbox 3") && text.contains("3 machines"));
    for left in [2, 1, 0] {
        screen.wait_for("+of ");
        let inbox = format!("Inbox {left}");
        consent(&mut screen, "a", "it is decided", |text| text.contains(&inbox));
    }
    let written = || rooms.iter().all(|room| room.exists("dir/new.txt"));
    until("each is written on its own machine", written);
    screen.press("q");
    assert!(screen.gone("home is left").success());
    for host in &hosts {
        host.wait_for_none();
    }
    for ((room, session), text) in rooms.iter().zip(&sessions).zip(texts) {
        assert_eq!(room.read("dir/new.txt"), text);
        let (_, out, _) = room.run(&["export", session, "--jsonl"]);
        assert_eq!(out.lines().filter(|line| line.contains(r#""kind":"decided""#)).count(), 1, "{out}");
        assert_verifies(room, session);
    }
}
