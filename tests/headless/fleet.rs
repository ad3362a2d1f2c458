//! A fleet over a real `nats-server`: three machines are decided from a fourth, through loss and reconnect, and what is
//! forged or sent again is refused. In a build with the feature.

use crate::nats::Server;
use crate::seat::{Room, Seat, assert_verifies, only_session, until};
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;

/// A connection of somebody who may publish whatever they like.
struct Wire {
    stream: TcpStream,
    reader: BufReader<TcpStream>,
}

impl Wire {
    fn connect(port: u16) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        let reader = BufReader::new(stream.try_clone().unwrap());
        let mut wire = Self { stream, reader };
        wire.line("INFO");
        wire.say("CONNECT {\"verbose\": false}\r\nPING\r\n");
        wire.line("PONG");
        wire
    }

    fn say(&mut self, text: &str) {
        self.stream.write_all(text.as_bytes()).unwrap();
    }

    /// The next line that begins so.
    fn line(&mut self, begins: &str) -> String {
        loop {
            let mut line = String::new();
            assert!(self.reader.read_line(&mut line).unwrap() > 0, "no {begins}");
            if line.starts_with("PING") {
                self.say("PONG\r\n");
            }
            if line.starts_with(begins) {
                return line;
            }
        }
    }

    fn subscribe(&mut self, subject: &str) {
        self.say(&format!("SUB {subject} 1\r\nPING\r\n"));
        self.line("PONG");
    }

    /// The subject and the payload of the next message.
    fn message(&mut self) -> (String, String) {
        let line = self.line("MSG");
        let words: Vec<&str> = line.split_whitespace().collect();
        let mut payload = vec![0; words.last().unwrap().parse().unwrap()];
        self.reader.read_exact(&mut payload).unwrap();
        (words[1].to_owned(), String::from_utf8(payload).unwrap())
    }

    fn publish(&mut self, subject: &str, payload: &str) {
        self.say(&format!("PUB {subject} {}\r\n{payload}\r\nPING\r\n", payload.len()));
        self.line("PONG");
    }
}

/// Where the user decides: no sessions, and a key.
fn desk(server: &Server) -> (Room, String) {
    let room = Room::with(&[]);
    room.configure(&server.settings("desk", ""));
    let (code, key, err) = room.run(&["fleet", "key"]);
    assert_eq!(code, 0, "{err}");
    assert_eq!(room.run(&["fleet", "key"]).1, key, "it is made once");
    (room, key.trim().to_owned())
}

/// A machine with a session that wants to write three files, one after the other.
fn machine(server: &Server, name: &str, key: &str) -> (Room, Seat, String) {
    let room = Room::with(&[]);
    room.configure(&server.settings(name, &format!("deciders = [\"{key}\"]")));
    let lines: Vec<Value> = (0..3)
        .map(|number| json!({"edit": {"path": format!("{number}.txt"), "after": format!("of {name}\n")}}))
        .collect();
    let mut seat = Seat::start(&room, &["--agent", &room.script(&lines)]);
    seat.held();
    let session = only_session(&room);
    (room, seat, session)
}

/// The pending action of a machine, as the desk sees it.
fn row(desk: &Room, machine: &str) -> Option<Value> {
    let (_, out, _) = desk.run(&["inbox", "--json"]);
    let rows: Vec<Value> = serde_json::from_str(&out).unwrap_or_default();
    rows.into_iter().find(|row| row["machine"] == machine)
}

fn word(row: &Value, field: &str) -> String {
    row["action"][field].as_str().expect("a word").to_owned()
}

fn verdict(desk: &Room, verdict: &str, row: &Value) -> (i32, String, String) {
    let (session, machine) = (row["session"].as_str().unwrap(), row["machine"].as_str().unwrap());
    let (action, digest) = (word(row, "id"), word(row, "digest"));
    desk.run(&[verdict, session, &action, "--digest", &digest, "--machine", machine])
}

