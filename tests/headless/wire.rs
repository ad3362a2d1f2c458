//! The wire itself: lines that are none, ids, versions, every refusal's code, snapshots, signals, ends of input.

use crate::seat::{Room, Seat, assert_verifies};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::process::Stdio;

/// A session that waits for a decision on an edit.
fn waiting(room: &Room, args: &[&str]) -> Seat {
    let script = room.script(&[json!({"edit": {"path": "a.txt", "after": "two\n"}})]);
    let mut seat = Seat::start(room, &[args, &["--agent", &script]].concat());
    seat.held();
    seat
}

fn code(answer: Result<Value, Value>) -> i64 {
    answer.expect_err("a refusal")["code"].as_i64().expect("a code")
}

/// Bytes on standard input, until its end; what came on standard output, and the exit code.
fn fed(room: &Room, args: &[&str], input: &[u8]) -> (i32, Vec<Value>) {
    let mut command = room.command(args);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("the binary runs");
    child.stdin.take().expect("stdin").write_all(input).expect("it reads");
    let output = child.wait_with_output().expect("it ends");
    let lines = String::from_utf8(output.stdout).expect("UTF-8");
    let values = lines.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    (output.status.code().unwrap_or(-1), values)
}

#[test]
fn a_line_that_is_no_message_is_answered_and_the_next_one_heard() {
    let room = Room::with(&[]);
    let script = room.script(&[json!({"say": "hello"})]);
    let long = vec![b'x'; 17 * 1024 * 1024];
    let good = br#"{"jsonrpc":"2.0","id":"last","method":"session/attach","params":{"protocol":{"min":1,"max":1}}}"#;
    let lines: [&[u8]; 8] = [b"nonsense", b"\xff\xfe{}", b"[]", b"7", b"", b"{\"id\":5}", &long, good];
    let (exit, out) = fed(&room, &["--headless", "--agent", &script], &[&lines.join(&b'\n')[..], b"\n"].concat());
    let codes: Vec<_> = out.iter().filter_map(|l| l["error"]["code"].as_i64()).collect();
    assert_eq!((exit, codes), (0, vec![-32700, -32700, -32600, -32600, -32600, -32600]));
    assert!(out.iter().any(|l| l["id"] == "last" && l["result"]["protocol"] == 1), "{out:?}");
}

/// A script that pipes its requests in and closes the input gets every answer, and every request takes effect.
#[test]
fn requests_before_the_end_of_input_are_carried_out_and_answered() {
    let room = Room::with(&[("a.txt", "one\n")]);
    let script = room.script(&[json!({"edit": {"path": "a.txt", "after": "two\n"}}), json!({"wait_ms": 600_000})]);
    let mut seat = Seat::start(&room, &["--agent", &script]);
    let held = seat.held();
    let session = crate::seat::only_session(&room);
    let request = |id: u32, method: &str, params: Value| {
        json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}).to_string() + "\n"
    };
    let attach = request(1, "session/attach", json!({"protocol": {"min": 1, "max": 1}, "control": true}));
    let verdict = json!({"action": held["action"], "digest": held["digest"], "verdict": "approve"});
    let input = attach.clone() + &request(2, "action/decide", verdict);
    let (exit, out) = fed(&room, &["attach", &session, "--stdio"], input.as_bytes());
    let answers: Vec<_> = out.iter().filter(|l| !l["result"].is_null()).map(|l| l["id"].clone()).collect();
    assert_eq!((exit, answers), (0, vec![json!(1), json!(2)]), "{out:?}");
    assert!(out.iter().any(|l| l["params"]["envelope"]["kind"] == "session_opened"), "events until then: {out:?}");
    seat.finished(&held["action"]);
    assert_eq!(room.read("a.txt"), "two\n");
    for _ in 0..5 {
        let (exit, out) = fed(&room, &["attach", &session, "--stdio", "--read-only"], attach.as_bytes());
        assert!(exit == 0 && out.iter().any(|l| l["id"] == 1), "{out:?}");
    }
}

