//! Spans of a session at a collector, in a build with the feature.

use crate::seat::{Room, Seat};
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::sync::mpsc;
use std::time::Duration;

/// A collector on this machine, which passes on what it is sent.
fn collector() -> (u16, mpsc::Receiver<(String, Value)>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (tell, heard) = mpsc::channel();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            loop {
                let (mut first, mut length) = (String::new(), 0);
                if reader.read_line(&mut first).unwrap_or(0) == 0 {
                    break;
                }
                loop {
                    let mut line = String::new();
                    reader.read_line(&mut line).unwrap();
                    if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                        length = value.trim().parse().unwrap();
                    }
                    if line.trim().is_empty() {
                        break;
                    }
                }
                let mut body = vec![0u8; length];
                reader.read_exact(&mut body).unwrap();
                tell.send((first.trim().to_owned(), serde_json::from_slice(&body).unwrap())).unwrap();
                stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}").unwrap();
            }
        }
    });
    (port, heard)
}

#[test]
fn spans_of_the_session_its_actions_and_decisions_reach_the_collector() {
    let (port, heard) = collector();
    let room = Room::with(&[("a.txt", "one\n")]);
    let config = room.dir.path().join("config/rightseat");
    std::fs::create_dir_all(&config).unwrap();
    let endpoint = format!("[otlp]\nendpoint = \"http://127.0.0.1:{port}/v1/traces\"\n");
    std::fs::write(config.join("config.toml"), endpoint).unwrap();
    let script = room.script(&[json!({"edit": {"path": "a.txt", "after": "SECRET\n", "why": "SECRET"}})]);
    let mut seat = Seat::start(&room, &["--agent", &script]);
    let held = seat.held();
    seat.approve(&held);
    seat.wait_kind("session_ended");
    seat.close();
    let mut spans: Vec<Value> = Vec::new();
    while !spans.iter().any(|span| span["name"] == "session") {
        let (first, body) = heard.recv_timeout(Duration::from_secs(20)).expect("the spans come");
        assert_eq!(first, "POST /v1/traces HTTP/1.1");
        assert!(!body.to_string().contains("SECRET"), "{body}");
        let resource = &body["resourceSpans"][0];
        assert_eq!(resource["resource"]["attributes"][0]["value"]["stringValue"], "rightseat");
        spans.extend(resource["scopeSpans"][0]["spans"].as_array().unwrap().iter().cloned());
    }
    let find =
        |name: &str| spans.iter().find(|span| span["name"] == name).unwrap_or_else(|| panic!("{name}: {spans:?}"));
    let (decision, action, session) = (find("decision"), find("action"), find("session"));
    assert_eq!((&decision["parentSpanId"], &action["parentSpanId"]), (&action["spanId"], &session["spanId"]));
    let has = |span: &Value, key: &str, value: &str| {
        let all = span["attributes"].as_array().unwrap();
        assert!(all.contains(&json!({"key": key, "value": {"stringValue": value}})), "{key}={value}: {span}");
    };
    has(decision, "rightseat.decider", "user");
    has(action, "rightseat.kind", "edit");
    has(action, "rightseat.outcome", "done");
    let time = |span: &Value, key: &str| span[key].as_str().unwrap().parse::<u64>().unwrap();
    assert!(time(action, "startTimeUnixNano") <= time(decision, "startTimeUnixNano"));
    assert!(time(decision, "endTimeUnixNano") <= time(action, "endTimeUnixNano"));
}

/// Nobody answers, and the session goes on as if nobody were asked.
#[test]
fn a_collector_that_does_not_answer_delays_nothing() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let room = Room::with(&[("a.txt", "one\n")]);
    let config = room.dir.path().join("config/rightseat");
    std::fs::create_dir_all(&config).unwrap();
    let endpoint = format!("[otlp]\nendpoint = \"http://{}/v1/traces\"\n", silent.local_addr().unwrap());
    std::fs::write(config.join("config.toml"), endpoint).unwrap();
    let edits = (0..20).map(|number| json!({"edit": {"path": format!("{number}.txt"), "after": "x\n"}}));
    let mut seat = Seat::start(&room, &["--agent", &room.script(&edits.collect::<Vec<_>>())]);
    let began = std::time::Instant::now();
    for _ in 0..20 {
        let held = seat.held();
        seat.approve(&held);
    }
    seat.wait_kind("session_ended");
    assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());
    assert!((0..20).all(|number| room.exists(&format!("{number}.txt"))));
}
