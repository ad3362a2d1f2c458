//! Keys that commands use without having them: where a key goes, and where it never is.

use crate::seat::{Room, Seat, assert_verifies, only_session};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::{Arc, mpsc};

const KEY: &str = "sk-the-real-key-0123456789";

/// Sends a request to the proxy, one line an argument, and shows the whole answer. `$at` is the path of the host there.
const TOOL: &str = "req() { exec 3<>/dev/tcp/127.0.0.1/61080 || exit 9\n\
                    printf '%s\\r\\n' \"$@\" 'Connection: close' '' >&3; cat <&3; exec 3<&-; echo; }\n\
                    at=${EXAMPLE_BASE_URL#http://127.0.0.1:61080}\nkey=\"Authorization: Bearer $EXAMPLE_TOKEN\"\n";

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/tls").join(name)
}

/// A server that tells of each request. It repeats the request in its answer, and leads `/away` to this port.
fn server(encrypted: bool, away: u16) -> (u16, mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let certificate = CertificateDer::from_pem_file(fixture("server.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_file(fixture("server.key")).unwrap();
    let config = Arc::new(config.with_no_client_auth().with_single_cert(vec![certificate], key).unwrap());
    let (tell, heard) = mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            if encrypted {
                let connection = ServerConnection::new(config.clone()).unwrap();
                answer(&mut StreamOwned::new(connection, stream), &tell, away);
            } else {
                answer(&mut { stream }, &tell, away);
            }
        }
    });
    (port, heard)
}

fn answer(stream: &mut (impl Read + Write), tell: &mpsc::Sender<String>, away: u16) {
    let (mut said, mut bytes) = (String::new(), [0u8; 4096]);
    let is_whole = |said: &str| {
        let (head, body) = said.split_once("\r\n\r\n")?;
        if head.contains("transfer-encoding: chunked") {
            return body.ends_with("0\r\n\r\n").then_some(());
        }
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        (body.len() >= length.map_or(0, |length| length.parse().unwrap())).then_some(())
    };
    while is_whole(&said).is_none() {
        match stream.read(&mut bytes) {
            Ok(count) if count > 0 => said.push_str(&String::from_utf8_lossy(&bytes[..count])),
            // Nothing was asked: a handshake that failed.
            Ok(_) | Err(_) => return,
        }
    }
    let to = said.starts_with("GET /v1/away");
    let status = if to { format!("302 Found\r\nlocation: http://127.0.0.1:{away}/") } else { "200 OK".to_owned() };
    let _ = tell.send(said.clone());
    // In two parts, so that what it repeats comes in pieces.
    let (first, second) = said.split_at(said.find("sk-the").map_or(said.len() / 2, |at| at + 9));
    let head = format!("HTTP/1.1 {status}\r\nx-repeated: {KEY}\r\ncontent-length: {}\r\n\r\n", said.len());
    for part in [head.as_str(), first, second] {
        let _ = stream.write_all(part.as_bytes()).and_then(|()| stream.flush());
    }
}

/// A room whose commands have a placeholder for a key of `localhost` at this port.
fn room(port: u16, policy: &str, script: &str) -> Option<Room> {
    let room = Room::with(&[("tool.sh", &format!("{TOOL}{script}"))]);
    if !room.is_layered() {
        return None;
    }
    let config = room.dir.path().join("config/rightseat");
    std::fs::create_dir_all(&config).unwrap();
    let text = format!(
        "[env]\npass = [\"EXAMPLE_TOKEN\"]\n[layer]\nnetwork = \"ask\"\n[broker.\"localhost:{port}\"]\nenv = \"EXAMPLE_TOKEN\"\n\
         base_url_env = \"EXAMPLE_BASE_URL\"\npath = \"/v1\"\n"
    );
    std::fs::write(config.join("config.toml"), text).unwrap();
    std::fs::write(config.join("policy.toml"), policy).unwrap();
    Some(room)
}

/// A session that runs the tool so often, in a host that has the key and trusts these authorities.
fn seat(room: &Room, runs: usize, authorities: &str) -> Seat {
    let mut all = vec![json!({"run": {"command": "bash tool.sh"}}); runs];
    all.push(json!({"wait_ms": 600_000}));
    let mut command = room.command(&["--headless", "--agent", &room.script(&all)]);
    command.env("EXAMPLE_TOKEN", KEY).env("SSL_CERT_FILE", fixture(authorities)).env("RIGHTSEAT_LOG", "trace");
    Seat::start_by(command)
}

/// The next command, approved, with its end and its output.
fn ran(seat: &mut Seat, more: Value) -> String {
    let held = seat.held();
    seat.decide(&held, "approve", more).unwrap();
    seat.finished(&held["action"]);
    let is_its = |e: &&Value| e["kind"] == "output" && e["action"] == held["action"];
    seat.events.iter().filter(is_its).filter_map(|e| e["tail"].as_str()).collect()
}

/// Every file below a directory that has these bytes.
fn having(dir: &Path, bytes: &[u8], found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).unwrap().flatten() {
        match entry.file_type().unwrap() {
            kind if kind.is_dir() => having(&entry.path(), bytes, found),
            kind if kind.is_file() => {
                let text = std::fs::read(entry.path()).unwrap_or_default();
                if text.windows(bytes.len()).any(|window| window == bytes) {
                    found.push(entry.path());
                }
            }
            _ => {}
        }
    }
}

