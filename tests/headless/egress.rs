//! The network of commands in layers: which connections ask, what a decision opens, and what is recorded.

use crate::seat::{Room, Seat, assert_verifies, only_session};
use serde_json::{Value, json};
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::mpsc;

/// Asks the proxy for a page of each address among its arguments, one after the other.
const TOOL: &str = "for to in \"$@\"; do exec 3<>/dev/tcp/127.0.0.1/61080 || exit 9\n\
                    printf 'GET http://%s/ HTTP/1.1\\r\\nConnection: close\\r\\n\\r\\n' \"$to\" >&3; cat <&3; exec 3<&-; echo; done\n";

/// A room whose commands ask for the network, with a policy.
fn room(policy: &str) -> Option<Room> {
    let room = Room::with(&[("tool.sh", TOOL), ("direct.sh", "exec 3<>/dev/tcp/127.0.0.1/$1 && echo DIRECT\n")]);
    if !room.is_layered() {
        return None;
    }
    let config = room.dir.path().join("config/rightseat");
    std::fs::create_dir_all(&config).unwrap();
    std::fs::write(config.join("config.toml"), "[layer]\nnetwork = \"ask\"\n").unwrap();
    std::fs::write(config.join("policy.toml"), policy).unwrap();
    Some(room)
}

/// A server on this machine that answers every request, and tells of each.
fn server() -> (u16, mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (tell, heard) = mpsc::channel();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut bytes = [0u8; 4096];
            let count = stream.read(&mut bytes).unwrap_or(0);
            let _ = tell.send(String::from_utf8_lossy(&bytes[..count]).into_owned());
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello");
        }
    });
    (port, heard)
}

fn tool(room: &Room, lines: &[String]) -> Seat {
    let mut all: Vec<Value> = lines.iter().map(|line| json!({"run": {"command": line}})).collect();
    all.push(json!({"wait_ms": 600_000}));
    Seat::start(room, &["--agent", &room.script(&all)])
}

/// The next command that is held, approved.
fn begin(seat: &mut Seat, more: Value) -> Value {
    let held = seat.held();
    assert_eq!(seat.proposal(&held["action"])["kind"], "command");
    seat.decide(&held, "approve", more).unwrap();
    held["action"].clone()
}

/// The next connection that is held, with its address.
fn connection(seat: &mut Seat) -> (Value, String) {
    let held = seat.held();
    let proposal = seat.proposal(&held["action"]);
    assert_eq!(proposal["kind"], "network", "{proposal}");
    (held, proposal["target"].as_str().unwrap().to_owned())
}

fn output(seat: &Seat, action: &Value) -> String {
    let is_its = |e: &&Value| e["kind"] == "output" && e["action"] == *action;
    seat.events.iter().filter(is_its).filter_map(|e| e["tail"].as_str()).collect()
}

#[test]
fn a_host_that_a_rule_names_is_reached_and_recorded() {
    let (port, heard) = server();
    let policy =
        format!("[[rule]]\nid = \"own\"\nruling = \"allow\"\nhosts = [\"localhost:{port}\", \"127.0.0.1\", \"::1\"]\n");
    let Some(room) = room(&policy) else { return };
    let mut seat = tool(&room, &[format!("bash tool.sh localhost:{port} localhost:{port}; bash direct.sh {port}")]);
    let command = begin(&mut seat, json!({}));
    let finished = seat.finished(&command);
    let said = output(&seat, &command);
    assert_eq!(said.matches("hello").count(), 2, "{said} {finished}");
    assert!(!said.contains("DIRECT"), "{said}");
    assert_eq!(heard.try_iter().count(), 2);
    let opened: Vec<&Value> =
        seat.events.iter().filter(|e| e["kind"] == "proposed" && e["action"]["kind"] == "network").collect();
    let decided = |id: &Value| seat.events.iter().find(|e| e["kind"] == "decided" && e["action"] == *id).unwrap();
    assert!((1..=2).contains(&opened.len()), "{opened:?}");
    for action in opened {
        assert_eq!(decided(&action["action"]["id"])["by"], json!({"rule": "user:own"}));
    }
    assert_eq!(seat.count("held"), 1, "nothing else was asked");
    seat.kill();
    assert_verifies(&room, &only_session(&room));
}

