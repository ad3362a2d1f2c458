//! The network of an agent in a layer: its own endpoints are reached by itself without a question, everything else is a
//! question or is refused.

use crate::everybody::as_everybody;
use crate::seat::{Room, Seat, assert_verifies};
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;

/// An agent in words of bash. In its turn it asks, by itself: OWN directly; then, by a command in a session of its own, and
/// by another script in its session, the same; then, by the proxy, OTHER and an address of metadata.
const AGENT: &str = r#"
trap '' PIPE
say() { printf '{"jsonrpc":"2.0","method":"session/update","params":{"sessionId":"s1","update":{"sessionUpdate":"agent_message_chunk","content":{"type":"text","text":"%s"}}}}\n' "$1"; }
answer() { printf '{"jsonrpc":"2.0","id":%s,"result":%s}\n' "$1" "$2"; }
first() { IFS= read -r -t 60 line <&3; echo "$1=${line%$'\r'};"; exec 3<&-; }
straight() { exec 3<>/dev/tcp/127.0.0.1/OWN; printf 'GET / HTTP/1.1\r\n\r\n' >&3; first "$1"; }
proxied() { exec 3<>/dev/tcp/127.0.0.1/61080; printf 'GET http://%s/ HTTP/1.1\r\nConnection: close\r\n\r\n' "$2" >&3; first "$1"; }
if [ "$1" = command ]; then straight command; exit; fi
while IFS= read -r message; do
  id=${message##*'"id":'}; id=${id%%[,\}]*}
  case "$message" in
    *'"method":"initialize"'*) answer "$id" '{"protocolVersion":1,"agentCapabilities":{}}' ;;
    *'"method":"session/new"'*) answer "$id" '{"sessionId":"s1"}' ;;
    *'"method":"session/prompt"'*)
      say "$(straight own)"
      say "$(setsid bash "$0" command)"
      say "$(bash other.sh command)"
      say "$(proxied other 127.0.0.1:OTHER)"
      say "$(proxied meta 169.254.169.254)"
      (exec 3<>/dev/tcp/127.0.0.1/OTHER) 2>/dev/null && say "open=yes;" || say "open=no;"
      answer "$id" '{"stopReason":"end_turn"}' ;;
  esac
done
"#;

/// A server on this machine that answers every request.
fn server() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            // To its end: an answer before it would end an agent that still writes.
            let lines = BufReader::new(&stream).lines().map_while(Result::ok);
            lines.take_while(|line| !line.is_empty()).for_each(drop);
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello");
        }
    });
    port
}

/// A session whose agent is in a layer with this network, and the ports of its own endpoint and of another one.
fn start(network: &str) -> Option<(Room, Seat, u16, u16)> {
    let (own, other) = (server(), server());
    let agent = AGENT.replace("OWN", &own.to_string()).replace("OTHER", &other.to_string());
    let room = Room::with(&[("agent.sh", &agent), ("other.sh", &agent)]);
    if !room.is_layered() {
        return None;
    }
    let config = room.dir.path().join("config/rightseat");
    std::fs::create_dir_all(&config).unwrap();
    std::fs::write(config.join("config.toml"), format!("[layer]\nagent_network = \"{network}\"\n")).unwrap();
    let entry = format!(
        "[[agent]]\nname = \"net\"\ncommand = [\"bash\", \"agent.sh\"]\nenv = {{ MODEL_BASE_URL = \"http://localhost:{own}/v1\" }}\n"
    );
    std::fs::write(config.join("agents.toml"), entry).unwrap();
    let seat = Seat::start(&room, &["--agent", "net", "--isolation", "overlay", "go"]);
    Some((room, seat, own, other))
}

fn said(seat: &Seat) -> String {
    let words = seat.events.iter().filter(|e| e["kind"] == "said" && e["by"] == "agent");
    words.filter_map(|e| e["text"].as_str()).collect()
}

/// The next connection that is held, with its address and the reason.
fn connection(seat: &mut Seat) -> (Value, String, String) {
    let held = seat.held();
    let proposal = seat.proposal(&held["action"]);
    assert_eq!(proposal["kind"], "network", "{proposal}");
    let why = proposal["rationale"]["text"].as_str().unwrap().to_owned();
    (held, proposal["target"].as_str().unwrap().to_owned(), why)
}

#[test]
fn an_agent_reaches_its_own_endpoints_and_everything_else_is_a_question() {
    as_everybody("agent_network::an_agent_reaches_its_own_endpoints_and_everything_else_is_a_question", || {
        let Some((room, mut seat, own, other)) = start("ask") else { return };
        let note = seat.wait("the note", |e| e["kind"] == "agent_noted" && e["what"] == "network");
        assert!(note["text"].as_str().unwrap().contains(&format!("it reaches localhost:{own}; other hosts")), "{note}");
        // What it does itself was not asked; its command is.
        let (held, to, why) = connection(&mut seat);
        assert_eq!(to, format!("localhost:{own}"));
        assert!(why.starts_with("the agent asks for it in its layer; approving covers this address until"), "{why}");
        let evidence = seat.proposal(&held["action"])["rationale"]["evidence"].to_string();
        assert!(evidence.contains("agent.sh command"), "{evidence}");
        // The word holds for its other commands, and not for the agent.
        seat.decide(&held, "deny", json!({"reason": "not a command"})).unwrap();
        let (held, to, _) = connection(&mut seat);
        assert_eq!(to, format!("127.0.0.1:{other}"));
        seat.approve(&held);
        seat.finished(&held["action"]);
        let meta = seat
            .wait("the denial", |e| e["kind"] == "decided" && e["verdict"] == "deny" && e["by"]["rule"] != json!(null));
        assert_eq!(seat.proposal(&meta["action"])["target"], "169.254.169.254:80");
        seat.wait_kind("turn_ended");
        let said = said(&seat);
        let ok = "HTTP/1.1 200 OK";
        assert_eq!(said, format!("own={ok};command=;command=;other={ok};meta=HTTP/1.1 403 Forbidden;open=no;"));
        let session = seat.session.clone();
        drop(seat);
        assert_verifies(&room, &session);
    });
}

#[test]
fn an_agent_whose_network_is_off_reaches_its_own_endpoints_alone() {
    as_everybody("agent_network::an_agent_whose_network_is_off_reaches_its_own_endpoints_alone", || {
        let Some((_room, mut seat, ..)) = start("off") else { return };
        seat.wait_kind("turn_ended");
        assert_eq!(seat.count("held"), 0);
        let no = "HTTP/1.1 403 Forbidden";
        assert_eq!(said(&seat), format!("own=HTTP/1.1 200 OK;command=;command=;other={no};meta={no};open=no;"));
    });
}

#[test]
fn an_agent_whose_network_is_on_has_that_of_this_machine() {
    as_everybody("agent_network::an_agent_whose_network_is_on_has_that_of_this_machine", || {
        let Some((_room, mut seat, ..)) = start("on") else { return };
        seat.wait_kind("turn_ended");
        assert_eq!(seat.count("held"), 0);
        let said = said(&seat);
        assert!(said.contains("own=HTTP/1.1 200 OK;command=HTTP/1.1 200 OK;") && said.ends_with("open=yes;"), "{said}");
    });
}