#[test]
fn three_machines_are_decided_from_one_place_through_loss_and_reconnect() {
    let Some(mut server) = Server::start(false) else { return };
    let (desk, key) = desk(&server);
    let names = ["box1", "box2", "box3"];
    let mut machines: Vec<(Room, Seat, String)> = names.iter().map(|name| machine(&server, name, &key)).collect();
    let all_pending =
        |action: &str| names.iter().all(|name| row(&desk, name).is_some_and(|row| row["action"]["id"] == action));
    until("all machines are in the inbox", || all_pending("a1"));
    for (name, (room, seat, session)) in names.iter().zip(&mut machines) {
        let row = row(&desk, name).unwrap();
        let shown = desk.run(&["show", session, "a1", "--machine", name]).1;
        assert!(shown.contains(&format!("+of {name}")), "{shown}");
        assert_eq!(verdict(&desk, "approve", &row).0, 0);
        seat.finished(&json!("a1"));
        assert_eq!(room.read("0.txt"), format!("of {name}\n"));
        let decided = seat.ever("the decision", |e| e["kind"] == "decided");
        let by = decided["by"]["human"].as_str().unwrap().to_owned();
        assert!(by.starts_with("key "), "the record says which key decided: {by}");
        let again = verdict(&desk, "approve", &row);
        assert_ne!(again.0, 0, "it is decided already: {}", again.1);
    }
    until("the next actions are in the inbox", || all_pending("a2"));
    // The server is killed. The sessions go on, and what is pending there meanwhile is seen when it is back.
    server.kill();
    let (code, _, err) = desk.run(&["inbox", "--json"]);
    assert!(code == 2 && err.contains("does not answer"), "{err}");
    let (_, seat, _) = &mut machines[0];
    let held = seat.ever("a2 is held", |e| e["kind"] == "held" && e["action"] == "a2");
    seat.approve(&held);
    seat.finished(&json!("a2"));
    server.run();
    until("the machine tells what changed meanwhile", || {
        row(&desk, "box1").is_some_and(|row| row["action"]["id"] == "a3")
    });
    for (name, (room, seat, session)) in names.iter().zip(machines) {
        let mut seat = seat;
        until("the machine is back", || {
            let Some(row) = row(&desk, name) else { return true };
            verdict(&desk, "approve", &row);
            false
        });
        seat.ever("the last edit", |e| e["kind"] == "finished" && e["action"] == "a3");
        assert!((0..3).all(|number| room.exists(&format!("{number}.txt"))));
        let alarms = seat.count("alarm");
        seat.close();
        assert_verifies(&room, &session);
        assert_eq!(alarms, 0, "nothing was taken for a forgery");
    }
}

#[test]
fn forged_altered_and_repeated_decisions_are_refused_and_recorded() {
    let Some(server) = Server::start(false) else { return };
    let (desk, key) = desk(&server);
    let (stranger, _) = self::desk(&server);
    let (room, mut seat, session) = machine(&server, "box1", &key);
    let (other, other_seat, other_session) = machine(&server, "box2", &key);
    until("both are in the inbox", || row(&desk, "box1").is_some() && row(&desk, "box2").is_some());
    let mut wire = Wire::connect(server.port);
    wire.subscribe("rightseat.order.>");
    // A key that nobody named.
    let first = row(&desk, "box1").unwrap();
    let (code, _, err) = verdict(&stranger, "approve", &first);
    assert!(code != 0 && err.contains("may not decide here"), "{err}");
    wire.message();
    seat.ever("the stranger is recorded", |e| {
        e["kind"] == "alarm" && e["what"] == "order" && e["text"].as_str().unwrap().contains("may not decide here")
    });
    // A denial is turned into an approval of the next action, and of another session's.
    assert_eq!(verdict(&desk, "deny", &first).0, 0);
    let (subject, denial) = wire.message();
    assert_eq!(subject, format!("rightseat.order.box1.{session}"));
    seat.ever("a2 is held", |e| e["kind"] == "held" && e["action"] == "a2");
    wire.publish(&subject, &denial.replace("deny", "approve").replace("a1", "a2"));
    seat.ever("the altered one is recorded", |e| {
        e["kind"] == "alarm" && e["text"].as_str().unwrap().contains("altered")
    });
    // The same once more.
    wire.publish(&subject, &denial);
    seat.ever("the repeated one is recorded", |e| {
        e["kind"] == "alarm" && e["text"].as_str().unwrap().contains("counts once")
    });
    let mut other_seat = other_seat;
    wire.publish(&format!("rightseat.order.box2.{other_session}"), &denial);
    other_seat.ever("the one for another session is recorded", |e| {
        e["kind"] == "alarm" && e["text"].as_str().unwrap().contains("not for this session")
    });
    assert!(!room.exists("0.txt") && !room.exists("1.txt") && !other.exists("0.txt"));
    // The key is taken out of the settings: from now on it decides nothing.
    room.configure(&server.settings("box1", ""));
    until("a2 is in the inbox", || row(&desk, "box1").is_some_and(|row| row["action"]["id"] == "a2"));
    let (code, _, err) = verdict(&desk, "approve", &row(&desk, "box1").unwrap());
    assert!(code != 0 && err.contains("may not decide here"), "{err}");
    assert!(!room.exists("1.txt"));
    // Something is pending, so the hosts would stay.
    for (room, mut seat, session) in [(room, seat, session), (other, other_seat, other_session)] {
        seat.kill();
        assert_verifies(&room, &session);
    }
}