#[test]
fn an_unknown_host_waits_for_a_decision_that_covers_the_command() {
    let (port, heard) = server();
    let Some(room) = room("") else { return };
    let line = format!("bash tool.sh 127.0.0.1:{port} 127.0.0.1:{port} other.example:81");
    let mut seat = tool(&room, &[line.clone(), line]);
    let command = begin(&mut seat, json!({}));
    let (held, address) = connection(&mut seat);
    assert_eq!(address, format!("127.0.0.1:{port}"));
    let proposal = seat.proposal(&held["action"]);
    let why = proposal["rationale"]["text"].as_str().unwrap();
    assert!(why.contains(&format!("{} asks for it", command.as_str().unwrap())), "{why}");
    // The command chooses its own command line: it is no sentence of ours.
    let process = &proposal["rationale"]["evidence"][1];
    assert!(!why.contains("bash tool.sh") && process["kind"] == "process", "{proposal}");
    assert!(process["text"].as_str().unwrap().contains("bash tool.sh"), "{process}");
    assert!(heard.try_recv().is_err(), "nothing was sent before the decision");
    let stale = json!({"action": held["action"], "digest": "0".repeat(64), "verdict": "approve"});
    assert!(seat.try_ask("action/decide", stale).is_err(), "consent is to what was shown");
    seat.approve(&held);
    assert_eq!(seat.finished(&held["action"])["outcome"], "ok");
    let (other, address) = connection(&mut seat);
    assert_eq!(address, "other.example:81", "the same address is not asked about again");
    seat.decide(&other, "deny", json!({"reason": "not this one"})).unwrap();
    seat.finished(&command);
    let said = output(&seat, &command);
    assert_eq!(said.matches("hello").count(), 2, "{said}");
    assert!(
        said.contains("403 Forbidden") && said.contains("other.example:81 was denied by the supervisor: not this one"),
        "{said}"
    );
    // Another command asks again, until there is a rule.
    begin(&mut seat, json!({}));
    let (held, address) = connection(&mut seat);
    let rule =
        |hosts: Value| json!({"action": held["action"], "digest": held["digest"], "hosts": hosts, "scope": "session"});
    assert!(seat.try_ask("policy/allow", rule(json!(["*"]))).is_err(), "wider than the address");
    let made = seat.ask("policy/allow", rule(json!([address])));
    assert_eq!(seat.finished(&held["action"])["outcome"], "ok", "{made}");
    let allowed = seat.ever("the rule", |e| e["kind"] == "policy_allowed");
    assert_eq!(allowed["hosts"], json!([address]));
}

#[test]
fn addresses_of_metadata_are_denied_unasked() {
    let Some(room) = room("[[rule]]\nruling = \"allow\"\nhosts = [\"*\"]\n") else { return };
    let mut seat = tool(&room, &["bash tool.sh 169.254.169.254 [fe80::1] [::ffff:169.254.169.254]".to_owned()]);
    let command = begin(&mut seat, json!({}));
    seat.finished(&command);
    let said = output(&seat, &command);
    assert_eq!(said.matches("403 Forbidden").count(), 3, "{said}");
    assert_eq!(said.matches("denied by the rule network").count(), 3, "{said}");
    assert_eq!(seat.count("held"), 1);
}

/// The end of a command, and a stop, end its questions.
#[test]
fn what_nobody_waits_for_any_more_lapses() {
    let (port, heard) = server();
    let Some(room) = room("") else { return };
    let waiting = format!("bash tool.sh 127.0.0.1:{port}");
    let mut seat = tool(&room, &[format!("timeout 2 {waiting}"), waiting]);
    begin(&mut seat, json!({}));
    let (held, _) = connection(&mut seat);
    let lapsed = seat.ever("its end", |e| e["kind"] == "lapsed" && e["action"] == held["action"]);
    assert!(lapsed["detail"].as_str().unwrap().ends_with("has ended"), "{lapsed}");
    assert!(seat.decide(&held, "approve", json!({})).is_err());
    let command = begin(&mut seat, json!({}));
    let (held, _) = connection(&mut seat);
    let census = seat.ask("gate/stop", json!({}));
    assert_eq!(census["survivors"], json!([]), "{census}");
    for action in [&command, &held["action"]] {
        assert_eq!(seat.ever("lapsed", |e| e["kind"] == "lapsed" && e["action"] == *action)["why"], "killed");
    }
    assert!(heard.try_recv().is_err(), "nothing was sent");
}

/// One command gets another network by the decision about it, which is recorded.
#[test]
fn a_decision_gives_one_command_its_network() {
    let (port, _heard) = server();
    let Some(room) = room("") else { return };
    let line = format!("bash direct.sh {port}; bash tool.sh 127.0.0.1:{port}; true");
    let mut seat = tool(&room, &[line.clone(), line.clone(), line]);
    for (network, direct, proxied) in [("on", true, false), ("off", false, false)] {
        let command = begin(&mut seat, json!({"network": network}));
        let finished = seat.finished(&command);
        assert_eq!(finished["apart"], true);
        let said = output(&seat, &command);
        assert_eq!((said.contains("DIRECT"), said.contains("HTTP/1.1")), (direct, proxied), "{network}: {said}");
        let decided = seat.ever("decided", |e| e["kind"] == "decided" && e["action"] == command);
        assert_eq!(decided["network"], network);
    }
    let command = begin(&mut seat, json!({}));
    let (held, _) = connection(&mut seat);
    assert!(seat.decide(&held, "approve", json!({"network": "on"})).is_err(), "it is no command");
    seat.decide(&held, "deny", json!({})).unwrap();
    seat.finished(&command);
}

