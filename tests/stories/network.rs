//! The network of commands at the prompt: a connection that waits, and the network of one command.

use crate::screen::{Hosts, Screen};
use crate::seat::{Room, assert_verifies, only_session};
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

at_every_size!(
    a_connection_is_allowed_once_denied_and_allowed_for_the_session,
    the_network_of_one_command_is_closed_by_a_key,
);

/// Asks the proxy for a page, and directly without one; the first line of the answer becomes a file.
const TOOL: &str = "get() { printf 'GET http://%s/ HTTP/1.1\\r\\nConnection: close\\r\\n\\r\\n' $1 >&3; IFS= read -r -t 60 line <&3; }\n\
                    if [ \"$1\" = direct ]; then exec 3<>/dev/tcp/127.0.0.1/$2; else exec 3<>/dev/tcp/127.0.0.1/61080; fi 2>/dev/null || { echo closed > $3; exit; }\n\
                    get 127.0.0.1:$2; echo \"${line%$'\\r'}\" > $3\n";

/// A server on this machine that answers and counts every request.
fn server() -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let served = Arc::new(AtomicUsize::new(0));
    let count = served.clone();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            // To its end: an answer before it would end a command that still writes.
            let lines = BufReader::new(&stream).lines().map_while(Result::ok);
            lines.take_while(|line| !line.is_empty()).for_each(drop);
            count.fetch_add(1, Ordering::SeqCst);
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello");
        }
    });
    (port, served)
}

fn room(network: &str) -> Option<Room> {
    let room = Room::with(&[("tool.sh", TOOL)]);
    if !room.is_layered() {
        return None;
    }
    let config = room.dir.path().join("config/rightseat");
    std::fs::create_dir_all(&config).unwrap();
    std::fs::write(config.join("config.toml"), format!("[layer]\nnetwork = \"{network}\"\n")).unwrap();
    Some(room)
}

fn runs(lines: &[String]) -> Vec<Value> {
    let run = |line: &String| json!({"run": {"command": line}});
    lines.iter().map(run).collect()
}

fn a_connection_is_allowed_once_denied_and_allowed_for_the_session(size: (u16, u16)) {
    let Some(room) = room("ask") else { return };
    let hosts = Hosts(&room);
    let (port, served) = server();
    let line = |name: &str| format!("bash tool.sh proxy {port} {name}");
    let script = room.script(&runs(&[line("one"), line("two"), line("three"), line("four")]));
    let mut screen = Screen::open(&room, &["--agent", &script], size);
    let asks = format!("connect  127.0.0.1:{port}");
    let is_there = |name: &str| room.exists(name);
    screen.wait_for("proxy");
    screen.approve("the first command asks", |text| text.contains(&asks));
    screen.wait("what it is about", |text| text.contains("asks for it in its layer"));
    screen.approve("the page came", |_| is_there("one"));
    assert_eq!((room.read("one").as_str(), served.load(Ordering::SeqCst)), ("HTTP/1.1 200 OK\n", 1));

    // It was for that command alone.
    screen.wait("the second command", |text| text.contains(" two"));
    screen.approve("the second command asks", |text| text.contains(&asks));
    screen.command("deny");
    screen.wait_for("Deny: why?");
    screen.type_text("not there");
    screen.press("enter");
    screen.wait("it was told", |_| is_there("two"));
    assert_eq!((room.read("two").as_str(), served.load(Ordering::SeqCst)), ("HTTP/1.1 403 Forbidden\n", 1));

    screen.wait("the third command", |text| text.contains(" three"));
    screen.approve("the third command asks", |text| text.contains(&asks));
    screen.command("focus-diff");
    screen.command("bottom");
    screen.command("always");
    screen.wait("the exact rule", |text| text.contains("make a rule") && text.contains("in this session"));
    screen.consent("approve", "the page came", |_| is_there("three"));
    screen.wait("the fourth command", |text| text.contains(" four"));
    screen.approve("it is not asked about", |_| is_there("four"));
    assert_eq!((room.read("four").as_str(), served.load(Ordering::SeqCst)), ("HTTP/1.1 200 OK\n", 3));
    screen.wait_idle();
    screen.quit();
    hosts.wait_for_none();
    assert_verifies(&room, &only_session(&room));
}

fn the_network_of_one_command_is_closed_by_a_key(size: (u16, u16)) {
    let Some(room) = room("on") else { return };
    let hosts = Hosts(&room);
    let (port, served) = server();
    let line = |name: &str| format!("bash tool.sh direct {port} {name}");
    let script = room.script(&runs(&[line("one"), line("two")]));
    let mut screen = Screen::open(&room, &["--agent", &script], size);
    screen.wait_for("direct");
    screen.command("focus-diff");
    screen.press("g N");
    screen.wait("asking", |text| text.contains("ask: hosts that a rule or you allow"));
    screen.press("g N");
    screen.wait("none", |text| text.contains("off: none"));
    screen.approve("it found no network", |_| room.exists("one"));
    assert_eq!((room.read("one").as_str(), served.load(Ordering::SeqCst)), ("closed\n", 0));
    screen.wait("the next command", |text| text.contains(" two"));
    screen.approve("it has the configured network", |_| room.exists("two"));
    assert_eq!((room.read("two").as_str(), served.load(Ordering::SeqCst)), ("HTTP/1.1 200 OK\n", 1));
    screen.wait_idle();
    screen.quit();
    hosts.wait_for_none();
}
