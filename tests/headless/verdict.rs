//! Decisions from a script, and who may not make any.

use crate::seat::{Room, Seat, assert_verifies, only_session};
use serde_json::{Value, json};

fn pending(room: &Room) -> Value {
    let (code, out, _) = room.run(&["inbox", "--json"]);
    assert_eq!(code, 0);
    let rows: Value = serde_json::from_str(&out).expect("JSON");
    rows[0].clone()
}

fn name_of(row: &Value, field: &str) -> String {
    row["action"][field].as_str().expect("a word").to_owned()
}

#[test]
fn a_script_decides_without_control_for_exactly_what_it_saw() {
    let room = Room::with(&[("a.txt", "one\n")]);
    let script = room.script(&[
        json!({"edit": {"path": "a.txt", "old": "one", "new": "two"}}),
        json!({"edit": {"path": "a.txt", "old": "two", "new": "three"}}),
        json!({"told": "not that"}),
        json!({"edit": {"path": "a.txt", "old": "two", "new": "four"}}),
        json!({"told": "use five"}),
    ]);
    let mut seat = Seat::start(&room, &["--agent", &script]);
    seat.held();
    let session = only_session(&room);
    let row = pending(&room);
    let (action, digest) = (name_of(&row, "id"), name_of(&row, "digest"));
    let wrong = digest.chars().rev().collect::<String>();
    let stale = room.run(&["approve", &session, &action, "--digest", &wrong]);
    assert_eq!((stale.0, room.read("a.txt").as_str()), (1, "one\n"), "{}", stale.2);
    let (code, _, err) = room.run(&["approve", &session, &action, "--digest", "much"]);
    assert!(code == 2 && err.contains("inbox --json"), "{err}");
    let (code, out, err) = room.run(&["approve", &session, &action, "--digest", &digest]);
    assert_eq!((code, out.trim()), (0, format!("approved {action}").as_str()), "{err}");
    assert_eq!(seat.finished(&json!(action))["outcome"], "ok");
    let decided = seat.ever("the decision", |e| e["kind"] == "decided");
    assert!(decided["by"]["human"].as_str().is_some_and(|by| by.starts_with("script c")), "{decided}");
    let (code, _, err) = room.run(&["approve", &session, &action, "--digest", &digest]);
    assert_eq!(code, 1, "{err}");
    seat.held();
    let row = pending(&room);
    let (action, digest) = (name_of(&row, "id"), name_of(&row, "digest"));
    let args = ["deny", &session, &action, "--digest", &digest, "--reason", "not that"];
    assert_eq!(room.run(&args).0, 0);
    seat.held();
    let row = pending(&room);
    let (action, digest) = (name_of(&row, "id"), name_of(&row, "digest"));
    let args = ["redirect", &session, &action, "--digest", &digest, "--reason", "use five"];
    assert_eq!(room.run(&args).0, 0);
    seat.ever("the end of the turn", |e| e["kind"] == "turn_ended");
    assert_eq!(room.read("a.txt"), "two\n");
    seat.close();
    assert_eq!(room.run(&["approve", &session, &action, "--digest", &digest]).0, 1, "the session is over");
    assert_verifies(&room, &session);
}

/// The process that connects has ended when the connection is looked at, and another one has it.
const LATE: &str = r#"
import glob, os, socket
os.chdir(glob.glob("STATE/sessions/*")[0])
out = open("WS/late.txt", "w")
for _ in range(20):
    s = socket.socket(socket.AF_UNIX)
    if os.fork() == 0:
        s.connect("socket")
        os._exit(0)
    os.wait()
    try:
        s.sendall(b'ATTACH\n')
        s.settimeout(2)
        out.write(s.recv(100000).decode())
    except OSError as e:
        out.write(repr(e))
"#;

/// What the agent starts, at any distance, cannot attach: it would decide about itself.
#[test]
fn the_agents_own_commands_cannot_attach() {
    let room = Room::with(&[("a.txt", "one\n")]).without_layers();
    let rightseat = env!("CARGO_BIN_EXE_rightseat");
    let attach = r#"{"jsonrpc":"2.0","id":1,"method":"session/attach","params":{"control":true}}"#;
    let tries = format!(
        "for how in '' 'setsid -w' 'setsid -fw'; do echo '{attach}' | $how {rightseat} --state-dir {state} attach --stdio >> out.txt 2>&1; done; \
         {rightseat} --state-dir {state} approve $(ls {state}/sessions | head -1) a9 --digest {digest} > verdict.txt 2>&1; true",
        state = room.state().display(),
        digest = "0".repeat(64),
    );
    room.write("try.sh", &format!("{tries}; python3 late.py"));
    let (state, workspace) = (room.state().display().to_string(), room.workspace().display().to_string());
    let late = LATE.replace("STATE", &state).replace("WS", &workspace).replace("ATTACH", attach);
    room.write("late.py", &late);
    let script = room.script(&[json!({"run": {"command": "sh try.sh"}}), json!({"say": "done"})]);
    let mut seat = Seat::start(&room, &["--agent", &script]);
    let held = seat.held();
    seat.approve(&held);
    seat.finished(&held["action"]);
    assert!(!room.read("out.txt").contains("\"result\""), "{}", room.read("out.txt"));
    assert!(!room.read("late.txt").contains("result"), "{}", room.read("late.txt"));
    assert!(!room.read("verdict.txt").contains("approved"), "{}", room.read("verdict.txt"));
    let alarm = seat.ever("an alarm", |e| e["kind"] == "alarm" && e["what"] == "intruder");
    assert!(alarm["text"].as_str().is_some_and(|text| text.contains("refused")), "{alarm}");
    seat.close();
}

/// A script sees no comments: an approval with open ones is refused with the list, unless it says that it knows.
#[test]
fn a_script_does_not_approve_over_open_comments() {
    let room = Room::with(&[("a.txt", "one\n")]);
    let script =
        room.script(&[json!({"edit": {"path": "a.txt", "old": "one", "new": "two"}}), json!({"told": "not so loud"})]);
    let mut seat = Seat::start(&room, &["--agent", &script]);
    let held = seat.held();
    let session = only_session(&room);
    let on = json!({"file": {"path": "a.txt", "action": held["action"]}});
    let comment = json!({"op": "add", "digest": held["digest"], "on": on, "line": 1, "text": "not so loud"});
    seat.try_ask("session/comment", comment).unwrap();
    let row = pending(&room);
    let (action, digest) = (name_of(&row, "id"), name_of(&row, "digest"));
    // The home screen names them before it asks for the word.
    let (_, listed, _) = room.run(&["ls", "--json"]);
    let listed: Value = serde_json::from_str(&listed).expect("JSON");
    assert_eq!(listed[0]["pending"][0]["comments"], json!(["k1 a.txt line 1: not so loud"]));
    let args = ["approve", &session, &action, "--digest", &digest];
    let (code, _, err) = room.run(&args);
    assert_eq!((code, room.read("a.txt").as_str()), (1, "one\n"), "{err}");
    assert!(err.contains("k1 a.txt line 1: not so loud") && err.contains("--despite-comments"), "{err}");
    let (code, out, err) = room.run(&[&args[..], &["--despite-comments"]].concat());
    assert_eq!((code, out.trim()), (0, format!("approved {action}").as_str()), "{err}");
    seat.finished(&json!(action));
    let sent = |e: &Value| e["kind"] == "commented" && e["comment"]["state"] == "sent";
    assert_eq!(seat.ever("the comment goes along", sent)["comment"]["id"], "k1");
    seat.close();
    assert_verifies(&room, &session);
}