/// Without a layer nothing can be closed: a command whose network the supervisor closed is not run.
#[test]
fn a_closed_network_is_never_open_for_want_of_a_layer() {
    let mut room = Room::with(&[("a.txt", "one\n"), (".gitignore", ".state\n")]);
    room.keep_state_in(room.workspace().join(".state"));
    let mut seat = tool(&room, &["echo one > made.txt".to_owned()]);
    let command = begin(&mut seat, json!({"network": "off"}));
    let finished = seat.finished(&command);
    assert_eq!(finished["outcome"], "failed");
    assert!(
        finished["detail"].as_str().unwrap().contains("its network cannot be closed without a layer"),
        "{finished}"
    );
    assert!(!room.exists("made.txt"));
}

/// The same for a network that the configuration or the session closed, until the supervisor opens it.
#[test]
fn a_configured_network_is_never_open_for_want_of_a_layer() {
    for commands in ["never", "writes"] {
        let mut room = Room::with(&[("a.txt", "one\n"), (".gitignore", ".state\n")]);
        room.keep_state_in(room.workspace().join(".state"));
        let config = room.dir.path().join("config/rightseat");
        std::fs::create_dir_all(&config).unwrap();
        let text = format!("[layer]\nnetwork = \"ask\"\ncommands = \"{commands}\"\n");
        std::fs::write(config.join("config.toml"), text).unwrap();
        let lines = ["closed", "by-decision", "by-session", "off"].map(|name| format!("echo one > {name}.txt"));
        let mut seat = tool(&room, &lines);
        for (network, session, name) in [
            (json!({}), None, "closed"),
            (json!({"network": "on"}), None, "by-decision"),
            (json!({}), Some("on"), "by-session"),
            (json!({}), Some("off"), "off"),
        ] {
            if let Some(session) = session {
                assert_eq!(seat.ask("session/network", json!({"network": session}))["network"], session);
            }
            let command = begin(&mut seat, network);
            let finished = seat.finished(&command);
            let is_run = name.starts_with("by-");
            assert_eq!(
                (finished["outcome"] == "ok", room.exists(&format!("{name}.txt"))),
                (is_run, is_run),
                "{finished}"
            );
            if !is_run {
                let detail = finished["detail"].as_str().unwrap();
                assert!(detail.contains("its network cannot be closed without a layer"), "{detail}");
            }
        }
    }
}

/// A session has another network than the configured until that is said to count again.
#[test]
fn a_session_has_the_network_that_it_was_given() {
    let (port, _heard) = server();
    let Some(room) = room("") else { return };
    let line = format!("bash direct.sh {port}; bash tool.sh; true");
    let mut seat = tool(&room, &[line.clone(), line.clone(), line]);
    for (network, is_open) in [(json!("on"), true), (json!("off"), false), (Value::Null, false)] {
        assert_eq!(seat.ask("session/network", json!({"network": network}))["network"], network);
        let command = begin(&mut seat, json!({}));
        assert_eq!(seat.finished(&command)["apart"], true);
        assert_eq!(output(&seat, &command).contains("DIRECT"), is_open, "{network}");
    }
    assert_eq!(seat.count("network_changed"), 3);
}

/// Nothing is configured here. The same command works where its network is open.
#[test]
fn a_command_that_fails_says_that_its_network_was_closed() {
    let (port, _heard) = server();
    let mut room = Room::with(&[("direct.sh", "exec 3<>/dev/tcp/127.0.0.1/$1 && echo DIRECT\n")]);
    if !room.is_layered() {
        return;
    }
    let line = format!("bash direct.sh {port}");
    let mut seat = tool(&room, &[line.clone(), line.clone()]);
    let command = begin(&mut seat, json!({}));
    let finished = seat.finished(&command);
    assert_eq!((&finished["layer"]["network"], finished["exit"] == 0), (&json!("ask"), false));
    let detail = finished["detail"].as_str().unwrap();
    assert!(detail.contains("its network was closed (ask:"), "{detail}");
    let (_, shown, _) = room.run(&["show", &seat.session, command.as_str().unwrap()]);
    assert!(shown.contains("its network was closed (ask:"), "{shown}");
    let command = begin(&mut seat, json!({"network": "on"}));
    let finished = seat.finished(&command);
    assert_eq!((&finished["layer"]["network"], &finished["exit"]), (&Value::Null, &json!(0)), "{finished}");
    drop(seat);
    // Where no layer can be made, the default stops nothing.
    std::fs::write(room.workspace().join(".gitignore"), ".state\n").unwrap();
    room.keep_state_in(room.workspace().join(".state"));
    let mut seat = tool(&room, &[line]);
    let command = begin(&mut seat, json!({}));
    let finished = seat.finished(&command);
    assert_eq!((&finished["apart"], &finished["exit"]), (&Value::Null, &json!(0)), "{finished}");
}