#[test]
fn versions_are_agreed_on_and_a_repeated_id_is_answered_once() {
    let room = Room::with(&[("a.txt", "one\n")]);
    let mut seat = waiting(&room, &[]);
    for (min, max, fits) in [(0, 1, true), (1, 9, true), (2, 3, false), (0, 0, false), (3, 1, false)] {
        let answer = seat.try_ask("session/attach", json!({"protocol": {"min": min, "max": max}}));
        assert_eq!(answer.map(|a| a["protocol"].clone()).map_err(|e| e["code"].clone()).ok(), fits.then(|| json!(1)));
    }
    seat.send_line(r#"{"jsonrpc":"2.0","id":"twice","method":"gate/mode","params":{"mode":"step"}}"#);
    seat.send_line(r#"{"jsonrpc":"2.0","id":"twice","method":"gate/mode","params":{"mode":"plan"}}"#);
    seat.ask("session/attach", json!({"protocol": {"min": 1, "max": 1}}));
    let twice: Vec<Value> = seat.unasked().into_iter().filter(|a| a["id"] == "twice").collect();
    assert_eq!(twice.len(), 1, "{twice:?}");
    // Answers may come before the events that they caused.
    seat.ever("the first of the two", |e| e["kind"] == "mode_changed" && e["mode"] == "step");
    assert_eq!(seat.count("mode_changed"), 1);
}

#[test]
fn every_refusal_has_its_code() {
    let room = Room::with(&[("a.txt", "one\n")]);
    let config = room.dir.path().join("config/rightseat");
    std::fs::create_dir_all(&config).unwrap();
    std::fs::write(config.join("policy.toml"), "[[rule]]\nruling = \"deny\"\ncommand = \"curl *\"\n").unwrap();
    let script = room.script(&[json!({"run": {"command": "touch made"}}), json!({"wait_ms": 600_000})]);
    let mut seat = Seat::start(&room, &["--agent", &script]);
    let held = seat.held();
    let forbidden = json!({"edited": {"command": {"shell": "curl http://x"}}});
    assert_eq!(code(seat.decide(&held, "approve_edited", forbidden)), -32014);
    assert_eq!(code(seat.decide(&held, "approve_edited", json!({"edited": {"files": []}}))), -32602);
    assert_eq!(code(seat.decide(&held, "approve_edited", json!({}))), -32602);
    assert_eq!(code(seat.decide(&held, "redirect", json!({}))), -32602);
    seat.ask("gate/freeze", json!({}));
    assert_eq!(code(seat.try_ask("gate/step", json!({}))), -32013);
    seat.ask("gate/resume", json!({}));
    let stepped = seat.ask("gate/step", json!({}));
    assert_eq!(stepped["action"], held["action"], "what was let through is named");
    assert_eq!(code(seat.try_ask("gate/step", json!({}))), -32011);
    assert_eq!(code(seat.decide(&held, "approve", json!({}))), -32011);
    let prompt = |seat: &mut Seat| seat.try_ask("session/prompt", json!({"text": "and then", "when": "queue"}));
    let refused = (0..1_000).find_map(|_| prompt(&mut seat).err()).expect("the queue has an end");
    assert_eq!(refused["code"], -32001, "{refused}");
}

#[test]
fn one_client_too_many_is_told_so() {
    let room = Room::with(&[("a.txt", "one\n")]);
    let mut seat = waiting(&room, &[]);
    let socket = room.state().join("sessions").join(&seat.session).join("host.sock");
    let attach =
        r#"{"jsonrpc":"2.0","id":1,"method":"session/attach","params":{"protocol":{"min":1,"max":1},"control":false}}"#;
    let mut open = Vec::new();
    let refused = (0..40).find_map(|_| {
        let mut stream = UnixStream::connect(&socket).expect("a connection");
        writeln!(stream, "{attach}").expect("it reads");
        let mut answer = String::new();
        BufReader::new(stream.try_clone().expect("a handle")).read_line(&mut answer).expect("an answer");
        open.push(stream);
        let answer: Value = serde_json::from_str(&answer).expect("JSON");
        answer.get("error").cloned()
    });
    assert_eq!(refused.expect("the house is full at some time")["code"], -32001);
    assert_eq!(seat.ask("gate/mode", json!({"mode": "step"}))["mode"], "step", "the others go on");
}

#[test]
fn a_snapshot_says_what_is_open_and_what_follows_it_is_new() {
    let room = Room::with(&[("a.txt", "one\n")]);
    let mut first = waiting(&room, &[]);
    let held = first.ever("held", |e| e["kind"] == "held");
    let session = first.session.clone();
    let mut second = Seat::over(room.command(&["attach", &session, "--stdio"]));
    let attached = second.ask("session/attach", json!({"protocol": {"min": 1, "max": 1}, "snapshot": true}));
    let snapshot = &attached["snapshot"];
    assert_eq!((&snapshot["seq"], &snapshot["mode"]), (&attached["head"], &json!("guarded")));
    let open = &snapshot["actions"][0];
    assert_eq!((&open["action"]["id"], &open["held"]["digest"]), (&held["action"], &held["digest"]));
    assert_eq!(open["action"]["files"][0]["after"], "two\n");
    // Whoever names a place that is near gets the events from there.
    let near = first.ask("session/attach", json!({"protocol": {"min": 1, "max": 1}, "from": 1, "snapshot": true}));
    assert_eq!(near.get("snapshot"), None);
}

#[test]
fn whoever_asks_nothing_still_gets_the_record() {
    let room = Room::with(&[]);
    let script = room.script(&[json!({"say": "hello"})]);
    let (exit, out) = fed(&room, &["--headless", "--agent", &script], b"");
    let kinds: Vec<_> = out.iter().filter_map(|l| l["params"]["envelope"]["kind"].as_str()).collect();
    assert_eq!((exit, kinds.first()), (0, Some(&"session_opened")));
    assert!(kinds.contains(&"said") && kinds.contains(&"session_ended"), "{kinds:?}");
}

#[test]
fn an_interrupt_leaves_the_question_open_and_says_130() {
    let room = Room::with(&[("a.txt", "one\n")]);
    for (signal, expect) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        let seat = waiting(&room, &[]);
        let session = seat.session.clone();
        kill_process(Pid::from_raw(i32::try_from(seat.pid()).unwrap()).unwrap(), signal).unwrap();
        let (exit, _) = seat.close();
        assert_eq!(exit, expect);
        let mut again = Seat::attach(&room, &session);
        again.held();
        again.ask("session/close", json!({}));
        assert_verifies(&room, &session);
    }
}

#[test]
fn a_script_ends_as_it_says() {
    let room = Room::with(&[]);
    let check = |line: Value, kind: &str, exit: i32| {
        let script = room.script(&[line]);
        let (code, out) = fed(&room, &["--headless", "--agent", &script], b"");
        let found = out.iter().any(|l| l["params"]["envelope"]["kind"] == kind);
        assert_eq!((code, found), (exit, true), "{out:?}");
    };
    check(json!({"exit": 0}), "session_ended", 0);
    check(json!({"exit": 3}), "agent_lost", 1);
    check(json!({"told": "never"}), "session_ended", 1);
}

#[test]
fn a_pipe_that_only_reads_stays_so_whatever_it_asks() {
    let room = Room::with(&[("a.txt", "one\n")]);
    let mut first = waiting(&room, &[]);
    let session = first.session.clone();
    let mut reader = Seat::over(room.command(&["attach", &session, "--stdio", "--read-only"]));
    let attached = reader.ask("session/attach", json!({"protocol": {"min": 1, "max": 1}, "control": true}));
    assert_eq!(attached["control"], false);
    let held = reader.held();
    assert_eq!(code(reader.decide(&held, "approve", json!({}))), -32012);
    reader.send_line("nonsense");
    assert_eq!(code(reader.try_ask("gate/step", json!({}))), -32012, "the next message is heard");
    first.approve(&held);
    assert_eq!(reader.finished(&held["action"])["outcome"], "ok");
}