#[test]
fn a_key_reaches_its_own_host_and_nothing_else() {
    let (plain, heard_plain) = server(false, 0);
    let (port, heard) = server(true, plain);
    let policy = format!(
        "[[rule]]\nruling = \"allow\"\nhosts = [\"localhost:{port}\", \"127.0.0.1\", \"127.0.0.1:{plain}\", \"::1\"]\n"
    );
    let script = format!(
        "env | grep ^EXAMPLE; cat /proc/*/environ 2>/dev/null; echo \"[$EXAMPLE_TOKEN]\"\n\
         req \"GET $at/a?b=c HTTP/1.1\" \"$key\" 'X-Other: rightseat-placeholder-EXAMPLE_TOKEN'\n\
         req \"GET $at/away HTTP/1.1\" \"$key\" | grep -a -i -e ^HTTP -e ^location\n\
         req 'GET http://127.0.0.1:{plain}/ HTTP/1.1' \"$key\" >/dev/null\n\
         req \"POST $at/form HTTP/1.1\" \"Authorization: Basic $(printf 'me:%s' \"$EXAMPLE_TOKEN\" | base64 -w0)\" \
             'Transfer-Encoding: chunked' '' 5 hello 0 '' >/dev/null; true\n"
    );
    let Some(room) = room(port, &policy, &script) else { return };
    let mut seat = seat(&room, 2, "ca.pem");
    let said = ran(&mut seat, json!({}));
    assert!(said.contains("EXAMPLE_TOKEN=rightseat-placeholder-EXAMPLE_TOKEN\n"), "{said}");
    assert!(said.contains(&format!("EXAMPLE_BASE_URL=http://127.0.0.1:61080/localhost:{port}/v1\n")), "{said}");
    let heard: Vec<String> = heard.try_iter().collect();
    assert_eq!(heard.len(), 3, "{heard:?} {said}");
    let first = heard[0].to_lowercase();
    assert!(first.starts_with("get /v1/a?b=c http/1.1\r\n"), "{first}");
    for line in [
        format!("authorization: bearer {KEY}"),
        format!("host: localhost:{port}"),
        "x-other: rightseat-placeholder-example_token".to_owned(),
        "accept-encoding: identity".to_owned(),
    ] {
        assert!(first.contains(&format!("{line}\r\n")), "{line}: {first}");
    }
    assert!(
        heard[2].contains("Basic bWU6c2stdGhlLXJlYWwta2V5LTAxMjM0NTY3ODk=") && heard[2].contains("hello"),
        "{heard:?}"
    );
    // The host repeats the key, and the command sees none of it.
    assert!(said.contains(&format!("x-repeated: {}", "*".repeat(KEY.len()))), "{said}");
    assert!(said.to_lowercase().contains(&format!("authorization: bearer {}", "*".repeat(KEY.len()))), "{said}");
    // A redirect is the command's own to follow: that host receives the placeholder.
    assert!(
        said.contains("HTTP/1.1 302 Found") && said.contains(&format!("location: http://127.0.0.1:{plain}/")),
        "{said}"
    );
    let other: String = heard_plain.try_iter().collect();
    assert!(other.contains("Bearer rightseat-placeholder-EXAMPLE_TOKEN") && !other.contains(KEY), "{other}");
    // Without the proxy there is neither.
    assert!(ran(&mut seat, json!({"network": "on"})).contains("[]\n"));
    assert!(!seat.events.iter().any(|event| event.to_string().contains("sk-the")));
    seat.kill();
    assert_verifies(&room, &only_session(&room));
    let mut found = Vec::new();
    having(room.dir.path(), b"sk-the", &mut found);
    assert_eq!(found, Vec::<PathBuf>::new());
}

#[test]
fn a_host_of_the_broker_is_asked_about_like_any_other() {
    let (port, heard) = server(true, 0);
    let Some(room) = room(port, "", "req \"GET $at/ HTTP/1.1\" \"$key\"\n") else { return };
    let mut seat = seat(&room, 1, "ca.pem");
    let held = seat.held();
    seat.approve(&held);
    let connection = seat.held();
    assert_eq!(seat.proposal(&connection["action"])["target"], format!("localhost:{port}"));
    seat.decide(&connection, "deny", json!({"reason": "not now"})).unwrap();
    seat.finished(&held["action"]);
    let said = seat.events.iter().filter_map(|e| e["tail"].as_str()).collect::<String>();
    assert!(said.contains("403 Forbidden") && said.contains("was denied by the supervisor: not now"), "{said}");
    assert!(heard.try_recv().is_err(), "nothing was sent");
}

#[test]
fn a_host_that_cannot_prove_its_name_receives_no_key() {
    let (port, heard) = server(true, 0);
    let policy = format!("[[rule]]\nruling = \"allow\"\nhosts = [\"localhost:{port}\", \"127.0.0.1\", \"::1\"]\n");
    let Some(room) = room(port, &policy, "req \"GET $at/ HTTP/1.1\" \"$key\"; req 'GET /other/ HTTP/1.1'\n") else {
        return;
    };
    // Its own certificate is no authority.
    let mut seat = seat(&room, 1, "server.pem");
    let said = ran(&mut seat, json!({}));
    assert!(said.contains("502 Bad Gateway") && said.contains("there is no encrypted connection"), "{said}");
    assert!(said.contains("400 Bad Request"), "{said}");
    assert!(heard.try_recv().is_err(), "nothing was sent");
}
