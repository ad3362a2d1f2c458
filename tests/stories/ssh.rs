//! Over a real OpenSSH server on this machine: the link drops, comes back, and the same question is still open.

use crate::screen::{Hosts, Screen};
use crate::seat::{Room, Seat, assert_verifies, until};
use crate::sshd::{Server, links};
use rightseat::base::UnixMs;
use rightseat::journal::{Draft, Journal};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;
use std::time::Duration;

/// The time without output after which all that belongs to an attach has been sent.
const SETTLED: Duration = Duration::from_secs(2);
/// Longer than our own interval of a silent link, 5 s.
const IDLE: Duration = Duration::from_secs(7);

#[test]
fn a_question_outlives_the_link_to_a_far_machine() {
    let room = Room::with(&[("a.txt", "one\n")]);
    let hosts = Hosts(&room);
    let Some(server) = Server::start(&room) else { return };
    let (session, path) = (left_pending(&room), server.path());
    let env = [("PATH", path.as_str())];
    let args = ["attach", "--ssh", "far", &session];
    let mut screen = Screen::open_in(&room, &room.workspace(), &args, (120, 40), &env);
    screen.wait_for("edit a.txt");
    let [first] = links(screen.pid())[..] else { panic!("not one link: {:?}", links(screen.pid())) };
    kill_process(Pid::from_raw(first).unwrap(), Signal::KILL).unwrap();
    let client = screen.pid();
    screen.wait("another link is up", |_| links(client).iter().any(|pid| *pid != first));
    screen.wait("nothing is said of a dropped link any more", |text| {
        text.contains("edit a.txt") && !text.contains("link down") && !text.contains("dropped")
    });
    screen.approve("the same question was still open", |_| room.read("a.txt") == "two\n");
    screen.quit();
    close(&room, &session);
    hosts.wait_for_none();
    let (_, out, _) = room.run(&["export", &session, "--jsonl"]);
    let decided = out.lines().filter(|l| l.contains(r#""kind":"decided""#)).count();
    assert_eq!(decided, 1, "{out}");
    assert_verifies(&room, &session);
}

/// Nothing goes over an idle link of somebody whose ssh has an interval of its own.
#[test]
fn the_users_interval_of_ssh_holds() {
    let room = Room::with(&[("a.txt", "one\n")]);
    let hosts = Hosts(&room);
    let Some(server) = Server::start(&room) else { return };
    let (session, path) = (left_pending(&room), server.path());
    let words = |client| {
        let [link] = links(client)[..] else { panic!("not one link: {:?}", links(client)) };
        String::from_utf8(std::fs::read(format!("/proc/{link}/cmdline")).unwrap()).unwrap()
    };
    for (own, is_watched) in [("", true), (" ServerAliveInterval 3600\n", false)] {
        server.configure(own);
        let args = ["attach", "--ssh", "far", &session];
        let mut screen = Screen::open_in(&room, &room.workspace(), &args, (120, 40), &[("PATH", path.as_str())]);
        screen.wait_for("edit a.txt");
        let words = words(screen.pid());
        assert_eq!(words.contains("ServerAliveInterval=5"), is_watched, "{words}");
        screen.bytes_until_quiet(SETTLED);
        let before = server.wire.bytes();
        screen.bytes_until_quiet(IDLE);
        // Our own interval is shorter than this.
        assert_eq!(server.wire.bytes() > before, is_watched, "{} bytes in an idle time", server.wire.bytes() - before);
        screen.quit();
    }
    close(&room, &session);
    hosts.wait_for_none();
}

#[test]
fn what_is_pending_on_a_far_machine_is_decided_at_home() {
    let room = Room::with(&[("a.txt", "one\n")]);
    let hosts = Hosts(&room);
    let Some(server) = Server::start(&room) else { return };
    let script = room.script(&[json!({"edit": {"path": "a.txt", "after": "two\n", "why": "more"}})]);
    let workspace = room.workspace();
    let (code, _, err) = room.run(&["--detached", "--dir", workspace.to_str().unwrap(), "--agent", &script, "go"]);
    assert_eq!(code, 0, "{err}");
    let config = room.dir.path().join("config/rightseat");
    std::fs::create_dir_all(&config).unwrap();
    std::fs::write(config.join("config.toml"), "[hosts]\nbox = \"far\"\nnowhere = \"unknown.invalid\"\n").unwrap();
    // This machine has no sessions of its own.
    let (path, own) = (server.path(), room.dir.path().join("own").display().to_string());
    let env = [("PATH", path.as_str()), ("RIGHTSEAT_STATE_DIR", own.as_str())];
    let mut screen = Screen::open_in(&room, &room.workspace(), &["home"], (120, 40), &env);
    screen.wait("the far session's question is read", |text| text.contains("far:") && text.contains("+two"));
    screen.wait("the other machine cannot be reached", |text| text.contains("nowhere: unknown.invalid cannot be"));
    for _ in 0..20 {
        screen.press("a");
        screen.wait("a decision", |text| text.contains("nothing was approved") || text.contains("Inbox 0"));
        if screen.text().contains("Inbox 0") {
            break;
        }
        screen.press("K");
        screen.wait_gone("nothing was approved");
    }
    until("it is written", || room.read("a.txt") == "two\n");
    screen.press("q");
    assert!(screen.gone("home is left").success());
    hosts.wait_for_none();
}

/// The rows of a machine that cannot be reached stay. A decision on one waits for the link and is sent once.
#[test]
fn a_decision_on_a_machine_that_is_cut_off_is_sent_once_when_it_is_back() {
    let room = Room::with(&[("a.txt", "one\n")]);
    let hosts = Hosts(&room);
    let Some(server) = Server::start(&room) else { return };
    let script = room.script(&[json!({"edit": {"path": "a.txt", "after": "two\n", "why": "more"}})]);
    let workspace = room.workspace();
    let (code, out, err) = room.run(&["--detached", "--dir", workspace.to_str().unwrap(), "--agent", &script, "go"]);
    assert_eq!(code, 0, "{err}");
    let session = out.trim().strip_prefix("started ").expect("its name").to_owned();
    let config = room.dir.path().join("config/rightseat");
    std::fs::create_dir_all(&config).unwrap();
    std::fs::write(config.join("config.toml"), "[hosts]\nbox = \"far\"\n").unwrap();
    let (path, own) = (server.path(), room.dir.path().join("own").display().to_string());
    let env = [("PATH", path.as_str()), ("RIGHTSEAT_STATE_DIR", own.as_str())];
    let mut screen = Screen::open_in(&room, &room.workspace(), &["home"], (120, 40), &env);
    screen.wait("the far session's question is read", |text| text.contains("far:") && text.contains("+two"));
    server.wire.set_down(true);
    screen.wait("the row stays and says so", |text| {
        text.contains("reconnecting, <1m old") && text.contains("reconnecting: ") && text.contains("far:ws")
    });
    for _ in 0..20 {
        screen.press("a");
        screen.wait("a decision", |text| {
            text.contains("nothing was approved") || text.contains("approved, not sent yet")
        });
        if screen.text().contains("approved, not sent yet") {
            break;
        }
        screen.press("K");
        screen.wait_gone("nothing was approved");
    }
    screen.press("a");
    screen.wait_for("x takes the decision back");
    screen.press("x");
    screen.wait_for("nothing was decided");
    screen.press("d");
    screen.wait_for("a reason, or Enter");
    screen.press("enter");
    screen.wait_for("denied, not sent yet");
    server.wire.set_down(false);
    screen.wait_for("Inbox 0");
    screen.press("q");
    assert!(screen.gone("home is left").success());
    hosts.wait_for_none();
    assert_eq!(room.read("a.txt"), "one\n");
    let (_, out, _) = room.run(&["export", &session, "--jsonl"]);
    let decided: Vec<&str> = out.lines().filter(|line| line.contains(r#""kind":"decided""#)).collect();
    assert!(decided.len() == 1 && decided[0].contains(r#""verdict":"deny""#), "{decided:?}");
    assert_verifies(&room, &session);
}

/// The decision waits while another session is open, in which home is never opened, and is sent all the same.
#[test]
fn a_decision_that_waits_is_sent_while_another_session_is_open() {
    let (room, own) = (Room::with(&[("a.txt", "one\n")]), Room::with(&[]));
    let hosts = [Hosts(&room), Hosts(&own)];
    let Some(server) = Server::start(&room) else { return };
    let start = |room: &Room, path: &str, after: &str| {
        let script = room.script(&[json!({"edit": {"path": path, "after": after, "why": "more"}})]);
        let workspace = room.workspace();
        let (code, _, err) = room.run(&["--detached", "--dir", workspace.to_str().unwrap(), "--agent", &script, "go"]);
        assert_eq!(code, 0, "{err}");
    };
    start(&room, "a.txt", "two\n");
    own.configure("[hosts]\nbox = \"far\"\n");
    let path = server.path();
    let env = [("PATH", path.as_str())];
    let mut screen = Screen::open_in(&own, &own.workspace(), &["home"], (120, 40), &env);
    screen.wait("the far session's question is read", |text| text.contains("far:") && text.contains("+two"));
    server.wire.set_down(true);
    screen.wait_for("reconnecting, <1m old");
    for _ in 0..20 {
        screen.press("a");
        screen.wait("a decision", |text| {
            text.contains("nothing was approved") || text.contains("approved, not sent yet")
        });
        if screen.text().contains("approved, not sent yet") {
            break;
        }
        screen.press("K");
        screen.wait_gone("nothing was approved");
    }
    start(&own, "b.txt", "three\n");
    screen.wait_for("Inbox 2");
    screen.press("/");
    screen.type_text("b.txt");
    screen.press("enter");
    screen.wait("the other one is found", |text| text.contains("+three") && text.contains("/b.txt"));
    screen.press("enter");
    screen.wait("its session is open", |text| text.contains("b.txt") && !text.contains("rightseat  home"));
    server.wire.set_down(false);
    until("it is sent", || room.read("a.txt") == "two\n");
    screen.wait_for("sent when the link came back");
    screen.approve("the session that is open goes on", |_| own.exists("b.txt"));
    screen.quit();
    for host in &hosts {
        host.wait_for_none();
    }
}

#[test]
fn a_session_is_started_on_a_far_machine() {
    let room = Room::with(&[("a.txt", "one\n")]);
    let hosts = Hosts(&room);
    let Some(server) = Server::start(&room) else { return };
    let script = room.script(&[json!({"edit": {"path": "a.txt", "after": "two\n"}})]);
    let (path, own) = (server.path(), room.dir.path().join("own").display().to_string());
    let env = [("PATH", path.as_str()), ("RIGHTSEAT_STATE_DIR", own.as_str())];
    let workspace = room.workspace().display().to_string();
    let args = ["--ssh", "far", "--dir", &workspace, "--agent", &script, "change", "it; touch never"];
    let mut screen = Screen::open_in(&room, &room.workspace(), &args, (120, 40), &env);
    screen.wait_for("edit a.txt");
    screen.approve("the edit is made there", |_| room.read("a.txt") == "two\n");
    assert!(!room.exists("never"), "the goal is one word for the far shell");
    screen.quit();
    hosts.wait_for_none();
}

/// Where rightseat is missing, a copy is offered, never made without a word, and found from then on.
#[test]
fn the_program_is_copied_to_a_machine_that_lacks_it() {
    let room = Room::with(&[("a.txt", "one\n")]);
    let hosts = Hosts(&room);
    let Some(server) = Server::start(&room) else { return };
    server.lacks_the_program();
    let script = room.script(&[json!({"edit": {"path": "a.txt", "after": "two\n"}})]);
    let path = server.path();
    let env = [("PATH", path.as_str())];
    let workspace = room.workspace().display().to_string();
    let args = ["--ssh", "far", "--dir", &workspace, "--agent", &script, "go"];
    let copied = server.home().join(".local/bin/rightseat");
    // Whoever says no gets the reason.
    let mut screen = Screen::open_in(&room, &room.workspace(), &args, (120, 40), &env);
    screen.wait_for("[y/N]");
    screen.type_text("n\r");
    let status = screen.gone("the offer was declined");
    assert!(!status.success() && !copied.exists());
    let args = ["--ssh", "far", "--copy", "--dir", &workspace, "--agent", &script, "go"];
    let mut screen = Screen::open_in(&room, &room.workspace(), &args, (120, 40), &env);
    screen.wait_for("edit a.txt");
    assert!(copied.exists());
    screen.approve("the edit is made there", |_| room.read("a.txt") == "two\n");
    screen.quit();
    hosts.wait_for_none();
}

/// A long session is not sent: its first screen is, and the rest when the user goes there.
#[test]
fn the_first_screen_of_a_long_session_is_little_on_the_wire() {
    const EVENTS: u64 = 100_000;
    /// Bytes in both directions, ssh's own handshake among them.
    const FIRST_SCREEN_BYTES_MAX: u64 = 64 * 1024;
    let room = Room::with(&[("a.txt", "one\n")]);
    let hosts = Hosts(&room);
    let Some(server) = Server::start(&room) else { return };
    let script =
        room.script(&[json!({"say": "the very first words"}), json!({"edit": {"path": "a.txt", "after": "two\n"}})]);
    let mut seat = Seat::start(&room, &["--agent", &script]);
    seat.held();
    let session = seat.session.clone();
    seat.kill();
    lengthen(&room.state().join("sessions").join(&session).join("journal.db"), EVENTS);
    let path = server.path();
    let env = [("PATH", path.as_str())];
    // The far host takes the session over first, so that this is not measured.
    let mut waker = Seat::attach(&room, &session);
    waker.ask("session/processes", json!({}));
    drop(waker);
    let mut screen = Screen::open_in(&room, &room.workspace(), &["attach", "--ssh", "far", &session], (120, 40), &env);
    screen.wait("the pending edit is shown, with its content", |text| {
        text.contains("edit a.txt") && text.contains("two") && text.contains("recent events")
    });
    let bytes = server.wire.bytes();
    println!("{bytes} bytes on the wire for the first screen of {EVENTS} events");
    assert!(bytes <= FIRST_SCREEN_BYTES_MAX, "{bytes}");
    screen.press("7");
    screen.press("g");
    screen.press("g");
    screen.wait("the older events are read", |text| !text.contains("recent events") && !text.contains("older events"));
    println!("{} bytes with all of it", server.wire.bytes());
    screen.approve("the edit was pending all the time", |_| room.read("a.txt") == "two\n");
    screen.quit();
    close(&room, &session);
    hosts.wait_for_none();
    assert_verifies(&room, &session);
}

/// A host of before knows neither packing nor the recent part: it sends everything, as it is.
#[test]
fn an_older_host_is_attached_to_all_the_same() {
    let room = Room::with(&[("a.txt", "one\n")]);
    let hosts = Hosts(&room);
    let Some(server) = Server::start(&room) else { return };
    let script =
        room.script(&[json!({"say": "the very first words"}), json!({"edit": {"path": "a.txt", "after": "two\n"}})]);
    let mut seat = Seat::start(&room, &["--agent", &script]);
    seat.held();
    let session = seat.session.clone();
    seat.kill();
    lengthen(&room.state().join("sessions").join(&session).join("journal.db"), 3_000);
    server.forgets(&[r#","recent":true"#, r#","pack":\["zstd"\]"#, r#","person":true"#]);
    let path = server.path();
    let env = [("PATH", path.as_str())];
    let mut screen = Screen::open_in(&room, &room.workspace(), &["attach", "--ssh", "far", &session], (120, 40), &env);
    screen.wait("everything is there", |text| text.contains("the agent exited") && !text.contains("recent events"));
    assert!(server.wire.bytes() > 300_000, "it was not packed: {}", server.wire.bytes());
    screen.approve("and can be decided", |_| room.read("a.txt") == "two\n");
    screen.quit();
    close(&room, &session);
    hosts.wait_for_none();
}

/// A session whose client has left, with an edit of `a.txt` that is pending.
fn left_pending(room: &Room) -> String {
    let script = room.script(&[json!({"edit": {"path": "a.txt", "after": "two\n"}})]);
    let mut seat = Seat::start(room, &["--agent", &script]);
    seat.held();
    let session = seat.session.clone();
    seat.kill();
    session
}

/// Ends a session as soon as the client on the far side has left it.
fn close(room: &Room, session: &str) {
    // A host that nobody needs ends by itself: one that is just ending answers no attach, and the next one starts it again.
    let closes = || Seat::attach(room, session).try_ask("session/close", json!({})).is_ok();
    until("the client on the far side is gone", || std::panic::catch_unwind(closes).unwrap_or_default());
}

/// Continues a journal as a long session would: words, reads and commands that a rule let through, and test runs.
fn lengthen(journal: &std::path::Path, events: u64) {
    let mut journal = Journal::open(journal).unwrap();
    let mut drafts = Vec::new();
    let draft = |kind: &str, body: serde_json::Value| Draft {
        at: UnixMs(1_800_000_000_000),
        kind: kind.to_owned(),
        body: body.to_string(),
        blobs: Vec::new(),
    };
    let mut number = 0;
    while number * 10 < events {
        number += 1;
        let id = format!("b{number}");
        let digest = rightseat::base::Digest::of(id.as_bytes()).to_string();
        let text = format!("Part {number}: {} and what follows from it in module {}", &digest[..12], number % 97);
        let action = json!({"id": id, "revision": 1, "kind": "read", "title": format!("read src/m{number}.rs"),
            "digest": digest, "target": format!("src/m{number}.rs")});
        drafts.extend([
            draft("said", json!({"by": "agent", "text": text, "more": true})),
            draft("said", json!({"by": "agent", "text": " which was to be expected.\n"})),
            draft("proposed", json!({"action": action})),
            draft("ruled", json!({"action": id, "ruling": "allow", "rule": "read-inside", "reason": "reads in the workspace are allowed"})),
            draft("decided", json!({"action": id, "revision": 1, "digest": digest, "verdict": "approve", "by": {"rule": "read-inside"}})),
            draft("started", json!({"action": id, "revision": 1, "digest": digest})),
            draft("finished", json!({"action": id, "outcome": "ok"})),
            draft("told", json!({"action": id, "text": "approved"})),
            draft("usage", json!({"tokens_in": number * 900, "tokens_out": number * 70})),
            draft("thought", json!({"by": "agent", "text": format!("next is m{}", number + 1)})),
        ]);
        if drafts.len() >= 4_000 {
            journal.append(&std::mem::take(&mut drafts)).unwrap();
        }
    }
    journal.append(&drafts).unwrap();
}