/// An action that is too large to be shown can be denied, and not approved.
#[test]
fn what_cannot_be_shown_whole_is_not_approved() {
    let Some(server) = Server::start(false) else { return };
    let (desk, key) = desk(&server);
    let room = Room::with(&[]);
    room.configure(&server.settings("box1", &format!("deciders = [\"{key}\"]")));
    let large: String = (0..6_000).map(|number| format!("line {number}\n")).collect();
    let script = room.script(&[json!({"edit": {"path": "large.txt", "after": large}})]);
    let mut seat = Seat::start(&room, &["--agent", &script]);
    seat.held();
    until("it is in the inbox", || row(&desk, "box1").is_some());
    let row = row(&desk, "box1").unwrap();
    let (code, _, err) = verdict(&desk, "approve", &row);
    assert!(code != 0 && err.contains("was not shown"), "{err}");
    assert!(!room.exists("large.txt"));
    assert_eq!(verdict(&desk, "deny", &row).0, 0);
    seat.close();
}

/// The server is not there: the session goes on as if nobody had asked for one.
#[test]
fn a_server_that_is_not_there_delays_nothing() {
    let Some(mut server) = Server::start(false) else { return };
    server.kill();
    let room = Room::with(&[]);
    room.configure(&server.settings("box1", ""));
    let edits = (0..20).map(|number| json!({"edit": {"path": format!("{number}.txt"), "after": "x\n"}}));
    let mut seat = Seat::start(&room, &["--agent", &room.script(&edits.collect::<Vec<_>>())]);
    for _ in 0..20 {
        let held = seat.held();
        seat.approve(&held);
    }
    seat.wait_kind("session_ended");
    seat.close();
    assert!((0..20).all(|number| room.exists(&format!("{number}.txt"))));
}

/// Over TLS, with the authority that the settings name; without it the server is not trusted.
#[test]
fn the_link_is_as_safe_as_the_settings_ask() {
    let Some(server) = Server::start(true) else { return };
    let ca = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/tls/ca.pem");
    let trusts = format!("ca = \"{}\"", ca.display());
    let desk = Room::with(&[]);
    desk.configure(&server.settings("desk", &trusts));
    let key = desk.run(&["fleet", "key"]).1;
    let room = Room::with(&[]);
    room.configure(&server.settings("box1", &format!("deciders = [\"{}\"]\n{trusts}", key.trim())));
    let script = room.script(&[json!({"edit": {"path": "a.txt", "after": "x\n"}})]);
    let mut seat = Seat::start(&room, &["--agent", &script]);
    seat.held();
    until("it is in the inbox", || row(&desk, "box1").is_some());
    assert_eq!(verdict(&desk, "approve", &row(&desk, "box1").unwrap()).0, 0);
    seat.wait_kind("session_ended");
    seat.close();
    desk.configure(&server.settings("desk", ""));
    let (code, _, err) = desk.run(&["inbox"]);
    assert!(code == 2 && err.contains("does not answer"), "{err}");
}
